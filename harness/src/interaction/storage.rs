//! A node's storage, and the state machine that its snapshots are made of.

use std::ops::Range;

use bytes::Bytes;
use raft_core::{Compat, EntryId, InitialState, MemoryStorage, ReadPurpose, Storage, StorageError};
use raft_proto::{ConfState, Entries, HardState, Snapshot};

/// A [`MemoryStorage`] that hands out a snapshot of the newest applied state, whatever has been
/// compacted.
///
/// The state machine appends: its state is the concatenation of all that was applied. Each state
/// it was ever in is kept as a snapshot. It does not take over the state of a snapshot that is
/// installed, so that after one it may hand out a configuration that is no longer right: that is
/// how etcd's environment does it, and its scripts show it.
#[derive(Clone, Debug)]
pub(super) struct HistoryStorage {
    pub(super) memory: MemoryStorage,
    first: Snapshot,
    /// What came after `first`.
    later: Vec<Snapshot>,
    stale: bool,
    /// etcd's environment writes no snapshot that comes with entries. There is no harm in it, so
    /// that only its texts need it.
    compat: Compat,
}

impl HistoryStorage {
    /// A storage with an empty log, and a state machine that starts from `first`.
    pub(super) fn new(first: Snapshot, compat: Compat) -> Self {
        let memory = MemoryStorage::new();
        HistoryStorage { memory, first, later: Vec::new(), stale: false, compat }
    }

    fn newest(&self) -> &Snapshot {
        self.later.last().unwrap_or(&self.first)
    }

    /// Writes what a `Ready` or a `MsgStorageAppend` asks for.
    pub(super) fn write(
        &mut self,
        hard_state: Option<&HardState>,
        entries: &Entries,
        snapshot: Option<&Snapshot>,
    ) -> Result<(), WriteError> {
        if let Some(hard_state) = hard_state.filter(|hard_state| !hard_state.is_empty()) {
            self.memory.set_hard_state(*hard_state);
        }
        if let Some(snapshot) = snapshot.filter(|snapshot| !snapshot.is_empty()) {
            if self.compat == Compat::Etcd && !entries.is_empty() {
                return Err(WriteError::SnapshotAndEntries);
            }
            self.stale |= snapshot.conf_state() != self.newest().conf_state();
            self.memory.apply_snapshot(snapshot.clone())?;
        }
        Ok(self.memory.append(entries)?)
    }

    /// The state machine has applied `update` as the entry `at`. `conf_state` is the configuration
    /// from then on, if it has changed.
    pub(super) fn applied(&mut self, at: EntryId, update: &Bytes, conf_state: Option<ConfState>) {
        let before = self.newest();
        let data = [&before.data[..], update].concat();
        let conf_state = conf_state.unwrap_or_else(|| before.conf_state().clone());
        self.later.push(Snapshot::new(at.index, at.term, conf_state, data));
    }

    /// Whether a snapshot was installed whose configuration the state machine did not have.
    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    /// The whole log.
    pub(super) fn log(&self) -> Result<Entries, StorageError> {
        let mut entries = Entries::new();
        let range = self.first_index()?..self.last_index()? + 1;
        if !range.is_empty() {
            self.memory.entries(range, u64::MAX, ReadPurpose::Scan, &mut entries)?;
        }
        Ok(entries)
    }

    /// Forgets the states that a restarted state machine does not have: it starts from the
    /// storage's own snapshot. The first state always stays.
    ///
    /// # Errors
    /// The log no longer reaches back to that snapshot, so that the state between is lost.
    pub(super) fn restart(&mut self) -> Result<(), LogCompacted> {
        let snapshot = self.memory.last_snapshot().index();
        let first = self.memory.first_index().unwrap_or(1);
        if first > snapshot + 1 {
            return Err(LogCompacted { first, snapshot });
        }
        self.later.retain(|state| state.index() <= snapshot);
        Ok(())
    }
}

/// Why a write was refused.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// Both a snapshot and entries are to be written.
    #[error("can't apply snapshot and entries at the same time")]
    SnapshotAndEntries,
    /// The storage's own reason.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A log that has been compacted further than the storage's snapshot reaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogCompacted {
    pub(super) first: u64,
    pub(super) snapshot: u64,
}

impl Storage for HistoryStorage {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.memory.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.memory.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.memory.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.memory.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.memory.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        Ok(self.newest().clone())
    }
}

#[cfg(test)]
mod tests {
    use raft_proto::Entry;

    use super::*;

    fn snapshot(index: u64, voters: &[u64]) -> Snapshot {
        Snapshot::new(index, 1, ConfState::new(voters, []), "first")
    }

    fn storage(compat: Compat) -> HistoryStorage {
        let mut storage = HistoryStorage::new(snapshot(10, &[1]), compat);
        storage.memory.apply_snapshot(snapshot(10, &[1])).unwrap();
        let entries = (11..=13).map(|index| Entry::new(1, index, "")).collect();
        storage.write(None, &entries, None).unwrap();
        storage
    }

    fn served(storage: &HistoryStorage) -> (u64, Bytes, Vec<u64>) {
        let snapshot = storage.snapshot().unwrap();
        (snapshot.index(), snapshot.data.clone(), snapshot.conf_state().voters.clone())
    }

    #[test]
    fn snapshots_are_of_the_newest_applied_state() {
        let mut storage = storage(Compat::Etcd);
        assert_eq!(served(&storage), (10, "first".into(), vec![1]));
        let two = ConfState::new([1, 2], []);
        storage.applied(EntryId::new(1, 11), &"+a".into(), Some(two));
        storage.applied(EntryId::new(1, 12), &"+b".into(), None);
        assert_eq!(served(&storage), (12, "first+a+b".into(), vec![1, 2]));
    }

    #[test]
    fn a_restart_starts_from_the_stored_snapshot() {
        let mut storage = storage(Compat::Etcd);
        storage.applied(EntryId::new(1, 11), &"+a".into(), None);
        storage.restart().unwrap();
        assert_eq!(served(&storage), (10, "first".into(), vec![1]));

        storage.memory.compact(11).unwrap();
        let error = storage.restart().unwrap_err();
        assert_eq!((error.first, error.snapshot), (12, 10));
    }

    #[test]
    fn an_installed_snapshot_does_not_reach_the_state_machine() {
        let mut storage = storage(Compat::Etcd);
        storage.write(None, &Entries::new(), Some(&snapshot(20, &[1]))).unwrap();
        assert_eq!(served(&storage).0, 10);
        assert!(!storage.is_stale());
        storage.write(None, &Entries::new(), Some(&snapshot(30, &[1, 2]))).unwrap();
        assert!(storage.is_stale());
    }

    #[test]
    fn a_snapshot_with_entries_is_refused_under_etcds_rules_alone() {
        let entries = Entries::from(Entry::new(1, 21, ""));
        let error = storage(Compat::Etcd).write(None, &entries, Some(&snapshot(20, &[1])));
        assert!(matches!(error, Err(WriteError::SnapshotAndEntries)));

        let mut strict = storage(Compat::Strict);
        strict.write(None, &entries, Some(&snapshot(20, &[1]))).unwrap();
        assert_eq!(strict.last_index().unwrap(), 21);
    }
}
