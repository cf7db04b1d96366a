//! From a read's request to its index, confirmed by a round of heartbeats, beside the least that it
//! can cost.

use benches::{Floor, Group, Membership, OursSync, Payloads};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn read_index(c: &mut Criterion) {
    let membership = Membership::simple(3);
    for reads in [1, 64] {
        let mut suite = c.benchmark_group(format!("read_index/3_voters/{reads}"));
        suite.throughput(Throughput::Elements(reads));
        suite.bench_function("ours", |b| {
            let mut group = Group::<OursSync>::new(&membership);
            let mut contexts = Payloads::new(8);
            b.iter(|| group.read(&mut contexts, reads as usize));
        });
        suite.bench_function("floor", |b| {
            let mut floor = Floor::new(&membership);
            let mut contexts = Payloads::new(8);
            b.iter(|| floor.read(&mut contexts, reads as usize));
        });
        suite.finish();
    }
}

criterion_group!(benches, read_index);
criterion_main!(benches);
