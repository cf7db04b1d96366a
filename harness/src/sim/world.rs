//! The world: events in virtual time, and the nodes that they happen to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use raft_core::{EntryId, Peer, SnapshotStatus, StepError};
use raft_proto::{ConfState, EntryType, Message, MessageType, Snapshot, SnapshotMetadata};

use super::Time;
use super::board::{Board, Checker, DiskImage, Fact, Judged, Scene};
use super::chance::{Chance, fold, mix};
use super::checkers;
use super::digest;
use super::disk::{SimDisk, SimStorage};
use super::fault::Fault;
use super::faulty_disk::Ailment;
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
    /// How often the world itself has judged each of its own rules.
    judged: BTreeMap<&'static str, u64>,
    /// How often the checkers were told each kind of fact.
    facts: BTreeMap<&'static str, u64>,
    /// How often each kind of act was carried out.
    pub(super) acts: BTreeMap<&'static str, u64>,
    pub(super) coverage: Coverage,
    pub(super) recorder: Recorder,
    pub(super) tally: Tally,
    digest: u64,
    pub(super) liveness: Liveness,
    pub(super) operator: Operator,
    /// When the faults have ended, and late messages with them.
    pub(super) healed_at: Option<Time>,
    stop: bool,
    pub(super) trace: Option<TlaTrace>,
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
    Cure { node: u64, incarnation: u32, number: u32 },
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

mod clients;
mod hosts;
mod links;
mod running;

/// Rules that are no [`Checker`]'s: the world sees for itself when they are broken.
pub(super) mod rule {
    pub(in crate::sim) const CLIENTS: &str = "clients";
    pub(in crate::sim) const HONEST: &str = "honest messages are taken";
    pub(in crate::sim) const LIVENESS: &str = "liveness";
    pub(in crate::sim) const NO_PANIC: &str = "nothing panics";
    pub(in crate::sim) const STARTS: &str = "a node starts";
    pub(in crate::sim) const ALL: [&str; 5] = [CLIENTS, HONEST, LIVENESS, NO_PANIC, STARTS];
}

const DURING: u64 = 3;
const NETWORK: u64 = 4;

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    /// The world of `plan` over storages of the type `S`, before its first event.
    #[must_use]
    pub fn over(plan: Plan, workload: W) -> Self {
        let network = Network::new(plan.network, &plan.links, Chance::new(plan.seed, NETWORK));
        let hosts = plan.ids().map(|id| (id, Host::absent()));
        let clients = (0..plan.clients.count).map(|_| Client::default()).collect();
        let tally = Tally { election_timeout: plan.election_timeout(), ..Tally::default() };
        Self {
            board: Board {
                founding: if plan.bootstrap { plan.voters } else { 0 },
                settings: plan.ids().zip(plan.nodes.iter().cloned()).collect(),
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
            judged: rule::ALL.map(|rule| (rule, 0)).into(),
            facts: BTreeMap::new(),
            acts: BTreeMap::new(),
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
            Ok(result) => {
                self.note_sound(rule::NO_PANIC);
                result.err()
            }
            Err(panic) => Some(self.violation(0, rule::NO_PANIC, text_of(&*panic))),
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
        let judged = self.checkers.iter().map(|(checker, count)| (checker.rule(), *count));
        let rules: Vec<_> = judged.chain(self.judged).collect();
        self.tally.checks = rules.iter().map(|(_, count)| count).sum();
        Outcome {
            violation,
            digest: self.digest,
            tally: self.tally,
            coverage: self.coverage,
            rules,
            facts: self.facts,
            acts: self.acts,
            links: self.network.counters().collect(),
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
        self.workload.check().map_err(|text| self.violation(0, rule::CLIENTS, text))?;
        self.note_sound(rule::CLIENTS);
        Ok(())
    }

    /// One of the world's own rules had something to judge, and holds.
    pub(super) fn note_sound(&mut self, rule: &'static str) {
        *self.judged.entry(rule).or_default() += 1;
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
            Happening::Cure { node, incarnation, number } => {
                if self.host(node).incarnation == incarnation
                    && let Some(process) = self.process_mut(node)
                {
                    process.disk_mut().recover(number);
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
