//! What is committed is on the disks of a quorum, of both halves when the configuration is joint; and a
//! leader commits by counting only in its own term (Raft §5.4.2, thesis §4.3).

use raft_core::EntryId;
use raft_core::tracker::Configuration;

use crate::sim::board::{Board, Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct CommitOnQuorum {
    /// The configurations that were in force for a part of the event that goes on.
    left: Vec<Configuration>,
}

impl Checker for CommitOnQuorum {
    fn rule(&self) -> &'static str {
        "committed on a quorum"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let (from, to) = match *fact {
            Fact::Configured { before, .. } => {
                self.left.push(before.clone());
                return Ok(Judged::Nothing);
            }
            Fact::Committed { from, to } => (from, to),
            _ => return Ok(Judged::Nothing),
        };
        let Some(node) = scene.glance else { return Ok(Judged::Nothing) };
        let status = node.status();
        if !leads(status.soft_state) {
            // A leader that commits and steps down within one event is seen like this.
            return Ok(Judged::Nothing);
        }
        let own_term = status.hard_state.term;
        let Some(term) = node.term_at(to) else {
            return Err(format!("{to} is committed, and not in the leader's log"));
        };
        if term != own_term {
            return Err(format!("the leader of term {own_term} committed {term}/{to} by counting"));
        }
        for index in from..=to {
            let Some(term) = node.term_at(index) else { continue };
            let entry = EntryId::new(term, index);
            let current = node.configuration();
            let mut configs = self.left.iter().chain([current]);
            if !configs.any(|config| is_on_quorum(entry, config, scene.board)) {
                return Err(format!(
                    "{entry} is committed, and not on disk of a quorum of {current}"
                ));
            }
        }
        Ok(Judged::Sound)
    }

    fn on_state(&mut self, _: &dyn Glance, _: &Scene<'_>) -> Result<Judged, String> {
        self.left.clear();
        Ok(Judged::Nothing)
    }
}

fn is_on_quorum(entry: EntryId, config: &Configuration, board: &Board) -> bool {
    let has = |id: u64| board.disks.get(&id).is_some_and(|disk| disk.durable.holds(entry));
    [&config.voters.incoming.0, &config.voters.outgoing.0]
        .iter()
        .all(|half| half.is_empty() || half.iter().filter(|id| has(*id)).count() > half.len() / 2)
}
