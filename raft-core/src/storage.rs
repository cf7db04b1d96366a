//! Floor 1. What the core asks of the application's log storage.

use alloc::{boxed::Box, sync::Arc};
use core::ops::Range;

use raft_proto::{ConfState, Entries, HardState, Snapshot};

use crate::error::StorageError;

/// What a storage remembers of its node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InitialState {
    /// Term, vote and commit index as last persisted; the default when none ever was.
    pub hard_state: HardState,
    /// The configuration as of the storage's snapshot (or as of `Config::applied`, when that is
    /// later and the application keeps the configuration with its state).
    pub conf_state: ConfState,
}

/// What entries are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadPurpose {
    /// To send them to this peer.
    Append {
        /// The peer's id.
        to: u64,
    },
    /// To hand them out as committed.
    Apply,
    /// To look whether a configuration change among them has not been applied yet, before the node
    /// campaigns.
    Scan,
}

/// The stable part of a node's log, as the core reads it. The core never writes: what is to be
/// persisted comes in a `Ready`, and the application writes it.
///
/// # Contract
/// 1. The log is contiguous: entries `first_index..=last_index`, each with the index of its place,
///    terms never regressing. It is empty when `last_index` is `first_index - 1`.
/// 2. The term of the entry before the first (the last one compacted, or covered by the snapshot)
///    stays known; of the empty storage of a new node it is 0, at index 0.
/// 3. An entry changes only because the core said so: a `Ready` whose entries start at or below
///    it, or with a snapshot beyond it. Compaction may take away a prefix at any time, up to the
///    applied index.
/// 4. Between two calls into the core, what the last finished `Ready` asked for is visible.
/// 5. An error that is not one of the named answers below fails this node for good (the same error
///    now and on every later call), never the process, and nothing half done is handed out.
pub trait Storage {
    /// What was persisted before the start. Called once, when a node is built.
    fn initial_state(&self) -> Result<InitialState, StorageError>;

    /// Appends to `out` the entries of `range`, as many from its start as fit `max_size` encoded
    /// bytes ([`entry_encoded_size`](raft_proto::entry_encoded_size) each), and at least one. The
    /// range is not empty and ends at most one past `last_index`.
    ///
    /// It may answer [`Compacted`](StorageError::Compacted) when the range starts before
    /// `first_index`, and, for [`ReadPurpose::Append`] and [`ReadPurpose::Apply`],
    /// [`LogTemporarilyUnavailable`](StorageError::LogTemporarilyUnavailable) when the entries
    /// have to be fetched first; then the application calls `on_entries_fetched` with the same
    /// purpose once they are there. With an error `out` must be as it was.
    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError>;

    /// The term of the entry at `index`, for `first_index - 1..=last_index`.
    /// [`Compacted`](StorageError::Compacted) below, [`Unavailable`](StorageError::Unavailable)
    /// above.
    fn term(&self, index: u64) -> Result<u64, StorageError>;

    /// The index of the first entry that [`entries`](Self::entries) can give; 1 for a new node.
    fn first_index(&self) -> Result<u64, StorageError>;

    /// The index of the last entry; `first_index - 1` when there is none.
    fn last_index(&self) -> Result<u64, StorageError>;

    /// A snapshot to send to a peer that needs entries which are compacted here. Its index must
    /// not be 0, and reach at least `first_index - 1`. A peer ignores one whose configuration does
    /// not name it.
    /// [`SnapshotTemporarilyUnavailable`](StorageError::SnapshotTemporarilyUnavailable) when there
    /// is none yet: the core asks again later.
    fn snapshot(&self) -> Result<Snapshot, StorageError>;
}

macro_rules! forward_storage {
    ($($pointer:ty),+) => {$(
        impl<S: Storage + ?Sized> Storage for $pointer {
            fn initial_state(&self) -> Result<InitialState, StorageError> {
                (**self).initial_state()
            }
            fn entries(
                &self,
                range: Range<u64>,
                max_size: u64,
                purpose: ReadPurpose,
                out: &mut Entries,
            ) -> Result<(), StorageError> {
                (**self).entries(range, max_size, purpose, out)
            }
            fn term(&self, index: u64) -> Result<u64, StorageError> {
                (**self).term(index)
            }
            fn first_index(&self) -> Result<u64, StorageError> {
                (**self).first_index()
            }
            fn last_index(&self) -> Result<u64, StorageError> {
                (**self).last_index()
            }
            fn snapshot(&self) -> Result<Snapshot, StorageError> {
                (**self).snapshot()
            }
        }
    )+};
}

forward_storage!(&S, Box<S>, Arc<S>);
