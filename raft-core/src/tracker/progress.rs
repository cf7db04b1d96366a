//! What a leader knows of one peer.

use core::fmt;

use super::inflights::{InflightLimits, Inflights};

/// How a leader sends to a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProgressState {
    /// One append at a time, until it is known where the peer's log matches.
    #[default]
    Probe,
    /// One append after another, without waiting for the answers.
    Replicate,
    /// Nothing, until a snapshot has arrived.
    Snapshot,
}

/// `StateProbe` and so on, as etcd's texts name it.
impl fmt::Display for ProgressState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probe => "StateProbe",
            Self::Replicate => "StateReplicate",
            Self::Snapshot => "StateSnapshot",
        })
    }
}

/// Whether an append is to be sent to a peer when the next `Ready` is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum AppendDue {
    /// No.
    #[default]
    No,
    /// If there are entries for it.
    WithEntries,
    /// In any case: it carries the commit index, or probes.
    Always,
}

/// Which peers may be due for an append at the next `Ready`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum PeersDue {
    /// Nobody.
    #[default]
    Nobody,
    /// Some, maybe.
    Some,
    /// All of them, [always](AppendDue::Always): there is nothing left to mark.
    All,
}

/// What a leader knows of one peer, itself included.
///
/// Invariant: `match_index < next_index`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The highest index at which the peer's log is known to equal ours.
    pub match_index: u64,
    /// The index of the next entry to send. Entries in `match_index + 1..next_index` are on their
    /// way.
    pub next_index: u64,
    /// How to send.
    pub state: ProgressState,
    /// In [`ProgressState::Snapshot`]: the index of the snapshot that was sent.
    pub pending_snapshot: u64,
    /// Whether the peer was heard since the last check of the quorum.
    pub recent_active: bool,
    /// Appends on their way.
    pub inflights: Inflights,
    /// Whether the peer is a learner.
    pub is_learner: bool,
    /// The highest commit index that is on its way to the peer, so that a commit index it may lack
    /// can be sent at once.
    pub(crate) sent_commit: u64,
    /// No append may be sent until the peer answers.
    pub(crate) append_paused: bool,
    pub(crate) due: AppendDue,
}

impl Progress {
    /// A peer of which nothing is known, and to which `next_index` will be sent first.
    #[must_use]
    pub fn new(next_index: u64, limits: InflightLimits, is_learner: bool) -> Self {
        Self { next_index, inflights: Inflights::new(limits), is_learner, ..Self::default() }
    }

    /// Whether no append may be sent at the moment.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        match self.state {
            ProgressState::Probe | ProgressState::Replicate => self.append_paused,
            ProgressState::Snapshot => true,
        }
    }

    fn enter(&mut self, state: ProgressState) {
        self.state = state;
        self.append_paused = false;
        self.pending_snapshot = 0;
        self.inflights.reset();
    }

    /// Sends one append at a time, from after what is known to match.
    pub(crate) fn become_probe(&mut self) {
        // A snapshot that was sent may have arrived.
        let known = match self.state {
            ProgressState::Snapshot => self.match_index.max(self.pending_snapshot),
            ProgressState::Probe | ProgressState::Replicate => self.match_index,
        };
        self.enter(ProgressState::Probe);
        self.next_index = known + 1;
        self.sent_commit = self.sent_commit.min(known);
    }

    /// Sends without waiting, from after what is known to match.
    pub(crate) fn become_replicate(&mut self) {
        self.enter(ProgressState::Replicate);
        self.next_index = self.match_index + 1;
    }

    /// Waits for the snapshot at `index` to arrive.
    pub(crate) fn become_snapshot(&mut self, index: u64) {
        self.enter(ProgressState::Snapshot);
        self.pending_snapshot = index;
        self.next_index = index + 1;
        self.sent_commit = index;
    }

    /// An append with `count` entries of `bytes` payload was sent.
    pub(crate) fn sent_entries(&mut self, count: u64, bytes: u64) {
        match self.state {
            ProgressState::Replicate => {
                if count > 0 {
                    self.next_index += count;
                    self.inflights.add(self.next_index - 1, bytes);
                }
                // Also when it had no entries: the next one waits for an answer.
                self.append_paused = self.inflights.is_full();
            }
            ProgressState::Probe => {
                if count > 0 {
                    self.append_paused = true;
                }
            }
            ProgressState::Snapshot => {}
        }
    }

    /// Whether the peer may lack the commit index `index`, and an append could bring it.
    pub(crate) fn can_bump_commit(&self, index: u64) -> bool {
        // What was sent up to the last entry on its way is all that the peer can commit.
        index > self.sent_commit && self.sent_commit < self.next_index - 1
    }

    /// The commit index `commit` was sent.
    pub(crate) fn sent_commit(&mut self, commit: u64) {
        self.sent_commit = commit;
    }

    /// In [`ProgressState::Probe`]: whether the probe has entries, whose acknowledgement is above
    /// `match_index`, or is not sent yet.
    pub(crate) fn probe_will_tell_more(&self) -> bool {
        self.append_paused || self.due != AppendDue::No
    }

    /// The peer's log equals ours up to `index`. Answers whether that is news.
    pub(crate) fn maybe_update(&mut self, index: u64) -> bool {
        if index <= self.match_index {
            return false;
        }
        self.match_index = index;
        self.next_index = self.next_index.max(index + 1);
        self.append_paused = false;
        true
    }

    /// The peer rejected an append after `rejected`, and its log may match at `hint`. Answers
    /// whether `next_index` went down; otherwise the answer is an old one.
    pub(crate) fn maybe_decrease_to(&mut self, rejected: u64, hint: u64) -> bool {
        if self.state == ProgressState::Replicate {
            if rejected <= self.match_index {
                return false;
            }
            self.next_index = self.match_index + 1;
            self.sent_commit = self.sent_commit.min(self.next_index - 1);
            return true;
        }
        if self.next_index - 1 != rejected {
            return false;
        }
        self.next_index = rejected.min(hint.saturating_add(1)).max(self.match_index + 1);
        self.sent_commit = self.sent_commit.min(self.next_index - 1);
        self.append_paused = false;
        true
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} match={} next={}", self.state, self.match_index, self.next_index)?;
        if self.is_learner {
            f.write_str(" learner")?;
        }
        if self.is_paused() {
            f.write_str(" paused")?;
        }
        if self.pending_snapshot > 0 {
            write!(f, " pendingSnap={}", self.pending_snapshot)?;
        }
        if !self.recent_active {
            f.write_str(" inactive")?;
        }
        let inflight = self.inflights.count();
        if inflight > 0 {
            write!(f, " inflight={inflight}")?;
            if self.inflights.is_full() {
                f.write_str("[full]")?;
            }
        }
        Ok(())
    }
}
