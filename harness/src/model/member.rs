//! A node, its disk, its storage threads, and the application around them.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use raft_core::tracker::Configuration;
use raft_core::{
    AsyncRawNode, BasicStatus, Config, EntryId, MemoryStorage, ProposeError, RawNode,
    SnapshotStatus, StateRole, StepError, Storage, TransferLeader,
};
use raft_proto::{
    ConfChangeRequest, ConfState, Entries, HardState, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD,
    Message, MessageType, Snapshot,
};

use super::log_view::{LogView, Slot};
use super::network::Packet;
use super::reached::{Reached, Witness};
use super::scenario::{Scenario, Writes};
use super::turn::{CrashPoint, Input, Observed, Turn, Unsynced};

#[derive(Clone, Debug)]
enum Machine {
    Sync(Box<RawNode<MemoryStorage, Witness>>),
    Async(Box<AsyncRawNode<MemoryStorage, Witness>>),
}

/// Does the same with whichever machine it is.
macro_rules! on_machine {
    ($machine:expr, $node:ident => $work:expr) => {
        match $machine {
            Machine::Sync($node) => $work,
            Machine::Async($node) => $work,
        }
    };
}

impl Machine {
    fn start(writes: Writes, config: Config, storage: MemoryStorage) -> Result<Self, String> {
        let witness = Witness::default();
        Ok(match writes {
            Writes::Sync => Machine::Sync(Box::new(
                RawNode::with_observer(config, storage, witness).map_err(text)?,
            )),
            Writes::Async => Machine::Async(Box::new(
                AsyncRawNode::with_observer(config, storage, witness).map_err(text)?,
            )),
        })
    }
}

fn text(error: impl ToString) -> String {
    error.to_string()
}

/// A process. Its state machine is in memory: when it starts, it applies the log again from its
/// snapshot on.
#[derive(Clone, Debug)]
pub(super) struct Member {
    writes: Writes,
    config: Config,
    machine: Machine,
    /// The disk as of the last sync. What the node's storage holds beyond it may be lost.
    synced: MemoryStorage,
    applied: u64,
    /// The configuration as of `applied`.
    conf_state: ConfState,
    /// Work of the append thread.
    appends: VecDeque<Message>,
    /// Work of the apply thread.
    applies: VecDeque<Message>,
    /// The node as it was looked at last.
    seen: BasicStatus,
    /// The log, durable or not.
    log: LogView,
    durable: LogView,
    digest: u64,
}

impl Member {
    pub(super) fn new(scenario: &Scenario, id: u64) -> Result<Self, String> {
        let storage = MemoryStorage::with_conf_state(scenario.members.clone());
        let machine = Machine::start(scenario.writes, scenario.config(id), storage.clone())?;
        let mut member = Member {
            writes: scenario.writes,
            config: scenario.config(id),
            seen: on_machine!(&machine, node => node.basic_status()),
            machine,
            synced: storage,
            applied: 0,
            conf_state: scenario.members.clone(),
            appends: VecDeque::new(),
            applies: VecDeque::new(),
            log: LogView::default(),
            durable: LogView::default(),
            digest: 0,
        };
        member.settle(&mut Turn::default())?;
        Ok(member)
    }

    pub(super) fn id(&self) -> u64 {
        self.config.id
    }

    pub(super) fn status(&self) -> &BasicStatus {
        &self.seen
    }

    pub(super) fn leads(&self) -> bool {
        self.seen.soft_state.role == StateRole::Leader
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    pub(super) fn configuration(&self) -> Configuration {
        on_machine!(&self.machine, node => node.status().config)
    }

    pub(super) fn log(&self) -> &LogView {
        &self.log
    }

    pub(super) fn durable(&self) -> &LogView {
        &self.durable
    }

    /// What the node can never forget of term and vote.
    pub(super) fn promised(&self) -> &HardState {
        self.synced.hard_state()
    }

    pub(super) fn has_unsynced(&self) -> bool {
        self.synced.hard_state() != self.storage().hard_state()
            || self.synced.last_snapshot() != self.storage().last_snapshot()
    }

    pub(super) fn has_write(&self) -> bool {
        !self.appends.is_empty()
    }

    pub(super) fn has_apply(&self) -> bool {
        !self.applies.is_empty()
    }

    pub(super) fn can_compact(&self) -> bool {
        self.applied > self.storage().last_snapshot().index()
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    fn storage(&self) -> &MemoryStorage {
        on_machine!(&self.machine, node => node.storage())
    }

    fn storage_mut(&mut self) -> &mut MemoryStorage {
        on_machine!(&mut self.machine, node => node.storage_mut())
    }

    fn witness_mut(&mut self) -> &mut Witness {
        on_machine!(&mut self.machine, node => node.observer_mut())
    }

    /// Hands the node `input`, and does all that comes of it at once, until the process ends at
    /// `crash`, if it is to. `None` when the input is not taken, or when that point is not reached.
    pub(super) fn act(mut self, input: Input, crash: Option<CrashPoint>) -> Option<(Self, Turn)> {
        let mut turn = Turn { crash, ..Turn::default() };
        let acted = self.take(input, &mut turn).and_then(|taken| {
            self.work(&mut turn)?;
            self.settle(&mut turn)?;
            Ok(taken && turn.crash.is_none())
        });
        let taken = acted.unwrap_or_else(|why| {
            turn.observed.push(Observed::Fails(why));
            true
        });
        taken.then_some((self, turn))
    }

    fn take(&mut self, input: Input, turn: &mut Turn) -> Result<bool, String> {
        match input {
            Input::Campaign => Ok(on_machine!(&mut self.machine, node => node.campaign()).is_ok()),
            Input::Propose(data) => {
                refusable(on_machine!(&mut self.machine, node => node.propose(data)))
            }
            Input::Change(change) => {
                refusable(on_machine!(&mut self.machine, node => node.propose_conf_change(change)))
            }
            Input::Transfer { to } => {
                let asked = on_machine!(&mut self.machine, node => node.transfer_leader(to));
                let asked = asked.map_err(text)?;
                Ok(!matches!(asked, TransferLeader::Dropped(_) | TransferLeader::Refused(_)))
            }
            Input::Heartbeat => {
                on_machine!(&mut self.machine, node => node.tick());
                Ok(true)
            }
            Input::Compact => self.compact().map(|()| true),
            Input::Receive(packet) => self.receive(Message::clone(&packet.message)).map(|()| true),
            Input::Lose(packet) => {
                self.lose(&packet.message);
                turn.reached.insert(Reached::Lost);
                Ok(true)
            }
            Input::Write => self.write_next(turn).map(|()| true),
            Input::Apply => self.apply_next(turn).map(|()| true),
            Input::Crash(unsynced) => {
                turn.reached.insert(Reached::Crashed);
                if unsynced == Unsynced::Lost {
                    turn.reached.insert(Reached::UnsyncedLost);
                }
                self.restart(unsynced).map(|()| true)
            }
        }
    }

    fn receive(&mut self, message: Message) -> Result<(), String> {
        match on_machine!(&mut self.machine, node => node.step(message)) {
            // A peer that was removed.
            Ok(()) | Err(StepError::PeerNotFound { .. } | StepError::Dropped(_)) => Ok(()),
            // All that is sent here is honest.
            Err(error) => Err(error.to_string()),
        }
    }

    /// The transport could not deliver `message`.
    fn lose(&mut self, message: &Message) {
        let peer = message.to;
        on_machine!(&mut self.machine, node => match message.kind() {
            Ok(MessageType::MsgSnap) => node.report_snapshot(peer, SnapshotStatus::Failure),
            _ => node.report_unreachable(peer),
        });
    }

    /// Makes a snapshot at the applied index, and cuts the log there. It is synced.
    fn compact(&mut self) -> Result<(), String> {
        let (applied, conf_state) = (self.applied, self.conf_state.clone());
        let storage = self.storage_mut();
        storage.create_snapshot(applied, Some(conf_state), Bytes::new()).map_err(text)?;
        storage.compact(applied).map_err(text)?;
        self.sync();
        Ok(())
    }

    /// Ends the process and starts it again over its disk.
    fn restart(&mut self, unsynced: Unsynced) -> Result<(), String> {
        if unsynced == Unsynced::Lost {
            *self.storage_mut() = self.synced.clone();
        }
        let storage = self.storage().clone();
        self.machine = Machine::start(self.writes, self.config.clone(), storage.clone())?;
        self.applied = storage.last_snapshot().index();
        self.conf_state = storage.last_snapshot().conf_state().clone();
        // What is read at a start was on the disk.
        self.synced = storage;
        self.appends.clear();
        self.applies.clear();
        self.seen = on_machine!(&self.machine, node => node.basic_status());
        Ok(())
    }

    fn work(&mut self, turn: &mut Turn) -> Result<(), String> {
        match self.writes {
            Writes::Sync => self.work_sync(turn),
            Writes::Async => self.work_async(turn),
        }
    }

    /// The loop of an application with synchronous writes.
    fn work_sync(&mut self, turn: &mut Turn) -> Result<(), String> {
        let mut batches = 0;
        while let Machine::Sync(node) = &mut self.machine
            && node.has_ready()
        {
            let mut ready = node.ready().map_err(text)?;
            falls_silent(&mut batches)?;
            for message in ready.take_messages() {
                self.send(message, turn);
            }
            if self.crashes_at(CrashPoint::BeforeWrite, turn)? {
                return Ok(());
            }
            let durable = LogView::of(&self.synced).map_err(text)?;
            let snapshot = ready.snapshot().cloned();
            self.write(snapshot.as_ref(), ready.entries())?;
            if ready.hard_state().is_some() && self.crashes_at(CrashPoint::BeforeHardState, turn)? {
                return Ok(());
            }
            self.write_hard_state(ready.hard_state());
            if ready.must_sync() {
                self.sync_votes(turn);
            }
            if self.crashes_at(CrashPoint::AfterWrite, turn)? {
                return Ok(());
            }
            let mut done = ready.persisted();
            for message in done.take_messages() {
                self.send(message, turn);
            }
            self.install(snapshot.as_ref(), turn);
            self.look(durable, turn)?;
            self.apply(&done.take_committed_entries(), turn)?;
            if let Machine::Sync(node) = &mut self.machine {
                node.advance(done).map_err(text)?;
            }
            self.look_now(turn)?;
        }
        Ok(())
    }

    /// Takes the work out for the storage threads, as an application with asynchronous writes does.
    fn work_async(&mut self, turn: &mut Turn) -> Result<(), String> {
        let mut batches = 0;
        loop {
            while let Machine::Async(node) = &mut self.machine
                && node.has_ready()
            {
                let mut ready = node.ready().map_err(text)?;
                falls_silent(&mut batches)?;
                for message in ready.take_messages() {
                    match message.to {
                        LOCAL_APPEND_THREAD => self.appends.push_back(message),
                        LOCAL_APPLY_THREAD => self.applies.push_back(message),
                        _ => self.send(message, turn),
                    }
                }
                self.look_now(turn)?;
            }
            // What need not be synced may be lost whether it is written or not, so that nothing is
            // gained by having it wait.
            match self.appends.front() {
                Some(write) if write.responses.is_empty() => self.write_next(turn)?,
                _ => return Ok(()),
            }
        }
    }

    /// The append thread does the first piece of its work.
    fn write_next(&mut self, turn: &mut Turn) -> Result<(), String> {
        let Some(work) = self.appends.pop_front() else { return Ok(()) };
        self.write(work.snapshot.as_deref(), &work.entries)?;
        let hard_state = HardState { term: work.term, vote: work.vote, commit: work.commit };
        let hard_state = (!hard_state.is_empty()).then_some(hard_state);
        if hard_state.is_some() && self.crashes_at(CrashPoint::BeforeHardState, turn)? {
            return Ok(());
        }
        self.write_hard_state(hard_state.as_ref());
        if !work.responses.is_empty() {
            self.sync_votes(turn);
        }
        if self.crashes_at(CrashPoint::AfterWrite, turn)? {
            return Ok(());
        }
        self.install(work.snapshot.as_deref(), turn);
        self.respond(work.responses, turn)
    }

    /// The apply thread does the first piece of its work.
    fn apply_next(&mut self, turn: &mut Turn) -> Result<(), String> {
        let Some(work) = self.applies.pop_front() else { return Ok(()) };
        self.apply(&work.entries, turn)?;
        self.respond(work.responses, turn)
    }

    fn respond(&mut self, responses: Vec<Message>, turn: &mut Turn) -> Result<(), String> {
        for message in responses {
            match message.to == self.id() {
                true => self.receive(message)?,
                false => self.send(message, turn),
            }
            self.look_now(turn)?;
        }
        Ok(())
    }

    /// Ends the process here, if it is to end here.
    fn crashes_at(&mut self, point: CrashPoint, turn: &mut Turn) -> Result<bool, String> {
        if turn.crash != Some(point) {
            return Ok(false);
        }
        turn.crash = None;
        turn.reached.insert(Reached::CrashedInBatch);
        // Of a leader others may know already. Of a follower nobody does, and its log is not written.
        if on_machine!(&self.machine, node => node.basic_status()).soft_state.role
            == StateRole::Leader
        {
            self.look_now(turn)?;
        }
        self.restart(Unsynced::Kept)?;
        Ok(true)
    }

    fn write(&mut self, snapshot: Option<&Snapshot>, entries: &Entries) -> Result<(), String> {
        if let Some(snapshot) = snapshot {
            self.storage_mut().apply_snapshot(snapshot.clone()).map_err(text)?;
        }
        self.storage_mut().append(entries).map_err(text)
    }

    fn write_hard_state(&mut self, hard_state: Option<&HardState>) {
        if let Some(hard_state) = hard_state {
            self.storage_mut().set_hard_state(*hard_state);
        }
    }

    fn sync(&mut self) {
        self.synced = self.storage().clone();
    }

    /// Syncs, and looks whether term or vote went back.
    fn sync_votes(&mut self, turn: &mut Turn) {
        let before = *self.synced.hard_state();
        self.sync();
        let HardState { term, vote, commit } = *self.synced.hard_state();
        for (what, from, to) in
            [("durable term", before.term, term), ("durable commit index", before.commit, commit)]
        {
            if to < from {
                turn.observed.push(Observed::Regresses { what, from, to });
            }
        }
        if term == before.term && before.vote != 0 && vote != before.vote {
            turn.observed.push(Observed::VotesAgain { term, first: before.vote, second: vote });
        }
    }

    /// The state machine takes over what the snapshot holds.
    fn install(&mut self, snapshot: Option<&Snapshot>, turn: &mut Turn) {
        let Some(snapshot) = snapshot else { return };
        self.applied = snapshot.index();
        self.conf_state = snapshot.conf_state().clone();
        let id = EntryId::new(snapshot.term(), snapshot.index());
        turn.observed.push(Observed::Installs { id, conf_state: self.conf_state.clone() });
    }

    fn apply(&mut self, entries: &Entries, turn: &mut Turn) -> Result<(), String> {
        for entry in entries {
            if entry.index != self.applied + 1 {
                return Err(format!("applies {} after {}", entry.index, self.applied));
            }
            self.applied = entry.index;
            turn.observed.push(Observed::Applies(Slot::of(entry)));
            let Some(request) = ConfChangeRequest::from_entry(entry).map_err(text)? else {
                continue;
            };
            let led = self.leads();
            let applied =
                on_machine!(&mut self.machine, node => node.apply_conf_change(&request.as_v2()));
            self.conf_state = applied.map_err(text)?;
            let config = self.configuration();
            turn.reached.insert(Reached::Changed);
            if config.voters.is_joint() {
                turn.reached.insert(Reached::JointEntered);
            } else if request.as_v2().leave_joint() {
                turn.reached.insert(Reached::JointLeft);
            }
            if led && !config.voters.contains(self.id()) {
                turn.reached.insert(Reached::LeaderRemoved);
            }
            turn.observed.push(Observed::Configures { index: entry.index, config });
            self.look_now(turn)?;
        }
        Ok(())
    }

    /// Sends `message`, and looks whether the disk bears out what it vouches for.
    fn send(&mut self, message: Message, turn: &mut Turn) {
        if let Err(why) = self.bears_out(&message) {
            turn.observed.push(Observed::Vouches { message: message.clone(), why });
        }
        turn.sent.push(Packet::new(message));
    }

    fn bears_out(&self, message: &Message) -> Result<(), String> {
        let HardState { term, vote, .. } = *self.promised();
        let vouches_for_term = match message.kind() {
            Ok(MessageType::MsgVoteResp | MessageType::MsgAppResp) => message.term,
            _ => return Ok(()),
        };
        if term < vouches_for_term {
            return Err(format!("term {term} is durable"));
        }
        if message.reject {
            return Ok(());
        }
        if message.kind() == Ok(MessageType::MsgVoteResp) {
            if term == message.term && vote != message.to {
                return Err(format!("a vote for {vote} is durable"));
            }
            return Ok(());
        }
        let last = self.synced.last_index().map_err(text)?;
        if last < message.index {
            return Err(format!("entries up to {last} are durable"));
        }
        Ok(())
    }

    fn look_now(&mut self, turn: &mut Turn) -> Result<(), String> {
        let durable = LogView::of(&self.synced).map_err(text)?;
        self.look(durable, turn)
    }

    /// Notes what has changed since the last look, when `durable` was on disk.
    fn look(&mut self, durable: LogView, turn: &mut Turn) -> Result<(), String> {
        let now = on_machine!(&self.machine, node => node.basic_status());
        let before = std::mem::replace(&mut self.seen, now);
        let (was, is) = (before.hard_state, self.seen.hard_state);
        for (what, from, to) in [
            ("term", was.term, is.term),
            ("commit index", was.commit, is.commit),
            ("applied index", before.applied, self.seen.applied),
        ] {
            if to < from {
                turn.observed.push(Observed::Regresses { what, from, to });
            }
        }
        if is.term == was.term && was.vote != 0 && is.vote != was.vote {
            let (term, first, second) = (is.term, was.vote, is.vote);
            turn.observed.push(Observed::VotesAgain { term, first, second });
        }
        let (led, leads) = (before.soft_state.role == StateRole::Leader, self.leads());
        if led && !leads {
            turn.reached.insert(Reached::Deposed);
        }
        if leads && !(led && is.term == was.term) {
            turn.observed.push(Observed::Leads { term: is.term, log: self.view_log()? });
        }
        if is.commit > was.commit {
            turn.observed.push(Observed::Commits {
                from: was.commit,
                to: is.commit,
                term: is.term,
                leads,
                log: self.view_log()?,
                durable,
                config: self.configuration(),
            });
        }
        Ok(())
    }

    /// The log as the node knows it: what is written, and what waits for the append thread.
    fn view_log(&self) -> Result<LogView, String> {
        let mut log = LogView::of(self.storage()).map_err(text)?;
        for work in &self.appends {
            if let Some(snapshot) = work.snapshot.as_deref() {
                log.restore(snapshot);
            }
            log.append(&work.entries);
        }
        Ok(log)
    }

    /// Ends a turn: makes up what is derived.
    fn settle(&mut self, turn: &mut Turn) -> Result<(), String> {
        let witness = std::mem::take(self.witness_mut());
        turn.reached.extend(witness.reached);
        if let Some(request) = witness.undue_vote {
            turn.observed.push(Observed::VotesUnduly(request));
        }
        self.look_now(turn)?;
        self.log = self.view_log()?;
        self.durable = LogView::of(&self.synced).map_err(text)?;
        let mut hasher = DefaultHasher::new();
        on_machine!(&self.machine, node => node.digest_without_timeouts()).hash(&mut hasher);
        for storage in [self.storage(), &self.synced] {
            (storage.hard_state(), storage.last_snapshot()).hash(&mut hasher);
        }
        (LogView::of(self.storage()).map_err(text)?, &self.durable).hash(&mut hasher);
        (self.applied, &self.conf_state, &self.appends, &self.applies).hash(&mut hasher);
        self.digest = hasher.finish();
        Ok(())
    }
}

/// Whether a proposal was taken.
fn refusable<T>(proposed: Result<T, ProposeError>) -> Result<bool, String> {
    match proposed {
        Ok(_) => Ok(true),
        Err(ProposeError::Dropped(_)) => Ok(false),
        Err(error) => Err(error.to_string()),
    }
}

/// Counts a batch. One input gives a handful of them.
fn falls_silent(batches: &mut u32) -> Result<(), String> {
    *batches += 1;
    if *batches > 100 { Err("the node does not fall silent".to_owned()) } else { Ok(()) }
}
