//! The storage threads' work, done in turn with the node's.

use std::collections::VecDeque;

use raft_core::AsyncWrites;
use raft_core::proto::{HardState, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message};

use super::{Face, Ours};

impl Face for AsyncWrites {
    /// Messages to the storage threads.
    type Disk = VecDeque<Message>;

    fn has_work(member: &Ours<Self>) -> bool {
        member.node.has_ready() || !member.disk.is_empty()
    }

    fn work(member: &mut Ours<Self>, out: &mut VecDeque<Message>) {
        if !member.node.has_ready() {
            // The node has nothing more to do before it hears of its writes.
            while let Some(message) = member.disk.pop_front() {
                finish(member, message, out);
            }
            return;
        }
        let mut ready = member.node.ready().expect("the storage does not fail");
        member.answered_reads += ready.read_states().len() as u64;
        for message in ready.take_messages() {
            match message.to {
                LOCAL_APPEND_THREAD | LOCAL_APPLY_THREAD => member.disk.push_back(message),
                _ => out.push_back(message),
            }
        }
    }
}

/// Writes or applies what the message asks for, and delivers its responses.
fn finish(member: &mut Ours<AsyncWrites>, message: Message, out: &mut VecDeque<Message>) {
    if message.to == LOCAL_APPLY_THREAD {
        member.apply(&message.entries);
    } else {
        let log = member.node.storage_mut().log_mut();
        log.append(&message.entries).expect("entries follow the log");
        let Message { term, vote, commit, .. } = message;
        if term != 0 {
            log.set_hard_state(HardState { term, vote, commit });
        }
    }
    let id = member.node.id();
    for response in message.responses {
        match response.to == id {
            true => member.node.step(response).expect("the node's own answer"),
            false => out.push_back(response),
        }
    }
}
