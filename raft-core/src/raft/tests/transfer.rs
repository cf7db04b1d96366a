//! Handing leadership over, and all the ways in which it ends.

use raft_proto::ConfState;
use raft_proto::Entry;
use raft_proto::MessageType::{MsgHeartbeat, MsgTimeoutNow, MsgTransferLeader, MsgVote};

use super::fixture::*;
use crate::error::DropReason;
use crate::event::StateRole::{Candidate, Follower, Leader, PreCandidate};

const TIMEOUT_NOW_TO_2: &str = "1->2 MsgTimeoutNow Term:1 Log:0/0";

/// A leader that waits for node 3, which lags, to take over; node 2 has everything.
fn waiting_for_3(setup: &Setup) -> Machine {
    let mut leader = setup.steady_leader();
    leader.add("x");
    leader.persist();
    leader.take_sent();
    leader.acknowledge(2, 2);
    leader.take_sent();
    leader.deliver(from(3, MsgTransferLeader));
    leader.take_sent();
    leader.take_events();
    assert_eq!(leader.transferee(), 3);
    leader
}

fn elected(voters: u64) -> Network {
    let mut network = Network::of(voters);
    network.campaign(1);
    network
}

/// However the ticks come: the last of them is announced before it, in between two heartbeats.
#[test]
fn a_transferee_has_an_election_timeout() {
    let setup = Setup::of(3).with(|config| config.heartbeat_tick = 3);
    let mut leader = waiting_for_3(&setup);
    leader.tick_by(9).expect("storage");
    assert_eq!((leader.transferee(), leader.ticks_until_timeout()), (3, Some(1)));
    leader.tick_by(1).expect("storage");
    assert_eq!(leader.transferee(), 0);
    // Without one, the next heartbeat is what comes next.
    leader.tick_by(9).expect("storage");
    assert_eq!(leader.ticks_until_timeout(), Some(2));
}

/// etcd: TestLeaderTransferToUpToDateNode
#[test]
fn a_node_that_has_everything_takes_over_at_once() {
    let mut network = elected(3);
    network.transfer(1, 2);
    network.expect_role(1, Follower, 2);
    network.expect_role(2, Leader, 2);
    // And back, after a proposal.
    network.propose(1, "x");
    network.transfer(2, 1);
    network.expect_role(1, Leader, 3);
    network.expect_role(2, Follower, 3);
}

/// etcd: TestLeaderTransferToUpToDateNodeFromFollower
#[test]
fn a_follower_passes_the_request_on() {
    let mut network = elected(3);
    network.transfer(2, 2);
    network.expect_role(2, Leader, 2);
    network.transfer(3, 1);
    network.expect_role(1, Leader, 3);
}

/// etcd: TestLeaderTransferWithCheckQuorum
#[test]
fn leases_do_not_stop_a_transfer() {
    let mut network = Network::configured(3, |config| config.check_quorum = true);
    network.campaign(1);
    // Everybody has just heard the leader.
    network.tick(1, 1);
    network.transfer(1, 2);
    network.expect_role(1, Follower, 2);
    network.expect_role(2, Leader, 2);
    network.propose(1, "x");
    network.transfer(2, 1);
    network.expect_role(1, Leader, 3);
}

/// etcd: TestLeaderTransferToSlowFollower
#[test]
fn a_node_that_lags_takes_over_when_it_has_caught_up() {
    let mut network = elected(3);
    network.isolate(3);
    network.propose(1, "x");
    network.recover();
    network.transfer(1, 3);
    // What it lacks may have been lost on the way: the next heartbeat finds out.
    network.tick(1, 1);
    network.expect_role(3, Leader, 2);
    network.expect_applied(3, &["x"]);
}

/// etcd: TestLeaderTransferAfterSnapshot
#[test]
fn a_node_that_needs_a_snapshot_takes_over_when_it_has_it() {
    let mut network = Network::configured(3, |config| config.recent_entries_bytes = 0);
    network.campaign(1);
    network.isolate(3);
    network.propose(1, "x");
    network.compact(1);
    network.recover();
    network.transfer(1, 3);
    network.expect_role(3, Leader, 2);
    network.expect_applied(3, &["x"]);
    assert_eq!(network.log_terms(3), [2], "the rest came as a snapshot");
}

#[test]
fn a_transfer_is_told_and_asks_for_an_election_at_once_if_it_can() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.pass(3);
        leader.take_sent();
        leader.deliver(from(2, MsgTransferLeader));
        leader.expect_sent(&[TIMEOUT_NOW_TO_2]);
        leader.expect_events(&[
            "1 [term 1] starts to transfer leadership to 2",
            "1 sends MsgTimeoutNow to 2 immediately as 2 already has up-to-date log",
        ]);
        assert_eq!((leader.transferee(), leader.node.election_elapsed), (2, 0));
        leader.expect_role(Leader, 1, 1);
    }
}

#[test]
fn a_transfer_to_a_node_that_lags_sends_it_what_it_lacks_first() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).leader();
        // Its probe was lost.
        leader.progress_mut(2).append_paused = false;
        leader.deliver(from(2, MsgTransferLeader));
        leader.expect_sent(&["1->2 MsgApp Term:1 Log:0/0 Entries:[1/1 EntryNormal \"\"]"]);
        leader.take_events();
        leader.acknowledge(2, 1);
        let sent = texts(&leader.take_sent());
        assert!(sent.iter().any(|m| m == TIMEOUT_NOW_TO_2), "{sent:?}");
        leader.expect_events(&["1 sent MsgTimeoutNow to 2 after received MsgAppResp"]);
    }
}

#[test]
fn the_acknowledgement_of_another_peer_starts_no_election() {
    let mut leader = waiting_for_3(&Setup::of(3));
    leader.acknowledge(2, 2);
    leader.expect_sent(&[]);
    leader.acknowledge(3, 2);
    leader.expect_sent(&["1->3 MsgTimeoutNow Term:1 Log:0/0"]);
}

/// etcd: TestLeaderTransferToSelf
#[test]
fn a_transfer_to_the_leader_itself_is_nothing() {
    let mut network = elected(3);
    network.transfer(1, 1);
    network.expect_role(1, Leader, 1);
    let mut leader = steady_leader_of(3);
    leader.deliver(from(1, MsgTransferLeader));
    leader.expect_events(&["1 is already leader. Ignored transferring leadership to self"]);
    assert_eq!(leader.transferee(), 0);
    leader.expect_sent(&[]);
}

/// etcd: TestLeaderTransferToNonExistingNode
#[test]
fn a_transfer_to_a_stranger_is_nothing() {
    let mut network = elected(3);
    network.transfer(1, 4);
    network.expect_role(1, Leader, 1);
    assert_eq!(network.node(1).basic_status().lead_transferee, 0);
}

#[test]
fn a_transfer_to_a_learner_is_nothing() {
    let mut leader = Setup::in_group(ConfState::new([1, 2], [3])).steady_leader();
    leader.deliver(from(3, MsgTransferLeader));
    leader.expect_events(&["1 is learner. Ignored transferring leadership"]);
    assert_eq!(leader.transferee(), 0);
    // Nor does it end one that is under way.
    leader.deliver(from(2, MsgTransferLeader));
    leader.deliver(from(3, MsgTransferLeader));
    assert_eq!(leader.transferee(), 2);
}

/// etcd: TestLeaderTransferTimeout
#[test]
fn a_transfer_that_takes_longer_than_an_election_timeout_is_off() {
    for check_quorum in [false, true] {
        let setup = Setup::of(3).with(|config| config.check_quorum = check_quorum);
        let mut leader = waiting_for_3(&setup);
        leader.pass(9);
        assert_eq!(leader.transferee(), 3);
        leader.deliver(from(2, raft_proto::MessageType::MsgHeartbeatResp).term(1));
        leader.pass(1);
        leader.expect_role(Leader, 1, 1);
        assert_eq!(leader.transferee(), 0);
        leader.add("x");
    }
}

/// etcd: TestLeaderTransferIgnoreProposal
#[test]
fn proposals_are_dropped_while_leadership_is_handed_over() {
    let mut leader = waiting_for_3(&Setup::of(3));
    let refused = Err(DropReason::TransferInProgress { transferee: 3 });
    assert_eq!(leader.offer(Entry::proposal("x")), refused);
    assert_eq!(leader.offer_change(change("v4")), refused);
    leader.expect_events(&[
        "1 [term 1] transfer leadership to 3 is in progress; dropping proposal",
        "1 [term 1] transfer leadership to 3 is in progress; dropping proposal",
    ]);
    assert_eq!(leader.node.log.last_index(), 2);
    assert_eq!(leader.progress(1).match_index, 2);
}

/// etcd: TestLeaderTransferReceiveHigherTermVote
#[test]
fn an_election_elsewhere_ends_a_transfer() {
    let mut node = waiting_for_3(&Setup::of(3));
    node.deliver(from(2, MsgVote).term(2).log(1, 2));
    node.expect_role(Follower, 2, 0);
    assert_eq!(node.transferee(), 0);
}

/// etcd: TestLeaderTransferRemoveNode
#[test]
fn removing_the_transferee_ends_a_transfer() {
    for compat in BOTH {
        let mut leader = waiting_for_3(&Setup::of(3).compat(compat));
        leader.switch(&change("r3"));
        assert_eq!(leader.transferee(), 0);
        leader.expect_role(Leader, 1, 1);
        leader.add("x");
    }
}

/// etcd: TestLeaderTransferDemoteNode
#[test]
fn demoting_the_transferee_ends_a_transfer_once_it_is_a_learner() {
    for compat in BOTH {
        let mut leader = waiting_for_3(&Setup::of(3).compat(compat));
        // It still votes in the outgoing half.
        leader.switch(&explicit("r3 l3"));
        assert_eq!(leader.config(), "voters=(1 2)&&(1 2 3) learners_next=(3)");
        assert_eq!(leader.transferee(), 3);
        leader.switch(&leave());
        assert_eq!(leader.config(), "voters=(1 2) learners=(3)");
        assert_eq!(leader.transferee(), 0);
    }
}

/// etcd: TestLeaderTransferBack
#[test]
fn a_transfer_to_the_leader_itself_ends_one_to_another() {
    let mut leader = waiting_for_3(&Setup::of(3));
    leader.deliver(from(1, MsgTransferLeader));
    assert_eq!(leader.transferee(), 0);
    leader.expect_events(&[
        "1 [term 1] abort previous transferring leadership to 3",
        "1 is already leader. Ignored transferring leadership to self",
    ]);
    leader.add("x");
}

/// etcd: TestLeaderTransferSecondTransferToAnotherNode
#[test]
fn a_second_transfer_replaces_the_first() {
    let mut leader = waiting_for_3(&Setup::of(3));
    leader.deliver(from(2, MsgTransferLeader));
    assert_eq!(leader.transferee(), 2);
    leader.expect_events(&[
        "1 [term 1] abort previous transferring leadership to 3",
        "1 [term 1] starts to transfer leadership to 2",
        "1 sends MsgTimeoutNow to 2 immediately as 2 already has up-to-date log",
    ]);
    leader.expect_sent(&[TIMEOUT_NOW_TO_2]);
    // Node 3 comes too late.
    leader.acknowledge(3, 2);
    leader.expect_sent(&[]);
}

/// etcd: TestLeaderTransferSecondTransferToSameNode
#[test]
fn asking_again_for_the_same_transfer_gives_it_no_more_time() {
    let mut leader = waiting_for_3(&Setup::of(3));
    leader.pass(5);
    leader.deliver(from(3, MsgTransferLeader));
    leader.expect_events(&[
        "1 [term 1] transfer leadership to 3 is in progress, ignores request to same node 3",
    ]);
    leader.pass(5);
    assert_eq!(leader.transferee(), 0);
}

#[test]
fn a_transfer_that_is_off_can_be_started_again() {
    let mut leader = waiting_for_3(&Setup::of(3));
    leader.pass(10);
    leader.take_sent();
    leader.deliver(from(2, MsgTransferLeader));
    leader.expect_sent(&[TIMEOUT_NOW_TO_2]);
    assert_eq!(leader.transferee(), 2);
}

#[test]
fn a_quorum_that_is_lost_ends_the_transfer_with_the_leadership() {
    let setup = Setup::of(3).with(|config| config.check_quorum = true);
    let mut leader = waiting_for_3(&setup);
    // They were heard when they answered; from then on nobody is.
    leader.pass(10);
    leader.deliver(from(2, MsgTransferLeader));
    leader.pass(10);
    leader.expect_role(Follower, 1, 0);
    assert_eq!(leader.transferee(), 0);
}

/// etcd: TestTransferNonMember
#[test]
fn a_node_that_is_no_member_does_not_campaign_when_told_to() {
    let mut node = Setup::in_group(voters(&[2, 3, 4])).follower();
    node.deliver(from(2, MsgTimeoutNow).term(1));
    node.deliver(from(2, raft_proto::MessageType::MsgVoteResp).term(1));
    node.deliver(from(3, raft_proto::MessageType::MsgVoteResp).term(1));
    node.expect_role(Follower, 1, 0);
}

#[test]
fn only_a_follower_campaigns_when_told_to() {
    for role in [PreCandidate, Candidate] {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let term = node.node.term;
        let before = (node.hard_state(), node.soft_state());
        node.deliver(from(2, MsgTimeoutNow).term(term));
        assert_eq!((node.hard_state(), node.soft_state()), before);
        let ignored = alloc::format!("1 [term {term} state {role}] ignored MsgTimeoutNow from 2");
        node.expect_events(&[ignored.as_str()]);
    }
}

#[test]
fn a_node_told_to_campaign_says_so_and_asks_past_all_leases() {
    let mut node = Setup::of(3).follower_of_2();
    node.deliver(from(2, MsgTimeoutNow).term(1));
    node.expect_role(Candidate, 2, 0);
    node.expect_event(
        "1 [term 1] received MsgTimeoutNow from 2 and starts an election to get leadership.",
    );
    assert!(node.take_sent().iter().all(|m| m.context == "CampaignTransfer"));
    // An election of its own does not.
    let mut node = Setup::of(3).follower_of_2();
    node.campaign_now();
    assert!(node.take_sent().iter().all(|m| m.context.is_empty()));
}

#[test]
fn a_follower_without_a_leader_drops_the_request() {
    let mut node = Setup::of(3).at(1, 0, 0).follower();
    node.deliver(from(2, MsgTransferLeader));
    node.expect_sent(&[]);
    node.expect_events(&["1 no leader at term 1; dropping leader transfer msg"]);
    // With one it names the transferee as the sender.
    node.deliver(from(3, MsgHeartbeat).term(1));
    node.take_sent();
    node.deliver(from(2, MsgTransferLeader));
    node.expect_sent(&["2->3 MsgTransferLeader Term:1 Log:0/0"]);
}

#[test]
fn candidates_ignore_the_request() {
    for role in [PreCandidate, Candidate] {
        let mut node = Setup::of(3).in_role(role);
        let before = node.image();
        node.deliver(from(2, MsgTransferLeader));
        assert_eq!(node.image(), before);
    }
}
