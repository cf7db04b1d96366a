//! What may wait in a node.

use super::*;

/// A board on which node 1 and its leader have these settings.
fn board_of(settings: &NodePlan) -> Board {
    let mut board = board(&[(1, &[1])]);
    board.settings = BTreeMap::from([(1, settings.clone()), (2, settings.clone())]);
    board
}

#[test]
fn more_messages_and_reads_than_may_wait() {
    let settings = NodePlan {
        max_inflight_msgs: 2,
        max_queued_messages: 10,
        max_pending_reads: 3,
        ..NodePlan::plain()
    };
    let (node, board) = (Node::default(), board_of(&settings));
    let heartbeat = Message::new(MessageType::MsgHeartbeat);
    let sent: Vec<_> = (0..67).map(|_| Fact::Sent { message: &heartbeat }).collect();
    let said = told(bounds::Bounds::default(), &node, &board, &sent);
    // Twice: 10 that wait, 2 x (2 + 8) to peers, and 3 answers.
    assert_eq!(said.iter().position(|holds| !holds), Some(66));
    let op = OpId { client: 1, seq: 1 };
    let answered: Vec<_> = (0..4).map(|_| Fact::ReadAnswered { op, index: 1 }).collect();
    let said = told(bounds::Bounds::default(), &node, &board, &answered);
    assert_eq!(said, [true, true, true, false]);
}

#[test]
fn more_entries_than_a_leader_sends_before_they_are_on_disk() {
    let check = |max_size_per_msg, terms: &[u64]| {
        let settings = NodePlan { max_inflight_msgs: 2, max_size_per_msg, ..NodePlan::plain() };
        let mut node = Node::leader(2, terms).with_role(StateRole::Follower);
        node.status.soft_state.leader_id = 2;
        seen(bounds::Bounds::default(), &board_of(&settings), [node])[0]
    };
    assert!(check(0, &[1, 2, 2, 2]) && !check(0, &[1, 2, 2, 2, 2]));
    assert!(check(0, &[1, 1, 1, 2, 2, 2]), "an earlier leader's");
    assert!(check(8, &[1, 2, 2, 2, 2, 2]) && !check(8, &[1, 2, 2, 2, 2, 2, 2]));
}

#[test]
fn more_proposals_than_a_leader_may_hold() {
    let settings = NodePlan { max_uncommitted_size: 5, ..NodePlan::plain() };
    let board = board_of(&settings);
    let check = |first: Entries, second: Entries, applied| {
        let mut checker = bounds::Bounds::default();
        let mut see = |node: Node, entries: Option<&Entries>| {
            let scene = Scene { node: 1, glance: Some(&node), board: &board };
            if let Some(entries) = entries {
                checker.on_fact(&Fact::Handed { entries }, &scene).expect("a fact");
            }
            checker.on_state(&node, &scene).is_ok()
        };
        see(Node::leader(2, &[2]).at(1, 1), None);
        let all = [first.len(), second.len()];
        let log = |len: usize| vec![2; 1 + len];
        [
            see(Node::leader(2, &log(all[0])).at(1, 1), Some(&first)),
            see(Node::leader(2, &log(all[0] + all[1])).at(applied, applied), Some(&second)),
        ]
    };
    let payload = |first, count: usize, data: &'static str| -> Entries {
        let entries = entries(first, &vec![2; count]);
        entries.iter().map(|entry| Entry { data: data.into(), ..entry.clone() }).collect()
    };
    assert_eq!(check(payload(2, 1, "abc"), payload(3, 1, "de"), 1), [true, true]);
    assert_eq!(check(payload(2, 1, "abc"), payload(3, 1, "def"), 1), [true, false]);
    assert_eq!(check(payload(2, 1, "abc"), payload(3, 1, "def"), 2), [true, true], "applied");
    assert_eq!(check(payload(2, 3, "abc"), payload(5, 2, ""), 1), [true, true], "one proposal");
}
