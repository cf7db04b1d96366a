//! Proposing a change: what a leader takes, and what it turns into an empty entry.

use raft_proto::{ConfState, Entries, Entry, EntryType};

use super::change_entry;
use crate::config::Compat;
use crate::event::ConfChangeRefused;
use crate::raft::Accepted;
use crate::raft::tests::fixture::*;

/// What became of the last change in `offered`.
#[track_caller]
fn refusal(
    leader: &mut Machine,
    offered: impl Into<raft_proto::ConfChangeRequest>,
) -> Option<ConfChangeRefused> {
    match leader.offer_change(offered) {
        Ok(Accepted::Appended(appended)) => appended.refused,
        other => panic!("{other:?}"),
    }
}

fn last_entry(leader: &Machine) -> Entry {
    let index = leader.node.log.last_index();
    leader.node.log.unstable().run().get(index).expect("the last entry").clone()
}

/// etcd: TestStepConfig
#[test]
fn a_change_is_appended_and_pending() {
    for compat in BOTH {
        for request in [v1("v4").into(), raft_proto::ConfChangeRequest::from(change("v4 r3"))] {
            let mut leader = Setup::of(3).compat(compat).steady_leader();
            assert_eq!(refusal(&mut leader, request.clone()), None);
            assert_eq!(leader.node.log.last_index(), 2);
            assert_eq!(leader.leadership().pending_conf_index, 2);
            assert_eq!(last_entry(&leader), change_entry(1, 2, request));
            leader.expect_events(&[]);
        }
    }
}

/// etcd: TestStepIgnoreConfig
#[test]
fn while_a_change_is_pending_another_becomes_an_empty_entry() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.apply();
        assert_eq!(refusal(&mut leader, v1("v4")), None);
        let refused = ConfChangeRefused::Pending { index: 2, applied: 1 };
        assert_eq!(refusal(&mut leader, v1("v5")), Some(refused));
        assert_eq!(leader.leadership().pending_conf_index, 2);
        // Its type is there, though it is the default: its size counts.
        let empty = Entry {
            entry_type: Some(EntryType::Normal as i32),
            term: 1,
            index: 3,
            ..Entry::default()
        };
        assert_eq!(last_entry(&leader), empty);
        leader.expect_events(&["1 ignoring conf change transition:ConfChangeTransitionAuto \
             changes:{type:ConfChangeAddNode node_id:5} at config voters=(1 2 3): \
             possible unapplied conf change at index 2 (applied to 1)"]);
    }
}

#[test]
fn once_a_change_is_applied_the_next_may_be_made() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.apply();
        assert_eq!(refusal(&mut leader, v1("l4")), None);
        leader.persist();
        leader.acknowledge_all();
        // Committed is not applied.
        let pending = ConfChangeRefused::Pending { index: 2, applied: 1 };
        assert_eq!(refusal(&mut leader, v1("l5")), Some(pending));
        leader.switch(&change("l4"));
        leader.apply();
        assert_eq!(refusal(&mut leader, v1("l5")), None);
    }
}

/// etcd: TestNewLeaderPendingConfig
#[test]
fn a_new_leader_takes_all_it_has_not_applied_for_a_change() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).log(&[1, 1]).at(1, 0, 1).leader();
        assert_eq!(leader.leadership().pending_conf_index, 2);
        leader.apply();
        let pending = ConfChangeRefused::Pending { index: 2, applied: 1 };
        assert_eq!(refusal(&mut leader, v1("v4")), Some(pending));
        leader.acknowledge_all();
        leader.apply();
        assert_eq!(refusal(&mut leader, v1("v4")), None);

        let mut leader = Setup::of(3).compat(compat).leader();
        assert_eq!(leader.leadership().pending_conf_index, 0);
        assert_eq!(refusal(&mut leader, v1("v4")), None);
    }
}

#[test]
fn in_a_joint_configuration_nothing_but_leaving_it_is_taken() {
    let joint = || ConfState {
        voters: [1, 2].into(),
        voters_outgoing: [1, 3].into(),
        ..Default::default()
    };
    for compat in BOTH {
        let mut leader = Setup::in_group(joint()).compat(compat).steady_leader();
        let must_leave = Some(ConfChangeRefused::MustLeaveJoint);
        assert_eq!(refusal(&mut leader, v1("v4")), must_leave);
        assert_eq!(refusal(&mut leader, explicit("v4")), must_leave);
        leader.expect_event(
            "1 ignoring conf change transition:ConfChangeTransitionJointExplicit \
             changes:{type:ConfChangeAddNode node_id:4} at config voters=(1 2)&&(1 3): \
             must transition out of joint config first",
        );
        assert_eq!(refusal(&mut leader, leave()), None);
    }
}

#[test]
fn only_a_joint_configuration_can_be_left() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        assert_eq!(refusal(&mut leader, leave()), Some(ConfChangeRefused::NotJoint));
        leader.expect_events(&[
            "1 ignoring conf change transition:ConfChangeTransitionAuto at config \
             voters=(1 2 3): not in joint state; refusing empty conf change",
        ]);
    }
}

#[test]
fn an_application_may_make_these_checks_itself() {
    for compat in BOTH {
        let setup =
            Setup::of(3).compat(compat).with(|config| config.disable_conf_change_validation = true);
        let mut leader = setup.steady_leader();
        for offered in [change("v4"), change("v5 r3"), leave()] {
            assert_eq!(refusal(&mut leader, offered.clone()), None);
            let index = leader.node.log.last_index();
            assert_eq!(leader.leadership().pending_conf_index, index);
            assert_eq!(last_entry(&leader), change_entry(1, index, offered));
        }
        leader.expect_events(&[]);
    }
}

#[test]
fn of_two_changes_in_one_batch_the_second_is_refused() {
    for compat in BOTH {
        let mut leader = Setup::of(3).compat(compat).steady_leader();
        leader.apply();
        let batch: Entries = [
            Entry::proposal("x"),
            change_entry(0, 0, change("v4")),
            change_entry(0, 0, change("v5")),
            Entry::proposal("y"),
        ]
        .into_iter()
        .collect();
        let Ok(Accepted::Appended(appended)) = leader.offer(batch) else { panic!("a leader") };
        assert_eq!((appended.first_index, appended.last_index), (2, 5));
        assert_eq!(appended.refused, Some(ConfChangeRefused::Pending { index: 3, applied: 1 }));
        assert_eq!(leader.leadership().pending_conf_index, 3);
        let kinds: alloc::vec::Vec<_> = (2..=5)
            .map(|index| leader.node.log.unstable().run().get(index).expect("there").entry_type)
            .collect();
        assert_eq!(kinds, [None, Some(2), Some(0), None]);
    }
}

/// No follower knows what is pending; the leader decides.
#[test]
fn a_follower_sends_a_change_on_as_it_is() {
    let mut node = Setup::of(3).follower_of_2();
    assert_eq!(node.offer_change(leave()), Ok(Accepted::Forwarded { leader: 2 }));
    node.expect_sent(&["1->2 MsgProp Term:0 Log:0/0 Entries:[0/0 EntryConfChangeV2]"]);
    node.expect_events(&[]);
}

#[test]
fn a_removed_leader_that_stays_takes_no_proposals() {
    for (compat, text) in [(Compat::Strict, "r1"), (Compat::Etcd, "r1")] {
        let setup = Setup::of(3).compat(compat).with(|config| config.step_down_on_removal = false);
        let mut leader = setup.steady_leader();
        leader.switch(&change(text));
        let outcome = leader.offer(Entry::proposal("x"));
        assert_eq!(outcome, Err(crate::error::DropReason::NotInConfiguration));
        assert_eq!(leader.node.log.last_index(), 1);
    }
}
