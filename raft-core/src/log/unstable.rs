//! Floor 2. The part of the log that is not known to be on disk yet.

use alloc::boxed::Box;

use raft_proto::{Entries, Entry, Segment, Snapshot};

use crate::entry_run::EntryRun;
use crate::event::{Event, Observer};
use crate::types::EntryId;

/// Entries, and possibly a snapshot before them, that have not been acknowledged as persisted.
///
/// A prefix of it may be in progress: handed out to be persisted, and not acknowledged yet.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Unstable {
    snapshot: Option<Box<UnstableSnapshot>>,
    entries: EntryRun,
    /// Entries below it have been handed out.
    /// Invariant: `entries.first() <= in_progress_to <= entries.next()`.
    in_progress_to: u64,
}

/// A snapshot that came from the leader and is not persisted yet.
#[derive(Clone, Debug, Hash)]
struct UnstableSnapshot {
    snapshot: Snapshot,
    /// Whether it has been handed out.
    in_progress: bool,
}

impl Unstable {
    pub(crate) fn new(offset: u64) -> Self {
        Self { entries: EntryRun::new(offset), in_progress_to: offset, ..Self::default() }
    }

    /// Entries from here on are unstable; those below are in the storage.
    pub(crate) fn offset(&self) -> u64 {
        self.entries.first()
    }

    pub(crate) fn in_progress_to(&self) -> u64 {
        self.in_progress_to
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref().map(|unstable| &unstable.snapshot)
    }

    /// The snapshot, if it has not been handed out.
    pub(crate) fn next_snapshot(&self) -> Option<&Snapshot> {
        let unstable = self.snapshot.as_deref().filter(|unstable| !unstable.in_progress);
        unstable.map(|unstable| &unstable.snapshot)
    }

    pub(crate) fn has_next_entries(&self) -> bool {
        self.in_progress_to < self.entries.next()
    }

    /// The entries that have not been handed out.
    pub(crate) fn next_entries(&self) -> Entries {
        let mut out = Entries::new();
        if !self.has_next_entries() {
            return out;
        }
        self.entries.slice(self.in_progress_to..self.entries.next(), &mut out);
        out
    }

    /// The unstable entries themselves.
    pub(crate) fn run(&self) -> &EntryRun {
        &self.entries
    }

    /// The term of the entry at `index`, if it is known here.
    #[inline]
    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        match self.entries.get(index) {
            Some(entry) => Some(entry.term),
            None => {
                let snapshot = self.snapshot().filter(|s| s.index() == index)?;
                Some(snapshot.term())
            }
        }
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// Everything here has been handed out.
    pub(crate) fn accept_in_progress(&mut self) {
        self.in_progress_to = self.entries.next();
        if let Some(unstable) = &mut self.snapshot {
            unstable.in_progress = true;
        }
    }

    /// The entries up to `id` are on disk. Hands those that were not known to be to `keep`.
    ///
    /// The storage may answer late: what it wrote may have been replaced here by entries of a
    /// later term. Then the term at the index differs, and nothing becomes stable.
    pub(crate) fn stable_to(
        &mut self,
        id: EntryId,
        observer: &mut impl Observer,
        mut keep: impl FnMut(Segment),
    ) {
        let Some(term) = self.term(id.index) else {
            return observer.on_event(&Event::StableEntryMissing { index: id.index });
        };
        if id.index < self.offset() {
            return observer.on_event(&Event::StableEntryIsSnapshot { index: id.index });
        }
        if term != id.term {
            let ours = EntryId::new(term, id.index);
            return observer.on_event(&Event::StableEntryMismatch { acked: id, ours });
        }
        while let Some(segment) = self.entries.pop_below(id.index + 1) {
            keep(segment);
        }
        self.in_progress_to = self.in_progress_to.max(self.offset());
    }

    /// The snapshot at `index` is on disk.
    pub(crate) fn stable_snapshot_to(&mut self, index: u64) {
        if self.snapshot().is_some_and(|s| s.index() == index) {
            self.snapshot = None;
        }
    }

    /// Forgets everything in favour of `snapshot`.
    pub(crate) fn restore(&mut self, snapshot: Snapshot) {
        let next = snapshot.index() + 1;
        self.entries = EntryRun::new(next);
        self.in_progress_to = next;
        self.snapshot = Some(Box::new(UnstableSnapshot { snapshot, in_progress: false }));
    }

    /// Adds the one entry after the last.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Adds `entries`, and removes what is at their place and after.
    pub(crate) fn truncate_and_append(&mut self, entries: &Entries, observer: &mut impl Observer) {
        let Some(from) = entries.first().map(|e| e.index) else { return };
        if from <= self.offset() && from != self.entries.next() {
            observer.on_event(&Event::UnstableReplaced { from });
            self.entries = EntryRun::new(from);
            self.in_progress_to = from;
        } else if from != self.entries.next() {
            observer.on_event(&Event::UnstableTruncated { before: from });
            self.entries.truncate_from(from);
            // What was handed out beyond will be handed out again, with its new content.
            self.in_progress_to = self.in_progress_to.min(from);
        }
        self.entries.append(entries);
    }
}

#[cfg(test)]
mod tests;
