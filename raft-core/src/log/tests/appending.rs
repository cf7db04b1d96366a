//! Conflicts, and what takes their place.

use super::*;

/// etcd: TestFindConflict
#[test]
fn a_conflict_is_the_first_entry_that_the_log_does_not_hold() {
    let found = |index: u64, existing: u64, conflicting: u64| {
        vec![format!(
            "found conflict at index {index} [existing term: {existing}, conflicting term: {conflicting}]"
        )]
    };
    for log in logs(&[1, 2, 2, 4]) {
        for (first, terms, expected, event) in [
            // All there.
            (1, &[][..], None, vec![]),
            (1, &[1], None, vec![]),
            (1, &[1, 2, 2, 4], None, vec![]),
            (2, &[2, 2], None, vec![]),
            (4, &[4], None, vec![]),
            // All there, and more.
            (1, &[1, 2, 2, 4, 4, 5], Some(4), vec![]),
            (3, &[2, 4, 4], Some(2), vec![]),
            (5, &[4, 4], Some(0), vec![]),
            // Of another term.
            (1, &[3, 3], Some(0), found(1, 1, 3)),
            (1, &[1, 1, 3], Some(1), found(2, 2, 1)),
            (2, &[2, 3, 4, 4], Some(1), found(3, 2, 3)),
            (3, &[2, 3], Some(1), found(4, 4, 3)),
            (4, &[5, 5, 5], Some(0), found(4, 4, 5)),
        ] {
            let mut events = Recorder::default();
            let conflict = log.find_conflict(&entries(first, terms), &mut events).unwrap();
            assert_eq!(conflict, expected, "{terms:?} from {first} on");
            assert_eq!(events.take(), event, "{terms:?} from {first} on");
        }
    }
}

#[test]
fn an_entry_whose_term_is_compacted_conflicts_with_an_unknown_one() {
    let log = log_after(EntryId::new(3, 5), &[3], &[]);
    let mut events = Recorder::default();
    assert_eq!(log.find_conflict(&entries(4, &[3, 3]), &mut events).unwrap(), Some(0));
    let expected = "found conflict at index 4 [existing term: 0, conflicting term: 3]";
    assert_eq!(events.take(), [expected]);
}

/// etcd: TestFindConflictByTerm
#[test]
fn the_best_guess_is_the_last_entry_of_no_later_term() {
    let best = |log: &RaftLog<MemoryStorage>, index, term| {
        let id = log.find_conflict_by_term(index, term).unwrap();
        (id.index, id.term)
    };
    // Index   1  2  3  4  5  6  7
    // Term    2  2  5  5  5  7  9
    for log in logs(&[2, 2, 5, 5, 5, 7, 9]) {
        for (index, term, expected) in [
            // Not here: it may be a match.
            (8, 9, (8, 0)),
            (100, 2, (100, 0)),
            // The term itself.
            (7, 9, (7, 9)),
            (6, 7, (6, 7)),
            (4, 5, (4, 5)),
            (1, 2, (1, 2)),
            // A later one is enough.
            (7, 100, (7, 9)),
            (3, 6, (3, 5)),
            // Down to the end of an earlier term.
            (7, 8, (6, 7)),
            (7, 7, (6, 7)),
            (7, 6, (5, 5)),
            (6, 5, (5, 5)),
            (5, 4, (2, 2)),
            (7, 2, (2, 2)),
            (3, 2, (2, 2)),
            // Down to before the log.
            (7, 1, (0, 0)),
            (1, 0, (0, 0)),
            (0, 0, (0, 0)),
            (0, 9, (0, 0)),
        ] {
            assert_eq!(best(&log, index, term), expected, "{term} at {index} in {log}");
        }
    }
    // Where the terms are compacted, the search ends.
    let log = log_after(EntryId::new(5, 10), &[5, 6], &[7]);
    for (index, term, expected) in [
        (13, 6, (12, 6)),
        (13, 5, (11, 5)),
        (10, 5, (10, 5)),
        (13, 4, (9, 0)),
        (9, 9, (9, 0)),
        (3, 0, (3, 0)),
    ] {
        assert_eq!(best(&log, index, term), expected, "{term} at {index} in {log}");
    }
}

/// etcd: TestAppend
#[test]
fn appended_entries_replace_what_conflicts_and_become_unstable() {
    for (prev, new, terms_after, offset, events_after) in [
        ((2, 2), &[][..], &[1, 2][..], 3, vec![]),
        ((2, 2), &[2], &[1, 2, 2], 3, vec![]),
        (
            (0, 0),
            &[2],
            &[2],
            1,
            vec![
                "found conflict at index 1 [existing term: 1, conflicting term: 2]",
                "replace the unstable entries from index 1",
            ],
        ),
        (
            (1, 1),
            &[3, 3],
            &[1, 3, 3],
            2,
            vec![
                "found conflict at index 2 [existing term: 2, conflicting term: 3]",
                "replace the unstable entries from index 2",
            ],
        ),
    ] {
        let mut log = log(&[1, 2], &[]);
        let mut events = Recorder::default();
        let last_new = log.maybe_append(slice(prev, new), 0, &mut events).unwrap();
        assert_eq!(last_new, Some(prev.0 + new.len() as u64));
        assert_eq!(terms(&log), terms_after);
        assert_eq!(log.last_index(), terms_after.len() as u64);
        assert_eq!(log.unstable().offset(), offset);
        assert_eq!(events.take(), events_after);
    }
}

#[test]
fn a_pushed_entry_is_the_last() {
    let mut log = log(&[1], &[]);
    log.push(Entry::new(3, 2, ""));
    log.push(Entry::new(3, 3, ""));
    assert_eq!(log.last_id(), EntryId::new(3, 3));
    assert_eq!(ids(&log.unstable().next_entries()), [(2, 3), (3, 3)]);
    assert_eq!(terms(&log), [1, 3, 3]);
}

/// An append that contradicts a committed entry, on which etcd panics here, does not come so far:
/// before the commit index a follower answers without a look at the entries.
///
/// etcd: TestLogMaybeAppend
#[test]
fn a_slice_is_taken_over_when_the_entry_before_it_matches() {
    let kept = &[1, 2, 3][..];
    for (prev, new, leader_committed, last_new, committed, terms_after) in [
        // The entry before it is of another term, or missing.
        ((3, 2), &[4][..], 3, None, 1, kept),
        ((3, 4), &[4], 3, None, 1, kept),
        ((4, 4), &[4], 4, None, 1, kept),
        ((4, 3), &[], 4, None, 1, kept),
        // Nothing new: the commit index follows the leader's as far as the logs are known to match.
        ((3, 3), &[], 3, Some(3), 3, kept),
        ((3, 3), &[], 4, Some(3), 3, kept),
        ((3, 3), &[], 2, Some(3), 2, kept),
        ((3, 3), &[], 0, Some(3), 1, kept),
        ((2, 2), &[], 3, Some(2), 2, kept),
        ((0, 0), &[], 3, Some(0), 1, kept),
        // More at the end.
        ((3, 3), &[4], 3, Some(4), 3, &[1, 2, 3, 4]),
        ((3, 3), &[4], 4, Some(4), 4, &[1, 2, 3, 4]),
        ((3, 3), &[4], 5, Some(4), 4, &[1, 2, 3, 4]),
        ((3, 3), &[3, 4], 5, Some(5), 5, &[1, 2, 3, 3, 4]),
        // Known ones: what is here after them stays, and is not known to match.
        ((1, 1), &[2], 3, Some(2), 2, kept),
        ((1, 1), &[2, 3], 3, Some(3), 3, kept),
        ((1, 1), &[2, 3, 4], 4, Some(4), 4, &[1, 2, 3, 4]),
        // Others: what is here from the first of them on goes.
        ((2, 2), &[4], 3, Some(3), 3, &[1, 2, 4]),
        ((2, 2), &[4, 4], 3, Some(4), 3, &[1, 2, 4, 4]),
        ((1, 1), &[4], 2, Some(2), 2, &[1, 4]),
        ((1, 1), &[2, 4, 4], 2, Some(4), 2, &[1, 2, 4, 4]),
    ] {
        for mut log in logs(&[1, 2, 3]) {
            let case = format!("{new:?} after {prev:?}, leader at {leader_committed}, in {log}");
            log.commit_to(1);
            let taken =
                log.maybe_append(slice(prev, new), leader_committed, &mut Recorder::default());
            assert_eq!(taken.unwrap(), last_new, "{case}");
            assert_eq!(log.committed(), committed, "{case}");
            assert_eq!(terms(&log), terms_after, "{case}");
            let last = EntryId::new(*terms_after.last().unwrap(), terms_after.len() as u64);
            assert_eq!(log.last_id(), last, "{case}");
        }
    }
}

#[test]
fn only_the_entries_that_are_new_become_unstable() {
    let mut log = log(&[1, 1, 1], &[]);
    log.maybe_append(slice((1, 1), &[1, 1, 2, 2]), 0, &mut Recorder::default()).unwrap();
    assert_eq!(ids(&log.unstable().next_entries()), [(4, 2), (5, 2)]);
}

#[test]
fn an_append_that_needs_a_term_the_storage_fails_to_read_changes_nothing() {
    let mut log = scripted();
    log.storage_mut().term = Some(failure());
    let before = log.clone();
    // The entry before it, and then the first of its own.
    for slice in [slice((1, 1), &[3]), LogSlice { prev: EntryId::new(2, 4), ..slice((2, 1), &[9]) }]
    {
        let result = log.maybe_append(slice, 4, &mut Recorder::default());
        assert_eq!(result.unwrap_err().to_string(), FAILURE);
        assert_eq!(digest(&log), digest(&before));
    }
    assert_eq!(log.find_conflict_by_term(3, 0).unwrap_err().to_string(), FAILURE);
}

/// etcd: TestCommitTo
#[test]
fn the_commit_index_only_rises_and_never_beyond_the_log() {
    for (index, expected) in [(3, 3), (1, 2), (2, 2), (4, 3), (u64::MAX, 3)] {
        for mut log in logs(&[1, 2, 3]) {
            log.commit_to(2);
            log.commit_to(index);
            assert_eq!(log.committed(), expected, "commit to {index}");
        }
    }
}

#[test]
fn a_node_that_starts_is_given_its_commit_index() {
    let mut log = log(&[1, 2, 3], &[]);
    log.start_at(2);
    assert_eq!((log.committed(), log.applying(), log.applied()), (2, 0, 0));
}
