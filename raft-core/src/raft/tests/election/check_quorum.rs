//! A leader that must hear its quorum, and followers that stand by it as long as they hear it.

use raft_proto::MessageType::{
    MsgAppResp, MsgHeartbeatResp, MsgPreVote, MsgSnapStatus, MsgUnreachable, MsgVote,
};

use crate::event::StateRole::{Candidate, Follower, Leader};
use crate::raft::tests::fixture::*;

fn checked(voters: u64) -> Setup {
    Setup::of(voters).with(|config| config.check_quorum = true)
}

fn network() -> Network {
    Network::configured(3, |config| config.check_quorum = true)
}

/// etcd: TestLeaderStepdownWhenQuorumActive
#[test]
fn a_leader_that_hears_a_quorum_stays() {
    let mut leader = checked(3).leader();
    for _ in 0..=30 {
        leader.deliver(from(2, MsgHeartbeatResp).term(1));
        leader.pass(1);
    }
    leader.expect_role(Leader, 1, 1);
}

/// etcd: TestLeaderStepdownWhenQuorumLost
#[test]
fn a_leader_that_hears_no_quorum_for_an_election_timeout_steps_down() {
    let mut leader = checked(3).leader();
    // Its first check finds that nobody was heard since it was elected.
    leader.pass(9);
    leader.expect_role(Leader, 1, 1);
    leader.take_events();
    leader.pass(1);
    leader.expect_role(Follower, 1, 0);
    leader.expect_events(&[
        "1 stepped down to follower since quorum is not active",
        "1 became follower at term 1",
    ]);
}

#[test]
fn each_check_asks_for_word_since_the_last() {
    let mut leader = checked(3).steady_leader();
    leader.pass(10);
    leader.expect_role(Leader, 1, 1);
    assert!(!leader.progress(2).recent_active && !leader.progress(3).recent_active);
    assert!(leader.progress(1).recent_active, "it hears itself");
    leader.deliver(from(3, MsgHeartbeatResp).term(1));
    leader.pass(10);
    leader.expect_role(Leader, 1, 1);
    leader.pass(10);
    leader.expect_role(Follower, 1, 0);
}

#[test]
fn without_the_check_a_leader_stays_alone() {
    let mut leader = leader_of(3);
    leader.pass(100);
    leader.expect_role(Leader, 1, 1);
}

#[test]
fn learners_do_not_count_as_active() {
    let mut leader = Setup::in_group(raft_proto::ConfState::new([1, 2, 3], [4]))
        .with(|config| config.check_quorum = true)
        .steady_leader();
    leader.pass(10);
    leader.deliver(from(4, MsgHeartbeatResp).term(1));
    leader.pass(10);
    leader.expect_role(Follower, 1, 0);
}

#[test]
fn a_joint_configuration_is_checked_in_both_halves() {
    let joint = raft_proto::ConfState {
        voters: [1, 2, 3].into(),
        voters_outgoing: [1, 4, 5].into(),
        ..Default::default()
    };
    for (heard, role) in [(&[2, 3][..], Follower), (&[2, 4], Leader)] {
        let mut leader = Setup::in_group(joint.clone())
            .with(|config| config.check_quorum = true)
            .steady_leader();
        leader.pass(10);
        for &peer in heard {
            leader.deliver(from(peer, MsgHeartbeatResp).term(1));
        }
        leader.pass(10);
        assert_eq!(leader.role.name(), role, "heard {heard:?}");
    }
}

/// Reports of the application are no sign of life.
#[test]
fn only_answers_of_the_peer_itself_count_as_word_from_it() {
    for (message, active) in [
        (from(2, MsgAppResp).term(1).index(1), true),
        (from(2, MsgAppResp).term(1).index(1).hint(1, 1), true),
        (from(2, MsgHeartbeatResp).term(1), true),
        (from(2, MsgUnreachable), false),
        (from(2, MsgSnapStatus), false),
    ] {
        let mut leader = checked(3).steady_leader();
        leader.pass(10);
        leader.deliver(message.clone());
        assert_eq!(leader.progress(2).recent_active, active, "{message:?}");
    }
}

/// etcd: TestLeaderSupersedingWithCheckQuorum
#[test]
fn followers_that_hear_the_leader_ignore_a_campaign() {
    let mut network = network();
    // Node 2 has not heard of a leader for its whole timeout.
    network.node(2).set_randomized_election_timeout(11).expect("in range");
    network.tick(2, 10);
    network.campaign(1);
    network.expect_role(1, Leader, 1);
    network.expect_role(3, Follower, 1);

    network.campaign(3);
    network.expect_role(3, Candidate, 2);
    network.expect_role(2, Follower, 1);

    // Once node 2 has not heard the leader for a timeout, it votes.
    network.cut(1, 2);
    network.tick(2, 10);
    network.campaign(3);
    network.expect_role(3, Leader, 3);
}

#[test]
fn a_lease_ends_after_the_base_election_timeout() {
    for kind in [MsgVote, MsgPreVote] {
        let mut node = checked(3).follower_of_2();
        node.node.randomized_election_timeout = 19;
        node.pass(9);
        let before = node.node.election_elapsed;
        node.deliver(from(3, kind).term(2).log(9, 9));
        node.expect_role(Follower, 1, 2);
        node.expect_vouching(&[]);
        assert_eq!(node.node.election_elapsed, before);
        let ignored = alloc::format!(
            "1 [logterm: 0, index: 0, vote: 0] ignored {kind} from 3 [logterm: 9, index: 9] \
             at term 1: lease is not expired (remaining ticks: 1)"
        );
        node.expect_events(&[ignored.as_str()]);

        node.pass(1);
        node.deliver(from(3, kind).term(2).log(9, 9));
        assert_eq!(node.take_vouching().len(), 1);
    }
}

/// It wants the election itself.
#[test]
fn a_lease_does_not_hold_against_a_transfer() {
    let mut node = checked(3).follower_of_2();
    node.deliver(from(3, MsgVote).term(2).context("CampaignTransfer"));
    node.expect_vouching(&["1->3 MsgVoteResp Term:2 Log:0/0"]);
    // Other contexts are no reason.
    let mut node = checked(3).follower_of_2();
    node.deliver(from(3, MsgVote).term(2).context("CampaignElection"));
    node.expect_vouching(&[]);
}

#[test]
fn without_a_known_leader_or_without_the_check_there_is_no_lease() {
    let mut node = checked(3).follower();
    node.deliver(from(3, MsgVote).term(2));
    node.expect_vouching(&["1->3 MsgVoteResp Term:2 Log:0/0"]);
    let mut node = Setup::of(3).follower_of_2();
    node.deliver(from(3, MsgVote).term(2));
    node.expect_vouching(&["1->3 MsgVoteResp Term:2 Log:0/0"]);
}

/// A leader is a node that hears a leader.
#[test]
fn a_leader_ignores_a_campaign_within_its_own_lease() {
    let mut leader = checked(3).steady_leader();
    leader.deliver(from(3, MsgVote).term(2).log(9, 9));
    leader.expect_role(Leader, 1, 1);
    leader.expect_vouching(&[]);
}

/// etcd: TestLeaderElectionWithCheckQuorum
#[test]
fn a_campaign_wins_again_once_leases_have_run_out() {
    let mut network = network();
    network.campaign(1);
    network.expect_role(1, Leader, 1);
    network.expect_role(3, Follower, 1);

    // Nodes 1 and 2 have not heard anybody for a timeout.
    network.isolate(1);
    for id in [1, 2] {
        network.node(id).set_randomized_election_timeout(19).expect("in range");
        network.tick(id, 10);
    }
    network.recover();
    network.campaign(3);
    network.expect_role(1, Follower, 2);
    network.expect_role(3, Leader, 2);
}

/// Node 3 was cut off, and campaigned in vain. Its term is too high for the leader, and the leases
/// keep it from winning.
///
/// etcd: TestFreeStuckCandidateWithCheckQuorum
#[test]
fn a_stuck_candidate_makes_the_leader_step_down_when_it_is_heard() {
    let mut network = network();
    network.campaign(1);
    network.isolate(1);
    network.campaign(3);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, Candidate, 2);
    network.campaign(3);
    network.expect_role(3, Candidate, 3);

    network.recover();
    network.tick(1, 1);
    network.expect_role(1, Follower, 3);

    network.campaign(3);
    network.expect_role(3, Leader, 4);
}

/// etcd: TestNonPromotableVoterWithCheckQuorum
#[test]
fn a_node_that_may_not_lead_follows_as_any_other() {
    let leader = || Setup::of(2).with(|config| config.check_quorum = true);
    // Node 2 has been removed, as far as it knows itself.
    let outsider = Setup::in_group(voters(&[1])).id(2).with(|config| config.check_quorum = true);
    let mut network = Network::new([leader(), outsider]);
    network.node(2).set_randomized_election_timeout(11).expect("in range");
    network.tick(2, 11);
    network.expect_role(2, Follower, 0);
    network.campaign(1);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);
    network.expect_leader(2, 1);
}

/// etcd: TestDisruptiveFollower
#[test]
fn a_follower_that_loses_patience_disrupts_the_leader() {
    let mut network = network();
    network.campaign(1);
    // Its heartbeats are late.
    network.isolate(3);
    network.time_out(3);
    network.expect_role(1, Leader, 1);
    network.expect_role(3, Candidate, 2);

    network.recover();
    network.tick(1, 1);
    network.expect_role(1, Follower, 2);
    network.expect_role(2, Follower, 1);
    network.expect_role(3, Candidate, 2);
}
