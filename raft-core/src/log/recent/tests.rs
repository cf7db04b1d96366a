use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use raft_proto::{Entries, Entry, Segment};

use super::*;

/// 4 bytes for term and index, 2 for the length of the payload.
const OVERHEAD: u64 = 6;

/// Segments of entries `first..` of term 1, with payloads of these sizes.
fn batch(first: u64, segments: &[Vec<usize>]) -> Entries {
    let mut next = first;
    let mut entries = Entries::new();
    for sizes in segments {
        let segment: Vec<_> =
            (next..).zip(sizes).map(|(i, &size)| Entry::new(1, i, vec![b'x'; size])).collect();
        next += segment.len() as u64;
        entries.push_segment(Segment::from(segment));
    }
    entries
}

fn keep(recent: &mut Recent, entries: Entries) {
    entries.into_segments().for_each(|segment| recent.keep(segment));
    recent.shrink();
}

fn indexes(recent: &Recent) -> Vec<u64> {
    let mut out = Entries::new();
    recent.run().slice(0..u64::MAX, &mut out);
    out.iter().map(|entry| entry.index).collect()
}

#[test]
fn the_oldest_give_way_a_segment_at_a_time() {
    let mut recent = Recent::new(5, 4 * (OVERHEAD + 1));
    keep(&mut recent, batch(5, &[vec![1, 1], vec![1]]));
    keep(&mut recent, batch(8, &[vec![1]]));
    assert_eq!(indexes(&recent), [5, 6, 7, 8]);
    keep(&mut recent, batch(9, &[vec![1]]));
    assert_eq!(indexes(&recent), [7, 8, 9]);
    let known = [5, 6, 7, 9, 10].map(|index| recent.term(index));
    assert_eq!(known, [None, Some(1), Some(1), Some(1), None], "the term before them is known too");
    keep(&mut recent, batch(10, &[vec![40]]));
    assert_eq!(indexes(&recent), Vec::<u64>::new(), "too big for all of it");
    assert_eq!((recent.run().first(), recent.run().next()), (11, 11));
}

#[test]
fn without_room_nothing_is_kept() {
    let mut recent = Recent::new(1, 0);
    keep(&mut recent, batch(1, &[vec![0], vec![3]]));
    assert_eq!((recent.run().first(), recent.run().next()), (3, 3));
    assert_eq!(recent.term(2), None);
}

#[test]
fn what_is_released_goes_when_the_whole_segment_does() {
    let mut recent = Recent::new(1, u64::MAX);
    keep(&mut recent, batch(1, &[vec![1, 1], vec![1, 1], vec![1]]));
    for (index, left) in [(1, &[1, 2, 3, 4, 5][..]), (2, &[3, 4, 5]), (4, &[5]), (9, &[])] {
        recent.release(index);
        assert_eq!(indexes(&recent), left, "{index}");
    }
    assert_eq!((recent.term(5), recent.run().next()), (Some(1), 6));
    keep(&mut recent, batch(6, &[vec![1]]));
    assert_eq!((recent.term(5), recent.term(6)), (Some(1), Some(1)));
    recent.end_at(6);
    assert_eq!((recent.term(5), recent.term(6)), (None, None), "it may have been replaced as well");
}

#[test]
fn nothing_is_kept_of_what_is_replaced() {
    let mut recent = Recent::new(1, u64::MAX);
    keep(&mut recent, batch(1, &[vec![1, 1, 1]]));
    recent.end_at(4);
    assert_eq!(indexes(&recent), [1, 2, 3], "it ends there anyway");
    for offset in [3, 9] {
        let mut recent = recent.clone();
        recent.end_at(offset);
        assert_eq!((recent.run().first(), recent.run().next()), (offset, offset));
        keep(&mut recent, batch(offset, &[vec![1]]));
        assert_eq!(indexes(&recent), [offset]);
    }
}

proptest! {
    #[test]
    fn as_many_are_kept_as_there_is_room_for(
        batches in prop::collection::vec(
            prop::collection::vec(prop::collection::vec(1usize..9, 1..4), 0..4), 0..12),
        max_size in 0u64..120,
    ) {
        let mut recent = Recent::new(1, max_size);
        let mut all: Vec<Segment> = Vec::new();
        for batch_sizes in &batches {
            let next = recent.run().next();
            let entries = batch(next, batch_sizes);
            all.extend(entries.segments().iter().cloned());
            keep(&mut recent, entries);

            let mut room = max_size;
            let fit = all.iter().rev().take_while(|segment| {
                let fits = segment.encoded_size() <= room;
                room = room.saturating_sub(segment.encoded_size());
                fits
            });
            let kept: usize = fit.map(|segment| segment.len()).sum();
            let count: usize = all.iter().map(|segment| segment.len()).sum();
            let expected: Vec<_> = (1..=count as u64).skip(count - kept).collect();
            prop_assert_eq!(indexes(&recent), expected);
            prop_assert_eq!(recent.run().next(), count as u64 + 1);
        }
    }
}
