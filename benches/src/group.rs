//! The loop that drives the nodes of a Raft library, whichever it is.

use std::collections::VecDeque;

use crate::{Applied, Cluster, Membership, Payloads};

/// How much a leader may send at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Encoded bytes of entries in one append.
    pub max_size_per_msg: u64,
    /// Appends on their way to one peer.
    pub max_inflight_msgs: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_size_per_msg: 1 << 20, max_inflight_msgs: 256 }
    }
}

/// A change of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// This node joins as a learner.
    AddLearner(u64),
    /// This node leaves.
    Remove(u64),
}

/// A node of a Raft library with its storage and its state machine, driven as the library's own
/// documents advise.
pub trait Member: Sized {
    /// What nodes send each other.
    type Message;
    /// What keeps the log, and counts how often it is read.
    type Storage: Clone;

    /// The storage of a new node of this group.
    fn storage(membership: &Membership) -> Self::Storage;

    /// Adds `batches` batches of `batch` payloads each to the log, committed in term 1.
    fn fill(storage: &mut Self::Storage, payloads: &mut Payloads, batches: usize, batch: usize);

    /// A node that has applied whatever the storage holds.
    fn start(id: u64, storage: Self::Storage, limits: Limits) -> Self;

    /// Whether there is work to do.
    fn has_work(&self) -> bool;

    /// Does some of it: writes, applies, and hands out what is to be sent.
    fn work(&mut self, out: &mut VecDeque<Self::Message>);

    /// Handles a message.
    fn step(&mut self, message: Self::Message);

    /// The receiver's id.
    fn receiver(message: &Self::Message) -> u64;

    /// The payload bytes of a message's entries.
    fn payload_bytes(message: &Self::Message) -> u64;

    /// Proposes a payload.
    fn propose(&mut self, payload: Vec<u8>);

    /// Proposes each payload as an entry of its own, by one call.
    fn propose_together(&mut self, payloads: impl Iterator<Item = Vec<u8>>);

    /// Proposes a change of the configuration.
    fn propose_change(&mut self, change: Change);

    /// How many learners the node knows.
    fn learners(&self) -> usize;

    /// Campaigns.
    fn campaign(&mut self);

    /// Whether the node leads.
    fn leads(&self) -> bool;

    /// Asks for a read index.
    fn read(&mut self, context: Vec<u8>);

    /// How many reads have been answered.
    fn answered_reads(&self) -> u64;

    /// What has been applied.
    fn applied(&self) -> Applied;

    /// Forgets the log up to what has been applied.
    fn compact(&mut self);

    /// How often the storage has been read.
    fn storage_calls(&self) -> u64;
}

/// The nodes of one group, and the messages between them, which always arrive.
#[derive(Debug)]
pub struct Group<M: Member> {
    members: Vec<M>,
    leader: usize,
    in_flight: VecDeque<M::Message>,
}

impl<M: Member> Group<M> {
    /// A group that node 1 leads.
    #[must_use]
    pub fn new(membership: &Membership) -> Self {
        let storages = (0..membership.nodes()).map(|_| M::storage(membership)).collect();
        let mut group = Self::start(storages, Limits::default());
        group.elect(0);
        group
    }

    /// Nodes that go on where their storages end. None of them leads.
    #[must_use]
    pub fn start(storages: Vec<M::Storage>, limits: Limits) -> Self {
        let start = |(id, storage)| M::start(id, storage, limits);
        let members = (1..).zip(storages).map(start).collect();
        Self { members, leader: 0, in_flight: VecDeque::new() }
    }

    /// The nodes in the order of their ids.
    #[must_use]
    pub fn members(&self) -> &[M] {
        &self.members
    }

    /// The messages that have not arrived yet.
    pub fn in_flight(&self) -> impl Iterator<Item = &M::Message> {
        self.in_flight.iter()
    }

    /// Makes the node at `position` campaign, and comes back when nothing is left to do.
    ///
    /// # Panics
    /// When it does not win.
    pub fn elect(&mut self, position: usize) {
        self.campaign(position);
        self.settle();
        self.leader = position;
        assert!(self.members[position].leads(), "it campaigned and was not hindered");
    }

    pub(crate) fn campaign(&mut self, position: usize) {
        self.members[position].campaign();
    }

    /// Makes another node lead.
    pub fn elect_next(&mut self) {
        self.elect((self.leader + 1) % self.members.len());
    }

    /// Asks the leader for `count` read indexes, and comes back when it has them.
    ///
    /// # Panics
    /// When one is not answered.
    pub fn read(&mut self, contexts: &mut Payloads, count: usize) {
        let before = self.members[self.leader].answered_reads();
        for context in contexts.take(count) {
            self.members[self.leader].read(context);
        }
        self.settle();
        let answered = self.members[self.leader].answered_reads() - before;
        assert_eq!(answered, count as u64, "each read is answered once");
    }

    /// Changes the configuration, and comes back when all nodes have applied the change.
    ///
    /// # Panics
    /// When one has not.
    pub fn change(&mut self, change: Change) {
        self.members[self.leader].propose_change(change);
        self.settle();
        let expected = usize::from(matches!(change, Change::AddLearner(_)));
        let applied = |member: &M| member.learners() == expected;
        assert!(self.members.iter().all(applied), "all nodes have applied the change");
    }

    /// Runs until there is nothing left to do.
    pub fn settle(&mut self) {
        loop {
            let worked = self.work();
            if !self.deliver() && !worked {
                return;
            }
        }
    }

    /// Does the work of all nodes. Answers whether there was any.
    pub fn work(&mut self) -> bool {
        let mut worked = false;
        for member in &mut self.members {
            while member.has_work() {
                worked = true;
                member.work(&mut self.in_flight);
            }
        }
        worked
    }

    /// Delivers all messages. Answers whether there were any.
    pub fn deliver(&mut self) -> bool {
        let mut delivered = false;
        while let Some(message) = self.in_flight.pop_front() {
            delivered = true;
            // A node that has been added to the configuration need not exist.
            if let Some(to) = self.members.get_mut(M::receiver(&message) as usize - 1) {
                to.step(message);
            }
        }
        delivered
    }
}

impl<M: Member> Cluster for Group<M> {
    fn replicate(&mut self, payloads: &mut Payloads, batch: usize) {
        for payload in payloads.take(batch) {
            self.members[self.leader].propose(payload);
        }
        self.settle();
    }

    fn replicate_together(&mut self, payloads: &mut Payloads, batch: usize) {
        self.members[self.leader].propose_together(payloads.take(batch));
        self.settle();
    }

    fn compact(&mut self) {
        self.members.iter_mut().for_each(M::compact);
    }

    fn applied(&self) -> Applied {
        let applied = self.members[0].applied();
        for member in &self.members {
            assert_eq!(member.applied(), applied, "all nodes apply the same");
        }
        applied
    }

    fn storage_calls(&self) -> u64 {
        self.members.iter().map(M::storage_calls).sum()
    }
}
