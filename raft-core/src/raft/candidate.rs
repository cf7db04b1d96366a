//! Floor 5. A node that asks for votes, or whether it would get them.

use raft_proto::{Message, MessageType};

use super::node_state::NodeState;
use super::transition::{CampaignKind, Transition};
use crate::event::{Event, Observer, StateRole};
use crate::quorum::VoteResult;
use crate::storage::Storage;
use crate::types::NONE;
use crate::votes::VoteTally;

/// The data of a candidate and of a pre-candidate.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Candidate {
    pub(super) votes: VoteTally,
}

impl Candidate {
    pub(super) fn step<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        role: StateRole,
        kind: MessageType,
        m: &Message,
    ) -> Transition {
        let awaited = match role {
            StateRole::PreCandidate => MessageType::MsgPreVoteResp,
            _ => MessageType::MsgVoteResp,
        };
        match kind {
            // Of this node's own term: somebody else has won.
            MessageType::MsgApp | MessageType::MsgHeartbeat | MessageType::MsgSnap => {
                Transition::FollowAndRedeliver
            }
            MessageType::MsgTimeoutNow => {
                let (id, term) = (node.id(), node.term);
                node.emit(&Event::TimeoutNowIgnored { id, term, role, from: m.from });
                Transition::Stay
            }
            _ if kind == awaited => self.on_vote(node, role, kind, m),
            _ => Transition::Stay,
        }
    }

    fn on_vote<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        role: StateRole,
        kind: MessageType,
        m: &Message,
    ) -> Transition {
        let (id, term, granted) = (node.id(), node.term, !m.reject);
        node.emit(&Event::VoteReceived { id, kind, from: m.from, term, granted });
        self.votes.record(m.from, granted);
        let tally = self.votes.count(&node.tracker.config.voters);
        let (granted, rejected) = (tally.granted, tally.rejected);
        node.emit(&Event::VoteTally { id, kind, granted, rejected });
        match (tally.result, role) {
            (VoteResult::Pending, _) => Transition::Stay,
            // The own term: an answer to a pre-candidate carries the one after it.
            (VoteResult::Lost, _) => Transition::Follow { term, leader: NONE },
            (VoteResult::Won, StateRole::PreCandidate) => {
                Transition::Campaign(CampaignKind::Election)
            }
            // Removed since it asked: it has no place among those it would lead.
            (VoteResult::Won, _) if !node.tracker.config.contains(id) => {
                Transition::Follow { term, leader: NONE }
            }
            (VoteResult::Won, _) => Transition::Lead,
        }
    }
}
