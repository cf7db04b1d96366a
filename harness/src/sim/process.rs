//! A process of the cluster: the node that ships, and the loop that an application would write.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::{
    ApplyConfChangeError, AsyncRawNode, BasicStatus, EntryId, Peer, Persisted, ProposeError,
    Proposed, ProposedConfChange, RawNode, ReadIndex, Ready, StateRole, StepError, Storage,
};
use raft_proto::{
    ConfChangeRequest, ConfChangeV2, ConfState, Entries, HardState, LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD, Message, Snapshot,
};

use super::Time;
use super::disk::SimStorage;
use super::fault::Fault;
use super::faulty_disk::{Disk, Trouble};
use super::image::{ImageWrite, LogImage};
use super::machine::{OpId, Sessions, StateMachine};
use super::plan::NodePlan;
use super::watch::{Noticed, Seen, Watch};
use crate::tla::TlaTrace;

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
mod effect;
mod glance;
mod requests;
mod writes;

pub(super) use self::effect::{Effect, Step, Wake};
pub use self::glance::Glance;

/// What is done when the disk has finished.
#[derive(Debug)]
enum Batch {
    Ready(Box<Ready>),
    /// What was asked of the append thread.
    Append(Vec<Message>),
    /// What the application keeps of its own.
    House,
}

/// State that the application has made durable by itself.
#[derive(Clone, Debug)]
pub(super) struct Saved {
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
        let saved = remains.saved.filter(|saved| saved.applied >= snapshot.index());
        disk.conf_state = saved.as_ref().map(|saved| saved.conf_state.clone());
        let applied = saved.as_ref().map_or(snapshot.index(), |saved| saved.applied);
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
        // A crash may have come before the snapshot that a change makes due.
        let snapshot_due = conf_state != *snapshot.conf_state();
        Ok(Self {
            id,
            plan: plan.clone(),
            core,
            machine,
            applied: applied.max(snapshot.index()),
            conf_state,
            snapshot_index: snapshot.index(),
            snapshot_due,
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

    /// What was being done for the application itself, if its process ends here.
    pub(super) fn left_undone(&self) -> Option<Seen> {
        match self.steps.front()? {
            Step::CreateSnapshot { .. } => Some(Seen::SnapshotTorn),
            Step::Save(_) => Some(Seen::SaveTorn),
            Step::Compact(_) => Some(Seen::CompactionMissed),
            _ => None,
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

    pub(super) fn campaign(&mut self) -> bool {
        with_node!(&mut self.core, node => node.campaign()).is_ok()
    }

    pub(super) fn transfer_leader(&mut self, to: u64) -> bool {
        with_node!(&mut self.core, node => node.transfer_leader(to)).is_ok()
    }

    pub(super) fn forget_leader(&mut self) -> bool {
        with_node!(&mut self.core, node => node.forget_leader()).is_ok()
    }

    pub(super) fn report_unreachable(&mut self, peer: u64) {
        with_node!(&mut self.core, node => node.report_unreachable(peer));
    }

    /// Answers the entry of the change; `None` when it was not appended.
    pub(super) fn propose_conf_change(&mut self, change: ConfChangeRequest) -> Option<EntryId> {
        match with_node!(&mut self.core, node => node.propose_conf_change(change)) {
            Ok(ProposedConfChange::Appended { term, index }) => Some(EntryId::new(term, index)),
            _ => None,
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
        if self.disk().take_refused_snapshot() {
            out.push(Effect::Saw(Seen::NoSnapshot));
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

    /// Whether a read waits for its index to be applied.
    pub(super) fn has_confirmed_reads(&self) -> bool {
        !self.confirmed.is_empty()
    }

    /// How long a step takes that would take `time` if the disk were not slow.
    fn slowed(&self, time: Time) -> Time {
        match self.disk().slowness() {
            1 => time,
            slowness => (time.max(LEAST) * slowness).min(MOST),
        }
    }
}

/// What a step takes at the least, before a slow disk makes it slower: no time would stay none.
const LEAST: Time = 1_000;
/// What a step of a slow disk takes at the most: one that has begun goes on when the faults are over.
const MOST: Time = 2_000_000;
/// How long entries take that have to be fetched.
const FETCH: Time = 50_000;
