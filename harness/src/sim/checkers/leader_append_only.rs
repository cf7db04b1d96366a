//! Leader Append-Only: a leader never replaces or removes entries of its own log (Raft §5.3).

use std::collections::BTreeMap;

use crate::sim::board::{Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct LeaderAppendOnly {
    /// The term in which each node was seen leading, and the last index of its log then.
    last: BTreeMap<u64, (u64, u64)>,
}

impl Checker for LeaderAppendOnly {
    fn rule(&self) -> &'static str {
        "leader append-only"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        if matches!(fact, Fact::Crashed) {
            self.last.remove(&scene.node);
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let status = node.status();
        if !leads(status.soft_state) {
            self.last.remove(&scene.node);
            return Ok(Judged::Nothing);
        }
        let (term, last) = (status.hard_state.term, node.last_entry_id().index);
        match self.last.insert(scene.node, (term, last)) {
            Some((same, before)) if same == term && last < before => {
                Err(format!("the log of the leader of term {term} shrank from {before} to {last}"))
            }
            Some((same, _)) if same == term => Ok(Judged::Sound),
            _ => Ok(Judged::Nothing),
        }
    }
}
