//! Random writes on the storage and on a model, which must read alike after each; and after crashes
//! like the model before one of the writes that were not synced.

use raft_core::Storage;
use raft_proto::{ConfState, Entry, HardState};

use super::model::{Content, Write};
use super::{Checked, Found, Rule, Suite, snapshot};
use crate::sim::Chance;
use crate::storage::WritableStorage;

pub(super) fn rules<S: WritableStorage>() -> Vec<Rule<S>> {
    vec![Rule { says: "after any writes the storage reads as a model does", check: any_writes }]
}

const SEEDS: u64 = 48;
const STEPS: usize = 48;

fn any_writes<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    (0..SEEDS).try_for_each(|seed| {
        let mut run = Run {
            suite,
            storage: Some(suite.create()),
            visible: Content::new(),
            durable: Content::new(),
            unsynced: Vec::new(),
            chance: Chance::new(seed, 0),
            calls: Vec::new(),
        };
        (0..STEPS).try_for_each(|_| run.step()).map_err(|Found(found)| {
            Found(format!("with seed {seed}, after {}, {found}", run.calls.join(", ")))
        })
    })
}

/// A storage with its model.
struct Run<'a, S> {
    suite: &'a Suite<'a, S>,
    /// Away only while it is opened again.
    storage: Option<S>,
    visible: Content,
    durable: Content,
    /// What makes the one of the other.
    unsynced: Vec<Write>,
    chance: Chance,
    calls: Vec<String>,
}

impl<S: WritableStorage> Run<'_, S> {
    fn step(&mut self) -> Checked {
        let Some(mut storage) = self.storage.take() else { return Ok(()) };
        if self.suite.reopen.is_some() && self.chance.one_in(8) {
            self.calls.push("a crash".into());
            storage = self.suite.reopen(storage, &mut self.chance);
            self.visible = survivor(&self.durable, &self.unsynced, &storage)?;
            self.settle();
        } else if self.chance.one_in(5) {
            self.calls.push("sync".into());
            storage.sync()?;
            self.settle();
        } else if let Some(write) = self.draw() {
            self.calls.push(name(&write));
            write.apply_to(&mut storage)?;
            self.visible.write(&write);
            let is_durable = matches!(write, Write::OwnSnapshot(..));
            self.unsynced.push(write);
            if is_durable {
                self.settle();
            }
        }
        self.visible.compare(&storage)?;
        self.storage = Some(storage);
        Ok(())
    }

    /// All that is visible is durable now.
    fn settle(&mut self) {
        self.durable = self.visible.clone();
        self.unsynced.clear();
    }

    /// A write that the contract allows.
    fn draw(&mut self) -> Option<Write> {
        let (content, chance) = (&self.visible, &mut self.chance);
        let (first, last, kept) = (content.first(), content.last(), content.snapshot.index());
        // What a snapshot stands for is committed, and is not replaced.
        let free = first.max(kept + 1);
        match chance.below(10) {
            0 | 1 => {
                let (term, vote) = (chance.below(20), chance.below(4));
                Some(Write::HardState(HardState { term, vote, commit: chance.below(last + 1) }))
            }
            2 => {
                let index = chance.within(free..last + 4);
                let conf_state = conf_state(chance);
                Some(Write::Snapshot(snapshot(content.term(last) + 1, index, conf_state)))
            }
            3 if free <= last => {
                let index = chance.within(free..last + 1);
                Some(Write::OwnSnapshot(index, conf_state(chance)))
            }
            4 if first <= kept => Some(Write::Compact(chance.within(first..kept + 1))),
            3 | 4 => None,
            _ => {
                let start = if chance.one_in(3) { chance.within(free..last + 2) } else { last + 1 };
                let mut term = content.term(start - 1);
                let entry = |index| {
                    term += u64::from(chance.one_in(3));
                    let data = vec![chance.word() as u8; chance.below(40) as usize];
                    Entry::new(term, index, data)
                };
                let end = start + 1 + self.calls.len() as u64 % 4;
                Some(Write::Entries((start..end).map(entry).collect()))
            }
        }
    }
}

fn conf_state(chance: &mut Chance) -> ConfState {
    ConfState::new((1..=chance.within(1..5)).collect::<Vec<_>>(), [])
}

fn name(write: &Write) -> String {
    match write {
        Write::Entries(entries) => {
            let end = |entry: Option<&Entry>| entry.map_or(0, |entry| entry.index);
            format!("append {}..={}", end(entries.first()), end(entries.last()))
        }
        Write::HardState(_) => "hard state".into(),
        Write::Snapshot(snapshot) => format!("leader's snapshot at {}", snapshot.index()),
        Write::OwnSnapshot(index, _) => format!("own snapshot at {index}"),
        Write::Compact(index) => format!("compact {index}"),
    }
}

/// What `storage` holds after a crash: `durable` and the first few of the writes that were not synced,
/// of the last of which, when it is entries, only the first few may be there.
pub(super) fn survivor(
    durable: &Content,
    unsynced: &[Write],
    storage: &impl Storage,
) -> Result<Content, Found> {
    let first = storage.first_index()?;
    let mut whole = durable.clone();
    let mut last_found = compare(&whole, first, storage);
    for write in unsynced {
        if let Ok(content) = last_found {
            return Ok(content);
        }
        let parts = match write {
            Write::Entries(entries) => (1..=entries.len()).map(|n| entries.slice(0..n)).collect(),
            _ => Vec::new(),
        };
        for part in parts {
            let mut torn = whole.clone();
            torn.write(&Write::Entries(part));
            if let Ok(content) = compare(&torn, first, storage) {
                return Ok(content);
            }
        }
        whole.write(write);
        last_found = compare(&whole, first, storage);
    }
    last_found.map_err(|Found(found)| {
        let count = unsynced.len();
        Found(format!("none of the prefixes of {count} writes is there; after all of them {found}"))
    })
}

fn compare(content: &Content, first: u64, storage: &impl Storage) -> Result<Content, Found> {
    let content = content.clone().shown_from(first);
    content.compare(storage).map(|()| content)
}
