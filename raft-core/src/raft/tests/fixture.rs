//! What the tests are made of: machines in every role, a network of nodes, and words for both.

mod machine;
mod message;
mod network;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

pub(crate) use self::machine::{Machine, Setup};
pub(crate) use self::message::{
    Compose, append, change, entries, explicit, from, implicit, leave, snapshot, texts, v1, voters,
};
pub(crate) use self::network::Network;
use crate::config::Compat;
use crate::event::{Event, Level, Observer, StateRole};

/// For what must not depend on whose rules count.
pub(crate) const BOTH: [Compat; 2] = [Compat::Strict, Compat::Etcd];

/// For what must not depend on the role.
pub(crate) const ROLES: [StateRole; 4] =
    [StateRole::Follower, StateRole::PreCandidate, StateRole::Candidate, StateRole::Leader];

/// Writes down what a node tells its observer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    events: Vec<(Level, String)>,
}

impl Observer for Recorder {
    fn on_event(&mut self, event: &Event<'_>) {
        self.events.push((event.level(), event.to_string()));
    }
}

impl Recorder {
    /// What was told since the last call.
    pub(crate) fn take(&mut self) -> Vec<(Level, String)> {
        core::mem::take(&mut self.events)
    }
}

pub(crate) fn follower_of(voters: u64) -> Machine {
    Setup::of(voters).follower()
}

pub(crate) fn pre_candidate_of(voters: u64) -> Machine {
    Setup::of(voters).pre_candidate()
}

pub(crate) fn candidate_of(voters: u64) -> Machine {
    Setup::of(voters).candidate()
}

/// A leader whose first entry is on its own disk, and on its way to the others.
pub(crate) fn leader_of(voters: u64) -> Machine {
    Setup::of(voters).leader()
}

/// A leader of peers that have acknowledged all there is.
pub(crate) fn steady_leader_of(voters: u64) -> Machine {
    Setup::of(voters).steady_leader()
}
