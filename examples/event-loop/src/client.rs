//! The client: proposes the lines of the input, sees to it that each gets in once, and carries out
//! the commands between them.

use std::collections::VecDeque;
use std::fmt::Display;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use raft_core::NONE;
use raft_core::proto::bytes::Bytes;
use raft_core::proto::{ConfChange, ConfChangeType, is_local_target};

use crate::command::Command;
use crate::group::Group;
use crate::node::{Input, Report};
use crate::state_machine::{Line, StateMachine};

/// How many lines may be under way at a time, and how many are read ahead.
const WINDOW: usize = 256;

/// After this long without progress, what is under way is proposed again. This is for what nobody
/// tells: proposals are lost with their leader, and of the next one the client hears.
const RETRY: Duration = Duration::from_secs(1);

/// What the client waits for.
pub(crate) enum Event {
    /// The next line of the input; `None` at its end.
    Input(Option<io::Result<Vec<u8>>>),
    Report(Report),
}

/// What a line of the input asks for.
enum Request {
    /// To replicate it.
    Line(Bytes),
    Command {
        text: String,
        command: Result<Command>,
    },
}

impl Request {
    fn new(line: Vec<u8>) -> Self {
        if !line.starts_with(b":") {
            return Self::Line(line.into());
        }
        let text = String::from_utf8_lossy(&line).into_owned();
        let command = text.parse();
        Self::Command { text, command }
    }
}

/// A change of the members that is under way.
#[derive(Clone, Copy)]
struct Change {
    id: u64,
    add: bool,
}

pub(crate) struct Client {
    group: Group,
    events: Receiver<Event>,
    /// For each one another line of the input is read.
    credits: Sender<()>,
    /// Read and not begun.
    input: VecDeque<Request>,
    input_ended: bool,
    /// The number of the next line; 0 until the first leader has said how many there are.
    next_number: u64,
    /// Proposed and not acknowledged, in their order.
    lines: VecDeque<Line>,
    change: Option<Change>,
    /// The leader as last heard of, and its term.
    leader: Option<u64>,
    term: u64,
    /// The members as last heard of, and since which index of the log.
    members: Vec<u64>,
    members_index: u64,
    last_progress: Instant,
    /// How many commands and nodes have failed.
    failures: usize,
}

impl Client {
    pub(crate) fn new(group: Group, events: Receiver<Event>, credits: Sender<()>) -> Self {
        Self {
            group,
            events,
            credits,
            input: VecDeque::new(),
            input_ended: false,
            next_number: 0,
            lines: VecDeque::new(),
            change: None,
            leader: None,
            term: 0,
            members: Vec::new(),
            members_index: 0,
            last_progress: Instant::now(),
            failures: 0,
        }
    }

    /// Works until the input has ended and every node has all of it, then compares them.
    pub(crate) fn run(mut self, list: bool) -> Result<()> {
        for _ in 0..WINDOW {
            self.credits.send(()).ok();
        }
        while !self.is_done()? {
            match self.events.recv_timeout(RETRY) {
                Ok(Event::Input(Some(line))) => {
                    self.input.push_back(Request::new(line.context("cannot read the input")?));
                }
                Ok(Event::Input(None)) => self.input_ended = true,
                Ok(Event::Report(report)) => self.hear(report)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => bail!("there is nobody left to hear from"),
            }
            if self.last_progress.elapsed() >= RETRY {
                self.try_again();
            }
            self.finish_change()?;
            self.begin();
        }
        self.compare(list)
    }

    fn is_done(&self) -> Result<bool> {
        if self.members.is_empty() {
            // No node has been heard yet.
            return Ok(false);
        }
        let has_begun_all = self.input_ended && self.input.is_empty();
        let can_go_on = !has_begun_all && self.next_number > 0;
        ensure!(
            self.has_quorum() || can_go_on,
            "only {} of {} members run; lines not acknowledged: {}",
            self.running_members().count(),
            self.members.len(),
            self.lines.len(),
        );
        Ok(has_begun_all && self.is_settled())
    }

    fn hear(&mut self, report: Report) -> Result<()> {
        match report {
            Report::Leads { node, term, lines } if term > self.term => {
                (self.leader, self.term) = (Some(node), term);
                say(format_args!("node {node} leads in term {term}"))?;
                if self.next_number == 0 {
                    say(format_args!("the group holds {lines} entries"))?;
                    self.next_number = lines + 1;
                }
                self.acknowledge(lines)?;
                self.propose_all();
            }
            Report::Applied { lines } => self.acknowledge(lines)?,
            Report::Members { index, ids } if index >= self.members_index => {
                (self.members, self.members_index) = (ids, index);
            }
            // Old news.
            Report::Leads { .. } | Report::Members { .. } => {}
        }
        Ok(())
    }

    /// Some node has applied this many lines. So they are committed, and no crash takes them away
    /// any more: now it may be said.
    fn acknowledge(&mut self, lines: u64) -> Result<()> {
        while self.lines.front().is_some_and(|line| line.number <= lines) {
            let Some(Line { number, text }) = self.lines.pop_front() else { break };
            say(format_args!("ok {number}: {}", String::from_utf8_lossy(&text)))?;
            self.last_progress = Instant::now();
        }
        Ok(())
    }

    /// Begins what has been read, as far as it may be.
    fn begin(&mut self) {
        while self.input.front().is_some_and(|request| self.may_begin(request)) {
            match self.input.pop_front() {
                Some(Request::Line(text)) => self.begin_line(text),
                Some(Request::Command { text, command }) => {
                    if let Err(error) = command.and_then(|command| self.carry_out(command)) {
                        self.failures += 1;
                        eprintln!("{text}: {error:#}");
                    }
                }
                None => {}
            }
            self.credits.send(()).ok();
        }
    }

    /// A line waits for a place in the window. A command waits until all before it is done; only a
    /// node's death comes at once, in the midst of it.
    ///
    /// When too few nodes run to get anything done there is no use in waiting: one of the next
    /// commands may change that.
    fn may_begin(&self, request: &Request) -> bool {
        let is_due = match request {
            Request::Line(_) => self.lines.len() < WINDOW,
            Request::Command { command: Ok(Command::Kill(_)), .. } => true,
            Request::Command { command: Ok(Command::KillLeader), .. } => self.leader().is_some(),
            Request::Command { .. } => self.is_settled(),
        };
        self.next_number > 0 && (is_due || !self.has_quorum())
    }

    fn begin_line(&mut self, text: Bytes) {
        let line = Line { number: self.next_number, text };
        self.next_number += 1;
        self.propose(Input::Propose(line.clone()));
        self.lines.push_back(line);
    }

    fn carry_out(&mut self, command: Command) -> Result<()> {
        match command {
            Command::Kill(id) => self.kill(id),
            Command::KillLeader => self.kill(self.leader().context("no node leads")?),
            Command::Restart(id) => self.restart(id),
            Command::RestartAll => {
                self.group.stopped()?.into_iter().try_for_each(|id| self.restart(id))
            }
            Command::Add(id) => self.add(id),
            Command::Remove(id) => self.remove(id),
            Command::Status => self.print_status(),
        }
    }

    fn kill(&mut self, id: u64) -> Result<()> {
        self.group.kill(id)?;
        say(format_args!("node {id} is killed"))
    }

    fn restart(&mut self, id: u64) -> Result<()> {
        self.group.start(id)?;
        say(format_args!("node {id} is restarted"))
    }

    fn add(&mut self, id: u64) -> Result<()> {
        ensure!(id != NONE && !is_local_target(id), "no node can have the id {id}");
        ensure!(!self.members.contains(&id), "node {id} is a member");
        ensure!(self.has_quorum(), "too few nodes run to agree on it");
        self.group.start_new(id)?;
        self.begin_change(Change { id, add: true });
        Ok(())
    }

    fn remove(&mut self, id: u64) -> Result<()> {
        if !self.members.contains(&id) {
            // A crash may have come between the change and what was left to do.
            return self.group.remove(id);
        }
        ensure!(self.members.len() > 1, "node {id} is the only member");
        ensure!(self.has_quorum(), "too few nodes run to agree on it");
        self.begin_change(Change { id, add: false });
        Ok(())
    }

    fn print_status(&self) -> Result<()> {
        for id in self.group.running() {
            match self.group.status(id) {
                Some(status) => say(format_args!("node {id}: {status}"))?,
                None => say(format_args!("node {id}: no answer"))?,
            }
        }
        for id in self.group.stopped()? {
            say(format_args!("node {id}: not running"))?;
        }
        Ok(())
    }

    fn begin_change(&mut self, change: Change) {
        self.change = Some(change);
        self.propose(change.input());
    }

    /// The change is done when all members that run have applied it. A node that is removed must
    /// stay until then: to those who do not know of the change its vote still counts.
    fn finish_change(&mut self) -> Result<()> {
        let Some(Change { id, add }) = self.change else { return Ok(()) };
        let is_everywhere = |applied: Vec<u64>| applied.iter().all(|&at| at >= self.members_index);
        if self.members.contains(&id) != add || !self.applied().is_some_and(is_everywhere) {
            return Ok(());
        }
        self.change = None;
        if !add {
            self.group.remove(id)?;
        }
        let what = if add { "a member" } else { "removed" };
        say(format_args!("node {id} is {what}; the members are {:?}", self.members))
    }

    /// Looks after what nobody tells of: nodes that have failed, and proposals that were dropped.
    fn try_again(&mut self) {
        for (id, error) in self.group.stop_failed() {
            self.failures += 1;
            eprintln!("node {id} has failed: {error:#}");
        }
        self.propose_all();
        self.last_progress = Instant::now();
    }

    /// Proposes again all that is under way. A line that gets in twice counts once, by its number.
    fn propose_all(&self) {
        for line in &self.lines {
            self.propose(Input::Propose(line.clone()));
        }
        if let Some(change) = self.change {
            self.propose(change.input());
        }
    }

    /// Without a leader nothing is lost: all of it is proposed when the next one reports.
    fn propose(&self, input: Input) {
        if let Some(leader) = self.leader {
            self.group.send(leader, input);
        }
    }

    /// Whether all that was begun is done, on every member that runs, and there is a leader who
    /// says so.
    fn is_settled(&self) -> bool {
        let is_level = |applied: Vec<u64>| applied.windows(2).all(|pair| pair[0] == pair[1]);
        self.lines.is_empty()
            && self.change.is_none()
            && self.leader().is_some()
            && self.applied().is_some_and(is_level)
    }

    /// The leader as last heard of, if it still is.
    fn leader(&self) -> Option<u64> {
        let leader = self.leader?;
        self.group.status(leader)?.leads_in(self.term).then_some(leader)
    }

    fn has_quorum(&self) -> bool {
        self.running_members().count() > self.members.len() / 2
    }

    fn running_members(&self) -> impl Iterator<Item = u64> {
        self.members.iter().copied().filter(|id| self.group.is_running(*id))
    }

    /// What each member that runs has applied; `None` if one does not answer.
    fn applied(&self) -> Option<Vec<u64>> {
        self.running_members().map(|id| Some(self.group.status(id)?.raft.applied)).collect()
    }

    /// Ends the nodes, and compares what they hold.
    fn compare(mut self, list: bool) -> Result<()> {
        let mut machines: Vec<StateMachine> = Vec::new();
        for id in self.group.running() {
            let machine = self.group.stop(id).with_context(|| format!("node {id} has failed"))?;
            if self.members.contains(&id) {
                say(format_args!("node {id}: {machine}"))?;
                machines.push(machine);
            }
        }
        let (first, others) = machines.split_first().context("no node runs")?;
        ensure!(others.iter().all(|other| other == first), "the nodes hold different entries");
        if list {
            for (number, text) in (1..).zip(first.lines()) {
                say(format_args!("{number}: {}", String::from_utf8_lossy(text)))?;
            }
        }
        say(format_args!("the same {} entries on {} nodes", first.lines().len(), machines.len()))?;
        ensure!(self.failures == 0, "commands and nodes that have failed: {}", self.failures);
        Ok(())
    }
}

impl Change {
    fn input(self) -> Input {
        let kind = if self.add { ConfChangeType::AddNode } else { ConfChangeType::RemoveNode };
        Input::Change(ConfChange::new(kind, self.id))
    }
}

/// Writes a line to the output, which is flushed at its end: who reads it may rely on it.
pub(crate) fn say(line: impl Display) -> Result<()> {
    writeln!(io::stdout(), "{line}").context("cannot write to the output")
}
