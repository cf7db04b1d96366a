//! What a storage answers instead of a value, and what that does to a node.

use alloc::sync::Arc;

use thiserror::Error;

/// What a [`Storage`](crate::Storage) answers instead of a value.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The index lies before the first entry that is kept.
    #[error("requested index is unavailable due to compaction")]
    Compacted,
    /// The snapshot is not newer than the one that is kept.
    #[error("requested index is older than the existing snapshot")]
    SnapshotOutOfDate,
    /// The index lies beyond the last entry.
    #[error("requested entry at index is unavailable")]
    Unavailable,
    /// There is no snapshot yet; the core asks again later.
    #[error("snapshot is temporarily unavailable")]
    SnapshotTemporarilyUnavailable,
    /// The entries have to be fetched first; `on_entries_fetched` tells that they are there.
    #[error("log entries are temporarily unavailable")]
    LogTemporarilyUnavailable,
    /// Entries would leave a gap after the last one.
    #[error("missing log entries: last index is {last}, append starts at {append_at}")]
    Gap {
        /// The last index that is kept.
        last: u64,
        /// The index of the first entry to append.
        append_at: u64,
    },
    /// An answer that the storage's contract rules out.
    #[error("storage broke its contract: {0}")]
    Contract(&'static str),
    /// Anything else, such as a failed read. The node that meets it is lost.
    #[error("storage failed: {0}")]
    Other(Arc<dyn core::error::Error + Send + Sync>),
}

/// The node met an error of its storage in the middle of a step and will not go on: every later
/// call gives this error. Build the node again from its storage.
#[derive(Clone, Debug, Error)]
#[error("the node has failed: {0}")]
pub struct Poisoned(#[from] pub StorageError);
