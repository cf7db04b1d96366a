//! Why a message was not handled.

use raft_proto::{ConfChangeDecodeError, MessageType, UnknownEnumValue};
use thiserror::Error;

use super::construct::{ConfChangeError, ConfStateError};
use super::storage::{Poisoned, StorageError};

/// Why a proposal, a read, a transfer of leadership or a message was dropped. Nothing has been
/// appended or sent; it may be tried again.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// No leader is known.
    #[error("no leader at term {term}")]
    NoLeader {
        /// This node's term.
        term: u64,
    },
    /// Another node leads, and forwarding is switched off.
    #[error("not forwarding to leader {leader:x}")]
    ForwardingDisabled {
        /// The node that leads.
        leader: u64,
    },
    /// This node leads, and is no longer in the configuration.
    #[error("leader is not in the configuration")]
    NotInConfiguration,
    /// This node hands leadership over.
    #[error("transfer of leadership to {transferee:x} is in progress")]
    TransferInProgress {
        /// The node that is to lead.
        transferee: u64,
    },
    /// The uncommitted proposals would take more than `Config::max_uncommitted_size`.
    #[error("{uncommitted} uncommitted bytes leave no room for {proposed}, limit is {limit}")]
    QuotaExceeded {
        /// Payload bytes that are proposed and not applied.
        uncommitted: u64,
        /// Payload bytes of the dropped proposal.
        proposed: u64,
        /// The limit in payload bytes.
        limit: u64,
    },
    /// More reads wait than `Config::max_pending_reads` allows.
    #[error("{pending} reads wait already, limit is {limit}")]
    TooManyReads {
        /// How many wait.
        pending: usize,
        /// The limit.
        limit: usize,
    },
    /// More messages wait for the next `Ready` than `Config::max_queued_messages` allows.
    #[error("{queued} messages wait to be taken, limit is {limit}")]
    TooManyMessages {
        /// How many wait.
        queued: usize,
        /// The limit.
        limit: usize,
    },
    /// The log has no index left.
    #[error("the log is full")]
    LogFull,
}

/// Why a message was refused. The node is exactly as it was before.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StepError {
    /// A message that only the node itself may make came from elsewhere.
    #[error("cannot step local message {kind}")]
    Local {
        /// The message's kind.
        kind: MessageType,
    },
    /// A response from a node that is not in the configuration.
    #[error("cannot step {kind} as peer {from:x} is not found")]
    PeerNotFound {
        /// The message's kind.
        kind: MessageType,
        /// Its sender.
        from: u64,
    },
    /// No honest peer sends such a message.
    #[error("refused {kind} from {from:x}: {reason}")]
    Refused {
        /// The message's kind.
        kind: MessageType,
        /// Who claims to have sent it.
        from: u64,
        /// What is wrong with it.
        reason: Refusal,
    },
    /// The kind of the message is not known.
    #[error("refused a message from {from:x}: {error}")]
    UnknownKind {
        /// Who claims to have sent it.
        from: u64,
        /// The number given.
        error: UnknownEnumValue,
    },
    /// A forwarded proposal or read was dropped, or any message while too many wait to be taken.
    #[error("dropped: {0}")]
    Dropped(#[from] DropReason),
    /// The node has failed.
    #[error(transparent)]
    Poisoned(#[from] Poisoned),
}

impl From<StorageError> for StepError {
    fn from(error: StorageError) -> Self {
        Self::Poisoned(Poisoned(error))
    }
}

/// What is wrong with a refused message.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is for another node.
    #[error("it is addressed to {to:x}")]
    NotForUs {
        /// The addressee.
        to: u64,
    },
    /// It names no sender.
    #[error("it has no sender")]
    NoSender,
    /// It claims to come from the node itself, which sends no such message to itself.
    #[error("it claims to come from this node")]
    FromSelf,
    /// It claims to come from a storage thread, and is not a response that this node waits for.
    #[error("it claims to come from a storage thread")]
    FromStorageThread,
    /// A vote request or response without a term, or (not in `Compat::Etcd`) another message.
    #[error("it has no term")]
    TermMissing,
    /// A forwarded message with a term.
    #[error("it must not have a term and has {term}")]
    TermPresent {
        /// The message's term.
        term: u64,
    },
    /// A term so high that terms could run out.
    #[error("term {term} is above {MAX_TERM}")]
    TermTooHigh {
        /// The message's term.
        term: u64,
    },
    /// The entry at this place does not follow the one before it.
    #[error("entry {expected} expected, found {found}")]
    EntryGap {
        /// The index that is next.
        expected: u64,
        /// The index found.
        found: u64,
    },
    /// The entry's term is lower than that of the one before it.
    #[error("entry {index} has term {term} after term {previous}")]
    EntryTermRegression {
        /// The entry's index.
        index: u64,
        /// Its term.
        term: u64,
        /// The term before it.
        previous: u64,
    },
    /// The entry's term is later than that of its leader.
    #[error("entry {index} has term {term}, its leader {leader}")]
    EntryTermBeyondLeader {
        /// The entry's index.
        index: u64,
        /// Its term.
        term: u64,
        /// The message's term.
        leader: u64,
    },
    /// Indexes would run out.
    #[error("index {index} is too high")]
    IndexTooHigh {
        /// The index.
        index: u64,
    },
    /// The leader believes that this node holds entries which it does not have: its log was
    /// truncated, corrupted or lost since it acknowledged them. The node cannot go on under this
    /// id; it must be removed from the group, and come back under a new one.
    #[error(
        "commit index {commit} is beyond the last index {last_index}: was the log truncated, corrupted or lost?"
    )]
    LogLost {
        /// The commit index that the leader knows this node to hold.
        commit: u64,
        /// The last index here.
        last_index: u64,
    },
    /// A response that acknowledges entries which this leader never had.
    #[error("it acknowledges index {index}, beyond the last index {last_index}")]
    AckBeyondLog {
        /// The acknowledged index.
        index: u64,
        /// The leader's last index.
        last_index: u64,
    },
    /// A proposal without an entry.
    #[error("it proposes nothing")]
    EmptyProposal,
    /// A proposed entry of an unknown type.
    #[error(transparent)]
    UnknownEntryType(UnknownEnumValue),
    /// A proposed configuration change that cannot be decoded.
    #[error("configuration change: {0}")]
    ConfChange(#[from] ConfChangeDecodeError),
    /// A proposed configuration change that no configuration could take.
    #[error("configuration change: {0}")]
    ImpossibleConfChange(#[from] ConfChangeError),
    /// A read, or the answer to one, with another number of entries than one.
    #[error("it has {count} entries instead of 1")]
    ReadEntries {
        /// How many entries it has.
        count: usize,
    },
    /// A heartbeat response whose context is no read counter of this leader.
    #[error("it confirms reads that this leader never asked about")]
    ReadCounter,
    /// A snapshot whose configuration no group can have.
    #[error(transparent)]
    SnapshotConfState(#[from] ConfStateError),
    /// A message that only the leader sends, from a node that is not the known leader.
    #[error("it is not from the leader, {leader:x}")]
    NotFromLeader {
        /// The leader that is known.
        leader: u64,
    },
    /// A storage thread acknowledges work that it was not given.
    #[error("it acknowledges storage work up to {index} that was not handed out")]
    StorageAck {
        /// The acknowledged index.
        index: u64,
    },
}

/// The highest term that is accepted: campaigns of 2^32 further terms still have room above it.
pub const MAX_TERM: u64 = u64::MAX - (1 << 32);
