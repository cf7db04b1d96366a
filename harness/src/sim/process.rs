//! A process of the cluster: the node that ships, and the loop that an application would write.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::tracker::{Configuration, Progress};
use raft_core::{
    ApplyConfChangeError, AsyncRawNode, BasicStatus, EntryId, Node, Observer, Peer, Persisted,
    ProposeError, Proposed, ProposedConfChange, RawNode, ReadIndex, ReadPurpose, Ready,
    SnapshotStatus, StateRole, StepError, Storage, WriteMode,
};
use raft_proto::{
    ConfChangeRequest, ConfChangeV2, ConfState, Entries, Entry, HardState, LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD, Message, Snapshot,
};

use super::Time;
use super::disk::{Disk, SimStorage};
use super::fault::Fault;
use super::image::{ImageWrite, LogImage};
use super::machine::{OpId, Sessions, StateMachine};
use super::plan::NodePlan;
use super::watch::{Noticed, Seen, Watch};
use crate::tla::TlaTrace;

/// What a checker may look at in a node.
pub trait Glance {
    /// Role, term, vote, commit and applied index.
    fn status(&self) -> BasicStatus;
    /// The configuration that the node has applied.
    fn configuration(&self) -> &Configuration;
    /// The last entry of its log, on disk or not.
    fn last_entry_id(&self) -> EntryId;
    /// The term of its log at `index`.
    fn term_at(&self, index: u64) -> Option<u64>;
    /// What it knows of each member.
    fn each_progress(&self, visit: &mut dyn FnMut(u64, &Progress));
}

impl<S: Storage, O: Observer, W: WriteMode> Glance for Node<S, O, W> {
    fn status(&self) -> BasicStatus {
        self.basic_status()
    }

    fn configuration(&self) -> &Configuration {
        Node::configuration(self)
    }

    fn last_entry_id(&self) -> EntryId {
        Node::last_entry_id(self)
    }

    fn term_at(&self, index: u64) -> Option<u64> {
        Node::term_at(self, index).ok().flatten()
    }

    fn each_progress(&self, visit: &mut dyn FnMut(u64, &Progress)) {
        self.with_progress(|id, _, progress| visit(id, progress));
    }
}

/// The node, with either face.
#[derive(Debug)]
enum Core<S> {
    Sync(RawNode<Disk<S>, Watch>),
    Async(AsyncRawNode<Disk<S>, Watch>),
}

macro_rules! with_node {
    ($core:expr, $node:ident => $value:expr) => {
        match $core {
            Core::Sync($node) => $value,
            Core::Async($node) => $value,
        }
    };
}

mod applies;
mod writes;

/// What a process wants done, or tells, in the order in which it happens.
#[derive(Debug)]
pub(super) enum Effect {
    /// A message to another node.
    Send(Message),
    /// The append thread has been asked for a write of these entries, or, if there are none, of a
    /// snapshot alone.
    Queued(Entries),
    /// Entries that the node wants written.
    Handed(Entries),
    /// A snapshot that the node wants written.
    HandedSnapshot(EntryId),
    /// Something was written, and is durable after the next sync.
    Wrote(ImageWrite),
    Synced,
    Compacted(u64),
    Applied {
        entry: Entry,
        fingerprint: u64,
    },
    Configured {
        index: u64,
        before: Configuration,
        after: Configuration,
    },
    /// The state machine was replaced by a snapshot's.
    Installed {
        at: EntryId,
        conf_state: ConfState,
        fingerprint: u64,
    },
    /// A request was answered here.
    Answer {
        op: OpId,
        answer: Bytes,
    },
    /// A read may be served at this index.
    ReadState {
        op: OpId,
        index: u64,
    },
    /// A request will not be answered, and had no effect.
    Refused(OpId),
    /// Wake the process up.
    Wake {
        after: Time,
        what: Wake,
    },
    Saw(Seen),
    /// The process cannot go on.
    Died(String),
}

/// What a process is woken up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    Disk,
    Apply,
    Propose,
    Fetched(ReadPurpose),
    SnapshotReport { peer: u64, status: SnapshotStatus },
}

/// One thing that a disk does.
#[derive(Debug)]
pub(super) enum Step {
    Snapshot(Snapshot),
    Entries(Entries),
    HardState(HardState),
    Sync,
}

/// What is done when the disk has finished.
#[derive(Debug)]
enum Batch {
    Ready(Box<Ready>),
    /// What was asked of the append thread.
    Append(Vec<Message>),
}

/// State that the application has made durable by itself.
#[derive(Clone, Debug)]
struct Saved {
    applied: u64,
    conf_state: ConfState,
    machine: Bytes,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Process<S, M> {
    pub(super) id: u64,
    plan: NodePlan,
    core: Core<S>,
    machine: Sessions<M>,
    applied: u64,
    conf_state: ConfState,
    snapshot_index: u64,
    snapshot_due: bool,
    saved: Option<Saved>,
    saved_at: u64,
    /// Whether the steps of the protocol are traced. To the specification that reads them, to persist is
    /// one step, and a node that starts again has the configuration that it had then.
    is_traced: bool,
    fault: Fault,
    /// The batch that is being written, and what is left of it.
    batch: Option<Batch>,
    steps: VecDeque<Step>,
    appends: VecDeque<Message>,
    applies: VecDeque<Message>,
    /// What the apply thread has taken up.
    applying: Vec<Message>,
    gathered: Vec<(OpId, Bytes)>,
    /// Reads that the node has not answered yet: context, request and question. Contexts are unique on
    /// their node only, so that those of different nodes are often the same.
    asked: Vec<(Bytes, OpId, Bytes)>,
    incarnation: u32,
    next_read: u32,
    /// Reads that wait for their index to be applied.
    confirmed: Vec<(u64, OpId, Bytes)>,
    /// The process ends before this many further steps of the disk.
    pub(super) crash_after: Option<u32>,
    pub(super) slowness: u64,
}

/// What a process is started with, but for what is on its disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start<'a> {
    pub(super) id: u64,
    pub(super) seed: u64,
    pub(super) incarnation: u32,
    pub(super) plan: &'a NodePlan,
    /// The members of a group that starts by `bootstrap`.
    pub(super) peers: &'a [Peer],
    /// Where the steps of the protocol are traced.
    pub(super) trace: Option<&'a TlaTrace>,
    pub(super) fault: Fault,
}

/// What is left of a process.
#[derive(Debug)]
pub(super) struct Remains<S> {
    storage: S,
    saved: Option<Saved>,
}

impl<S: SimStorage> Remains<S> {
    pub(super) fn new(storage: S) -> Self {
        Self { storage, saved: None }
    }

    pub(super) fn storage_mut(&mut self) -> &mut S {
        &mut self.storage
    }

    pub(super) fn last_index(&self) -> u64 {
        self.storage.last_index().unwrap_or(0)
    }
}

impl<S: SimStorage, M: StateMachine> Process<S, M> {
    /// Starts a process over what is on its disk.
    pub(super) fn start(start: Start<'_>, remains: Remains<S>) -> Result<Self, String> {
        let Start { id, seed, incarnation, plan, peers, trace, fault } = start;
        let mut disk = Disk::new(remains.storage);
        let snapshot = disk.snapshot().unwrap_or_default();
        // What was made durable is of no use once a later snapshot has replaced it.
        let saved = remains.saved.filter(|saved| saved.applied > snapshot.index());
        disk.conf_state = saved.as_ref().map(|saved| saved.conf_state.clone());
        let applied = saved.as_ref().map_or(0, |saved| saved.applied);
        let is_new = disk.last_index().is_ok_and(|last| last == 0);
        let config = plan.config(id, seed, applied);
        #[cfg(raft_fault)]
        let config = raft_core::Config { fault: fault.core(), ..config };
        let watch = Watch::new(trace.map(TlaTrace::observer));
        let new = |e: raft_core::NewError| format!("cannot start: {e}");
        let mut core = match plan.asynchronous {
            false => Core::Sync(RawNode::with_observer(config, disk, watch).map_err(new)?),
            true => Core::Async(AsyncRawNode::with_observer(config, disk, watch).map_err(new)?),
        };
        if is_new && !peers.is_empty() {
            with_node!(&mut core, node => node.bootstrap(peers)).map_err(|e| e.to_string())?;
        }
        let machine = match &saved {
            Some(saved) => Sessions::restore(&saved.machine),
            None => Sessions::restore(&snapshot.data),
        };
        let conf_state = match &saved {
            Some(saved) => saved.conf_state.clone(),
            None => snapshot.conf_state().clone(),
        };
        Ok(Self {
            id,
            plan: plan.clone(),
            core,
            machine,
            applied: applied.max(snapshot.index()),
            conf_state,
            snapshot_index: snapshot.index(),
            snapshot_due: false,
            saved_at: applied,
            saved,
            is_traced: trace.is_some(),
            fault,
            batch: None,
            steps: VecDeque::new(),
            appends: VecDeque::new(),
            applies: VecDeque::new(),
            applying: Vec::new(),
            gathered: Vec::new(),
            asked: Vec::new(),
            incarnation,
            next_read: 0,
            confirmed: Vec::new(),
            crash_after: None,
            slowness: 1,
        })
    }

    /// Ends the process where it stands.
    pub(super) fn end(self) -> Remains<S> {
        let storage = with_node!(self.core, node => node.into_storage()).inner;
        Remains { storage, saved: self.saved }
    }

    pub(super) fn glance(&self) -> &dyn Glance {
        with_node!(&self.core, node => node)
    }

    pub(super) fn disk_mut(&mut self) -> &mut Disk<S> {
        with_node!(&mut self.core, node => node.storage_mut())
    }

    pub(super) fn disk(&self) -> &Disk<S> {
        with_node!(&self.core, node => node.storage())
    }

    pub(super) fn digest(&self) -> u64 {
        with_node!(&self.core, node => node.digest())
    }

    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    pub(super) fn started_from(&self) -> Option<Seen> {
        let committed = self.disk().initial_state().map_or(0, |state| state.hard_state.commit);
        match (&self.saved, self.snapshot_index) {
            (Some(saved), _) if saved.applied > committed => Some(Seen::RestartedAheadOfCommit),
            (Some(_), _) => Some(Seen::RestartedDurableMachine),
            (None, 0 | 1) => None,
            (None, _) => Some(Seen::RestartedFromSnapshot),
        }
    }

    pub(super) fn image(&self) -> Result<LogImage, String> {
        LogImage::read(&self.disk().inner).map_err(|e| e.to_string())
    }

    pub(super) fn take_watch(&mut self) -> Noticed {
        with_node!(&mut self.core, node => node.observer_mut()).take()
    }

    pub(super) fn status(&self) -> BasicStatus {
        with_node!(&self.core, node => node.basic_status())
    }

    pub(super) fn leads(&self) -> bool {
        self.status().soft_state.role == StateRole::Leader
    }

    // What is told to the node.

    pub(super) fn tick_by(&mut self, ticks: u32) {
        with_node!(&mut self.core, node => node.tick_by(ticks));
    }

    pub(super) fn ticks_until_timeout(&self) -> Option<u32> {
        with_node!(&self.core, node => node.ticks_until_timeout())
    }

    pub(super) fn step(&mut self, message: Message) -> Result<(), StepError> {
        with_node!(&mut self.core, node => node.step(message))
    }

    pub(super) fn campaign(&mut self) {
        with_node!(&mut self.core, node => node.campaign()).ok();
    }

    pub(super) fn transfer_leader(&mut self, to: u64) {
        let _ = with_node!(&mut self.core, node => node.transfer_leader(to));
    }

    pub(super) fn forget_leader(&mut self) {
        let _ = with_node!(&mut self.core, node => node.forget_leader());
    }

    pub(super) fn report_unreachable(&mut self, peer: u64) {
        with_node!(&mut self.core, node => node.report_unreachable(peer));
    }

    /// Answers the index of the change; `None` when it was not appended.
    pub(super) fn propose_conf_change(&mut self, change: ConfChangeV2) -> Option<u64> {
        match with_node!(&mut self.core, node => node.propose_conf_change(change)) {
            Ok(ProposedConfChange::Appended { index, .. }) => Some(index),
            _ => None,
        }
    }

    /// A client asks for `command`.
    pub(super) fn propose(&mut self, op: OpId, command: &[u8], out: &mut Vec<Effect>) {
        self.gathered.push((op, op.envelope(command)));
        match self.plan.batch_time {
            0 => self.propose_gathered(out),
            after if self.gathered.len() == 1 => {
                out.push(Effect::Wake { after, what: Wake::Propose });
            }
            _ => {}
        }
    }

    /// Proposes an entry that is nobody's request. Answers its index; `None` when it was not appended.
    pub(super) fn propose_probe(&mut self) -> Option<u64> {
        let probe = Bytes::from_static(b"probe");
        match with_node!(&mut self.core, node => node.propose(probe)) {
            Ok(Proposed::Appended { last_index, .. }) => Some(last_index),
            _ => None,
        }
    }

    fn propose_gathered(&mut self, out: &mut Vec<Effect>) {
        let gathered = std::mem::take(&mut self.gathered);
        if gathered.is_empty() {
            return;
        }
        if gathered.len() > 1 {
            out.push(Effect::Saw(Seen::BatchProposed));
        }
        let data = gathered.iter().map(|(_, data)| data.clone());
        match with_node!(&mut self.core, node => node.propose_batch(data)) {
            Ok(Proposed::Forwarded { .. }) => out.push(Effect::Saw(Seen::ProposalForwarded)),
            Ok(_) => {}
            Err(error) => {
                out.push(Effect::Saw(Seen::ProposalDropped));
                if !matches!(error, ProposeError::Dropped(_)) {
                    out.push(Effect::Died(error.to_string()));
                }
                out.extend(gathered.into_iter().map(|(op, _)| Effect::Refused(op)));
            }
        }
    }

    /// A client asks a question.
    pub(super) fn read(&mut self, op: OpId, question: Bytes, out: &mut Vec<Effect>) {
        let lease = self.plan.lease_reads;
        self.next_read += 1;
        let context = OpId { client: self.incarnation, seq: self.next_read }.encode();
        match with_node!(&mut self.core, node => node.read_index(context.clone())) {
            Ok(ReadIndex::Dropped(_)) => out.push(Effect::Refused(op)),
            Ok(read) => {
                if lease && matches!(read, ReadIndex::Answered { .. }) {
                    out.push(Effect::Saw(Seen::LeaseRead));
                }
                self.asked.push((context, op, question));
            }
            Err(error) => out.push(Effect::Died(error.to_string())),
        }
    }

    pub(super) fn wake(&mut self, what: Wake, out: &mut Vec<Effect>) {
        match what {
            Wake::Disk => self.work_disk(out),
            Wake::Apply => self.finish_apply(out),
            Wake::Propose => self.propose_gathered(out),
            Wake::Fetched(purpose) => {
                self.disk().fetch(purpose);
                let fetched = with_node!(&mut self.core, node => node.on_entries_fetched(purpose));
                if let Err(error) = fetched {
                    out.push(Effect::Died(error.to_string()));
                }
            }
            Wake::SnapshotReport { peer, status } => {
                with_node!(&mut self.core, node => node.report_snapshot(peer, status));
            }
        }
    }

    /// Does what there is to do without waiting for the disk. False when there was nothing.
    pub(super) fn work(&mut self, out: &mut Vec<Effect>) -> bool {
        for purpose in self.disk().take_missed() {
            out.push(Effect::Saw(Seen::ReadDelayed));
            out.push(Effect::Wake { after: FETCH, what: Wake::Fetched(purpose) });
        }
        match &mut self.core {
            Core::Sync(node) => {
                if self.batch.is_some() || !node.has_ready() {
                    return false;
                }
                match node.ready() {
                    Ok(ready) => self.begin_ready(ready, out),
                    Err(error) => {
                        out.push(Effect::Died(error.to_string()));
                        return false;
                    }
                }
            }
            Core::Async(node) => {
                if !node.has_ready() {
                    return false;
                }
                let mut ready = match node.ready() {
                    Ok(ready) => ready,
                    Err(error) => {
                        out.push(Effect::Died(error.to_string()));
                        return false;
                    }
                };
                let states: Vec<_> = ready.read_states().to_vec();
                let lost = ready.lost_reads().to_vec();
                for message in ready.take_messages() {
                    match message.to {
                        LOCAL_APPEND_THREAD => {
                            if message.snapshot.is_some() || !message.entries.is_empty() {
                                out.push(Effect::Queued(message.entries.clone()));
                            }
                            self.appends.push_back(message);
                        }
                        LOCAL_APPLY_THREAD => self.applies.push_back(message),
                        _ => out.push(Effect::Send(message)),
                    }
                }
                self.take_reads(&states, &lost, out);
                self.begin_append(out);
                self.begin_apply(out);
            }
        }
        true
    }

    fn take_reads(
        &mut self,
        states: &[raft_core::ReadState],
        lost: &[Bytes],
        out: &mut Vec<Effect>,
    ) {
        let take = |asked: &mut Vec<(Bytes, OpId, Bytes)>, context: &Bytes| {
            // An answer can come twice, as any message.
            let at = asked.iter().position(|(known, ..)| known == context)?;
            Some(asked.swap_remove(at))
        };
        for context in lost {
            let Some((_, op, _)) = take(&mut self.asked, context) else { continue };
            out.push(Effect::Saw(Seen::ReadLost));
            out.push(Effect::Refused(op));
        }
        for state in states {
            let Some((_, op, question)) = take(&mut self.asked, &state.request_ctx) else {
                continue;
            };
            if !self.plan.lease_reads {
                out.push(Effect::Saw(Seen::SafeRead));
            }
            out.push(Effect::ReadState { op, index: state.index });
            self.confirmed.push((state.index, op, question));
        }
        self.serve_reads(out);
    }

    /// Whether a read waits for its index to be applied.
    pub(super) fn has_confirmed_reads(&self) -> bool {
        !self.confirmed.is_empty()
    }

    /// How long a step takes that would take `time` if the disk were not slow.
    fn slowed(&self, time: Time) -> Time {
        match self.slowness {
            1 => time,
            slowness => (time.max(LEAST) * slowness).min(MOST),
        }
    }

    fn serve_reads(&mut self, out: &mut Vec<Effect>) {
        let (applied, early) = (self.applied, self.fault.reads_too_early());
        let machine = &self.machine.machine;
        self.confirmed.retain(|(index, op, question)| {
            if *index > applied && !early {
                return true;
            }
            out.push(Effect::Answer { op: *op, answer: machine.query(question) });
            false
        });
    }
}

/// What a step takes at the least, before a slow disk makes it slower: no time would stay none.
const LEAST: Time = 1_000;
/// What a step of a slow disk takes at the most: one that has begun goes on when the faults are over.
const MOST: Time = 2_000_000;
/// How long entries take that have to be fetched.
const FETCH: Time = 50_000;
