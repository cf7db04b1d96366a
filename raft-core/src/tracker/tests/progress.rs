//! How a peer is sent to.

use super::*;

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
