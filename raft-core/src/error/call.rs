//! Why a call of the application came to nothing.

use thiserror::Error;

use super::construct::ConfChangeError;
use super::step::{DropReason, Refusal};
use super::storage::Poisoned;

/// Why [`propose`](crate::RawNode::propose) and its kin appended and forwarded nothing.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ProposeError {
    /// The proposal was dropped; it may be tried again.
    #[error("raft proposal dropped: {0}")]
    Dropped(#[from] DropReason),
    /// The proposal can never be accepted.
    #[error("raft proposal refused: {0}")]
    Refused(#[from] Refusal),
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

/// Why a configuration change that was committed has no effect.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ApplyConfChangeError {
    /// It cannot be applied to the current configuration, on no replica. The configuration stays
    /// as it is.
    #[error(transparent)]
    Invalid(#[from] ConfChangeError),
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

/// Why no `Ready` can be had.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ReadyError {
    /// The last one has not been advanced. If it was dropped, what it held is lost to the node:
    /// build the node again from its storage.
    #[error("the last Ready has not been advanced")]
    Outstanding,
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

/// Why a finished batch was not taken.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum AdvanceError {
    /// It was handed out by another node.
    #[error("the batch was handed out by another node")]
    Foreign,
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

/// Why a node did not campaign when it was asked to.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum CampaignError {
    /// It may not, now.
    #[error(transparent)]
    Refused(#[from] CampaignRefused),
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

/// Why a node may not campaign.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CampaignRefused {
    /// It leads already.
    #[error("the node leads already")]
    AlreadyLeader,
    /// It is no voter of its configuration, or has a snapshot that is not persisted.
    #[error("the node is not a voter, or has a snapshot to persist first")]
    NotPromotable,
    /// A committed configuration change has not been applied, so that the node may not know its
    /// voters.
    #[error("a committed configuration change has not been applied")]
    PendingConfChange,
    /// No index is left for a leader's first entry.
    #[error("the log is full")]
    LogFull,
    /// No term is left.
    #[error("term {term} is too high to campaign")]
    TermsExhausted {
        /// The node's term.
        term: u64,
    },
    /// A leader's lease rests on this node's refusal to vote, also for itself.
    #[error(
        "lease-based reads rest on the node's refusal to vote, for {remaining_ticks} ticks yet"
    )]
    LeaseBasedReads {
        /// Ticks after which it may.
        remaining_ticks: u32,
    },
}

/// Why leadership is not handed to a node.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransferRefused {
    /// No node can have the id: it is 0, or stands for a storage thread.
    #[error("{transferee:x} is not the id of a node")]
    NotANode {
        /// The id given.
        transferee: u64,
    },
    /// It is not in the configuration of the leader.
    #[error("{transferee:x} is not in the configuration")]
    NotInConfiguration {
        /// The node that was to lead.
        transferee: u64,
    },
    /// It is a learner, which cannot be elected.
    #[error("{transferee:x} is a learner")]
    Learner {
        /// The node that was to lead.
        transferee: u64,
    },
    /// It is the leader itself. A transfer to another node that was under way is off.
    #[error("the node leads already")]
    AlreadyLeader,
}

/// Why a node does not forget its leader.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForgetRefused {
    /// The leader's lease rests on this node's refusal to vote.
    #[error("lease-based reads rest on the node's refusal to vote")]
    LeaseBasedReads,
    /// It leads.
    #[error("the node leads")]
    Leads,
    /// It campaigns, and so knows no leader.
    #[error("the node campaigns")]
    Campaigns,
}

/// Why a randomized election timeout was not set.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("election timeout {ticks} is out of range [{low}, {high}]")]
pub struct TimeoutOutOfRange {
    /// The timeout given, in ticks.
    pub ticks: u32,
    /// The shortest that a node would draw, in ticks.
    pub low: u32,
    /// The longest, in ticks.
    pub high: u32,
}
