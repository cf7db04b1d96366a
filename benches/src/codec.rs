//! An append of 64 entries on the wire.

use bytes::{Buf, BufMut, Bytes};
use raft_core::proto::prost::Message as _;
use raft_core::proto::{Entry, Message, MessageType};

use crate::Payloads;

/// The entries of the append.
pub const ENTRIES: usize = 64;

/// The bytes of one payload.
pub const PAYLOAD: usize = 256;

/// The append of this library.
#[must_use]
pub fn append() -> Message {
    let entry = |(index, payload)| Entry::new(7, index, payload);
    let entries = (101..).zip(Payloads::new(PAYLOAD).take(ENTRIES)).map(entry).collect();
    Message {
        to: 2,
        from: 1,
        term: 7,
        log_term: 7,
        index: 100,
        commit: 100,
        entries,
        ..Message::new(MessageType::MsgApp)
    }
}

/// Encodes a message of this library.
#[must_use]
pub fn encode(message: &Message) -> Vec<u8> {
    message.encode_to_vec()
}

/// Decodes a message of this library.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn decode(encoded: Bytes) -> Message {
    Message::decode(encoded).expect("what was encoded")
}

/// How many of the payloads lie within `buffer`, and so have not been copied out of it.
pub fn count_within<'a>(buffer: &[u8], payloads: impl Iterator<Item = &'a [u8]>) -> usize {
    let buffer = buffer.as_ptr_range();
    let lies_within = |payload: &&[u8]| {
        let payload = payload.as_ptr_range();
        buffer.start <= payload.start && payload.end <= buffer.end
    };
    payloads.filter(lies_within).count()
}

/// The payloads of the floor's append.
#[must_use]
pub fn payloads() -> Vec<Bytes> {
    Payloads::new(PAYLOAD).take(ENTRIES).map(Bytes::from).collect()
}

/// Lengths and payloads one after the other, in a buffer of the right size: the least that
/// encoding can cost.
#[must_use]
pub fn encode_floor(payloads: &[Bytes]) -> Vec<u8> {
    let size = payloads.iter().map(|payload| size_of::<u32>() + payload.len()).sum();
    let mut buffer = Vec::with_capacity(size);
    for payload in payloads {
        buffer.put_u32_le(payload.len() as u32);
        buffer.put_slice(payload);
    }
    buffer
}

/// The payloads, which share the buffer: the least that decoding can cost.
#[must_use]
pub fn decode_floor(mut buffer: Bytes) -> Vec<Bytes> {
    let mut payloads = Vec::with_capacity(ENTRIES);
    while buffer.has_remaining() {
        let len = buffer.get_u32_le() as usize;
        payloads.push(buffer.split_to(len));
    }
    payloads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_decoded_was_encoded() {
        assert_eq!(decode(encode(&append()).into()), append());
        assert_eq!(decode_floor(encode_floor(&payloads()).into()), payloads());
    }

    #[test]
    fn a_copy_lies_elsewhere() {
        let buffer = vec![0; 32];
        let copy = buffer.clone();
        let parts = [&buffer[..16], &buffer[16..], &copy[..16]];
        assert_eq!(count_within(&buffer, parts.into_iter()), 2);
    }
}
