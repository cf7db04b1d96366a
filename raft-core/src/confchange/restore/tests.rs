use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::tracker::Progress;

const LIMITS: InflightLimits = InflightLimits { msgs: 4, bytes: 100 };

fn conf_state(
    voters: &[u64],
    learners: &[u64],
    voters_outgoing: &[u64],
    learners_next: &[u64],
    auto_leave: bool,
) -> ConfState {
    ConfState {
        voters: voters.to_vec(),
        learners: learners.to_vec(),
        voters_outgoing: voters_outgoing.to_vec(),
        learners_next: learners_next.to_vec(),
        auto_leave,
    }
}

/// etcd: confchange.TestRestore
#[test]
fn a_stored_configuration_is_the_one_that_a_node_starts_with() {
    for (stored, expected) in [
        (conf_state(&[], &[], &[], &[], false), "voters=()"),
        (conf_state(&[1, 2, 3], &[], &[], &[], false), "voters=(1 2 3)"),
        (conf_state(&[3, 1, 2], &[6, 5], &[], &[], false), "voters=(1 2 3) learners=(5 6)"),
        (
            conf_state(&[1, 2, 3], &[5], &[1, 2, 4, 6], &[4], false),
            "voters=(1 2 3)&&(1 2 4 6) learners=(5) learners_next=(4)",
        ),
        (conf_state(&[1], &[], &[1], &[], true), "voters=(1)&&(1) autoleave"),
        (conf_state(&[4], &[5], &[1, 2], &[], true), "voters=(4)&&(1 2) learners=(5) autoleave"),
    ] {
        let tracker = restore(&stored, LIMITS, 7).unwrap();
        assert_eq!(tracker.config.to_string(), expected);
        assert_eq!(tracker.inflight_limits, LIMITS);
    }
}

#[test]
fn nothing_is_known_of_the_members_of_a_stored_configuration() {
    let stored = conf_state(&[1, 2], &[5], &[2, 4], &[4], false);
    for (last_index, next_index) in [(0, 1), (1, 1), (90, 90)] {
        let tracker = restore(&stored, LIMITS, last_index).unwrap();
        let fresh = |is_learner| Progress {
            recent_active: true,
            ..Progress::new(next_index, LIMITS, is_learner)
        };
        let found: Vec<_> = tracker.progress.iter().map(|(id, p)| (id, p.clone())).collect();
        let expected =
            vec![(1, fresh(false)), (2, fresh(false)), (4, fresh(false)), (5, fresh(true))];
        assert_eq!(found, expected, "the last index is {last_index}");
    }
}

#[test]
fn a_stored_configuration_that_no_group_can_have_is_an_error() {
    let removed_all = "removed all voters";
    for (stored, expected) in [
        // Nobody votes.
        (conf_state(&[], &[1], &[], &[], false), removed_all),
        (conf_state(&[], &[], &[1], &[], false), removed_all),
        (conf_state(&[], &[2], &[1], &[], false), removed_all),
        (conf_state(&[], &[], &[1], &[1], false), removed_all),
        (conf_state(&[], &[], &[], &[1], false), removed_all),
        // The only voter is made a learner.
        (conf_state(&[1], &[1], &[], &[], false), removed_all),
        (conf_state(&[1], &[], &[], &[1], false), removed_all),
        (conf_state(&[1], &[1], &[2], &[], false), removed_all),
        // Node 0 is nobody.
        (conf_state(&[0], &[], &[], &[], false), removed_all),
        (conf_state(&[1], &[], &[0], &[], false), removed_all),
    ] {
        let error = restore(&stored, LIMITS, 7).unwrap_err();
        let ConfStateError::Invalid { conf_state, error } = error else {
            panic!("{error:?} for {stored:?}");
        };
        assert_eq!(*conf_state, stored);
        assert_eq!(error.to_string(), expected, "{stored:?}");
    }
}

#[test]
fn a_stored_configuration_that_would_become_another_one_is_an_error() {
    for (stored, becomes) in [
        // An id twice.
        (conf_state(&[1, 1], &[], &[], &[], false), conf_state(&[1], &[], &[], &[], false)),
        (conf_state(&[1], &[2, 2], &[], &[], false), conf_state(&[1], &[2], &[], &[], false)),
        (conf_state(&[1], &[], &[2, 2], &[], false), conf_state(&[1], &[], &[2], &[], false)),
        (conf_state(&[1], &[], &[2], &[2, 2], false), conf_state(&[1], &[], &[2], &[2], false)),
        // Voter and learner.
        (conf_state(&[1, 2], &[2], &[], &[], false), conf_state(&[1], &[2], &[], &[], false)),
        (conf_state(&[1, 2], &[], &[2], &[2], false), conf_state(&[1], &[], &[2], &[2], false)),
        // A learner that still votes has to wait for it.
        (conf_state(&[1], &[2], &[2], &[], false), conf_state(&[1], &[], &[2], &[2], false)),
        (conf_state(&[1], &[2], &[2], &[2], false), conf_state(&[1], &[], &[2], &[2], false)),
        // One that does not vote has nothing to wait for.
        (conf_state(&[1], &[], &[], &[2], false), conf_state(&[1], &[2], &[], &[], false)),
        (conf_state(&[1], &[], &[3], &[2], false), conf_state(&[1], &[2], &[3], &[], false)),
        // Nothing to leave.
        (conf_state(&[1], &[], &[], &[], true), conf_state(&[1], &[], &[], &[], false)),
        (conf_state(&[], &[], &[], &[], true), conf_state(&[], &[], &[], &[], false)),
        // Node 0 is nobody.
        (conf_state(&[1, 0], &[], &[], &[], false), conf_state(&[1], &[], &[], &[], false)),
        (conf_state(&[1], &[0], &[], &[], false), conf_state(&[1], &[], &[], &[], false)),
        (conf_state(&[1], &[], &[2, 0], &[], false), conf_state(&[1], &[], &[2], &[], false)),
    ] {
        let error = restore(&stored, LIMITS, 7).unwrap_err();
        let expected =
            ConfStateError::NotEquivalent { conf_state: stored.into(), restored: becomes.into() };
        assert_eq!(error, expected);
    }
}

/// What a node is in a configuration.
#[derive(Clone, Copy, Debug)]
enum Place {
    Nowhere,
    Incoming,
    Outgoing,
    Both,
    Learner,
    /// A voter of the outgoing half.
    LearnerNext,
}

/// Any configuration that a group can have, each list in any order.
fn valid() -> impl Strategy<Value = ConfState> {
    use Place::{Both, Incoming, Learner, LearnerNext, Nowhere, Outgoing};
    let simple = prop::collection::vec(select(vec![Nowhere, Incoming, Learner]), 8);
    let place = select(vec![Nowhere, Incoming, Outgoing, Both, Learner, LearnerNext]);
    let joint = (prop::collection::vec(place, 8), any::<bool>());
    // Node 1 makes sure that somebody votes, and in which halves.
    let places = prop_oneof![
        simple.prop_map(|places| (places, Incoming, false)),
        joint.prop_map(|(places, auto_leave)| (places, Both, auto_leave)),
    ];
    let in_order = places.prop_map(|(places, first, auto_leave)| {
        let mut state = ConfState { auto_leave, ..ConfState::default() };
        for (id, place) in (1..).zip([first].into_iter().chain(places)) {
            match place {
                Nowhere => {}
                Incoming => state.voters.push(id),
                Outgoing => state.voters_outgoing.push(id),
                Both => {
                    state.voters.push(id);
                    state.voters_outgoing.push(id);
                }
                Learner => state.learners.push(id),
                LearnerNext => {
                    state.voters_outgoing.push(id);
                    state.learners_next.push(id);
                }
            }
        }
        state
    });
    in_order.prop_flat_map(|state| {
        let lists = (
            Just(state.voters).prop_shuffle(),
            Just(state.learners).prop_shuffle(),
            Just(state.voters_outgoing).prop_shuffle(),
            Just(state.learners_next).prop_shuffle(),
        );
        let auto_leave = state.auto_leave;
        lists.prop_map(move |(voters, learners, voters_outgoing, learners_next)| ConfState {
            voters,
            learners,
            voters_outgoing,
            learners_next,
            auto_leave,
        })
    })
}

fn lists(state: &mut ConfState) -> [&mut Vec<u64>; 4] {
    let ConfState { voters, learners, voters_outgoing, learners_next, .. } = state;
    [voters, learners, voters_outgoing, learners_next]
}

proptest! {
    /// etcd: confchange.TestRestore
    #[test]
    fn every_valid_configuration_comes_back_as_it_was_stored(stored in valid()) {
        let tracker = restore(&stored, LIMITS, 7).unwrap();
        let mut sorted = stored.clone();
        lists(&mut sorted).into_iter().for_each(|ids| ids.sort_unstable());
        prop_assert_eq!(tracker.config.conf_state(), sorted);

        let ids = tracker.config.voters.ids();
        for id in 0..12 {
            let learner = stored.learners.contains(&id);
            let progress = tracker.progress.get(id);
            prop_assert_eq!(progress.is_some(), ids.contains(id) || learner);
            prop_assert_eq!(progress.is_some_and(|progress| progress.is_learner), learner);
        }
    }

    #[test]
    fn a_valid_configuration_with_an_id_doubled_is_an_error(
        stored in valid(), list in 0usize..4, at in any::<prop::sample::Index>()
    ) {
        let mut doubled = stored;
        let ids = &mut lists(&mut doubled)[list];
        prop_assume!(!ids.is_empty());
        let id = ids[at.index(ids.len())];
        ids.push(id);
        let result = restore(&doubled, LIMITS, 7);
        prop_assert!(matches!(result, Err(ConfStateError::NotEquivalent { .. })), "{:?}", result);
    }
}
