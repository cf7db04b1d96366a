//! From proposed to applied on all nodes.

use benches::{Cluster, Floor, Group, Membership, OursAsync, OursSync, Payloads};

use super::KEPT_ENTRIES;
use crate::allocations::count_during;
use crate::measure::{Plan, Sides, in_turns, repeat};
use crate::raft_rs::{RaftRsAsync, RaftRsSync};
use crate::row::{Counted, Row, Section};

const UNIT: &str = "Nanoseconds for an entry from proposed to applied on all nodes";

/// More payload bytes than this are not kept.
const KEPT_BYTES: usize = 4 << 20;

/// Payloads that are as expensive to make as replicating them.
const LARGE: usize = 64 << 10;

#[derive(Clone, Copy, PartialEq)]
enum Writes {
    Sync,
    Async,
}

#[derive(Clone, Copy)]
enum Proposals {
    OneByOne,
    Together,
}

struct Shape {
    group: Membership,
    batch: usize,
    size: usize,
    writes: Writes,
    proposals: Proposals,
}

impl Shape {
    fn new(group: Membership, batch: usize, size: usize) -> Self {
        Self { group, batch, size, writes: Writes::Sync, proposals: Proposals::OneByOne }
    }

    fn voters(count: u64, batch: usize, size: usize) -> Self {
        Self::new(Membership::simple(count), batch, size)
    }

    fn name(&self) -> String {
        let group = match (self.group.outgoing.len(), self.group.voters.len()) {
            (0, 1) => "1 voter".to_owned(),
            (0, voters) => format!("{voters} voters"),
            (outgoing, incoming) => format!("joint {incoming} + {outgoing}"),
        };
        format!("{group}, {} × {}", self.batch, size_name(self.size))
    }

    fn clusters(&self) -> Sides<Box<dyn Cluster>> {
        let group = &self.group;
        let (ours, raft_rs): (Box<dyn Cluster>, Box<dyn Cluster>) = match self.writes {
            Writes::Sync => {
                (Box::new(Group::<OursSync>::new(group)), Box::new(Group::<RaftRsSync>::new(group)))
            }
            Writes::Async => (
                Box::new(Group::<OursAsync>::new(group)),
                Box::new(Group::<RaftRsAsync>::new(group)),
            ),
        };
        Sides { ours, raft_rs: Some(raft_rs), floor: Some(Box::new(Floor::new(group))) }
    }
}

fn size_name(size: usize) -> String {
    match size >= 1 << 10 {
        true => format!("{} KiB", size >> 10),
        false => format!("{size} B"),
    }
}

/// A cluster with what it replicates.
struct Runner<'a> {
    shape: &'a Shape,
    cluster: Box<dyn Cluster>,
    payloads: Payloads,
    proposed: u64,
    kept: usize,
}

impl<'a> Runner<'a> {
    fn new(shape: &'a Shape, cluster: Box<dyn Cluster>) -> Self {
        let payloads = Payloads::new(shape.size);
        let mut runner = Self { shape, cluster, payloads, proposed: 0, kept: 0 };
        for _ in 0..3 {
            runner.run();
        }
        runner
    }

    fn run(&mut self) {
        let batch = self.shape.batch;
        match self.shape.proposals {
            Proposals::OneByOne => self.cluster.replicate(&mut self.payloads, batch),
            Proposals::Together => self.cluster.replicate_together(&mut self.payloads, batch),
        }
        self.proposed += batch as u64;
        self.kept += batch;
        if self.kept >= KEPT_ENTRIES.min(KEPT_BYTES / self.shape.size) {
            self.cluster.compact();
            self.kept = 0;
        }
    }

    /// Allocations, copies of the payload, and reads of the storage, an entry.
    fn count(&mut self) -> [f64; 3] {
        let runs = (4 * KEPT_ENTRIES.min(KEPT_BYTES / self.shape.size)).div_ceil(self.shape.batch);
        let calls = self.cluster.storage_calls();
        let ((), allocated) = count_during(|| (0..runs).for_each(|_| self.run()));
        let calls = self.cluster.storage_calls() - calls;
        let entries = (runs * self.shape.batch) as f64;
        let (size, bytes) = (self.shape.size as f64, allocated.bytes as f64);
        // Each payload is one allocation, and its bytes once.
        [
            allocated.calls as f64 / entries - 1.0,
            bytes / entries / size - 1.0,
            calls as f64 / entries,
        ]
    }

    fn check(&self) {
        assert_eq!(self.cluster.applied().payloads(), self.proposed, "all that was proposed");
    }
}

fn measure(plan: &Plan, shape: &Shape) -> Row {
    let mut runners = shape.clusters().map(|cluster| Runner::new(shape, cluster));
    let applied = runners.as_ref().map(|runner| runner.cluster.applied());
    assert!([applied.raft_rs, applied.floor].iter().all(|other| *other == Some(applied.ours)));

    let contenders = runners.as_mut().map(|runner| repeat(|| runner.run()));
    let samples = in_turns(plan, shape.batch as u64, contenders);
    let counts = runners.as_mut().map(Runner::count);
    runners.as_ref().map(Runner::check);

    let [allocations, copies, storage_calls] = [0, 1, 2].map(|at| counts.map(|count| count[at]));
    let mut row = Row::timed(shape.name(), &samples);
    row.counted = Some(Counted { allocations, storage_calls });
    let row = row.at_most("storage calls", storage_calls.ours, 0.0);
    match shape.size >= LARGE {
        true => row.at_most("copies of a payload", copies.ours, 0.05),
        false => row,
    }
}

/// The rows with numbers to reach, but for those of the grid.
pub(crate) fn at_a_glance(title: &'static str, plan: &Plan) -> Section {
    let mut shapes = vec![Shape::voters(1, 64, 256)];
    shapes.extend([1, 16, 64, 256].map(|batch| Shape::voters(3, batch, 256)));
    shapes.extend([16, 4 << 10, LARGE].map(|size| Shape::voters(3, 64, size)));
    shapes.extend([16, 256, 4 << 10].map(|size| Shape::voters(5, 64, size)));
    shapes.push(Shape::voters(7, 64, 256));
    shapes.push(Shape::new(Membership::joint(), 64, 256));
    section(title, plan, &shapes)
}

/// One to nine voters, batches of 64 × 256 B.
pub(crate) fn by_voters(title: &'static str, plan: &Plan) -> Section {
    let row = |voters: u64| {
        let row = measure(plan, &Shape::voters(voters, 64, 256));
        Row { work: voters.to_string(), checks: Vec::new(), ..row }
    };
    let rows = [1, 3, 5, 7, 9].map(row).into();
    Section { title, unit: "Nanoseconds for an entry, by the number of voters, 64 × 256 B", rows }
}

/// 16 B to 64 KiB, batches of 64 among three voters.
pub(crate) fn by_size(title: &'static str, plan: &Plan) -> Section {
    let row = |size| {
        let row = measure(plan, &Shape::voters(3, 64, size));
        Row { work: size_name(size), checks: Vec::new(), ..row }
    };
    let rows = [16, 256, 1 << 10, 4 << 10, 16 << 10, LARGE].map(row).into();
    Section { title, unit: "Nanoseconds for an entry, by its size, 3 voters, batches of 64", rows }
}

/// The other combinations of batch and size.
pub(crate) fn grid(title: &'static str, plan: &Plan) -> Section {
    let mut shapes = Vec::new();
    for voters in [1, 3] {
        for batch in [1, 16, 64, 256] {
            for size in [16, 256, 4 << 10, LARGE] {
                let glanced_at = match voters {
                    1 => batch == 64 && size == 256,
                    _ => batch == 64 || size == 256,
                };
                if !glanced_at {
                    shapes.push(Shape::voters(voters, batch, size));
                }
            }
        }
    }
    section(title, plan, &shapes)
}

/// Nodes that go on while they write.
pub(crate) fn asynchronous(title: &'static str, plan: &Plan) -> Section {
    let shapes = [1, 16, 64, 256].map(|batch| {
        let shape = Shape::voters(3, batch, 256);
        Shape { writes: Writes::Async, ..shape }
    });
    section(title, plan, &shapes)
}

/// Many payloads by one call, which not every client can make.
pub(crate) fn together(title: &'static str, plan: &Plan) -> Section {
    let shape = Shape { proposals: Proposals::Together, ..Shape::voters(3, 64, 256) };
    section(title, plan, &[shape])
}

fn section(title: &'static str, plan: &Plan, shapes: &[Shape]) -> Section {
    let rows = shapes.iter().map(|shape| with_goals(shape, measure(plan, shape))).collect();
    Section { title, unit: UNIT, rows }
}

fn with_goals(shape: &Shape, row: Row) -> Row {
    let is_simple = shape.group.outgoing.is_empty();
    let one_by_one = matches!(shape.proposals, Proposals::OneByOne);
    if shape.writes == Writes::Async || !is_simple || !one_by_one || shape.size >= LARGE {
        return row;
    }
    let row = match (shape.group.voters.len(), shape.batch) {
        (3 | 5, 64) => {
            let allocations = row.counted.as_ref().map(|counted| counted.allocations.ours);
            row.faster_than_raft_rs(10.0).within_floor(3.0).at_most(
                "allocations",
                allocations.unwrap_or_default(),
                0.2,
            )
        }
        (3, 1) => row.faster_than_raft_rs(4.0),
        _ => return row,
    };
    match (shape.group.voters.len(), shape.batch, shape.size) {
        (3, 1, 256) => row.headline("one proposal of 256 B, 3 voters: ns"),
        (3, 64, 256) => row.headline("64 proposals of 256 B, 3 voters: ns each"),
        (3, 64, 4096) => row.headline("64 proposals of 4 KiB, 3 voters: ns each"),
        (5, 64, 256) => row.headline("64 proposals of 256 B, 5 voters: ns each"),
        _ => row,
    }
}
