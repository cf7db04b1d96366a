//! Floor 6. What a node wants done, and the application's word that it is done.

use alloc::{boxed::Box, sync::Arc, vec, vec::Vec};

use bytes::Bytes;
use raft_proto::{Entries, HardState, Message, Snapshot};

use crate::event::StateRole;
use crate::read_index::ReadState;
use crate::types::NONE;

/// What may be lost in a crash: who leads, and what this node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SoftState {
    /// The leader that is known; 0 when none is.
    pub leader_id: u64,
    /// This node's role.
    pub role: StateRole,
}

impl Default for SoftState {
    fn default() -> Self {
        Self { leader_id: NONE, role: StateRole::Follower }
    }
}

/// Whether a write must be on disk before what depends on it may go on: entries, a term or a vote
/// must; a commit index alone need not, since the leader tells it again.
#[must_use]
pub fn must_sync(hard_state: &HardState, previous: &HardState, entries: usize) -> bool {
    entries != 0 || hard_state.vote != previous.vote || hard_state.term != previous.term
}

/// Names one hand-out of one node, so that another's cannot be taken for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticket {
    pub(crate) node: Arc<()>,
    pub(crate) number: u64,
}

impl Ticket {
    /// Whether it is that of hand-out `number` of `node`.
    pub(crate) fn names(&self, node: &Arc<()>, number: u64) -> bool {
        Arc::ptr_eq(&self.node, node) && self.number == number
    }
}

/// A batch of work, in the order in which to do it: send [`take_messages`](Self::take_messages);
/// write [`snapshot`](Self::snapshot), [`entries`](Self::entries) and
/// [`hard_state`](Self::hard_state), and sync if [`must_sync`](Self::must_sync); then say so with
/// [`persisted`](Self::persisted), which gives the rest of the work.
///
/// A `Ready` that is dropped is lost: the node refuses to make another, and has to be built again
/// from its storage.
#[derive(Debug)]
#[must_use = "a Ready that is dropped is lost to the node"]
pub struct Ready {
    pub(crate) soft_state: Option<SoftState>,
    pub(crate) hard_state: Option<HardState>,
    pub(crate) read_states: Vec<ReadState>,
    pub(crate) lost_reads: Vec<Bytes>,
    pub(crate) entries: Entries,
    pub(crate) snapshot: Option<Box<Snapshot>>,
    pub(crate) must_sync: bool,
    pub(crate) messages: Vec<Message>,
    pub(crate) rest: Persisted,
}

impl Ready {
    /// Leader and role, if either has changed. It needs no durability.
    #[must_use]
    pub fn soft_state(&self) -> Option<&SoftState> {
        self.soft_state.as_ref()
    }

    /// Term, vote and commit index to write, if any has changed. To be written as one: after a
    /// crash either all of it is there or nothing.
    #[must_use]
    pub fn hard_state(&self) -> Option<&HardState> {
        self.hard_state.as_ref()
    }

    /// Answers to reads: each may be served once its index is applied.
    #[must_use]
    pub fn read_states(&self) -> &[ReadState] {
        &self.read_states
    }

    /// Contexts of reads that were queued here while this node led, and that nobody will answer,
    /// because it leads no longer. Ask again. (Of a read that was forwarded and lost on the way
    /// nobody knows: ask again after a while.)
    #[must_use]
    pub fn lost_reads(&self) -> &[Bytes] {
        &self.lost_reads
    }

    /// Entries to write. They replace whatever the log holds from the first one's index on.
    #[must_use]
    pub fn entries(&self) -> &Entries {
        &self.entries
    }

    /// A snapshot to write, before the entries: it replaces log and state machine.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_deref()
    }

    /// Whether what is to be written must be synced to disk before [`persisted`](Self::persisted).
    /// Under [`Compat::Etcd`](crate::Compat::Etcd) this is about entries and hard state only: a
    /// snapshot must be synced all the same.
    #[must_use]
    pub fn must_sync(&self) -> bool {
        self.must_sync
    }

    /// The messages that need no durability. They may be sent before or while the batch is
    /// written (Raft thesis §10.2.1); their order per peer is worth keeping.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Takes [`messages`](Self::messages) out.
    pub fn take_messages(&mut self) -> vec::Drain<'_, Message> {
        self.messages.drain(..)
    }

    /// The application's word that snapshot, entries and hard state are written, and synced if
    /// they must be. What is left to do: send the messages that vouch for them, and apply.
    #[must_use = "the rest of the work is in it, and `advance` wants it back"]
    pub fn persisted(self) -> Persisted {
        Persisted { spare: self.messages, ..self.rest }
    }
}

/// What may only be done when a [`Ready`] is on disk. [`advance`](crate::RawNode::advance) takes it
/// when it is done.
#[derive(Debug)]
#[must_use = "the node waits for it to be advanced"]
pub struct Persisted {
    pub(crate) messages: Vec<Message>,
    pub(crate) committed_entries: Entries,
    pub(crate) ticket: Ticket,
    /// The emptied buffer of the other messages, on its way home.
    pub(crate) spare: Vec<Message>,
}

impl Persisted {
    /// The messages that vouch for what is on disk now: votes, and acknowledgements of entries.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Takes [`messages`](Self::messages) out.
    pub fn take_messages(&mut self) -> vec::Drain<'_, Message> {
        self.messages.drain(..)
    }

    /// Entries to apply to the state machine, in this order. Give each configuration change among
    /// them to [`apply_conf_change`](crate::RawNode::apply_conf_change) when its turn comes.
    #[must_use]
    pub fn committed_entries(&self) -> &Entries {
        &self.committed_entries
    }

    /// Takes [`committed_entries`](Self::committed_entries) out.
    #[must_use]
    pub fn take_committed_entries(&mut self) -> Entries {
        core::mem::take(&mut self.committed_entries)
    }
}

/// A batch of work of a node with asynchronous storage writes. Writing and applying are messages
/// here, to [`LOCAL_APPEND_THREAD`](raft_proto::LOCAL_APPEND_THREAD) and
/// [`LOCAL_APPLY_THREAD`](raft_proto::LOCAL_APPLY_THREAD), and their responses tell the node when
/// they are done. There is nothing to advance.
#[derive(Debug)]
#[must_use = "messages are lost when a Ready is dropped"]
pub struct AsyncReady {
    pub(crate) soft_state: Option<SoftState>,
    pub(crate) read_states: Vec<ReadState>,
    pub(crate) lost_reads: Vec<Bytes>,
    pub(crate) messages: Vec<Message>,
    /// For its text form: etcd shows what the storage messages are made of as well.
    pub(crate) writes: StorageWrites,
}

/// What the storage messages of an [`AsyncReady`] are made of.
#[derive(Debug, Default)]
pub(crate) struct StorageWrites {
    pub(crate) hard_state: Option<HardState>,
    pub(crate) entries: Entries,
    pub(crate) snapshot: Option<Box<Snapshot>>,
    pub(crate) committed_entries: Entries,
    pub(crate) must_sync: bool,
}

impl AsyncReady {
    /// Leader and role, if either has changed.
    #[must_use]
    pub fn soft_state(&self) -> Option<&SoftState> {
        self.soft_state.as_ref()
    }

    /// Answers to reads: each may be served once its index is applied.
    #[must_use]
    pub fn read_states(&self) -> &[ReadState] {
        &self.read_states
    }

    /// Contexts of reads that nobody will answer: see [`Ready::lost_reads`].
    #[must_use]
    pub fn lost_reads(&self) -> &[Bytes] {
        &self.lost_reads
    }

    /// The messages to peers and to the two storage threads.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Takes [`messages`](Self::messages) out.
    pub fn take_messages(&mut self) -> vec::Drain<'_, Message> {
        self.messages.drain(..)
    }
}
