//! Log Matching: two logs with an entry of the same index and term are equal up to there (Raft §5.3).

use std::collections::BTreeMap;

use raft_core::EntryId;

use crate::sim::board::{Checker, Fact, Scene};
use crate::sim::image::Mark;

#[derive(Debug, Default)]
pub(super) struct LogMatching {
    /// Each entry that ever was in a log, with its hash and the term of the one before it. That an
    /// entry's id determines both is Log Matching, by induction.
    entries: BTreeMap<EntryId, (u64, u64)>,
}

impl Checker for LogMatching {
    fn rule(&self) -> &'static str {
        "log matching"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<(), String> {
        let (Fact::Handed { entries }, Some(node)) = (fact, scene.glance) else { return Ok(()) };
        let Some(first) = entries.first() else { return Ok(()) };
        // The node may have moved on since it handed them out; then what it holds now tells nothing.
        let last = entries.last().map(EntryId::of);
        let is_current = last.is_some_and(|last| node.term_at(last.index) == Some(last.term));
        let mut before = match is_current {
            true => node.term_at(first.index - 1),
            false => None,
        };
        for entry in entries.iter() {
            let (mark, previous) = (Mark::of(entry), before.replace(entry.term));
            let Some(previous) = previous else { continue };
            let id = EntryId::of(entry);
            let known = *self.entries.entry(id).or_insert((mark.hash, previous));
            if known.0 != mark.hash {
                return Err(format!("entry {id} has two payloads"));
            }
            if known.1 != previous {
                let other = known.1;
                return Err(format!(
                    "entry {id} follows an entry of term {previous} and of {other}"
                ));
            }
        }
        Ok(())
    }
}
