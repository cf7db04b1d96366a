//! The storage keeps the contract that the core asks of it, alone and under a simulated cluster.

use std::cell::Cell;
use std::sync::Arc;

use harness::sim::kv::{Clients, KeyValue};
use harness::sim::{Chance, Plan, Seen, SimStorage, World};
use harness::storage::WritableStorage;
use harness::storage::suite::Suite;

use super::*;

/// The storage in a directory of its own. Its machine loses power in a crash, and with it any part
/// of the end of the file that was not synced.
struct Machine {
    dir: TempDir,
    storage: DiskStorage,
    /// What of the file is on disk.
    synced: u64,
}

thread_local! {
    /// How often a crash has left a record incomplete.
    static CUTS: Cell<u64> = const { Cell::new(0) };
}

impl Machine {
    fn file_len(&self) -> u64 {
        self.storage.log.metadata().unwrap().len()
    }

    fn save(
        &mut self,
        snapshot: Option<&Snapshot>,
        entries: &Entries,
        hard_state: Option<&HardState>,
        must_sync: bool,
    ) -> Result<(), StorageError> {
        self.storage.save(snapshot, entries, hard_state, must_sync).map_err(storage_error)?;
        // With a snapshot comes a new file, as a whole.
        if must_sync || snapshot.is_some() {
            self.synced = self.file_len();
        }
        Ok(())
    }
}

/// What the core has named, and else what happened.
fn storage_error(error: anyhow::Error) -> StorageError {
    error
        .downcast()
        .unwrap_or_else(|error| StorageError::Other(Arc::from(error.into_boxed_dyn_error())))
}

impl SimStorage for Machine {
    fn create(initial: Option<&Snapshot>) -> Self {
        // The crashes are simulated: a disk that takes its time to sync would show nothing more.
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { TempDir::new_in(memory) } else { tempdir() }.unwrap();
        DiskStorage::create(dir.path(), NODE_1, initial.cloned()).unwrap();
        let storage = reopen(dir.path()).unwrap();
        let synced = log_of(dir.path()).unwrap().len() as u64;
        Self { dir, storage, synced }
    }

    fn crash(&mut self, chance: &mut Chance) {
        let lost = chance.below(self.file_len() - self.synced + 1);
        self.storage.log.set_len(self.file_len() - lost).unwrap();
        let (storage, cut) = open(self.dir.path()).unwrap();
        CUTS.set(CUTS.get() + u64::from(cut.is_some()));
        self.storage = storage;
        self.synced = self.file_len();
    }
}

impl WritableStorage for Machine {
    fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        self.save(Some(snapshot), &Entries::new(), None, true)
    }

    fn append(&mut self, entries: &Entries) -> Result<(), StorageError> {
        self.save(None, entries, None, false)
    }

    fn set_hard_state(&mut self, hard_state: &HardState) -> Result<(), StorageError> {
        self.save(None, &Entries::new(), Some(hard_state), false)
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.save(None, &Entries::new(), None, true)
    }

    fn create_snapshot(
        &mut self,
        index: u64,
        conf_state: &ConfState,
        data: Bytes,
    ) -> Result<(), StorageError> {
        let all = u64::MAX;
        self.storage.compact(index, conf_state.clone(), data, all).map_err(storage_error)?;
        self.synced = self.file_len();
        Ok(())
    }

    /// The file begins with the snapshot already: only memory holds what is before.
    fn compact(&mut self, index: u64) -> Result<(), StorageError> {
        self.storage.memory.compact(index)
    }
}

impl Storage for Machine {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.storage.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.storage.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.storage.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.storage.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.storage.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.storage.snapshot()
    }
}

#[test]
fn the_storage_keeps_the_rules() {
    let crashed = |mut machine: Machine, chance: &mut Chance| {
        machine.crash(chance);
        machine
    };
    Suite::of(|| Machine::create(None)).reopened_by(crashed).check();
    assert!(CUTS.get() > 0, "no crash has left a record incomplete");
}

/// Clusters of nodes over such storages, with faults of every kind, where each rule of Raft is checked
/// after every event.
#[test]
fn clusters_over_the_storage_keep_their_promises() {
    let mut crashes = 0;
    for seed in 0..4 {
        let outcome =
            World::<Machine, KeyValue, _>::over(Plan::draw(seed), Clients::default()).run();
        assert!(outcome.violation.is_none(), "seed {seed}: {}", outcome.violation.unwrap());
        crashes += outcome.coverage.count(Seen::Crashed);
    }
    assert!(crashes > 0 && CUTS.get() > 0, "{crashes} crashes, {} cuts", CUTS.get());
}
