//! The hand-written codec of `Message` does what the generated one does, to the byte and to the
//! error.

// As the generator writes it; `tests/generated.rs` compares it byte for byte.
#[allow(clippy::enum_variant_names, dead_code, unreachable_pub)]
#[path = "twin/raftpb.rs"]
#[rustfmt::skip]
mod twin;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use raft_proto::bytes::Bytes;
use raft_proto::prost::{DecodeError, Message as _};
use raft_proto::{ConfState, Entries, Entry, Message, Segment, Snapshot, SnapshotMetadata};

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), 1..300_u64, any::<u64>()]
}

fn enum_value() -> impl Strategy<Value = i32> {
    prop_oneof![Just(0), 1..30, any::<i32>()]
}

fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

fn entry() -> impl Strategy<Value = twin::Entry> {
    (option::of(enum_value()), number(), number(), payload())
        .prop_map(|(entry_type, term, index, data)| twin::Entry { entry_type, term, index, data })
}

prop_compose! {
    fn conf_state()(
        voters in vec(number(), 0..3),
        learners in vec(number(), 0..3),
        voters_outgoing in vec(number(), 0..3),
        learners_next in vec(number(), 0..3),
        auto_leave: bool,
    ) -> twin::ConfState {
        twin::ConfState { voters, learners, voters_outgoing, learners_next, auto_leave }
    }
}

fn snapshot() -> impl Strategy<Value = twin::Snapshot> {
    let metadata = (option::of(conf_state()), number(), number())
        .prop_map(|(conf_state, index, term)| twin::SnapshotMetadata { conf_state, index, term });
    (payload(), option::of(metadata)).prop_map(|(data, metadata)| twin::Snapshot { data, metadata })
}

prop_compose! {
    fn message_without_responses()(
        (msg_type, to, from, term, log_term) in
            (enum_value(), number(), number(), number(), number()),
        (index, entries, commit, snapshot) in
            (number(), vec(entry(), 0..4), number(), option::of(snapshot())),
        (reject, reject_hint, context, vote) in (any::<bool>(), number(), payload(), number()),
    ) -> twin::Message {
        twin::Message {
            msg_type, to, from, term, log_term, index, entries, commit, snapshot,
            reject, reject_hint, context, vote, responses: Vec::new(),
        }
    }
}

fn message() -> impl Strategy<Value = twin::Message> {
    message_without_responses().prop_recursive(3, 8, 3, |inner| {
        (message_without_responses(), vec(inner, 0..3))
            .prop_map(|(message, responses)| twin::Message { responses, ..message })
    })
}

/// Every field name of the generated types is written out, so that a new one cannot be missed.
fn ours(message: &twin::Message) -> Message {
    let twin::Message {
        msg_type,
        to,
        from,
        term,
        log_term,
        index,
        entries,
        commit,
        snapshot,
        reject,
        reject_hint,
        context,
        vote,
        responses,
    } = message.clone();
    Message {
        msg_type,
        to,
        from,
        term,
        log_term,
        index,
        entries: in_segments(entries.into_iter().map(our_entry).collect()),
        commit,
        snapshot: snapshot.map(|snapshot| Box::new(our_snapshot(snapshot))),
        reject,
        reject_hint,
        context,
        vote,
        responses: responses.iter().map(ours).collect(),
    }
}

fn our_entry(entry: twin::Entry) -> Entry {
    let twin::Entry { entry_type, term, index, data } = entry;
    Entry { entry_type, term, index, data }
}

fn our_snapshot(snapshot: twin::Snapshot) -> Snapshot {
    let twin::Snapshot { data, metadata } = snapshot;
    let metadata = metadata.map(|metadata| {
        let twin::SnapshotMetadata { conf_state, index, term } = metadata;
        SnapshotMetadata { conf_state: conf_state.map(our_conf_state), index, term }
    });
    Snapshot { data, metadata }
}

fn our_conf_state(conf_state: twin::ConfState) -> ConfState {
    let twin::ConfState { voters, learners, voters_outgoing, learners_next, auto_leave } =
        conf_state;
    ConfState { voters, learners, voters_outgoing, learners_next, auto_leave }
}

/// The segmentation must not show on the wire, so let there be some.
fn in_segments(entries: Vec<Entry>) -> Entries {
    let mut sequence = Entries::new();
    for run in entries.chunks(2) {
        sequence.push_segment(Segment::from(run.to_vec()));
    }
    sequence
}

/// Both decoders' verdicts on `bytes` in comparable form.
fn decode_both(bytes: &[u8]) -> [Result<Message, DecodeError>; 2] {
    [Message::decode(bytes), twin::Message::decode(bytes).map(|message| ours(&message))]
}

proptest! {
    #[test]
    fn encodes_as_the_twin(message in message()) {
        let ours = ours(&message);
        prop_assert_eq!(ours.encode_to_vec(), message.encode_to_vec());
        prop_assert_eq!(ours.encoded_len(), message.encoded_len());
    }

    #[test]
    fn decodes_what_either_encodes(message in message()) {
        let ours = ours(&message);
        let bytes = Bytes::from(message.encode_to_vec());
        prop_assert_eq!(Message::decode(bytes), Ok(ours.clone()));
        prop_assert_eq!(twin::Message::decode(ours.encode_to_vec().as_slice()), Ok(message));
    }

    #[test]
    fn merges_as_the_twin(first in message(), second in message()) {
        let bytes = second.encode_to_vec();
        let (mut ours, mut twins) = (ours(&first), first);
        prop_assert_eq!(ours.merge(bytes.as_slice()), twins.merge(bytes.as_slice()));
        prop_assert_eq!(ours, self::ours(&twins));
    }

    #[test]
    fn judges_damaged_bytes_as_the_twin(
        message in message(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = message.encode_to_vec();
        if !bytes.is_empty() {
            for (position, byte) in damage {
                let position = position.index(bytes.len());
                bytes[position] = byte;
            }
            bytes.truncate(cut.map_or(bytes.len(), |cut| cut.index(bytes.len())));
        }
        let [ours, twins] = decode_both(&bytes);
        prop_assert_eq!(ours, twins);
    }

    #[test]
    fn judges_arbitrary_bytes_as_the_twin(bytes in vec(any::<u8>(), 0..64)) {
        let [ours, twins] = decode_both(&bytes);
        prop_assert_eq!(ours, twins);
    }

    #[test]
    fn clearing_leaves_nothing(message in message()) {
        let mut ours = ours(&message);
        ours.clear();
        prop_assert_eq!(ours, Message::default());
    }
}
