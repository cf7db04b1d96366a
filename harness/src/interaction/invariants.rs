//! What must hold in every state of an environment, whatever a script did to it.

use std::collections::BTreeMap;

use raft_core::{EntryId, Storage, StorageError, describe};
use raft_proto::{Entry, HardState};
use thiserror::Error;

use super::environment::Environment;
use super::node::ScriptNode;

/// Something that must never happen (Raft §5, figure 3).
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(super) enum Violation {
    #[error("nodes {first} and {second} both led in term {term}")]
    TwoLeaders { term: u64, first: u64, second: u64 },
    #[error("committed entries differ: node {node} has {entry}, another has {other}")]
    CommittedDiffer { node: u64, entry: String, other: String },
    #[error(
        "logs do not match: node {node} has {entry} after term {previous}, another has {other} \
         after term {other_previous}"
    )]
    LogsDiffer { node: u64, entry: String, previous: u64, other: String, other_previous: u64 },
    #[error("snapshot of node {node} ends with {snapshot}, committed there is {committed}")]
    SnapshotDiffers { node: u64, snapshot: EntryId, committed: EntryId },
    #[error("{what} of node {node} went from {from} back to {to}")]
    Regressed { node: u64, what: &'static str, from: u64, to: u64 },
    #[error("node {node} voted for {first} and for {second} in term {term}")]
    TwoVotes { node: u64, term: u64, first: u64, second: u64 },
    #[error("node {node} has applied {applied}, beyond its commit index {commit}")]
    AppliedBeyondCommit { node: u64, applied: u64, commit: u64 },
    #[error("the log of node {node} cannot be read: {error}")]
    Unreadable { node: u64, error: String },
}

/// What has been seen of an environment so far, and what of it can no longer change.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    /// The leader of each term.
    leaders: BTreeMap<u64, u64>,
    /// Each entry that ever was in a log, with the term of the one before it. That an entry's id
    /// determines both is the Log Matching property, by induction.
    entries: BTreeMap<EntryId, (Entry, u64)>,
    /// Each entry that is committed, by index.
    committed: BTreeMap<u64, Entry>,
    nodes: BTreeMap<u64, LastSeen>,
}

/// A node as it was when it was looked at last.
#[derive(Clone, Copy, Debug)]
struct LastSeen {
    incarnation: u32,
    hard_state: HardState,
}

impl Observed {
    pub(super) fn committed(&self) -> &BTreeMap<u64, Entry> {
        &self.committed
    }

    /// Looks at `environment`, and compares with what was seen before.
    pub(super) fn look_at(&mut self, environment: &Environment) -> Result<(), Violation> {
        for election in environment.elections() {
            let first = *self.leaders.entry(election.term).or_insert(election.leader);
            if first != election.leader {
                let second = election.leader;
                return Err(Violation::TwoLeaders { term: election.term, first, second });
            }
        }
        for node in &environment.nodes {
            self.look_at_marks(node)?;
            self.look_at_log(node)?;
            for entry in node.applied() {
                self.look_at_committed(node.id(), entry)?;
            }
            self.look_at_snapshot(node)?;
        }
        Ok(())
    }

    fn look_at_marks(&mut self, node: &ScriptNode) -> Result<(), Violation> {
        let id = node.id();
        let status = node.status().basic;
        let now = LastSeen { incarnation: node.incarnation(), hard_state: status.hard_state };
        let HardState { term, vote, commit } = now.hard_state;
        if status.applied > commit {
            return Err(Violation::AppliedBeyondCommit {
                node: id,
                applied: status.applied,
                commit,
            });
        }
        // A restarted node has lost what it had not written.
        let before = self.nodes.insert(id, now).filter(|seen| seen.incarnation == now.incarnation);
        let Some(LastSeen { hard_state: before, .. }) = before else { return Ok(()) };
        for (what, from, to) in
            [("term", before.term, term), ("commit index", before.commit, commit)]
        {
            if to < from {
                return Err(Violation::Regressed { node: id, what, from, to });
            }
        }
        if term == before.term && before.vote != 0 && vote != before.vote {
            return Err(Violation::TwoVotes { node: id, term, first: before.vote, second: vote });
        }
        Ok(())
    }

    fn look_at_log(&mut self, node: &ScriptNode) -> Result<(), Violation> {
        let id = node.id();
        let unreadable =
            |error: StorageError| Violation::Unreadable { node: id, error: error.to_string() };
        let storage = node.storage();
        let before_first = storage.first_index().map_err(unreadable)? - 1;
        let mut previous = storage.term(before_first).map_err(unreadable)?;
        // The written commit index goes with the written log. The node's own may be ahead of both:
        // what it commits may replace what is still there.
        let commit = storage.initial_state().map_err(unreadable)?.hard_state.commit;
        for entry in &storage.log().map_err(unreadable)? {
            let seen = self.entries.entry(EntryId::of(entry));
            let (other, other_previous) = seen.or_insert_with(|| (entry.clone(), previous));
            if (&*other, *other_previous) != (entry, previous) {
                return Err(Violation::LogsDiffer {
                    node: id,
                    entry: describe::entry(entry).to_string(),
                    previous,
                    other: describe::entry(other).to_string(),
                    other_previous: *other_previous,
                });
            }
            previous = entry.term;
            if entry.index <= commit {
                self.look_at_committed(id, entry)?;
            }
        }
        Ok(())
    }

    fn look_at_committed(&mut self, node: u64, entry: &Entry) -> Result<(), Violation> {
        let other = self.committed.entry(entry.index).or_insert_with(|| entry.clone());
        if other == entry {
            return Ok(());
        }
        let [entry, other] = [entry, other].map(|entry| describe::entry(entry).to_string());
        Err(Violation::CommittedDiffer { node, entry, other })
    }

    fn look_at_snapshot(&self, node: &ScriptNode) -> Result<(), Violation> {
        let snapshot = node.storage().memory.last_snapshot();
        let snapshot = EntryId::new(snapshot.term(), snapshot.index());
        let Some(committed) = self.committed.get(&snapshot.index) else { return Ok(()) };
        if committed.term == snapshot.term {
            return Ok(());
        }
        let committed = EntryId::of(committed);
        Err(Violation::SnapshotDiffers { node: node.id(), snapshot, committed })
    }
}

#[cfg(test)]
mod tests;
