//! Forged messages: near what a node believes, because one that is wrong all over is refused by the
//! first rule.

use arbitrary::Unstructured;
use bytes::Bytes;
use raft_core::{EntryId, Node, Observer, Storage, WriteMode};
use raft_proto::{
    ConfChangeRequest, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2,
    ConfState, Entries, Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message, Snapshot,
};
use rand_core::Rng as _;
use rand_xorshift::XorShiftRng;

/// The voters among whom messages are forged.
pub(crate) const VOTERS: [u64; 3] = [1, 2, 3];
/// The learner among them.
pub(crate) const LEARNER: u64 = 4;

/// Where choices come from.
pub(crate) trait Draw {
    /// A number of 64 bits.
    fn word(&mut self) -> u64;

    /// A number in `0..bound`; 0 when `bound` is 0.
    fn below(&mut self, bound: u64) -> u64;

    /// True once in `n` times.
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`, which is not empty.
    fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        const { assert!(N > 0) };
        choices[self.below(N as u64) as usize]
    }

    /// A number near `center`, and sometimes anywhere.
    fn near(&mut self, center: u64) -> u64 {
        match self.below(32) {
            0 => 0,
            1 => u64::MAX - self.below(3),
            2 => self.word(),
            3..12 => center.saturating_add(self.below(4)),
            12..20 => center.saturating_sub(self.below(4)),
            _ => center,
        }
    }
}

impl Draw for XorShiftRng {
    fn word(&mut self) -> u64 {
        self.next_u64()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next_u64() % bound.max(1)
    }
}

/// The bytes of a fuzzer. When they are used up every choice is the first.
impl Draw for Unstructured<'_> {
    fn word(&mut self) -> u64 {
        self.arbitrary().unwrap_or_default()
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.int_in_range(0..=bound.saturating_sub(1)).unwrap_or_default()
    }
}

/// What an attacker may know of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Belief {
    pub(crate) term: u64,
    pub(crate) commit: u64,
    pub(crate) last: EntryId,
}

impl Belief {
    pub(crate) fn of<S: Storage, O: Observer, W: WriteMode>(node: &Node<S, O, W>) -> Self {
        let hard_state = node.basic_status().hard_state;
        Self { term: hard_state.term, commit: hard_state.commit, last: node.last_entry_id() }
    }
}

/// A message to node 1, which believes `belief`.
pub(crate) fn message(draw: &mut impl Draw, belief: Belief) -> Message {
    let Belief { term, commit, last } = belief;
    let msg_type = match draw.below(60) {
        0 => -1,
        1 => draw.word() as i32,
        _ => draw.below(25) as i32,
    };
    let message_term = draw.near(term);
    let prev = match draw.below(4) {
        0 => EntryId::new(draw.near(last.term), draw.near(commit)),
        1 => EntryId::new(draw.near(last.term), draw.near(last.index)),
        _ => last,
    };
    Message {
        msg_type,
        to: if draw.one_in(20) { peer(draw) } else { draw.below(2) },
        from: peer(draw),
        term: message_term,
        log_term: prev.term,
        index: prev.index,
        entries: entries(draw, prev, message_term),
        commit: draw.near(commit),
        snapshot: snapshot(draw, commit, term),
        reject: draw.one_in(3),
        reject_hint: draw.near(last.index),
        context: context(draw),
        vote: if draw.one_in(20) { peer(draw) } else { 0 },
        responses: Vec::new(),
    }
}

/// A change of the configuration, which may be one that cannot be made.
pub(crate) fn conf_change(draw: &mut impl Draw) -> ConfChangeV2 {
    let kinds = [
        ConfChangeType::AddNode,
        ConfChangeType::RemoveNode,
        ConfChangeType::AddLearnerNode,
        ConfChangeType::UpdateNode,
    ];
    let transitions = [
        ConfChangeTransition::Auto,
        ConfChangeTransition::JointImplicit,
        ConfChangeTransition::JointExplicit,
    ];
    let changes = (0..draw.below(3))
        .map(|_| ConfChangeSingle::new(draw.one_of(kinds), draw.below(6)))
        .collect();
    ConfChangeV2::new(draw.one_of(transitions), changes)
}

fn peer(draw: &mut impl Draw) -> u64 {
    match draw.below(40) {
        0 => LOCAL_APPEND_THREAD,
        1 => LOCAL_APPLY_THREAD,
        2 => 0,
        3 => draw.word(),
        4..8 => 1,
        _ => 1 + draw.below(6),
    }
}

fn entries(draw: &mut impl Draw, prev: EntryId, term: u64) -> Entries {
    let mut previous = prev;
    (0..draw.below(4))
        .map(|_| {
            let index = match draw.one_in(12) {
                true => draw.near(previous.index),
                false => previous.index.wrapping_add(1),
            };
            let entry_term = match draw.one_in(12) {
                true => draw.near(term),
                false => previous.term.max(term.min(previous.term.saturating_add(1))),
            };
            previous = EntryId::new(entry_term, index);
            let mut entry = match draw.below(8) {
                0 => ConfChangeRequest::from(conf_change(draw)).into_entry(),
                1 => Entry { entry_type: Some(draw.near(1) as i32), ..Entry::default() },
                _ => Entry::proposal("payload"),
            };
            (entry.term, entry.index) = (entry_term, index);
            entry
        })
        .collect()
}

fn snapshot(draw: &mut impl Draw, commit: u64, term: u64) -> Option<Box<Snapshot>> {
    if !draw.one_in(6) {
        return None;
    }
    let conf_state = match draw.below(3) {
        0 => ConfState::new(ids(draw), ids(draw)),
        1 => ConfState {
            voters_outgoing: ids(draw),
            learners_next: ids(draw),
            auto_leave: draw.one_in(2),
            ..ConfState::new(ids(draw), ids(draw))
        },
        _ => ConfState::new(VOTERS, [LEARNER]),
    };
    let index = draw.near(commit.saturating_add(2));
    let term = draw.near(term);
    Some(Box::new(Snapshot::new(index, term, conf_state, "snapshot")))
}

fn ids(draw: &mut impl Draw) -> Vec<u64> {
    (0..draw.below(4)).map(|_| draw.below(6)).collect()
}

fn context(draw: &mut impl Draw) -> Bytes {
    match draw.below(8) {
        0 => Bytes::from_static(b"CampaignTransfer"),
        1 => Bytes::copy_from_slice(&draw.near(1).to_le_bytes()),
        2 => Bytes::from(vec![7; draw.below(12) as usize]),
        _ => Bytes::new(),
    }
}
