//! What can be seen of a node from outside.

use alloc::string::ToString;
use alloc::vec::Vec;

use raft_proto::MessageType::{MsgHeartbeat, MsgVote};
use raft_proto::{ConfState, HardState, MessageType};

use super::fixture::*;
use crate::event::StateRole;
use crate::mem_storage::MemoryStorage;
use crate::ready::SoftState;
use crate::status::{BasicStatus, ProgressKind};
use crate::tracker::ProgressState;
use crate::types::EntryId;

/// etcd: TestRawNodeStatus
#[test]
fn a_status_shows_the_progress_of_members_to_the_leader_only() {
    let mut node = node_of(1, |_| {});
    assert_eq!(node.status().progress, []);
    node.elect();
    let status = node.status();
    let own = node.raft.node.tracker.progress.get(1).expect("a member").clone();
    assert_eq!(own.match_index, 1);
    assert_eq!(status.progress, [(1, own)]);
    assert_eq!(status.config, node.raft.node.tracker.config);
    let basic = BasicStatus {
        id: 1,
        hard_state: HardState { term: 1, vote: 1, commit: 1 },
        soft_state: SoftState { leader_id: 1, role: StateRole::Leader },
        applied: 1,
        lead_transferee: 0,
    };
    assert_eq!(status.basic, basic);
    assert_eq!(node.basic_status(), basic);
}

#[test]
fn a_status_reads_as_json() {
    let follower = node_of(3, |config| config.id = 0x1f);
    assert_eq!(
        follower.status().to_string(),
        r#"{"id":"1f","term":0,"vote":"0","commit":0,"lead":"0","raftState":"StateFollower","applied":0,"progress":{},"leadtransferee":"0"}"#
    );
    let mut leader = over(MemoryStorage::with_conf_state(ConfState::new([1, 0xab], [3])), |_| {});
    leader.elect();
    leader.step(from(0xab, MessageType::MsgAppResp, 1)).expect("honest");
    leader.propose("x").expect("a leader");
    leader.transfer_leader(0xab).expect("alive");
    leader.settle();
    assert_eq!(
        leader.status().to_string(),
        concat!(
            r#"{"id":"1","term":1,"vote":"1","commit":1,"lead":"1","raftState":"StateLeader","#,
            r#""applied":1,"progress":{"1":{"match":2,"next":3,"state":"StateReplicate"},"#,
            r#""3":{"match":1,"next":3,"state":"StateReplicate"},"#,
            r#""ab":{"match":1,"next":3,"state":"StateReplicate"}},"leadtransferee":"ab"}"#,
        )
    );
}

#[test]
fn members_are_shown_in_ascending_order_in_any_role() {
    let storage = MemoryStorage::with_conf_state(ConfState::new([9, 1], [4]));
    let mut node = over(storage, |_| {});
    for leads in [false, true] {
        if leads {
            node.elect();
        }
        let mut seen = Vec::new();
        node.with_progress(|id, kind, progress| seen.push((id, kind, progress.state)));
        let others = if leads { ProgressState::Replicate } else { ProgressState::Probe };
        assert_eq!(
            seen,
            [
                (1, ProgressKind::Peer, others),
                (4, ProgressKind::Learner, others),
                (9, ProgressKind::Peer, others),
            ]
        );
    }
}

#[test]
fn configuration_and_end_of_the_log_are_shown_as_they_are_now() {
    let mut node = leader_of(3, |_| {});
    assert_eq!(node.last_entry_id(), EntryId::new(1, 1));
    node.propose("x").expect("a leader");
    assert_eq!(node.last_entry_id(), EntryId::new(1, 2), "not persisted yet");
    let terms = [0, 1, 2, 3].map(|index| node.term_at(index).expect("storage"));
    assert_eq!(terms, [Some(0), Some(1), Some(1), None]);
    assert_eq!(node.configuration().to_string(), "voters=(1 2 3)");
    node.apply_conf_change(&change("l4")).expect("possible");
    assert_eq!(node.configuration().to_string(), "voters=(1 2 3) learners=(4)");
}

#[test]
fn the_transferee_is_shown_while_it_is_awaited() {
    let mut node = leader_of(3, |_| {});
    node.transfer_leader(2).expect("alive");
    assert_eq!(node.basic_status().lead_transferee, 2);
    (0..10).for_each(|_| node.tick());
    assert_eq!(node.basic_status().lead_transferee, 0);
}

/// Two nodes are the same when they will do the same: whatever makes a difference shows.
#[test]
fn the_digest_tells_nodes_apart_by_all_that_matters() {
    let digest = |change: fn(&mut crate::RawNode<MemoryStorage>)| {
        let mut node = leader_of(3, |_| {});
        change(&mut node);
        node.digest()
    };
    let digests = [
        digest(|_| {}),
        digest(|node| node.tick()),
        digest(|node| drop(node.propose("x"))),
        digest(|node| drop(node.propose("y"))),
        digest(|node| drop(node.read_index("x"))),
        digest(|node| drop(node.transfer_leader(2))),
        digest(|node| node.report_unreachable(2)),
        digest(|node| drop(node.apply_conf_change(&change("l4")))),
        digest(|node| drop(node.step(from(2, MessageType::MsgHeartbeat, 2)))),
        digest(|node| drop(node.ready())),
        digest(|node| node.set_randomized_election_timeout(node_timeout(node)).expect("in range")),
    ];
    for (at, one) in digests.iter().enumerate() {
        assert!(!digests[at + 1..].contains(one), "{at}");
    }
    // What is the same by whatever way is the same.
    assert_eq!(digest(|_| {}), digest(|node| drop(node.clone().propose("x"))));
}

#[test]
fn a_digest_without_timeouts_leaves_out_timeouts_and_nothing_else() {
    let mut drew_more = node_of(3, |_| {});
    // To campaign draws a timeout, and so does to follow; the vote is that of a follower again.
    drew_more.campaign().expect("a voter");
    drew_more.settle();
    let mut drew_less = node_of(3, |_| {});
    for node in [&mut drew_more, &mut drew_less] {
        node.step(from(2, MsgHeartbeat, 2)).expect("honest");
        node.settle();
    }
    assert_ne!(drew_more.digest(), drew_less.digest());
    assert_eq!(drew_more.digest_without_timeouts(), drew_less.digest_without_timeouts());

    let before = drew_less.digest_without_timeouts();
    drew_less.set_randomized_election_timeout(node_timeout(&drew_less)).expect("in range");
    assert_eq!(drew_less.digest_without_timeouts(), before);
    let changes: [fn(&mut crate::RawNode<MemoryStorage>); 4] = [
        |node| node.tick(),
        |node| assert!(node.forget_leader().is_ok()),
        |node| node.step(from(2, MsgVote, 3)).expect("honest"),
        |node| assert!(node.read_index("x").is_ok()),
    ];
    for change in changes {
        let mut changed = drew_less.clone();
        change(&mut changed);
        assert_ne!(changed.digest_without_timeouts(), before);
    }
}

/// Another timeout than the one that was drawn.
fn node_timeout(node: &crate::RawNode<MemoryStorage>) -> u32 {
    match node.raft.node.randomized_election_timeout {
        10 => 11,
        _ => 10,
    }
}

#[test]
fn an_election_timeout_can_be_set_within_what_could_be_drawn() {
    let mut node = node_of(3, |_| {});
    for ticks in [10, 15, 19] {
        node.set_randomized_election_timeout(ticks).expect("in range");
        assert_eq!(node.raft.node.randomized_election_timeout, ticks);
    }
    for ticks in [0, 9, 20, u32::MAX] {
        let error = node.set_randomized_election_timeout(ticks).expect_err("out of range");
        assert_eq!((error.ticks, error.low, error.high), (ticks, 10, 19));
    }
    assert_eq!(node.raft.node.randomized_election_timeout, 19);
}

#[test]
fn the_storage_comes_back() {
    let mut node = leader_of(1, |_| {});
    node.propose("x").expect("a leader");
    node.settle();
    let storage = node.into_storage();
    assert_eq!(crate::Storage::last_index(&storage).expect("memory"), 2);
    assert_eq!(storage.hard_state().commit, 2);
}
