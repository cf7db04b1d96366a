//! What must be on disks.

use super::*;

#[test]
fn an_acknowledgement_of_another_entry_than_the_one_on_disk() {
    let node = Node::default();
    let mut board = board(&[(1, &[1, 2])]);
    if let Some(disk) = board.disks.get_mut(&1) {
        disk.durable.hard_state = HardState { term: 3, vote: 3, commit: 0 };
    }
    let append = |first, terms: &[u64]| Message {
        term: 3,
        log_term: 1,
        index: first - 1,
        entries: entries(first, terms),
        ..Message::new(MessageType::MsgApp)
    };
    let ack = |index| Message { to: 3, term: 3, index, ..Message::new(MessageType::MsgAppResp) };
    let acknowledges = |received: &Message, index| {
        let ack = ack(index);
        let facts = [Fact::Received { message: received }, Fact::Sent { message: &ack }];
        told(persist_first::PersistFirst::default(), &node, &board, &facts)[1]
    };
    assert!(acknowledges(&append(2, &[2]), 2) && acknowledges(&append(2, &[3]), 1));
    assert!(!acknowledges(&append(2, &[3]), 2));
    let committed = |term, in_term| {
        let mut board = Board { disks: board.disks.clone(), ..Board::default() };
        board.committed.insert(2, term);
        board.committed_in.insert(2, in_term);
        let ack = ack(2);
        let facts = [Fact::Sent { message: &ack }];
        told(persist_first::PersistFirst::default(), &node, &board, &facts)[0]
    };
    assert!(committed(2, 3) && !committed(3, 3));
    assert!(committed(3, 4), "a late answer to an earlier leader");
}

/// Says of each board in turn whether what is committed survives there, after node 1 has committed `to`.
fn survives(to: u64, config: Configuration, mut boards: Vec<Board>) -> Vec<bool> {
    let mut checker = committed_survives::CommittedSurvives::default();
    let node = Node { config, ..Node::leader(1, &[1, 1]) };
    for board in &mut boards {
        board.committed.extend((1..=to).map(|index| (index, 1)));
        board.max_committed = to;
    }
    let judge = |board: &Board| {
        let scene = Scene { node: 1, glance: Some(&node), board };
        checker.on_fact(&Fact::Committed { from: 1, to }, &scene).is_ok()
    };
    boards.iter().map(judge).collect()
}

#[test]
fn a_committed_entry_that_a_quorum_can_do_without() {
    let of = |voters: &[u64], outgoing: &[u64]| {
        let mut config = Configuration::default();
        config.voters.incoming.0 = voters.iter().copied().collect();
        config.voters.outgoing.0 = outgoing.iter().copied().collect();
        config
    };
    let (all, none): (&[u64], &[u64]) = (&[1, 1], &[1]);
    let has =
        |disks: [&[u64]; 4]| board(&[(1, disks[0]), (2, disks[1]), (3, disks[2]), (4, disks[3])]);
    let three = survives(
        2,
        of(&[1, 2, 3], &[]),
        vec![
            has([all, all, none, none]),
            has([all, none, none, none]),
            has([all, none, &[1, 2], all]),
        ],
    );
    assert_eq!(three, [true, false, false]);
    let four = survives(
        2,
        of(&[1, 2, 3, 4], &[]),
        vec![has([all, all, none, all]), has([all, all, none, none])],
    );
    assert_eq!(four, [true, false], "it has committed on three");
    let joint = survives(
        2,
        of(&[1, 2, 3], &[4]),
        vec![has([all, all, none, all]), has([all, all, none, none]), has([all, none, none, all])],
    );
    assert_eq!(joint, [true, false, false]);
}

#[test]
fn a_lost_disk_holds_nothing_and_its_node_does_not_vote() {
    let config = Node::default().with_voters([1, 2, 3, 4, 5]).config;
    let (all, none): (&[u64], &[u64]) = (&[1, 1], &[1]);
    let disks = |fourth| board(&[(1, all), (2, all), (3, all), (4, fourth), (5, none)]);
    let without_3 = |fourth| Board { wiped: [3].into(), ..disks(fourth) };
    assert_eq!(survives(2, config.clone(), vec![disks(none), without_3(none)]), [true, true]);
    let mut lost = without_3(none);
    lost.disks.insert(2, DiskImage::default());
    assert_eq!(survives(2, config, vec![lost]), [false]);
}

#[test]
fn what_a_crash_or_a_sync_takes_away_is_missed() {
    let node = Node::leader(1, &[1, 1]).with_voters([1, 2, 3]);
    let mut board = board(&[(1, &[1, 1]), (2, &[1, 1]), (3, &[1])]);
    board.committed = BTreeMap::from([(1, 1), (2, 1)]);
    board.max_committed = 2;
    let mut checker = committed_survives::CommittedSurvives::default();
    let scene = Scene { node: 1, glance: Some(&node), board: &board };
    assert!(checker.on_fact(&Fact::Committed { from: 1, to: 2 }, &scene).is_ok());
    assert!(checker.on_state(&node, &scene).is_ok());
    let disk = board.disks.get_mut(&1).expect("node 1 has one");
    disk.unsynced.push(ImageWrite::Entries(entries(2, &[2])));
    let scene = Scene { node: 1, glance: Some(&node), board: &board };
    assert!(checker.on_state(&node, &scene).is_ok(), "not synced");
    board.disks.get_mut(&1).expect("node 1 has one").sync();
    let scene = Scene { node: 1, glance: Some(&node), board: &board };
    assert!(checker.on_state(&node, &scene).is_err());
    assert!(checker.on_fact(&Fact::Crashed, &scene).is_err());
}

#[test]
fn an_older_configuration_may_have_committed_on_less() {
    let before = Node::default().with_voters([1, 2, 3]).config;
    let after = Node::default().with_voters([1, 2, 3, 4]).config;
    let mut board = board(&[(1, &[1, 1]), (2, &[1, 1]), (3, &[1]), (4, &[])]);
    board.committed = BTreeMap::from([(1, 1), (2, 1)]);
    board.max_committed = 2;
    let changed = Fact::Configured { index: 2, before: &before, after: &after };
    let facts = [Fact::Committed { from: 1, to: 2 }, changed, Fact::Crashed];
    let node = Node { config: before.clone(), ..Node::leader(1, &[1, 1]) };
    let checker = committed_survives::CommittedSurvives::default();
    assert_eq!(told(checker, &node, &board, &facts), [true; 3]);
}
