//! A log over storages that work, lie and fail.

mod appending;
mod applying;
mod reading;
mod snapshot;
mod stability;
mod start;
mod terms;
mod whole;

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

fn digest<S>(log: &RaftLog<S>) -> u64 {
    use core::hash::Hasher as _;
    let mut hasher = DigestHasher::new();
    log.hash(&mut hasher);
    hasher.finish()
}

/// A log after a snapshot at 3, with entries 4 to 6 of which 4 is stable, committed up to 5.
fn committed_log(max_applying_size: u64) -> RaftLog<MemoryStorage> {
    let mut log = RaftLog::new(stored(EntryId::new(1, 3), &[1]), max_applying_size, 0).unwrap();
    entries(5, &[1, 1]).into_iter().for_each(|entry| log.push(entry));
    log.commit_to(5);
    log
}
