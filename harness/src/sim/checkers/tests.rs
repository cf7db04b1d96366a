//! Each rule is told of what breaks it. (That whole clusters with a fault are found, the program `bite`
//! shows.)

use raft_core::tracker::Configuration;
use raft_core::{BasicStatus, EntryId, SoftState, StateRole};
use raft_proto::{ConfState, Entries, Entry, HardState, Message, MessageType};

use super::*;
use crate::sim::board::{Board, DiskImage, Fact, Scene};
use crate::sim::image::ImageWrite;
use crate::sim::machine::OpId;
use crate::sim::process::Glance;

/// A node that is as it is told to be.
#[derive(Default)]
struct Node {
    status: BasicStatus,
    config: Configuration,
    terms: Vec<u64>,
}

impl Node {
    fn leader(term: u64, terms: &[u64]) -> Self {
        let hard_state = HardState { term, vote: 1, commit: 0 };
        let soft_state = SoftState { leader_id: 1, role: StateRole::Leader };
        let status = BasicStatus { hard_state, soft_state, ..BasicStatus::default() };
        Self { status, terms: terms.to_vec(), ..Self::default() }
    }

    fn with_voters(mut self, voters: impl IntoIterator<Item = u64>) -> Self {
        self.config.voters.incoming.0 = voters.into_iter().collect();
        self
    }

    fn at(mut self, commit: u64, applied: u64) -> Self {
        (self.status.hard_state.commit, self.status.applied) = (commit, applied);
        self
    }
}

impl Glance for Node {
    fn status(&self) -> BasicStatus {
        self.status.clone()
    }

    fn configuration(&self) -> &Configuration {
        &self.config
    }

    fn last_entry_id(&self) -> EntryId {
        let term = self.terms.last().copied().unwrap_or(0);
        EntryId::new(term, self.terms.len() as u64)
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        match index {
            0 => Some(0),
            _ => self.terms.get(index as usize - 1).copied(),
        }
    }

    fn each_progress(&self, _: &mut dyn FnMut(u64, &raft_core::tracker::Progress)) {}
}

/// A board on which these nodes have these terms in their logs, on disk.
fn board(disks: &[(u64, &[u64])]) -> Board {
    let mut board = Board::default();
    for (id, terms) in disks {
        let mut disk = DiskImage::default();
        disk.unsynced.push(ImageWrite::Entries(entries(1, terms)));
        disk.sync();
        board.disks.insert(*id, disk);
    }
    board
}

fn entries(first: u64, terms: &[u64]) -> Entries {
    let entry = |(term, index)| Entry { term, index, ..Entry::default() };
    terms.iter().copied().zip(first..).map(entry).collect()
}

/// What `checker` says of each fact in turn, on node 1.
fn told<C: Checker>(mut checker: C, node: &Node, board: &Board, facts: &[Fact<'_>]) -> Vec<bool> {
    let scene = Scene { node: 1, glance: Some(node), board };
    facts.iter().map(|fact| checker.on_fact(fact, &scene).is_ok()).collect()
}

#[test]
fn two_leaders_of_a_term() {
    let mut checker = election_safety::ElectionSafety::default();
    let (node, board) = (Node::default(), Board::default());
    let mut led = |id, term| {
        let scene = Scene { node: id, glance: Some(&node), board: &board };
        checker.on_fact(&Fact::Led { term }, &scene).is_ok()
    };
    assert!(led(1, 1) && led(1, 1) && led(2, 2));
    assert!(!led(3, 2));
}

#[test]
fn a_leader_whose_log_shrinks() {
    let mut checker = leader_append_only::LeaderAppendOnly::default();
    let board = Board::default();
    let mut seen = |node: Node| {
        let scene = Scene { node: 1, glance: Some(&node), board: &board };
        checker.on_state(&node, &scene).is_ok()
    };
    assert!(seen(Node::leader(2, &[1, 2, 2])) && seen(Node::leader(2, &[1, 2, 2, 2])));
    assert!(!seen(Node::leader(2, &[1, 2, 2])));
    assert!(seen(Node::leader(3, &[1])), "another term, another leader");
}

#[test]
fn a_leader_without_what_is_committed() {
    let mut board = Board::default();
    board.committed.insert(2, 1);
    let led = |terms: &[u64]| {
        let node = Node::leader(3, terms);
        told(leader_completeness::LeaderCompleteness, &node, &board, &[Fact::Led { term: 3 }])
    };
    assert_eq!([led(&[1, 1]), led(&[1]), led(&[1, 2, 2])].concat(), [true, false, false]);
}

#[test]
fn an_entry_with_two_payloads_or_two_pasts() {
    let node = Node::leader(2, &[1, 2]);
    let board = Board::default();
    let mut other = entries(2, &[2]);
    other = other.iter().map(|entry| Entry { data: "x".into(), ..entry.clone() }).collect();
    let first = entries(1, &[1, 2]);
    let facts = [Fact::Handed { entries: &first }, Fact::Handed { entries: &other }];
    assert_eq!(told(log_matching::LogMatching::default(), &node, &board, &facts), [true, false]);

    let mut checker = log_matching::LogMatching::default();
    let scene = Scene { node: 1, glance: Some(&node), board: &board };
    let second = entries(2, &[2]);
    assert!(checker.on_fact(&Fact::Handed { entries: &second }, &scene).is_ok());
    let node = Node::leader(2, &[2, 2]);
    let scene = Scene { node: 2, glance: Some(&node), board: &board };
    assert!(checker.on_fact(&Fact::Handed { entries: &second }, &scene).is_err());
}

#[test]
fn state_machines_that_part_or_skip() {
    let (node, board) = (Node::default(), Board::default());
    let applied =
        |index, term, fingerprint| Fact::Applied { entry: EntryId::new(term, index), fingerprint };
    let check = |facts: &[Fact<'_>]| {
        told(state_machine_safety::StateMachineSafety::default(), &node, &board, facts)
    };
    assert_eq!(check(&[applied(1, 1, 7), applied(3, 1, 8)]), [true, false]);
    assert_eq!(check(&[applied(1, 1, 7), Fact::Crashed, applied(1, 1, 8)]), [true, true, false]);
    assert_eq!(check(&[applied(1, 1, 7), Fact::Crashed, applied(1, 2, 7)]), [true, true, false]);
    assert_eq!(check(&[applied(1, 1, 7), Fact::Crashed, applied(1, 1, 7)]), [true; 3]);
}

#[test]
fn a_vote_for_two() {
    let (node, board) = (Node::default(), Board::default());
    let grant = |to, term| Message { to, term, ..Message::new(MessageType::MsgVoteResp) };
    let (first, again, other, next) = (grant(2, 1), grant(2, 1), grant(3, 1), grant(3, 2));
    let sent = |message| Fact::Sent { message };
    let facts = [sent(&first), sent(&again), sent(&next), Fact::Crashed, sent(&other)];
    let said = told(one_vote::OneVote::default(), &node, &board, &facts);
    assert_eq!(said, [true, true, true, true, false]);
}

#[test]
fn promises_that_are_not_on_disk() {
    let mut board = board(&[(1, &[1, 1])]);
    if let Some(disk) = board.disks.get_mut(&1) {
        disk.durable.hard_state = HardState { term: 2, vote: 3, commit: 0 };
    }
    let node = Node::default();
    let says = |message: Message| {
        told(persist_first::PersistFirst, &node, &board, &[Fact::Sent { message: &message }])[0]
    };
    let vote = |to, term| Message { to, term, ..Message::new(MessageType::MsgVoteResp) };
    let ack = |term, index| Message { to: 3, term, index, ..Message::new(MessageType::MsgAppResp) };
    assert!(says(vote(3, 2)) && says(ack(2, 2)));
    assert!(!says(vote(2, 2)) && !says(vote(3, 3)));
    assert!(!says(ack(2, 3)) && !says(ack(3, 1)));
}

#[test]
fn a_commit_without_a_quorum_or_of_an_earlier_term() {
    let board = board(&[(1, &[1, 2]), (2, &[1, 2]), (3, &[1])]);
    let commits = |node: &Node, from, to| {
        told(
            commit_on_quorum::CommitOnQuorum::default(),
            node,
            &board,
            &[Fact::Committed { from, to }],
        )[0]
    };
    let leader = Node::leader(2, &[1, 2]);
    assert!(commits(&Node::leader(2, &[1, 2]).with_voters([1, 2, 3]), 1, 2));
    assert!(!commits(&Node::leader(2, &[1, 2]).with_voters([1, 3, 4]), 1, 2));
    assert!(!commits(&leader.with_voters([1, 2, 3]), 1, 1), "1/1 by counting");
}

#[test]
fn a_campaign_before_a_change_is_applied() {
    let mut board = Board::default();
    board.conf_changes.insert(EntryId::new(1, 2));
    let vote = Message { to: 2, term: 2, ..Message::new(MessageType::MsgVote) };
    let facts = [Fact::Sent { message: &vote }];
    let check =
        |node: &Node| told(configuration::ConfigurationSafety::default(), node, &board, &facts)[0];
    assert!(check(&Node::leader(1, &[1, 1]).at(2, 2)));
    assert!(check(&Node::leader(1, &[1, 1]).at(1, 1)), "not committed");
    assert!(check(&Node::leader(1, &[1, 3]).at(2, 1)), "replaced");
    assert!(!check(&Node::leader(1, &[1, 1]).at(2, 1)));
}

#[test]
fn a_snapshot_with_a_configuration_of_the_past() {
    let (node, board) = (Node::default(), Board::default());
    let config = |ids: &[u64]| {
        let mut config = Configuration::default();
        config.voters.incoming.0 = ids.iter().copied().collect();
        config
    };
    let (before, after) = (config(&[1, 2]), config(&[1, 2, 3]));
    let changed = || Fact::Configured { index: 5, before: &before, after: &after };
    let (right, wrong) = (ConfState::new([1, 2, 3], []), ConfState::new([1, 2], []));
    let installed =
        |conf_state| Fact::Installed { at: EntryId::new(1, 6), conf_state, fingerprint: 0 };
    let check = |facts: &[Fact<'_>]| {
        told(configuration::ConfigurationSafety::default(), &node, &board, facts)
    };
    assert_eq!(check(&[changed(), installed(&right)]), [true, true]);
    assert_eq!(check(&[changed(), installed(&wrong)]), [true, false]);
}

#[test]
fn a_read_of_the_past() {
    let node = Node::default();
    let mut board = Board::default();
    let mut checker = reads::Reads::default();
    let op = OpId { client: 1, seq: 1 };
    board.max_committed = 5;
    let tell = |checker: &mut reads::Reads, fact: Fact<'_>| {
        checker.on_fact(&fact, &Scene { node: 1, glance: Some(&node), board: &board }).is_ok()
    };
    assert!(tell(&mut checker, Fact::ReadAsked { op }));
    assert!(tell(&mut checker, Fact::ReadAnswered { op, index: 5 }));
    assert!(!tell(&mut checker, Fact::ReadAnswered { op, index: 4 }));
}

#[test]
fn a_storage_that_forgets() {
    let node = Node::default();
    let kept = board(&[(1, &[1, 1])]);
    let before = kept.disks[&1].clone();
    let check = |now: &Board| {
        told(storage_keeps::StorageKeeps, &node, now, &[Fact::Started { before: &before }])[0]
    };
    assert!(check(&kept));
    assert!(check(&board(&[(1, &[1, 1, 1])])), "more than was synced");
    assert!(!check(&board(&[(1, &[1])])));
    assert!(!check(&board(&[(1, &[1, 2])])));
}

#[test]
fn committed_entries_that_would_be_replaced() {
    let node = Node::default();
    let mut board = board(&[(1, &[1, 1])]);
    if let Some(disk) = board.disks.get_mut(&1) {
        disk.durable.hard_state.commit = 1;
    }
    let handed = |entries: &Entries| {
        told(truncation::Truncation, &node, &board, &[Fact::Handed { entries }])[0]
    };
    assert!(handed(&entries(2, &[2])) && handed(&entries(1, &[1])));
    assert!(!handed(&entries(1, &[2])));
    let snapshot = Fact::HandedSnapshot { at: EntryId::new(1, 0) };
    assert_eq!(told(truncation::Truncation, &node, &board, &[snapshot]), [false]);
}

#[test]
fn marks_that_fall() {
    let mut checker = monotone::Monotone::default();
    let board = Board::default();
    let mut seen = |node: Node| {
        let scene = Scene { node: 1, glance: Some(&node), board: &board };
        checker.on_state(&node, &scene).is_ok()
    };
    assert!(seen(Node::leader(1, &[1, 1]).at(2, 1)) && seen(Node::leader(2, &[1, 1]).at(2, 2)));
    assert!(!seen(Node::leader(1, &[1, 1]).at(2, 2)), "the term");
    assert!(!seen(Node::leader(1, &[1, 1]).at(1, 1)), "the commit index");
    assert!(!seen(Node::leader(1, &[1, 1]).at(1, 2)), "applied beyond it");
    assert!(!seen(Node::leader(1, &[1]).at(2, 2)), "committed beyond the log");
}

#[test]
fn messages_that_no_honest_node_sends() {
    let (node, board) = (Node::leader(2, &[1]), Board::default());
    let says = |message: Message| {
        told(message_sanity::MessageSanity, &node, &board, &[Fact::Sent { message: &message }])[0]
    };
    let message = |kind, from, to, term| Message { from, to, term, ..Message::new(kind) };
    assert!(says(message(MessageType::MsgHeartbeat, 1, 2, 2)));
    assert!(says(message(MessageType::MsgPreVote, 1, 2, 3)));
    assert!(says(message(MessageType::MsgProp, 3, 2, 0)), "forwarded");
    assert!(!says(message(MessageType::MsgHeartbeat, 1, 1, 2)));
    assert!(!says(message(MessageType::MsgHeartbeat, 3, 2, 2)));
    assert!(!says(message(MessageType::MsgHeartbeat, 1, 2, 3)));
    let gap = Message { entries: entries(3, &[1]), ..message(MessageType::MsgApp, 1, 2, 2) };
    assert!(!says(gap));
}

#[test]
fn every_rule_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = all().iter().map(|rule| rule.rule()).collect();
    assert_eq!(names.len(), all().len());
}
