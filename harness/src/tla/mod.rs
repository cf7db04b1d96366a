//! Traces of what nodes do, for etcd's formal specification of its raft.
//!
//! etcd's repository has a TLA+ specification of its raft, and beside it one that reads a trace and
//! says whether the specification allows it. A [`TlaTrace`] collects such a trace: one JSON object a
//! line, in the order in which things happened in the whole cluster.
//!
//! # How to attach it
//! Each node gets an observer of the same trace, a new one whenever it is built, and is driven by
//! the synchronous loop. When a batch is on disk, tell the observer:
//!
//! ```
//! use harness::tla::TlaTrace;
//! use raft_core::{Compat, Config, MemoryStorage, Peer, RawNode};
//!
//! let trace = TlaTrace::new();
//! let storage = MemoryStorage::new();
//! let config = Config { compat: Compat::Etcd, ..Config::new(1) };
//! let mut node = RawNode::with_observer(config, storage, trace.observer())?;
//! node.bootstrap(&[Peer { id: 1, ..Peer::default() }])?;
//!
//! let mut ready = node.ready()?;
//! let leave_now: Vec<_> = ready.take_messages().collect(); // to be sent below
//! node.storage_mut().append(ready.entries())?;
//! node.storage_mut().set_hard_state(*ready.hard_state().unwrap());
//! let mut done = ready.persisted();
//! node.observer_mut().persisted();
//! // Now send both lists of messages, apply, and advance.
//! # let _ = (leave_now, done.take_messages());
//! node.advance(done)?;
//!
//! assert_eq!(trace.events().len(), 4); // InitState, BecomeFollower, ApplyConfChange, Ready
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An observer that does more than this wraps a [`TlaObserver`] and passes
//! [`on_event`](Observer::on_event), [`wants_steps`](Observer::wants_steps) and
//! [`on_step`](Observer::on_step) on to it.
//!
//! # What the specification takes
//! To it, to persist and to send is one step, so that a driver must
//! - send nothing of a `Ready`, not even what needs no durability, before
//!   [`persisted`](TlaObserver::persisted), and tell the node nothing in between;
//! - keep nothing of a batch when the node crashes before;
//! - give a node that starts again the configuration, and the applied index, as of its last
//!   [`persisted`](TlaObserver::persisted): not what it has applied since.
//!
//! Pre-votes, and a few other messages, are nothing to it. When a node learns of a later term from one
//! of them, the trace ends: what was kept is sound by itself, and what follows has no explanation.
//!
//! It knows etcd's rules, [`Compat::Etcd`](raft_core::Compat::Etcd): for instance, that a follower answers
//! each append. It knows neither asynchronous writes, nor joint configurations, nor snapshots. Groups begin with
//! [`bootstrap`](raft_core::Node::bootstrap), and a change is about one node: another ends the trace.
//!
//! [`check`] finds in a trace what can be found without the specification, [`features`] tells what it
//! shows.

mod check;
mod event;
mod feature;

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use raft_core::{Event, Observer, ProtocolStep, StateRole, StepState};
use raft_proto::{Message, MessageType};

use self::check::explains_term;
pub use self::check::{Flaw, check, parse};
pub use self::event::{
    Action, Change, ConfChange, Id, Line, Msg, Name, Prop, Role, State, Tag, TlaEvent,
};
pub use self::feature::{Feature, features};

/// More events than a model checker goes through in seconds are not kept.
pub const MAX_EVENTS: usize = 300;

/// The trace of a cluster: a handle, of which all copies are the same trace.
#[derive(Clone, Debug, Default)]
pub struct TlaTrace(Arc<Mutex<Log>>);

#[derive(Debug, Default)]
struct Log {
    events: Vec<TlaEvent>,
    /// From, to and term of what was sent to a leader of an earlier term.
    nudges: BTreeSet<(u64, u64, u64)>,
    /// What happens from here on has no explanation.
    cut_off: bool,
}

impl Log {
    fn is_closed(&self) -> bool {
        self.cut_off || self.events.len() >= MAX_EVENTS
    }
}

impl TlaTrace {
    /// An empty trace.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The observer of one node, from its construction to its end.
    #[must_use]
    pub fn observer(&self) -> TlaObserver {
        TlaObserver {
            trace: self.clone(),
            role: StateRole::Follower,
            term: 0,
            held: None,
            stale_leader: None,
            last: None,
            handed_out: None,
        }
    }

    /// Whether no more events are kept: there are [`MAX_EVENTS`], or something has happened that the
    /// specification cannot follow.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.log().is_closed()
    }

    /// What has happened.
    #[must_use]
    pub fn events(&self) -> Vec<TlaEvent> {
        self.log().events.clone()
    }

    /// Writes the trace, an event a line.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        for event in self.events() {
            serde_json::to_writer(&mut *out, &Line { tag: Tag::Trace, event })?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what one node does into a [`TlaTrace`].
#[derive(Clone, Debug)]
pub struct TlaObserver {
    trace: TlaTrace,
    role: StateRole,
    /// The term in which the node took its role.
    term: u64,
    /// A vote request that has come, until it is known whether it is ignored.
    held: Option<TlaEvent>,
    /// Who has just sent something in an earlier term, as its leader.
    stale_leader: Option<u64>,
    /// The last event of the node.
    last: Option<TlaEvent>,
    /// The node as of its last `Ready`.
    handed_out: Option<TlaEvent>,
}

impl TlaObserver {
    /// The last `Ready` of the node is on disk, and its messages are about to be sent.
    pub fn persisted(&mut self) {
        if let Some(event) = self.handed_out.take() {
            self.keep(event);
        }
    }

    fn keep(&mut self, event: TlaEvent) {
        let mut log = self.trace.log();
        log.cut_off |= self.last.as_ref().is_some_and(|last| !explains_term(last, &event));
        if !log.is_closed() {
            log.events.push(event.clone());
        }
        self.last = Some(event);
    }

    /// The specification knows no pre-candidates: there the node still follows.
    fn event(&self, name: Name, state: &StepState<'_>) -> TlaEvent {
        let role = match self.role {
            StateRole::Follower | StateRole::PreCandidate => Role::Follower,
            StateRole::Candidate => Role::Candidate,
            StateRole::Leader => Role::Leader,
        };
        TlaEvent::new(name, state, role)
    }

    fn become_role(&mut self, role: StateRole, state: &StepState<'_>) {
        let (before, since) = (self.role, self.term);
        (self.role, self.term) = (role, state.term);
        let name = match (before, role) {
            // A candidate that asks for pre-votes has given up.
            (StateRole::Candidate, StateRole::PreCandidate) => Name::BecomeFollower,
            (_, StateRole::PreCandidate) => return,
            (StateRole::PreCandidate, StateRole::Follower) if since == state.term => return,
            (_, StateRole::Follower) => Name::BecomeFollower,
            (_, StateRole::Candidate) => Name::BecomeCandidate,
            (_, StateRole::Leader) => Name::BecomeLeader,
        };
        self.keep(self.event(name, state));
    }

    fn on_sending(&mut self, state: &StepState<'_>, m: &Message, stale_leader: Option<u64>) {
        let Ok(kind) = m.kind() else { return };
        let Some((name, _)) = Name::of_message(kind) else { return };
        let mut msg = Msg::new(kind, m);
        // What tells a leader of an earlier term that it is one, is a rejection of its append to the
        // specification, and looks like an acknowledgement of nothing.
        if kind == MessageType::MsgAppResp && stale_leader == Some(m.to) {
            msg.reject = true;
            self.trace.log().nudges.insert((m.from, m.to, m.term));
        }
        self.keep(TlaEvent { msg: Some(msg), ..self.event(name, state) });
    }

    fn on_receiving(&mut self, state: &StepState<'_>, m: &Message) {
        let Ok(kind) = m.kind() else { return };
        let Some((_, name)) = Name::of_message(kind) else { return };
        let mut msg = Msg::new(kind, m);
        let nothing_acknowledged = kind == MessageType::MsgAppResp && m.index == 0;
        if nothing_acknowledged && self.trace.log().nudges.contains(&(m.from, m.to, m.term)) {
            msg.reject = true;
        }
        let from_leader = matches!(kind, MessageType::MsgApp | MessageType::MsgHeartbeat);
        self.stale_leader = (from_leader && m.term < state.term).then_some(m.from);
        let event = TlaEvent { msg: Some(msg), ..self.event(name, state) };
        match kind {
            MessageType::MsgVote => self.held = Some(event),
            _ => self.keep(event),
        }
    }
}

impl Observer for TlaObserver {
    fn on_event(&mut self, event: &Event<'_>) {
        match event {
            // To the specification it is lost on the way.
            Event::VoteIgnored { .. } => self.held = None,
            _ => self.held.take().into_iter().for_each(|event| self.keep(event)),
        }
    }

    fn wants_steps(&self) -> bool {
        !self.trace.is_closed()
    }

    fn on_step(&mut self, state: &StepState<'_>, step: ProtocolStep<'_>) {
        self.held.take().into_iter().for_each(|event| self.keep(event));
        let stale_leader = self.stale_leader.take();
        match step {
            ProtocolStep::Started => self.keep(self.event(Name::InitState, state)),
            ProtocolStep::BecameFollower => self.become_role(StateRole::Follower, state),
            ProtocolStep::BecamePreCandidate => self.become_role(StateRole::PreCandidate, state),
            ProtocolStep::BecameCandidate => self.become_role(StateRole::Candidate, state),
            ProtocolStep::BecameLeader => self.become_role(StateRole::Leader, state),
            ProtocolStep::Appending(_) => self.keep(self.event(Name::Replicate, state)),
            ProtocolStep::AppendingConfChange(change) => {
                let prop = Prop::change(change);
                self.trace.log().cut_off |= prop.is_none();
                self.keep(TlaEvent { prop, ..self.event(Name::ChangeConf, state) });
            }
            ProtocolStep::CommitChecked => self.keep(self.event(Name::Commit, state)),
            ProtocolStep::ApplyingConfChange(voters) => {
                let event = self.event(Name::ApplyConfChange, state);
                self.keep(TlaEvent { prop: Some(Prop::newconf(voters)), ..event });
            }
            ProtocolStep::Receiving(m) => self.on_receiving(state, m),
            ProtocolStep::Sending(m) => self.on_sending(state, m, stale_leader),
            ProtocolStep::HandedOut => self.handed_out = Some(self.event(Name::Ready, state)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
