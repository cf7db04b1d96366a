//! The asynchronous face: writes and applies are messages.

use alloc::{vec, vec::Vec};

use raft_proto::{LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message, MessageType};

use super::node::sealed::{Sealed, Unstable};
use super::node::{Node, Taken, WriteMode};
use crate::error::Poisoned;
use crate::event::Observer;
use crate::log::AllowUnstable;
use crate::raft::AppliedEntries;
use crate::ready::{AsyncReady, StorageWrites};
use crate::storage::Storage;

/// Writes are done by the application's storage threads.
///
/// # Contract
/// 1. A `MsgStorageAppend` goes to the append thread: it writes snapshot, entries and hard state
///    (term, vote and commit, unless all are 0), syncs, and only then delivers the responses, in
///    their order: those to peers as any message, those to the node itself by `step`. A message
///    without responses need not be synced.
/// 2. A `MsgStorageApply` goes to the apply thread: it applies the entries, calling
///    `apply_conf_change` for each configuration change, and then delivers the responses.
/// 3. Messages to the same thread are handled in the order in which they came, none is lost. The
///    two threads need not wait for each other.
#[derive(Clone, Debug, Default, Hash)]
pub struct AsyncWrites(());

impl Sealed for AsyncWrites {
    // What is applied while it is written could be lost with this node's disk after the
    // application has acted on it.
    const ALLOW_UNSTABLE: Unstable = Unstable(AllowUnstable::No);

    fn shrink_to_fit(&mut self) {}
}

impl WriteMode for AsyncWrites {}

impl<S: Storage, O: Observer> Node<S, O, AsyncWrites> {
    /// Takes all the work that has come up, as messages.
    pub fn ready(&mut self) -> Result<AsyncReady, Poisoned> {
        self.alive()?;
        let taken = self.take_writes();
        let taken = self.guard(taken)?;
        let soft_state = self.take_soft_state();
        let outbox = &mut self.raft.node.outbox;
        let mut messages = core::mem::take(&mut outbox.now);
        let after_append = core::mem::take(&mut outbox.after_append);
        messages.extend(self.storage_append(&taken, after_append));
        messages.extend(self.storage_apply(&taken));
        let Taken { hard_state, entries, snapshot, committed_entries, must_sync, .. } = taken;
        let ready = AsyncReady {
            soft_state,
            read_states: self.raft.node.read_states.take(),
            lost_reads: self.raft.node.lost_reads.take(),
            messages,
            writes: StorageWrites { hard_state, entries, snapshot, committed_entries, must_sync },
        };
        self.note_whether_settled();
        Ok(ready)
    }

    /// The work for the append thread, if there is any. Its responses are the messages that vouch
    /// for it, and then the one that tells the node itself: in this order the node still has the
    /// entries at hand when it counts its own acknowledgement.
    fn storage_append(&self, taken: &Taken, after_append: Vec<Message>) -> Option<Message> {
        let nothing_to_write =
            taken.entries.is_empty() && taken.hard_state.is_none() && taken.snapshot.is_none();
        if nothing_to_write && after_append.is_empty() {
            return None;
        }
        let mut responses = after_append;
        if let Some(written) = taken.written.clone() {
            responses.push(written.into_message(self.id()));
        }
        let hard_state = taken.hard_state.unwrap_or_default();
        Some(Message {
            to: LOCAL_APPEND_THREAD,
            from: self.id(),
            term: hard_state.term,
            vote: hard_state.vote,
            commit: hard_state.commit,
            entries: taken.entries.clone(),
            snapshot: taken.snapshot.clone(),
            responses,
            ..Message::new(MessageType::MsgStorageAppend)
        })
    }

    /// The work for the apply thread, if there is any.
    fn storage_apply(&self, taken: &Taken) -> Option<Message> {
        let entries = taken.committed_entries.clone();
        if entries.is_empty() {
            return None;
        }
        Some(Message {
            to: LOCAL_APPLY_THREAD,
            from: self.id(),
            responses: vec![AppliedEntries::message(entries.clone(), self.id())],
            entries,
            ..Message::new(MessageType::MsgStorageApply)
        })
    }
}
