//! Groups of raft-rs's nodes, at its best setting.

mod codec;
mod idle;
mod storage;

use std::collections::VecDeque;

use benches::{Applied, Change, Limits, Member, Membership, Payloads};
use protobuf::Message as _;
use raft::StateRole;
use raft::prelude::*;
use slog::Logger;

pub(crate) use self::codec::{append, decode, encode};
pub(crate) use self::idle::Follower;
pub(crate) use self::storage::Kept;

/// A node that writes before it goes on.
pub(crate) type RaftRsSync = RaftRs<false>;

/// A node that goes on while it writes.
pub(crate) type RaftRsAsync = RaftRs<true>;

/// A node of raft-rs.
pub(crate) struct RaftRs<const ASYNC: bool> {
    node: RawNode<Kept>,
    /// What is being written.
    disk: VecDeque<Write>,
    applied: Applied,
    answered_reads: u64,
}

/// A `Ready` that is being written.
struct Write {
    number: u64,
    /// What may be sent when it is written.
    messages: Vec<Message>,
    committed_entries: Vec<Entry>,
}

impl<const ASYNC: bool> RaftRs<ASYNC> {
    fn apply(&mut self, entries: Vec<Entry>) {
        for entry in entries {
            match entry.get_entry_type() {
                EntryType::EntryNormal => self.applied.apply(&entry.data),
                EntryType::EntryConfChange => {
                    let mut change = ConfChange::default();
                    change.merge_from_bytes(&entry.data).expect("what was encoded");
                    let conf_state = self.node.apply_conf_change(&change);
                    conf_state.expect("a change that can be made");
                }
                EntryType::EntryConfChangeV2 => unreachable!("nobody proposes one"),
            }
        }
    }

    /// Writes, and hands out what may be sent before that is done.
    fn write(&mut self, ready: &mut Ready, out: &mut VecDeque<Message>) {
        self.answered_reads += ready.read_states().len() as u64;
        out.extend(ready.take_messages());
        let storage = self.node.mut_store();
        storage.append(ready.take_entries());
        if let Some(hard_state) = ready.hs() {
            storage.set_hard_state(hard_state.clone());
        }
    }

    fn work_sync(&mut self, out: &mut VecDeque<Message>) {
        let mut ready = self.node.ready();
        self.write(&mut ready, out);
        out.extend(ready.take_persisted_messages());
        self.apply(ready.take_committed_entries());
        let mut light = self.node.advance(ready);
        if let Some(commit) = light.commit_index() {
            self.node.mut_store().set_commit(commit);
        }
        out.extend(light.take_messages());
        self.apply(light.take_committed_entries());
        self.node.advance_apply();
    }

    fn work_async(&mut self, out: &mut VecDeque<Message>) {
        if !self.node.has_ready() {
            // The node has nothing more to do before it hears of its writes. The last one stands
            // for those before it.
            if let Some(last) = self.disk.back() {
                self.node.on_persist_ready(last.number);
            }
            while let Some(write) = self.disk.pop_front() {
                out.extend(write.messages);
                let applied = write.committed_entries.last().map(|entry| entry.index);
                self.apply(write.committed_entries);
                if let Some(applied) = applied {
                    self.node.advance_apply_to(applied);
                }
            }
            return;
        }
        let mut ready = self.node.ready();
        self.write(&mut ready, out);
        self.disk.push_back(Write {
            number: ready.number(),
            messages: ready.take_persisted_messages(),
            committed_entries: ready.take_committed_entries(),
        });
        self.node.advance_append_async(ready);
    }
}

impl<const ASYNC: bool> Member for RaftRs<ASYNC> {
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
            let entry = |payload: Vec<u8>| {
                index += 1;
                Entry { term: 1, index, data: payload.into(), ..Entry::default() }
            };
            storage.append(payloads.take(batch).map(entry).collect());
        }
        let hard_state = HardState { term: 1, vote: 1, commit: index, ..HardState::default() };
        storage.set_hard_state(hard_state);
    }

    fn start(id: u64, storage: Kept, limits: Limits) -> Self {
        let config = Config {
            election_tick: 10,
            heartbeat_tick: 1,
            max_size_per_msg: limits.max_size_per_msg,
            max_inflight_msgs: limits.max_inflight_msgs,
            batch_append: true,
            applied: storage.commit(),
            ..Config::new(id)
        };
        let logger = Logger::root(slog::Discard, slog::o!());
        Self {
            node: RawNode::new(&config, storage, &logger).expect("a valid node"),
            disk: VecDeque::new(),
            applied: Applied::default(),
            answered_reads: 0,
        }
    }

    fn has_work(&self) -> bool {
        self.node.has_ready() || !self.disk.is_empty()
    }

    fn work(&mut self, out: &mut VecDeque<Message>) {
        match ASYNC {
            true => self.work_async(out),
            false => self.work_sync(out),
        }
    }

    fn step(&mut self, message: Message) {
        self.node.step(message).expect("an honest message");
    }

    fn receiver(message: &Message) -> u64 {
        message.to
    }

    fn payload_bytes(message: &Message) -> u64 {
        message.entries.iter().map(|entry| entry.data.len() as u64).sum()
    }

    fn propose(&mut self, payload: Vec<u8>) {
        self.node.propose(Vec::new(), payload).expect("the leader takes proposals");
    }

    /// There is no call for it, but the message that a follower would forward takes many entries.
    fn propose_together(&mut self, payloads: impl Iterator<Item = Vec<u8>>) {
        let entry = |payload: Vec<u8>| Entry { data: payload.into(), ..Entry::default() };
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgPropose);
        message.from = self.node.raft.id;
        message.entries = payloads.map(entry).collect::<Vec<_>>().into();
        self.node.step(message).expect("the leader takes proposals");
    }

    fn propose_change(&mut self, change: Change) {
        let (change_type, node_id) = match change {
            Change::AddLearner(id) => (ConfChangeType::AddLearnerNode, id),
            Change::Remove(id) => (ConfChangeType::RemoveNode, id),
        };
        let change = ConfChange { change_type, node_id, ..ConfChange::default() };
        self.node.propose_conf_change(Vec::new(), change).expect("the leader takes changes");
    }

    fn learners(&self) -> usize {
        self.node.raft.prs().conf().learners().len()
    }

    fn campaign(&mut self) {
        self.node.campaign().expect("may campaign");
    }

    fn leads(&self) -> bool {
        self.node.raft.state == StateRole::Leader
    }

    fn read(&mut self, context: Vec<u8>) {
        self.node.read_index(context);
    }

    fn answered_reads(&self) -> u64 {
        self.answered_reads
    }

    fn applied(&self) -> Applied {
        self.applied
    }

    fn compact(&mut self) {
        let applied = self.node.raft.raft_log.applied;
        self.node.mut_store().compact(applied);
    }

    fn storage_calls(&self) -> u64 {
        self.node.store().calls()
    }
}
