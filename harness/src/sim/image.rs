//! What a node's disk is known to hold, as the checkers see it.

use std::collections::VecDeque;

use raft_core::{EntryId, ReadPurpose, Storage, StorageError};
use raft_proto::{Entries, Entry, HardState};

use super::chance::fold;

/// An entry without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The entry's term.
    pub term: u64,
    /// A hash of its type and payload.
    pub hash: u64,
}

impl Mark {
    /// The mark of `entry`.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        let kind = entry.entry_type.unwrap_or_default() as u64;
        Self { term: entry.term, hash: fold(kind, &entry.data) }
    }
}

/// Hard state and log, without payloads.
#[derive(Clone, Debug, Default)]
pub struct LogImage {
    /// Term, vote and commit index.
    pub hard_state: HardState,
    /// The entry before the first: compacted, or a snapshot's last.
    pub base: EntryId,
    marks: VecDeque<Mark>,
}

/// A write that can be part of an image.
#[derive(Clone, Debug)]
pub(super) enum ImageWrite {
    Snapshot(EntryId),
    Entries(Entries),
    HardState(HardState),
}

impl LogImage {
    /// All that `storage` holds.
    pub(super) fn read(storage: &impl Storage) -> Result<Self, StorageError> {
        let first = storage.first_index()?;
        let end = storage.last_index()? + 1;
        let mut entries = Entries::new();
        let mut next = first;
        while next < end {
            let before = entries.len();
            storage.entries(next..end, u64::MAX, ReadPurpose::Scan, &mut entries)?;
            next += (entries.len() - before) as u64;
        }
        Ok(Self {
            hard_state: storage.initial_state()?.hard_state,
            base: EntryId::new(storage.term(first - 1)?, first - 1),
            marks: entries.iter().map(Mark::of).collect(),
        })
    }

    /// The index of the last entry.
    #[must_use]
    pub fn last_index(&self) -> u64 {
        self.base.index + self.marks.len() as u64
    }

    /// The entry at `index`; `None` when it is compacted or not there.
    #[must_use]
    pub fn mark(&self, index: u64) -> Option<Mark> {
        let at = index.checked_sub(self.base.index + 1)?;
        self.marks.get(usize::try_from(at).ok()?).copied()
    }

    /// The term at `index`, which is also known of the entry before the first.
    #[must_use]
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.base.index {
            return Some(self.base.term);
        }
        self.mark(index).map(|mark| mark.term)
    }

    /// Whether the entry is there, or stood for by a snapshot that has replaced it.
    #[must_use]
    pub fn holds(&self, entry: EntryId) -> bool {
        entry.index < self.base.index || self.term(entry.index) == Some(entry.term)
    }

    pub(super) fn write(&mut self, write: &ImageWrite) {
        match write {
            ImageWrite::Snapshot(at) => {
                self.base = *at;
                self.marks.clear();
            }
            ImageWrite::Entries(entries) => {
                for entry in entries.iter() {
                    let Some(at) = entry.index.checked_sub(self.base.index + 1) else { continue };
                    self.marks.truncate(at as usize);
                    self.marks.push_back(Mark::of(entry));
                }
            }
            ImageWrite::HardState(hard_state) => self.hard_state = *hard_state,
        }
    }

    pub(super) fn compact(&mut self, index: u64) {
        if let Some(term) = self.term(index) {
            self.marks.drain(..(index - self.base.index) as usize);
            self.base = EntryId::new(term, index);
        }
    }
}

#[cfg(test)]
mod tests {
    use raft_core::MemoryStorage;

    use super::*;

    fn entries(ids: &[(u64, u64)]) -> Entries {
        let entry = |&(term, index)| Entry { term, index, ..Entry::default() };
        ids.iter().map(entry).collect()
    }

    #[test]
    fn an_image_follows_the_writes_of_a_storage() {
        let mut storage = MemoryStorage::new();
        let mut image = LogImage::default();
        for batch in [entries(&[(1, 1), (1, 2), (1, 3)]), entries(&[(2, 2), (2, 3), (2, 4)])] {
            storage.append(&batch).unwrap();
            image.write(&ImageWrite::Entries(batch));
        }
        storage.compact(2).unwrap();
        image.compact(2);
        let read = LogImage::read(&storage).unwrap();
        assert_eq!((image.base, &image.marks), (read.base, &read.marks));
        assert_eq!(image.last_index(), 4);
        assert_eq!(image.term(2), Some(2));
        assert!(image.holds(EntryId::new(7, 1)), "a snapshot stands for it");
        assert!(!image.holds(EntryId::new(1, 3)));
        image.write(&ImageWrite::Snapshot(EntryId::new(3, 9)));
        assert_eq!((image.last_index(), image.mark(9), image.term(9)), (9, None, Some(3)));
    }
}
