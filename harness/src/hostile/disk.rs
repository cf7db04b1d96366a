//! A storage that can be told to fail.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use raft_core::{InitialState, MemoryStorage, ReadPurpose, Storage, StorageError};
use raft_proto::{ConfState, Entries, Entry, HardState, Snapshot};

/// A [`MemoryStorage`] whose answers can be spoilt, one kind of call at a time.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) memory: MemoryStorage,
    /// The configuration that the application keeps with its state.
    pub(crate) conf_state: ConfState,
    pub(crate) fault: Option<Fault>,
}

/// What a [`Disk`] does wrong.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This call fails.
    Fails(Call, StorageError),
    /// The range of entries that was asked for is answered by none.
    NoEntries,
    /// The range is answered by entries of other indexes.
    WrongEntries,
    /// The range is answered by more entries than were asked for.
    TooManyEntries,
    /// The snapshot has no index.
    EmptySnapshot,
    /// The log begins and ends here.
    LogRange { first: u64, last: u64 },
}

/// A method of [`Storage`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    InitialState,
    Entries,
    Term,
    FirstIndex,
    LastIndex,
    Snapshot,
}

/// What no storage can help: a failed read.
pub(crate) fn broken() -> StorageError {
    StorageError::Other(Arc::new(io::Error::other("bad sector")))
}

impl Disk {
    /// The disk of a new node of a group of `conf_state`.
    pub(crate) fn new(conf_state: ConfState) -> Self {
        let memory = MemoryStorage::with_conf_state(conf_state.clone());
        Disk { memory, conf_state, fault: None }
    }

    /// Writes what a `Ready` or a `MsgStorageAppend` asks for.
    pub(crate) fn write(
        &mut self,
        snapshot: Option<&Snapshot>,
        entries: &Entries,
        hard_state: Option<&HardState>,
    ) -> Result<(), StorageError> {
        if let Some(snapshot) = snapshot.filter(|snapshot| !snapshot.is_empty()) {
            self.memory.apply_snapshot(snapshot.clone())?;
        }
        self.memory.append(entries)?;
        if let Some(hard_state) = hard_state.filter(|hard_state| !hard_state.is_empty()) {
            self.memory.set_hard_state(*hard_state);
        }
        Ok(())
    }

    fn check(&self, call: Call) -> Result<(), StorageError> {
        match &self.fault {
            Some(Fault::Fails(spoilt, error)) if *spoilt == call => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

impl Storage for Disk {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.check(Call::InitialState)?;
        let conf_state = self.conf_state.clone();
        Ok(InitialState { conf_state, ..self.memory.initial_state()? })
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.check(Call::Entries)?;
        match self.fault {
            Some(Fault::NoEntries) => return Ok(()),
            Some(Fault::WrongEntries) => {
                out.append(Entries::from(Entry::new(1, range.end, "wrong")));
                return Ok(());
            }
            _ => {}
        }
        let end = range.end;
        self.memory.entries(range, max_size, purpose, out)?;
        if let Some(Fault::TooManyEntries) = self.fault {
            out.append(Entries::from(Entry::new(1, end, "one more")));
        }
        Ok(())
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.check(Call::Term)?;
        self.memory.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.check(Call::FirstIndex)?;
        match self.fault {
            Some(Fault::LogRange { first, .. }) => Ok(first),
            _ => self.memory.first_index(),
        }
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.check(Call::LastIndex)?;
        match self.fault {
            Some(Fault::LogRange { last, .. }) => Ok(last),
            _ => self.memory.last_index(),
        }
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.check(Call::Snapshot)?;
        match self.fault {
            Some(Fault::EmptySnapshot) => Ok(Snapshot::default()),
            _ => self.memory.snapshot(),
        }
    }
}
