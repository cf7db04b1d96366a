//! The order of the loop, which the types keep.

use alloc::vec::Vec;

use raft_proto::MessageType::{
    self, MsgApp, MsgAppResp, MsgHeartbeat, MsgPreVoteResp, MsgProp, MsgReadIndex, MsgSnap,
    MsgStorageAppendResp, MsgVote, MsgVoteResp,
};
use raft_proto::{Entries, Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message, Snapshot};

use super::fixture::*;
use crate::error::{AdvanceError, ReadyError, Refusal, StepError};

/// etcd: TestNodeAdvance
#[test]
fn there_is_no_second_batch_before_the_first_is_advanced() {
    let mut node = leader_of(3, |_| {});
    node.propose("a").expect("a leader");
    let first = node.ready().expect("work");
    node.propose("b").expect("a leader");
    let before = node.digest();
    assert!(node.has_ready());
    assert!(matches!(node.ready(), Err(ReadyError::Outstanding)));
    assert_eq!(node.digest(), before, "asking costs nothing");

    node.advance(first.persisted()).expect("its own");
    let second = node.ready().expect("more work");
    assert_eq!(second.entries().first().map(|entry| &entry.data[..]), Some(&b"b"[..]));
}

/// What it held is lost to the node, so that it must not go on.
#[test]
fn a_batch_that_is_dropped_ends_the_node_until_it_is_built_again() {
    let mut node = leader_of(1, |_| {});
    node.propose("lost").expect("a leader");
    drop(node.ready().expect("work"));
    for _ in 0..3 {
        node.tick();
        assert!(matches!(node.ready(), Err(ReadyError::Outstanding)));
    }
    let mut node = over(node.into_storage(), |_| {});
    node.elect();
    node.propose("kept").expect("a leader");
    let turns = node.settle();
    let applied: Vec<_> = turns.iter().flat_map(Turn::applied).collect();
    assert_eq!(applied, [b"kept"]);
}

#[test]
fn only_the_node_that_handed_a_batch_out_takes_it_back() {
    let mut one = leader_of(1, |_| {});
    let mut other = leader_of(1, |_| {});
    for node in [&mut one, &mut other] {
        node.propose("x").expect("a leader");
    }
    let of_one = one.ready().expect("work").persisted();
    let of_other = other.ready().expect("work").persisted();
    let before = one.digest();
    assert!(matches!(one.advance(of_other), Err(AdvanceError::Foreign)));
    assert_eq!(one.digest(), before);
    assert!(matches!(one.ready(), Err(ReadyError::Outstanding)));
    one.advance(of_one).expect("its own");
}

/// From where it was made on, a copy lives a life of its own.
#[test]
fn a_copy_of_a_node_is_another_node() {
    let mut one = leader_of(1, |_| {});
    let mut copy = one.clone();
    one.propose("a").expect("a leader");
    copy.propose("b").expect("a leader");
    let of_one = one.ready().expect("work").persisted();
    let of_copy = copy.ready().expect("work").persisted();
    assert!(matches!(one.advance(of_copy), Err(AdvanceError::Foreign)));
    one.advance(of_one).expect("its own");
}

/// Each of the two waits for the batch that was out, takes it for its own, and none that came later.
#[test]
fn a_copy_waits_for_the_batch_that_was_out() {
    let mut one = leader_of(1, |_| {});
    one.propose("x").expect("a leader");
    let ready = one.ready().expect("work");
    one.storage_mut().append(ready.entries()).expect("entries that follow");
    let mut copy = one.clone();
    assert_eq!(copy.digest(), one.digest());
    assert!(matches!(copy.ready(), Err(ReadyError::Outstanding)));

    copy.advance(ready.persisted()).expect("as much its own");
    assert_eq!(copy.basic_status().hard_state.commit, 2);
    let later = copy.ready().expect("an entry to apply").persisted();
    assert_eq!(later.committed_entries().len(), 1);
    assert!(matches!(one.advance(later), Err(AdvanceError::Foreign)));
}

/// A batch is advanced once: the first makes another available, whose number is another.
#[test]
fn without_a_batch_out_nothing_can_be_advanced() {
    let mut one = leader_of(1, |_| {});
    let mut other = leader_of(1, |_| {});
    other.propose("x").expect("a leader");
    let of_other = other.ready().expect("work").persisted();
    assert!(matches!(one.advance(of_other), Err(AdvanceError::Foreign)));
    one.propose("x").expect("a leader");
    assert!(one.ready().is_ok(), "it was not taken for its own");
}

/// A vote or an acknowledgement that leaves before it is on disk could be given twice.
#[test]
fn what_vouches_for_durability_comes_after_it() {
    let mut node = node_of(3, |_| {});
    node.step(from(2, MsgVote, 1)).expect("honest");
    node.step(append(2, 1, (0, 0), entries(1, &[1, 1]))).expect("honest");
    node.step(from(2, MsgHeartbeat, 1)).expect("honest");
    let ready = node.ready().expect("work");
    assert_eq!(texts(ready.messages()), ["1->2 MsgHeartbeatResp Term:1 Log:0/0"]);
    assert!(ready.must_sync());
    assert_eq!(ready.hard_state().map(|h| (h.term, h.vote)), Some((1, 2)));
    assert_eq!(ready.entries().len(), 2);
    let mut done = ready.persisted();
    let vouching = ["1->2 MsgVoteResp Term:1 Log:0/0", "1->2 MsgAppResp Term:1 Log:0/2"];
    assert_eq!(texts(done.messages()), vouching);
    assert_eq!(texts(&done.take_messages().collect::<Vec<_>>()), vouching);
    assert!(done.messages().is_empty());
    node.advance(done).expect("its own");
}

/// A refusal too: it shows that the node has seen the term.
#[test]
fn refusals_wait_for_the_disk_as_well() {
    let mut node = node_of(3, |_| {});
    node.step(append(2, 1, (1, 5), Entries::new())).expect("honest");
    let turn = node.turn();
    assert!(turn.messages.is_empty());
    assert_eq!(texts(&turn.vouching), ["1->2 MsgAppResp Term:1 Log:0/5 Rejected (Hint: 0)"]);
}

/// A leader need not wait for its own disk: its followers have disks too (thesis §10.2.1).
#[test]
fn appends_leave_before_the_leaders_own_write() {
    for compat in BOTH {
        let mut node = leader_of(3, |config| config.compat = compat);
        node.propose("x").expect("a leader");
        let ready = node.ready().expect("work");
        let kinds: Vec<_> = ready.messages().iter().map(|m| (m.to, m.kind())).collect();
        assert_eq!(kinds, [(2, Ok(MsgApp)), (3, Ok(MsgApp))]);
        assert_eq!(ready.entries().len(), 1);
        assert!(ready.persisted().messages().is_empty());
    }
}

/// A node answers itself when the batch is advanced, and not before.
#[test]
fn messages_to_itself_are_never_handed_out() {
    for compat in BOTH {
        let mut node = node_of(1, |config| config.compat = compat);
        node.campaign().expect("a voter");
        // Its own vote is all there is to do, beside writing it down.
        let turn = node.turn();
        assert!(turn.messages.is_empty() && turn.vouching.is_empty());
        assert_eq!(turn.hard_state.map(|h| (h.term, h.vote)), Some((1, 1)));
        assert_eq!(node.basic_status().soft_state.leader_id, 1);

        node.settle();
        node.propose("x").expect("a leader");
        let ready = node.ready().expect("work");
        assert_eq!(node.basic_status().hard_state.commit, 1, "not on disk yet");
        let storage = node.storage_mut();
        storage.append(ready.entries()).expect("entries that follow");
        node.advance(ready.persisted()).expect("its own");
        assert_eq!(node.basic_status().hard_state.commit, 2);
    }
}

/// etcd: TestRawNodeConsumeReady
#[test]
fn what_comes_while_a_batch_is_out_is_in_the_next() {
    for compat in BOTH {
        let mut node = leader_of(3, |config| config.compat = compat);
        node.propose("a").expect("a leader");
        let ready = node.ready().expect("work");
        assert_eq!(ready.messages().len(), 2);
        // Meanwhile the other two are heard.
        node.propose("b").expect("a leader");
        node.tick();
        node.step(Message { index: 1, ..from(2, MessageType::MsgAppResp, 1) }).expect("honest");
        assert_eq!(ready.messages().len(), 2, "the batch itself stays as it is");
        assert_eq!(ready.entries().len(), 1);
        node.storage_mut().append(ready.entries()).expect("entries that follow");
        node.advance(ready.persisted()).expect("its own");

        let turn = node.turn();
        let payloads: Vec<_> = turn.entries.iter().map(|entry| entry.data.clone()).collect();
        assert_eq!(payloads, ["b"]);
        let heartbeats = turn.messages.iter().filter(|m| m.kind() == Ok(MsgHeartbeat)).count();
        let appends = turn.messages.iter().filter(|m| m.kind() == Ok(MsgApp)).count();
        assert_eq!((heartbeats, appends), (2, 2));
    }
}

/// What was written in the term before is still unknown to be there: it may have been overwritten.
#[test]
fn a_write_that_a_new_term_overtook_is_vouched_for_by_the_next() {
    let mut node = leader_of(3, |_| {});
    node.propose("x").expect("a leader");
    let ready = node.ready().expect("work");
    node.step(from(2, MsgHeartbeat, 2)).expect("honest");
    node.storage_mut().append(ready.entries()).expect("entries that follow");
    node.advance(ready.persisted()).expect("its own");
    assert_eq!(node.raft.node.log.unstable().offset(), 2, "entry 2 counts as unwritten");

    let turn = node.turn();
    assert_eq!(turn.hard_state.map(|h| h.term), Some(2));
    assert!(turn.entries.is_empty(), "nothing is written twice");
    assert_eq!(node.raft.node.log.unstable().offset(), 3);
}

/// One is filled while the other is out.
#[test]
fn buffers_come_home_and_are_used_again() {
    let mut node = leader_of(3, |_| {});
    let mut buffers = Vec::new();
    // Whatever is freed is taken by these, so that an address only comes again if it was kept.
    let mut decoys: Vec<Vec<Message>> = Vec::new();
    for _ in 0..6 {
        node.propose("x").expect("a leader");
        node.step(from(2, MsgVote, 1)).expect("honest");
        let mut ready = node.ready().expect("work");
        let sent = ready.messages().as_ptr();
        assert_eq!(ready.take_messages().count(), 2);
        node.storage_mut().append(ready.entries()).expect("entries that follow");
        let mut done = ready.persisted();
        buffers.push((sent, done.messages().as_ptr()));
        assert_eq!(done.take_messages().count(), 1);
        node.advance(done).expect("its own");
        decoys.extend((1..=16).map(Vec::with_capacity));
        let term = node.basic_status().hard_state.term;
        let index = node.raft.node.log.last_index();
        node.step(Message { index, ..from(2, MessageType::MsgAppResp, term) }).expect("honest");
        node.step(Message { index, ..from(3, MessageType::MsgAppResp, term) }).expect("honest");
    }
    let (sent, vouching): (Vec<_>, Vec<_>) = buffers.into_iter().unzip();
    for buffers in [sent, vouching] {
        let (first, later) = buffers.split_at(2);
        assert!(later.iter().all(|buffer| first.contains(buffer)), "{buffers:?}");
    }
    assert_eq!(decoys.len(), 96);
}

/// Only the application's own storage answers for storage, and in this mode it does so by
/// `advance`.
#[test]
fn nobody_else_speaks_for_the_storage_threads() {
    for thread in [LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD] {
        for kind in [MsgStorageAppendResp, MessageType::MsgStorageApplyResp, MsgApp, MsgHeartbeat] {
            let mut node = leader_of(3, |_| {});
            let before = node.digest();
            assert!(matches!(node.step(from(thread, kind, 1)), Err(StepError::Local { .. })));
            assert_eq!(node.digest(), before);
        }
    }
}

/// In this mode `advance` is the word for what is on disk. What the application asks for comes in.
#[test]
fn a_nodes_own_answers_do_not_come_in() {
    let mut node = leader_of(3, |_| {});
    node.propose("x").expect("a leader");
    let _ready = node.ready().expect("work");
    let before = node.digest();
    for kind in [MsgAppResp, MsgVoteResp, MsgPreVoteResp] {
        match node.step(Message { index: 2, ..from(1, kind, 1) }) {
            Err(StepError::Refused { reason: Refusal::FromSelf, .. }) => {}
            other => panic!("{kind}: {other:?}"),
        }
    }
    assert_eq!(node.digest(), before);
    for kind in [MsgProp, MsgReadIndex] {
        let entries = Entries::from(Entry::proposal("x"));
        node.step(Message { entries, ..from(1, kind, 0) }).expect("its application's");
    }
}

/// etcd: TestRawNodeStep
#[test]
fn local_messages_and_answers_of_strangers_do_not_come_in() {
    for number in 0..24 {
        let kind = MessageType::try_from(number).expect("24 kinds");
        for (from_id, voters) in [(2, 3), (9, 3), (9, 0)] {
            let mut node = node_of(voters, |_| {});
            let before = node.digest();
            let read = Entries::from(Entry::proposal("x"));
            let mut message = Message { entries: read, ..from(from_id, kind, 1) };
            match kind {
                MessageType::MsgProp | MessageType::MsgReadIndex => message.term = 0,
                MessageType::MsgReadIndexResp | MsgApp => message.entries.truncate(1),
                _ => message.entries.clear(),
            }
            if kind == MsgApp {
                message.entries.clear();
            }
            let outcome = node.step(message);
            let stranger = from_id == 9;
            match outcome {
                Err(StepError::Local { kind: named }) => {
                    assert!(kind.is_local() || kind == MessageType::MsgForgetLeader);
                    assert_eq!(named, kind);
                }
                Err(StepError::PeerNotFound { kind: named, from }) => {
                    assert!(kind.is_response() && !kind.is_local() && stranger);
                    assert_eq!((named, from), (kind, 9));
                }
                Err(StepError::Dropped(_)) => assert_eq!(kind, MessageType::MsgProp),
                Err(other) => panic!("{kind}: {other}"),
                Ok(()) => {
                    assert!(!kind.is_local());
                    assert!(!kind.is_response() || !stranger);
                    continue;
                }
            }
            assert_eq!(node.digest(), before, "{kind}");
        }
    }
}

/// A snapshot that came while another was written is the one that counts.
#[test]
fn a_snapshot_that_comes_while_another_is_written_is_in_the_next_batch() {
    let mut node = node_of(3, |_| {});
    let install = |index| {
        let snapshot = Some(Snapshot::new(index, 1, group(3), "state").into());
        Message { snapshot, ..from(2, MsgSnap, 1) }
    };
    node.step(install(5)).expect("honest");
    let ready = node.ready().expect("work");
    assert_eq!(ready.snapshot().map(Snapshot::index), Some(5));
    assert!(ready.entries().is_empty());
    node.step(install(9)).expect("honest");
    node.storage_mut().apply_snapshot(ready.snapshot().expect("one").clone()).expect("newer");
    node.advance(ready.persisted()).expect("its own");
    assert_eq!(node.basic_status().applied, 5);

    let turn = node.turn();
    assert_eq!(turn.snapshot.map(|snapshot| snapshot.index()), Some(9));
    assert_eq!(texts(&turn.vouching), ["1->2 MsgAppResp Term:1 Log:0/9"]);
    assert_eq!(node.basic_status().applied, 9);
    assert!(!node.has_ready());
}
