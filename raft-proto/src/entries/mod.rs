//! Entries that are shared between the log, the messages and the storage instead of copied.

mod iter;
mod segment;

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;
use core::slice;

pub use iter::{EntriesIntoIter, EntriesIter};
pub use segment::Segment;

use crate::Entry;
use segment::{MAX_LEN, clamp};

/// A sequence of entries that is cheap to clone.
///
/// It is made of [`Segment`]s, which share their entries. How a sequence is cut into segments
/// is a matter of cost only: equality, hash and text go by the entries.
///
/// ```text
///   two runs        5 6 7 8   9 10
///   in the log    [ 5 6 7 8 ][ 9 10 ]
///   in a message      [ 7 8 ][ 9 10 ]      refers to both runs, holds no entry of its own
/// ```
///
/// A sequence of one segment allocates nothing. No method panics: positions and ranges beyond
/// the end are cut there.
#[derive(Clone, Default)]
pub struct Entries {
    parts: Parts,
}

/// Invariant: no segment is empty.
#[derive(Clone, Default)]
enum Parts {
    #[default]
    Empty,
    One(Segment),
    Many(Vec<Segment>),
}

impl Entries {
    /// No entries.
    #[must_use]
    pub const fn new() -> Self {
        Entries { parts: Parts::Empty }
    }

    /// Whether there are no entries.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.segments().is_empty()
    }

    /// The number of entries, counted segment by segment.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.segments().iter().fold(0, |len, segment| len.saturating_add(segment.len()))
    }

    /// Iterates over the entries in order.
    #[must_use]
    #[inline]
    pub fn iter(&self) -> EntriesIter<'_> {
        EntriesIter::new(self.segments(), self.len())
    }

    /// The first entry.
    #[must_use]
    #[inline]
    pub fn first(&self) -> Option<&Entry> {
        self.segments().first()?.first()
    }

    /// The last entry.
    #[must_use]
    #[inline]
    pub fn last(&self) -> Option<&Entry> {
        self.segments().last()?.last()
    }

    /// The entry at `position`, counted from 0 whatever the entries' indexes in the log.
    #[must_use]
    pub fn get(&self, position: usize) -> Option<&Entry> {
        let mut offset = position;
        for segment in self.segments() {
            match segment.get(offset) {
                Some(entry) => return Some(entry),
                None => offset -= segment.len(),
            }
        }
        None
    }

    /// The segments in order, none of them empty.
    #[must_use]
    #[inline]
    pub fn segments(&self) -> &[Segment] {
        match &self.parts {
            Parts::Empty => &[],
            Parts::One(segment) => slice::from_ref(segment),
            Parts::Many(segments) => segments,
        }
    }

    /// The segments in order, none of them empty; for [`Segment::try_reclaim`], which wants the
    /// last reference.
    pub fn into_segments(self) -> impl Iterator<Item = Segment> {
        let (first, rest) = self.into_first_and_rest();
        first.into_iter().chain(rest)
    }

    /// Adds a segment at the end; it becomes part of the last one if it continues it within
    /// the same run.
    #[inline]
    pub fn push_segment(&mut self, segment: Segment) {
        match self.parts {
            Parts::Empty if !segment.is_empty() => self.parts = Parts::One(segment),
            _ => self.push_another(segment),
        }
    }

    fn push_another(&mut self, segment: Segment) {
        if segment.is_empty() || self.last_segment_mut().is_some_and(|last| last.try_join(&segment))
        {
            return;
        }
        self.parts = match core::mem::take(&mut self.parts) {
            Parts::Empty => Parts::One(segment),
            Parts::One(first) => Parts::Many(vec![first, segment]),
            Parts::Many(mut segments) => {
                segments.push(segment);
                Parts::Many(segments)
            }
        };
    }

    /// Adds an entry at the end: in place if nobody else refers to the last segment's run,
    /// else as a new segment.
    pub fn push(&mut self, entry: Entry) {
        let left_over = match self.last_segment_mut() {
            Some(last) => last.try_push(entry).err(),
            None => Some(entry),
        };
        if let Some(entry) = left_over {
            self.push_segment(Segment::from(vec![entry]));
        }
    }

    /// Adds the entries of `other` at the end, sharing them.
    pub fn append(&mut self, other: Entries) {
        if self.is_empty() {
            *self = other;
            return;
        }
        for segment in other.into_segments() {
            self.push_segment(segment);
        }
    }

    /// Adds the entries of `other` at the end, sharing them.
    pub fn extend_from(&mut self, other: &Entries) {
        for segment in other.segments() {
            self.push_segment(segment.clone());
        }
    }

    /// Keeps the first `len` entries. Those dropped are freed at once if nobody else refers to
    /// their run.
    pub fn truncate(&mut self, len: usize) {
        match &mut self.parts {
            Parts::Empty => {}
            Parts::One(_) if len == 0 => self.parts = Parts::Empty,
            Parts::One(segment) => segment.truncate(len),
            Parts::Many(segments) => {
                let mut left = len;
                segments.retain_mut(|segment| {
                    segment.truncate(left);
                    let kept = if left == 0 { 0 } else { segment.len() };
                    left -= kept;
                    kept > 0
                });
            }
        }
    }

    /// Drops the first `count` entries. Those of a run that is still referred to stay alive
    /// with it, also if only this sequence does.
    pub fn drop_first(&mut self, count: usize) {
        match &mut self.parts {
            Parts::Empty => {}
            Parts::One(segment) if count >= segment.len() => self.parts = Parts::Empty,
            Parts::One(segment) => segment.drop_first(count),
            Parts::Many(segments) => {
                let mut left = count;
                segments.retain_mut(|segment| {
                    let dropped = left.min(segment.len());
                    segment.drop_first(dropped);
                    left -= dropped;
                    !segment.is_empty()
                });
            }
        }
    }

    /// The entries at `range`, shared. A range that reaches beyond the end is cut there; one
    /// that starts beyond it, or runs backwards, is empty.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Entries {
        let mut sliced = Entries::new();
        let Range { mut start, mut end } = range;
        for segment in self.segments() {
            if start >= end {
                break;
            }
            let part = clamp(start..end, segment.len());
            if !part.is_empty() {
                sliced.push_segment(segment.slice(part));
            }
            start = start.saturating_sub(segment.len());
            end = end.saturating_sub(segment.len());
        }
        sliced
    }

    /// The sum of [`entry_encoded_size`](crate::entry_encoded_size) over the entries, in bytes,
    /// counted segment by segment.
    #[must_use]
    #[inline]
    pub fn encoded_size(&self) -> u64 {
        self.segments().iter().map(Segment::encoded_size).fold(0, u64::saturating_add)
    }

    /// The sum of [`payload_size`](crate::payload_size) over the entries, in bytes, counted segment
    /// by segment.
    #[must_use]
    #[inline]
    pub fn payload_size(&self) -> u64 {
        self.segments().iter().map(Segment::payload_size).fold(0, u64::saturating_add)
    }

    /// The entries, moved out of runs that nobody else refers to, else cloned, which shares the
    /// payload.
    #[must_use]
    pub fn into_vec(self) -> Vec<Entry> {
        match self.parts {
            Parts::Empty => Vec::new(),
            Parts::One(segment) => segment.into_owned().unwrap_or_else(|shared| shared.to_vec()),
            parts @ Parts::Many(_) => Entries { parts }.into_iter().collect(),
        }
    }

    /// Drops all entries, and the memory of the sequence itself.
    pub fn clear(&mut self) {
        self.parts = Parts::Empty;
    }

    fn last_segment_mut(&mut self) -> Option<&mut Segment> {
        match &mut self.parts {
            Parts::Empty => None,
            Parts::One(segment) => Some(segment),
            Parts::Many(segments) => segments.last_mut(),
        }
    }

    /// The first segment and the others, so that a single one needs no vector.
    fn into_first_and_rest(self) -> (Option<Segment>, Vec<Segment>) {
        match self.parts {
            Parts::Empty => (None, Vec::new()),
            Parts::One(segment) => (Some(segment), Vec::new()),
            Parts::Many(segments) => (None, segments),
        }
    }

    /// [`From<Vec<Entry>>`], with at most `max` entries in a segment.
    fn from_vec(mut entries: Vec<Entry>, max: usize) -> Self {
        let mut sequence = Entries::new();
        while entries.len() > max {
            let rest = entries.split_off(max);
            sequence.push_segment(Segment::from(entries));
            entries = rest;
        }
        sequence.push_segment(Segment::from(entries));
        sequence
    }
}

/// Copies no entry.
impl From<Vec<Entry>> for Entries {
    fn from(entries: Vec<Entry>) -> Self {
        Entries::from_vec(entries, MAX_LEN)
    }
}

impl From<Entry> for Entries {
    fn from(entry: Entry) -> Self {
        Entries::from(vec![entry])
    }
}

impl From<Segment> for Entries {
    fn from(segment: Segment) -> Self {
        let mut sequence = Entries::new();
        sequence.push_segment(segment);
        sequence
    }
}

/// Collects into one segment.
impl FromIterator<Entry> for Entries {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Entries::from(Vec::from_iter(entries))
    }
}

impl Extend<Entry> for Entries {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        for entry in entries {
            self.push(entry);
        }
    }
}

/// Compares the entries, however they are cut into segments.
impl PartialEq for Entries {
    fn eq(&self, other: &Entries) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Entries {}

impl Hash for Entries {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        for entry in self {
            entry.hash(state);
        }
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(entries: &Entries) -> Vec<usize> {
        entries.segments().iter().map(|segment| segment.len()).collect()
    }

    #[test]
    fn vectors_too_long_for_one_segment_are_split() {
        let entries = (1..=7).map(|index| Entry::new(1, index, "")).collect::<Vec<_>>();
        for (len, expected) in [(0, vec![]), (3, vec![3]), (4, vec![3, 1]), (7, vec![3, 3, 1])] {
            let split = Entries::from_vec(entries[..len].to_vec(), 3);
            assert_eq!(lens(&split), expected);
            assert!(split.iter().eq(&entries[..len]));
        }
    }

    #[test]
    fn one_segment_needs_no_memory_of_its_own() {
        let mut entries = Entries::from(Entry::new(1, 1, ""));
        entries.push(Entry::new(1, 2, ""));
        entries.append(Entries::new());
        assert!(matches!(entries.clone().parts, Parts::One(_)));
        assert!(matches!(entries.slice(1..2).parts, Parts::One(_)));
        entries.truncate(0);
        assert!(matches!(entries.parts, Parts::Empty));
    }
}
