use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

use ProgressState::{Probe, Replicate, Snapshot};

const LIMITS: InflightLimits = InflightLimits { msgs: 4, bytes: 0 };

fn progress(state: ProgressState, match_index: u64, next_index: u64) -> Progress {
    Progress { state, match_index, ..Progress::new(next_index, LIMITS, false) }
}

/// A progress in which every part has a value of its own: what a change does not touch must still
/// have it afterwards.
fn busy(state: ProgressState) -> Progress {
    let mut progress = Progress {
        pending_snapshot: if state == Snapshot { 9 } else { 0 },
        recent_active: true,
        is_learner: true,
        sent_commit: 6,
        append_paused: true,
        due: AppendDue::WithEntries,
        ..progress(state, 3, 7)
    };
    progress.inflights.add(6, 100);
    progress
}

fn inflights(last_indexes: &[u64]) -> Inflights {
    let mut inflights = Inflights::new(LIMITS);
    last_indexes.iter().for_each(|&index| inflights.add(index, 10));
    inflights
}

// Progress.

#[test]
fn nothing_is_known_of_a_new_peer() {
    let new = Progress::new(8, LIMITS, true);
    assert_eq!((new.match_index, new.next_index, new.state), (0, 8, Probe));
    assert_eq!(new.inflights, Inflights::new(LIMITS));
    assert!(new.is_learner && !new.recent_active && !new.is_paused());
    assert_eq!((new.sent_commit, new.due, new.pending_snapshot), (0, AppendDue::No, 0));
    assert!(!Progress::new(8, LIMITS, false).is_learner);
}

/// etcd: tracker.TestProgressString
#[test]
fn a_progress_shows_what_is_unusual_about_it() {
    let active = |state, match_index, next_index| Progress {
        recent_active: true,
        ..progress(state, match_index, next_index)
    };
    for (progress, expected) in [
        (active(Probe, 0, 1), "StateProbe match=0 next=1"),
        (active(Replicate, 10, 25), "StateReplicate match=10 next=25"),
        (progress(Probe, 1, 2), "StateProbe match=1 next=2 inactive"),
        (
            Progress { is_learner: true, ..active(Replicate, 1, 2) },
            "StateReplicate match=1 next=2 learner",
        ),
        (
            Progress { append_paused: true, ..active(Probe, 1, 2) },
            "StateProbe match=1 next=2 paused",
        ),
        (active(Snapshot, 1, 2), "StateSnapshot match=1 next=2 paused"),
        (
            Progress { inflights: inflights(&[2, 3, 4]), ..active(Replicate, 1, 5) },
            "StateReplicate match=1 next=5 inflight=3",
        ),
        (
            Progress { inflights: inflights(&[2, 3, 4, 5]), ..active(Replicate, 1, 6) },
            "StateReplicate match=1 next=6 inflight=4[full]",
        ),
        (
            Progress {
                pending_snapshot: 123,
                is_learner: true,
                append_paused: true,
                inflights: inflights(&[1, 1, 1, 1]),
                ..progress(Snapshot, 1, 2)
            },
            "StateSnapshot match=1 next=2 learner paused pendingSnap=123 inactive inflight=4[full]",
        ),
    ] {
        assert_eq!(progress.to_string(), expected);
    }
}

#[test]
fn the_states_have_etcds_names() {
    let names = [Probe, Replicate, Snapshot].map(|state| state.to_string());
    assert_eq!(names, ["StateProbe", "StateReplicate", "StateSnapshot"]);
}

/// etcd: tracker.TestProgressIsPaused
#[test]
fn a_peer_is_paused_by_its_flow_and_always_while_it_gets_a_snapshot() {
    for (state, append_paused, expected) in [
        (Probe, false, false),
        (Probe, true, true),
        (Replicate, false, false),
        (Replicate, true, true),
        (Snapshot, false, true),
        (Snapshot, true, true),
    ] {
        let progress = Progress { append_paused, ..progress(state, 1, 2) };
        assert_eq!(progress.is_paused(), expected, "{state} with flow paused {append_paused}");
    }
}

/// etcd: tracker.TestProgressResume
#[test]
fn an_answer_that_tells_something_lets_a_paused_peer_go_on() {
    let mut progress = Progress { append_paused: true, ..progress(Probe, 0, 2) };
    assert!(!progress.maybe_decrease_to(5, 1));
    assert!(progress.is_paused(), "an old rejection tells nothing");
    assert!(progress.maybe_decrease_to(1, 1));
    assert!(!progress.is_paused());

    progress.append_paused = true;
    assert!(!progress.maybe_update(0));
    assert!(progress.is_paused(), "an old acknowledgement tells nothing");
    assert!(progress.maybe_update(2));
    assert!(!progress.is_paused());
}

/// etcd: tracker.TestProgressBecomeProbe
#[test]
fn a_probe_starts_after_all_that_the_peer_may_have() {
    for state in [Probe, Replicate] {
        let before = busy(state);
        let mut progress = before.clone();
        progress.become_probe();
        let expected = Progress {
            state: Probe,
            next_index: 4,
            sent_commit: 3,
            append_paused: false,
            inflights: Inflights::new(LIMITS),
            ..before
        };
        assert_eq!(progress, expected, "from {state}");
    }
    for (pending_snapshot, next_index, sent_commit) in [
        (9, 10, 6),
        (5, 6, 5),
        // The peer has more than the snapshot, or it failed.
        (2, 4, 3),
        (0, 4, 3),
    ] {
        let before = Progress { pending_snapshot, ..busy(Snapshot) };
        let mut progress = before.clone();
        progress.become_probe();
        let expected = Progress {
            state: Probe,
            next_index,
            sent_commit,
            pending_snapshot: 0,
            append_paused: false,
            inflights: Inflights::new(LIMITS),
            ..before
        };
        assert_eq!(progress, expected, "after the snapshot at {pending_snapshot}");
    }
}

/// etcd: tracker.TestProgressBecomeReplicate
#[test]
fn replication_starts_after_what_is_known_to_match() {
    for state in [Probe, Replicate, Snapshot] {
        let before = busy(state);
        let mut progress = before.clone();
        progress.become_replicate();
        let expected = Progress {
            state: Replicate,
            next_index: 4,
            pending_snapshot: 0,
            append_paused: false,
            inflights: Inflights::new(LIMITS),
            ..before
        };
        assert_eq!(progress, expected, "from {state}");
    }
}

/// etcd: tracker.TestProgressBecomeSnapshot
#[test]
fn a_snapshot_is_followed_by_the_entry_after_it() {
    for state in [Probe, Replicate, Snapshot] {
        let before = busy(state);
        let mut progress = before.clone();
        progress.become_snapshot(10);
        let expected = Progress {
            state: Snapshot,
            next_index: 11,
            pending_snapshot: 10,
            // It carries the commit index, too.
            sent_commit: 10,
            append_paused: false,
            inflights: Inflights::new(LIMITS),
            ..before
        };
        assert_eq!(progress, expected, "from {state}");
    }
}

/// etcd: tracker.TestProgressUpdate
#[test]
fn an_acknowledgement_only_counts_upwards() {
    for (index, expected) in [
        (0, None),
        (2, None),
        (3, None),
        (4, Some((4, 5))),
        (5, Some((5, 6))),
        (20, Some((20, 21))),
    ] {
        let before = Progress { append_paused: true, ..progress(Replicate, 3, 5) };
        let mut progress = before.clone();
        assert_eq!(progress.maybe_update(index), expected.is_some(), "acknowledged {index}");
        let expected = match expected {
            None => before,
            Some((match_index, next_index)) => {
                Progress { match_index, next_index, append_paused: false, ..before }
            }
        };
        assert_eq!(progress, expected, "acknowledged {index}");
    }
}

/// etcd: tracker.TestProgressMaybeDecr
#[test]
fn a_rejection_only_counts_when_it_is_about_what_was_sent_last() {
    for (state, match_index, next_index, rejected, hint, expected) in [
        // Everything in flight may be rejected, and all of it is sent again.
        (Replicate, 5, 10, 4, 4, None),
        (Replicate, 5, 10, 5, 5, None),
        (Replicate, 5, 10, 6, 6, Some(6)),
        (Replicate, 5, 10, 9, 2, Some(6)),
        (Replicate, 5, 10, 9, 9, Some(6)),
        (Replicate, 0, 10, 0, 0, None),
        // One position is probed at a time: what is not about it is old.
        (Probe, 0, 10, 5, 5, None),
        (Probe, 0, 10, 8, 8, None),
        (Probe, 0, 10, 10, 10, None),
        // The hint says where to go on, at most where the rejection was.
        (Probe, 0, 10, 9, 9, Some(9)),
        (Probe, 0, 10, 9, 8, Some(9)),
        (Probe, 0, 10, 9, 7, Some(8)),
        (Probe, 0, 10, 9, 2, Some(3)),
        (Probe, 0, 10, 9, 0, Some(1)),
        (Probe, 0, 10, 9, u64::MAX, Some(9)),
        // Never at or below what is known to match.
        (Probe, 0, 2, 1, 1, Some(1)),
        (Probe, 0, 1, 0, 0, Some(1)),
        (Probe, 5, 10, 9, 2, Some(6)),
        (Probe, 8, 10, 9, 9, Some(9)),
        // While a snapshot is on its way, the same.
        (Snapshot, 3, 10, 9, 5, Some(6)),
        (Snapshot, 3, 10, 8, 5, None),
    ] {
        let case =
            alloc::format!("{state} {match_index}..{next_index} rejects {rejected}, hint {hint}");
        let before = Progress {
            append_paused: true,
            sent_commit: 7,
            ..progress(state, match_index, next_index)
        };
        let mut progress = before.clone();
        assert_eq!(progress.maybe_decrease_to(rejected, hint), expected.is_some(), "{case}");
        let expected = match expected {
            None => before,
            Some(next_index) => Progress {
                next_index,
                sent_commit: (next_index - 1).min(7),
                // Replication waits for the change of state to go on.
                append_paused: state == Replicate,
                ..before
            },
        };
        assert_eq!(progress, expected, "{case}");
    }
}

#[test]
fn what_is_sent_in_replication_is_in_flight_until_the_window_is_full() {
    let mut progress = progress(Replicate, 0, 1);
    progress.sent_entries(2, 100);
    assert_eq!(progress.to_string(), "StateReplicate match=0 next=3 inactive inflight=1");
    progress.sent_entries(1, 0);
    progress.sent_entries(1, 7);
    assert_eq!(progress.to_string(), "StateReplicate match=0 next=5 inactive inflight=3");
    assert_eq!(progress.inflights.bytes(), 107);
    progress.sent_entries(0, 0);
    assert_eq!((progress.next_index, progress.inflights.count()), (5, 3), "nothing was sent");
    assert!(!progress.is_paused());

    progress.sent_entries(3, 1);
    assert_eq!(
        progress.to_string(),
        "StateReplicate match=0 next=8 paused inactive inflight=4[full]"
    );
    // The places are those of the last entries: 2, 3, 4 and 7.
    progress.inflights.free_to(3);
    assert_eq!((progress.inflights.count(), progress.inflights.bytes()), (2, 8));
    progress.inflights.free_to(6);
    assert_eq!((progress.inflights.count(), progress.inflights.bytes()), (1, 1));
    progress.inflights.free_to(7);
    assert_eq!(progress.inflights.count(), 0);
}

#[test]
fn an_empty_append_to_a_full_window_pauses_and_to_a_free_one_lets_go_on() {
    let mut full = Progress { inflights: inflights(&[1, 2, 3, 4]), ..progress(Replicate, 0, 5) };
    full.sent_entries(0, 0);
    assert!(full.is_paused());
    full.inflights.free_to(1);
    full.sent_entries(0, 0);
    assert!(!full.is_paused());
}

#[test]
fn a_probe_with_entries_waits_for_its_answer_and_moves_nothing() {
    for (count, paused) in [(0, false), (1, true), (3, true)] {
        let before = progress(Probe, 2, 5);
        let mut progress = before.clone();
        progress.sent_entries(count, 100);
        assert_eq!(progress, Progress { append_paused: paused, ..before }, "{count} entries");
    }
    let mut waiting = Progress { append_paused: true, ..progress(Probe, 2, 5) };
    waiting.sent_entries(0, 0);
    assert!(waiting.is_paused(), "an empty append is no answer");
}

#[test]
fn nothing_is_counted_as_sent_while_a_snapshot_is_on_its_way() {
    let before = busy(Snapshot);
    let mut progress = before.clone();
    progress.sent_entries(3, 100);
    assert_eq!(progress, before);
}

#[test]
fn a_commit_index_is_sent_again_as_long_as_it_can_reach_further() {
    for (next_index, sent_commit, commit, expected) in [
        // Nothing new.
        (10, 5, 4, false),
        (10, 5, 5, false),
        (10, 5, 6, true),
        (10, 5, 100, true),
        // All that the peer can commit has been sent.
        (10, 8, 20, true),
        (10, 9, 20, false),
        (10, 10, 20, false),
        (6, 5, 20, false),
        (1, 0, 1, false),
    ] {
        let progress = Progress { sent_commit, ..progress(Replicate, 0, next_index) };
        let case = alloc::format!("{commit} after {sent_commit}, next {next_index}");
        assert_eq!(progress.can_bump_commit(commit), expected, "{case}");
    }
}

#[test]
fn the_last_commit_index_that_was_sent_is_remembered() {
    let mut progress = Progress { sent_commit: 5, ..progress(Replicate, 0, 10) };
    progress.sent_commit(8);
    assert!(!progress.can_bump_commit(8) && progress.can_bump_commit(9));
    progress.sent_commit(3);
    assert_eq!(progress.sent_commit, 3, "a heartbeat may carry a lower one");
}

// Appends in flight.

#[derive(Clone, Debug)]
enum InflightOp {
    Add { gap: u64, bytes: u64 },
    FreeTo { below_last: u64 },
    Reset,
}

fn inflight_op() -> impl Strategy<Value = InflightOp> {
    prop_oneof![
        8 => (0u64..3, 0u64..50).prop_map(|(gap, bytes)| InflightOp::Add { gap, bytes }),
        3 => (0u64..20).prop_map(|below_last| InflightOp::FreeTo { below_last }),
        1 => Just(InflightOp::Reset),
    ]
}

proptest! {
    /// etcd: tracker.TestInflightsAdd, tracker.TestInflightFreeTo, tracker.TestInflightsReset
    #[test]
    fn appends_in_flight_behave_like_a_list(
        msgs in 1usize..8, max_bytes in 0u64..200,
        ops in prop::collection::vec(inflight_op(), 1..60)
    ) {
        let mut inflights = Inflights::new(InflightLimits { msgs, bytes: max_bytes });
        let mut twin: Vec<(u64, u64)> = Vec::new();
        let mut last = 20;
        for op in ops {
            match op {
                InflightOp::Add { gap, bytes } => {
                    if inflights.is_full() {
                        continue;
                    }
                    last += gap;
                    inflights.add(last, bytes);
                    twin.push((last, bytes));
                }
                InflightOp::FreeTo { below_last } => {
                    inflights.free_to(last - below_last);
                    twin.retain(|(index, _)| *index > last - below_last);
                }
                InflightOp::Reset => {
                    inflights.reset();
                    twin.clear();
                }
            }
            let bytes: u64 = twin.iter().map(|(_, bytes)| bytes).sum();
            prop_assert_eq!((inflights.count(), inflights.bytes()), (twin.len(), bytes));
            let full = twin.len() == msgs || (max_bytes > 0 && bytes >= max_bytes);
            prop_assert_eq!(inflights.is_full(), full);
        }
    }
}

#[test]
fn a_sum_of_bytes_that_is_too_big_for_a_number_stays_full() {
    let mut inflights = Inflights::new(InflightLimits { msgs: 4, bytes: 100 });
    inflights.add(1, u64::MAX);
    inflights.add(2, u64::MAX);
    assert!(inflights.is_full());
    inflights.free_to(2);
    assert_eq!((inflights.count(), inflights.bytes(), inflights.is_full()), (0, 0, false));
}

// The members.

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
