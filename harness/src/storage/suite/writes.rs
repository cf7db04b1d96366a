//! What the tools write: that it is visible at once, and what is refused.

use raft_core::StorageError;
use raft_proto::{ConfState, Entries, HardState};

use super::model::Content;
use super::{Checked, Found, Rule, Suite, entries, ids, read_all, refused, same, shown, snapshot};
use crate::storage::WritableStorage;

pub(super) fn rules<S: WritableStorage>() -> Vec<Rule<S>> {
    vec![
        Rule { says: "the hard state is the one that was written last", check: hard_state },
        Rule {
            says: "what is appended replaces the log from the first entry's index on",
            check: append_replaces,
        },
        Rule { says: "appending nothing changes nothing", check: append_nothing },
        Rule {
            says: "an append that leaves a gap is refused, and changes nothing",
            check: append_with_gap,
        },
        Rule { says: "a compaction takes away a prefix, and no more", check: compaction },
        Rule { says: "a log that is compacted to its end goes on", check: compaction_to_the_end },
        Rule {
            says: "a compaction that is done, or beyond the log, is refused, and changes nothing",
            check: wrong_compaction,
        },
        Rule {
            says: "a snapshot of the application is kept as it was made",
            check: snapshot_is_kept,
        },
        Rule {
            says: "a snapshot of the application leaves log and hard state",
            check: snapshot_leaves_the_log,
        },
        Rule {
            says: "a snapshot of the application that is out of date, or beyond the log, is refused, \
                   and changes nothing",
            check: wrong_snapshot,
        },
        Rule {
            says: "a snapshot from the leader replaces log and snapshot",
            check: leaders_snapshot,
        },
        Rule {
            says: "a snapshot from the leader leaves the hard state",
            check: leaders_snapshot_leaves_hard_state,
        },
        Rule {
            says: "a snapshot from the leader that is out of date is refused, and changes nothing",
            check: outdated_leaders_snapshot,
        },
        Rule {
            says: "the configuration is that of the last snapshot",
            check: configuration_of_the_snapshot,
        },
    ]
}

fn hard_state<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    for (term, vote, commit) in [(1, 2, 0), (1, 2, 3), (u64::MAX, u64::MAX, u64::MAX), (2, 0, 4)] {
        let written = HardState { term, vote, commit };
        storage.set_hard_state(&written)?;
        same!(storage.initial_state()?.hard_state, written, "the hard state");
    }
    same!(storage.last_index()?, 6, "the last index");
    Ok(())
}

fn append_replaces<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    for first in 1..=7 {
        let mut storage = suite.filled()?;
        let mut expected = read_all(&storage)?.slice(0..first as usize - 1);
        expected.append(entries(3, first..first + 2));
        storage.append(&entries(3, first..first + 2))?;
        same!(storage.last_index()?, first + 1, "the last index after an append at {first}");
        same!(read_all(&storage)?, expected, "the log after an append at {first}");
        same!(storage.term(first)?, 3, "the term at {first}");
    }
    Ok(())
}

fn append_nothing<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    for mut storage in [suite.create(), suite.filled()?, suite.compacted()?] {
        let before = Content::of(&storage)?;
        storage.append(&Entries::new())?;
        before.compare(&storage)?;
    }
    Ok(())
}

fn append_with_gap<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    for (mut storage, next) in [(suite.create(), 1), (suite.filled()?, 7), (suite.compacted()?, 7)]
    {
        let before = Content::of(&storage)?;
        let (last, at) = (next - 1, next + 1);
        let answer = storage.append(&entries(3, at..at + 2));
        match answer {
            Err(StorageError::Gap { last: known, append_at }) => {
                same!((known, append_at), (last, at), "what the error names");
            }
            answer => {
                let answer = shown(&answer);
                return Err(Found(format!("an append at {at} after {last} gives {answer}")));
            }
        }
        before.compare(&storage)?;
    }
    Ok(())
}

fn compaction<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    for index in 1..=6 {
        let mut storage = suite.filled()?;
        let all = read_all(&storage)?;
        storage.create_snapshot(6, &ConfState::new([1], []), "state".into())?;
        storage.compact(index)?;
        same!(storage.first_index()?, index + 1, "the first index");
        same!(storage.last_index()?, 6, "the last index");
        same!(read_all(&storage)?, all.slice(index as usize..6), "the log from {} on", index + 1);
    }
    Ok(())
}

fn compaction_to_the_end<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    storage.create_snapshot(6, &ConfState::new([1], []), "state".into())?;
    storage.compact(6)?;
    same!((storage.first_index()?, storage.last_index()?), (7, 6), "first and last index");
    storage.append(&entries(3, 7..9))?;
    same!(read_all(&storage)?, entries(3, 7..9), "the log");
    same!(storage.term(6)?, 2, "the term before it");
    Ok(())
}

fn wrong_compaction<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.compacted()?;
    let before = Content::of(&storage)?;
    for index in [0, 1, 2] {
        refused!(storage.compact(index), StorageError::Compacted, "a second compaction to {index}");
    }
    for index in [7, 9] {
        refused!(storage.compact(index), StorageError::Unavailable, "a compaction to {index} of 6");
    }
    before.compare(&storage)
}

fn snapshot_is_kept<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    let joint = ConfState {
        voters_outgoing: vec![1, 2, 3],
        learners_next: vec![3],
        auto_leave: true,
        ..ConfState::new([1, 2, 4], [5])
    };
    for (index, term, conf_state) in [(3, 1, ConfState::new([1, 2, 3], [4])), (5, 2, joint)] {
        let made = snapshot(term, index, conf_state);
        storage.create_snapshot(index, made.conf_state(), made.data.clone())?;
        same!(storage.snapshot()?, made, "the snapshot");
    }
    Ok(())
}

fn snapshot_leaves_the_log<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    let hard_state = HardState { term: 2, vote: 3, commit: 5 };
    storage.set_hard_state(&hard_state)?;
    let before = read_all(&storage)?;
    storage.create_snapshot(4, &ConfState::new([1], []), "state".into())?;
    same!(read_all(&storage)?, before, "the log");
    same!(storage.initial_state()?.hard_state, hard_state, "the hard state");
    Ok(())
}

fn wrong_snapshot<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.compacted()?;
    let before = Content::of(&storage)?;
    let conf_state = ConfState::new([7], []);
    for index in [3, 4] {
        let answer = storage.create_snapshot(index, &conf_state, "late".into());
        refused!(answer, StorageError::SnapshotOutOfDate, "a snapshot at {index} after one at 4");
    }
    let answer = storage.create_snapshot(7, &conf_state, "early".into());
    refused!(answer, StorageError::Unavailable, "a snapshot at 7 of a log that ends at 6");
    before.compare(&storage)
}

fn leaders_snapshot<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    // Of an empty log, of one that is shorter, one that is longer, and one with an older snapshot.
    let cases = [
        (suite.create(), 9),
        (suite.filled()?, 9),
        (suite.filled()?, 3),
        (suite.compacted()?, 5),
        (suite.compacted()?, 6),
    ];
    for (mut storage, index) in cases {
        let sent = snapshot(4, index, ConfState::new([1, 2], [3]));
        storage.apply_snapshot(&sent)?;
        same!(storage.first_index()?, index + 1, "the first index");
        same!(storage.last_index()?, index, "the last index");
        same!(storage.term(index)?, 4, "the term at {index}");
        same!(storage.snapshot()?, sent, "the snapshot");
        storage.append(&entries(5, index + 1..index + 3))?;
        let expected = ids(&entries(5, index + 1..index + 3));
        same!(ids(&read_all(&storage)?), expected, "the log that goes on");
    }
    Ok(())
}

fn leaders_snapshot_leaves_hard_state<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    let hard_state = HardState { term: 6, vote: 3, commit: 5 };
    storage.set_hard_state(&hard_state)?;
    storage.apply_snapshot(&snapshot(4, 9, ConfState::new([1], [])))?;
    same!(storage.initial_state()?.hard_state, hard_state, "the hard state");
    Ok(())
}

fn outdated_leaders_snapshot<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.compacted()?;
    let before = Content::of(&storage)?;
    for index in [3, 4] {
        let answer = storage.apply_snapshot(&snapshot(9, index, ConfState::new([7], [])));
        refused!(answer, StorageError::SnapshotOutOfDate, "a snapshot at {index} after one at 4");
    }
    before.compare(&storage)
}

fn configuration_of_the_snapshot<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.create();
    let of_the_leader = ConfState::new([1, 2], [3]);
    storage.apply_snapshot(&snapshot(1, 2, of_the_leader.clone()))?;
    same!(storage.initial_state()?.conf_state, of_the_leader, "the configuration");
    storage.append(&entries(1, 3..6))?;
    storage.set_hard_state(&HardState { term: 1, vote: 1, commit: 4 })?;
    same!(storage.initial_state()?.conf_state, of_the_leader, "the configuration after writes");
    let of_our_own = ConfState::new([1, 2, 3], []);
    storage.create_snapshot(4, &of_our_own, "state".into())?;
    storage.compact(4)?;
    same!(storage.initial_state()?.conf_state, of_our_own, "the configuration after our snapshot");
    Ok(())
}
