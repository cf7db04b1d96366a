//! What a run must have come across, so that one in which nothing happens does not pass.

use std::fmt;

use raft_core::{Event, Observer, VoteRequest};
use raft_proto::MessageType;

/// Something that happens on the way from one state to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reached {
    /// A node is elected.
    Elected,
    /// A leader steps down.
    Deposed,
    /// A vote is refused.
    VoteRefused,
    /// A pre-vote is refused.
    PreVoteRefused,
    /// A proposal is committed.
    Committed,
    /// A leader commits before its own disk has the entry.
    CommittedAhead,
    /// An append does not fit the log of its receiver.
    AppendRefused,
    /// Entries of a follower give way to a leader's.
    Overwritten,
    /// The storage answers for entries that have been replaced since.
    LateWrite,
    /// A process ends between two batches.
    Crashed,
    /// A process ends in the middle of a batch.
    CrashedInBatch,
    /// What was written and not synced is lost in a crash.
    UnsyncedLost,
    /// The sender of a message learns that it is lost.
    Lost,
    /// A message arrives twice.
    Duplicated,
    /// A snapshot replaces the log of a follower.
    Restored,
    /// A change of the configuration is applied.
    Changed,
    /// A joint configuration is entered.
    JointEntered,
    /// A joint configuration is left.
    JointLeft,
    /// A leader applies the change that removes it.
    LeaderRemoved,
    /// A node is told by its leader to take over.
    HandedOver,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Elected => "a leader is elected",
            Self::Deposed => "a leader steps down",
            Self::VoteRefused => "a vote is refused",
            Self::PreVoteRefused => "a pre-vote is refused",
            Self::Committed => "a proposal is committed",
            Self::CommittedAhead => "a leader commits ahead of its own disk",
            Self::AppendRefused => "an append is refused",
            Self::Overwritten => "entries are overwritten",
            Self::LateWrite => "a write is acknowledged late",
            Self::Crashed => "a process crashes",
            Self::CrashedInBatch => "a process crashes in a batch",
            Self::UnsyncedLost => "what is not synced is lost",
            Self::Lost => "a loss is reported",
            Self::Duplicated => "a message arrives twice",
            Self::Restored => "a snapshot is installed",
            Self::Changed => "a change is applied",
            Self::JointEntered => "a joint configuration is entered",
            Self::JointLeft => "a joint configuration is left",
            Self::LeaderRemoved => "a leader is removed",
            Self::HandedOver => "leadership is handed over",
        })
    }
}

/// A set of [`Reached`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ReachedSet(u32);

impl ReachedSet {
    pub(super) fn insert(&mut self, reached: Reached) {
        self.0 |= 1 << reached as u8;
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(super) fn contains(self, reached: Reached) -> bool {
        self.0 & 1 << reached as u8 != 0
    }

    pub(super) fn bits(self) -> u32 {
        self.0
    }

    pub(super) fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

/// Notes what is worth knowing of the events inside a node. It is emptied after each action, so
/// that states do not differ in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    pub(super) reached: ReachedSet,
    /// A vote for a candidate whose log is not up to date.
    pub(super) undue_vote: Option<VoteRequest>,
}

impl Observer for Witness {
    fn on_event(&mut self, event: &Event<'_>) {
        let reached = match event {
            Event::BecameLeader { .. } => Reached::Elected,
            Event::VoteRejected { request, .. } if request.kind == MessageType::MsgPreVote => {
                Reached::PreVoteRefused
            }
            Event::VoteRejected { .. } => Reached::VoteRefused,
            Event::VoteCast { request, .. } => {
                if request.candidate_last < request.last {
                    self.undue_vote = Some(*request);
                }
                return;
            }
            Event::AppendMismatch { .. } => Reached::AppendRefused,
            Event::LogConflict { .. } => Reached::Overwritten,
            Event::LowerTermAppendIgnored { .. } | Event::StableEntryMismatch { .. } => {
                Reached::LateWrite
            }
            Event::SnapshotRestored { .. } => Reached::Restored,
            Event::TimeoutNowReceived { .. } => Reached::HandedOver,
            _ => return,
        };
        self.reached.insert(reached);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let mut set = ReachedSet::default();
        assert!(!set.contains(Reached::Elected));
        set.insert(Reached::Elected);
        set.insert(Reached::HandedOver);
        assert!(set.contains(Reached::Elected) && set.contains(Reached::HandedOver));
        assert!(!set.contains(Reached::Deposed));
        assert_eq!(ReachedSet::from_bits(set.bits()), set);
    }
}
