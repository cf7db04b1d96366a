use alloc::vec;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::ptr;

use proptest::prelude::*;
use raft_proto::entries_encoded_size;

use super::*;
use crate::digest::DigestHasher;

/// The entries `first..first + sizes.len()` of `term`, with as many payload bytes each.
fn batch(term: u64, first: u64, sizes: &[usize]) -> Vec<Entry> {
    (first..).zip(sizes).map(|(index, &size)| Entry::new(term, index, vec![b'x'; size])).collect()
}

/// A run that holds exactly these segments.
fn run(first: u64, segments: &[&[usize]]) -> EntryRun {
    let mut run = EntryRun::new(first);
    for sizes in segments {
        run.append(&Entries::from(batch(1, run.next(), sizes)));
    }
    run
}

impl EntryRun {
    /// How many more segments there is room for.
    pub(crate) fn spare(&self) -> usize {
        self.segments.capacity() - self.segments.len()
    }
}

fn indexes(entries: &Entries) -> Vec<u64> {
    entries.iter().map(|entry| entry.index).collect()
}

fn sliced(run: &EntryRun, range: Range<u64>, max_size: u64) -> Entries {
    let mut out = Entries::new();
    run.slice_limited(range, max_size, &mut out);
    out
}

fn digest(run: &EntryRun) -> u64 {
    let mut hasher = DigestHasher::new();
    run.hash(&mut hasher);
    hasher.finish()
}

/// What a run is, without segments: the entries from `first` on, one by one.
#[derive(Clone, Debug)]
struct Twin {
    first: u64,
    entries: Vec<Entry>,
}

impl Twin {
    fn next(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    fn get(&self, index: u64) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.index == index)
    }

    fn truncate_from(&mut self, index: u64) {
        self.entries.retain(|entry| entry.index < index);
    }

    fn drop_below(&mut self, index: u64) {
        self.entries.retain(|entry| entry.index >= index);
        self.first = self.first.max(index);
    }

    fn slice(&self, range: Range<u64>) -> Vec<Entry> {
        self.entries.iter().filter(|entry| range.contains(&entry.index)).cloned().collect()
    }

    fn slice_limited(&self, range: Range<u64>, max_size: u64) -> Vec<Entry> {
        let mut slice = self.slice(range);
        while slice.len() > 1 && entries_encoded_size(&slice) > max_size {
            slice.pop();
        }
        slice
    }
}

/// An operation; places are counted from two below the first entry, so that they lie on both sides
/// of each end.
#[derive(Clone, Debug)]
enum Op {
    Append(Vec<Vec<usize>>),
    Push(usize),
    TruncateFrom(u64),
    DropBelow(u64),
    Slice(u64, u64),
    SliceLimited(u64, u64, u64),
}

fn op() -> impl Strategy<Value = Op> {
    let place = || 0u64..24;
    let limit = prop_oneof![8 => 0u64..80, 1 => Just(u64::MAX - 1), 1 => Just(u64::MAX)];
    let segment = prop::collection::vec(0usize..16, 1..5);
    prop_oneof![
        3 => prop::collection::vec(segment, 0..4).prop_map(Op::Append),
        5 => (0usize..16).prop_map(Op::Push),
        2 => place().prop_map(Op::TruncateFrom),
        2 => (0u64..8).prop_map(Op::DropBelow),
        4 => (place(), place()).prop_map(|(low, high)| Op::Slice(low, high)),
        4 => (place(), place(), limit).prop_map(|(low, high, max)| Op::SliceLimited(low, high, max)),
    ]
}

/// No segment is empty, and each starts where the one before it ends.
fn check_segments(run: &EntryRun) -> Result<(), TestCaseError> {
    let mut next = run.first;
    for segment in &run.segments {
        prop_assert!(!segment.is_empty());
        prop_assert_eq!(segment[0].index, next);
        next += segment.len() as u64;
    }
    prop_assert_eq!(next, run.next);
    Ok(())
}

proptest! {
    #[test]
    fn a_run_behaves_like_a_plain_vector(
        first in 2u64..5, ops in prop::collection::vec(op(), 1..60)
    ) {
        let mut run = EntryRun::new(first);
        let mut twin = Twin { first, entries: Vec::new() };
        let mut handed_out: Vec<(Entries, Vec<Entry>)> = Vec::new();

        // Each operation writes a term of its own, so that a replaced entry is told from the new.
        for (term, op) in (1u64..).zip(&ops) {
            let base = twin.first - 2;
            match op {
                Op::Append(segments) => {
                    let mut entries = Entries::new();
                    for sizes in segments {
                        let new = batch(term, twin.next(), sizes);
                        twin.entries.extend(new.iter().cloned());
                        entries.push_segment(Segment::from(new));
                    }
                    run.append(&entries);
                    handed_out.push((entries.clone(), entries.into_iter().collect()));
                }
                Op::Push(size) => {
                    let [entry] = batch(term, twin.next(), &[*size]).try_into().unwrap();
                    twin.entries.push(entry.clone());
                    run.push(entry);
                }
                Op::TruncateFrom(place) => {
                    run.truncate_from(base + place);
                    twin.truncate_from(base + place);
                }
                Op::DropBelow(place) => {
                    run.drop_below(base + place);
                    twin.drop_below(base + place);
                }
                Op::Slice(low, high) => {
                    let range = base + low..base + high;
                    let mut out = Entries::new();
                    run.slice(range.clone(), &mut out);
                    handed_out.push((out, twin.slice(range)));
                }
                Op::SliceLimited(low, high, max_size) => {
                    let range = base + low..base + high;
                    let out = sliced(&run, range.clone(), *max_size);
                    handed_out.push((out, twin.slice_limited(range, *max_size)));
                }
            }

            check_segments(&run)?;
            prop_assert_eq!((run.first(), run.next()), (twin.first, twin.next()), "{:?}", op);
            prop_assert_eq!(run.len(), twin.entries.len() as u64);
            prop_assert_eq!(run.is_empty(), twin.entries.is_empty());
            for index in twin.first - 2..twin.next() + 2 {
                prop_assert_eq!(run.get(index), twin.get(index), "{} after {:?}", index, op);
            }
            // What was shared with others stays as it was, whatever happens to the run.
            for (shared, expected) in &handed_out {
                prop_assert!(shared.iter().eq(expected), "{:?} changed {:?}", op, expected);
            }
        }
    }

    #[test]
    fn a_digest_depends_on_the_entries_and_not_on_their_segments(
        sizes in prop::collection::vec(0usize..4, 1..12), cuts in prop::collection::vec(1usize..5, 12)
    ) {
        let whole = run(7, &[sizes.as_slice()]);
        let mut cut = EntryRun::new(7);
        let mut rest = sizes.as_slice();
        for at in cuts {
            let (part, after) = rest.split_at(at.min(rest.len()));
            cut.append(&Entries::from(batch(1, cut.next(), part)));
            rest = after;
        }
        prop_assert_eq!(digest(&whole), digest(&cut));

        let mut shorter = whole.clone();
        shorter.truncate_from(whole.next() - 1);
        prop_assert_ne!(digest(&whole), digest(&shorter));
        prop_assert_ne!(digest(&EntryRun::new(7)), digest(&EntryRun::new(8)));
    }
}

#[test]
fn appending_and_slicing_copy_no_entry() {
    let entries = Entries::from(batch(1, 5, &[3; 6]));
    let mut run = EntryRun::new(5);
    run.append(&entries);
    let out = sliced(&run, 7..10, u64::MAX);
    assert_eq!(indexes(&out), [7, 8, 9]);
    for entry in &out {
        assert!(ptr::eq(entry, run.get(entry.index).unwrap()));
        assert!(ptr::eq(entry, entries.get((entry.index - 5) as usize).unwrap()));
    }
}

#[test]
fn pushed_entries_gather_in_one_segment() {
    let mut run = EntryRun::new(1);
    for entry in batch(1, 1, &[0; 10]) {
        run.push(entry);
    }
    assert_eq!((run.segments.len(), run.len()), (1, 10));
}

#[test]
fn a_push_after_the_last_segment_is_shared_starts_another() {
    let mut run = run(1, &[&[0, 0]]);
    let handed_out = sliced(&run, 1..3, u64::MAX);
    run.push(Entry::new(2, 3, ""));
    run.push(Entry::new(2, 4, ""));
    assert_eq!(indexes(&handed_out), [1, 2]);
    assert_eq!(run.segments.iter().map(|s| s.len()).collect::<Vec<_>>(), [2, 2]);
}

#[test]
fn a_slice_joins_what_the_output_holds_already() {
    let run = run(4, &[&[0, 0], &[0, 0]]);
    let mut out = Entries::from(Entry::new(1, 3, ""));
    run.slice(4..7, &mut out);
    assert_eq!(indexes(&out), [3, 4, 5, 6]);
    // What was in the output before counts against no limit.
    run.slice_limited(7..8, 0, &mut out);
    assert_eq!(indexes(&out), [3, 4, 5, 6, 7]);
}

/// etcd: TestLimitSize
#[test]
fn a_limited_slice_takes_what_fits_and_at_least_one() {
    // 4 bytes for term and index, and 2 more than the payload where there is one.
    let run = run(1, &[&[4], &[0, 14], &[4]]);
    for (range, max_size, expected) in [
        (1..5, 0, 1..2),
        (1..5, 9, 1..2),
        (1..5, 10, 1..2),
        (1..5, 13, 1..2),
        (1..5, 14, 1..3),
        (1..5, 33, 1..3),
        (1..5, 34, 1..4),
        (1..5, 43, 1..4),
        (1..5, 44, 1..5),
        (1..5, u64::MAX - 1, 1..5),
        (1..5, u64::MAX, 1..5),
        // The one that is too big comes when it is the first, and alone.
        (3..5, 5, 3..4),
        (3..5, 29, 3..4),
        (3..5, 30, 3..5),
        (2..4, 23, 2..3),
        (2..4, 24, 2..4),
    ] {
        let out = sliced(&run, range.clone(), max_size);
        assert_eq!(indexes(&out), expected.collect::<Vec<_>>(), "{range:?} in {max_size} bytes");
    }
}

#[test]
fn a_slice_outside_the_run_is_empty() {
    let run = run(5, &[&[0, 0], &[0]]);
    #[allow(clippy::reversed_empty_ranges)] // A range that runs backwards is one of the cases.
    for range in [1..5, 8..12, 6..6, 7..6, 0..0, u64::MAX..u64::MAX] {
        assert!(sliced(&run, range.clone(), u64::MAX).is_empty(), "{range:?}");
    }
    assert_eq!(indexes(&sliced(&run, 0..u64::MAX, u64::MAX)), [5, 6, 7]);
}

#[test]
fn entries_dropped_past_the_end_leave_an_empty_run_there() {
    let mut run = run(5, &[&[0, 0], &[0]]);
    run.drop_below(20);
    assert_eq!((run.first(), run.next(), run.is_empty()), (20, 20, true));
    assert_eq!(run.segments.len(), 0);
    run.push(Entry::new(1, 20, ""));
    assert_eq!(run.get(20).map(|entry| entry.index), Some(20));
}

#[test]
fn a_truncation_below_the_run_empties_it_where_it_starts() {
    let mut run = run(5, &[&[0, 0], &[0]]);
    run.truncate_from(2);
    assert_eq!((run.first(), run.next(), run.is_empty()), (5, 5, true));
    assert_eq!(run.segments.len(), 0);
}

#[test]
fn a_budget_is_spent_across_calls() {
    let entries = batch(1, 1, &[0; 5]);
    let mut budget = Budget::new(12);
    assert_eq!(budget.take(&[]), 0);
    assert_eq!(budget.take(&entries[..2]), 2);
    assert_eq!(budget.take(&entries[2..]), 1);
    assert_eq!(budget.take(&entries[3..]), 0);
}

#[test]
fn only_the_first_entry_may_pass_a_budget() {
    let big = batch(1, 1, &[100, 0]);
    let mut budget = Budget::new(10);
    assert_eq!(budget.take(&[]), 0, "nothing taken does not use up the exception");
    assert_eq!(budget.take(&big), 1);
    assert_eq!(budget.take(&big[1..]), 0, "the first one has used up everything");

    let mut budget = Budget::new(10);
    assert_eq!(budget.take(&big[1..]), 1);
    assert_eq!(budget.take(&big), 0, "a later one may not pass it");
}

#[test]
fn a_budget_without_limit_takes_everything() {
    let mut budget = Budget::new(u64::MAX);
    let entries = batch(1, 1, &[1000; 3]);
    assert_eq!((budget.take(&entries), budget.take(&entries)), (3, 3));
}
