//! Floor 5. The roles, each with the data that only it has.

use alloc::boxed::Box;

use super::candidate::Candidate;
use super::follower::Follower;
use super::leader::Leader;
use crate::event::StateRole;
use crate::types::NONE;

/// What a node is in its term.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Role {
    Follower(Follower),
    // These are apart, so that the many nodes that follow are small.
    PreCandidate(Box<Candidate>),
    Candidate(Box<Candidate>),
    Leader(Box<Leader>),
}

impl Role {
    pub(crate) fn name(&self) -> StateRole {
        match self {
            Self::Follower(_) => StateRole::Follower,
            Self::PreCandidate(_) => StateRole::PreCandidate,
            Self::Candidate(_) => StateRole::Candidate,
            Self::Leader(_) => StateRole::Leader,
        }
    }

    /// The leader that node `own_id` knows of; 0 when it knows none.
    pub(crate) fn leader_id(&self, own_id: u64) -> u64 {
        match self {
            Self::Follower(follower) => follower.leader,
            Self::PreCandidate(_) | Self::Candidate(_) => NONE,
            Self::Leader(_) => own_id,
        }
    }

    pub(crate) fn leader(&self) -> Option<&Leader> {
        match self {
            Self::Leader(leader) => Some(leader),
            _ => None,
        }
    }
}
