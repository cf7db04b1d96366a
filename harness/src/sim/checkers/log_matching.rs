//! Log Matching: two logs with an entry of the same index and term are equal up to there (Raft §5.3).

use std::collections::BTreeMap;

use raft_core::EntryId;
use raft_proto::Entries;

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::image::Mark;
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct LogMatching {
    /// Each entry that ever was in a log, with its hash and the term of the one before it. That an
    /// entry's id determines both is Log Matching, by induction.
    entries: BTreeMap<EntryId, (u64, u64)>,
    /// The ends of what each node has asked its append thread for last.
    queued: BTreeMap<u64, Vec<EntryId>>,
}

impl Checker for LogMatching {
    fn rule(&self) -> &'static str {
        "log matching"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match fact {
            Fact::Handed { entries } => {
                scene.glance.map_or(Ok(Judged::Nothing), |node| self.compare(node, entries))
            }
            Fact::Queued { entries } => {
                let ends = [entries.first(), entries.last()].map(|entry| entry.map(EntryId::of));
                self.queued.insert(scene.node, ends.into_iter().flatten().collect());
                Ok(Judged::Nothing)
            }
            Fact::Crashed => {
                self.queued.remove(&scene.node);
                Ok(Judged::Nothing)
            }
            _ => Ok(Judged::Nothing),
        }
    }

    /// A node reads its log in memory and from its disk, and the two are one. What it has asked to be
    /// written last is in it until something else is asked for.
    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let queued = self.queued.get(&scene.node).into_iter().flatten();
        for entry in queued.copied().chain([node.last_entry_id()]) {
            // What is compacted is in no log any more.
            if let Some(term) = node.term_at(entry.index)
                && term != entry.term
            {
                return Err(format!("{entry} is in the log, and reads as {term}/{}", entry.index));
            }
        }
        Ok(Judged::Sound)
    }
}

impl LogMatching {
    fn compare(&mut self, node: &dyn Glance, entries: &Entries) -> Result<Judged, String> {
        let Some(first) = entries.first() else { return Ok(Judged::Nothing) };
        let mut judged = Judged::Nothing;
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
            judged = Judged::Sound;
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
        Ok(judged)
    }
}
