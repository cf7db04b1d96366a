//! Nodes that are traced, and driven as the specification wants it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use raft_core::{Compat, Config, MemoryStorage, Peer, RawNode, ReadPurpose, StateRole, Storage};
use raft_proto::{ConfChangeRequest, ConfState, Entries, EntryType, Message};

use crate::tla::{TlaObserver, TlaTrace};

/// Nodes over memory, and a network that keeps the order.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) trace: TlaTrace,
    members: BTreeMap<u64, Member>,
    wire: VecDeque<Message>,
    cut: BTreeSet<u64>,
    lines_taken: usize,
}

#[derive(Debug)]
struct Member {
    node: RawNode<MemoryStorage, TlaObserver>,
    config: Config,
    applied: u64,
    /// Configuration and applied index as of the last batch that was persisted.
    durable: (ConfState, u64),
}

impl Cluster {
    /// Nodes that have been told who they are, and have done nothing yet.
    pub(super) fn boot(voters: u64, change: impl Fn(&mut Config)) -> Self {
        let mut cluster = Self::default();
        let peers: Vec<_> = (1..=voters).map(|id| Peer { id, ..Peer::default() }).collect();
        for id in 1..=voters {
            cluster.join(id, &change);
            cluster.node(id).bootstrap(&peers).expect("an empty storage");
        }
        cluster
    }

    /// A node that knows of no group yet.
    pub(super) fn join(&mut self, id: u64, change: impl Fn(&mut Config)) {
        let mut config = Config { compat: Compat::Etcd, ..Config::new(id) };
        change(&mut config);
        let storage = MemoryStorage::new();
        let node = RawNode::with_observer(config.clone(), storage, self.trace.observer());
        let node = node.expect("a valid configuration");
        let durable = (ConfState::default(), 0);
        self.members.insert(id, Member { node, config, applied: 0, durable });
    }

    /// The node ends between two batches, and starts again.
    pub(super) fn restart(&mut self, id: u64) {
        let member = self.members.get_mut(&id).expect("a member");
        let old = member.node.storage();
        let mut entries = Entries::new();
        let range = 1..old.last_index().expect("memory") + 1;
        old.entries(range, u64::MAX, ReadPurpose::Scan, &mut entries).expect("memory");
        let (conf_state, applied) = member.durable.clone();
        let mut storage = MemoryStorage::with_conf_state(conf_state);
        storage.append(&entries).expect("entries that follow");
        storage.set_hard_state(*old.hard_state());
        let config = Config { applied, ..member.config.clone() };
        let node = RawNode::with_observer(config, storage, self.trace.observer());
        (member.node, member.applied) = (node.expect("what was persisted"), applied);
    }

    pub(super) fn node(&mut self, id: u64) -> &mut RawNode<MemoryStorage, TlaObserver> {
        &mut self.members.get_mut(&id).expect("a member").node
    }

    pub(super) fn role(&mut self, id: u64) -> StateRole {
        self.node(id).basic_status().soft_state.role
    }

    pub(super) fn campaign(&mut self, id: u64) {
        self.settle();
        self.node(id).campaign().expect("a node that may campaign");
        self.settle();
    }

    pub(super) fn propose(&mut self, id: u64, data: &'static str) {
        self.node(id).propose(data).expect("a leader");
        self.settle();
    }

    pub(super) fn change(&mut self, id: u64, change: impl Into<ConfChangeRequest>) {
        self.node(id).propose_conf_change(change).expect("a leader");
        self.settle();
    }

    pub(super) fn tick(&mut self, id: u64, ticks: u32) {
        self.node(id).tick_by(ticks);
        self.settle();
    }

    pub(super) fn tick_alone(&mut self, id: u64, ticks: u32) {
        self.node(id).tick_by(ticks);
    }

    /// The message at this place of the wire is lost.
    pub(super) fn lose(&mut self, at: usize) {
        self.wire.remove(at);
    }

    /// The message at this place of the wire will arrive twice.
    pub(super) fn repeat(&mut self, at: usize) {
        self.wire.extend(self.wire.get(at).cloned());
    }

    /// The next message has to wait for the others.
    pub(super) fn delay(&mut self) {
        self.wire.rotate_left(usize::from(!self.wire.is_empty()));
    }

    /// Nothing passes from or to `id`.
    pub(super) fn isolate(&mut self, id: u64) {
        self.cut.insert(id);
    }

    pub(super) fn mend(&mut self) {
        self.cut.clear();
    }

    /// What was written since the last call.
    pub(super) fn take_lines(&mut self) -> String {
        let mut text = Vec::new();
        self.trace.write_to(&mut text).expect("memory");
        let text = String::from_utf8(text).expect("JSON");
        let new: Vec<_> = text.split_inclusive('\n').skip(self.lines_taken).collect();
        self.lines_taken += new.len();
        new.concat()
    }

    /// Works and delivers until nothing is left to do.
    pub(super) fn settle(&mut self) {
        while self.deliver_one() {}
    }

    /// Lets every node work, and one message arrive; false when there is none.
    pub(super) fn deliver_one(&mut self) -> bool {
        for member in self.members.values_mut() {
            member.work(&mut self.wire);
        }
        let Some(m) = self.wire.pop_front() else { return false };
        let cut = self.cut.contains(&m.from) || self.cut.contains(&m.to);
        if let Some(member) = self.members.get_mut(&m.to).filter(|_| !cut) {
            // From a node that is not known any more, perhaps.
            member.node.step(m).ok();
        }
        true
    }
}

impl Member {
    fn work(&mut self, wire: &mut VecDeque<Message>) {
        while self.node.has_ready() {
            let mut ready = self.node.ready().expect("a node that is alive");
            let mut messages: Vec<_> = ready.take_messages().collect();
            self.durable = (self.node.status().config.conf_state(), self.applied);
            let storage = self.node.storage_mut();
            storage.append(ready.entries()).expect("entries that follow");
            if let Some(hard_state) = ready.hard_state() {
                storage.set_hard_state(*hard_state);
            }
            let mut done = ready.persisted();
            self.node.observer_mut().persisted();
            messages.extend(done.take_messages());
            wire.extend(messages);
            for entry in done.take_committed_entries() {
                self.applied = entry.index;
                if entry.kind() != Ok(EntryType::Normal) {
                    let request = ConfChangeRequest::from_entry(&entry).expect("it decodes");
                    let change = request.expect("a change").as_v2();
                    self.node.apply_conf_change(&change).expect("a possible change");
                }
            }
            self.node.advance(done).expect("its own batch");
        }
    }
}
