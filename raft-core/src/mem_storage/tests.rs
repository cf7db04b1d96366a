use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ptr;

use raft_proto::Entry;

use super::*;

const COMPACTED: &str = "requested index is unavailable due to compaction";
const UNAVAILABLE: &str = "requested entry at index is unavailable";
const OUT_OF_DATE: &str = "requested index is older than the existing snapshot";

/// The entries `first..` with these terms.
fn entries(first: u64, terms: &[u64]) -> Entries {
    (first..).zip(terms).map(|(index, &term)| Entry::new(term, index, "")).collect()
}

fn snapshot(index: u64, term: u64) -> Snapshot {
    Snapshot::new(index, term, ConfState::new([1, 2, 3], []), format!("state at {index}"))
}

/// A storage whose log goes on after a snapshot at index 3 of term 3: entries 4 and 5, each with
/// its index as its term.
fn storage() -> MemoryStorage {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(snapshot(3, 3)).unwrap();
    storage.append(&entries(4, &[4, 5])).unwrap();
    storage
}

fn read(storage: &MemoryStorage, range: Range<u64>, max_size: u64) -> Result<Entries, String> {
    let mut out = Entries::new();
    storage
        .entries(range, max_size, ReadPurpose::Apply, &mut out)
        .map_err(|error| error.to_string())?;
    Ok(out)
}

/// `term/index` of each entry in the storage.
fn contents(storage: &MemoryStorage) -> Vec<String> {
    let range = storage.first_index().unwrap()..storage.last_index().unwrap() + 1;
    let entries = read(storage, range, u64::MAX).unwrap();
    entries.iter().map(|entry| EntryId::of(entry).to_string()).collect()
}

/// Everything that a caller can see.
fn visible(storage: &MemoryStorage) -> (Vec<String>, EntryId, Snapshot, InitialState) {
    let before = storage.first_index().unwrap() - 1;
    let before = EntryId::new(storage.term(before).unwrap(), before);
    let snapshot = storage.last_snapshot().clone();
    (contents(storage), before, snapshot, storage.initial_state().unwrap())
}

fn text<T>(result: Result<T, StorageError>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

#[test]
fn a_new_storage_is_an_empty_log_after_index_zero() {
    for storage in [MemoryStorage::new(), MemoryStorage::default()] {
        assert_eq!((storage.first_index().unwrap(), storage.last_index().unwrap()), (1, 0));
        assert_eq!(storage.term(0).unwrap(), 0);
        assert_eq!(text(storage.term(1)), Err(UNAVAILABLE.into()));
        assert!(storage.last_snapshot().is_empty());
        assert_eq!(storage.initial_state().unwrap(), InitialState::default());
    }
}

#[test]
fn a_storage_made_with_a_configuration_starts_with_it_and_is_otherwise_empty() {
    let conf_state = ConfState::new([1, 2], [3]);
    let storage = MemoryStorage::with_conf_state(conf_state.clone());
    let initial = storage.initial_state().unwrap();
    assert_eq!(initial, InitialState { hard_state: HardState::default(), conf_state });
    assert_eq!((storage.first_index().unwrap(), storage.last_index().unwrap()), (1, 0));
    assert!(storage.last_snapshot().is_empty());
}

#[test]
fn the_hard_state_that_was_set_is_what_a_node_starts_with() {
    let mut storage = storage();
    let hard_state = HardState { term: 5, vote: 2, commit: 4 };
    storage.set_hard_state(hard_state);
    assert_eq!(storage.hard_state(), &hard_state);
    let conf_state = ConfState::new([1, 2, 3], []);
    assert_eq!(storage.initial_state().unwrap(), InitialState { hard_state, conf_state });
}

/// etcd: TestStorageTerm
#[test]
fn terms_are_known_from_just_before_the_first_entry_to_the_last() {
    let storage = storage();
    for (index, expected) in [
        (0, Err(COMPACTED)),
        (2, Err(COMPACTED)),
        (3, Ok(3)),
        (4, Ok(4)),
        (5, Ok(5)),
        (6, Err(UNAVAILABLE)),
        (u64::MAX, Err(UNAVAILABLE)),
    ] {
        assert_eq!(text(storage.term(index)), expected.map_err(String::from), "term of {index}");
    }
}

/// etcd: TestStorageEntries
#[test]
fn entries_are_cut_to_the_size_limit_but_never_to_none() {
    let mut storage = storage();
    // With those before them of 4, 4, 11 and 10 encoded bytes.
    let more = vec![Entry::new(6, 6, "12345"), Entry::new(7, 7, "1234")];
    storage.append(&more.into()).unwrap();

    for (range, max_size, expected) in [
        (2..6, u64::MAX, Err(COMPACTED)),
        (3..4, u64::MAX, Err(COMPACTED)),
        (4..5, u64::MAX, Ok(4..5)),
        (4..6, u64::MAX, Ok(4..6)),
        (4..8, u64::MAX, Ok(4..8)),
        (7..8, u64::MAX, Ok(7..8)),
        (4..9, u64::MAX, Err(UNAVAILABLE)),
        (8..9, u64::MAX, Err(UNAVAILABLE)),
        // The first comes even if it is too big.
        (4..8, 0, Ok(4..5)),
        (6..8, 10, Ok(6..7)),
        // As many as fit, to the byte.
        (4..8, 7, Ok(4..5)),
        (4..8, 8, Ok(4..6)),
        (4..8, 18, Ok(4..6)),
        (4..8, 19, Ok(4..7)),
        (4..8, 28, Ok(4..7)),
        (4..8, 29, Ok(4..8)),
    ] {
        let found = read(&storage, range.clone(), max_size)
            .map(|out| out.iter().map(|entry| entry.index).collect::<Vec<_>>());
        let expected = expected.map(Vec::from_iter).map_err(String::from);
        assert_eq!(found, expected, "{range:?} in {max_size} bytes");
    }
}

#[test]
fn entries_are_added_to_what_the_caller_brings_and_an_error_adds_none() {
    let storage = storage();
    let mut out = entries(3, &[3]);
    for range in [3..5, 4..7] {
        let result = storage.entries(range, u64::MAX, ReadPurpose::Apply, &mut out);
        assert!(result.is_err());
        assert_eq!(out, entries(3, &[3]));
    }
    storage.entries(4..6, u64::MAX, ReadPurpose::Apply, &mut out).unwrap();
    assert_eq!(out, entries(3, &[3, 4, 5]));
}

/// etcd: TestStorageLastIndex
#[test]
fn the_last_index_follows_the_log() {
    let mut storage = storage();
    assert_eq!(storage.last_index().unwrap(), 5);
    storage.append(&entries(6, &[5])).unwrap();
    assert_eq!(storage.last_index().unwrap(), 6);
    storage.append(&entries(5, &[6])).unwrap();
    assert_eq!(storage.last_index().unwrap(), 5, "a replaced tail takes away what followed");
    storage.compact(5).unwrap();
    assert_eq!(storage.last_index().unwrap(), 5, "compaction takes nothing from the end");
}

/// etcd: TestStorageFirstIndex
#[test]
fn the_first_index_follows_compaction() {
    let mut storage = storage();
    assert_eq!(storage.first_index().unwrap(), 4);
    storage.compact(4).unwrap();
    assert_eq!(storage.first_index().unwrap(), 5);
}

/// etcd: TestStorageCompact
#[test]
fn compaction_keeps_the_term_of_the_last_entry_that_went() {
    for (index, expected, left) in [
        (2, Err(COMPACTED), vec!["4/4", "5/5"]),
        (3, Err(COMPACTED), vec!["4/4", "5/5"]),
        (4, Ok(EntryId::new(4, 4)), vec!["5/5"]),
        (5, Ok(EntryId::new(5, 5)), vec![]),
        (6, Err(UNAVAILABLE), vec!["4/4", "5/5"]),
    ] {
        let mut storage = storage();
        let before = visible(&storage);
        assert_eq!(text(storage.compact(index)), expected.map(drop).map_err(String::from));
        match expected {
            Ok(id) => {
                assert_eq!(visible(&storage).1, id);
                assert_eq!(text(storage.term(index - 1)), Err(COMPACTED.into()));
                assert_eq!(read(&storage, index..index + 1, 0), Err(COMPACTED.into()));
            }
            Err(_) => assert_eq!(visible(&storage), before),
        }
        assert_eq!(contents(&storage), left, "after compaction to {index}");
        assert_eq!(storage.last_index().unwrap(), 5);
    }
}

#[test]
fn a_compacted_log_goes_on_where_it_ended() {
    let mut storage = storage();
    storage.compact(5).unwrap();
    assert_eq!(text(storage.compact(5)), Err(COMPACTED.into()));
    storage.append(&entries(6, &[6])).unwrap();
    assert_eq!(contents(&storage), ["6/6"]);
}

/// etcd: TestStorageCreateSnapshot
#[test]
fn a_created_snapshot_has_the_term_of_its_entry_and_leaves_the_log() {
    for index in [4, 5] {
        let mut storage = storage();
        let conf_state = ConfState::new([7], [8]);
        let expected = Snapshot::new(index, index, conf_state.clone(), "data");
        let made = storage.create_snapshot(index, Some(conf_state), "data".into()).unwrap();
        assert_eq!(made, &expected);
        assert_eq!(storage.snapshot().unwrap(), expected);
        assert_eq!(contents(&storage), ["4/4", "5/5"]);
        assert_eq!(storage.initial_state().unwrap().conf_state, ConfState::new([7], [8]));
    }
}

#[test]
fn a_created_snapshot_keeps_the_configuration_when_none_is_given() {
    let mut storage = storage();
    storage.create_snapshot(4, None, "data".into()).unwrap();
    let expected = Snapshot::new(4, 4, ConfState::new([1, 2, 3], []), "data");
    assert_eq!(storage.snapshot().unwrap(), expected);
}

#[test]
fn a_snapshot_is_given_away_only_if_the_log_goes_on_from_it() {
    let given = |storage: &MemoryStorage| text(storage.snapshot()).map(|given| given.index());
    let none = Err("snapshot is temporarily unavailable".into());
    assert_eq!(given(&MemoryStorage::new()), none);
    assert_eq!(given(&MemoryStorage::with_conf_state(ConfState::new([1], []))), none);

    let mut storage = storage();
    assert_eq!(given(&storage), Ok(3));
    storage.compact(4).unwrap();
    assert_eq!(given(&storage), none, "entry 4 is in neither");
    assert_eq!(storage.last_snapshot().index(), 3);
    storage.create_snapshot(4, None, "data".into()).unwrap();
    assert_eq!(given(&storage), Ok(4));
    storage.create_snapshot(5, None, "data".into()).unwrap();
    assert_eq!(given(&storage), Ok(5));
}

#[test]
fn a_snapshot_that_cannot_be_created_leaves_the_last_one() {
    let mut storage = storage();
    storage.append(&entries(6, &[6])).unwrap();
    storage.compact(5).unwrap();
    let before = visible(&storage);
    for (index, expected) in [(2, OUT_OF_DATE), (3, OUT_OF_DATE), (4, COMPACTED), (7, UNAVAILABLE)]
    {
        let result = storage.create_snapshot(index, Some(ConfState::new([9], [])), "data".into());
        assert_eq!(text(result.map(drop)), Err(expected.into()), "at {index}");
        assert_eq!(visible(&storage), before, "at {index}");
    }
    // The position of the compaction is the last whose term is still known.
    assert_eq!(storage.create_snapshot(5, None, "data".into()).unwrap().term(), 5);
}

/// etcd: TestStorageAppend
#[test]
fn appended_entries_replace_the_log_from_the_first_of_them_that_is_kept() {
    for (first, terms, expected) in [
        // Nothing, or nothing that is not compacted.
        (9, &[][..], vec!["4/4", "5/5"]),
        (1, &[1, 2][..], vec!["4/4", "5/5"]),
        (2, &[2, 3][..], vec!["4/4", "5/5"]),
        (3, &[9][..], vec!["4/4", "5/5"]),
        // The same again, and with others of a later term.
        (4, &[4, 5], vec!["4/4", "5/5"]),
        (4, &[6, 6], vec!["6/4", "6/5"]),
        (4, &[4, 5, 5], vec!["4/4", "5/5", "5/6"]),
        // The compacted part is skipped.
        (1, &[1, 3, 3, 4], vec!["4/4"]),
        (2, &[3, 3, 5], vec!["5/4"]),
        (3, &[3, 4, 5, 5], vec!["4/4", "5/5", "5/6"]),
        // In the middle: what follows goes.
        (4, &[5], vec!["5/4"]),
        (5, &[6, 6], vec!["4/4", "6/5", "6/6"]),
        // Directly after.
        (6, &[5, 7], vec!["4/4", "5/5", "5/6", "7/7"]),
    ] {
        let mut storage = storage();
        storage.append(&entries(first, terms)).unwrap();
        assert_eq!(contents(&storage), expected, "after appending {terms:?} at {first}");
        assert_eq!(visible(&storage).1, EntryId::new(3, 3));
    }
}

#[test]
fn entries_that_leave_a_gap_are_refused_and_change_nothing() {
    let mut storage = storage();
    let before = visible(&storage);
    let result = text(storage.append(&entries(7, &[7])));
    assert_eq!(result, Err("missing log entries: last index is 5, append starts at 7".into()));
    assert_eq!(visible(&storage), before);

    // The end of a log that is compacted as a whole is where it was compacted.
    storage.compact(5).unwrap();
    let result = text(storage.append(&entries(7, &[7])));
    assert_eq!(result, Err("missing log entries: last index is 5, append starts at 7".into()));
}

#[test]
fn entries_that_are_not_contiguous_are_refused_and_change_nothing() {
    let mut storage = storage();
    let before = visible(&storage);
    let join = |parts: &[Entries]| {
        let mut joined = Entries::new();
        parts.iter().for_each(|part| joined.extend_from(part));
        joined
    };
    let within_a_segment = vec![Entry::new(6, 6, ""), Entry::new(6, 8, "")];
    for bad in [
        join(&[entries(6, &[6]), entries(8, &[6])]),
        join(&[entries(6, &[6]), entries(6, &[6])]),
        join(&[entries(5, &[6, 6]), entries(5, &[6])]),
        // Also in the part that would be skipped.
        join(&[entries(1, &[1]), entries(3, &[3])]),
        within_a_segment.into(),
    ] {
        let result = text(storage.append(&bad));
        assert_eq!(result, Err("storage broke its contract: entries are not contiguous".into()));
        assert_eq!(visible(&storage), before, "after {bad:?}");
    }
}

#[test]
fn one_past_the_last_index_always_exists() {
    let high = u64::MAX - 2;
    let mut storage = MemoryStorage::new();
    for index in [high + 1, high + 2] {
        let result = text(storage.apply_snapshot(snapshot(index, 1)));
        assert_eq!(result, Err("storage broke its contract: index is too high".into()));
        assert_eq!(storage.first_index().unwrap(), 1);
    }
    storage.apply_snapshot(snapshot(high - 1, 1)).unwrap();
    let result = text(storage.append(&entries(high, &[1, 1])));
    assert_eq!(result, Err("storage broke its contract: index is too high".into()));
    storage.append(&entries(high, &[1])).unwrap();
    assert_eq!(storage.last_index().unwrap(), high);
}

/// etcd: TestStorageApplySnapshot
#[test]
fn an_applied_snapshot_replaces_everything_unless_it_is_older() {
    let mut storage = storage();
    storage.set_hard_state(HardState { term: 5, vote: 1, commit: 4 });
    for index in [2, 3] {
        let before = visible(&storage);
        assert_eq!(text(storage.apply_snapshot(snapshot(index, 9))), Err(OUT_OF_DATE.into()));
        assert_eq!(visible(&storage), before);
    }

    storage.apply_snapshot(snapshot(4, 6)).unwrap();
    assert_eq!(storage.snapshot().unwrap(), snapshot(4, 6));
    assert_eq!((storage.first_index().unwrap(), storage.last_index().unwrap()), (5, 4));
    assert_eq!(storage.term(4).unwrap(), 6);
    assert_eq!(text(storage.term(3)), Err(COMPACTED.into()));
    assert_eq!(storage.hard_state().term, 5, "the hard state is not the snapshot's");
}

#[test]
fn a_snapshot_with_nothing_but_a_configuration_can_be_applied_to_a_new_storage() {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(Snapshot::new(0, 0, ConfState::new([1], []), "")).unwrap();
    assert_eq!(storage.initial_state().unwrap().conf_state, ConfState::new([1], []));
    assert_eq!((storage.first_index().unwrap(), storage.last_index().unwrap()), (1, 0));
    // It stands for no entries, so that any snapshot is newer.
    storage.apply_snapshot(snapshot(1, 1)).unwrap();
    assert_eq!(storage.first_index().unwrap(), 2);
}

#[test]
fn payloads_stay_where_they_were_when_they_were_appended() {
    let mut storage = storage();
    let payload = |index: u64| Entry::new(6, index, vec![b'x'; 100]);
    // The first of the segments reaches below the compacted part.
    let mut given = Entries::from(vec![payload(3), payload(4)]);
    given.append(Entries::from(vec![payload(5), payload(6)]));
    storage.append(&given).unwrap();

    let stored = read(&storage, 4..7, u64::MAX).unwrap();
    assert_eq!(stored.len(), 3);
    for (stored, given) in stored.iter().zip(given.iter().skip(1)) {
        assert_eq!(stored.index, given.index);
        assert!(ptr::eq(stored, given), "entry {} was copied", given.index);
        assert!(ptr::eq(stored.data.as_ptr(), given.data.as_ptr()));
    }
}

#[test]
fn a_clone_of_a_storage_goes_its_own_way() {
    let mut storage = storage();
    let copy = storage.clone();
    storage.append(&entries(5, &[7, 7])).unwrap();
    assert_eq!(contents(&storage), ["4/4", "7/5", "7/6"]);
    assert_eq!(contents(&copy), ["4/4", "5/5"]);
}
