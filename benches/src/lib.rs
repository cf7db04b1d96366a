//! What the benchmarks share: a group in one thread.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::proto::{ConfState, Message};
use raft_core::{Config, MemoryStorage, RawNode, SlogObserver};

/// The nodes of one group, and the messages between them, which always arrive.
#[derive(Debug)]
pub struct Group {
    nodes: Vec<RawNode<MemoryStorage>>,
    in_flight: VecDeque<Message>,
}

impl Group {
    /// A group of `voters` nodes, the first of which leads.
    ///
    /// # Panics
    /// When a node cannot be built or does its work wrongly: a benchmark of that means nothing.
    #[must_use]
    pub fn new(voters: u64) -> Self {
        let conf_state = ConfState::new((1..=voters).collect::<Vec<_>>(), []);
        let build = |id| {
            let storage = MemoryStorage::with_conf_state(conf_state.clone());
            RawNode::with_observer(Config::new(id), storage, SlogObserver::discard())
        };
        let nodes = (1..=voters).map(build).collect::<Result<_, _>>().expect("a valid node");
        let mut group = Self { nodes, in_flight: VecDeque::new() };
        group.nodes[0].campaign().expect("may campaign");
        group.settle();
        group
    }

    /// Proposes `payloads` on the leader, one by one, and runs until all nodes have applied them.
    /// Answers how many entries the leader has applied.
    ///
    /// # Panics
    /// When a proposal is dropped.
    pub fn replicate(&mut self, payloads: impl IntoIterator<Item = Bytes>) -> usize {
        for payload in payloads {
            self.nodes[0].propose(payload).expect("the first node leads");
        }
        self.settle()
    }

    /// Forgets the log up to what all nodes have applied, so that memory stays bounded.
    pub fn compact(&mut self) {
        let applied = self.nodes.iter().map(|node| node.basic_status().applied).min();
        for node in &mut self.nodes {
            // Nothing to forget is fine.
            node.storage_mut().compact(applied.unwrap_or(0)).ok();
        }
    }

    fn settle(&mut self) -> usize {
        let mut applied = 0;
        loop {
            let mut idle = true;
            for at in 0..self.nodes.len() {
                while self.nodes[at].has_ready() {
                    idle = false;
                    let entries = self.work(at);
                    applied += if at == 0 { entries } else { 0 };
                }
            }
            while let Some(message) = self.in_flight.pop_front() {
                idle = false;
                let to = message.to as usize - 1;
                self.nodes[to].step(message).expect("an honest message");
            }
            if idle {
                return applied;
            }
        }
    }

    fn work(&mut self, at: usize) -> usize {
        let node = &mut self.nodes[at];
        let mut ready = node.ready().expect("the last one was advanced");
        self.in_flight.extend(ready.take_messages());
        let storage = node.storage_mut();
        storage.append(ready.entries()).expect("entries follow the log");
        if let Some(hard_state) = ready.hard_state() {
            storage.set_hard_state(*hard_state);
        }
        let mut done = ready.persisted();
        self.in_flight.extend(done.take_messages());
        let applied = done.take_committed_entries().len();
        node.advance(done).expect("its own batch");
        applied
    }
}
