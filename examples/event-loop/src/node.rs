//! One node: a thread, an inbox, a timer, and the loop that drives a `RawNode`.
//!
//! Raft is safe because of the order in which a node works: persist, send, apply, advance. It is
//! all in [`Node::work`]; the rest is how the work comes in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use raft_core::proto::{
    ConfChange, ConfChangeRequest, ConfState, Entry, Message, MessageType, Snapshot,
};
use raft_core::{ApplyConfChangeError, Config, RawNode, SlogObserver, SnapshotStatus, StepError};

use crate::network::Network;
use crate::state_machine::{Line, StateMachine};
use crate::status::Status;
use crate::storage::{DiskStorage, Identity};

/// How long a tick is. With an election timeout of 10 to 19 ticks a leader is there within a
/// fraction of a second.
const TICK: Duration = Duration::from_millis(10);

/// How many inputs go into one batch, at most.
const BATCH: usize = 256;

/// What a node finds in its inbox. When the inbox is closed, the node ends.
pub(crate) enum Input {
    /// From a peer.
    Message(Message),
    /// To be replicated, if this node leads.
    Propose(Line),
    /// The same with a change of the members.
    Change(ConfChange),
    /// A question, and where to answer it.
    Status(Sender<Status>),
}

/// What a node tells unasked.
pub(crate) enum Report {
    /// It leads in `term`, and has applied all that was committed before: a list of `lines`.
    Leads { node: u64, term: u64, lines: u64 },
    /// It has applied something, and its list is of `lines` now.
    Applied { lines: u64 },
    /// The group has these members from `index` of the log on.
    Members { index: u64, ids: Vec<u64> },
}

pub(crate) struct Node {
    raft: RawNode<DiskStorage>,
    machine: StateMachine,
    /// The last entry that `machine` has applied, and the configuration as of it.
    applied: u64,
    conf_state: ConfState,
    snapshot_every: u64,
    network: Network,
    report: Box<dyn Fn(Report) + Send>,
    /// Set when the node is to stop where it stands, as in a crash.
    killed: Arc<AtomicBool>,
}

impl Node {
    /// The node goes on where its disk ends. The state machine is built from the disk's snapshot;
    /// the entries after it come as committed once more, and bring it up to date.
    pub(crate) fn new(
        identity: Identity,
        storage: DiskStorage,
        snapshot_every: u64,
        network: Network,
        report: Box<dyn Fn(Report) + Send>,
        killed: Arc<AtomicBool>,
    ) -> Result<Self> {
        let snapshot = storage.last_snapshot()?;
        let config = Config {
            group: identity.cluster,
            // A node that comes back must not depose the leader, and a leader that is cut off must
            // not believe for ever that it leads.
            pre_vote: true,
            check_quorum: true,
            // The client finds the leader itself. A proposal that is passed on could turn up when
            // the client has long since proposed it again.
            disable_proposal_forwarding: true,
            ..Config::new(identity.node)
        };
        let mut node = Self {
            raft: RawNode::with_observer(config, storage, SlogObserver::discard())?,
            machine: StateMachine::default(),
            applied: 0,
            conf_state: ConfState::default(),
            snapshot_every,
            network,
            report,
            killed,
        };
        node.restore(&snapshot)?;
        Ok(node)
    }

    /// Runs until the inbox is closed, or the node is killed or fails.
    pub(crate) fn run(mut self, inbox: &Receiver<Input>) -> Result<StateMachine> {
        let mut next_tick = Instant::now() + TICK;
        loop {
            // Wait for something to happen, but not beyond the next tick.
            match inbox.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                Ok(input) => self.take_in(input),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(self.machine),
            }
            // Whatever else has come meanwhile goes into the same batch: one write and one sync for
            // many proposals is what makes replication fast.
            for input in inbox.try_iter().take(BATCH) {
                self.take_in(input);
            }
            // Ticks that were missed stay missed. After a slow write the leader's heartbeats may
            // still lie in the inbox; to make up for the time now would be to depose it.
            if next_tick <= Instant::now() {
                self.raft.tick();
                next_tick = Instant::now() + TICK;
            }
            while self.raft.has_ready() {
                self.work()?;
                if self.is_killed() {
                    return Ok(self.machine);
                }
            }
        }
    }

    fn take_in(&mut self, input: Input) {
        match input {
            // A refused message has changed nothing: a peer's mistake must not end this node.
            Input::Message(message) => match self.raft.step(message) {
                // A node that was removed may still have an answer on its way.
                Ok(()) | Err(StepError::PeerNotFound { .. }) => {}
                Err(error) => eprintln!("node {}: {error}", self.raft.id()),
            },
            // A proposal that is dropped here, or is taken and then lost with its leader, is the
            // client's to make again: it hears of every new leader.
            Input::Propose(line) => drop(self.raft.propose(line.encode())),
            Input::Change(change) => drop(self.raft.propose_conf_change(change)),
            Input::Status(answer) => drop(answer.send(self.status())),
        }
    }

    /// Does one batch of work. The types keep the order: what comes after `persisted()` cannot be
    /// had before it.
    ///
    /// A node that is killed stops between two steps, with the batch half done.
    fn work(&mut self) -> Result<()> {
        let mut ready = self.raft.ready()?;

        // 1. Send what needs no durability, such as a leader's entries: its disk is one of those
        //    that write them, and need not be the first.
        self.send(ready.take_messages());
        if self.is_killed() {
            return Ok(());
        }

        // 2. Persist: the snapshot, the entries, the hard state, in this order. When this returns
        //    they are on disk.
        self.raft.storage_mut().save(
            ready.snapshot(),
            ready.entries(),
            ready.hard_state(),
            ready.must_sync(),
        )?;
        if let Some(snapshot) = ready.snapshot() {
            self.restore(snapshot)?;
        }
        if self.is_killed() {
            return Ok(());
        }

        // 3. Send what vouches for what is on disk. Sooner, a crash could make the node vote twice,
        //    or lose an entry that a quorum was counted for.
        let mut done = ready.persisted();
        self.send(done.take_messages());

        // 4. Apply what is committed.
        let committed = done.take_committed_entries();
        for entry in &committed {
            self.apply(entry).with_context(|| format!("cannot apply entry {}", entry.index))?;
        }
        if !committed.is_empty() {
            (self.report)(Report::Applied { lines: self.machine.len() });
        }
        if self.is_killed() {
            return Ok(());
        }

        // 5. Advance: the batch is done. Now that the core knows what is applied, the log can be
        //    shortened up to there.
        self.raft.advance(done)?;
        self.compact()
    }

    fn send(&mut self, messages: impl Iterator<Item = Message>) {
        for message in messages {
            let to = message.to;
            let is_snapshot = message.kind() == Ok(MessageType::MsgSnap);
            let arrived = self.network.send(to, Input::Message(message));
            // Lost messages do no harm, but a leader sends less to a peer that it knows to be
            // down. And it waits until it hears how a snapshot fared.
            match (is_snapshot, arrived) {
                (true, true) => self.raft.report_snapshot(to, SnapshotStatus::Finish),
                (true, false) => self.raft.report_snapshot(to, SnapshotStatus::Failure),
                (false, true) => {}
                (false, false) => self.raft.report_unreachable(to),
            }
        }
    }

    fn apply(&mut self, entry: &Entry) -> Result<()> {
        self.applied = entry.index;
        match ConfChangeRequest::from_entry(entry)? {
            Some(request) => match self.raft.apply_conf_change(&request.as_v2()) {
                Ok(conf_state) => {
                    self.conf_state = conf_state;
                    self.report_members();
                }
                // All nodes find it impossible, and go on without it.
                Err(ApplyConfChangeError::Invalid(error)) => {
                    eprintln!("node {}: {error}", self.raft.id());
                }
                Err(error) => return Err(error.into()),
            },
            // The first entry of a leader is empty. It commits all that earlier leaders have left
            // behind: when it is applied, so is everything that any client was ever told of.
            None if entry.data.is_empty() => {
                if self.status().leads_in(entry.term) {
                    let (node, term, lines) = (self.raft.id(), entry.term, self.machine.len());
                    (self.report)(Report::Leads { node, term, lines });
                }
            }
            None => self.machine.apply(Line::decode(entry.data.clone())?),
        }
        Ok(())
    }

    /// Takes over the state of a snapshot.
    fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.machine = StateMachine::decode(snapshot.data.clone())
            .with_context(|| format!("cannot restore the snapshot at {}", snapshot.index()))?;
        self.applied = snapshot.index();
        self.conf_state = snapshot.conf_state().clone();
        self.report_members();
        Ok(())
    }

    /// Takes a snapshot and shortens the log, when it is time.
    fn compact(&mut self) -> Result<()> {
        let last = self.raft.storage().last_snapshot()?;
        let is_long = self.applied - last.index() >= self.snapshot_every;
        // A node that joins is sent the snapshot, and can only use one that names it as a member.
        let is_outdated = *last.conf_state() != self.conf_state;
        if !is_long && !is_outdated {
            return Ok(());
        }
        // A program with much to write would do this in another thread.
        let (conf_state, data) = (self.conf_state.clone(), self.machine.encode());
        let keep = self.snapshot_every;
        self.raft.storage_mut().compact(self.applied, conf_state, data, keep)
    }

    fn report_members(&self) {
        let (index, ids) = (self.applied, self.conf_state.voters.clone());
        (self.report)(Report::Members { index, ids });
    }

    fn status(&self) -> Status {
        Status {
            raft: self.raft.basic_status(),
            snapshot: self.raft.storage().last_snapshot().unwrap_or_default().index(),
            lines: self.machine.len(),
            members: self.conf_state.voters.clone(),
        }
    }

    fn is_killed(&self) -> bool {
        self.killed.load(Ordering::Relaxed)
    }
}
