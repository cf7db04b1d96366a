//! Write, send, apply, advance.

use std::collections::VecDeque;

use raft_core::SyncWrites;
use raft_core::proto::Message;

use super::{Face, Ours};

impl Face for SyncWrites {
    type Disk = ();

    fn has_work(member: &Ours<Self>) -> bool {
        member.node.has_ready()
    }

    fn work(member: &mut Ours<Self>, out: &mut VecDeque<Message>) {
        let mut ready = member.node.ready().expect("the last one was advanced");
        member.answered_reads += ready.read_states().len() as u64;
        ready.take_messages().for_each(|message| out.push_back(message));
        let log = member.node.storage_mut().log_mut();
        log.append(ready.entries()).expect("entries follow the log");
        if let Some(hard_state) = ready.hard_state() {
            log.set_hard_state(*hard_state);
        }
        let mut done = ready.persisted();
        done.take_messages().for_each(|message| out.push_back(message));
        member.apply(&done.take_committed_entries());
        member.node.advance(done).expect("its own batch");
    }
}
