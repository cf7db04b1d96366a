//! `Entries` is a vector of entries in all that can be seen, and shares where it says so.

use proptest::collection::vec;
use proptest::prelude::*;
use raft_proto::bytes::Bytes;
use raft_proto::{Entries, Entry, Segment, entries_encoded_size, payloads_size};

/// Sequences that are worked on together, so that operations meet shared segments.
const SLOTS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    Push,
    Extend(u64),
    PushSegment { len: u64, cut: (usize, usize) },
    Append { from: usize },
    ExtendFrom { from: usize },
    Copy { from: usize },
    CopySlice { from: usize, cut: (usize, usize) },
    Truncate(usize),
    DropFirst(usize),
    Clear,
}

fn cut() -> impl Strategy<Value = (usize, usize)> {
    (0..12_usize, 0..12_usize)
}

fn op() -> impl Strategy<Value = Op> {
    let slot = || 0..SLOTS;
    prop_oneof![
        4 => Just(Op::Push),
        1 => (0..4_u64).prop_map(Op::Extend),
        3 => (0..5_u64, cut()).prop_map(|(len, cut)| Op::PushSegment { len, cut }),
        1 => slot().prop_map(|from| Op::Append { from }),
        1 => slot().prop_map(|from| Op::ExtendFrom { from }),
        1 => slot().prop_map(|from| Op::Copy { from }),
        3 => (slot(), cut()).prop_map(|(from, cut)| Op::CopySlice { from, cut }),
        2 => (0..12_usize).prop_map(Op::Truncate),
        2 => (0..12_usize).prop_map(Op::DropFirst),
        1 => Just(Op::Clear),
    ]
}

/// A sequence and what it should hold.
#[derive(Clone, Debug, Default)]
struct Twins {
    entries: Entries,
    vec: Vec<Entry>,
}

impl Twins {
    fn apply(&mut self, op: Op, fresh: &mut impl Iterator<Item = Entry>, slots: &[Twins]) {
        let Twins { entries, vec } = self;
        match op {
            Op::Push => {
                let entry = fresh.next().unwrap();
                entries.push(entry.clone());
                vec.push(entry);
            }
            Op::Extend(len) => {
                let run = fresh.take(len as usize).collect::<Vec<_>>();
                entries.extend(run.iter().cloned());
                vec.extend(run);
            }
            Op::PushSegment { len, cut } => {
                let run = fresh.take(len as usize).collect::<Vec<_>>();
                let segment = Segment::from(run.clone()).slice(cut.0..cut.1);
                assert_eq!(segment[..], *part(&run, cut));
                entries.push_segment(segment);
                vec.extend_from_slice(part(&run, cut));
            }
            Op::Append { from } => {
                entries.append(slots[from].entries.clone());
                vec.extend_from_slice(&slots[from].vec);
            }
            Op::ExtendFrom { from } => {
                entries.extend_from(&slots[from].entries);
                vec.extend_from_slice(&slots[from].vec);
            }
            Op::Copy { from } => *self = slots[from].clone(),
            Op::CopySlice { from, cut } => {
                *entries = slots[from].entries.slice(cut.0..cut.1);
                *vec = part(&slots[from].vec, cut).to_vec();
            }
            Op::Truncate(len) => {
                entries.truncate(len);
                vec.truncate(len);
            }
            Op::DropFirst(count) => {
                entries.drop_first(count);
                vec.drain(..count.min(vec.len()));
            }
            Op::Clear => {
                entries.clear();
                vec.clear();
            }
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Twins { entries, vec } = self;
        prop_assert_eq!(entries.len(), vec.len());
        prop_assert_eq!(entries.is_empty(), vec.is_empty());
        prop_assert_eq!(entries.first(), vec.first());
        prop_assert_eq!(entries.last(), vec.last());
        for position in 0..=vec.len() {
            prop_assert_eq!(entries.get(position), vec.get(position));
        }
        prop_assert_eq!(entries.get(usize::MAX), None);
        prop_assert!(entries.iter().eq(vec));
        prop_assert!(entries.iter().rev().eq(vec.iter().rev()));
        prop_assert!(entries.clone().into_iter().eq(vec.iter().cloned()));
        prop_assert_eq!(&entries.clone().into_vec(), vec);
        prop_assert_eq!(entries.encoded_size(), entries_encoded_size(vec));
        prop_assert_eq!(entries.payload_size(), payloads_size(vec));
        prop_assert!(entries.segments().iter().all(|segment| !segment.is_empty()));
        prop_assert!(entries.segments().iter().flat_map(|segment| segment.iter()).eq(vec));
        check_order(entries)?;
        prop_assert_eq!(entries, &Entries::from(vec.clone()));
        prop_assert_eq!(format!("{entries:?}"), format!("{vec:?}"));
        Ok(())
    }
}

/// Every segment, and every part of one at its ends, knows whether it is in order.
fn check_order(entries: &Entries) -> Result<(), TestCaseError> {
    for segment in entries.segments() {
        for at in 0..=segment.len() {
            for part in [segment.slice(0..at), segment.slice(at..segment.len())] {
                prop_assert_eq!(part.is_in_order(), in_order(&part), "{:?}", part);
            }
        }
    }
    Ok(())
}

fn in_order(entries: &[Entry]) -> bool {
    entries
        .windows(2)
        .all(|pair| pair[1].index == pair[0].index + 1 && pair[1].term >= pair[0].term)
}

/// The naive slice, with the promised clamping.
fn part(entries: &[Entry], (start, end): (usize, usize)) -> &[Entry] {
    let end = end.min(entries.len());
    &entries[start.min(end)..end]
}

fn numbered(first: u64) -> impl Iterator<Item = Entry> {
    (first..).map(|index| Entry::new(1, index, "data"))
}

/// Entries of which some are out of order: each goes on by its step in index, and has its term.
fn unruly(steps: Vec<(u64, u64)>) -> impl Iterator<Item = Entry> {
    steps.into_iter().cycle().scan(0, |index, (step, term)| {
        *index += step;
        Some(Entry::new(term, *index, "data"))
    })
}

fn steps() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let step =
        prop_oneof![12 => Just((1, 2)), 1 => Just((1, 1)), 1 => Just((0, 2)), 1 => Just((2, 2))];
    vec(step, 1..12)
}

fn entries(first: u64, len: usize) -> Entries {
    numbered(first).take(len).collect()
}

proptest! {
    #[test]
    fn behaves_as_a_vector(ops in vec((0..SLOTS, op()), 0..40), steps in steps()) {
        let mut fresh = unruly(steps);
        let mut slots = vec![Twins::default(); SLOTS];
        for (slot, op) in ops {
            let before = slots.clone();
            slots[slot].apply(op.clone(), &mut fresh, &before);
            // All of them: what is shared must not change for the others.
            for twins in slots.iter().chain(&before) {
                twins.check()?;
            }
        }
    }

    /// As above, but nothing else refers to the segments, so that they change in place.
    #[test]
    fn behaves_as_a_vector_alone(
        ops in vec(op(), 0..40), steps in steps(), as_vector in any::<bool>()
    ) {
        let mut fresh = unruly(steps);
        let mut twins = Twins::default();
        let nothing = vec![Twins::default(); SLOTS];
        for op in ops {
            twins.apply(op, &mut fresh, &nothing);
            prop_assert!(twins.entries.iter().eq(&twins.vec));
            prop_assert_eq!(twins.entries.len(), twins.vec.len());
            prop_assert_eq!(twins.entries.encoded_size(), entries_encoded_size(&twins.vec));
            prop_assert_eq!(twins.entries.payload_size(), payloads_size(&twins.vec));
            check_order(&twins.entries)?;
        }
        let (entries, vec) = (twins.entries, twins.vec);
        match as_vector {
            true => prop_assert_eq!(entries.into_vec(), vec),
            false => prop_assert!(entries.into_iter().eq(vec)),
        }
    }

    #[test]
    fn iterates_from_both_ends(lens in vec(0..4_usize, 0..5), from_front in vec(any::<bool>(), 20)) {
        let mut fresh = numbered(1);
        let mut sequence = Entries::new();
        for len in lens {
            sequence.push_segment(Segment::from(fresh.by_ref().take(len).collect::<Vec<_>>()));
        }
        let vec = sequence.iter().cloned().collect::<Vec<_>>();
        let (mut iter, mut expected) = (sequence.iter(), vec.iter());
        for from_front in from_front {
            let both = if from_front {
                (iter.next(), expected.next())
            } else {
                (iter.next_back(), expected.next_back())
            };
            prop_assert_eq!(both.0, both.1);
            prop_assert_eq!(iter.len(), expected.len());
        }
        prop_assert_eq!(iter.next(), None);
        prop_assert_eq!(iter.next_back(), None);
    }
}

#[test]
fn ranges_backwards_and_out_of_bounds_are_clamped() {
    let sequence = entries(1, 3);
    let segment = &sequence.segments()[0];
    #[allow(clippy::reversed_empty_ranges)]
    for (range, expected) in [
        (0..usize::MAX, 3),
        (1..3, 2),
        (3..3, 0),
        (7..9, 0),
        (2..1, 0),
        (usize::MAX..0, 0),
        (usize::MAX..usize::MAX, 0),
    ] {
        assert_eq!(sequence.slice(range.clone()).len(), expected, "{range:?}");
        assert_eq!(segment.slice(range.clone()).len(), expected, "{range:?}");
    }
}

#[test]
fn copies_share_their_entries() {
    let mut sequence = entries(1, 4);
    sequence.push_segment(Segment::from(vec![Entry::new(1, 5, "data")]));
    let copy = sequence.clone();
    let slice = sequence.slice(1..5);
    for other in [&copy, &slice] {
        assert_eq!(other.segments().len(), 2);
        for (segment, original) in other.segments().iter().zip(sequence.segments()) {
            assert!(segment.ptr_eq(original));
        }
    }
    assert!(!sequence.segments()[0].ptr_eq(&sequence.segments()[1]));
}

#[test]
fn neighbours_of_one_run_are_joined() {
    let whole = entries(1, 5);
    let mut sequence = whole.slice(0..2);
    sequence.append(whole.slice(2..3));
    sequence.extend_from(&whole.slice(3..5));
    assert_eq!(sequence, whole);
    assert_eq!(sequence.segments().len(), 1);
    // Not neighbours, though of one run.
    sequence.append(whole.slice(0..1));
    assert_eq!(sequence.segments().len(), 2);
}

#[test]
fn push_grows_in_place_only_when_alone() {
    let mut sequence = Entries::from(Entry::new(1, 1, "data"));
    sequence.push(Entry::new(1, 2, "data"));
    assert_eq!(sequence.segments().len(), 1);

    let copy = sequence.clone();
    sequence.push(Entry::new(1, 3, "data"));
    assert_eq!((sequence.len(), sequence.segments().len()), (3, 2));
    assert_eq!(copy.len(), 2);

    // The run goes on beyond the slice.
    let mut front = entries(1, 3).slice(0..2);
    front.push(Entry::new(1, 9, "data"));
    assert_eq!(front.iter().map(|entry| entry.index).collect::<Vec<_>>(), [1, 2, 9]);
    assert_eq!(front.segments().len(), 2);
}

#[test]
fn truncate_frees_what_nobody_shares() {
    let payload = Bytes::from(vec![1, 2, 3]);
    let sequence = || Entries::from(vec![Entry::new(1, 1, ""), Entry::new(1, 2, payload.clone())]);
    let mut alone = sequence();
    alone.truncate(1);
    assert!(payload.is_unique());

    let mut shared = sequence();
    let copy = shared.clone();
    shared.truncate(1);
    assert!(!payload.is_unique());
    drop(copy);
    drop(shared);
    assert!(payload.is_unique());
}

#[test]
fn owned_iteration_moves_what_nobody_shares() {
    let sequence = || Entries::from(vec![Entry::new(1, 1, vec![1, 2]), Entry::new(1, 2, vec![3])]);
    assert!(sequence().into_iter().all(|entry| entry.data.is_unique()));
    let mut last = sequence();
    last.drop_first(1);
    assert!(last.into_iter().all(|entry| entry.data.is_unique()));
    let shared = sequence();
    let copy = shared.clone();
    assert!(copy.into_iter().all(|entry| !entry.data.is_unique()));
    assert_eq!(shared.len(), 2);

    let mut iter = sequence().into_iter();
    assert_eq!(iter.len(), 2);
    iter.next();
    assert_eq!(iter.size_hint(), (1, Some(1)));
}

#[test]
fn only_the_last_owner_reclaims_the_buffer() {
    let mut buffer = Vec::with_capacity(64);
    buffer.extend(numbered(1).take(3));
    let address = buffer.as_ptr();
    let sequence = Entries::from(buffer);
    let slice = sequence.slice(1..2);
    for segment in sequence.into_segments() {
        assert_eq!(segment.try_reclaim(), None);
    }
    let mut segments = slice.into_segments();
    let reclaimed = segments.next().unwrap().try_reclaim().unwrap();
    assert_eq!(segments.next(), None);
    assert!(reclaimed.is_empty());
    assert_eq!((reclaimed.capacity(), reclaimed.as_ptr()), (64, address));
}

#[test]
fn a_segment_is_in_order_when_indexes_rise_by_one_and_terms_do_not_fall() {
    for (ids, expected) in [
        (&[][..], true),
        (&[(9, 9)], true),
        (&[(0, 0), (0, 1), (2, 2)], true),
        (&[(1, u64::MAX - 1), (1, u64::MAX)], true),
        (&[(1, 1), (1, 3)], false),
        (&[(1, 1), (1, 1)], false),
        (&[(1, 2), (1, 1)], false),
        (&[(1, u64::MAX), (1, 0)], false),
        (&[(2, 1), (1, 2)], false),
        (&[(1, 1), (1, 2), (1, 4), (1, 5)], false),
    ] {
        let list = || ids.iter().map(|&(term, index)| Entry::new(term, index, ""));
        let at_once = Segment::from(list().collect::<Vec<_>>());
        assert_eq!(at_once.is_in_order(), expected, "{ids:?}");
        let mut one_by_one = Segment::from(Vec::new());
        list().for_each(|entry| one_by_one.try_push(entry).expect("nobody shares it"));
        assert_eq!(one_by_one.is_in_order(), expected, "{ids:?}");
    }
}

#[test]
fn the_order_is_that_of_the_segment_and_not_of_its_run() {
    let mut run = [1, 2, 4, 5, 4].map(|index| Entry::new(1, index, "")).to_vec();
    let whole = Segment::from(run.clone());
    for (range, expected) in
        [(0..2, true), (2..4, true), (1..3, false), (3..5, false), (4..5, true)]
    {
        assert_eq!(whole.slice(range.clone()).is_in_order(), expected, "{range:?}");
    }
    // What is out of order has gone, and what comes instead is not.
    let mut alone = Entries::from(core::mem::take(&mut run));
    alone.truncate(2);
    alone.push(Entry::new(1, 3, ""));
    assert_eq!(alone.segments().len(), 1);
    assert!(alone.segments()[0].is_in_order());
}

#[test]
fn what_was_decoded_knows_its_order() {
    use raft_proto::Message;
    use raft_proto::prost::Message as _;
    for (indexes, expected) in [([5, 6, 7], true), ([5, 6, 8], false)] {
        let entries = indexes.map(|index| Entry::new(1, index, "data")).into_iter().collect();
        let bytes = Message { entries, ..Message::default() }.encode_to_vec();
        let decoded = Message::decode(bytes.as_slice()).expect("what was encoded").entries;
        assert_eq!(decoded.segments().len(), 1);
        assert_eq!(decoded.segments()[0].is_in_order(), expected, "{indexes:?}");
    }
}

#[test]
fn equality_and_hash_go_by_content() {
    use std::hash::{BuildHasher, RandomState};
    let whole = entries(1, 4);
    let mut cut = entries(1, 2);
    cut.append(entries(3, 2));
    assert_eq!((whole.segments().len(), cut.segments().len()), (1, 2));
    assert_eq!(whole, cut);
    let hasher = RandomState::new();
    assert_eq!(hasher.hash_one(&whole), hasher.hash_one(&cut));
    assert_ne!(whole, entries(2, 4));
    assert_ne!(whole, entries(1, 3));
    assert_eq!(entries(1, 4).segments()[0].slice(2..4), cut.segments()[1]);
}

#[test]
fn conversions() {
    let entry = Entry::new(1, 1, "data");
    assert_eq!(Entries::from(entry.clone()).iter().collect::<Vec<_>>(), [&entry]);
    assert_eq!(Entries::from(Segment::from(vec![entry.clone()])), Entries::from(vec![entry]));
    assert!(Entries::from(Vec::new()).is_empty());
    assert!(Entries::from(Segment::from(Vec::new())).segments().is_empty());
    assert_eq!(Entries::default(), Entries::new());
}

/// A sequence stands in every message and is moved with it.
#[cfg(target_pointer_width = "64")]
#[test]
fn stays_small() {
    assert_eq!(size_of::<Segment>(), 16);
    assert_eq!(size_of::<Entries>(), 24);
}
