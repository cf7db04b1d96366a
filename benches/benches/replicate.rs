//! From proposed to applied on all nodes, beside the least that it can cost.

use benches::{Cluster, Floor, Group, Membership, OursAsync, OursSync, Payloads};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

const BATCHES: [usize; 4] = [1, 16, 64, 256];
const SIZES: [(usize, &str); 4] =
    [(16, "16B"), (256, "256B"), (4 << 10, "4KiB"), (64 << 10, "64KiB")];

/// Every batch and size for groups of one and three, one of them for the others.
fn replicate(c: &mut Criterion) {
    for voters in [1, 3] {
        for batch in BATCHES {
            for (size, size_name) in SIZES {
                let group = format!("{voters}_voters");
                let membership = Membership::simple(voters);
                side_by_side(c, &group, &membership, (batch, size, size_name));
            }
        }
    }
    let shape = (64, 256, "256B");
    side_by_side(c, "5_voters", &Membership::simple(5), shape);
    side_by_side(c, "7_voters", &Membership::simple(7), shape);
    side_by_side(c, "joint", &Membership::joint(), shape);
}

fn side_by_side(
    c: &mut Criterion,
    group: &str,
    membership: &Membership,
    (batch, size, size_name): (usize, usize, &str),
) {
    let mut suite = c.benchmark_group(format!("replicate/{group}/{batch}x{size_name}"));
    suite.throughput(Throughput::Elements(batch as u64));
    let mut run = |name: &str, mut cluster: Box<dyn Cluster>| {
        let mut payloads = Payloads::new(size);
        suite.bench_function(name, |b| {
            b.iter(|| {
                cluster.replicate(&mut payloads, batch);
                cluster.compact();
            });
        });
        cluster.applied();
    };
    run("ours", Box::new(Group::<OursSync>::new(membership)));
    run("floor", Box::new(Floor::new(membership)));
    suite.finish();
}

/// Nodes that go on while they write, and payloads proposed by one call.
fn variants(c: &mut Criterion) {
    let membership = Membership::simple(3);
    for batch in [1, 64] {
        let mut suite = c.benchmark_group("replicate_async/3_voters");
        suite.throughput(Throughput::Elements(batch as u64));
        suite.bench_function(BenchmarkId::from_parameter(format!("{batch}x256B")), |b| {
            let mut group = Group::<OursAsync>::new(&membership);
            let mut payloads = Payloads::new(256);
            b.iter(|| {
                group.replicate(&mut payloads, batch);
                group.compact();
            });
        });
        suite.finish();
    }
    let mut suite = c.benchmark_group("replicate_together/3_voters");
    suite.throughput(Throughput::Elements(64));
    suite.bench_function("64x256B", |b| {
        let mut group = Group::<OursSync>::new(&membership);
        let mut payloads = Payloads::new(256);
        b.iter(|| {
            group.replicate_together(&mut payloads, 64);
            group.compact();
        });
    });
    suite.finish();
}

criterion_group!(benches, replicate, variants);
criterion_main!(benches);
