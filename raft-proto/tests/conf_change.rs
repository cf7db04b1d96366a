//! Configuration changes as their users see them: proposals, what they ask for, text.

use raft_proto::{
    ConfChange, ConfChangeDecodeError, ConfChangeRequest, ConfChangeSingle, ConfChangeTransition,
    ConfChangeType, ConfChangeV2, Entry, EntryType, UnknownEnumValue, display_conf_changes,
    format_conf_changes, parse_conf_changes,
};

use ConfChangeTransition::{Auto, JointExplicit, JointImplicit};
use ConfChangeType::{AddLearnerNode, AddNode, RemoveNode, UpdateNode};

fn v2(transition: ConfChangeTransition, changes: &str) -> ConfChangeV2 {
    ConfChangeV2::new(transition, parse_conf_changes(changes).unwrap())
}

/// A change with a transition that this version does not know.
fn unknown_transition(changes: &str) -> ConfChangeV2 {
    ConfChangeV2 { transition: Some(3), ..v2(Auto, changes) }
}

fn payload(change: impl Into<ConfChangeRequest>) -> String {
    hex::encode(change.into().into_entry().data)
}

#[test]
fn constructors_set_every_field_that_counts() {
    let v1 = ConfChange::new(AddNode, 0);
    assert_eq!((v1.change_type, v1.node_id), (Some(0), Some(0)));
    let single = ConfChangeSingle::new(AddNode, 0);
    assert_eq!((single.change_type, single.node_id), (Some(0), Some(0)));
    assert_eq!(v2(Auto, "").transition, Some(0));
}

#[test]
fn payload_has_type_transition_and_node_id_always() {
    assert_eq!(payload(ConfChange::new(RemoveNode, 3)), "10011803");
    assert_eq!(payload(ConfChange::new(AddNode, 0)), "10001800");
    assert_eq!(payload(ConfChange::default()), "10001800");
    assert_eq!(payload(v2(Auto, "")), "0800");
    assert_eq!(payload(ConfChangeV2::default()), "0800");
    assert_eq!(payload(v2(JointExplicit, "l3 v0")), "0802120408031003120408001000");
    let absent = ConfChangeV2 { changes: vec![ConfChangeSingle::default()], ..Default::default() };
    assert_eq!(payload(absent), "0800120408001000");
}

#[test]
fn payload_has_context_and_id_when_present() {
    let v1 = ConfChange { id: Some(0), ..ConfChange::new(AddNode, 1).with_context("hi") };
    assert_eq!(payload(v1), "08001000180122026869");
    assert_eq!(payload(v2(Auto, "").with_context("")), "08001a00");
}

#[test]
fn entries_read_back() {
    let requests: [ConfChangeRequest; 4] = [
        ConfChange::new(UpdateNode, 7).with_context("ctx").into(),
        ConfChange { id: Some(9), ..ConfChange::new(AddNode, u64::MAX) }.into(),
        v2(JointImplicit, "v1 l2 r3 u4").with_context("ctx").into(),
        v2(Auto, "").into(),
    ];
    for request in requests {
        let entry = request.clone().into_entry();
        let expected = match request {
            ConfChangeRequest::V1(_) => EntryType::ConfChange,
            ConfChangeRequest::V2(_) => EntryType::ConfChangeV2,
        };
        assert_eq!(entry.kind(), Ok(expected));
        assert_eq!((entry.term, entry.index), (0, 0));
        assert_eq!(ConfChangeRequest::from_entry(&entry), Ok(Some(request)));
    }
}

fn entry_of(entry_type: i32, data: &'static [u8]) -> Entry {
    Entry { entry_type: Some(entry_type), ..Entry::proposal(data) }
}

#[test]
fn normal_entries_hold_no_change() {
    // Data that would not decode: it is the application's.
    assert_eq!(ConfChangeRequest::from_entry(&Entry::proposal(&b"\xff"[..])), Ok(None));
    assert_eq!(ConfChangeRequest::from_entry(&entry_of(0, b"\xff")), Ok(None));
}

#[test]
fn entry_without_data_is_the_change_without_content() {
    let v1 = ConfChangeRequest::from_entry(&entry_of(1, b""));
    assert_eq!(v1, Ok(Some(ConfChange::default().into())));
    let v2 = ConfChangeRequest::from_entry(&entry_of(2, b"")).unwrap().unwrap();
    assert_eq!(v2, ConfChangeV2::default().into());
    assert!(v2.as_v2().leave_joint());
}

#[test]
fn unreadable_entries_are_errors() {
    for entry_type in [1, 2] {
        let read = ConfChangeRequest::from_entry(&entry_of(entry_type, b"\xff"));
        assert!(matches!(read, Err(ConfChangeDecodeError::Malformed(_))), "{read:?}");
    }
    for value in [3, -1] {
        let unknown = UnknownEnumValue { enum_name: "EntryType", value };
        assert_eq!(
            ConfChangeRequest::from_entry(&entry_of(value, b"")),
            Err(ConfChangeDecodeError::UnknownEntryType(unknown)),
        );
    }
}

#[test]
fn unknown_kinds_of_change_read_and_are_errors_where_they_matter() {
    let request = ConfChangeRequest::from_entry(&entry_of(1, b"\x10\x09\x18\x01")).unwrap();
    let change = request.unwrap().as_v2().changes[0];
    let unknown = UnknownEnumValue { enum_name: "ConfChangeType", value: 9 };
    assert_eq!(change.kind(), Err(unknown));
    assert_eq!(ConfChange { change_type: Some(9), ..Default::default() }.kind(), Err(unknown));
    assert_eq!(ConfChange::default().kind(), Ok(AddNode));
    assert_eq!(ConfChangeSingle::default().kind(), Ok(AddNode));
}

#[test]
fn v1_is_a_v2_of_one_change() {
    let v1 = ConfChange { id: Some(5), ..ConfChange::new(RemoveNode, 3).with_context("ctx") };
    let expected = v2(Auto, "r3").with_context("ctx");
    assert_eq!(v1.as_v2(), expected);
    assert_eq!(v1.clone().into_v2(), expected);
    assert_eq!(ConfChangeRequest::from(v1).as_v2(), expected);
    assert_eq!(ConfChangeRequest::from(expected.clone()).as_v2(), expected);
    assert_eq!(ConfChange::default().as_v2(), v2(Auto, "v0"));
}

/// etcd: raftpb.TestLeaveJoint
#[test]
fn leave_joint_is_auto_without_changes() {
    assert!(ConfChangeV2::default().leave_joint());
    assert!(v2(Auto, "").leave_joint());
    assert!(v2(Auto, "").with_context("ctx").leave_joint());
    for change in [v2(Auto, "v1"), v2(JointImplicit, ""), v2(JointExplicit, "")] {
        assert!(!change.leave_joint(), "{change}");
    }
    assert!(!unknown_transition("").leave_joint());
}

#[test]
fn enter_joint_by_transition_and_number_of_changes() {
    #[rustfmt::skip]
    let table = [
        (Auto, "", None),
        (Auto, "v1", None),
        (Auto, "v1 v2", Some(true)),
        (JointImplicit, "", Some(true)),
        (JointImplicit, "v1", Some(true)),
        (JointImplicit, "v1 v2", Some(true)),
        (JointExplicit, "", Some(false)),
        (JointExplicit, "v1", Some(false)),
        (JointExplicit, "v1 v2", Some(false)),
    ];
    for (transition, changes, expected) in table {
        let change = v2(transition, changes);
        assert_eq!(change.enter_joint(), Ok(expected), "{change}");
    }
    assert_eq!(ConfChangeV2::default().enter_joint(), Ok(None));
    let unknown = UnknownEnumValue { enum_name: "ConfChangeTransition", value: 3 };
    assert_eq!(unknown_transition("v1 v2").enter_joint(), Err(unknown));
}

#[test]
fn text_of_changes() {
    let changes = [
        ConfChangeSingle::new(AddNode, 1),
        ConfChangeSingle::new(AddLearnerNode, 2),
        ConfChangeSingle::new(RemoveNode, u64::MAX),
        ConfChangeSingle::new(UpdateNode, 0),
    ];
    let text = "v1 l2 r18446744073709551615 u0";
    assert_eq!(format_conf_changes(&changes), text);
    assert_eq!(display_conf_changes(&changes).to_string(), text);
    assert_eq!(parse_conf_changes(text).unwrap(), changes);
    assert_eq!(parse_conf_changes("\tv1  l2\nr18446744073709551615 u0 ").unwrap(), changes);
    assert_eq!(parse_conf_changes(" ").unwrap(), []);
    assert_eq!(format_conf_changes(&[]), "");
}

#[test]
fn text_of_absent_and_unknown() {
    assert_eq!(format_conf_changes(&[ConfChangeSingle::default()]), "v0");
    let unknown = ConfChangeSingle { change_type: Some(4), node_id: Some(3) };
    assert_eq!(format_conf_changes(&[unknown]), "unknown3");
}

#[test]
fn unreadable_text_names_the_part() {
    for token in ["v", "x1", "1", "V1", "v-1", "v+1", "v1,", "v1.0", "v18446744073709551616", "é1"]
    {
        let error = parse_conf_changes(&format!("v1 {token} l2")).unwrap_err();
        assert_eq!(error.token, token);
        assert!(error.to_string().contains(token));
    }
}

#[test]
fn description_is_etcds() {
    #[rustfmt::skip]
    let table = [
        (ConfChangeV2::default(), "transition:ConfChangeTransitionAuto"),
        (v2(JointImplicit, ""), "transition:ConfChangeTransitionJointImplicit"),
        (
            v2(JointExplicit, "u3 r3 l3 v4"),
            "transition:ConfChangeTransitionJointExplicit \
             changes:{type:ConfChangeUpdateNode node_id:3} \
             changes:{type:ConfChangeRemoveNode node_id:3} \
             changes:{type:ConfChangeAddLearnerNode node_id:3} \
             changes:{type:ConfChangeAddNode node_id:4}",
        ),
        (
            v2(Auto, "v3").with_context(&b"say \"hi\"\xff"[..]),
            "transition:ConfChangeTransitionAuto changes:{type:ConfChangeAddNode node_id:3} \
             context:\"say \\\"hi\\\"\\xff\"",
        ),
        (v2(Auto, "").with_context(""), "transition:ConfChangeTransitionAuto"),
        (
            ConfChangeV2 {
                changes: vec![
                    ConfChangeSingle::default(),
                    ConfChangeSingle { change_type: Some(-1), node_id: None },
                ],
                ..unknown_transition("")
            },
            "transition:3 changes:{type:ConfChangeAddNode node_id:0} changes:{type:-1 node_id:0}",
        ),
    ];
    for (change, expected) in table {
        assert_eq!(change.to_string(), expected);
    }
}
