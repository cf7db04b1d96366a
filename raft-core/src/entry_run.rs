//! Floor 0. A contiguous run of the log, held in shared segments.

use alloc::collections::VecDeque;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use raft_proto::{Entries, Entry, Segment, entry_encoded_size};

/// The entries `first()..next()` of a log, without a gap. Appending and slicing share segments, so
/// that neither copies an entry.
#[derive(Clone, Debug, Default)]
pub(crate) struct EntryRun {
    /// Never empty segments, each starting where the one before it ends.
    segments: VecDeque<Segment>,
    first: u64,
    next: u64,
}

impl EntryRun {
    /// The empty run whose next entry will be at `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self { segments: VecDeque::new(), first, next: first }
    }

    /// Index of the first entry, or where it will be.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Index after the last entry.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn len(&self) -> u64 {
        self.next - self.first
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.next == self.first
    }

    /// The entry at `index`, if it is in the run.
    #[inline]
    pub(crate) fn get(&self, index: u64) -> Option<&Entry> {
        if index < self.first || index >= self.next {
            return None;
        }
        let segment = self.segments.get(self.segment_of(index))?;
        segment.get((index - segment.first()?.index) as usize)
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.segments.shrink_to_fit();
    }

    /// Adds `entries`, the first of which must be at `next()`.
    pub(crate) fn append(&mut self, entries: &Entries) {
        debug_assert!(entries.first().is_none_or(|e| e.index == self.next));
        self.next += entries.len() as u64;
        entries.segments().iter().for_each(|segment| self.segments.push_back(segment.clone()));
    }

    /// Adds `segment`, the first entry of which must be at `next()`.
    pub(crate) fn push_segment(&mut self, segment: Segment) {
        debug_assert!(segment.first().is_none_or(|e| e.index == self.next));
        self.next += segment.len() as u64;
        self.segments.push_back(segment);
    }

    /// Adds one entry, which must be at `next()`, into the last segment when nobody shares it yet.
    #[inline]
    pub(crate) fn push(&mut self, entry: Entry) {
        debug_assert_eq!(entry.index, self.next);
        self.next += 1;
        let left_over = match self.segments.back_mut() {
            Some(last) => last.try_push(entry).err(),
            None => Some(entry),
        };
        if let Some(entry) = left_over {
            self.start_segment(entry);
        }
    }

    // Apart, so that the many pushes into a segment stay short.
    #[cold]
    fn start_segment(&mut self, entry: Entry) {
        self.segments.push_back(Segment::from(alloc::vec![entry]));
    }

    /// Removes the entries from `index` on.
    pub(crate) fn truncate_from(&mut self, index: u64) {
        if index >= self.next {
            return;
        }
        let next = index.max(self.first);
        while let Some(last) = self.segments.back_mut() {
            let start = last.first().map_or(next, |e| e.index);
            if start < next {
                *last = last.slice(0..(next - start) as usize);
                break;
            }
            self.segments.pop_back();
        }
        self.next = next;
    }

    /// Removes the entries below `index`; the run then starts at `index`, also when that is past
    /// its end.
    pub(crate) fn drop_below(&mut self, index: u64) {
        while self.pop_below(index).is_some() {}
        self.first = self.first.max(index);
        self.next = self.next.max(index);
    }

    /// The first segment.
    pub(crate) fn first_segment(&self) -> Option<&Segment> {
        self.segments.front()
    }

    /// Removes the first segment, and answers it.
    pub(crate) fn pop_segment(&mut self) -> Option<Segment> {
        let popped = self.segments.pop_front()?;
        self.first += popped.len() as u64;
        Some(popped)
    }

    /// Removes the first segment, or what is below `index` of it, and answers it.
    pub(crate) fn pop_below(&mut self, index: u64) -> Option<Segment> {
        let below = index.checked_sub(self.first).filter(|&below| below > 0)? as usize;
        let first = self.segments.front_mut()?;
        if below >= first.len() {
            return self.pop_segment();
        }
        let popped = first.slice(0..below);
        *first = first.slice(below..first.len());
        self.first += popped.len() as u64;
        Some(popped)
    }

    /// Appends to `out` the entries of `range` that are in the run.
    pub(crate) fn slice(&self, range: Range<u64>, out: &mut Entries) {
        self.slice_limited(range, u64::MAX, out);
    }

    /// Appends to `out` the entries of `range` that are in the run: as many as fit `max_size`
    /// encoded bytes, and at least one.
    pub(crate) fn slice_limited(&self, range: Range<u64>, max_size: u64, out: &mut Entries) {
        self.slice_within(range, &mut Budget::new(max_size), out);
    }

    /// Appends to `out` the entries of `range` that are in the run: as many as fit `budget`.
    pub(crate) fn slice_within(&self, range: Range<u64>, budget: &mut Budget, out: &mut Entries) {
        let low = range.start.max(self.first);
        let high = range.end.min(self.next);
        if low >= high {
            return;
        }
        // What was appended last, and all of it, is what is mostly asked for.
        if let Some(last) = self.segments.back()
            && (last.len() as u64) == high - low
            && high == self.next
        {
            return out.push_segment(budget.take_segment(last.clone()));
        }
        for segment in self.segments.range(self.segment_of(low)..) {
            let Some(start) = segment.first().map(|e| e.index) else { break };
            if start >= high {
                break;
            }
            let from = low.saturating_sub(start) as usize;
            let to = ((high - start) as usize).min(segment.len());
            let part = budget.take_segment(segment.slice(from..to));
            let is_cut = part.len() < to - from;
            out.push_segment(part);
            if is_cut {
                break;
            }
        }
    }

    /// The position of the segment that holds `index`, which is in the run.
    fn segment_of(&self, index: u64) -> usize {
        // Most reads are near the end, and most runs are of a single segment.
        let last = self.segments.len().saturating_sub(1);
        match self.segments.back().and_then(|s| s.first()) {
            Some(first) if first.index <= index => last,
            _ => self.segments.partition_point(|s| s.last().is_some_and(|e| e.index < index)),
        }
    }
}

/// By content: how the entries are spread over segments does not matter.
impl Hash for EntryRun {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.first, self.next).hash(hasher);
        for entry in self.segments.iter().flat_map(|segment| segment.iter()) {
            entry.hash(hasher);
        }
    }
}

/// The last index of `entries` if their indexes go on from `first` without a gap. Terms do not
/// matter: under etcd's rules a message without one can take a node back to term 0, and the terms
/// of its log then fall.
pub(crate) fn last_of_run(first: u64, entries: &Entries) -> Option<u64> {
    let mut next = Some(first);
    for segment in entries.segments() {
        // Of a segment that is in order the first entry speaks for all.
        let to_check = if segment.is_in_order() { 1 } else { segment.len() };
        for entry in segment.iter().take(to_check) {
            if next != Some(entry.index) {
                return None;
            }
            next = entry.index.checked_add(1);
        }
        next = segment.last()?.index.checked_add(1);
    }
    entries.last().map(|entry| entry.index)
}

/// Counts encoded bytes of entries against a limit that the first entry may pass. What comes after
/// one that does not fit does not fit either.
pub(crate) struct Budget {
    left: u64,
    none_taken: bool,
}

impl Budget {
    pub(crate) fn new(max_size: u64) -> Self {
        Self { left: max_size, none_taken: true }
    }

    /// How many of `entries`, from the start, fit.
    pub(crate) fn take(&mut self, entries: &[Entry]) -> usize {
        if self.left == u64::MAX {
            return entries.len();
        }
        for (taken, entry) in entries.iter().enumerate() {
            let size = entry_encoded_size(entry);
            if size > self.left && !self.none_taken {
                self.left = 0;
                return taken;
            }
            self.left = self.left.saturating_sub(size);
            self.none_taken = false;
        }
        entries.len()
    }

    /// The part of `segment`, from the start, that fits.
    pub(crate) fn take_segment(&mut self, segment: Segment) -> Segment {
        let size = segment.encoded_size();
        if size <= self.left && self.left != u64::MAX {
            self.left -= size;
            self.none_taken &= segment.is_empty();
            return segment;
        }
        match self.take(&segment) {
            all if all == segment.len() => segment,
            fitting => segment.slice(0..fitting),
        }
    }
}

#[cfg(test)]
mod tests;
