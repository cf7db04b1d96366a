//! What time passing costs groups with nothing to do, beside the least that it can cost.

use benches::host::Host;
use benches::idle::{Floor, Idle, Ours, followers, tick, tick_and_look};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn idle(c: &mut Criterion) {
    for groups in [1_000, 10_000, 100_000] {
        side::<Ours>(c, "ours", groups);
        side::<Floor>(c, "floor", groups);
    }
    let mut suite = c.benchmark_group("idle/10000_groups");
    let mut host = Host::new(10_000);
    suite.bench_function("tick_of_all_asleep/ours", |b| b.iter(|| host.tick()));
    let mut timer = followers::<Floor>(1);
    suite.bench_function("tick_of_all_asleep/floor", |b| b.iter(|| tick_and_look(&mut timer)));
    suite.finish();
}

fn side<F: Idle>(c: &mut Criterion, name: &str, groups: u64) {
    let mut followers = followers::<F>(groups);
    let mut suite = c.benchmark_group(format!("idle/{groups}_groups"));
    suite.throughput(Throughput::Elements(groups));
    suite.bench_function(BenchmarkId::new("tick", name), |b| b.iter(|| tick(&mut followers)));
    suite.bench_function(BenchmarkId::new("tick_and_look", name), |b| {
        b.iter(|| tick_and_look(&mut followers));
    });
    suite.finish();
}

criterion_group!(benches, idle);
criterion_main!(benches);
