//! What a leader sends, when, and what it learns from the answers.

use alloc::vec::Vec;

use raft_proto::MessageType::{MsgAppResp, MsgHeartbeatResp, MsgUnreachable};

use crate::event::StateRole::{Candidate, Follower, PreCandidate};
use crate::raft::tests::fixture::*;
use crate::tracker::ProgressState::{Probe, Replicate, Snapshot};

/// etcd: TestProgressLeader
#[test]
fn the_leader_counts_its_own_copy_when_it_is_on_disk() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).leader();
        leader.expect_progress(1, "StateReplicate match=1 next=2");
        for added in 1..=5 {
            leader.add("x");
            assert_eq!(leader.progress(1).match_index, added, "not on disk yet");
            leader.persist();
            assert_eq!(leader.progress(1).match_index, added + 1);
            assert_eq!(leader.progress(1).next_index, added + 2);
        }
    }
}

#[test]
fn a_new_leader_probes_everybody_with_its_first_entry() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).log(&[1, 1]).candidate();
        leader.deliver(from(2, raft_proto::MessageType::MsgVoteResp).term(2));
        leader.expect_sent(&[
            "1->2 MsgApp Term:2 Log:1/2 Entries:[2/3 EntryNormal \"\"]",
            "1->3 MsgApp Term:2 Log:1/2 Entries:[2/3 EntryNormal \"\"]",
        ]);
        leader.expect_vouching(&["1->1 MsgAppResp Term:2 Log:0/3"]);
        // Its log before may hold a change.
        assert_eq!(leader.leadership().pending_conf_index, 2);
        leader.expect_progress(2, "StateProbe match=0 next=3 paused inactive");
    }
}

/// What each peer acknowledges of a log of terms 1, 2, 3: the leader leads term 3.
///
/// etcd: TestCommit
#[test]
fn a_majority_commits_up_to_what_it_holds_from_the_leaders_term() {
    for (voters, acks, committed) in [
        (1, &[][..], 3),
        (2, &[2], 0),
        (2, &[3], 3),
        (3, &[0, 2], 0),
        (3, &[0, 3], 3),
        (3, &[2, 2], 0),
        (4, &[0, 3], 0),
        (4, &[2, 2, 3], 0),
        (4, &[0, 3, 3], 3),
        (5, &[3, 2, 2, 2], 0),
        (5, &[2, 3, 0, 3], 3),
    ] {
        for compat in BOTH {
            let mut leader = Setup::of(voters).compat(compat).log(&[1, 2]).leader();
            leader.expect_role(crate::StateRole::Leader, 3, 1);
            for (peer, &index) in (2..).zip(acks) {
                leader.acknowledge(peer, index);
            }
            assert_eq!(leader.node.log.committed(), committed, "{voters} voters, acks {acks:?}");
        }
    }
}

#[test]
fn a_commit_in_a_joint_configuration_takes_both_halves() {
    let joint = raft_proto::ConfState {
        voters: [1, 2, 3].into(),
        voters_outgoing: [1, 4, 5].into(),
        ..Default::default()
    };
    let mut leader = Setup::in_group(joint).leader();
    leader.acknowledge(2, 1);
    leader.acknowledge(3, 1);
    assert_eq!(leader.node.log.committed(), 0);
    leader.acknowledge(4, 1);
    assert_eq!(leader.node.log.committed(), 1);
}

#[test]
fn an_acknowledgement_of_a_learner_commits_nothing() {
    let mut leader = Setup::in_group(raft_proto::ConfState::new([1, 2, 3], [4])).leader();
    leader.acknowledge(4, 1);
    assert_eq!(leader.node.log.committed(), 0);
}

/// Peers learn at once what is committed.
///
/// etcd: TestMsgAppRespWaitReset
#[test]
fn a_probed_peer_waits_for_its_answer() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).leader();
        leader.acknowledge(2, 1);
        // Node 2 learns of the commit; node 3 has not answered its probe yet.
        leader.expect_sent(&["1->2 MsgApp Term:1 Log:1/1 Commit:1"]);
        leader.add("x");
        leader
            .expect_sent(&["1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"x\"]"]);
        leader.acknowledge(3, 1);
        leader
            .expect_sent(&["1->3 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"x\"]"]);
    }
}

/// etcd: TestLeaderAppResp
#[test]
fn an_acknowledgement_moves_a_probed_peer_to_replication() {
    for compat in BOTH {
        for index in [1, 2, 3] {
            let mut leader = Setup::of(3).compat(compat).log(&[1, 1, 1]).leader();
            leader.acknowledge(2, index);
            let progress = leader.progress(2);
            assert_eq!((progress.state, progress.match_index), (Replicate, index));
            leader.take_sent();
            // All the rest is on its way.
            assert_eq!(leader.progress(2).next_index, 5);
        }
    }
}

/// A peer whose log is known to match where it is probed, which was only unreachable.
#[test]
fn an_acknowledgement_of_what_is_known_moves_a_probed_peer_to_replication() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.deliver(from(2, MsgUnreachable));
        leader.expect_progress(2, "StateProbe match=1 next=2");
        leader.acknowledge(2, 1);
        leader.expect_progress(2, "StateReplicate match=1 next=2");
        // Any other time it is no news.
        leader.acknowledge(2, 1);
        leader.expect_progress(2, "StateReplicate match=1 next=2");
        leader.expect_sent(&[]);
    }
}

/// It was sent before the probe, and does not say that the probe has arrived.
#[test]
fn a_late_acknowledgement_does_not_answer_a_probe() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).log(&[1, 1, 1]).steady_leader();
        leader.deliver(from(2, MsgUnreachable));
        for late in 1..=3 {
            leader.acknowledge(2, late);
            leader.expect_progress(2, "StateProbe match=4 next=5");
        }
        leader.acknowledge(2, 4);
        leader.expect_progress(2, "StateReplicate match=4 next=5");
    }
}

/// etcd: TestBcastBeat
#[test]
fn heartbeats_carry_no_more_than_the_peer_is_known_to_hold() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).snapshot(1000, 1).leader();
        for _ in 0..10 {
            leader.add("x");
        }
        leader.persist();
        // Node 2 lags by five, node 3 has all.
        leader.acknowledge(2, 1006);
        leader.acknowledge(3, 1011);
        leader.take_sent();
        assert_eq!(leader.node.log.committed(), 1011);
        leader.pass(1);
        leader.expect_sent(&[
            "1->2 MsgHeartbeat Term:2 Log:0/0 Commit:1006",
            "1->3 MsgHeartbeat Term:2 Log:0/0 Commit:1011",
        ]);
    }
}

/// etcd: TestRecvMsgBeat
///
/// There a tick becomes a message of the node to itself. No other way leads to that message.
#[test]
fn only_a_leader_sends_heartbeats() {
    for role in [Follower, PreCandidate, Candidate] {
        let mut node = Setup::of(3).in_role(role);
        node.pass(1);
        node.expect_sent(&[]);
    }
    let mut leader = steady_leader_of(3);
    leader.pass(1);
    leader.expect_sent(&[
        "1->2 MsgHeartbeat Term:1 Log:0/0 Commit:1",
        "1->3 MsgHeartbeat Term:1 Log:0/0 Commit:1",
    ]);
}

#[test]
fn heartbeats_come_at_their_interval() {
    let mut leader = Setup::of(2).with(|config| config.heartbeat_tick = 3).steady_leader();
    for _ in 0..4 {
        leader.pass(2);
        leader.expect_sent(&[]);
        leader.pass(1);
        leader.expect_sent(&["1->2 MsgHeartbeat Term:1 Log:0/0 Commit:1"]);
    }
}

/// etcd: TestHandleHeartbeatResp
#[test]
fn a_peer_that_lags_gets_an_append_with_each_heartbeat_it_answers() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).log(&[1, 1, 1]).leader();
        for _ in 0..2 {
            leader.deliver(from(2, MsgHeartbeatResp).term(2));
            leader.expect_sent(&["1->2 MsgApp Term:2 Log:1/3 Entries:[2/4 EntryNormal \"\"]"]);
        }
        leader.acknowledge(2, 4);
        leader.expect_sent(&["1->2 MsgApp Term:2 Log:2/4 Commit:4"]);
        // Now it has everything.
        leader.deliver(from(2, MsgHeartbeatResp).term(2));
        leader.expect_sent(&[]);
    }
}

/// A peer in replication that has not acknowledged: perhaps all that is on its way was lost.
#[test]
fn a_heartbeat_answer_of_a_peer_with_entries_on_their_way_gets_an_empty_append() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.add("x");
        leader.take_sent();
        leader.deliver(from(2, MsgHeartbeatResp).term(1));
        leader.expect_sent(&["1->2 MsgApp Term:1 Log:1/2 Commit:1"]);
    }
}

/// etcd: TestLeaderIncreaseNext
#[test]
fn replication_counts_what_is_sent_as_received_and_probing_does_not() {
    for compat in BOTH {
        for (state, next) in [(Replicate, 6), (Probe, 2)] {
            let mut leader = Setup::of(2).compat(compat).steady_leader();
            if state == Probe {
                leader.deliver(from(2, MsgUnreachable));
            }
            leader.offer(entries(0, &[0, 0, 0, 0])).expect("a leader");
            leader.take_sent();
            assert_eq!((leader.progress(2).state, leader.progress(2).next_index), (state, next));
        }
    }
}

/// etcd: TestSendAppendForProgressProbe
#[test]
fn a_probed_peer_gets_one_append_until_it_is_heard() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.deliver(from(2, MsgUnreachable));
        leader.add("one");
        let first = "1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"one\"]";
        leader.expect_sent(&[first]);
        leader.add("two");
        leader.expect_sent(&[]);
        leader.expect_progress(2, "StateProbe match=1 next=2 paused");

        // Heartbeats go out nevertheless, and their answer allows one more.
        leader.pass(1);
        leader.expect_sent(&["1->2 MsgHeartbeat Term:1 Log:0/0 Commit:1"]);
        leader.expect_progress(2, "StateProbe match=1 next=2 paused");
        leader.deliver(from(2, MsgHeartbeatResp).term(1));
        let sent = leader.take_sent();
        assert_eq!((sent.len(), sent[0].index, sent[0].entries.len()), (1, 1, 2));
        leader.expect_progress(2, "StateProbe match=1 next=2 paused");
    }
}

/// etcd: TestSendAppendForProgressReplicate
#[test]
fn a_replicated_peer_gets_every_proposal_at_once() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        for (prev, next) in [(1, 2), (2, 3), (3, 4)] {
            leader.add("x");
            let sent = leader.take_sent();
            assert_eq!((sent.len(), sent[0].index, sent[0].entries.len()), (1, prev, 1));
            assert_eq!(leader.progress(2).next_index, next + 1);
        }
        leader.expect_progress(2, "StateReplicate match=1 next=5 inflight=3");
    }
}

/// etcd: TestSendAppendForProgressSnapshot
#[test]
fn a_peer_that_waits_for_a_snapshot_gets_nothing() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.progress_mut(2).become_snapshot(10);
        for _ in 0..10 {
            leader.add("x");
            leader.expect_sent(&[]);
        }
        assert_eq!(leader.progress(2).state, Snapshot);
    }
}

/// etcd: TestRecvMsgUnreachable
#[test]
fn a_peer_that_cannot_be_reached_is_probed_from_what_it_acknowledged() {
    let mut leader = steady_leader_of(2);
    leader.offer(entries(0, &[0, 0, 0])).expect("a leader");
    leader.persist();
    leader.take_sent();
    leader.acknowledge(2, 3);
    leader.take_sent();
    leader.expect_progress(2, "StateReplicate match=3 next=5 inflight=1");
    leader.take_events();

    leader.deliver(from(2, MsgUnreachable));
    leader.expect_progress(2, "StateProbe match=3 next=4");
    leader.expect_events(&[
        "1 failed to send message to 2 because it is unreachable [StateProbe match=3 next=4]",
    ]);
    // A peer that is probed, or waits for a snapshot, goes on doing so.
    leader.progress_mut(2).become_snapshot(9);
    leader.deliver(from(2, MsgUnreachable));
    leader.expect_progress(2, "StateSnapshot match=3 next=10 paused pendingSnap=9");
}

/// Node 2 has all entries and was sent a commit index below the present one: it need not wait for
/// the next proposal or heartbeat.
#[test]
fn a_commit_index_that_a_peer_may_lack_is_sent_at_once() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.add("x");
        leader.persist();
        leader.take_sent();
        leader.acknowledge(2, 2);
        // Both learn of it, though node 3 has not acknowledged the entry.
        leader.expect_sent(&[
            "1->2 MsgApp Term:1 Log:1/2 Commit:2",
            "1->3 MsgApp Term:1 Log:1/2 Commit:2",
        ]);
        // Node 3 has been told already.
        leader.acknowledge(3, 2);
        leader.expect_sent(&[]);
    }
}

/// The window of node 3 is full when the first of two commits goes out, and open at the second.
#[test]
fn a_peer_that_could_not_be_told_of_a_commit_is_told_of_the_next() {
    let mut leader = Setup::of(3).with(|config| config.max_inflight_msgs = 2).steady_leader();
    for data in ["x", "y"] {
        leader.add(data);
        leader.take_sent();
    }
    leader.persist();
    leader.acknowledge(2, 2);
    leader.acknowledge(3, 3);
    leader.expect_sent(&[
        "1->2 MsgApp Term:1 Log:1/3 Commit:3",
        "1->3 MsgApp Term:1 Log:1/3 Commit:3",
    ]);
}

/// It joins while everybody is due for an append, and has the log from an earlier membership.
#[test]
fn a_new_member_that_completes_a_quorum_is_told_of_the_commit() {
    let mut leader = steady_leader_of(2);
    leader.add("x");
    leader.persist();
    leader.switch(&change("v3"));
    leader.acknowledge(3, 2);
    leader.expect_sent(&[
        "1->2 MsgApp Term:1 Log:1/1 Commit:2 Entries:[1/2 EntryNormal \"x\"]",
        "1->3 MsgApp Term:1 Log:1/2 Commit:2",
    ]);
}

/// A heartbeat takes back what was said about the commit index: it may have overtaken the append.
#[test]
fn after_a_heartbeat_with_a_lower_commit_index_the_commit_index_is_sent_again() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.add("x");
        leader.persist();
        leader.take_sent();
        leader.acknowledge(2, 2);
        leader.take_sent();
        leader.pass(1);
        leader.expect_sent(&[
            "1->2 MsgHeartbeat Term:1 Log:0/0 Commit:2",
            "1->3 MsgHeartbeat Term:1 Log:0/0 Commit:1",
        ]);
        leader.acknowledge(3, 2);
        leader.expect_sent(&["1->3 MsgApp Term:1 Log:1/2 Commit:2"]);
    }
}

#[test]
fn an_answer_of_a_stranger_is_ignored() {
    let mut leader = steady_leader_of(3);
    let kinds = [
        MsgAppResp,
        MsgHeartbeatResp,
        MsgUnreachable,
        raft_proto::MessageType::MsgSnapStatus,
        raft_proto::MessageType::MsgTransferLeader,
    ];
    for kind in kinds {
        leader.deliver(from(9, kind).term(1));
        leader.expect_events(&["1 no progress available for 9"]);
        leader.expect_sent(&[]);
    }
}

#[test]
fn messages_go_out_in_ascending_order_of_the_peers() {
    for compat in BOTH {
        let conf_state = raft_proto::ConfState::new([9, 1, 4], [7, 2]);
        let mut leader = Setup::in_group(conf_state).compat(compat).steady_leader();
        leader.add("x");
        let to: Vec<u64> = leader.take_sent().iter().map(|m| m.to).collect();
        assert_eq!(to, [2, 4, 7, 9]);
        leader.pass(1);
        let to: Vec<u64> = leader.take_sent().iter().map(|m| m.to).collect();
        assert_eq!(to, [2, 4, 7, 9]);
    }
}
