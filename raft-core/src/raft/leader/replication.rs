//! Sending the log to peers (Raft §5.3; thesis §10.2.1).

use raft_proto::{Entries, Message, MessageType};

use super::Leader;
use crate::error::StorageError;
use crate::event::{Event, Observer};
use crate::fault::fault;
use crate::log::Fetched;
use crate::raft::node_state::{NodeState, to};
use crate::storage::{ReadPurpose, Storage};
use crate::tracker::{AppendDue, PeersDue, ProgressState};
use crate::types::EntryId;

impl Leader {
    /// Every peer gets an append, with whatever entries it lacks, also none.
    #[inline]
    pub(super) fn broadcast_append<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<(), StorageError> {
        // The first of many proposals speaks for those that come before the next `Ready`.
        match self.peers_due {
            PeersDue::All => Ok(()),
            PeersDue::Nobody | PeersDue::Some => self.append_to_all(node),
        }
    }

    /// Every peer gets an append, or is marked to get one with the next `Ready`.
    fn append_to_all<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<(), StorageError> {
        if !node.is_strict() {
            return self.for_each_peer(node, Self::send_append);
        }
        let mut all = true;
        self.for_each_peer(node, |leader, node, peer| {
            all &= leader.mark_due(node, peer, AppendDue::Always);
            Ok(())
        })?;
        if all && self.appends_due() {
            self.peers_due = PeersDue::All;
        }
        Ok(())
    }

    /// There may be peers that are not due.
    pub(super) fn forget_all_due(&mut self) {
        if self.peers_due == PeersDue::All {
            self.peers_due = PeersDue::Some;
        }
    }

    /// Whether an append may be due at the next `Ready`.
    pub(in crate::raft) fn appends_due(&self) -> bool {
        self.peers_due != PeersDue::Nobody
    }

    /// Every peer that lacks entries gets them.
    pub(super) fn broadcast_entries<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<(), StorageError> {
        self.for_each_peer(node, |leader, node, peer| {
            if node.is_strict() {
                leader.mark_due(node, peer, AppendDue::WithEntries);
                return Ok(());
            }
            leader.maybe_send_append(node, peer, AppendDue::WithEntries).map(|_| ())
        })
    }

    /// In ascending order, so that the order of messages is always the same.
    fn for_each_peer<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        mut visit: impl FnMut(&mut Self, &mut NodeState<S, O>, u64) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        let mut at = 0;
        while let Some(peer) = node.tracker.progress.id_at(at) {
            if peer != node.id() {
                visit(self, node, peer)?;
            }
            at += 1;
        }
        Ok(())
    }

    /// The peer gets an append, also one without entries.
    pub(super) fn send_append<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        peer: u64,
    ) -> Result<(), StorageError> {
        if node.is_strict() {
            self.mark_due(node, peer, AppendDue::Always);
            return Ok(());
        }
        self.maybe_send_append(node, peer, AppendDue::Always).map(|_| ())
    }

    /// The peer gets as many entries as its window takes.
    pub(in crate::raft) fn send_entries<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        peer: u64,
    ) -> Result<(), StorageError> {
        if node.is_strict() {
            self.mark_due(node, peer, AppendDue::WithEntries);
            return Ok(());
        }
        while self.maybe_send_append(node, peer, AppendDue::WithEntries)? {}
        Ok(())
    }

    /// DIVERGES: etcd sends at once, so that proposals that come one by one go out one by one. Here
    /// an append is made when the next `Ready` is, with all that came until then.
    ///
    /// Answers whether the peer is due.
    fn mark_due<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        peer: u64,
        due: AppendDue,
    ) -> bool {
        let last_index = node.log.last_index();
        let Some(progress) = node.tracker.progress.get_mut(peer) else { return false };
        let nothing_to_send = due == AppendDue::WithEntries && progress.next_index > last_index;
        if progress.is_paused() || nothing_to_send {
            return false;
        }
        progress.due = progress.due.max(due);
        if self.peers_due == PeersDue::Nobody {
            self.peers_due = PeersDue::Some;
        }
        true
    }

    /// Makes the appends that are due.
    pub(in crate::raft) fn flush_appends<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<(), StorageError> {
        if core::mem::take(&mut self.peers_due) == PeersDue::Nobody {
            return Ok(());
        }
        self.for_each_peer(node, |leader, node, peer| {
            let Some(progress) = node.tracker.progress.get_mut(peer) else { return Ok(()) };
            let mut due = core::mem::take(&mut progress.due);
            while due != AppendDue::No && leader.maybe_send_append(node, peer, due)? {
                due = AppendDue::WithEntries;
            }
            Ok(())
        })
    }

    /// Sends one append, or a snapshot when the entries are gone. Answers whether it did.
    fn maybe_send_append<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        peer: u64,
        due: AppendDue,
    ) -> Result<bool, StorageError> {
        let Some(progress) = node.tracker.progress.get(peer) else { return Ok(false) };
        if progress.is_paused() {
            return Ok(false);
        }
        let next = progress.next_index;
        if due == AppendDue::WithEntries && next > node.log.last_index() {
            return Ok(false);
        }
        let Some(prev_term) = node.log.term(next - 1)? else {
            return self.maybe_send_snapshot(node, peer);
        };
        let mut entries = Entries::new();
        let mut fetched = Fetched::Done;
        // A full window lets only empty appends pass, so that a peer that lost what was in it can
        // say so.
        if progress.state != ProgressState::Replicate || !progress.inflights.is_full() {
            let (max_size, purpose) =
                (node.config.max_size_per_msg, ReadPurpose::Append { to: peer });
            fetched = node.log.entries_from(next, max_size, purpose, &mut entries)?;
        }
        if fetched == Fetched::Later || (entries.is_empty() && due != AppendDue::Always) {
            return Ok(false);
        }
        if fetched == Fetched::Compacted {
            return self.maybe_send_snapshot(node, peer);
        }
        let (count, bytes) = (entries.len() as u64, entries.payload_size());
        let commit = node.log.committed();
        node.send(
            MessageType::MsgApp,
            Message { index: next - 1, log_term: prev_term, entries, commit, ..to(peer) },
        );
        if let Some(progress) = node.tracker.progress.get_mut(peer) {
            progress.sent_entries(count, bytes);
            progress.sent_commit(commit);
        }
        Ok(true)
    }

    fn maybe_send_snapshot<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        peer: u64,
    ) -> Result<bool, StorageError> {
        let id = node.id();
        let active = node.tracker.progress.get(peer).is_some_and(|p| p.recent_active);
        if !active {
            node.emit(&Event::SnapshotNotSentInactive { peer });
            return Ok(false);
        }
        let snapshot = match node.log.snapshot() {
            Ok(snapshot) => snapshot,
            Err(StorageError::SnapshotTemporarilyUnavailable) => {
                node.emit(&Event::SnapshotNotSentUnavailable { id, peer });
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        if snapshot.is_empty() {
            return Err(StorageError::Contract("a snapshot to send is empty"));
        }
        let at = EntryId::new(snapshot.term(), snapshot.index());
        let (first_index, commit) = (node.log.first_index()?, node.log.committed());
        let Some(progress) = node.tracker.progress.get_mut(peer) else { return Ok(false) };
        let observer = &mut node.observer;
        observer.on_event(&Event::SnapshotSent {
            id,
            first_index,
            commit,
            snapshot: at,
            to: peer,
            progress,
        });
        progress.become_snapshot(at.index);
        observer.on_event(&Event::ReplicationPaused { id, peer, progress });
        let snapshot = Some(alloc::boxed::Box::new(snapshot));
        node.send(MessageType::MsgSnap, Message { snapshot, ..to(peer) });
        Ok(true)
    }

    /// Every peer learns that the leader lives, which part of its log is committed, and which round
    /// it is.
    pub(super) fn broadcast_heartbeat<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) {
        if node.check_queue().is_err() {
            // Lost, as if on the way.
            return;
        }
        let context = self.heartbeat_context(node.id());
        let committed = node.log.committed();
        let mut at = 0;
        while let Some(peer) = node.tracker.progress.id_at(at) {
            at += 1;
            if peer == node.id() {
                continue;
            }
            let Some(progress) = node.tracker.progress.get_mut(peer) else { continue };
            // A follower cannot commit what it is not known to hold.
            let mut commit = committed.min(progress.match_index);
            if fault!(node.config, HeartbeatCommitUncapped) {
                commit = committed;
            }
            progress.sent_commit(commit);
            let context = context.clone();
            node.send(MessageType::MsgHeartbeat, Message { commit, context, ..to(peer) });
        }
    }
}
