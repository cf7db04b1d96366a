//! One vote a term, whatever crashes lie between, and only from none to somebody (Raft §5.2).

use std::collections::BTreeMap;

use raft_proto::MessageType;

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct OneVote {
    /// Whom each node has told that it has its vote, by node and term.
    granted: BTreeMap<(u64, u64), u64>,
    /// Term and vote in memory.
    last: BTreeMap<u64, (u64, u64)>,
}

impl OneVote {
    fn grant(&mut self, node: u64, term: u64, to: u64) -> Result<Judged, String> {
        let first = *self.granted.entry((node, term)).or_insert(to);
        if first != to {
            return Err(format!("node {node} gave its vote of term {term} to {first} and to {to}"));
        }
        Ok(Judged::Sound)
    }
}

impl Checker for OneVote {
    fn rule(&self) -> &'static str {
        "one vote a term"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match fact {
            Fact::Crashed => {
                self.last.remove(&scene.node);
            }
            Fact::Sent { message }
                if message.kind() == Ok(MessageType::MsgVoteResp) && !message.reject =>
            {
                return self.grant(scene.node, message.term, message.to);
            }
            // It counted its own vote.
            Fact::Led { term } => return self.grant(scene.node, *term, scene.node),
            _ => {}
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let hard_state = node.status().hard_state;
        let now = (hard_state.term, hard_state.vote);
        match self.last.insert(scene.node, now) {
            Some((term, vote)) if term == now.0 && vote != 0 && vote != now.1 => {
                Err(format!("the vote of term {term} changed from {vote} to {}", now.1))
            }
            Some((term, vote)) if term == now.0 && vote != 0 => Ok(Judged::Sound),
            _ => Ok(Judged::Nothing),
        }
    }
}
