//! Floor 3. Who belongs to the group, and what a leader knows of each.

mod inflights;
mod progress;

use alloc::vec::Vec;
use core::fmt;

use raft_proto::ConfState;

pub use self::inflights::{InflightLimits, Inflights};
pub(crate) use self::progress::{AppendDue, PeersDue};
pub use self::progress::{Progress, ProgressState};
use crate::id_set::IdSet;
use crate::quorum::{JointConfig, MajorityConfig, VoteResult};

/// The members of a group, and what they are.
///
/// Invariant: voters and learners do not overlap; `learners_next` is part of the outgoing half and
/// empty, with `auto_leave` false, when the configuration is not joint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Configuration {
    /// Those who vote.
    pub voters: JointConfig,
    /// Those who receive the log and do not vote.
    pub learners: IdSet,
    /// Voters of the outgoing half that become learners when it is left. They cannot be learners
    /// yet, because their votes still count.
    pub learners_next: IdSet,
    /// Whether the leader leaves the joint configuration by itself.
    pub auto_leave: bool,
}

impl Configuration {
    /// Whether `id` is a member: a voter, in either half, or a learner.
    pub(crate) fn contains(&self, id: u64) -> bool {
        self.voters.contains(id) || self.learners.contains(id)
    }

    /// All members. Those that are to be learners are still voters of the outgoing half.
    fn members(&self) -> IdSet {
        let Self { voters: JointConfig { incoming, outgoing }, learners, .. } = self;
        incoming.0.iter().chain(outgoing.0.iter()).chain(learners.iter()).collect()
    }

    /// The same, as it is stored and sent.
    #[must_use]
    pub fn conf_state(&self) -> ConfState {
        let list = |ids: &IdSet| ids.as_slice().to_vec();
        ConfState {
            voters: list(&self.voters.incoming.0),
            voters_outgoing: list(&self.voters.outgoing.0),
            learners: list(&self.learners),
            learners_next: list(&self.learners_next),
            auto_leave: self.auto_leave,
        }
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "voters={}", self.voters)?;
        if !self.learners.is_empty() {
            write!(f, " learners={}", self.learners)?;
        }
        if !self.learners_next.is_empty() {
            write!(f, " learners_next={}", self.learners_next)?;
        }
        if self.auto_leave {
            f.write_str(" autoleave")?;
        }
        Ok(())
    }
}

/// The progress of each member, in ascending order of ids. Members are few: to walk along them takes
/// less than a search.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ProgressMap(Vec<(u64, Progress)>);

impl ProgressMap {
    fn position(&self, id: u64) -> Result<usize, usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id)
    }

    /// The progress of member `id`.
    #[must_use]
    #[inline]
    pub fn get(&self, id: u64) -> Option<&Progress> {
        self.iter().find(|(member, _)| *member == id).map(|(_, progress)| progress)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: u64) -> Option<&mut Progress> {
        self.iter_mut().find(|(member, _)| *member == id).map(|(_, progress)| progress)
    }

    pub(crate) fn insert(&mut self, id: u64, progress: Progress) {
        match self.position(id) {
            Ok(at) => {
                if let Some(entry) = self.0.get_mut(at) {
                    entry.1 = progress;
                }
            }
            Err(at) => {
                // Configurations change seldom, and groups are many.
                self.0.reserve_exact(1);
                self.0.insert(at, (id, progress));
            }
        }
    }

    pub(crate) fn remove(&mut self, id: u64) {
        if let Ok(at) = self.position(id) {
            self.0.remove(at);
        }
    }

    /// The members and their progress, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (u64, &Progress)> {
        self.0.iter().map(|(id, progress)| (*id, progress))
    }

    pub(crate) fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = (u64, &mut Progress)> {
        self.0.iter_mut().map(|(id, progress)| (*id, progress))
    }

    /// The `at`-th member, ascending, so that a broadcast can change progress while it goes.
    pub(crate) fn id_at(&self, at: usize) -> Option<u64> {
        self.0.get(at).map(|(id, _)| *id)
    }
}

/// One line a member: `1: StateReplicate match=5 next=6`.
impl fmt::Display for ProgressMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, progress) in self.iter() {
            writeln!(f, "{id}: {progress}")?;
        }
        Ok(())
    }
}

/// Configuration and progress, which change together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tracker {
    /// Who belongs to the group.
    pub config: Configuration,
    /// What a leader knows of each of them. A node that does not lead has it empty: groups are many,
    /// and lead few of their nodes.
    pub progress: ProgressMap,
    /// The limits that each new progress gets.
    pub inflight_limits: InflightLimits,
}

impl Tracker {
    /// A tracker of nobody.
    #[must_use]
    pub fn new(inflight_limits: InflightLimits) -> Self {
        Self { inflight_limits, ..Self::default() }
    }

    /// The same for a node that does not lead.
    pub(crate) fn without_progress(self) -> Self {
        Self { progress: ProgressMap::default(), ..self }
    }

    /// Whether one voter alone decides.
    #[must_use]
    pub fn is_singleton(&self) -> bool {
        self.config.voters.incoming.0.len() == 1 && !self.config.voters.is_joint()
    }

    /// The highest index that a quorum is known to hold.
    #[must_use]
    pub fn committed(&self) -> u64 {
        let acked = |id| self.progress.get(id).map(|progress| progress.match_index);
        self.config.voters.committed_index(&acked)
    }

    /// Whether a quorum was heard since the last check.
    #[must_use]
    pub fn quorum_active(&self) -> bool {
        let active = |id| {
            let progress = self.progress.get(id).filter(|progress| !progress.is_learner)?;
            Some(progress.recent_active)
        };
        self.config.voters.vote_result(&active) == VoteResult::Won
    }

    /// What node `own_id` knows of each member when it begins to lead: nothing, but where its own log
    /// ends.
    pub(crate) fn first_progress(&self, own_id: u64, last_index: u64) -> ProgressMap {
        let first = |id| {
            let is_learner = self.config.learners.contains(id);
            let match_index = if id == own_id { last_index } else { 0 };
            let unknown = Progress::new(last_index + 1, self.inflight_limits, is_learner);
            (id, Progress { match_index, ..unknown })
        };
        ProgressMap(self.config.members().iter().map(first).collect())
    }

    /// The incoming half of the voters.
    pub(crate) fn incoming(&self) -> &MajorityConfig {
        &self.config.voters.incoming
    }
}

#[cfg(test)]
mod tests;
