//! Floor 2. The part of the log that is on disk and still at hand.

use raft_proto::Segment;

use crate::entry_run::EntryRun;
use crate::types::EntryId;

/// The last entries before the unstable ones, so that the storage need not be read for what was
/// appended a moment ago: to send it, or to apply it. They are released when that is done.
///
/// Invariant: ends where the unstable entries begin.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    entries: EntryRun,
    /// The entry before the first, when it was one of them, or else none, at index 0: it is named
    /// when the next are sent.
    before: EntryId,
    /// Encoded bytes of the entries.
    size: u64,
    max_size: u64,
}

impl Recent {
    /// Nothing yet, before the entry at `next`; later at most `max_size` encoded bytes.
    pub(crate) fn new(next: u64, max_size: u64) -> Self {
        Self { entries: EntryRun::new(next), before: EntryId::default(), size: 0, max_size }
    }

    /// The entries themselves.
    pub(crate) fn run(&self) -> &EntryRun {
        &self.entries
    }

    /// The term of the entry at `index`, if it is known here.
    pub(crate) fn term(&self, index: u64) -> Option<u64> {
        match self.entries.get(index) {
            Some(entry) => Some(entry.term),
            None => (index != 0 && index == self.before.index).then_some(self.before.term),
        }
    }

    /// The entries of `segment`, which are the next ones, are on disk now.
    pub(crate) fn keep(&mut self, segment: Segment) {
        self.size = self.size.saturating_add(segment.encoded_size());
        self.entries.push_segment(segment);
    }

    /// The oldest give way to those that were added, a segment at a time.
    pub(crate) fn shrink(&mut self) {
        while self.size > self.max_size && self.drop_oldest() {}
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.entries.shrink_to_fit();
    }

    /// Nobody needs the entries up to `index` any more.
    pub(crate) fn release(&mut self, index: u64) {
        while self
            .entries
            .first_segment()
            .and_then(|oldest| oldest.last())
            .is_some_and(|e| e.index <= index)
        {
            self.drop_oldest();
        }
    }

    /// Drops the oldest segment, if there is one.
    fn drop_oldest(&mut self) -> bool {
        let Some(oldest) = self.entries.pop_segment() else { return false };
        self.size = self.size.saturating_sub(oldest.encoded_size());
        // Without room for entries there is none for their terms.
        let before = oldest.last().filter(|_| self.max_size > 0);
        self.before = before.map_or(EntryId::default(), EntryId::of);
        true
    }

    /// The unstable entries begin at `offset` now. What was replaced is not on disk any more.
    pub(crate) fn end_at(&mut self, offset: u64) {
        if self.entries.next() != offset {
            self.start_over(offset);
        }
    }

    /// A snapshot has replaced the log before `next`, whatever it was.
    pub(crate) fn start_over(&mut self, next: u64) {
        *self = Self::new(next, self.max_size);
    }
}

#[cfg(test)]
mod tests;
