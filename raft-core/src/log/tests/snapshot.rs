//! Snapshots and compaction.

use super::*;

/// etcd: TestCompactionSideEffects
#[test]
fn compaction_of_the_storage_changes_nothing_that_is_kept() {
    let all: Vec<u64> = (1..=20).collect();
    let mut log = log(&all[..15], &all[15..]);
    log.commit_to(20);
    log.applied_to(20, 0);
    log.storage_mut().compact(10).unwrap();

    assert_eq!((log.first_index().unwrap(), log.last_index()), (11, 20));
    assert_eq!(log.term(9).unwrap(), None);
    for index in 10..=20 {
        assert_eq!(log.term(index).unwrap(), Some(index));
        assert!(log.matches(EntryId::new(index, index)).unwrap());
    }
    assert!(log.unstable().next_entries().iter().map(|entry| entry.index).eq(16..=20));

    log.push(Entry::new(20, 21, ""));
    assert_eq!(log.last_index(), 21);
    assert_eq!(read(&log, 21..22, u64::MAX), Ok(vec![21]));
    assert_eq!(read(&log, 10..22, u64::MAX), Err(Fetched::Compacted));
}

/// etcd: TestCompaction
#[test]
fn the_log_shrinks_with_its_storage() {
    let mut log = log(&[1; 100], &[]);
    for (index, left) in [(30, 70), (50, 50), (99, 1), (100, 0)] {
        log.storage_mut().compact(index).unwrap();
        assert_eq!(terms(&log).len(), left, "after compaction to {index}");
        assert_eq!(log.first_index().unwrap(), index + 1);
        assert_eq!(log.last_index(), 100);
    }
}

#[test]
fn what_is_released_leaves_memory_once_it_is_applied() {
    let mut log = RaftLog::new(MemoryStorage::new(), u64::MAX, u64::MAX).unwrap();
    for entry in entries(1, &[1, 1, 1]) {
        log.push(entry);
        log.stable_to(log.last_id(), &mut Recorder::default());
    }
    log.commit_to(3);
    log.applied_to(2, 0);
    log.release(1);
    assert_eq!(log.recent.run().first(), 2);
    log.release(3);
    assert_eq!(log.recent.run().first(), 3, "the last is yet to be applied");
}

#[test]
fn a_restored_snapshot_replaces_the_log_and_its_commit_index() {
    let mut log = log(&[1, 1], &[2, 2]);
    log.commit_to(2);
    log.applied_to(1, 0);
    log.accept_unstable();
    let mut events = Recorder::default();
    log.restore(snapshot(9, 3), &mut events);
    assert_eq!(
        events.take(),
        ["log [committed=2, applied=1, applying=1, unstable.offset=3, \
             unstable.offsetInProgress=5, len(unstable.Entries)=2] starts to restore snapshot \
             [index: 9, term: 3]"]
    );
    assert_eq!(terms(&log), []);
    assert_eq!((log.first_index().unwrap(), log.last_id()), (10, EntryId::new(3, 9)));
    assert_eq!((log.committed(), log.applying(), log.applied()), (9, 1, 1));
    assert_eq!(
        log.to_string(),
        "committed=9, applied=1, applying=1, unstable.offset=10, unstable.offsetInProgress=10, \
         len(unstable.Entries)=0"
    );
    assert_eq!(read(&log, 2..3, u64::MAX), Err(Fetched::Compacted), "though the storage has it");

    log.push(Entry::new(3, 10, ""));
    assert_eq!(terms(&log), [3]);
}

#[test]
fn the_first_index_is_the_storages_once_it_has_the_snapshot() {
    let mut log = log(&[1, 1], &[]);
    log.restore(snapshot(9, 3), &mut Recorder::default());
    log.storage_mut().apply_snapshot(snapshot(9, 3)).unwrap();
    log.stable_snapshot_to(8);
    assert!(log.unstable().snapshot().is_some(), "another one is stable");
    log.stable_snapshot_to(9);
    assert!(log.unstable().snapshot().is_none());
    assert_eq!((log.first_index().unwrap(), log.term(9).unwrap()), (10, Some(3)));
    log.storage_mut().append(&entries(10, &[3, 3])).unwrap();
    log.storage_mut().compact(10).unwrap();
    assert_eq!(log.first_index().unwrap(), 11);
}

#[test]
fn the_snapshot_for_peers_is_the_newest_there_is() {
    let mut log = log_after(EntryId::new(1, 5), &[1], &[]);
    assert_eq!(log.snapshot().unwrap(), snapshot(5, 1));
    log.restore(snapshot(9, 3), &mut Recorder::default());
    assert_eq!(log.snapshot().unwrap(), snapshot(9, 3));
    log.accept_unstable();
    assert_eq!(log.snapshot().unwrap(), snapshot(9, 3), "also while it is being persisted");
}

#[test]
fn the_storage_is_the_one_that_was_given() {
    let mut log = log(&[1, 1], &[1]);
    assert_eq!(log.storage().last_index().unwrap(), 2);
    log.storage_mut().append(&entries(3, &[1])).unwrap();
    assert_eq!(log.into_storage().last_index().unwrap(), 3);
}
