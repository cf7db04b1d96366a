//! Floor 5. What has been written and applied.

use alloc::boxed::Box;

use raft_proto::{
    Entries, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message, MessageType, Snapshot,
};

use super::{Raft, Role};
use crate::error::StorageError;
use crate::event::Observer;
use crate::fault::fault;
use crate::storage::Storage;
use crate::types::EntryId;

/// All that was unstable when it was handed out is on disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Written {
    /// The node's term at the time, so that a later one tells that the log may have changed since.
    pub(crate) term: u64,
    /// The last entry, if there were any.
    pub(crate) last: Option<EntryId>,
    pub(crate) snapshot: Option<Box<Snapshot>>,
}

impl Written {
    fn of(m: &mut Message) -> Self {
        Self {
            term: m.term,
            last: (m.index != 0).then_some(EntryId::new(m.log_term, m.index)),
            snapshot: m.snapshot.take(),
        }
    }

    /// The same, as the append thread says it to node `to`.
    pub(crate) fn into_message(self, to: u64) -> Message {
        let last = self.last.unwrap_or_default();
        Message {
            to,
            from: LOCAL_APPEND_THREAD,
            term: self.term,
            log_term: last.term,
            index: last.index,
            snapshot: self.snapshot,
            ..Message::new(MessageType::MsgStorageAppendResp)
        }
    }
}

/// Committed entries have been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AppliedEntries {
    last: u64,
    encoded_size: u64,
    payload_size: u64,
}

impl AppliedEntries {
    /// All of `entries`, if there are any.
    pub(crate) fn of(entries: &Entries) -> Option<Self> {
        let last = entries.last()?.index;
        let (encoded_size, payload_size) = (entries.encoded_size(), entries.payload_size());
        Some(Self { last, encoded_size, payload_size })
    }

    /// `entries`, as the apply thread says it to node `to`.
    pub(crate) fn message(entries: Entries, to: u64) -> Message {
        Message {
            to,
            from: LOCAL_APPLY_THREAD,
            entries,
            ..Message::new(MessageType::MsgStorageApplyResp)
        }
    }
}

impl<S: Storage, O: Observer> Raft<S, O> {
    /// What was written in this term is on disk.
    pub(crate) fn on_written(&mut self, written: &Written) -> Result<(), StorageError> {
        if let Some(last) = written.last {
            self.node.log.stable_to(last, &mut self.node.observer);
        }
        self.snapshot_stable(written.snapshot.as_deref())
    }

    pub(super) fn snapshot_stable(
        &mut self,
        snapshot: Option<&Snapshot>,
    ) -> Result<(), StorageError> {
        let Some(index) = snapshot.map(Snapshot::index) else { return Ok(()) };
        self.node.log.stable_snapshot_to(index);
        self.applied_to(index, 0)
    }

    /// The application has applied entries.
    pub(crate) fn on_applied(&mut self, applied: AppliedEntries) -> Result<(), StorageError> {
        let mut last = applied.last;
        if fault!(self.node.config, SkipsCommitted) && last < self.node.log.committed() {
            last += 1;
        }
        self.applied_to(last, applied.encoded_size)?;
        if let Role::Leader(leader) = &mut self.role {
            leader.reduce_uncommitted(applied.payload_size);
            let matched = self.node.tracker.progress.iter().map(|(_, peer)| peer.match_index);
            last = last.min(matched.min().unwrap_or(0));
        }
        self.node.log.release(last);
        Ok(())
    }

    fn applied_to(&mut self, index: u64, size: u64) -> Result<(), StorageError> {
        let index = index.max(self.node.log.applied());
        self.node.log.applied_to(index, size);
        if let Role::Leader(leader) = &mut self.role {
            leader.maybe_leave_joint(&mut self.node)?;
        }
        Ok(())
    }

    /// What an append thread says.
    pub(super) fn on_append_thread(&mut self, m: &mut Message) -> Result<(), StorageError> {
        self.on_written(&Written::of(m))
    }

    /// What an apply thread says.
    pub(super) fn on_apply_thread(&mut self, m: &Message) -> Result<(), StorageError> {
        AppliedEntries::of(&m.entries).map_or(Ok(()), |applied| self.on_applied(applied))
    }
}
