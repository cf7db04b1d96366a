//! Floor 1. What happens inside a node, as typed events to an observer.
//!
//! The text form of an event is the log line that etcd's raft writes at that point.

mod step;
mod text;

use core::fmt;

use raft_proto::{ConfChangeV2, ConfState, MessageType};

pub use self::step::{ProtocolStep, StepState};
use crate::types::EntryId;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Details of replication.
    Debug,
    /// Changes of role, votes, conflicts: what one wants to read after an incident.
    Info,
    /// Something that should be looked at when it repeats.
    Warn,
    /// A misuse, or evidence of a bug.
    Error,
}

/// Receives the events of one node, in the order in which they happen, inside the call that causes
/// them. It must not fail.
pub trait Observer {
    /// Takes note of `event`.
    fn on_event(&mut self, event: &Event<'_>);

    /// Whether [`on_step`](Self::on_step) is to be called. Where this is a constant `false`, as by
    /// default, the steps cost nothing.
    fn wants_steps(&self) -> bool {
        false
    }

    /// Takes note of a step of the protocol, by a node that is in this state.
    fn on_step(&mut self, _state: &StepState<'_>, _step: ProtocolStep<'_>) {}
}

impl<O: Observer + ?Sized> Observer for &mut O {
    fn on_event(&mut self, event: &Event<'_>) {
        (**self).on_event(event);
    }

    fn wants_steps(&self) -> bool {
        (**self).wants_steps()
    }

    fn on_step(&mut self, state: &StepState<'_>, step: ProtocolStep<'_>) {
        (**self).on_step(state, step);
    }
}

/// Forwards events to a [`slog::Logger`], at the same levels. Nothing is formatted that the
/// logger's level does not ask for.
#[derive(Clone, Debug)]
pub struct SlogObserver {
    logger: slog::Logger,
}

impl SlogObserver {
    /// An observer that writes to `logger`.
    #[must_use]
    pub fn new(logger: slog::Logger) -> Self {
        Self { logger }
    }

    /// An observer that writes nothing.
    #[must_use]
    pub fn discard() -> Self {
        Self::new(slog::Logger::root(slog::Discard, slog::o!()))
    }
}

impl Observer for SlogObserver {
    fn on_event(&mut self, event: &Event<'_>) {
        match event.level() {
            Level::Debug => slog::debug!(self.logger, "{}", event),
            Level::Info => slog::info!(self.logger, "{}", event),
            Level::Warn => slog::warn!(self.logger, "{}", event),
            Level::Error => slog::error!(self.logger, "{}", event),
        }
    }
}

/// A role, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StateRole {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
    /// Asks whether it would get votes.
    PreCandidate,
}

/// `StateFollower` and so on: the role as etcd's texts name it.
impl fmt::Display for StateRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Follower => "StateFollower",
            Self::Candidate => "StateCandidate",
            Self::Leader => "StateLeader",
            Self::PreCandidate => "StatePreCandidate",
        })
    }
}

/// A vote request as its receiver sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VoteRequest {
    /// This node's last entry.
    pub last: EntryId,
    /// Whom this node has voted for in its term; 0 for nobody.
    pub vote: u64,
    /// `MsgVote` or `MsgPreVote`.
    pub kind: MessageType,
    /// The candidate.
    pub from: u64,
    /// The candidate's last entry.
    pub candidate_last: EntryId,
    /// This node's term.
    pub term: u64,
}

/// Why a proposed configuration change was turned into an empty entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfChangeRefused {
    /// An earlier change may not have been applied yet.
    Pending {
        /// The index up to which entries may hold that change.
        index: u64,
        /// The applied index.
        applied: u64,
    },
    /// The configuration is joint; it must be left first.
    MustLeaveJoint,
    /// The change leaves a joint configuration, and the configuration is not joint.
    NotJoint,
}

impl fmt::Display for ConfChangeRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending { index, applied } => {
                write!(f, "possible unapplied conf change at index {index} (applied to {applied})")
            }
            Self::MustLeaveJoint => f.write_str("must transition out of joint config first"),
            Self::NotJoint => f.write_str("not in joint state; refusing empty conf change"),
        }
    }
}

/// Something that happened inside node `id`.
///
/// Fields are ids, indexes, terms and things that can be displayed; `last` is the node's last entry,
/// `from`, `to` and `peer` are other nodes, `kind` is the message's.
#[derive(Clone, Copy)]
#[non_exhaustive]
#[allow(missing_docs)] // Of the fields, which are described above.
pub enum Event<'a> {
    // Construction.
    /// The node was built.
    Started { id: u64, peers: &'a [u64], term: u64, commit: u64, applied: u64, last: EntryId },

    // Roles and terms.
    /// It follows, or waits for a leader, in `term`.
    BecameFollower { id: u64, term: u64 },
    /// It asks for votes in `term`.
    BecameCandidate { id: u64, term: u64 },
    /// It asks whether it would get votes in the term after `term`.
    BecamePreCandidate { id: u64, term: u64 },
    /// It leads in `term`.
    BecameLeader { id: u64, term: u64 },
    /// A message of a later term came; the node takes that term over.
    HigherTerm { id: u64, term: u64, kind: MessageType, from: u64, message_term: u64 },
    /// A message of an earlier term came, and is ignored.
    LowerTermIgnored { id: u64, term: u64, kind: MessageType, from: u64, message_term: u64 },
    /// The storage acknowledged entries that it was given in an earlier term; they may have been
    /// replaced since.
    LowerTermAppendIgnored { id: u64, term: u64, kind: MessageType, message_term: u64 },
    /// A leader steps down, because it has not heard from a quorum.
    QuorumNotActive { id: u64 },
    /// A follower was asked to forget its leader.
    LeaderForgotten { id: u64, leader: u64, term: u64 },
    /// A follower was asked to forget its leader, and may not, because of lease reads.
    ForgetLeaderIgnored,

    // Elections.
    /// The node starts an election.
    CampaignStarted { id: u64, term: u64 },
    /// The node was asked to campaign, and leads already.
    AlreadyLeader { id: u64 },
    /// The node was asked to campaign, and cannot lead.
    NotPromotable { id: u64 },
    /// The node was asked to campaign, and has a configuration change to apply first.
    PendingConfChange { id: u64, term: u64 },
    /// The node was asked to campaign, and no term is left.
    TermsExhausted { id: u64, term: u64 },
    /// The node was asked to campaign, and no index is left for a leader's entry.
    LogExhausted { id: u64, term: u64 },
    /// The node was asked to campaign, and may not yet, because of lease reads.
    CampaignUnderLease { id: u64, term: u64, remaining_ticks: u32 },
    /// The node asks `to` for its vote.
    VoteRequested { id: u64, last: EntryId, kind: MessageType, to: u64, term: u64 },
    /// The node grants a vote.
    VoteCast { id: u64, request: VoteRequest },
    /// The node refuses a vote.
    VoteRejected { id: u64, request: VoteRequest },
    /// The node does not answer a vote request, because it hears its leader.
    VoteIgnored { id: u64, request: VoteRequest, remaining_ticks: u32 },
    /// An answer to the campaign came.
    VoteReceived { id: u64, kind: MessageType, from: u64, term: u64, granted: bool },
    /// How the campaign stands.
    VoteTally { id: u64, kind: MessageType, granted: usize, rejected: usize },

    // Proposals.
    /// A proposal is dropped, because no leader is known.
    NoLeaderForProposal { id: u64, term: u64 },
    /// A proposal is dropped, because forwarding is switched off.
    ProposalNotForwarded { id: u64, leader: u64, term: u64 },
    /// A proposal is dropped, because leadership is being handed over.
    TransferBlocksProposal { id: u64, term: u64, transferee: u64 },
    /// A proposal is dropped, because too much is uncommitted.
    QuotaExceeded { id: u64 },
    /// A proposed configuration change is replaced by an empty entry.
    ConfChangeIgnored {
        id: u64,
        change: &'a ConfChangeV2,
        config: &'a dyn fmt::Display,
        reason: ConfChangeRefused,
    },

    // Replication, seen from the leader.
    /// A peer rejected an append.
    AppendRejected { id: u64, hint: EntryId, from: u64, index: u64 },
    /// The leader goes back to where the peer may match.
    ProgressDecreased { id: u64, peer: u64, progress: &'a dyn fmt::Display },
    /// A peer that needed a snapshot can be sent entries again.
    RecoveredFromSnapshot { id: u64, peer: u64, progress: &'a dyn fmt::Display },
    /// A snapshot is on its way to a peer whose entries are compacted.
    SnapshotSent {
        id: u64,
        first_index: u64,
        commit: u64,
        snapshot: EntryId,
        to: u64,
        progress: &'a dyn fmt::Display,
    },
    /// Nothing is sent to a peer until its snapshot has arrived.
    ReplicationPaused { id: u64, peer: u64, progress: &'a dyn fmt::Display },
    /// A peer needs a snapshot, and has not been heard.
    SnapshotNotSentInactive { peer: u64 },
    /// A peer needs a snapshot, and the storage has none yet.
    SnapshotNotSentUnavailable { id: u64, peer: u64 },
    /// The application reports that a snapshot arrived.
    SnapshotSucceeded { id: u64, peer: u64, progress: &'a dyn fmt::Display },
    /// The application reports that a snapshot did not arrive.
    SnapshotFailed { id: u64, peer: u64, progress: &'a dyn fmt::Display },
    /// The application reports that a peer cannot be reached.
    PeerUnreachable { id: u64, peer: u64, progress: &'a dyn fmt::Display },
    /// A message came from a node that is not in the configuration.
    NoProgress { id: u64, peer: u64 },

    // The log, seen from a follower.
    /// An append does not fit the log: `ours` is the log's term at the index before it.
    AppendMismatch { id: u64, ours: u64, index: u64, prev: EntryId, from: u64 },
    /// An entry of an append differs from the log: the log gives way from there on.
    LogConflict { index: u64, existing_term: u64, conflicting_term: u64 },
    /// All entries that were not on disk give way.
    UnstableReplaced { from: u64 },
    /// Some entries that were not on disk give way.
    UnstableTruncated { before: u64 },
    /// The storage acknowledged an entry that is not waiting for it.
    StableEntryMissing { index: u64 },
    /// The storage acknowledged an entry that is part of a snapshot.
    StableEntryIsSnapshot { index: u64 },
    /// The storage acknowledged an entry that has been replaced since.
    StableEntryMismatch { acked: EntryId, ours: EntryId },

    // Snapshots, seen from a follower.
    /// The log gives way to a snapshot.
    LogRestoring { log: &'a dyn fmt::Display, snapshot: EntryId },
    /// A snapshot is ignored, because the node is not in its configuration.
    SnapshotNotForUs { id: u64, conf_state: &'a ConfState },
    /// A snapshot is not needed: the log holds all of it, and is committed now.
    SnapshotFastForward { id: u64, commit: u64, last: EntryId, snapshot: EntryId },
    /// A snapshot has replaced the log and the configuration.
    SnapshotRestored { id: u64, commit: u64, last: EntryId, snapshot: EntryId },
    /// What became of a snapshot.
    SnapshotHandled { id: u64, commit: u64, snapshot: EntryId, restored: bool },

    // Membership.
    /// The configuration has changed.
    ConfigSwitched { id: u64, config: &'a dyn fmt::Display },
    /// The leader proposes to leave the joint configuration.
    LeavingJoint { config: &'a dyn fmt::Display },
    /// The leader could not propose to leave the joint configuration; it will try again.
    NotLeavingJoint { config: &'a dyn fmt::Display },

    // Transfer of leadership.
    /// Leadership is to be handed over.
    TransferStarted { id: u64, term: u64, transferee: u64 },
    /// A handing over to the same node is under way already.
    TransferRepeated { id: u64, term: u64, transferee: u64 },
    /// The handing over to `transferee` gives way to another.
    TransferReplaced { id: u64, term: u64, transferee: u64 },
    /// Leadership cannot be handed to a learner.
    TransferToLearner { id: u64 },
    /// Leadership cannot be handed to the leader.
    TransferToSelf { id: u64 },
    /// A request to hand leadership over is dropped, because no leader is known.
    NoLeaderForTransfer { id: u64, term: u64 },
    /// The transferee has all entries, and is told to campaign.
    TimeoutNowSentAtOnce { id: u64, transferee: u64 },
    /// The transferee has all entries now, and is told to campaign.
    TimeoutNowSentAfterAppend { id: u64, transferee: u64 },
    /// The leader wants this node to take over.
    TimeoutNowReceived { id: u64, term: u64, from: u64 },
    /// A leader wants this node to take over, which does not follow it.
    TimeoutNowIgnored { id: u64, term: u64, role: StateRole, from: u64 },

    // Reads.
    /// A read is dropped, because no leader is known.
    NoLeaderForRead { id: u64, term: u64 },
}

impl Event<'_> {
    /// How much the event matters, as etcd sees it.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::AlreadyLeader { .. }
            | Self::TransferBlocksProposal { .. }
            | Self::AppendRejected { .. }
            | Self::ProgressDecreased { .. }
            | Self::RecoveredFromSnapshot { .. }
            | Self::SnapshotSent { .. }
            | Self::ReplicationPaused { .. }
            | Self::SnapshotNotSentInactive { .. }
            | Self::SnapshotNotSentUnavailable { .. }
            | Self::SnapshotSucceeded { .. }
            | Self::SnapshotFailed { .. }
            | Self::PeerUnreachable { .. }
            | Self::NoProgress { .. }
            | Self::AppendMismatch { .. }
            | Self::NotLeavingJoint { .. }
            | Self::TransferToLearner { .. }
            | Self::TransferToSelf { .. }
            | Self::TimeoutNowIgnored { .. } => Level::Debug,
            Self::QuorumNotActive { .. }
            | Self::NotPromotable { .. }
            | Self::PendingConfChange { .. }
            | Self::TermsExhausted { .. }
            | Self::LogExhausted { .. }
            | Self::CampaignUnderLease { .. }
            | Self::QuotaExceeded { .. }
            | Self::SnapshotNotForUs { .. } => Level::Warn,
            Self::ForgetLeaderIgnored => Level::Error,
            _ => Level::Info,
        }
    }
}

#[cfg(test)]
mod tests;
