//! Floor 5. A node that follows a leader, or waits for one.

use raft_proto::{Entry, Message, MessageType, Snapshot};

use super::node_state::{NodeState, to};
use super::outcome::{ForgetLeader, TransferLeader};
use super::transition::{CampaignKind, Transition};
use crate::confchange;
use crate::config::ReadOnlyOption;
use crate::error::{DropReason, ForgetRefused, StepError, StorageError};
use crate::event::{Event, Observer, ProtocolStep};
use crate::fault::fault;
use crate::read_index::ReadState;
use crate::storage::Storage;
use crate::tracker::Tracker;
use crate::types::{EntryId, LogSlice, NONE};

/// The data of a follower.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Follower {
    /// The leader of the term; 0 when it is not known.
    pub(super) leader: u64,
}

impl Follower {
    pub(super) fn step<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        kind: MessageType,
        m: &mut Message,
    ) -> Result<Transition, StepError> {
        match kind {
            MessageType::MsgApp => {
                self.hear_from(node, m.from);
                node.on_append(m)?;
            }
            MessageType::MsgHeartbeat => {
                self.hear_from(node, m.from);
                node.on_heartbeat(m);
            }
            MessageType::MsgSnap => {
                self.hear_from(node, m.from);
                node.on_snapshot(m)?;
            }
            MessageType::MsgTimeoutNow => {
                let (id, term) = (node.id(), node.term);
                node.emit(&Event::TimeoutNowReceived { id, term, from: m.from });
                // Without pre-vote: the leader itself wants the election.
                return Ok(Transition::TryCampaign(CampaignKind::Transfer));
            }
            MessageType::MsgReadIndexResp => {
                if let Some(entry) = m.entries.first() {
                    let request_ctx = entry.data.clone();
                    node.read_states.push(ReadState { index: m.index, request_ctx });
                }
            }
            _ => {}
        }
        Ok(Transition::Stay)
    }

    fn hear_from<S: Storage, O: Observer>(&mut self, node: &mut NodeState<S, O>, leader: u64) {
        node.election_elapsed = 0;
        node.promise_not_to_vote();
        self.leader = leader;
    }

    /// Sends the proposals of node `from` on to the leader, whose id is the answer.
    pub(super) fn forward_proposal<S: Storage, O: Observer>(
        &self,
        node: &mut NodeState<S, O>,
        from: u64,
        entries: &mut [Entry],
    ) -> Result<u64, DropReason> {
        let (id, term, leader) = (node.id(), node.term, self.leader);
        if leader == NONE {
            node.emit(&Event::NoLeaderForProposal { id, term });
            return Err(DropReason::NoLeader { term });
        }
        if node.config.disable_proposal_forwarding {
            node.emit(&Event::ProposalNotForwarded { id, leader, term });
            return Err(DropReason::ForwardingDisabled { leader });
        }
        let entries = entries.iter_mut().map(core::mem::take).collect();
        node.send(MessageType::MsgProp, Message { from, entries, ..to(leader) });
        Ok(leader)
    }

    /// Sends the read on to the leader, whose id is the answer.
    pub(super) fn forward_read<S: Storage, O: Observer>(
        &self,
        node: &mut NodeState<S, O>,
        m: Message,
    ) -> Result<u64, DropReason> {
        let (id, term, leader) = (node.id(), node.term, self.leader);
        if leader == NONE {
            node.emit(&Event::NoLeaderForRead { id, term });
            return Err(DropReason::NoLeader { term });
        }
        node.send(MessageType::MsgReadIndex, Message { to: leader, ..m });
        Ok(leader)
    }

    /// Sends the request on to the leader.
    pub(super) fn forward_transfer<S: Storage, O: Observer>(
        &self,
        node: &mut NodeState<S, O>,
        transferee: u64,
    ) -> TransferLeader {
        let (id, term, leader) = (node.id(), node.term, self.leader);
        if leader == NONE {
            node.emit(&Event::NoLeaderForTransfer { id, term });
            return TransferLeader::Dropped(DropReason::NoLeader { term });
        }
        // Its sender is the transferee, whoever asks.
        node.send(MessageType::MsgTransferLeader, Message { from: transferee, ..to(leader) });
        TransferLeader::Forwarded { leader }
    }

    /// From here on the node votes, though it may still hear the leader (as soon as it does, it
    /// follows again).
    pub(super) fn forget_leader<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> ForgetLeader {
        if node.config.read_only == ReadOnlyOption::LeaseBased {
            // The lease of the leader rests on this node's refusal to vote.
            node.emit(&Event::ForgetLeaderIgnored);
            return ForgetLeader::Refused(ForgetRefused::LeaseBasedReads);
        }
        node.promised_ticks = 0;
        if self.leader == NONE {
            return ForgetLeader::NothingToForget;
        }
        let (id, term) = (node.id(), node.term);
        let leader = core::mem::replace(&mut self.leader, NONE);
        node.emit(&Event::LeaderForgotten { id, leader, term });
        ForgetLeader::Forgotten { leader }
    }
}

impl<S: Storage, O: Observer> NodeState<S, O> {
    /// Takes over the leader's entries, or says where the logs part (Raft §5.3).
    fn on_append(&mut self, m: &mut Message) -> Result<(), StorageError> {
        let mut prev = EntryId::new(m.log_term, m.index);
        if fault!(self.config, SkipsLogCheck) {
            prev.term = self.term_or_zero(prev.index)?;
        }
        let committed = self.log.committed();
        if prev.index < committed {
            self.send(MessageType::MsgAppResp, Message { index: committed, ..to(m.from) });
            return Ok(());
        }
        let slice = LogSlice { term: m.term, prev, entries: core::mem::take(&mut m.entries) };
        let brings_no_entries_after_own = slice.entries.is_empty() && prev.term == m.term;
        #[cfg(raft_fault)]
        super::faulty::overwrite(self, &slice)?;
        if let Some(index) = self.log.maybe_append(slice, m.commit, &mut self.observer)? {
            // DIVERGES: etcd answers. But the entry before came from this leader, and was acknowledged
            // then. Should that word be lost, the leader asks again after the next heartbeat, and then
            // has nothing new to tell.
            let tells_commit_only =
                brings_no_entries_after_own && self.log.committed() > committed && self.is_strict();
            if !tells_commit_only {
                self.send(MessageType::MsgAppResp, Message { index, ..to(m.from) });
            }
            return Ok(());
        }
        if fault!(self.config, RejectedAppendCommits) {
            self.log.commit_to(m.commit);
        }
        let (id, ours) = (self.id(), self.term_or_zero(prev.index)?);
        self.emit(&Event::AppendMismatch { id, ours, index: prev.index, prev, from: m.from });
        // All entries here that follow a term later than the leader's cannot match either: one
        // answer skips them all.
        let hint = prev.index.min(self.log.last_index());
        let hint = self.log.find_conflict_by_term(hint, prev.term)?;
        self.send(
            MessageType::MsgAppResp,
            Message {
                index: prev.index,
                reject: true,
                reject_hint: hint.index,
                log_term: hint.term,
                ..to(m.from)
            },
        );
        Ok(())
    }

    fn on_heartbeat(&mut self, m: &mut Message) {
        self.log.commit_to(m.commit);
        let context = core::mem::take(&mut m.context);
        self.send(MessageType::MsgHeartbeatResp, Message { context, ..to(m.from) });
    }

    fn on_snapshot(&mut self, m: &mut Message) -> Result<(), StorageError> {
        let snapshot = m.snapshot.take().map(|snapshot| *snapshot).unwrap_or_default();
        let at = EntryId::new(snapshot.term(), snapshot.index());
        let restored = self.restore(snapshot)?;
        let (id, commit) = (self.id(), self.log.committed());
        self.emit(&Event::SnapshotHandled { id, commit, snapshot: at, restored });
        let index = if restored { self.log.last_index() } else { commit };
        self.send(MessageType::MsgAppResp, Message { index, ..to(m.from) });
        Ok(())
    }

    /// Replaces log and configuration by the snapshot's. Answers false when that is not needed.
    fn restore(&mut self, snapshot: Snapshot) -> Result<bool, StorageError> {
        let at = EntryId::new(snapshot.term(), snapshot.index());
        if at.index <= self.log.committed() {
            return Ok(false);
        }
        let id = self.id();
        let conf_state = snapshot.conf_state().clone();
        let members = [&conf_state.voters, &conf_state.learners, &conf_state.voters_outgoing];
        if !members.iter().any(|ids| ids.contains(&id)) {
            self.emit(&Event::SnapshotNotForUs { id, conf_state: &conf_state });
            return Ok(false);
        }
        let (commit, last) = (self.log.committed(), self.log.last_id());
        if self.log.matches(at)? && !fault!(self.config, SnapshotDropsLog) {
            // The log holds all that the snapshot stands for.
            self.emit(&Event::SnapshotFastForward { id, commit, last, snapshot: at });
            self.log.commit_to(at.index);
            return Ok(false);
        }
        let limits = self.tracker.inflight_limits;
        let Ok(tracker) = confchange::restore(&conf_state, limits, at.index) else {
            // The gate of `step` has restored it once already.
            debug_assert!(false, "the configuration of a snapshot was checked");
            return Ok(false);
        };
        self.log.restore(snapshot, &mut self.observer);
        if !fault!(self.config, SnapshotKeepsConfig) {
            self.trace(ProtocolStep::ApplyingConfChange(&tracker.incoming().0));
            self.switch_config(tracker.without_progress());
        }
        let (commit, last) = (self.log.committed(), self.log.last_id());
        self.emit(&Event::SnapshotRestored { id, commit, last, snapshot: at });
        Ok(true)
    }

    /// Takes over a configuration and, on a leader, the progress of its members.
    pub(super) fn switch_config(&mut self, tracker: Tracker) {
        self.tracker = tracker;
        let id = self.config.id;
        self.observer.on_event(&Event::ConfigSwitched { id, config: &self.tracker.config });
    }
}
