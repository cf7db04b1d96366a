//! A member of a group: a node of either face, and the application around it.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use raft_core::{
    ApplyConfChangeError, AsyncRawNode, AsyncReady, BasicStatus, ConfChangeError, Config, Event,
    NewError, Node, Observer, RawNode, ReadState, Ready, Status, StepError, WriteMode,
};
use raft_proto::{
    ConfChangeRequest, ConfState, Entries, Entry, LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message,
    Snapshot,
};

use super::disk::Disk;

/// Which of the two faces a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Sync,
    Async,
}

impl fmt::Display for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Face::Sync => "RawNode",
            Face::Async => "AsyncRawNode",
        })
    }
}

/// Reads every event: a hostile message must not make its text panic either.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader(usize);

impl Observer for Reader {
    fn on_event(&mut self, event: &Event<'_>) {
        self.0 = self.0.wrapping_add(event.to_string().len());
    }
}

/// A node of either face.
#[derive(Clone, Debug)]
pub(crate) enum AnyNode {
    Sync(Box<RawNode<Disk, Reader>>),
    Async(Box<AsyncRawNode<Disk, Reader>>),
}

/// Does the same with whichever face a node has.
macro_rules! on_face {
    ($node:expr, $inner:ident => $work:expr) => {
        match $node {
            $crate::hostile::member::AnyNode::Sync($inner) => $work,
            $crate::hostile::member::AnyNode::Async($inner) => $work,
        }
    };
}
pub(crate) use on_face;

impl AnyNode {
    pub(crate) fn new(face: Face, config: Config, disk: Disk) -> Result<Self, NewError> {
        Ok(match face {
            Face::Sync => {
                let node = RawNode::with_observer(config, disk, Reader::default())?;
                AnyNode::Sync(Box::new(node))
            }
            Face::Async => {
                let node = AsyncRawNode::with_observer(config, disk, Reader::default())?;
                AnyNode::Async(Box::new(node))
            }
        })
    }

    pub(crate) fn as_sync(&mut self) -> &mut RawNode<Disk, Reader> {
        match self {
            AnyNode::Sync(node) => node,
            AnyNode::Async(_) => panic!("an asynchronous node"),
        }
    }

    pub(crate) fn as_async(&mut self) -> &mut AsyncRawNode<Disk, Reader> {
        match self {
            AnyNode::Sync(_) => panic!("a synchronous node"),
            AnyNode::Async(node) => node,
        }
    }

    pub(crate) fn digest(&self) -> u64 {
        on_face!(self, node => node.digest())
    }

    pub(crate) fn status(&self) -> Status {
        on_face!(self, node => node.status())
    }

    pub(crate) fn basic_status(&self) -> BasicStatus {
        on_face!(self, node => node.basic_status())
    }

    pub(crate) fn has_ready(&self) -> bool {
        on_face!(self, node => node.has_ready())
    }

    pub(crate) fn disk(&self) -> &Disk {
        on_face!(self, node => node.storage())
    }

    pub(crate) fn disk_mut(&mut self) -> &mut Disk {
        on_face!(self, node => node.storage_mut())
    }

    pub(crate) fn tick(&mut self) {
        on_face!(self, node => node.tick());
    }

    pub(crate) fn step(&mut self, message: Message) -> Result<(), StepError> {
        on_face!(self, node => node.step(message))
    }
}

/// What the application around a node remembers, all of it on disk.
#[derive(Clone, Debug, Default)]
pub(crate) struct App {
    /// Term and data of each entry that was applied, by index.
    pub(crate) applied: BTreeMap<u64, (u64, Bytes)>,
    pub(crate) applied_index: u64,
    /// How many snapshots have come from leaders.
    pub(crate) snapshots: u32,
    /// What became of each configuration change, in order.
    pub(crate) conf_changes: Vec<Result<ConfState, ConfChangeError>>,
    pub(crate) reads: Vec<ReadState>,
    pub(crate) lost_reads: Vec<Bytes>,
    /// Whether the application decides against all configuration changes.
    pub(crate) declines_conf_changes: bool,
}

impl App {
    fn install(&mut self, snapshot: Option<&Snapshot>) {
        if let Some(snapshot) = snapshot {
            self.applied_index = snapshot.index();
            self.snapshots += 1;
        }
    }

    fn apply<W: WriteMode>(
        &mut self,
        node: &mut Node<Disk, Reader, W>,
        entries: &Entries,
    ) -> Result<(), String> {
        for entry in entries {
            self.applied.insert(entry.index, (entry.term, entry.data.clone()));
            self.applied_index = entry.index;
            self.apply_conf_change(node, entry)?;
        }
        Ok(())
    }

    fn apply_conf_change<W: WriteMode>(
        &mut self,
        node: &mut Node<Disk, Reader, W>,
        entry: &Entry,
    ) -> Result<(), String> {
        // What cannot be read is no change; every replica finds it so.
        let Ok(Some(change)) = ConfChangeRequest::from_entry(entry) else { return Ok(()) };
        if self.declines_conf_changes {
            return Ok(());
        }
        match node.apply_conf_change(&change.as_v2()) {
            Ok(conf_state) => {
                node.storage_mut().conf_state = conf_state.clone();
                self.conf_changes.push(Ok(conf_state));
            }
            Err(ApplyConfChangeError::Invalid(error)) => self.conf_changes.push(Err(error)),
            Err(error) => return Err(text(error)),
        }
        Ok(())
    }
}

/// A node and its application.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) config: Config,
    pub(crate) node: AnyNode,
    pub(crate) app: App,
    /// It neither works nor hears anything.
    pub(crate) down: bool,
    /// Why its node could not go on.
    pub(crate) failure: Option<String>,
}

impl Member {
    pub(crate) fn new(face: Face, config: Config, disk: Disk) -> Result<Self, NewError> {
        let node = AnyNode::new(face, config.clone(), disk)?;
        Ok(Member { config, node, app: App::default(), down: false, failure: None })
    }

    /// Does all that the node has ready, once. Answers the messages to send.
    pub(crate) fn work(&mut self) -> Result<Vec<Message>, String> {
        match &mut self.node {
            AnyNode::Sync(node) => {
                let ready = node.ready().map_err(text)?;
                work_at_once(node, &mut self.app, ready)
            }
            AnyNode::Async(node) => {
                let ready = node.ready().map_err(text)?;
                work_by_threads(node, &mut self.app, ready)
            }
        }
    }

    /// Does what the batch that is out asks for.
    pub(crate) fn finish(&mut self, ready: Ready) -> Result<Vec<Message>, String> {
        match &mut self.node {
            AnyNode::Sync(node) => work_at_once(node, &mut self.app, ready),
            AnyNode::Async(_) => Err("no such batch".to_owned()),
        }
    }

    /// Lets the storage threads do what an earlier batch asks for.
    pub(crate) fn finish_later(&mut self, ready: AsyncReady) -> Result<Vec<Message>, String> {
        match &mut self.node {
            AnyNode::Sync(_) => Err("no such batch".to_owned()),
            AnyNode::Async(node) => work_by_threads(node, &mut self.app, ready),
        }
    }
}

/// Any error as text that names its variant.
pub(crate) fn text(error: impl fmt::Debug) -> String {
    format!("{error:?}")
}

fn work_at_once(
    node: &mut RawNode<Disk, Reader>,
    app: &mut App,
    mut ready: Ready,
) -> Result<Vec<Message>, String> {
    let mut out: Vec<_> = ready.take_messages().collect();
    app.reads.extend_from_slice(ready.read_states());
    app.lost_reads.extend_from_slice(ready.lost_reads());
    let disk = node.storage_mut();
    disk.write(ready.snapshot(), ready.entries(), ready.hard_state()).map_err(text)?;
    if let Some(snapshot) = ready.snapshot() {
        disk.conf_state = snapshot.conf_state().clone();
    }
    app.install(ready.snapshot());
    let mut done = ready.persisted();
    out.extend(done.take_messages());
    app.apply(node, &done.take_committed_entries())?;
    node.advance(done).map_err(text)?;
    Ok(out)
}

fn work_by_threads(
    node: &mut AsyncRawNode<Disk, Reader>,
    app: &mut App,
    mut ready: AsyncReady,
) -> Result<Vec<Message>, String> {
    app.reads.extend_from_slice(ready.read_states());
    app.lost_reads.extend_from_slice(ready.lost_reads());
    let mut out = Vec::new();
    let messages: Vec<_> = ready.take_messages().collect();
    for message in messages {
        match message.to {
            LOCAL_APPEND_THREAD => append_thread(node, app, message, &mut out)?,
            LOCAL_APPLY_THREAD => {
                app.apply(node, &message.entries)?;
                respond(node, message.responses, &mut out)?;
            }
            _ => out.push(message),
        }
    }
    Ok(out)
}

fn append_thread(
    node: &mut AsyncRawNode<Disk, Reader>,
    app: &mut App,
    message: Message,
    out: &mut Vec<Message>,
) -> Result<(), String> {
    let hard_state =
        raft_proto::HardState { term: message.term, vote: message.vote, commit: message.commit };
    let disk = node.storage_mut();
    let snapshot = message.snapshot.as_deref();
    disk.write(snapshot, &message.entries, Some(&hard_state)).map_err(text)?;
    if let Some(snapshot) = snapshot {
        disk.conf_state = snapshot.conf_state().clone();
    }
    app.install(snapshot);
    respond(node, message.responses, out)
}

fn respond(
    node: &mut AsyncRawNode<Disk, Reader>,
    responses: Vec<Message>,
    out: &mut Vec<Message>,
) -> Result<(), String> {
    for response in responses {
        if response.to != node.id() {
            out.push(response);
            continue;
        }
        match node.step(response) {
            // A node that is removed from its group does not hear itself either.
            Ok(()) | Err(StepError::PeerNotFound { .. }) => {}
            Err(error) => return Err(text(error)),
        }
    }
    Ok(())
}
