//! The library's storage in memory, with a counter.

use std::cell::Cell;
use std::ops::Range;

use raft_core::proto::{ConfState, Entries, Snapshot};
use raft_core::{InitialState, MemoryStorage, ReadPurpose, Storage, StorageError};

/// Keeps the log, and counts how often the node reads it.
#[derive(Clone, Debug)]
pub struct Kept {
    log: MemoryStorage,
    calls: Cell<u64>,
}

impl Kept {
    pub(super) fn new(conf_state: ConfState) -> Self {
        Self { log: MemoryStorage::with_conf_state(conf_state), calls: Cell::new(0) }
    }

    pub(super) fn log(&self) -> &MemoryStorage {
        &self.log
    }

    pub(super) fn log_mut(&mut self) -> &mut MemoryStorage {
        &mut self.log
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.get()
    }

    fn count(&self) -> &MemoryStorage {
        self.calls.set(self.calls.get() + 1);
        &self.log
    }
}

impl Storage for Kept {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.count().initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.count().entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.count().term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.count().first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.count().last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.count().snapshot()
    }
}
