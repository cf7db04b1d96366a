//! What is committed is on the disks of a quorum, of both halves when the configuration is joint; and a
//! leader commits by counting only in its own term (Raft §5.4.2, thesis §4.3).

use raft_core::EntryId;

use crate::sim::board::{Checker, Fact, Scene, leads};

#[derive(Debug, Default)]
pub(super) struct CommitOnQuorum;

impl Checker for CommitOnQuorum {
    fn rule(&self) -> &'static str {
        "committed on a quorum"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<(), String> {
        let (Fact::Committed { from, to }, Some(node)) = (fact, scene.glance) else {
            return Ok(());
        };
        let status = node.status();
        if !leads(status.soft_state) {
            // A leader that commits and steps down within one event is seen like this.
            return Ok(());
        }
        let own_term = status.hard_state.term;
        let Some(term) = node.term_at(*to) else {
            return Err(format!("{to} is committed, and not in the leader's log"));
        };
        if term != own_term {
            return Err(format!("the leader of term {own_term} committed {term}/{to} by counting"));
        }
        let config = node.configuration();
        for index in *from..=*to {
            let Some(term) = node.term_at(index) else { continue };
            let entry = EntryId::new(term, index);
            let has = |id: u64| {
                let disk = scene.board.disks.get(&id);
                disk.is_some_and(|disk| disk.durable.holds(entry))
            };
            for half in [&config.voters.incoming.0, &config.voters.outgoing.0] {
                let holders = half.iter().filter(|id| has(*id)).count();
                if !half.is_empty() && holders <= half.len() / 2 {
                    return Err(format!(
                        "{entry} is committed, and on disk of {holders} of {} voters",
                        half.len()
                    ));
                }
            }
        }
        Ok(())
    }
}
