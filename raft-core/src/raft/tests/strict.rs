//! Where our rules differ from etcd's on purpose: each difference is shown from both sides.

use alloc::string::String;
use alloc::vec::Vec;

use raft_proto::Entry;
use raft_proto::MessageType::{
    self, MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgPreVote, MsgPreVoteResp, MsgProp,
    MsgReadIndex, MsgReadIndexResp, MsgSnap, MsgTimeoutNow, MsgTransferLeader, MsgVote,
    MsgVoteResp,
};

use super::fixture::*;
use crate::config::{Compat, Config, ReadOnlyOption};
use crate::error::{DropReason, Refusal, StepError};
use crate::event::ConfChangeRefused;
use crate::event::StateRole::{Candidate, Follower, Leader};
use crate::raft::{Accepted, ReadIndex};

fn strict(setup: Setup) -> Setup {
    setup.compat(Compat::Strict)
}

#[track_caller]
fn refused(node: &mut Machine, m: raft_proto::Message) -> Refusal {
    match node.refuse(m) {
        StepError::Refused { reason, .. } => reason,
        other => panic!("{other}"),
    }
}

// A term of 0 skips every comparison of terms.

#[test]
fn a_message_without_a_term_is_refused_here_and_handled_there() {
    const KINDS: [MessageType; 7] = [
        MsgApp,
        MsgAppResp,
        MsgSnap,
        MsgHeartbeat,
        MsgHeartbeatResp,
        MsgTimeoutNow,
        MsgReadIndexResp,
    ];
    for kind in KINDS {
        for role in ROLES {
            let message = from(2, kind).data("x");
            let message = if kind == MsgReadIndexResp { message } else { from(2, kind) };
            let mut node = strict(Setup::of(3)).in_role(role);
            assert_eq!(refused(&mut node, message.clone()), Refusal::TermMissing, "{role} {kind}");
            Setup::of(3).etcd().in_role(role).deliver(message);
        }
    }
    // What that leads to: a candidate loses its term, and with it its vote.
    let mut node = Setup::of(3).etcd().at(4, 0, 0).candidate();
    node.deliver(from(2, MsgHeartbeat));
    assert_eq!((node.role.name(), node.node.term, node.node.vote), (Follower, 0, 0));
}

#[test]
fn forwarded_messages_need_no_term() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.deliver(from(2, MsgProp).data("x"));
        leader.deliver(from(2, MsgReadIndex).data("x"));
        leader.deliver(from(2, MsgTransferLeader));
        assert_eq!((leader.node.log.last_index(), leader.transferee()), (2, 2));
    }
}

// Some things only the leader may say.

#[test]
fn only_the_leader_hands_over_here_and_anybody_there() {
    let message = from(3, MsgTimeoutNow).term(1);
    let mut node = strict(Setup::of(3)).follower_of_2();
    assert_eq!(refused(&mut node, message.clone()), Refusal::NotFromLeader { leader: 2 });
    node.deliver(from(2, MsgTimeoutNow).term(1));
    node.expect_role(Candidate, 2, 0);

    let mut node = Setup::of(3).etcd().follower_of_2();
    node.deliver(message);
    node.expect_role(Candidate, 2, 0);
}

#[test]
fn only_the_leader_answers_reads_here_and_anybody_there() {
    let message = from(3, MsgReadIndexResp).term(1).index(7).data("ctx");
    let mut node = strict(Setup::of(3)).follower_of_2();
    assert_eq!(refused(&mut node, message.clone()), Refusal::NotFromLeader { leader: 2 });
    let mut leader = strict(Setup::of(3)).steady_leader();
    assert_eq!(refused(&mut leader, message.clone()), Refusal::NotFromLeader { leader: 1 });

    let mut node = Setup::of(3).etcd().follower_of_2();
    node.deliver(message);
    node.expect_reads(&[(7, "ctx")]);
}

#[test]
fn while_no_leader_is_known_anybody_may_be_it() {
    let mut node = strict(Setup::of(3)).at(1, 0, 0).follower();
    node.deliver(from(3, MsgReadIndexResp).term(1).index(7).data("ctx"));
    node.expect_reads(&[(7, "ctx")]);
    // Nor is one known of a term that is yet to come.
    let mut node = strict(Setup::of(3)).follower_of_2();
    node.deliver(from(3, MsgTimeoutNow).term(2));
    node.expect_role(Candidate, 3, 0);
}

// Reads.

/// The only voter has just started again: what it knows to be committed may be less than what it
/// had committed before.
#[test]
fn a_single_voter_waits_for_its_first_commit_here_and_answers_too_early_there() {
    let setup = || Setup::of(1).log(&[1, 1]).at(1, 0, 1);
    let elect = |compat| {
        let mut node = setup().compat(compat).follower();
        node.campaign_now();
        node.persist();
        node.expect_role(Leader, 2, 1);
        node
    };
    let mut leader = elect(Compat::Strict);
    assert_eq!(leader.read("ctx"), ReadIndex::Queued);
    leader.expect_reads(&[]);
    leader.persist();
    leader.expect_reads(&[(3, "ctx")]);

    let mut leader = elect(Compat::Etcd);
    assert_eq!(leader.read("ctx"), ReadIndex::Answered { index: 1 });
    leader.expect_reads(&[(1, "ctx")]);
}

/// A leader of three that has just heard from node 2.
fn leased(compat: Compat) -> Machine {
    let lease = |config: &mut Config| {
        (config.check_quorum, config.read_only) = (true, ReadOnlyOption::LeaseBased);
    };
    let mut leader = Setup::of(3).compat(compat).with(lease).steady_leader();
    leader.pass(1);
    let heartbeat = leader.take_sent().swap_remove(0);
    leader.deliver(from(2, MsgHeartbeatResp).term(1).context(heartbeat.context));
    leader
}

/// A leader that nobody hears any more goes on to believe that it leads, until it looks.
#[test]
fn a_lease_is_counted_from_the_last_round_here_and_from_the_last_check_there() {
    let ticks_of_lease = |compat| {
        let mut leader = leased(compat);
        (0..)
            .take_while(|_| {
                leader.pass(1);
                leader.read("ctx") == ReadIndex::Answered { index: 1 }
            })
            .count()
    };
    assert_eq!(ticks_of_lease(Compat::Strict), 6);
    // It looked after 10 ticks, and saw the answer of the first.
    assert_eq!(ticks_of_lease(Compat::Etcd), 18);
}

/// Nobody else is elected while the lease holds, except who was told to take over.
#[test]
fn a_lease_ends_with_the_transfer_here_and_not_there() {
    let mut leader = leased(Compat::Strict);
    leader.deliver(from(2, MsgTransferLeader));
    leader.take_sent();
    assert_eq!(leader.read("ctx"), ReadIndex::Queued);
    let heartbeats = leader.take_sent();
    assert_eq!(heartbeats.len(), 2);
    leader.expect_reads(&[]);
    leader.deliver(from(3, MsgHeartbeatResp).term(1).context(heartbeats[0].context.clone()));
    leader.expect_reads(&[(1, "ctx")]);

    let mut leader = leased(Compat::Etcd);
    leader.deliver(from(2, MsgTransferLeader));
    assert_eq!(leader.read("ctx"), ReadIndex::Answered { index: 1 });
}

/// Until the transferee is told, the lease holds. Then it proves nothing any more: the message may
/// arrive after the transfer is off.
#[test]
fn a_lease_holds_until_the_transferee_is_told_and_never_again_in_the_term() {
    let mut leader = leased(Compat::Strict);
    leader.add("x");
    leader.deliver(from(2, MsgTransferLeader));
    assert_eq!(leader.read("a"), ReadIndex::Answered { index: 1 });
    leader.take_read_states();
    leader.acknowledge(2, 2);
    assert_eq!(leader.read("b"), ReadIndex::Queued);
    for peer in [2, 3] {
        leader.deliver(from(peer, MsgHeartbeatResp).term(1));
    }
    leader.pass(10);
    assert_eq!(leader.transferee(), 0);
    assert_eq!(leader.read("c"), ReadIndex::Queued);
    // Another transferee, or the leader itself, does not call the message back.
    leader.deliver(from(3, MsgTransferLeader));
    leader.deliver(from(1, MsgTransferLeader));
    assert_eq!(leader.read("d"), ReadIndex::Queued);
}

#[test]
fn the_application_hears_of_lost_reads_here_and_not_there() {
    let lose = |compat| {
        let mut node = Setup::of(3).compat(compat).steady_leader();
        node.read("unconfirmed");
        node.deliver(from(3, MsgReadIndex).data("a peer's"));
        node.become_follower(2, 2);
        node.node.lost_reads.take()
    };
    assert_eq!(lose(Compat::Strict), ["unconfirmed"]);
    assert!(lose(Compat::Etcd).is_empty());

    let mut node = strict(Setup::of(3)).leader();
    node.read("deferred");
    node.deliver(from(3, MsgReadIndex).data("a peer's"));
    node.become_follower(2, 2);
    assert_eq!(*node.node.lost_reads, ["deferred"]);
    assert!(node.node.deferred_reads.is_empty());
}

/// The acknowledgements that are there already may be a quorum of the new configuration.
#[test]
fn a_smaller_group_confirms_waiting_reads_at_once_here_and_with_the_next_answer_there() {
    let shrink = |compat| {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.read("ctx");
        leader.take_sent();
        leader.switch(&change("r2"));
        leader
    };
    shrink(Compat::Strict).expect_reads(&[(1, "ctx")]);

    // A single voter gets no answers.
    let mut leader = shrink(Compat::Etcd);
    leader.pass(25);
    leader.expect_reads(&[]);
}

#[test]
fn a_smaller_quorum_releases_deferred_reads_here_and_the_next_commit_there() {
    let shrink = |compat| {
        let mut leader = Setup::of(2).compat(compat).leader();
        assert_eq!(leader.read("ctx"), ReadIndex::Queued);
        leader.switch(&change("r2"));
        assert_eq!(leader.node.log.committed(), 1, "its own copy is enough now");
        leader
    };
    shrink(Compat::Strict).expect_reads(&[(1, "ctx")]);
    let mut leader = shrink(Compat::Etcd);
    leader.expect_reads(&[]);
    assert_eq!(leader.node.deferred_reads.len(), 1);
}

// Membership.

/// The setting decides, whoever's rules count; what differs is what it is when nobody sets it.
#[test]
fn a_removed_leader_steps_down_unless_it_is_told_to_stay() {
    assert!(Config::new(1).step_down_on_removal, "etcd's default is false");
    let mut leader = strict(Setup::of(3)).steady_leader();
    leader.switch(&change("r1"));
    leader.expect_role(Follower, 1, 0);

    let as_in_etcd = |config: &mut Config| config.step_down_on_removal = false;
    let mut leader = Setup::of(3).etcd().with(as_in_etcd).steady_leader();
    leader.switch(&change("r1"));
    leader.expect_role(Leader, 1, 1);
}

/// A change that was dropped is pending in etcd all the same, until the node applies past it.
#[test]
fn a_change_dropped_for_the_quota_is_forgotten_here_and_pending_there() {
    let drop_one = |compat| {
        let quota = |config: &mut Config| config.max_uncommitted_size = 8;
        let mut leader = Setup::of(3).compat(compat).with(quota).steady_leader();
        leader.apply();
        leader.offer(Entry::proposal("01234567")).expect("room");
        let dropped = leader.offer_change(change("v4"));
        assert!(matches!(dropped, Err(DropReason::QuotaExceeded { .. })));
        assert_eq!(leader.node.log.last_index(), 2);
        leader
    };
    assert_eq!(drop_one(Compat::Strict).leadership().pending_conf_index, 0);

    let mut leader = drop_one(Compat::Etcd);
    assert_eq!(leader.leadership().pending_conf_index, 3);
    leader.persist();
    leader.acknowledge_all();
    leader.apply();
    match leader.offer_change(change("v4")) {
        Ok(Accepted::Appended(appended)) => {
            let pending = ConfChangeRefused::Pending { index: 3, applied: 2 };
            assert_eq!(appended.refused, Some(pending));
        }
        other => panic!("{other:?}"),
    }
}

// Appends are made when the application asks for work, with all that has come until then.

fn sent(leader: &mut Machine) -> Vec<String> {
    texts(&leader.take_sent())
}

#[test]
fn proposals_share_an_append_here_and_have_one_each_there() {
    let propose_three = |compat| {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        for data in ["a", "b", "c"] {
            leader.add(data);
        }
        sent(&mut leader)
    };
    assert_eq!(
        propose_three(Compat::Strict),
        ["1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[
  1/2 EntryNormal \"a\"
  1/3 EntryNormal \"b\"
  1/4 EntryNormal \"c\"
]"]
    );
    assert_eq!(
        propose_three(Compat::Etcd),
        [
            "1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"a\"]",
            "1->2 MsgApp Term:1 Log:1/2 Commit:1 Entries:[1/3 EntryNormal \"b\"]",
            "1->2 MsgApp Term:1 Log:1/3 Commit:1 Entries:[1/4 EntryNormal \"c\"]",
        ]
    );
}

#[test]
fn the_leaders_own_acknowledgements_are_one_here_and_one_each_there() {
    let propose_three = |compat| {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        for data in ["a", "b", "c"] {
            leader.add(data);
        }
        texts(&leader.take_vouching())
    };
    assert_eq!(propose_three(Compat::Strict), ["1->1 MsgAppResp Term:1 Log:0/4"]);
    assert_eq!(
        propose_three(Compat::Etcd),
        [
            "1->1 MsgAppResp Term:1 Log:0/2",
            "1->1 MsgAppResp Term:1 Log:0/3",
            "1->1 MsgAppResp Term:1 Log:0/4",
        ]
    );
}

/// What waits for the disk beside it stays as it is: a vote, or an answer to a leader that was.
#[test]
fn the_leaders_own_acknowledgement_takes_the_place_of_no_other_message() {
    let mut node = strict(Setup::of(3)).follower();
    node.campaign_now();
    for voter in [2, 3] {
        node.deliver(from(voter, MsgVoteResp).term(1));
    }
    node.expect_vouching(&["1->1 MsgVoteResp Term:1 Log:0/0", "1->1 MsgAppResp Term:1 Log:0/1"]);

    let checked = strict(Setup::of(3)).with(|config| config.check_quorum = true);
    let mut leader = checked.log(&[1]).steady_leader();
    leader.deliver(from(2, MsgApp).term(1));
    leader.add("x");
    leader.expect_vouching(&["1->2 MsgAppResp Term:2 Log:0/0", "1->1 MsgAppResp Term:2 Log:0/3"]);
}

#[test]
fn heartbeats_keep_their_place_before_the_appends() {
    let propose_and_beat = |compat| {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.add("a");
        leader.pass(1);
        leader.take_sent().iter().map(|m| m.kind()).collect::<Vec<_>>()
    };
    assert_eq!(propose_and_beat(Compat::Strict), [Ok(MsgHeartbeat), Ok(MsgApp)]);
    assert_eq!(propose_and_beat(Compat::Etcd), [Ok(MsgApp), Ok(MsgHeartbeat)]);
}

#[test]
fn a_peer_that_is_due_makes_work_and_nothing_is_made_twice() {
    let mut leader = strict(Setup::of(2)).steady_leader();
    assert!(!leader.flush_due());
    leader.add("a");
    assert!(leader.flush_due());
    assert!(leader.node.outbox.now.is_empty());
    assert_eq!(sent(&mut leader).len(), 1);
    assert!(!leader.flush_due());
    assert!(sent(&mut leader).is_empty());
}

/// The commit index that goes out is that of the moment, not of the proposal.
#[test]
fn an_append_carries_what_was_committed_meanwhile() {
    let mut leader = strict(Setup::of(3)).steady_leader();
    leader.add("a");
    leader.persist();
    leader.take_sent();
    leader.acknowledge(2, 2);
    leader.add("b");
    assert_eq!(
        sent(&mut leader),
        [
            "1->2 MsgApp Term:1 Log:1/2 Commit:2 Entries:[1/3 EntryNormal \"b\"]",
            "1->3 MsgApp Term:1 Log:1/2 Commit:2 Entries:[1/3 EntryNormal \"b\"]",
        ]
    );
}

#[test]
fn what_was_due_is_off_when_the_leader_steps_down() {
    let mut leader = strict(Setup::of(3)).steady_leader();
    leader.add("a");
    leader.become_follower(2, 2);
    assert!(!leader.flush_due());
    leader.expect_sent(&[]);
}

#[test]
fn a_member_that_is_removed_is_due_no_more() {
    let mut leader = strict(Setup::of(3)).steady_leader();
    leader.add("a");
    leader.switch(&change("r3"));
    let to: Vec<u64> = leader.take_sent().iter().map(|m| m.to).collect();
    assert_eq!(to, [2]);
}

/// It has acknowledged entry 1, and says now that it does not have it: it repeats an old answer, or
/// has lost its log. In the second case etcd asks it the same again, as fast as it answers.
#[test]
fn a_rejection_of_what_was_acknowledged_is_ignored_here_and_starts_another_probe_there() {
    let reject = |compat| {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.deliver(from(2, raft_proto::MessageType::MsgUnreachable));
        leader.add("x");
        leader.take_sent();
        leader.expect_progress(2, "StateProbe match=1 next=2 paused");
        leader.take_events();
        leader.deliver(from(2, MsgAppResp).term(1).index(1).hint(0, 0));
        assert!(leader.progress(2).recent_active);
        leader.expect_event(
            "1 received MsgAppResp(rejected, hint: (index 0, term 0)) from 2 for index 1",
        );
        leader
    };
    let mut leader = reject(Compat::Strict);
    leader.expect_progress(2, "StateProbe match=1 next=2 paused");
    leader.expect_sent(&[]);
    // It is asked again when it has been heard otherwise.
    leader.deliver(from(2, MsgHeartbeatResp).term(1));
    assert_eq!(leader.take_sent().len(), 1);

    let mut leader = reject(Compat::Etcd);
    leader.expect_progress(2, "StateProbe match=1 next=2 paused");
    leader.expect_sent(&["1->2 MsgApp Term:1 Log:1/1 Commit:1 Entries:[1/2 EntryNormal \"x\"]"]);
}

/// Nothing of what the application sees in the end depends on whose rules count.
#[test]
fn both_ways_lead_to_the_same_log() {
    let run = |compat| {
        let setup = |id| Setup::of(3).id(id).compat(compat);
        let mut network = Network::new((1..=4).map(setup));
        network.campaign(1);
        for data in ["a", "b"] {
            network.propose(1, data);
        }
        network.change(1, change("v4 r3"));
        network.transfer(1, 2);
        network.propose(2, "c");
        network.tick(2, 2);
        (network.log_terms(2), network.log_terms(4), network.commit(4))
    };
    assert_eq!(run(Compat::Strict), run(Compat::Etcd));
}

// What is committed is told to those who are refused a vote.

#[test]
fn a_refused_candidate_learns_what_is_committed() {
    for compat in BOTH {
        for (request, response) in [(MsgVote, MsgVoteResp), (MsgPreVote, MsgPreVoteResp)] {
            let mut voter = Setup::of(2).compat(compat).log(&[1, 1, 1]).at(1, 2, 2).follower();
            voter.deliver(from(2, request).term(2).log(1, 2));
            let answer = voter.take_vouching().remove(0);
            assert_eq!((answer.kind(), answer.reject), (Ok(response), true));
            let told = (answer.commit, answer.log_term);
            assert_eq!(told, if compat == Compat::Strict { (2, 1) } else { (0, 0) });
        }
    }
}

#[test]
fn only_an_entry_that_the_log_has_is_taken_for_committed() {
    let committed_after = |compat, log_term, commit| {
        let setup = Setup::of(2).compat(compat).log(&[1, 1]).at(1, 0, 1);
        [(setup.candidate(), MsgVoteResp), (setup.pre_candidate(), MsgPreVoteResp)].map(
            |(mut node, kind)| {
                let mut answer = from(2, kind).term(node.node.term).reject();
                (answer.log_term, answer.commit) = (log_term, commit);
                node.deliver(answer);
                node.node.log.committed()
            },
        )
    };
    for (log_term, commit, expected) in [(1, 2, 2), (1, 1, 1), (2, 2, 1), (1, 3, 1), (0, 0, 1)] {
        let committed = committed_after(Compat::Strict, log_term, commit);
        assert_eq!(committed, [expected; 2], "{log_term}/{commit}");
        // There nobody looks at it.
        assert_eq!(committed_after(Compat::Etcd, log_term, commit), [1; 2]);
    }
}

/// No correct peer says anything of it.
#[test]
fn what_a_granted_vote_says_of_the_log_commits_nothing() {
    let mut node = strict(Setup::of(3)).log(&[1, 1]).at(1, 0, 1).candidate();
    node.deliver(from(2, MsgVoteResp).term(2).log(1, 0).commit(2));
    node.expect_role(Leader, 2, 1);
    assert_eq!(node.node.log.committed(), 1);
}

// A node that none of the others votes for tells the leader of its term.

#[test]
fn a_leader_of_a_lower_term_is_answered_whatever_the_own_settings() {
    for compat in BOTH {
        for kind in [MsgHeartbeat, MsgApp] {
            let mut node = Setup::of(3).compat(compat).at(5, 0, 0).follower();
            node.deliver(from(2, kind).term(3));
            let answers = node.take_vouching();
            let expected = if compat == Compat::Strict {
                ["1->2 MsgAppResp Term:5 Log:0/0"].as_slice()
            } else {
                &[]
            };
            assert_eq!(texts(&answers), expected, "{kind}");
        }
    }
}

/// What is committed may be a change of the configuration, by which the answers would have to be
/// counted.
#[test]
fn a_candidate_that_learns_of_a_commit_gives_up() {
    for (commit, role) in [(2, Follower), (1, Candidate)] {
        let mut node = strict(Setup::of(5)).log(&[1, 1]).at(1, 0, 1).candidate();
        let mut answer = from(2, MsgVoteResp).term(2).reject();
        (answer.log_term, answer.commit) = (1, commit);
        node.deliver(answer);
        node.expect_role(role, 2, 0);
        assert_eq!(node.node.vote, 1);
    }
}

/// Node 2 may lead by itself by then, and have committed more.
#[test]
fn a_removed_leader_does_not_answer_reads_by_itself_for_the_one_voter_that_is_left() {
    for compat in BOTH {
        let stays = |config: &mut Config| config.step_down_on_removal = false;
        let mut leader = Setup::of(2).compat(compat).with(stays).steady_leader();
        leader.switch(&change("r1"));
        let expected = match compat {
            Compat::Strict => ReadIndex::Queued,
            Compat::Etcd => ReadIndex::Answered { index: 1 },
        };
        assert_eq!(leader.read("a"), expected, "{compat:?}");
    }
}
