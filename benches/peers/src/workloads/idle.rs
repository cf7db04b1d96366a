//! Groups with nothing to do.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use benches::idle::{self, Floor, Idle, Ours, followers};
use slog::Logger;

use crate::allocations::count_during;
use crate::measure::{Contender, Plan, Samples, Sides, in_turns, repeat};
use crate::raft_rs::Follower;
use crate::row::{Row, Section};

/// The groups of a host.
const GROUPS: [u64; 4] = [1, 1_000, 10_000, 100_000];

/// Memory, ticks, and a host that lets groups sleep.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let mut rows = vec![memory()];
    for groups in GROUPS {
        let row = Row::timed(format!("tick, {groups} groups"), &ticks(plan, groups));
        rows.push(row.faster_than_raft_rs(1.0));
    }
    for groups in GROUPS {
        let row =
            Row::timed(format!("tick and look for work, {groups} groups"), &looks(plan, groups));
        rows.push(if groups == 10_000 { row.faster_than_raft_rs(4.0) } else { row });
    }
    rows.push(sleeping(plan));
    Section { title, unit: "Bytes, then nanoseconds for a tick of a group", rows }
}

fn memory() -> Row {
    let bytes = Sides { ours: bytes::<Ours>(), raft_rs: Some(bytes::<Follower>()), floor: None };
    Row::exact("bytes of a group", bytes).at_most("bytes", bytes.ours, 700.0)
}

/// What a follower takes, with all that it has allocated.
fn bytes<F: Idle>() -> f64 {
    let logger = Logger::root(slog::Discard, slog::o!());
    // What is made once, with the first, is not its own.
    drop(F::new(0, &logger));
    let (follower, allocated) = count_during(|| F::new(1, &logger));
    drop(follower);
    size_of::<F>() as f64 + allocated.kept as f64
}

fn ticks(plan: &Plan, groups: u64) -> Sides<Samples> {
    fn contender<F: Idle + 'static>(groups: u64) -> Contender<'static> {
        let mut followers = followers::<F>(groups);
        repeat(move || idle::tick(black_box(&mut followers)))
    }
    let contenders = Sides {
        ours: contender::<Ours>(groups),
        raft_rs: Some(contender::<Follower>(groups)),
        floor: Some(contender::<Floor>(groups)),
    };
    in_turns(plan, groups, contenders)
}

fn looks(plan: &Plan, groups: u64) -> Sides<Samples> {
    fn contender<F: Idle + 'static>(groups: u64) -> Contender<'static> {
        let mut followers = followers::<F>(groups);
        repeat(move || assert_eq!(idle::tick_and_look(black_box(&mut followers)), 0))
    }
    let contenders = Sides {
        ours: contender::<Ours>(groups),
        raft_rs: Some(contender::<Follower>(groups)),
        floor: Some(contender::<Floor>(groups)),
    };
    in_turns(plan, groups, contenders)
}

/// A host of 10,000 groups that wakes only those that are due.
struct Host {
    now: u64,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    groups: Vec<(Box<Ours>, u64)>,
    woken: u64,
}

impl Host {
    fn new() -> Self {
        let groups: Vec<_> =
            followers::<Ours>(10_000).into_iter().map(|group| (group, 0)).collect();
        let due = |(at, (group, _)): (usize, &(Box<Ours>, u64))| {
            group.ticks_until_timeout().map(|ticks| Reverse((u64::from(ticks), at)))
        };
        let due = groups.iter().enumerate().filter_map(due).collect();
        Self { now: 0, due, groups, woken: 0 }
    }

    fn tick(&mut self) {
        self.now += 1;
        while let Some(&Reverse((due, at))) = self.due.peek() {
            if due > self.now {
                return;
            }
            self.due.pop();
            self.woken += 1;
            let (group, ticked) = &mut self.groups[at];
            group.tick_by((self.now - *ticked) as u32);
            *ticked = self.now;
            if let Some(ticks) = group.ticks_until_timeout() {
                self.due.push(Reverse((self.now + u64::from(ticks), at)));
            }
        }
    }
}

fn sleeping(plan: &Plan) -> Row {
    let mut host = Host::new();
    let contenders =
        Sides { ours: repeat(|| black_box(&mut host).tick()), raft_rs: None, floor: None };
    let samples = in_turns(plan, 1, contenders);
    Row::timed("a tick of a host that lets 10000 groups sleep, all together", &samples).at_most(
        "groups woken",
        host.woken as f64,
        0.0,
    )
}
