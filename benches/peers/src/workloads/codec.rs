//! An append on its way to the network and back.

use std::hint::black_box;

use benches::codec::{self, ENTRIES, PAYLOAD, count_within};
use bytes::Bytes;

use crate::allocations::count_during;
use crate::measure::{Plan, Sides, in_turns, repeat};
use crate::raft_rs;
use crate::row::{Row, Section};

/// Encoding, then decoding.
pub(crate) fn section(title: &'static str, plan: &Plan) -> Section {
    let rows = vec![encode(plan), decode(plan)];
    Section { title, unit: "Nanoseconds for an append", rows }
}

fn encode(plan: &Plan) -> Row {
    let (ours, raft_rs, payloads) = (codec::append(), raft_rs::append(), codec::payloads());
    let contenders = Sides {
        ours: repeat(|| drop(black_box(codec::encode(black_box(&ours))))),
        raft_rs: Some(repeat(|| drop(black_box(raft_rs::encode(black_box(&raft_rs)))))),
        floor: Some(repeat(|| drop(black_box(codec::encode_floor(black_box(&payloads)))))),
    };
    let samples = in_turns(plan, 1, contenders);
    let (encoded, allocated) = count_during(|| codec::encode(&ours));
    let copies = allocated.bytes as f64 / encoded.len() as f64;
    Row::timed(format!("encode {ENTRIES} × {PAYLOAD} B"), &samples)
        .at_most("allocation", allocated.calls as f64, 1.0)
        .at_most("byte allocated for each encoded", copies, 1.0)
}

fn decode(plan: &Plan) -> Row {
    let ours: Bytes = codec::encode(&codec::append()).into();
    let raft_rs: Bytes = raft_rs::encode(&raft_rs::append()).into();
    let floor: Bytes = codec::encode_floor(&codec::payloads()).into();
    let contenders = Sides {
        ours: repeat(|| drop(black_box(codec::decode(black_box(&ours).clone())))),
        raft_rs: Some(repeat(|| drop(black_box(raft_rs::decode(black_box(&raft_rs)))))),
        floor: Some(repeat(|| drop(black_box(codec::decode_floor(black_box(&floor).clone()))))),
    };
    let samples = in_turns(plan, 1, contenders);
    let message = codec::decode(ours.clone());
    let shared = count_within(&ours, message.entries.iter().map(|entry| &entry.data[..]));
    Row::timed(format!("decode {ENTRIES} × {PAYLOAD} B"), &samples).at_most(
        "payloads copied",
        (ENTRIES - shared) as f64,
        0.0,
    )
}
