//! Giving memory back changes nothing else.

use alloc::format;

use raft_proto::MessageType::{MsgAppResp, MsgHeartbeat, MsgReadIndexResp};
use raft_proto::{Entries, Entry, Message};

use super::fixture::*;
use crate::mem_storage::MemoryStorage;
use crate::raw_node::RawNode;

type Node = RawNode<MemoryStorage>;

/// One that leads and then follows, with entries, reads and messages on their way in between.
const INPUTS: &[fn(&mut Node)] = &[
    |node| node.campaign().expect("alive"),
    |node| drop(node.settle()),
    |node| node.elect(),
    |node| drop(node.propose("a")),
    |node| drop(node.read_index("read")),
    |node| drop(node.propose("b")),
    |node| drop(node.settle()),
    |node| {
        let index = node.last_entry_id().index;
        node.step(Message { index, ..from(2, MsgAppResp, 2) }).expect("honest");
    },
    |node| drop(node.settle()),
    |node| node.step(from(3, MsgHeartbeat, 4)).expect("honest"),
    |node| {
        let answer = Entries::from(Entry::proposal("asked"));
        node.step(Message { entries: answer, ..from(3, MsgReadIndexResp, 4) }).expect("honest");
    },
    |node| drop(node.settle()),
];

#[test]
fn a_node_that_shrinks_all_the_time_does_the_same() {
    let (mut node, mut shrinking) = (node_of(3, |_| {}), node_of(3, |_| {}));
    for input in INPUTS {
        input(&mut node);
        shrinking.shrink_to_fit();
        input(&mut shrinking);
        shrinking.shrink_to_fit();
        assert_eq!(shrinking.digest(), node.digest());
        assert_eq!(shrinking.has_ready(), node.has_ready());
    }
}

#[test]
fn a_batch_that_is_out_can_be_advanced() {
    let mut node = node_of(3, |_| {});
    node.step(append(2, 1, (0, 0), entries(1, &[1]))).expect("honest");
    let ready = node.ready().expect("alive");
    node.shrink_to_fit();
    assert!(node.ready().is_err(), "it is still out");
    node.advance(ready.persisted()).expect("its own batch");
    node.shrink_to_fit();
    let ready = node.ready().expect("alive");
    node.shrink_to_fit();
    node.advance(ready.persisted()).expect("its own batch");
}

#[test]
fn a_node_without_a_batch_out_keeps_nothing_for_the_next() {
    let mut node = node_of(3, |_| {});
    let new = format!("{:?}", node.writes);
    node.elect();
    assert_ne!(format!("{:?}", node.writes), new);
    node.shrink_to_fit();
    assert_eq!(format!("{:?}", node.writes), new);
}
