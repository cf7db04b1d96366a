//! Floor 5. The machine: a node's state, its role, and the one door between roles.

mod candidate;
mod done;
mod election;
#[cfg(raft_fault)]
mod faulty;
mod follower;
mod gate;
mod leader;
mod node_state;
mod outcome;
mod role;
mod time;
mod transition;

use alloc::{borrow::Cow, boxed::Box, vec::Vec};

use raft_proto::{ConfChangeV2, ConfState, Entry, HardState, Message, MessageType};

pub(crate) use self::done::{AppliedEntries, Written};
use self::follower::Follower;
pub(crate) use self::gate::check_proposal;
use self::leader::{Appended, Leader, ReadAccepted, read_context};
pub(crate) use self::node_state::NodeState;
pub use self::outcome::{ForgetLeader, ReadIndex, TransferLeader};
pub(crate) use self::role::Role;
use self::transition::{CAMPAIGN_TRANSFER, CampaignKind, Transition};
use crate::confchange::{self, Changer};
use crate::config::Config;
use crate::error::{ApplyConfChangeError, ProposeError};
use crate::error::{
    CampaignRefused, DropReason, ForgetRefused, NewError, Poisoned, StepError, StorageError,
};
use crate::event::{Event, Observer, ProtocolStep};
use crate::fault::fault;
use crate::log::{LogError, RaftLog};
use crate::outbox::Outbox;
use crate::rare_vec::RareVec;
use crate::rng::Rng;
use crate::storage::{ReadPurpose, Storage};
use crate::tracker::{InflightLimits, Tracker};
use crate::types::{EntryId, NONE};

/// A node of a group.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct Raft<S, O> {
    pub(crate) role: Role,
    pub(crate) node: NodeState<S, O>,
}

/// What became of a proposal that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// This node leads and has appended it.
    Appended(Appended),
    /// It is on its way to the leader.
    Forwarded { leader: u64 },
}

impl<S: Storage, O: Observer> Raft<S, O> {
    pub(crate) fn new(config: Config, storage: S, observer: O) -> Result<Self, NewError> {
        config.validate()?;
        let initial = storage.initial_state()?;
        let limits = (config.committed_size_limit(), config.recent_entries_limit());
        let log = RaftLog::new(storage, limits.0, limits.1).map_err(|e| match e {
            LogError::Storage(error) => NewError::Storage(error),
            LogError::Range { first, last } => NewError::LogRange { id: config.id, first, last },
        })?;
        let limits =
            InflightLimits { msgs: config.max_inflight_msgs, bytes: config.max_inflight_bytes };
        let tracker = confchange::restore(&initial.conf_state, limits, log.last_index())?;
        let rng = Rng::new(config.seed, config.group, config.id);
        let applied = config.applied;
        let node = NodeState {
            config,
            observer,
            log,
            tracker: Tracker::default(),
            outbox: Outbox::default(),
            read_states: RareVec::default(),
            lost_reads: RareVec::default(),
            deferred_reads: RareVec::default(),
            term: 0,
            vote: NONE,
            election_elapsed: 0,
            promised_ticks: 0,
            randomized_election_timeout: 0,
            rng,
        };
        let mut raft = Self { node, role: Role::Follower(Follower::default()) };
        raft.node.switch_config(tracker.without_progress());
        raft.load(&initial.hard_state)?;
        raft.start_applied_at(applied)?;
        if raft.node.term > 0 && !fault!(raft.node.config, RestartForgetsPromise) {
            // DIVERGES: it does not know whom it heard before it started; in etcd it votes at once.
            raft.node.promise_not_to_vote();
        }
        raft.follow(raft.node.term, NONE);
        raft.node.report_start();
        Ok(raft)
    }

    fn load(&mut self, hard_state: &HardState) -> Result<(), NewError> {
        if hard_state.is_empty() {
            return Ok(());
        }
        let node = &mut self.node;
        let (low, high) = (node.log.committed(), node.log.last_index());
        // What lies before the log is committed, though a crash between the write of a snapshot and
        // that of the hard state has left an older word.
        if hard_state.commit > high {
            let (id, commit) = (node.config.id, hard_state.commit);
            return Err(NewError::CommitOutOfRange { id, commit, low, high });
        }
        node.log.start_at(hard_state.commit.max(low));
        node.term = hard_state.term;
        node.vote = hard_state.vote;
        Ok(())
    }

    fn start_applied_at(&mut self, applied: u64) -> Result<(), NewError> {
        if applied == 0 {
            return Ok(());
        }
        let (id, strict) = (self.node.config.id, self.node.is_strict());
        let log = &mut self.node.log;
        // DIVERGES: what was applied is committed, also when a crash has left an older word of that:
        // a commit index alone need not be synced. etcd panics.
        let high = if strict { log.last_index() } else { log.committed() };
        let low = log.applied();
        if applied < low || applied > high {
            return Err(NewError::AppliedOutOfRange { id, applied, low, high });
        }
        log.commit_to(applied);
        log.applied_to(applied, 0);
        Ok(())
    }

    /// Handles a message from a peer, a storage thread, or the node itself. With an error nothing
    /// has changed, unless the storage failed.
    pub(crate) fn step(&mut self, m: &mut Message) -> Result<(), StepError> {
        let kind = self.admit(m)?;
        self.node.trace(ProtocolStep::Receiving(m));
        if !self.pass_term_gate(kind, m)? {
            return Ok(());
        }
        match kind {
            MessageType::MsgHup => {
                self.try_campaign(self.campaign_kind())?.ok();
            }
            MessageType::MsgStorageAppendResp => self.on_append_thread(m)?,
            MessageType::MsgStorageApplyResp => self.on_apply_thread(m)?,
            MessageType::MsgVote | MessageType::MsgPreVote => {
                let leader = self.leader_id();
                self.node.on_vote_request(kind, m, leader)?;
            }
            MessageType::MsgVoteResp | MessageType::MsgPreVoteResp if m.reject => {
                let is_news = self.node.on_vote_rejected(m)?;
                match self.role {
                    // It may be a change of the configuration, by which the answers would have to be
                    // counted: that is applied before the next campaign.
                    Role::PreCandidate(_) | Role::Candidate(_) if is_news => {
                        self.become_follower(self.node.term, NONE);
                    }
                    _ => self.step_role(kind, m)?,
                }
            }
            MessageType::MsgProp => {
                let mut entries = core::mem::take(&mut m.entries).into_vec();
                self.propose(m.from, &mut entries)?.map_err(StepError::Dropped)?;
            }
            MessageType::MsgReadIndex => {
                if let ReadIndex::Dropped(reason @ DropReason::TooManyReads { .. }) =
                    self.read_index(core::mem::take(m))
                {
                    return Err(reason.into());
                }
            }
            MessageType::MsgTransferLeader => {
                self.transfer_leader(m.from)?;
            }
            MessageType::MsgForgetLeader => {
                self.forget_leader();
            }
            _ => self.step_role(kind, m)?,
        }
        Ok(())
    }

    /// Compares the message's term with the node's, which may make the node follow. Answers whether
    /// the message is to be handled at all (Raft §5.1).
    fn pass_term_gate(&mut self, kind: MessageType, m: &Message) -> Result<bool, StorageError> {
        if m.term == 0 {
            // Local, or forwarded.
            return Ok(true);
        }
        if m.term < self.node.term {
            if fault!(self.node.config, ObeysStaleLeader) && kind == MessageType::MsgApp {
                return Ok(matches!(self.role, Role::Follower(_)));
            }
            self.on_lower_term(kind, m)?;
            return Ok(false);
        }
        Ok(m.term == self.node.term || self.on_higher_term(kind, m))
    }

    fn on_higher_term(&mut self, kind: MessageType, m: &Message) -> bool {
        let id = self.node.id();
        let is_request = matches!(kind, MessageType::MsgVote | MessageType::MsgPreVote);
        if is_request && &*m.context != CAMPAIGN_TRANSFER {
            // While it hears a leader, a node helps nobody to depose it (thesis §4.2.3).
            let remaining_ticks = self.node.lease_remaining(self.leader_id());
            if remaining_ticks > 0 {
                let request = self.node.vote_request(kind, m);
                self.node.emit(&Event::VoteIgnored { id, request, remaining_ticks });
                return false;
            }
        }
        // A pre-candidate has not raised its term, and who would vote for it has not either. A
        // rejection tells of a term that exists.
        let hypothetical =
            kind == MessageType::MsgPreVote || (kind == MessageType::MsgPreVoteResp && !m.reject);
        if !hypothetical {
            let (term, from, message_term) = (self.node.term, m.from, m.term);
            self.node.emit(&Event::HigherTerm { id, term, kind, from, message_term });
            let from_leader = matches!(
                kind,
                MessageType::MsgApp | MessageType::MsgHeartbeat | MessageType::MsgSnap
            );
            let elapsed = self.node.election_elapsed;
            self.become_follower(m.term, if from_leader { m.from } else { NONE });
            // DIVERGES: in etcd it waits anew for each candidate, also for one that it cannot vote
            // for: those that lack entries can keep the only one that could win from campaigning.
            let lacks_entries = || !self.node.log.is_up_to_date(EntryId::new(m.log_term, m.index));
            if is_request && self.node.is_strict() && lacks_entries() {
                self.node.election_elapsed = elapsed;
            }
        }
        true
    }

    fn on_lower_term(&mut self, kind: MessageType, m: &Message) -> Result<(), StorageError> {
        let node = &mut self.node;
        let (id, term, from, message_term) = (node.id(), node.term, m.from, m.term);
        // DIVERGES: in etcd the node's own settings decide. But it is the settings of the others that
        // keep it out, and they may differ while they are being changed from node to node.
        let answers = node.is_strict() || node.config.check_quorum || node.config.pre_vote;
        match kind {
            // This node may have campaigned its way to a high term while it was cut off, and be
            // unable to win: leases and pre-votes protect the leader of the lower one. The answer
            // tells that leader of the term, and it steps down.
            MessageType::MsgHeartbeat | MessageType::MsgApp if answers => {
                node.send(MessageType::MsgAppResp, node_state::to(from));
            }
            MessageType::MsgPreVote => {
                // Else nodes of different terms, one with a longer log, could wait for each other.
                let request = node.vote_request(kind, m);
                node.emit(&Event::VoteRejected { id, request });
                node.reject_vote(MessageType::MsgPreVoteResp, from)?;
            }
            MessageType::MsgStorageAppendResp => {
                if m.index != 0 {
                    if fault!(node.config, StaleStorageAck) {
                        let id = EntryId::new(node.term_or_zero(m.index)?, m.index);
                        node.log.stable_to(id, &mut node.observer);
                    }
                    // The entries may have been replaced since, by others with the same index and
                    // term that are not on disk (A became B became A).
                    node.emit(&Event::LowerTermAppendIgnored { id, term, kind, message_term });
                }
                // A snapshot is never replaced by an older log.
                self.snapshot_stable(m.snapshot.as_deref())?;
            }
            _ => node.emit(&Event::LowerTermIgnored { id, term, kind, from, message_term }),
        }
        Ok(())
    }

    fn step_role(&mut self, kind: MessageType, m: &mut Message) -> Result<(), StepError> {
        let (node, role) = (&mut self.node, self.role.name());
        let transition = match &mut self.role {
            Role::Follower(follower) => follower.step(node, kind, m)?,
            Role::Leader(leader) => {
                leader.step(node, kind, m)?;
                Transition::Stay
            }
            Role::PreCandidate(candidate) | Role::Candidate(candidate) => {
                candidate.step(node, role, kind, m)
            }
        };
        self.take(transition, kind, m)
    }

    /// The only door between roles.
    fn take(
        &mut self,
        transition: Transition,
        kind: MessageType,
        m: &mut Message,
    ) -> Result<(), StepError> {
        match transition {
            Transition::Stay => {}
            Transition::Follow { term, leader } => self.become_follower(term, leader),
            Transition::FollowAndRedeliver => {
                self.become_follower(m.term, m.from);
                self.step_role(kind, m)?;
            }
            Transition::TryCampaign(kind) => {
                self.try_campaign(kind)?.ok();
            }
            Transition::Campaign(kind) => self.campaign(kind),
            Transition::Lead => self.become_leader()?,
        }
        Ok(())
    }

    pub(crate) fn become_follower(&mut self, term: u64, leader: u64) {
        self.follow(term, leader);
        self.node.trace(ProtocolStep::BecameFollower);
    }

    fn follow(&mut self, term: u64, leader: u64) {
        self.node.reset(term);
        let role = core::mem::replace(&mut self.role, Role::Follower(Follower { leader }));
        self.report_lost_reads(role);
        let id = self.node.id();
        self.node.emit(&Event::BecameFollower { id, term });
    }

    /// DIVERGES: etcd forgets the reads that a leader has not confirmed when it steps down, and
    /// keeps those that wait for its first commit until it leads again.
    fn report_lost_reads(&mut self, role: Role) {
        let Role::Leader(leader) = role else { return };
        if !self.node.is_strict() {
            return;
        }
        let deferred = self.node.deferred_reads.take();
        let own = deferred.iter().filter(|request| self.node.is_own_read(request));
        let lost: Vec<_> =
            leader.into_lost_reads(&self.node).chain(own.map(read_context)).collect();
        self.node.lost_reads.extend(lost);
    }

    fn become_leader(&mut self) -> Result<(), StorageError> {
        let (id, term) = (self.node.id(), self.node.term);
        self.node.reset(term);
        self.node.trace(ProtocolStep::BecameLeader);
        let mut leader = Leader::start(&mut self.node)?;
        self.node.emit(&Event::BecameLeader { id, term });
        leader.announce(&mut self.node)?;
        self.role = Role::Leader(Box::new(leader));
        Ok(())
    }

    pub(crate) fn campaign_kind(&self) -> CampaignKind {
        if self.node.config.pre_vote { CampaignKind::PreElection } else { CampaignKind::Election }
    }

    /// Campaigns if the node may.
    pub(crate) fn try_campaign(
        &mut self,
        kind: CampaignKind,
    ) -> Result<Result<(), CampaignRefused>, StorageError> {
        let (id, term) = (self.node.id(), self.node.term);
        if self.role.leader().is_some() {
            self.node.emit(&Event::AlreadyLeader { id });
            return Ok(Err(CampaignRefused::AlreadyLeader));
        }
        if let Err(refused) = self.node.may_campaign(kind)? {
            return Ok(Err(refused));
        }
        // Whoever wants it to campaign, itself or the leader, wants no promise to be kept.
        self.node.promised_ticks = 0;
        self.node.emit(&Event::CampaignStarted { id, term });
        self.campaign(kind);
        Ok(Ok(()))
    }

    fn campaign(&mut self, kind: CampaignKind) {
        let (id, term) = (self.node.id(), self.node.term);
        match kind {
            CampaignKind::PreElection => {
                // Neither term nor vote nor timers change: nothing has happened yet.
                if fault!(self.node.config, PreCandidateRaisesTerm) {
                    self.node.reset(term + 1);
                }
                self.role = Role::PreCandidate(Box::default());
                self.node.emit(&Event::BecamePreCandidate { id, term });
                self.node.trace(ProtocolStep::BecamePreCandidate);
            }
            CampaignKind::Election | CampaignKind::Transfer => {
                self.node.reset(term + 1);
                self.node.vote = id;
                self.role = Role::Candidate(Box::default());
                self.node.emit(&Event::BecameCandidate { id, term: term + 1 });
                self.node.trace(ProtocolStep::BecameCandidate);
            }
        }
        self.node.request_votes(kind, term + 1);
    }

    /// Takes proposals of node `from` out of `entries`, or sends them on to the leader.
    pub(crate) fn propose(
        &mut self,
        from: u64,
        entries: &mut [Entry],
    ) -> Result<Result<Accepted, DropReason>, StorageError> {
        let node = &mut self.node;
        Ok(match &mut self.role {
            Role::Leader(leader) => leader.propose(node, entries)?.map(Accepted::Appended),
            Role::Follower(follower) => follower
                .forward_proposal(node, from, entries)
                .map(|leader| Accepted::Forwarded { leader }),
            Role::PreCandidate(_) | Role::Candidate(_) => {
                let (id, term) = (node.id(), node.term);
                node.emit(&Event::NoLeaderForProposal { id, term });
                Err(DropReason::NoLeader { term })
            }
        })
    }

    /// Takes a read, or sends it on to the leader.
    pub(crate) fn read_index(&mut self, m: Message) -> ReadIndex {
        let node = &mut self.node;
        match &mut self.role {
            Role::Leader(leader) => match leader.on_read(node, m) {
                Ok(ReadAccepted::Answered { index }) => ReadIndex::Answered { index },
                Ok(ReadAccepted::Queued) => ReadIndex::Queued,
                Err(reason) => ReadIndex::Dropped(reason),
            },
            Role::Follower(follower) => match follower.forward_read(node, m) {
                Ok(leader) => ReadIndex::Forwarded { leader },
                Err(reason) => ReadIndex::Dropped(reason),
            },
            Role::PreCandidate(_) | Role::Candidate(_) => {
                ReadIndex::Dropped(DropReason::NoLeader { term: node.term })
            }
        }
    }

    /// Hands leadership to `transferee`, or asks the leader to.
    pub(crate) fn transfer_leader(
        &mut self,
        transferee: u64,
    ) -> Result<TransferLeader, StorageError> {
        let node = &mut self.node;
        Ok(match &mut self.role {
            Role::Leader(leader) => leader.on_transfer(node, transferee)?,
            Role::Follower(follower) => follower.forward_transfer(node, transferee),
            Role::PreCandidate(_) | Role::Candidate(_) => {
                TransferLeader::Dropped(DropReason::NoLeader { term: node.term })
            }
        })
    }

    pub(crate) fn forget_leader(&mut self) -> ForgetLeader {
        match &mut self.role {
            Role::Leader(_) => ForgetLeader::Refused(ForgetRefused::Leads),
            Role::Follower(follower) => follower.forget_leader(&mut self.node),
            Role::PreCandidate(_) | Role::Candidate(_) => {
                ForgetLeader::Refused(ForgetRefused::Campaigns)
            }
        }
    }

    /// A committed configuration change is being applied.
    pub(crate) fn apply_conf_change(
        &mut self,
        change: &ConfChangeV2,
    ) -> Result<ConfState, ApplyConfChangeError> {
        let last_index = self.node.log.last_index();
        let mut tracker = Changer { tracker: &self.full_tracker(), last_index }.apply(change)?;
        if fault!(self.node.config, JointSkipped) && tracker.config.voters.is_joint() {
            tracker = Changer { tracker: &tracker, last_index }.leave_joint()?;
        }
        self.node.trace(ProtocolStep::ApplyingConfChange(&tracker.incoming().0));
        let conf_state = tracker.config.conf_state();
        self.node.switch_config(match self.role {
            Role::Leader(_) => tracker,
            _ => tracker.without_progress(),
        });
        if let Role::Leader(leader) = &mut self.role {
            let transition = leader.on_config_switched(&mut self.node).map_err(Poisoned)?;
            if let Transition::Follow { term, leader } = transition {
                self.become_follower(term, leader);
            }
        }
        Ok(conf_state)
    }

    /// Makes the heartbeats and appends that wait for the next `Ready`.
    pub(crate) fn flush(&mut self) -> Result<(), StorageError> {
        let Role::Leader(leader) = &mut self.role else { return Ok(()) };
        leader.flush_round(&mut self.node);
        leader.flush_appends(&mut self.node)
    }

    /// Whether anything waits for the next `Ready` to be made.
    pub(crate) fn flush_due(&self) -> bool {
        self.role.leader().is_some_and(|leader| leader.appends_due() || leader.is_round_due())
    }

    /// Entries are there that the storage had to fetch.
    pub(crate) fn on_entries_fetched(&mut self, purpose: ReadPurpose) -> Result<(), StorageError> {
        match (purpose, &mut self.role) {
            (ReadPurpose::Apply, _) => self.node.log.apply_fetched(),
            (ReadPurpose::Append { to }, Role::Leader(leader)) => {
                leader.send_entries(&mut self.node, to)?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.node.shrink_to_fit();
        if let Role::Leader(leader) = &mut self.role {
            leader.reads.shrink_to_fit();
        }
    }

    /// The tracker with the progress of each member, in every role: as the leader knows it, or as it
    /// would be if this node began to lead now.
    pub(crate) fn full_tracker(&self) -> Cow<'_, Tracker> {
        let NodeState { tracker, config, log, .. } = &self.node;
        match self.role {
            Role::Leader(_) => Cow::Borrowed(tracker),
            _ => Cow::Owned(Tracker {
                progress: tracker.first_progress(config.id, log.last_index()),
                ..tracker.clone()
            }),
        }
    }

    pub(crate) fn leader_id(&self) -> u64 {
        self.role.leader_id(self.node.config.id)
    }

    pub(crate) fn transferee(&self) -> u64 {
        self.role.leader().map_or(NONE, |leader| leader.transferee)
    }

    pub(crate) fn hard_state(&self) -> HardState {
        let node = &self.node;
        HardState { term: node.term, vote: node.vote, commit: node.log.committed() }
    }
}

impl From<StorageError> for ProposeError {
    fn from(error: StorageError) -> Self {
        Self::Poisoned(Poisoned(error))
    }
}

impl<S: Storage, O: Observer> NodeState<S, O> {
    fn report_start(&mut self) {
        let peers = self.tracker.config.voters.ids();
        let event = Event::Started {
            id: self.config.id,
            peers: peers.as_slice(),
            term: self.term,
            commit: self.log.committed(),
            applied: self.log.applied(),
            last: self.log.last_id(),
        };
        self.observer.on_event(&event);
        self.trace(ProtocolStep::Started);
    }
}

#[cfg(test)]
mod tests;
