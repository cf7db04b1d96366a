//! A log, reduced to what the rules compare.

use std::hash::{DefaultHasher, Hash, Hasher};

use raft_core::{EntryId, MemoryStorage, ReadPurpose, Storage, StorageError};
use raft_proto::{Entries, Entry, EntryType, Snapshot};

/// An entry without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Slot {
    pub(super) id: EntryId,
    /// A hash of everything else in it.
    content: u64,
    pub(super) is_change: bool,
    /// It holds what a client proposed.
    pub(super) is_proposal: bool,
}

impl Slot {
    pub(super) fn of(entry: &Entry) -> Self {
        let mut hasher = DefaultHasher::new();
        (entry.entry_type, &entry.data).hash(&mut hasher);
        let is_change = entry.kind() != Ok(EntryType::Normal);
        Slot {
            id: EntryId::of(entry),
            content: hasher.finish(),
            is_change,
            is_proposal: !is_change && !entry.data.is_empty(),
        }
    }
}

/// The entries of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct LogView {
    /// The entry before the first.
    before: EntryId,
    slots: Vec<Slot>,
}

impl LogView {
    /// What `storage` holds.
    pub(super) fn of(storage: &MemoryStorage) -> Result<Self, StorageError> {
        let (first, last) = (storage.first_index()?, storage.last_index()?);
        let before = EntryId::new(storage.term(first - 1)?, first - 1);
        let mut entries = Entries::new();
        if first <= last {
            storage.entries(first..last + 1, u64::MAX, ReadPurpose::Scan, &mut entries)?;
        }
        Ok(LogView { before, slots: entries.iter().map(Slot::of).collect() })
    }

    /// Starts over after `snapshot`.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) {
        self.before = EntryId::new(snapshot.term(), snapshot.index());
        self.slots.clear();
    }

    /// Replaces everything from the first of `entries` on.
    pub(super) fn append(&mut self, entries: &Entries) {
        let Some(first) = entries.first() else { return };
        self.slots.retain(|slot| slot.id.index < first.index);
        self.slots.extend(entries.iter().map(Slot::of));
    }

    /// The entry at `index`; `None` when it is compacted or not there.
    pub(super) fn get(&self, index: u64) -> Option<&Slot> {
        let at = index.checked_sub(self.before.index + 1)?;
        self.slots.get(usize::try_from(at).ok()?)
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn last(&self) -> EntryId {
        self.slots.last().map_or(self.before, |slot| slot.id)
    }

    /// Whether this log holds the entry of `slot`, itself or under its snapshot.
    pub(super) fn holds(&self, slot: &Slot) -> bool {
        slot.id.index <= self.before.index || self.get(slot.id.index) == Some(slot)
    }
}
