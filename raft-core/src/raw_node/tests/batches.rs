//! What is in a batch, and when there is one.

use alloc::string::ToString;
use alloc::vec::Vec;

use raft_proto::MessageType::{MsgApp, MsgAppResp, MsgHeartbeat, MsgHeartbeatResp, MsgSnap};
use raft_proto::{HardState, Message, Snapshot};

use super::fixture::*;
use crate::config::Compat;
use crate::describe;
use crate::event::StateRole;
use crate::ready::{SoftState, must_sync};
use crate::rng::Rng;

#[test]
fn entries_terms_and_votes_must_be_synced_and_a_commit_index_need_not() {
    let state = |term, vote, commit| HardState { term, vote, commit };
    let before = state(1, 1, 1);
    for (after, entries, sync) in [
        (before, 0, false),
        (state(1, 1, 2), 0, false),
        (state(2, 1, 1), 0, true),
        (state(1, 2, 1), 0, true),
        (state(1, 0, 1), 0, true),
        (before, 1, true),
        (state(1, 1, 2), 1, true),
    ] {
        assert_eq!(must_sync(&after, &before, entries), sync, "{after:?} {entries}");
    }
}

#[test]
fn each_batch_says_whether_it_must_be_synced() {
    let mut node = node_of(3, |_| {});
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let turn = node.turn();
    assert!(turn.must_sync, "an entry and a term");
    node.step(Message { commit: 1, ..from(2, MsgHeartbeat, 1) }).expect("honest");
    let turn = node.turn();
    assert_eq!(turn.hard_state, Some(HardState { term: 1, vote: 0, commit: 1 }));
    assert!(!turn.must_sync, "only a commit index");
    node.step(from(2, MsgHeartbeat, 2)).expect("honest");
    assert!(node.turn().must_sync, "a term");
    node.step(from(2, MsgHeartbeat, 2)).expect("honest");
    assert!(!node.turn().must_sync, "nothing to write");
}

/// The answer in the same batch vouches for it, as for entries.
#[test]
fn a_snapshot_must_be_synced() {
    for compat in BOTH {
        let mut node = node_of(3, |config| config.compat = compat);
        node.step(from(2, MsgHeartbeat, 1)).expect("honest");
        node.settle();
        let snapshot = Snapshot::new(5, 1, group(3), "state");
        let message = Message { snapshot: Some(snapshot.into()), ..from(2, MsgSnap, 1) };
        node.step(message).expect("honest");
        let turn = node.turn();
        assert_eq!(texts(&turn.vouching), ["1->2 MsgAppResp Term:1 Log:0/5"]);
        assert_eq!(turn.must_sync, compat == Compat::Strict);
    }
}

/// What was handed out is not handed out again.
///
/// etcd: TestSoftStateEqual, TestIsHardStateEqual
#[test]
fn states_are_in_a_batch_when_they_have_changed() {
    let mut node = node_of(1, |_| {});
    assert!(!node.has_ready());
    node.campaign().expect("a voter");
    let turn = node.turn();
    assert_eq!(turn.hard_state, Some(HardState { term: 1, vote: 1, commit: 0 }));
    let candidate = SoftState { leader_id: 0, role: StateRole::Candidate };
    assert_eq!(turn.soft_state, Some(candidate));
    let turn = node.turn();
    let leader = SoftState { leader_id: 1, role: StateRole::Leader };
    assert_eq!((turn.soft_state, turn.hard_state), (Some(leader), None));
    let turn = node.turn();
    assert_eq!(turn.hard_state, Some(HardState { term: 1, vote: 1, commit: 1 }));
    assert_eq!(turn.soft_state, None);
    node.tick();
    assert!(!node.has_ready());
}

/// etcd: TestRawNodeReadIndex
#[test]
fn answers_to_reads_are_handed_out_once() {
    for compat in BOTH {
        let mut node = leader_of(1, |config| config.compat = compat);
        node.read_index("ctx").expect("alive");
        assert!(node.has_ready());
        let turn = node.turn();
        let reads: Vec<_> = turn.reads.iter().map(|r| (r.index, &r.request_ctx[..])).collect();
        assert_eq!(reads, [(1, &b"ctx"[..])]);
        assert!(!turn.must_sync);
        assert!(!node.has_ready());
    }
}

/// Under etcd's rules each has its own, at once.
#[test]
fn the_reads_of_a_batch_share_one_heartbeat_a_peer() {
    for (compat, heartbeats) in [(Compat::Strict, 2), (Compat::Etcd, 20)] {
        let mut node = leader_of(3, |config| config.compat = compat);
        for _ in 0..10 {
            node.read_index("ctx").expect("alive");
        }
        assert!(node.has_ready());
        let sent = node.settle_sent();
        assert!(sent.iter().all(|m| m.kind() == Ok(MsgHeartbeat)));
        assert_eq!(sent.len(), heartbeats);
        node.step(Message {
            context: sent[heartbeats - 1].context.clone(),
            ..from(2, MsgHeartbeatResp, 1)
        })
        .expect("honest");
        assert_eq!(node.turn().reads.len(), 10);
        assert!(!node.has_ready());
    }
}

#[test]
fn lost_reads_are_handed_out_once() {
    let mut node = leader_of(3, |_| {});
    node.read_index("ctx").expect("alive");
    node.settle();
    node.step(from(2, MsgHeartbeat, 2)).expect("honest");
    let ready = node.ready().expect("work");
    assert_eq!(ready.lost_reads(), ["ctx"]);
    node.advance(ready.persisted()).expect("its own");
    let ready = node.ready().expect("nothing more");
    assert!(ready.lost_reads().is_empty());
}

#[test]
fn a_batch_without_anything_reads_as_empty() {
    let mut node = leader_of(3, |_| {});
    let ready = node.ready().expect("alive");
    assert_eq!(describe::ready(&ready).to_string(), "<empty Ready>");
    assert!(!ready.must_sync());
}

#[test]
fn the_two_lists_of_messages_read_as_etcds_one() {
    let mut node = node_of(3, |_| {});
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    node.step(Message { commit: 1, ..from(2, MsgHeartbeat, 1) }).expect("honest");
    let ready = node.ready().expect("work");
    assert_eq!(
        describe::ready(&ready).to_string(),
        "Ready MustSync=true:
Lead:2 State:StateFollower
HardState Term:1 Commit:1
Entries:
1/1 EntryNormal \"\"
CommittedEntries:
1/1 EntryNormal \"\"
Messages:
1->2 MsgHeartbeatResp Term:1 Log:0/0
1->2 MsgAppResp Term:1 Log:0/1
"
    );
}

/// Committed entries may come in the batch that persists them: they are applied after it.
#[test]
fn a_follower_applies_what_it_persists_in_the_same_batch() {
    let mut node = node_of(3, |_| {});
    let message = append(2, 1, (0, 0), entries(1, &[1, 1]));
    node.step(Message { commit: 2, ..message }).expect("honest");
    let turn = node.turn();
    assert_eq!((turn.entries.len(), turn.committed.len()), (2, 2));
    assert_eq!(node.basic_status().applied, 2);
}

/// In every state that a node gets into: nothing is ready exactly when there is nothing to do.
/// What only the node tells itself is the one exception, and still makes progress.
#[test]
fn there_is_work_exactly_when_a_batch_has_some() {
    for compat in BOTH {
        for seed in 0..30 {
            let mut rng = Rng::new(seed, 0, 1);
            let mut node = node_of(3, |config| {
                (config.compat, config.seed) = (compat, seed);
                (config.max_size_per_msg, config.max_inflight_msgs) = (20, 2);
            });
            for _ in 0..200 {
                random_input(&mut node, &mut rng);
                let mut copy = node.clone();
                let had_own = !copy.raft.node.outbox.after_append.is_empty();
                let ready = copy.ready().expect("alive");
                let text = describe::ready(&ready).to_string();
                match node.has_ready() {
                    false => assert_eq!(text, "<empty Ready>"),
                    true if text == "<empty Ready>" => {
                        // A peer may have been due, and found to have everything.
                        assert!(had_own || node.raft.flush_due(), "{compat:?} {seed}");
                    }
                    true => {}
                }
                if rng.below(3) == 0 {
                    node.turn();
                }
            }
        }
    }
}

/// A host of many groups would run an empty batch for each.
#[test]
fn an_acknowledgement_that_commits_nothing_makes_no_work() {
    let mut node = leader_of(5, |_| {});
    node.propose("x").expect("a leader");
    node.settle();
    node.step(Message { index: 2, ..from(2, MsgAppResp, 1) }).expect("honest");
    assert!(!node.has_ready());
    node.step(Message { index: 2, ..from(3, MsgAppResp, 1) }).expect("honest");
    assert!(node.has_ready());
}

fn random_input(node: &mut crate::RawNode<crate::MemoryStorage>, rng: &mut Rng) {
    let status = node.basic_status();
    let (term, last) = (status.hard_state.term, node.raft.node.log.last_id());
    let peer = 2 + u64::from(rng.below(2));
    let message = match rng.below(12) {
        0 | 1 => return node.tick(),
        2 => return drop(node.campaign()),
        3 | 4 => return drop(node.propose("some data")),
        5 => return drop(node.read_index("ctx")),
        6 => return drop(node.transfer_leader(peer)),
        7 => append(peer, term + 1, (last.term, last.index), entries(last.index + 1, &[term + 1])),
        8 => from(peer, MsgHeartbeatResp, term),
        9 => Message { index: last.index, ..from(peer, MsgAppResp, term) },
        10 => from(peer, raft_proto::MessageType::MsgVoteResp, term.max(1)),
        _ => Message { commit: last.index, ..from(peer, MsgApp, term.max(1)) },
    };
    node.step(message).ok();
}

/// Nothing is queued twice, and nothing is lost: what a turn leaves behind is nothing.
#[test]
fn a_node_that_is_left_alone_falls_silent() {
    for compat in BOTH {
        let mut node = leader_of(3, |config| config.compat = compat);
        for _ in 0..5 {
            node.propose("x").expect("a leader");
        }
        node.acknowledge_all();
        assert!(!node.has_ready());
        assert_eq!(node.basic_status().applied, 6);
    }
}
