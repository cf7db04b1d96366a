//! Why a node, or a configuration, cannot be made.

use alloc::boxed::Box;

use raft_proto::ConfState;
use thiserror::Error;

use super::storage::{Poisoned, StorageError};

/// Twice this still is a `u32`.
pub(crate) const MAX_ELECTION_TICK: u32 = u32::MAX / 2;

/// A rule of [`Config`](crate::Config) that is broken.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// `id` is 0.
    #[error("id is 0, which means no node; it must be at least 1")]
    IdIsNone,
    /// `id` is that of a storage thread.
    #[error(
        "id is {id}, which names a storage thread; it must be below {}",
        raft_proto::LOCAL_APPLY_THREAD
    )]
    IdIsReserved {
        /// The id given.
        id: u64,
    },
    /// `heartbeat_tick` is 0.
    #[error("heartbeat_tick is 0; it must be at least 1")]
    HeartbeatTick,
    /// `election_tick` does not exceed `heartbeat_tick`.
    #[error(
        "election_tick is {election_tick}; it must be greater than heartbeat_tick, {heartbeat_tick}"
    )]
    ElectionTick {
        /// The election timeout given, in ticks.
        election_tick: u32,
        /// The heartbeat interval given, in ticks.
        heartbeat_tick: u32,
    },
    /// Twice `election_tick` does not fit its type.
    #[error("election_tick is {election_tick}; it must be at most {MAX_ELECTION_TICK}")]
    ElectionTickTooLong {
        /// The election timeout given, in ticks.
        election_tick: u32,
    },
    /// `max_inflight_msgs` is 0, so that nothing could ever be sent.
    #[error("max_inflight_msgs is 0; it must be at least 1")]
    MaxInflightMsgs,
    /// `max_inflight_bytes` would not let one full message pass.
    #[error(
        "max_inflight_bytes is {max_inflight_bytes}; it must be 0 or at least max_size_per_msg, {max_size_per_msg}"
    )]
    MaxInflightBytes {
        /// The limit given, in bytes.
        max_inflight_bytes: u64,
        /// The size of a message given, in bytes.
        max_size_per_msg: u64,
    },
    /// Both size limits are 0, so that no committed entry could ever be handed out.
    #[error("max_size_per_msg and max_committed_size_per_ready are both 0; one must be at least 1")]
    NothingCouldBeApplied,
    /// `max_pending_reads` is 0, so that no read could ever be served.
    #[error("max_pending_reads is 0; it must be at least 1")]
    MaxPendingReads,
    /// `max_queued_messages` is 0, so that no message could ever be handled.
    #[error("max_queued_messages is 0; it must be at least 1")]
    MaxQueuedMessages,
    /// Lease reads without the check that the lease rests on.
    #[error(
        "read_only is LeaseBased and check_quorum is false; lease reads need check_quorum = true"
    )]
    LeaseWithoutCheckQuorum,
}

/// Why a node cannot be built.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum NewError {
    /// A setting breaks a rule.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The storage failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The storage's configuration is not one that a group can have.
    #[error(transparent)]
    ConfState(#[from] ConfStateError),
    /// The persisted commit index lies outside the log.
    #[error("node {id:x}: commit index {commit} is out of range [{low}, {high}]")]
    CommitOutOfRange {
        /// The node's id.
        id: u64,
        /// The persisted commit index.
        commit: u64,
        /// The lowest index that it may have: the one before the first entry.
        low: u64,
        /// The highest: the last index.
        high: u64,
    },
    /// `Config::applied` lies outside the log, or under etcd's rules outside what is committed.
    #[error("node {id:x}: applied index {applied} is out of range [{low}, {high}]")]
    AppliedOutOfRange {
        /// The node's id.
        id: u64,
        /// The applied index given.
        applied: u64,
        /// The lowest index that it may have: the one before the first entry.
        low: u64,
        /// The highest: the last index, or under etcd's rules the commit index.
        high: u64,
    },
    /// The log's ends contradict each other, or leave no room for further entries.
    #[error("node {id:x}: log range [{first}, {last}] is not valid")]
    LogRange {
        /// The node's id.
        id: u64,
        /// The first index.
        first: u64,
        /// The last index.
        last: u64,
    },
}

/// Why a [`ConfState`] cannot be restored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfStateError {
    /// Its members contradict each other.
    #[error("cannot restore {conf_state:?}: {error}")]
    Invalid {
        /// The configuration given.
        conf_state: Box<ConfState>,
        /// The rule that it breaks.
        error: ConfChangeError,
    },
    /// What it restores to is another configuration, as with an id named twice.
    #[error("{conf_state:?} restores to another configuration, {restored:?}")]
    NotEquivalent {
        /// The configuration given.
        conf_state: Box<ConfState>,
        /// The configuration that its members make.
        restored: Box<ConfState>,
    },
}

/// Why a configuration change cannot be applied to a configuration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfChangeError {
    /// Entering a joint configuration from one without voters.
    #[error("can't make a zero-voter config joint")]
    ZeroVoterJoint,
    /// Entering a joint configuration twice.
    #[error("config is already joint")]
    AlreadyJoint,
    /// Leaving a configuration that is not joint.
    #[error("can't leave a non-joint config")]
    NotJoint,
    /// A simple change while joint.
    #[error("can't apply simple config change in joint config")]
    SimpleInJoint,
    /// A simple change of several voters.
    #[error("more than one voter changed without entering joint config")]
    SeveralVotersChanged,
    /// Nobody would be left to vote.
    #[error("removed all voters")]
    RemovedAllVoters,
    /// The kind of change is not known.
    #[error("unexpected conf type {value}")]
    UnknownType {
        /// The number given.
        value: i32,
    },
    /// The transition is not known.
    #[error("unexpected conf change transition {value}")]
    UnknownTransition {
        /// The number given.
        value: i32,
    },
    /// The configuration and the progress of its members contradict each other.
    #[error("{id} {problem}")]
    Inconsistent {
        /// The member at which it shows.
        id: u64,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// Why a node cannot be bootstrapped.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum BootstrapError {
    /// No peer was named.
    #[error("must provide at least one peer to bootstrap")]
    NoPeers,
    /// A peer has an id that no node can have.
    #[error("peer id {id} is not valid")]
    InvalidPeer {
        /// The id given.
        id: u64,
    },
    /// The storage is not empty, or the node has taken part in an election.
    #[error("can't bootstrap a nonempty Storage")]
    NotEmpty,
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}
