//! What can be said against a trace without the specification.

use std::collections::BTreeMap;

use raft_proto::MessageType;
use thiserror::Error;

use super::MAX_EVENTS;
use super::event::{Id, Line, Msg, Name, Role, TlaEvent};

/// What is wrong with a trace.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct Flaw {
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Reads a trace, of which each line must be of the form that is written.
pub fn parse(text: &str) -> Result<Vec<TlaEvent>, Flaw> {
    let lines = text.lines().zip(1..).map(|(text, line)| {
        let parsed = serde_json::from_str::<Line>(text);
        parsed.map(|line| line.event).map_err(|error| Flaw { line, what: error.to_string() })
    });
    lines.collect()
}

/// Finds the first line that no trace can have at its place:
/// - what a node is called, what it says and what it is must fit together;
/// - the first event of a node is `InitState`, and a later one finds what the last `Ready` has left;
/// - terms and commit indexes never fall, votes stand, and no term has two leaders;
/// - a term rises by a campaign, or by a message that was received just before;
/// - a message is received only after its sender has sent it, and then been `Ready`.
pub fn check(events: &[TlaEvent]) -> Result<(), Flaw> {
    let mut cluster = Cluster::default();
    for (event, line) in events.iter().zip(1..) {
        let checked = check_count(line)
            .and_then(|()| check_form(event))
            .and_then(|()| cluster.check_state(event))
            .and_then(|()| cluster.check_messages(event));
        checked.map_err(|what| Flaw { line, what })?;
        cluster.take(event);
    }
    Ok(())
}

type Checked = Result<(), String>;

fn ensure(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

fn check_count(line: usize) -> Checked {
    ensure(line <= MAX_EVENTS, || format!("a trace has at most {MAX_EVENTS} events"))
}

/// Looks at an event by itself.
fn check_form(event: &TlaEvent) -> Checked {
    let TlaEvent { name, nid, role, state, log, conf, msg, prop } = event;
    let expected = match name {
        Name::InitState | Name::BecomeFollower => Some(Role::Follower),
        Name::BecomeCandidate => Some(Role::Candidate),
        Name::BecomeLeader | Name::Replicate | Name::ChangeConf | Name::Commit => {
            Some(Role::Leader)
        }
        _ => None,
    };
    ensure(expected.is_none_or(|expected| expected == *role), || format!("{name:?} as {role:?}"))?;
    let own_vote = *name != Name::BecomeCandidate || state.vote == *nid;
    ensure(own_vote, || format!("a candidate that votes for {}", state.vote))?;
    ensure(state.commit <= *log, || format!("commit {} of a log up to {log}", state.commit))?;
    let ascending = conf.iter().all(|half| half.is_sorted_by(|a, b| a < b));
    ensure(ascending, || "a configuration out of order".into())?;

    let cc = prop.as_ref().map(|prop| &prop.cc);
    let fits = match (name, cc) {
        (Name::ChangeConf, Some(cc)) => cc.changes.len() == 1 && cc.newconf.is_empty(),
        (Name::ApplyConfChange, Some(cc)) => cc.changes.is_empty(),
        (Name::ChangeConf | Name::ApplyConfChange, None) => false,
        (_, cc) => cc.is_none(),
    };
    ensure(fits, || format!("{name:?} with {prop:?}"))?;

    let of_message = msg.as_ref().map(|msg| (names_of(msg), msg));
    let fits = match of_message {
        Some((Some((sending, _)), msg)) if sending == *name => msg.from == *nid,
        Some((Some((_, receiving)), msg)) if receiving == *name => msg.to == *nid,
        Some(_) => false,
        None => !is_about_message(*name),
    };
    ensure(fits, || format!("{name:?} at {nid} with {msg:?}"))
}

/// Whether the term of `event` is that of the one `before` at the same node, or another for a reason
/// that shows.
pub(super) fn explains_term(before: &TlaEvent, event: &TlaEvent) -> bool {
    let term = event.state.term;
    match event.name {
        _ if term == before.state.term => true,
        Name::BecomeCandidate => term == before.state.term + 1,
        Name::BecomeFollower if before.name == Name::InitState => term == 1,
        Name::BecomeFollower => before.msg.as_ref().is_some_and(|msg| msg.term == term),
        _ => false,
    }
}

fn names_of(msg: &Msg) -> Option<(Name, Name)> {
    let mut kinds = (0..).map_while(|number| MessageType::try_from(number).ok());
    Name::of_message(kinds.find(|kind| kind.to_string() == msg.kind)?)
}

fn is_about_message(name: Name) -> bool {
    name >= Name::SendAppendEntriesRequest
}

fn is_receiving(name: Name) -> bool {
    name >= Name::ReceiveAppendEntriesRequest
}

/// What has happened so far.
#[derive(Default)]
struct Cluster<'a> {
    nodes: BTreeMap<Id, Node<'a>>,
    leaders: BTreeMap<u64, Id>,
    released: Vec<&'a Msg>,
}

struct Node<'a> {
    last: &'a TlaEvent,
    /// As it would be after a crash.
    durable: &'a TlaEvent,
    pending: Vec<&'a Msg>,
}

impl<'a> Cluster<'a> {
    fn check_state(&self, event: &TlaEvent) -> Checked {
        let (name, state) = (event.name, event.state);
        let Some(node) = self.nodes.get(&event.nid) else {
            return ensure(name == Name::InitState, || format!("{name:?} before InitState"));
        };
        if name == Name::InitState {
            let kept = |event: &TlaEvent| (event.state, event.log, event.conf.clone());
            let (found, left) = (kept(event), kept(node.durable));
            return ensure(found == left, || format!("starts from {found:?}, and left {left:?}"));
        }
        let before = node.last.state;
        ensure(state.term >= before.term, || format!("term {} after {}", state.term, before.term))?;
        ensure(explains_term(node.last, event), || {
            format!("{name:?} in term {}, from nowhere", state.term)
        })?;
        let (commit, committed) = (state.commit, before.commit);
        ensure(commit >= committed, || format!("commit {commit} after {committed}"))?;
        let stands = state.term != before.term || [Id(0), state.vote].contains(&before.vote);
        ensure(stands, || format!("a vote for {} after one for {}", state.vote, before.vote))?;
        let leader = self.leaders.get(&state.term).filter(|_| name == Name::BecomeLeader);
        let alone = leader.is_none_or(|leader| *leader == event.nid);
        ensure(alone, || format!("a second leader in term {}", state.term))
    }

    fn check_messages(&self, event: &TlaEvent) -> Checked {
        let Some(msg) = event.msg.as_ref().filter(|_| is_receiving(event.name)) else {
            return Ok(());
        };
        ensure(self.released.contains(&msg), || format!("nobody has sent {msg:?}"))
    }

    fn take(&mut self, event: &'a TlaEvent) {
        let first = Node { last: event, durable: event, pending: Vec::new() };
        let node = self.nodes.entry(event.nid).or_insert(first);
        node.last = event;
        match event.name {
            Name::InitState => node.pending.clear(),
            Name::Ready => {
                node.durable = event;
                self.released.append(&mut node.pending);
            }
            Name::BecomeLeader => drop(self.leaders.insert(event.state.term, event.nid)),
            name if is_about_message(name) && !is_receiving(name) => {
                node.pending.extend(&event.msg);
            }
            _ => {}
        }
    }
}
