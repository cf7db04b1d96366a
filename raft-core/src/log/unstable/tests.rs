use alloc::string::String;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use raft_proto::ConfState;

use super::*;
use crate::digest::DigestHasher;
use crate::log::tests::Recorder;

/// Whether something has been handed out to be persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    Yes,
    No,
}

fn entries(first: u64, terms: &[u64]) -> Entries {
    (first..).zip(terms).map(|(index, &term)| Entry::new(term, index, "")).collect()
}

fn snapshot(index: u64, term: u64) -> Snapshot {
    Snapshot::new(index, term, ConfState::new([1, 2, 3], []), "state")
}

/// Entries of `terms` from `offset` on, of which those below `in_progress_to` are handed out.
fn unstable(offset: u64, terms: &[u64], in_progress_to: u64) -> Unstable {
    let mut run = EntryRun::new(offset);
    run.append(&entries(offset, terms));
    Unstable { entries: run, in_progress_to, ..Unstable::default() }
}

fn some_snapshot(index: u64, term: u64, out: Out) -> Option<Box<UnstableSnapshot>> {
    let snapshot = snapshot(index, term);
    Some(Box::new(UnstableSnapshot { snapshot, in_progress: out == Out::Yes }))
}

/// The same, after a snapshot of term 1 at the index before.
fn after_snapshot(offset: u64, terms: &[u64], in_progress_to: u64, out: Out) -> Unstable {
    Unstable {
        snapshot: some_snapshot(offset - 1, 1, out),
        ..unstable(offset, terms, in_progress_to)
    }
}

fn ids(entries: &Entries) -> Vec<(u64, u64)> {
    entries.iter().map(|entry| (entry.index, entry.term)).collect()
}

/// All entries, as (index, term).
fn held(unstable: &Unstable) -> Vec<(u64, u64)> {
    let mut out = Entries::new();
    unstable.run().slice(0..u64::MAX, &mut out);
    ids(&out)
}

/// Offset, in-progress mark and terms.
fn marks(unstable: &Unstable) -> (u64, u64, Vec<u64>) {
    let terms = held(unstable).into_iter().map(|(_, term)| term).collect();
    (unstable.offset(), unstable.in_progress_to(), terms)
}

#[test]
fn a_new_log_has_nothing_unstable() {
    let new = Unstable::new(8);
    assert_eq!(marks(&new), (8, 8, Vec::new()));
    assert!(new.is_empty() && !new.has_next_entries());
    assert_eq!((new.len(), new.snapshot(), new.next_snapshot()), (0, None, None));
}

/// Where the unstable part begins and ends decides the first and the last index of the whole log.
///
/// etcd: TestUnstableMaybeFirstIndex, TestMaybeLastIndex
#[test]
fn the_unstable_part_knows_where_it_begins_and_ends() {
    for (unstable, snapshot, first, next) in [
        (unstable(5, &[1], 5), None, 5, 6),
        (unstable(5, &[], 5), None, 5, 5),
        (after_snapshot(5, &[1, 1], 5, Out::No), Some(4), 5, 7),
        (after_snapshot(5, &[], 5, Out::No), Some(4), 5, 5),
    ] {
        assert_eq!(unstable.snapshot().map(Snapshot::index), snapshot);
        assert_eq!((unstable.offset(), unstable.run().next()), (first, next));
        assert_eq!(unstable.len(), next - first);
        assert_eq!(unstable.is_empty(), next == first);
    }
}

/// etcd: TestUnstableMaybeTerm
#[test]
fn terms_are_known_of_the_entries_and_of_the_snapshot_before_them() {
    let entries_only = unstable(5, &[1, 2], 5);
    let both = after_snapshot(5, &[2, 3], 5, Out::No);
    let snapshot_only = after_snapshot(5, &[], 5, Out::No);
    let nothing = Unstable::new(5);
    for (unstable, index, expected) in [
        (&entries_only, 4, None),
        (&entries_only, 5, Some(1)),
        (&entries_only, 6, Some(2)),
        (&entries_only, 7, None),
        (&both, 3, None),
        (&both, 4, Some(1)),
        (&both, 5, Some(2)),
        (&both, 6, Some(3)),
        (&both, 7, None),
        (&snapshot_only, 3, None),
        (&snapshot_only, 4, Some(1)),
        (&snapshot_only, 5, None),
        (&nothing, 4, None),
        (&nothing, 5, None),
        (&nothing, 6, None),
    ] {
        assert_eq!(unstable.term(index), expected, "term of {index} in {unstable:?}");
    }
}

/// etcd: TestUnstableRestore
#[test]
fn a_snapshot_that_comes_in_replaces_everything() {
    let mut unstable = after_snapshot(5, &[1, 1], 7, Out::Yes);
    unstable.restore(snapshot(9, 4));
    assert_eq!(marks(&unstable), (10, 10, Vec::new()));
    assert_eq!(unstable.snapshot(), Some(&snapshot(9, 4)));
    assert_eq!(unstable.next_snapshot(), Some(&snapshot(9, 4)), "it is still to be handed out");
    assert_eq!(unstable.term(9), Some(4));

    // Also one that ends before what was there.
    let mut unstable = self::unstable(5, &[1, 1], 6);
    unstable.restore(snapshot(2, 2));
    assert_eq!(marks(&unstable), (3, 3, Vec::new()));
}

/// etcd: TestUnstableNextEntries
#[test]
fn the_next_entries_are_those_that_are_not_handed_out() {
    for (in_progress_to, expected) in
        [(5, &[(5, 1), (6, 1), (7, 2)][..]), (6, &[(6, 1), (7, 2)]), (7, &[(7, 2)]), (8, &[])]
    {
        let unstable = unstable(5, &[1, 1, 2], in_progress_to);
        assert_eq!(ids(&unstable.next_entries()), expected);
        assert_eq!(unstable.has_next_entries(), !expected.is_empty());
    }
    assert!(Unstable::new(5).next_entries().is_empty());
}

/// etcd: TestUnstableNextSnapshot
#[test]
fn the_next_snapshot_is_one_that_is_not_handed_out() {
    for (unstable, expected) in [
        (unstable(5, &[1], 5), None),
        (after_snapshot(5, &[], 5, Out::No), Some(4)),
        (after_snapshot(5, &[], 5, Out::Yes), None),
        // Entries that are handed out say nothing about it.
        (after_snapshot(5, &[1], 6, Out::No), Some(4)),
    ] {
        assert_eq!(unstable.next_snapshot().map(Snapshot::index), expected, "{unstable:?}");
    }
}

/// etcd: TestUnstableAcceptInProgress
#[test]
fn what_was_accepted_is_handed_out_up_to_the_end() {
    for terms in [&[][..], &[1], &[1, 2], &[1, 2, 2]] {
        let end = 5 + terms.len() as u64;
        for in_progress_to in 5..=end {
            let mut accepted = unstable(5, terms, in_progress_to);
            accepted.accept_in_progress();
            assert_eq!(marks(&accepted), (5, end, terms.to_vec()));
            assert!(!accepted.has_next_entries() && accepted.next_entries().is_empty());
            assert_eq!(accepted.next_snapshot(), None);

            for out in [Out::No, Out::Yes] {
                let mut accepted = after_snapshot(5, terms, in_progress_to, out);
                accepted.accept_in_progress();
                assert_eq!(marks(&accepted), (5, end, terms.to_vec()));
                assert_eq!(accepted.next_snapshot(), None);
                assert_eq!(
                    accepted.snapshot(),
                    Some(&snapshot(4, 1)),
                    "it stays until it is stable"
                );
            }
        }
    }
}

#[test]
fn a_snapshot_that_comes_after_an_accepted_one_is_handed_out_too() {
    let mut unstable = after_snapshot(5, &[1], 5, Out::No);
    unstable.accept_in_progress();
    unstable.restore(snapshot(9, 2));
    assert_eq!(unstable.next_snapshot(), Some(&snapshot(9, 2)));
}

/// etcd: TestUnstableStableTo
#[test]
fn acknowledged_entries_leave_if_they_are_the_ones_that_are_here() {
    let missing =
        |index| alloc::format!("entry at index {index} missing from unstable log; ignoring");
    let mismatch = |(index, term), ours| {
        alloc::format!(
            "entry at (index,term)=({index},{term}) mismatched with entry at ({index},{ours}) in \
             unstable log; ignoring"
        )
    };
    let is_snapshot =
        |index| alloc::format!("entry at index {index} matched unstable snapshot; ignoring");
    let quiet = String::new;
    type Case = (Unstable, (u64, u64), (u64, u64, &'static [u64]), String);
    let cases: [Case; 16] = [
        (unstable(5, &[], 5), (5, 1), (5, 5, &[]), missing(5)),
        // The first, with nothing, itself, or more handed out.
        (unstable(5, &[1], 6), (5, 1), (6, 6, &[]), quiet()),
        (unstable(5, &[1], 5), (5, 1), (6, 6, &[]), quiet()),
        (unstable(5, &[1, 1], 6), (5, 1), (6, 6, &[1]), quiet()),
        (unstable(5, &[1, 1], 7), (5, 1), (6, 7, &[1]), quiet()),
        (unstable(5, &[1, 1, 2], 8), (6, 1), (7, 8, &[2]), quiet()),
        (unstable(5, &[1, 1, 2], 6), (7, 2), (8, 8, &[]), quiet()),
        // Replaced since, by one of a later term, or of an earlier one.
        (unstable(6, &[2], 7), (6, 1), (6, 7, &[2]), mismatch((6, 1), 2)),
        (unstable(6, &[2], 7), (6, 3), (6, 7, &[2]), mismatch((6, 3), 2)),
        // Not here, or no more.
        (unstable(5, &[1], 6), (4, 1), (5, 6, &[1]), missing(4)),
        (unstable(5, &[1], 6), (4, 2), (5, 6, &[1]), missing(4)),
        (unstable(5, &[1], 6), (6, 1), (5, 6, &[1]), missing(6)),
        // The same after a snapshot, whose own position is acknowledged in another way.
        (after_snapshot(5, &[1], 6, Out::Yes), (5, 1), (6, 6, &[]), quiet()),
        (after_snapshot(5, &[1], 6, Out::Yes), (4, 1), (5, 6, &[1]), is_snapshot(4)),
        (after_snapshot(5, &[1], 6, Out::Yes), (4, 2), (5, 6, &[1]), is_snapshot(4)),
        (after_snapshot(5, &[2], 6, Out::Yes), (5, 1), (5, 6, &[2]), mismatch((5, 1), 2)),
    ];
    for (mut unstable, (index, term), (offset, in_progress_to, terms), event) in cases {
        let case = alloc::format!("{index}/{term} in {unstable:?}");
        let before = (unstable.snapshot().cloned(), unstable.offset());
        let (mut events, mut kept) = (Recorder::default(), Entries::new());
        unstable.stable_to(EntryId::new(term, index), &mut events, |s| kept.push_segment(s));
        assert!(kept.iter().map(|e| e.index).eq(before.1..unstable.offset()), "{case}");
        assert_eq!(marks(&unstable), (offset, in_progress_to, terms.to_vec()), "{case}");
        assert_eq!(events.take().concat(), event, "{case}");
        assert_eq!(unstable.snapshot().cloned(), before.0, "{case}");
    }
}

#[test]
fn only_the_snapshot_that_is_here_can_be_acknowledged() {
    for out in [Out::No, Out::Yes] {
        for index in [3, 5, 6] {
            let mut unstable = after_snapshot(5, &[1], 6, out);
            unstable.stable_snapshot_to(index);
            assert_eq!(unstable.snapshot(), Some(&snapshot(4, 1)));
            assert_eq!(unstable.next_snapshot().is_none(), out == Out::Yes);
        }
        let mut unstable = after_snapshot(5, &[1], 6, out);
        unstable.stable_snapshot_to(4);
        assert_eq!(unstable.snapshot(), None);
        assert_eq!(marks(&unstable), (5, 6, [1].to_vec()), "the entries stay");
    }
    let mut unstable = unstable(5, &[1], 6);
    unstable.stable_snapshot_to(4);
    assert_eq!(marks(&unstable), (5, 6, [1].to_vec()));
}

/// etcd: TestUnstableTruncateAndAppend
#[test]
fn new_entries_replace_those_at_their_place_and_after() {
    let replace = |from| alloc::format!("replace the unstable entries from index {from}");
    let truncate = |before| alloc::format!("truncate the unstable entries before index {before}");
    let quiet = String::new;
    type New = (u64, &'static [u64]);
    type Case = (Unstable, New, (u64, u64, &'static [u64]), String);
    let cases: [Case; 14] = [
        // Nothing.
        (unstable(5, &[1], 6), (3, &[]), (5, 6, &[1]), quiet()),
        // At the end.
        (unstable(5, &[1], 5), (6, &[1, 1]), (5, 5, &[1, 1, 1]), quiet()),
        (unstable(5, &[1], 6), (6, &[1, 1]), (5, 6, &[1, 1, 1]), quiet()),
        (unstable(5, &[], 5), (5, &[1]), (5, 5, &[1]), quiet()),
        // At or before the first: what was handed out is no longer here.
        (unstable(5, &[1], 5), (5, &[2, 2]), (5, 5, &[2, 2]), replace(5)),
        (unstable(5, &[1, 1], 7), (5, &[2]), (5, 5, &[2]), replace(5)),
        (unstable(5, &[1], 5), (4, &[2, 2, 2]), (4, 4, &[2, 2, 2]), replace(4)),
        (unstable(5, &[1], 6), (4, &[2]), (4, 4, &[2]), replace(4)),
        (unstable(5, &[], 5), (4, &[2]), (4, 4, &[2]), replace(4)),
        // In the middle: what was handed out from there on will be handed out again.
        (unstable(5, &[1, 1, 1], 5), (6, &[2, 2]), (5, 5, &[1, 2, 2]), truncate(6)),
        (unstable(5, &[1, 1, 1], 6), (6, &[2]), (5, 6, &[1, 2]), truncate(6)),
        (unstable(5, &[1, 1, 1], 6), (7, &[2, 2]), (5, 6, &[1, 1, 2, 2]), truncate(7)),
        (unstable(5, &[1, 1, 1], 7), (6, &[2]), (5, 6, &[1, 2]), truncate(6)),
        (unstable(5, &[1, 1, 1], 8), (7, &[2]), (5, 7, &[1, 1, 2]), truncate(7)),
    ];
    for (mut unstable, (first, new), (offset, in_progress_to, terms), event) in cases {
        let case = alloc::format!("{new:?} from {first} on in {unstable:?}");
        let mut events = Recorder::default();
        unstable.truncate_and_append(&entries(first, new), &mut events);
        assert_eq!(marks(&unstable), (offset, in_progress_to, terms.to_vec()), "{case}");
        assert_eq!(events.take().concat(), event, "{case}");
        let indexes: Vec<u64> = held(&unstable).into_iter().map(|(index, _)| index).collect();
        assert_eq!(indexes, Vec::from_iter(offset..offset + terms.len() as u64), "{case}");
    }
}

#[test]
fn a_pushed_entry_is_the_last_and_not_handed_out() {
    let mut unstable = unstable(5, &[1], 6);
    unstable.push(Entry::new(2, 6, "x"));
    assert_eq!(marks(&unstable), (5, 6, [1, 2].to_vec()));
    assert_eq!(ids(&unstable.next_entries()), [(6, 2)]);
}

#[test]
fn what_was_handed_out_stays_as_it_was_when_the_log_goes_another_way() {
    let mut unstable = Unstable::new(5);
    unstable.push(Entry::new(1, 5, ""));
    unstable.push(Entry::new(1, 6, ""));
    let handed_out = unstable.next_entries();
    unstable.accept_in_progress();
    unstable.truncate_and_append(&entries(6, &[2, 2]), &mut Recorder::default());
    unstable.push(Entry::new(2, 8, ""));
    assert_eq!(ids(&handed_out), [(5, 1), (6, 1)]);
    assert_eq!(ids(&unstable.next_entries()), [(6, 2), (7, 2), (8, 2)]);
}

#[test]
fn a_digest_moves_with_each_part() {
    let digest = |unstable: &Unstable| {
        let mut hasher = DigestHasher::new();
        unstable.hash(&mut hasher);
        hasher.finish()
    };
    type Change = fn(&mut Unstable);
    let changes: [(&str, Change); 5] = [
        ("no snapshot", |unstable| unstable.snapshot = None),
        ("another snapshot", |unstable| unstable.snapshot = some_snapshot(4, 2, Out::No)),
        ("snapshot in progress", |unstable| unstable.snapshot = some_snapshot(4, 1, Out::Yes)),
        ("entries", |unstable| unstable.entries.push(Entry::new(1, 7, ""))),
        ("in-progress mark", |unstable| unstable.in_progress_to += 1),
    ];
    let base = after_snapshot(5, &[1, 1], 5, Out::No);
    let mut seen = [digest(&base)].to_vec();
    for (what, change) in changes {
        let mut unstable = base.clone();
        change(&mut unstable);
        let digest = digest(&unstable);
        assert!(!seen.contains(&digest), "{what}");
        seen.push(digest);
    }
}
