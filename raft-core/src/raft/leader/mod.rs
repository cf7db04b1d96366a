//! Floor 5. A node that leads.

mod lease;
mod membership;
mod reads;
mod replication;
mod transfer;

pub(super) use self::reads::{ReadAccepted, read_context};

use raft_proto::{ConfChangeRequest, Entry, EntryType, Message, MessageType};
use raft_proto::{payload_size, payloads_size};

use self::lease::Lease;
use super::node_state::{NodeState, to};
use super::transition::Transition;
use crate::error::{DropReason, StorageError};
use crate::event::{ConfChangeRefused, Event, Observer, ProtocolStep};
use crate::fault::fault;
use crate::read_index::ReadIndexQueue;
use crate::storage::Storage;
use crate::tracker::{PeersDue, ProgressState};
use crate::types::{EntryId, MAX_INDEX, NONE};

/// The data of a leader.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Leader {
    /// Ticks since the last heartbeat.
    pub(super) heartbeat_elapsed: u32,
    /// The index of the leader's first entry. All entries from here on are of its term.
    pub(super) term_start: u64,
    /// The commit index from which on reads can be answered.
    pub(super) readable_from: u64,
    /// Who is to lead next; 0 when no transfer is under way.
    pub(super) transferee: u64,
    /// Entries up to here may hold a configuration change that is not applied. At most one may be
    /// pending (Raft thesis §4.1).
    pub(super) pending_conf_index: u64,
    /// Payload bytes of entries that are not applied yet.
    pub(super) uncommitted_size: u64,
    /// Reads that wait for a round of heartbeats, and the rounds.
    pub(super) reads: ReadIndexQueue,
    /// For reads by lease; `None` when there are none, and once this leader has told anybody to take
    /// over.
    pub(super) lease: Option<Lease>,
    /// Which peers may be due for an append at the next `Ready`.
    pub(super) peers_due: PeersDue,
}

/// Where a leader has put a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) first_index: u64,
    pub(crate) last_index: u64,
    /// The last configuration change among the entries that was refused, and replaced by an empty
    /// entry.
    pub(crate) refused: Option<ConfChangeRefused>,
}

impl Leader {
    /// The entry that a new leader appends: with it commits all that came before (Raft §5.4.2).
    pub(super) fn start<S: Storage, O: Observer>(
        node: &mut NodeState<S, O>,
    ) -> Result<Self, StorageError> {
        let (id, last) = (node.id(), node.log.last_index());
        node.tracker.progress = node.tracker.first_progress(id, last);
        if let Some(own) = node.tracker.progress.get_mut(id) {
            own.become_replicate();
            own.recent_active = true;
        }
        let mut leader = Self {
            // Nothing is known of the entries that are not applied: one may be a change.
            pending_conf_index: last,
            term_start: last + 1,
            readable_from: Self::readable_from(node, last + 1)?,
            lease: node.leases_reads().then(|| Lease::new(node.config.election_tick)),
            ..Self::default()
        };
        leader.append(node, &mut [Entry::default()]);
        Ok(leader)
    }

    /// The commit index at which the leader knows how far its log is committed: at an entry of its
    /// own term (Raft §8).
    fn readable_from<S: Storage, O: Observer>(
        node: &NodeState<S, O>,
        term_start: u64,
    ) -> Result<u64, StorageError> {
        let committed = node.log.committed();
        // PARITY: etcd looks at the term alone, which a node that starts at term 0 from a snapshot
        // of term 1 finds to be its own when it wins its first election.
        if !node.is_strict() && node.log.term(committed)? == Some(node.term) {
            return Ok(committed);
        }
        Ok(term_start)
    }

    /// Tells every peer who leads.
    pub(super) fn announce<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<(), StorageError> {
        self.broadcast_append(node)
    }

    /// Stamps `entries` and moves them into the log.
    #[inline]
    fn append<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        entries: &mut [Entry],
    ) {
        trace_append(node, entries);
        for entry in entries {
            let mut entry = core::mem::take(entry);
            entry.term = node.term;
            entry.index = node.log.last_index() + 1;
            self.uncommitted_size = self.uncommitted_size.saturating_add(payload_size(&entry));
            node.log.push(entry);
        }
        self.acknowledge_own(node);
    }

    /// The leader counts its own copy when it is on disk, like that of any other (thesis §10.2.1).
    fn acknowledge_own<S: Storage, O: Observer>(&self, node: &mut NodeState<S, O>) {
        let (id, index) = (node.id(), node.log.last_index());
        if fault!(node.config, OwnAppendBeforeSync)
            && let Some(own) = node.tracker.progress.get_mut(id)
        {
            own.maybe_update(index);
            self.maybe_commit(node);
        }
        if node.is_strict() {
            // The proposals that one `Ready` persists need one acknowledgement.
            let last = node.outbox.after_append.last_mut();
            if let Some(own) =
                last.filter(|m| m.to == id && m.kind() == Ok(MessageType::MsgAppResp))
                && own.term == node.term
            {
                own.index = index;
                if node.observer.wants_steps() {
                    // To a specification it is another message, and the first one is lost.
                    let own = own.clone();
                    node.trace(ProtocolStep::Sending(&own));
                }
                return;
            }
        }
        node.send(MessageType::MsgAppResp, Message { index, ..to(id) });
    }

    /// Takes proposals, out of `entries`. With an error nothing has changed.
    pub(super) fn propose<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        entries: &mut [Entry],
    ) -> Result<Result<Appended, DropReason>, StorageError> {
        if let Err(reason) = self.may_propose(node, entries.len() as u64) {
            return Ok(Err(reason));
        }
        let pending_before = self.pending_conf_index;
        let refused = self.gate_conf_changes(node, entries);
        if let Err(reason) = self.check_quota(node, entries) {
            if node.is_strict() {
                // DIVERGES: etcd goes on to believe that the dropped change is pending.
                self.pending_conf_index = pending_before;
            }
            return Ok(Err(reason));
        }
        let first_index = node.log.last_index() + 1;
        #[cfg(raft_fault)]
        crate::raft::faulty::apply_at_append(node, entries);
        self.append(node, entries);
        self.broadcast_append(node)?;
        Ok(Ok(Appended { first_index, last_index: node.log.last_index(), refused }))
    }

    fn may_propose<S: Storage, O: Observer>(
        &self,
        node: &mut NodeState<S, O>,
        count: u64,
    ) -> Result<(), DropReason> {
        let id = node.id();
        if node.tracker.progress.get(id).is_none() {
            return Err(DropReason::NotInConfiguration);
        }
        if self.transferee != NONE {
            let (term, transferee) = (node.term, self.transferee);
            node.emit(&Event::TransferBlocksProposal { id, term, transferee });
            return Err(DropReason::TransferInProgress { transferee });
        }
        if count > MAX_INDEX.saturating_sub(node.log.last_index()) {
            return Err(DropReason::LogFull);
        }
        Ok(())
    }

    /// Replaces the configuration changes that may not be made now by empty entries.
    #[inline]
    fn gate_conf_changes<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        entries: &mut [Entry],
    ) -> Option<ConfChangeRefused> {
        let mut refused = None;
        let first_index = node.log.last_index() + 1;
        for (entry, index) in entries.iter_mut().zip(first_index..) {
            if entry.kind() != Ok(EntryType::Normal) {
                refused = self.gate_conf_change(node, entry, index).or(refused);
            }
        }
        refused
    }

    /// Replaces the change in `entry`, which is to be at `index`, if it may not be made now.
    #[cold]
    fn gate_conf_change<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        entry: &mut Entry,
        index: u64,
    ) -> Option<ConfChangeRefused> {
        let refused = self.check_conf_change(node, entry);
        match refused {
            Some(_) => {
                // Its type is written though it is the default, as in etcd: its size counts.
                let entry_type = Some(EntryType::Normal as i32);
                *entry = Entry { entry_type, ..Entry::default() };
            }
            None => self.pending_conf_index = index,
        }
        refused
    }

    /// Why the configuration change in `entry` may not be made now.
    ///
    /// By index alone: what the change would do is only known when it is applied.
    fn check_conf_change<S: Storage, O: Observer>(
        &self,
        node: &mut NodeState<S, O>,
        entry: &Entry,
    ) -> Option<ConfChangeRefused> {
        let change = match ConfChangeRequest::from_entry(entry) {
            Ok(Some(request)) => request.as_v2(),
            // The gate of `step` has decoded it once already.
            _ => return None,
        };
        let applied = node.log.applied();
        let joint = node.tracker.config.voters.is_joint();
        let leaves = change.changes.is_empty();
        let pending = self.pending_conf_index > applied;
        let reason = if pending && !fault!(node.config, SeveralPendingChanges) {
            ConfChangeRefused::Pending { index: self.pending_conf_index, applied }
        } else if joint && !leaves {
            ConfChangeRefused::MustLeaveJoint
        } else if !joint && leaves {
            ConfChangeRefused::NotJoint
        } else {
            return None;
        };
        if node.config.disable_conf_change_validation {
            return None;
        }
        let (id, config) = (node.config.id, &node.tracker.config);
        node.observer.on_event(&Event::ConfChangeIgnored { id, change: &change, config, reason });
        Some(reason)
    }

    fn check_quota<S: Storage, O: Observer>(
        &self,
        node: &mut NodeState<S, O>,
        entries: &[Entry],
    ) -> Result<(), DropReason> {
        let (uncommitted, proposed) = (self.uncommitted_size, payloads_size(entries));
        let limit = node.config.uncommitted_size_limit();
        // One proposal always passes, however large; and so does an empty one, which leaders make.
        if uncommitted > 0 && proposed > 0 && uncommitted.saturating_add(proposed) > limit {
            let id = node.id();
            node.emit(&Event::QuotaExceeded { id });
            return Err(DropReason::QuotaExceeded { uncommitted, proposed, limit });
        }
        Ok(())
    }

    /// Entries with `size` bytes of payload have been applied.
    pub(super) fn reduce_uncommitted(&mut self, size: u64) {
        // What was proposed to an earlier leader was never added.
        self.uncommitted_size = self.uncommitted_size.saturating_sub(size);
    }

    pub(super) fn step<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        kind: MessageType,
        m: &Message,
    ) -> Result<(), StorageError> {
        match kind {
            // The rest is about a peer.
            _ if node.tracker.progress.get(m.from).is_none() => {
                let id = node.id();
                node.emit(&Event::NoProgress { id, peer: m.from });
            }
            MessageType::MsgAppResp if m.reject && !fault!(node.config, RejectionAcknowledges) => {
                self.on_append_rejected(node, m)?;
            }
            MessageType::MsgAppResp => self.on_append_accepted(node, m)?,
            MessageType::MsgHeartbeatResp => self.on_heartbeat_response(node, m)?,
            MessageType::MsgSnapStatus => self.on_snapshot_status(node, m),
            MessageType::MsgUnreachable => self.on_unreachable(node, m.from),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn tick<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Transition {
        self.pass(1);
        node.election_elapsed += 1;
        if node.election_elapsed >= node.config.election_tick {
            node.election_elapsed = 0;
            if node.config.check_quorum
                && let lost @ Transition::Follow { .. } = self.check_quorum(node)
            {
                return lost;
            }
            // The transferee has had its time.
            if !fault!(node.config, TransferNeverAborted) {
                self.abort_transfer();
            }
        }
        if self.heartbeat_elapsed >= node.config.heartbeat_tick {
            self.heartbeat_elapsed = 0;
            self.broadcast_heartbeat(node);
        }
        Transition::Stay
    }

    /// Counts ticks, without what they may call for.
    pub(super) fn pass(&mut self, ticks: u32) {
        self.heartbeat_elapsed += ticks;
        if let Some(lease) = &mut self.lease {
            lease.pass(ticks);
        }
    }

    /// Ticks until a heartbeat is due, or something that happens once in an election timeout.
    pub(super) fn ticks_until_timeout<S: Storage, O: Observer>(
        &self,
        node: &NodeState<S, O>,
    ) -> u32 {
        let heartbeat = node.config.heartbeat_tick.saturating_sub(self.heartbeat_elapsed);
        if node.config.check_quorum || self.transferee != NONE {
            heartbeat.min(node.config.election_tick.saturating_sub(node.election_elapsed))
        } else {
            heartbeat
        }
    }

    /// Steps down unless a quorum was heard since the last check (thesis §6.2).
    fn check_quorum<S: Storage, O: Observer>(&self, node: &mut NodeState<S, O>) -> Transition {
        let id = node.id();
        if !node.tracker.quorum_active() && !fault!(node.config, QuorumNeverChecked) {
            node.emit(&Event::QuorumNotActive { id });
            return Transition::Follow { term: node.term, leader: NONE };
        }
        for (peer, progress) in node.tracker.progress.iter_mut() {
            if peer != id {
                progress.recent_active = false;
            }
        }
        Transition::Stay
    }

    /// Whether an entry of this term is committed: only then is the commit index known to be up to
    /// date (Raft §8).
    fn committed_in_term<S: Storage, O: Observer>(&self, node: &NodeState<S, O>) -> bool {
        node.log.committed() >= self.readable_from || fault!(node.config, ReadsBeforeTermCommit)
    }

    /// Raises the commit index to what a quorum holds. Only an entry of the leader's own term
    /// counts (Raft §5.4.2, figure 8).
    fn maybe_commit<S: Storage, O: Observer>(&self, node: &mut NodeState<S, O>) -> bool {
        let index = node.tracker.committed();
        #[cfg(raft_fault)]
        let index = crate::raft::faulty::commit_index(node, index);
        let first = if fault!(node.config, CommitsOldTerm) { 0 } else { self.term_start };
        let committable = first..node.log.last_index() + 1;
        let moves = index > node.log.committed() && committable.contains(&index);
        if moves {
            node.log.commit_to(index);
        }
        node.trace(ProtocolStep::CommitChecked);
        moves
    }

    fn on_append_accepted<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: &Message,
    ) -> Result<(), StorageError> {
        let (id, from, strict) = (node.id(), m.from, node.is_strict());
        let Some(progress) = node.tracker.progress.get_mut(from) else { return Ok(()) };
        progress.recent_active = true;
        // DIVERGES: etcd also takes an old answer for that to a probe which carries entries, or is
        // still to be sent. Each old rejection in between then sends the whole window again.
        let probe_answered = progress.state == ProgressState::Probe
            && progress.match_index == m.index
            && !(strict && progress.probe_will_tell_more());
        if !progress.maybe_update(m.index) && !probe_answered {
            return Ok(());
        }
        match progress.state {
            ProgressState::Probe => progress.become_replicate(),
            ProgressState::Replicate if fault!(node.config, InflightsNeverFreed) => {}
            ProgressState::Replicate => progress.inflights.free_to(m.index),
            ProgressState::Snapshot => {
                // Any position from which the log can go on will do, whichever snapshot it is.
                if progress.match_index + 1 >= node.log.first_index()? {
                    let event = Event::RecoveredFromSnapshot { id, peer: from, progress };
                    node.observer.on_event(&event);
                    progress.become_probe();
                    progress.become_replicate();
                }
            }
        }
        let bump = from != id && progress.can_bump_commit(node.log.committed());
        if self.maybe_commit(node) {
            self.release_deferred_reads(node);
            self.broadcast_append(node)?;
        } else if bump {
            self.send_append(node, from)?;
        }
        if from != id {
            self.send_entries(node, from)?;
            self.maybe_hand_over(node, from);
        }
        Ok(())
    }

    fn on_append_rejected<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: &Message,
    ) -> Result<(), StorageError> {
        let (id, from) = (node.id(), m.from);
        if let Some(progress) = node.tracker.progress.get_mut(from) {
            progress.recent_active = true;
        }
        let hint = EntryId::new(m.log_term, m.reject_hint);
        node.emit(&Event::AppendRejected { id, hint, from, index: m.index });
        // DIVERGES: a peer that rejects what it has acknowledged repeats an old answer, or has lost
        // its log. To the latter etcd sends the same probe again and again, as fast as it answers.
        let matched = node.tracker.progress.get(from).map_or(0, |progress| progress.match_index);
        if (node.is_strict() && m.index <= matched) || fault!(node.config, RejectionIgnored) {
            return Ok(());
        }
        // The entries here of a term later than the follower's at its hint cannot match either.
        let next_probe = match hint.term {
            0 => hint.index,
            term => node.log.find_conflict_by_term(hint.index, term)?.index,
        };
        let Some(progress) = node.tracker.progress.get_mut(from) else { return Ok(()) };
        if progress.maybe_decrease_to(m.index, next_probe) {
            node.observer.on_event(&Event::ProgressDecreased { id, peer: from, progress });
            if progress.state == ProgressState::Replicate {
                progress.become_probe();
            }
            self.send_append(node, from)?;
        }
        Ok(())
    }

    fn on_heartbeat_response<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: &Message,
    ) -> Result<(), StorageError> {
        let last_index = node.log.last_index();
        let Some(progress) = node.tracker.progress.get_mut(m.from) else { return Ok(()) };
        progress.recent_active = true;
        progress.append_paused = false;
        // An empty append to a peer whose window is full recovers from the loss of all that was in
        // it; to one that is probed, it brings it back to replication.
        if progress.match_index < last_index || progress.state == ProgressState::Probe {
            self.send_append(node, m.from)?;
        }
        self.on_read_confirmed(node, m);
        Ok(())
    }

    fn on_snapshot_status<S: Storage, O: Observer>(&self, node: &mut NodeState<S, O>, m: &Message) {
        let (id, peer) = (node.id(), m.from);
        let Some(progress) = node.tracker.progress.get_mut(peer) else { return };
        let ignored = m.reject && fault!(node.config, SnapshotFailureIgnored);
        if progress.state != ProgressState::Snapshot || ignored {
            return;
        }
        if m.reject {
            // Else the probe would start after a snapshot that never arrived.
            progress.pending_snapshot = 0;
        }
        progress.become_probe();
        node.observer.on_event(&match m.reject {
            false => Event::SnapshotSucceeded { id, peer, progress },
            true => Event::SnapshotFailed { id, peer, progress },
        });
        // Wait for the peer's answer to the snapshot, or for a heartbeat, before the next append.
        progress.append_paused = true;
    }

    fn on_unreachable<S: Storage, O: Observer>(&self, node: &mut NodeState<S, O>, peer: u64) {
        let id = node.id();
        let Some(progress) = node.tracker.progress.get_mut(peer) else { return };
        // What was sent ahead is probably lost.
        if progress.state == ProgressState::Replicate {
            progress.become_probe();
        }
        node.observer.on_event(&Event::PeerUnreachable { id, peer, progress });
    }
}

/// Tells an observer what a leader is about to append.
fn trace_append<S: Storage, O: Observer>(node: &mut NodeState<S, O>, entries: &[Entry]) {
    if !node.observer.wants_steps() {
        return;
    }
    for entry in entries {
        match ConfChangeRequest::from_entry(entry) {
            Ok(Some(change)) => node.trace(ProtocolStep::AppendingConfChange(&change.as_v2())),
            _ => node.trace(ProtocolStep::Appending(entry)),
        }
    }
}
