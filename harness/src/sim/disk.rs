//! A node's disk: of what was not synced, a crash leaves any prefix.

use std::ops::Range;

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

    /// Entries up to `index` are durable. Those that a snapshot stands for are: then nothing else becomes
    /// durable on the side.
    fn sync_to(&mut self, index: u64) -> Result<(), StorageError> {
        match self.durable.term(index) {
            Ok(term) if term == self.visible.term(index)? => Ok(()),
            _ => self.sync(),
        }
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
        // It is durable at once, and what comes before it has to be so too, by the contract.
        self.sync()?;
        WritableStorage::create_snapshot(&mut self.durable, index, conf_state, data.clone())?;
        WritableStorage::create_snapshot(&mut self.visible, index, conf_state, data)
    }

    fn compact(&mut self, index: u64) -> Result<(), StorageError> {
        self.visible.compact(index)?;
        self.sync_to(index)?;
        self.durable.compact(index)
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
    fn a_compaction_makes_nothing_durable_on_the_side() {
        let ends: std::collections::BTreeSet<_> = (0..200)
            .map(|seed| {
                let mut disk = SimDisk::create(None);
                disk.append(&entries(1..4)).unwrap();
                disk.create_snapshot(3, &ConfState::new([1], []), Bytes::new()).unwrap();
                disk.append(&entries(4..6)).unwrap();
                disk.compact(2).unwrap();
                disk.crash(&mut Chance::new(seed, 0));
                let first = disk.first_index().unwrap();
                assert_eq!((disk.snapshot().unwrap().index(), first), (3, 3));
                disk.last_index().unwrap()
            })
            .collect();
        assert_eq!(ends.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
