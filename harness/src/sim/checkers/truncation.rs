//! What a node knows to be committed never leaves its log but by compaction (Raft §5.4).

use crate::sim::board::{Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct Truncation;

impl Checker for Truncation {
    fn rule(&self) -> &'static str {
        "no truncation of what is committed"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let Some(disk) = scene.board.disks.get(&scene.node) else {
            return Ok(Judged::Nothing);
        };
        let commit = disk.durable.hard_state.commit;
        match *fact {
            Fact::Handed { entries } => {
                let mut judged = Judged::Nothing;
                for entry in entries.iter().take_while(|entry| entry.index <= commit) {
                    let Some(mark) = disk.durable.mark(entry.index) else { continue };
                    judged = Judged::Sound;
                    if mark.term != entry.term {
                        return Err(format!(
                            "{}/{} is committed, and would be replaced by term {}",
                            mark.term, entry.index, entry.term
                        ));
                    }
                }
                Ok(judged)
            }
            Fact::HandedSnapshot { at } if at.index < commit => {
                Err(format!("a snapshot at {at} would replace a log that is committed to {commit}"))
            }
            Fact::HandedSnapshot { .. } => Ok(Judged::Sound),
            _ => Ok(Judged::Nothing),
        }
    }
}
