//! The synchronous face: one batch at a time.

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::hash::{Hash, Hasher};

use raft_proto::Message;

use super::node::sealed::{Sealed, Unstable};
use super::node::{Node, Taken, WriteMode};
use crate::error::{AdvanceError, ReadyError};
use crate::event::Observer;
use crate::log::AllowUnstable;
use crate::raft::{AppliedEntries, Written};
use crate::ready::{Persisted, Ready, Ticket};
use crate::storage::Storage;

/// Writes are done by the application between `ready` and `advance`.
// Made with the first batch: very many nodes may have nothing to do.
#[derive(Clone, Debug, Default)]
pub struct SyncWrites(Option<Box<Batches>>);

impl SyncWrites {
    /// What is there while a batch is out.
    fn outstanding(&self) -> Option<&Batches> {
        self.0.as_deref().filter(|batches| batches.outstanding)
    }
}

/// Those that were handed out, of which the last may be out.
#[derive(Debug, Default)]
struct Batches {
    identity: Arc<()>,
    handed_out: u64,
    outstanding: bool,
    /// What the node tells itself once the batch that is out is done, in this order: its answers to
    /// itself, while it still has the entries at hand, and then what is done.
    on_advance: Vec<Message>,
    written: Option<Written>,
    applied: Option<AppliedEntries>,
    /// Emptied buffers, for the next batch.
    spare: [Vec<Message>; 2],
}

/// A copy is another node, whose batches are its own. Only the batch that is out belongs to both,
/// since each waits for it.
impl Clone for Batches {
    fn clone(&self) -> Self {
        Self {
            identity: match self.outstanding {
                true => Arc::clone(&self.identity),
                false => Arc::default(),
            },
            on_advance: self.on_advance.clone(),
            written: self.written.clone(),
            spare: Default::default(),
            ..*self
        }
    }
}

impl Hash for SyncWrites {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Some(out) = self.outstanding() else { return false.hash(hasher) };
        (true, &out.on_advance, &out.written, out.applied).hash(hasher);
    }
}

impl Sealed for SyncWrites {
    const ALLOW_UNSTABLE: Unstable = Unstable(AllowUnstable::Yes);

    fn shrink_to_fit(&mut self) {
        self.0.take_if(|batches| !batches.outstanding);
    }
}

impl WriteMode for SyncWrites {}

impl<S: Storage, O: Observer> Node<S, O, SyncWrites> {
    /// Takes all the work that has come up. There may be none, though
    /// [`has_ready`](Self::has_ready) was true: the node then only tells itself something.
    ///
    /// [`Outstanding`](ReadyError::Outstanding) until the last batch has been
    /// [`advance`](Self::advance)d.
    pub fn ready(&mut self) -> Result<Ready, ReadyError> {
        self.alive()?;
        if self.writes.outstanding().is_some() {
            return Err(ReadyError::Outstanding);
        }
        let taken = self.take_writes();
        let taken = self.guard(taken)?;
        let id = self.id();
        let soft_state = self.take_soft_state();

        let batches = self.writes.0.get_or_insert_default();
        let [mut now, mut after_append] = core::mem::take(&mut batches.spare);
        let outbox = &mut self.raft.node.outbox;
        core::mem::swap(&mut now, &mut outbox.now);
        if outbox.after_append.iter().any(|m| m.to == id) {
            batches.on_advance.extend(outbox.after_append.extract_if(.., |m| m.to == id));
        }
        core::mem::swap(&mut after_append, &mut outbox.after_append);
        let Taken { hard_state, entries, snapshot, committed_entries, must_sync, written } = taken;
        batches.written = written;
        batches.applied = AppliedEntries::of(&committed_entries);
        batches.handed_out += 1;
        batches.outstanding = true;
        let (node, number) = (Arc::clone(&batches.identity), batches.handed_out);
        Ok(Ready {
            soft_state,
            hard_state,
            read_states: self.raft.node.read_states.take(),
            lost_reads: self.raft.node.lost_reads.take(),
            entries,
            snapshot,
            must_sync,
            messages: now,
            rest: Persisted {
                messages: after_append,
                committed_entries,
                ticket: Ticket { node, number },
                spare: Vec::new(),
            },
        })
    }

    /// The work of the last [`ready`](Self::ready) is done: written, sent, applied.
    ///
    /// [`Foreign`](AdvanceError::Foreign) when another node handed the batch out.
    pub fn advance(&mut self, done: Persisted) -> Result<(), AdvanceError> {
        self.alive()?;
        let is_own = |batches: &mut Box<Batches>| {
            batches.outstanding && done.ticket.names(&batches.identity, batches.handed_out)
        };
        let mut batches = self.writes.0.take_if(is_own).ok_or(AdvanceError::Foreign)?;
        batches.outstanding = false;
        for mut message in batches.on_advance.drain(..) {
            // The node's own words are ignored when the term has changed since, and refused when it
            // has left the configuration.
            self.step_checked(&mut message).ok();
        }
        if let Some(written) = batches.written.take() {
            self.tell_written(written);
        }
        if let Some(applied) = batches.applied.take() {
            let applied = self.raft.on_applied(applied);
            self.guard(applied).ok();
        }
        let Persisted { mut messages, mut spare, .. } = done;
        messages.clear();
        spare.clear();
        batches.spare = [spare, messages];
        self.writes.0 = Some(batches);
        self.alive()?;
        self.note_whether_settled();
        Ok(())
    }

    fn tell_written(&mut self, written: Written) {
        let node = &self.raft.node;
        let in_progress_to = node.log.unstable().in_progress_to();
        let is_still_there = written.last.is_none_or(|last| last.index < in_progress_to);
        if written.term == node.term && is_still_there {
            let told = self.raft.on_written(&written);
            self.guard(told).ok();
        } else {
            // What was written may have been replaced since: the gate looks closer.
            self.step_checked(&mut written.into_message(self.id())).ok();
        }
    }
}
