//! What a leader has taken of proposals and not applied yet.

use std::collections::{BTreeMap, VecDeque};

use raft_proto::Entries;

use crate::sim::board::leads;
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct Uncommitted {
    /// The payload of each entry that is not applied, where there is one.
    sizes: BTreeMap<u64, u64>,
    /// The last index of each proposal since it leads.
    ends: VecDeque<u64>,
    /// The term in which it leads.
    term: u64,
    last: u64,
    /// The end of the log that it started with, whose sizes are not known.
    found: Option<u64>,
    /// Whether the node counts only what was proposed to it. A leader starts to count at 0, and takes off
    /// also what it has inherited, until nothing is left.
    exact: bool,
}

impl Uncommitted {
    pub(super) fn note_sizes(&mut self, entries: &Entries) {
        let Some(first) = entries.first() else { return };
        self.sizes.split_off(&first.index);
        let sizes = entries.iter().map(|entry| (entry.index, entry.data.len() as u64));
        self.sizes.extend(sizes.filter(|(_, size)| *size > 0));
    }

    /// Whether no more than `limit` waits, or one proposal alone.
    pub(super) fn judge(&mut self, limit: u64, node: &dyn Glance) -> Result<(), String> {
        let (status, last) = (node.status(), node.last_entry_id().index);
        self.sizes = self.sizes.split_off(&(status.applied + 1));
        let found = *self.found.get_or_insert(last);
        if limit == 0 || !leads(status.soft_state) {
            (self.term, self.exact) = (0, false);
            return Ok(());
        }
        if self.term != status.hard_state.term {
            (self.term, self.last) = (status.hard_state.term, last);
            self.ends.clear();
        }
        if last > self.last {
            self.ends.push_back(last);
            self.last = last;
        }
        while self.ends.front().is_some_and(|end| *end <= status.applied) {
            self.ends.pop_front();
        }
        self.exact |= self.sizes.is_empty() && status.applied >= found;
        let bytes: u64 = self.sizes.values().sum();
        if self.exact && bytes > limit && self.proposals() > 1 {
            return Err(format!("{bytes} bytes of proposals wait, and not {limit}"));
        }
        Ok(())
    }

    /// How many proposals have a payload that waits.
    fn proposals(&self) -> usize {
        let proposal = |index: &u64| self.ends.partition_point(|end| end < index);
        let mut proposals: Vec<_> = self.sizes.keys().map(proposal).collect();
        proposals.dedup();
        proposals.len()
    }
}
