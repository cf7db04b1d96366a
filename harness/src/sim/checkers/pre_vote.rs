//! A pre-vote changes nothing: who asks for it stays in its term (thesis §9.6).

use std::collections::BTreeMap;

use raft_core::StateRole;

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct PreVote {
    /// The term of each running node.
    terms: BTreeMap<u64, u64>,
}

impl Checker for PreVote {
    fn rule(&self) -> &'static str {
        "a pre-vote raises no term"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        if matches!(fact, Fact::Crashed) {
            self.terms.remove(&scene.node);
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let status = node.status();
        let term = status.hard_state.term;
        let before = self.terms.insert(scene.node, term);
        if status.soft_state.role != StateRole::PreCandidate {
            return Ok(Judged::Nothing);
        }
        match before {
            // Nothing that tells a node of a later term makes it ask for pre-votes as well.
            Some(before) if before < term => {
                Err(format!("asks for pre-votes, and has gone from term {before} to {term}"))
            }
            _ => Ok(Judged::Sound),
        }
    }
}
