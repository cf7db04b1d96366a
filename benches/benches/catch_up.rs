//! A follower with an empty log catches up, beside the least that it can cost.

use benches::OursSync;
use benches::catch_up::{BATCH, CatchUp, CatchUpFloor};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const ENTRIES: usize = 1_000_000;

fn catch_up(c: &mut Criterion) {
    let mut suite = c.benchmark_group("catch_up/1M");
    suite.throughput(Throughput::Elements(ENTRIES as u64)).sample_size(10);
    let ours = CatchUp::<OursSync>::new(ENTRIES / BATCH);
    suite.bench_function("ours", |b| {
        let run = |mut group| {
            ours.run(&mut group);
            group
        };
        b.iter_batched(|| ours.start(), run, BatchSize::PerIteration);
    });
    let floor = CatchUpFloor::new(ENTRIES / BATCH);
    suite.bench_function("floor", |b| b.iter_with_large_drop(|| floor.run()));
    suite.finish();
}

criterion_group!(benches, catch_up);
criterion_main!(benches);
