//! What the check says of traces that are damaged, one line each.

use super::*;

type Damage = fn(&mut TlaEvent);

/// A sound trace with everything in it that the check looks at.
fn sound() -> Vec<TlaEvent> {
    let mut cluster = Cluster::boot(3, |_| {});
    cluster.campaign(1);
    cluster.change(1, ConfChange::new(ConfChangeType::AddLearnerNode, 4));
    cluster.restart(3);
    cluster.propose(1, "x");
    let events = cluster.trace.events();
    assert_eq!(check(&events), Ok(()));
    let seen = |name| events.iter().any(|event| event.name == name);
    assert!(Name::ALL.into_iter().all(seen), "each event has its turn");
    events
}

/// Where `nid` does `name` for the `nth` time, from 0 on.
fn find(events: &[TlaEvent], nid: u64, name: Name, nth: usize) -> usize {
    let found = |(_, event): &(usize, &TlaEvent)| event.nid == Id(nid) && event.name == name;
    events.iter().enumerate().filter(found).nth(nth).expect("it happens").0
}

/// What the check says when the first `name` of node `nid` is damaged.
fn flaw(nid: u64, name: Name, damage: impl FnOnce(&mut TlaEvent)) -> String {
    let mut events = sound();
    let at = find(&events, nid, name, 0);
    damage(&mut events[at]);
    let flaw = check(&events).expect_err("a damaged trace");
    assert_eq!(flaw.line, at + 1, "{flaw}");
    flaw.what
}

#[test]
fn an_event_must_fit_itself() {
    let cases: [(u64, Name, Damage, &str); 7] = [
        (1, Name::Commit, |e| e.role = Role::Follower, "Commit as Follower"),
        (2, Name::InitState, |e| e.role = Role::Leader, "InitState as Leader"),
        (1, Name::BecomeCandidate, |e| e.state.vote = Id(2), "a candidate that votes for 2"),
        (2, Name::Ready, |e| e.state.commit = 9, "commit 9 of a log up to 3"),
        (3, Name::Ready, |e| e.conf[0].reverse(), "a configuration out of order"),
        (1, Name::ChangeConf, |e| e.prop = None, "ChangeConf with None"),
        (
            1,
            Name::SendRequestVoteRequest,
            |e| e.msg = None,
            "SendRequestVoteRequest at 1 with None",
        ),
    ];
    for (nid, name, damage, expected) in cases {
        assert_eq!(flaw(nid, name, damage), expected);
    }
}

#[test]
fn a_change_is_about_one_node() {
    let twice = |event: &mut TlaEvent| {
        let changes = &mut event.prop.as_mut().expect("a change").cc.changes;
        changes.push(changes[0]);
    };
    assert!(flaw(1, Name::ChangeConf, twice).starts_with("ChangeConf with Some"));
}

#[test]
fn a_message_is_where_its_event_says() {
    let elsewhere = |event: &mut TlaEvent| event.msg.as_mut().expect("a message").to = Id(3);
    let found = flaw(2, Name::ReceiveRequestVoteRequest, elsewhere);
    assert!(found.starts_with("ReceiveRequestVoteRequest at 2 with"), "{found}");
    let unknown = |event: &mut TlaEvent| {
        event.msg.as_mut().expect("a message").kind = "MsgPreVote".into();
    };
    let found = flaw(1, Name::SendRequestVoteRequest, unknown);
    assert!(found.starts_with("SendRequestVoteRequest at 1 with"), "{found}");
}

#[test]
fn a_message_is_sent_before_it_is_received() {
    for forge in [
        (|msg: &mut Msg| msg.term += 1) as fn(&mut Msg),
        |msg| msg.index += 1,
        |msg| msg.log_term += 1,
    ] {
        let forged = |event: &mut TlaEvent| forge(event.msg.as_mut().expect("a message"));
        let found = flaw(2, Name::ReceiveRequestVoteRequest, forged);
        assert!(found.starts_with("nobody has sent"), "{found}");
    }
    // Sent, and not released: its sender was not ready.
    let mut events = sound();
    let ready = find(&events, 1, Name::Ready, 1);
    events.remove(ready);
    let receipt = find(&events, 1, Name::ReceiveRequestVoteResponse, 0);
    assert_eq!(check(&events).expect_err("a damaged trace").line, receipt + 1);
}

#[test]
fn a_node_begins_once_and_goes_on_where_it_left_off() {
    let mut events = sound();
    events.remove(find(&events, 2, Name::InitState, 0));
    let flaw = check(&events).expect_err("a damaged trace");
    assert!(flaw.what.ends_with("before InitState"), "{flaw}");

    for damage in [
        (|event: &mut TlaEvent| event.state.vote = Id(0)) as Damage,
        |event| event.state.term -= 1,
        |event| event.log += 1,
        |event| event.conf[0] = [Id(1)].into(),
    ] {
        let mut events = sound();
        let restart = find(&events, 3, Name::InitState, 1);
        damage(&mut events[restart]);
        let flaw = check(&events).expect_err("a damaged trace");
        assert_eq!(flaw.line, restart + 1, "{flaw}");
        assert!(flaw.what.starts_with("starts from"), "{flaw}");
    }
}

#[test]
fn what_a_node_says_of_itself_only_grows() {
    let mut events = sound();
    let at = find(&events, 1, Name::Ready, 1);
    events[at].state.term = 1;
    assert_eq!(check(&events).expect_err("a damaged trace").what, "term 1 after 2");
    events[at].state.term = 2;
    events[at].state.commit = 2;
    assert_eq!(check(&events).expect_err("a damaged trace").what, "commit 2 after 3");
    events[at].state.commit = 3;
    events[at].state.vote = Id(3);
    assert_eq!(check(&events).expect_err("a damaged trace").what, "a vote for 3 after one for 1");
}

#[test]
fn a_term_rises_for_a_reason() {
    let mut events = sound();
    let at = find(&events, 1, Name::BecomeCandidate, 0);
    events[at].state.term = 3;
    let flaw = check(&events).expect_err("a damaged trace");
    assert_eq!((flaw.line, &*flaw.what), (at + 1, "BecomeCandidate in term 3, from nowhere"));

    let mut events = sound();
    events.remove(find(&events, 2, Name::ReceiveRequestVoteRequest, 0));
    let flaw = check(&events).expect_err("a damaged trace");
    assert_eq!(flaw.what, "BecomeFollower in term 2, from nowhere");
}

#[test]
fn a_term_has_one_leader() {
    let mut events = sound();
    let at = find(&events, 1, Name::BecomeLeader, 0);
    let mut second = events[find(&events, 2, Name::Ready, 1)].clone();
    (second.name, second.role) = (Name::BecomeLeader, Role::Leader);
    events.insert(at + 1, second);
    let flaw = check(&events).expect_err("a damaged trace");
    assert_eq!((flaw.line, &*flaw.what), (at + 2, "a second leader in term 2"));
}

#[test]
fn a_trace_is_not_too_long() {
    let mut events = sound();
    let last = events.last().expect("events").clone();
    events.resize(MAX_EVENTS + 1, last);
    let flaw = check(&events).expect_err("a damaged trace");
    assert_eq!(flaw.line, MAX_EVENTS + 1);
}

#[test]
fn only_lines_of_the_form_are_read() {
    let line = concat!(
        r#"{"tag":"trace","event":{"name":"Commit","nid":"1","#,
        r#""state":{"term":2,"vote":"1","commit":3},"role":"StateLeader","log":4,"#,
        r#""conf":[["1","2"],[]]}}"#
    );
    assert_eq!(parse(line).map(|events| events.len()), Ok(1));
    for (part, other) in [
        ("\"trace\"", "\"debug\""),
        ("\"Commit\"", "\"ReduceNextIndex\""),
        ("\"StateLeader\"", "\"StatePreCandidate\""),
        ("\"nid\":\"1\"", "\"nid\":1"),
        ("\"nid\":\"1\"", "\"nid\":\"01\""),
        ("\"vote\":\"1\"", "\"vote\":\"0x1\""),
        ("\"log\":4", "\"log\":4.5"),
        ("\"log\":4", "\"log\":4,\"lag\":5"),
        ("\"commit\":3", "\"commit\":null"),
        (",[]]", "]"),
        (",[]]", ",null]"),
        ("}}", "},"),
    ] {
        assert!(line.contains(part));
        let damaged = format!("{line}\n{}", line.replace(part, other));
        assert_eq!(parse(&damaged).map_err(|flaw| flaw.line), Err(2), "{other}");
    }
}
