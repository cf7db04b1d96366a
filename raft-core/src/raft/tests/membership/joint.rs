//! From one set of voters to quite another.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use raft_proto::MessageType::MsgHeartbeatResp;
use raft_proto::{ConfChangeV2, ConfState, Entry, EntryType};

use crate::config::Compat;
use crate::event::StateRole::{Follower, Leader};
use crate::raft::Accepted;
use crate::raft::tests::fixture::*;
use crate::raft::tests::membership::members;

/// A leader that has proposed, committed and applied this change.
fn having_applied(compat: Compat, voters: u64, made: &ConfChangeV2) -> Machine {
    let mut leader = Setup::of(voters).compat(compat).steady_leader();
    leader.apply();
    leader.offer_change(made.clone()).expect("a leader");
    leader.persist();
    leader.acknowledge_all();
    leader.switch(made);
    leader.take_events();
    leader.apply();
    leader
}

fn last_entry(leader: &Machine) -> Entry {
    let index = leader.node.log.last_index();
    leader.node.log.unstable().run().get(index).expect("an entry that waits").clone()
}

#[test]
fn each_transition_goes_its_own_way() {
    for (made, config) in [
        (change("v4"), "voters=(1 2 3 4)"),
        (change("v4 l5"), "voters=(1 2 3 4)&&(1 2 3) learners=(5) autoleave"),
        (change("v4 r3"), "voters=(1 2 4)&&(1 2 3) autoleave"),
        (implicit("v4"), "voters=(1 2 3 4)&&(1 2 3) autoleave"),
        (implicit(""), "voters=(1 2 3)&&(1 2 3) autoleave"),
        (explicit("v4"), "voters=(1 2 3 4)&&(1 2 3)"),
        (explicit("l3"), "voters=(1 2)&&(1 2 3) learners_next=(3)"),
        (change("u3"), "voters=(1 2 3)"),
        // Node 0 says that the application decided against it.
        (change("v0"), "voters=(1 2 3)"),
    ] {
        let mut node = follower_of(3);
        node.switch(&made);
        assert_eq!(node.config(), config);
    }
}

#[test]
fn a_demoted_voter_is_a_learner_when_the_joint_configuration_is_left() {
    let mut node = follower_of(3);
    let conf_state = node.switch(&explicit("l3 l4"));
    let expected = ConfState {
        voters: vec![1, 2],
        voters_outgoing: vec![1, 2, 3],
        learners: vec![4],
        learners_next: vec![3],
        auto_leave: false,
    };
    assert_eq!(conf_state, expected);
    assert_eq!(members(&node), [(1, false), (2, false), (3, false), (4, true)]);
    assert_eq!(node.switch(&leave()), ConfState::new([1, 2], [3, 4]));
    assert_eq!(members(&node), [(1, false), (2, false), (3, true), (4, true)]);
}

#[test]
fn a_removed_voter_is_a_member_until_the_joint_configuration_is_left() {
    let mut node = follower_of(3);
    node.switch(&explicit("r3"));
    assert_eq!(members(&node), [(1, false), (2, false), (3, false)]);
    node.switch(&leave());
    assert_eq!(members(&node), [(1, false), (2, false)]);
}

#[test]
fn a_leader_leaves_by_itself_once_the_change_is_applied() {
    for compat in BOTH {
        let mut leader = having_applied(compat, 3, &change("v4 r3"));
        leader.expect_events(&["initiating automatic transition out of joint configuration \
             voters=(1 2 4)&&(1 2 3) autoleave"]);
        let leaving = last_entry(&leader);
        assert_eq!((leaving.kind(), leaving.index), (Ok(EntryType::ConfChangeV2), 3));
        assert!(leaving.data.is_empty());
        assert_eq!(leader.leadership().pending_conf_index, 3);
        // Once only.
        leader.apply();
        assert_eq!(leader.node.log.last_index(), 3);

        leader.persist();
        leader.acknowledge_all();
        leader.switch(&leave());
        assert_eq!(leader.config(), "voters=(1 2 4)");
    }
}

#[test]
fn an_explicit_change_waits_to_be_left() {
    for compat in BOTH {
        let mut leader = having_applied(compat, 3, &explicit("v4 r3"));
        leader.add("x");
        leader.persist();
        leader.acknowledge_all();
        leader.apply();
        assert_eq!(leader.node.log.last_index(), 3);
        let Ok(Accepted::Appended(appended)) = leader.offer_change(leave()) else {
            panic!("a leader")
        };
        assert_eq!(appended.refused, None);
    }
}

#[test]
fn a_follower_leaves_nothing_by_itself() {
    let mut node = follower_of(3);
    node.deliver(append(2, 1, (0, 0), &[1]).commit(1));
    node.switch(&change("v4 r3"));
    node.persist();
    node.apply();
    assert_eq!(node.node.log.last_index(), 1);
}

/// Its predecessor may have gone before it could.
#[test]
fn a_new_leader_leaves_what_another_has_entered() {
    for compat in BOTH {
        let joint = ConfState {
            voters: vec![1, 2],
            voters_outgoing: vec![1, 3],
            auto_leave: true,
            ..Default::default()
        };
        let mut leader = Setup::in_group(joint).compat(compat).log(&[1, 1]).leader();
        // What it has not applied may be that very change.
        assert_eq!(leader.node.log.last_index(), 3);
        leader.acknowledge_all();
        assert_eq!(leader.node.log.committed(), 3);
        leader.apply();
        assert_eq!(leader.node.log.last_index(), 4);
        assert_eq!(last_entry(&leader).kind(), Ok(EntryType::ConfChangeV2));
    }
}

#[test]
fn a_joint_configuration_is_not_left_before_all_that_may_change_it_is_applied() {
    for compat in BOTH {
        let joint = ConfState {
            voters: vec![1, 2],
            voters_outgoing: vec![1, 3],
            auto_leave: true,
            ..Default::default()
        };
        let setup = Setup::in_group(joint).compat(compat).log(&[1, 1, 1]);
        let one_by_one = setup.with(|config| config.max_committed_size_per_ready = 1);
        let mut leader = one_by_one.leader();
        leader.acknowledge_all();
        for last_index in [4, 4, 5] {
            assert_eq!(leader.apply().len(), 1);
            assert_eq!(leader.node.log.last_index(), last_index);
        }
    }
}

#[test]
fn leaving_is_put_off_while_leadership_is_handed_over() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.apply();
        leader.offer_change(change("v4 r3")).expect("a leader");
        leader.add("x");
        leader.persist();
        leader.acknowledge(2, 2);
        leader.switch(&change("v4 r3"));
        leader.deliver(from(3, raft_proto::MessageType::MsgTransferLeader));
        leader.take_events();
        leader.apply();
        leader.expect_events(&[
            "1 [term 1] transfer leadership to 3 is in progress; dropping proposal",
            "not initiating automatic transition out of joint configuration \
             voters=(1 2 4)&&(1 2 3) autoleave: raft proposal dropped",
        ]);
        assert_eq!(leader.node.log.last_index(), 3);

        // It is tried again with the next entry that is applied.
        leader.pass(10);
        leader.acknowledge(2, 3);
        leader.acknowledge(3, 3);
        leader.acknowledge(4, 3);
        leader.apply();
        assert_eq!(leader.node.log.last_index(), 4);
    }
}

#[test]
fn no_quota_stops_the_leaving() {
    for compat in BOTH {
        let mut leader = Setup::of(3)
            .compat(compat)
            .with(|config| config.max_uncommitted_size = 1)
            .steady_leader();
        leader.apply();
        leader.offer_change(change("v4 r3")).expect("one always passes");
        leader.persist();
        leader.acknowledge_all();
        leader.switch(&change("v4 r3"));
        // Applying gives the quota back only after the leaving is proposed.
        leader.apply();
        assert_eq!(leader.node.log.last_index(), 3);
    }
}

#[test]
fn a_leader_that_leaves_itself_behind_steps_down_when_the_half_is_left() {
    for compat in BOTH {
        let mut leader = having_applied(compat, 3, &change("r1 v4"));
        // It votes in the outgoing half, and leads.
        leader.expect_role(Leader, 1, 1);
        leader.persist();
        leader.acknowledge_all();
        leader.switch(&leave());
        leader.expect_role(Follower, 1, 0);
        assert_eq!(leader.config(), "voters=(2 3 4)");
    }
}

/// etcd: TestRawNodeJointAutoLeave
#[test]
fn a_leader_that_is_deposed_before_it_can_leave_does_so_when_it_leads_again() {
    for compat in BOTH {
        let mut node = Setup::of(1).compat(compat).steady_leader();
        node.apply();
        node.offer_change(implicit("l2")).expect("a leader");
        node.persist();
        assert_eq!(node.node.log.committed(), 2);

        // It hears of a later term when the change is committed and not applied.
        node.deliver(from(2, MsgHeartbeatResp).term(2));
        node.switch(&implicit("l2"));
        node.apply();
        node.expect_role(Follower, 2, 0);
        assert_eq!(node.config(), "voters=(1)&&(1) learners=(2) autoleave");
        assert_eq!(node.node.log.last_index(), 2, "a follower leaves nothing");

        node.campaign_now();
        node.persist();
        node.expect_role(Leader, 3, 1);
        node.persist();
        assert_eq!(node.node.log.last_index(), 3, "first it applies an entry of its own");
        node.apply();
        let leaving = last_entry(&node);
        assert_eq!((leaving.kind(), leaving.index), (Ok(EntryType::ConfChangeV2), 4));
        assert!(leaving.data.is_empty());
        node.persist();
        node.switch(&leave());
        assert_eq!(node.config(), "voters=(1) learners=(2)");
    }
}

#[test]
fn a_group_replaces_its_members_in_one_change() {
    for compat in BOTH {
        let setup = |id| Setup::of(3).id(id).compat(compat);
        // The new ones start from the configuration of the log's beginning, which is not theirs.
        let mut network = Network::new((1..=6).map(setup));
        network.campaign(1);
        network.propose(1, "before");
        network.change(1, change("v4 v5 v6 r2 r3 l2"));
        // The new members hear of their leader, and catch up, with what it sends to probe them.
        network.tick(1, 2);
        for id in [1, 4, 5, 6] {
            let status = network.node(id).status();
            assert_eq!(status.config.to_string(), "voters=(1 4 5 6) learners=(2)", "node {id}");
            network.expect_applied(id, &["before"]);
        }
        // Node 3 was told of the change, and heard no more when it was gone.
        network.propose(1, "after");
        network.expect_applied(2, &["before", "after"]);
        network.expect_applied(3, &["before"]);
        network.expect_applied(6, &["before", "after"]);
        // The new ones lead too.
        network.campaign(6);
        network.expect_role(6, Leader, 2);
        let leaders: Vec<u64> =
            [1, 2, 4, 5].map(|id| network.node(id).basic_status().soft_state.leader_id).into();
        assert_eq!(leaders, [6; 4]);
    }
}
