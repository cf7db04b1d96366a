//! Who gets a vote, and when the answer may leave.

use raft_proto::MessageType::{MsgHeartbeat, MsgPreVote, MsgPreVoteResp, MsgVote, MsgVoteResp};
use raft_proto::{ConfState, Message};

use crate::config::Compat;
use crate::event::StateRole::{self, Candidate, Follower, Leader, PreCandidate};
use crate::raft::tests::fixture::*;

/// A vote request of node 2.
fn request(kind: raft_proto::MessageType, term: u64, log: (u64, u64)) -> Message {
    from(2, kind).term(term).log(log.0, log.1)
}

/// Who asks, with the role and vote of who is asked, and whether it is refused; the log asked ends
/// with an entry of term 2 at index 2.
///
/// etcd: TestRecvMsgVote, TestRecvMsgPreVote
#[test]
fn a_vote_goes_to_a_log_that_is_up_to_date_once_a_term() {
    let cases: &[(StateRole, (u64, u64), u64, bool)] = &[
        (Follower, (0, 0), 0, true),
        (Follower, (1, 0), 0, true),
        (Follower, (2, 0), 0, true),
        (Follower, (3, 0), 0, false),
        (Follower, (0, 1), 0, true),
        (Follower, (1, 1), 0, true),
        (Follower, (2, 1), 0, true),
        (Follower, (3, 1), 0, false),
        (Follower, (0, 2), 0, true),
        (Follower, (1, 2), 0, true),
        (Follower, (2, 2), 0, false),
        (Follower, (3, 2), 0, false),
        (Follower, (0, 3), 0, true),
        (Follower, (1, 3), 0, true),
        (Follower, (2, 3), 0, false),
        (Follower, (3, 3), 0, false),
        // The same candidate may ask again, another comes too late.
        (Follower, (2, 3), 2, false),
        (Follower, (2, 3), 1, true),
        (Leader, (3, 3), 1, true),
        (PreCandidate, (3, 3), 1, true),
        (Candidate, (3, 3), 1, true),
    ];
    for &(role, log, vote, refused) in cases {
        for (kind, answer) in [(MsgVote, MsgVoteResp), (MsgPreVote, MsgPreVoteResp)] {
            let mut node = Setup::of(3).log(&[2, 2]).in_role(role);
            // Of the same term as the candidate, so that the vote of that term counts.
            let term = node.node.term.max(log.0);
            node.node.term = term;
            node.node.vote = vote;
            node.deliver(request(kind, term, log));
            let answers = node.take_vouching();
            assert_eq!(answers.len(), 1);
            assert_eq!(answers[0].kind(), Ok(answer));
            assert_eq!(answers[0].reject, refused, "{role} {kind} {log:?} vote {vote}");
            let voted = if refused || kind == MsgPreVote { vote } else { 2 };
            assert_eq!(node.node.vote, voted, "{role} {kind} {log:?} vote {vote}");
        }
    }
}

/// etcd: TestVoteFromAnyState
#[test]
fn every_role_votes_in_a_later_term() {
    for role in ROLES {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let term = node.node.term + 1;
        node.node.election_elapsed = 3;
        node.deliver(request(MsgVote, term, (term, 42)));
        node.expect_role(Follower, term, 0);
        assert_eq!((node.node.vote, node.node.election_elapsed), (2, 0));
        node.expect_sent(&[]);
        let answers = node.take_vouching();
        let last = answers.last().expect("an answer");
        assert_eq!(
            (last.kind(), last.to, last.term, last.reject),
            (Ok(MsgVoteResp), 2, term, false)
        );
    }
}

/// etcd: TestPreVoteFromAnyState
#[test]
fn every_role_grants_a_pre_vote_for_a_later_term_and_stays_what_it_is() {
    for role in ROLES {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let (term, vote, leader) = (node.node.term, node.node.vote, node.leader_id());
        node.node.election_elapsed = 3;
        node.deliver(request(MsgPreVote, term + 1, (term + 1, 42)));
        node.expect_role(role, term, leader);
        assert_eq!((node.node.vote, node.node.election_elapsed), (vote, 3));
        let answers = node.take_vouching();
        let last = answers.last().expect("an answer");
        // Granted in the term that is asked about.
        assert_eq!((last.kind(), last.term, last.reject), (Ok(MsgPreVoteResp), term + 1, false));
    }
}

/// A vote that is sent and then forgotten in a crash could be given twice.
#[test]
fn answers_to_vote_requests_wait_for_the_disk() {
    for (log, text) in
        [((0, 0), "1->2 MsgVoteResp Term:1 Log:0/0"), ((1, 1), "1->2 MsgVoteResp Term:1 Log:0/0")]
    {
        let mut node = follower_of(3);
        node.deliver(request(MsgVote, 1, log));
        node.expect_sent(&[]);
        node.expect_vouching(&[text]);
        assert_eq!(node.hard_state().vote, 2);
    }
    let mut node = Setup::of(3).log(&[1]).follower();
    node.deliver(request(MsgVote, 1, (0, 0)));
    node.expect_sent(&[]);
    node.expect_vouching(&["1->2 MsgVoteResp Term:1 Log:0/0 Rejected (Hint: 0)"]);
    node.deliver(request(MsgPreVote, 2, (1, 1)));
    node.expect_sent(&[]);
    node.expect_vouching(&["1->2 MsgPreVoteResp Term:2 Log:0/0"]);
}

#[test]
fn the_own_vote_counts_only_when_it_is_on_disk() {
    let mut node = follower_of(1);
    node.campaign_now();
    node.expect_role(Candidate, 1, 0);
    node.persist();
    node.expect_role(Leader, 1, 1);
}

#[test]
fn a_restart_remembers_the_vote() {
    let mut node = follower_of(3);
    node.deliver(request(MsgVote, 1, (0, 0)));
    node.persist();
    let storage = node.node.log.into_storage();
    let mut node =
        Machine::new(crate::config::Config::new(1), storage, Recorder::default()).expect("valid");
    node.deliver(from(3, MsgVote).term(1).log(9, 9));
    node.expect_vouching(&["1->3 MsgVoteResp Term:1 Log:0/0 Rejected (Hint: 0)"]);
    node.deliver(request(MsgVote, 1, (0, 0)));
    node.expect_vouching(&["1->2 MsgVoteResp Term:1 Log:0/0"]);
}

/// It may have become a voter without knowing it yet.
///
/// etcd: TestLearnerCanVote
#[test]
fn a_learner_votes() {
    let mut learner = Setup::in_group(ConfState::new([1], [2])).id(2).follower();
    learner.deliver(from(1, MsgVote).term(2).log(11, 11));
    learner.expect_vouching(&["2->1 MsgVoteResp Term:2 Log:0/0"]);
    // And so does a node that is in no configuration at all.
    let mut joiner = Setup::in_group(ConfState::default()).id(2).follower();
    joiner.deliver(from(1, MsgVote).term(2).log(11, 11));
    joiner.expect_vouching(&["2->1 MsgVoteResp Term:2 Log:0/0"]);
}

#[test]
fn a_node_that_knows_the_leader_of_the_term_votes_for_nobody_else_in_it() {
    let mut node = Setup::of(3).at(1, 0, 0).follower_of_2();
    node.deliver(from(3, MsgVote).term(1).log(9, 9));
    node.expect_vouching(&["1->3 MsgVoteResp Term:1 Log:0/0 Rejected (Hint: 0)"]);
    // Having forgotten it, the node votes.
    node.deliver(from(0, raft_proto::MessageType::MsgForgetLeader));
    node.expect_event("1 forgetting leader 2 at term 1");
    node.deliver(from(3, MsgVote).term(1).log(9, 9));
    node.expect_vouching(&["1->3 MsgVoteResp Term:1 Log:0/0"]);
    // And follows again as soon as it hears the leader.
    node.deliver(from(2, MsgHeartbeat).term(1));
    node.expect_role(Follower, 1, 2);
}

/// The leader's lease rests on the silence of those who hear it.
#[test]
fn with_lease_reads_no_leader_is_forgotten() {
    let lease = |config: &mut crate::Config| {
        (config.check_quorum, config.read_only) = (true, crate::ReadOnlyOption::LeaseBased);
    };
    let mut node = Setup::of(3).with(lease).follower_of_2();
    node.deliver(from(0, raft_proto::MessageType::MsgForgetLeader));
    assert_eq!(node.leader_id(), 2);
    let told = node.node.observer.take();
    let ignored = "ignoring MsgForgetLeader due to ReadOnlyLeaseBased";
    assert_eq!(told, [(crate::Level::Error, ignored.into())]);
}

#[test]
fn only_a_follower_forgets_its_leader() {
    for role in ROLES {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let before = node.image();
        node.deliver(from(0, raft_proto::MessageType::MsgForgetLeader));
        assert_eq!(node.image(), before, "{role}");
    }
}

#[test]
fn the_first_answer_of_a_peer_counts() {
    let mut node = candidate_of(5);
    for (voter, granted) in [(2, false), (2, true), (3, true)] {
        let answer = from(voter, MsgVoteResp).term(1);
        node.deliver(if granted { answer } else { answer.reject() });
    }
    node.expect_event("1 has received 2 MsgVoteResp votes and 1 vote rejections");
    node.expect_role(Candidate, 1, 0);
    node.deliver(from(4, MsgVoteResp).term(1));
    node.expect_role(Leader, 1, 1);
}

/// Pre-candidates and candidates each count their own kind of answer.
#[test]
fn an_answer_of_the_other_kind_counts_for_nothing() {
    let mut node = Setup::of(3).at(1, 0, 0).candidate();
    node.deliver(from(2, MsgPreVoteResp).term(2));
    node.expect_role(Candidate, 2, 0);
    let mut node = Setup::of(3).at(1, 0, 0).pre_candidate();
    node.deliver(from(2, MsgVoteResp).term(1));
    node.expect_role(PreCandidate, 1, 0);
    node.expect_events(&[]);
}

#[test]
fn answers_to_a_campaign_that_is_over_change_nothing() {
    for role in [Follower, Leader] {
        for kind in [MsgVoteResp, MsgPreVoteResp] {
            let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
            let before = node.image();
            let term = node.node.term;
            node.deliver(from(2, kind).term(term));
            node.deliver(from(3, kind).term(term).reject());
            assert_eq!(node.image(), before, "{role} {kind}");
        }
    }
}

/// Those that cannot win do not keep the only one that can from campaigning. Under etcd's rules each
/// later term starts the timer anew.
#[test]
fn a_candidate_that_lacks_entries_does_not_restart_the_timer() {
    for (log, elapsed) in [((1, 1), 9), ((1, 2), 0)] {
        for compat in BOTH {
            let mut node = Setup::of(3).compat(compat).log(&[1, 1]).at(1, 0, 0).follower();
            node.pass(9);
            node.deliver(request(MsgVote, 2, log));
            node.expect_role(Follower, 2, 0);
            let expected = if compat == Compat::Strict { elapsed } else { 0 };
            assert_eq!(node.node.election_elapsed, expected, "{compat:?} {log:?}");
        }
    }
}
