//! Who leads, and who belongs to the group, beside the least that it can cost to change that.

use benches::{Change, Cluster, Floor, Group, Membership, OursSync};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Until all nodes have applied the first entry of the new leader.
fn election(c: &mut Criterion) {
    let mut suite = c.benchmark_group("election/3_voters");
    suite.bench_function("ours", |b| {
        let mut group = Group::<OursSync>::new(&Membership::simple(3));
        b.iter(|| {
            group.elect_next();
            group.compact();
        });
    });
    suite.bench_function("floor", |b| {
        let mut floor = Floor::new(&Membership::simple(3));
        b.iter(|| {
            floor.elect_next();
            floor.compact();
        });
    });
    suite.finish();
}

/// Until all nodes have applied both changes.
fn conf_change(c: &mut Criterion) {
    let mut suite = c.benchmark_group("conf_change/3_voters/add_and_remove_learner");
    suite.throughput(Throughput::Elements(2));
    suite.bench_function("ours", |b| {
        let mut group = Group::<OursSync>::new(&Membership::simple(3));
        b.iter(|| {
            group.change(Change::AddLearner(4));
            group.change(Change::Remove(4));
            group.compact();
        });
    });
    suite.bench_function("floor", |b| {
        let mut floor = Floor::new(&Membership::simple(3));
        b.iter(|| {
            floor.change(Change::AddLearner(4));
            floor.change(Change::Remove(4));
            floor.compact();
        });
    });
    suite.finish();
}

criterion_group!(benches, election, conf_change);
criterion_main!(benches);
