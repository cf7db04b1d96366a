//! A storage in memory for raft-rs.

use std::cell::Cell;

use raft::prelude::*;
use raft::util::limit_size;
use raft::{GetEntriesContext, Result, StorageError};

/// Keeps the log, and counts how often the node reads it.
///
/// raft-rs's own `MemStorage` would be slower: it takes a lock at each call, and copies what it is
/// given.
#[derive(Clone)]
pub(crate) struct Kept {
    state: RaftState,
    /// Index and term of the entry before the first.
    before_first: (u64, u64),
    entries: Vec<Entry>,
    calls: Cell<u64>,
}

impl Kept {
    pub(super) fn new(conf_state: ConfState) -> Self {
        Self {
            state: RaftState::new(HardState::default(), conf_state),
            before_first: (0, 0),
            entries: Vec::new(),
            calls: Cell::new(0),
        }
    }

    pub(super) fn append(&mut self, mut entries: Vec<Entry>) {
        let Some(first) = entries.first() else { return };
        let kept = first.index.checked_sub(self.first()).expect("what is compacted is applied");
        assert!(kept as usize <= self.entries.len(), "entries follow the log");
        self.entries.truncate(kept as usize);
        self.entries.append(&mut entries);
    }

    pub(super) fn set_hard_state(&mut self, hard_state: HardState) {
        self.state.hard_state = hard_state;
    }

    pub(super) fn set_commit(&mut self, commit: u64) {
        self.state.hard_state.commit = commit;
    }

    pub(super) fn commit(&self) -> u64 {
        self.state.hard_state.commit
    }

    pub(super) fn compact(&mut self, index: u64) {
        let Some(position) = index.checked_sub(self.first()) else { return };
        self.before_first = (index, self.entries[position as usize].term);
        self.entries.drain(..=position as usize);
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.get()
    }

    fn first(&self) -> u64 {
        self.before_first.0 + 1
    }

    fn count(&self) {
        self.calls.set(self.calls.get() + 1);
    }
}

impl Storage for Kept {
    fn initial_state(&self) -> Result<RaftState> {
        self.count();
        Ok(self.state.clone())
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        self.count();
        let first = self.first();
        if low < first {
            return Err(StorageError::Compacted.into());
        }
        let mut entries = Vec::new();
        let range = &self.entries[(low - first) as usize..(high - first) as usize];
        match max_size.into() {
            None | Some(u64::MAX) => entries.extend_from_slice(range),
            Some(max_size) => {
                // What does not fit need not be copied.
                let mut size = 0;
                let fits = range.iter().take_while(|entry| {
                    size += entry.data.len() as u64;
                    size <= max_size
                });
                let count = fits.count().max(1);
                entries.extend_from_slice(&range[..count]);
                limit_size(&mut entries, Some(max_size));
            }
        }
        Ok(entries)
    }

    fn term(&self, index: u64) -> Result<u64> {
        self.count();
        let (before_first, term) = self.before_first;
        if index == before_first {
            return Ok(term);
        }
        let position = index.checked_sub(self.first()).ok_or(StorageError::Compacted)?;
        let entry = self.entries.get(position as usize).ok_or(StorageError::Unavailable)?;
        Ok(entry.term)
    }

    fn first_index(&self) -> Result<u64> {
        self.count();
        Ok(self.first())
    }

    fn last_index(&self) -> Result<u64> {
        self.count();
        Ok(self.before_first.0 + self.entries.len() as u64)
    }

    fn snapshot(&self, _: u64, _: u64) -> Result<Snapshot> {
        self.count();
        Err(StorageError::SnapshotTemporarilyUnavailable.into())
    }
}
