//! What is to be written, and what is.

use super::*;

/// etcd: TestNextUnstableEnts
#[test]
fn what_the_storage_holds_is_not_handed_out_again() {
    for cut in 0..=3 {
        let all = [1, 2, 2];
        let mut log = log(&all[..cut], &all[cut..]);
        let next = log.unstable().next_entries();
        assert!(next.iter().eq(&entries(cut as u64 + 1, &all[cut..])));
        if let Some(last) = next.last() {
            let mut events = Recorder::default();
            log.stable_to(EntryId::of(last), &mut events);
            assert_eq!(events.take(), Vec::<String>::new());
        }
        assert_eq!((log.unstable().offset(), log.unstable().len()), (4, 0));
    }
}

/// etcd: TestStableTo
#[test]
fn only_an_entry_that_is_in_the_log_can_become_stable() {
    for (id, offset, event) in [
        (EntryId::new(1, 1), 2, None),
        (EntryId::new(2, 2), 3, None),
        (
            EntryId::new(1, 2),
            1,
            Some(
                "entry at (index,term)=(2,1) mismatched with entry at (2,2) in unstable log; ignoring",
            ),
        ),
        (EntryId::new(2, 3), 1, Some("entry at index 3 missing from unstable log; ignoring")),
    ] {
        let mut log = log(&[], &[1, 2]);
        let mut events = Recorder::default();
        log.stable_to(id, &mut events);
        assert_eq!(log.unstable().offset(), offset, "{id}");
        assert_eq!(events.take(), Vec::from_iter(event), "{id}");
    }
}

/// etcd: TestStableToWithSnap
#[test]
fn the_position_of_an_unstable_snapshot_cannot_become_stable_as_an_entry() {
    let is_snapshot = "entry at index 5 matched unstable snapshot; ignoring";
    let missing = |index| format!("entry at index {index} missing from unstable log; ignoring");
    let mismatch = |index: u64, term: u64, ours: u64| {
        format!(
            "entry at (index,term)=({index},{term}) mismatched with entry at ({index},{ours}) in unstable log; ignoring"
        )
    };
    for (new, id, offset, event) in [
        (&[][..], EntryId::new(2, 4), 6, missing(4)),
        (&[], EntryId::new(2, 5), 6, is_snapshot.into()),
        (&[], EntryId::new(3, 5), 6, is_snapshot.into()),
        (&[], EntryId::new(2, 6), 6, missing(6)),
        (&[3], EntryId::new(2, 4), 6, missing(4)),
        (&[3], EntryId::new(2, 5), 6, is_snapshot.into()),
        (&[3], EntryId::new(2, 6), 6, mismatch(6, 2, 3)),
        (&[3], EntryId::new(4, 6), 6, mismatch(6, 4, 3)),
        (&[3], EntryId::new(3, 7), 6, missing(7)),
        (&[3], EntryId::new(3, 6), 7, String::new()),
        (&[3, 3], EntryId::new(3, 6), 7, String::new()),
        (&[3, 3], EntryId::new(3, 7), 8, String::new()),
    ] {
        let mut log = log(&[1, 1], &[]);
        log.restore(snapshot(5, 2), &mut Recorder::default());
        entries(6, new).into_iter().for_each(|entry| log.push(entry));
        let mut events = Recorder::default();
        log.stable_to(id, &mut events);
        assert_eq!(log.unstable().offset(), offset, "{id} of {new:?}");
        assert_eq!(events.take().concat(), event, "{id} of {new:?}");
        assert!(log.unstable().snapshot().is_some(), "the snapshot has not been acknowledged");
    }
}

#[test]
fn what_was_accepted_is_not_handed_out_again_until_it_is_replaced() {
    let mut log = log(&[1], &[1, 1, 1]);
    log.accept_unstable();
    assert!(!log.unstable().has_next_entries());
    log.maybe_append(slice((2, 1), &[2]), 0, &mut Recorder::default()).unwrap();
    assert_eq!(ids(&log.unstable().next_entries()), [(3, 2)]);
    assert_eq!(log.unstable().in_progress_to(), 3);
}
