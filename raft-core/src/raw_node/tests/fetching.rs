//! A storage that has to fetch what it is asked for.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::Range;

use raft_proto::MessageType::{MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp};
use raft_proto::{Entries, HardState, Message, Snapshot};

use super::fixture::*;
use crate::error::{CampaignError, CampaignRefused, StorageError};
use crate::mem_storage::MemoryStorage;
use crate::raw_node::RawNode;
use crate::storage::{InitialState, ReadPurpose, Storage};

/// A storage whose entries are far away until they have been fetched.
#[derive(Clone, Debug)]
struct Remote {
    inner: MemoryStorage,
    fetched: Cell<bool>,
    asked: RefCell<Vec<ReadPurpose>>,
}

impl Memory for Remote {
    fn memory(&mut self) -> &mut MemoryStorage {
        &mut self.inner
    }
}

impl Storage for Remote {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        self.inner.initial_state()
    }

    fn entries(
        &self,
        range: Range<u64>,
        max_size: u64,
        purpose: ReadPurpose,
        out: &mut Entries,
    ) -> Result<(), StorageError> {
        if !self.fetched.get() {
            self.asked.borrow_mut().push(purpose);
            return Err(StorageError::LogTemporarilyUnavailable);
        }
        self.inner.entries(range, max_size, purpose, out)
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

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        self.inner.snapshot()
    }
}

/// Node 1 of three, over a log of terms 1, 1, 1, all of it committed.
fn node(compat: crate::Compat) -> RawNode<Remote> {
    let mut inner = MemoryStorage::with_conf_state(group(3));
    inner.append(&entries(1, &[1, 1, 1])).expect("entries that follow");
    inner.set_hard_state(HardState { term: 1, vote: 0, commit: 3 });
    let remote = Remote { inner, fetched: Cell::new(false), asked: RefCell::default() };
    over(remote, |config| config.compat = compat)
}

impl Remote {
    #[track_caller]
    fn expect_asked(&self, expected: &[ReadPurpose]) {
        assert_eq!(self.asked.take(), expected);
    }
}

#[test]
fn committed_entries_are_handed_out_when_they_have_been_fetched() {
    for compat in BOTH {
        let mut node = node(compat);
        assert!(node.has_ready());
        assert!(node.turn().committed.is_empty());
        node.storage().expect_asked(&[ReadPurpose::Apply]);
        // Nobody asks again until it is told that they are there, whatever else happens.
        assert!(!node.has_ready());
        node.step(Message { commit: 3, ..from(2, MsgHeartbeat, 1) }).expect("honest");
        assert!(node.turn().committed.is_empty());
        node.storage().expect_asked(&[]);

        node.storage().fetched.set(true);
        node.on_entries_fetched(ReadPurpose::Apply).expect("alive");
        assert!(node.has_ready());
        assert_eq!(node.turn().committed, entries(1, &[1, 1, 1]));
        assert_eq!(node.basic_status().applied, 3);
    }
}

/// They may be gone again, or never have been there.
#[test]
fn a_fetch_that_brought_nothing_is_asked_for_again() {
    let mut node = node(crate::Compat::Strict);
    node.turn();
    node.storage().expect_asked(&[ReadPurpose::Apply]);
    node.on_entries_fetched(ReadPurpose::Apply).expect("alive");
    assert!(node.turn().committed.is_empty());
    node.storage().expect_asked(&[ReadPurpose::Apply]);
}

#[test]
fn a_peer_is_sent_entries_when_they_have_been_fetched() {
    for compat in BOTH {
        let mut node = node(compat);
        node.storage().fetched.set(true);
        node.elect();
        node.report_unreachable(2);
        node.storage().fetched.set(false);

        // Node 2 lacks what only the storage has.
        let progress = node.raft.node.tracker.progress.get_mut(2).expect("a member");
        (progress.match_index, progress.next_index) = (1, 2);
        node.step(from(2, MsgHeartbeatResp, 2)).expect("honest");
        assert!(node.settle_sent().is_empty());
        let purpose = ReadPurpose::Append { to: 2 };
        node.storage().expect_asked(&[purpose]);

        // Others are served meanwhile.
        node.propose("x").expect("a leader");
        let sent = node.settle_sent();
        assert!(sent.iter().all(|m| m.to == 3), "{:?}", texts(&sent));

        node.storage().fetched.set(true);
        node.on_entries_fetched(purpose).expect("alive");
        let sent = node.settle_sent();
        let shape: Vec<_> = sent.iter().map(|m| (m.kind(), m.to, m.index)).collect();
        assert_eq!(shape, [(Ok(MsgApp), 2, 1)]);
        assert_eq!(sent[0].entries.len(), 4);
    }
}

#[test]
fn what_was_fetched_for_a_peer_comes_too_late_for_one_that_leads_no_more() {
    let mut node = node(crate::Compat::Strict);
    node.storage().fetched.set(true);
    node.elect();
    node.step(from(2, MsgHeartbeat, 3)).expect("honest");
    node.settle();
    let before = node.digest();
    node.on_entries_fetched(ReadPurpose::Append { to: 2 }).expect("alive");
    assert_eq!(node.digest(), before);
    assert!(!node.has_ready());
}

/// What cannot be looked at may be a change.
#[test]
fn a_node_that_would_have_to_fetch_does_not_campaign() {
    let mut node = node(crate::Compat::Strict);
    match node.campaign() {
        Err(CampaignError::Refused(CampaignRefused::PendingConfChange)) => {}
        other => panic!("{other:?}"),
    }
    node.storage().expect_asked(&[ReadPurpose::Scan]);
    node.storage().fetched.set(true);
    node.campaign().expect("there is none");
}

/// Terms and checks for conflicts are answered at once: an append is never put off.
#[test]
fn a_follower_takes_appends_without_fetching() {
    let mut node = node(crate::Compat::Strict);
    node.turn();
    node.storage().expect_asked(&[ReadPurpose::Apply]);
    node.step(append(2, 2, (1, 3), entries(4, &[2]))).expect("honest");
    let turn = node.turn();
    assert_eq!(texts(&turn.vouching), ["1->2 MsgAppResp Term:2 Log:0/4"]);
    node.storage().expect_asked(&[]);
    assert_eq!(turn.vouching[0].kind(), Ok(MsgAppResp));
}
