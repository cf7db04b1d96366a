//! What is noticed inside nodes: whether a run has been where bugs live.

use raft_core::{Event, Observer, ProtocolStep, StepState, VoteRequest};
use raft_proto::MessageType;

use crate::tla::TlaObserver;

macro_rules! seen {
    ($($name:ident $text:literal,)+) => {
        /// States that a batch of runs must have been in. One that was never reached proves nothing.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // Their text says what they are.
        pub enum Seen { $($name,)+ }

        impl Seen {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it is.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

seen! {
    Elected "a leader is elected",
    PreVoteRefused "a pre-vote is refused",
    VoteRefused "a vote is refused",
    VoteIgnored "a vote request is ignored, because a leader is heard",
    QuorumLost "a leader steps down without a quorum",
    HigherTerm "a node meets a later term",
    Conflict "a follower's log gives way",
    ConflictOverTerms "a conflict over more than one term",
    AppendRejected "an append is rejected",
    SnapshotSent "a snapshot is sent",
    SnapshotRestored "a snapshot replaces a log",
    SnapshotFastForward "a snapshot is found to be in the log already",
    SnapshotFailed "a snapshot does not arrive",
    SnapshotInJoint "a snapshot of a joint configuration is restored",
    StaleStorageAck "a storage acknowledges what was replaced since",
    JointEntered "a joint configuration is entered",
    JointLeft "a joint configuration is left",
    ConfChangeRefused "a configuration change is refused",
    LeaderRemoved "a leader is removed",
    CampaignBlocked "a campaign waits for a configuration change to be applied",
    LearnerPromoted "a learner becomes a voter",
    TransferStarted "a transfer of leadership begins",
    TimeoutNow "a node is told to take over",
    LeaderForgotten "a follower forgets its leader",
    ConfChangeV1 "a configuration change of the first form is applied",
    MixedFlags "a leader's voters differ in pre-vote or check-quorum",
    AppendedAside "an append thread has written what it was asked to",
    SafeRead "a read is answered by a round of heartbeats",
    LeaseRead "a read is answered by lease",
    ReadLost "a read is reported as lost",
    ProposalDropped "a proposal is dropped",
    QuotaExceeded "a proposal finds too much uncommitted",
    ProposalForwarded "a proposal is forwarded",
    BatchProposed "several proposals are made as one",
    Applied "an entry is applied",
    DuplicateApplied "a request is in the log twice",
    MessageRefused "a message is refused",
    MessageLost "a message is lost by chance",
    MessageCut "a message is lost to a link that is down",
    MessageToNobody "a message finds no process",
    MessageDuplicated "a message arrives twice",
    MessageReordered "a message arrives after a later one",
    MessageHeldUp "a message is held up for seconds",
    LinkFull "a link has no room for a message",
    LinkBusy "a message waits for others to be taken in by its link",
    Partitioned "links go down both ways",
    CutOneWay "links go down in one direction",
    Bridged "two sides hear each other through a bridge",
    Clogged "a clogged link holds a message back",
    Crashed "a process crashes",
    CrashedInWrite "a process crashes between two writes to its disk",
    CrashedWhileLeading "a leader crashes",
    WriteLost "a crash loses writes that were not synced",
    WriteTorn "a crash leaves a part of a write",
    PowerCut "all processes crash at once",
    Paused "a process stands still",
    ClockJumped "a clock goes forward",
    ClockDrifts "a clock that is too fast or too slow ticks",
    WriteFailed "a write fails",
    SyncFailed "a sync fails",
    DiskFull "a full disk refuses a write",
    DiskSlow "a slow disk is waited for",
    SnapshotPutOff "a snapshot waits for room on the disk",
    SnapshotTorn "a process ends while it makes a snapshot",
    SaveTorn "a process ends while it makes its state durable",
    CompactionMissed "a process ends between a snapshot and the compaction",
    ReadDelayed "entries have to be fetched",
    NoSnapshot "a node has no snapshot to send",
    Wiped "a disk is lost",
    RestartedFromSnapshot "a node starts from a snapshot",
    RestartedDurableMachine "a node starts with a durable state machine",
    RestartedAheadOfCommit "a node starts with a state machine ahead of the commit index on its disk",
    Compacted "a log is compacted",
    DeadForEver "a node stays dead after the faults",
    DeadDuringChange "nodes stay dead while a configuration changes, or is joint",
    DeadWithLaggard "nodes stay dead while one of the others lacks what is committed",
    Slept "a node sleeps through many ticks",
}

/// Counts of [`Seen`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage(Vec<u64>);

impl Default for Coverage {
    fn default() -> Self {
        Self(vec![0; Seen::ALL.len()])
    }
}

impl Coverage {
    pub(super) fn note(&mut self, seen: Seen) {
        self.0[seen as usize] += 1;
    }

    /// How often.
    #[must_use]
    pub fn count(&self, seen: Seen) -> u64 {
        self.0[seen as usize]
    }

    /// Adds what another run has seen.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own += other;
        }
    }
}

/// What has been noticed since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Noticed {
    pub(super) seen: Vec<Seen>,
    /// The terms in which this node became leader.
    pub(super) led: Vec<u64>,
    /// The votes and pre-votes that it has granted.
    pub(super) granted: Vec<VoteRequest>,
    /// Whether it has begun to hand its leadership over.
    pub(super) hands_over: bool,
}

/// A node's observer.
#[derive(Debug)]
pub(super) struct Watch {
    noticed: Noticed,
    trace: Option<TlaObserver>,
}

impl Watch {
    pub(super) fn new(trace: Option<TlaObserver>) -> Self {
        Self { noticed: Noticed::default(), trace }
    }

    pub(super) fn take(&mut self) -> Noticed {
        std::mem::take(&mut self.noticed)
    }

    /// What the node handed out last is on its disk.
    pub(super) fn persisted(&mut self) {
        if let Some(trace) = &mut self.trace {
            trace.persisted();
        }
    }
}

impl Observer for Watch {
    fn wants_steps(&self) -> bool {
        self.trace.as_ref().is_some_and(Observer::wants_steps)
    }

    fn on_step(&mut self, state: &StepState<'_>, step: ProtocolStep<'_>) {
        if let Some(trace) = &mut self.trace {
            trace.on_step(state, step);
        }
    }

    fn on_event(&mut self, event: &Event<'_>) {
        if let Some(trace) = &mut self.trace {
            trace.on_event(event);
        }
        let seen = match event {
            Event::BecameLeader { term, .. } => {
                self.noticed.led.push(*term);
                Seen::Elected
            }
            Event::VoteCast { request, .. } => {
                self.noticed.granted.push(*request);
                return;
            }
            Event::VoteRejected { request, .. } if request.kind == MessageType::MsgPreVote => {
                Seen::PreVoteRefused
            }
            Event::VoteRejected { .. } => Seen::VoteRefused,
            Event::VoteIgnored { .. } => Seen::VoteIgnored,
            Event::QuorumNotActive { .. } => Seen::QuorumLost,
            Event::HigherTerm { .. } => Seen::HigherTerm,
            Event::LogConflict { existing_term, conflicting_term, .. } => {
                match conflicting_term > &(existing_term + 1) {
                    true => Seen::ConflictOverTerms,
                    false => Seen::Conflict,
                }
            }
            Event::AppendRejected { .. } => Seen::AppendRejected,
            Event::SnapshotSent { .. } => Seen::SnapshotSent,
            Event::SnapshotRestored { .. } => Seen::SnapshotRestored,
            Event::SnapshotFastForward { .. } => Seen::SnapshotFastForward,
            Event::SnapshotFailed { .. } => Seen::SnapshotFailed,
            Event::LowerTermAppendIgnored { .. } | Event::StableEntryMismatch { .. } => {
                Seen::StaleStorageAck
            }
            Event::ConfChangeIgnored { .. } => Seen::ConfChangeRefused,
            Event::PendingConfChange { .. } => Seen::CampaignBlocked,
            Event::TransferStarted { .. } => {
                self.noticed.hands_over = true;
                Seen::TransferStarted
            }
            Event::TimeoutNowReceived { .. } => Seen::TimeoutNow,
            Event::LeaderForgotten { .. } => Seen::LeaderForgotten,
            Event::QuotaExceeded { .. } => Seen::QuotaExceeded,
            _ => return,
        };
        self.noticed.seen.push(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up() {
        let (mut one, mut other) = (Coverage::default(), Coverage::default());
        one.note(Seen::Wiped);
        other.note(Seen::Wiped);
        other.note(Seen::Elected);
        one.merge(&other);
        assert_eq!((one.count(Seen::Wiped), one.count(Seen::Elected)), (2, 1));
        assert_eq!(one.count(Seen::Paused), 0);
    }

    #[test]
    fn every_state_has_a_text_of_its_own() {
        let texts: std::collections::BTreeSet<_> = Seen::ALL.iter().map(|s| s.text()).collect();
        assert_eq!(texts.len(), Seen::ALL.len());
    }
}
