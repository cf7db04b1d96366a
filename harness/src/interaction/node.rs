//! A node with its storage and the work of its storage threads.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::{
    ApplyConfChangeError, AsyncRawNode, CampaignError, Config, EntryId, Node, Peer, RawNode,
    SnapshotStatus, Status, WriteMode, describe,
};
use raft_proto::{
    ConfChangeRequest, Entries, Entry, HardState, Message, MessageType, Snapshot, is_local_target,
};

use super::Failure;
use super::console::{Console, EventLog};
use super::etcd_text::NodeError;
use super::storage::HistoryStorage;

/// How a node's writes are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum StorageWrites {
    /// At once, when its `Ready` is handled.
    #[default]
    Sync,
    /// By two storage threads, when they are told to work.
    Async,
}

/// Either face of a node.
#[derive(Debug)]
enum Face {
    Sync(Box<RawNode<HistoryStorage, EventLog>>),
    Async(Box<AsyncRawNode<HistoryStorage, EventLog>>),
}

/// Does the same with whichever face a node has.
macro_rules! on_face {
    ($face:expr, $node:ident => $work:expr) => {
        match $face {
            Face::Sync($node) => $work,
            Face::Async($node) => $work,
        }
    };
}

impl Face {
    fn new(
        writes: StorageWrites,
        config: Config,
        storage: HistoryStorage,
        events: EventLog,
    ) -> Result<Face, NodeError> {
        Ok(match writes {
            StorageWrites::Sync => {
                Face::Sync(Box::new(RawNode::with_observer(config, storage, events)?))
            }
            StorageWrites::Async => {
                Face::Async(Box::new(AsyncRawNode::with_observer(config, storage, events)?))
            }
        })
    }
}

/// One of the two threads of a node with asynchronous writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thread {
    /// Writes to the log.
    Append,
    /// Applies to the state machine.
    Apply,
}

impl Thread {
    pub(super) fn name(self) -> &'static str {
        match self {
            Thread::Append => "append",
            Thread::Apply => "apply",
        }
    }
}

/// A node as a script sees it.
#[derive(Debug)]
pub(super) struct ScriptNode {
    face: Face,
    config: Config,
    append_work: VecDeque<Message>,
    apply_work: VecDeque<Message>,
    /// What the state machine has applied since its snapshot.
    applied: Vec<Entry>,
    /// How often the node was built again.
    incarnation: u32,
    /// Why the node cannot go on: what it wanted done was not done.
    failure: Option<NodeError>,
    events: EventLog,
}

impl ScriptNode {
    pub(super) fn new(
        writes: StorageWrites,
        config: Config,
        storage: HistoryStorage,
        events: EventLog,
    ) -> Result<Self, NodeError> {
        Ok(ScriptNode {
            face: Face::new(writes, config.clone(), storage, events.clone())?,
            config,
            append_work: VecDeque::new(),
            apply_work: VecDeque::new(),
            applied: Vec::new(),
            incarnation: 0,
            failure: None,
            events,
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.config.id
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn status(&self) -> Status {
        on_face!(&self.face, node => node.status())
    }

    pub(super) fn storage(&self) -> &HistoryStorage {
        on_face!(&self.face, node => node.storage())
    }

    pub(super) fn storage_mut(&mut self) -> &mut HistoryStorage {
        on_face!(&mut self.face, node => node.storage_mut())
    }

    /// What the state machine has applied since it last started or took over a snapshot.
    pub(super) fn applied(&self) -> &[Entry] {
        &self.applied
    }

    pub(super) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    pub(super) fn failure(&self) -> Option<&NodeError> {
        self.failure.as_ref()
    }

    pub(super) fn has_ready(&self) -> bool {
        on_face!(&self.face, node => node.has_ready())
    }

    pub(super) fn tick(&mut self) {
        on_face!(&mut self.face, node => node.tick());
    }

    /// Campaigns. That the node may not is an event, and no error.
    pub(super) fn campaign(&mut self) -> Result<(), NodeError> {
        match on_face!(&mut self.face, node => node.campaign()) {
            Err(CampaignError::Refused(_)) => Ok(()),
            campaigned => Ok(campaigned?),
        }
    }

    pub(super) fn step(&mut self, message: Message) -> Result<(), NodeError> {
        Ok(on_face!(&mut self.face, node => node.step(message))?)
    }

    pub(super) fn propose(&mut self, data: Vec<Bytes>) -> Result<(), NodeError> {
        on_face!(&mut self.face, node => node.propose_batch(data))?;
        Ok(())
    }

    pub(super) fn propose_conf_change(
        &mut self,
        change: ConfChangeRequest,
    ) -> Result<(), NodeError> {
        on_face!(&mut self.face, node => node.propose_conf_change(change))?;
        Ok(())
    }

    /// Asks for a read. That it was dropped is an event, and no error.
    pub(super) fn read_index(&mut self, context: Bytes) -> Result<(), NodeError> {
        on_face!(&mut self.face, node => node.read_index(context))?;
        Ok(())
    }

    pub(super) fn bootstrap(&mut self, peers: &[Peer]) -> Result<(), NodeError> {
        Ok(on_face!(&mut self.face, node => node.bootstrap(peers))?)
    }

    /// That it was refused is an event, and no error.
    pub(super) fn transfer_leader(&mut self, transferee: u64) -> Result<(), NodeError> {
        on_face!(&mut self.face, node => node.transfer_leader(transferee))?;
        Ok(())
    }

    /// That it was refused is an event, and no error.
    pub(super) fn forget_leader(&mut self) -> Result<(), NodeError> {
        on_face!(&mut self.face, node => node.forget_leader())?;
        Ok(())
    }

    pub(super) fn report_unreachable(&mut self, peer: u64) {
        on_face!(&mut self.face, node => node.report_unreachable(peer));
    }

    pub(super) fn report_snapshot(&mut self, peer: u64, status: SnapshotStatus) {
        on_face!(&mut self.face, node => node.report_snapshot(peer, status));
    }

    pub(super) fn set_randomized_election_timeout(&mut self, ticks: u32) -> Result<(), NodeError> {
        Ok(on_face!(&mut self.face, node => node.set_randomized_election_timeout(ticks))?)
    }

    /// Builds the node again from `storage`, as after a crash.
    pub(super) fn restart(&mut self, storage: HistoryStorage) -> Result<(), NodeError> {
        let writes = match self.face {
            Face::Sync(_) => StorageWrites::Sync,
            Face::Async(_) => StorageWrites::Async,
        };
        self.config.applied = 0;
        self.face = Face::new(writes, self.config.clone(), storage, self.events.clone())?;
        self.append_work.clear();
        self.apply_work.clear();
        self.applied.clear();
        self.incarnation += 1;
        self.failure = None;
        Ok(())
    }

    /// Handles what the node wants done and answers the messages to send. A node with asynchronous
    /// writes only hands out work to its threads.
    pub(super) fn process_ready(&mut self) -> Result<Vec<Message>, NodeError> {
        self.try_process_ready().inspect_err(|error| self.failure = Some(error.clone()))
    }

    fn try_process_ready(&mut self) -> Result<Vec<Message>, NodeError> {
        let console = &self.events.console;
        match &mut self.face {
            Face::Sync(node) => process_sync_ready(node, &mut self.applied, console),
            Face::Async(node) => {
                let mut ready = node.ready()?;
                console.print(describe::async_ready(&ready));
                let mut to_peers = Vec::new();
                for message in ready.take_messages() {
                    match (is_local_target(message.to), message.kind()) {
                        (true, Ok(MessageType::MsgStorageApply)) => {
                            self.apply_work.push_back(message);
                        }
                        (true, _) => self.append_work.push_back(message),
                        (false, _) => to_peers.push(message),
                    }
                }
                Ok(to_peers)
            }
        }
    }

    /// Makes the first `writes` writes that the node asks for, in the order of the core's guide, and
    /// nothing else of what is to be done.
    pub(super) fn write_part_of_ready(&mut self, writes: usize) -> Result<(), Failure> {
        let Face::Sync(node) = &mut self.face else {
            return Err(Failure::printed("a Ready writes nothing: the append thread does"));
        };
        let ready = node.ready().map_err(NodeError::from)?;
        self.events.console.print(describe::ready(&ready));
        let (snapshot, none) = (ready.snapshot().filter(|it| !it.is_empty()), Entries::new());
        let entries = ready.entries();
        let storage = node.storage_mut();
        let mut left = writes;
        if snapshot.is_some() && left > 0 {
            storage.write(None, &none, snapshot).map_err(NodeError::from)?;
            left -= 1;
        }
        let count = left.min(entries.len());
        storage.write(None, &entries.slice(0..count), None).map_err(NodeError::from)?;
        if left > count {
            storage.write(ready.hard_state(), &none, None).map_err(NodeError::from)?;
        }
        Ok(())
    }

    pub(super) fn has_work(&self, thread: Thread) -> bool {
        match thread {
            Thread::Append => !self.append_work.is_empty(),
            Thread::Apply => !self.apply_work.is_empty(),
        }
    }

    /// Lets `thread` do its next piece of work, and answers the messages to send.
    pub(super) fn process_thread(&mut self, thread: Thread) -> Result<Vec<Message>, NodeError> {
        self.try_process_thread(thread).inspect_err(|error| self.failure = Some(error.clone()))
    }

    fn try_process_thread(&mut self, thread: Thread) -> Result<Vec<Message>, NodeError> {
        let console = &self.events.console;
        let work = match thread {
            Thread::Append => self.append_work.pop_front(),
            Thread::Apply => self.apply_work.pop_front(),
        };
        let Some(mut message) = work else {
            console.print(format_args!("no {} work to perform", thread.name()));
            return Ok(Vec::new());
        };
        let responses = std::mem::take(&mut message.responses);
        console.line("Processing:");
        console.line(describe::message(&message));
        on_face!(&mut self.face, node => match thread {
            Thread::Append => {
                let Message { term, vote, commit, .. } = message;
                let hard_state = HardState { term, vote, commit };
                let snapshot = message.snapshot.as_deref();
                write(node, Some(&hard_state), &message.entries, snapshot, &mut self.applied)?;
            }
            Thread::Apply => apply(node, &message.entries, &mut self.applied, console)?,
        });
        console.line("Responses:");
        responses.iter().for_each(|response| console.line(describe::message(response)));
        Ok(responses)
    }
}

fn process_sync_ready(
    node: &mut RawNode<HistoryStorage, EventLog>,
    applied: &mut Vec<Entry>,
    console: &Console,
) -> Result<Vec<Message>, NodeError> {
    let mut ready = node.ready()?;
    console.print(describe::ready(&ready));
    write(node, ready.hard_state(), ready.entries(), ready.snapshot(), applied)?;
    let mut messages: Vec<Message> = ready.take_messages().collect();
    let mut done = ready.persisted();
    messages.extend(done.take_messages());
    apply(node, done.committed_entries(), applied, console)?;
    node.advance(done)?;
    Ok(messages)
}

fn write<W: WriteMode>(
    node: &mut Node<HistoryStorage, EventLog, W>,
    hard_state: Option<&HardState>,
    entries: &Entries,
    snapshot: Option<&Snapshot>,
    applied: &mut Vec<Entry>,
) -> Result<(), NodeError> {
    node.storage_mut().write(hard_state, entries, snapshot)?;
    if snapshot.is_some_and(|snapshot| !snapshot.is_empty()) {
        applied.clear();
    }
    Ok(())
}

fn apply<W: WriteMode>(
    node: &mut Node<HistoryStorage, EventLog, W>,
    entries: &Entries,
    applied: &mut Vec<Entry>,
    console: &Console,
) -> Result<(), NodeError> {
    for entry in entries {
        let (update, conf_state) = match ConfChangeRequest::from_entry(entry)? {
            None => (entry.data.clone(), None),
            Some(request) => {
                let change = request.as_v2();
                let conf_state = match node.apply_conf_change(&change) {
                    Ok(conf_state) => Some(conf_state),
                    Err(ApplyConfChangeError::Poisoned(poisoned)) => return Err(poisoned.into()),
                    Err(invalid) => {
                        console.line(format_args!("ERROR {}: {invalid}", describe::entry(entry)));
                        None
                    }
                };
                (change.context.unwrap_or_default(), conf_state)
            }
        };
        node.storage_mut().applied(EntryId::of(entry), &update, conf_state);
        applied.push(entry.clone());
    }
    Ok(())
}
