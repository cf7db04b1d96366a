//! What the tools here ask of a log storage beyond what the core reads: that it can be written. The
//! [`suite`] runs any such storage through its contract.

pub mod suite;

use raft_core::{MemoryStorage, Storage, StorageError};
use raft_proto::bytes::Bytes;
use raft_proto::{ConfState, Entries, HardState, Snapshot};

/// A [`Storage`] that can be written: the adapter that lets any storage be driven here.
///
/// # Contract
/// 1. What is written can be read at once; what was written before a [`sync`](Self::sync) that
///    succeeded is still there after a crash.
/// 2. Of what was written after the last sync, a crash leaves a prefix, in the order of the calls. A
///    hard state and a snapshot are there whole or not at all, of entries there may be the first few.
/// 3. A call that is refused with an error that is named at it has changed nothing. One that fails
///    otherwise may have been carried out, not at all or in part: the node does not go on after it;
///    it is built again from what is there.
pub trait WritableStorage: Storage {
    /// Replaces log and snapshot by `snapshot`, which came from the leader and is newer. The hard
    /// state stays.
    ///
    /// [`SnapshotOutOfDate`](StorageError::SnapshotOutOfDate) when the one that is kept reaches as
    /// far.
    fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError>;

    /// Writes `entries`. They replace whatever the log holds from the first one's index on; if there
    /// are none, nothing.
    ///
    /// [`Gap`](StorageError::Gap) when they do not follow the log.
    fn append(&mut self, entries: &Entries) -> Result<(), StorageError>;

    /// Writes term, vote and commit index, as one.
    fn set_hard_state(&mut self, hard_state: &HardState) -> Result<(), StorageError>;

    /// Makes what was written durable.
    fn sync(&mut self) -> Result<(), StorageError>;

    /// Keeps `data` and `conf_state` as the snapshot of the application's state at `index`, which is
    /// applied. When this returns it is durable. The log stays.
    ///
    /// [`SnapshotOutOfDate`](StorageError::SnapshotOutOfDate) when the one that is kept reaches as
    /// far, [`Unavailable`](StorageError::Unavailable) when `index` is beyond the log.
    fn create_snapshot(
        &mut self,
        index: u64,
        conf_state: &ConfState,
        data: Bytes,
    ) -> Result<(), StorageError>;

    /// Removes the entries up to `index`, which a snapshot stands for.
    ///
    /// [`Compacted`](StorageError::Compacted) when they are gone already,
    /// [`Unavailable`](StorageError::Unavailable) when `index` is beyond the log.
    fn compact(&mut self, index: u64) -> Result<(), StorageError>;
}

/// Durable for as long as it lives: what is in memory needs no sync.
impl WritableStorage for MemoryStorage {
    fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        MemoryStorage::apply_snapshot(self, snapshot.clone())
    }

    fn append(&mut self, entries: &Entries) -> Result<(), StorageError> {
        MemoryStorage::append(self, entries)
    }

    fn set_hard_state(&mut self, hard_state: &HardState) -> Result<(), StorageError> {
        MemoryStorage::set_hard_state(self, *hard_state);
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        Ok(())
    }

    fn create_snapshot(
        &mut self,
        index: u64,
        conf_state: &ConfState,
        data: Bytes,
    ) -> Result<(), StorageError> {
        MemoryStorage::create_snapshot(self, index, Some(conf_state.clone()), data).map(drop)
    }

    fn compact(&mut self, index: u64) -> Result<(), StorageError> {
        MemoryStorage::compact(self, index)
    }
}
