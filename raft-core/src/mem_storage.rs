//! Floor 1. The reference storage: everything in memory.

use core::ops::Range;

use bytes::Bytes;
use raft_proto::{ConfState, Entries, HardState, Snapshot, SnapshotMetadata};

use crate::entry_run::{EntryRun, last_of_run};
use crate::error::StorageError;
use crate::storage::{InitialState, ReadPurpose, Storage};
use crate::types::EntryId;

/// A [`Storage`] in memory, for tests, for simulations, and for applications that keep their log
/// elsewhere and mirror it here. It shares the segments of what is appended, so that no entry is
/// copied.
#[derive(Clone, Debug)]
pub struct MemoryStorage {
    hard_state: HardState,
    snapshot: Snapshot,
    /// The entry before the first: compacted, or the snapshot's last one.
    before_first: EntryId,
    log: EntryRun,
}

impl Default for MemoryStorage {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStorage {
    /// The empty storage of a new node, which has no configuration yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            hard_state: HardState::default(),
            snapshot: Snapshot::default(),
            before_first: EntryId::default(),
            log: EntryRun::new(1),
        }
    }

    /// The storage of a new node whose group starts with `conf_state`: each node of the group gets
    /// the same one.
    #[must_use]
    pub fn with_conf_state(conf_state: ConfState) -> Self {
        let mut storage = Self::new();
        let metadata = SnapshotMetadata { conf_state: Some(conf_state), ..Default::default() };
        storage.snapshot.metadata = Some(metadata);
        storage
    }

    /// The hard state last set.
    #[must_use]
    pub fn hard_state(&self) -> &HardState {
        &self.hard_state
    }

    /// Remembers `hard_state`.
    pub fn set_hard_state(&mut self, hard_state: HardState) {
        self.hard_state = hard_state;
    }

    /// The snapshot that was applied or made last; empty when there was none.
    #[must_use]
    pub fn last_snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Replaces log and snapshot by `snapshot`, as one that came from the leader does.
    ///
    /// [`SnapshotOutOfDate`](StorageError::SnapshotOutOfDate) when the one that is kept reaches as
    /// far; then nothing has changed.
    pub fn apply_snapshot(&mut self, snapshot: Snapshot) -> Result<(), StorageError> {
        let kept = self.snapshot.index();
        if kept != 0 && kept >= snapshot.index() {
            return Err(StorageError::SnapshotOutOfDate);
        }
        let next = next_index(snapshot.index())?;
        self.before_first = EntryId::new(snapshot.term(), snapshot.index());
        self.log = EntryRun::new(next);
        self.snapshot = snapshot;
        Ok(())
    }

    /// Makes a snapshot of the application's state `data` as of `index`, to be sent to peers.
    /// `conf_state` is the configuration as of `index`; `None` keeps the last snapshot's. The log
    /// stays; [`compact`](Self::compact) shortens it.
    ///
    /// [`SnapshotOutOfDate`](StorageError::SnapshotOutOfDate) when the one that is kept reaches as
    /// far, [`Unavailable`](StorageError::Unavailable) when `index` is beyond the log,
    /// [`Compacted`](StorageError::Compacted) when its term is no longer known.
    pub fn create_snapshot(
        &mut self,
        index: u64,
        conf_state: Option<ConfState>,
        data: Bytes,
    ) -> Result<&Snapshot, StorageError> {
        if index <= self.snapshot.index() {
            return Err(StorageError::SnapshotOutOfDate);
        }
        let term = self.term(index)?;
        let kept = self.snapshot.metadata.take().and_then(|metadata| metadata.conf_state);
        self.snapshot = Snapshot {
            data,
            metadata: Some(SnapshotMetadata { conf_state: conf_state.or(kept), index, term }),
        };
        Ok(&self.snapshot)
    }

    /// Removes the entries up to and including `index`, which must be applied. A peer that needs
    /// one of them gets a snapshot, for which [`create_snapshot`](Self::create_snapshot) comes first.
    ///
    /// [`Compacted`](StorageError::Compacted) when they are gone already,
    /// [`Unavailable`](StorageError::Unavailable) when `index` is beyond the log.
    pub fn compact(&mut self, index: u64) -> Result<(), StorageError> {
        if index <= self.before_first.index {
            return Err(StorageError::Compacted);
        }
        let term = self.term(index)?;
        self.before_first = EntryId::new(term, index);
        self.log.drop_below(next_index(index)?);
        Ok(())
    }

    /// Writes `entries`: those that are compacted already are skipped, and everything from the
    /// first of the rest on is replaced.
    ///
    /// [`Gap`](StorageError::Gap) when they do not follow the log,
    /// [`Contract`](StorageError::Contract) when they are not contiguous; then nothing has changed.
    pub fn append(&mut self, entries: &Entries) -> Result<(), StorageError> {
        let Some(first) = entries.first().map(|e| e.index) else { return Ok(()) };
        let torn = StorageError::Contract("entries are not contiguous");
        next_index(last_of_run(first, entries).ok_or(torn)?)?;
        let skip = self.log.first().saturating_sub(first).min(entries.len() as u64);
        if skip == entries.len() as u64 {
            return Ok(());
        }
        let first = first + skip;
        if first > self.log.next() {
            return Err(StorageError::Gap { last: self.log.next() - 1, append_at: first });
        }
        self.log.truncate_from(first);
        if skip == 0 {
            self.log.append(entries);
        } else {
            self.log.append(&entries.slice(skip as usize..entries.len()));
        }
        Ok(())
    }
}

/// Index u64::MAX is never used, so that "one past the last" always exists.
fn next_index(index: u64) -> Result<u64, StorageError> {
    match index.checked_add(1) {
        Some(next) if next != u64::MAX => Ok(next),
        _ => Err(StorageError::Contract("index is too high")),
    }
}

impl Storage for MemoryStorage {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        let conf_state = self.snapshot.metadata.as_ref().and_then(|m| m.conf_state.clone());
        Ok(InitialState { hard_state: self.hard_state, conf_state: conf_state.unwrap_or_default() })
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        _: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        if range.start < self.log.first() {
            return Err(StorageError::Compacted);
        }
        if range.end > self.log.next() {
            return Err(StorageError::Unavailable);
        }
        self.log.slice_limited(range, max_size, out);
        Ok(())
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        if index < self.before_first.index {
            return Err(StorageError::Compacted);
        }
        if index == self.before_first.index {
            return Ok(self.before_first.term);
        }
        self.log.get(index).map(|e| e.term).ok_or(StorageError::Unavailable)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        Ok(self.log.first())
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        Ok(self.log.next() - 1)
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        // One that the log does not go on from would leave a peer asking for another.
        if self.snapshot.index() < self.before_first.index || self.snapshot.is_empty() {
            return Err(StorageError::SnapshotTemporarilyUnavailable);
        }
        Ok(self.snapshot.clone())
    }
}

#[cfg(test)]
mod tests;
