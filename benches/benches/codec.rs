//! An append on its way to the network and back, beside the least that it can cost.

use benches::codec::{append, decode, decode_floor, encode, encode_floor, payloads};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn codec(c: &mut Criterion) {
    let (append, payloads) = (append(), payloads());
    let (encoded, floor) = (Bytes::from(encode(&append)), Bytes::from(encode_floor(&payloads)));
    let mut suite = c.benchmark_group("codec/64x256B");
    suite.throughput(Throughput::Bytes(encoded.len() as u64));
    suite.bench_function("encode/ours", |b| b.iter(|| encode(&append)));
    suite.bench_function("encode/floor", |b| b.iter(|| encode_floor(&payloads)));
    suite.bench_function("decode/ours", |b| b.iter(|| decode(encoded.clone())));
    suite.bench_function("decode/floor", |b| b.iter(|| decode_floor(floor.clone())));
    suite.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
