//! Appends and heartbeats, seen from a follower.

use alloc::format;
use alloc::vec::Vec;

use raft_proto::Message;
use raft_proto::MessageType::{MsgApp, MsgHeartbeat};

use crate::raft::tests::fixture::*;

/// The log before: terms 1, 2.
///
/// etcd: TestHandleMsgApp
#[test]
fn an_append_is_taken_where_it_matches_and_committed_as_far_as_it_goes() {
    // The position before, what comes, the leader's commit index; the log then, the own commit
    // index, and whether it was rejected.
    type Case = ((u64, u64), &'static [u64], u64, &'static [u64], u64, bool);
    let cases: &[Case] = &[
        // The entry before has another term, or is not there.
        ((3, 2), &[], 3, &[1, 2], 0, true),
        ((3, 3), &[], 3, &[1, 2], 0, true),
        // It matches: what follows replaces what differs.
        ((1, 1), &[], 1, &[1, 2], 1, false),
        ((0, 0), &[2], 1, &[2], 1, false),
        ((2, 2), &[2, 2], 3, &[1, 2, 2, 2], 3, false),
        ((2, 2), &[2], 4, &[1, 2, 2], 3, false),
        ((1, 1), &[2], 4, &[1, 2], 2, false),
        // Only what the message itself vouches for is committed, though the log is longer.
        ((1, 1), &[], 3, &[1, 2], 1, false),
        ((1, 1), &[2], 3, &[1, 2], 2, false),
        ((2, 2), &[], 3, &[1, 2], 2, false),
        ((2, 2), &[], 1, &[1, 2], 1, false),
    ];
    for &(prev, new, commit, log, committed, rejected) in cases {
        for compat in BOTH {
            let mut node = Setup::of(3).log(&[1, 2]).compat(compat).follower();
            node.deliver(append(2, 3, prev, new).commit(commit));
            assert_eq!(node.log_terms(), log, "{prev:?} {new:?} commit {commit}");
            assert_eq!(node.node.log.committed(), committed, "{prev:?} {new:?} commit {commit}");
            let answers = node.take_vouching();
            assert_eq!(answers.len(), 1);
            assert_eq!(answers[0].reject, rejected, "{prev:?} {new:?} commit {commit}");
            if !rejected {
                assert_eq!(answers[0].index, prev.1 + new.len() as u64);
            }
        }
    }
}

#[test]
fn a_rejection_tells_what_stands_at_the_position() {
    for (index, ours) in [(2, 2), (5, 0)] {
        let mut node = Setup::of(3).log(&[1, 2]).follower();
        node.deliver(append(2, 3, (3, index), &[]));
        node.expect_event(&format!(
            "1 [logterm: {ours}, index: {index}] rejected MsgApp [logterm: 3, index: {index}] from 2"
        ));
    }
}

#[test]
fn an_acknowledgement_waits_for_the_disk() {
    let mut node = follower_of(3);
    node.deliver(append(2, 1, (0, 0), &[1, 1]));
    node.expect_sent(&[]);
    node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/2"]);
}

/// Entries that are there already stay, also those after them: a late message must not undo what
/// a newer one brought.
#[test]
fn an_append_that_came_before_changes_nothing() {
    let mut node = follower_of(3);
    node.deliver(append(2, 1, (0, 0), &[1, 1, 1]));
    node.persist();
    node.deliver(append(2, 1, (0, 0), &[1]));
    assert_eq!(node.log_terms(), [1, 1, 1]);
    node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/1"]);
    assert!(!node.node.log.unstable().has_next_entries(), "nothing is written again");
}

#[test]
fn an_append_before_the_commit_index_is_answered_with_the_commit_index() {
    let mut node = Setup::of(3).log(&[1, 1, 1]).at(1, 0, 2).follower();
    // Whatever it says: it is a late one.
    node.deliver(append(2, 1, (1, 1), &[1, 1, 1]).commit(3));
    node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/2"]);
    assert_eq!((node.log_terms(), node.node.log.committed()), ([1, 1, 1].into(), 2));
    // At the commit index itself it is taken.
    node.deliver(append(2, 1, (1, 2), &[1, 1]).commit(3));
    node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/4"]);
    assert_eq!(node.node.log.committed(), 3);
}

#[test]
fn a_conflict_removes_the_rest_of_the_log() {
    let mut node = Setup::of(3).log(&[1, 1, 1, 1]).at(1, 0, 1).follower();
    node.deliver(append(2, 3, (1, 1), &[1, 3]).commit(1));
    assert_eq!(node.log_terms(), [1, 1, 3]);
    node.expect_event("found conflict at index 3 [existing term: 1, conflicting term: 3]");
    // What is on disk gives way too, with the next write.
    node.persist();
    let node = node.node.log.into_storage();
    assert_eq!(crate::Storage::last_index(&node).expect("memory"), 3);
}

#[test]
fn a_conflict_replaces_what_waits_for_the_disk() {
    let mut node = follower_of(3);
    node.deliver(append(2, 1, (0, 0), &[1, 1, 1]));
    node.take_events();
    node.deliver(append(3, 2, (1, 1), &[2]));
    node.expect_events(&[
        "1 [term: 1] received a MsgApp message with higher term from 3 [term: 2]",
        "1 became follower at term 2",
        "found conflict at index 2 [existing term: 1, conflicting term: 2]",
        "truncate the unstable entries before index 2",
    ]);
    let waiting = node.node.log.unstable().next_entries();
    let waiting: Vec<_> = waiting.iter().map(|e| (e.term, e.index)).collect();
    assert_eq!(waiting, [(1, 1), (2, 2)]);
}

/// The entry before came in an append of the same term, which was answered. A leader that lost the
/// answer asks again, with a commit index that is known.
#[test]
fn an_append_that_only_commits_what_was_acknowledged_is_not_answered() {
    // The term of the leader, what it appends after (1, 1), (2, 2), and its commit index.
    let cases: &[(u64, &[u64], u64, bool)] =
        &[(2, &[], 2, false), (2, &[], 1, true), (2, &[2], 2, true), (3, &[], 2, true)];
    for &(term, entries, commit, answered) in cases {
        for compat in BOTH {
            let mut node = Setup::of(3).log(&[1, 2]).at(2, 0, 1).compat(compat).follower();
            node.deliver(append(2, term, (2, 2), entries).commit(commit));
            assert_eq!(node.node.log.committed(), commit);
            let answers = node.take_vouching();
            let expected = answered || compat == crate::Compat::Etcd;
            assert_eq!(answers.len(), usize::from(expected), "{term} {entries:?} {commit}");
        }
    }
}

/// etcd: TestHandleHeartbeat
#[test]
fn a_heartbeat_raises_the_commit_index_and_never_lowers_it() {
    for (told, committed) in [(0, 2), (1, 2), (2, 2), (3, 3)] {
        let mut node = Setup::of(3).log(&[1, 1, 1]).at(1, 0, 2).follower();
        node.deliver(from(2, MsgHeartbeat).term(1).commit(told));
        assert_eq!(node.node.log.committed(), committed);
        node.expect_sent(&["1->2 MsgHeartbeatResp Term:1 Log:0/0"]);
        node.expect_vouching(&[]);
    }
}

#[test]
fn a_heartbeat_is_answered_with_its_context() {
    let mut node = follower_of(3);
    node.deliver(from(2, MsgHeartbeat).term(1).context("12345678"));
    let answers: Vec<Message> = node.take_sent();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].context, "12345678");
}

#[test]
fn a_follower_that_hears_another_leader_in_the_term_follows_it() {
    for message in [from(3, MsgHeartbeat).term(1), from(3, MsgApp).term(1)] {
        let mut node = Setup::of(3).follower_of_2();
        node.deliver(message);
        assert_eq!(node.leader_id(), 3);
    }
}

/// A leader is alone in its term; whoever claims to lead it too is ignored.
#[test]
fn a_leader_ignores_what_only_leaders_send() {
    for kind in [MsgApp, MsgHeartbeat, raft_proto::MessageType::MsgSnap] {
        let mut leader = steady_leader_of(3);
        let before = leader.image();
        leader.deliver(from(2, kind).term(1));
        assert_eq!(leader.image(), before, "{kind}");
    }
}
