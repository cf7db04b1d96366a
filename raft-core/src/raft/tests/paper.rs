//! The rules of the Raft paper, section by section (Ongaro and Ousterhout, "In Search of an
//! Understandable Consensus Algorithm", extended version).

mod replication;

use alloc::vec::Vec;

use raft_proto::MessageType::{MsgApp, MsgHeartbeat, MsgPreVote, MsgVote, MsgVoteResp};

use super::fixture::*;
use crate::event::StateRole::{Candidate, Follower, Leader, PreCandidate};

// 5.1: terms.

/// etcd: TestFollowerUpdateTermFromMessage, TestCandidateUpdateTermFromMessage,
/// TestLeaderUpdateTermFromMessage
#[test]
fn a_server_that_sees_a_larger_term_takes_it_over_and_follows() {
    for compat in BOTH {
        for role in ROLES {
            let mut node = Setup::of(3).compat(compat).in_role(role);
            node.deliver(from(2, MsgApp).term(2));
            node.expect_role(Follower, 2, 2);
        }
    }
}

/// etcd: TestRejectStaleTermMessage
#[test]
fn a_server_ignores_a_stale_term() {
    let mut node = Setup::of(3).at(2, 0, 0).follower();
    node.deliver(append(2, 1, (0, 0), &[1]));
    assert_eq!(node.node.log.last_index(), 0);
    node.expect_role(Follower, 2, 0);
    // It only tells of its own.
    node.expect_vouching(&["1->2 MsgAppResp Term:2 Log:0/0"]);
}

// 5.2: leader election.

/// How long the node waits until it raises its term.
#[track_caller]
fn ticks_to_the_next_term(node: &mut Machine) -> usize {
    let term = node.node.term;
    let waited = (1..=40).find(|_| {
        node.pass(1);
        node.node.term > term
    });
    waited.expect("no timeout is as long as that")
}

/// etcd: TestStartAsFollower
#[test]
fn a_server_starts_as_a_follower() {
    Setup::of(3).follower().expect_role(Follower, 0, 0);
    // Even one that led when it stopped.
    Setup::of(3).log(&[1]).at(4, 1, 1).follower().expect_role(Follower, 4, 0);
}

/// etcd: TestLeaderBcastBeat
#[test]
fn a_leader_sends_heartbeats_to_everybody() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        for _ in 0..10 {
            leader.add("x");
        }
        leader.take_sent();
        leader.pass(1);
        leader.expect_sent(&[
            "1->2 MsgHeartbeat Term:1 Log:0/0 Commit:1",
            "1->3 MsgHeartbeat Term:1 Log:0/0 Commit:1",
        ]);
    }
}

/// etcd: TestFollowerStartElection, TestCandidateStartNewElection
#[test]
fn a_server_that_hears_nobody_starts_an_election_in_a_new_term() {
    for role in [Follower, Candidate] {
        let mut node = Setup::of(3).at(1, 0, 0).in_role(role);
        let term = node.node.term;
        assert!((10..20).contains(&ticks_to_the_next_term(&mut node)));
        node.expect_role(Candidate, term + 1, 0);
        assert_eq!(node.node.vote, 1);
        let requests = node.take_sent();
        let asked: Vec<_> = requests.iter().map(|m| (m.kind(), m.to, m.term)).collect();
        assert_eq!(asked, [(Ok(MsgVote), 2, term + 1), (Ok(MsgVote), 3, term + 1)]);
        let own = node.take_vouching();
        assert_eq!((own.len(), own[0].to, own[0].kind()), (1, 1, Ok(MsgVoteResp)));
    }
}

/// Size of the group, answers (granted or not) of nodes 2 and on, and where it leads.
///
/// etcd: TestLeaderElectionInOneRoundRPC
#[test]
fn a_candidate_wins_with_a_majority_of_the_whole_group() {
    for (size, answers, role) in [
        (1, &[][..], Leader),
        (3, &[true, true], Leader),
        (3, &[true], Leader),
        (5, &[true, true, true, true], Leader),
        (5, &[true, true, true], Leader),
        (5, &[true, true], Leader),
        // A majority refuses.
        (3, &[false, false], Follower),
        (5, &[false, false, false, false], Follower),
        (5, &[true, false, false, false], Follower),
        // Too few have answered.
        (3, &[], Candidate),
        (5, &[true], Candidate),
        (5, &[false, false], Candidate),
        (5, &[], Candidate),
    ] {
        let mut node = Setup::of(size).candidate();
        for (voter, &granted) in (2..).zip(answers) {
            let answer = from(voter, MsgVoteResp).term(1);
            node.deliver(if granted { answer } else { answer.reject() });
        }
        assert_eq!(node.role.name(), role, "{size}: {answers:?}");
        assert_eq!(node.node.term, 1);
    }
}

/// etcd: TestFollowerVote
#[test]
fn a_server_votes_for_one_candidate_a_term_first_come_first_served() {
    for (voted, candidate, refused) in
        [(0, 2, false), (0, 3, false), (2, 2, false), (3, 3, false), (2, 3, true), (3, 2, true)]
    {
        let mut node = Setup::of(3).at(1, voted, 0).follower();
        node.deliver(from(candidate, MsgVote).term(1));
        let answers = node.take_vouching();
        assert_eq!(answers.len(), 1);
        assert_eq!(
            (answers[0].kind(), answers[0].to, answers[0].term, answers[0].reject),
            (Ok(MsgVoteResp), candidate, 1, refused)
        );
    }
}

/// etcd: TestCandidateFallback
#[test]
fn a_candidate_follows_a_leader_of_its_term_or_a_later_one() {
    for term in [1, 2] {
        let mut node = candidate_of(3);
        node.deliver(from(2, MsgApp).term(term));
        node.expect_role(Follower, term, 2);
    }
}

/// etcd: TestFollowerElectionTimeoutRandomized, TestCandidateElectionTimeoutRandomized
#[test]
fn election_timeouts_are_random() {
    for role in [Follower, Candidate] {
        let mut node = follower_of(3);
        let mut seen = [false; 20];
        for _ in 0..500 {
            let term = node.node.term;
            match role {
                Follower => node.become_follower(term + 1, 2),
                _ => node.campaign_now(),
            }
            seen[ticks_to_the_next_term(&mut node)] = true;
        }
        assert_eq!(seen[..10], [false; 10]);
        assert_eq!(seen[10..], [true; 10]);
    }
}

/// Of five servers with the same seed rarely two time out first together, so that votes are seldom
/// split.
///
/// etcd: TestFollowersElectionTimeoutNonconflict, TestCandidatesElectionTimeoutNonconflict
#[test]
fn seldom_do_two_servers_time_out_together() {
    for candidates in [false, true] {
        let mut servers: Vec<Machine> = (1..=5).map(|id| Setup::of(5).id(id).follower()).collect();
        let mut conflicts = 0;
        for round in 1..=1000 {
            for server in &mut servers {
                server.become_follower(10 * round, 0);
                if candidates {
                    server.campaign_now();
                }
            }
            let timeouts = servers.iter().map(|server| server.node.randomized_election_timeout);
            let first = timeouts.clone().min().expect("five servers");
            if timeouts.filter(|timeout| *timeout == first).count() > 1 {
                conflicts += 1;
            }
        }
        // By chance it is 23 of 100.
        assert!((160..310).contains(&conflicts), "{conflicts} of 1000");
    }
}

// 5.4.1: election restriction.

/// etcd: TestVoteRequest
#[test]
fn a_vote_request_tells_of_the_candidates_log() {
    for (log, term) in [(&[1][..], 2), (&[1, 2], 3), (&[1, 1, 5], 6)] {
        let mut node = Setup::of(3).log(log).follower();
        node.campaign_now();
        let requests = node.take_sent();
        assert_eq!(requests.len(), 2);
        for request in requests {
            let last = (log.len() as u64, log[log.len() - 1]);
            assert_eq!(
                (request.kind(), request.term, request.index, request.log_term),
                (Ok(MsgVote), term, last.0, last.1)
            );
        }
    }
}

/// etcd: TestVoter
#[test]
fn a_voter_refuses_a_candidate_whose_log_is_less_up_to_date() {
    for (log, candidate, refused) in [
        // The same last term: the longer one is newer.
        (&[1][..], (1, 1), false),
        (&[1], (1, 2), false),
        (&[1, 1], (1, 1), true),
        // The later last term is newer, however long.
        (&[1], (2, 1), false),
        (&[1], (2, 2), false),
        (&[1, 1], (2, 1), false),
        (&[2], (1, 1), true),
        (&[2], (1, 2), true),
        (&[2], (1, 9), true),
        (&[1, 2], (1, 1), true),
    ] {
        for kind in [MsgVote, MsgPreVote] {
            let mut node = Setup::of(3).log(log).follower();
            node.deliver(from(2, kind).term(3).log(candidate.0, candidate.1));
            let answers = node.take_vouching();
            assert_eq!(answers.len(), 1);
            assert_eq!(answers[0].reject, refused, "{log:?} {candidate:?} {kind}");
        }
    }
}

#[test]
fn pre_candidates_are_no_part_of_the_paper_and_change_none_of_its_terms() {
    let mut node = pre_candidate_of(3);
    node.expect_role(PreCandidate, 0, 0);
    node.deliver(from(2, MsgHeartbeat).term(1));
    node.expect_role(Follower, 1, 2);
}
