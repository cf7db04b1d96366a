//! What a storage holds, in the simplest form, to compare with.

use raft_core::{EntryId, ReadPurpose, Storage, StorageError};
use raft_proto::{ConfState, Entries, Entry, HardState, Snapshot, entries_encoded_size};

use super::{Checked, Found, ids, read_all, refused, same, shown};
use crate::storage::WritableStorage;

/// Hard state, snapshot and log of a storage.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Content {
    pub(super) hard_state: HardState,
    /// Empty when there is none.
    pub(super) snapshot: Snapshot,
    /// Before the first of `entries`.
    origin: EntryId,
    /// Those that are compacted are still among them.
    entries: Vec<Entry>,
    /// The index of the first entry that can be read.
    first: u64,
}

/// A call that changes a storage.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Entries(Entries),
    HardState(HardState),
    /// From the leader.
    Snapshot(Snapshot),
    /// Of the application, at an index with a configuration.
    OwnSnapshot(u64, ConfState),
    Compact(u64),
}

impl Write {
    pub(super) fn apply_to(&self, storage: &mut impl WritableStorage) -> Result<(), StorageError> {
        match self {
            Self::Entries(entries) => storage.append(entries),
            Self::HardState(hard_state) => storage.set_hard_state(hard_state),
            Self::Snapshot(snapshot) => storage.apply_snapshot(snapshot),
            Self::OwnSnapshot(index, conf_state) => {
                storage.create_snapshot(*index, conf_state, state_at(*index))
            }
            Self::Compact(index) => storage.compact(*index),
        }
    }
}

fn state_at(index: u64) -> bytes::Bytes {
    format!("state at {index}").into()
}

impl Content {
    /// That of a new storage.
    pub(super) fn new() -> Self {
        Self {
            hard_state: HardState::default(),
            snapshot: Snapshot::default(),
            origin: EntryId::default(),
            entries: Vec::new(),
            first: 1,
        }
    }

    pub(super) fn of(storage: &impl Storage) -> Result<Self, Found> {
        let first = storage.first_index()?;
        let before = first.checked_sub(1).ok_or_else(|| Found("the first index is 0".into()))?;
        Ok(Self {
            hard_state: storage.initial_state()?.hard_state,
            snapshot: match storage.snapshot() {
                Err(StorageError::SnapshotTemporarilyUnavailable) => Snapshot::default(),
                snapshot => snapshot?,
            },
            origin: EntryId::new(storage.term(before)?, before),
            entries: read_all(storage)?.into_iter().collect(),
            first,
        })
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn last(&self) -> u64 {
        self.origin.index + self.entries.len() as u64
    }

    /// The term at `index`, which is not before the origin.
    pub(super) fn term(&self, index: u64) -> u64 {
        match index - self.origin.index {
            0 => self.origin.term,
            after => self.entries[after as usize - 1].term,
        }
    }

    /// The entries from `index` on, which is not before the origin.
    fn from(&self, index: u64) -> Entries {
        let skipped = (index - self.origin.index - 1) as usize;
        self.entries.iter().skip(skipped).cloned().collect()
    }

    pub(super) fn write(&mut self, write: &Write) {
        match write {
            Write::Entries(entries) => {
                for entry in entries {
                    self.entries.truncate((entry.index - self.origin.index - 1) as usize);
                    self.entries.push(entry.clone());
                }
            }
            Write::HardState(hard_state) => self.hard_state = *hard_state,
            Write::Snapshot(snapshot) => {
                self.origin = EntryId::new(snapshot.term(), snapshot.index());
                self.entries.clear();
                self.first = snapshot.index() + 1;
                self.snapshot = snapshot.clone();
            }
            Write::OwnSnapshot(index, conf_state) => {
                let (term, conf_state) = (self.term(*index), conf_state.clone());
                self.snapshot = Snapshot::new(*index, term, conf_state, state_at(*index));
            }
            Write::Compact(index) => self.first = index + 1,
        }
    }

    /// A compaction may be lost in a crash, and a storage that is opened need not show more than what
    /// its snapshot does not stand for.
    pub(super) fn shown_from(mut self, first: u64) -> Self {
        if (self.origin.index + 1..=self.snapshot.index() + 1).contains(&first) {
            self.first = first;
        }
        self
    }

    /// Whether `storage` reads like this.
    pub(super) fn compare(&self, storage: &impl Storage) -> Checked {
        let initial = storage.initial_state()?;
        same!(initial.hard_state, self.hard_state, "the hard state");
        same!(initial.conf_state, *self.snapshot.conf_state(), "the configuration");
        same!(storage.first_index()?, self.first, "the first index");
        same!(storage.last_index()?, self.last(), "the last index");
        match self.snapshot.is_empty() {
            true => {
                let none = StorageError::SnapshotTemporarilyUnavailable;
                let answer = storage.snapshot();
                same!(answer.err().map(|e| e.to_string()), Some(none.to_string()), "the error");
            }
            false => same!(storage.snapshot()?, self.snapshot, "the snapshot"),
        }
        self.compare_terms(storage)?;
        self.compare_entries(storage)
    }

    fn compare_terms(&self, storage: &impl Storage) -> Checked {
        for index in self.first - 1..=self.last() {
            same!(storage.term(index)?, self.term(index), "the term at {index}");
        }
        if let Some(before) = (self.first - 1).checked_sub(1) {
            refused!(storage.term(before), StorageError::Compacted, "the term at {before}");
        }
        let after = self.last() + 1;
        refused!(storage.term(after), StorageError::Unavailable, "the term at {after}");
        Ok(())
    }

    fn compare_entries(&self, storage: &impl Storage) -> Checked {
        for start in self.first..=self.last() {
            let rest = self.from(start);
            for count in [1, rest.len().div_ceil(2), rest.len()] {
                let expected = rest.slice(0..count);
                let (end, limit) = (start + count as u64, entries_encoded_size(&expected));
                for (end, limit) in [(end, u64::MAX), (self.last() + 1, limit)] {
                    let mut out = Entries::new();
                    storage.entries(start..end, limit, ReadPurpose::Scan, &mut out)?;
                    same!(ids(&out), ids(&expected), "{start}..{end} within {limit} bytes");
                    same!(out, expected, "{start}..{end} within {limit} bytes");
                }
            }
        }
        if self.first > 1 {
            let range = self.first - 1..self.first;
            let answer = storage.entries(range, u64::MAX, ReadPurpose::Scan, &mut Entries::new());
            refused!(answer, StorageError::Compacted, "a read before {}", self.first);
        }
        Ok(())
    }
}
