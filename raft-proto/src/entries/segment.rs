//! A part of a run of entries that several owners share.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, Range};

use crate::{Entry, entry_encoded_size, payload_size};

/// The most entries one segment can refer to; positions are kept in 32 bits so that a segment
/// is two words.
pub(super) const MAX_LEN: usize = u32::MAX as usize;

/// A slice of an immutable, reference-counted run of entries.
///
/// Cloning and slicing share the run and copy no entry. Every segment keeps its whole run
/// alive, also the entries outside the slice.
#[derive(Clone)]
pub struct Segment {
    run: Arc<Run>,
    // Invariant: start <= end <= run.entries.len().
    start: u32,
    end: u32,
}

/// Entries, and what was learnt of them while they were at hand.
struct Run {
    entries: Vec<Entry>,
    /// The length of the longest prefix that is in order.
    in_order: usize,
    size: Size,
}

/// Of some entries together, in bytes.
#[derive(Clone, Copy, Default)]
struct Size {
    encoded: u64,
    payload: u64,
}

impl Size {
    fn of(entries: &[Entry]) -> Self {
        let mut size = Size::default();
        entries.iter().for_each(|entry| size.add(entry));
        size
    }

    fn add(&mut self, entry: &Entry) {
        self.encoded = self.encoded.saturating_add(entry_encoded_size(entry));
        self.payload = self.payload.saturating_add(payload_size(entry));
    }
}

impl Run {
    fn new(entries: Vec<Entry>) -> Self {
        let in_order = order_prefix(&entries);
        let size = Size::of(&entries);
        Run { entries, in_order, size }
    }

    #[inline]
    fn push(&mut self, entry: Entry) {
        let all_in_order = self.in_order == self.entries.len();
        if all_in_order && self.entries.last().is_none_or(|last| follows(last, &entry)) {
            self.in_order += 1;
        }
        self.size.add(&entry);
        self.entries.push(entry);
    }

    fn truncate(&mut self, len: usize) {
        self.entries.truncate(len);
        self.in_order = self.in_order.min(len);
        self.size = Size::of(&self.entries);
    }
}

impl Segment {
    /// The part of this segment at `range`, sharing its run. A range that reaches beyond the
    /// segment is cut at its end; one that starts beyond it, or runs backwards, is empty.
    #[must_use]
    #[inline]
    pub fn slice(&self, range: Range<usize>) -> Segment {
        let Range { start, end } = clamp(range, self.len());
        Segment {
            run: Arc::clone(&self.run),
            start: self.start.saturating_add(position(start)),
            end: self.start.saturating_add(position(end)),
        }
    }

    /// Whether the entries can follow each other in a log: each has the index after that of the
    /// one before it, and no lower term. Then the first and the last tell which indexes they have,
    /// and between which terms they lie.
    ///
    /// Costs nothing where the run is in order up to the segment's end, which was found out when
    /// its entries were put in; elsewhere the entries are looked at.
    #[must_use]
    #[inline]
    pub fn is_in_order(&self) -> bool {
        self.end as usize <= self.run.in_order || order_prefix(self) == self.len()
    }

    /// The sum of [`entry_encoded_size`] over the entries, in bytes. Costs nothing for the whole of
    /// a run.
    #[must_use]
    #[inline]
    pub fn encoded_size(&self) -> u64 {
        self.size().encoded
    }

    /// The sum of [`payload_size`] over the entries, in bytes. Costs nothing for the whole of a run.
    #[must_use]
    #[inline]
    pub fn payload_size(&self) -> u64 {
        self.size().payload
    }

    #[inline]
    fn size(&self) -> Size {
        match self.len() == self.run.entries.len() {
            true => self.run.size,
            false => Size::of(self),
        }
    }

    /// Whether both segments share one run, at whatever part of it.
    #[must_use]
    pub fn ptr_eq(&self, other: &Segment) -> bool {
        Arc::ptr_eq(&self.run, &other.run)
    }

    /// Gives the run's buffer back, emptied, if nobody else refers to the run.
    #[must_use]
    pub fn try_reclaim(self) -> Option<Vec<Entry>> {
        let mut buffer = Arc::try_unwrap(self.run).ok()?.entries;
        buffer.clear();
        Some(buffer)
    }

    /// Adds `entry` after the segment's last, or gives it back: when the run is shared, goes on
    /// beyond the segment, or is full.
    #[inline]
    pub fn try_push(&mut self, entry: Entry) -> Result<(), Entry> {
        let end = self.end as usize;
        match Arc::get_mut(&mut self.run) {
            Some(run) if run.entries.len() == end && end < MAX_LEN => {
                run.push(entry);
                self.end = self.end.saturating_add(1);
                Ok(())
            }
            _ => Err(entry),
        }
    }

    /// Takes `next` in if it shares this segment's run and starts where this segment ends.
    #[inline]
    pub(super) fn try_join(&mut self, next: &Segment) -> bool {
        let adjacent = self.end == next.start && self.ptr_eq(next);
        if adjacent {
            self.end = next.end;
        }
        adjacent
    }

    /// Keeps the first `len` entries. The others are freed at once if nobody else refers to
    /// the run.
    pub(super) fn truncate(&mut self, len: usize) {
        if len >= self.len() {
            return;
        }
        self.end = self.start.saturating_add(position(len));
        if let Some(run) = Arc::get_mut(&mut self.run) {
            run.truncate(self.end as usize);
        }
    }

    /// Drops the first `count` entries from the slice; the run keeps them alive.
    pub(super) fn drop_first(&mut self, count: usize) {
        self.start = self.start.saturating_add(position(count)).min(self.end);
    }

    /// The segment's entries, moved out of the run if nobody else refers to it.
    pub(super) fn into_owned(self) -> Result<Vec<Entry>, Segment> {
        let Segment { run, start, end } = self;
        match Arc::try_unwrap(run) {
            Ok(Run { mut entries, .. }) => {
                entries.truncate(end as usize);
                entries.drain(..(start as usize).min(entries.len()));
                Ok(entries)
            }
            Err(run) => Err(Segment { run, start, end }),
        }
    }
}

/// Copies no entry.
///
/// A segment holds at most `u32::MAX` entries, and what is beyond them is dropped;
/// [`Entries`](crate::Entries) made from a vector keep all.
impl From<Vec<Entry>> for Segment {
    fn from(entries: Vec<Entry>) -> Segment {
        let end = position(entries.len());
        Segment { run: Arc::new(Run::new(entries)), start: 0, end }
    }
}

impl Deref for Segment {
    type Target = [Entry];

    #[inline]
    fn deref(&self) -> &[Entry] {
        self.run.entries.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// Compares the entries, wherever they are.
impl PartialEq for Segment {
    fn eq(&self, other: &Segment) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Segment {}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self[..], f)
    }
}

/// The length of the longest prefix of `entries` that is in order.
fn order_prefix(entries: &[Entry]) -> usize {
    let pairs = entries.iter().zip(entries.iter().skip(1));
    let pairs_in_order = pairs.take_while(|(entry, next)| follows(entry, next)).count();
    entries.len().min(pairs_in_order.saturating_add(1))
}

fn follows(entry: &Entry, next: &Entry) -> bool {
    entry.index.checked_add(1) == Some(next.index) && entry.term <= next.term
}

/// The part of `range` that lies within `0..len`.
#[inline]
pub(super) fn clamp(range: Range<usize>, len: usize) -> Range<usize> {
    let end = range.end.min(len);
    range.start.min(end)..end
}

#[inline]
fn position(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}
