//! A node's log follows the leader of the node's own term, and nobody of an earlier one (Raft §5.1).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use raft_core::EntryId;

use crate::sim::board::{Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct OneMaster {
    /// By term: the log with which its leader was elected.
    elected: BTreeMap<u64, Terms>,
    /// Term and last entry of each running node.
    last: BTreeMap<u64, (u64, EntryId)>,
}

/// Where each term is in a log.
#[derive(Debug)]
struct Terms {
    /// What was below is compacted, and so committed.
    known_from: u64,
    ranges: BTreeMap<u64, RangeInclusive<u64>>,
}

impl Terms {
    fn of(node: &dyn Glance) -> Self {
        let (mut end, mut ranges) = (node.last_entry_id().index, BTreeMap::new());
        while let Some(term) = node.term_at(end).filter(|term| *term > 0) {
            // Terms never fall along a log.
            let (mut below, mut first) = (0, end);
            while below + 1 < first {
                let middle = below + (first - below) / 2;
                match node.term_at(middle) == Some(term) {
                    true => first = middle,
                    false => below = middle,
                }
            }
            ranges.insert(term, first..=end);
            end = first - 1;
        }
        Self { known_from: end + 1, ranges }
    }

    fn may_hold(&self, entry: EntryId) -> bool {
        let range = self.ranges.get(&entry.term);
        entry.index < self.known_from || range.is_some_and(|range| range.contains(&entry.index))
    }
}

impl Checker for OneMaster {
    fn rule(&self) -> &'static str {
        "a log follows the leader of the term"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match (fact, scene.glance) {
            (Fact::Led { term }, Some(node)) => {
                self.elected.insert(*term, Terms::of(node));
            }
            (Fact::Crashed, _) => {
                self.last.remove(&scene.node);
            }
            _ => {}
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let status = node.status();
        let (term, last) = (status.hard_state.term, node.last_entry_id());
        let changed_in_term = match self.last.insert(scene.node, (term, last)) {
            Some((before, end)) => before == term && end != last,
            None => false,
        };
        if !changed_in_term || leads(status.soft_state) {
            return Ok(Judged::Nothing);
        }
        let elected = self.elected.get(&term);
        match last.term == term || elected.is_some_and(|terms| terms.may_hold(last)) {
            true => Ok(Judged::Sound),
            false => Err(format!(
                "in term {term} its log has come to end at {last}, which that leader has not sent"
            )),
        }
    }
}
