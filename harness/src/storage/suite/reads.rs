//! What the core reads: a contiguous log, from the first entry to the last.

use raft_core::{ReadPurpose, StorageError};
use raft_proto::{ConfChangeRequest, ConfChangeV2, ConfState, Entries, Entry, HardState};
use raft_proto::{entries_encoded_size, entry_encoded_size};

use super::{Checked, Found, Rule, Suite, entries, ids, read, read_all, refused, same, shown};
use crate::storage::WritableStorage;

pub(super) fn rules<S: WritableStorage>() -> Vec<Rule<S>> {
    vec![
        Rule { says: "a new storage is empty, and begins at index 1", check: new_is_empty },
        Rule { says: "a new storage has no snapshot to send", check: new_has_no_snapshot },
        Rule { says: "the log is contiguous, from the first entry to the last", check: contiguous },
        Rule { says: "entries are read as they were written", check: as_written },
        Rule { says: "any range of the log can be read", check: any_range },
        Rule {
            says: "of a range come as many entries as fit the limit, and at least one",
            check: as_many_as_fit,
        },
        Rule { says: "entries are added to what is in `out`", check: added_to_out },
        Rule {
            says: "entries before the first are compacted, and `out` stays as it was",
            check: compacted,
        },
        Rule {
            says: "entries are the same for every purpose, or have to be fetched and `out` stays as \
                   it was",
            check: every_purpose,
        },
        Rule { says: "terms are known of all entries", check: terms },
        Rule {
            says: "the term of the entry before the first stays known",
            check: term_before_first,
        },
        Rule {
            says: "a term before that is compacted, one past the last entry unavailable",
            check: other_terms,
        },
    ]
}

fn new_is_empty<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.create();
    let initial = storage.initial_state()?;
    same!(initial.hard_state, HardState::default(), "the hard state");
    same!(initial.conf_state, ConfState::default(), "the configuration");
    same!(storage.first_index()?, 1, "the first index");
    same!(storage.last_index()?, 0, "the last index");
    same!(storage.term(0)?, 0, "the term at 0");
    refused!(storage.term(1), StorageError::Unavailable, "the term at 1");
    Ok(())
}

fn new_has_no_snapshot<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let snapshot = suite.create().snapshot();
    refused!(snapshot, StorageError::SnapshotTemporarilyUnavailable, "the snapshot");
    Ok(())
}

fn contiguous<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.filled()?;
    same!(storage.first_index()?, 1, "the first index");
    same!(storage.last_index()?, 6, "the last index");
    let indexes: Vec<_> = read_all(&storage)?.iter().map(|entry| entry.index).collect();
    same!(indexes, [1, 2, 3, 4, 5, 6], "the indexes");

    let storage = suite.compacted()?;
    let indexes: Vec<_> = read_all(&storage)?.iter().map(|entry| entry.index).collect();
    same!(indexes, [3, 4, 5, 6], "the indexes after a compaction up to 2");
    Ok(())
}

fn as_written<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let change = ConfChangeRequest::from(ConfChangeV2::default()).into_entry();
    let written: Entries = [
        Entry::default(),
        Entry { term: 1, index: 2, ..change },
        Entry { data: b"\0\xff\r\n"[..].into(), ..Entry::default() },
        Entry { data: vec![7; 70_000].into(), ..Entry::default() },
        Entry { entry_type: Some(0), ..Entry::default() },
    ]
    .into_iter()
    .zip(1..)
    .map(|(entry, index)| Entry { term: u64::MAX - 9 + index, index, ..entry })
    .collect();
    let mut storage = suite.create();
    storage.append(&written)?;
    for (found, written) in read_all(&storage)?.iter().zip(&written) {
        same!(found, written, "entry {}", written.index);
    }
    Ok(())
}

fn any_range<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.filled()?;
    let all = read_all(&storage)?;
    for low in 1..7 {
        for high in low + 1..8 {
            let expected = all.slice(low as usize - 1..high as usize - 1);
            same!(read(&storage, low..high)?, expected, "the range {low}..{high}");
        }
    }
    Ok(())
}

fn as_many_as_fit<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.filled()?;
    let all = read_all(&storage)?;
    for start in 1..7 {
        let rest = all.slice(start as usize - 1..6);
        for fitting in 1..=rest.len() {
            let size = entries_encoded_size(&rest.slice(0..fitting));
            let next = rest.get(fitting).map_or(1, entry_encoded_size);
            for limit in [size, size + next - 1] {
                let mut out = Entries::new();
                storage.entries(start..7, limit, ReadPurpose::Scan, &mut out)?;
                same!(out.len(), fitting, "the count from {start} within {limit} bytes");
            }
        }
        for limit in [0, 1] {
            let mut out = Entries::new();
            storage.entries(start..7, limit, ReadPurpose::Scan, &mut out)?;
            same!(ids(&out), ids(&rest.slice(0..1)), "what comes within {limit} bytes");
        }
    }
    Ok(())
}

fn added_to_out<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.filled()?;
    let mut out = entries(9, 90..92);
    storage.entries(2..4, 0, ReadPurpose::Scan, &mut out)?;
    storage.entries(5..7, u64::MAX, ReadPurpose::Scan, &mut out)?;
    let indexes: Vec<_> = out.iter().map(|entry| entry.index).collect();
    same!(indexes, [90, 91, 2, 5, 6], "what is in `out`");
    Ok(())
}

fn compacted<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.compacted()?;
    let before = entries(9, 90..92);
    for range in [1..2, 1..3, 2..3, 2..5, 1..7] {
        let mut out = before.clone();
        let answer = storage.entries(range.clone(), u64::MAX, ReadPurpose::Scan, &mut out);
        refused!(answer, StorageError::Compacted, "the range {range:?} of a log from 3");
        same!(out, before, "`out` after the error");
    }
    Ok(())
}

fn every_purpose<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.filled()?;
    let before = entries(9, 90..92);
    for purpose in [ReadPurpose::Append { to: 2 }, ReadPurpose::Apply, ReadPurpose::Scan] {
        let mut out = before.clone();
        let mut expected = before.clone();
        match storage.entries(2..6, u64::MAX, purpose, &mut out) {
            Ok(()) => expected.append(read(&storage, 2..6)?),
            Err(StorageError::LogTemporarilyUnavailable) if purpose != ReadPurpose::Scan => {}
            Err(error) => return Err(Found(format!("a read for {purpose:?} fails: {error}"))),
        }
        same!(out, expected, "`out` after a read for {purpose:?}");
    }
    Ok(())
}

fn terms<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.filled()?;
    for entry in &read_all(&storage)? {
        same!(storage.term(entry.index)?, entry.term, "the term at {}", entry.index);
    }
    same!(storage.term(4)?, 1, "the term at 4");
    same!(storage.term(5)?, 2, "the term at 5");
    Ok(())
}

fn term_before_first<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    same!(suite.filled()?.term(0)?, 0, "the term before the first entry ever");
    let mut storage = suite.filled()?;
    storage.create_snapshot(6, &ConfState::new([1], []), "state".into())?;
    for (index, term) in [(3, 1), (5, 2), (6, 2)] {
        storage.compact(index)?;
        same!(storage.term(index)?, term, "the term before a log that was compacted to {index}");
    }
    storage.apply_snapshot(&super::snapshot(7, 20, ConfState::new([1], [])))?;
    same!(storage.term(20)?, 7, "the term before a log that begins with a snapshot");
    Ok(())
}

fn other_terms<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let storage = suite.compacted()?;
    for index in [0, 1] {
        refused!(storage.term(index), StorageError::Compacted, "the term at {index} of 3 to 6");
    }
    for index in [7, 8, u64::MAX] {
        refused!(storage.term(index), StorageError::Unavailable, "the term at {index} of 3 to 6");
    }
    Ok(())
}
