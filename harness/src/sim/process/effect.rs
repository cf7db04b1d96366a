//! What a process asks of the world around it, and of its disk.

use bytes::Bytes;
use raft_core::tracker::Configuration;
use raft_core::{EntryId, ReadPurpose, SnapshotStatus};
use raft_proto::{ConfState, Entries, Entry, HardState, Message, Snapshot};

use super::{ImageWrite, OpId, Saved, Seen, Time};

/// What a process wants done, or tells, in the order in which it happens.
#[derive(Debug)]
pub(in crate::sim) enum Effect {
    /// A message to another node.
    Send(Message),
    /// The append thread has been asked for a write of these entries, or, if there are none, of a
    /// snapshot alone.
    Queued(Entries),
    /// Entries that the node wants written.
    Handed(Entries),
    /// A snapshot that the node wants written.
    HandedSnapshot(EntryId),
    /// Something was written, and is durable after the next sync.
    Wrote(ImageWrite),
    Synced,
    Compacted(u64),
    Applied {
        entry: Entry,
        fingerprint: u64,
    },
    Configured {
        index: u64,
        before: Configuration,
        after: Configuration,
    },
    /// The state machine was replaced by a snapshot's.
    Installed {
        at: EntryId,
        conf_state: ConfState,
        fingerprint: u64,
    },
    /// A request was answered here.
    Answer {
        op: OpId,
        answer: Bytes,
    },
    /// A read may be served at this index.
    ReadState {
        op: OpId,
        index: u64,
    },
    /// A request will not be answered, and had no effect.
    Refused(OpId),
    /// Wake the process up.
    Wake {
        after: Time,
        what: Wake,
    },
    Saw(Seen),
    /// The process cannot go on.
    Died(String),
}

/// What a process is woken up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum Wake {
    Disk,
    Apply,
    Propose,
    Fetched(ReadPurpose),
    SnapshotReport { peer: u64, status: SnapshotStatus },
}

/// One thing that a disk does.
#[derive(Debug)]
pub(in crate::sim) enum Step {
    Snapshot(Snapshot),
    Entries(Entries),
    HardState(HardState),
    Sync,
    /// The machine becomes durable: it takes the place of what was kept before, or it does not.
    Save(Saved),
    /// A snapshot of the machine, likewise.
    CreateSnapshot {
        index: u64,
        conf_state: ConfState,
        data: Bytes,
    },
    /// Entries up to here go, for which a snapshot stands.
    Compact(u64),
}

impl Step {
    /// Whether it fails on a disk that is full.
    pub(in crate::sim) fn takes_room(&self) -> bool {
        !matches!(self, Self::HardState(_) | Self::Sync | Self::Compact(_))
    }

    pub(in crate::sim) fn writes(&self) -> bool {
        !matches!(self, Self::Sync)
    }

    /// Whether something is durable when it is done.
    pub(in crate::sim) fn syncs(&self) -> bool {
        matches!(self, Self::Sync | Self::Save(_) | Self::CreateSnapshot { .. })
    }
}
