//! What a checker may look at in a node.

use raft_core::tracker::{Configuration, Progress};
use raft_core::{BasicStatus, EntryId, Node, Observer, Storage, WriteMode};

/// What a checker may look at in a node.
pub trait Glance {
    /// Role, term, vote, commit and applied index.
    fn status(&self) -> BasicStatus;
    /// The configuration that the node has applied.
    fn configuration(&self) -> &Configuration;
    /// The last entry of its log, on disk or not.
    fn last_entry_id(&self) -> EntryId;
    /// The term of its log at `index`.
    fn term_at(&self, index: u64) -> Option<u64>;
    /// What it knows of each member.
    fn each_progress(&self, visit: &mut dyn FnMut(u64, &Progress));
}

impl<S: Storage, O: Observer, W: WriteMode> Glance for Node<S, O, W> {
    fn status(&self) -> BasicStatus {
        self.basic_status()
    }

    fn configuration(&self) -> &Configuration {
        Node::configuration(self)
    }

    fn last_entry_id(&self) -> EntryId {
        Node::last_entry_id(self)
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        Node::term_at(self, index).ok().flatten()
    }

    fn each_progress(&self, visit: &mut dyn FnMut(u64, &Progress)) {
        self.with_progress(|id, _, progress| visit(id, progress));
    }
}
