//! Nodes that ask before they raise their term.

use raft_proto::MessageType::{MsgApp, MsgHeartbeat, MsgPreVote, MsgVote};

use crate::event::StateRole::{Candidate, Follower, Leader, PreCandidate};
use crate::raft::tests::fixture::*;

fn network() -> Network {
    Network::configured(3, |config| config.pre_vote = true)
}

#[test]
fn a_pre_candidate_asks_about_the_term_after_its_own() {
    let mut node = Setup::of(3).log(&[1, 2]).with(|config| config.pre_vote = true).follower();
    node.campaign_now();
    node.expect_role(PreCandidate, 2, 0);
    node.expect_sent(&["1->2 MsgPreVote Term:3 Log:2/2", "1->3 MsgPreVote Term:3 Log:2/2"]);
    node.expect_vouching(&["1->1 MsgPreVoteResp Term:3 Log:0/0"]);
    assert_eq!(node.hard_state().vote, 0);
}

#[test]
fn a_pre_candidate_whose_timer_runs_out_asks_again() {
    let mut node = Setup::of(3).with(|config| config.pre_vote = true).follower();
    node.node.randomized_election_timeout = 10;
    for _ in 0..3 {
        node.pass(10);
        node.expect_role(PreCandidate, 0, 0);
        assert_eq!(node.take_sent().len(), 2);
    }
}

/// etcd: TestDuelingPreCandidates
#[test]
fn a_pre_candidate_that_lags_disrupts_nobody() {
    let mut network = network();
    network.cut(1, 3);
    network.campaign(1);
    network.campaign(3);
    network.expect_role(1, Leader, 1);
    network.expect_role(3, Follower, 1);

    network.recover();
    network.campaign(3);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, Follower, 1);
    for (id, log) in [(1, &[1][..]), (2, &[1]), (3, &[])] {
        assert_eq!(network.log_terms(id), log, "node {id}");
    }
}

/// etcd: TestDisruptiveFollowerPreVote
#[test]
fn a_follower_that_comes_back_does_not_disrupt_the_leader() {
    let mut network = Network::configured(3, |config| {
        (config.check_quorum, config.pre_vote) = (true, true);
    });
    network.campaign(1);
    network.isolate(3);
    network.propose(1, "one");
    network.propose(1, "two");

    network.recover();
    network.campaign(3);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, PreCandidate, 1);

    network.tick(1, 1);
    network.expect_role(1, Leader, 1);
    network.expect_role(3, Follower, 1);
    network.expect_applied(3, &["one", "two"]);
}

/// Node 3 was cut off, and is of a lower term than the others.
///
/// etcd: TestNodeWithSmallerTermCanCompleteElection
#[test]
fn an_election_completes_with_a_node_of_a_lower_term() {
    let mut network = network();
    network.cut(1, 3);
    network.cut(2, 3);
    network.campaign(1);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);
    network.campaign(3);
    network.expect_role(3, PreCandidate, 0);

    network.campaign(2);
    network.expect_role(1, Follower, 2);
    network.expect_role(2, Leader, 2);

    network.recover();
    // Nodes 1 and 2 do not talk; node 3 is of a lower term and lacks entries.
    network.isolate(2);
    network.campaign(3);
    network.campaign(1);
    network.expect_role(1, Leader, 3);
    network.expect_role(3, Follower, 3);
}

/// etcd: TestPreVoteWithSplitVote
#[test]
fn pre_votes_find_a_leader_after_a_split_vote() {
    let mut network = network();
    network.campaign(1);
    network.isolate(1);

    // Both ask at once: each is granted the pre-vote of the other, and votes for itself.
    for id in [2, 3] {
        network.node(id).campaign().expect("a voter");
    }
    network.settle();
    network.expect_role(2, Candidate, 2);
    network.expect_role(3, Candidate, 2);

    network.campaign(2);
    network.expect_role(2, Leader, 3);
    network.expect_role(3, Follower, 3);
}

/// etcd: TestPreVoteWithCheckQuorum
#[test]
fn pre_votes_and_leases_together_elect_when_the_leader_is_gone() {
    let mut network = Network::configured(3, |config| {
        (config.check_quorum, config.pre_vote) = (true, true);
    });
    network.campaign(1);
    network.isolate(1);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, Follower, 1);

    // Node 2 asks; node 3 still hears the leader, as far as it knows.
    network.campaign(2);
    network.expect_role(2, PreCandidate, 1);
    // A pre-candidate knows no leader, so that node 3 gets its pre-vote and then its vote.
    network.campaign(3);
    network.expect_role(3, Leader, 2);
    network.expect_role(2, Follower, 2);
}

/// Nodes 1 and 2 have been told to pre-vote; node 3 has not, and raised its term without an entry.
fn migrating() -> Network {
    let setup = |id| Setup::of(3).id(id).with(|config| config.pre_vote = id != 3);
    let mut network = Network::new([setup(1), setup(2), setup(3)]);
    network.campaign(1);
    network.isolate(3);
    network.propose(1, "x");
    network.campaign(3);
    network.campaign(3);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, Candidate, 3);
    assert_eq!(network.log_terms(3), [1]);
    // It starts again, and is told to pre-vote as well.
    let late = Setup::of(3).id(3).with(|config| config.pre_vote = true);
    network.join(&late.log(&[1]).at(3, 3, 1));
    network.recover();
    network
}

/// etcd: TestPreVoteMigrationCanCompleteElection
#[test]
fn a_group_that_changes_to_pre_votes_elects_a_leader() {
    let mut network = migrating();
    network.isolate(1);
    network.campaign(3);
    network.campaign(2);
    // Node 3 refused in its own, higher term, which node 2 has taken over.
    network.expect_role(2, Follower, 3);
    network.expect_role(3, PreCandidate, 3);

    network.campaign(3);
    network.campaign(2);
    network.expect_role(2, Leader, 4);
    network.expect_role(3, Follower, 4);
}

/// etcd: TestPreVoteMigrationWithFreeStuckPreCandidate
#[test]
fn a_stuck_pre_candidate_of_a_higher_term_makes_the_leader_step_down() {
    let mut network = migrating();
    network.campaign(3);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, PreCandidate, 3);
    // It asks again, and still lacks an entry.
    network.campaign(3);
    network.expect_role(1, Leader, 1);

    network.tick(1, 1);
    network.expect_role(1, Follower, 3);
}

#[test]
fn a_pre_candidate_answers_the_messages_of_an_earlier_leader() {
    for kind in [MsgApp, MsgHeartbeat] {
        let mut node =
            Setup::of(3).at(3, 0, 0).with(|config| config.pre_vote = true).pre_candidate();
        node.deliver(from(2, kind).term(2));
        node.expect_role(PreCandidate, 3, 0);
        node.expect_vouching(&["1->2 MsgAppResp Term:3 Log:0/0"]);
    }
}

/// It asks about a term that has not begun.
#[test]
fn a_pre_vote_may_be_granted_to_several_and_next_to_a_vote() {
    let mut node = Setup::of(3).at(1, 3, 0).follower();
    for candidate in [2, 3] {
        node.deliver(from(candidate, MsgPreVote).term(2));
    }
    node.expect_vouching(&[
        "1->2 MsgPreVoteResp Term:2 Log:0/0",
        "1->3 MsgPreVoteResp Term:2 Log:0/0",
    ]);
    assert_eq!(node.hard_state().vote, 3);
    // The vote itself goes to the first that asks for it.
    node.deliver(from(2, MsgVote).term(2));
    node.deliver(from(3, MsgVote).term(2));
    node.expect_vouching(&[
        "1->2 MsgVoteResp Term:2 Log:0/0",
        "1->3 MsgVoteResp Term:2 Log:0/0 Rejected (Hint: 0)",
    ]);
}

#[test]
fn a_node_told_to_take_over_skips_the_pre_vote() {
    let mut node = Setup::of(3).with(|config| config.pre_vote = true).follower_of_2();
    node.deliver(from(2, raft_proto::MessageType::MsgTimeoutNow).term(1));
    node.expect_role(Candidate, 2, 0);
    let requests = node.take_sent();
    assert_eq!(texts(&requests), ["1->2 MsgVote Term:2 Log:0/0", "1->3 MsgVote Term:2 Log:0/0"]);
    assert!(requests.iter().all(|m| m.context == "CampaignTransfer"));
}
