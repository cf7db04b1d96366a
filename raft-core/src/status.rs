//! Floor 6. What a node looks like from outside.

use alloc::vec::Vec;
use core::fmt;

use raft_proto::HardState;

use crate::event::Observer;
use crate::raft::Raft;
use crate::ready::SoftState;
use crate::storage::Storage;
use crate::tracker::{Configuration, Progress};

/// The part of a node's status that costs nothing to have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BasicStatus {
    /// The node's id.
    pub id: u64,
    /// Term, vote and commit index.
    pub hard_state: HardState,
    /// Leader and role.
    pub soft_state: SoftState,
    /// The applied index.
    pub applied: u64,
    /// Who is to lead next; 0 when no transfer is under way.
    pub lead_transferee: u64,
}

/// A node's status. Its text form is JSON, as etcd prints it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// The cheap part.
    pub basic: BasicStatus,
    /// The configuration.
    pub config: Configuration,
    /// What a leader knows of each member, ascending by id; empty on the other roles.
    pub progress: Vec<(u64, Progress)>,
}

/// What a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProgressKind {
    /// A voter, in either half.
    Peer,
    /// A learner.
    Learner,
}

impl<S: Storage, O: Observer> Raft<S, O> {
    pub(crate) fn soft_state(&self) -> SoftState {
        SoftState { leader_id: self.leader_id(), role: self.role.name() }
    }

    pub(crate) fn basic_status(&self) -> BasicStatus {
        BasicStatus {
            id: self.node.id(),
            hard_state: self.hard_state(),
            soft_state: self.soft_state(),
            applied: self.node.log.applied(),
            lead_transferee: self.transferee(),
        }
    }

    pub(crate) fn status(&self) -> Status {
        let tracker = &self.node.tracker;
        let progress = match self.role.leader() {
            Some(_) => tracker.progress.iter().map(|(id, p)| (id, p.clone())).collect(),
            None => Vec::new(),
        };
        Status { basic: self.basic_status(), config: tracker.config.clone(), progress }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BasicStatus { id, hard_state, soft_state, applied, lead_transferee } = &self.basic;
        write!(
            f,
            r#"{{"id":"{id:x}","term":{},"vote":"{:x}","commit":{},"lead":"{:x}","raftState":"{}","applied":{applied},"progress":{{"#,
            hard_state.term,
            hard_state.vote,
            hard_state.commit,
            soft_state.leader_id,
            soft_state.role,
        )?;
        for (i, (id, progress)) in self.progress.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            write!(
                f,
                r#"{comma}"{id:x}":{{"match":{},"next":{},"state":"{}"}}"#,
                progress.match_index, progress.next_index, progress.state
            )?;
        }
        write!(f, r#"}},"leadtransferee":"{lead_transferee:x}"}}"#)
    }
}
