//! Plans of the simulator, and the faults in them.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::sim::{Act, Change, Plan, SECOND, TICK, Time, Timed, Whom};

/// Plans whose faults go on for a time within `chaos`. Sizes, settings and network are drawn from a
/// seed; the schedule is made act by act, and shrinks so. Where reads are answered by lease, clocks keep
/// to the bound that a lease rests on.
pub fn plans(chaos: Range<Time>) -> impl Strategy<Value = Plan> {
    (any::<u64>(), chaos).prop_flat_map(|(seed, chaos)| {
        let drawn = Plan { chaos, ..Plan::draw(seed) };
        let most = 1 + (chaos / SECOND) as usize;
        schedules(drawn.nodes.len() as u64, chaos, most)
            .prop_map(move |schedule| with_schedule(&drawn, schedule))
    })
}

/// `plan` with those acts of `schedule` after which its reads have to be right.
fn with_schedule(plan: &Plan, mut schedule: Vec<Timed>) -> Plan {
    if plan.reads_by_lease() {
        schedule.retain(|timed| timed.act.keeps_time());
    }
    Plan { schedule, ..plan.clone() }
}

/// Up to `most` acts before `chaos`, ascending, in a group of nodes `1..=nodes`.
pub fn schedules(nodes: u64, chaos: Time, most: usize) -> impl Strategy<Value = Vec<Timed>> {
    let timed = (0..chaos.max(1), acts(nodes)).prop_map(|(at, act)| Timed { at, act });
    vec(timed, 0..=most).prop_map(|mut schedule| {
        schedule.sort_by_key(|timed| timed.at);
        schedule
    })
}

/// Anything that can go wrong, or be asked for, in a group of nodes `1..=nodes`.
pub fn acts(nodes: u64) -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => process_acts(nodes),
        3 => network_acts(nodes),
        3 => disk_acts(nodes),
        2 => requests(nodes),
    ]
}

/// From much shorter than an election to much longer.
fn spans() -> impl Strategy<Value = Time> {
    prop_oneof![0..5 * TICK, 5 * TICK..4 * SECOND, 4 * SECOND..12 * SECOND]
}

fn whoms(nodes: u64) -> impl Strategy<Value = Whom> {
    prop_oneof![
        Just(Whom::Leader),
        (0..nodes).prop_map(Whom::Follower),
        (1..=nodes).prop_map(Whom::Node),
    ]
}

fn process_acts(nodes: u64) -> impl Strategy<Value = Act> {
    let whom_lasts = || (whoms(nodes), spans());
    prop_oneof![
        whom_lasts().prop_map(|(whom, lasts)| Act::Crash { whom, lasts }),
        (whoms(nodes), 0..6_u32).prop_map(|(whom, after)| Act::CrashInWrite { whom, after }),
        (0..2 * SECOND).prop_map(|lasts| Act::PowerCut { lasts }),
        (whom_lasts(), any::<bool>()).prop_map(|((whom, lasts), catches_up)| Act::Pause {
            whom,
            lasts,
            catches_up
        }),
        (whoms(nodes), 1..40_u32).prop_map(|(whom, ticks)| Act::ClockJump { whom, ticks }),
    ]
}

fn network_acts(nodes: u64) -> impl Strategy<Value = Act> {
    let sides =
        || proptest::sample::subsequence((1..=nodes).collect::<Vec<_>>(), 0..=nodes as usize);
    let ways = select(vec![(true, true), (true, false), (false, true)]);
    prop_oneof![
        (sides(), spans()).prop_map(|(side, lasts)| Act::Partition { side, lasts }),
        (sides(), sides(), spans()).prop_map(|(from, to, lasts)| Act::OneWay { from, to, lasts }),
        (whoms(nodes), ways, spans()).prop_map(|(whom, (inward, outward), lasts)| {
            Act::Isolate { whom, inward, outward, lasts }
        }),
        (1..=nodes, sides(), spans()).prop_map(|(bridge, side, lasts)| Act::Bridge {
            bridge,
            side,
            lasts
        }),
        (1..=nodes, 1..=nodes, spans()).prop_map(|(from, to, lasts)| Act::Clog { from, to, lasts }),
    ]
}

fn disk_acts(nodes: u64) -> impl Strategy<Value = Act> {
    let whom_after = || (whoms(nodes), 0..6_u32);
    let whom_lasts = || (whoms(nodes), spans());
    prop_oneof![
        whom_after().prop_map(|(whom, after)| Act::WriteFails { whom, after }),
        whom_after().prop_map(|(whom, after)| Act::SyncFails { whom, after }),
        whom_lasts().prop_map(|(whom, lasts)| Act::DiskFull { whom, lasts }),
        (whom_lasts(), select(vec![3, 10, 50])).prop_map(|((whom, lasts), factor)| Act::DiskSlow {
            whom,
            factor,
            lasts
        }),
        whom_lasts().prop_map(|(whom, lasts)| Act::SlowReads { whom, lasts }),
        whom_lasts().prop_map(|(whom, lasts)| Act::NoSnapshot { whom, lasts }),
        whoms(nodes).prop_map(|whom| Act::Wipe { whom }),
    ]
}

/// What people and transports ask for.
fn requests(nodes: u64) -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => changes().prop_map(|change| Act::Change { change }),
        1 => whoms(nodes).prop_map(|to| Act::Transfer { to }),
        1 => whoms(nodes).prop_map(|whom| Act::Campaign { whom }),
        1 => whoms(nodes).prop_map(|whom| Act::ForgetLeader { whom }),
        1 => (whoms(nodes), 1..=nodes).prop_map(|(whom, peer)| Act::Unreachable { whom, peer }),
    ]
}

/// Changes of the configuration, before it is known whom they are about.
pub fn changes() -> impl Strategy<Value = Change> {
    select(vec![
        Change::AddVoter,
        Change::AddLearner,
        Change::Promote,
        Change::Demote,
        Change::Remove,
        Change::RemoveLeader,
        Change::Replace { explicit: false },
        Change::Replace { explicit: true },
    ])
}
