//! The hot paths, warm. What sets them up is not counted.

#![expect(clippy::vec_box, reason = "the groups of a host lie apart")]

use std::hint::black_box;

use benches::catch_up::CatchUp;
use benches::codec::{append, decode, encode};
use benches::idle::{Ours, followers, tick, tick_and_look};
use benches::{Change, Cluster, Group, Member, Membership, OursAsync, OursSync, Payloads};
use bytes::Bytes;
use gungraun::prelude::*;

const PAYLOAD: usize = 256;

/// A group that has its buffers, with what it replicates.
fn warm<M: Member>(membership: &Membership, batch: usize) -> (Group<M>, Payloads) {
    let (mut group, mut payloads) = (Group::new(membership), Payloads::new(PAYLOAD));
    for _ in 0..8 {
        group.replicate(&mut payloads, batch);
        group.replicate_together(&mut payloads, batch);
    }
    (group, payloads)
}

fn voters(count: u64, batch: usize) -> (Group<OursSync>, Payloads, usize) {
    let (group, payloads) = warm(&Membership::simple(count), batch);
    (group, payloads, batch)
}

#[library_benchmark(setup = voters)]
#[bench::one_voter_64(1, 64)]
#[bench::three_voters_1(3, 1)]
#[bench::three_voters_64(3, 64)]
#[bench::five_voters_64(5, 64)]
fn replicate(work: (Group<OursSync>, Payloads, usize)) -> (Group<OursSync>, Payloads) {
    let (mut group, mut payloads, batch) = work;
    group.replicate(&mut payloads, batch);
    (group, payloads)
}

#[library_benchmark]
#[bench::three_voters_64(warm(&Membership::simple(3), 64))]
fn replicate_async(work: (Group<OursAsync>, Payloads)) -> (Group<OursAsync>, Payloads) {
    let (mut group, mut payloads) = work;
    group.replicate(&mut payloads, 64);
    (group, payloads)
}

#[library_benchmark]
#[bench::three_voters_64(warm(&Membership::simple(3), 64))]
fn replicate_together(work: (Group<OursSync>, Payloads)) -> (Group<OursSync>, Payloads) {
    let (mut group, mut payloads) = work;
    group.replicate_together(&mut payloads, 64);
    (group, payloads)
}

#[library_benchmark]
#[bench::one(warm(&Membership::simple(3), 1))]
fn read_index(work: (Group<OursSync>, Payloads)) -> Group<OursSync> {
    let (mut group, mut contexts) = work;
    group.read(&mut contexts, 1);
    group
}

#[library_benchmark]
#[bench::three_voters(warm(&Membership::simple(3), 1))]
fn election(work: (Group<OursSync>, Payloads)) -> Group<OursSync> {
    let (mut group, _) = work;
    group.elect_next();
    group
}

#[library_benchmark]
#[bench::add_learner(warm(&Membership::simple(3), 1))]
fn conf_change(work: (Group<OursSync>, Payloads)) -> Group<OursSync> {
    let (mut group, _) = work;
    group.change(Change::AddLearner(4));
    group
}

fn log(batches: usize) -> (CatchUp<OursSync>, Group<OursSync>) {
    let work = CatchUp::new(batches);
    let group = work.start();
    (work, group)
}

#[library_benchmark(setup = log)]
#[bench::batches_256(256)]
fn catch_up(work: (CatchUp<OursSync>, Group<OursSync>)) -> (CatchUp<OursSync>, Group<OursSync>) {
    let (work, mut group) = work;
    work.run(&mut group);
    (work, group)
}

#[library_benchmark]
#[bench::groups_1000(followers::<Ours>(1000))]
fn idle_tick(mut groups: Vec<Box<Ours>>) -> Vec<Box<Ours>> {
    tick(&mut groups);
    groups
}

#[library_benchmark]
#[bench::groups_1000(followers::<Ours>(1000))]
fn idle_tick_and_look(mut groups: Vec<Box<Ours>>) -> Vec<Box<Ours>> {
    black_box(tick_and_look(&mut groups));
    groups
}

#[library_benchmark]
#[bench::append_64(append())]
fn encode_append(message: raft_core::proto::Message) -> Vec<u8> {
    encode(&message)
}

#[library_benchmark]
#[bench::append_64(Bytes::from(encode(&append())))]
fn decode_append(encoded: Bytes) -> raft_core::proto::Message {
    decode(encoded)
}

library_benchmark_group!(
    name = hot_paths,
    benchmarks = [
        replicate,
        replicate_async,
        replicate_together,
        read_index,
        election,
        conf_change,
        catch_up,
        idle_tick,
        idle_tick_and_look,
        encode_append,
        decode_append
    ]
);

main!(library_benchmark_groups = hot_paths);
