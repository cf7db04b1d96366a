//! A node's disk: it loses what was not synced, fails when it is told to, and keeps reads waiting.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use raft_core::{InitialState, MemoryStorage, ReadPurpose, Storage, StorageError};
use raft_proto::bytes::Bytes;
use raft_proto::{ConfState, Entries, HardState, Snapshot};

use super::chance::Chance;
use crate::storage::WritableStorage;

/// A storage that can live in the simulated cluster.
pub trait SimStorage: WritableStorage {
    /// The storage of a new node: with this snapshot, or empty.
    fn create(initial: Option<&Snapshot>) -> Self;

    /// The process ends, or the machine does. From here on the storage is what a new process would find
    /// when it opens it; what of the unsynced writes is left, `chance` decides.
    fn crash(&mut self, chance: &mut Chance);
}

/// The simulated cluster's own storage: a log that is written record by record, of which a crash leaves
/// what was synced and a random part of the rest.
#[derive(Clone, Debug, Default)]
pub struct SimDisk {
    /// As the running process sees it.
    visible: MemoryStorage,
    /// As of the last sync.
    durable: MemoryStorage,
    unsynced: Vec<Write>,
}

#[derive(Clone, Debug)]
enum Write {
    Snapshot(Snapshot),
    Entries(Entries),
    HardState(HardState),
}

impl Write {
    fn apply_to(&self, storage: &mut MemoryStorage) -> Result<(), StorageError> {
        match self {
            Self::Snapshot(snapshot) => storage.apply_snapshot(snapshot.clone()),
            Self::Entries(entries) => storage.append(entries),
            Self::HardState(hard_state) => {
                storage.set_hard_state(*hard_state);
                Ok(())
            }
        }
    }
}

impl SimDisk {
    fn write(&mut self, write: Write) -> Result<(), StorageError> {
        write.apply_to(&mut self.visible)?;
        self.unsynced.push(write);
        Ok(())
    }
}

impl SimStorage for SimDisk {
    fn create(initial: Option<&Snapshot>) -> Self {
        let mut storage = MemoryStorage::new();
        if let Some(snapshot) = initial {
            // It is newer than that of an empty storage.
            let applied = storage.apply_snapshot(snapshot.clone());
            debug_assert!(applied.is_ok());
        }
        Self { visible: storage.clone(), durable: storage, unsynced: Vec::new() }
    }

    fn crash(&mut self, chance: &mut Chance) {
        let kept = chance.below(self.unsynced.len() as u64 + 1) as usize;
        let mut writes = std::mem::take(&mut self.unsynced).into_iter();
        for write in writes.by_ref().take(kept) {
            // What was valid on the visible storage is valid here.
            let _ = write.apply_to(&mut self.durable);
        }
        if let Some(Write::Entries(entries)) = writes.next() {
            // The record in which the write ended is incomplete, and is cut off.
            let whole = chance.below(entries.len() as u64) as usize;
            let _ = self.durable.append(&entries.slice(0..whole));
        }
        self.visible = self.durable.clone();
    }
}

/// All of it is durable as soon as it is written: what is tried is the node, not the storage.
impl SimStorage for MemoryStorage {
    fn create(initial: Option<&Snapshot>) -> Self {
        SimDisk::create(initial).visible
    }

    fn crash(&mut self, _: &mut Chance) {}
}

impl WritableStorage for SimDisk {
    fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        self.write(Write::Snapshot(snapshot.clone()))
    }

    fn append(&mut self, entries: &Entries) -> Result<(), StorageError> {
        self.write(Write::Entries(entries.clone()))
    }

    fn set_hard_state(&mut self, hard_state: &HardState) -> Result<(), StorageError> {
        self.write(Write::HardState(*hard_state))
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        self.unsynced.drain(..).try_for_each(|write| write.apply_to(&mut self.durable))
    }

    fn create_snapshot(
        &mut self,
        index: u64,
        conf_state: &ConfState,
        data: Bytes,
    ) -> Result<(), StorageError> {
        self.sync()?;
        WritableStorage::create_snapshot(&mut self.durable, index, conf_state, data.clone())?;
        WritableStorage::create_snapshot(&mut self.visible, index, conf_state, data)
    }

    fn compact(&mut self, index: u64) -> Result<(), StorageError> {
        self.sync()?;
        self.durable.compact(index)?;
        self.visible.compact(index)
    }
}

impl Storage for SimDisk {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.visible.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.visible.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.visible.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.visible.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.visible.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.visible.snapshot()
    }
}

/// What a disk is told to do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteFault {
    /// This many writes from now (0: the next) fail, and nothing is written.
    Fail { after: u32 },
    /// This many syncs from now fail; the writes may have reached the disk or not.
    FailSync { after: u32 },
    /// There is no room for entries.
    Full,
}

/// A storage with faults in front of it.
#[derive(Debug)]
pub(super) struct Disk<S> {
    pub(super) inner: S,
    /// The configuration that the application keeps with its own durable state.
    pub(super) conf_state: Option<ConfState>,
    pub(super) write_fault: Option<WriteFault>,
    /// Entries have to be fetched before they can be read.
    pub(super) slow_reads: Cell<bool>,
    /// There is no snapshot to send at the moment.
    pub(super) no_snapshot: Cell<bool>,
    missed: RefCell<Vec<ReadPurpose>>,
    fetched: RefCell<Vec<ReadPurpose>>,
    pub(super) reads: Cell<u64>,
}

impl<S: SimStorage> Disk<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            conf_state: None,
            write_fault: None,
            slow_reads: Cell::new(false),
            no_snapshot: Cell::new(false),
            missed: RefCell::default(),
            fetched: RefCell::default(),
            reads: Cell::new(0),
        }
    }

    /// What was asked for and has to be fetched.
    pub(super) fn take_missed(&self) -> Vec<ReadPurpose> {
        std::mem::take(&mut self.missed.borrow_mut())
    }

    /// The next read for `purpose` will find its entries.
    pub(super) fn fetch(&self, purpose: ReadPurpose) {
        self.fetched.borrow_mut().push(purpose);
    }

    /// Whether the next write fails.
    pub(super) fn check_write(&mut self, is_entries: bool) -> Result<(), StorageError> {
        match &mut self.write_fault {
            Some(WriteFault::Full) if is_entries => Err(fault("no space left")),
            Some(WriteFault::Fail { after: 0 }) => {
                self.write_fault = None;
                Err(fault("write failed"))
            }
            Some(WriteFault::Fail { after }) => {
                *after -= 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Syncs, or fails to.
    pub(super) fn sync(&mut self) -> Result<(), StorageError> {
        match &mut self.write_fault {
            Some(WriteFault::FailSync { after: 0 }) => {
                self.write_fault = None;
                Err(fault("sync failed"))
            }
            Some(WriteFault::FailSync { after }) => {
                *after -= 1;
                self.inner.sync()
            }
            _ => self.inner.sync(),
        }
    }
}

fn fault(text: &'static str) -> StorageError {
    StorageError::Other(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(text)))
}

impl<S: SimStorage> Storage for Disk<S> {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        let mut initial = self.inner.initial_state()?;
        if let Some(conf_state) = &self.conf_state {
            initial.conf_state = conf_state.clone();
        }
        Ok(initial)
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.reads.set(self.reads.get() + 1);
        let may_wait = matches!(purpose, ReadPurpose::Append { .. } | ReadPurpose::Apply);
        if self.slow_reads.get() && may_wait {
            let mut fetched = self.fetched.borrow_mut();
            match fetched.iter().position(|known| *known == purpose) {
                Some(at) => {
                    fetched.swap_remove(at);
                }
                None => {
                    self.missed.borrow_mut().push(purpose);
                    return Err(StorageError::LogTemporarilyUnavailable);
                }
            }
        }
        self.inner.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.inner.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.inner.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.inner.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        if self.no_snapshot.get() {
            return Err(StorageError::SnapshotTemporarilyUnavailable);
        }
        self.inner.snapshot()
    }
}

#[cfg(test)]
mod tests {
    use raft_proto::Entry;

    use super::*;

    fn entries(indexes: Range<u64>) -> Entries {
        let entry = |index| Entry { term: 1, index, ..Entry::default() };
        indexes.map(entry).collect()
    }

    #[test]
    fn what_is_synced_survives_every_crash() {
        for seed in 0..200 {
            let mut disk = SimDisk::create(None);
            disk.append(&entries(1..4)).unwrap();
            disk.sync().unwrap();
            disk.append(&entries(4..9)).unwrap();
            disk.set_hard_state(&HardState { term: 1, vote: 1, commit: 2 }).unwrap();
            disk.crash(&mut Chance::new(seed, 0));
            assert!(disk.last_index().unwrap() >= 3);
        }
    }

    #[test]
    fn a_crash_leaves_any_prefix_of_what_is_not_synced() {
        let outcomes: std::collections::BTreeSet<_> = (0..200)
            .map(|seed| {
                let mut disk = SimDisk::create(None);
                disk.append(&entries(1..3)).unwrap();
                disk.set_hard_state(&HardState { term: 1, vote: 1, commit: 0 }).unwrap();
                disk.crash(&mut Chance::new(seed, 0));
                let term = disk.initial_state().unwrap().hard_state.term;
                (disk.last_index().unwrap(), term)
            })
            .collect();
        // Nothing, a torn write, all entries, and all of it; never the hard state before the entries.
        assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), [(0, 0), (1, 0), (2, 0), (2, 1)]);
    }

    #[test]
    fn faults_come_when_they_are_told_to() {
        let mut disk = Disk::new(SimDisk::create(None));
        disk.write_fault = Some(WriteFault::Fail { after: 1 });
        assert!(disk.check_write(true).is_ok());
        assert!(disk.check_write(true).is_err());
        assert!(disk.check_write(true).is_ok());
        disk.write_fault = Some(WriteFault::Full);
        assert!(disk.check_write(true).is_err());
        assert!(disk.check_write(false).is_ok());
        disk.write_fault = Some(WriteFault::FailSync { after: 0 });
        assert!(disk.sync().is_err());
        assert!(disk.sync().is_ok());
    }

    #[test]
    fn a_slow_read_is_found_once_it_was_fetched() {
        let mut disk = Disk::new(SimDisk::create(None));
        disk.inner.append(&entries(1..3)).unwrap();
        disk.slow_reads.set(true);
        let read = |purpose| disk.entries(1..3, u64::MAX, purpose, &mut Entries::new());
        assert!(read(ReadPurpose::Scan).is_ok());
        assert!(matches!(read(ReadPurpose::Apply), Err(StorageError::LogTemporarilyUnavailable)));
        assert_eq!(disk.take_missed(), [ReadPurpose::Apply]);
        disk.fetch(ReadPurpose::Apply);
        assert!(read(ReadPurpose::Append { to: 2 }).is_err());
        assert!(read(ReadPurpose::Apply).is_ok());
        assert!(read(ReadPurpose::Apply).is_err());
    }
}
