//! Who belongs to the group.

use super::*;

fn majority(ids: &[u64]) -> MajorityConfig {
    MajorityConfig(ids.iter().copied().collect())
}

/// A tracker with these voters and learners, each with a progress of its own.
fn tracker(incoming: &[u64], outgoing: &[u64], learners: &[u64]) -> Tracker {
    let mut tracker = Tracker::new(LIMITS);
    tracker.config.voters =
        JointConfig { incoming: majority(incoming), outgoing: majority(outgoing) };
    tracker.config.learners = learners.iter().copied().collect();
    for &id in incoming.iter().chain(outgoing) {
        tracker.progress.insert(id, Progress::new(1, LIMITS, false));
    }
    for &id in learners {
        tracker.progress.insert(id, Progress::new(1, LIMITS, true));
    }
    tracker
}

#[test]
fn a_new_tracker_knows_nobody_and_its_limits() {
    let tracker = Tracker::new(LIMITS);
    assert_eq!(tracker.config, Configuration::default());
    assert_eq!((tracker.progress.iter().len(), tracker.inflight_limits), (0, LIMITS));
}

#[test]
fn one_voter_alone_decides_only_when_nobody_else_votes() {
    for (incoming, outgoing, learners, expected) in [
        (&[][..], &[][..], &[][..], false),
        (&[1], &[], &[], true),
        (&[1], &[], &[2, 3], true),
        (&[1, 2], &[], &[], false),
        (&[1], &[1], &[], false),
        (&[1], &[1, 2], &[], false),
    ] {
        let tracker = tracker(incoming, outgoing, learners);
        assert_eq!(tracker.is_singleton(), expected, "{}", tracker.config);
    }
}

#[test]
fn the_commit_index_is_what_a_quorum_of_each_half_holds() {
    for (incoming, outgoing, learners, matched, expected) in [
        (&[1][..], &[][..], &[][..], &[(1, 7)][..], 7),
        (&[1, 2], &[], &[], &[(1, 7), (2, 5)], 5),
        (&[1, 2, 3], &[], &[], &[(1, 7), (2, 5), (3, 6)], 6),
        (&[1, 2, 3], &[], &[], &[(1, 7)], 0),
        // Learners hold what they like.
        (&[1, 2, 3], &[], &[4, 5], &[(1, 7), (2, 5), (4, 9), (5, 9)], 5),
        // Each half by itself.
        (&[1, 2], &[3], &[], &[(1, 7), (2, 5), (3, 4)], 4),
        (&[1, 2], &[3], &[], &[(1, 7), (2, 5), (3, 9)], 5),
    ] {
        let mut tracker = tracker(incoming, outgoing, learners);
        for &(id, index) in matched {
            tracker.progress.get_mut(id).unwrap().match_index = index;
        }
        assert_eq!(tracker.committed(), expected, "{}, {matched:?}", tracker.config);
    }
}

#[test]
fn a_quorum_is_active_when_enough_voters_of_each_half_were_heard() {
    for (incoming, outgoing, learners, heard, expected) in [
        (&[1][..], &[][..], &[][..], &[][..], false),
        (&[1], &[], &[], &[1], true),
        (&[1, 2, 3], &[], &[], &[1], false),
        (&[1, 2, 3], &[], &[], &[1, 3], true),
        // Learners do not count, nor do they stand in the way.
        (&[1, 2, 3], &[], &[4, 5], &[1, 4, 5], false),
        (&[1, 2], &[], &[4, 5, 6], &[1, 2], true),
        // Each half by itself.
        (&[1, 2], &[3, 4], &[], &[1, 2], false),
        (&[1, 2], &[3, 4], &[], &[1, 2, 3], false),
        (&[1, 2], &[3, 4], &[], &[1, 2, 3, 4], true),
    ] {
        let mut tracker = tracker(incoming, outgoing, learners);
        for &id in heard {
            tracker.progress.get_mut(id).unwrap().recent_active = true;
        }
        assert_eq!(tracker.quorum_active(), expected, "{}, {heard:?}", tracker.config);
    }
}

#[test]
fn a_voter_whose_progress_is_a_learners_does_not_make_a_quorum_active() {
    let mut tracker = tracker(&[1, 2], &[], &[]);
    for (_, progress) in tracker.progress.iter_mut() {
        progress.recent_active = true;
    }
    assert!(tracker.quorum_active());
    tracker.progress.get_mut(2).unwrap().is_learner = true;
    assert!(!tracker.quorum_active());
}

#[test]
fn a_leader_begins_with_all_that_are_there_and_what_it_holds_itself() {
    let mut tracker = tracker(&[4, 2], &[1, 2], &[3]);
    tracker.progress = ProgressMap::default();
    let first = tracker.first_progress(2, 11);
    let unknown = |is_learner| Progress::new(12, LIMITS, is_learner);
    let own = Progress { match_index: 11, ..unknown(false) };
    let expected = vec![(1, unknown(false)), (2, own), (3, unknown(true)), (4, unknown(false))];
    let found: Vec<_> = first.iter().map(|(id, p)| (id, p.clone())).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_incoming_half_is_the_one_that_stays() {
    assert_eq!(tracker(&[1, 2], &[3], &[]).incoming(), &majority(&[1, 2]));
}

#[test]
fn members_come_in_ascending_order_however_they_were_added() {
    let mut map = ProgressMap::default();
    for id in [7, 1, 300, 4] {
        map.insert(id, Progress::new(id, LIMITS, false));
    }
    let ids = |map: &ProgressMap| map.iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(&map), [1, 4, 7, 300]);
    let at: Vec<_> = (0..5).map(|at| map.id_at(at)).collect();
    assert_eq!(at, [Some(1), Some(4), Some(7), Some(300), None]);

    map.insert(4, Progress::new(40, LIMITS, true));
    assert_eq!(ids(&map), [1, 4, 7, 300], "it replaces the one that was there");
    assert_eq!(map.get(4), Some(&Progress::new(40, LIMITS, true)));
    assert_eq!(map.get(7).map(|progress| progress.next_index), Some(7));
    assert_eq!(map.get(5), None);
    assert_eq!(map.get_mut(5), None);

    map.get_mut(7).unwrap().match_index = 6;
    assert_eq!(map.get(7).map(|progress| progress.match_index), Some(6));
    map.iter_mut().for_each(|(id, progress)| progress.sent_commit = id);
    assert_eq!(map.get(300).map(|progress| progress.sent_commit), Some(300));

    map.remove(5);
    map.remove(1);
    assert_eq!(ids(&map), [4, 7, 300]);
    assert_eq!(map.get(1), None);
}

#[test]
fn members_are_shown_one_a_line() {
    let mut map = ProgressMap::default();
    map.insert(10, Progress { recent_active: true, ..progress(Replicate, 5, 6) });
    map.insert(2, Progress { is_learner: true, ..progress(Probe, 0, 1) });
    assert_eq!(
        map.to_string(),
        "2: StateProbe match=0 next=1 learner inactive\n10: StateReplicate match=5 next=6\n"
    );
}

fn joint() -> Configuration {
    Configuration {
        voters: JointConfig { incoming: majority(&[10, 1]), outgoing: majority(&[3, 1, 2]) },
        learners: [5, 4].into_iter().collect(),
        learners_next: [3, 2].into_iter().collect(),
        auto_leave: true,
    }
}

#[test]
fn a_configuration_shows_what_it_has() {
    for (config, expected) in [
        (Configuration::default(), "voters=()"),
        (tracker(&[2, 1], &[], &[]).config, "voters=(1 2)"),
        (tracker(&[2, 1], &[], &[17, 3]).config, "voters=(1 2) learners=(3 11)"),
        (tracker(&[1], &[1, 2], &[]).config, "voters=(1)&&(1 2)"),
        (
            Configuration { auto_leave: true, ..tracker(&[1], &[1, 2], &[]).config },
            "voters=(1)&&(1 2) autoleave",
        ),
        (joint(), "voters=(1 a)&&(1 2 3) learners=(4 5) learners_next=(2 3) autoleave"),
    ] {
        assert_eq!(config.to_string(), expected);
    }
}

#[test]
fn a_configuration_is_stored_with_all_its_parts() {
    let expected = ConfState {
        voters: vec![1, 10],
        voters_outgoing: vec![1, 2, 3],
        learners: vec![4, 5],
        learners_next: vec![2, 3],
        auto_leave: true,
    };
    assert_eq!(joint().conf_state(), expected);
    assert_eq!(Configuration::default().conf_state(), ConfState::default());
}
