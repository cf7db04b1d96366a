//! How much is handed out at once, and how much may wait.

use alloc::vec;
use alloc::vec::Vec;

use raft_proto::{Entries, Entry, HardState, Message, MessageType, entry_encoded_size};

use super::fixture::*;
use crate::error::{DropReason, ProposeError, StepError};
use crate::mem_storage::MemoryStorage;
use crate::storage::{InitialState, ReadPurpose, Storage};
use crate::{RawNode, StorageError};

/// The indexes that were handed out to be applied, a list for each batch that had any.
fn pages<S: Memory>(node: &mut RawNode<S>) -> Vec<Vec<u64>> {
    let turns = node.settle();
    let pages = turns.iter().map(|turn| turn.committed.iter().map(|entry| entry.index).collect());
    pages.filter(|page: &Vec<u64>| !page.is_empty()).collect()
}

fn payload(bytes: usize) -> Vec<u8> {
    vec![b'a'; bytes]
}

/// etcd: TestCommitPagination
#[test]
fn committed_entries_come_in_pages_of_the_configured_size() {
    // An entry of 1000 bytes takes 1007 encoded, the leader's own 4.
    for (limit, expected) in [
        (2048, vec![vec![2, 3], vec![4, 5], vec![6]]),
        (2013, vec![vec![2], vec![3], vec![4], vec![5], vec![6]]),
        (2014, vec![vec![2, 3], vec![4, 5], vec![6]]),
        // One always comes.
        (1, vec![vec![2], vec![3], vec![4], vec![5], vec![6]]),
        (u64::MAX, vec![vec![2, 3, 4, 5, 6]]),
    ] {
        for compat in BOTH {
            let mut node = leader_of(1, |config| {
                (config.max_committed_size_per_ready, config.compat) = (limit, compat);
            });
            let batch = (0..5).map(|_| payload(1000).into());
            node.propose_batch(batch).expect("a leader");
            assert_eq!(pages(&mut node), expected, "limit {limit}");
        }
    }
}

/// A page is out until it is acknowledged, and counts against the next.
#[test]
fn the_size_counts_what_is_not_acknowledged_yet() {
    let mut node = leader_of(1, |config| config.max_committed_size_per_ready = 2048);
    node.propose_batch((0..3).map(|_| payload(1000).into())).expect("a leader");
    node.turn();
    let ready = node.ready().expect("work");
    let done = ready.persisted();
    assert_eq!(done.committed_entries().len(), 2);
    // The third is committed, and there is no room for it.
    assert!(!node.raft.node.log.has_next_committed(crate::log::AllowUnstable::Yes));
    node.advance(done).expect("its own");
    assert_eq!(node.turn().committed.len(), 1);
}

/// A storage that gives less than it is asked for, as it may.
#[derive(Clone, Debug)]
struct Stingy {
    inner: MemoryStorage,
    max_size: u64,
}

impl Memory for Stingy {
    fn memory(&mut self) -> &mut MemoryStorage {
        &mut self.inner
    }
}

impl Storage for Stingy {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.inner.initial_state()
    }

    fn entries(
        &self,
        range: core::ops::Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.inner.entries(range, max_size.min(self.max_size), purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.inner.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.inner.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.inner.last_index()
    }

    fn snapshot(&self) -> Result<raft_proto::Snapshot, StorageError> {
        self.inner.snapshot()
    }
}

/// A storage that cuts a page shorter than asked must not make the node skip what follows.
///
/// etcd: TestRawNodeCommitPaginationAfterRestart, TestNodeCommitPaginationAfterRestart
#[test]
fn no_entry_is_left_out_when_the_storage_gives_less() {
    let mut inner = MemoryStorage::with_conf_state(group(1));
    let log: Entries = (1..=10).map(|index| Entry::new(1, index, "a")).collect();
    inner.append(&log).expect("entries that follow");
    inner.set_hard_state(HardState { term: 1, vote: 1, commit: 10 });
    let one = entry_encoded_size(&Entry::new(1, 1, "a"));
    let mut node = over(Stingy { inner, max_size: 3 * one }, |config| {
        config.max_committed_size_per_ready = 9 * one;
    });
    // A message may come between two pages.
    let first = node.turn();
    assert_eq!(first.committed.len(), 3);
    let heartbeat = from(2, raft_proto::MessageType::MsgHeartbeat, 1);
    node.step(Message { commit: 10, ..heartbeat }).expect("honest");
    let rest: Vec<u64> = pages(&mut node).concat();
    assert_eq!(rest, (4..=10).collect::<Vec<_>>());
}

/// A leader that reaches nobody holds no more than its quota.
///
/// etcd: TestRawNodeBoundedLogGrowthWithPartition
#[test]
fn a_leader_without_followers_stops_taking_proposals_at_its_quota() {
    for compat in BOTH {
        const ENTRIES: u64 = 16;
        let data = "testdata";
        let quota = ENTRIES * data.len() as u64;
        let mut node = leader_of(3, |config| {
            (config.max_uncommitted_size, config.compat) = (quota, compat);
        });
        let mut refused = 0;
        for _ in 0..1024 {
            match node.propose(data) {
                Ok(_) => {}
                Err(ProposeError::Dropped(DropReason::QuotaExceeded { uncommitted, .. })) => {
                    assert_eq!(uncommitted, quota);
                    refused += 1;
                }
                Err(other) => panic!("{other}"),
            }
            node.settle();
        }
        assert_eq!(refused, 1024 - ENTRIES);
        assert_eq!(node.raft.node.log.last_index(), 1 + ENTRIES);

        // When the others are back, all of it is committed and applied, and there is room.
        node.acknowledge_all();
        assert_eq!(node.basic_status().applied, 1 + ENTRIES);
        for _ in 0..ENTRIES {
            node.propose(data).expect("room");
        }
        assert!(node.propose(data).is_err());
    }
}

/// Nobody takes what is waiting: at some point no more may be queued.
#[test]
fn messages_that_nobody_takes_are_limited() {
    let mut node = leader_of(3, |config| config.max_queued_messages = 10);
    let mut dropped = 0;
    for _ in 0..100 {
        node.tick();
        let heartbeat_answer = from(2, raft_proto::MessageType::MsgHeartbeatResp, 1);
        if node.step(heartbeat_answer).is_err() {
            dropped += 1;
        }
        node.propose("x").ok();
    }
    let queued = node.raft.node.outbox.len();
    // One call may pass the limit by what it has for each peer.
    assert!(queued <= 10 + 2, "{queued}");
    assert!(dropped > 0);
    match node.propose("x") {
        Err(ProposeError::Dropped(DropReason::TooManyMessages { limit: 10, .. })) => {}
        other => panic!("{other:?}"),
    }
    // Taking them makes room.
    node.settle();
    node.propose("x").expect("room");
}

/// What waits for the disk counts like the rest.
#[test]
fn answers_that_nobody_takes_are_limited() {
    let mut node = node_of(3, |config| config.max_queued_messages = 3);
    let empty = append(2, 1, (0, 0), entries(1, &[]));
    for _ in 0..3 {
        node.step(empty.clone()).expect("room");
    }
    match node.step(empty) {
        Err(StepError::Dropped(DropReason::TooManyMessages { queued: 3, limit: 3 })) => {}
        other => panic!("{other:?}"),
    }
}

/// A request that was forwarded bears the name of whoever asked first, or claims to.
#[test]
fn forwarded_requests_in_the_name_of_the_node_itself_do_not_pass_a_full_queue() {
    for kind in [MessageType::MsgProp, MessageType::MsgReadIndex, MessageType::MsgTransferLeader] {
        let mut node = node_of(3, |config| config.max_queued_messages = 3);
        node.step(from(2, MessageType::MsgHeartbeat, 1)).expect("from the leader");
        let stepped = (0..10).map(|_| {
            let entries = Entry::proposal("x").into();
            node.step(Message { entries, from: node.id(), ..Message::new(kind) })
        });
        let taken = stepped.filter(Result::is_ok).count();
        assert!(taken < 4, "{taken} of {kind}");
    }
}
