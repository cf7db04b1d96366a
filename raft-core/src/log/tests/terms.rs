//! Terms, and which log is up to date.

use super::*;

/// etcd: TestTerm
#[test]
fn terms_are_known_from_just_before_the_first_entry_to_the_last() {
    for log in [
        log_after(EntryId::new(1, 100), &[1, 2, 3, 3], &[]),
        log_after(EntryId::new(1, 100), &[1, 2], &[3, 3]),
        log_after(EntryId::new(1, 100), &[], &[1, 2, 3, 3]),
    ] {
        for (index, expected) in [
            (0, None),
            (98, None),
            (99, None),
            (100, Some(1)),
            (101, Some(1)),
            (102, Some(2)),
            (103, Some(3)),
            (104, Some(3)),
            (105, None),
            (u64::MAX, None),
        ] {
            assert_eq!(log.term(index).unwrap(), expected, "term of {index} in {log}");
            for term in 0..5 {
                let matches = log.matches(EntryId::new(term, index)).unwrap();
                assert_eq!(matches, expected == Some(term), "{term} at {index} in {log}");
            }
        }
    }
}

/// etcd: TestTermWithUnstableSnapshot
#[test]
fn an_unstable_snapshot_hides_the_terms_of_the_storage() {
    let mut log = log_after(EntryId::new(1, 100), &[1, 1], &[]);
    log.restore(snapshot(105, 4), &mut Recorder::default());
    for (index, expected) in
        [(99, None), (100, None), (102, None), (104, None), (105, Some(4)), (106, None)]
    {
        assert_eq!(log.term(index).unwrap(), expected, "term of {index}");
    }
}

#[test]
fn the_terms_at_the_end_and_of_unstable_entries_are_not_asked_of_the_storage() {
    let mut log = scripted();
    log.storage_mut().term = Some(failure());
    assert_eq!(log.term(4).unwrap(), Some(2));
    assert_eq!(log.term(3).unwrap_err().to_string(), FAILURE);

    let mut log = start(Scripted { inner: stored(EntryId::new(6, 9), &[]), ..Scripted::default() });
    log.storage_mut().term = Some(failure());
    assert_eq!(log.term(9).unwrap(), Some(6));
}

#[test]
fn a_term_that_the_storage_does_not_have_is_unknown_and_a_failed_read_is_an_error() {
    for (answer, expected) in [
        (StorageError::Compacted, Ok(None)),
        (StorageError::Unavailable, Ok(None)),
        (StorageError::LogTemporarilyUnavailable, Err("log entries are temporarily unavailable")),
        (failure(), Err(FAILURE)),
    ] {
        let mut log = scripted();
        log.storage_mut().term = Some(answer);
        let found = log.term(2).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(String::from));
    }
}

/// etcd: TestIsUpToDate
#[test]
fn a_log_is_up_to_date_by_its_last_term_and_then_by_its_length() {
    for log in logs(&[1, 3, 3]) {
        for (term, index, expected) in [
            (4, 2, true),
            (4, 3, true),
            (4, 4, true),
            (2, 2, false),
            (2, 3, false),
            (2, 9, false),
            (3, 2, false),
            (3, 3, true),
            (3, 4, true),
        ] {
            let up_to_date = log.is_up_to_date(EntryId::new(term, index));
            assert_eq!(up_to_date, expected, "{term}/{index}");
        }
    }
}
