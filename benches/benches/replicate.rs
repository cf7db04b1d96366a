//! From proposed to applied on all nodes, beside the least that it can cost.

use benches::{Cluster, Floor, Group, Membership, OursAsync, OursSync, Payloads};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

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
    let name = format!("replicate/{group}/{batch}x{size_name}");
    let ours = Box::new(Group::<OursSync>::new(membership));
    pair(c, &name, (ours, membership), (batch, size), |cluster, payloads, batch| {
        cluster.replicate(payloads, batch);
    });
}

/// Nodes that go on while they write.
fn asynchronous(c: &mut Criterion) {
    let membership = Membership::simple(3);
    for batch in BATCHES {
        let name = format!("replicate_async/3_voters/{batch}x256B");
        let ours = Box::new(Group::<OursAsync>::new(&membership));
        pair(c, &name, (ours, &membership), (batch, 256), |cluster, payloads, batch| {
            cluster.replicate(payloads, batch);
        });
    }
}

/// Payloads proposed by one call.
fn together(c: &mut Criterion) {
    let membership = Membership::simple(3);
    let name = "replicate_together/3_voters/64x256B";
    let ours = Box::new(Group::<OursSync>::new(&membership));
    pair(c, name, (ours, &membership), (64, 256), |cluster, payloads, batch| {
        cluster.replicate_together(payloads, batch);
    });
}

fn pair(
    c: &mut Criterion,
    name: &str,
    (ours, membership): (Box<dyn Cluster>, &Membership),
    (batch, size): (usize, usize),
    work: fn(&mut dyn Cluster, &mut Payloads, usize),
) {
    let mut suite = c.benchmark_group(name);
    suite.throughput(Throughput::Elements(batch as u64));
    let floor: Box<dyn Cluster> = Box::new(Floor::new(membership));
    for (name, mut cluster) in [("ours", ours), ("floor", floor)] {
        let mut payloads = Payloads::new(size);
        suite.bench_function(name, |b| {
            b.iter(|| {
                work(&mut *cluster, &mut payloads, batch);
                cluster.compact();
            });
        });
        cluster.applied();
    }
    suite.finish();
}

criterion_group!(benches, replicate, asynchronous, together);
criterion_main!(benches);
