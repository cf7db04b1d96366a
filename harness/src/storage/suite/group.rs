//! Nodes over the storage: a group that commits, whose nodes are stopped and built again.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft_core::{Config, RawNode, SlogObserver, StateRole};
use raft_proto::{ConfChangeRequest, ConfState, Entry, Message, MessageType};

use super::{Checked, Found, Rule, Suite, same, shown, snapshot};
use crate::sim::Chance;
use crate::storage::WritableStorage;

pub(super) fn rules<S: WritableStorage>() -> Vec<Rule<S>> {
    vec![
        Rule { says: "a node that is built again over its storage goes on", check: goes_on },
        Rule { says: "a node that is behind the log catches up by snapshot", check: catches_up },
    ]
}

fn goes_on<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut group = Group::new(suite)?;
    for round in 0..5 {
        group.elect(round % 3)?;
        for number in 0..20 {
            group.propose(format!("{number} of round {round}"))?;
        }
        let terms: Vec<_> = group.peers.iter().map(Peer::term).collect();
        group = group.restarted(suite, round)?;
        let kept: Vec<_> = group.peers.iter().map(Peer::term).collect();
        same!(kept, terms, "the terms of the nodes that were built again");
    }
    group.elect(0)?;
    group.propose("the end".into())?;
    group.check_agreement()
}

fn catches_up<S: WritableStorage>(suite: &Suite<'_, S>) -> Checked {
    let mut group = Group::new(suite)?;
    for round in 0..3 {
        group.elect(0)?;
        group.cut_off = Some(2);
        for number in 0..10 {
            group.propose(format!("{number} of round {round}"))?;
        }
        for peer in &mut group.peers[..2] {
            peer.compact()?;
        }
        group.cut_off = None;
        // The leader asks whom it took for unreachable when it next sends a heartbeat.
        for _ in 0..4 {
            group.peers[0].node.tick();
            group.run()?;
        }
        group.propose(format!("the end of round {round}"))?;
        group.check_agreement()?;
        let installed = group.peers[2].installed;
        same!(installed, round + 1, "the number of snapshots that the node was sent");
        group = group.restarted(suite, round)?;
        group.peers[2].installed = installed;
    }
    Ok(())
}

/// A node over the storage, and what it has applied.
struct Peer<S: WritableStorage> {
    node: RawNode<S>,
    conf_state: ConfState,
    applied: BTreeMap<u64, (u64, Bytes)>,
    applied_index: u64,
    /// Snapshots that came from the leader.
    installed: u64,
}

impl<S: WritableStorage> Peer<S> {
    fn new(id: u64, storage: S) -> Result<Self, Found> {
        let conf_state = storage.initial_state()?.conf_state;
        let applied_index = storage.snapshot()?.index();
        // Small pages, so that logs are read in parts.
        let config = Config {
            max_size_per_msg: 100,
            // The storage is to be read.
            recent_entries_bytes: 0,
            seed: id,
            ..Config::new(id)
        };
        Ok(Self {
            node: RawNode::with_observer(config, storage, SlogObserver::discard())?,
            conf_state,
            applied: BTreeMap::new(),
            applied_index,
            installed: 0,
        })
    }

    fn term(&self) -> u64 {
        self.node.basic_status().hard_state.term
    }

    /// Does what there is to do, once.
    fn work(&mut self, sent: &mut VecDeque<Message>) -> Checked {
        let mut ready = self.node.ready()?;
        sent.extend(ready.take_messages());
        let storage = self.node.storage_mut();
        if let Some(snapshot) = ready.snapshot() {
            storage.apply_snapshot(snapshot)?;
            self.conf_state = snapshot.conf_state().clone();
            self.applied_index = snapshot.index();
            self.installed += 1;
        }
        storage.append(ready.entries())?;
        if let Some(hard_state) = ready.hard_state() {
            storage.set_hard_state(hard_state)?;
        }
        if ready.must_sync() {
            storage.sync()?;
        }
        let mut done = ready.persisted();
        sent.extend(done.take_messages());
        for entry in &done.take_committed_entries() {
            self.apply(entry)?;
        }
        self.node.advance(done)?;
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) -> Checked {
        same!(entry.index, self.applied_index + 1, "the index of the next entry to apply");
        self.applied_index = entry.index;
        self.applied.insert(entry.index, (entry.term, entry.data.clone()));
        if let Some(change) = ConfChangeRequest::from_entry(entry)? {
            self.conf_state = self.node.apply_conf_change(&change.as_v2())?;
        }
        Ok(())
    }

    /// Keeps a snapshot in place of all that is applied.
    fn compact(&mut self) -> Checked {
        let storage = self.node.storage_mut();
        let state = format!("state at {}", self.applied_index);
        storage.create_snapshot(self.applied_index, &self.conf_state, state.into())?;
        storage.compact(self.applied_index)?;
        Ok(())
    }
}

/// Three of them, in one thread.
struct Group<S: WritableStorage> {
    peers: Vec<Peer<S>>,
    network: VecDeque<Message>,
    /// The position of the one whom no message reaches.
    cut_off: Option<usize>,
}

/// Far more than there is ever to do.
const MAX_ROUNDS: usize = 10_000;

impl<S: WritableStorage> Group<S> {
    fn new(suite: &Suite<'_, S>) -> Result<Self, Found> {
        let peer = |id| {
            let mut storage = suite.create();
            storage.apply_snapshot(&snapshot(1, 1, ConfState::new([1, 2, 3], [])))?;
            storage.sync()?;
            Peer::new(id, storage)
        };
        let peers = (1..=3).map(peer).collect::<Result<_, _>>()?;
        Ok(Self { peers, network: VecDeque::new(), cut_off: None })
    }

    /// Stops all nodes, and builds them again.
    fn restarted(self, suite: &Suite<'_, S>, seed: u64) -> Result<Self, Found> {
        let mut chance = Chance::new(seed, 0);
        let restart = |peer: Peer<S>| {
            let id = peer.node.id();
            Peer::new(id, suite.reopen(peer.node.into_storage(), &mut chance))
        };
        let peers = self.peers.into_iter().map(restart).collect::<Result<_, _>>()?;
        Ok(Self { peers, network: VecDeque::new(), cut_off: None })
    }

    /// Works and delivers until there is nothing left to do.
    fn run(&mut self) -> Checked {
        for _ in 0..MAX_ROUNDS {
            if let Some(message) = self.network.pop_front() {
                self.deliver(message)?;
            } else if let Some(peer) = self.peers.iter_mut().find(|peer| peer.node.has_ready()) {
                peer.work(&mut self.network)?;
            } else {
                return Ok(());
            }
        }
        Err(Found("the group never comes to rest".into()))
    }

    fn deliver(&mut self, message: Message) -> Checked {
        let position = |id: u64| (id - 1) as usize;
        let (from, to) = (position(message.from), position(message.to));
        let is_lost = self.cut_off.is_some_and(|lost| lost == from || lost == to);
        let is_snapshot = message.kind() == Ok(MessageType::MsgSnap);
        if !is_lost {
            let shown = shown(&message);
            let stepped = self.peers[to].node.step(message);
            stepped.map_err(|error| Found(format!("{shown} is refused: {error}")))?;
        }
        if is_snapshot {
            let status = match is_lost {
                true => raft_core::SnapshotStatus::Failure,
                false => raft_core::SnapshotStatus::Finish,
            };
            self.peers[from].node.report_snapshot(to as u64 + 1, status);
        }
        Ok(())
    }

    /// Makes the node at `position` the leader.
    fn elect(&mut self, position: u64) -> Checked {
        let node = &mut self.peers[position as usize].node;
        node.campaign()?;
        self.run()?;
        let role = self.peers[position as usize].node.basic_status().soft_state.role;
        same!(role, StateRole::Leader, "the role of the node that campaigned");
        Ok(())
    }

    /// Commits `data`.
    fn propose(&mut self, data: String) -> Checked {
        let is_leader =
            |peer: &&mut Peer<S>| peer.node.basic_status().soft_state.role == StateRole::Leader;
        let leader = self.peers.iter_mut().find(is_leader);
        let leader = leader.ok_or_else(|| Found("nobody leads".into()))?;
        leader.node.propose(data.clone())?;
        self.run()?;
        let others = self.peers.iter().zip(0..).filter(|(_, at)| self.cut_off != Some(*at));
        for (peer, _) in others {
            let last = peer.applied.last_key_value().map(|(_, (_, data))| data.clone());
            same!(last, Some(Bytes::from(data.clone())), "what {} applied last", peer.node.id());
        }
        Ok(())
    }

    /// No two nodes may have applied different entries at an index.
    fn check_agreement(&self) -> Checked {
        for one in &self.peers {
            for other in &self.peers {
                for (index, entry) in &one.applied {
                    let theirs = other.applied.get(index).unwrap_or(entry);
                    same!(theirs, entry, "the entry applied at {index} by {}", other.node.id());
                }
            }
        }
        Ok(())
    }
}
