//! Linearizable reads: the index at which a read is served is at least the highest that was committed
//! anywhere when it was asked for (thesis §6.4). For reads by lease see `ReadOnlyOption::LeaseBased`.

use std::collections::BTreeMap;

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::machine::OpId;

#[derive(Debug, Default)]
pub(super) struct Reads {
    /// What was committed when each read was asked for.
    asked: BTreeMap<OpId, u64>,
}

impl Checker for Reads {
    fn rule(&self) -> &'static str {
        "linearizable reads"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match *fact {
            Fact::ReadAsked { op } => {
                self.asked.insert(op, scene.board.max_committed);
                Ok(Judged::Nothing)
            }
            Fact::ReadAnswered { op, index } => {
                let Some(committed) = self.asked.get(&op) else { return Ok(Judged::Nothing) };
                match index < *committed {
                    true => Err(format!(
                        "read {op} may be served at {index}, and {committed} was committed before"
                    )),
                    false => Ok(Judged::Sound),
                }
            }
            _ => Ok(Judged::Nothing),
        }
    }
}
