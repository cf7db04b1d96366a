//! Floor 7. The public machine, with its two faces.

mod async_writes;
mod digests;
mod node;
mod shrink;
mod sync_writes;

pub use self::async_writes::AsyncWrites;
pub use self::node::{Node, Proposed, ProposedConfChange, SnapshotStatus, WriteMode};
pub use self::sync_writes::SyncWrites;
use crate::event::SlogObserver;

/// A node whose application writes, then sends, then applies, then [`advance`](Node::advance)s.
pub type RawNode<S, O = SlogObserver> = Node<S, O, SyncWrites>;

/// A node whose application writes and applies in the background: the work leaves as messages to
/// two storage threads, and their responses come back by [`step`](Node::step).
pub type AsyncRawNode<S, O = SlogObserver> = Node<S, O, AsyncWrites>;

#[cfg(test)]
mod tests;
