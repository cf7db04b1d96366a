//! The world: events in virtual time, and the nodes that they happen to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use raft_core::{EntryId, Peer, SnapshotStatus, StepError};
use raft_proto::{ConfState, EntryType, Message, MessageType, Snapshot, SnapshotMetadata};

use super::Time;
use super::board::{Board, Checker, DiskImage, Fact, Scene};
use super::chance::{Chance, mix};
use super::checkers;
use super::disk::{SimDisk, SimStorage};
use super::fault::Fault;
use super::image::LogImage;
use super::liveness::Liveness;
use super::machine::{OpId, StateMachine};
use super::network::{Fate, Network};
use super::operator::{self, Operator};
use super::outcome::{Outcome, Tally, Violation, text_of};
use super::plan::Plan;
use super::process::{Effect, Process, Remains, Start, Wake};
use super::watch::{Coverage, Seen};
use super::workload::{Request, Workload};
use crate::timeline::{Recorder, What};
use crate::tla::TlaTrace;

/// A simulated cluster of state machines `M` over storages `S`, with the clients of `W`.
pub struct World<S, M, W> {
    pub(super) plan: Plan,
    pub(super) board: Board,
    pub(super) nodes: BTreeMap<u64, Host<S, M>>,
    pub(super) network: Network,
    queue: BinaryHeap<Reverse<Event>>,
    next_seq: u64,
    next_message: u64,
    pub(super) chance: Chance,
    clients: Vec<Client>,
    pub(super) workload: W,
    checkers: Vec<(Box<dyn Checker>, u64)>,
    /// How often the checkers were told each kind of fact.
    facts: BTreeMap<&'static str, u64>,
    pub(super) coverage: Coverage,
    pub(super) recorder: Recorder,
    pub(super) tally: Tally,
    digest: u64,
    pub(super) liveness: Liveness,
    pub(super) operator: Operator,
    /// When the faults have ended, and late messages with them.
    pub(super) healed_at: Option<Time>,
    stop: bool,
    trace: Option<TlaTrace>,
    fault: Fault,
}

/// A machine with its disk, on which a process runs or does not.
#[derive(Debug)]
pub(super) struct Host<S, M> {
    pub(super) state: State<S, M>,
    /// Counts the processes that have run here, so that what was meant for one is not given to the next.
    pub(super) incarnation: u32,
    pub(super) paused: bool,
    /// What came while it stood still.
    inbox: Vec<Input>,
    /// Up to when it has been ticked.
    ticked_until: Time,
    timer_at: Time,
    /// Its disk has no room before.
    pub(super) full_until: Time,
    /// It stays down, whatever happens.
    pub(super) retired: bool,
    last_shown: Shown,
}

#[derive(Debug)]
pub(super) enum State<S, M> {
    /// No disk: a node that has not joined, or has lost it.
    Absent,
    Down(Remains<S>),
    Up(Box<Process<S, M>>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    role: Option<raft_core::StateRole>,
    term: u64,
    leader: u64,
    commit: u64,
    applied: u64,
}

#[derive(Debug)]
enum Input {
    Message(Message),
    Request(OpId, Request),
    Wake(Wake),
}

/// A client, with the request that it has out.
#[derive(Debug, Default)]
struct Client {
    seq: u32,
    /// The leader that it has talked to last; 0 when it has found none yet.
    leader: u64,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    op: OpId,
    request: Request,
    node: u64,
    incarnation: u32,
    deadline: Time,
    closing: bool,
}

#[derive(Debug)]
struct Event {
    at: Time,
    seq: u64,
    what: Happening,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

#[derive(Debug)]
enum Happening {
    Deliver { message: Box<Message>, sender: u64, name: u64, sent: Time },
    Timer { node: u64, incarnation: u32, at: Time },
    Wake { node: u64, incarnation: u32, what: Wake },
    Start { node: u64, incarnation: u32 },
    Resume { node: u64, incarnation: u32, catches_up: bool },
    Ask { client: u32 },
    Retry { client: u32, seq: u32 },
    GiveUp { client: u32, seq: u32 },
    Act { number: usize },
    Mend { cuts: Vec<(u64, u64)> },
    Cure { node: u64, incarnation: u32 },
    Operate,
    Heal,
}

impl<M: StateMachine, W: Workload> World<SimDisk, M, W> {
    /// The world of `plan`, on simulated disks, before its first event.
    #[must_use]
    pub fn new(plan: Plan, workload: W) -> Self {
        Self::over(plan, workload)
    }
}

impl<S, M, W> std::fmt::Debug for World<S, M, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("now", &self.board.now).finish_non_exhaustive()
    }
}

const DURING: u64 = 3;
const NETWORK: u64 = 4;

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    /// The world of `plan` over storages of the type `S`, before its first event.
    #[must_use]
    pub fn over(plan: Plan, workload: W) -> Self {
        let network = Network::new(plan.network.clone(), Chance::new(plan.seed, NETWORK));
        let hosts = plan.ids().map(|id| (id, Host::absent()));
        let clients = (0..plan.clients.count).map(|_| Client::default()).collect();
        let tally = Tally { election_timeout: plan.election_timeout(), ..Tally::default() };
        Self {
            board: Board {
                founding: if plan.bootstrap { plan.voters } else { 0 },
                ..Board::default()
            },
            nodes: hosts.collect(),
            network,
            queue: BinaryHeap::new(),
            next_seq: 0,
            next_message: 0,
            chance: Chance::new(plan.seed, DURING),
            clients,
            workload,
            checkers: checkers::all().into_iter().map(|checker| (checker, 0)).collect(),
            facts: BTreeMap::new(),
            coverage: Coverage::default(),
            recorder: Recorder::off(),
            tally,
            digest: plan.seed,
            liveness: Liveness::default(),
            operator: Operator::new(&plan),
            healed_at: None,
            stop: false,
            trace: None,
            fault: Fault::default(),
            plan,
        }
    }

    /// Keeps records of what happens.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        self.recorder = Recorder::on();
        self
    }

    /// Traces the steps of the protocol, for a plan that is [traceable](Plan::traceable). The run ends
    /// when the trace does.
    #[must_use]
    pub fn traced(mut self, trace: &TlaTrace) -> Self {
        self.trace = Some(trace.clone());
        self
    }

    /// Has every node, or its driver, break a rule on purpose.
    #[cfg(raft_fault)]
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }

    /// Adds a rule of the user's own.
    #[must_use]
    pub fn with_checker(mut self, checker: Box<dyn Checker>) -> Self {
        self.checkers.push((checker, 0));
        self
    }

    /// Carries the plan out, to its end or to the first rule that is broken.
    pub fn run(mut self) -> Outcome {
        // One panic must not end a batch, and what led to it is worth a trace.
        let violation = match catch_unwind(AssertUnwindSafe(|| self.try_run())) {
            Ok(result) => result.err(),
            Err(panic) => Some(self.violation(0, "nothing panics", text_of(&*panic))),
        };
        let (now, plan) = (self.board.now, &self.plan);
        self.recorder.record(now, || What::End {
            verdict: match &violation {
                Some(violation) => violation.to_string(),
                None => format!("seed {}: no rule was broken", plan.seed),
            },
        });
        self.tally.time = now;
        for (_, link) in self.network.counters() {
            self.tally.messages += link.sent;
            self.tally.bytes += link.bytes;
        }
        self.tally.checks = self.checkers.iter().map(|(_, count)| count).sum();
        Outcome {
            violation,
            digest: self.digest,
            tally: self.tally,
            coverage: self.coverage,
            rules: self.checkers.iter().map(|(checker, count)| (checker.rule(), *count)).collect(),
            facts: self.facts,
            recorder: self.recorder,
        }
    }

    fn try_run(&mut self) -> Result<(), Violation> {
        let (seed, ids) = (self.plan.seed, self.plan.ids());
        self.recorder
            .record(0, || What::Begin { title: format!("seed {seed}"), nodes: ids.collect() });
        for id in 1..=self.plan.voters + self.plan.learners {
            self.join(id)?;
        }
        for client in 0..self.plan.clients.count {
            let after = self.chance.below(2 * self.plan.clients.think);
            self.push(after, Happening::Ask { client });
        }
        for number in 0..self.plan.schedule.len() {
            let at = self.plan.schedule[number].at;
            self.push(at, Happening::Act { number });
        }
        self.push(operator::ROUND, Happening::Operate);
        self.push(self.plan.chaos, Happening::Heal);
        while let Some(Reverse(event)) = self.queue.pop() {
            self.board.now = event.at;
            self.tally.events += 1;
            self.happen(event.what)?;
            if self.stop || self.trace.as_ref().is_some_and(TlaTrace::is_closed) {
                break;
            }
        }
        self.workload.check().map_err(|text| self.violation(0, "clients", text))
    }

    pub(super) fn violation(&mut self, node: u64, rule: &'static str, text: String) -> Violation {
        let at = self.board.now;
        self.recorder.record(at, || What::Violation {
            node,
            rule: rule.into(),
            text: text.clone(),
        });
        Violation { at, node, rule, text }
    }

    fn push(&mut self, at: Time, what: Happening) {
        self.next_seq += 1;
        self.queue.push(Reverse(Event { at, seq: self.next_seq, what }));
    }

    fn push_after(&mut self, after: Time, what: Happening) {
        self.push(self.board.now + after, what);
    }

    fn mix(&mut self, word: u64) {
        self.digest = mix(self.digest ^ word);
    }

    pub(super) fn finish(&mut self) {
        self.stop = true;
    }

    fn happen(&mut self, what: Happening) -> Result<(), Violation> {
        match what {
            Happening::Deliver { message, sender, name, sent } => {
                self.deliver(*message, sender, name, sent)
            }
            Happening::Timer { node, incarnation, at } => {
                let host = self.host(node);
                if host.incarnation != incarnation || host.timer_at != at || host.paused {
                    return Ok(());
                }
                self.with_process(node, |_, _| {})
            }
            Happening::Wake { node, incarnation, what } => {
                if self.host(node).incarnation != incarnation {
                    return Ok(());
                }
                self.give(node, Input::Wake(what))
            }
            Happening::Start { node, incarnation } => {
                let host = self.host(node);
                if host.incarnation != incarnation || host.retired {
                    return Ok(());
                }
                self.start(node)
            }
            Happening::Resume { node, incarnation, catches_up } => {
                if self.host(node).incarnation != incarnation {
                    return Ok(());
                }
                self.resume(node, catches_up)
            }
            Happening::Ask { client } => self.ask(client),
            Happening::Retry { client, seq } => self.retry(client, seq),
            Happening::GiveUp { client, seq } => {
                self.give_up(client, seq);
                Ok(())
            }
            Happening::Act { number } => {
                if self.healed_at.is_some() {
                    return Ok(());
                }
                let act = self.plan.schedule[number].act.clone();
                self.act(act)
            }
            Happening::Mend { cuts } => {
                if self.healed_at.is_none() {
                    for (from, to) in cuts {
                        self.mend(from, to);
                    }
                }
                Ok(())
            }
            Happening::Cure { node, incarnation } => {
                if self.host(node).incarnation == incarnation {
                    self.cure(node);
                }
                Ok(())
            }
            Happening::Operate => {
                self.operate()?;
                self.demand_progress()?;
                self.push_after(operator::ROUND, Happening::Operate);
                Ok(())
            }
            Happening::Heal => self.heal(),
        }
    }

    pub(super) fn host(&mut self, node: u64) -> &mut Host<S, M> {
        self.nodes.entry(node).or_insert_with(Host::absent)
    }

    pub(super) fn process(&self, node: u64) -> Option<&Process<S, M>> {
        match &self.nodes.get(&node)?.state {
            State::Up(process) => Some(process),
            _ => None,
        }
    }

    pub(super) fn process_mut(&mut self, node: u64) -> Option<&mut Process<S, M>> {
        match &mut self.nodes.get_mut(&node)?.state {
            State::Up(process) => Some(process),
            _ => None,
        }
    }

    /// The running processes, ascending by id.
    pub(super) fn running(&self) -> impl Iterator<Item = &Process<S, M>> {
        self.nodes.values().filter_map(|host| match &host.state {
            State::Up(process) => Some(&**process),
            _ => None,
        })
    }

    /// The running node that leads, in the highest term.
    pub(super) fn leader(&self) -> Option<u64> {
        let leaders = self.running().filter(|process| process.leads());
        leaders.max_by_key(|p| p.status().hard_state.term).map(|p| p.id)
    }

    // Processes come and go.

    /// A new machine, with the disk that the group starts with, or an empty one.
    pub(super) fn join(&mut self, id: u64) -> Result<(), Violation> {
        let is_first = id <= self.plan.voters + self.plan.learners;
        let snapshot = (is_first && !self.plan.bootstrap).then(|| self.first_snapshot());
        let storage = S::create(snapshot.as_ref());
        let image =
            LogImage::read(&storage).map_err(|e| self.violation(id, "storage", e.to_string()))?;
        self.board.disks.insert(id, DiskImage { durable: image, unsynced: Vec::new() });
        self.host(id).state = State::Down(Remains::new(storage));
        self.start(id)
    }

    fn first_snapshot(&self) -> Snapshot {
        let Plan { voters, learners, .. } = self.plan;
        let ids = |ids: std::ops::RangeInclusive<u64>| ids.collect::<Vec<_>>();
        let conf_state = ConfState::new(ids(1..=voters), ids(voters + 1..=voters + learners));
        let conf_state = Some(conf_state);
        let metadata = Some(SnapshotMetadata { conf_state, index: 1, term: 1 });
        Snapshot { data: Bytes::new(), metadata }
    }

    pub(super) fn start(&mut self, id: u64) -> Result<(), Violation> {
        let plan = self.plan.node(id).clone();
        let is_first = id <= self.plan.voters + self.plan.learners;
        let peers: Vec<Peer> = match self.plan.bootstrap && is_first {
            true => (1..=self.plan.voters).map(|id| Peer { id, context: Bytes::new() }).collect(),
            false => Vec::new(),
        };
        let (now, seed) = (self.board.now, self.plan.seed);
        let host = self.host(id);
        let State::Down(remains) = std::mem::replace(&mut host.state, State::Absent) else {
            return Ok(());
        };
        let start = Start {
            id,
            seed,
            incarnation: host.incarnation,
            plan: &plan,
            peers: &peers,
            trace: self.trace.as_ref(),
            fault: self.fault,
        };
        let started = Process::start(start, remains);
        let process = started.map_err(|text| self.violation(id, "a node starts", text))?;
        let image = process.image().map_err(|text| self.violation(id, "storage", text))?;
        if let Some(seen) = process.started_from() {
            self.coverage.note(seen);
        }
        let before = self.board.disks.remove(&id).unwrap_or_default();
        self.board.disks.insert(id, DiskImage { durable: image, unsynced: Vec::new() });
        let (status, last) = (process.status(), process.glance().last_entry_id());
        self.recorder.record(now, || What::Started {
            node: id,
            term: status.hard_state.term,
            vote: status.hard_state.vote,
            commit: status.hard_state.commit,
            last: last.index,
        });
        let host = self.host(id);
        host.incarnation += 1;
        host.state = State::Up(Box::new(process));
        host.paused = false;
        host.ticked_until = now;
        host.timer_at = 0;
        host.last_shown = Shown::default();
        let full_until = host.full_until;
        if full_until > now {
            self.fill_disk(id, full_until);
        }
        self.tell(id, &Fact::Started { before: &before })?;
        self.settle(id)
    }

    /// Ends the process. What it had not written is lost, and some of what it had not synced.
    pub(super) fn crash(&mut self, id: u64, why: &str) -> Result<(), Violation> {
        let now = self.board.now;
        let host = self.host(id);
        let State::Up(process) = std::mem::replace(&mut host.state, State::Absent) else {
            return Ok(());
        };
        host.incarnation += 1;
        host.paused = false;
        host.inbox.clear();
        let led = process.leads();
        let mut remains = process.end();
        remains.storage_mut().crash(&mut self.chance);
        self.note_losses(id, &remains);
        self.host(id).state = State::Down(remains);
        self.coverage.note(Seen::Crashed);
        if led {
            self.coverage.note(Seen::CrashedWhileLeading);
        }
        self.recorder.record(now, || What::Crashed { node: id, why: why.into() });
        self.tell(id, &Fact::Crashed)
    }

    fn note_losses(&mut self, id: u64, remains: &Remains<S>) {
        let Some(disk) = self.board.disks.get(&id) else { return };
        let mut entries = disk.unsynced.iter().filter_map(|write| match write {
            super::image::ImageWrite::Entries(entries) => entries.last().map(|entry| entry.index),
            _ => None,
        });
        let Some(written) = entries.next_back() else { return };
        let left = remains.last_index();
        if left < written {
            let seen = match left > disk.durable.last_index() {
                true => Seen::WriteTorn,
                false => Seen::WriteLost,
            };
            self.coverage.note(seen);
        }
    }

    pub(super) fn start_after(&mut self, id: u64, after: Time) {
        let incarnation = self.host(id).incarnation;
        self.push_after(after, Happening::Start { node: id, incarnation });
    }

    pub(super) fn pause(&mut self, id: u64, lasts: Time, catches_up: bool) {
        if self.process(id).is_none() || self.host(id).paused {
            return;
        }
        let now = self.board.now;
        self.coverage.note(Seen::Paused);
        self.recorder.record(now, || What::Paused { node: id });
        let host = self.host(id);
        host.paused = true;
        let incarnation = host.incarnation;
        self.push_after(lasts, Happening::Resume { node: id, incarnation, catches_up });
    }

    pub(super) fn resume(&mut self, id: u64, catches_up: bool) -> Result<(), Violation> {
        let now = self.board.now;
        let host = self.host(id);
        if !host.paused {
            return Ok(());
        }
        host.paused = false;
        if !catches_up {
            host.ticked_until = now;
        }
        let inbox = std::mem::take(&mut host.inbox);
        self.recorder.record(now, || What::Resumed { node: id });
        self.with_process(id, |_, _| {})?;
        for input in inbox {
            self.give(id, input)?;
        }
        Ok(())
    }

    pub(super) fn jump(&mut self, id: u64, ticks: u32) -> Result<(), Violation> {
        self.with_process(id, |process, _| process.tick_by(ticks))
    }

    /// There is no room for entries on the disk until then, whatever process uses it.
    pub(super) fn fill_disk(&mut self, id: u64, until: Time) {
        self.host(id).full_until = until;
        if let Some(process) = self.process_mut(id) {
            process.disk_mut().write_fault = Some(super::disk::WriteFault::Full);
        }
        self.cure_after(id, until - self.board.now);
    }

    pub(super) fn cure_after(&mut self, id: u64, after: Time) {
        let incarnation = self.host(id).incarnation;
        self.push_after(after, Happening::Cure { node: id, incarnation });
    }

    /// The disk is well again.
    pub(super) fn cure(&mut self, id: u64) {
        if let Some(process) = self.process_mut(id) {
            process.slowness = 1;
            process.crash_after = None;
            let disk = process.disk_mut();
            disk.write_fault = None;
            disk.slow_reads.set(false);
            disk.no_snapshot.set(false);
        }
    }

    // What happens to a running process.

    fn give(&mut self, id: u64, input: Input) -> Result<(), Violation> {
        let host = self.host(id);
        if host.paused {
            host.inbox.push(input);
            return Ok(());
        }
        match input {
            Input::Wake(what) => self.with_process(id, |process, out| process.wake(what, out)),
            Input::Message(message) => self.step(id, message),
            Input::Request(op, Request::Write(command)) => {
                self.with_process(id, |process, out| process.propose(op, &command, out))
            }
            Input::Request(op, Request::Read(question)) => {
                self.with_process(id, |process, out| process.read(op, question, out))
            }
        }
    }

    /// Gives the process the ticks it is owed, does something to it, and then the work that comes of
    /// it.
    pub(super) fn with_process(
        &mut self,
        id: u64,
        act: impl FnOnce(&mut Process<S, M>, &mut Vec<Effect>),
    ) -> Result<(), Violation> {
        let (now, tick) = (self.board.now, self.plan.node(id).tick);
        let Some(host) = self.nodes.get_mut(&id) else { return Ok(()) };
        let State::Up(process) = &mut host.state else { return Ok(()) };
        let owed = (now - host.ticked_until) / tick;
        if owed > 0 {
            host.ticked_until += owed * tick;
            if owed > 3 {
                self.coverage.note(Seen::Slept);
            }
            process.tick_by(owed as u32);
        }
        let mut effects = Vec::new();
        act(process, &mut effects);
        self.mix(id << 32 | now & 0xffff_ffff);
        self.carry_out(id, effects)?;
        self.settle(id)
    }

    /// Does the process's work until it waits for something, then looks at it.
    fn settle(&mut self, id: u64) -> Result<(), Violation> {
        loop {
            let Some(process) = self.process_mut(id) else { return Ok(()) };
            let mut effects = Vec::new();
            let more = process.work(&mut effects);
            self.carry_out(id, effects)?;
            if !more {
                break;
            }
        }
        self.note_watch(id)?;
        self.look(id)?;
        self.set_timer(id);
        Ok(())
    }

    fn set_timer(&mut self, id: u64) {
        let NodeTimer { tick, sleepy } = self.node_timer(id);
        let Some(process) = self.process(id) else { return };
        let ticks = match sleepy {
            true => process.ticks_until_timeout().map_or(u64::MAX, u64::from),
            false => 1,
        };
        let host = self.host(id);
        let at = host.ticked_until.saturating_add(tick.saturating_mul(ticks));
        if host.timer_at != at && at != u64::MAX {
            host.timer_at = at;
            let incarnation = host.incarnation;
            self.push(at, Happening::Timer { node: id, incarnation, at });
        }
    }

    fn node_timer(&self, id: u64) -> NodeTimer {
        let plan = self.plan.node(id);
        NodeTimer { tick: plan.tick, sleepy: plan.sleepy }
    }

    fn step(&mut self, id: u64, message: Message) -> Result<(), Violation> {
        let mut stepped = Ok(());
        self.with_process(id, |process, out| {
            stepped = process.step(message);
            if let Err(StepError::Poisoned(error)) = &stepped {
                out.push(Effect::Died(error.to_string()));
            }
        })?;
        match stepped {
            Ok(()) => Ok(()),
            // Routine: a peer that was removed, or a proposal that found nobody to take it.
            Err(StepError::PeerNotFound { .. } | StepError::Dropped(_)) => {
                self.coverage.note(Seen::MessageRefused);
                Ok(())
            }
            Err(StepError::Poisoned(_)) => Ok(()),
            Err(error) => Err(self.violation(id, "honest messages are taken", error.to_string())),
        }
    }

    fn carry_out(&mut self, id: u64, effects: Vec<Effect>) -> Result<(), Violation> {
        for effect in effects {
            match effect {
                Effect::Send(message) => self.send(id, message)?,
                Effect::Handed(entries) => {
                    for entry in entries.iter().filter(|e| e.kind() != Ok(EntryType::Normal)) {
                        self.board.conf_changes.insert(EntryId::of(entry));
                    }
                    self.tell(id, &Fact::Handed { entries: &entries })?;
                }
                Effect::HandedSnapshot(at) => self.tell(id, &Fact::HandedSnapshot { at })?,
                Effect::Wrote(write) => {
                    self.board.disks.entry(id).or_default().unsynced.push(write);
                }
                Effect::Synced => self.board.disks.entry(id).or_default().sync(),
                Effect::Compacted(index) => {
                    let disk = self.board.disks.entry(id).or_default();
                    disk.sync();
                    disk.durable.compact(index);
                }
                Effect::Applied { entry, fingerprint } => {
                    self.coverage.note(Seen::Applied);
                    let entry = EntryId::of(&entry);
                    self.tell(id, &Fact::Applied { entry, fingerprint })?;
                }
                Effect::Configured { index, before, after } => {
                    self.note_configured(id, &before, &after);
                    let fact = Fact::Configured { index, before: &before, after: &after };
                    self.tell(id, &fact)?;
                }
                Effect::Installed { at, conf_state, fingerprint } => {
                    let fact = Fact::Installed { at, conf_state: &conf_state, fingerprint };
                    self.tell(id, &fact)?;
                }
                Effect::Answer { op, answer } => self.answer(id, op, &answer),
                Effect::ReadState { op, index } => {
                    self.tell(id, &Fact::ReadAnswered { op, index })?;
                }
                Effect::Refused(op) => self.refuse(id, op),
                Effect::Wake { after, what } => {
                    let incarnation = self.host(id).incarnation;
                    self.push_after(after, Happening::Wake { node: id, incarnation, what });
                }
                Effect::Saw(seen) => self.coverage.note(seen),
                Effect::Died(why) => {
                    self.crash(id, &why)?;
                    let after = self.chance.within(super::TICK..2 * super::SECOND);
                    self.start_after(id, after);
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn note_configured(
        &mut self,
        id: u64,
        before: &raft_core::tracker::Configuration,
        after: &raft_core::tracker::Configuration,
    ) {
        match (before.voters.is_joint(), after.voters.is_joint()) {
            (false, true) => self.coverage.note(Seen::JointEntered),
            (true, false) => self.coverage.note(Seen::JointLeft),
            _ => {}
        }
        if before.learners.iter().any(|learner| after.voters.incoming.0.contains(learner)) {
            self.coverage.note(Seen::LearnerPromoted);
        }
        let now = self.board.now;
        self.recorder.record(now, || What::Configured { node: id, config: after.to_string() });
        self.operator.note_configuration(after);
    }

    fn note_watch(&mut self, id: u64) -> Result<(), Violation> {
        let Some(process) = self.process_mut(id) else { return Ok(()) };
        let watch = process.take_watch();
        for seen in watch.seen {
            self.coverage.note(seen);
        }
        for term in watch.led {
            self.mix(term);
            self.tell(id, &Fact::Led { term })?;
        }
        Ok(())
    }

    /// Looks at a node after an event.
    fn look(&mut self, id: u64) -> Result<(), Violation> {
        let Some(process) = self.process(id) else { return Ok(()) };
        let status = process.status();
        let commit = status.hard_state.commit;
        let digest = match self.tally.events % DIGEST_EVERY {
            0 => process.digest(),
            _ => status.hard_state.term << 40 ^ commit << 20 ^ status.applied,
        };
        let applied = process.applied();
        let shown = Shown {
            role: Some(status.soft_state.role),
            term: status.hard_state.term,
            leader: status.soft_state.leader_id,
            commit,
            applied,
        };
        self.mix(digest);
        self.show(id, shown);
        if commit > self.board.max_committed {
            let from = self.board.max_committed + 1;
            let Some(process) = self.process(id) else { return Ok(()) };
            let terms: Vec<_> = (from..=commit)
                .filter_map(|index| Some((index, process.glance().term_at(index)?)))
                .collect();
            self.board.committed.extend(terms);
            self.board.max_committed = commit;
            self.tell(id, &Fact::Committed { from, to: commit })?;
        }
        let mut found = None;
        if let Some(State::Up(process)) = self.nodes.get(&id).map(|host| &host.state) {
            let glance = process.glance();
            let scene = Scene { node: id, glance: Some(glance), board: &self.board };
            for (checker, count) in &mut self.checkers {
                *count += 1;
                if let Err(text) = checker.on_state(glance, &scene) {
                    found = Some((checker.rule(), text));
                    break;
                }
            }
        }
        match found {
            Some((rule, text)) => Err(self.violation(id, rule, text)),
            None => Ok(()),
        }
    }

    /// Records what has changed in a node, as far as the timeline shows it.
    fn show(&mut self, id: u64, shown: Shown) {
        let now = self.board.now;
        let Some(host) = self.nodes.get_mut(&id) else { return };
        let before = std::mem::replace(&mut host.last_shown, shown);
        let Shown { role: Some(role), term, leader, commit, applied } = shown else { return };
        if (before.role, before.term, before.leader) != (shown.role, term, leader) {
            self.recorder.record(now, || What::State { node: id, role: role.into(), term, leader });
        }
        if before.commit != commit {
            self.recorder.record(now, || What::Committed { node: id, index: commit });
        }
        if before.applied != applied {
            self.recorder.record(now, || What::Applied { node: id, index: applied });
        }
    }

    /// Tells every checker.
    fn tell(&mut self, id: u64, fact: &Fact<'_>) -> Result<(), Violation> {
        *self.facts.entry(fact.into()).or_default() += 1;
        let process = match self.nodes.get(&id).map(|host| &host.state) {
            Some(State::Up(process)) => Some(process.glance()),
            _ => None,
        };
        let scene = Scene { node: id, glance: process, board: &self.board };
        let mut found = None;
        for (checker, count) in &mut self.checkers {
            *count += 1;
            if let Err(text) = checker.on_fact(fact, &scene) {
                found = Some((checker.rule(), text));
                break;
            }
        }
        match found {
            Some((rule, text)) => Err(self.violation(id, rule, text)),
            None => Ok(()),
        }
    }

    // Messages.

    fn send(&mut self, id: u64, message: Message) -> Result<(), Violation> {
        self.tell(id, &Fact::Sent { message: &message })?;
        self.next_message += 1;
        let (now, name) = (self.board.now, self.next_message);
        self.recorder.record(now, || What::Sent {
            id: name,
            from: message.from,
            to: message.to,
            kind: message.kind().map(|kind| kind.to_string()).unwrap_or_default(),
            term: message.term,
            text: raft_core::describe::message(&message).to_string(),
        });
        self.mix((message.msg_type as u64) << 56 ^ message.to << 48 ^ message.index);
        let is_snapshot = message.kind() == Ok(MessageType::MsgSnap);
        match self.network.send(now, id, &message) {
            Fate::Lost(why) => {
                self.coverage.note(Seen::MessageLost);
                self.recorder.record(now, || What::Lost { id: name, why: why.into() });
                self.report_lost(&message, is_snapshot);
            }
            Fate::Once(at) => {
                let message = Box::new(message);
                self.push(at, Happening::Deliver { message, sender: id, name, sent: now });
            }
            Fate::Twice(first, second) => {
                self.coverage.note(Seen::MessageDuplicated);
                let message = Box::new(message);
                let copy = message.clone();
                self.push(first, Happening::Deliver { message, sender: id, name, sent: now });
                self.push(
                    second,
                    Happening::Deliver { message: copy, sender: id, name, sent: now },
                );
            }
        }
        Ok(())
    }

    /// The transport tells the sender what it knows.
    fn report_lost(&mut self, message: &Message, is_snapshot: bool) {
        if is_snapshot {
            self.report_snapshot(message, SnapshotStatus::Failure);
        }
    }

    fn report_snapshot(&mut self, message: &Message, status: SnapshotStatus) {
        let node = message.from;
        let incarnation = self.host(node).incarnation;
        let what = Wake::SnapshotReport { peer: message.to, status };
        self.push_after(REPORT, Happening::Wake { node, incarnation, what });
    }

    fn deliver(
        &mut self,
        message: Message,
        sender: u64,
        name: u64,
        sent: Time,
    ) -> Result<(), Violation> {
        let now = self.board.now;
        let to = message.to;
        let is_snapshot = message.kind() == Ok(MessageType::MsgSnap);
        let lost = if !self.network.arrive(sender, to) {
            Some("partition")
        } else if self.process(to).is_none() {
            Some("nobody is there")
        } else if self.healed_at.is_some_and(|healed| sent < healed && now > healed + super::TICK) {
            // It was held up for too long; the connection that it was on is gone.
            Some("stale")
        } else {
            None
        };
        if let Some(why) = lost {
            self.coverage.note(Seen::MessageLost);
            self.recorder.record(now, || What::Lost { id: name, why: why.into() });
            self.report_lost(&message, is_snapshot);
            return Ok(());
        }
        if is_snapshot {
            self.report_snapshot(&message, SnapshotStatus::Finish);
        }
        self.recorder.record(now, || What::Delivered { id: name });
        self.give(to, Input::Message(message))
    }

    pub(super) fn cut(&mut self, cuts: Vec<(u64, u64)>, lasts: Time) {
        let now = self.board.now;
        for &(from, to) in &cuts {
            if self.network.cut(from, to) {
                self.recorder.record(now, || What::LinkDown { from, to });
            }
        }
        if !cuts.is_empty() {
            self.coverage.note(Seen::Partitioned);
            self.push_after(lasts, Happening::Mend { cuts });
        }
    }

    fn mend(&mut self, from: u64, to: u64) {
        let now = self.board.now;
        if self.network.mend(from, to) {
            self.recorder.record(now, || What::LinkUp { from, to });
        }
    }

    // Clients.

    fn ask(&mut self, client: u32) -> Result<(), Violation> {
        if self.liveness.clients_are_done() || self.clients[client as usize].waiting.is_some() {
            return Ok(());
        }
        let request = self.workload.next(client, &mut self.chance);
        self.ask_for(client, request, false)
    }

    /// Has `client` ask for something now.
    pub(super) fn ask_for(
        &mut self,
        client: u32,
        request: Request,
        closing: bool,
    ) -> Result<(), Violation> {
        let now = self.board.now;
        let state = &mut self.clients[client as usize];
        state.seq += 1;
        let op = OpId { client, seq: state.seq };
        self.workload.asked(op, &request, now);
        if matches!(request, Request::Read(_)) {
            self.tell(0, &Fact::ReadAsked { op })?;
        }
        let deadline = now + self.plan.clients.patience;
        self.clients[client as usize].waiting =
            Some(Waiting { op, request, node: 0, incarnation: 0, deadline, closing });
        self.push(deadline, Happening::GiveUp { client, seq: op.seq });
        self.submit(client)
    }

    fn retry(&mut self, client: u32, seq: u32) -> Result<(), Violation> {
        match &self.clients[client as usize].waiting {
            Some(waiting) if waiting.op.seq == seq => self.submit(client),
            _ => Ok(()),
        }
    }

    /// Sends a client's request to a node: to the leader that it knows of, or to anybody.
    fn submit(&mut self, client: u32) -> Result<(), Violation> {
        let up: Vec<u64> = self.running().map(|process| process.id).collect();
        // A client stays with the leader that it knows, also when others follow another by now.
        let known = self.clients[client as usize].leader;
        let leads = self.process(known).is_some_and(Process::leads);
        let leader = if leads { Some(known) } else { self.leader() };
        let leader = leader.filter(|_| !self.chance.one_in(5));
        let Some(node) = leader.or_else(|| self.chance.pick(&up).copied()) else {
            self.try_again(client);
            return Ok(());
        };
        self.clients[client as usize].leader = leader.unwrap_or(known);
        let incarnation = self.host(node).incarnation;
        let now = self.board.now;
        let Some(waiting) = &mut self.clients[client as usize].waiting else { return Ok(()) };
        (waiting.node, waiting.incarnation) = (node, incarnation);
        let (op, request) = (waiting.op, waiting.request.clone());
        self.recorder.record(now, || What::Asked {
            client: u64::from(client),
            op: u64::from(op.seq),
            node,
            text: format!("{request:?}"),
        });
        self.give(node, Input::Request(op, request))
    }

    fn try_again(&mut self, client: u32) {
        let Some(waiting) = &self.clients[client as usize].waiting else { return };
        let (seq, deadline) = (waiting.op.seq, waiting.deadline);
        let after = self.chance.within(super::TICK / 2..super::TICK * 2);
        if self.board.now + after < deadline {
            self.push_after(after, Happening::Retry { client, seq });
        }
    }

    /// The client that waits for `op` at `node`, if it still does.
    fn waiter(&self, node: u64, op: OpId) -> Option<&Waiting> {
        let waiting = self.clients.get(op.client as usize)?.waiting.as_ref()?;
        let incarnation = self.nodes.get(&node)?.incarnation;
        let same = waiting.op == op && waiting.node == node && waiting.incarnation == incarnation;
        same.then_some(waiting)
    }

    fn answer(&mut self, node: u64, op: OpId, answer: &Bytes) {
        let Some(waiting) = self.waiter(node, op) else { return };
        let closing = waiting.closing;
        let now = self.board.now;
        self.tally.answered += 1;
        self.mix(u64::from(op.seq) << 8 ^ u64::from(op.client));
        self.recorder.record(now, || What::Answered {
            client: u64::from(op.client),
            op: u64::from(op.seq),
            text: format!("{answer:?}"),
        });
        self.workload.answered(op, answer, now);
        self.clients[op.client as usize].waiting = None;
        if closing {
            self.liveness.answered();
        }
        self.think(op.client);
    }

    /// The node says that it will not answer, and that nothing has happened: another may.
    fn refuse(&mut self, node: u64, op: OpId) {
        if self.waiter(node, op).is_some() {
            self.try_again(op.client);
        }
    }

    fn give_up(&mut self, client: u32, seq: u32) {
        let state = &mut self.clients[client as usize];
        let Some(waiting) = state.waiting.take_if(|waiting| waiting.op.seq == seq) else { return };
        let now = self.board.now;
        self.tally.gave_up += 1;
        self.recorder.record(now, || What::Answered {
            client: u64::from(client),
            op: u64::from(seq),
            text: "no answer".into(),
        });
        self.workload.gave_up(waiting.op, now);
        self.think(client);
    }

    fn think(&mut self, client: u32) {
        if !self.liveness.clients_are_done() {
            let after = self.chance.around(self.plan.clients.think);
            self.push_after(after, Happening::Ask { client });
        }
    }

    /// Whether a client waits for an answer.
    pub(super) fn is_waiting(&self, client: u32) -> bool {
        self.clients[client as usize].waiting.is_some()
    }

    /// The ids of the machines that can be started again.
    pub(super) fn stopped(&self) -> Vec<u64> {
        let can_start = |host: &Host<S, M>| matches!(host.state, State::Down(_)) && !host.retired;
        let stopped = self.nodes.iter().filter(|(_, host)| can_start(host));
        stopped.map(|(id, _)| *id).collect()
    }
}

struct NodeTimer {
    tick: Time,
    sleepy: bool,
}

impl<S, M> Host<S, M> {
    fn absent() -> Self {
        Self {
            state: State::Absent,
            incarnation: 0,
            paused: false,
            inbox: Vec::new(),
            ticked_until: 0,
            timer_at: 0,
            full_until: 0,
            retired: false,
            last_shown: Shown::default(),
        }
    }
}

/// How long a transport takes to tell how a snapshot fared.
const REPORT: Time = 1_000;
/// Events between two looks at the whole of a node for the digest.
const DIGEST_EVERY: u64 = 64;
