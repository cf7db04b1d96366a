//! Who belongs to the group, and how that changes.

mod joint;
mod proposal;

use alloc::vec::Vec;

use raft_proto::MessageType::{MsgSnap, MsgTimeoutNow, MsgVote};
use raft_proto::{ConfChangeRequest, ConfState, Entries, Entry};

use super::fixture::*;
use crate::error::{ApplyConfChangeError, CampaignRefused, ConfChangeError};
use crate::event::StateRole::{Candidate, Follower, Leader};
use crate::raft::transition::CampaignKind;

fn members(machine: &Machine) -> Vec<(u64, bool)> {
    machine.full_tracker().progress.iter().map(|(id, p)| (id, p.is_learner)).collect()
}

/// An entry that holds a change, as it stands in the log.
fn change_entry(term: u64, index: u64, change: impl Into<ConfChangeRequest>) -> Entry {
    Entry { term, index, ..change.into().into_entry() }
}

/// etcd: TestAddNode, TestRaftNodes
#[test]
fn a_voter_is_added() {
    let mut node = follower_of(1);
    let conf_state = node.switch(&change("v2"));
    assert_eq!(conf_state, voters(&[1, 2]));
    assert_eq!(members(&node), [(1, false), (2, false)]);
    node.expect_events(&["1 switched to configuration voters=(1 2)"]);
    // In whatever order they come, ids are sorted.
    node.switch(&change("v9"));
    let conf_state = node.switch(&change("v4"));
    assert_eq!(conf_state, voters(&[1, 2, 4, 9]));
}

#[test]
fn only_a_leader_keeps_what_is_known_of_members() {
    let kept = |node: &Machine| node.node.tracker.progress.iter().len();
    let mut node = follower_of(3);
    assert_eq!(kept(&node), 0, "from the storage");
    node.switch(&change("v4"));
    assert_eq!(kept(&node), 0, "by a change");
    let snapshot = snapshot(11, 11, voters(&[1, 2]));
    node.deliver(from(2, MsgSnap).term(11).snapshot(snapshot));
    assert_eq!(kept(&node), 0, "by a snapshot");

    let mut leader = Setup::of(3).steady_leader();
    assert_eq!(kept(&leader), 3);
    leader.switch(&change("v4"));
    assert_eq!(kept(&leader), 4);
    leader.become_follower(2, 2);
    assert_eq!(kept(&leader), 0, "deposed");
    let mut removed = Setup::of(3).steady_leader();
    removed.switch(&change("r1"));
    assert_eq!(kept(&removed), 0, "removed");
}

/// etcd: TestAddLearner
#[test]
fn a_learner_is_added_and_promoted() {
    let mut node = follower_of(1);
    assert_eq!(node.switch(&change("l2")), ConfState::new([1], [2]));
    assert_eq!(members(&node), [(1, false), (2, true)]);
    assert_eq!(node.switch(&change("v2")), voters(&[1, 2]));
    assert_eq!(members(&node), [(1, false), (2, false)]);
}

/// etcd: TestAddLearner
#[test]
fn a_node_learns_that_it_is_a_learner_itself() {
    let mut node = follower_of(2);
    node.switch(&change("l1"));
    assert!(!node.node.is_promotable());
    node.switch(&change("v1"));
    assert!(node.node.is_promotable());
    node.switch(&change("r1"));
    assert!(!node.node.is_promotable());
}

/// A member that was never heard would be taken for lost, and the leader step down, as soon as it
/// counts.
///
/// etcd: TestAddNodeCheckQuorum
#[test]
fn a_new_voter_has_a_whole_election_timeout_to_answer() {
    let mut leader = Setup::of(1).with(|config| config.check_quorum = true).leader();
    leader.pass(9);
    leader.switch(&change("v2"));
    leader.pass(1);
    leader.expect_role(Leader, 1, 1);
    // It has to be heard from then on.
    leader.pass(10);
    leader.expect_role(Follower, 1, 0);
}

/// etcd: TestRemoveNode
#[test]
fn a_voter_is_removed_but_for_the_last() {
    let mut node = follower_of(2);
    assert_eq!(node.switch(&change("r2")), voters(&[1]));
    assert_eq!(members(&node), [(1, false)]);
    // Removing it once more changes nothing.
    assert_eq!(node.switch(&change("r2")), voters(&[1]));

    let before = node.image();
    let error = node.apply_conf_change(&change("r1")).expect_err("the last one");
    assert!(matches!(error, ApplyConfChangeError::Invalid(ConfChangeError::RemovedAllVoters)));
    assert_eq!(node.image(), before);
}

/// etcd: TestRemoveLearner
#[test]
fn a_learner_is_removed() {
    let mut node = Setup::in_group(ConfState::new([1], [2])).follower();
    assert_eq!(node.switch(&change("r2")), voters(&[1]));
    assert_eq!(members(&node), [(1, false)]);
}

#[test]
fn a_change_that_cannot_be_applied_changes_nothing_in_any_role() {
    for role in ROLES {
        for (impossible, why) in [
            (change("r1 r2 r3"), ConfChangeError::RemovedAllVoters),
            (leave(), ConfChangeError::NotJoint),
        ] {
            let mut node = Setup::of(3).in_role(role);
            let before = node.image();
            match node.apply_conf_change(&impossible) {
                Err(ApplyConfChangeError::Invalid(error)) => assert_eq!(error, why),
                other => panic!("{other:?}"),
            }
            assert_eq!(node.image(), before);
        }
    }
}

/// etcd: TestCommitAfterRemoveNode
#[test]
fn what_the_remaining_voters_hold_is_committed_when_one_is_removed() {
    for compat in BOTH {
        let mut leader = Setup::of(2).compat(compat).steady_leader();
        leader.offer_change(change("r2")).expect("a leader");
        leader.add("x");
        leader.persist();
        leader.acknowledge(2, 2);
        assert_eq!(leader.node.log.committed(), 2, "the change, and not yet what follows it");
        assert_eq!(leader.apply().len(), 2);
        leader.take_sent();

        leader.switch(&change("r2"));
        assert_eq!(leader.node.log.committed(), 3);
        leader.expect_sent(&[]);
        assert_eq!(leader.apply().iter().map(|e| e.data.len()).collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn the_others_learn_at_once_what_a_smaller_quorum_commits() {
    for compat in BOTH {
        let mut leader = Setup::of(4).compat(compat).steady_leader();
        leader.add("x");
        leader.persist();
        leader.take_sent();
        leader.acknowledge(2, 2);
        leader.take_sent();
        assert_eq!(leader.node.log.committed(), 1);
        leader.switch(&change("r4"));
        assert_eq!(leader.node.log.committed(), 2);
        leader.expect_sent(&[
            "1->2 MsgApp Term:1 Log:1/2 Commit:2",
            "1->3 MsgApp Term:1 Log:1/2 Commit:2",
        ]);
    }
}

#[test]
fn a_new_member_is_probed_at_once_at_the_end_of_the_log() {
    for compat in BOTH {
        for text in ["v3", "l3"] {
            let mut leader = Setup::of(2).compat(compat).steady_leader();
            leader.switch(&change(text));
            leader.expect_sent(&[
                "1->3 MsgApp Term:1 Log:0/0 Commit:1 Entries:[1/1 EntryNormal \"\"]",
            ]);
            let progress = leader.progress(3);
            assert_eq!((progress.match_index, progress.next_index), (0, 1));
            assert!(progress.recent_active && progress.append_paused);
        }
    }
}

// What a removed leader does.

#[test]
fn a_leader_that_is_removed_or_demoted_steps_down() {
    for compat in BOTH {
        for text in ["r1", "l1"] {
            let mut leader = Setup::of(3).compat(compat).steady_leader();
            leader.switch(&change(text));
            leader.expect_role(Follower, 1, 0);
            leader.campaign_now_refused(CampaignRefused::NotPromotable);
        }
    }
}

#[test]
fn a_leader_may_be_told_to_stay_when_it_is_removed() {
    for compat in BOTH {
        for text in ["r1", "l1"] {
            let setup =
                Setup::of(3).compat(compat).with(|config| config.step_down_on_removal = false);
            let mut leader = setup.steady_leader();
            leader.switch(&change(text));
            leader.expect_role(Leader, 1, 1);
            // It goes on to serve the others.
            leader.pass(1);
            leader.expect_sent(&[
                "1->2 MsgHeartbeat Term:1 Log:0/0 Commit:1",
                "1->3 MsgHeartbeat Term:1 Log:0/0 Commit:1",
            ]);
        }
    }
}

impl Machine {
    #[track_caller]
    fn campaign_now_refused(&mut self, why: CampaignRefused) {
        let before = self.hard_state();
        let outcome = self.try_campaign(CampaignKind::Election).expect("storage");
        assert_eq!(outcome, Err(why));
        assert_eq!(self.hard_state(), before);
    }
}

// Who may campaign while a change is on its way.

/// etcd: TestConfChangeCheckBeforeCampaign, TestConfChangeV2CheckBeforeCampaign
#[test]
fn a_node_with_a_change_to_apply_does_not_campaign() {
    let requests: [ConfChangeRequest; 2] = [v1("v4").into(), change("v4 v5").into()];
    for request in requests {
        let mut node = follower_of(3);
        let entries: Entries =
            [Entry::new(1, 1, ""), change_entry(1, 2, request.clone()), Entry::new(1, 3, "x")]
                .into_iter()
                .collect();
        node.deliver(from(2, raft_proto::MessageType::MsgApp).term(1).entries(entries));
        node.persist();
        // Not committed: it may never be.
        let outcome = node.clone().try_campaign(CampaignKind::Election).expect("storage");
        assert_eq!(outcome, Ok(()));

        node.deliver(append(2, 1, (1, 3), &[]).commit(3));
        node.take_events();
        node.campaign_now_refused(CampaignRefused::PendingConfChange);
        node.expect_events(&[
            "1 cannot campaign at term 1 since there are still pending configuration changes to apply",
        ]);
        // Whoever asks: the timer, or the leader.
        node.node.randomized_election_timeout = 10;
        node.pass(10);
        node.expect_role(Follower, 1, 2);
        node.deliver(from(2, MsgTimeoutNow).term(1));
        node.expect_role(Follower, 1, 2);

        node.switch(&request.as_v2());
        node.apply();
        node.deliver(from(2, MsgTimeoutNow).term(1));
        node.expect_role(Candidate, 2, 0);
    }
}

#[test]
fn the_search_for_a_change_goes_through_all_pages() {
    // One entry a page.
    let setup = Setup::of(3).with(|config| config.max_committed_size_per_ready = 1);
    let mut node = setup.follower();
    let entries: Entries = (1..=4)
        .map(|index| Entry::new(1, index, "x"))
        .chain([change_entry(1, 5, change("v4")), Entry::new(1, 6, "x")])
        .collect();
    node.deliver(from(2, raft_proto::MessageType::MsgApp).term(1).entries(entries).commit(6));
    node.persist();
    for _ in 1..=4 {
        node.campaign_now_refused(CampaignRefused::PendingConfChange);
        assert_eq!(node.apply().len(), 1);
    }
    node.campaign_now_refused(CampaignRefused::PendingConfChange);
    assert_eq!(node.apply().len(), 1);
    node.campaign_now();
}

/// The configuration counts from when it is applied, for votes too.
#[test]
fn a_vote_request_of_a_node_that_is_not_in_the_configuration_is_answered() {
    let mut node = follower_of(1);
    node.deliver(from(7, MsgVote).term(1));
    node.expect_vouching(&["1->7 MsgVoteResp Term:1 Log:0/0"]);
}
