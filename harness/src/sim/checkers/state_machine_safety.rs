//! State Machine Safety: every node applies the same entries, each once, in order (Raft §5.4.3).

use std::collections::BTreeMap;

use raft_core::EntryId;

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct StateMachineSafety {
    /// At each index: the term that was applied, and the fingerprint of the machine after it.
    applied: BTreeMap<u64, (u64, u64)>,
    /// How far the machine of each running process is.
    machines: BTreeMap<u64, u64>,
    /// The commit index of each running node.
    commits: BTreeMap<u64, u64>,
}

impl StateMachineSafety {
    fn compare(&mut self, at: EntryId, fingerprint: u64) -> Result<Judged, String> {
        let known = *self.applied.entry(at.index).or_insert((at.term, fingerprint));
        if known.0 != at.term {
            let other = known.0;
            return Err(format!("applied {at}, and elsewhere {other}/{}", at.index));
        }
        if known.1 != fingerprint {
            return Err(format!("state machines differ after {at}"));
        }
        Ok(Judged::Sound)
    }
}

impl Checker for StateMachineSafety {
    fn rule(&self) -> &'static str {
        "state machine safety"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match *fact {
            Fact::Crashed => {
                self.machines.remove(&scene.node);
                self.commits.remove(&scene.node);
                Ok(Judged::Nothing)
            }
            Fact::Applied { entry, fingerprint } => {
                // The first one of a process: it goes on from its snapshot, or its durable machine.
                if let Some(before) = self.machines.insert(scene.node, entry.index)
                    && entry.index != before + 1
                {
                    return Err(format!("applied {} after {before}", entry.index));
                }
                if let Some(term) = scene.board.committed.get(&entry.index)
                    && *term != entry.term
                {
                    return Err(format!("applied {entry}, and {term} is committed there"));
                }
                self.compare(entry, fingerprint)
            }
            Fact::Installed { at, fingerprint, .. } => {
                if let Some(before) = self.machines.insert(scene.node, at.index)
                    && at.index < before
                {
                    return Err(format!("a snapshot at {at} took the machine back from {before}"));
                }
                self.compare(at, fingerprint)
            }
            _ => Ok(Judged::Nothing),
        }
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let commit = node.status().hard_state.commit;
        if self.commits.insert(scene.node, commit) == Some(commit) {
            return Ok(Judged::Nothing);
        }
        match (node.term_at(commit), scene.board.committed.get(&commit)) {
            (Some(ours), Some(term)) if ours != *term => Err(format!(
                "takes {ours}/{commit} to be committed, and {term}/{commit} is committed"
            )),
            _ => Ok(Judged::Sound),
        }
    }
}
