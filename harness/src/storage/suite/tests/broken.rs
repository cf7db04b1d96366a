//! A storage that breaks a rule of its contract, whichever it is told to.

use std::ops::Range;

use raft_core::{InitialState, ReadPurpose, Storage, StorageError};
use raft_proto::bytes::Bytes;
use raft_proto::{ConfState, Entries, Entry, HardState, Snapshot};

use super::super::{entries, read, read_all};
use crate::sim::{Chance, SimDisk, SimStorage};
use crate::storage::WritableStorage;

/// What a [`Broken`] storage does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NewIsNotEmpty,
    SendsAnEmptySnapshot,
    LastIsOnePast,
    LosesTypes,
    IgnoresTheEnd,
    IgnoresTheLimit,
    GivesNothingWithinASmallLimit,
    ClearsOut,
    FillsOutBeforeTheError,
    GivesLessToApply,
    TermsAreThatOfTheLast,
    ForgetsTheTermBeforeTheFirst,
    UnknownTermsAreZero,
    KeepsTheFirstVoteOfATerm,
    KeepsTheTailOfWhatIsReplaced,
    RefusesToAppendNothing,
    TakesGaps,
    CompactsOneMore,
    KeepsTheLastEntry,
    CompactsTwice,
    DropsLearners,
    CompactsWithEachSnapshot,
    TakesOldSnapshots,
    KeepsTheLogOverALeadersSnapshot,
    LosesTheHardStateToASnapshot,
    TakesOldSnapshotsOfTheLeader,
    KeepsTheFirstConfiguration,
    NewComesBackInTermOne,
    NeverSyncs,
    LosesTheHardState,
    BringsBackWhatWasReplaced,
    SnapshotWaitsForASync,
    LosesTheLeadersSnapshot,
    ComesBackCompacted,
    WritesTheHardStateFirst,
    SyncsUntilTheFirstCrash,
    SendsTheFirstSnapshot,
    ReplacesOnlyOneOfACompactedLog,
}

/// A rule for each of them.
pub(super) const FAULTS: &[(Fault, &str)] = &[
    (Fault::NewIsNotEmpty, "a new storage is empty, and begins at index 1"),
    (Fault::SendsAnEmptySnapshot, "a new storage has no snapshot to send"),
    (Fault::LastIsOnePast, "the log is contiguous, from the first entry to the last"),
    (Fault::LosesTypes, "entries are read as they were written"),
    (Fault::IgnoresTheEnd, "any range of the log can be read"),
    (Fault::IgnoresTheLimit, AS_MANY_AS_FIT),
    (Fault::GivesNothingWithinASmallLimit, AS_MANY_AS_FIT),
    (Fault::ClearsOut, "entries are added to what is in `out`"),
    (
        Fault::FillsOutBeforeTheError,
        "entries before the first are compacted, and `out` stays as it was",
    ),
    (
        Fault::GivesLessToApply,
        "entries are the same for every purpose, or have to be fetched and `out` stays as it was",
    ),
    (Fault::TermsAreThatOfTheLast, "terms are known of all entries"),
    (Fault::ForgetsTheTermBeforeTheFirst, "the term of the entry before the first stays known"),
    (
        Fault::UnknownTermsAreZero,
        "a term before that is compacted, one past the last entry unavailable",
    ),
    (Fault::KeepsTheFirstVoteOfATerm, "the hard state is the one that was written last"),
    (
        Fault::KeepsTheTailOfWhatIsReplaced,
        "what is appended replaces the log from the first entry's index on",
    ),
    (Fault::RefusesToAppendNothing, "appending nothing changes nothing"),
    (Fault::TakesGaps, "an append that leaves a gap is refused, and changes nothing"),
    (Fault::CompactsOneMore, "a compaction takes away a prefix, and no more"),
    (Fault::KeepsTheLastEntry, "a log that is compacted to its end goes on"),
    (
        Fault::CompactsTwice,
        "a compaction that is done, or beyond the log, is refused, and changes nothing",
    ),
    (Fault::DropsLearners, "a snapshot of the application is kept as it was made"),
    (Fault::CompactsWithEachSnapshot, "a snapshot of the application leaves log and hard state"),
    (
        Fault::TakesOldSnapshots,
        "a snapshot of the application that is out of date, or beyond the log, is refused, and \
         changes nothing",
    ),
    (
        Fault::KeepsTheLogOverALeadersSnapshot,
        "a snapshot from the leader replaces log and snapshot",
    ),
    (Fault::LosesTheHardStateToASnapshot, "a snapshot from the leader leaves the hard state"),
    (
        Fault::TakesOldSnapshotsOfTheLeader,
        "a snapshot from the leader that is out of date is refused, and changes nothing",
    ),
    (Fault::KeepsTheFirstConfiguration, "the configuration is that of the last snapshot"),
    (Fault::NewComesBackInTermOne, "a new storage is there again after a crash"),
    (Fault::NeverSyncs, "a log that was synced is there again after a crash"),
    (Fault::LosesTheHardState, "a hard state that was synced is there again after a crash"),
    (
        Fault::BringsBackWhatWasReplaced,
        "what was replaced and synced does not come back after a crash",
    ),
    (
        Fault::SnapshotWaitsForASync,
        "a snapshot of the application is there again after a crash, also if nobody has synced",
    ),
    (
        Fault::LosesTheLeadersSnapshot,
        "a snapshot from the leader that was synced is there again after a crash",
    ),
    (
        Fault::ComesBackCompacted,
        "a log that was compacted begins after a crash where its snapshot allows",
    ),
    (
        Fault::WritesTheHardStateFirst,
        "of what was not synced a crash leaves a prefix, in the order of the calls",
    ),
    (Fault::SyncsUntilTheFirstCrash, "a storage that was opened again is written on"),
    (Fault::ReplacesOnlyOneOfACompactedLog, "after any writes the storage reads as a model does"),
    (Fault::LosesTheHardState, "a node that is built again over its storage goes on"),
    (Fault::SendsTheFirstSnapshot, "a node that is behind the log catches up by snapshot"),
];

const AS_MANY_AS_FIT: &str = "of a range come as many entries as fit the limit, and at least one";

/// A simulated disk, with a fault or without.
#[derive(Debug)]
pub(super) struct Broken {
    disk: SimDisk,
    fault: Option<Fault>,
    first_snapshot: Option<Snapshot>,
    /// As a crash brings it back.
    older: Option<SimDisk>,
    /// What an append has replaced.
    replaced: Entries,
    crashes: u32,
}

impl Broken {
    pub(super) fn new(fault: Option<Fault>) -> Self {
        let mut disk = SimDisk::create(None);
        if fault == Some(Fault::NewIsNotEmpty) {
            disk.append(&entries(1, 1..2)).unwrap();
        }
        let replaced = Entries::new();
        Self { disk, fault, first_snapshot: None, older: None, replaced, crashes: 0 }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Crashes and comes back.
    pub(super) fn crashed(mut self, chance: &mut Chance) -> Self {
        let hard_state = self.disk.initial_state().unwrap().hard_state;
        self.disk.crash(chance);
        self.crashes += 1;
        if let Some(older) = self.older.take() {
            self.disk = older;
        }
        let last = self.disk.last_index().unwrap();
        match self.fault {
            Some(Fault::NewComesBackInTermOne) if last == 0 => {
                self.disk.set_hard_state(&HardState { term: 1, vote: 0, commit: 0 }).unwrap();
            }
            Some(Fault::LosesTheHardState) => {
                self.disk.set_hard_state(&HardState::default()).unwrap();
            }
            Some(Fault::WritesTheHardStateFirst) => self.disk.set_hard_state(&hard_state).unwrap(),
            Some(Fault::BringsBackWhatWasReplaced) => {
                let back = self.replaced.iter().filter(|entry| entry.index > last);
                // Unless there is a gap.
                drop(self.disk.append(&back.cloned().collect()));
            }
            // There may be nothing left to compact.
            Some(Fault::ComesBackCompacted) => drop(self.disk.compact(last)),
            _ => {}
        }
        self
    }

    fn note_snapshot(&mut self) {
        if self.first_snapshot.is_none() {
            self.first_snapshot = self.disk.snapshot().ok();
        }
    }
}

impl Storage for Broken {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        let mut initial = self.disk.initial_state()?;
        if let (true, Some(first)) =
            (self.has(Fault::KeepsTheFirstConfiguration), &self.first_snapshot)
        {
            initial.conf_state = first.conf_state().clone();
        }
        Ok(initial)
    }

    fn entries(
        &self,
        mut range: Range<u64>,
        mut max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        match self.fault {
            Some(Fault::IgnoresTheEnd) => range.end = self.disk.last_index()? + 1,
            Some(Fault::IgnoresTheLimit) => max_size = u64::MAX,
            Some(Fault::GivesNothingWithinASmallLimit) if max_size < 4 => return Ok(()),
            Some(Fault::ClearsOut) => out.clear(),
            Some(Fault::FillsOutBeforeTheError) => {
                let first = self.disk.first_index()?;
                if range.start < first && first < range.end {
                    self.disk.entries(first..range.end, max_size, purpose, out)?;
                }
            }
            Some(Fault::GivesLessToApply) if purpose == ReadPurpose::Apply => max_size = 0,
            Some(Fault::LosesTypes) => {
                let mut read = Entries::new();
                self.disk.entries(range, max_size, purpose, &mut read)?;
                out.extend(read.into_iter().map(|entry| Entry { entry_type: None, ..entry }));
                return Ok(());
            }
            _ => {}
        }
        self.disk.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        let (first, last) = (self.disk.first_index()?, self.disk.last_index()?);
        match self.fault {
            Some(Fault::TermsAreThatOfTheLast) if index >= first => self.disk.term(last),
            Some(Fault::ForgetsTheTermBeforeTheFirst) if index == first - 1 => {
                Err(StorageError::Compacted)
            }
            Some(Fault::UnknownTermsAreZero) => Ok(self.disk.term(index).unwrap_or(0)),
            _ => self.disk.term(index),
        }
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.disk.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        let last = self.disk.last_index()?;
        Ok(if self.has(Fault::LastIsOnePast) { last + 1 } else { last })
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        match self.fault {
            Some(Fault::SendsAnEmptySnapshot) => Ok(self.disk.snapshot().unwrap_or_default()),
            Some(Fault::SendsTheFirstSnapshot) if self.first_snapshot.is_some() => {
                Ok(self.first_snapshot.clone().unwrap_or_default())
            }
            _ => self.disk.snapshot(),
        }
    }
}

impl WritableStorage for Broken {
    fn apply_snapshot(&mut self, snapshot: &Snapshot) -> Result<(), StorageError> {
        let before = self.disk.clone();
        let (index, last) = (snapshot.index(), self.disk.last_index()?);
        let applied = match self.fault {
            Some(Fault::KeepsTheLogOverALeadersSnapshot) if index <= last => {
                self.disk.create_snapshot(index, snapshot.conf_state(), snapshot.data.clone())
            }
            _ => self.disk.apply_snapshot(snapshot),
        };
        match self.fault {
            Some(Fault::TakesOldSnapshotsOfTheLeader) if applied.is_err() => return Ok(()),
            Some(Fault::LosesTheHardStateToASnapshot) if applied.is_ok() => {
                self.disk.set_hard_state(&HardState::default())?;
            }
            Some(Fault::LosesTheLeadersSnapshot) if last > 0 => self.older = Some(before),
            _ => {}
        }
        self.note_snapshot();
        applied
    }

    fn append(&mut self, entries: &Entries) -> Result<(), StorageError> {
        let Some(start) = entries.first().map(|entry| entry.index) else {
            return match self.has(Fault::RefusesToAppendNothing) {
                true => Err(StorageError::Contract("nothing to append")),
                false => Ok(()),
            };
        };
        let (first, last) = (self.disk.first_index()?, self.disk.last_index()?);
        if start <= last {
            self.replaced = read_all(&self.disk).unwrap();
        }
        let end = start + entries.len() as u64;
        match self.fault {
            Some(Fault::KeepsTheTailOfWhatIsReplaced) if end <= last => {
                let tail = read(&self.disk, end..last + 1).unwrap();
                self.disk.append(entries)?;
                self.disk.append(&tail)
            }
            Some(Fault::TakesGaps) if start > last + 1 => Ok(()),
            Some(Fault::ReplacesOnlyOneOfACompactedLog)
                if 1 < first && start == first && start <= last =>
            {
                self.disk.append(&entries.slice(0..1))
            }
            _ => self.disk.append(entries),
        }
    }

    fn set_hard_state(&mut self, hard_state: &HardState) -> Result<(), StorageError> {
        let known = self.disk.initial_state()?.hard_state;
        let is_of_same_term = known.term == hard_state.term;
        match self.has(Fault::KeepsTheFirstVoteOfATerm) && is_of_same_term {
            true => Ok(()),
            false => self.disk.set_hard_state(hard_state),
        }
    }

    fn sync(&mut self) -> Result<(), StorageError> {
        match self.fault {
            Some(Fault::NeverSyncs) => return Ok(()),
            Some(Fault::SyncsUntilTheFirstCrash) if self.crashes > 0 => return Ok(()),
            Some(Fault::SnapshotWaitsForASync) => self.older = None,
            _ => {}
        }
        self.disk.sync()
    }

    fn create_snapshot(
        &mut self,
        index: u64,
        conf_state: &ConfState,
        data: Bytes,
    ) -> Result<(), StorageError> {
        let mut conf_state = conf_state.clone();
        match self.fault {
            Some(Fault::DropsLearners) => conf_state.learners.clear(),
            Some(Fault::SnapshotWaitsForASync) => self.older = Some(self.disk.clone()),
            _ => {}
        }
        let created = self.disk.create_snapshot(index, &conf_state, data);
        match self.fault {
            Some(Fault::TakesOldSnapshots) if created.is_err() => return Ok(()),
            Some(Fault::CompactsWithEachSnapshot) if created.is_ok() => self.disk.compact(index)?,
            _ => {}
        }
        self.note_snapshot();
        created
    }

    fn compact(&mut self, index: u64) -> Result<(), StorageError> {
        let last = self.disk.last_index()?;
        match self.fault {
            Some(Fault::CompactsOneMore) if index < last => self.disk.compact(index + 1),
            Some(Fault::KeepsTheLastEntry) if index == last => self.disk.compact(index - 1),
            Some(Fault::CompactsTwice) => match self.disk.compact(index) {
                Err(StorageError::Compacted) => Ok(()),
                compacted => compacted,
            },
            _ => self.disk.compact(index),
        }
    }
}
