use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use raft_proto::{ConfState, entries_encoded_size};

use super::*;
use crate::digest::DigestHasher;
use crate::mem_storage::MemoryStorage;
use crate::storage::InitialState;

/// Keeps the texts of events.
#[derive(Debug, Default)]
pub(in crate::log) struct Recorder(Vec<String>);

impl Recorder {
    /// The texts since the last time.
    pub(in crate::log) fn take(&mut self) -> Vec<String> {
        core::mem::take(&mut self.0)
    }
}

impl Observer for Recorder {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0.push(event.to_string());
    }
}

/// The entries `first..` with these terms and no payload: 4 encoded bytes each while both numbers
/// are below 128.
fn entries(first: u64, terms: &[u64]) -> Entries {
    (first..).zip(terms).map(|(index, &term)| Entry::new(term, index, "")).collect()
}

fn snapshot(index: u64, term: u64) -> Snapshot {
    Snapshot::new(index, term, ConfState::new([1, 2, 3], []), "state")
}

/// A storage that holds entries of these terms after a snapshot, or from index 1 on.
fn stored(before: EntryId, terms: &[u64]) -> MemoryStorage {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(snapshot(before.index, before.term)).unwrap();
    storage.append(&entries(before.index + 1, terms)).unwrap();
    storage
}

impl<S> RaftLog<S> {
    /// How many more segments there is room for: of recent entries, and of unstable ones.
    pub(crate) fn spare(&self) -> [usize; 2] {
        [self.recent.run().spare(), self.unstable.run().spare()]
    }
}

fn start<S: Storage>(storage: S) -> RaftLog<S> {
    RaftLog::new(storage, u64::MAX, 0).unwrap()
}

/// A log from index 1 on, whose first part is in the storage and whose last is unstable.
fn log(stable: &[u64], unstable: &[u64]) -> RaftLog<MemoryStorage> {
    log_after(EntryId::default(), stable, unstable)
}

fn log_after(before: EntryId, stable: &[u64], unstable: &[u64]) -> RaftLog<MemoryStorage> {
    let mut log = start(stored(before, stable));
    for entry in entries(log.last_index() + 1, unstable) {
        log.push(entry);
    }
    log
}

/// The same log with each part of it in the storage, from all to nothing.
fn logs(terms: &[u64]) -> impl Iterator<Item = RaftLog<MemoryStorage>> {
    (0..=terms.len()).map(|cut| log(&terms[..cut], &terms[cut..]))
}

fn slice(prev: (u64, u64), terms: &[u64]) -> LogSlice {
    let (index, term) = prev;
    let entries = entries(index + 1, terms);
    let leader_term = entries.last().map_or(term, |entry| entry.term);
    LogSlice { term: leader_term, prev: EntryId::new(term, index), entries }
}

/// `(index, term)` of each.
fn ids(entries: &Entries) -> Vec<(u64, u64)> {
    entries.iter().map(|entry| (entry.index, entry.term)).collect()
}

/// The indexes of the entries of `range` that fit.
fn read<S: Storage>(
    log: &RaftLog<S>,
    range: Range<u64>,
    max_size: u64,
) -> Result<Vec<u64>, Fetched> {
    let mut out = Entries::new();
    match log.slice(range, max_size, ReadPurpose::Scan, &mut out).unwrap() {
        Fetched::Done => Ok(out.iter().map(|entry| entry.index).collect()),
        other => {
            assert!(out.is_empty(), "{other:?} comes without entries");
            Err(other)
        }
    }
}

/// The terms of the whole log.
fn terms<S: Storage>(log: &RaftLog<S>) -> Vec<u64> {
    let mut out = Entries::new();
    let first = log.first_index().unwrap();
    let fetched = log.entries_from(first, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
    assert_eq!(fetched, Fetched::Done);
    assert!(out.iter().map(|entry| entry.index).eq(first..=log.last_index()));
    out.iter().map(|entry| entry.term).collect()
}

/// A storage that gives the answers it is told to give, and else those of a [`MemoryStorage`].
#[derive(Clone, Debug, Default)]
struct Scripted {
    inner: MemoryStorage,
    entries: Option<Result<Entries, StorageError>>,
    term: Option<StorageError>,
    first_index: Option<Result<u64, StorageError>>,
    last_index: Option<Result<u64, StorageError>>,
}

impl Storage for Scripted {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.inner.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        match self.entries.clone() {
            Some(answer) => answer.map(|entries| out.append(entries)),
            None => self.inner.entries(range, max_size, purpose, out),
        }
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        match self.term.clone() {
            Some(error) => Err(error),
            None => self.inner.term(index),
        }
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.first_index.clone().unwrap_or_else(|| self.inner.first_index())
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.last_index.clone().unwrap_or_else(|| self.inner.last_index())
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.inner.snapshot()
    }
}

/// A disk that fails.
fn failure() -> StorageError {
    StorageError::Other(Arc::from(alloc::boxed::Box::from("disk on fire")))
}

const FAILURE: &str = "storage failed: disk on fire";

/// A log of terms 1, 1, 2 in a scripted storage and a last entry of term 2 that is unstable.
fn scripted() -> RaftLog<Scripted> {
    let inner = stored(EntryId::default(), &[1, 1, 2]);
    let mut log = start(Scripted { inner, ..Scripted::default() });
    log.push(Entry::new(2, 4, ""));
    log
}

// Start.

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

// Terms.

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

// Reading.

/// etcd: TestIsOutOfBounds, TestSlice
#[test]
fn a_slice_reaches_over_the_end_of_the_storage() {
    // 101..=104 are in the storage, 105..=108 are not; each takes 4 bytes.
    let log = log_after(EntryId::new(1, 100), &[1; 4], &[1; 4]);
    for (range, max_size, expected) in [
        // Before the first entry.
        (99..101, u64::MAX, Err(Fetched::Compacted)),
        (100..101, u64::MAX, Err(Fetched::Compacted)),
        (100..109, 0, Err(Fetched::Compacted)),
        // Nothing is asked for.
        (101..101, u64::MAX, Ok(101..101)),
        (105..105, u64::MAX, Ok(105..105)),
        (109..109, u64::MAX, Ok(109..109)),
        // In the storage, over its end, and after it.
        (101..102, u64::MAX, Ok(101..102)),
        (101..105, u64::MAX, Ok(101..105)),
        (103..107, u64::MAX, Ok(103..107)),
        (104..106, u64::MAX, Ok(104..106)),
        (105..107, u64::MAX, Ok(105..107)),
        (108..109, u64::MAX, Ok(108..109)),
        (101..109, u64::MAX, Ok(101..109)),
        // The first comes in any case.
        (101..109, 0, Ok(101..102)),
        (104..109, 0, Ok(104..105)),
        (105..109, 0, Ok(105..106)),
        (104..109, 3, Ok(104..105)),
        // As many as fit, to the byte: within the storage, to its end, over it, and after it.
        (102..107, 7, Ok(102..103)),
        (102..107, 8, Ok(102..104)),
        (102..107, 11, Ok(102..104)),
        (102..107, 12, Ok(102..105)),
        (102..107, 15, Ok(102..105)),
        (102..107, 16, Ok(102..106)),
        (102..107, 19, Ok(102..106)),
        (102..107, 20, Ok(102..107)),
        (102..107, 100, Ok(102..107)),
        (105..109, 8, Ok(105..107)),
        (105..109, 15, Ok(105..108)),
        (105..109, 16, Ok(105..109)),
    ] {
        let found = read(&log, range.clone(), max_size);
        assert_eq!(found, expected.map(Vec::from_iter), "{range:?} in {max_size} bytes");
    }
}

#[test]
fn a_slice_is_the_same_wherever_the_storage_ends() {
    let sizes = [3usize, 0, 9, 1, 0, 4];
    let all: Vec<Entry> =
        (1..).zip(sizes).map(|(index, size)| Entry::new(1, index, vec![b'x'; size])).collect();
    for cut in 0..=all.len() {
        let mut storage = MemoryStorage::new();
        storage.append(&Entries::from(all[..cut].to_vec())).unwrap();
        let mut log = start(storage);
        all[cut..].iter().for_each(|entry| log.push(entry.clone()));
        for low in 1..=7 {
            for high in low..=7 {
                for max_size in 0..=50 {
                    let mut expected = all[low - 1..high - 1].to_vec();
                    while expected.len() > 1 && entries_encoded_size(&expected) > max_size {
                        expected.pop();
                    }
                    let mut out = Entries::new();
                    let range = low as u64..high as u64;
                    log.slice(range, max_size, ReadPurpose::Scan, &mut out).unwrap();
                    assert!(out.iter().eq(&expected), "{low}..{high} in {max_size}, cut {cut}");
                }
            }
        }
    }
}

/// etcd: TestScan
#[test]
fn reading_page_by_page_gives_every_entry_once() {
    for log in logs(&[1; 9]) {
        for page in 0..40 {
            let (mut next, mut pages) = (1, 0);
            while next <= 9 {
                let found = read(&log, next..10, page).unwrap();
                assert!(
                    !found.is_empty() && found.iter().copied().eq(next..next + found.len() as u64)
                );
                next += found.len() as u64;
                pages += 1;
            }
            assert_eq!(pages, 9u64.div_ceil((page / 4).max(1)), "pages of {page} bytes");
        }
    }
}

#[test]
fn a_slice_comes_after_what_the_caller_has_already() {
    let log = log(&[1, 1], &[1, 1]);
    let mut out = entries(9, &[5]);
    log.slice(2..4, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
    assert_eq!(ids(&out), [(9, 5), (2, 1), (3, 1)]);
}

#[test]
fn entries_from_the_end_on_are_none() {
    let log = log(&[1, 1], &[1]);
    for (from, max_size, expected) in
        [(1, u64::MAX, 1..4), (3, u64::MAX, 3..4), (1, 8, 1..3), (4, u64::MAX, 4..4), (9, 0, 9..9)]
    {
        let mut out = Entries::new();
        let fetched = log.entries_from(from, max_size, ReadPurpose::Scan, &mut out).unwrap();
        assert_eq!(fetched, Fetched::Done);
        assert!(out.iter().map(|entry| entry.index).eq(expected), "from {from}");
    }
}

#[test]
fn a_slice_shares_entries_and_copies_none() {
    let log = log(&[1, 1], &[1, 1]);
    let mut out = Entries::new();
    log.slice(1..5, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
    let mut again = Entries::new();
    log.slice(2..5, u64::MAX, ReadPurpose::Scan, &mut again).unwrap();
    assert_eq!(again.len(), 3);
    assert!(out.iter().skip(1).zip(&again).all(|(one, other)| core::ptr::eq(one, other)));
}

#[test]
fn what_the_storage_cannot_give_now_comes_later() {
    for (answer, expected) in [
        (StorageError::Compacted, Fetched::Compacted),
        (StorageError::LogTemporarilyUnavailable, Fetched::Later),
    ] {
        let mut log = scripted();
        log.storage_mut().entries = Some(Err(answer));
        assert_eq!(read(&log, 1..5, u64::MAX), Err(expected));
        assert_eq!(read(&log, 4..5, u64::MAX), Ok(vec![4]), "unstable entries need no storage");
    }
}

#[test]
fn a_read_that_fails_is_an_error_and_gives_nothing() {
    for (answer, expected) in [
        (failure(), FAILURE),
        (StorageError::Unavailable, "requested entry at index is unavailable"),
    ] {
        let mut log = scripted();
        log.storage_mut().entries = Some(Err(answer));
        let mut out = Entries::new();
        let result = log.slice(1..5, u64::MAX, ReadPurpose::Scan, &mut out);
        assert_eq!(result.unwrap_err().to_string(), expected);
        assert!(out.is_empty());
    }
}

#[test]
fn a_storage_that_gives_other_entries_than_those_asked_for_is_found_out() {
    let shifted = "storage broke its contract: entries are not those asked for";
    let number = "storage broke its contract: entries are fewer than one or more than asked for";
    let mut torn = entries(1, &[1]);
    torn.extend_from(&entries(3, &[2]));
    let doubled = [1, 1, 3].map(|index| Entry::new(1, index, "")).into_iter().collect();
    for (answer, expected) in [
        (Entries::new(), number),
        (entries(1, &[1, 1, 2, 2]), number),
        (entries(2, &[1, 2]), shifted),
        (entries(0, &[1, 1]), shifted),
        (torn, shifted),
        (doubled, shifted),
    ] {
        let mut log = scripted();
        log.storage_mut().entries = Some(Ok(answer.clone()));
        let mut out = Entries::new();
        let result = log.slice(1..5, u64::MAX, ReadPurpose::Scan, &mut out);
        assert_eq!(result.unwrap_err().to_string(), expected, "for {answer:?}");
        assert!(out.is_empty(), "nothing of {answer:?} comes through");
    }
}

#[test]
fn a_storage_may_give_fewer_entries_than_fit_and_then_no_later_one_follows() {
    let mut log = scripted();
    log.storage_mut().entries = Some(Ok(entries(1, &[1, 1])));
    assert_eq!(read(&log, 1..5, u64::MAX), Ok(vec![1, 2]));
}

/// A message without a term can make them fall, under etcd's rules.
#[test]
fn a_storage_is_not_to_blame_for_the_terms_that_it_was_given() {
    let mut log = scripted();
    let mut falling = entries(1, &[2, 1]);
    falling.extend_from(&entries(3, &[0]));
    log.storage_mut().entries = Some(Ok(falling));
    assert_eq!(read(&log, 1..5, u64::MAX), Ok(vec![1, 2, 3, 4]));
}

// Appending.

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

// Stability.

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

// Snapshots and compaction.

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

// Applying.

/// A log after a snapshot at 3, with entries 4 to 6 of which 4 is stable, committed up to 5.
fn committed_log(max_applying_size: u64) -> RaftLog<MemoryStorage> {
    let mut log = RaftLog::new(stored(EntryId::new(1, 3), &[1]), max_applying_size, 0).unwrap();
    entries(5, &[1, 1]).into_iter().for_each(|entry| log.push(entry));
    log.commit_to(5);
    log
}

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

// The whole.

fn digest<S>(log: &RaftLog<S>) -> u64 {
    use core::hash::Hasher as _;
    let mut hasher = DigestHasher::new();
    log.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn a_digest_moves_with_each_part_of_the_log_and_not_with_its_storage() {
    type Change = fn(&mut RaftLog<MemoryStorage>);
    let changes: [(&str, Change); 12] = [
        ("recent entries", |log| log.recent.end_at(2)),
        ("unstable entries", |log| log.unstable.push(Entry::new(1, 7, ""))),
        ("in-progress mark", |log| log.unstable.accept_in_progress()),
        ("last term", |log| log.last.term += 1),
        ("last index", |log| log.last.index += 1),
        ("commit index", |log| log.committed += 1),
        ("applying index", |log| log.applying += 1),
        ("applied index", |log| log.applied += 1),
        ("limit", |log| log.max_applying_size += 1),
        ("bytes out", |log| log.applying_size += 1),
        ("pause", |log| log.applying_paused = true),
        ("fetch", |log| log.apply_fetch = true),
    ];
    let base = committed_log(100);
    let mut seen = vec![digest(&base)];
    for (what, change) in changes {
        let mut log = base.clone();
        change(&mut log);
        let digest = digest(&log);
        assert!(!seen.contains(&digest), "{what}");
        seen.push(digest);
    }
    let mut other_storage = base.clone();
    other_storage.storage_mut().append(&entries(5, &[1])).unwrap();
    assert_eq!(digest(&other_storage), digest(&base));
}

#[test]
fn a_snapshot_that_ends_where_the_log_does_replaces_what_is_at_hand() {
    let mut log = RaftLog::new(MemoryStorage::new(), u64::MAX, u64::MAX).unwrap();
    for entry in entries(1, &[1, 1, 1]) {
        log.push(entry);
    }
    log.accept_unstable();
    log.storage_mut().append(&entries(1, &[1, 1, 1])).unwrap();
    log.stable_to(EntryId::new(1, 3), &mut Recorder::default());
    log.restore(snapshot(3, 2), &mut Recorder::default());
    log.accept_unstable();
    log.storage_mut().apply_snapshot(snapshot(3, 2)).unwrap();
    log.stable_snapshot_to(3);
    log.push(Entry::new(2, 4, ""));
    assert_eq!([2, 3, 4].map(|index| log.term(index).unwrap()), [None, Some(2), Some(2)]);
}

/// What a log is, without a storage: where it was cut, and the terms after that.
#[derive(Debug)]
struct Twin {
    before: EntryId,
    terms: Vec<u64>,
    committed: u64,
    applied: u64,
    applying: u64,
}

impl Twin {
    fn last(&self) -> u64 {
        self.before.index + self.terms.len() as u64
    }

    fn term(&self, index: u64) -> Option<u64> {
        if index == self.before.index {
            return Some(self.before.term);
        }
        let at = index.checked_sub(self.before.index + 1)?;
        self.terms.get(at as usize).copied()
    }

    fn truncate_after(&mut self, index: u64) {
        self.terms.truncate((index - self.before.index) as usize);
    }

    fn cut(&mut self, index: u64) {
        let before = EntryId::new(self.term(index).unwrap(), index);
        self.terms.drain(..(index - self.before.index) as usize);
        self.before = before;
    }
}

/// What happens to a log. Places are counted from what they may be at least, and cut to what they
/// may be at most.
#[derive(Clone, Debug)]
enum Op {
    /// A leader makes entries.
    Push {
        count: usize,
    },
    /// A leader sends entries: `known` that are here already after one at or after the commit
    /// index, then `new` ones of its own term.
    Append {
        prev: u64,
        known: usize,
        new: usize,
        commit: u64,
    },
    /// A leader's slice after an entry that is not here.
    Mismatch {
        prev: u64,
    },
    Commit(u64),
    /// What is unstable is handed out and written, and is acknowledged some time later.
    Write,
    Acknowledge,
    Take(AllowUnstable),
    Applied(u64),
    Compact(u64),
    Release(u64),
    Restore {
        beyond: u64,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let n = || 0u64..10;
    prop_oneof![
        4 => (1usize..4).prop_map(|count| Op::Push { count }),
        6 => (n(), 0usize..4, 0usize..4, n())
            .prop_map(|(prev, known, new, commit)| Op::Append { prev, known, new, commit }),
        1 => n().prop_map(|prev| Op::Mismatch { prev }),
        3 => n().prop_map(Op::Commit),
        4 => Just(Op::Write),
        4 => Just(Op::Acknowledge),
        3 => prop_oneof![Just(AllowUnstable::Yes), Just(AllowUnstable::No)].prop_map(Op::Take),
        3 => n().prop_map(Op::Applied),
        2 => n().prop_map(Op::Compact),
        1 => n().prop_map(Op::Release),
        1 => (0u64..4).prop_map(|beyond| Op::Restore { beyond }),
    ]
}

/// An entry whose payload follows from its place, so that its size does too.
fn entry(term: u64, index: u64) -> Entry {
    Entry::new(term, index, vec![b'x'; ((term + index) % 5) as usize])
}

/// The log and its storage under random operations, beside a twin.
struct Run {
    log: RaftLog<MemoryStorage>,
    twin: Twin,
    /// What was written and not acknowledged: a snapshot, and the last entry.
    written: VecDeque<(u64, EntryId)>,
    /// What was handed out to be applied and not acknowledged.
    out: VecDeque<Entry>,
    paused: bool,
    term: u64,
    max_recent: u64,
}

const MAX_APPLYING: u64 = 20;

impl Run {
    fn new(max_recent: u64) -> Self {
        Self {
            log: RaftLog::new(MemoryStorage::new(), MAX_APPLYING, max_recent).unwrap(),
            twin: Twin {
                before: EntryId::default(),
                terms: Vec::new(),
                committed: 0,
                applied: 0,
                applying: 0,
            },
            written: VecDeque::new(),
            out: VecDeque::new(),
            paused: false,
            term: 0,
            max_recent,
        }
    }

    fn step(&mut self, op: &Op) -> Result<(), TestCaseError> {
        // Each step is a term of its own, so that no two entries have the same id.
        self.term += 1;
        let Self { log, twin, term, .. } = self;
        match *op {
            Op::Push { count } => {
                for _ in 0..count {
                    log.push(entry(*term, twin.last() + 1));
                    twin.terms.push(*term);
                }
            }
            Op::Append { prev, known, new, commit } => self.append(prev, known, new, commit)?,
            Op::Mismatch { prev } => {
                let index = twin.committed + prev;
                let slice = LogSlice {
                    term: *term,
                    prev: EntryId::new(*term, index),
                    entries: Entries::from(entry(*term, index + 1)),
                };
                let before = digest(log);
                let taken = log.maybe_append(slice, index, &mut Recorder::default()).unwrap();
                prop_assert_eq!(taken, None);
                prop_assert_eq!(digest(log), before);
            }
            Op::Commit(by) => {
                log.commit_to(twin.committed + by);
                twin.committed = twin.last().min(twin.committed + by);
            }
            Op::Write => self.write(),
            Op::Acknowledge => self.acknowledge(),
            Op::Take(allow_unstable) => self.take(allow_unstable)?,
            Op::Applied(count) => self.applied(count as usize),
            Op::Compact(by) => {
                let index = twin.applied.min(twin.before.index + by);
                let held = index < log.unstable().offset() && log.unstable().snapshot().is_none();
                if held && log.storage_mut().compact(index).is_ok() {
                    twin.cut(index);
                }
            }
            Op::Release(by) => log.release(twin.before.index + by),
            // It reaches beyond what is committed, and may end where the log does.
            Op::Restore { beyond } if twin.last() + beyond > twin.committed => {
                let index = twin.last() + beyond;
                log.restore(snapshot(index, *term), &mut Recorder::default());
                twin.before = EntryId::new(*term, index);
                twin.terms.clear();
                twin.committed = index;
            }
            Op::Restore { .. } => {}
        }
        self.check()
    }

    fn append(
        &mut self,
        prev: u64,
        known: usize,
        new: usize,
        commit: u64,
    ) -> Result<(), TestCaseError> {
        let Self { log, twin, term, .. } = self;
        let prev = twin.last().min(twin.committed + prev);
        let last_known = twin.last().min(prev + known as u64);
        let last_new = last_known + new as u64;
        let term_at =
            |index: u64| if index > last_known { *term } else { twin.term(index).unwrap() };
        let slice = LogSlice {
            term: *term,
            prev: EntryId::new(term_at(prev), prev),
            entries: (prev + 1..=last_new).map(|index| entry(term_at(index), index)).collect(),
        };
        let taken = log.maybe_append(slice, commit, &mut Recorder::default()).unwrap();
        prop_assert_eq!(taken, Some(last_new));
        if new > 0 {
            twin.truncate_after(last_known);
            twin.terms.extend(vec![*term; new]);
        }
        twin.committed = twin.committed.max(commit.min(last_new));
        Ok(())
    }

    fn write(&mut self) {
        let entries = self.log.unstable().next_entries();
        let snapshot = self.log.unstable().next_snapshot().cloned();
        self.log.accept_unstable();
        let index = snapshot.as_ref().map_or(0, Snapshot::index);
        if let Some(snapshot) = snapshot {
            self.log.storage_mut().apply_snapshot(snapshot).unwrap();
        }
        self.log.storage_mut().append(&entries).unwrap();
        let last = entries.last().map(EntryId::of).unwrap_or_default();
        self.written.push_back((index, last));
    }

    fn acknowledge(&mut self) {
        let Some((snapshot, last)) = self.written.pop_front() else { return };
        if last.index > 0 {
            self.log.stable_to(last, &mut Recorder::default());
        }
        if snapshot > 0 {
            self.log.stable_snapshot_to(snapshot);
            let index = snapshot.max(self.twin.applied);
            self.log.applied_to(index, 0);
            self.twin.applied = index;
            self.twin.applying = self.twin.applying.max(index);
            self.paused = entries_encoded_size(&self.out) >= MAX_APPLYING;
        }
    }

    fn take(&mut self, allow_unstable: AllowUnstable) -> Result<(), TestCaseError> {
        let Self { log, twin, out, paused, .. } = self;
        let stable = match allow_unstable {
            AllowUnstable::Yes => u64::MAX,
            AllowUnstable::No => log.unstable().offset() - 1,
        };
        let high = twin.committed.min(stable);
        let mut expected = Vec::new();
        if log.unstable().snapshot().is_none() && !*paused {
            for index in twin.applying + 1..=high {
                let next = entry(twin.term(index).unwrap(), index);
                let size = entries_encoded_size(out.iter().chain(&expected).chain([&next]));
                if size > MAX_APPLYING && !expected.is_empty() {
                    break;
                }
                expected.push(next);
            }
        }
        prop_assert_eq!(log.has_next_committed(allow_unstable), !expected.is_empty());
        let taken = log.take_committed(allow_unstable).unwrap();
        prop_assert!(taken.iter().eq(&expected), "{:?} instead of {:?}", taken, expected);
        if let Some(last) = expected.last() {
            twin.applying = last.index;
            out.extend(expected);
            *paused = entries_encoded_size(out.iter()) >= MAX_APPLYING || twin.applying < high;
        }
        Ok(())
    }

    /// The application acknowledges the first `count` of what it was given.
    fn applied(&mut self, count: usize) {
        let done: Vec<Entry> = self.out.drain(..count.min(self.out.len())).collect();
        let Some(last) = done.last() else { return };
        // Something later may have been applied since, with a snapshot.
        let index = self.twin.applied.max(last.index);
        self.log.applied_to(index, entries_encoded_size(&done));
        self.twin.applied = index;
        self.paused = entries_encoded_size(&self.out) >= MAX_APPLYING;
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Self { log, twin, .. } = self;
        prop_assert_eq!(log.last_index(), twin.last());
        prop_assert_eq!(Some(log.last_id().term), twin.term(twin.last()));
        prop_assert_eq!(log.first_index().unwrap(), twin.before.index + 1);
        prop_assert_eq!(log.committed(), twin.committed);
        prop_assert_eq!((log.applying(), log.applied()), (twin.applying, twin.applied));
        prop_assert!(twin.applied <= twin.applying && twin.applying <= twin.committed);
        prop_assert!(twin.committed <= twin.last());

        let unstable = log.unstable();
        prop_assert!(unstable.offset() <= unstable.in_progress_to());
        prop_assert!(unstable.in_progress_to() <= twin.last() + 1);
        prop_assert_eq!(unstable.run().next(), twin.last() + 1);

        prop_assert_eq!(log.recent.run().next(), unstable.offset());

        // What is at hand is known also when the storage has forgotten it.
        let known = if self.max_recent == 0 { 2 } else { 0 };
        for index in twin.before.index.saturating_sub(known)..twin.last() + 3 {
            prop_assert_eq!(log.term(index).unwrap(), twin.term(index), "term of {}", index);
        }
        let mut out = Entries::new();
        let first = twin.before.index + 1;
        log.entries_from(first, u64::MAX, ReadPurpose::Scan, &mut out).unwrap();
        let all: Vec<Entry> = (first..).zip(&twin.terms).map(|(i, &term)| entry(term, i)).collect();
        prop_assert!(out.iter().eq(&all), "{:?} instead of {:?}", out, all);
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_log_behaves_like_a_list_of_terms(
        ops in prop::collection::vec(op(), 1..80),
        max_recent in prop_oneof![2 => Just(0), 2 => 1u64..60, 1 => Just(u64::MAX)],
    ) {
        let mut run = Run::new(max_recent);
        for op in &ops {
            run.step(op)?;
        }
    }
}
