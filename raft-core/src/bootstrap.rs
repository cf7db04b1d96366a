//! Floor 6. The first members of a new group.

use alloc::vec::Vec;

use bytes::Bytes;
use raft_proto::{ConfChange, ConfChangeRequest, ConfChangeType, is_local_target};

use crate::error::{BootstrapError, Poisoned};
use crate::event::Observer;
use crate::raft::Raft;
use crate::storage::Storage;
use crate::types::NONE;

/// A first member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its id.
    pub id: u64,
    /// The application's bytes, as the context of the change that adds it.
    pub context: Bytes,
}

impl<S: Storage, O: Observer> Raft<S, O> {
    /// Starts the log with one committed change for each of `peers`, at term 1. The changes take
    /// effect now, so that the node can campaign at once, and again when they are applied, which
    /// changes nothing.
    pub(crate) fn bootstrap(&mut self, peers: &[Peer]) -> Result<(), BootstrapError> {
        if peers.is_empty() {
            return Err(BootstrapError::NoPeers);
        }
        if let Some(peer) = peers.iter().find(|p| p.id == NONE || is_local_target(p.id)) {
            return Err(BootstrapError::InvalidPeer { id: peer.id });
        }
        if self.node.log.last_index() != 0
            || self.node.log.storage().last_index().map_err(Poisoned)? != 0
        {
            return Err(BootstrapError::NotEmpty);
        }
        // DIVERGES: etcd takes a node back to term 1 that has voted in a later one.
        if self.node.is_strict() && (self.node.term, self.node.vote) != (0, NONE) {
            return Err(BootstrapError::NotEmpty);
        }
        let add = |peer: &Peer| ConfChange::new(ConfChangeType::AddNode, peer.id);
        self.become_follower(1, NONE);
        for (peer, index) in peers.iter().zip(1..) {
            let mut change = add(peer);
            if !peer.context.is_empty() {
                change = change.with_context(peer.context.clone());
            }
            let mut entry = ConfChangeRequest::from(change).into_entry();
            (entry.term, entry.index) = (1, index);
            self.node.log.push(entry);
        }
        self.node.log.commit_to(peers.len() as u64);
        let changes: Vec<_> = peers.iter().map(|peer| add(peer).into_v2()).collect();
        for change in &changes {
            // Adding one voter at a time is always possible.
            if let Err(crate::error::ApplyConfChangeError::Poisoned(poisoned)) =
                self.apply_conf_change(change)
            {
                return Err(poisoned.into());
            }
        }
        Ok(())
    }
}
