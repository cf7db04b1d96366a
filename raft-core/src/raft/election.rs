//! Floor 5. Campaigns and votes, which any role takes part in (Raft §5.2, §5.4.1; thesis §9.6).

use bytes::Bytes;
use raft_proto::{Entries, EntryType, Message, MessageType};

use super::node_state::{NodeState, to};
use super::transition::{CAMPAIGN_TRANSFER, CampaignKind};
use crate::error::{CampaignRefused, MAX_TERM, StorageError};
use crate::event::{Event, Observer, VoteRequest};
use crate::fault::fault;
use crate::log::Fetched;
use crate::storage::{ReadPurpose, Storage};
use crate::types::{EntryId, MAX_INDEX, NONE};

impl<S: Storage, O: Observer> NodeState<S, O> {
    /// Whether a node that does not lead may campaign now.
    pub(super) fn may_campaign(
        &mut self,
        kind: CampaignKind,
    ) -> Result<Result<(), CampaignRefused>, StorageError> {
        let (id, term) = (self.id(), self.term);
        if !self.is_promotable() {
            self.emit(&Event::NotPromotable { id });
            return Ok(Err(CampaignRefused::NotPromotable));
        }
        if !fault!(self.config, CampaignsWithPendingChange) && self.has_unapplied_conf_change()? {
            self.emit(&Event::PendingConfChange { id, term });
            return Ok(Err(CampaignRefused::PendingConfChange));
        }
        if self.log.last_index() >= MAX_INDEX {
            self.emit(&Event::LogExhausted { id, term });
            return Ok(Err(CampaignRefused::LogFull));
        }
        if term >= MAX_TERM {
            self.emit(&Event::TermsExhausted { id, term });
            return Ok(Err(CampaignRefused::TermsExhausted { term }));
        }
        // Its own vote counts, too. Its own timeouts are longer than what it promises.
        let remaining_ticks = self.promised_ticks;
        if self.leases_reads() && kind != CampaignKind::Transfer && remaining_ticks > 0 {
            self.emit(&Event::CampaignUnderLease { id, term, remaining_ticks });
            return Ok(Err(CampaignRefused::LeaseBasedReads { remaining_ticks }));
        }
        Ok(Ok(()))
    }

    /// Looks through the entries that are committed and not applied, a page at a time.
    fn has_unapplied_conf_change(&self) -> Result<bool, StorageError> {
        let mut next = self.log.applied() + 1;
        let end = self.log.committed() + 1;
        let page_size = self.config.committed_size_limit();
        while next < end {
            let mut page = Entries::new();
            match self.log.slice(next..end, page_size, ReadPurpose::Scan, &mut page)? {
                Fetched::Done => {}
                Fetched::Compacted => {
                    return Err(StorageError::Contract("entries are compacted, not applied"));
                }
                // Not known is as good as pending: the campaign can wait.
                Fetched::Later => return Ok(true),
            }
            if page.iter().any(|entry| entry.kind() != Ok(EntryType::Normal)) {
                return Ok(true);
            }
            next += page.len() as u64;
        }
        Ok(false)
    }

    /// Asks every voter, this node included, for its vote in `term`.
    pub(super) fn request_votes(&mut self, kind: CampaignKind, term: u64) {
        let (request, response) = match kind {
            CampaignKind::PreElection => (MessageType::MsgPreVote, MessageType::MsgPreVoteResp),
            CampaignKind::Election | CampaignKind::Transfer => {
                (MessageType::MsgVote, MessageType::MsgVoteResp)
            }
        };
        let last = self.log.last_id();
        let (id, own_term) = (self.id(), self.term);
        for voter in self.tracker.config.voters.ids().iter() {
            if voter == id {
                // Its own vote counts when it is on disk, like any other.
                self.send(response, Message { term, ..to(id) });
                continue;
            }
            self.emit(&Event::VoteRequested { id, last, kind: request, to: voter, term: own_term });
            let context = match kind {
                CampaignKind::Transfer => Bytes::from_static(CAMPAIGN_TRANSFER),
                CampaignKind::PreElection | CampaignKind::Election => Bytes::new(),
            };
            let EntryId { term: log_term, index } = last;
            self.send(request, Message { term, index, log_term, context, ..to(voter) });
        }
    }

    /// Ticks for which this node still refuses to help depose `leader`, or another that it has
    /// heard; 0 when it may.
    pub(super) fn lease_remaining(&self, leader: u64) -> u32 {
        let heard =
            self.config.check_quorum && leader != NONE && !fault!(self.config, LeaseNotHonoured);
        let elapsed = if heard { self.election_elapsed } else { u32::MAX };
        self.config.election_tick.saturating_sub(elapsed).max(self.promised_ticks)
    }

    /// DIVERGES: in etcd a node forgets that it heard the leader when it starts again, or when
    /// anything but a vote request tells it of a later term.
    pub(super) fn promise_not_to_vote(&mut self) {
        let honoured = self.config.check_quorum && !fault!(self.config, LeaseNotHonoured);
        if self.is_strict() && honoured {
            self.promised_ticks = self.config.election_tick;
        }
    }

    pub(super) fn pass_promised_ticks(&mut self, ticks: u32) {
        self.promised_ticks = self.promised_ticks.saturating_sub(ticks);
    }

    /// Answers a vote request of this node's term, or a pre-vote request of a later one, when
    /// `leader` is the leader it knows.
    pub(super) fn on_vote_request(
        &mut self,
        kind: MessageType,
        m: &Message,
        leader: u64,
    ) -> Result<(), StorageError> {
        let pre_vote = kind == MessageType::MsgPreVote;
        let is_bound = self.promised_ticks > 0 && &*m.context != CAMPAIGN_TRANSFER;
        let can_vote = self.vote == m.from
            || (self.vote == NONE && leader == NONE && !is_bound)
            || (pre_vote && m.term > self.term)
            || fault!(self.config, VotesTwice);
        let request = self.vote_request(kind, m);
        let id = self.id();
        let response =
            if pre_vote { MessageType::MsgPreVoteResp } else { MessageType::MsgVoteResp };
        // A learner votes too: when it is asked, it may have become a voter without knowing it yet.
        let up_to_date = self.log.is_up_to_date(request.candidate_last);
        #[cfg(raft_fault)]
        let up_to_date = super::faulty::is_up_to_date(&self.config, &request, up_to_date);
        if can_vote && up_to_date {
            self.emit(&Event::VoteCast { id, request });
            // The request's term: a pre-candidate asks for the one after its own.
            self.send(response, Message { term: m.term, ..to(m.from) });
            if !pre_vote {
                self.election_elapsed = 0;
                self.vote = m.from;
            }
        } else {
            self.emit(&Event::VoteRejected { id, request });
            self.reject_vote(response, m.from)?;
        }
        Ok(())
    }

    /// DIVERGES: a rejection tells what is committed here, in fields that etcd does not look at. A
    /// leader may remove itself, and the last that the others get of it is the entry that does so, not
    /// that it is committed. Of two voters the other could then never be elected: it asks for a vote
    /// that it does not need, of a node whose log is longer.
    pub(super) fn reject_vote(
        &mut self,
        response: MessageType,
        candidate: u64,
    ) -> Result<(), StorageError> {
        // The own term, which is 0 on a node that has only ever seen a snapshot. Then there is no
        // answer that could be sent; the candidate asks again.
        let term = self.term;
        if term == 0 {
            return Ok(());
        }
        let mut rejection = Message { term, reject: true, ..to(candidate) };
        if self.is_strict() {
            rejection.commit = self.log.committed();
            rejection.log_term = self.term_or_zero(rejection.commit)?;
        }
        self.send(response, rejection);
        Ok(())
    }

    /// Takes over what a voter says is committed, if the log has it: by Log Matching it is the same
    /// entry. Answers whether this node did not know it.
    pub(super) fn on_vote_rejected(&mut self, m: &Message) -> Result<bool, StorageError> {
        let committed = self.log.committed();
        if self.is_strict() && self.log.matches(EntryId::new(m.log_term, m.commit))? {
            self.log.commit_to(m.commit);
        }
        Ok(self.log.committed() > committed)
    }

    pub(super) fn vote_request(&self, kind: MessageType, m: &Message) -> VoteRequest {
        VoteRequest {
            last: self.log.last_id(),
            vote: self.vote,
            kind,
            from: m.from,
            candidate_last: EntryId::new(m.log_term, m.index),
            term: self.term,
        }
    }
}
