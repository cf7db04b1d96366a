//! The synchronous face: one batch at a time.

use alloc::{sync::Arc, vec::Vec};
use core::hash::{Hash, Hasher};

use raft_proto::Message;

use super::node::sealed::{Sealed, Unstable};
use super::node::{Node, Taken, WriteMode};
use crate::error::{AdvanceError, ReadyError};
use crate::event::Observer;
use crate::log::AllowUnstable;
use crate::ready::{Persisted, Ready, Ticket};
use crate::storage::Storage;

/// Writes are done by the application between `ready` and `advance`.
#[derive(Debug, Default)]
pub struct SyncWrites {
    identity: Arc<()>,
    handed_out: u64,
    outstanding: bool,
    /// What the node tells itself once the batch that is out is done.
    on_advance: Vec<Message>,
    /// Emptied buffers, for the next batch.
    spare: [Vec<Message>; 2],
}

/// A copy is another node, whose batches are its own. Only the batch that is out belongs to both,
/// since each waits for it.
impl Clone for SyncWrites {
    fn clone(&self) -> Self {
        Self {
            identity: match self.outstanding {
                true => Arc::clone(&self.identity),
                false => Arc::default(),
            },
            on_advance: self.on_advance.clone(),
            spare: Default::default(),
            ..*self
        }
    }
}

impl Hash for SyncWrites {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.outstanding, &self.on_advance).hash(hasher);
    }
}

impl Sealed for SyncWrites {
    const ALLOW_UNSTABLE: Unstable = Unstable(AllowUnstable::Yes);
}

impl WriteMode for SyncWrites {}

impl SyncWrites {
    fn ticket(&self) -> Ticket {
        Ticket { node: Arc::clone(&self.identity), number: self.handed_out }
    }
}

impl<S: Storage, O: Observer> Node<S, O, SyncWrites> {
    /// Takes all the work that has come up. There may be none, though
    /// [`has_ready`](Self::has_ready) was true: the node then only tells itself something.
    ///
    /// [`Outstanding`](ReadyError::Outstanding) until the last batch has been
    /// [`advance`](Self::advance)d.
    pub fn ready(&mut self) -> Result<Ready, ReadyError> {
        self.alive()?;
        if self.writes.outstanding {
            return Err(ReadyError::Outstanding);
        }
        let taken = self.take_writes();
        let taken = self.guard(taken)?;
        let id = self.id();
        let soft_state = self.take_soft_state();

        let [mut now, mut after_append] = core::mem::take(&mut self.writes.spare);
        let outbox = &mut self.raft.node.outbox;
        core::mem::swap(&mut now, &mut outbox.now);
        for message in outbox.after_append.drain(..) {
            match message.to == id {
                true => self.writes.on_advance.push(message),
                false => after_append.push(message),
            }
        }
        let Taken { hard_state, entries, snapshot, committed_entries, must_sync, unstable } = taken;
        if unstable || snapshot.is_some() {
            let response = self.storage_append_response(snapshot.as_ref());
            self.writes.on_advance.push(response);
        }
        if !committed_entries.is_empty() {
            let response = self.storage_apply_response(committed_entries.clone());
            self.writes.on_advance.push(response);
        }
        self.writes.handed_out += 1;
        self.writes.outstanding = true;
        Ok(Ready {
            soft_state,
            hard_state,
            read_states: core::mem::take(&mut self.raft.node.read_states),
            lost_reads: core::mem::take(&mut self.raft.node.lost_reads),
            entries,
            snapshot,
            must_sync,
            messages: now,
            rest: Persisted {
                messages: after_append,
                committed_entries,
                ticket: self.writes.ticket(),
                spare: Vec::new(),
            },
        })
    }

    /// The work of the last [`ready`](Self::ready) is done: written, sent, applied.
    ///
    /// [`Foreign`](AdvanceError::Foreign) when another node handed the batch out.
    pub fn advance(&mut self, done: Persisted) -> Result<(), AdvanceError> {
        self.alive()?;
        if !self.writes.outstanding || done.ticket != self.writes.ticket() {
            return Err(AdvanceError::Foreign);
        }
        self.writes.outstanding = false;
        let mut steps = core::mem::take(&mut self.writes.on_advance);
        for message in steps.drain(..) {
            // The node's own words are ignored when the term has changed since, and refused when it
            // has left the configuration.
            self.step_checked(message).ok();
        }
        self.writes.on_advance = steps;
        let Persisted { mut messages, mut spare, .. } = done;
        messages.clear();
        spare.clear();
        self.writes.spare = [spare, messages];
        Ok(self.alive()?)
    }
}
