//! What is there after a crash: all that was synced, and of the rest a prefix.

use raft_proto::{ConfState, HardState};

use super::model::{Content, Write};
use super::random::survivor;
use super::{Checked, Found, Rule, Suite, entries, read, same, shown, snapshot};
use crate::sim::Chance;
use crate::storage::WritableStorage;

pub(super) fn rules<S: WritableStorage>() -> Vec<Rule<S>> {
    vec![
        Rule { says: "a new storage is there again after a crash", check: new_is_there_again },
        Rule { says: "a log that was synced is there again after a crash", check: log_is_there },
        Rule {
            says: "a hard state that was synced is there again after a crash",
            check: hard_state_is_there,
        },
        Rule {
            says: "what was replaced and synced does not come back after a crash",
            check: replaced_stays_away,
        },
        Rule {
            says: "a snapshot of the application is there again after a crash, also if nobody has synced",
            check: own_snapshot_is_there,
        },
        Rule {
            says: "a snapshot from the leader that was synced is there again after a crash",
            check: leaders_snapshot_is_there,
        },
        Rule {
            says: "a log that was compacted begins after a crash where its snapshot allows",
            check: compacted_log_is_there,
        },
        Rule {
            says: "of what was not synced a crash leaves a prefix, in the order of the calls",
            check: prefix_of_the_unsynced,
        },
        Rule { says: "a storage that was opened again is written on", check: goes_on },
    ]
}

/// So often is tried what depends on chance.
const TRIES: u64 = 64;

fn crash<S: WritableStorage>(suite: &Suite<'_, S>, storage: S) -> S {
    suite.reopen(storage, &mut Chance::new(0, 0))
}

fn new_is_there_again<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    Content::new().compare(&crash(suite, suite.create()))
}

fn log_is_there<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    storage.sync()?;
    let expected = read(&storage, 1..7)?;
    let storage = crash(suite, storage);
    same!(storage.last_index()?, 6, "the last index");
    same!(read(&storage, 1..7)?, expected, "the log");
    Ok(())
}

fn hard_state_is_there<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    for term in 3..6 {
        storage.set_hard_state(&HardState { term, vote: term + 1, commit: term - 1 })?;
    }
    storage.sync()?;
    let found = crash(suite, storage).initial_state()?.hard_state;
    same!(found, HardState { term: 5, vote: 6, commit: 4 }, "the hard state");
    Ok(())
}

fn replaced_stays_away<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    storage.sync()?;
    storage.append(&entries(3, 3..4))?;
    storage.sync()?;
    let storage = crash(suite, storage);
    same!(storage.last_index()?, 3, "the last index");
    same!(storage.term(3)?, 3, "the term at 3");
    Ok(())
}

fn own_snapshot_is_there<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    storage.sync()?;
    let made = snapshot(1, 4, ConfState::new([1, 2, 4], [3]));
    storage.create_snapshot(4, made.conf_state(), made.data.clone())?;
    let storage = crash(suite, storage);
    same!(storage.initial_state()?.conf_state, *made.conf_state(), "the configuration");
    same!(storage.snapshot()?, made, "the snapshot");
    same!(storage.last_index()?, 6, "the last index");
    Ok(())
}

fn leaders_snapshot_is_there<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.filled()?;
    let hard_state = HardState { term: 4, vote: 2, commit: 9 };
    let sent = snapshot(3, 9, ConfState::new([1, 2], []));
    storage.apply_snapshot(&sent)?;
    storage.append(&entries(4, 10..12))?;
    storage.set_hard_state(&hard_state)?;
    storage.sync()?;
    let storage = crash(suite, storage);
    same!(storage.snapshot()?, sent, "the snapshot");
    same!(storage.initial_state()?.hard_state, hard_state, "the hard state");
    same!((storage.first_index()?, storage.last_index()?), (10, 11), "first and last index");
    same!(storage.term(9)?, 3, "the term at 9");
    same!(read(&storage, 10..12)?, entries(4, 10..12), "the log");
    Ok(())
}

fn compacted_log_is_there<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.compacted()?;
    storage.sync()?;
    let all = [entries(1, 1..5), entries(2, 5..7)].iter().flatten().cloned().collect();
    let storage = crash(suite, storage);
    let first = storage.first_index()?;
    if !(1..=5).contains(&first) {
        return Err(Found(format!("the log begins at {first}, although the snapshot is at 4")));
    }
    let mut expected = Content::new();
    expected.write(&Write::Entries(all));
    expected.write(&Write::OwnSnapshot(4, ConfState::new([1, 2, 3], [])));
    expected.shown_from(first).compare(&storage)
}

fn prefix_of_the_unsynced<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    for seed in 0..TRIES {
        let mut storage = suite.filled()?;
        storage.sync()?;
        let before = Content::of(&storage)?;
        let writes = [
            Write::Entries(entries(3, 5..9)),
            Write::HardState(HardState { term: 3, vote: 1, commit: 4 }),
            Write::Entries(entries(4, 7..8)),
            Write::HardState(HardState { term: 4, vote: 2, commit: 7 }),
        ];
        for write in &writes {
            write.apply_to(&mut storage)?;
        }
        let storage = suite.reopen(storage, &mut Chance::new(seed, 0));
        survivor(&before, &writes, &storage)?;
    }
    Ok(())
}

fn goes_on<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut storage = suite.create();
    let mut expected = Content::new();
    for round in 0..6 {
        let next = round * 2 + 1;
        for write in [
            Write::Entries(entries(round + 1, next..next + 3)),
            Write::HardState(HardState { term: round + 1, vote: round, commit: next }),
        ] {
            write.apply_to(&mut storage)?;
            expected.write(&write);
        }
        storage.sync()?;
        storage = crash(suite, storage);
        expected.compare(&storage)?;
    }
    Ok(())
}
