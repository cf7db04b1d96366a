//! Floor 2. Majorities, and pairs of them: who must agree. Knows ids and indexes, no messages.

mod joint;
mod majority;

use core::fmt;

pub use self::joint::JointConfig;
pub use self::majority::MajorityConfig;

/// Tells the highest index that a voter has acknowledged.
pub trait AckedIndex {
    /// The index acknowledged by voter `id`; `None` when nothing is known of it.
    fn acked_index(&self, id: u64) -> Option<u64>;
}

impl<F: Fn(u64) -> Option<u64>> AckedIndex for F {
    fn acked_index(&self, id: u64) -> Option<u64> {
        self(id)
    }
}

/// How an election stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoteResult {
    /// Too few have voted to tell.
    Pending,
    /// A quorum can no longer be reached.
    Lost,
    /// A quorum has voted for it.
    Won,
}

/// `VoteWon` and so on, as etcd's texts name it.
impl fmt::Display for VoteResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "VotePending",
            Self::Lost => "VoteLost",
            Self::Won => "VoteWon",
        })
    }
}

#[cfg(test)]
mod tests;
