//! A node's disk: one file, to the end of which records are written.
//!
//! ```text
//! log     =  header snapshot entry* hard-state      written as a whole, then given its name
//!            (entry* hard-state?)*                  appended, a batch of the loop at a time
//!
//! record  =  length    u32, little-endian as all numbers: the payload's
//!            kind      u8: 1 header, 2 snapshot, 3 entry, 4 hard state
//!            checksum  u32: CRC-32 of length and kind
//!            payload   the message in its protobuf form (of the header: see `Identity`)
//!            checksum  u32: CRC-32 of the payload
//! ```
//! Reading it from the start gives the node's state: an entry replaces those from its index on, a
//! hard state the one before. A crash can leave the end of the last record unwritten; what there
//! is of it was promised to nobody, and is cut off. Anything else that is wrong is damage, to which
//! the only safe answer is an error: a node that has forgotten an entry or a vote may not take part.
//!
//! That is why the length has a checksum of its own. Without it a damaged length that points beyond
//! the end of the file would pass for an unfinished record, and take with it all that follows.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use raft_core::proto::bytes::{Buf, Bytes};
use raft_core::proto::prost::Message;
use raft_core::proto::{ConfState, Entries, Entry, HardState, Snapshot};
use raft_core::{InitialState, MemoryStorage, ReadPurpose, Storage, StorageError};

const LOG: &str = "log";
/// What is written here has no meaning yet; a crash may leave it behind.
const NEW_LOG: &str = "log.new";

const HEADER: u8 = 1;
const SNAPSHOT: u8 = 2;
const ENTRY: u8 = 3;
const HARD_STATE: u8 = 4;

/// Whose log it is: a node that took another's for its own would have votes and entries that it
/// never gave or got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) cluster: u64,
    pub(crate) node: u64,
}

impl Identity {
    const MAGIC: u64 = u64::from_le_bytes(*b"raft-log");
    const VERSION: u32 = 1;

    fn encode(&self) -> Vec<u8> {
        let mut header = Self::MAGIC.to_le_bytes().to_vec();
        header.extend(Self::VERSION.to_le_bytes());
        header.extend(self.cluster.to_le_bytes());
        header.extend(self.node.to_le_bytes());
        header
    }

    fn check(&self, mut header: &[u8]) -> Result<()> {
        ensure!(header.try_get_u64_le()? == Self::MAGIC, "the file is not a log of this program");
        let version = header.try_get_u32_le()?;
        ensure!(version == Self::VERSION, "its format is {version}, not {}", Self::VERSION);
        let found = Self { cluster: header.try_get_u64_le()?, node: header.try_get_u64_le()? };
        ensure!(found == *self, "it belongs to {found}, not to {self}");
        Ok(())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} of cluster {:016x}", self.node, self.cluster)
    }
}

/// The incomplete last record that was cut off when a log was opened.
#[derive(Debug)]
pub(crate) struct Cut {
    file: PathBuf,
    offset: u64,
    length: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, offset, length } = self;
        let file = file.display();
        write!(f, "{file}: cut off an incomplete last record, {length} bytes at offset {offset}")
    }
}

/// The storage of one node. The file is what counts; what it says is also kept in memory, where
/// the core reads it.
///
/// After an error of `save` or `compact` nobody knows what has reached the disk: drop the storage,
/// and open it again.
#[derive(Debug)]
pub(crate) struct DiskStorage {
    dir: PathBuf,
    identity: Identity,
    /// The file, at its end.
    log: File,
    memory: MemoryStorage,
}

impl DiskStorage {
    /// Makes the directory of a new node. The first members of a group all start from the same
    /// snapshot; a node that joins later starts from nothing.
    pub(crate) fn create(dir: &Path, identity: Identity, snapshot: Option<Snapshot>) -> Result<()> {
        make_dir(dir)?;
        let path = dir.join(LOG);
        ensure!(!path.exists(), "{} exists already", path.display());
        let mut memory = MemoryStorage::new();
        if let Some(snapshot) = snapshot {
            let (term, commit) = (snapshot.term(), snapshot.index());
            memory.set_hard_state(HardState { term, vote: 0, commit });
            memory.apply_snapshot(snapshot)?;
        }
        write_whole(dir, identity, &memory).map(drop)
    }

    /// Reads a node's directory after a stop or a crash. Answers what had to be cut off, too. With
    /// an error the file is as it was.
    pub(crate) fn open(dir: &Path, identity: Identity) -> Result<(Self, Option<Cut>)> {
        let path = dir.join(LOG);
        let context = || format!("cannot use {}", path.display());
        let bytes = fs::read(&path).with_context(context)?;
        let (memory, end) = replay(&bytes, identity).with_context(context)?;

        let log = OpenOptions::new().append(true).open(&path).with_context(context)?;
        let (offset, length) = (end as u64, (bytes.len() - end) as u64);
        if length > 0 {
            log.set_len(offset).with_context(context)?;
        }
        // What was read, and the name under which it was found, may never have been synced: a
        // process that was killed left them in the system's cache. From here on the node vouches
        // for them.
        log.sync_all().with_context(context)?;
        sync_dir(dir)?;
        let cut = (length > 0).then_some(Cut { file: path, offset, length });
        Ok((Self { dir: dir.to_owned(), identity, log, memory }, cut))
    }

    /// Writes what a `Ready` asks for; returns when it is on disk, if it has to be.
    pub(crate) fn save(
        &mut self,
        snapshot: Option<&Snapshot>,
        entries: &Entries,
        hard_state: Option<&HardState>,
        must_sync: bool,
    ) -> Result<()> {
        // Memory first, since it refuses what does not fit: that must not reach the disk.
        if let Some(snapshot) = snapshot {
            self.memory.apply_snapshot(snapshot.clone())?;
        }
        self.memory.append(entries)?;
        if let Some(hard_state) = hard_state {
            self.memory.set_hard_state(*hard_state);
        }
        if snapshot.is_some() {
            // It replaces all that was before, and so does the file.
            return self.rewrite();
        }
        let mut records = Vec::new();
        for entry in entries {
            push_record(&mut records, ENTRY, &entry.encode_to_vec())?;
        }
        if let Some(hard_state) = hard_state {
            // After the entries: its commit index may be that of the last one.
            push_record(&mut records, HARD_STATE, &hard_state.encode_to_vec())?;
        }
        self.log.write_all(&records).with_context(|| self.failed("write"))?;
        if must_sync {
            self.log.sync_data().with_context(|| self.failed("sync"))?;
        }
        Ok(())
    }

    /// Replaces the log up to `applied` by a snapshot of the state machine. The last `keep` entries
    /// stay in memory: a follower that is a little behind is sent those, and not the snapshot.
    pub(crate) fn compact(
        &mut self,
        applied: u64,
        conf_state: ConfState,
        data: Bytes,
        keep: u64,
    ) -> Result<()> {
        self.memory.create_snapshot(applied, Some(conf_state), data)?;
        let compacted = applied.saturating_sub(keep);
        if compacted >= self.memory.first_index()? {
            self.memory.compact(compacted)?;
        }
        self.rewrite()
    }

    /// The snapshot that the log starts with. It is empty until a node that joined has been sent one.
    pub(crate) fn last_snapshot(&self) -> Result<Snapshot> {
        last_snapshot(&self.memory)
    }

    fn rewrite(&mut self) -> Result<()> {
        self.log = write_whole(&self.dir, self.identity, &self.memory)?;
        Ok(())
    }

    fn failed(&self, what: &str) -> String {
        format!("cannot {what} {}", self.dir.join(LOG).display())
    }
}

/// Writes a log that holds what `memory` does. Until the new file has got the name nothing has
/// changed, and then all has. Answers the file, at its end.
fn write_whole(dir: &Path, identity: Identity, memory: &MemoryStorage) -> Result<File> {
    let snapshot = last_snapshot(memory)?;
    let mut records = Vec::new();
    push_record(&mut records, HEADER, &identity.encode())?;
    push_record(&mut records, SNAPSHOT, &snapshot.encode_to_vec())?;
    let rest = snapshot.index() + 1..memory.last_index()? + 1;
    if !rest.is_empty() {
        let mut entries = Entries::new();
        memory.entries(rest, u64::MAX, ReadPurpose::Scan, &mut entries)?;
        for entry in &entries {
            push_record(&mut records, ENTRY, &entry.encode_to_vec())?;
        }
    }
    push_record(&mut records, HARD_STATE, &memory.hard_state().encode_to_vec())?;

    let write = || {
        let mut file = File::create(dir.join(NEW_LOG))?;
        file.write_all(&records)?;
        file.sync_all()?;
        fs::rename(dir.join(NEW_LOG), dir.join(LOG))?;
        sync_dir(dir)?;
        anyhow::Ok(file)
    };
    write().with_context(|| format!("cannot replace {}", dir.join(LOG).display()))
}

fn last_snapshot(memory: &MemoryStorage) -> Result<Snapshot> {
    match memory.snapshot() {
        Err(StorageError::SnapshotTemporarilyUnavailable) => Ok(Snapshot::default()),
        snapshot => Ok(snapshot?),
    }
}

/// Reads a log from its start. Answers also where its last complete record ends.
fn replay(bytes: &[u8], identity: Identity) -> Result<(MemoryStorage, usize)> {
    let mut memory = MemoryStorage::new();
    let mut offset = 0;
    let mut before = None;
    let mut is_whole = false;
    loop {
        let damaged = || format!("damaged at offset {offset}");
        let Some(record) = read_record(&bytes[offset..]).with_context(damaged)? else {
            // The first hard state ends what was on disk before the file got its name. No crash
            // takes anything of that away.
            ensure!(is_whole, "damaged at offset {offset}: the file ends too early");
            return Ok((memory, offset));
        };
        match before {
            None if record.kind == HEADER => identity.check(record.payload)?,
            _ => replay_record(&mut memory, before, &record).with_context(damaged)?,
        }
        is_whole |= record.kind == HARD_STATE;
        before = Some(record.kind);
        offset += record.size;
    }
}

fn replay_record(memory: &mut MemoryStorage, before: Option<u8>, record: &Record) -> Result<()> {
    match (before, record.kind) {
        (Some(HEADER), SNAPSHOT) => {
            let snapshot = Snapshot::decode(record.payload)?;
            if !snapshot.is_empty() {
                memory.apply_snapshot(snapshot)?;
            }
        }
        (Some(SNAPSHOT | ENTRY | HARD_STATE), ENTRY) => {
            memory.append(&Entries::from(Entry::decode(record.payload)?))?;
        }
        (Some(SNAPSHOT | ENTRY | HARD_STATE), HARD_STATE) => {
            memory.set_hard_state(HardState::decode(record.payload)?);
        }
        (_, kind) => bail!("a record of kind {kind} has no place here"),
    }
    Ok(())
}

struct Record<'a> {
    kind: u8,
    payload: &'a [u8],
    /// Of all of it, in bytes.
    size: usize,
}

/// The record at the start of `bytes`; `None` when the bytes end before it does.
fn read_record(bytes: &[u8]) -> Result<Option<Record<'_>>> {
    let Some((head, rest)) = bytes.split_first_chunk::<5>() else { return Ok(None) };
    let Some((sum, rest)) = rest.split_first_chunk() else { return Ok(None) };
    ensure!(crc32fast::hash(head) == u32::from_le_bytes(*sum), "wrong checksum of a length");
    let &[l0, l1, l2, l3, kind] = head;
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    let Some((payload, rest)) = rest.split_at_checked(length) else { return Ok(None) };
    let Some((sum, rest)) = rest.split_first_chunk() else { return Ok(None) };
    ensure!(crc32fast::hash(payload) == u32::from_le_bytes(*sum), "wrong checksum of a payload");
    Ok(Some(Record { kind, payload, size: bytes.len() - rest.len() }))
}

fn push_record(records: &mut Vec<u8>, kind: u8, payload: &[u8]) -> Result<()> {
    let length = u32::try_from(payload.len()).context("a record cannot be larger than 4 GiB")?;
    let start = records.len();
    records.extend(length.to_le_bytes());
    records.push(kind);
    let sum = crc32fast::hash(&records[start..]);
    records.extend(sum.to_le_bytes());
    records.extend(payload);
    records.extend(crc32fast::hash(payload).to_le_bytes());
    Ok(())
}

/// Makes a directory and those above it that are missing, to last.
pub(crate) fn make_dir(dir: &Path) -> Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    make_dir(parent)?;
    fs::create_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    sync_dir(parent)
}

/// A file's name lasts when its directory is synced, as its content does when the file is.
pub(crate) fn sync_dir(dir: &Path) -> Result<()> {
    // Windows has no such call, and does not open directories.
    if cfg!(unix) {
        let synced = File::open(dir).and_then(|dir| dir.sync_all());
        synced.with_context(|| format!("cannot sync {}", dir.display()))?;
    }
    Ok(())
}

/// What the core reads is in memory.
impl Storage for DiskStorage {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.memory.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.memory.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.memory.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.memory.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.memory.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.memory.snapshot()
    }
}

#[cfg(test)]
mod tests;
