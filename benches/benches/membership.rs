//! Who leads, and who belongs to the group.

use benches::{Change, Cluster, Group, Membership, OursSync};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Until all nodes have applied the first entry of the new leader.
fn election(c: &mut Criterion) {
    c.bench_function("election/3_voters", |b| {
        let mut group = Group::<OursSync>::new(&Membership::simple(3));
        b.iter(|| {
            group.elect_next();
            group.compact();
        });
    });
}

/// Until all nodes have applied both changes.
fn conf_change(c: &mut Criterion) {
    let mut suite = c.benchmark_group("conf_change/3_voters");
    suite.throughput(Throughput::Elements(2));
    suite.bench_function("add_and_remove_learner", |b| {
        let mut group = Group::<OursSync>::new(&Membership::simple(3));
        b.iter(|| {
            group.change(Change::AddLearner(4));
            group.change(Change::Remove(4));
            group.compact();
        });
    });
    suite.finish();
}

criterion_group!(benches, election, conf_change);
criterion_main!(benches);
