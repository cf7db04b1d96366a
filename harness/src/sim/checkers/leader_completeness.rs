//! Leader Completeness: a new leader's log has everything that was committed in an earlier term (Raft
//! §5.4).

use crate::sim::board::{Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct LeaderCompleteness;

impl Checker for LeaderCompleteness {
    fn rule(&self) -> &'static str {
        "leader completeness"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let (Fact::Led { term }, Some(node)) = (fact, scene.glance) else {
            return Ok(Judged::Nothing);
        };
        // That the last one is there is enough, by Log Matching. One that was committed in this term
        // came after; and in a later one, if the votes that made this leader were late.
        let is_owed = |index: &u64| scene.board.committed_in.get(index).is_some_and(|t| t < term);
        let earlier = scene.board.committed.iter().rev().find(|(index, _)| is_owed(index));
        let Some((&index, &committed)) = earlier else { return Ok(Judged::Nothing) };
        let last = node.last_entry_id();
        if last.index < index {
            return Err(format!(
                "the leader of term {term} ends at {last}, and {committed}/{index} is committed"
            ));
        }
        match node.term_at(index) {
            Some(ours) if ours != committed => Err(format!(
                "the leader of term {term} has {ours}/{index}, and {committed}/{index} is committed"
            )),
            _ => Ok(Judged::Sound),
        }
    }
}
