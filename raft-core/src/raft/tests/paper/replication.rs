//! Sections 5.3 and 5.4.2: log replication and commitment.

use alloc::vec;
use alloc::vec::Vec;

use raft_proto::{Entries, Entry};

use crate::raft::tests::fixture::*;

/// The payloads that are committed and not applied yet.
fn committed(node: &mut Machine) -> Vec<bytes::Bytes> {
    node.apply().iter().filter(|entry| !entry.data.is_empty()).map(|e| e.data.clone()).collect()
}

/// etcd: TestLeaderStartReplication
#[test]
fn a_leader_appends_a_command_and_sends_it_to_everybody() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.add("some data");
        assert_eq!((leader.node.log.last_index(), leader.node.log.committed()), (2, 1));
        leader.expect_sent(&[
            "1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"some data\"]",
            "1->3 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"some data\"]",
        ]);
        let unstable = leader.node.log.unstable().next_entries();
        assert_eq!(unstable, Entries::from(Entry::new(1, 2, "some data")));
    }
}

/// etcd: TestLeaderCommitEntry
#[test]
fn a_leader_commits_what_a_majority_holds_and_says_so() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.apply();
        leader.add("some data");
        leader.persist();
        leader.take_sent();
        leader.acknowledge(2, 2);
        assert_eq!(leader.node.log.committed(), 2);
        assert_eq!(committed(&mut leader), ["some data"]);
        for message in leader.take_sent() {
            assert_eq!((message.kind(), message.commit), (Ok(raft_proto::MessageType::MsgApp), 2));
        }
    }
}

/// etcd: TestLeaderAcknowledgeCommit
#[test]
fn an_entry_is_committed_as_soon_as_a_majority_holds_it() {
    for (size, holders, is_committed) in [
        (1, &[][..], true),
        (3, &[], false),
        (3, &[2], true),
        (3, &[2, 3], true),
        (5, &[], false),
        (5, &[2], false),
        (5, &[2, 3], true),
        (5, &[2, 3, 4], true),
        (5, &[2, 3, 4, 5], true),
    ] {
        let mut leader = Setup::of(size).steady_leader();
        let index = leader.node.log.last_index() + 1;
        leader.add("some data");
        leader.persist();
        for &peer in holders {
            leader.acknowledge(peer, index);
        }
        let seen = leader.node.log.committed() >= index;
        assert_eq!(seen, is_committed, "{size}: {holders:?}");
    }
}

/// etcd: TestLeaderCommitPrecedingEntries
#[test]
fn committing_an_entry_commits_all_before_it() {
    for log in [&[][..], &[2], &[1, 2], &[1]] {
        let mut leader = Setup::of(3).log(log).at(2, 0, 0).leader();
        leader.add("some data");
        leader.persist();
        leader.acknowledge(2, leader.node.log.last_index());
        let terms: Vec<u64> = leader.apply().iter().map(|entry| entry.term).collect();
        assert_eq!(terms, [log, &[3, 3]].concat());
    }
}

/// etcd: TestFollowerCommitEntry
#[test]
fn a_follower_applies_what_it_learns_to_be_committed() {
    for (payloads, commit) in [
        (&["some data"][..], 1),
        (&["some data", "some data2"], 2),
        (&["some data2", "some data"], 2),
        (&["some data", "some data2"], 1),
    ] {
        let mut node = follower_of(3);
        let sent: Entries =
            (1..).zip(payloads).map(|(index, data)| Entry::new(1, index, *data)).collect();
        let message = from(2, raft_proto::MessageType::MsgApp).term(1).entries(sent).commit(commit);
        node.deliver(message);
        assert_eq!(node.node.log.committed(), commit);
        assert_eq!(committed(&mut node), payloads[..commit as usize]);
    }
}

/// The log before: terms 1, 2, the first of which is committed.
///
/// etcd: TestFollowerCheckMsgApp
#[test]
fn a_follower_refuses_entries_after_one_that_it_does_not_have() {
    for (prev, answer) in [
        ((0, 0), "1->2 MsgAppResp Term:2 Log:0/1"),
        ((1, 1), "1->2 MsgAppResp Term:2 Log:0/1"),
        ((2, 2), "1->2 MsgAppResp Term:2 Log:0/2"),
        // Another term there, or nothing.
        ((1, 2), "1->2 MsgAppResp Term:2 Log:1/2 Rejected (Hint: 1)"),
        ((2, 3), "1->2 MsgAppResp Term:2 Log:2/3 Rejected (Hint: 2)"),
    ] {
        let mut node = Setup::of(3).log(&[1, 2]).at(2, 0, 1).follower();
        node.deliver(append(2, 2, prev, &[]));
        node.expect_vouching(&[answer]);
    }
}

/// etcd: TestFollowerAppendEntries
#[test]
fn a_follower_removes_what_conflicts_and_appends_what_is_new() {
    for (prev, new, log, unstable) in [
        ((2, 2), &[3][..], vec![1, 2, 3], vec![3]),
        ((1, 1), &[3, 4], vec![1, 3, 4], vec![3, 4]),
        ((0, 0), &[1], vec![1, 2], vec![]),
        ((0, 0), &[3], vec![3], vec![3]),
    ] {
        let mut node = Setup::of(3).log(&[1, 2]).follower();
        node.deliver(append(2, 4, prev, new));
        assert_eq!(node.log_terms(), log);
        let waiting: Vec<u64> =
            node.node.log.unstable().next_entries().iter().map(|entry| entry.term).collect();
        assert_eq!(waiting, unstable);
    }
}

/// The logs of figure 7: whatever a follower has, the leader of term 8 makes it the same as its
/// own.
///
/// etcd: TestLeaderSyncFollowerLog
#[test]
fn a_leader_brings_any_log_into_line_with_its_own() {
    let leader_log = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
    for follower_log in [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6][..],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ] {
        for compat in BOTH {
            let setup = |id| Setup::of(3).id(id).compat(compat);
            let follower_term = follower_log[follower_log.len() - 1];
            let mut network = Network::new([
                setup(1).log(&leader_log).at(7, 0, 10),
                setup(2).log(follower_log).at(follower_term, 0, 0),
                // A vote, so that the follower's is not needed.
                setup(3).at(7, 0, 0),
            ]);
            network.campaign(1);
            network.propose(1, "x");
            let expected = [&leader_log[..], &[8, 8]].concat();
            assert_eq!(network.log_terms(2), expected, "{follower_log:?}");
            assert_eq!(network.commit(2), 12);
            network.expect_applied(2, &["x"]);
        }
    }
}

/// etcd: TestLeaderOnlyCommitsLogFromCurrentTerm
#[test]
fn a_leader_commits_only_entries_of_its_own_term_by_counting() {
    for (index, committed) in [(1, 0), (2, 0), (3, 3), (4, 4)] {
        let mut leader = Setup::of(2).log(&[1, 2]).at(2, 0, 0).leader();
        leader.add("x");
        leader.persist();
        leader.acknowledge(2, index);
        assert_eq!(leader.node.log.committed(), committed, "acknowledged {index}");
    }
}
