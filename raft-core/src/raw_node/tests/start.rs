//! The beginning of a group, and of a node that was there before.

use alloc::string::ToString;
use alloc::vec::Vec;

use raft_proto::{
    ConfChange, ConfChangeRequest, ConfChangeType, ConfState, Entries, EntryType, HardState,
    LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Snapshot,
};

use super::fixture::*;
use crate::bootstrap::Peer;
use crate::error::{BootstrapError, CampaignError, CampaignRefused, NewError};
use crate::event::{SlogObserver, StateRole};
use crate::mem_storage::MemoryStorage;
use crate::raw_node::RawNode;
use crate::{Compat, Config, ConfigError};

fn peers(ids: &[u64]) -> Vec<Peer> {
    ids.iter().map(|&id| Peer { id, ..Peer::default() }).collect()
}

fn blank() -> RawNode<MemoryStorage> {
    over(MemoryStorage::new(), |_| {})
}

/// Three entries of terms 1, 1, 2 of which two are committed.
fn stored() -> MemoryStorage {
    let mut storage = MemoryStorage::with_conf_state(group(1));
    storage.append(&entries(1, &[1, 1, 2])).expect("entries that follow");
    storage.set_hard_state(HardState { term: 2, vote: 1, commit: 2 });
    storage
}

/// etcd: TestRawNodeStart, TestNodeStart
#[test]
fn a_group_begins_with_one_change_for_each_member() {
    let mut node = blank();
    let first = Peer { id: 1, context: "one".into() };
    node.bootstrap(&[first, Peer { id: 2, ..Peer::default() }]).expect("an empty storage");
    assert_eq!(node.status().config.to_string(), "voters=(1 2)");

    let turn = node.turn();
    assert_eq!(turn.hard_state, Some(HardState { term: 1, vote: 0, commit: 2 }));
    assert!(turn.must_sync);
    let with_context = ConfChange::new(ConfChangeType::AddNode, 1).with_context("one");
    let plain = ConfChange::new(ConfChangeType::AddNode, 2);
    let expected: Entries = [with_context, plain]
        .into_iter()
        .zip(1..)
        .map(|(change, index)| {
            let mut entry = ConfChangeRequest::from(change).into_entry();
            (entry.term, entry.index) = (1, index);
            entry
        })
        .collect();
    assert_eq!(turn.entries, expected);
    // They are applied like any others, which changes nothing.
    assert_eq!(turn.committed, expected);
    assert_eq!(node.status().config.to_string(), "voters=(1 2)");
    assert_eq!(turn.messages, []);
    assert!(!node.has_ready());
}

/// etcd: TestRawNodeStart
#[test]
fn a_single_member_leads_and_starts_again_where_it_was() {
    let mut node = blank();
    node.bootstrap(&peers(&[1])).expect("an empty storage");
    // Its first configuration is a change like any other: it is applied first.
    match node.campaign() {
        Err(CampaignError::Refused(CampaignRefused::PendingConfChange)) => {}
        other => panic!("{other:?}"),
    }
    node.settle();
    node.campaign().expect("a voter");
    node.settle();
    assert_eq!(node.basic_status().soft_state.role, StateRole::Leader);
    assert_eq!(node.basic_status().hard_state, HardState { term: 2, vote: 1, commit: 2 });
    node.propose("x").expect("a leader");
    node.settle();

    // The configuration is the application's to keep; here the log tells it again.
    let mut storage = node.into_storage();
    let conf_state = Some(ConfState::new([1], []));
    storage.create_snapshot(1, conf_state, "state".into()).expect("something new");
    storage.compact(1).expect("something to compact");
    let mut node = over(storage, |_| {});
    assert_eq!(node.basic_status().hard_state, HardState { term: 2, vote: 1, commit: 3 });
    let applied: Vec<_> = node.settle().into_iter().flat_map(|turn| turn.committed).collect();
    assert_eq!(applied.iter().map(|entry| entry.index).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_bootstrap_that_cannot_be_leaves_the_node_as_it_was() {
    let refuse = |node: &mut RawNode<MemoryStorage>, ids: &[u64]| {
        let before = node.digest();
        let error = node.bootstrap(&peers(ids)).expect_err("impossible");
        assert_eq!(node.digest(), before);
        error
    };
    assert!(matches!(refuse(&mut blank(), &[]), BootstrapError::NoPeers));
    for id in [0, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD] {
        match refuse(&mut blank(), &[1, id]) {
            BootstrapError::InvalidPeer { id: named } => assert_eq!(named, id),
            other => panic!("{other}"),
        }
    }
    let mut again = blank();
    again.bootstrap(&peers(&[1])).expect("an empty storage");
    assert!(matches!(refuse(&mut again, &[1]), BootstrapError::NotEmpty));
    assert!(matches!(refuse(&mut over(stored(), |_| {}), &[1]), BootstrapError::NotEmpty));
}

#[test]
fn naming_a_member_twice_changes_nothing() {
    let mut node = blank();
    node.bootstrap(&peers(&[1, 2, 2])).expect("an empty storage");
    assert_eq!(node.status().config.to_string(), "voters=(1 2)");
    assert_eq!(node.turn().committed.len(), 3);
}

/// etcd: TestRawNodeRestart, TestNodeRestart
#[test]
fn a_node_that_starts_again_hands_out_what_is_committed_and_nothing_it_has_already() {
    let mut node = over(stored(), |_| {});
    assert_eq!(node.basic_status().hard_state, HardState { term: 2, vote: 1, commit: 2 });
    assert_eq!(node.basic_status().soft_state.role, StateRole::Follower);
    let turn = node.turn();
    assert_eq!(turn.committed, entries(1, &[1, 1]));
    assert_eq!((turn.hard_state, turn.soft_state), (None, None));
    assert!(turn.entries.is_empty() && !turn.must_sync);
    assert!(!node.has_ready());
}

#[test]
fn a_node_that_has_applied_before_is_not_handed_the_same_again() {
    let mut node = over(stored(), |config| config.applied = 1);
    assert_eq!(node.basic_status().applied, 1);
    assert_eq!(node.turn().committed, entries(2, &[1]));
    let node = over(stored(), |config| config.applied = 2);
    assert!(!node.has_ready());
}

/// etcd: TestRawNodeRestartFromSnapshot, TestNodeRestartFromSnapshot
#[test]
fn a_node_that_starts_from_a_snapshot_goes_on_behind_it() {
    let mut storage = MemoryStorage::new();
    let conf_state = ConfState::new([1, 2], []);
    storage.apply_snapshot(Snapshot::new(2, 1, conf_state, "state")).expect("the first");
    storage.append(&entries(3, &[1])).expect("entries that follow");
    storage.set_hard_state(HardState { term: 1, vote: 0, commit: 3 });
    let mut node = over(storage, |_| {});
    assert_eq!(node.basic_status().applied, 2);
    assert_eq!(node.status().config.to_string(), "voters=(1 2)");
    let turn = node.turn();
    assert_eq!(turn.committed, entries(3, &[1]));
    assert!(turn.snapshot.is_none() && turn.hard_state.is_none());
    assert!(!node.has_ready());
    // An application may say so, too.
    let node = over(node.into_storage(), |config| config.applied = 2);
    assert_eq!(node.basic_status().applied, 2);
}

#[test]
fn a_snapshot_that_was_received_is_where_the_next_start_goes_on() {
    let mut node = node_of(3, |_| {});
    let snapshot = Snapshot::new(9, 3, group(3), "state");
    let install = raft_proto::Message {
        snapshot: Some(snapshot.into()),
        ..from(2, raft_proto::MessageType::MsgSnap, 3)
    };
    node.step(install).expect("honest");
    node.settle();
    let node = over(node.into_storage(), |_| {});
    let status = node.basic_status();
    assert_eq!((status.applied, status.hard_state.term, status.hard_state.commit), (9, 3, 9));
    assert!(!node.has_ready());
}

// What a node does not start from.

fn refused(storage: MemoryStorage, change: impl FnOnce(&mut Config)) -> NewError {
    let mut config = Config::new(1);
    change(&mut config);
    let node = RawNode::with_observer(config, storage, SlogObserver::discard());
    node.expect_err("not a setup to start from")
}

#[test]
fn a_setting_that_breaks_a_rule_is_an_error() {
    let error = refused(MemoryStorage::new(), |config| config.id = 0);
    assert!(matches!(error, NewError::Config(ConfigError::IdIsNone)));
}

#[test]
fn a_commit_index_outside_the_log_is_an_error() {
    let state = |commit| HardState { term: 2, vote: 0, commit };
    let mut storage = stored();
    storage.set_hard_state(state(4));
    match refused(storage, |_| {}) {
        NewError::CommitOutOfRange { id: 1, commit: 4, low: 0, high: 3 } => {}
        other => panic!("{other}"),
    }
}

/// The snapshot is written before the hard state, so that a crash may leave an older word of what
/// is committed.
#[test]
fn what_a_snapshot_covers_is_committed_whatever_the_hard_state_says() {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(Snapshot::new(5, 1, group(1), "")).expect("the first");
    storage.set_hard_state(HardState { term: 2, vote: 1, commit: 4 });
    let node = over(storage, |_| {});
    let HardState { term, vote, commit } = node.basic_status().hard_state;
    assert_eq!((term, vote, commit), (2, 1, 5));
}

#[test]
fn an_applied_index_outside_of_the_log_is_an_error() {
    match refused(stored(), |config| config.applied = 4) {
        NewError::AppliedOutOfRange { id: 1, applied: 4, low: 0, high: 3 } => {}
        other => panic!("{other}"),
    }
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(Snapshot::new(5, 1, group(1), "")).expect("the first");
    storage.set_hard_state(HardState { term: 1, vote: 0, commit: 5 });
    match refused(storage, |config| config.applied = 4) {
        NewError::AppliedOutOfRange { id: 1, applied: 4, low: 5, high: 5 } => {}
        other => panic!("{other}"),
    }
}

/// A commit index alone need not be synced, so that a crash may leave an older one than the state
/// machine shows.
#[test]
fn what_was_applied_is_committed_here_and_an_error_there() {
    let mut node = over(stored(), |config| config.applied = 3);
    let status = node.basic_status();
    assert_eq!((status.applied, status.hard_state.commit), (3, 3));
    assert!(!node.has_ready(), "nothing is applied twice");
    node.campaign().expect("no change waits to be applied");

    match refused(stored(), |config| (config.applied, config.compat) = (3, Compat::Etcd)) {
        NewError::AppliedOutOfRange { id: 1, applied: 3, low: 0, high: 2 } => {}
        other => panic!("{other}"),
    }
}

#[test]
fn a_configuration_that_no_group_can_have_is_an_error() {
    for conf_state in [ConfState::new([1, 1], []), ConfState::new([1], [1])] {
        let error = refused(MemoryStorage::with_conf_state(conf_state), |_| {});
        assert!(matches!(error, NewError::ConfState(_)), "{error}");
    }
}

/// Its disk had room for the entries and not for the hard state: the first is then as in a new one.
#[test]
fn without_a_hard_state_nothing_is_committed_but_the_snapshot() {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(Snapshot::new(5, 1, group(1), "")).expect("the first");
    storage.append(&entries(6, &[1])).expect("entries that follow");
    let node = over(storage, |_| {});
    assert_eq!(node.basic_status().hard_state, HardState { term: 0, vote: 0, commit: 5 });
}

/// etcd: TestRawNodeProposeAddDuplicateNode, TestNodeProposeAddDuplicateNode
#[test]
fn adding_a_member_once_more_takes_an_entry_and_changes_nothing() {
    let mut node = blank();
    node.bootstrap(&peers(&[1])).expect("an empty storage");
    node.settle();
    node.elect();
    let add = |id| ConfChange::new(ConfChangeType::AddNode, id);
    for id in [1, 1, 2] {
        node.propose_conf_change(add(id)).expect("a leader");
        node.settle();
        if id == 2 {
            node.acknowledge_all();
        }
    }
    assert_eq!(node.status().config.to_string(), "voters=(1 2)");
    let log = node.raft.node.log.last_index();
    let mut stored = Entries::new();
    let purpose = crate::ReadPurpose::Apply;
    crate::Storage::entries(node.storage(), 1..log + 1, u64::MAX, purpose, &mut stored)
        .expect("memory");
    let kinds: Vec<_> = stored.iter().map(|entry| entry.kind()).collect();
    // The beginning, the leader's own, and the three.
    let changed = Ok(EntryType::ConfChange);
    assert_eq!(kinds, [changed, Ok(EntryType::Normal), changed, changed, changed]);
}
