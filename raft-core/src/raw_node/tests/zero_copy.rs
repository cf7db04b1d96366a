//! A payload stays where the application has put it, from the proposal to the last follower.

use alloc::vec::Vec;

use bytes::Bytes;
use raft_proto::MessageType::MsgApp;
use raft_proto::{Entries, Entry, Message};

use super::fixture::*;
use crate::config::Compat;
use crate::mem_storage::MemoryStorage;
use crate::storage::{ReadPurpose, Storage};

/// Where the payload of entry `index` is, and where the entry itself.
#[track_caller]
fn place(entries: &Entries, index: u64) -> (*const u8, *const Entry) {
    let entry = entries.iter().find(|entry| entry.index == index).expect("the entry");
    (entry.data.as_ptr(), entry)
}

/// Where the storage keeps it.
#[track_caller]
fn stored(storage: &MemoryStorage, index: u64) -> (*const u8, *const Entry) {
    let mut entries = Entries::new();
    storage.entries(index..index + 1, u64::MAX, ReadPurpose::Apply, &mut entries).expect("memory");
    place(&entries, index)
}

fn appends(messages: &[Message]) -> impl Iterator<Item = &Message> {
    messages.iter().filter(|m| m.kind() == Ok(MsgApp) && !m.entries.is_empty())
}

fn payload() -> Bytes {
    Bytes::from(Vec::from(*b"a payload that is too long to be kept in place"))
}

#[test]
fn a_payload_is_never_copied() {
    for compat in BOTH {
        let proposed = payload();
        let mut leader = leader_of(3, |config| config.compat = compat);
        leader.propose(proposed.clone()).expect("a leader");
        let turn = leader.turn();
        let at = place(&turn.entries, 2);
        assert_eq!(at.0, proposed.as_ptr());

        // To every follower, to the leader's own storage, and to its state machine: the same
        // entry, not only the same payload.
        let sent: Vec<&Message> = appends(&turn.messages).collect();
        assert_eq!(sent.len(), 2);
        for message in &sent {
            assert_eq!(place(&message.entries, 2), at);
        }
        assert_eq!(stored(leader.storage(), 2), at);

        let mut follower = node_of(3, |config| (config.id, config.compat) = (2, compat));
        follower.step(append(1, 1, (0, 0), entries(1, &[1]))).expect("honest");
        follower.settle();
        follower.step(sent[0].clone()).expect("honest");
        let received = follower.turn();
        assert_eq!(place(&received.entries, 2), at);
        assert_eq!(stored(follower.storage(), 2), at);

        leader.step(received.vouching[0].clone()).expect("honest");
        let turns = leader.settle();
        let applied = turns.iter().find(|turn| !turn.committed.is_empty()).expect("committed");
        assert_eq!(place(&applied.committed, 2), at);

        let told = turns.iter().flat_map(|turn| &turn.messages).find(|m| m.to == 2);
        follower.step(told.expect("the commit index").clone()).expect("honest");
        let turns = follower.settle();
        let applied = turns.iter().find(|turn| !turn.committed.is_empty()).expect("committed");
        assert_eq!(place(&applied.committed, 2), at);
    }
}

#[test]
fn a_payload_is_never_copied_on_the_asynchronous_face() {
    for compat in BOTH {
        let proposed = payload();
        let mut leader = async_node_of(3, |config| config.compat = compat);
        leader.elect();
        leader.propose(proposed.clone()).expect("a leader");
        let [peers, mut writes, _] = leader.work();
        let write = writes.pop().expect("a write");
        let at = place(&write.entries, 2);
        assert_eq!(at.0, proposed.as_ptr());
        for message in appends(&peers) {
            assert_eq!(place(&message.entries, 2), at);
        }
        let responses = leader.write(&write);
        leader.respond(responses);
        assert_eq!(stored(leader.storage(), 2), at);

        let mut follower = async_node_of(3, |config| (config.id, config.compat) = (2, compat));
        follower.step(append(1, 1, (0, 0), entries(1, &[1]))).expect("honest");
        follower.settle();
        let message = appends(&peers).next().expect("an append");
        follower.step(Message { commit: 2, ..message.clone() }).expect("honest");
        let [_, mut writes, _] = follower.work();
        let write = writes.pop().expect("a write");
        assert_eq!(place(&write.entries, 2), at);
        let responses = follower.write(&write);
        follower.respond(responses);
        assert_eq!(stored(follower.storage(), 2), at);
        let [_, _, mut applies] = follower.work();
        let apply = applies.pop().expect("something to apply");
        assert_eq!(place(&apply.entries, 2), at);
        assert_eq!(place(&apply.responses[0].entries, 2), at);
    }
}

/// A batch is one piece, for whoever gets it.
#[test]
fn a_batch_of_proposals_is_shared_as_one_segment() {
    let mut leader = leader_of(3, |_| {});
    let payloads: Vec<Bytes> = (0..64).map(|_| payload()).collect();
    leader.propose_batch(payloads.clone()).expect("a leader");
    let turn = leader.turn();
    assert_eq!(turn.entries.segments().len(), 1);
    for (index, proposed) in (2..).zip(&payloads) {
        let at = place(&turn.entries, index);
        assert_eq!(at.0, proposed.as_ptr());
        for message in appends(&turn.messages) {
            assert_eq!(place(&message.entries, index), at);
        }
    }
}

/// Proposals that come one by one until the batch is taken too.
#[test]
fn proposals_gather_in_one_segment() {
    let mut leader = leader_of(3, |config| config.compat = Compat::Strict);
    for _ in 0..64 {
        leader.propose(payload()).expect("a leader");
    }
    let turn = leader.turn();
    assert_eq!((turn.entries.len(), turn.entries.segments().len()), (64, 1));
    for message in appends(&turn.messages) {
        assert!(message.entries.segments()[0].ptr_eq(&turn.entries.segments()[0]));
    }
}

/// What is read back to be sent to a follower that lags is shared with the storage too.
#[test]
fn a_follower_that_lags_gets_what_the_storage_holds() {
    let proposed = payload();
    let mut leader = leader_of(3, |_| {});
    leader.propose(proposed.clone()).expect("a leader");
    leader.settle();
    leader.report_unreachable(3);
    leader.step(from(3, raft_proto::MessageType::MsgHeartbeatResp, 1)).expect("honest");
    let sent = leader.settle_sent();
    let again = appends(&sent).next().expect("an append");
    assert_eq!(place(&again.entries, 2), stored(leader.storage(), 2));
    assert_eq!(place(&again.entries, 2).0, proposed.as_ptr());
}

/// A forwarded proposal too.
#[test]
fn a_proposal_is_forwarded_where_it_is() {
    let proposed = payload();
    let mut follower = node_of(3, |config| config.id = 2);
    follower.step(append(1, 1, (0, 0), entries(1, &[1]))).expect("honest");
    follower.settle();
    follower.propose(proposed.clone()).expect("a leader");
    let forwarded = follower.turn().messages.pop().expect("the proposal");
    assert_eq!(forwarded.entries.first().map(|entry| entry.data.as_ptr()), Some(proposed.as_ptr()));
    let mut leader = leader_of(3, |_| {});
    leader.step(forwarded).expect("honest");
    assert_eq!(place(&leader.turn().entries, 2).0, proposed.as_ptr());
}

/// A read's context comes back as it went in.
#[test]
fn the_context_of_a_read_is_not_copied_either() {
    let context = payload();
    let mut node = leader_of(1, |_| {});
    node.read_index(context.clone()).expect("alive");
    assert_eq!(node.turn().reads[0].request_ctx.as_ptr(), context.as_ptr());
}
