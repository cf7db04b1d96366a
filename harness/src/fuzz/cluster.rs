//! Bytes as what happens in a cluster: which message arrives, which is lost, who crashes.

use std::collections::{BTreeMap, VecDeque};

use arbitrary::Unstructured;
use bytes::Bytes;
use raft_core::{AsyncReady, Compat, Config, Ready, SnapshotStatus, StateRole, Storage};
use raft_proto::{
    ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, Message, MessageType,
};

use crate::forge::{Draw, VOTERS};
use crate::hostile::group::Group;
use crate::hostile::member::{AnyNode, Face, on_face};

/// What has happened in a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterSeen {
    /// Terms that had a leader.
    pub leaders: usize,
    /// Entries that were applied somewhere, the last of which shows that the cluster goes on.
    pub applied: usize,
    /// Crashes.
    pub crashes: u32,
    /// Messages that were lost.
    pub lost: u32,
    /// Messages that came twice.
    pub doubled: u32,
    /// Snapshots that nodes have taken over.
    pub snapshots: u32,
    /// Configuration changes that a node has applied.
    pub conf_changes: usize,
}

/// Runs three nodes, to whom happens what the bytes choose. After every step each term has at most one
/// leader, no node has failed or has found an honest message impossible, and nodes agree on what they
/// have applied. In the end, when nothing is lost any more, they commit.
///
/// # Panics
/// One of these does not hold.
pub fn cluster(bytes: &[u8]) -> ClusterSeen {
    let mut bytes = Unstructured::new(bytes);
    let mut cluster = Cluster::new(&mut bytes);
    while !bytes.is_empty() {
        cluster.act(&mut bytes);
        cluster.check();
    }
    cluster.finish();
    let apps = || cluster.group.members.iter().map(|member| &member.app);
    ClusterSeen {
        leaders: cluster.leaders.len(),
        applied: apps().map(|app| app.applied.len()).max().unwrap_or_default(),
        snapshots: apps().map(|app| app.snapshots).sum(),
        conf_changes: apps().map(|app| app.conf_changes.len()).max().unwrap_or_default(),
        ..cluster.seen
    }
}

/// Work that was handed out and is not done yet.
enum Batch {
    Sync(Ready),
    Async(AsyncReady),
}

struct Cluster {
    group: Group,
    batches: BTreeMap<u64, VecDeque<Batch>>,
    /// By term.
    leaders: BTreeMap<u64, u64>,
    proposals: u64,
    seen: ClusterSeen,
}

impl Cluster {
    fn new(bytes: &mut Unstructured<'_>) -> Self {
        let flags = bytes.word();
        let flag = |bit: u32| flags >> bit & 1 == 1;
        let strict = flag(4);
        let config = |id: u64| Config {
            seed: flags ^ id,
            election_tick: 3,
            pre_vote: flag(0),
            // Under etcd's rules on all nodes or on none: one without it that has campaigned in vain
            // takes no notice of a leader of an earlier term, and those with it none of its campaigns.
            check_quorum: flag(1) != (strict && flag(8 + id as u32)),
            compat: if strict { Compat::Strict } else { Compat::Etcd },
            max_size_per_msg: if flag(5) { 16 } else { u64::MAX },
            max_inflight_msgs: if flag(6) { 2 } else { 256 },
            step_down_on_removal: flag(7),
            ..Config::new(id)
        };
        let face = if flag(8) { Face::Async } else { Face::Sync };
        Self {
            group: Group::new(face, &VOTERS, config).expect("a group"),
            batches: BTreeMap::new(),
            leaders: BTreeMap::new(),
            proposals: 0,
            seen: ClusterSeen::default(),
        }
    }

    fn act(&mut self, bytes: &mut Unstructured<'_>) {
        let id = bytes.one_of(VOTERS);
        match bytes.below(32) {
            0..11 => self.deliver(bytes),
            11 => self.lose(bytes),
            12 => self.double(bytes),
            13..19 => self.hand_out(id),
            19..25 => drop(self.finish_batch(id)),
            25 | 26 => self.group.node(id).tick(),
            27 | 28 => self.propose(id),
            29 => self.group.cut_off = if bytes.one_in(3) { Vec::new() } else { vec![id] },
            30 if bytes.one_in(2) => self.crash(id),
            30 => self.compact(id),
            _ if bytes.one_in(4) => drop(on_face!(self.group.node(id), node => node.campaign())),
            _ => self.request(id, bytes),
        }
    }

    fn take_message(&mut self, bytes: &mut Unstructured<'_>) -> Option<Message> {
        let at = bytes.below(self.group.network.len() as u64) as usize;
        self.group.network.remove(at)
    }

    fn deliver(&mut self, bytes: &mut Unstructured<'_>) {
        let Some(message) = self.take_message(bytes) else { return };
        let cut_off = &self.group.cut_off;
        if cut_off.contains(&message.from) || cut_off.contains(&message.to) {
            return self.give_up(message);
        }
        self.group.network.push_front(message);
        self.group.deliver();
    }

    fn lose(&mut self, bytes: &mut Unstructured<'_>) {
        if let Some(message) = self.take_message(bytes) {
            self.give_up(message);
        }
    }

    /// The sender notices.
    fn give_up(&mut self, message: Message) {
        self.seen.lost += 1;
        on_face!(self.group.node(message.from), node => match message.kind() {
            Ok(MessageType::MsgSnap) => node.report_snapshot(message.to, SnapshotStatus::Failure),
            _ => node.report_unreachable(message.to),
        });
    }

    fn double(&mut self, bytes: &mut Unstructured<'_>) {
        let at = bytes.below(self.group.network.len() as u64) as usize;
        let Some(message) = self.group.network.get(at).cloned() else { return };
        self.group.network.push_back(message);
        self.seen.doubled += 1;
    }

    /// Takes what a node has ready. One with synchronous writes has only one batch out.
    fn hand_out(&mut self, id: u64) {
        let batches = self.batches.entry(id).or_default();
        let node = self.group.node(id);
        if !node.has_ready() {
            return;
        }
        match node {
            AnyNode::Sync(_) if !batches.is_empty() => {}
            AnyNode::Sync(node) => batches.push_back(Batch::Sync(node.ready().expect("a batch"))),
            AnyNode::Async(node) => batches.push_back(Batch::Async(node.ready().expect("a batch"))),
        }
    }

    /// Does the oldest work that is out.
    fn finish_batch(&mut self, id: u64) -> bool {
        let batches = self.batches.entry(id).or_default();
        let Some(batch) = batches.pop_front() else { return false };
        let member = self.group.member(id);
        let sent = match batch {
            Batch::Sync(ready) => member.finish(ready),
            Batch::Async(ready) => member.finish_later(ready),
        };
        self.group.network.extend(sent.expect("a batch is done"));
        true
    }

    fn propose(&mut self, id: u64) {
        self.proposals += 1;
        let data = Bytes::from(format!("proposal {}", self.proposals));
        // Whether it is taken depends on the leader.
        drop(on_face!(self.group.node(id), node => node.propose(data)));
    }

    /// Only what is on disk is left.
    fn crash(&mut self, id: u64) {
        self.batches.remove(&id);
        self.group.restart(id, |_, _| {}).expect("a node starts from its disk");
        self.seen.crashes += 1;
    }

    fn compact(&mut self, id: u64) {
        let applied = self.group.member(id).app.applied_index;
        let disk = self.group.node(id).disk_mut();
        let conf_state = disk.conf_state.clone();
        // There may be nothing new, or what was applied is not written yet.
        if disk.memory.create_snapshot(applied, Some(conf_state), Bytes::new()).is_ok()
            && disk.memory.first_index().is_ok_and(|first| first <= applied)
        {
            disk.memory.compact(applied).expect("a snapshot stands for it");
        }
    }

    fn request(&mut self, id: u64, bytes: &mut Unstructured<'_>) {
        let peer = bytes.one_of(VOTERS);
        let choice = bytes.below(8);
        let transition = bytes.one_of([
            ConfChangeTransition::Auto,
            ConfChangeTransition::JointImplicit,
            ConfChangeTransition::JointExplicit,
        ]);
        // The first two always vote: else a group could vote itself out of existence.
        let kind = match choice {
            0 | 1 => ConfChangeType::AddLearnerNode,
            _ => ConfChangeType::AddNode,
        };
        on_face!(self.group.node(id), node => match choice {
            0..4 => {
                let change = vec![ConfChangeSingle::new(kind, 3)];
                drop(node.propose_conf_change(ConfChangeV2::new(transition, change)));
            }
            4 => drop(node.propose_conf_change(ConfChangeV2::default())),
            5 => drop(node.transfer_leader(peer)),
            6 => drop(node.read_index("read")),
            _ => drop(node.forget_leader()),
        });
    }

    fn check(&mut self) {
        for member in &self.group.members {
            let id = member.config.id;
            assert_eq!(member.failure, None, "of node {id}");
            let status = member.node.basic_status();
            if status.soft_state.role == StateRole::Leader {
                let term = status.hard_state.term;
                let leader = *self.leaders.entry(term).or_insert(id);
                assert_eq!(leader, id, "two nodes lead in term {term}");
            }
        }
        assert_eq!(self.group.check_agreement(), Ok(()));
        assert_eq!(self.group.refusal(), None);
    }

    /// What was lost stays lost, and nothing more is.
    fn finish(&mut self) {
        self.group.cut_off.clear();
        for id in VOTERS {
            while self.finish_batch(id) {}
        }
        assert_eq!(self.group.commit(), Ok(()), "nothing is lost, and it does not go on");
        self.check();
    }
}
