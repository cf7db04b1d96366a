//! Term, commit index and applied index never fall; applied <= commit <= last (Raft figure 2).

use std::collections::BTreeMap;

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct Monotone {
    /// Term, commit and applied index in memory.
    last: BTreeMap<u64, [u64; 3]>,
    /// The term on disk.
    durable: BTreeMap<u64, u64>,
}

impl Checker for Monotone {
    fn rule(&self) -> &'static str {
        "monotone"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        if matches!(fact, Fact::Crashed) {
            self.last.remove(&scene.node);
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let status = node.status();
        let now = [status.hard_state.term, status.hard_state.commit, status.applied];
        if let Some(before) = self.last.insert(scene.node, now) {
            for (what, (before, now)) in
                ["term", "commit index", "applied index"].iter().zip(before.iter().zip(now))
            {
                if now < *before {
                    return Err(format!("the {what} fell from {before} to {now}"));
                }
            }
        }
        let [_, commit, applied] = now;
        let last = node.last_entry_id().index;
        if applied > commit || commit > last {
            return Err(format!("applied {applied}, commit {commit}, last {last}"));
        }
        let Some(disk) = scene.board.disks.get(&scene.node) else {
            return Ok(Judged::Sound);
        };
        let term = disk.durable.hard_state.term;
        match self.durable.insert(scene.node, term) {
            Some(before) if term < before => {
                Err(format!("the term on disk fell from {before} to {term}"))
            }
            _ => Ok(Judged::Sound),
        }
    }
}
