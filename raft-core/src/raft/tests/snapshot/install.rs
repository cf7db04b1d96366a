//! What a node does with a snapshot that it is sent.

use raft_proto::MessageType::MsgSnap;
use raft_proto::{ConfState, Message, Snapshot};

use crate::event::StateRole::{Candidate, Follower};
use crate::raft::tests::fixture::*;

/// Node 2 leads in the snapshot's term.
fn sent(snapshot: Snapshot) -> Message {
    from(2, MsgSnap).term(snapshot.term()).snapshot(snapshot)
}

/// etcd: TestRestore, TestRestoreFromSnapMsg
#[test]
fn a_snapshot_replaces_log_and_configuration() {
    for compat in BOTH {
        let mut node = Setup::of(2).compat(compat).log(&[1, 1]).at(1, 0, 1).follower();
        node.deliver(sent(snapshot(11, 11, voters(&[1, 2, 3]))));
        assert_eq!((node.node.log.last_id().index, node.node.log.last_id().term), (11, 11));
        assert_eq!(node.node.log.committed(), 11);
        assert_eq!(node.node.log.first_index().expect("storage"), 12);
        assert_eq!(node.config(), "voters=(1 2 3)");
        node.expect_role(Follower, 11, 2);
        node.expect_events(&[
            "1 [term: 1] received a MsgSnap message with higher term from 2 [term: 11]",
            "1 became follower at term 11",
            "log [committed=1, applied=0, applying=0, unstable.offset=3, \
             unstable.offsetInProgress=3, len(unstable.Entries)=0] starts to restore snapshot \
             [index: 11, term: 11]",
            "1 switched to configuration voters=(1 2 3)",
            "1 [commit: 11, lastindex: 11, lastterm: 11] restored snapshot [index: 11, term: 11]",
            "1 [commit: 11] restored snapshot [index: 11, term: 11]",
        ]);
        // It answers when the snapshot is on disk, and applies nothing before.
        node.expect_sent(&[]);
        assert!(node.apply().is_empty());
        let answers = node.persist();
        assert_eq!(texts(&answers), ["1->2 MsgAppResp Term:11 Log:0/11"]);
        assert_eq!(node.node.log.applied(), 11);
    }
}

#[test]
fn the_log_goes_on_behind_a_snapshot_that_is_not_on_disk_yet() {
    let mut node = follower_of(2);
    node.deliver(sent(snapshot(11, 1, voters(&[1, 2]))));
    node.deliver(append(2, 1, (1, 11), &[1, 1]).commit(13));
    node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/11", "1->2 MsgAppResp Term:1 Log:0/13"]);
    assert!(node.apply().is_empty(), "first the snapshot");
    node.persist();
    assert_eq!(node.apply().len(), 2);
    assert_eq!(node.node.log.applied(), 13);
}

/// etcd: TestRestoreWithLearner, TestLearnerReceiveSnapshot
#[test]
fn a_snapshot_brings_learners_too() {
    let conf_state = || ConfState::new([1, 2], [3]);
    let mut learner = Setup::in_group(conf_state()).id(3).follower();
    learner.deliver(sent(snapshot(11, 11, conf_state())));
    assert_eq!(learner.config(), "voters=(1 2) learners=(3)");
    let kinds: alloc::vec::Vec<_> =
        learner.full_tracker().progress.iter().map(|(id, p)| (id, p.is_learner)).collect();
    assert_eq!(kinds, [(1, false), (2, false), (3, true)]);
    assert!(!learner.node.is_promotable());
    // It gets there without having been a member before.
    let mut joiner = Setup::in_group(ConfState::default()).id(3).follower();
    joiner.deliver(sent(snapshot(11, 11, conf_state())));
    assert_eq!(joiner.config(), "voters=(1 2) learners=(3)");
}

/// etcd: TestRestoreWithVotersOutgoing
#[test]
fn a_snapshot_of_a_joint_configuration_makes_the_node_joint() {
    let joint = ConfState {
        voters: [2, 3, 4].into(),
        voters_outgoing: [1, 2, 3].into(),
        learners: [6].into(),
        learners_next: [1].into(),
        auto_leave: true,
    };
    let mut node = follower_of(2);
    node.deliver(sent(snapshot(11, 11, joint)));
    assert_eq!(node.config(), "voters=(2 3 4)&&(1 2 3) learners=(6) learners_next=(1) autoleave");
    // Only the outgoing half names it; it votes until that half goes.
    assert_eq!(node.full_tracker().progress.get(1).map(|p| p.is_learner), Some(false));
    node.persist();
    assert!(node.node.is_promotable());
}

/// etcd: TestRestoreVoterToLearner
#[test]
fn a_voter_may_find_itself_a_learner() {
    let mut node = Setup::of(2).id(2).follower();
    node.deliver(sent_by_1(snapshot(11, 11, ConfState::new([1], [2]))));
    assert_eq!(node.config(), "voters=(1) learners=(2)");
    node.persist();
    assert!(!node.node.is_promotable());
}

/// etcd: TestRestoreLearnerPromotion
#[test]
fn a_learner_may_find_itself_a_voter() {
    let mut node = Setup::in_group(ConfState::new([1], [2])).id(2).follower();
    node.deliver(sent_by_1(snapshot(11, 11, voters(&[1, 2]))));
    assert_eq!(node.config(), "voters=(1 2)");
    node.persist();
    assert!(node.node.is_promotable());
}

fn sent_by_1(snapshot: Snapshot) -> Message {
    from(1, MsgSnap).term(snapshot.term()).snapshot(snapshot)
}

/// etcd: TestRestoreIgnoreSnapshot
#[test]
fn a_snapshot_that_says_nothing_new_is_answered_with_the_commit_index() {
    for compat in BOTH {
        let mut node = Setup::of(2).compat(compat).log(&[1, 1, 1]).at(1, 0, 2).follower();
        for index in [0, 1, 2] {
            node.deliver(sent(snapshot(index, 1, voters(&[1, 2]))));
            node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/2"]);
        }
        let ignored = "1 [commit: 2] ignored snapshot [index: 2, term: 1]";
        node.expect_event(ignored);
        assert_eq!(node.log_terms(), [1, 1, 1]);
    }
}

/// etcd: TestRestoreIgnoreSnapshot
#[test]
fn a_snapshot_of_what_the_log_holds_only_commits_it() {
    for compat in BOTH {
        let mut node = Setup::of(2).compat(compat).log(&[1, 1, 1]).at(1, 0, 1).follower();
        node.deliver(sent(snapshot(2, 1, voters(&[1, 2, 3]))));
        assert_eq!((node.log_terms(), node.node.log.committed()), ([1, 1, 1].into(), 2));
        // The changes up to there come with the entries themselves.
        assert_eq!(node.config(), "voters=(1 2)");
        node.expect_events(&[
            "1 [commit: 1, lastindex: 3, lastterm: 1] fast-forwarded commit to snapshot \
             [index: 2, term: 1]",
            "1 [commit: 2] ignored snapshot [index: 2, term: 1]",
        ]);
        node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/2"]);
        assert!(node.node.log.unstable().snapshot().is_none());
    }
}

#[test]
fn a_snapshot_of_another_history_replaces_a_log_that_reaches_as_far() {
    let mut node = Setup::of(2).log(&[1, 1, 1]).at(1, 0, 1).follower();
    node.deliver(sent(snapshot(2, 2, voters(&[1, 2]))));
    assert_eq!(node.node.log.last_index(), 2);
    assert_eq!(node.node.log.last_id().term, 2);
    node.expect_vouching(&["1->2 MsgAppResp Term:2 Log:0/2"]);
}

#[test]
fn a_snapshot_of_a_group_without_this_node_is_ignored() {
    for compat in BOTH {
        let mut node = Setup::of(2).compat(compat).follower();
        // Being a learner next does not count, which takes a place among the outgoing voters.
        node.deliver(sent(snapshot(11, 1, voters(&[2, 3]))));
        assert_eq!((node.node.log.last_index(), node.node.log.committed()), (0, 0));
        assert_eq!(node.config(), "voters=(1 2)");
        node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/0"]);
        node.expect_event("1 [commit: 0] ignored snapshot [index: 11, term: 1]");
    }
}

#[test]
fn a_message_without_a_snapshot_is_an_old_one() {
    let mut node = Setup::of(2).log(&[1, 1]).at(1, 0, 2).follower();
    node.deliver(from(2, MsgSnap).term(1));
    node.expect_vouching(&["1->2 MsgAppResp Term:1 Log:0/2"]);
}

#[test]
fn a_candidate_that_is_sent_a_snapshot_follows_and_installs_it() {
    let mut node = candidate_of(3);
    node.expect_role(Candidate, 1, 0);
    node.deliver(sent(snapshot(11, 1, voters(&[1, 2, 3]))));
    node.expect_role(Follower, 1, 2);
    assert_eq!(node.node.log.committed(), 11);
}

/// A leader that was sent one before it was elected can pass it on before it has read it back.
#[test]
fn a_later_snapshot_replaces_one_that_is_not_on_disk_yet() {
    let mut node = follower_of(2);
    node.deliver(sent(snapshot(11, 1, voters(&[1, 2]))));
    node.deliver(append(2, 1, (1, 11), &[1]));
    node.deliver(sent(snapshot(20, 1, voters(&[1, 2, 3]))));
    assert_eq!(node.node.log.last_index(), 20);
    node.persist();
    assert_eq!(node.node.log.applied(), 20);
    assert_eq!(node.config(), "voters=(1 2 3)");
}
