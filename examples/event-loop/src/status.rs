//! What a node answers when it is asked how it is.

use std::fmt;

use raft_core::{BasicStatus, StateRole};

pub(crate) struct Status {
    pub(crate) raft: BasicStatus,
    /// Where its last snapshot was taken.
    pub(crate) snapshot: u64,
    /// How many lines its list has.
    pub(crate) lines: u64,
    pub(crate) members: Vec<u64>,
}

impl Status {
    pub(crate) fn leads_in(&self, term: u64) -> bool {
        self.raft.soft_state.role == StateRole::Leader && self.raft.hard_state.term == term
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BasicStatus { hard_state, soft_state, applied, .. } = &self.raft;
        write!(
            f,
            "{:?} in term {}, leader {}, commit {}, applied {applied}, snapshot {}, {} entries, \
             members {:?}",
            soft_state.role,
            hard_state.term,
            soft_state.leader_id,
            hard_state.commit,
            self.snapshot,
            self.lines,
            self.members,
        )
    }
}
