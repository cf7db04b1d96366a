//! raft-rs's append on the wire.

use benches::Payloads;
use benches::codec::{ENTRIES, PAYLOAD};
use bytes::Bytes;
use protobuf::Message as _;
use raft::prelude::*;

/// The append of raft-rs: the same as this library's.
pub(crate) fn append() -> Message {
    let entry = |(index, payload): (u64, Vec<u8>)| Entry {
        term: 7,
        index,
        data: payload.into(),
        ..Entry::default()
    };
    let entries: Vec<_> = (101..).zip(Payloads::new(PAYLOAD).take(ENTRIES)).map(entry).collect();
    let mut message = Message {
        to: 2,
        from: 1,
        term: 7,
        log_term: 7,
        index: 100,
        commit: 100,
        entries: entries.into(),
        ..Message::default()
    };
    message.set_msg_type(MessageType::MsgAppend);
    message
}

/// Encodes a message of raft-rs.
pub(crate) fn encode(message: &Message) -> Vec<u8> {
    message.write_to_bytes().expect("all fields are set")
}

/// Decodes a message of raft-rs from a buffer that its payloads may share.
pub(crate) fn decode(encoded: &Bytes) -> Message {
    Message::parse_from_carllerche_bytes(encoded).expect("what was encoded")
}
