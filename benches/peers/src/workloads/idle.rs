//! Groups with nothing to do.

use std::hint::black_box;

use benches::host::Host;
use benches::idle::{Floor, Idle, Ours, followers, tick, tick_and_look};
use slog::Logger;

use crate::allocations::count_during;
use crate::markdown::number;
use crate::measure::{Contender, Plan, Sides, in_turns, repeat};
use crate::raft_rs::Follower;
use crate::row::{Row, Section};

/// The groups of a host.
const GROUPS: [u64; 4] = [1, 1_000, 10_000, 100_000];

/// The groups of a host whose growth is measured.
const MANY_GROUPS: [u64; 5] = [1_000, 3_000, 10_000, 30_000, 100_000];

/// Memory, ticks, and a host that lets groups sleep.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let mut rows = vec![memory()];
    for groups in GROUPS {
        let row = measure(plan, groups, [ticks::<Ours>, ticks::<Follower>, ticks::<Floor>]);
        rows.push(Row { work: named("tick", groups), ..row }.not_slower_than_raft_rs());
    }
    for groups in GROUPS {
        let row = look(plan, groups);
        let row = Row { work: named("tick and look for work", groups), ..row };
        rows.push(match groups {
            10_000 => row
                .faster_than_raft_rs(4.0)
                .headline("tick of an idle group, and a look for work, 10,000 groups: ns"),
            _ => row,
        });
    }
    rows.push(sleeping(plan));
    Section { title, unit: "Bytes, then nanoseconds for a tick of a group", rows }
}

/// The time of an idle group's tick, with a look for work, by how many groups there are.
pub(crate) fn time_by_groups(title: &'static str, plan: &Plan) -> Section {
    let row = |groups: u64| Row { work: number(groups as f64), ..look(plan, groups) };
    let rows = MANY_GROUPS.map(row).into();
    let unit = "Nanoseconds for a tick of a group and a look for work, by the number of groups";
    Section { title, unit, rows }
}

/// The bytes of an idle group, by how many there are.
pub(crate) fn memory_by_groups(title: &'static str, _: &Plan) -> Section {
    fn bytes<F: Idle>(groups: u64) -> f64 {
        let logger = Logger::root(slog::Discard, slog::o!());
        let make = |group| Box::new(F::new(group, &logger));
        let (followers, allocated) = count_during(|| (0..groups).map(make).collect::<Vec<_>>());
        drop(followers);
        allocated.kept as f64 / groups as f64
    }
    let row = |groups: u64| {
        let values = Sides {
            ours: bytes::<Ours>(groups),
            raft_rs: Some(bytes::<Follower>(groups)),
            floor: None,
        };
        Row::exact(number(groups as f64), values)
    };
    let rows = MANY_GROUPS.map(row).into();
    let unit = "Bytes of a group, with the pointer to it and all that it has allocated, by the \
                number of groups";
    Section { title, unit, rows }
}

fn named(work: &str, groups: u64) -> String {
    let s = if groups == 1 { "" } else { "s" };
    format!("{work}, {} group{s}", number(groups as f64))
}

fn memory() -> Row {
    let bytes = Sides { ours: bytes::<Ours>(), raft_rs: Some(bytes::<Follower>()), floor: None };
    Row::exact("bytes of a group", bytes)
        .at_most("bytes", bytes.ours, 700.0)
        .headline("an idle group: bytes")
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

type Contend = fn(u64) -> Contender<'static>;

fn measure(plan: &Plan, groups: u64, [ours, raft_rs, floor]: [Contend; 3]) -> Row {
    let contenders =
        Sides { ours: ours(groups), raft_rs: Some(raft_rs(groups)), floor: Some(floor(groups)) };
    Row::timed("", &in_turns(plan, groups, contenders))
}

fn look(plan: &Plan, groups: u64) -> Row {
    measure(plan, groups, [looks::<Ours>, looks::<Follower>, looks::<Floor>])
}

fn ticks<F: Idle + 'static>(groups: u64) -> Contender<'static> {
    let mut followers = followers::<F>(groups);
    repeat(move || tick(black_box(&mut followers)))
}

fn looks<F: Idle + 'static>(groups: u64) -> Contender<'static> {
    let mut followers = followers::<F>(groups);
    repeat(move || assert_eq!(tick_and_look(black_box(&mut followers)), 0))
}

/// A host that wakes groups when they are due, beside one that has no choice but to tick all.
fn sleeping(plan: &Plan) -> Row {
    const GROUPS: u64 = 10_000;
    let mut host = Host::new(GROUPS);
    let contenders = Sides {
        ours: repeat(|| black_box(&mut host).tick()),
        raft_rs: Some(looks::<Follower>(GROUPS)),
        floor: Some(looks::<Floor>(1)),
    };
    let samples = in_turns(plan, 1, contenders);
    Row::timed("tick of a host of 10,000 groups that are not due, all together", &samples)
        .at_most("groups woken", host.woken() as f64, 0.0)
        .headline("tick of 10,000 groups that are not due: ns for all")
}
