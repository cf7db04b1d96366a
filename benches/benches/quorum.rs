//! What it takes to count a quorum.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use raft_core::quorum::MajorityConfig;

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

criterion_group!(benches, quorum);
criterion_main!(benches);
