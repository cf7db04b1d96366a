//! The nodes of this process and their directories: what an operator does with machines.
//!
//! ```text
//! DIR/lock                    held by the process that uses DIR
//! DIR/group/id                the cluster's id, drawn when the group was made
//! DIR/group/node-1            the directory of a node
//! DIR/group/node-2.removed    the directory of a node that was removed
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow, ensure};
use fs4::FileExt;
use raft_core::proto::{ConfState, Snapshot};

use crate::client::Event;
use crate::network::Network;
use crate::node::{Input, Node, Report};
use crate::state_machine::StateMachine;
use crate::status::Status;
use crate::storage::{DiskStorage, Identity, make_dir, sync_dir};

/// The nodes of a new group.
const FIRST_MEMBERS: [u64; 3] = [1, 2, 3];

pub(crate) struct Group {
    dir: PathBuf,
    cluster: u64,
    snapshot_every: u64,
    network: Network,
    events: Sender<Event>,
    running: BTreeMap<u64, Running>,
    /// Released when it is dropped.
    _lock: File,
}

struct Running {
    killed: Arc<AtomicBool>,
    thread: JoinHandle<Result<StateMachine>>,
}

impl Group {
    /// Starts the nodes whose directories are in `dir`, or those of a new group if there is none.
    pub(crate) fn open(dir: &Path, snapshot_every: u64, events: Sender<Event>) -> Result<Self> {
        make_dir(dir)?;
        let lock = lock(&dir.join("lock"))?;
        let parent = dir;
        let dir = dir.join("group");
        if !dir.exists() {
            create_group(&dir)?;
        }
        // The last process may have been killed between giving a name and syncing it.
        sync_dir(parent)?;
        sync_dir(&dir)?;
        let cluster = read_id(&dir.join("id"))?;
        let (network, running) = (Network::default(), BTreeMap::new());
        let mut group =
            Self { dir, cluster, snapshot_every, network, events, running, _lock: lock };
        // Each of them is opened before any of them runs: if one is refused, so is the group.
        let nodes = group.stopped()?.into_iter().map(|id| Ok((id, group.load(id)?)));
        for (id, (node, killed)) in nodes.collect::<Result<Vec<_>>>()? {
            group.run(id, node, killed)?;
        }
        Ok(group)
    }

    /// Starts a node from its directory.
    pub(crate) fn start(&mut self, id: u64) -> Result<()> {
        ensure!(!self.is_running(id), "node {id} is running");
        let (node, killed) = self.load(id)?;
        self.run(id, node, killed)
    }

    /// Starts a node that is to join, with an empty directory unless it has one.
    pub(crate) fn start_new(&mut self, id: u64) -> Result<()> {
        // With its disk a node has lost its votes. An id that once was a member's must not come
        // back without them.
        ensure!(!self.removed_dir(id).exists(), "node {id} was a member; take another id");
        let identity = self.identity(id);
        if !self.node_dir(id).exists() {
            make_whole(&self.node_dir(id), |dir| DiskStorage::create(dir, identity, None))?;
        }
        if self.is_running(id) { Ok(()) } else { self.start(id) }
    }

    /// Takes the power from a node: it loses what is not on its disk.
    pub(crate) fn kill(&mut self, id: u64) -> Result<()> {
        let node = self.running.get(&id).with_context(|| format!("node {id} is not running"))?;
        node.killed.store(true, Ordering::Relaxed);
        self.stop(id).map(drop)
    }

    /// Puts away a node that is no member any more.
    pub(crate) fn remove(&mut self, id: u64) -> Result<()> {
        // However it ends, nobody waits for it any more.
        drop(self.stop(id));
        let dir = self.node_dir(id);
        fs::rename(&dir, self.removed_dir(id))
            .with_context(|| format!("cannot rename {}", dir.display()))?;
        sync_dir(&self.dir)
    }

    /// Ends a node. Answers its state machine.
    pub(crate) fn stop(&mut self, id: u64) -> Result<StateMachine> {
        self.network.disconnect(id);
        let node = self.running.remove(&id).with_context(|| format!("node {id} is not running"))?;
        node.thread.join().unwrap_or_else(|_| Err(anyhow!("its thread has panicked")))
    }

    /// Ends the nodes that have failed. Answers why they have.
    pub(crate) fn stop_failed(&mut self) -> Vec<(u64, anyhow::Error)> {
        let finished = self.running.iter().filter(|(_, node)| node.thread.is_finished());
        let failed: Vec<u64> = finished.map(|(id, _)| *id).collect();
        failed.into_iter().filter_map(|id| Some((id, self.stop(id).err()?))).collect()
    }

    /// Answers whether the node is there to get it.
    pub(crate) fn send(&self, id: u64, input: Input) -> bool {
        self.network.send(id, input)
    }

    /// Asks a node how it is. `None` if it has no answer, since it does not run.
    pub(crate) fn status(&self, id: u64) -> Option<Status> {
        let (sender, answer) = channel();
        self.network.send(id, Input::Status(sender));
        answer.recv().ok()
    }

    pub(crate) fn is_running(&self, id: u64) -> bool {
        self.running.contains_key(&id)
    }

    pub(crate) fn running(&self) -> Vec<u64> {
        self.running.keys().copied().collect()
    }

    /// The nodes that have a directory and do not run.
    pub(crate) fn stopped(&self) -> Result<Vec<u64>> {
        let context = || format!("cannot list {}", self.dir.display());
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.dir).with_context(context)? {
            let name = entry.with_context(context)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix("node-")?.parse().ok());
            ids.extend(id.filter(|id| !self.is_running(*id)));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Opens a node's directory, and makes a node of it.
    fn load(&self, id: u64) -> Result<(Node, Arc<AtomicBool>)> {
        let (dir, identity) = (self.node_dir(id), self.identity(id));
        let (storage, cut) = DiskStorage::open(&dir, identity)?;
        if let Some(cut) = cut {
            eprintln!("notice: {cut}");
        }
        let events = self.events.clone();
        // When the client has ended there is nobody left to tell.
        let report = Box::new(move |report: Report| drop(events.send(Event::Report(report))));
        let killed = Arc::new(AtomicBool::new(false));
        let (network, switch) = (self.network.clone(), Arc::clone(&killed));
        let node = Node::new(identity, storage, self.snapshot_every, network, report, switch)
            .with_context(|| format!("cannot start node {id} from {}", dir.display()))?;
        Ok((node, killed))
    }

    fn run(&mut self, id: u64, node: Node, killed: Arc<AtomicBool>) -> Result<()> {
        let inbox = self.network.connect(id);
        let thread = thread::Builder::new().name(format!("node {id}"));
        let thread = thread.spawn(move || node.run(&inbox)).context("cannot start a thread")?;
        self.running.insert(id, Running { killed, thread });
        Ok(())
    }

    fn identity(&self, node: u64) -> Identity {
        Identity { cluster: self.cluster, node }
    }

    fn node_dir(&self, id: u64) -> PathBuf {
        self.dir.join(format!("node-{id}"))
    }

    fn removed_dir(&self, id: u64) -> PathBuf {
        self.dir.join(format!("node-{id}.removed"))
    }
}

/// Makes the directory of a new group, with those of its first members.
fn create_group(dir: &Path) -> Result<()> {
    let cluster = RandomState::new().build_hasher().finish();
    // The group starts as if its first entry had been compacted already. So a node that joins
    // later, with an empty log, is always behind the first entry that is left, and gets a snapshot:
    // only that names the members.
    let start =
        Snapshot::new(1, 1, ConfState::new(FIRST_MEMBERS, []), StateMachine::default().encode());
    make_whole(dir, |dir| {
        let id = dir.join("id");
        fs::write(&id, format!("{cluster:016x}\n"))
            .and_then(|()| File::open(&id)?.sync_all())
            .with_context(|| format!("cannot write {}", id.display()))?;
        for node in FIRST_MEMBERS {
            let dir = dir.join(format!("node-{node}"));
            DiskStorage::create(&dir, Identity { cluster, node }, Some(start.clone()))?;
        }
        sync_dir(dir)
    })
}

fn read_id(path: &Path) -> Result<u64> {
    let context = || format!("cannot read {}", path.display());
    let id = fs::read_to_string(path).with_context(context)?;
    u64::from_str_radix(id.trim(), 16).with_context(context)
}

/// Makes a directory that `fill` fills: after a crash it is there with all that is in it, or it is
/// not there.
fn make_whole(dir: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let new = dir.with_extension("new");
    if new.exists() {
        // Left behind by a crash, and never used.
        fs::remove_dir_all(&new).with_context(|| format!("cannot remove {}", new.display()))?;
    }
    make_dir(&new)?;
    fill(&new)?;
    fs::rename(&new, dir).with_context(|| format!("cannot rename {}", new.display()))?;
    dir.parent().map_or(Ok(()), sync_dir)
}

/// Keeps other processes out until the file is dropped, also by a crash.
fn lock(path: &Path) -> Result<File> {
    let context = || format!("cannot lock {}: is it in use by another process?", path.display());
    let file = File::create(path).with_context(context)?;
    // `File::try_lock`, before Rust 1.89.
    FileExt::try_lock(&file).with_context(context)?;
    Ok(file)
}
