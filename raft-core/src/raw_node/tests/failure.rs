//! A storage that fails at its n-th call, for every n and in every request: the node has failed
//! then, says so from there on, and hands out nothing.

use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::cell::Cell;
use core::fmt;
use core::ops::Range;

use raft_proto::MessageType::{
    MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgSnap, MsgTimeoutNow, MsgVoteResp,
};
use raft_proto::{
    ConfChangeRequest, ConfState, Entries, Entry, HardState, LOCAL_APPLY_THREAD, Message,
    MessageType, Snapshot,
};

use super::fixture::*;
use crate::config::{Compat, Config};
use crate::error::{
    AdvanceError, ApplyConfChangeError, BootstrapError, CampaignError, NewError, ProposeError,
    ReadyError, StepError, StorageError,
};
use crate::event::SlogObserver;
use crate::mem_storage::MemoryStorage;
use crate::raw_node::{AsyncRawNode, RawNode};
use crate::storage::{InitialState, ReadPurpose, Storage};

/// A storage that counts its calls, and fails at one of them.
#[derive(Clone, Debug)]
struct Faulty {
    inner: MemoryStorage,
    calls: Rc<Cell<usize>>,
    fails_at: Option<usize>,
    /// Given instead of the one there is.
    snapshot: Option<Snapshot>,
}

#[derive(Debug)]
struct Broken(usize);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broken at call {}", self.0)
    }
}

impl core::error::Error for Broken {}

impl Faulty {
    fn over(inner: MemoryStorage) -> Self {
        Self { inner, calls: Rc::default(), fails_at: None, snapshot: None }
    }

    fn call(&self) -> Result<(), StorageError> {
        let call = self.calls.get() + 1;
        self.calls.set(call);
        match self.fails_at {
            Some(at) if at == call => Err(StorageError::Other(Arc::new(Broken(call)))),
            _ => Ok(()),
        }
    }

    /// Counts from 0 again, and fails at call `at`.
    fn fail_at(&mut self, at: Option<usize>) {
        self.calls = Rc::default();
        self.fails_at = at;
    }
}

impl Memory for Faulty {
    fn memory(&mut self) -> &mut MemoryStorage {
        &mut self.inner
    }
}

impl Storage for Faulty {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.call()?;
        self.inner.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        self.call()?;
        self.inner.entries(range, max_size, purpose, out)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        self.call()?;
        self.inner.term(index)
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        self.call()?;
        self.inner.first_index()
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        self.call()?;
        self.inner.last_index()
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.call()?;
        self.snapshot.clone().map_or_else(|| self.inner.snapshot(), Ok)
    }
}

type Fragile = RawNode<Faulty>;

/// The text of the storage's error, if that is what came back.
type Failed = Result<(), String>;

trait Failure {
    fn failure(self) -> Failed;
}

macro_rules! failures {
    ($($error:ident),+) => {$(
        impl<T> Failure for Result<T, $error> {
            fn failure(self) -> Failed {
                match self {
                    Err($error::Poisoned(poisoned)) => Err(poisoned.to_string()),
                    _ => Ok(()),
                }
            }
        }
    )+};
}

failures!(
    AdvanceError,
    ApplyConfChangeError,
    BootstrapError,
    CampaignError,
    ProposeError,
    ReadyError,
    StepError
);

impl<T> Failure for Result<T, crate::Poisoned> {
    fn failure(self) -> Failed {
        self.map(drop).map_err(|poisoned| poisoned.to_string())
    }
}

/// Node 1 of three, over a log of terms 1, 1, 2, 2 after a snapshot at index 4 of term 1, all of
/// it on disk, up to index 6 committed; under etcd's rules, by which requests read the storage
/// themselves.
fn node(change: impl FnOnce(&mut Config)) -> Fragile {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(Snapshot::new(4, 1, group(3), "state")).expect("the first");
    storage.append(&entries(5, &[1, 1, 2, 2])).expect("entries that follow");
    storage.set_hard_state(HardState { term: 2, vote: 0, commit: 6 });
    over(Faulty::over(storage), |config| {
        config.compat = Compat::Etcd;
        change(config);
    })
}

fn strict() -> Fragile {
    node(|config| config.compat = Compat::Strict)
}

/// It leads term 3, and has entry 9 of that term, which the others have not acknowledged.
fn leader(mut node: Fragile) -> Fragile {
    node.campaign().expect("a voter");
    node.settle();
    node.step(from(2, MsgVoteResp, 3)).expect("a vote");
    node.settle();
    node
}

fn acknowledge(node: &mut Fragile, peer: u64, index: u64) -> Failed {
    node.step(Message { index, ..from(peer, MsgAppResp, 3) }).failure()
}

/// A leader that knows where node 2 is, and of nothing on its way to node 3.
fn probing() -> Fragile {
    let mut node = leader(node(|_| {}));
    acknowledge(&mut node, 2, 7).expect("no failure yet");
    node.settle();
    node.step(from(3, MsgHeartbeatResp, 3)).expect("honest");
    node.settle();
    node
}

fn rejection(peer: u64, hint: (u64, u64)) -> Message {
    let (log_term, reject_hint) = hint;
    Message { index: 8, reject: true, log_term, reject_hint, ..from(peer, MsgAppResp, 3) }
}

/// A request, the node before it, and what it answers.
struct Request {
    name: &'static str,
    prepare: fn() -> Fragile,
    make: fn(&mut Fragile) -> Failed,
}

const REQUESTS: &[Request] = &[
    Request {
        name: "campaign: what is committed and not applied is looked through",
        prepare: || node(|config| config.max_committed_size_per_ready = 1),
        make: |node| node.campaign().failure(),
    },
    Request {
        name: "tick: the timer starts a campaign",
        prepare: || {
            let mut node = node(|_| {});
            node.set_randomized_election_timeout(10).expect("in range");
            (0..9).for_each(|_| node.tick());
            node
        },
        // A tick answers nothing: the next batch does.
        make: |node| {
            node.tick();
            node.ready().failure()
        },
    },
    Request {
        name: "MsgTimeoutNow: so does the leader",
        prepare: || node(|_| {}),
        make: |node| node.step(from(2, MsgTimeoutNow, 2)).failure(),
    },
    Request {
        name: "MsgApp: where it fits is looked up",
        prepare: || node(|_| {}),
        make: |node| node.step(append(2, 3, (1, 6), entries(7, &[2, 3]))).failure(),
    },
    Request {
        name: "MsgApp: where it does not fit, a better place is looked for",
        prepare: || node(|_| {}),
        make: |node| node.step(append(2, 3, (1, 8), entries(9, &[3]))).failure(),
    },
    Request {
        name: "MsgSnap: whether the log has it is looked up",
        prepare: || node(|_| {}),
        make: |node| {
            let snapshot = Snapshot::new(7, 1, group(3), "state");
            let m = Message { snapshot: Some(snapshot.into()), ..from(2, MsgSnap, 2) };
            node.step(m).failure()
        },
    },
    Request {
        name: "MsgVoteResp: a new leader looks up where its peers are probed",
        prepare: || {
            let mut node = node(|_| {});
            node.settle();
            node.campaign().expect("a voter");
            node.settle();
            node
        },
        make: |node| node.step(from(2, MsgVoteResp, 3)).failure(),
    },
    Request {
        name: "MsgAppResp: what a peer lacks is read",
        prepare: || leader(node(|_| {})),
        make: |node| acknowledge(node, 2, 6),
    },
    Request {
        name: "MsgAppResp: a rejection is compared with the log, and answered from it",
        prepare: || leader(node(|_| {})),
        make: |node| node.step(rejection(2, (1, 7))).failure(),
    },
    Request {
        name: "MsgAppResp: a peer that lacks what is compacted gets a snapshot",
        prepare: || leader(node(|_| {})),
        make: |node| node.step(rejection(2, (0, 1))).failure(),
    },
    Request {
        name: "MsgAppResp: whether a snapshot was enough is looked up",
        prepare: || {
            let mut node = leader(node(|_| {}));
            node.step(rejection(2, (0, 1))).expect("honest");
            node.settle();
            node
        },
        make: |node| acknowledge(node, 2, 5),
    },
    Request {
        name: "MsgHeartbeatResp: what was lost is sent again",
        prepare: || {
            let mut node = leader(node(|_| {}));
            acknowledge(&mut node, 2, 6).expect("no failure yet");
            node.report_unreachable(2);
            node.settle();
            node
        },
        make: |node| node.step(from(2, MsgHeartbeatResp, 3)).failure(),
    },
    Request {
        name: "propose: it is sent behind what is read",
        prepare: || {
            let mut node = probing();
            acknowledge(&mut node, 2, 7).expect("no failure yet");
            node.report_unreachable(2);
            node
        },
        make: |node| node.propose("x").failure(),
    },
    Request {
        name: "propose_conf_change: so is a change",
        prepare: || {
            let mut node = probing();
            node.report_unreachable(2);
            node
        },
        make: |node| node.propose_conf_change(change("v4")).failure(),
    },
    Request {
        name: "transfer_leader: the transferee is sent what it lacks",
        prepare: || {
            let mut node = probing();
            node.report_unreachable(2);
            node
        },
        make: |node| {
            node.transfer_leader(2).failure()?;
            node.ready().failure()
        },
    },
    Request {
        name: "apply_conf_change: a new member is sent the last entry",
        prepare: || leader(node(|_| {})),
        make: |node| node.apply_conf_change(&change("l4")).failure(),
    },
    Request {
        name: "on_entries_fetched: they are read and sent",
        prepare: || {
            let mut node = probing();
            node.report_unreachable(2);
            node
        },
        make: |node| node.on_entries_fetched(ReadPurpose::Append { to: 2 }).failure(),
    },
    Request {
        name: "ready: committed entries are read",
        prepare: || node(|_| {}),
        make: |node| node.ready().failure(),
    },
    Request {
        name: "ready: what peers are due is read",
        prepare: || {
            let mut node = leader(strict());
            acknowledge(&mut node, 2, 6).expect("no failure yet");
            node
        },
        make: |node| node.ready().failure(),
    },
    Request {
        name: "ready: a snapshot that a peer is due is read",
        prepare: || {
            let mut node = leader(strict());
            node.step(rejection(2, (0, 1))).expect("honest");
            node
        },
        make: |node| node.ready().failure(),
    },
    Request {
        name: "advance: the commit index that the own write brings is sent to all",
        prepare: || {
            let mut node = leader(node(|_| {}));
            // Entry 10 waits for nothing but the leader's own write. Node 3 is probed far behind.
            acknowledge(&mut node, 2, 9).expect("no failure yet");
            node.settle();
            node.propose("x").expect("a leader");
            acknowledge(&mut node, 2, 10).expect("no failure yet");
            node.step(rejection(3, (1, 5))).expect("honest");
            node.step(from(3, MsgHeartbeatResp, 3)).expect("honest");
            node.raft.node.tracker.progress.get_mut(3).expect("a member").append_paused = false;
            node
        },
        make: |node| {
            let ready = node.ready().map_err(|error| error.to_string())?;
            assert_eq!(node.storage().calls.get(), 0, "nothing is read before");
            node.storage_mut().memory().append(ready.entries()).expect("entries that follow");
            node.advance(ready.persisted()).failure()
        },
    },
    Request {
        name: "bootstrap: whether the storage is empty is looked up",
        prepare: || over(Faulty::over(MemoryStorage::new()), |_| {}),
        make: |node| node.bootstrap(&[crate::Peer { id: 1, ..crate::Peer::default() }]).failure(),
    },
];

/// Every later call gives this error, and changes nothing.
#[track_caller]
fn expect_dead(node: &mut Fragile, error: &str) {
    let before = node.digest();
    let gone = |outcome: Failed| assert_eq!(outcome, Err(error.into()));
    for _ in 0..2 {
        assert!(node.has_ready(), "a loop that only looks here learns of it");
        gone(node.ready().failure());
        gone(node.step(from(2, MsgHeartbeat, 9)).failure());
        gone(node.campaign().failure());
        gone(node.propose("x").failure());
        gone(node.propose_conf_change(change("v4")).failure());
        gone(node.apply_conf_change(&change("v4")).failure());
        gone(node.read_index("ctx").failure());
        gone(node.transfer_leader(2).failure());
        gone(node.forget_leader().failure());
        gone(node.on_entries_fetched(ReadPurpose::Apply).failure());
        gone(node.bootstrap(&[]).failure());
        node.tick();
        node.report_unreachable(2);
        node.report_snapshot(2, crate::SnapshotStatus::Failure);
    }
    assert_eq!(node.digest(), before);
    assert_eq!(node.status().basic, node.basic_status(), "it can still be looked at");
}

#[test]
fn wherever_the_storage_fails_the_node_has_failed_for_good() {
    for request in REQUESTS {
        let mut healthy = (request.prepare)();
        healthy.storage_mut().fail_at(None);
        let calls = Rc::clone(&healthy.storage().calls);
        (request.make)(&mut healthy).expect("nothing fails");
        assert!(calls.get() > 0, "{}: it does not ask the storage", request.name);

        for at in 1..=calls.get() {
            let mut node = (request.prepare)();
            node.storage_mut().fail_at(Some(at));
            let error = (request.make)(&mut node)
                .expect_err(&alloc::format!("{}: call {at} failed", request.name));
            let broken = alloc::format!("the node has failed: storage failed: broken at call {at}");
            assert_eq!(error, broken, "{}", request.name);
            expect_dead(&mut node, &broken);
        }
    }
}

/// Before the request that fails something was queued already: that does not leave either.
#[test]
fn nothing_that_was_queued_before_leaves_a_failed_node() {
    let mut node = leader(node(|_| {}));
    node.propose("queued").expect("a leader");
    node.storage_mut().fail_at(Some(1));
    acknowledge(&mut node, 2, 6).expect_err("the first call fails");
    assert!(node.ready().is_err());
    assert!(node.ready().is_err(), "and not the second time either");
}

#[test]
fn a_node_is_not_built_over_a_storage_that_fails() {
    let mut storage = MemoryStorage::new();
    storage.apply_snapshot(Snapshot::new(4, 1, group(3), "state")).expect("the first");
    let build = |fails_at| {
        let mut storage = Faulty::over(storage.clone());
        storage.fail_at(fails_at);
        let calls = Rc::clone(&storage.calls);
        let node = Fragile::with_observer(Config::new(1), storage, SlogObserver::discard());
        (node, calls.get())
    };
    let (node, calls) = build(None);
    node.expect("nothing fails");
    assert!(calls >= 4, "its state, the ends of its log, and the last term");
    for at in 1..=calls {
        match build(Some(at)).0 {
            Err(NewError::Storage(StorageError::Other(error))) => {
                assert_eq!(error.to_string(), alloc::format!("broken at call {at}"));
            }
            other => panic!("call {at}: {other:?}"),
        }
    }
}

/// The apply thread's answer makes a leader of a joint configuration propose to leave it.
#[test]
fn a_response_of_a_storage_thread_can_end_a_node_too() {
    let prepare = || {
        let mut storage = MemoryStorage::new();
        let joint = ConfState {
            voters: [1, 2].into(),
            voters_outgoing: [1, 3].into(),
            auto_leave: true,
            ..ConfState::default()
        };
        storage.apply_snapshot(Snapshot::new(4, 1, joint, "state")).expect("the first");
        storage.append(&entries(5, &[1])).expect("entries that follow");
        storage.set_hard_state(HardState { term: 1, vote: 0, commit: 5 });
        let config = Config { compat: Compat::Etcd, ..Config::new(1) };
        let observer = SlogObserver::discard();
        let mut node = AsyncRawNode::with_observer(config, Faulty::over(storage), observer)
            .expect("a valid setup");
        node.campaign().expect("a voter");
        for voter in [1, 2, 3] {
            node.step(from(voter, MsgVoteResp, 2)).expect("a vote");
        }
        // Node 2 is probed at an entry that only the storage has.
        let unpaused = node.raft.node.tracker.progress.get_mut(2).expect("a member");
        (unpaused.append_paused, unpaused.next_index) = (false, 5);
        drop(node.ready().expect("work"));
        node
    };
    let applied = || Message {
        entries: entries(5, &[1]),
        ..from(LOCAL_APPLY_THREAD, MessageType::MsgStorageApplyResp, 0)
    };
    let mut healthy = prepare();
    healthy.storage_mut().fail_at(None);
    let calls = Rc::clone(&healthy.storage().calls);
    healthy.step(applied()).expect("nothing fails");
    assert_eq!(healthy.raft.node.log.last_index(), 7, "it proposes to leave");
    assert!(calls.get() > 0);
    for at in 1..=calls.get() {
        let mut node = prepare();
        node.storage_mut().fail_at(Some(at));
        let error = node.step(applied()).failure().expect_err("the call failed");
        assert!(node.has_ready());
        assert_eq!(node.ready().failure(), Err(error));
    }
}

/// Some answers of a storage are no failure.
#[test]
fn what_a_storage_may_answer_ends_no_node() {
    let mut node = leader(node(|_| {}));
    // Compacted meanwhile, and the snapshot is not there yet.
    node.storage_mut().inner.compact(7).expect("something to compact");
    node.step(rejection(2, (1, 6))).expect("honest");
    assert!(node.settle_sent().iter().all(|m| m.kind() != Ok(MsgApp)));
    node.propose("x").expect("alive");
}

/// A storage that breaks its word is no better than one that fails.
#[test]
fn a_storage_that_gives_other_entries_than_asked_for_ends_the_node() {
    let mut node = node(|_| {});
    let fresh = MemoryStorage::with_conf_state(group(3));
    node.storage_mut().inner = fresh;
    let error = node.ready().failure().expect_err("the committed entries are gone");
    expect_dead(&mut node, &error);
}

#[test]
fn entries_that_are_compacted_before_they_are_applied_end_the_node() {
    type Ask = fn(&mut Fragile) -> Failed;
    let asks: [(Ask, &str); 2] = [
        (|node| node.ready().failure(), "committed entries are compacted, not applied"),
        (|node| node.campaign().failure(), "entries are compacted, not applied"),
    ];
    for (ask, broken) in asks {
        let mut node = node(|_| {});
        node.storage_mut().inner.compact(5).expect("something to compact");
        let error = ask(&mut node).expect_err("entry 5 is committed, and gone");
        assert!(error.ends_with(broken), "{error}");
        expect_dead(&mut node, &error);
    }
}

#[test]
fn an_empty_snapshot_to_send_ends_the_node() {
    let mut node = leader(node(|_| {}));
    node.storage_mut().snapshot = Some(Snapshot::default());
    let error = node.step(rejection(2, (0, 1))).failure().expect_err("it covers nothing");
    assert!(error.ends_with("a snapshot to send is empty"), "{error}");
    expect_dead(&mut node, &error);
}

/// Only a storage ends a node; a message never does.
#[test]
fn an_entry_that_nobody_understands_ends_no_node() {
    let mut node = node(|_| {});
    let garbage = Entry { entry_type: Some(2), ..Entry::new(3, 9, "garbage") };
    let message = append(2, 3, (2, 8), Entries::from(garbage));
    node.step(Message { commit: 9, ..message }).expect("a follower does not look into entries");
    let done = node.ready().expect("alive").persisted();
    let last = done.committed_entries().last().expect("the entry");
    assert!(ConfChangeRequest::from_entry(last).is_err());
    node.advance(done).expect("its own");
}
