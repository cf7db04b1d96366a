//! Any message at any time: none panics, none that is refused leaves a trace, and whatever is let
//! in leaves a machine that makes sense.

use core::hash::{Hash, Hasher};

use raft_proto::{
    ConfChangeRequest, ConfState, Entries, Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message,
    MessageType,
};

use crate::config::{Compat, ReadOnlyOption};
use crate::digest::DigestHasher;
use crate::error::{MAX_TERM, StepError};
use crate::raft::tests::fixture::*;
use crate::rng::Rng;

struct Attacker {
    rng: Rng,
}

impl Attacker {
    fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.rng.below(choices.len() as u32) as usize].clone()
    }

    fn chance(&mut self, of_100: u32) -> bool {
        self.rng.below(100) < of_100
    }

    fn term(&mut self, term: u64) -> u64 {
        match self.rng.below(20) {
            0 => self.one_of(&[MAX_TERM - 1, MAX_TERM, MAX_TERM + 1, u64::MAX]),
            1 | 2 => 0,
            3 => term.saturating_sub(1),
            4 => term + 1,
            _ => term,
        }
    }

    fn index(&mut self, near: u64) -> u64 {
        let far = [0, 1, u64::MAX - 3, u64::MAX - 2, u64::MAX - 1, u64::MAX];
        if self.chance(20) {
            return self.one_of(&far);
        }
        near.saturating_add(3).saturating_sub(u64::from(self.rng.below(7)))
    }

    fn entry(&mut self, term: u64, index: u64) -> Entry {
        let term = if self.chance(10) { self.term(term) } else { term };
        let index = if self.chance(5) { self.index(index) } else { index };
        let mut entry = Entry::new(term, index, self.one_of(&["", "x", "\x08\x01"]));
        if self.chance(15) {
            let made = self.one_of(&["v4", "r3", "l3", "r1", "v4 r2", "", "r1 r2 r3"]);
            let change = if self.chance(20) { explicit(made) } else { change(made) };
            entry = Entry { term, index, ..ConfChangeRequest::from(change).into_entry() };
        } else if self.chance(5) {
            entry.entry_type = Some(self.one_of(&[-1, 0, 1, 2, 3]));
        }
        entry
    }

    fn message(&mut self, node: &Machine) -> Message {
        let (term, last) = (node.node.term, node.node.log.last_id());
        let near = self.one_of(&[last.index, node.node.log.committed()]);
        let kind: i32 = if self.chance(1) {
            self.one_of(&[-1, 24, i32::MAX])
        } else {
            self.rng.below(24) as i32
        };
        let mut from = self.one_of(&[0, 1, 2, 2, 2, 3, 3, 3, 9]);
        if MessageType::try_from(kind).is_ok_and(behind_another_door) {
            // From peers it does not come as far as this.
            let appended = kind == i32::from(MessageType::MsgStorageAppendResp);
            from = if appended { LOCAL_APPLY_THREAD } else { LOCAL_APPEND_THREAD };
        } else if self.chance(2) {
            from = self.one_of(&[LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD]);
        }
        let term = self.term(term);
        let index = self.index(near);
        let entries: Entries = match kind {
            15 | 16 if self.chance(80) => Entries::from(Entry::proposal("ctx")),
            2 | 3 => {
                let count = u64::from(self.rng.below(4));
                (1..=count).map(|i| self.entry(term, index.saturating_add(i))).collect()
            }
            _ if self.chance(5) => Entries::from(self.entry(term, index)),
            _ => Entries::new(),
        };
        let mut message = Message {
            msg_type: kind,
            to: self.one_of(&[1, 1, 1, 1, 1, 0, 2]),
            from,
            term: if matches!(kind, 2 | 15) && self.chance(80) { 0 } else { term },
            log_term: if self.chance(50) { last.term } else { self.term(last.term) },
            index,
            entries,
            commit: self.index(near),
            reject: self.chance(30),
            reject_hint: self.index(near),
            vote: self.one_of(&[0, 0, 1, u64::MAX]),
            ..Message::default()
        };
        let context: &[u8] = self.one_of(&[
            &[][..],
            b"CampaignTransfer",
            &[1, 0, 0, 0, 0, 0, 0, 0],
            &[0xff; 8],
            &[1, 2, 3],
        ]);
        message.context = context.to_vec().into();
        if kind == i32::from(MessageType::MsgSnap) || self.chance(3) {
            let conf_state = self.one_of(&[
                voters(&[1, 2, 3]),
                voters(&[2, 3]),
                voters(&[1]),
                voters(&[1, 1]),
                ConfState::new([2, 3], [1]),
                ConfState { voters_outgoing: [1, 2, 3].into(), ..voters(&[2, 3]) },
                ConfState { learners_next: [3].into(), ..voters(&[1, 2]) },
            ]);
            let (index, term) = (self.index(near), self.term(last.term));
            message = message.snapshot(snapshot(index, term, conf_state));
        }
        message
    }
}

/// Local messages are refused before they reach the machine, except from the application's own
/// storage threads; what these answer truly is not the attacker's.
fn behind_another_door(kind: MessageType) -> bool {
    let reports = [MessageType::MsgUnreachable, MessageType::MsgSnapStatus];
    kind.is_local() && !reports.contains(&kind)
}

fn digest(node: &Machine) -> u64 {
    let mut hasher = DigestHasher::new();
    (&node.node, &node.role).hash(&mut hasher);
    hasher.finish()
}

#[track_caller]
fn check(node: &Machine, before: &(u64, u64, u64)) {
    let log = &node.node.log;
    assert!(log.applied() <= log.applying() && log.applying() <= log.committed());
    assert!(log.committed() <= log.last_index());
    assert!(log.last_index() < u64::MAX);
    assert!(log.committed() >= before.1, "the commit index fell");
    // Under etcd's rules a message without a term can take a candidate back to term 0.
    if node.node.is_strict() {
        assert!(node.node.term >= before.0, "the term fell");
        if node.node.term == before.0 && before.2 != 0 {
            assert_eq!(node.node.vote, before.2, "a second vote in one term");
        }
    }
    for (id, progress) in node.node.tracker.progress.iter() {
        assert!(progress.match_index < progress.next_index, "{id}: {progress}");
    }
}

fn attack(node: &mut Machine, seed: u64, messages: u32) -> (u32, u32) {
    let mut attacker = Attacker { rng: Rng::new(seed, 0, 1) };
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..messages {
        let before = (node.node.term, node.node.log.committed(), node.node.vote);
        match attacker.rng.below(20) {
            0 => node.pass(1),
            1 => drop(node.persist()),
            2 => drop(node.take_sent()),
            3 => {
                for entry in node.apply() {
                    if let Ok(Some(request)) = ConfChangeRequest::from_entry(&entry) {
                        node.apply_conf_change(&request.as_v2()).ok();
                    }
                }
            }
            _ => {
                let message = attacker.message(node);
                let unchanged = digest(node);
                match node.step(&mut message.clone()) {
                    Ok(()) => accepted += 1,
                    Err(StepError::Poisoned(error)) => panic!("{message:?}: {error}"),
                    Err(StepError::Dropped(_)) => {}
                    Err(error) => {
                        assert_eq!(digest(node), unchanged, "{message:?}: {error}");
                        refused += 1;
                    }
                }
            }
        }
        node.take_events();
        check(node, &before);
    }
    (refused, accepted)
}

fn machines(compat: Compat, seed: u64) -> [Machine; 7] {
    let plain = Setup::of(3).compat(compat).log(&[1, 1, 1]).at(1, 0, 2);
    let checked = plain.clone().with(|config| {
        (config.check_quorum, config.pre_vote) = (true, true);
        config.read_only = ReadOnlyOption::LeaseBased;
        config.max_inflight_msgs = 2;
        config.seed = seed;
    });
    let joint = ConfState {
        voters: [1, 2].into(),
        voters_outgoing: [1, 3].into(),
        auto_leave: true,
        ..ConfState::default()
    };
    let compacted = Setup::of(3).compat(compat).snapshot(9, 1);
    [
        plain.follower(),
        checked.follower_of_2(),
        checked.pre_candidate(),
        plain.candidate(),
        checked.steady_leader(),
        compacted.leader(),
        Setup::in_group(joint).compat(compat).steady_leader(),
    ]
}

#[test]
fn no_message_panics_and_none_that_is_refused_leaves_a_trace() {
    for compat in BOTH {
        let (mut refused, mut accepted) = (0, 0);
        for seed in 0..40 {
            for mut node in machines(compat, seed) {
                let counts = attack(&mut node, seed, 150);
                (refused, accepted) = (refused + counts.0, accepted + counts.1);
            }
        }
        // The attacker reaches what is behind the gate, and the gate.
        assert!(refused > 5_000 && accepted > 5_000, "{refused} refused, {accepted} accepted");
    }
}
