//! Bytes as wire types.

use std::fmt::Debug;

use bytes::Bytes;
use raft_core::describe;
use raft_proto::prost::Message as _;
use raft_proto::{
    ConfChange, ConfChangeRequest, ConfChangeSingle, ConfChangeV2, ConfState, Entry, HardState,
    Message, Snapshot, SnapshotMetadata, entry_encoded_size,
};

/// As which types bytes were decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecodeSeen {
    /// As how many of the wire types.
    pub types: u32,
    /// If as a message, how many entries it has.
    pub entries: usize,
    /// And how many responses.
    pub responses: usize,
}

/// Decodes `bytes` as every wire type. What is decoded must be the same after another round, encoded
/// in as many bytes as it says, and have a text.
///
/// # Panics
/// It is not.
pub fn decode(bytes: &[u8]) -> DecodeSeen {
    let mut seen = DecodeSeen::default();
    if let Some(message) = round::<Message>(bytes) {
        seen.types += 1;
        (seen.entries, seen.responses) = (message.entries.len(), message.responses.len());
        let _ = describe::message(&message).to_string();
    }
    if let Some(entry) = round::<Entry>(bytes) {
        seen.types += 1;
        let _ = describe::entry(&entry).to_string();
        look_into(&entry);
    }
    if let Some(change) = round::<ConfChangeV2>(bytes) {
        seen.types += 1;
        let _ = (change.to_string(), change.leave_joint(), change.enter_joint());
    }
    if let Some(change) = round::<ConfChange>(bytes) {
        seen.types += 1;
        assert_eq!(change.as_v2(), change.into_v2());
    }
    let others = [
        round::<ConfChangeSingle>(bytes).is_some(),
        round::<ConfState>(bytes).is_some(),
        round::<HardState>(bytes).is_some(),
        round::<Snapshot>(bytes).is_some(),
        round::<SnapshotMetadata>(bytes).is_some(),
    ];
    seen.types += others.into_iter().map(u32::from).sum::<u32>();
    seen
}

fn round<M>(bytes: &[u8]) -> Option<M>
where
    M: raft_proto::prost::Message + Default + PartialEq + Debug,
{
    let from_slice = M::decode(bytes);
    let from_shared = M::decode(Bytes::copy_from_slice(bytes));
    assert_eq!(from_slice, from_shared, "it matters whose the bytes are");
    let value = from_slice.ok()?;
    let encoded = value.encode_to_vec();
    assert_eq!(encoded.len(), value.encoded_len(), "of {value:?}");
    let again = M::decode(encoded.as_slice());
    assert_eq!(again.as_ref(), Ok(&value), "after a round");
    assert_eq!(again.map(|again| again.encode_to_vec()), Ok(encoded), "of {value:?}");
    Some(value)
}

/// The configuration change in an entry is another message in a message.
fn look_into(entry: &Entry) {
    let (size, len) = (entry_encoded_size(entry), entry.encoded_len() as u64);
    assert!(len <= size && size <= len + 4, "{size} bytes are counted for {len}");
    if let Ok(Some(request)) = ConfChangeRequest::from_entry(entry) {
        // Zeros that were left out are written; from then on it stays as it is.
        let written = request.into_entry();
        let read = ConfChangeRequest::from_entry(&written).expect("what was written");
        assert_eq!(read.map(ConfChangeRequest::into_entry), Some(written));
    }
}
