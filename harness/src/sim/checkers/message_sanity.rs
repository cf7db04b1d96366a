//! No honest node sends itself a message over the network, or one of a term that it has not reached.

use raft_proto::MessageType;

use crate::sim::board::{Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct MessageSanity;

impl Checker for MessageSanity {
    fn rule(&self) -> &'static str {
        "message sanity"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let (Fact::Sent { message: m }, Some(node)) = (fact, scene.glance) else {
            return Ok(Judged::Nothing);
        };
        let kind = m.kind().map_err(|e| e.to_string())?;
        // Forwarded ones keep the name of whoever asked first.
        let is_forwarded = matches!(
            kind,
            MessageType::MsgProp | MessageType::MsgReadIndex | MessageType::MsgTransferLeader
        );
        if m.to == scene.node || m.to == 0 || (m.from != scene.node && !is_forwarded) {
            return Err(format!("{kind} goes from {} to {}", m.from, m.to));
        }
        let term = node.status().hard_state.term;
        // A pre-vote is of the term that would come.
        let is_pre_vote = matches!(kind, MessageType::MsgPreVote | MessageType::MsgPreVoteResp);
        if m.term > term && !is_pre_vote {
            return Err(format!("{kind} of term {} from a node of term {term}", m.term));
        }
        let entries = m.entries.iter();
        let indexes = entries.zip(m.index + 1..).all(|(entry, index)| entry.index == index);
        if kind == MessageType::MsgApp && !indexes {
            return Err(format!("an append after {} whose entries do not follow", m.index));
        }
        Ok(Judged::Sound)
    }
}
