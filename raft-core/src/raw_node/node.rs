//! The public machine, but for how its writes are done.

use alloc::{boxed::Box, vec::Vec};
use core::hash::Hash;

use bytes::Bytes;
use raft_proto::{
    ConfChangeRequest, ConfChangeV2, ConfState, Entries, Entry, HardState, Message, MessageType,
    Snapshot, is_local_target,
};

use crate::bootstrap::Peer;
use crate::config::Config;
use crate::error::{
    ApplyConfChangeError, BootstrapError, CampaignError, NewError, Poisoned, ProposeError, Refusal,
    StepError, StorageError, TimeoutOutOfRange, TransferRefused,
};
use crate::event::{ConfChangeRefused, Observer, ProtocolStep, SlogObserver};
use crate::fault::fault;
use crate::log::AllowUnstable;
use crate::raft::{
    Accepted, ForgetLeader, Raft, ReadIndex, TransferLeader, Written, check_proposal,
};
use crate::ready::{SoftState, must_sync};
use crate::status::{BasicStatus, ProgressKind, Status};
use crate::storage::{ReadPurpose, Storage};
use crate::tracker::{Configuration, Progress};
use crate::types::{EntryId, NONE};

/// A node of a Raft group: a pure state machine. It is told of time, messages and requests, and
/// tells what is to be persisted, sent and applied. Use it as [`RawNode`](crate::RawNode) or
/// [`AsyncRawNode`](crate::AsyncRawNode).
///
/// `S` is the application's storage, `O` receives what happens inside as typed events, and `W` is
/// how writes are done.
///
/// Calls are of three kinds:
/// - *inputs*: [`tick`](Self::tick), [`step`](Self::step), [`propose`](Self::propose) and the
///   other requests. None blocks, none fails halfway, and no message can make one panic;
/// - *outputs*: [`has_ready`](Self::has_ready), `ready`, and in [`RawNode`](crate::RawNode) `advance`;
/// - *views*: [`status`](Self::status) and the other accessors.
///
/// An error of the storage in the middle of an input ends the node: this and every later call
/// gives [`Poisoned`], and `has_ready` is true, so that a loop that only looks at `ready` learns of
/// it too.
// In this order in memory, here and in what comes first: an idle tick and the question for work
// look at little, and in one place. A host may have very many nodes that do nothing else.
#[derive(Clone, Debug)]
#[repr(C)]
pub struct Node<S, O, W> {
    /// Nothing has happened since the node was found to have no work, but for ticks that only
    /// count.
    settled: bool,
    pub(super) poisoned: Option<Box<Poisoned>>,
    pub(super) raft: Raft<S, O>,
    /// As last handed out.
    pub(super) previous_soft_state: SoftState,
    pub(super) previous_hard_state: HardState,
    pub(super) writes: W,
}

/// Where a proposal went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Proposed {
    /// This node leads, and has appended it. It is committed when an entry with this index *and*
    /// this term is handed out to be applied; another term at the index means that it is lost.
    Appended {
        /// The term of its entries.
        term: u64,
        /// The index of the first.
        first_index: u64,
        /// The index of the last.
        last_index: u64,
    },
    /// It is on its way to the leader. Nothing more will be heard of it unless it is committed.
    Forwarded {
        /// The leader's id.
        leader: u64,
    },
}

/// Where a proposed configuration change went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProposedConfChange {
    /// This node leads, and has appended it.
    Appended {
        /// The term of its entry.
        term: u64,
        /// The index of its entry.
        index: u64,
    },
    /// This node leads, and cannot make the change now: an empty entry stands in its place.
    Refused {
        /// The index of the empty entry.
        index: u64,
        /// Why.
        reason: ConfChangeRefused,
    },
    /// It is on its way to the leader, which may refuse it without a word.
    Forwarded {
        /// The leader's id.
        leader: u64,
    },
}

/// How the sending of a snapshot ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SnapshotStatus {
    /// The peer has it.
    Finish,
    /// The peer does not have it.
    Failure,
}

/// How a node's writes are done: the difference between [`RawNode`](crate::RawNode) and
/// [`AsyncRawNode`](crate::AsyncRawNode).
pub trait WriteMode: Default + Hash + sealed::Sealed {}

pub(super) mod sealed {
    use crate::log::AllowUnstable;

    pub trait Sealed {
        /// In the synchronous mode entries are persisted before they are applied, because they
        /// come in the same batch; so they may be handed out before they are known to be.
        #[doc(hidden)]
        const ALLOW_UNSTABLE: Unstable;

        #[doc(hidden)]
        fn shrink_to_fit(&mut self);
    }

    #[doc(hidden)]
    #[derive(Clone, Copy, Debug)]
    pub struct Unstable(pub(crate) AllowUnstable);
}

impl<S: Storage, W: WriteMode> Node<S, SlogObserver, W> {
    /// A node that logs to `logger`. See [`with_observer`](Self::with_observer).
    pub fn new(config: Config, storage: S, logger: &slog::Logger) -> Result<Self, NewError> {
        Self::with_observer(config, storage, SlogObserver::new(logger.clone()))
    }
}

impl<S: Storage, O: Observer, W: WriteMode> Node<S, O, W> {
    /// A node that goes on where `storage` ends, as a follower. What happens in it is told to
    /// `observer`.
    ///
    /// Fails when a setting breaks a rule, when the storage fails, or when what it holds
    /// contradicts itself.
    pub fn with_observer(config: Config, storage: S, observer: O) -> Result<Self, NewError> {
        let raft = Raft::new(config, storage, observer)?;
        let mut node = Self {
            previous_soft_state: raft.soft_state(),
            previous_hard_state: raft.hard_state(),
            raft,
            poisoned: None,
            settled: false,
            writes: W::default(),
        };
        node.note_whether_settled();
        Ok(node)
    }

    /// The error that ended the node, if one did. Else something is about to happen.
    pub(super) fn alive(&mut self) -> Result<(), Poisoned> {
        self.settled = false;
        self.poisoned.as_deref().cloned().map_or(Ok(()), Err)
    }

    /// Ends the node when its storage failed.
    pub(super) fn guard<T>(&mut self, result: Result<T, StorageError>) -> Result<T, Poisoned> {
        result.map_err(Poisoned).inspect_err(|poisoned| self.poison(poisoned))
    }

    fn poison(&mut self, poisoned: &Poisoned) {
        self.poisoned = Some(Box::new(poisoned.clone()));
    }

    /// One tick of time has passed. An error of the storage shows at the next `ready`.
    #[inline]
    pub fn tick(&mut self) {
        if self.poisoned.is_none() && !self.raft.pass_idle_tick() {
            self.settled = false;
            let ticked = self.raft.tick();
            self.guard(ticked).ok();
        }
    }

    /// Exactly `ticks` calls of [`tick`](Self::tick), at the price of those that do something: for
    /// a host that lets idle nodes sleep.
    pub fn tick_by(&mut self, ticks: u32) {
        if self.poisoned.is_none() {
            self.settled = false;
            let ticked = self.raft.tick_by(ticks);
            self.guard(ticked).ok();
        }
    }

    /// The tick, counted from now, that will be the first to do anything if nothing else happens
    /// before: at least 1. `None` when no tick ever will, as on a learner. A host may let the node
    /// sleep until one tick before, and then owes it the ticks that have passed, by
    /// [`tick_by`](Self::tick_by), *before* it hands it anything else.
    #[must_use]
    pub fn ticks_until_timeout(&self) -> Option<u32> {
        self.raft.ticks_until_timeout()
    }

    /// Campaigns now, whatever the timers say; with pre-vote if it is configured. With lease reads a
    /// node that has heard a leader, or has just started again, may not before an election timeout
    /// is over.
    pub fn campaign(&mut self) -> Result<(), CampaignError> {
        self.alive()?;
        let kind = self.raft.campaign_kind();
        let campaigned = self.raft.try_campaign(kind);
        Ok(self.guard(campaigned)??)
    }

    /// Proposes `data` for the log.
    ///
    /// [`Dropped`](ProposeError::Dropped) when nothing was appended or sent; it may be tried
    /// again. A proposal that was appended or forwarded may still be lost with its leader.
    #[inline]
    pub fn propose(&mut self, data: impl Into<Bytes>) -> Result<Proposed, ProposeError> {
        self.propose_entries(&mut [Entry::proposal(data)])
    }

    /// Proposes each of `data` as an entry of its own, all of them or none.
    pub fn propose_batch(
        &mut self,
        data: impl IntoIterator<Item = Bytes>,
    ) -> Result<Proposed, ProposeError> {
        let mut entries: Vec<_> = data.into_iter().map(Entry::proposal).collect();
        self.propose_entries(&mut entries)
    }

    fn propose_entries(&mut self, entries: &mut [Entry]) -> Result<Proposed, ProposeError> {
        let term = self.raft.node.term;
        Ok(match self.accept(entries)? {
            Accepted::Forwarded { leader } => Proposed::Forwarded { leader },
            Accepted::Appended(appended) => Proposed::Appended {
                term,
                first_index: appended.first_index,
                last_index: appended.last_index,
            },
        })
    }

    fn accept(&mut self, entries: &mut [Entry]) -> Result<Accepted, ProposeError> {
        self.alive()?;
        check_proposal(entries)?;
        self.raft.node.check_queue()?;
        let proposed = self.raft.propose(NONE, entries);
        Ok(self.guard(proposed)??)
    }

    /// Proposes a change of the configuration. At most one may be under way.
    ///
    /// [`Refused`](ProposeError::Refused) when no configuration could take it.
    pub fn propose_conf_change(
        &mut self,
        change: impl Into<ConfChangeRequest>,
    ) -> Result<ProposedConfChange, ProposeError> {
        let term = self.raft.node.term;
        let entry = change.into().into_entry();
        Ok(match self.accept(&mut [entry])? {
            Accepted::Forwarded { leader } => ProposedConfChange::Forwarded { leader },
            Accepted::Appended(appended) => {
                let index = appended.last_index;
                match appended.refused {
                    Some(reason) => ProposedConfChange::Refused { index, reason },
                    None => ProposedConfChange::Appended { term, index },
                }
            }
        })
    }

    /// Applies a committed configuration change, when its turn among the committed entries has
    /// come. Answers the configuration from then on, which the application stores with its state.
    ///
    /// If the application decides against a change, on every replica alike, it does not make this
    /// call for it.
    ///
    /// With [`Invalid`](ApplyConfChangeError::Invalid) the change has no effect, on no replica: the
    /// configuration stays, and the entry counts as applied.
    pub fn apply_conf_change(
        &mut self,
        change: &ConfChangeV2,
    ) -> Result<ConfState, ApplyConfChangeError> {
        self.alive()?;
        let applied = self.raft.apply_conf_change(change);
        if let Err(ApplyConfChangeError::Poisoned(poisoned)) = &applied {
            self.poison(poisoned);
        }
        applied
    }

    /// Handles a message from a peer, or a response of a storage thread.
    ///
    /// With an error nothing has changed (unless it is [`StepError::Poisoned`]), and the node goes
    /// on: a peer's bad message is worth a log line, not more.
    pub fn step(&mut self, mut message: Message) -> Result<(), StepError> {
        self.alive()?;
        if let Ok(kind) = message.kind() {
            let from = message.from;
            // A node that lets a peer make it forget its leader has no lease.
            let is_local = kind.is_local() || kind == MessageType::MsgForgetLeader;
            if is_local && !is_local_target(from) {
                return Err(StepError::Local { kind });
            }
            let is_known = || is_local_target(from) || self.raft.node.tracker.config.contains(from);
            if kind.is_response() && !is_known() {
                return Err(StepError::PeerNotFound { kind, from });
            }
            if W::ALLOW_UNSTABLE.0 == AllowUnstable::Yes {
                // Storage threads, and answers to the node itself, are of the asynchronous face.
                let answer = kind.is_response() && kind != MessageType::MsgReadIndexResp;
                if is_local_target(from) {
                    return Err(StepError::Local { kind });
                }
                if answer && from == self.id() {
                    return Err(StepError::Refused { kind, from, reason: Refusal::FromSelf });
                }
            }
            // The node's own answers, and those of its storage threads, empty its queues. Forwarded
            // requests may bear its name as well, and fill them.
            let is_own = from == self.id() && kind.is_response();
            if !is_own && !is_local_target(from) {
                self.raft.node.check_queue()?;
            }
        }
        self.step_checked(&mut message)
    }

    pub(super) fn step_checked(&mut self, message: &mut Message) -> Result<(), StepError> {
        self.settled = false;
        let stepped = self.raft.step(message);
        if let Err(StepError::Poisoned(poisoned)) = &stepped {
            self.poison(poisoned);
        }
        stepped
    }

    /// Steps a message that the application makes about a peer.
    fn step_local(&mut self, kind: MessageType, from: u64, reject: bool) {
        if self.poisoned.is_none() {
            let mut message = Message { from, reject, ..Message::new(kind) };
            self.step_checked(&mut message).ok();
        }
    }

    /// Forgets the leader, so that this node votes before its election timeout ends: for an
    /// application that knows that the leader is gone. It follows again when it hears from it.
    /// Only a follower does so, and not with lease reads, which rest on its silence.
    pub fn forget_leader(&mut self) -> Result<ForgetLeader, Poisoned> {
        self.alive()?;
        Ok(self.raft.forget_leader())
    }

    /// Asks the leader, this node or another, to hand leadership to `transferee`. It gives up when
    /// that takes longer than an election timeout. A transfer to another node that is under way
    /// gives way to this one; so naming the leader itself calls it off.
    pub fn transfer_leader(&mut self, transferee: u64) -> Result<TransferLeader, Poisoned> {
        self.alive()?;
        if transferee == NONE || is_local_target(transferee) {
            return Ok(TransferLeader::Refused(TransferRefused::NotANode { transferee }));
        }
        if let Err(reason) = self.raft.node.check_queue() {
            return Ok(TransferLeader::Dropped(reason));
        }
        let transferred = self.raft.transfer_leader(transferee);
        self.guard(transferred)
    }

    /// The last messages to `peer` could not be sent.
    pub fn report_unreachable(&mut self, peer: u64) {
        self.step_local(MessageType::MsgUnreachable, peer, false);
    }

    /// How the snapshot that was sent to `peer` fared. Owed for each `MsgSnap`: nothing else is
    /// sent to the peer until then (or until it acknowledges the snapshot itself).
    pub fn report_snapshot(&mut self, peer: u64, status: SnapshotStatus) {
        self.step_local(MessageType::MsgSnapStatus, peer, status == SnapshotStatus::Failure);
    }

    /// Asks for the index that a linearizable read must see. The answer comes as a
    /// [`ReadState`](crate::ReadState) with the same `context`, which should be unique.
    ///
    /// An answer may be lost, with its leader or on the way: ask again after a while.
    pub fn read_index(&mut self, context: impl Into<Bytes>) -> Result<ReadIndex, Poisoned> {
        self.alive()?;
        if let Err(reason) = self.raft.node.check_queue() {
            return Ok(ReadIndex::Dropped(reason));
        }
        let entries = Entries::from(Entry::proposal(context));
        Ok(self.raft.read_index(Message { entries, ..Message::new(MessageType::MsgReadIndex) }))
    }

    /// Starts a new group with `peers` as its first members: the same call on each of them, over
    /// an empty storage. A storage that already has a configuration needs no bootstrap.
    pub fn bootstrap(&mut self, peers: &[Peer]) -> Result<(), BootstrapError> {
        self.alive()?;
        let bootstrapped = self.raft.bootstrap(peers);
        match &bootstrapped {
            // Nothing of it is on disk yet: the first `Ready` has the hard state.
            Ok(()) => self.previous_hard_state = HardState::default(),
            Err(BootstrapError::Poisoned(poisoned)) => self.poison(poisoned),
            Err(_) => {}
        }
        bootstrapped
    }

    /// Entries that the storage said it had to fetch are there now.
    pub fn on_entries_fetched(&mut self, purpose: ReadPurpose) -> Result<(), Poisoned> {
        self.alive()?;
        let fetched = self.raft.on_entries_fetched(purpose);
        self.guard(fetched)
    }

    /// Whether `ready` has anything to give. Costs next to nothing.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        debug_assert!(!self.settled || !self.has_work(), "what happened was not noticed");
        !self.settled && self.has_work()
    }

    /// Looks whether there is work.
    pub(super) fn note_whether_settled(&mut self) {
        self.settled = !self.has_work();
    }

    fn has_work(&self) -> bool {
        let node = &self.raft.node;
        self.poisoned.is_some()
            || !node.outbox.is_empty()
            || node.log.unstable().has_next_entries()
            || node.log.has_next_committed(W::ALLOW_UNSTABLE.0)
            || self.raft.soft_state() != self.previous_soft_state
            || self.changed_hard_state().is_some()
            || !node.read_states.is_empty()
            || !node.lost_reads.is_empty()
            || node.log.unstable().next_snapshot().is_some()
            || self.raft.flush_due()
    }

    fn changed_hard_state(&self) -> Option<HardState> {
        let hard_state = self.raft.hard_state();
        (!hard_state.is_empty() && hard_state != self.previous_hard_state).then_some(hard_state)
    }

    fn changed_soft_state(&self) -> Option<SoftState> {
        let soft_state = self.raft.soft_state();
        (soft_state != self.previous_soft_state).then_some(soft_state)
    }

    /// The node's status. Copies the progress of each member; [`basic_status`](Self::basic_status)
    /// copies nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.raft.status()
    }

    /// The part of the status that costs nothing to have.
    #[must_use]
    pub fn basic_status(&self) -> BasicStatus {
        self.raft.basic_status()
    }

    /// The configuration as this node has applied it.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.raft.node.tracker.config
    }

    /// The last entry of the log, persisted or not.
    #[must_use]
    pub fn last_entry_id(&self) -> EntryId {
        self.raft.node.log.last_id()
    }

    /// The term of the log's entry at `index`, persisted or not; `None` when it is compacted or not
    /// there.
    pub fn term_at(&self, index: u64) -> Result<Option<u64>, StorageError> {
        self.raft.node.log.term(index)
    }

    /// Shows `visit` each member and what is known of it, ascending by id. Where this node does not
    /// lead, nothing is known but who is there.
    pub fn with_progress(&self, mut visit: impl FnMut(u64, ProgressKind, &Progress)) {
        for (id, progress) in self.raft.full_tracker().progress.iter() {
            let kind = match progress.is_learner {
                true => ProgressKind::Learner,
                false => ProgressKind::Peer,
            };
            visit(id, kind, progress);
        }
    }

    /// The node's id.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.raft.node.id()
    }

    /// The storage.
    #[must_use]
    pub fn storage(&self) -> &S {
        self.raft.node.log.storage()
    }

    /// The storage, to write what a `Ready` asks for, and to compact.
    pub fn storage_mut(&mut self) -> &mut S {
        self.raft.node.log.storage_mut()
    }

    /// Ends the node and gives the storage back.
    #[must_use]
    pub fn into_storage(self) -> S {
        self.raft.node.log.into_storage()
    }

    /// The observer.
    #[must_use]
    pub fn observer(&self) -> &O {
        &self.raft.node.observer
    }

    /// The observer.
    pub fn observer_mut(&mut self) -> &mut O {
        &mut self.raft.node.observer
    }

    /// Replaces the drawn election timeout of the current term, in ticks: for scripts and
    /// simulations that decide who campaigns first. Within what the node could draw itself,
    /// `election_tick..2 * election_tick`.
    pub fn set_randomized_election_timeout(&mut self, ticks: u32) -> Result<(), TimeoutOutOfRange> {
        let low = self.raft.node.config.election_tick;
        let high = 2 * low - 1;
        if ticks < low || ticks > high {
            return Err(TimeoutOutOfRange { ticks, low, high });
        }
        self.raft.node.randomized_election_timeout = ticks;
        Ok(())
    }

    /// Takes what the node has not handed out yet of hard state, log and snapshot.
    pub(super) fn take_writes(&mut self) -> Result<Taken, StorageError> {
        self.raft.flush()?;
        let committed_entries = self.raft.node.log.take_committed(W::ALLOW_UNSTABLE.0)?;
        let mut hard_state = self.changed_hard_state();
        let log = &mut self.raft.node.log;
        let entries = log.unstable().next_entries();
        let snapshot = log.unstable().next_snapshot().cloned().map(Box::new);
        // Counts those that are in progress already: what answers for them answers for all.
        let last = (!log.unstable().is_empty()).then_some(log.last_id());
        let written = (last.is_some() || snapshot.is_some()).then(|| Written {
            term: self.raft.node.term,
            last,
            snapshot: snapshot.clone(),
        });
        log.accept_unstable();
        let current = self.raft.hard_state();
        // DIVERGES: etcd leaves it to the application to know that a snapshot must be synced, which
        // the acknowledgement in the same batch vouches for.
        let must_sync = must_sync(&current, &self.previous_hard_state, entries.len())
            || (self.raft.node.is_strict() && snapshot.is_some());
        if let Some(hard_state) = &hard_state {
            self.previous_hard_state = *hard_state;
        }
        if let Some(hard_state) = &mut hard_state
            && fault!(self.raft.node.config, VoteNotPersisted)
        {
            hard_state.vote = NONE;
        }
        self.raft.node.trace(ProtocolStep::HandedOut);
        Ok(Taken { hard_state, entries, snapshot, committed_entries, must_sync, written })
    }

    pub(super) fn take_soft_state(&mut self) -> Option<SoftState> {
        let changed = self.changed_soft_state();
        if let Some(soft_state) = changed {
            self.previous_soft_state = soft_state;
        }
        changed
    }
}

/// What a batch has to write and to apply.
pub(super) struct Taken {
    pub(super) hard_state: Option<HardState>,
    pub(super) entries: Entries,
    pub(super) snapshot: Option<Box<Snapshot>>,
    pub(super) committed_entries: Entries,
    pub(super) must_sync: bool,
    /// What to tell the node when all of this is on disk.
    pub(super) written: Option<Written>,
}
