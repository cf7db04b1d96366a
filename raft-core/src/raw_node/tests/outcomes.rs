//! Each request says what became of it, where etcd is silent.

use raft_proto::MessageType::{MsgAppResp, MsgHeartbeat, MsgTimeoutNow};
use raft_proto::{ConfChange, ConfChangeType};

use super::fixture::*;
use crate::config::{Config, ReadOnlyOption};
use crate::error::{
    ApplyConfChangeError, CampaignError, CampaignRefused, ConfChangeError, DropReason,
    ForgetRefused, ProposeError, Refusal, TransferRefused,
};
use crate::event::{ConfChangeRefused, StateRole};
use crate::mem_storage::MemoryStorage;
use crate::raft::{ForgetLeader, ReadIndex, TransferLeader};
use crate::raw_node::{Proposed, ProposedConfChange, RawNode, SnapshotStatus};
use crate::tracker::ProgressState;

fn follower_of_2() -> RawNode<MemoryStorage> {
    let mut node = node_of(3, |_| {});
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    node.settle();
    node
}

#[track_caller]
fn dropped<T: core::fmt::Debug>(outcome: Result<T, ProposeError>) -> DropReason {
    match outcome {
        Err(ProposeError::Dropped(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

/// etcd: TestNodePropose
#[test]
fn a_proposal_says_where_it_stands_in_the_log() {
    let mut node = leader_of(3, |_| {});
    let place = |first_index, last_index| Proposed::Appended { term: 1, first_index, last_index };
    assert_eq!(node.propose("a").expect("a leader"), place(2, 2));
    let batch = ["b".into(), "c".into(), "d".into()];
    assert_eq!(node.propose_batch(batch).expect("a leader"), place(3, 5));
    let turn = node.turn();
    let stands: alloc::vec::Vec<_> =
        turn.entries.iter().map(|entry| (entry.term, entry.index, entry.data.clone())).collect();
    let at = |index, data: &'static str| (1, index, data.into());
    assert_eq!(stands, [at(2, "a"), at(3, "b"), at(4, "c"), at(5, "d")]);
}

#[test]
fn a_proposal_says_to_whom_it_was_sent() {
    let mut node = follower_of_2();
    assert_eq!(node.propose("x").expect("a leader"), Proposed::Forwarded { leader: 2 });
    assert_eq!(
        texts(&node.settle_sent()),
        ["1->2 MsgProp Term:0 Log:0/0 Entries:[0/0 EntryNormal \"x\"]"]
    );
}

/// etcd: TestNodeProposeWaitDropped
#[test]
fn a_proposal_that_is_dropped_says_why_and_leaves_no_trace() {
    type Prepare = fn() -> RawNode<MemoryStorage>;
    let cases: [(Prepare, DropReason); 6] = [
        (|| node_of(3, |_| {}), DropReason::NoLeader { term: 0 }),
        (
            || {
                let mut node = node_of(3, |_| {});
                node.campaign().expect("a voter");
                node
            },
            DropReason::NoLeader { term: 1 },
        ),
        (
            || {
                let mut node = node_of(3, |config| config.disable_proposal_forwarding = true);
                node.step(from(2, MsgHeartbeat, 1)).expect("honest");
                node
            },
            DropReason::ForwardingDisabled { leader: 2 },
        ),
        (
            || {
                let mut node = leader_of(3, |config| config.step_down_on_removal = false);
                node.apply_conf_change(&change("r1")).expect("possible");
                node
            },
            DropReason::NotInConfiguration,
        ),
        (
            || {
                let mut node = leader_of(3, |_| {});
                node.transfer_leader(2).expect("alive");
                node
            },
            DropReason::TransferInProgress { transferee: 2 },
        ),
        (
            || {
                let mut node = leader_of(3, |config| config.max_uncommitted_size = 3);
                node.propose("abc").expect("one always passes");
                node
            },
            DropReason::QuotaExceeded { uncommitted: 3, proposed: 1, limit: 3 },
        ),
    ];
    for (prepare, reason) in cases {
        let mut node = prepare();
        let before = node.digest();
        assert_eq!(dropped(node.propose("x")), reason);
        assert_eq!(node.digest(), before, "{reason}");
        assert_eq!(dropped(node.propose_batch(["x".into()])), reason);
        assert_eq!(node.digest(), before, "{reason}");
    }
}

#[test]
fn what_can_never_be_accepted_is_refused_by_every_node() {
    for mut node in [leader_of(3, |_| {}), follower_of_2(), node_of(3, |_| {})] {
        let before = node.digest();
        match node.propose_batch([]) {
            Err(ProposeError::Refused(Refusal::EmptyProposal)) => {}
            other => panic!("{other:?}"),
        }
        let mut unknown = change("v4");
        unknown.changes[0].change_type = Some(9);
        match node.propose_conf_change(unknown) {
            Err(ProposeError::Refused(Refusal::ImpossibleConfChange(
                ConfChangeError::UnknownType { value: 9 },
            ))) => {}
            other => panic!("{other:?}"),
        }
        let mut unknown = change("v4");
        unknown.transition = Some(7);
        match node.propose_conf_change(unknown) {
            Err(ProposeError::Refused(Refusal::ImpossibleConfChange(
                ConfChangeError::UnknownTransition { value: 7 },
            ))) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(node.digest(), before);
    }
}

#[test]
fn a_change_says_where_it_stands_or_why_it_does_not() {
    let mut node = leader_of(3, |_| {});
    let add = ConfChange::new(ConfChangeType::AddNode, 4);
    let accepted = node.propose_conf_change(add).expect("a leader");
    assert_eq!(accepted, ProposedConfChange::Appended { term: 1, index: 2 });
    let refused = node.propose_conf_change(change("v5")).expect("a leader");
    let reason = ConfChangeRefused::Pending { index: 2, applied: 1 };
    assert_eq!(refused, ProposedConfChange::Refused { index: 3, reason });
    // Its place is taken all the same, by an entry without content.
    let turn = node.turn();
    assert_eq!(turn.entries.len(), 2);
    assert!(turn.entries.last().is_some_and(|entry| entry.data.is_empty()));

    let mut node = leader_of(3, |_| {});
    let refused = node.propose_conf_change(change("")).expect("a leader");
    let reason = ConfChangeRefused::NotJoint;
    assert_eq!(refused, ProposedConfChange::Refused { index: 2, reason });
    node.apply_conf_change(&change("v4 r3")).expect("possible");
    let refused = node.propose_conf_change(change("v5")).expect("a leader");
    let reason = ConfChangeRefused::MustLeaveJoint;
    assert_eq!(refused, ProposedConfChange::Refused { index: 3, reason });
    let accepted = node.propose_conf_change(change("")).expect("a leader");
    assert_eq!(accepted, ProposedConfChange::Appended { term: 1, index: 4 });
}

#[test]
fn a_change_that_is_sent_on_or_dropped_says_so() {
    let forwarded = follower_of_2().propose_conf_change(change("v4")).expect("a leader");
    assert_eq!(forwarded, ProposedConfChange::Forwarded { leader: 2 });
    let outcome = node_of(3, |_| {}).propose_conf_change(change("v4"));
    assert_eq!(dropped(outcome), DropReason::NoLeader { term: 0 });
}

#[test]
fn a_read_says_what_it_waits_for() {
    let mut alone = leader_of(1, |_| {});
    assert_eq!(alone.read_index("x").expect("alive"), ReadIndex::Answered { index: 1 });
    let mut leader = leader_of(3, |_| {});
    assert_eq!(leader.read_index("x").expect("alive"), ReadIndex::Queued);
    assert_eq!(follower_of_2().read_index("x").expect("alive"), ReadIndex::Forwarded { leader: 2 });
    let mut nobody = node_of(3, |_| {});
    let reason = DropReason::NoLeader { term: 0 };
    assert_eq!(nobody.read_index("x").expect("alive"), ReadIndex::Dropped(reason));
}

#[test]
fn reads_that_nobody_confirms_are_limited() {
    let mut node = leader_of(3, |config| config.max_pending_reads = 2);
    for _ in 0..2 {
        assert_eq!(node.read_index("x").expect("alive"), ReadIndex::Queued);
    }
    let before = node.digest();
    let reason = DropReason::TooManyReads { pending: 2, limit: 2 };
    assert_eq!(node.read_index("x").expect("alive"), ReadIndex::Dropped(reason));
    assert_eq!(node.digest(), before);
}

#[test]
fn a_campaign_says_why_it_did_not_begin() {
    #[track_caller]
    fn refused(node: &mut RawNode<MemoryStorage>) -> CampaignRefused {
        let before = node.digest();
        match node.campaign() {
            Err(CampaignError::Refused(reason)) => {
                assert_eq!(node.digest(), before);
                reason
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused(&mut leader_of(3, |_| {})), CampaignRefused::AlreadyLeader);
    let mut stranger = node_of(3, |config| config.id = 9);
    assert_eq!(refused(&mut stranger), CampaignRefused::NotPromotable);

    let mut behind = node_of(3, |_| {});
    let mut entry = raft_proto::ConfChangeRequest::from(change("v4")).into_entry();
    (entry.term, entry.index) = (1, 1);
    let append = append(2, 1, (0, 0), entry.into());
    behind.step(raft_proto::Message { commit: 1, ..append }).expect("honest");
    assert_eq!(refused(&mut behind), CampaignRefused::PendingConfChange);

    let mut node = node_of(3, |_| {});
    node.step(from(2, MsgHeartbeat, crate::MAX_TERM)).expect("honest");
    let exhausted = CampaignRefused::TermsExhausted { term: crate::MAX_TERM };
    assert_eq!(refused(&mut node), exhausted);

    let mut node = node_of(3, |_| {});
    node.campaign().expect("a voter");
    assert_eq!(node.basic_status().soft_state.role, StateRole::Candidate);
    let mut node = node_of(3, |config| config.pre_vote = true);
    node.campaign().expect("a voter");
    assert_eq!(node.basic_status().soft_state.role, StateRole::PreCandidate);
}

#[test]
fn a_change_that_cannot_be_applied_is_an_error_on_every_node_and_the_group_goes_on() {
    for mut node in [leader_of(3, |_| {}), follower_of_2()] {
        let before = node.digest();
        match node.apply_conf_change(&change("r1 r2 r3")) {
            Err(ApplyConfChangeError::Invalid(ConfChangeError::RemovedAllVoters)) => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(node.digest(), before);
    }
    // On the leader the entry counts as applied, so that the next change may be made.
    let mut node = leader_of(3, |config| config.disable_conf_change_validation = true);
    node.propose_conf_change(change("r1 r2 r3")).expect("a leader");
    let ready = node.ready().expect("work");
    node.storage_mut().append(ready.entries()).expect("entries that follow");
    node.advance(ready.persisted()).expect("its own");
    for peer in [2, 3] {
        let kind = raft_proto::MessageType::MsgAppResp;
        let ack = raft_proto::Message { index: 2, ..from(peer, kind, 1) };
        node.step(ack).expect("honest");
    }
    let done = node.ready().expect("work").persisted();
    assert_eq!(done.committed_entries().len(), 1);
    node.apply_conf_change(&change("r1 r2 r3")).expect_err("impossible");
    node.advance(done).expect("its own");
    assert_eq!(node.basic_status().applied, 2);
    let accepted = node.propose_conf_change(change("v4")).expect("a leader");
    assert_eq!(accepted, ProposedConfChange::Appended { term: 1, index: 3 });
}

/// etcd: TestRawNodeProposeAndConfChange, TestNodeProposeConfig, TestNodeProposeAddLearnerNode
#[test]
fn a_change_takes_effect_when_it_is_applied_and_says_what_the_configuration_is_then() {
    let v1 = |kind, id| raft_proto::ConfChangeRequest::from(ConfChange::new(kind, id));
    let v2 = |text: &str| raft_proto::ConfChangeRequest::from(change(text));
    let joint = |transition, text: &str| {
        let mut made = change(text);
        made.transition = Some(i32::from(transition));
        raft_proto::ConfChangeRequest::from(made)
    };
    use raft_proto::ConfChangeTransition::{JointExplicit, JointImplicit};
    let cases = [
        (v1(ConfChangeType::AddNode, 2), "voters=(1 2)", None),
        (v2("v2"), "voters=(1 2)", None),
        (v2("l2"), "voters=(1) learners=(2)", None),
        (joint(JointExplicit, "l2"), "voters=(1)&&(1) learners=(2)", Some("explicit")),
        (joint(JointImplicit, "l2"), "voters=(1) learners=(2)", Some("auto")),
        (v2("v2 l3"), "voters=(1 2) learners=(3)", Some("auto")),
        (v2("l2 l3"), "voters=(1) learners=(2 3)", Some("auto")),
        (v2("v2 v3 l1"), "voters=(2 3) learners=(1)", Some("auto")),
    ];
    for (request, expected, leaving) in cases {
        let mut node = leader_of(1, |config| config.step_down_on_removal = false);
        node.propose(b"somedata".as_slice()).expect("a leader");
        node.propose_conf_change(request.clone()).expect("a leader");
        assert_eq!(alloc::string::ToString::to_string(&node.status().config), "voters=(1)");
        for _ in 0..4 {
            node.settle();
            node.acknowledge_all();
        }
        let config = alloc::string::ToString::to_string(&node.status().config);
        assert_eq!(config, expected, "{request:?}");
        if leaving == Some("explicit") {
            // Until it is told to, the leader stays between the two.
            node.propose_conf_change(change("")).expect("a leader");
            node.settle();
            let config = alloc::string::ToString::to_string(&node.status().config);
            assert_eq!(config, "voters=(1) learners=(2)");
        }
    }
}

/// The node campaigns past the pre-vote when its leader wants it to.
#[test]
fn a_step_can_start_a_campaign() {
    let mut node = node_of(3, |config| config.pre_vote = true);
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    node.step(from(2, MsgTimeoutNow, 1)).expect("honest");
    assert_eq!(node.basic_status().soft_state.role, StateRole::Candidate);
}

/// What the application has to say about a peer reaches its progress.
#[test]
fn reports_about_a_peer_are_heard() {
    let mut node = leader_of(3, |_| {});
    let progress = |node: &RawNode<MemoryStorage>| {
        let progress = node.raft.node.tracker.progress.get(2).expect("a member");
        (progress.state, progress.next_index)
    };
    node.report_unreachable(2);
    assert_eq!(progress(&node), (ProgressState::Probe, 2));
    for (status, next) in [(SnapshotStatus::Finish, 6), (SnapshotStatus::Failure, 2)] {
        node.raft.node.tracker.progress.get_mut(2).expect("a member").become_snapshot(5);
        node.report_snapshot(2, status);
        assert_eq!(progress(&node), (ProgressState::Probe, next), "{status:?}");
    }
    // About a stranger there is nothing to know.
    let before = node.digest();
    node.report_unreachable(9);
    node.report_snapshot(9, SnapshotStatus::Failure);
    assert_eq!(node.digest(), before);
}

/// A leader of voters 1 and 2 and learner 3, of whom 2 has everything.
fn leader_with_a_learner(change: impl FnOnce(&mut Config)) -> RawNode<MemoryStorage> {
    let conf_state = raft_proto::ConfState::new([1, 2], [3]);
    let mut node = over(MemoryStorage::with_conf_state(conf_state), change);
    node.elect();
    node
}

#[test]
fn a_transfer_says_whether_the_election_is_on_or_what_it_waits_for() {
    for compat in BOTH {
        let mut node = leader_with_a_learner(|config| config.compat = compat);
        assert_eq!(node.transfer_leader(2).expect("alive"), TransferLeader::TimeoutNowSent);
        assert_eq!(texts(&node.settle_sent()), ["1->2 MsgTimeoutNow Term:1 Log:0/0"]);
        assert_eq!(node.transfer_leader(2).expect("alive"), TransferLeader::InProgress);
        assert_eq!(node.settle_sent(), []);

        let mut node = leader_with_a_learner(|config| config.compat = compat);
        node.propose("x").expect("a leader");
        node.settle();
        let catching_up = TransferLeader::CatchingUp { match_index: 1, last_index: 2 };
        assert_eq!(node.transfer_leader(2).expect("alive"), catching_up);
        assert_eq!(node.basic_status().lead_transferee, 2);
        assert_eq!(node.transfer_leader(2).expect("alive"), TransferLeader::InProgress);
        node.settle();
        let ack = raft_proto::Message { index: 2, ..from(2, MsgAppResp, 1) };
        node.step(ack).expect("honest");
        let sent = texts(&node.settle_sent());
        assert!(sent.contains(&"1->2 MsgTimeoutNow Term:1 Log:0/0".into()), "{sent:?}");
    }
}

#[test]
fn a_transfer_says_to_whom_the_request_was_sent() {
    let mut node = follower_of_2();
    assert_eq!(node.transfer_leader(3).expect("alive"), TransferLeader::Forwarded { leader: 2 });
    assert_eq!(texts(&node.settle_sent()), ["3->2 MsgTransferLeader Term:1 Log:0/0"]);
    // Only the leader knows who can take over.
    assert_eq!(node.transfer_leader(9).expect("alive"), TransferLeader::Forwarded { leader: 2 });
}

#[test]
fn a_transfer_that_comes_to_nothing_says_why_and_leaves_no_trace() {
    type Prepare = fn() -> RawNode<MemoryStorage>;
    let dropped = |term| TransferLeader::Dropped(DropReason::NoLeader { term });
    let refused = TransferLeader::Refused;
    let full = DropReason::TooManyMessages { queued: 1, limit: 1 };
    let storage_thread = raft_proto::LOCAL_APPEND_THREAD;
    let cases: [(Prepare, u64, TransferLeader); 9] = [
        (|| node_of(3, |_| {}), 2, dropped(0)),
        (|| campaigning_node(false), 2, dropped(1)),
        (|| campaigning_node(true), 2, dropped(0)),
        (full_node, 2, TransferLeader::Dropped(full)),
        (follower_of_2, 0, refused(TransferRefused::NotANode { transferee: 0 })),
        (
            || leader_with_a_learner(|_| {}),
            storage_thread,
            refused(TransferRefused::NotANode { transferee: storage_thread }),
        ),
        (
            || leader_with_a_learner(|_| {}),
            9,
            refused(TransferRefused::NotInConfiguration { transferee: 9 }),
        ),
        (|| leader_with_a_learner(|_| {}), 3, refused(TransferRefused::Learner { transferee: 3 })),
        (|| leader_with_a_learner(|_| {}), 1, refused(TransferRefused::AlreadyLeader)),
    ];
    for (prepare, transferee, outcome) in cases {
        let mut node = prepare();
        let before = node.digest();
        assert_eq!(node.transfer_leader(transferee).expect("alive"), outcome);
        assert_eq!(node.digest(), before, "{outcome:?}");
    }
}

/// A node that asks for votes, or whether it would get them.
fn campaigning_node(pre_vote: bool) -> RawNode<MemoryStorage> {
    let mut node = node_of(3, |config| config.pre_vote = pre_vote);
    node.campaign().expect("a voter");
    node
}

/// A follower whose messages wait to be taken.
fn full_node() -> RawNode<MemoryStorage> {
    let mut node = node_of(3, |config| config.max_queued_messages = 1);
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    node
}

#[test]
fn a_transfer_gives_way_to_a_later_one_and_is_called_off_by_naming_the_leader() {
    let mut node = leader_of(3, |_| {});
    node.propose("x").expect("a leader");
    node.settle();
    let catching_up = TransferLeader::CatchingUp { match_index: 1, last_index: 2 };
    for transferee in [2, 3] {
        assert_eq!(node.transfer_leader(transferee).expect("alive"), catching_up);
        assert_eq!(node.basic_status().lead_transferee, transferee);
    }
    let refused = TransferLeader::Refused(TransferRefused::AlreadyLeader);
    assert_eq!(node.transfer_leader(1).expect("alive"), refused);
    assert_eq!(node.basic_status().lead_transferee, 0);
    node.propose("y").expect("no transfer is under way");
}

#[test]
fn a_leader_is_forgotten_when_the_application_says_so() {
    let mut node = follower_of_2();
    assert_eq!(node.forget_leader().expect("alive"), ForgetLeader::Forgotten { leader: 2 });
    assert_eq!(node.basic_status().soft_state.leader_id, 0);
    assert_eq!(dropped(node.propose("x")), DropReason::NoLeader { term: 1 });
    assert_eq!(node.forget_leader().expect("alive"), ForgetLeader::NothingToForget);
    // It follows again as soon as it hears a leader.
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    assert_eq!(node.forget_leader().expect("alive"), ForgetLeader::Forgotten { leader: 2 });
}

#[test]
fn a_leader_that_is_not_forgotten_is_kept_for_a_reason() {
    type Prepare = fn() -> RawNode<MemoryStorage>;
    let refused = ForgetLeader::Refused;
    let cases: [(Prepare, ForgetLeader); 5] = [
        (|| node_of(3, |_| {}), ForgetLeader::NothingToForget),
        (loyal_follower_of_2, refused(ForgetRefused::LeaseBasedReads)),
        (|| leader_of(3, |_| {}), refused(ForgetRefused::Leads)),
        (|| campaigning_node(false), refused(ForgetRefused::Campaigns)),
        (|| campaigning_node(true), refused(ForgetRefused::Campaigns)),
    ];
    for (prepare, outcome) in cases {
        let mut node = prepare();
        let before = node.digest();
        assert_eq!(node.forget_leader().expect("alive"), outcome);
        assert_eq!(node.digest(), before, "{outcome:?}");
    }
}

/// A follower on whose refusal to vote the leader's lease rests.
fn loyal_follower_of_2() -> RawNode<MemoryStorage> {
    let mut node = node_of(3, |config| {
        (config.check_quorum, config.read_only) = (true, ReadOnlyOption::LeaseBased);
    });
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    node
}
