//! What etcd does and another structure could easily do otherwise. The first six are the traps that
//! lie between etcd's one struct and roles that own their data; the rest are its quirks.

use alloc::string::ToString;

use raft_proto::MessageType::{
    MsgAppResp, MsgHeartbeatResp, MsgStorageApplyResp, MsgTransferLeader, MsgUnreachable, MsgVote,
    MsgVoteResp,
};
use raft_proto::{ConfState, Entry, LOCAL_APPLY_THREAD};

use super::fixture::*;
use crate::event::StateRole::{Candidate, Follower, Leader, PreCandidate};
use crate::raft::ReadIndex;
use crate::raft::transition::CampaignKind;

// Trap 1: reads that wait for the first commit of the term belong to the node, not to the leader.

#[test]
fn deferred_reads_survive_the_step_down() {
    let mut node = Setup::of(3).etcd().leader();
    assert_eq!(node.read("ctx"), ReadIndex::Queued);
    node.become_follower(2, 2);
    assert_eq!(node.node.deferred_reads.len(), 1);
    node.become_follower(3, 0);
    node.campaign_now();
    node.persist();
    node.win();
    node.expect_reads(&[]);
    // With the first commit of the new term it is answered after all.
    node.acknowledge(2, 2);
    assert_eq!(node.node.deferred_reads.len(), 0);
    node.deliver(from(2, MsgHeartbeatResp).term(4).context(1_u64.to_le_bytes().to_vec()));
    node.expect_reads(&[(2, "ctx")]);
}

#[test]
fn reads_that_wait_for_a_quorum_end_with_the_leadership() {
    let mut node = Setup::of(3).etcd().steady_leader();
    node.read("ctx");
    node.become_follower(2, 2);
    node.campaign_now();
    node.persist();
    node.win();
    assert_eq!(node.leadership().reads.len(), 0);
    assert!(node.node.deferred_reads.is_empty());
}

// Trap 2: a pre-candidate has lost its leader and its old votes, and nothing else.

/// etcd: TestStateTransition
#[test]
fn pre_candidacy_resets_only_votes_leader_and_role() {
    for compat in BOTH {
        let mut node = Setup::of(3).compat(compat).at(5, 3, 0).follower();
        node.become_follower(5, 2);
        node.node.vote = 3;
        node.node.election_elapsed = 7;
        let timeout = node.node.randomized_election_timeout;
        let random = node.node.rng.fingerprint();
        let tracker = node.node.tracker.clone();

        node.try_campaign(CampaignKind::PreElection).expect("storage").expect("a voter");
        node.expect_role(PreCandidate, 5, 0);
        assert_eq!(node.node.vote, 3);
        assert_eq!(node.node.election_elapsed, 7);
        assert_eq!(node.node.randomized_election_timeout, timeout);
        assert_eq!(node.node.rng.fingerprint(), random);
        assert_eq!(node.node.tracker, tracker);

        // Votes of the round before do not count in this one.
        node.deliver(from(2, raft_proto::MessageType::MsgPreVoteResp).term(5).reject());
        node.try_campaign(CampaignKind::PreElection).expect("storage").expect("a voter");
        node.take_events();
        node.deliver(from(3, raft_proto::MessageType::MsgPreVoteResp).term(6));
        node.expect_event("1 has received 1 MsgPreVoteResp votes and 0 vote rejections");
    }
}

// Trap 3: every role tells the progress of all members, and it moves with the configuration. Only a
// leader keeps it.

#[test]
fn progress_is_there_in_every_role() {
    for role in ROLES {
        let node = Setup::of(3).in_role(role);
        let ids: alloc::vec::Vec<u64> =
            node.full_tracker().progress.iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [1, 2, 3]);
        assert_eq!(node.node.tracker.progress.iter().len(), if role == Leader { 3 } else { 0 });
        // The status shows it where it means something.
        assert_eq!(node.status().progress.len(), if role == Leader { 3 } else { 0 });
    }
}

#[test]
fn a_member_removed_and_added_in_one_change_starts_over() {
    for compat in BOTH {
        let group = ConfState::new([1], [2]);
        let mut leader = Setup::in_group(group).compat(compat).log(&[1, 1, 1, 1]).steady_leader();
        assert_eq!(leader.progress(2).match_index, 5);
        leader.switch(&change("r2 l2"));
        assert_eq!(leader.config(), "voters=(1)&&(1) learners=(2) autoleave");
        assert_eq!(leader.progress(2).match_index, 0);
    }
}

#[test]
fn a_member_that_changes_what_it_is_keeps_its_progress() {
    for compat in BOTH {
        let group = ConfState::new([1], [2]);
        let mut leader = Setup::in_group(group).compat(compat).log(&[1, 1, 1, 1]).steady_leader();
        for (made, is_learner) in [("v2", false), ("l2", true), ("v2", false)] {
            leader.switch(&change(made));
            let progress = leader.progress(2);
            assert_eq!((progress.match_index, progress.is_learner), (5, is_learner));
        }
    }
}

// Trap 4: votes are counted by the configuration of the moment, and the first answer counts.

#[test]
fn votes_are_counted_against_the_configuration_at_the_time_of_the_count() {
    for compat in BOTH {
        let mut node = Setup::of(5).compat(compat).candidate();
        node.deliver(from(2, MsgVoteResp).term(1));
        node.expect_role(Candidate, 1, 0);
        // Two of five have voted. When three are left they are a majority, which shows with the
        // next answer, whatever it is.
        node.switch(&change("r5"));
        node.switch(&change("r4"));
        node.expect_role(Candidate, 1, 0);
        node.deliver(from(3, MsgVoteResp).term(1).reject());
        node.expect_role(Leader, 1, 1);
    }
}

#[test]
fn an_answer_from_before_a_node_became_a_voter_counts() {
    for compat in BOTH {
        let mut node = Setup::in_group(ConfState::new([1, 2, 3], [4])).compat(compat).candidate();
        node.deliver(from(4, MsgVoteResp).term(1));
        node.expect_event("1 has received 1 MsgVoteResp votes and 0 vote rejections");
        node.switch(&change("v4"));
        // The second answer of node 4 is none.
        node.deliver(from(4, MsgVoteResp).term(1).reject());
        node.expect_event("1 has received 2 MsgVoteResp votes and 0 vote rejections");
        node.expect_role(Candidate, 1, 0);
        node.deliver(from(2, MsgVoteResp).term(1));
        node.expect_role(Leader, 1, 1);
    }
}

// Trap 5: what was applied is acknowledged in any role, and taken off an uncommitted size that only
// a leader has.

#[test]
fn applied_entries_are_acknowledged_in_any_role() {
    for compat in BOTH {
        for role in ROLES {
            let setup = Setup::of(3).compat(compat).log(&[1, 1, 1]).at(1, 0, 3);
            let mut node = setup.in_role(role);
            node.persist();
            let applied = node.apply();
            assert_eq!(applied.len(), 3, "{role}");
            assert_eq!(node.node.log.applied(), 3);
            // Once more: nothing moves back.
            let before = (node.hard_state(), node.soft_state());
            node.deliver(from(LOCAL_APPLY_THREAD, MsgStorageApplyResp).entries(applied));
            assert_eq!((node.hard_state(), node.soft_state()), before);
            assert_eq!(node.node.log.applied(), 3);
        }
    }
}

#[test]
fn a_new_leader_is_not_given_back_what_another_took() {
    for compat in BOTH {
        let mut node = Setup::of(3).compat(compat).follower();
        node.deliver(from(2, raft_proto::MessageType::MsgApp).term(1).entries(Entry::new(
            1,
            1,
            "0123456789",
        )));
        node.persist();
        node.campaign_now();
        node.persist();
        node.win();
        node.add("abc");
        assert_eq!(node.leadership().uncommitted_size, 3);
        node.persist();
        node.acknowledge_all();
        node.apply();
        assert_eq!(node.leadership().uncommitted_size, 0);
    }
}

// Trap 6: without the step down a removed leader goes on, without progress of its own.

#[test]
fn a_removed_leader_leads_on_without_progress_of_its_own() {
    for compat in BOTH {
        for (removal, own) in [("r1", None), ("l1", Some(true))] {
            let setup =
                Setup::of(3).compat(compat).with(|config| config.step_down_on_removal = false);
            let mut leader = setup.steady_leader();
            leader.add("x");
            leader.switch(&change(removal));
            let is_learner = leader.node.tracker.progress.get(1).map(|p| p.is_learner);
            assert_eq!(is_learner, own);
            leader.expect_role(Leader, 1, 1);

            // Everything that could want its entry.
            leader.persist();
            leader.acknowledge(2, 2);
            leader.acknowledge(3, 2);
            assert_eq!(leader.node.log.committed(), 2, "without its own copy");
            leader.apply();
            leader.read("ctx");
            leader.deliver(from(2, MsgHeartbeatResp).term(1));
            leader.deliver(from(2, MsgUnreachable));
            leader.deliver(from(1, MsgAppResp).term(1).index(2));
            leader.deliver(from(1, MsgTransferLeader));
            leader.pass(25);
            leader.take_sent();
            leader.expect_role(Leader, 1, 1);
            assert_eq!(leader.status().progress.len(), if own.is_some() { 3 } else { 2 });
            // It can hand over.
            leader.acknowledge(2, 2);
            leader.take_sent();
            leader.deliver(from(2, MsgTransferLeader));
            leader.expect_sent(&["1->2 MsgTimeoutNow Term:1 Log:0/0"]);
        }
    }
}

#[test]
fn a_candidate_that_is_removed_while_it_campaigns_does_not_lead() {
    for compat in BOTH {
        let mut node = Setup::of(3).compat(compat).candidate();
        node.switch(&change("r1"));
        node.deliver(from(2, MsgVoteResp).term(1));
        node.deliver(from(3, MsgVoteResp).term(1));
        node.expect_role(Follower, 1, 0);
        assert_eq!(node.node.log.last_index(), 0);
    }
}

// Quirks.

/// A node that starts from a snapshot without a hard state is at term 0. When it wins term 1, and
/// its snapshot is of term 1, it counts as having committed in its term.
#[test]
fn a_snapshot_of_the_own_term_counts_as_a_commit_of_the_term() {
    let mut leader = Setup::of(3).etcd().snapshot(10, 1).at(0, 0, 0).leader();
    leader.expect_role(Leader, 1, 1);
    assert_eq!(leader.node.log.committed(), 10);
    assert_eq!(leader.read("ctx"), ReadIndex::Queued);
    assert!(leader.node.deferred_reads.is_empty(), "it is not put off");
    let heartbeats = leader.take_sent();
    assert_eq!(heartbeats.len(), 2, "it asks the others at once");
    leader.deliver(from(2, MsgHeartbeatResp).term(1).context(heartbeats[0].context.clone()));
    leader.expect_reads(&[(10, "ctx")]);
}

/// etcd would panic: an answer has a term.
#[test]
fn a_node_of_term_0_cannot_refuse_a_vote_and_says_nothing() {
    for compat in BOTH {
        let mut node = Setup::of(3).compat(compat).snapshot(10, 1).at(0, 0, 0).follower();
        node.deliver(from(2, raft_proto::MessageType::MsgPreVote).term(1));
        node.expect_vouching(&[]);
        node.expect_role(Follower, 0, 0);
        // With a real election it gets a term.
        node.deliver(from(2, MsgVote).term(1));
        let answer = node.take_vouching().remove(0);
        assert_eq!((answer.kind(), answer.term, answer.reject), (Ok(MsgVoteResp), 1, true));
    }
}

#[test]
fn a_step_down_keeps_the_vote_of_the_term() {
    for compat in BOTH {
        let setup = Setup::of(3).compat(compat).with(|config| config.check_quorum = true);
        let mut node = setup.leader();
        node.pass(10);
        node.expect_role(Follower, 1, 0);
        assert_eq!(node.node.vote, 1);
    }
}

/// What etcd's own status leaves out.
#[test]
fn the_status_tells_whether_a_joint_configuration_is_left_by_itself() {
    for compat in BOTH {
        let mut node = Setup::of(3).compat(compat).follower();
        node.switch(&change("v4 r3"));
        assert!(node.status().config.auto_leave);
        assert_eq!(node.status().config.to_string(), "voters=(1 2 4)&&(1 2 3) autoleave");
    }
}

#[test]
fn a_leader_that_lost_its_quorum_forgets_who_was_active() {
    for compat in BOTH {
        let setup = Setup::of(3).compat(compat).with(|config| config.check_quorum = true);
        let mut node = setup.leader();
        node.deliver(from(2, MsgHeartbeatResp).term(1));
        node.become_follower(1, 0);
        assert!(node.full_tracker().progress.iter().all(|(_, p)| !p.recent_active));
    }
}
