//! Floor 2. The part of the log that is on disk and still at hand.

use raft_proto::{Entries, Entry};

use crate::entry_run::EntryRun;

/// The last entries before the unstable ones, so that the storage need not be read for what was
/// appended a moment ago: to send it, or to apply it.
///
/// Invariant: ends where the unstable entries begin.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    entries: EntryRun,
    /// Encoded bytes of the entries.
    size: u64,
    max_size: u64,
}

impl Recent {
    /// Nothing yet, before the entry at `next`; later at most `max_size` encoded bytes.
    pub(crate) fn new(next: u64, max_size: u64) -> Self {
        Self { entries: EntryRun::new(next), size: 0, max_size }
    }

    /// The entries themselves.
    pub(crate) fn run(&self) -> &EntryRun {
        &self.entries
    }

    /// The entry at `index`, if it is at hand.
    pub(crate) fn get(&self, index: u64) -> Option<&Entry> {
        self.entries.get(index)
    }

    /// `entries`, which are the next ones, are on disk now. The oldest give way to them, a segment
    /// at a time.
    pub(crate) fn keep(&mut self, entries: Entries) {
        for segment in entries.into_segments() {
            self.size = self.size.saturating_add(segment.encoded_size());
            self.entries.push_segment(segment);
        }
        while self.size > self.max_size
            && let Some(oldest) = self.entries.pop_below(self.entries.next())
        {
            self.size = self.size.saturating_sub(oldest.encoded_size());
        }
    }

    /// The unstable entries begin at `offset` now. What was replaced is not on disk any more.
    pub(crate) fn end_at(&mut self, offset: u64) {
        if self.entries.next() != offset {
            *self = Self::new(offset, self.max_size);
        }
    }
}

#[cfg(test)]
mod tests;
