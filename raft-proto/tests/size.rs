//! Encoded sizes follow from the encoding: what etcd writes is what we write plus the zeros we leave
//! out. Sizes in memory stay as they are.

use proptest::prelude::*;
use raft_proto::bytes::Bytes;
use raft_proto::prost::Message as _;
use raft_proto::{
    ConfChange, ConfChangeRequest, ConfChangeSingle, ConfChangeType, ConfChangeV2, ConfState,
    Entries, Entry, HardState, Message, Snapshot, entries_encoded_size, entry_encoded_size,
    payload_size, payloads_size,
};

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), any::<u64>(), (0..64_u32).prop_map(|bits| 1 << bits)]
}

fn entry() -> impl Strategy<Value = Entry> {
    let data = (0..20_000_usize).prop_map(|len| Bytes::from(vec![7; len]));
    (proptest::option::of(any::<i32>()), number(), number(), data)
        .prop_map(|(entry_type, term, index, data)| Entry { entry_type, term, index, data })
}

proptest! {
    #[test]
    fn encoding_and_left_out_zeros(entry in entry()) {
        let zeros = [entry.term, entry.index].iter().filter(|&&number| number == 0).count();
        prop_assert_eq!(entry_encoded_size(&entry), (entry.encoded_len() + 2 * zeros) as u64);
    }

    #[test]
    fn sums(list in proptest::collection::vec(entry(), 0..5)) {
        let entries = Entries::from(list.clone());
        let sum = |size: fn(&Entry) -> u64| list.iter().map(size).sum::<u64>();
        prop_assert_eq!(entries_encoded_size(&entries), sum(entry_encoded_size));
        prop_assert_eq!(payloads_size(&entries), sum(payload_size));
    }
}

/// A refused configuration change becomes an empty normal entry whose type is present.
#[test]
fn refused_conf_change_is_larger_than_an_empty_entry() {
    let empty = Entry::new(1, 5, "");
    let refused = Entry { entry_type: Some(0), ..empty.clone() };
    assert_eq!(entry_encoded_size(&empty), 4);
    assert_eq!(entry_encoded_size(&refused), 6);
}

#[test]
fn conf_change_counts_with_its_zeros() {
    let request = ConfChangeRequest::from(ConfChange::new(ConfChangeType::AddNode, 0));
    let entry = request.into_entry();
    assert_eq!(payload_size(&entry), 4);
    // Term, index, type, and the data with its tag and length.
    assert_eq!(entry_encoded_size(&entry), 2 + 2 + 2 + 6);
}

/// Messages and entries are moved by value: growth shows in every hop, and in every idle group.
///
/// etcd: raftpb.TestProtoMemorySizes
#[cfg(target_pointer_width = "64")]
#[test]
fn none_takes_more_memory_than_it_has_to() {
    for (name, size, expected) in [
        ("Entry", size_of::<Entry>(), 56),
        ("Snapshot", size_of::<Snapshot>(), 152),
        ("Message", size_of::<Message>(), 160),
        ("HardState", size_of::<HardState>(), 24),
        ("ConfState", size_of::<ConfState>(), 104),
        ("ConfChange", size_of::<ConfChange>(), 72),
        ("ConfChangeSingle", size_of::<ConfChangeSingle>(), 24),
        ("ConfChangeV2", size_of::<ConfChangeV2>(), 64),
    ] {
        assert_eq!(size, expected, "{name}");
    }
}
