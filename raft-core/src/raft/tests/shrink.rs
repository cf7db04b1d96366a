//! Memory that is kept for what comes next can be had back.

use alloc::vec::Vec;

use raft_proto::Message;

use super::fixture::*;
use crate::read_index::ReadState;

/// The room in each buffer that nothing takes.
fn spare(leader: &Machine) -> Vec<(&'static str, usize)> {
    let node = &leader.node;
    let room = |list: &Vec<Message>| list.capacity() - list.len();
    let [recent, unstable] = node.log.spare();
    Vec::from([
        ("recent entries", recent),
        ("unstable entries", unstable),
        ("appends on their way", leader.progress(2).inflights.spare()),
        ("messages", room(&node.outbox.now)),
        ("messages that vouch", room(&node.outbox.after_append)),
        ("answers to reads", node.read_states.is_allocated().into()),
        ("lost reads", node.lost_reads.is_allocated().into()),
        ("deferred reads", node.deferred_reads.is_allocated().into()),
        ("unconfirmed reads", leader.leadership().reads.spare()),
    ])
}

#[test]
fn buffers_give_back_the_room_that_they_do_not_need() {
    let mut leader = steady_leader_of(3);
    leader.add("unstable, and on its way");
    leader.read("unconfirmed");
    leader.flush().expect("storage");
    leader.node.outbox.now.clear();
    leader.node.read_states.push(ReadState::default());
    leader.node.lost_reads.push("lost".into());
    leader.node.deferred_reads.push(Message::default());
    leader.node.read_states.take();
    leader.node.lost_reads.take();
    leader.node.deferred_reads.take();
    for (buffer, room) in spare(&leader) {
        assert!(room > 0, "{buffer}");
    }
    leader.shrink_to_fit();
    for (buffer, room) in spare(&leader) {
        assert_eq!(room, 0, "{buffer}");
    }
}
