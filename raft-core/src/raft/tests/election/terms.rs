//! What a message's term does before the message is handled.

use raft_proto::LOCAL_APPEND_THREAD;
use raft_proto::MessageType::{
    self, MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgPreVote, MsgPreVoteResp, MsgSnap,
    MsgStorageAppendResp, MsgTimeoutNow, MsgTransferLeader, MsgVote, MsgVoteResp,
};

use crate::event::StateRole::{Follower, Leader, PreCandidate};
use crate::raft::tests::fixture::*;

/// etcd: TestStepIgnoreOldTermMsg
#[test]
fn a_message_of_an_earlier_term_is_ignored_in_every_role() {
    const KINDS: [MessageType; 9] = [
        MsgApp,
        MsgAppResp,
        MsgVote,
        MsgVoteResp,
        MsgSnap,
        MsgHeartbeat,
        MsgHeartbeatResp,
        MsgTransferLeader,
        MsgTimeoutNow,
    ];
    for role in ROLES {
        for kind in KINDS {
            let mut node = Setup::of(3).etcd().at(2, 0, 0).in_role(role);
            let term = node.node.term;
            let digest =
                |node: &Machine| (node.hard_state(), node.soft_state(), node.node.election_elapsed);
            node.node.election_elapsed = 4;
            let before = digest(&node);
            node.deliver(from(2, kind).term(1));
            assert_eq!(digest(&node), before, "{role} {kind}");
            node.expect_sent(&[]);
            node.expect_vouching(&[]);
            let ignored = alloc::format!(
                "1 [term: {term}] ignored a {kind} message with lower term from 2 [term: 1]"
            );
            node.expect_events(&[ignored.as_str()]);
        }
    }
}

/// The leader of an earlier term that a stuck node would never hear of otherwise steps down.
#[test]
fn a_leader_of_an_earlier_term_is_told_of_the_term() {
    for (check_quorum, pre_vote) in [(true, false), (false, true), (true, true)] {
        for (compat, kind) in BOTH.into_iter().flat_map(|c| [(c, MsgApp), (c, MsgHeartbeat)]) {
            let mut node = Setup::of(3)
                .at(3, 0, 0)
                .compat(compat)
                .with(|config| (config.check_quorum, config.pre_vote) = (check_quorum, pre_vote))
                .follower();
            node.deliver(from(2, kind).term(1).log(1, 1));
            node.expect_vouching(&["1->2 MsgAppResp Term:3 Log:0/0"]);
            node.expect_events(&[]);
            node.expect_role(Follower, 3, 0);
        }
    }
}

/// Else nodes of different terms, one with a longer log, could wait for each other.
#[test]
fn a_pre_vote_request_of_an_earlier_term_is_refused_in_the_own_term() {
    let mut node = Setup::of(3).at(3, 0, 0).follower();
    node.deliver(from(2, MsgPreVote).term(2).log(9, 9));
    node.expect_sent(&[]);
    node.expect_vouching(&["1->2 MsgPreVoteResp Term:3 Log:0/0 Rejected (Hint: 0)"]);
    node.expect_events(&[
        "1 [logterm: 0, index: 0, vote: 0] rejected MsgPreVote from 2 [logterm: 9, index: 9] at term 3",
    ]);
}

/// In the term that it asks about, nobody leads yet.
#[test]
fn a_granted_pre_vote_of_a_later_term_changes_no_term() {
    let mut node = Setup::of(3).at(1, 0, 0).pre_candidate();
    node.deliver(from(2, MsgPreVoteResp).term(2));
    // It has won, and campaigns in that term itself.
    node.expect_events(&[
        "1 received MsgPreVoteResp from 2 at term 1",
        "1 has received 2 MsgPreVoteResp votes and 0 vote rejections",
        "1 became candidate at term 2",
        "1 [logterm: 0, index: 0] sent MsgVote request to 2 at term 2",
        "1 [logterm: 0, index: 0] sent MsgVote request to 3 at term 2",
    ]);
    let mut node = Setup::of(3).at(1, 0, 0).follower();
    node.deliver(from(2, MsgPreVoteResp).term(7));
    node.expect_role(Follower, 1, 0);
}

#[test]
fn a_refused_pre_vote_of_a_later_term_tells_of_that_term() {
    let mut node = Setup::of(3).at(1, 0, 0).pre_candidate();
    node.deliver(from(2, MsgPreVoteResp).term(1).reject());
    node.expect_role(PreCandidate, 1, 0);
    node.deliver(from(3, MsgPreVoteResp).term(7).reject());
    node.expect_role(Follower, 7, 0);
}

#[test]
fn a_response_of_a_later_term_makes_the_leader_follow_nobody() {
    for kind in [MsgAppResp, MsgHeartbeatResp, MsgVoteResp] {
        let mut leader = steady_leader_of(3);
        leader.deliver(from(2, kind).term(2));
        leader.expect_role(Follower, 2, 0);
        assert_eq!(leader.hard_state().vote, 0);
    }
    // One of its own term does not.
    let mut leader = steady_leader_of(3);
    leader.deliver(from(2, MsgHeartbeatResp).term(1));
    leader.expect_role(Leader, 1, 1);
}

/// etcd: TestLeaderMsgAppSelfAckAfterTermChange
#[test]
fn an_own_acknowledgement_from_an_earlier_leadership_is_ignored() {
    let mut node = steady_leader_of(3);
    node.add("x");
    let own = node.take_vouching();
    assert_eq!(own.len(), 1);
    node.deliver(from(2, MsgHeartbeat).term(2));
    node.expect_role(Follower, 2, 2);
    node.take_events();

    own.into_iter().for_each(|own| node.deliver(own));
    node.expect_events(&[
        "1 [term: 2] ignored a MsgAppResp message with lower term from 1 [term: 1]",
    ]);
    assert_eq!(node.node.log.committed(), 1);
}

/// What it wrote may have been replaced since.
#[test]
fn a_late_answer_of_the_append_thread_makes_no_entries_stable() {
    let mut node = steady_leader_of(3);
    node.add("x");
    node.node.log.accept_unstable();
    node.deliver(from(2, MsgHeartbeat).term(2));
    node.take_events();
    let late = from(LOCAL_APPEND_THREAD, MsgStorageAppendResp).term(1);
    node.deliver(late.clone().log(1, 2));
    assert_eq!(node.node.log.unstable().offset(), 2);
    node.expect_events(&[
        "1 [term: 2] ignored entry appends from a MsgStorageAppendResp message with lower term [term: 1]",
    ]);
    // It says nothing of entries.
    node.deliver(late);
    node.expect_events(&[]);
}

#[test]
fn the_last_term_is_taken_over() {
    let last = crate::error::MAX_TERM;
    let mut node = follower_of(3);
    node.deliver(from(2, MsgHeartbeat).term(last));
    node.expect_role(Follower, last, 2);
}
