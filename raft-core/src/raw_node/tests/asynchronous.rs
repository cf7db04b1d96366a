//! The face on which writing and applying are messages.

use alloc::vec;
use alloc::vec::Vec;

use raft_proto::MessageType::{
    self, MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgSnap, MsgStorageAppendResp,
    MsgStorageApplyResp, MsgVote,
};
use raft_proto::{
    ConfChangeRequest, ConfState, Entries, HardState, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD,
    Message, Snapshot,
};

use super::fixture::*;
use crate::error::{DropReason, Refusal, StepError};
use crate::event::StateRole;
use crate::mem_storage::MemoryStorage;
use crate::raw_node::AsyncRawNode;
use crate::read_index::ReadState;
use crate::ready::SoftState;

fn follower() -> AsyncRawNode<MemoryStorage> {
    async_node_of(3, |_| {})
}

fn leader() -> AsyncRawNode<MemoryStorage> {
    let mut node = follower();
    node.elect();
    node
}

/// The only message in `messages`.
#[track_caller]
fn only(messages: Vec<Message>) -> Message {
    assert_eq!(messages.len(), 1, "{:?}", texts(&messages));
    messages.into_iter().next().expect("one")
}

fn response(kind: MessageType, term: u64) -> Message {
    let thread = match kind {
        MsgStorageAppendResp => LOCAL_APPEND_THREAD,
        _ => LOCAL_APPLY_THREAD,
    };
    from(thread, kind, term)
}

/// Nothing of it is written, so that no thread has to hear of it.
#[test]
fn leader_role_and_reads_are_in_the_batch_itself() {
    let mut node = leader();
    node.read_index("kept").expect("alive");
    let sent = node.settle();
    let confirmed = Message { context: sent[0].context.clone(), ..from(2, MsgHeartbeatResp, 1) };
    node.step(confirmed).expect("honest");
    let ready = node.ready().expect("work");
    assert_eq!(ready.soft_state(), None);
    assert_eq!(ready.read_states(), [ReadState { index: 1, request_ctx: "kept".into() }]);
    assert!(ready.lost_reads().is_empty());
    assert!(ready.messages().is_empty());

    node.read_index("lost").expect("alive");
    node.settle();
    node.step(from(2, MsgHeartbeat, 2)).expect("honest");
    let ready = node.ready().expect("work");
    assert_eq!(ready.soft_state(), Some(&SoftState { leader_id: 2, role: StateRole::Follower }));
    assert!(ready.read_states().is_empty());
    assert_eq!(ready.lost_reads(), ["lost"]);
    assert_eq!(texts(&ready.messages()[..1]), ["1->2 MsgHeartbeatResp Term:2 Log:0/0"]);
}

#[test]
fn a_write_is_a_message_with_what_vouches_for_it() {
    let mut node = follower();
    node.step(from(2, MsgVote, 1)).expect("honest");
    node.step(append(2, 1, (0, 0), entries(1, &[1, 1]))).expect("honest");
    let [peers, appends, applies] = node.work();
    assert!(peers.is_empty() && applies.is_empty());
    let message = only(appends);
    assert_eq!((message.from, message.to), (1, LOCAL_APPEND_THREAD));
    let written = (message.term, message.vote, message.commit);
    assert_eq!(written, (1, 2, 0));
    assert_eq!(message.entries, entries(1, &[1, 1]));
    // In the order in which they came, and the node's own last.
    assert_eq!(
        texts(&message.responses),
        [
            "1->2 MsgVoteResp Term:1 Log:0/0",
            "1->2 MsgAppResp Term:1 Log:0/2",
            "AppendThread->1 MsgStorageAppendResp Term:1 Log:1/2",
        ]
    );
}

#[test]
fn the_hard_state_is_whole_or_absent() {
    let mut node = follower();
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    let [_, appends, _] = node.work();
    let message = only(appends);
    assert_eq!((message.term, message.vote, message.commit), (1, 0, 0));
    assert!(message.responses.is_empty(), "nothing depends on it");

    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let [_, appends, _] = node.work();
    let message = only(appends);
    assert_eq!((message.term, message.vote, message.commit), (0, 0, 0), "as it was");
}

#[test]
fn an_answer_without_a_write_waits_for_the_writes_before_it() {
    let mut node = follower();
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let [_, first, _] = node.work();
    // The same once more: there is nothing to write, and the answer is as good as the first one.
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let [peers, second, _] = node.work();
    assert!(peers.is_empty());
    let second = only(second);
    assert!(second.entries.is_empty());
    assert_eq!(
        texts(&second.responses),
        ["1->2 MsgAppResp Term:1 Log:0/1", "AppendThread->1 MsgStorageAppendResp Term:1 Log:1/1",]
    );
    for message in [only(first), second] {
        let responses = node.write(&message);
        node.respond(responses);
    }
    assert_eq!(node.raft.node.log.unstable().offset(), 2);
}

#[test]
fn only_what_is_on_disk_is_applied() {
    let mut node = follower();
    let message = append(2, 1, (0, 0), entries(1, &[1, 1]));
    node.step(Message { commit: 2, ..message }).expect("honest");
    let [_, appends, applies] = node.work();
    assert!(applies.is_empty());
    assert!(!node.has_ready());
    let append = only(appends);
    assert_eq!((append.term, append.commit), (1, 2));
    let responses = node.write(&append);
    node.respond(responses);

    let [_, appends, applies] = node.work();
    assert!(appends.is_empty());
    let apply = only(applies);
    assert_eq!((apply.from, apply.to, apply.term), (1, LOCAL_APPLY_THREAD, 0));
    assert_eq!(apply.entries, entries(1, &[1, 1]));
    let done = only(apply.responses.clone());
    assert_eq!((done.from, done.to, done.term), (LOCAL_APPLY_THREAD, 1, 0));
    assert_eq!(done.entries, apply.entries);
    assert_eq!(node.basic_status().applied, 0);
    node.step(done).expect("its own response");
    assert_eq!(node.basic_status().applied, 2);
}

/// The next batch does not wait for the one before.
#[test]
fn several_writes_may_be_on_their_way() {
    let mut node = leader();
    let mut writes = Vec::new();
    for data in ["a", "b", "c"] {
        node.propose(data).expect("a leader");
        let [peers, appends, _] = node.work();
        assert_eq!(peers.iter().filter(|m| m.kind() == Ok(MsgApp)).count(), 2);
        writes.push(only(appends));
    }
    let spans: Vec<_> =
        writes.iter().map(|m| (m.entries.first().map(|e| e.index), m.entries.len())).collect();
    assert_eq!(spans, [(Some(2), 1), (Some(3), 1), (Some(4), 1)]);
    // The others have it all; the leader's own disk decides nothing.
    for peer in [2, 3] {
        node.step(Message { index: 4, ..from(peer, MsgAppResp, 1) }).expect("honest");
    }
    assert_eq!(node.basic_status().hard_state.commit, 4);
    // It applies what it has written itself.
    for (written, message) in (2..).zip(writes) {
        let responses = node.write(&message);
        node.respond(responses);
        let [_, _, applies] = node.work();
        let apply = only(applies);
        assert_eq!(apply.entries.last().map(|e| e.index), Some(written));
        node.respond(apply.responses);
        assert_eq!(node.basic_status().applied, written);
    }
}

/// It counts its own copy when that is on disk, like any other.
#[test]
fn the_leaders_own_acknowledgement_comes_with_the_write() {
    let mut node = async_node_of(1, |_| {});
    node.elect();
    node.propose("x").expect("a leader");
    let [_, appends, _] = node.work();
    let message = only(appends);
    assert_eq!(
        texts(&message.responses),
        ["1->1 MsgAppResp Term:1 Log:0/2", "AppendThread->1 MsgStorageAppendResp Term:1 Log:1/2",]
    );
    assert_eq!(node.basic_status().hard_state.commit, 1);
    let responses = node.write(&message);
    node.respond(responses);
    assert_eq!(node.basic_status().hard_state.commit, 2);
}

/// Entries A are overwritten by B and by A again, with the same index and term, while the first
/// write of A is acknowledged: what is on disk then is B. The late answer must not make the third
/// write look done.
#[test]
fn a_late_acknowledgement_of_an_earlier_term_makes_nothing_stable() {
    let mut node = follower();
    // Node 2 leads term 1.
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let [_, first, _] = node.work();
    // Node 3 leads term 2, and replaces the entry.
    node.step(append(3, 2, (0, 0), entries(1, &[2]))).expect("honest");
    let [_, second, _] = node.work();
    // In term 3 a leader that never heard of term 2 brings the first entry back.
    node.step(append(2, 3, (0, 0), entries(1, &[1]))).expect("honest");
    let [_, third, _] = node.work();

    let (first, second, third) = (only(first), only(second), only(third));
    let responses = node.write(&first);
    node.respond(responses);
    assert_eq!(node.raft.node.log.unstable().offset(), 1, "the answer is of term 1");
    let responses = node.write(&second);
    node.respond(responses);
    assert_eq!(node.raft.node.log.unstable().offset(), 1);
    let responses = node.write(&third);
    node.respond(responses);
    assert_eq!(node.raft.node.log.unstable().offset(), 2);
    assert_eq!(crate::Storage::term(node.storage(), 1).expect("memory"), 1);
}

/// Each new term writes a hard state, whose response vouches for all that is still unstable.
#[test]
fn the_write_of_a_new_term_vouches_for_the_entries_before_it() {
    let mut node = follower();
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let [_, first, _] = node.work();
    node.step(from(3, MsgHeartbeat, 2)).expect("honest");
    let [_, second, _] = node.work();
    let second = only(second);
    assert!(second.entries.is_empty());
    assert_eq!(texts(&second.responses), ["AppendThread->1 MsgStorageAppendResp Term:2 Log:1/1"]);
    for message in [only(first), second] {
        let responses = node.write(&message);
        node.respond(responses);
    }
    assert_eq!(node.raft.node.log.unstable().offset(), 2);
}

#[test]
fn an_acknowledgement_of_what_was_replaced_makes_nothing_stable() {
    let mut node = follower();
    node.step(append(2, 1, (0, 0), entries(1, &[1, 1]))).expect("honest");
    node.work();
    node.step(append(3, 2, (0, 0), entries(1, &[2]))).expect("honest");
    node.work();
    // Of this term, and of entries that are not there (any more).
    for (log_term, index) in [(1, 1), (1, 2), (2, 2)] {
        let ack = Message { log_term, index, ..response(MsgStorageAppendResp, 2) };
        node.step(ack).expect("honest");
        assert_eq!(node.raft.node.log.unstable().offset(), 1, "{log_term}/{index}");
    }
    let ack = Message { log_term: 2, index: 1, ..response(MsgStorageAppendResp, 2) };
    node.step(ack).expect("honest");
    assert_eq!(node.raft.node.log.unstable().offset(), 2);
}

fn installing(index: u64) -> Message {
    let snapshot = Snapshot::new(index, 1, group(3), "state");
    Message { snapshot: Some(snapshot.into()), ..from(2, MsgSnap, 1) }
}

#[test]
fn a_snapshot_is_written_with_the_message_that_acknowledges_it() {
    let mut node = follower();
    node.step(installing(9)).expect("honest");
    let [peers, appends, applies] = node.work();
    assert!(peers.is_empty() && applies.is_empty());
    let message = only(appends);
    assert_eq!(message.snapshot.as_ref().map(|snapshot| snapshot.index()), Some(9));
    let kinds: Vec<_> = message.responses.iter().map(|m| (m.to, m.kind(), m.index)).collect();
    assert_eq!(kinds, [(2, Ok(MsgAppResp), 9), (1, Ok(MsgStorageAppendResp), 0)]);
    assert!(!node.has_ready(), "it is handed out once");
    let responses = node.write(&message);
    assert_eq!(texts(&node.respond(responses)), ["1->2 MsgAppResp Term:1 Log:0/9"]);
    assert_eq!(node.basic_status().applied, 9);
}

#[test]
fn a_snapshot_is_acknowledged_in_any_later_term() {
    let mut node = follower();
    node.step(installing(9)).expect("honest");
    let [_, appends, _] = node.work();
    node.step(from(3, MsgHeartbeat, 2)).expect("honest");
    let responses = node.write(&only(appends));
    node.respond(responses);
    // A snapshot is never replaced by an older log.
    assert_eq!(node.basic_status().applied, 9);
    assert!(node.raft.node.log.unstable().snapshot().is_none());
}

/// The late answer is about the first one.
#[test]
fn a_snapshot_that_was_replaced_is_acknowledged_without_effect_on_the_second() {
    let mut node = follower();
    node.step(installing(9)).expect("honest");
    let [_, first, _] = node.work();
    node.step(installing(20)).expect("honest");
    let [_, second, _] = node.work();
    let responses = node.write(&only(first));
    node.respond(responses);
    assert_eq!(node.basic_status().applied, 9);
    let pending = node.raft.node.log.unstable().snapshot().map(Snapshot::index);
    assert_eq!(pending, Some(20));
    let responses = node.write(&only(second));
    node.respond(responses);
    assert_eq!(node.basic_status().applied, 20);
}

#[test]
fn a_change_is_applied_by_the_apply_thread() {
    let mut node = leader();
    node.propose_conf_change(change("v4 r3")).expect("a leader");
    let [_, appends, _] = node.work();
    let responses = node.write(&only(appends));
    node.respond(responses);
    for peer in [2, 3] {
        node.step(Message { index: 2, ..from(peer, MsgAppResp, 1) }).expect("honest");
    }
    let [_, _, applies] = node.work();
    let apply = only(applies);
    let entry = apply.entries.first().expect("the change");
    let request = ConfChangeRequest::from_entry(entry).expect("decodes").expect("a change");
    node.apply_conf_change(&request.as_v2()).expect("possible");
    assert_eq!(node.raft.node.log.last_index(), 2);
    // Only when it is done does the leader go on to leave the joint configuration.
    node.respond(apply.responses);
    assert_eq!(node.raft.node.log.last_index(), 3);
}

/// etcd: TestCommitPaginationWithAsyncStorageWrites
#[test]
fn pages_wait_for_the_acknowledgement_of_those_before_them() {
    let mut node = async_node_of(1, |config| config.max_committed_size_per_ready = 2048);
    node.elect();
    let payload = || vec![b'a'; 1000];
    node.propose_batch((0..3).map(|_| payload().into())).expect("a leader");
    let [_, appends, applies] = node.work();
    assert!(applies.is_empty());
    let responses = node.write(&only(appends));
    node.respond(responses);
    // Two fit.
    let [_, appends, applies] = node.work();
    let first = only(applies);
    assert_eq!(first.entries.len(), 2);
    let responses = node.write(&only(appends));
    node.respond(responses);
    // The third has to wait, though it is committed; and one more with it.
    node.propose(payload()).expect("a leader");
    let [_, appends, applies] = node.work();
    assert!(applies.is_empty());
    let responses = node.write(&only(appends));
    node.respond(responses);
    let [_, _, applies] = node.work();
    assert!(applies.is_empty());

    node.respond(first.responses);
    let [_, _, applies] = node.work();
    assert_eq!(only(applies).entries.len(), 2);
}

#[test]
fn a_thread_acknowledges_nothing_that_it_was_not_given() {
    let mut node = leader();
    node.propose("x").expect("a leader");
    let before = node.digest();
    let ack = Message { entries: entries(2, &[1]), ..response(MsgStorageApplyResp, 0) };
    match node.step(ack) {
        Err(StepError::Refused { reason: Refusal::StorageAck { index: 2 }, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(node.digest(), before);
}

/// The limit is for what others have to say. Nothing would ever be on disk if it were for this too.
#[test]
fn a_full_queue_keeps_no_answer_of_the_own_storage_out() {
    let mut node = async_node_of(3, |config| config.max_queued_messages = 4);
    node.elect();
    node.propose("x").expect("a leader");
    let [_, appends, _] = node.work();
    let responses = node.write(&only(appends));
    node.tick_by(2);
    match node.step(from(2, MsgHeartbeatResp, 1)) {
        Err(StepError::Dropped(DropReason::TooManyMessages { queued: 4, limit: 4 })) => {}
        other => panic!("{other:?}"),
    }
    node.respond(responses);
    assert_eq!(node.status().progress[0].1.match_index, 2);
    assert!(node.raft.node.log.unstable().is_empty());
}

#[test]
fn from_the_threads_nothing_else_is_taken() {
    for thread in [LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD] {
        for number in 0..24 {
            let kind = MessageType::try_from(number).expect("24 kinds");
            let own = (thread == LOCAL_APPEND_THREAD && kind == MsgStorageAppendResp)
                || (thread == LOCAL_APPLY_THREAD && kind == MsgStorageApplyResp);
            let mut node = leader();
            let before = node.digest();
            let outcome = node.step(from(thread, kind, 0));
            assert_eq!(outcome.is_ok(), own, "{kind}");
            if !own {
                assert!(matches!(
                    outcome,
                    Err(StepError::Refused { reason: Refusal::FromStorageThread, .. })
                ));
            }
            assert_eq!(node.digest(), before, "{kind}");
        }
    }
}

/// A node and a group behave alike on both faces.
#[test]
fn both_faces_lead_to_the_same_state() {
    let mut sync = leader_of(3, |_| {});
    let mut node = leader();
    for data in ["a", "b"] {
        sync.propose(data).expect("a leader");
        node.propose(data).expect("a leader");
    }
    let sent = texts(&sync.settle_sent());
    assert_eq!(texts(&node.settle()), sent);
    sync.acknowledge_all();
    node.acknowledge_all();
    assert_eq!(node.status(), sync.status());
    let state = HardState { term: 1, vote: 1, commit: 3 };
    assert_eq!((*node.storage().hard_state(), *sync.storage().hard_state()), (state, state));
}

#[test]
fn a_node_that_starts_again_on_this_face_goes_on_where_it_was() {
    let mut node = leader();
    node.propose("x").expect("a leader");
    node.settle();
    node.acknowledge_all();
    let storage = node.into_storage();
    let observer = crate::SlogObserver::discard();
    let config = crate::Config { applied: 2, ..crate::Config::new(1) };
    let node = AsyncRawNode::with_observer(config, storage, observer).expect("valid");
    assert!(!node.has_ready());
    assert_eq!(node.basic_status().hard_state, HardState { term: 1, vote: 1, commit: 2 });
    let conf_state = crate::Storage::initial_state(node.storage()).expect("memory").conf_state;
    assert_eq!(conf_state, ConfState::new([1, 2, 3], []));
    let none = Entries::new();
    assert_eq!(node.raft.node.log.unstable().next_entries(), none);
}
