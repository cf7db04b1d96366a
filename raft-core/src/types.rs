//! Floor 0. Positions of the log, and a run of entries as a leader sends it.

use core::fmt;

use raft_proto::{Entries, Entry};

/// No node. In a field that names a node: nobody.
pub const NONE: u64 = raft_proto::NONE;

/// The highest index that an entry or a snapshot of a peer may have. With room above it, no
/// arithmetic on indexes can overflow.
pub const MAX_INDEX: u64 = u64::MAX - (1 << 32);

/// A position of the log and the term of the entry there. Two logs that hold the same id are the
/// same up to it (Log Matching, Raft §5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntryId {
    /// Term of the leader that created the entry. First, so that the derived order is the one in
    /// which logs are compared for being up to date (Raft §5.4.1).
    pub term: u64,
    /// Index of the entry.
    pub index: u64,
}

impl EntryId {
    /// The id at `index` with `term`.
    #[must_use]
    pub const fn new(term: u64, index: u64) -> Self {
        Self { term, index }
    }

    /// The id of `entry`.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self { term: entry.term, index: entry.index }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.term, self.index)
    }
}

/// A leader's log from just after `prev` on, as an append message carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogSlice {
    /// The term of the leader that sent the slice: no entry is of a later one.
    pub(crate) term: u64,
    /// The entry before the first one.
    pub(crate) prev: EntryId,
    /// The entries, which may be none.
    pub(crate) entries: Entries,
}

/// Why a [`LogSlice`] cannot be a part of a leader's log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MalformedSlice {
    /// The entry at this place does not follow the one before it.
    Gap { expected: u64, found: u64 },
    /// The entry's term is lower than that of the one before it.
    TermRegression { index: u64, term: u64, previous: u64 },
    /// The slice has an entry of a later term than its leader.
    TermBeyondLeader { index: u64, term: u64, leader: u64 },
    /// The indexes go past [`MAX_INDEX`].
    IndexOverflow { prev: u64, len: u64 },
}

impl LogSlice {
    /// The index of the last entry, or of `prev` when there are none.
    pub(crate) fn last_index(&self) -> u64 {
        self.prev.index.saturating_add(self.entries.len() as u64)
    }

    /// Checks what every honest slice has: indexes without a gap, terms that never regress and
    /// never pass the leader's.
    pub(crate) fn validate(
        term: u64,
        prev: EntryId,
        entries: &Entries,
    ) -> Result<(), MalformedSlice> {
        let len = entries.len() as u64;
        if prev.index.checked_add(len).is_none_or(|last| last > MAX_INDEX) {
            return Err(MalformedSlice::IndexOverflow { prev: prev.index, len });
        }
        let mut before = prev;
        for segment in entries.segments() {
            // Of a segment that is in order the first entry speaks for all.
            let to_check = if segment.is_in_order() { 1 } else { segment.len() };
            for entry in segment.iter().take(to_check) {
                before = follow(before, entry)?;
            }
            before = segment.last().map_or(before, EntryId::of);
        }
        if before.term > term {
            return Err(MalformedSlice::TermBeyondLeader {
                index: before.index,
                term: before.term,
                leader: term,
            });
        }
        Ok(())
    }
}

/// The id of `entry`, if it can stand right after `before`.
fn follow(before: EntryId, entry: &Entry) -> Result<EntryId, MalformedSlice> {
    let EntryId { term, index } = EntryId::of(entry);
    let (expected, previous) = (before.index + 1, before.term);
    if index != expected {
        return Err(MalformedSlice::Gap { expected, found: index });
    }
    if term < previous {
        return Err(MalformedSlice::TermRegression { index, term, previous });
    }
    Ok(EntryId { term, index })
}

#[cfg(test)]
mod tests {
    use alloc::vec as list;
    use alloc::vec::Vec;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use raft_proto::Segment;

    use super::*;

    fn entries(ids: &[(u64, u64)]) -> Entries {
        ids.iter().map(|&(term, index)| Entry { term, index, ..Entry::default() }).collect()
    }

    fn validate(term: u64, prev: (u64, u64), ids: &[(u64, u64)]) -> Result<(), MalformedSlice> {
        LogSlice::validate(term, EntryId::new(prev.0, prev.1), &entries(ids))
    }

    /// etcd: TestLogSlice
    #[test]
    fn well_formed_slices_pass() {
        for (term, prev, ids, last_index) in [
            // No entries: at the beginning of the log, and after an entry of this term or another.
            (0, (0, 0), &[][..], 0),
            (10, (10, 123), &[], 123),
            (11, (10, 123), &[], 123),
            // One, and several.
            (1, (0, 0), &[(1, 1)], 1),
            (2, (0, 0), &[(1, 1)], 1),
            (10, (5, 123), &[(6, 124)], 124),
            (5, (2, 7), &[(2, 8), (2, 9), (5, 10)], 10),
        ] {
            assert_eq!(validate(term, prev, ids), Ok(()), "{ids:?} after {prev:?} in term {term}");
            let prev = EntryId::new(prev.0, prev.1);
            assert_eq!(LogSlice { term, prev, entries: entries(ids) }.last_index(), last_index);
        }
    }

    /// etcd: TestLogSlice
    #[test]
    fn malformed_slices_are_told_apart() {
        use MalformedSlice::*;
        assert_eq!(validate(3, (1, 1), &[(1, 3)]), Err(Gap { expected: 2, found: 3 }));
        assert_eq!(validate(3, (1, 1), &[(1, 2), (1, 2)]), Err(Gap { expected: 3, found: 2 }));
        assert_eq!(validate(3, (1, 1), &[(1, 2), (1, 4)]), Err(Gap { expected: 3, found: 4 }));
        assert_eq!(validate(3, (1, 9), &[(1, 2)]), Err(Gap { expected: 10, found: 2 }));
        assert_eq!(
            validate(3, (2, 1), &[(1, 2)]),
            Err(TermRegression { index: 2, term: 1, previous: 2 })
        );
        assert_eq!(
            validate(3, (1, 1), &[(2, 2), (1, 3)]),
            Err(TermRegression { index: 3, term: 1, previous: 2 })
        );
        assert_eq!(
            validate(3, (1, 1), &[(4, 2)]),
            Err(TermBeyondLeader { index: 2, term: 4, leader: 3 })
        );
        assert_eq!(
            validate(3, (4, 1), &[]),
            Err(TermBeyondLeader { index: 1, term: 4, leader: 3 })
        );
        assert_eq!(
            validate(1, (1, MAX_INDEX), &[(1, MAX_INDEX + 1)]),
            Err(IndexOverflow { prev: MAX_INDEX, len: 1 })
        );
    }

    /// Entry by entry.
    fn naive(term: u64, prev: EntryId, ids: &[EntryId]) -> Result<(), MalformedSlice> {
        let mut before = prev;
        for &EntryId { term, index } in ids {
            let expected = before.index + 1;
            if index != expected {
                return Err(MalformedSlice::Gap { expected, found: index });
            }
            if term < before.term {
                let previous = before.term;
                return Err(MalformedSlice::TermRegression { index, term, previous });
            }
            before = EntryId { term, index };
        }
        if before.term > term {
            let EntryId { term: found, index } = before;
            return Err(MalformedSlice::TermBeyondLeader { index, term: found, leader: term });
        }
        Ok(())
    }

    proptest! {
        /// Whatever is known of the segments, and however the entries are cut into them.
        #[test]
        fn the_first_fault_is_found_in_any_segments(
            steps in vec(prop_oneof![12 => Just((1, 0)), 1 => Just((2, 0)), 1 => Just((0, 0)), 2 => Just((1, 1))], 0..12),
            falls_at in 0..24_usize,
            cuts in vec(any::<bool>(), 12),
            leader in 0..4_u64,
        ) {
            let prev = EntryId::new(1, 7);
            let mut ids = Vec::new();
            let mut last = prev;
            for (at, (by_index, by_term)) in steps.into_iter().enumerate() {
                last = EntryId::new(last.term + by_term, last.index + by_index);
                if at == falls_at {
                    last.term = last.term.saturating_sub(1);
                }
                ids.push(last);
            }
            let mut cut = Entries::new();
            for (id, starts) in ids.iter().zip(cuts) {
                let entry = Entry { term: id.term, index: id.index, ..Entry::default() };
                if starts {
                    cut.push_segment(Segment::from(list![entry]));
                } else {
                    cut.push(entry);
                }
            }
            prop_assert_eq!(LogSlice::validate(leader, prev, &cut), naive(leader, prev, &ids));
        }
    }

    /// etcd: TestEntryID
    #[test]
    fn an_entry_has_the_id_of_its_place() {
        for (term, index) in [(0, 0), (0, 5), (1, 0), (100, 50)] {
            let entry = Entry::new(term, index, "whatever it holds");
            assert_eq!(EntryId::of(&entry), EntryId { term, index });
        }
    }

    #[test]
    fn ids_are_ordered_by_term_first() {
        assert!(EntryId::new(2, 1) > EntryId::new(1, 9));
        assert!(EntryId::new(2, 2) > EntryId::new(2, 1));
    }
}
