//! Answers without a round, as long as nobody else can have been elected.

use alloc::vec::Vec;

use raft_proto::ConfState;
use raft_proto::MessageType::{
    MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgPreVote, MsgTimeoutNow, MsgVote,
};

use super::{ReadOnlyOption, configure};
use crate::config::{Compat, Config};
use crate::error::CampaignRefused;
use crate::event::StateRole::{Candidate, Follower, Leader};
use crate::raft::ReadIndex;
use crate::raft::tests::fixture::*;
use crate::read_index::echoed_round;

fn leased(config: &mut Config) {
    configure(config, ReadOnlyOption::LeaseBased, Compat::Strict);
}

/// A tick passes, with a heartbeat. Answers its round.
#[track_caller]
fn beat(leader: &mut Machine) -> u64 {
    leader.pass(1);
    let heartbeats = leader.take_sent();
    let round = |m: &raft_proto::Message| {
        assert_eq!(m.kind(), Ok(MsgHeartbeat));
        echoed_round(&m.context).expect("a round")
    };
    let first = round(&heartbeats[0]);
    assert!(heartbeats.iter().all(|m| round(m) == first));
    first
}

#[track_caller]
fn echo(leader: &mut Machine, peer: u64, round: u64) {
    let context = round.to_le_bytes().to_vec();
    leader.deliver(from(peer, MsgHeartbeatResp).term(leader.node.term).context(context));
}

/// Asks, and takes back what comes of it.
fn answers(leader: &Machine) -> bool {
    matches!(leader.clone().read("ctx"), ReadIndex::Answered { .. })
}

// The leader's side.

#[test]
fn a_leader_has_no_lease_before_a_round_is_echoed() {
    let mut leader = Setup::of(3).with(leased).steady_leader();
    assert!(!answers(&leader));
    let round = beat(&mut leader);
    assert!(!answers(&leader));
    echo(&mut leader, 3, round);
    assert!(answers(&leader));
}

/// Ten ticks an election: nine are certain, and seven of them are left when an eighth is for the
/// clocks. That of the round is one of them.
#[test]
fn a_lease_lasts_from_when_its_round_was_sent_however_late_the_echo() {
    for late in 0..7 {
        let mut leader = Setup::of(3).with(leased).steady_leader();
        let round = beat(&mut leader);
        leader.pass(late);
        echo(&mut leader, 2, round);
        assert!(answers(&leader), "{late}");
        leader.pass(6 - late);
        assert!(answers(&leader), "{late}");
        leader.pass(1);
        assert!(!answers(&leader), "{late}");
    }
}

#[test]
fn each_heartbeat_can_renew_a_lease() {
    let mut leader = Setup::of(3).with(leased).steady_leader();
    let rounds: Vec<u64> = (0..5).map(|_| beat(&mut leader)).collect();
    assert_eq!(rounds, [1, 2, 3, 4, 5]);
    // The last one is lost.
    echo(&mut leader, 2, 4);
    echo(&mut leader, 3, 1);
    leader.pass(5);
    assert!(answers(&leader));
    leader.pass(1);
    assert!(!answers(&leader));
}

#[test]
fn a_read_without_a_lease_takes_a_round_which_is_a_lease_again() {
    let mut leader = Setup::of(3).with(leased).steady_leader();
    assert_eq!(leader.read("a"), ReadIndex::Queued);
    assert_eq!(leader.read("b"), ReadIndex::Queued);
    let heartbeats = leader.take_sent();
    assert_eq!(heartbeats.len(), 2, "one a peer");
    echo(&mut leader, 2, 1);
    leader.expect_reads(&[(1, "a"), (1, "b")]);
    assert_eq!(leader.read("c"), ReadIndex::Answered { index: 1 });
    leader.expect_sent(&[]);
}

#[test]
fn a_joint_configuration_leases_with_both_halves() {
    let joint = ConfState {
        voters: [1, 2, 3].into(),
        voters_outgoing: [1, 4, 5].into(),
        ..Default::default()
    };
    let mut leader = Setup::in_group(joint).with(leased).steady_leader();
    let round = beat(&mut leader);
    echo(&mut leader, 2, round);
    echo(&mut leader, 3, round);
    assert!(!answers(&leader));
    echo(&mut leader, 5, round);
    assert!(answers(&leader));
}

#[test]
fn a_learner_promises_nothing() {
    let group = ConfState::new([1, 2, 3], [4]);
    let mut leader = Setup::in_group(group).with(leased).steady_leader();
    let round = beat(&mut leader);
    echo(&mut leader, 4, round);
    assert!(!answers(&leader));
}

/// A lease of three voters is none of five.
#[test]
fn a_change_of_the_configuration_counts_at_once() {
    let mut leader = Setup::of(3).with(leased).steady_leader();
    let round = beat(&mut leader);
    echo(&mut leader, 2, round);
    assert!(answers(&leader));
    leader.switch(&change("v4"));
    assert!(!answers(&leader));
    leader.acknowledge(4, 1);
    echo(&mut leader, 4, round);
    assert!(answers(&leader));
}

/// A voter that has never written a term starts again as if it had never heard anybody.
#[test]
fn a_peer_counts_once_it_has_an_entry_of_the_term() {
    let mut leader = Setup::of(5).with(leased).leader();
    for peer in [2, 3] {
        leader.acknowledge(peer, 1);
    }
    leader.take_sent();
    let round = beat(&mut leader);
    for peer in [4, 5] {
        echo(&mut leader, peer, round);
    }
    assert!(!answers(&leader));
    leader.acknowledge(4, 1);
    assert!(!answers(&leader));
    leader.acknowledge(5, 1);
    assert!(answers(&leader));
}

#[test]
fn no_lease_is_taken_when_reads_are_by_round() {
    let mut leader = Setup::of(3).with(|config| config.check_quorum = true).steady_leader();
    leader.pass(1);
    assert!(leader.take_sent().iter().all(|m| m.context.is_empty()));
}

// The followers' side.

fn checked(config: &mut Config) {
    config.check_quorum = true;
}

fn restarted() -> Setup {
    Setup::of(3).log(&[1, 1]).at(1, 0, 1).with(checked)
}

#[test]
fn a_node_that_starts_again_votes_for_nobody_for_an_election_timeout() {
    for kind in [MsgVote, MsgPreVote] {
        let request = from(3, kind).term(2).log(1, 2);
        let mut node = restarted().follower();
        node.node.randomized_election_timeout = 19;
        node.pass(9);
        node.deliver(request.clone());
        node.expect_role(Follower, 1, 0);
        node.expect_vouching(&[]);
        let ignored = alloc::format!(
            "1 [logterm: 1, index: 2, vote: 0] ignored {kind} from 3 [logterm: 1, index: 2] \
             at term 1: lease is not expired (remaining ticks: 1)"
        );
        node.expect_events(&[ignored.as_str()]);
        node.pass(1);
        node.deliver(request.clone());
        assert_eq!(node.take_vouching().len(), 1);

        // There it votes at once.
        let mut node = restarted().etcd().follower();
        node.deliver(request);
        assert_eq!(node.take_vouching().len(), 1);
    }
}

#[test]
fn a_node_that_starts_votes_at_once_when_it_can_have_promised_nothing() {
    let never_started = Setup::of(3).with(checked);
    let unchecked = restarted().with(|config| config.check_quorum = false);
    for setup in [never_started, unchecked] {
        let mut node = setup.follower();
        node.deliver(from(3, MsgVote).term(2).log(1, 2));
        assert_eq!(node.take_vouching().len(), 1);
    }
    // Nor does it keep a leader from handing over.
    let mut node = restarted().follower();
    node.deliver(from(3, MsgVote).term(2).log(1, 2).context("CampaignTransfer"));
    assert_eq!(node.take_vouching().len(), 1);
    let mut node = restarted().follower();
    node.deliver(from(2, MsgTimeoutNow).term(1));
    node.expect_role(Candidate, 2, 0);
}

#[test]
fn whoever_starts_again_campaigns_and_is_heard_when_its_timeout_ends() {
    let setup = |id| restarted().id(id);
    let mut network = Network::new([setup(1), setup(2), setup(3)]);
    for id in [2, 3] {
        network.node(id).set_randomized_election_timeout(19).expect("in range");
        network.tick(id, 10);
    }
    network.time_out(1);
    network.expect_role(1, Leader, 2);
}

/// A late answer tells it of a later term, and with that it knows no leader. Its promise stands.
#[test]
fn a_promise_outlives_the_term_in_which_it_was_made() {
    let disturbed = |compat| {
        let mut node = Setup::of(3).with(checked).compat(compat).follower_of_2();
        node.deliver(from(2, MsgHeartbeat).term(1));
        node.deliver(from(3, MsgAppResp).term(5));
        node.expect_role(Follower, 5, 0);
        node
    };
    let of_the_term = from(3, MsgVote).term(5);
    let later = from(3, MsgVote).term(6);

    let mut node = disturbed(Compat::Strict);
    node.node.randomized_election_timeout = 19;
    node.pass(9);
    node.deliver(of_the_term.clone());
    node.expect_vouching(&["1->3 MsgVoteResp Term:5 Log:0/0 Rejected (Hint: 0)"]);
    node.deliver(later.clone());
    node.expect_vouching(&[]);
    // Who was told to take over did not break a promise.
    let mut told = node.clone();
    told.deliver(of_the_term.clone().context("CampaignTransfer"));
    told.expect_vouching(&["1->3 MsgVoteResp Term:5 Log:0/0"]);
    node.pass(1);
    node.deliver(of_the_term.clone());
    node.expect_vouching(&["1->3 MsgVoteResp Term:5 Log:0/0"]);

    for request in [of_the_term, later] {
        let granted = alloc::format!("1->3 MsgVoteResp Term:{} Log:0/0", request.term);
        let mut node = disturbed(Compat::Etcd);
        node.deliver(request);
        node.expect_vouching(&[granted.as_str()]);
    }
}

/// It would vote for itself.
#[test]
fn with_lease_reads_a_node_that_heard_a_leader_does_not_campaign_when_it_is_asked_to() {
    let follower = |setup: Setup| {
        let mut node = setup.follower_of_2();
        node.deliver(from(2, MsgHeartbeat).term(1));
        node.node.randomized_election_timeout = 19;
        node.pass(9);
        node.take_events();
        node
    };
    let mut node = follower(Setup::of(3).with(leased));
    let outcome = node.try_campaign(node.campaign_kind()).expect("storage");
    assert_eq!(outcome, Err(CampaignRefused::LeaseBasedReads { remaining_ticks: 1 }));
    node.expect_role(Follower, 1, 2);
    node.expect_events(&[
        "1 cannot campaign at term 1 since a lease is not expired (remaining ticks: 1)",
    ]);
    node.pass(1);
    node.campaign_now();
    node.expect_role(Candidate, 2, 0);

    // The leader itself may want it to.
    let mut node = follower(Setup::of(3).with(leased));
    node.deliver(from(2, MsgTimeoutNow).term(1));
    node.expect_role(Candidate, 2, 0);

    // No read rests on it.
    let mut node = follower(Setup::of(3).with(checked));
    node.campaign_now();
    node.expect_role(Candidate, 2, 0);
}

#[test]
fn a_node_that_is_told_that_the_leader_is_gone_votes() {
    for known in [true, false] {
        let mut node = restarted().follower();
        if known {
            node.deliver(from(2, MsgHeartbeat).term(1));
        }
        node.forget_leader();
        node.deliver(from(3, MsgVote).term(2).log(1, 2));
        assert_eq!(node.take_vouching().len(), 1, "{known}");
    }
}

// Both.

/// The leader is cut off at any moment between two checks of the quorum, and the others elect
/// another as soon as they can. Answers how many reads the old one answered after that.
fn stale_answers(compat: Compat) -> usize {
    let mut stale = 0;
    for phase in 0..10 {
        let mut network = Network::configured(3, |config| {
            configure(config, ReadOnlyOption::LeaseBased, compat);
        });
        network.campaign(1);
        network.tick(1, 20 + phase);
        network.isolate(1);
        // Node 1 ticks after the others do, and may have heard them just before its tick.
        for (id, timeout) in [(2, 11), (3, 12)] {
            network.node(id).set_randomized_election_timeout(timeout).expect("in range");
        }
        for _ in 0..25 {
            for id in [2, 3, 1] {
                network.tick(id, 1);
            }
            let status = network.node(2).basic_status();
            if status.soft_state.role != Leader {
                continue;
            }
            network.propose(2, "x");
            let read = network.node(1).read_index("ctx").expect("alive");
            stale += usize::from(matches!(read, ReadIndex::Answered { .. }));
        }
        network.expect_role(2, Leader, 2);
    }
    stale
}

#[test]
fn a_leader_that_is_cut_off_answers_no_stale_read_here_and_some_there() {
    assert_eq!(stale_answers(Compat::Strict), 0);
    assert!(stale_answers(Compat::Etcd) > 0);
}

/// The same with a follower that starts again right after it has echoed a round, and is asked for
/// its vote by one that has not heard the leader for long.
#[test]
fn a_restart_shortens_no_lease() {
    let stale = |compat| {
        let setup = |id| {
            Setup::of(3).id(id).with(|config| {
                configure(config, ReadOnlyOption::LeaseBased, compat);
            })
        };
        let mut network = Network::new([1, 2, 3].map(setup));
        network.campaign(1);
        network.isolate(3);
        network.tick(1, 15);
        network.tick(3, 19);
        // Of what was on its disk: the term, the vote, and the leader's entry.
        network.join(&setup(2).log(&[1]).at(1, 1, 1));
        network.recover();
        network.isolate(1);
        network.campaign(3);
        let elected = network.node(3).basic_status().soft_state.role == Leader;
        let answered = network.node(1).read_index("ctx").expect("alive");
        (elected, matches!(answered, ReadIndex::Answered { .. }))
    };
    assert_eq!(stale(Compat::Strict), (false, true));
    assert_eq!(stale(Compat::Etcd), (true, true));
}
