//! Iteration over entries across segments.

use alloc::vec;
use core::iter::FusedIterator;
use core::slice;

use super::{Entries, Segment};
use crate::Entry;

/// Iterates over borrowed entries. Made by [`Entries::iter`].
#[derive(Clone, Debug)]
pub struct EntriesIter<'a> {
    front: slice::Iter<'a, Entry>,
    middle: slice::Iter<'a, Segment>,
    back: slice::Iter<'a, Entry>,
    remaining: usize,
}

impl<'a> EntriesIter<'a> {
    #[inline]
    pub(super) fn new(segments: &'a [Segment], len: usize) -> Self {
        EntriesIter {
            front: slice::Iter::default(),
            middle: segments.iter(),
            back: slice::Iter::default(),
            remaining: len,
        }
    }
}

impl<'a> Iterator for EntriesIter<'a> {
    type Item = &'a Entry;

    #[inline]
    fn next(&mut self) -> Option<&'a Entry> {
        loop {
            if let Some(entry) = self.front.next() {
                self.remaining = self.remaining.saturating_sub(1);
                return Some(entry);
            }
            match self.middle.next() {
                Some(segment) => self.front = segment.iter(),
                None if self.back.as_slice().is_empty() => return None,
                None => self.front = core::mem::take(&mut self.back),
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl<'a> DoubleEndedIterator for EntriesIter<'a> {
    fn next_back(&mut self) -> Option<&'a Entry> {
        loop {
            if let Some(entry) = self.back.next_back() {
                self.remaining = self.remaining.saturating_sub(1);
                return Some(entry);
            }
            match self.middle.next_back() {
                Some(segment) => self.back = segment.iter(),
                None if self.front.as_slice().is_empty() => return None,
                None => self.back = core::mem::take(&mut self.front),
            }
        }
    }
}

impl ExactSizeIterator for EntriesIter<'_> {}
impl FusedIterator for EntriesIter<'_> {}

impl<'a> IntoIterator for &'a Entries {
    type Item = &'a Entry;
    type IntoIter = EntriesIter<'a>;

    fn into_iter(self) -> EntriesIter<'a> {
        self.iter()
    }
}

/// Iterates over owned entries: moved out of runs that nobody else refers to, else cloned,
/// which shares the payload.
#[derive(Debug)]
pub struct EntriesIntoIter {
    current: Run,
    rest: vec::IntoIter<Segment>,
    remaining: usize,
}

#[derive(Debug)]
enum Run {
    Owned(vec::IntoIter<Entry>),
    Shared(Segment),
}

impl Run {
    fn new(segment: Segment) -> Run {
        match segment.into_owned() {
            Ok(entries) => Run::Owned(entries.into_iter()),
            Err(segment) => Run::Shared(segment),
        }
    }

    fn next(&mut self) -> Option<Entry> {
        match self {
            Run::Owned(entries) => entries.next(),
            Run::Shared(segment) => {
                let entry = segment.first().cloned();
                segment.drop_first(1);
                entry
            }
        }
    }
}

impl Iterator for EntriesIntoIter {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(entry) = self.current.next() {
                self.remaining = self.remaining.saturating_sub(1);
                return Some(entry);
            }
            self.current = Run::new(self.rest.next()?);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.remaining, Some(self.remaining))
    }
}

impl ExactSizeIterator for EntriesIntoIter {}
impl FusedIterator for EntriesIntoIter {}

impl IntoIterator for Entries {
    type Item = Entry;
    type IntoIter = EntriesIntoIter;

    fn into_iter(self) -> EntriesIntoIter {
        let remaining = self.len();
        let (first, rest) = self.into_first_and_rest();
        let current = match first {
            Some(segment) => Run::new(segment),
            None => Run::Owned(vec::IntoIter::default()),
        };
        EntriesIntoIter { current, rest: rest.into_iter(), remaining }
    }
}
