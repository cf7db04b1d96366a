//! Faults in front of a node's disk: it fails when it is told to, has no room, and keeps reads waiting.
//!
//! A full disk refuses what takes room: entries, snapshots, the state of the machine. The hard state
//! replaces the one before, and passes.
//!
//! Outside of this model are syncs that report success and lose data, among them those whose error is
//! told to somebody else: to a later sync, or to the other of two writers. Who is told of success sends
//! what it has vouched for, and no protocol makes up for that. An error that is told to whoever waits
//! for the sync ends the process, whatever the writes were for; that is [`Ailment::FailSync`].

use std::cell::{Cell, RefCell};
use std::ops::Range;

use raft_core::{InitialState, ReadPurpose, Storage, StorageError};
use raft_proto::{ConfState, Entries, Snapshot};

use super::disk::SimStorage;
use super::process::Step;
use super::watch::Seen;

/// What can be wrong with a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ailment {
    /// There is no room.
    Full,
    /// All takes this many times as long.
    Slow(u64),
    /// Entries have to be fetched before they can be read.
    SlowReads,
    /// There is no snapshot to send at the moment.
    NoSnapshot,
    /// The write after this many further ones fails, and nothing is written.
    FailWrite { after: u32 },
    /// The sync after this many further ones fails; the writes may have reached the disk or not.
    FailSync { after: u32 },
    /// The process ends before the step after this many further ones.
    Crash { after: u32 },
}

/// Why a step was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    NoRoom,
    WriteFailed,
    SyncFailed,
    Crash,
}

impl Trouble {
    pub(super) fn seen(self) -> Seen {
        match self {
            Self::NoRoom => Seen::DiskFull,
            Self::WriteFailed => Seen::WriteFailed,
            Self::SyncFailed => Seen::SyncFailed,
            Self::Crash => Seen::CrashedInWrite,
        }
    }
}

/// A storage with faults in front of it.
#[derive(Debug)]
pub(super) struct Disk<S> {
    pub(super) inner: S,
    /// The configuration that the application keeps with its own durable state.
    pub(super) conf_state: Option<ConfState>,
    /// All that is wrong, each under its number.
    ailments: Vec<(u32, Ailment)>,
    next_number: u32,
    missed: RefCell<Vec<ReadPurpose>>,
    fetched: RefCell<Vec<ReadPurpose>>,
    refused_snapshot: Cell<bool>,
    pub(super) reads: Cell<u64>,
}

impl<S: SimStorage> Disk<S> {
    pub(super) fn new(inner: S) -> Self {
        Self {
            inner,
            conf_state: None,
            ailments: Vec::new(),
            next_number: 0,
            missed: RefCell::default(),
            fetched: RefCell::default(),
            refused_snapshot: Cell::new(false),
            reads: Cell::new(0),
        }
    }

    /// Something more is wrong, until it [recovers](Self::recover). Answers the number to do that by.
    pub(super) fn fall_ill(&mut self, ailment: Ailment) -> u32 {
        self.next_number += 1;
        self.ailments.push((self.next_number, ailment));
        self.next_number
    }

    pub(super) fn recover(&mut self, number: u32) {
        self.ailments.retain(|(known, _)| *known != number);
    }

    pub(super) fn recover_fully(&mut self) {
        self.ailments.clear();
    }

    fn suffers(&self, ailment: Ailment) -> bool {
        self.ailments.iter().any(|(_, known)| *known == ailment)
    }

    /// How many times as long everything takes.
    pub(super) fn slowness(&self) -> u64 {
        let factor = |ailment: &(u32, Ailment)| match ailment.1 {
            Ailment::Slow(factor) => Some(factor),
            _ => None,
        };
        self.ailments.iter().filter_map(factor).max().unwrap_or(1)
    }

    /// Whether `step` can be carried out. Those faults that wait for such a step come nearer.
    pub(super) fn check(&mut self, step: &Step) -> Result<(), Trouble> {
        if step.takes_room() && self.suffers(Ailment::Full) {
            return Err(Trouble::NoRoom);
        }
        for (_, ailment) in &mut self.ailments {
            let (after, trouble) = match ailment {
                Ailment::Crash { after } => (after, Trouble::Crash),
                Ailment::FailWrite { after } if step.writes() => (after, Trouble::WriteFailed),
                Ailment::FailSync { after } if step.syncs() => (after, Trouble::SyncFailed),
                _ => continue,
            };
            *after = after.checked_sub(1).ok_or(trouble)?;
        }
        Ok(())
    }

    /// What was asked for and has to be fetched.
    pub(super) fn take_missed(&self) -> Vec<ReadPurpose> {
        std::mem::take(&mut self.missed.borrow_mut())
    }

    /// Whether somebody has asked for a snapshot since, and got none.
    pub(super) fn take_refused_snapshot(&self) -> bool {
        self.refused_snapshot.take()
    }

    /// The next read for `purpose` will find its entries.
    pub(super) fn fetch(&self, purpose: ReadPurpose) {
        self.fetched.borrow_mut().push(purpose);
    }
}

impl<S: SimStorage> Storage for Disk<S> {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        let mut initial = self.inner.initial_state()?;
        if let Some(conf_state) = &self.conf_state {
            initial.conf_state = conf_state.clone();
        }
        Ok(initial)
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.reads.set(self.reads.get() + 1);
        let may_wait = matches!(purpose, ReadPurpose::Append { .. } | ReadPurpose::Apply);
        if may_wait && self.suffers(Ailment::SlowReads) {
            let mut fetched = self.fetched.borrow_mut();
            match fetched.iter().position(|known| *known == purpose) {
                Some(at) => {
                    fetched.swap_remove(at);
                }
                None => {
                    self.missed.borrow_mut().push(purpose);
                    return Err(StorageError::LogTemporarilyUnavailable);
                }
            }
        }
        self.inner.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.inner.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.inner.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.inner.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        if self.suffers(Ailment::NoSnapshot) {
            self.refused_snapshot.set(true);
            return Err(StorageError::SnapshotTemporarilyUnavailable);
        }
        self.inner.snapshot()
    }
}

#[cfg(test)]
mod tests {
    use raft_proto::{Entry, HardState};

    use super::*;
    use crate::sim::disk::SimDisk;
    use crate::storage::WritableStorage as _;

    fn entries(indexes: Range<u64>) -> Entries {
        let entry = |index| Entry { term: 1, index, ..Entry::default() };
        indexes.map(entry).collect()
    }

    fn disk() -> Disk<SimDisk> {
        Disk::new(SimDisk::create(None))
    }

    #[test]
    fn faults_wait_for_each_other_and_for_what_they_strike() {
        let (write, sync) = (Step::Entries(entries(1..2)), Step::Sync);
        let mut disk = disk();
        disk.fall_ill(Ailment::FailWrite { after: 1 });
        disk.fall_ill(Ailment::FailSync { after: 0 });
        assert_eq!(disk.check(&write), Ok(()));
        assert_eq!(disk.check(&sync), Err(Trouble::SyncFailed));
        assert_eq!(disk.check(&write), Err(Trouble::WriteFailed));
    }

    #[test]
    fn a_fault_that_is_taken_back_does_not_strike_and_leaves_the_others() {
        let write = Step::Entries(entries(1..2));
        let mut disk = disk();
        let crash = disk.fall_ill(Ailment::Crash { after: 0 });
        disk.fall_ill(Ailment::Slow(3));
        let slower = disk.fall_ill(Ailment::Slow(10));
        assert_eq!((disk.check(&write), disk.slowness()), (Err(Trouble::Crash), 10));
        disk.recover(crash);
        disk.recover(slower);
        assert_eq!((disk.check(&write), disk.slowness()), (Ok(()), 3));
        disk.recover_fully();
        assert_eq!(disk.slowness(), 1);
    }

    #[test]
    fn a_full_disk_has_room_for_the_hard_state_only() {
        let mut disk = disk();
        disk.fall_ill(Ailment::Full);
        for step in [Step::Entries(entries(1..2)), Step::Snapshot(Snapshot::default())] {
            assert_eq!(disk.check(&step), Err(Trouble::NoRoom));
        }
        for step in [Step::HardState(HardState::default()), Step::Compact(1), Step::Sync] {
            assert_eq!(disk.check(&step), Ok(()));
        }
    }

    #[test]
    fn a_slow_read_is_found_once_it_was_fetched() {
        let mut disk = disk();
        disk.inner.append(&entries(1..3)).unwrap();
        disk.fall_ill(Ailment::SlowReads);
        let read = |purpose| disk.entries(1..3, u64::MAX, purpose, &mut Entries::new());
        assert!(read(ReadPurpose::Scan).is_ok());
        assert!(matches!(read(ReadPurpose::Apply), Err(StorageError::LogTemporarilyUnavailable)));
        assert_eq!(disk.take_missed(), [ReadPurpose::Apply]);
        disk.fetch(ReadPurpose::Apply);
        assert!(read(ReadPurpose::Append { to: 2 }).is_err());
        assert!(read(ReadPurpose::Apply).is_ok());
        assert!(read(ReadPurpose::Apply).is_err());
    }

    #[test]
    fn a_snapshot_that_is_refused_is_noticed_once() {
        let mut disk = Disk::new(SimDisk::create(Some(&Snapshot::new(
            1,
            1,
            ConfState::new([1], []),
            "state",
        ))));
        let number = disk.fall_ill(Ailment::NoSnapshot);
        assert!(disk.snapshot().is_err() && disk.take_refused_snapshot());
        disk.recover(number);
        assert!(disk.snapshot().is_ok() && !disk.take_refused_snapshot());
    }
}
