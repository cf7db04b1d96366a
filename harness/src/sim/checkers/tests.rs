//! Each rule is told of what breaks it. (That whole clusters with a fault are found, the program `bite`
//! shows.)

use std::collections::BTreeMap;

use raft_core::tracker::{Configuration, Progress, ProgressState};
use raft_core::{BasicStatus, EntryId, SoftState, StateRole, VoteRequest};
use raft_proto::{ConfState, Entries, Entry, EntryType, HardState, Message, MessageType};

use super::*;
use crate::sim::board::{Board, DiskImage, Fact, Scene};
use crate::sim::image::ImageWrite;
use crate::sim::machine::OpId;
use crate::sim::plan::NodePlan;
use crate::sim::process::Glance;

mod durability;
mod memory;

/// A node that is as it is told to be.
#[derive(Default)]
struct Node {
    status: BasicStatus,
    config: Configuration,
    terms: Vec<u64>,
    /// What it takes for the end of its log, if that is not the end of `terms`.
    last: Option<EntryId>,
    progress: Option<(u64, Progress)>,
}

impl Node {
    fn leader(term: u64, terms: &[u64]) -> Self {
        let hard_state = HardState { term, vote: 1, commit: 0 };
        let soft_state = SoftState { leader_id: 1, role: StateRole::Leader };
        let status = BasicStatus { hard_state, soft_state, ..BasicStatus::default() };
        Self { status, terms: terms.to_vec(), ..Self::default() }
    }

    fn with_role(mut self, role: StateRole) -> Self {
        self.status.soft_state.role = role;
        self
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
        self.last.unwrap_or(EntryId::new(term, self.terms.len() as u64))
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        match index {
            0 => Some(0),
            _ => self.terms.get(index as usize - 1).copied(),
        }
    }

    fn each_progress(&self, visit: &mut dyn FnMut(u64, &Progress)) {
        self.progress.iter().for_each(|(id, progress)| visit(*id, progress));
    }
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

/// What `checker` says of each state in turn of node 1.
fn seen<C: Checker, const N: usize>(mut checker: C, board: &Board, nodes: [Node; N]) -> Vec<bool> {
    let mut holds = |node: &Node| {
        let scene = Scene { node: 1, glance: Some(node), board };
        checker.on_state(node, &scene).is_ok()
    };
    nodes.iter().map(&mut holds).collect()
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
    let mut led = |terms: &[u64], committed_in| {
        board.committed_in.insert(2, committed_in);
        let node = Node::leader(3, terms);
        told(leader_completeness::LeaderCompleteness, &node, &board, &[Fact::Led { term: 3 }])
    };
    assert_eq!([led(&[1, 1], 2), led(&[1], 2), led(&[1, 2, 2], 2)].concat(), [true, false, false]);
    assert_eq!(led(&[1], 4), [true], "elected late, by votes that were given before");
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
        let checker = persist_first::PersistFirst::default();
        told(checker, &node, &board, &[Fact::Sent { message: &message }])[0]
    };
    let vote = |to, term| Message { to, term, ..Message::new(MessageType::MsgVoteResp) };
    let ack = |term, index| Message { to: 3, term, index, ..Message::new(MessageType::MsgAppResp) };
    assert!(says(vote(3, 2)) && says(ack(2, 2)));
    assert!(!says(vote(2, 2)) && !says(vote(3, 3)));
    assert!(!says(ack(2, 3)) && !says(ack(3, 1)));
    assert!(says(ack(1, 3)), "a leader of term 2 may have replaced it since");
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
    for role in [StateRole::PreCandidate, StateRole::Candidate] {
        let check = |node: Node| {
            let checker = configuration::ConfigurationSafety::default();
            seen(checker, &board, [node.with_role(role)]).pop()
        };
        assert_eq!(check(Node::leader(1, &[1, 1]).at(2, 2)), Some(true));
        assert_eq!(check(Node::leader(1, &[1, 1]).at(1, 1)), Some(true), "not committed");
        assert_eq!(check(Node::leader(1, &[1, 3]).at(2, 1)), Some(true), "replaced");
        assert_eq!(check(Node::leader(1, &[1, 1]).at(2, 1)), Some(false));
    }
}

#[test]
fn a_change_before_the_last_one_is_applied() {
    let mut board = Board::default();
    board.conf_changes.extend([EntryId::new(1, 2), EntryId::new(1, 3)]);
    let change =
        |entry: &Entry| Entry { entry_type: Some(EntryType::ConfChangeV2 as i32), ..entry.clone() };
    let appended: Entries = entries(3, &[1]).iter().map(change).collect();
    let check = |node: &Node| {
        let facts = [Fact::Handed { entries: &appended }];
        told(configuration::ConfigurationSafety::default(), node, &board, &facts)[0]
    };
    assert!(check(&Node::leader(1, &[1, 1, 1]).at(2, 2)));
    assert!(!check(&Node::leader(1, &[1, 1, 1]).at(2, 1)));
    assert!(check(&Node::leader(1, &[1, 1, 1]).at(2, 1).with_role(StateRole::Follower)));
}

#[test]
fn a_vote_for_a_log_that_is_not_up_to_date() {
    let (node, board) = (Node::default(), Board::default());
    let votes = |ours: (u64, u64), theirs: (u64, u64)| {
        let entry = |(term, index)| EntryId::new(term, index);
        let (last, candidate_last) = (entry(ours), entry(theirs));
        let kind = MessageType::MsgPreVote;
        let request = VoteRequest { last, vote: 0, kind, from: 2, candidate_last, term: 3 };
        told(up_to_date::UpToDate, &node, &board, &[Fact::Voted { request }])[0]
    };
    assert!(votes((2, 5), (2, 5)) && votes((2, 5), (2, 6)) && votes((2, 5), (3, 1)));
    assert!(!votes((2, 5), (2, 4)) && !votes((2, 5), (1, 9)));
}

#[test]
fn entries_of_an_earlier_leader() {
    let board = Board::default();
    let follower = |term, terms: &[u64]| Node::leader(term, terms).with_role(StateRole::Follower);
    let check = |elected: &[u64], before: &[u64], after: &[u64]| {
        let mut checker = one_master::OneMaster::default();
        let leader = Node::leader(3, elected);
        let scene = Scene { node: 2, glance: Some(&leader), board: &board };
        checker.on_fact(&Fact::Led { term: 3 }, &scene).expect("a leader");
        seen(checker, &board, [follower(3, before), follower(3, after)])[1]
    };
    assert!(check(&[1, 2, 3], &[1], &[1, 2]), "the leader has it");
    assert!(check(&[1, 2, 3], &[1], &[1, 2, 3, 3]), "it is the leader's own");
    assert!(!check(&[1, 1, 3], &[1], &[1, 2]));
    assert!(!check(&[1, 2, 3], &[1, 2], &[1, 2, 2]));
    let checker = one_master::OneMaster::default();
    assert_eq!(seen(checker, &board, [follower(3, &[1]), follower(3, &[1, 2])]), [true, false]);
}

#[test]
fn a_pre_vote_that_raises_a_term() {
    let asks = |term| Node::leader(term, &[1]).with_role(StateRole::PreCandidate);
    let follows = |term| Node::leader(term, &[1]).with_role(StateRole::Follower);
    let checker = pre_vote::PreVote::default();
    let said = seen(checker, &Board::default(), [follows(1), asks(1), follows(2), asks(2)]);
    assert_eq!(said, [true; 4]);
    let checker = pre_vote::PreVote::default();
    assert_eq!(seen(checker, &Board::default(), [follows(1), asks(2)]), [true, false]);
}

#[test]
fn a_leader_whom_nobody_answers() {
    let settings = BTreeMap::from([(1, NodePlan::plain())]);
    let board_at = |ticks| Board {
        settings: settings.clone(),
        ticks: BTreeMap::from([(1, ticks)]),
        ..Board::default()
    };
    let leader = Node::leader(2, &[1, 2]).with_voters([1, 2, 3]);
    let mut checker = quorum_heard::QuorumHeard::default();
    let mut holds = |ticks, fact: Option<Fact<'_>>| {
        let board = board_at(ticks);
        let scene = Scene { node: 1, glance: Some(&leader), board: &board };
        if let Some(fact) = fact {
            checker.on_fact(&fact, &scene).expect("a fact");
        }
        checker.on_state(&leader, &scene).is_ok()
    };
    let answer = Message { from: 3, ..Message::new(MessageType::MsgHeartbeatResp) };
    assert!(holds(5, Some(Fact::Led { term: 2 })) && holds(24, None));
    assert!(holds(24, Some(Fact::Received { message: &answer })) && holds(43, None));
    assert!(!holds(44, None));
    assert!(holds(44, Some(Fact::HandsOver)));
}

#[test]
fn a_log_that_its_disk_does_not_have() {
    let board = Board::default();
    let mut checker = log_matching::LogMatching::default();
    let mut holds = |node: Node| {
        let scene = Scene { node: 1, glance: Some(&node), board: &board };
        checker.on_state(&node, &scene).is_ok()
    };
    assert!(holds(Node::leader(2, &[1, 2])));
    let last = Some(EntryId::new(3, 2));
    assert!(!holds(Node { last, ..Node::leader(3, &[1, 2]) }));

    let mut checker = log_matching::LogMatching::default();
    let node = Node::leader(3, &[1, 2, 3]);
    let scene = Scene { node: 1, glance: Some(&node), board: &board };
    let mut queue = |entries: Entries| {
        checker.on_fact(&Fact::Queued { entries: &entries }, &scene).expect("a fact");
        checker.on_state(&node, &scene).is_ok()
    };
    assert!(queue(entries(2, &[2])));
    assert!(!queue(entries(2, &[3])));
    assert!(queue(Entries::new()), "a snapshot has replaced the log");
}

#[test]
fn a_commit_index_that_stands_for_another_entry() {
    let mut board = Board::default();
    board.committed.insert(2, 1);
    let check = |terms: &[u64]| {
        let checker = state_machine_safety::StateMachineSafety::default();
        seen(checker, &board, [Node::leader(2, terms).at(2, 0)])
    };
    assert_eq!([check(&[1, 1]), check(&[1, 2])].concat(), [true, false]);
}

#[test]
fn a_snapshot_that_is_lost_and_waited_for() {
    let board = Board::default();
    let check = |state| {
        let mut progress = Progress::default();
        (progress.next_index, progress.pending_snapshot, progress.state) = (1, 5, state);
        let node = Node { progress: Some((2, progress)), ..Node::leader(2, &[1]) };
        let scene = Scene { node: 1, glance: Some(&node), board: &board };
        let mut checker = progress::ProgressSanity::default();
        let before = checker.on_state(&node, &scene).is_ok();
        checker.on_fact(&Fact::SnapshotLost { peer: 2 }, &scene).expect("a fact");
        [before, checker.on_state(&node, &scene).is_ok()]
    };
    assert_eq!(check(ProgressState::Probe), [true, true]);
    assert_eq!(check(ProgressState::Snapshot), [true, false]);
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
