//! Two sets of voters, of which both must agree while one gives way to the other.

use alloc::string::String;
use core::fmt;

use super::{AckedIndex, MajorityConfig, VoteResult};
use crate::id_set::IdSet;

/// A configuration in transition (Raft §6): a decision takes a majority of each half. When it is
/// not in transition, `outgoing` is empty and has no say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct JointConfig {
    /// The voters that remain.
    pub incoming: MajorityConfig,
    /// The voters of the configuration that is being left.
    pub outgoing: MajorityConfig,
}

impl JointConfig {
    /// Whether a transition is under way.
    #[must_use]
    pub fn is_joint(&self) -> bool {
        !self.outgoing.0.is_empty()
    }

    /// Whether `id` votes in either half.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.incoming.0.contains(id) || self.outgoing.0.contains(id)
    }

    /// The voters of both halves.
    #[must_use]
    pub fn ids(&self) -> IdSet {
        self.incoming.0.iter().chain(self.outgoing.0.iter()).collect()
    }

    /// The highest index that both halves have acknowledged.
    pub fn committed_index(&self, acked: &impl AckedIndex) -> u64 {
        self.incoming.committed_index(acked).min(self.outgoing.committed_index(acked))
    }

    /// How the election stands: lost when one half is lost, won when both are won.
    pub fn vote_result(&self, vote: &impl Fn(u64) -> Option<bool>) -> VoteResult {
        let halves = [self.incoming.vote_result(vote), self.outgoing.vote_result(vote)];
        if halves.contains(&VoteResult::Lost) {
            VoteResult::Lost
        } else if halves.contains(&VoteResult::Pending) {
            VoteResult::Pending
        } else {
            VoteResult::Won
        }
    }

    /// A chart of what each voter of both halves has acknowledged, in etcd's form.
    pub fn describe(&self, acked: &impl AckedIndex) -> String {
        MajorityConfig(self.ids()).describe(acked)
    }
}

/// `(1 2 3)`, or `(1 2 3)&&(2 3 4)` when joint.
impl fmt::Display for JointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.incoming.0)?;
        if self.is_joint() {
            write!(f, "&&{}", self.outgoing.0)?;
        }
        Ok(())
    }
}
