//! Groups of this library's nodes.

mod async_writes;
mod storage;
mod sync_writes;

use std::collections::VecDeque;

use raft_core::proto::{
    ConfChange, ConfChangeRequest, ConfChangeType, ConfState, Entries, Entry, EntryType, HardState,
    Message, payloads_size,
};
use raft_core::{AsyncWrites, Config, Node, SlogObserver, StateRole, SyncWrites, WriteMode};

pub use self::storage::Kept;
use crate::{Applied, Change, Limits, Member, Membership, Payloads};

/// A node that writes before it goes on.
pub type OursSync = Ours<SyncWrites>;

/// A node that goes on while it writes.
pub type OursAsync = Ours<AsyncWrites>;

/// A node of this library.
#[derive(Debug)]
pub struct Ours<W: Face> {
    node: Node<Kept, SlogObserver, W>,
    /// What is being written.
    disk: W::Disk,
    applied: Applied,
    answered_reads: u64,
}

/// One of the node's two faces.
pub trait Face: WriteMode {
    /// What has been handed out and is not done yet.
    type Disk: Default;

    /// Whether anything is to be done.
    fn has_work(member: &Ours<Self>) -> bool;

    /// Does some of it.
    fn work(member: &mut Ours<Self>, out: &mut VecDeque<Message>);
}

impl<W: Face> Ours<W> {
    fn apply(&mut self, entries: &Entries) {
        for entry in entries {
            if entry.kind() == Ok(EntryType::Normal) {
                self.applied.apply(&entry.data);
            } else if let Ok(Some(change)) = ConfChangeRequest::from_entry(entry) {
                self.node.apply_conf_change(&change.as_v2()).expect("a change that can be made");
            }
        }
    }
}

impl<W: Face> Member for Ours<W> {
    type Message = Message;
    type Storage = Kept;

    fn storage(membership: &Membership) -> Kept {
        Kept::new(ConfState {
            voters: membership.voters.clone(),
            voters_outgoing: membership.outgoing.clone(),
            ..ConfState::default()
        })
    }

    fn fill(storage: &mut Kept, payloads: &mut Payloads, batches: usize, batch: usize) {
        let mut index = 0;
        for _ in 0..batches {
            let entry = |payload| {
                index += 1;
                Entry::new(1, index, payload)
            };
            let entries: Entries = payloads.take(batch).map(entry).collect();
            storage.log_mut().append(&entries).expect("entries follow the log");
        }
        storage.log_mut().set_hard_state(HardState { term: 1, vote: 1, commit: index });
    }

    fn start(id: u64, storage: Kept, limits: Limits) -> Self {
        let config = Config {
            max_size_per_msg: limits.max_size_per_msg,
            max_inflight_msgs: limits.max_inflight_msgs,
            max_committed_size_per_ready: u64::MAX,
            // The largest batch that is measured has 16 MiB.
            recent_entries_bytes: 32 << 20,
            applied: storage.log().hard_state().commit,
            ..Config::new(id)
        };
        let node = Node::with_observer(config, storage, SlogObserver::discard());
        Self {
            node: node.expect("a valid node"),
            disk: W::Disk::default(),
            applied: Applied::default(),
            answered_reads: 0,
        }
    }

    fn has_work(&self) -> bool {
        W::has_work(self)
    }

    fn work(&mut self, out: &mut VecDeque<Message>) {
        W::work(self, out);
    }

    fn step(&mut self, message: Message) {
        self.node.step(message).expect("an honest message");
    }

    fn receiver(message: &Message) -> u64 {
        message.to
    }

    fn payload_bytes(message: &Message) -> u64 {
        payloads_size(&message.entries)
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.node.propose(payload).expect("the leader takes proposals");
    }

    fn propose_together(&mut self, payloads: impl Iterator<Item = Vec<u8>>) {
        self.node.propose_batch(payloads.map(Into::into)).expect("the leader takes proposals");
    }

    fn propose_change(&mut self, change: Change) {
        let change = match change {
            Change::AddLearner(id) => ConfChange::new(ConfChangeType::AddLearnerNode, id),
            Change::Remove(id) => ConfChange::new(ConfChangeType::RemoveNode, id),
        };
        self.node.propose_conf_change(change).expect("the leader takes changes");
    }

    fn learners(&self) -> usize {
        let mut learners = 0;
        self.node.with_progress(|_, _, progress| learners += usize::from(progress.is_learner));
        learners
    }

    fn campaign(&mut self) {
        self.node.campaign().expect("may campaign");
    }

    fn leads(&self) -> bool {
        self.node.basic_status().soft_state.role == StateRole::Leader
    }

    fn read(&mut self, context: Vec<u8>) {
        self.node.read_index(context).expect("the storage does not fail");
    }

    fn answered_reads(&self) -> u64 {
        self.answered_reads
    }

    fn applied(&self) -> Applied {
        self.applied
    }

    fn compact(&mut self) {
        let applied = self.node.basic_status().applied;
        // Nothing to forget is fine.
        self.node.storage_mut().log_mut().compact(applied).ok();
    }

    fn storage_calls(&self) -> u64 {
        self.node.storage().calls()
    }
}
