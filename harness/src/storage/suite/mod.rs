//! Runs a log storage through the contracts of [`Storage`] and
//! [`WritableStorage`], rule by rule.
//!
//! A storage is tested in one line, and one that is kept on disk in two:
//!
//! ```
//! use harness::sim::{SimDisk, SimStorage};
//! use harness::storage::suite::Suite;
//! use raft_core::MemoryStorage;
//!
//! Suite::of(MemoryStorage::new).check();
//!
//! Suite::of(|| SimDisk::create(None))
//!     .reopened_by(|mut disk, chance| {
//!         disk.crash(chance);
//!         disk
//!     })
//!     .check();
//! ```
//!
//! Each rule is a sentence of the contract with storages of its own. The last ones write at random,
//! and compare with a model; and build nodes over the storage, stop them and build them again.

mod group;
mod model;
mod random;
mod reads;
mod reopening;
mod writes;

use std::fmt;
use std::ops::Range;

use raft_core::{EntryId, ReadPurpose, Storage};
use raft_proto::{ConfState, Entries, Entry, Snapshot};

use super::WritableStorage;
use crate::sim::Chance;

/// The rules, and how to make storages that are run through them.
pub struct Suite<'a, S> {
    create: Box<dyn Fn() -> S + 'a>,
    reopen: Option<Box<Reopen<'a, S>>>,
}

type Reopen<'a, S> = dyn Fn(S, &mut Chance) -> S + 'a;

impl<S> fmt::Debug for Suite<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suite").field("reopens", &self.reopen.is_some()).finish_non_exhaustive()
    }
}

/// A rule that a storage does not keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The rule.
    pub rule: &'static str,
    /// What the storage did instead.
    pub found: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    but {}", self.rule, self.found)
    }
}

impl<'a, S: WritableStorage> Suite<'a, S> {
    /// The suite for the storages that `create` makes: each new, empty, and apart from the others.
    pub fn of(create: impl Fn() -> S + 'a) -> Self {
        Self { create: Box::new(create), reopen: None }
    }

    /// Adds the rules of what is left after a crash. `reopen` ends a storage without any farewell, and
    /// opens what a new process would find. Where it can choose what of the unsynced writes is left,
    /// it draws that from the [`Chance`].
    #[must_use]
    pub fn reopened_by(mut self, reopen: impl Fn(S, &mut Chance) -> S + 'a) -> Self {
        self.reopen = Some(Box::new(reopen));
        self
    }

    /// Panics unless the storage keeps all rules, with those that it does not.
    #[track_caller]
    pub fn check(&self) {
        let breaches: Vec<_> = self.breaches().iter().map(|breach| format!("- {breach}")).collect();
        assert!(breaches.is_empty(), "the storage breaks its contract:\n{}", breaches.join("\n"));
    }

    /// The rules that the storage does not keep.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        let check = |rule: Rule<S>| {
            let found = (rule.check)(self).err()?.0;
            Some(Breach { rule: rule.says, found })
        };
        self.rules().into_iter().filter_map(check).collect()
    }

    fn rules(&self) -> Vec<Rule<S>> {
        let mut rules = reads::rules();
        rules.extend(writes::rules());
        if self.reopen.is_some() {
            rules.extend(reopening::rules());
        }
        rules.extend(random::rules());
        rules.extend(group::rules());
        rules
    }

    fn create(&self) -> S {
        (self.create)()
    }

    /// A storage of entries 1 to 6, of which the first four are of term 1, written in three calls.
    fn filled(&self) -> Result<S, Found> {
        let mut storage = self.create();
        for batch in [entries(1, 1..3), entries(1, 3..5), entries(2, 5..7)] {
            storage.append(&batch)?;
        }
        Ok(storage)
    }

    /// The same with a snapshot at 4, and compacted up to 2.
    fn compacted(&self) -> Result<S, Found> {
        let mut storage = self.filled()?;
        storage.create_snapshot(4, &ConfState::new([1, 2, 3], []), "state at 4".into())?;
        storage.compact(2)?;
        Ok(storage)
    }

    /// Crashes and opens again, if that is known to be possible.
    fn reopen(&self, storage: S, chance: &mut Chance) -> S {
        match &self.reopen {
            Some(reopen) => reopen(storage, chance),
            None => storage,
        }
    }
}

/// A sentence of the contract, and how it is checked.
struct Rule<S> {
    says: &'static str,
    check: fn(&Suite<'_, S>) -> Checked,
}

type Checked = Result<(), Found>;

/// What was found instead of what the rule says.
#[derive(Debug)]
struct Found(String);

impl<E: std::error::Error> From<E> for Found {
    fn from(error: E) -> Self {
        Self(format!("there is an error: {error}"))
    }
}

/// A value as text, of a length that can be read.
fn shown(value: &impl fmt::Debug) -> String {
    const MAX: usize = 400;
    let text = format!("{value:?}");
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Breaks the rule unless both are equal.
macro_rules! same {
    ($found:expr, $expected:expr, $($what:tt)+) => {{
        let (found, expected) = (&$found, &$expected);
        if found != expected {
            let (found, expected) = (shown(found), shown(expected));
            let what = format!($($what)+);
            return Err(Found(format!("{what} is {found}, not {expected}")));
        }
    }};
}
use same;

/// Breaks the rule unless the call fails as it has to.
macro_rules! refused {
    ($call:expr, $error:pat, $($what:tt)+) => {{
        let answer = $call;
        if !matches!(answer, Err($error)) {
            let (what, answer) = (format!($($what)+), shown(&answer));
            return Err(Found(format!("{what} gives {answer}, not {}", stringify!($error))));
        }
    }};
}
use refused;

/// Entries that say where they belong.
fn entries(term: u64, indexes: Range<u64>) -> Entries {
    indexes.map(|index| Entry::new(term, index, format!("{index} of term {term}"))).collect()
}

fn snapshot(term: u64, index: u64, conf_state: ConfState) -> Snapshot {
    Snapshot::new(index, term, conf_state, format!("state at {index}"))
}

/// Reads a range that is not empty, for a purpose that does not wait.
fn read(storage: &impl Storage, range: Range<u64>) -> Result<Entries, Found> {
    let mut out = Entries::new();
    storage.entries(range, u64::MAX, ReadPurpose::Scan, &mut out)?;
    Ok(out)
}

/// Everything from the first entry to the last.
fn read_all(storage: &impl Storage) -> Result<Entries, Found> {
    let range = storage.first_index()?..storage.last_index()? + 1;
    match range.is_empty() {
        true => Ok(Entries::new()),
        false => read(storage, range),
    }
}

fn ids(entries: &Entries) -> Vec<EntryId> {
    entries.iter().map(|entry| EntryId::new(entry.term, entry.index)).collect()
}

#[cfg(test)]
mod tests;
