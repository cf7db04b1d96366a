//! What it takes to commit a batch of proposals on a group in one thread, and to count a quorum.

use std::hint::black_box;

use benches::Group;
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use raft_core::quorum::MajorityConfig;

fn replicate(c: &mut Criterion) {
    let mut suite = c.benchmark_group("replicate");
    for (voters, batch) in [(1, 64), (3, 1), (3, 64), (5, 64)] {
        let name = BenchmarkId::new(format!("{voters}_voters"), format!("{batch}x256B"));
        suite.throughput(Throughput::Elements(batch));
        suite.bench_function(name, |b| {
            let mut group = Group::new(voters);
            b.iter(|| {
                let payloads = (0..batch).map(|_| Bytes::from(vec![0; 256]));
                assert_eq!(group.replicate(payloads), batch as usize);
                group.compact();
            });
        });
    }
    suite.finish();
}

fn quorum(c: &mut Criterion) {
    let mut suite = c.benchmark_group("quorum");
    for voters in [3, 5, 7, 9] {
        let config = MajorityConfig((1..=voters).collect());
        suite.bench_function(BenchmarkId::new("committed_index", voters), |b| {
            b.iter(|| config.committed_index(&|id: u64| Some(black_box(id * 7 % 5))));
        });
    }
    suite.finish();
}

criterion_group!(benches, replicate, quorum);
criterion_main!(benches);
