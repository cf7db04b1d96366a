//! What is handed out to be applied.

use super::*;

/// etcd: TestHasNextCommittedEnts, TestNextCommittedEnts
#[test]
fn the_next_committed_entries_are_those_that_are_not_being_applied() {
    use AllowUnstable::{No, Yes};
    for (applied, applying, allow_unstable, expected) in [
        (3, 3, Yes, 4..6),
        (3, 4, Yes, 5..6),
        (3, 5, Yes, 6..6),
        (4, 4, Yes, 5..6),
        (4, 5, Yes, 6..6),
        (5, 5, Yes, 6..6),
        // Only what is stable.
        (3, 3, No, 4..5),
        (3, 4, No, 5..5),
        (3, 5, No, 6..6),
        (4, 4, No, 5..5),
        (5, 5, No, 6..6),
    ] {
        let case = format!("applied {applied}, applying {applying}, {allow_unstable:?}");
        let mut log = committed_log(u64::MAX);
        (log.applied, log.applying) = (applied, applying);
        let before = log.clone();
        assert_eq!(log.has_next_committed(allow_unstable), !expected.is_empty(), "{case}");
        let out = log.take_committed(allow_unstable).unwrap();
        assert!(out.iter().map(|entry| entry.index).eq(expected.clone()), "{case}: {out:?}");
        assert_eq!(log.applying(), applying.max(expected.end - 1), "{case}");
        assert_eq!(log.applied(), applied, "{case}");
        assert!(!log.has_next_committed(allow_unstable), "{case}: they are out");

        // Nothing while the limit is reached, and nothing past a snapshot that comes first.
        let mut paused = before.clone();
        paused.applying_paused = true;
        let mut waiting = log_after(EntryId::new(1, 2), &[], &[]);
        waiting.restore(snapshot(3, 1), &mut Recorder::default());
        entries(4, &[1, 1, 1]).into_iter().for_each(|entry| waiting.push(entry));
        waiting.commit_to(5);
        (waiting.applied, waiting.applying) = (applied, applying);
        for mut log in [paused, waiting] {
            assert!(!log.has_next_committed(allow_unstable), "{case}");
            assert!(log.take_committed(allow_unstable).unwrap().is_empty(), "{case}");
            assert_eq!(log.applying(), applying, "{case}");
        }
    }
}

/// etcd: TestAcceptApplying
#[test]
fn no_more_is_handed_out_than_may_be_applied_at_once() {
    use AllowUnstable::{No, Yes};
    // Entries 4 and 5 are committed, and 4 bytes each. Only 4 is stable.
    for (limit, allow_unstable, expected, paused) in [
        // One that is too big is handed out alone.
        (1, Yes, 4..5, true),
        (3, Yes, 4..5, true),
        // It reaches the limit.
        (4, Yes, 4..5, true),
        // The next would pass it.
        (5, Yes, 4..5, true),
        (7, Yes, 4..5, true),
        // Both reach it.
        (8, Yes, 4..6, true),
        // There is room.
        (9, Yes, 4..6, false),
        (u64::MAX, Yes, 4..6, false),
        // The same where the second may not be handed out yet anyway.
        (3, No, 4..5, true),
        (4, No, 4..5, true),
        (5, No, 4..5, false),
        (7, No, 4..5, false),
        (9, No, 4..5, false),
    ] {
        let case = format!("limit {limit}, {allow_unstable:?}");
        let mut log = committed_log(limit);
        let out = log.take_committed(allow_unstable).unwrap();
        assert!(out.iter().map(|entry| entry.index).eq(expected.clone()), "{case}");
        assert_eq!(log.applying_paused, paused, "{case}");
        assert_eq!(log.applying_size, 4 * (expected.end - expected.start), "{case}");

        // What is committed later waits for an acknowledgement exactly if there is no room.
        log.commit_to(6);
        log.stable_to(EntryId::new(1, 6), &mut Recorder::default());
        assert_eq!(log.has_next_committed(allow_unstable), !paused, "{case}");
    }
}

#[test]
fn room_is_what_is_left_by_all_that_is_out() {
    let mut log = RaftLog::new(stored(EntryId::default(), &[1; 4]), 9, 0).unwrap();
    log.commit_to(1);
    assert_eq!(ids(&log.take_committed(AllowUnstable::No).unwrap()), [(1, 1)]);
    log.commit_to(4);
    // 4 bytes of 9 are out: there is room for one more, not for two.
    assert_eq!(ids(&log.take_committed(AllowUnstable::No).unwrap()), [(2, 1)]);
    assert!(!log.has_next_committed(AllowUnstable::No));
    log.applied_to(1, 4);
    assert_eq!(ids(&log.take_committed(AllowUnstable::No).unwrap()), [(3, 1)]);
    log.applied_to(3, 8);
    assert_eq!(ids(&log.take_committed(AllowUnstable::No).unwrap()), [(4, 1)]);
}

/// etcd: TestAppliedTo
#[test]
fn applied_entries_make_room_again() {
    for (index, size, applying, left, paused) in [
        // Entries up to 5 of 100 bytes together are out, which is the limit.
        (4, 40, 5, 60, false),
        (5, 40, 5, 60, false),
        (4, 1, 5, 99, false),
        (4, 0, 5, 100, true),
        (5, 100, 5, 0, false),
        (5, 101, 5, 0, false),
        (5, u64::MAX, 5, 0, false),
        // Beyond what is out, as with a snapshot.
        (6, 0, 6, 100, true),
        (6, 10, 6, 90, false),
    ] {
        let mut log = committed_log(100);
        log.commit_to(6);
        (log.applying, log.applying_size, log.applying_paused) = (5, 100, true);
        log.applied_to(index, size);
        let case = format!("{size} bytes up to {index}");
        assert_eq!(
            (log.applied(), log.applying(), log.applying_size),
            (index, applying, left),
            "{case}"
        );
        assert_eq!(log.applying_paused, paused, "{case}");
    }
}

#[test]
fn committed_entries_that_have_to_be_fetched_come_when_they_are_there() {
    let mut log = scripted();
    log.commit_to(3);
    log.storage_mut().entries = Some(Err(StorageError::LogTemporarilyUnavailable));
    assert!(log.take_committed(AllowUnstable::Yes).unwrap().is_empty());
    assert_eq!((log.applying(), log.applying_paused), (0, false));

    // Not before the storage says so: else each `Ready` would ask again.
    log.storage_mut().entries = None;
    assert!(!log.has_next_committed(AllowUnstable::Yes));
    assert!(log.take_committed(AllowUnstable::Yes).unwrap().is_empty());
    log.apply_fetched();
    assert!(log.has_next_committed(AllowUnstable::Yes));
    assert_eq!(ids(&log.take_committed(AllowUnstable::Yes).unwrap()), [(1, 1), (2, 1), (3, 2)]);
}

#[test]
fn committed_entries_that_cannot_be_had_are_an_error_and_stay_to_be_applied() {
    for (answer, expected) in [
        (
            StorageError::Compacted,
            "storage broke its contract: committed entries are compacted, not applied",
        ),
        (failure(), FAILURE),
    ] {
        let mut log = scripted();
        log.commit_to(3);
        let before = log.clone();
        log.storage_mut().entries = Some(Err(answer));
        let error = log.take_committed(AllowUnstable::Yes).unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(digest(&log), digest(&before));
    }
}
