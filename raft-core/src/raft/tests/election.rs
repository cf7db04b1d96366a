//! Campaigns: who may, who wins, and what is left of the others.

mod check_quorum;
mod pre_vote;
mod terms;
mod votes;

use alloc::vec::Vec;

use raft_proto::MessageType::{MsgApp, MsgHeartbeat, MsgHup, MsgPreVote, MsgVote, MsgVoteResp};

use super::fixture::*;
use crate::error::CampaignRefused;
use crate::event::StateRole::{Candidate, Follower, Leader, PreCandidate};
use crate::raft::transition::CampaignKind;

/// A node that a group knows of and that never answers.
fn isolated(mut network: Network, ids: &[u64]) -> Network {
    ids.iter().for_each(|&id| network.isolate(id));
    network
}

/// etcd: TestLeaderElection, TestLeaderElectionPreVote
#[test]
fn a_campaign_wins_with_a_majority_and_not_without() {
    for pre_vote in [false, true] {
        let group = |voters| Network::configured(voters, |config| config.pre_vote = pre_vote);
        let (asking, asking_term) = if pre_vote { (PreCandidate, 0) } else { (Candidate, 1) };
        for (mut network, role, term) in [
            (group(1), Leader, 1),
            (group(3), Leader, 1),
            (isolated(group(3), &[3]), Leader, 1),
            (isolated(group(3), &[2, 3]), asking, asking_term),
            (isolated(group(4), &[2, 3]), asking, asking_term),
            (isolated(group(5), &[2, 3]), Leader, 1),
        ] {
            network.campaign(1);
            network.expect_role(1, role, term);
        }
    }
}

/// etcd: TestLeaderElection, TestLeaderElectionPreVote
#[test]
fn a_campaign_with_a_shorter_log_is_lost_and_learns_the_term() {
    for pre_vote in [false, true] {
        let setup = |id| Setup::of(5).id(id).with(|config| config.pre_vote = pre_vote);
        let mut network = Network::new([
            setup(1),
            setup(2).log(&[1]),
            setup(3).log(&[1]),
            setup(4).log(&[1, 1]),
            setup(5),
        ]);
        network.campaign(1);
        network.expect_role(1, Follower, 1);
        network.expect_leader(1, 0);
    }
}

/// etcd: TestLeaderCycle, TestLeaderCyclePreVote
#[test]
fn any_node_can_win_after_any_other() {
    for pre_vote in [false, true] {
        let mut network = Network::configured(3, |config| config.pre_vote = pre_vote);
        for (id, term) in [(1, 1), (2, 2), (3, 3), (1, 4)] {
            network.campaign(id);
            for other in 1..=3 {
                let role = if other == id { Leader } else { Follower };
                network.expect_role(other, role, term);
                network.expect_leader(other, id);
            }
        }
    }
}

/// Node 1 won term 1 and reached node 2 only, node 3 won term 2 and reached nobody. A leader of
/// term 3 may replace even the entry of term 2, which is newer than its own.
///
/// etcd: TestLeaderElectionOverwriteNewerLogs, TestLeaderElectionOverwriteNewerLogsPreVote
#[test]
fn a_new_leader_overwrites_uncommitted_entries_of_a_later_term() {
    for pre_vote in [false, true] {
        let setup = |id| Setup::of(5).id(id).with(|config| config.pre_vote = pre_vote);
        let mut network = Network::new([
            setup(1).log(&[1]),
            setup(2).log(&[1]),
            setup(3).log(&[2]),
            setup(4).at(2, 3, 0),
            setup(5).at(2, 3, 0),
        ]);

        // A quorum has seen term 2 already.
        network.campaign(1);
        network.expect_role(1, Follower, 2);

        network.campaign(1);
        network.expect_role(1, Leader, 3);
        for id in 1..=5 {
            assert_eq!(network.log_terms(id), [1, 3], "node {id}");
        }
    }
}

/// etcd: TestDuelingCandidates
#[test]
fn a_candidate_that_lags_disrupts_the_leader_and_loses() {
    let mut network = Network::of(3);
    network.cut(1, 3);
    network.campaign(1);
    network.campaign(3);
    network.expect_role(1, Leader, 1);
    // Its own vote, and the refusal of node 2, which has voted.
    network.expect_role(3, Candidate, 1);

    network.recover();
    network.campaign(3);
    for (id, log) in [(1, &[1][..]), (2, &[1]), (3, &[])] {
        network.expect_role(id, Follower, 2);
        assert_eq!(network.log_terms(id), log, "node {id}");
    }
}

/// etcd: TestCandidateConcede
#[test]
fn a_candidate_concedes_to_the_leader_of_its_term() {
    let mut network = Network::of(3);
    network.isolate(1);
    network.campaign(1);
    network.campaign(3);
    network.expect_role(1, Candidate, 1);

    network.recover();
    network.tick(3, 1);
    network.propose(3, "forced");
    network.tick(3, 1);
    network.expect_role(1, Follower, 1);
    network.expect_leader(1, 3);
    for id in 1..=3 {
        assert_eq!(network.log_terms(id), [1, 1], "node {id}");
        network.expect_applied(id, &["forced"]);
    }
}

/// etcd: TestSingleNodeCandidate, TestSingleNodePreCandidate
#[test]
fn a_single_voter_wins_at_once() {
    for pre_vote in [false, true] {
        let mut network = Network::configured(1, |config| config.pre_vote = pre_vote);
        network.campaign(1);
        network.expect_role(1, Leader, 1);
        assert_eq!(network.commit(1), 1);
    }
}

/// etcd: TestCampaignWhileLeader, TestPreCampaignWhileLeader
#[test]
fn a_leader_does_not_campaign() {
    for pre_vote in [false, true] {
        let mut leader = Setup::of(3).with(|config| config.pre_vote = pre_vote).leader();
        let outcome = leader.try_campaign(leader.campaign_kind()).expect("storage");
        assert_eq!(outcome, Err(CampaignRefused::AlreadyLeader));
        leader.expect_events(&["1 ignoring MsgHup because already leader"]);
        leader.deliver(from(1, MsgHup));
        leader.expect_events(&["1 ignoring MsgHup because already leader"]);
        leader.expect_role(Leader, 1, 1);
        leader.expect_sent(&[]);
        leader.expect_vouching(&[]);
    }
}

/// etcd: TestPromotable
#[test]
fn only_a_voter_with_its_whole_configuration_may_campaign() {
    for (conf_state, promotable) in [
        (voters(&[1]), true),
        (voters(&[1, 2, 3]), true),
        (voters(&[]), false),
        (voters(&[2, 3]), false),
        (raft_proto::ConfState::new([2, 3], [1]), false),
    ] {
        let mut node = Setup::in_group(conf_state).follower();
        let outcome = node.try_campaign(CampaignKind::Election).expect("storage");
        match promotable {
            true => assert_eq!(outcome, Ok(())),
            false => {
                assert_eq!(outcome, Err(CampaignRefused::NotPromotable));
                node.expect_events(&["1 is unpromotable and can not campaign"]);
                node.expect_role(Follower, 0, 0);
            }
        }
    }
}

/// etcd: TestRestore
#[test]
fn a_node_with_a_snapshot_that_is_not_on_disk_does_not_campaign() {
    let mut node = follower_of(3);
    let installed = snapshot(5, 1, voters(&[1, 2, 3]));
    node.deliver(from(2, raft_proto::MessageType::MsgSnap).term(1).snapshot(installed));
    let outcome = node.try_campaign(CampaignKind::Election).expect("storage");
    assert_eq!(outcome, Err(CampaignRefused::NotPromotable));

    node.persist();
    let outcome = node.try_campaign(CampaignKind::Election).expect("storage");
    assert_eq!(outcome, Ok(()));
}

/// The last term is accepted, and is the last.
#[test]
fn a_node_does_not_campaign_beyond_the_last_term() {
    let last = crate::error::MAX_TERM;
    for kind in [CampaignKind::Election, CampaignKind::PreElection, CampaignKind::Transfer] {
        let mut node = Setup::of(3).at(last - 1, 0, 0).follower();
        assert_eq!(node.try_campaign(kind).expect("storage"), Ok(()));

        let mut node = Setup::of(3).at(last, 0, 0).follower();
        let outcome = node.try_campaign(kind).expect("storage");
        assert_eq!(outcome, Err(CampaignRefused::TermsExhausted { term: last }));
        node.expect_role(Follower, last, 0);
        node.expect_sent(&[]);
        node.expect_events(&[
            "1 cannot campaign at term 18446744069414584319 since terms would run out",
        ]);
    }
}

/// etcd: TestLearnerElectionTimeout
#[test]
fn a_learner_whose_timer_runs_out_does_not_campaign() {
    let mut learner = Setup::in_group(raft_proto::ConfState::new([1], [2])).id(2).follower();
    learner.pass(40);
    learner.expect_role(Follower, 0, 0);
    learner.expect_events(&[]);
}

/// etcd: TestLearnerCampaign
#[test]
fn a_learner_does_not_campaign_when_it_is_asked_to() {
    let group = || Setup::in_group(raft_proto::ConfState::new([1], [2]));
    let mut network = Network::new([group().id(1), group().id(2)]);
    assert!(network.node(2).campaign().is_err());
    network.expect_role(2, Follower, 0);

    network.campaign(1);
    network.expect_role(1, Leader, 1);
    // Nor when the leader wants it.
    network.send(from(1, raft_proto::MessageType::MsgTimeoutNow).to(2).term(1));
    network.expect_role(2, Follower, 1);
}

/// etcd: TestLearnerPromotion
#[test]
fn a_learner_that_becomes_a_voter_can_lead() {
    let group = || Setup::in_group(raft_proto::ConfState::new([1], [2]));
    let mut network = Network::new([group().id(1), group().id(2)]);
    network.time_out(1);
    network.expect_role(1, Leader, 1);
    network.expect_role(2, Follower, 1);

    network.change(1, change("v2"));
    // The learner hears of it with the next commit index.
    network.tick(1, 1);
    network.time_out(2);
    network.expect_role(1, Follower, 2);
    network.expect_role(2, Leader, 2);
}

/// etcd: TestCandidateSelfVoteAfterLostElection, TestCandidateSelfVoteAfterLostElectionPreVote
#[test]
fn an_own_vote_that_comes_after_the_election_is_lost_counts_for_nothing() {
    for (kind, beaten_term) in [(CampaignKind::Election, 1), (CampaignKind::PreElection, 0)] {
        let mut node = follower_of(3);
        node.try_campaign(kind).expect("storage").expect("a voter");
        // Its own vote is not on disk yet.
        let vouching = node.take_vouching();
        assert_eq!(vouching.len(), 1);

        let term = beaten_term.max(1);
        node.deliver(from(2, MsgHeartbeat).term(term));
        node.expect_role(Follower, term, 2);
        vouching.into_iter().for_each(|own| node.deliver(own));
        node.expect_role(Follower, term, 2);
        assert_eq!(node.node.vote, if kind == CampaignKind::Election { 1 } else { 0 });
    }
}

/// etcd: TestCandidateDeliversPreCandidateSelfVoteAfterBecomingCandidate
#[test]
fn an_own_pre_vote_does_not_count_as_a_vote() {
    let mut node = Setup::of(3).with(|config| config.pre_vote = true).follower();
    node.campaign_now();
    node.expect_role(PreCandidate, 0, 0);
    let own_pre_vote = node.take_vouching();

    // The others alone are a quorum.
    for voter in [2, 3] {
        node.deliver(from(voter, raft_proto::MessageType::MsgPreVoteResp).term(1));
    }
    node.expect_role(Candidate, 1, 0);
    let own_vote = node.take_vouching();

    own_pre_vote.into_iter().for_each(|own| node.deliver(own));
    node.deliver(from(2, MsgVoteResp).term(1));
    // One vote of three.
    node.expect_role(Candidate, 1, 0);
    own_vote.into_iter().for_each(|own| node.deliver(own));
    node.expect_role(Leader, 1, 1);
}

#[test]
fn a_candidate_asks_each_voter_of_both_halves_in_ascending_order() {
    let joint = raft_proto::ConfState {
        voters: [5, 1].into(),
        voters_outgoing: [4, 1, 2].into(),
        learners: [3].into(),
        ..Default::default()
    };
    let mut node = Setup::in_group(joint).log(&[1, 1]).follower();
    node.campaign_now();
    node.expect_sent(&[
        "1->2 MsgVote Term:2 Log:1/2",
        "1->4 MsgVote Term:2 Log:1/2",
        "1->5 MsgVote Term:2 Log:1/2",
    ]);
    node.expect_vouching(&["1->1 MsgVoteResp Term:2 Log:0/0"]);
    node.expect_events(&[
        "1 is starting a new election at term 1",
        "1 became candidate at term 2",
        "1 [logterm: 1, index: 2] sent MsgVote request to 2 at term 2",
        "1 [logterm: 1, index: 2] sent MsgVote request to 4 at term 2",
        "1 [logterm: 1, index: 2] sent MsgVote request to 5 at term 2",
    ]);
}

#[test]
fn a_joint_election_needs_both_halves() {
    let joint = raft_proto::ConfState {
        voters: [1, 2, 3].into(),
        voters_outgoing: [1, 4, 5].into(),
        ..Default::default()
    };
    let mut node = Setup::in_group(joint.clone()).candidate();
    for voter in [2, 3] {
        node.deliver(from(voter, MsgVoteResp).term(1));
    }
    node.expect_role(Candidate, 1, 0);
    node.deliver(from(5, MsgVoteResp).term(1));
    node.expect_role(Leader, 1, 1);

    // One half lost is enough to lose.
    let mut node = Setup::in_group(joint).candidate();
    for voter in [4, 5] {
        node.deliver(from(voter, MsgVoteResp).term(1).reject());
    }
    node.expect_role(Follower, 1, 0);
}

#[test]
fn a_candidate_that_a_majority_refuses_follows_nobody() {
    let mut node = candidate_of(5);
    for voter in [2, 3] {
        node.deliver(from(voter, MsgVoteResp).term(1).reject());
    }
    node.expect_role(Candidate, 1, 0);
    node.take_events();
    node.deliver(from(4, MsgVoteResp).term(1).reject());
    node.expect_events(&[
        "1 received MsgVoteResp rejection from 4 at term 1",
        "1 has received 1 MsgVoteResp votes and 3 vote rejections",
        "1 became follower at term 1",
    ]);
    node.expect_role(Follower, 1, 0);
    assert_eq!(node.node.vote, 1, "its vote of this term stands");
}

/// etcd: TestPastElectionTimeout
#[test]
fn election_timeouts_are_spread_over_one_to_two_base_timeouts() {
    let mut node = follower_of(3);
    let mut drawn = [0_u32; 20];
    for term in 1..=10_000 {
        node.become_follower(term, 0);
        drawn[node.node.randomized_election_timeout as usize] += 1;
    }
    assert_eq!(drawn[..10], [0; 10]);
    assert!(drawn[10..].iter().all(|count| (800..1200).contains(count)), "{drawn:?}");
}

#[test]
fn the_timer_fires_at_the_drawn_timeout_and_not_before() {
    for timeout in [10, 13, 19] {
        let mut node = follower_of(3);
        node.node.randomized_election_timeout = timeout;
        node.pass(timeout - 1);
        node.expect_role(Follower, 0, 0);
        node.pass(1);
        node.expect_role(Candidate, 1, 0);
        assert_eq!(node.node.election_elapsed, 0);
    }
}

#[test]
fn hearing_from_the_leader_restarts_the_timer() {
    for heard in [from(2, MsgHeartbeat).term(1), append(2, 1, (0, 0), &[1])] {
        let mut node = Setup::of(3).follower_of_2();
        node.pass(9);
        node.deliver(heard);
        assert_eq!(node.node.election_elapsed, 0);
    }
}

#[test]
fn giving_a_vote_restarts_the_timer_and_refusing_one_or_a_pre_vote_does_not() {
    for (request, elapsed) in [
        (from(2, MsgVote).term(1), 0),
        (from(3, MsgVote).term(1), 9),
        (from(2, MsgPreVote).term(1), 9),
        (from(2, MsgPreVote).term(2), 9),
    ] {
        // Its vote in this term is for node 2.
        let mut node = Setup::of(3).at(1, 2, 0).follower();
        node.pass(9);
        node.deliver(request.clone());
        assert_eq!(node.node.election_elapsed, elapsed, "{request:?}");
    }
}

/// etcd: TestStateTransition
#[test]
fn every_change_of_role_starts_with_full_timers_and_nobody_to_lead() {
    for role in ROLES {
        let mut node = Setup::of(3).in_role(role);
        node.node.election_elapsed = 5;
        node.become_follower(3, 2);
        node.expect_role(Follower, 3, 2);
        assert_eq!((node.node.election_elapsed, node.node.vote), (0, 0));

        if role != Leader {
            let mut node = Setup::of(3).in_role(role);
            node.node.election_elapsed = 5;
            let term = node.node.term;
            node.campaign(CampaignKind::Election);
            node.expect_role(Candidate, term + 1, 0);
            assert_eq!((node.node.election_elapsed, node.node.vote), (0, 1));
        }
    }
    let mut node = candidate_of(3);
    node.node.election_elapsed = 5;
    node.win();
    node.expect_role(Leader, 1, 1);
    assert_eq!((node.node.election_elapsed, node.leadership().heartbeat_elapsed), (0, 0));
}

/// etcd: TestAllServerStepdown
#[test]
fn a_higher_term_makes_every_role_follow() {
    for role in ROLES {
        for (message, leader) in [
            (from(2, MsgVote).term(3).log(3, 9), 0),
            (append(2, 3, (0, 0), &[]), 2),
            (from(2, MsgHeartbeat).term(3), 2),
        ] {
            let mut node = Setup::of(3).in_role(role);
            let last_index = node.node.log.last_index();
            node.deliver(message);
            node.expect_role(Follower, 3, leader);
            assert_eq!(node.node.log.last_index(), last_index, "its log stays as it was");
        }
    }
}

/// etcd: TestCandidateResetTermMsgHeartbeat, TestCandidateResetTermMsgApp
#[test]
fn a_candidate_takes_over_the_term_of_a_later_leader() {
    for kind in [MsgApp, MsgHeartbeat] {
        let mut network = Network::of(3);
        network.campaign(1);
        network.isolate(3);
        network.campaign(2);
        network.campaign(1);
        network.expect_role(1, Leader, 3);

        network.time_out(3);
        network.expect_role(3, Candidate, 2);

        network.recover();
        network.send(from(1, kind).to(3).term(3));
        network.expect_role(3, Follower, 3);
        network.expect_leader(3, 1);
    }
}

#[test]
fn a_candidate_follows_whoever_leads_its_term() {
    for role in [Candidate, PreCandidate] {
        for kind in [MsgApp, MsgHeartbeat] {
            let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
            let term = node.node.term;
            node.deliver(from(3, kind).term(term));
            node.expect_role(Follower, term, 3);
            let answers: Vec<_> =
                node.take_sent().into_iter().chain(node.take_vouching()).collect();
            assert_eq!(answers.len(), 1, "the message itself is answered too");
        }
    }
}

#[test]
fn a_node_tells_what_it_starts_from() {
    let mut node = Setup::of(3).snapshot(5, 1).log(&[2, 2]).at(4, 0, 6).node();
    let events = node.observer_mut().take();
    let started =
        "newRaft 1 [peers: [1,2,3], term: 4, commit: 6, applied: 5, lastindex: 7, lastterm: 2]";
    assert_eq!(events.last().map(|(_, text)| text.as_str()), Some(started));
}
