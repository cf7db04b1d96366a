//! The forms in which peers of other versions, and hostile ones, write messages.

use raft_proto::bytes::Bytes;
use raft_proto::prost::{self, DecodeError, Message as _};
use raft_proto::{ConfState, Entry, Message, MessageType, Snapshot, UnknownEnumValue};

fn decode_hex<M: prost::Message + Default>(hex: &str) -> Result<M, DecodeError> {
    M::decode(hex::decode(hex).unwrap().as_slice())
}

/// `content` as a field of a message, by a `tag` below 16.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    prost::encode_length_delimiter(content.len(), &mut bytes).unwrap();
    bytes.extend_from_slice(content);
    bytes
}

/// etcd's bytes where it writes no zeros; ours are the same.
#[test]
fn golden_messages_without_zeros() {
    let append = Message {
        to: 2,
        from: 1,
        term: 1,
        log_term: 1,
        index: 11,
        entries: Entry::new(1, 12, "foo").into(),
        commit: 11,
        ..Message::new(MessageType::MsgApp)
    };
    let rejection = Message {
        to: 2,
        from: 1,
        term: 5,
        log_term: 1,
        index: 20,
        reject: true,
        reject_hint: 10,
        ..Message::new(MessageType::MsgAppResp)
    };
    let vote = Message {
        to: 2,
        from: 1,
        term: 1,
        log_term: 1,
        index: 10,
        ..Message::new(MessageType::MsgVote)
    };
    for (message, golden) in [
        (append, "08031002180120012801300b3a091001180c2203666f6f400b"),
        (rejection, "0804100218012005280130145001580a"),
        (vote, "08051002180120012801300a"),
    ] {
        assert_eq!(hex::encode(message.encode_to_vec()), golden);
        assert_eq!(decode_hex(golden), Ok(message));
    }
}

#[test]
fn golden_entry() {
    let entry = Entry::new(1, 12, "foo");
    assert_eq!(hex::encode(entry.encode_to_vec()), "1001180c2203666f6f");
    assert_eq!(decode_hex("1001180c2203666f6f"), Ok(entry));
}

/// etcd's bytes with zeros, which we leave out.
#[test]
fn golden_zeros_mean_absent() {
    let heartbeat = Message { to: 3, from: 1, term: 1, ..Message::new(MessageType::MsgHeartbeat) };
    assert_eq!(decode_hex("08081003180120014000"), Ok(heartbeat.clone()));
    assert_eq!(hex::encode(heartbeat.encode_to_vec()), "0808100318012001");

    let conf_state = ConfState::new([1, 2, 300], []);
    assert_eq!(decode_hex("0801080208ac022800"), Ok(conf_state.clone()));
    assert_eq!(hex::encode(conf_state.encode_to_vec()), "0801080208ac02");
}

#[test]
fn scalars_may_be_absent_or_zero() {
    assert_eq!(decode_hex(""), Ok(Message::default()));
    let zeros = "08001000180020002800300040005000580062006800";
    assert_eq!(decode_hex(zeros), Ok(Message::default()));
    assert_eq!(Message::default().encode_to_vec(), b"");
}

#[test]
fn last_of_repeated_scalars_counts() {
    let expected = Message { term: 7, context: "b".into(), ..Message::default() };
    assert_eq!(decode_hex("20052007620161620162"), Ok(expected));
}

#[test]
fn repeated_snapshots_are_merged() {
    let parts = [
        Snapshot::new(4, 0, ConfState::new([1], []), "data"),
        Snapshot::new(0, 2, ConfState::new([2], [3]), ""),
    ];
    let bytes = parts.iter().flat_map(|part| field(9, &part.encode_to_vec())).collect::<Vec<_>>();
    let merged = Snapshot::new(4, 2, ConfState::new([1, 2], [3]), "data");
    assert_eq!(Message::decode(bytes.as_slice()).unwrap().snapshot, Some(Box::new(merged)));
}

/// Older releases of etcd write a snapshot into every message; it must read as none.
#[test]
fn empty_snapshots_are_empty() {
    for snapshot in ["4a00", "4a021200", "4a0a12080a02280010001800"] {
        let message = decode_hex::<Message>(&format!("0808{snapshot}")).unwrap();
        assert_eq!(message.kind(), Ok(MessageType::MsgHeartbeat));
        assert!(message.snapshot.is_some_and(|snapshot| snapshot.is_empty()), "{snapshot}");
    }
}

#[test]
fn ids_may_be_packed_and_not() {
    let expected = ConfState::new([1, 2, 300], [4, 5]);
    let unpacked = "0801080208ac0210041005";
    let packed = "0a040102ac0212020405";
    // Either form for one field, with another field in between.
    let mixed = "08010a0302ac02100428001200120105";
    for form in [unpacked, packed, mixed] {
        assert_eq!(decode_hex(form), Ok(expected.clone()), "{form}");
    }
    // Never packed by us: etcd's readers know both, its bytes are these.
    assert_eq!(hex::encode(expected.encode_to_vec()), "0801080208ac0210041005");
}

#[test]
fn unknown_fields_are_skipped() {
    // Of each wire type: varint, 64 bits, length-delimited, a group, 32 bits.
    let unknown = "78ffff03 790102030405060708 7a03ffffff 7b08017c 7d01020304";
    let expected = Message { term: 5, vote: 6, ..Message::default() };
    assert_eq!(decode_hex(&format!("2005{unknown}6806").replace(' ', "")), Ok(expected));
}

#[test]
fn unknown_kinds_decode_and_survive() {
    for (value, encoded) in [(24, "0818"), (99, "0863"), (-1, "08ffffffffffffffffff01")] {
        let message = decode_hex::<Message>(encoded).unwrap();
        assert_eq!(message.kind(), Err(UnknownEnumValue { enum_name: "MessageType", value }));
        assert_eq!(hex::encode(message.encode_to_vec()), encoded);
    }
    let entry = decode_hex::<Entry>("08ffffffffffffffffff01").unwrap();
    assert_eq!(entry.kind(), Err(UnknownEnumValue { enum_name: "EntryType", value: -1 }));
}

#[test]
fn payloads_point_into_the_received_buffer() {
    let response = Message {
        entries: Entry::new(1, 2, "in a response").into(),
        ..Message::new(MessageType::MsgProp)
    };
    let message = Message {
        entries: vec![Entry::new(1, 1, "first"), Entry::new(1, 2, vec![7; 1000])].into(),
        snapshot: Some(Box::new(Snapshot::new(1, 1, ConfState::default(), "snapshot"))),
        context: "context".into(),
        responses: vec![response],
        ..Message::new(MessageType::MsgApp)
    };
    let buffer = Bytes::from(message.encode_to_vec());
    let within = buffer.as_ptr_range();
    let decoded = Message::decode(buffer).unwrap();
    assert_eq!(decoded, message);

    let entries = decoded.entries.iter().chain(&decoded.responses[0].entries);
    let mut payloads = entries.map(|entry| &entry.data).collect::<Vec<_>>();
    let snapshot = decoded.snapshot.unwrap();
    payloads.extend([&snapshot.data, &decoded.context]);
    assert_eq!(payloads.len(), 5);
    for payload in payloads {
        let range = payload.as_ptr_range();
        assert!(within.start <= range.start && range.end <= within.end, "{payload:?}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    let nested = |depth| (0..depth).fold(Vec::new(), |inner, _| field(14, &inner));
    assert!(Message::decode(nested(50).as_slice()).is_ok());
    let error = Message::decode(nested(10_000).as_slice()).unwrap_err();
    assert!(error.to_string().ends_with("recursion limit reached"), "{error}");
    // Unknown groups within groups.
    let error = Message::decode([0x7b; 100_000].as_slice()).unwrap_err();
    assert!(error.to_string().ends_with("recursion limit reached"), "{error}");
}

#[test]
fn errors_name_the_field() {
    let error = |hex| decode_hex::<Message>(hex).unwrap_err().to_string();
    assert!(error("2203616263").contains("Message.term: invalid wire type"));
    assert!(error("3a022203").contains("Entry.data: Message.entries: "));
    assert!(error("7204120a0102").contains("Message.to: Message.responses: "));
    assert!(!error("7d01").contains("Message."));
}

#[test]
fn cut_messages_are_errors_or_shorter_messages() {
    let whole = "08031002180120012801300b3a091001180c2203666f6f400b4a0612041004180262026869";
    let whole = hex::decode(whole).unwrap();
    let decodable = (0..=whole.len()).filter(|&len| Message::decode(&whole[..len]).is_ok());
    // Just the ends of fields.
    assert_eq!(decodable.collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10, 12, 23, 25, 33, 37]);
}
