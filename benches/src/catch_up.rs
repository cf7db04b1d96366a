//! A follower with an empty log catches up with a long one.

use std::collections::VecDeque;

use crate::floor::{self, Batch, Replica};
use crate::{Applied, Group, Limits, Member, Membership, Payloads};

/// The entries of one batch, as they were proposed.
pub const BATCH: usize = 64;

/// The bytes of one payload.
pub const PAYLOAD: usize = 256;

/// How much may be on its way to the follower.
pub const LIMITS: Limits = Limits { max_size_per_msg: 256 << 10, max_inflight_msgs: 16 };

/// The payload bytes that may be on their way to the follower.
pub const BUDGET: u64 = LIMITS.max_size_per_msg * LIMITS.max_inflight_msgs as u64;

/// What a follower has applied that has caught up.
fn expected(batches: usize) -> Applied {
    let mut applied = Applied::default();
    Payloads::new(PAYLOAD).take(batches * BATCH).for_each(|payload| applied.apply(&payload));
    applied
}

/// A group of three. Nodes 1 and 2 have the whole log, and node 3 nothing.
#[derive(Debug)]
pub struct CatchUp<M: Member> {
    empty: M::Storage,
    full: M::Storage,
    expected: Applied,
}

impl<M: Member> CatchUp<M> {
    /// A log of `batches` batches.
    #[must_use]
    pub fn new(batches: usize) -> Self {
        let empty = M::storage(&Membership::simple(3));
        let mut full = empty.clone();
        M::fill(&mut full, &mut Payloads::new(PAYLOAD), batches, BATCH);
        Self { empty, full, expected: expected(batches) }
    }

    /// The group before anything has happened.
    #[must_use]
    pub fn start(&self) -> Group<M> {
        let storages = vec![self.full.clone(), self.full.clone(), self.empty.clone()];
        Group::start(storages, LIMITS)
    }

    /// Node 1 leads, and brings node 3 up to date.
    ///
    /// # Panics
    /// When node 3 has not applied the whole log in the end.
    pub fn run(&self, group: &mut Group<M>) {
        group.elect(0);
        assert_eq!(group.members()[2].applied(), self.expected, "node 3 has caught up");
    }

    /// The most payload bytes that are on their way at once.
    #[must_use]
    pub fn peak_in_flight(&self) -> u64 {
        let mut group = self.start();
        group.campaign(0);
        let mut peak = 0;
        loop {
            let worked = group.work();
            peak = peak.max(group.in_flight().map(M::payload_bytes).sum());
            if !group.deliver() && !worked {
                return peak;
            }
        }
    }
}

/// The same without Raft: batches of the log are sent as far as the limits allow, kept and applied.
#[derive(Debug)]
pub struct CatchUpFloor {
    log: Vec<Batch>,
    expected: Applied,
}

impl CatchUpFloor {
    /// A log of `batches` batches.
    #[must_use]
    pub fn new(batches: usize) -> Self {
        let mut payloads = Payloads::new(PAYLOAD);
        let mut last_index = 0;
        let log =
            (0..batches).map(|_| floor::batch(&mut last_index, payloads.by_ref().take(BATCH)));
        Self { log: log.collect(), expected: expected(batches) }
    }

    /// Sends the whole log to one replica, which is the answer: whether its memory is freed counts
    /// no more than it does for a group.
    ///
    /// # Panics
    /// When the replica has not applied the log in the end.
    #[must_use]
    pub fn run(&self) -> impl Sized + use<> {
        let per_message = LIMITS.max_size_per_msg as usize / (BATCH * PAYLOAD);
        let mut in_flight = VecDeque::new();
        let mut replica = Replica::default();
        let mut messages = self.log.chunks(per_message);
        loop {
            let window = messages.by_ref().take(LIMITS.max_inflight_msgs);
            in_flight.extend(window.map(<[Batch]>::to_vec));
            if in_flight.is_empty() {
                break;
            }
            for batch in in_flight.drain(..).flatten() {
                replica.take(batch);
            }
        }
        assert_eq!(replica.applied, self.expected, "the replica has caught up");
        replica
    }
}
