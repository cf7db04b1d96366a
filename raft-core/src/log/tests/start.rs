//! What a log starts from.

use super::*;

/// etcd: TestLogRestore
#[test]
fn a_log_that_starts_from_a_snapshot_goes_on_after_it() {
    let log = start(stored(EntryId::new(7, 1000), &[]));
    assert_eq!(terms(&log), []);
    assert_eq!((log.first_index().unwrap(), log.last_index()), (1001, 1000));
    assert_eq!((log.committed(), log.applying(), log.applied()), (1000, 1000, 1000));
    assert_eq!(log.last_id(), EntryId::new(7, 1000));
    assert_eq!(log.unstable().offset(), 1001);
    assert_eq!(log.term(1000).unwrap(), Some(7));
    assert_eq!(log.term(999).unwrap(), None);
}

#[test]
fn a_log_that_starts_counts_nothing_after_the_compacted_part_as_committed() {
    let log = start(stored(EntryId::new(3, 5), &[3, 4]));
    assert_eq!((log.committed(), log.applying(), log.applied()), (5, 5, 5));
    assert_eq!(log.last_id(), EntryId::new(4, 7));
    assert_eq!((log.unstable().offset(), log.unstable().len()), (8, 0));
}

#[test]
fn a_storage_whose_ends_contradict_each_other_is_no_log() {
    let range = |first: u64, last: u64| {
        let storage = Scripted {
            first_index: Some(Ok(first)),
            last_index: Some(Ok(last)),
            inner: stored(EntryId::new(1, last.clamp(1, MAX_INDEX)), &[]),
            ..Scripted::default()
        };
        match RaftLog::new(storage, u64::MAX, 0) {
            Ok(log) => Ok(log.last_index()),
            Err(LogError::Range { first, last }) => Err((first, last)),
            Err(error) => panic!("{error:?}"),
        }
    };
    assert_eq!(range(0, 0), Err((0, 0)), "index 0 is before every log");
    assert_eq!(range(0, 5), Err((0, 5)));
    assert_eq!(range(7, 5), Err((7, 5)), "the first is more than one past the last");
    assert_eq!(range(6, 5), Ok(5));
    assert_eq!(range(5, 5), Ok(5));
    assert_eq!(range(1, MAX_INDEX), Ok(MAX_INDEX));
    for last in [MAX_INDEX + 1, u64::MAX - 2, u64::MAX - 1, u64::MAX] {
        assert_eq!(range(1, last), Err((1, last)), "nothing could follow");
    }
}

#[test]
fn a_storage_that_fails_is_no_log() {
    let inner = stored(EntryId::new(1, 3), &[]);
    let base = Scripted { inner, ..Scripted::default() };
    for storage in [
        Scripted { first_index: Some(Err(failure())), ..base.clone() },
        Scripted { last_index: Some(Err(failure())), ..base.clone() },
        Scripted { term: Some(failure()), ..base },
    ] {
        match RaftLog::new(storage, u64::MAX, 0) {
            Err(LogError::Storage(error)) => assert_eq!(error.to_string(), FAILURE),
            other => panic!("{other:?}"),
        }
    }
}

/// Else a leader could write a log that ends the node for good.
#[test]
fn a_log_can_start_again_wherever_a_valid_append_took_it() {
    let mut highest = 0;
    for index in (MAX_INDEX - 1..MAX_INDEX + 3).chain(u64::MAX - 3..=u64::MAX) {
        let prev = EntryId::new(1, index - 1);
        let one = Entries::from(Entry::new(1, index, ""));
        if LogSlice::validate(1, prev, &one).is_ok() {
            let log = start(stored(prev, &[1]));
            assert_eq!((log.last_index(), log.unstable().offset()), (index, index + 1));
            highest = index;
        }
    }
    assert_eq!(highest, MAX_INDEX);
}
