//! A follower with an empty log.

use std::hint::black_box;
use std::time::Duration;

use benches::catch_up::{BATCH, BUDGET, CatchUp, CatchUpFloor, PAYLOAD};
use benches::{Member, OursSync};

use crate::measure::{Contender, Plan, Sides, now, once_a_turn};
use crate::raft_rs::RaftRsSync;
use crate::row::{Row, Section};

/// One row, and how much was on its way.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let batches = plan.catch_up_entries / BATCH;
    let ours = CatchUp::<OursSync>::new(batches);
    let raft_rs = CatchUp::<RaftRsSync>::new(batches);
    let floor = CatchUpFloor::new(batches);
    let contenders = Sides {
        ours: contender(&ours),
        raft_rs: Some(contender(&raft_rs)),
        floor: Some(Box::new(|times| time(times, || (), |()| black_box(floor.run())))),
    };
    let entries = batches * BATCH;
    let samples = once_a_turn(plan, entries as u64, contenders);
    let row = Row::timed(format!("{entries} entries of {PAYLOAD} B"), &samples);
    let peak = Sides {
        ours: ours.peak_in_flight() as f64,
        raft_rs: Some(raft_rs.peak_in_flight() as f64),
        floor: None,
    };
    let bytes = Row::exact("payload bytes on their way at most", peak);
    Section {
        title,
        unit: "Nanoseconds for an entry until the follower has applied it",
        rows: vec![
            row.within_floor(2.0),
            bytes.at_most("bytes in flight", peak.ours, BUDGET as f64),
        ],
    }
}

fn contender<M: Member>(work: &CatchUp<M>) -> Contender<'_> {
    Box::new(|times| {
        time(
            times,
            || work.start(),
            |mut group| {
                work.run(&mut group);
                group
            },
        )
    })
}

/// Times the work without making what it needs and dropping what it leaves.
fn time<T, U>(times: u64, mut make: impl FnMut() -> T, mut work: impl FnMut(T) -> U) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..times {
        let made = make();
        let start = now();
        let left = work(made);
        took += now() - start;
        drop(left);
    }
    took
}
