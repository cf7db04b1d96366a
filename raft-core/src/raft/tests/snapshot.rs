//! Peers that need what is no longer in the log.

mod install;

use alloc::string::ToString;
use core::ops::Range;

use raft_proto::MessageType::{
    MsgAppResp, MsgHeartbeatResp, MsgSnapStatus, MsgUnreachable, MsgVoteResp,
};
use raft_proto::{ConfState, Entries, Message, Snapshot};

use super::fixture::*;
use crate::config::{Compat, Config};
use crate::error::StorageError;
use crate::mem_storage::MemoryStorage;
use crate::raft::Raft;
use crate::raft::transition::CampaignKind;
use crate::storage::{InitialState, ReadPurpose, Storage};
use crate::tracker::ProgressState;

/// A leader whose log starts after a snapshot at index 11, and leads term 2 with entry 12.
fn compacted(compat: Compat) -> Machine {
    Setup::of(2).compat(compat).snapshot(11, 1).leader()
}

/// Node 2 says that it has nothing.
fn empty_log() -> Message {
    from(2, MsgAppResp).term(2).index(11).hint(0, 0)
}

/// A leader that has sent its snapshot to node 2.
fn sending(compat: Compat) -> Machine {
    let mut leader = compacted(compat);
    leader.deliver(empty_log());
    leader.expect_sent(&[SNAPSHOT_SENT]);
    leader
}

const SNAPSHOT_SENT: &str = "1->2 MsgSnap Term:2 Log:0/0
  Snapshot: Index:11 Term:1 ConfState:Voters:[1 2] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false";

/// etcd: TestProvideSnap, TestSendingSnapshotSetPendingSnapshot
#[test]
fn a_peer_whose_entries_are_compacted_gets_a_snapshot() {
    for compat in BOTH {
        let leader = sending(compat);
        leader.expect_progress(2, "StateSnapshot match=0 next=12 paused pendingSnap=11");
    }
}

#[test]
fn the_sending_of_a_snapshot_is_told_with_the_state_before_and_after() {
    for compat in BOTH {
        let mut leader = compacted(compat);
        leader.deliver(empty_log());
        leader.take_sent();
        leader.expect_events(&[
            "1 received MsgAppResp(rejected, hint: (index 0, term 0)) from 2 for index 11",
            "1 decreased progress of 2 to [StateProbe match=0 next=1]",
            "1 [firstindex: 12, commit: 11] sent snapshot[index: 11, term: 1] to 2 \
             [StateProbe match=0 next=1]",
            "1 paused sending replication messages to 2 \
             [StateSnapshot match=0 next=12 paused pendingSnap=11]",
        ]);
    }
}

/// etcd: TestIgnoreProvidingSnap
#[test]
fn a_peer_that_is_not_active_gets_no_snapshot() {
    for compat in BOTH {
        let mut leader = compacted(compat);
        leader.deliver(empty_log());
        leader.take_sent();
        leader.progress_mut(2).become_probe();
        leader.progress_mut(2).next_index = 1;
        leader.progress_mut(2).recent_active = false;
        leader.take_events();
        leader.add("x");
        leader.expect_sent(&[]);
        leader.expect_events(&["ignore sending snapshot to 2 since it is not recently active"]);
        // It is as soon as it answers.
        leader.deliver(from(2, MsgHeartbeatResp).term(2));
        leader.expect_sent(&[SNAPSHOT_SENT]);
    }
}

/// A storage that has no snapshot at hand.
#[derive(Clone, Debug)]
struct Unready(MemoryStorage);

impl Storage for Unready {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.0.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.0.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.0.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.0.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.0.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        Err(StorageError::SnapshotTemporarilyUnavailable)
    }
}

#[test]
fn a_snapshot_that_is_not_at_hand_is_asked_for_again() {
    for compat in BOTH {
        let mut storage = MemoryStorage::new();
        storage.apply_snapshot(snapshot(11, 1, voters(&[1, 2]))).expect("the first");
        let config = Config { compat, ..Config::new(1) };
        let mut leader =
            Raft::new(config, Unready(storage), Recorder::default()).expect("a valid setup");
        leader.try_campaign(CampaignKind::Election).expect("storage").expect("a voter");
        for voter in [1, 2] {
            leader.step(&mut from(voter, MsgVoteResp).term(1)).expect("a vote");
        }
        leader.flush().expect("storage");
        leader.node.outbox.now.clear();
        leader.node.observer.take();

        leader.step(&mut from(2, MsgAppResp).term(1).index(11).hint(0, 0)).expect("honest");
        for _ in 0..2 {
            leader.flush().expect("no failure");
            assert!(leader.node.outbox.now.is_empty());
            let (level, text) = leader.node.observer.take().pop().expect("an event");
            assert_eq!(
                (level, &*text),
                (
                    crate::Level::Debug,
                    "1 failed to send snapshot to 2 because snapshot is temporarily unavailable"
                )
            );
            let progress = leader.node.tracker.progress.get(2).expect("a member");
            assert_eq!((progress.state, progress.next_index), (ProgressState::Probe, 1));
            leader.step(&mut from(2, MsgHeartbeatResp).term(1)).expect("honest");
        }
    }
}

/// etcd: TestPendingSnapshotPauseReplication
#[test]
fn nothing_is_sent_to_a_peer_that_waits_for_its_snapshot() {
    for compat in BOTH {
        let mut leader = sending(compat);
        leader.add("x");
        leader.expect_sent(&[]);
        // Heartbeats are.
        leader.pass(1);
        leader.expect_sent(&["1->2 MsgHeartbeat Term:2 Log:0/0"]);
        leader.deliver(from(2, MsgHeartbeatResp).term(2));
        leader.expect_sent(&[]);
    }
}

/// etcd: TestSnapshotFailure
#[test]
fn a_snapshot_that_failed_is_tried_again_from_what_is_known() {
    for compat in BOTH {
        let mut leader = sending(compat);
        leader.take_events();
        leader.deliver(from(2, MsgSnapStatus).reject());
        leader.expect_events(&[
            "1 snapshot failed, resumed sending replication messages to 2 [StateProbe match=0 next=1]",
        ]);
        leader.expect_progress(2, "StateProbe match=0 next=1 paused");
        leader.add("x");
        leader.expect_sent(&[]);
        // With its next word the peer gets another.
        leader.deliver(from(2, MsgHeartbeatResp).term(2));
        leader.expect_sent(&[SNAPSHOT_SENT]);
    }
}

/// etcd: TestSnapshotSucceed
#[test]
fn after_a_snapshot_that_arrived_the_log_is_probed_behind_it() {
    for compat in BOTH {
        let mut leader = sending(compat);
        leader.take_events();
        leader.deliver(from(2, MsgSnapStatus));
        leader.expect_events(&[
            "1 snapshot succeeded, resumed sending replication messages to 2 [StateProbe match=0 next=12]",
        ]);
        leader.expect_progress(2, "StateProbe match=0 next=12 paused");
        leader.expect_sent(&[]);
        leader.deliver(from(2, MsgHeartbeatResp).term(2));
        leader.expect_sent(&[
            "1->2 MsgApp Term:2 Log:1/11 Commit:11 Entries:[2/12 EntryNormal \"\"]",
        ]);
    }
}

/// etcd: TestSnapshotAbort
#[test]
fn a_peer_that_reaches_the_log_by_itself_needs_no_snapshot() {
    for compat in BOTH {
        let mut leader = sending(compat);
        leader.take_events();
        // It reports the snapshot's index before the application says that it was sent.
        leader.acknowledge(2, 11);
        leader.expect_event(
            "1 recovered from needing snapshot, resumed sending replication messages to 2 \
             [StateSnapshot match=11 next=12 paused pendingSnap=11]",
        );
        leader.expect_sent(&[
            "1->2 MsgApp Term:2 Log:1/11 Commit:11 Entries:[2/12 EntryNormal \"\"]",
        ]);
        leader.expect_progress(2, "StateReplicate match=11 next=13 inflight=1");
        // The late report finds nothing to do.
        leader.deliver(from(2, MsgSnapStatus).reject());
        leader.expect_progress(2, "StateReplicate match=11 next=13 inflight=1");
    }
}

/// Whichever snapshot it was that brought it there.
#[test]
fn any_position_from_which_the_log_goes_on_ends_the_wait() {
    for compat in BOTH {
        let mut leader = sending(compat);
        leader.node.log.storage_mut().compact(12).expect("something to compact");
        // Too little: entry 12 is gone by now.
        leader.acknowledge(2, 11);
        leader.expect_progress(2, "StateSnapshot match=11 next=12 paused pendingSnap=11");
        leader.expect_sent(&[]);
        leader.acknowledge(2, 12);
        assert_eq!(leader.progress(2).state, ProgressState::Replicate);
    }
}

#[test]
fn reports_about_a_peer_that_waits_for_no_snapshot_change_nothing() {
    for message in [from(2, MsgSnapStatus), from(2, MsgSnapStatus).reject()] {
        let mut leader = steady_leader_of(2);
        let before = leader.image();
        leader.deliver(message);
        assert_eq!(leader.image(), before);
    }
    let leader = {
        let mut leader = sending(Compat::Strict);
        leader.deliver(from(2, MsgUnreachable));
        leader
    };
    leader.expect_progress(2, "StateSnapshot match=0 next=12 paused pendingSnap=11");
}

/// etcd: TestLearnerReceiveSnapshot
#[test]
fn a_learner_that_needs_a_snapshot_is_sent_one() {
    for compat in BOTH {
        let group = ConfState::new([1], [2]);
        let setup = |id| Setup::in_group(group.clone()).id(id).compat(compat);
        let mut network = Network::new([setup(1).snapshot(11, 11), setup(2)]);
        network.campaign(1);
        network.tick(1, 1);
        assert_eq!((network.commit(1), network.commit(2)), (12, 12));
        assert_eq!(network.log_terms(2), [12], "the rest came as a snapshot");
        assert_eq!(network.node(2).status().config.to_string(), "voters=(1) learners=(2)");
    }
}

/// etcd: TestSlowNodeRestore
#[test]
fn a_node_that_was_away_catches_up_by_snapshot_and_log() {
    for compat in BOTH {
        let mut network = Network::configured(3, |config| {
            config.compat = compat;
            // What is compacted is not at hand either.
            config.recent_entries_bytes = 0;
        });
        network.campaign(1);
        network.isolate(3);
        for _ in 0..10 {
            network.propose(1, "x");
        }
        network.compact(1);
        network.propose(1, "after");
        network.recover();
        // It has to be heard first.
        network.tick(1, 1);
        let mut expected = alloc::vec!["x"; 10];
        expected.push("after");
        network.expect_applied(3, &expected);
        assert_eq!(network.commit(3), network.commit(1));
        // The entries up to the snapshot never came.
        assert_eq!(network.log_terms(3).len(), 1);
        network.propose(1, "more");
        expected.push("more");
        network.expect_applied(3, &expected);
    }
}
