//! A follower with an empty log.

use std::hint::black_box;
use std::time::Duration;

use benches::catch_up::{BATCH, BUDGET, CatchUp, CatchUpFloor, PAYLOAD};
use benches::{Member, OursSync};

use crate::allocations::count_during;
use crate::markdown::number;
use crate::measure::{Contender, Plan, Sides, now, once_a_turn};
use crate::raft_rs::RaftRsSync;
use crate::row::{Row, Section};

/// How far followers are behind, where they catch up.
const LAGS: [usize; 4] = [1 << 10, 16 << 10, 128 << 10, 1 << 20];

/// Time, and what it takes on the way.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let work = Work::new(plan.catch_up_entries);
    let (in_flight, memory) = (work.in_flight(), work.memory());
    let budget = BUDGET as f64;
    let rows = vec![
        work.time(plan)
            .within_floor(2.0)
            .headline("a follower catches up, 1 M entries of 256 B: ns each"),
        Row::exact("payload bytes on their way at most", in_flight).at_most(
            "bytes",
            in_flight.ours,
            budget,
        ),
        Row::exact("bytes taken on the way, and given back", memory).at_most(
            "bytes",
            memory.ours,
            budget,
        ),
    ];
    let unit = "Nanoseconds for an entry until the follower has applied it, then bytes of memory";
    Section { title, unit, rows }
}

/// The time of an entry, by how many are missing.
pub(crate) fn time_by_lag(title: &'static str, plan: &Plan) -> Section {
    let row = |lag| Row { work: lag_name(lag), ..Work::new(lag).time(plan) };
    let rows = LAGS.map(row).into();
    Section { title, unit: "Nanoseconds for an entry, by the entries that a follower lacks", rows }
}

/// What is on its way at most, by how many entries are missing.
pub(crate) fn memory_by_lag(title: &'static str, _: &Plan) -> Section {
    let row = |lag| Row::exact(lag_name(lag), Work::new(lag).in_flight());
    let rows = LAGS.map(row).into();
    let unit = "Payload bytes on their way at most, by the entries that a follower lacks";
    Section { title, unit, rows }
}

fn lag_name(entries: usize) -> String {
    match entries >= 1 << 20 {
        true => format!("{} Mi", entries >> 20),
        false => format!("{} Ki", entries >> 10),
    }
}

struct Work {
    entries: usize,
    ours: CatchUp<OursSync>,
    raft_rs: CatchUp<RaftRsSync>,
    floor: CatchUpFloor,
}

impl Work {
    fn new(entries: usize) -> Self {
        let batches = entries / BATCH;
        Self {
            entries: batches * BATCH,
            ours: CatchUp::new(batches),
            raft_rs: CatchUp::new(batches),
            floor: CatchUpFloor::new(batches),
        }
    }

    fn time(&self, plan: &Plan) -> Row {
        let contenders = Sides {
            ours: contender(&self.ours),
            raft_rs: Some(contender(&self.raft_rs)),
            floor: Some(Box::new(|times| time(times, || (), |()| black_box(self.floor.run())))),
        };
        let samples = once_a_turn(plan, self.entries as u64, contenders);
        Row::timed(format!("{} entries of {PAYLOAD} B", number(self.entries as f64)), &samples)
    }

    fn in_flight(&self) -> Sides<f64> {
        Sides {
            ours: self.ours.peak_in_flight() as f64,
            raft_rs: Some(self.raft_rs.peak_in_flight() as f64),
            floor: None,
        }
    }

    fn memory(&self) -> Sides<f64> {
        Sides { ours: taken(&self.ours), raft_rs: Some(taken(&self.raft_rs)), floor: None }
    }
}

/// What all nodes allocate on the way, beyond what is there in the end.
fn taken<M: Member>(work: &CatchUp<M>) -> f64 {
    let mut group = work.start();
    let ((), allocated) = count_during(|| work.run(&mut group));
    (allocated.peak - allocated.kept) as f64
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
