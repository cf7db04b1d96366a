//! Floor 5. What outlives a role.

use core::hash::{Hash, Hasher};

use bytes::Bytes;
use raft_proto::{Message, MessageType};

use crate::config::{Compat, Config, ReadOnlyOption};
use crate::error::{DropReason, StorageError};
use crate::event::{Event, Observer, ProtocolStep, StepState};
use crate::fault::fault;
use crate::log::RaftLog;
use crate::outbox::Outbox;
use crate::rare_vec::RareVec;
use crate::read_index::ReadState;
use crate::rng::Rng;
use crate::storage::Storage;
use crate::tracker::{ProgressMap, Tracker};
use crate::types::NONE;

/// Everything of a node that is not particular to its role.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct NodeState<S, O> {
    /// Ticks since the leader was heard, or since a leader checked its quorum.
    pub(crate) election_elapsed: u32,
    /// Ticks for which this node still votes for nobody, because it has heard a leader, or may have
    /// before it started. Unlike what it knows of the leader, this outlives role and term: the
    /// leader counts on it, whatever comes between. Always 0 without a check of the quorum, and
    /// under `Compat::Etcd`.
    pub(crate) promised_ticks: u32,
    /// Ticks after which a follower campaigns, in `election_tick..2 * election_tick`.
    pub(crate) randomized_election_timeout: u32,
    pub(crate) config: Config,
    pub(crate) observer: O,
    pub(crate) log: RaftLog<S>,
    pub(crate) tracker: Tracker,
    pub(crate) outbox: Outbox,
    /// Answers to reads, for the next `Ready`.
    pub(crate) read_states: RareVec<ReadState>,
    /// Contexts of this node's own reads that nobody will answer, for the next `Ready`.
    pub(crate) lost_reads: RareVec<Bytes>,
    /// Reads that came before the leader had committed an entry of its term.
    ///
    /// PARITY: under `Compat::Etcd` they outlive the leadership; the node answers them when it
    /// leads again.
    pub(crate) deferred_reads: RareVec<Message>,
    /// Invariant: never falls.
    pub(crate) term: u64,
    /// Whom this node has voted for in `term`; 0 for nobody. Invariant: set once in a term.
    pub(crate) vote: u64,
    pub(crate) rng: Rng,
}

impl<S: Storage, O: Observer> NodeState<S, O> {
    pub(crate) fn id(&self) -> u64 {
        self.config.id
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.config.compat == Compat::Strict
    }

    /// Whether this node, when it leads, answers reads by a lease that it counts.
    pub(crate) fn leases_reads(&self) -> bool {
        self.is_strict() && self.config.read_only == ReadOnlyOption::LeaseBased
    }

    pub(crate) fn emit(&mut self, event: &Event<'_>) {
        self.observer.on_event(event);
    }

    /// Tells an observer that wants to know what the node does, in the terms of a specification.
    pub(crate) fn trace(&mut self, step: ProtocolStep<'_>) {
        if !self.observer.wants_steps() {
            return;
        }
        let voters = &self.tracker.config.voters;
        let state = StepState {
            id: self.config.id,
            term: self.term,
            vote: self.vote,
            commit: self.log.committed(),
            last_index: self.log.last_index(),
            incoming: &voters.incoming.0,
            outgoing: &voters.outgoing.0,
        };
        self.observer.on_step(&state, step);
    }

    /// Queues `message` for the next `Ready`, with sender and term filled in. A vote request or
    /// answer brings its own term, which may not be the node's.
    pub(crate) fn send(&mut self, kind: MessageType, mut message: Message) {
        message.msg_type = kind as i32;
        if message.from == NONE {
            message.from = self.id();
        }
        match kind {
            MessageType::MsgVote
            | MessageType::MsgVoteResp
            | MessageType::MsgPreVote
            | MessageType::MsgPreVoteResp => {
                debug_assert_ne!(message.term, 0, "{kind} has a term");
            }
            // Forwarded: the leader at the other end may be of another term.
            MessageType::MsgProp | MessageType::MsgReadIndex => message.term = 0,
            _ => message.term = self.term,
        }
        self.trace(ProtocolStep::Sending(&message));
        #[cfg(raft_fault)]
        if self.leaves_early(kind, &message) {
            return self.outbox.now.push(message);
        }
        self.outbox.push(kind, message);
    }

    /// Gives back the memory of emptied buffers.
    pub(super) fn shrink_to_fit(&mut self) {
        self.log.shrink_to_fit();
        self.tracker.progress.iter_mut().for_each(|(_, peer)| peer.inflights.shrink_to_fit());
        self.outbox.shrink_to_fit();
        self.read_states.shrink_to_fit();
        self.lost_reads.shrink_to_fit();
        self.deferred_reads.shrink_to_fit();
    }

    /// Starts `term` (or starts over in it): no leader, no answers, full timers.
    pub(super) fn reset(&mut self, term: u64) {
        if self.term != term || fault!(self.config, VoteForgotten) {
            self.term = term;
            self.vote = if fault!(self.config, VoteOutlivesTerm) { self.vote } else { NONE };
        }
        self.election_elapsed = 0;
        self.draw_election_timeout();
        self.tracker.progress = ProgressMap::default();
    }

    pub(super) fn draw_election_timeout(&mut self) {
        let base = self.config.election_tick;
        self.randomized_election_timeout = base + self.rng.below(base);
    }

    /// Whether this node may become leader: it votes, and has its whole configuration.
    pub(crate) fn is_promotable(&self) -> bool {
        self.tracker.config.voters.contains(self.id()) && self.log.unstable().snapshot().is_none()
    }

    /// Whether the next `Ready` has to be taken before more can be queued.
    pub(crate) fn check_queue(&self) -> Result<(), DropReason> {
        let (queued, limit) = (self.outbox.len(), self.config.max_queued_messages);
        if queued >= limit { Err(DropReason::TooManyMessages { queued, limit }) } else { Ok(()) }
    }

    /// Whether one more read may wait, beside `queued` that a leader has.
    pub(super) fn check_reads(&self, queued: usize) -> Result<(), DropReason> {
        let pending = queued + self.deferred_reads.len() + self.read_states.len();
        let limit = self.config.max_pending_reads;
        if pending >= limit { Err(DropReason::TooManyReads { pending, limit }) } else { Ok(()) }
    }

    /// Whether this node itself asked for the read.
    pub(super) fn is_own_read(&self, request: &Message) -> bool {
        request.from == NONE || request.from == self.id()
    }

    /// The term of the entry at `index`; 0 when it is not known.
    pub(super) fn term_or_zero(&self, index: u64) -> Result<u64, StorageError> {
        Ok(self.log.term(index)?.unwrap_or(0))
    }
}

#[cfg(raft_fault)]
impl<S, O> NodeState<S, O> {
    /// Whether `message` does not wait for what it vouches for.
    fn leaves_early(&self, kind: MessageType, message: &Message) -> bool {
        let early = match kind {
            MessageType::MsgAppResp => fault!(self.config, AckBeforeSync),
            MessageType::MsgVoteResp => fault!(self.config, VoteBeforeSync),
            _ => false,
        };
        early && message.to != self.config.id
    }
}

impl<S, O> NodeState<S, O> {
    /// Hashes all but the election timeouts that have been and will be drawn.
    pub(crate) fn hash_without_timeouts<H: Hasher>(&self, hasher: &mut H) {
        let Self { config, log, tracker, outbox, .. } = self;
        (config, log, tracker, outbox).hash(hasher);
        (&self.read_states, &self.lost_reads, &self.deferred_reads).hash(hasher);
        (self.term, self.vote).hash(hasher);
        (self.election_elapsed, self.promised_ticks).hash(hasher);
    }
}

/// All that can change what the node will do, but for the observer and the storage.
impl<S, O> Hash for NodeState<S, O> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.hash_without_timeouts(hasher);
        self.randomized_election_timeout.hash(hasher);
        self.rng.fingerprint().hash(hasher);
    }
}

/// A message of which only the addressee is known yet.
pub(super) fn to(to: u64) -> Message {
    Message { to, ..Message::default() }
}
