//! How much may be on its way, and how much may wait.

use alloc::vec;
use alloc::vec::Vec;

use raft_proto::MessageType::{MsgHeartbeatResp, MsgUnreachable};
use raft_proto::{Entries, Entry, Message};

use super::fixture::*;
use crate::config::Compat;
use crate::error::DropReason;

/// A leader of one peer that replicates, with a window of so many appends.
fn window_of(appends: usize, compat: Compat) -> Machine {
    Setup::of(2).compat(compat).with(|config| config.max_inflight_msgs = appends).steady_leader()
}

/// Proposes one by one what fits the window, so that each makes an append of its own.
fn fill(leader: &mut Machine) {
    while !leader.progress(2).inflights.is_full() {
        leader.add("x");
        assert_eq!(leader.take_sent().len(), 1);
    }
}

fn sized(bytes: usize) -> Entry {
    Entry::proposal(vec![b'a'; bytes])
}

fn shape(sent: &[Message]) -> Vec<(u64, usize)> {
    sent.iter().map(|m| (m.index, m.entries.len())).collect()
}

/// etcd: TestMsgAppFlowControlFull
#[test]
fn a_full_window_lets_nothing_more_pass() {
    for compat in BOTH {
        let mut leader = window_of(256, compat);
        for _ in 0..256 {
            leader.add("x");
            assert_eq!(leader.take_sent().len(), 1);
        }
        assert!(leader.progress(2).inflights.is_full() && leader.progress(2).is_paused());
        for _ in 0..10 {
            leader.add("x");
            leader.expect_sent(&[]);
        }
        leader.expect_progress(2, "StateReplicate match=1 next=258 paused inflight=256[full]");
    }
}

/// etcd: TestMsgAppFlowControlMoveForward
#[test]
fn each_acknowledgement_moves_the_window_forward() {
    for compat in BOTH {
        let mut leader = window_of(8, compat);
        fill(&mut leader);
        for acked in 2..20 {
            leader.acknowledge(2, acked);
            leader.take_sent();
            assert!(!leader.progress(2).inflights.is_full());
            leader.add("x");
            assert_eq!(leader.take_sent().len(), 1);
            assert!(leader.progress(2).inflights.is_full());

            // Late ones move nothing.
            for late in 0..acked {
                leader.acknowledge(2, late);
                assert!(leader.progress(2).inflights.is_full());
            }
            leader.expect_sent(&[]);
        }
    }
}

/// etcd: TestMsgAppFlowControlRecvHeartbeat
#[test]
fn each_heartbeat_answer_lets_one_empty_append_through_a_full_window() {
    for compat in BOTH {
        let mut leader = window_of(8, compat);
        fill(&mut leader);
        leader.add("more");
        for heard in 1..8 {
            // Several answers of one moment count for one in ours.
            for _ in 0..heard {
                leader.deliver(from(2, MsgHeartbeatResp).term(1));
                leader.expect_sent(&["1->2 MsgApp Term:1 Log:1/9 Commit:1"]);
            }
            for _ in 0..10 {
                leader.add("x");
                leader.expect_sent(&[]);
            }
        }
        leader.expect_progress(2, "StateReplicate match=1 next=10 paused inflight=8[full]");
    }
}

#[test]
fn acknowledging_several_appends_at_once_frees_them_all() {
    for compat in BOTH {
        let mut leader = window_of(4, compat);
        fill(&mut leader);
        leader.expect_progress(2, "StateReplicate match=1 next=6 paused inflight=4[full]");
        leader.acknowledge(2, 4);
        leader.expect_progress(2, "StateReplicate match=4 next=6 inflight=1");
    }
}

#[test]
fn a_peer_that_cannot_be_reached_has_nothing_on_its_way() {
    for compat in BOTH {
        let mut leader = window_of(4, compat);
        fill(&mut leader);
        leader.deliver(from(2, MsgUnreachable));
        leader.expect_progress(2, "StateProbe match=1 next=2");
    }
}

#[test]
fn a_window_of_bytes_is_full_when_the_limit_is_reached() {
    for compat in BOTH {
        let limits = |config: &mut crate::Config| {
            (config.max_size_per_msg, config.max_inflight_bytes) = (1000, 1000);
        };
        let mut leader = Setup::of(2).compat(compat).with(limits).steady_leader();
        leader.offer(sized(999)).expect("a leader");
        assert_eq!(shape(&leader.take_sent()), [(1, 1)]);
        assert!(!leader.progress(2).inflights.is_full());
        // One may pass the limit.
        leader.offer(sized(500)).expect("a leader");
        assert_eq!(shape(&leader.take_sent()), [(2, 1)]);
        assert_eq!(leader.progress(2).inflights.bytes(), 1499);
        assert!(leader.progress(2).inflights.is_full());
        leader.offer(sized(1)).expect("a leader");
        assert_eq!(shape(&leader.take_sent()), []);

        leader.acknowledge(2, 2);
        assert_eq!(leader.take_sent().iter().filter(|m| m.entries.len() == 1).count(), 1);
        assert_eq!(leader.progress(2).inflights.bytes(), 501);
    }
}

/// Only payload counts, not what encoding adds.
#[test]
fn empty_entries_take_no_bytes_of_the_window() {
    let limits = |config: &mut crate::Config| {
        (config.max_size_per_msg, config.max_inflight_bytes) = (1, 1);
    };
    let mut leader = Setup::of(2).with(limits).steady_leader();
    for added in 1..10 {
        leader.add("");
        assert_eq!(leader.take_sent().len(), 1);
        assert_eq!(
            (leader.progress(2).inflights.count(), leader.progress(2).inflights.bytes()),
            (added, 0)
        );
    }
    assert!(!leader.progress(2).inflights.is_full());
}

/// etcd: TestAppendPagination
#[test]
fn an_append_takes_entries_up_to_its_size_and_at_least_one() {
    // An entry of 10 bytes of payload here takes 16 encoded.
    for (limit, shapes) in [
        (0, vec![(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]),
        (31, vec![(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]),
        (32, vec![(1, 2), (3, 2), (5, 1)]),
        (48, vec![(1, 3), (4, 2)]),
        (u64::MAX, vec![(1, 5)]),
    ] {
        for compat in BOTH {
            let mut leader = Setup::of(2)
                .compat(compat)
                .with(|config| {
                    config.max_size_per_msg = limit;
                    config.max_committed_size_per_ready = 1;
                })
                .steady_leader();
            let batch: Entries = (0..5).map(|_| sized(10)).collect();
            leader.offer(batch).expect("a leader");
            let mut sent = leader.take_sent();
            // etcd sends one append for a proposal, and the rest when the peer answers.
            leader.acknowledge(2, sent[0].index + sent[0].entries.len() as u64);
            sent.extend(leader.take_sent());
            assert_eq!(shape(&sent), shapes, "limit {limit} {compat:?}");
        }
    }
}

/// etcd: TestProgressFlowControl
#[test]
fn the_window_opens_for_as_many_appends_as_were_acknowledged() {
    let limits = |config: &mut crate::Config| {
        config.max_inflight_msgs = 3;
        config.max_size_per_msg = 2048;
        config.max_inflight_bytes = 9000;
    };
    let mut leader = Setup::of(2).etcd().with(limits).steady_leader();
    // Probing: one append, of what fits.
    leader.deliver(from(2, MsgUnreachable));
    for _ in 0..10 {
        leader.offer(sized(1000)).expect("a leader");
    }
    assert_eq!(shape(&leader.take_sent()), [(1, 1)]);

    // Replicating: three appends of two entries each.
    leader.acknowledge(2, 2);
    assert_eq!(shape(&leader.take_sent()), [(2, 2), (4, 2), (6, 2)]);
    leader.expect_progress(2, "StateReplicate match=2 next=9 paused inflight=3[full]");

    // Two acknowledged: room for two more, and the commit index on its way with them.
    leader.acknowledge(2, 6);
    let entries: Vec<_> = leader.take_sent().iter().map(|m| m.entries.len()).collect();
    assert_eq!(entries, [2, 1]);
    leader.expect_progress(2, "StateReplicate match=6 next=12 paused inflight=3[full]");
    leader.acknowledge(2, 11);
    leader.expect_progress(2, "StateReplicate match=11 next=12");
}

/// etcd: TestProgressResumeByHeartbeatResp
#[test]
fn a_heartbeat_answer_ends_the_pause_of_a_probed_peer() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).leader();
        assert!(leader.progress(2).is_paused());
        leader.pass(1);
        assert!(leader.progress(2).is_paused());
        leader.take_sent();
        leader.progress_mut(2).become_replicate();
        assert!(!leader.progress(2).is_paused());
        leader.progress_mut(2).append_paused = true;
        leader.deliver(from(2, MsgHeartbeatResp).term(1));
        assert!(!leader.progress(2).is_paused());
    }
}

/// etcd: TestProgressPaused
#[test]
fn a_paused_peer_gets_one_append_for_many_proposals() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.deliver(from(2, MsgUnreachable));
        for _ in 0..3 {
            leader.add("somedata");
        }
        assert_eq!(leader.take_sent().len(), 1);
    }
}

// What a leader holds before it is applied.

fn quota_of(bytes: u64, compat: Compat) -> Machine {
    Setup::of(3).compat(compat).with(|config| config.max_uncommitted_size = bytes).steady_leader()
}

/// etcd: TestUncommittedEntryLimit
#[test]
fn a_leader_takes_proposals_up_to_its_quota_and_again_when_they_are_applied() {
    for compat in BOTH {
        let mut leader = quota_of(1024, compat);
        // The peers replicate, so that nothing is paused but by the quota.
        for _ in 0..128 {
            leader.offer(sized(8)).expect("room");
        }
        let refused = DropReason::QuotaExceeded { uncommitted: 1024, proposed: 8, limit: 1024 };
        leader.take_events();
        assert_eq!(leader.offer(sized(8)), Err(refused));
        leader.expect_events(&[
            "1 appending new entries to log would exceed uncommitted entry size limit; dropping proposal",
        ]);
        assert_eq!(leader.node.log.last_index(), 129);

        // Committed is not enough.
        leader.persist();
        leader.acknowledge_all();
        assert_eq!(leader.node.log.committed(), 129);
        assert_eq!(leader.offer(sized(8)), Err(refused));
        assert_eq!(leader.apply().len(), 129);
        assert_eq!(leader.leadership().uncommitted_size, 0);
        leader.offer(sized(8)).expect("room");
    }
}

/// etcd: TestUncommittedEntryLimit
#[test]
fn one_proposal_always_passes_the_quota() {
    for compat in BOTH {
        let mut leader = quota_of(1024, compat);
        leader.offer(sized(4096)).expect("the first");
        let refused = DropReason::QuotaExceeded { uncommitted: 4096, proposed: 1, limit: 1024 };
        assert_eq!(leader.offer(sized(1)), Err(refused));
        // Nothing at all is always possible: leaders propose it themselves.
        for _ in 0..10 {
            leader.offer(sized(0)).expect("no payload");
        }
    }
}

#[test]
fn a_batch_is_taken_or_refused_as_a_whole() {
    let mut leader = quota_of(100, Compat::Strict);
    leader.offer(sized(50)).expect("room");
    let batch: Entries = [sized(30), sized(21)].into_iter().collect();
    assert!(leader.offer(batch).is_err());
    assert_eq!((leader.node.log.last_index(), leader.leadership().uncommitted_size), (2, 50));
    let batch: Entries = [sized(30), sized(20)].into_iter().collect();
    assert!(leader.offer(batch).is_ok());
}

#[test]
fn no_quota_is_no_limit() {
    let mut leader = quota_of(0, Compat::Strict);
    for _ in 0..10 {
        leader.offer(sized(1 << 20)).expect("no limit");
    }
}

/// A leader does not know what its predecessor counted.
#[test]
fn the_quota_starts_over_with_each_leadership() {
    let mut node = quota_of(16, Compat::Strict);
    node.offer(sized(16)).expect("room");
    node.persist();
    node.become_follower(2, 2);
    node.campaign_now();
    node.persist();
    node.win();
    assert_eq!(node.leadership().uncommitted_size, 0);
    node.offer(sized(16)).expect("room");
    // What it applies of the time before is not counted below nothing.
    node.persist();
    node.acknowledge_all();
    node.apply();
    assert_eq!(node.leadership().uncommitted_size, 0);
}

/// What a leader reads into its log counts with its payload, also a configuration change that it
/// refuses: then nothing is left of it.
#[test]
fn a_refused_configuration_change_takes_nothing_of_the_quota() {
    for compat in BOTH {
        let mut leader = quota_of(1024, compat);
        leader.offer_change(change("v4")).expect("a leader");
        let taken = leader.leadership().uncommitted_size;
        assert!(taken > 0);
        leader.offer_change(change("v5")).expect("a leader");
        assert_eq!(leader.leadership().uncommitted_size, taken);
    }
}
