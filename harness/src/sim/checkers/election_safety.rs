//! Election Safety: at most one leader a term, over the whole history (Raft §5.2).

use std::collections::BTreeMap;

use crate::sim::board::{Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct ElectionSafety {
    leaders: BTreeMap<u64, u64>,
}

impl Checker for ElectionSafety {
    fn rule(&self) -> &'static str {
        "election safety"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let Fact::Led { term } = *fact else { return Ok(Judged::Nothing) };
        let first = *self.leaders.entry(term).or_insert(scene.node);
        if first != scene.node {
            return Err(format!("nodes {first} and {} both lead in term {term}", scene.node));
        }
        Ok(Judged::Sound)
    }
}
