//! From a read's request to its index, confirmed by a round of heartbeats.

use benches::{Group, Membership, OursSync, Payloads};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn read_index(c: &mut Criterion) {
    let mut suite = c.benchmark_group("read_index/3_voters");
    for reads in [1, 64] {
        suite.throughput(Throughput::Elements(reads));
        suite.bench_function(BenchmarkId::from_parameter(reads), |b| {
            let mut group = Group::<OursSync>::new(&Membership::simple(3));
            let mut contexts = Payloads::new(8);
            b.iter(|| group.read(&mut contexts, reads as usize));
        });
    }
    suite.finish();
}

criterion_group!(benches, read_index);
criterion_main!(benches);
