//! Floor 5. What a message must be before it may change anything.
//!
//! Every rule is looked at before the node does anything, so that a refused message leaves no
//! trace: no term taken over, no timer reset. A rule only refuses what no correct peer sends;
//! what is merely late, lost or doubled passes, and the machine ignores it.

use raft_proto::{
    ConfChangeRequest, ConfChangeType, Entry, EntryType, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD,
    Message, MessageType, is_local_target,
};

use super::{Raft, Role};
use crate::confchange;
use crate::error::{ConfChangeError, MAX_TERM, Refusal, StepError};
use crate::event::Observer;
use crate::read_index::echoed_round;
use crate::storage::Storage;
use crate::types::{EntryId, LogSlice, MAX_INDEX, MalformedSlice, NONE};

impl<S: Storage, O: Observer> Raft<S, O> {
    /// The kind of `m`, if it may be handled.
    pub(super) fn admit(&self, m: &Message) -> Result<MessageType, StepError> {
        let kind = m.kind().map_err(|error| StepError::UnknownKind { from: m.from, error })?;
        self.check(kind, m).map_err(|reason| StepError::Refused { kind, from: m.from, reason })?;
        if kind == MessageType::MsgReadIndexResp {
            self.node.check_reads(0)?;
        }
        Ok(kind)
    }

    fn check(&self, kind: MessageType, m: &Message) -> Result<(), Refusal> {
        let id = self.node.config.id;
        if m.to != NONE && m.to != id {
            return Err(Refusal::NotForUs { to: m.to });
        }
        self.check_sender(kind, m)?;
        check_term(kind, m, self.node.is_strict())?;
        let is_storage = kind == MessageType::MsgStorageAppendResp;
        if m.term != 0 && m.term < self.node.term && !is_storage {
            // It will be ignored, or answered without a look at what it says.
            return Ok(());
        }
        self.check_content(kind, m)
    }

    fn check_sender(&self, kind: MessageType, m: &Message) -> Result<(), Refusal> {
        let from_itself = m.from == self.node.config.id;
        match kind {
            MessageType::MsgStorageAppendResp if m.from == LOCAL_APPEND_THREAD => Ok(()),
            MessageType::MsgStorageApplyResp if m.from == LOCAL_APPLY_THREAD => Ok(()),
            _ if is_local_target(m.from) => Err(Refusal::FromStorageThread),
            // Local, or a proposal or read of the application.
            MessageType::MsgHup
            | MessageType::MsgProp
            | MessageType::MsgReadIndex
            | MessageType::MsgForgetLeader => Ok(()),
            // About a peer rather than from it.
            MessageType::MsgUnreachable
            | MessageType::MsgSnapStatus
            | MessageType::MsgTransferLeader => Ok(()),
            // A node's answers to itself.
            MessageType::MsgAppResp if from_itself && !m.reject => Ok(()),
            MessageType::MsgVoteResp
            | MessageType::MsgPreVoteResp
            | MessageType::MsgReadIndexResp
                if from_itself =>
            {
                Ok(())
            }
            _ if from_itself => Err(Refusal::FromSelf),
            _ if m.from == NONE => Err(Refusal::NoSender),
            _ => Ok(()),
        }
    }

    fn check_content(&self, kind: MessageType, m: &Message) -> Result<(), Refusal> {
        let last_index = self.node.log.last_index();
        match kind {
            MessageType::MsgProp if m.entries.is_empty() => Err(Refusal::EmptyProposal),
            MessageType::MsgProp => {
                m.entries.segments().iter().try_for_each(|segment| check_proposal(segment))
            }
            MessageType::MsgApp => check_append(m),
            MessageType::MsgHeartbeat if m.commit > last_index => {
                Err(Refusal::LogLost { commit: m.commit, last_index })
            }
            MessageType::MsgSnap => self.check_snapshot(m),
            MessageType::MsgVote | MessageType::MsgPreVote => check_index(m.index),
            MessageType::MsgAppResp => self.check_append_response(m),
            MessageType::MsgHeartbeatResp => self.check_heartbeat_response(m),
            MessageType::MsgReadIndex if m.entries.len() != 1 => {
                Err(Refusal::ReadEntries { count: m.entries.len() })
            }
            MessageType::MsgReadIndexResp if m.entries.len() != 1 => {
                Err(Refusal::ReadEntries { count: m.entries.len() })
            }
            MessageType::MsgReadIndexResp | MessageType::MsgTimeoutNow => self.check_from_leader(m),
            MessageType::MsgStorageAppendResp | MessageType::MsgStorageApplyResp => {
                self.check_storage_response(m)
            }
            _ => Ok(()),
        }
    }

    fn check_snapshot(&self, m: &Message) -> Result<(), Refusal> {
        let Some(snapshot) = m.snapshot.as_deref() else { return Ok(()) };
        check_index(snapshot.index())?;
        check_snapshot_term(snapshot.term())?;
        // Under etcd's rules a node that has never heard of a term sends its snapshot without one.
        if m.term != 0 && snapshot.term() > m.term {
            let (index, term) = (snapshot.index(), snapshot.term());
            return Err(Refusal::EntryTermBeyondLeader { index, term, leader: m.term });
        }
        if snapshot.index() > self.node.log.committed() {
            let limits = self.node.tracker.inflight_limits;
            confchange::restore(snapshot.conf_state(), limits, snapshot.index())?;
        }
        Ok(())
    }

    /// Whether it will be handled in the term as it is. Under etcd's rules a message without a term
    /// is.
    fn is_of_own_term(&self, m: &Message) -> bool {
        m.term == 0 || m.term == self.node.term
    }

    fn check_append_response(&self, m: &Message) -> Result<(), Refusal> {
        let last_index = self.node.log.last_index();
        let leads_term = self.role.leader().is_some() && self.is_of_own_term(m);
        let written = self.node.log.unstable().in_progress_to();
        if leads_term && m.from == self.node.config.id && m.index >= written {
            return Err(Refusal::StorageAck { index: m.index });
        }
        // A rejection names the position that was rejected, which this leader has sent.
        if leads_term && m.index > last_index {
            return Err(Refusal::AckBeyondLog { index: m.index, last_index });
        }
        Ok(())
    }

    /// A round above the last one that was sent would confirm reads that are yet to come.
    fn check_heartbeat_response(&self, m: &Message) -> Result<(), Refusal> {
        let Role::Leader(leader) = &self.role else { return Ok(()) };
        if !self.is_of_own_term(m) || m.context.is_empty() {
            return Ok(());
        }
        match echoed_round(&m.context) {
            Some(round) if round <= leader.last_round() => Ok(()),
            _ => Err(Refusal::ReadCounter),
        }
    }

    /// DIVERGES: etcd believes anybody. While no leader is known, anybody may be it.
    fn check_from_leader(&self, m: &Message) -> Result<(), Refusal> {
        let leader = self.leader_id();
        if self.node.is_strict() && self.is_of_own_term(m) && leader != NONE && leader != m.from {
            return Err(Refusal::NotFromLeader { leader });
        }
        Ok(())
    }

    /// The application's storage threads acknowledge what they were given.
    fn check_storage_response(&self, m: &Message) -> Result<(), Refusal> {
        let log = &self.node.log;
        // Under etcd's rules a message without a term can take a node back to term 0.
        if self.node.is_strict() && m.term > self.node.term {
            return Err(Refusal::StorageAck { index: m.index });
        }
        // What was replaced since it was handed out has another term, and is ignored.
        let unstable = log.unstable();
        if m.index >= unstable.in_progress_to() && unstable.term(m.index) == Some(m.log_term) {
            return Err(Refusal::StorageAck { index: m.index });
        }
        let applied = m.entries.last().map_or(0, |entry| entry.index);
        if applied > log.applying() {
            return Err(Refusal::StorageAck { index: applied });
        }
        // Of two snapshots the later one stands for both.
        let snapshot = m.snapshot.as_ref().map_or(0, |snapshot| snapshot.index());
        let pending = unstable.snapshot().map_or(log.applied(), |pending| pending.index());
        if snapshot > pending {
            return Err(Refusal::StorageAck { index: snapshot });
        }
        Ok(())
    }
}

fn check_term(kind: MessageType, m: &Message, strict: bool) -> Result<(), Refusal> {
    if m.term > MAX_TERM {
        return Err(Refusal::TermTooHigh { term: m.term });
    }
    match kind {
        // Forwarded from node to node, each of which may be of another term.
        MessageType::MsgProp | MessageType::MsgReadIndex if m.term != 0 => {
            Err(Refusal::TermPresent { term: m.term })
        }
        MessageType::MsgVote
        | MessageType::MsgVoteResp
        | MessageType::MsgPreVote
        | MessageType::MsgPreVoteResp
            if m.term == 0 =>
        {
            Err(Refusal::TermMissing)
        }
        // DIVERGES: etcd handles these without any look at the term.
        MessageType::MsgApp
        | MessageType::MsgAppResp
        | MessageType::MsgSnap
        | MessageType::MsgHeartbeat
        | MessageType::MsgHeartbeatResp
        | MessageType::MsgTimeoutNow
        | MessageType::MsgReadIndexResp
            if m.term == 0 && strict =>
        {
            Err(Refusal::TermMissing)
        }
        _ => Ok(()),
    }
}

fn check_index(index: u64) -> Result<(), Refusal> {
    if index > MAX_INDEX { Err(Refusal::IndexTooHigh { index }) } else { Ok(()) }
}

fn check_snapshot_term(term: u64) -> Result<(), Refusal> {
    if term > MAX_TERM { Err(Refusal::TermTooHigh { term }) } else { Ok(()) }
}

fn check_append(m: &Message) -> Result<(), Refusal> {
    let prev = EntryId::new(m.log_term, m.index);
    LogSlice::validate(m.term, prev, &m.entries).map_err(|malformed| match malformed {
        MalformedSlice::Gap { expected, found } => Refusal::EntryGap { expected, found },
        MalformedSlice::TermRegression { index, term, previous } => {
            Refusal::EntryTermRegression { index, term, previous }
        }
        MalformedSlice::TermBeyondLeader { index, term, leader } => {
            Refusal::EntryTermBeyondLeader { index, term, leader }
        }
        MalformedSlice::IndexOverflow { prev, .. } => Refusal::IndexTooHigh { index: prev },
    })
}

/// What is appended once is applied on every node, so that what cannot be applied must not pass.
#[inline]
pub(crate) fn check_proposal(entries: &[Entry]) -> Result<(), Refusal> {
    if entries.is_empty() {
        return Err(Refusal::EmptyProposal);
    }
    for entry in entries {
        if entry.kind().map_err(Refusal::UnknownEntryType)? != EntryType::Normal {
            check_conf_change(entry)?;
        }
    }
    Ok(())
}

#[cold]
fn check_conf_change(entry: &Entry) -> Result<(), Refusal> {
    let Some(request) = ConfChangeRequest::from_entry(entry)? else { return Ok(()) };
    let change = request.as_v2();
    change
        .enter_joint()
        .map_err(|error| ConfChangeError::UnknownTransition { value: error.value })?;
    for single in &change.changes {
        let value = single.change_type.unwrap_or(0);
        if ConfChangeType::try_from(value).is_err() {
            return Err(ConfChangeError::UnknownType { value }.into());
        }
    }
    Ok(())
}
