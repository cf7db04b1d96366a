//! Numbers that tell nodes apart.

use core::hash::{Hash, Hasher};

use super::node::{Node, WriteMode};
use crate::digest::DigestHasher;
use crate::event::Observer;
use crate::storage::Storage;

impl<S: Storage, O: Observer, W: WriteMode> Node<S, O, W> {
    /// A number that tells whether two nodes are the same: a hash of everything that can change
    /// what the node will do, on every machine the same. Not in it: the storage, the observer, and
    /// buffers that are kept for reuse.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let mut hasher = DigestHasher::new();
        self.raft.node.hash(&mut hasher);
        self.hash_around_node_state(&mut hasher);
        hasher.finish()
    }

    /// [`digest`](Self::digest) without the election timeouts that the node has drawn and will
    /// draw: for a model checker that lets no time pass on followers, and has nodes
    /// [`campaign`](Self::campaign) when it wants. Two nodes with the same one behave the same
    /// until a tick makes one of them campaign.
    #[must_use]
    pub fn digest_without_timeouts(&self) -> u64 {
        let mut hasher = DigestHasher::new();
        self.raft.node.hash_without_timeouts(&mut hasher);
        self.hash_around_node_state(&mut hasher);
        hasher.finish()
    }

    fn hash_around_node_state(&self, hasher: &mut DigestHasher) {
        self.raft.role.hash(hasher);
        (&self.previous_soft_state, &self.previous_hard_state).hash(hasher);
        (self.poisoned.is_some(), &self.writes).hash(hasher);
    }
}
