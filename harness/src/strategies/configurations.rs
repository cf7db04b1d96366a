//! Who belongs to a group, and how that changes.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use raft_core::confchange::restore;
use raft_core::tracker::{Configuration, InflightLimits};
use raft_proto::{ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState};

/// What a node is in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Nowhere,
    Voter,
    /// A voter that goes.
    Outgoing,
    /// A voter of both halves.
    Both,
    Learner,
    /// A voter that becomes a learner.
    LearnerNext,
}

/// Configurations of nodes `1..=highest`, as they are stored and sent: any that a group can have, joint
/// ones included. Shrinks to node 1 alone.
pub fn conf_states(highest: u64) -> impl Strategy<Value = ConfState> {
    use Place::{Both, Learner, LearnerNext, Nowhere, Outgoing, Voter};
    let others = highest.saturating_sub(1) as usize;
    let simple = vec(select(vec![Nowhere, Voter, Learner]), others);
    let place = select(vec![Nowhere, Both, Voter, Outgoing, Learner, LearnerNext]);
    let joint = (vec(place, others), any::<bool>());
    // Node 1 makes sure that somebody votes, in each half that there is.
    prop_oneof![
        simple.prop_map(|places| conf_state(Voter, places, false)),
        joint.prop_map(|(places, auto_leave)| conf_state(Both, places, auto_leave)),
    ]
}

fn conf_state(first: Place, others: Vec<Place>, auto_leave: bool) -> ConfState {
    let mut state = ConfState { auto_leave, ..ConfState::default() };
    for (id, place) in (1..).zip([first].into_iter().chain(others)) {
        let is_in = |places: &[Place]| places.contains(&place);
        if is_in(&[Place::Voter, Place::Both]) {
            state.voters.push(id);
        }
        if is_in(&[Place::Outgoing, Place::Both, Place::LearnerNext]) {
            state.voters_outgoing.push(id);
        }
        if is_in(&[Place::Learner]) {
            state.learners.push(id);
        }
        if is_in(&[Place::LearnerNext]) {
            state.learners_next.push(id);
        }
    }
    state
}

/// The same, as a node holds them.
pub fn configurations(highest: u64) -> impl Strategy<Value = Configuration> {
    conf_states(highest).prop_map(|stored| {
        let limits = InflightLimits { msgs: 1, bytes: 0 };
        restore(&stored, limits, 0).expect("a configuration that a group can have").config
    })
}

/// Changes that name nodes `0..=highest`: those that can be applied to some configuration, and those
/// that can be applied to none.
pub fn conf_changes(highest: u64) -> impl Strategy<Value = ConfChangeV2> {
    let kind = select(vec![
        ConfChangeType::AddNode,
        ConfChangeType::RemoveNode,
        ConfChangeType::AddLearnerNode,
        ConfChangeType::UpdateNode,
    ]);
    let transition = select(vec![
        ConfChangeTransition::Auto,
        ConfChangeTransition::JointImplicit,
        ConfChangeTransition::JointExplicit,
    ]);
    let single = (kind, 0..=highest).prop_map(|(kind, id)| ConfChangeSingle::new(kind, id));
    (transition, vec(single, 0..4))
        .prop_map(|(transition, changes)| ConfChangeV2::new(transition, changes))
}
