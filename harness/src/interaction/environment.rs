//! Nodes, their storages and the network between them, in one thread and without a clock.

use std::cell::RefCell;
use std::rc::Rc;

use raft_core::{Compat, Storage, describe};
use raft_proto::{Message, Snapshot};

use super::Failure;
use super::console::{Console, Election, EventLog};
use super::etcd_text::NodeError;
use super::network::{Fate, Network, Selection};
use super::node::{ScriptNode, Thread};
use super::settings::NodeSettings;
use super::storage::{HistoryStorage, LogCompacted};
use crate::datadriven::BadArgument;

/// A group of nodes. Node `i` of the list has id `i + 1`.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) compat: Compat,
    pub(super) console: Console,
    pub(super) nodes: Vec<ScriptNode>,
    pub(super) network: Network,
    elections: Rc<RefCell<Vec<Election>>>,
}

/// So many rounds of `stabilize` no group needs that comes to rest at all.
const MAX_ROUNDS: usize = 10_000;

impl Environment {
    pub(super) fn new(compat: Compat) -> Self {
        Environment { compat, ..Environment::default() }
    }

    /// The place of node `id` in the list.
    pub(super) fn place(&self, id: u64) -> Result<usize, BadArgument> {
        match usize::try_from(id) {
            Ok(number) if (1..=self.nodes.len()).contains(&number) => Ok(number - 1),
            _ => {
                let expected = format!("the id of one of the {} nodes", self.nodes.len());
                Err(BadArgument::invalid(expected, id.to_string()))
            }
        }
    }

    /// The elections won so far, in their order.
    pub(super) fn elections(&self) -> Vec<Election> {
        self.elections.borrow().clone()
    }

    pub(super) fn add_nodes(
        &mut self,
        count: usize,
        settings: &NodeSettings,
    ) -> Result<(), Failure> {
        for _ in 0..count {
            self.add_node(settings)?;
        }
        Ok(())
    }

    fn add_node(&mut self, settings: &NodeSettings) -> Result<(), Failure> {
        let mut config = settings.config.clone();
        config.id = self.nodes.len() as u64 + 1;
        let snapshot = &settings.snapshot;
        let mut storage = HistoryStorage::new(snapshot.clone(), config.compat);
        if snapshot.metadata.is_some() {
            if snapshot.index() <= 1 {
                return Err(Failure::printed("index must be specified as > 1 due to bootstrap"));
            }
            storage.memory.apply_snapshot(snapshot.clone()).map_err(NodeError::from)?;
        }
        let events = EventLog { console: self.console.clone(), elections: self.elections.clone() };
        self.nodes.push(ScriptNode::new(settings.writes, config, storage, events)?);
        Ok(())
    }

    /// Builds node `at` again from its storage. Messages that it sent to others stay on their way.
    pub(super) fn restart(&mut self, at: usize) -> Result<(), Failure> {
        let node = &mut self.nodes[at];
        let id = node.id();
        let mut storage = node.storage().clone();
        storage.restart().map_err(|LogCompacted { first, snapshot }| {
            let log = format!("log starts at {first}, snapshot is at {snapshot}");
            Failure::printed(format!("cannot restart {id}: {log}"))
        })?;
        node.restart(storage)?;
        self.network.lose_local(id);
        Ok(())
    }

    /// Builds node `at` again, with an empty storage and the same id.
    pub(super) fn wipe(&mut self, at: usize) -> Result<(), Failure> {
        let node = &mut self.nodes[at];
        let id = node.id();
        node.restart(HistoryStorage::new(Snapshot::default(), node.config().compat))?;
        self.network.lose_local(id);
        Ok(())
    }

    pub(super) fn print_log(&self, at: usize) -> Result<(), Failure> {
        let storage = self.nodes[at].storage();
        let log = storage.log().map_err(NodeError::from)?;
        if log.is_empty() {
            let first = storage.first_index().map_err(NodeError::from)?;
            let last = storage.last_index().map_err(NodeError::from)?;
            let text = format!("log is empty: first index={first}, last index={last}");
            self.console.print(text);
        }
        log.iter().for_each(|entry| self.console.line(describe::entry(entry)));
        Ok(())
    }

    pub(super) fn process_ready(&mut self, at: usize) -> Result<(), NodeError> {
        let messages = self.nodes[at].process_ready()?;
        self.send(messages);
        Ok(())
    }

    pub(super) fn process_thread(&mut self, at: usize, thread: Thread) -> Result<(), NodeError> {
        let responses = self.nodes[at].process_thread(thread)?;
        self.send(responses);
        Ok(())
    }

    pub(super) fn send(&mut self, messages: impl IntoIterator<Item = Message>) {
        for lost in self.network.send(messages) {
            self.console.line(format_args!("lost: {}", describe::message(&lost)));
        }
    }

    /// Delivers or drops the messages for `to` that `selection` is about, and answers how many
    /// there were.
    pub(super) fn deliver(
        &mut self,
        to: u64,
        selection: &Selection,
        fate: Fate,
    ) -> Result<usize, Failure> {
        let messages = self.network.take(to, selection, fate);
        let count = messages.len();
        for message in messages {
            match fate {
                Fate::Drop => {
                    self.console.line(format_args!("dropped: {}", describe::message(&message)));
                }
                Fate::Deliver => self.deliver_one(message)?,
            }
        }
        Ok(count)
    }

    fn deliver_one(&mut self, message: Message) -> Result<(), Failure> {
        self.console.line(describe::message(&message));
        let at = self.place(message.to)?;
        if let Err(error) = self.nodes[at].step(message) {
            self.console.line(error);
        }
        Ok(())
    }

    /// Handles `Ready`s, delivers messages and lets storage threads work, for the nodes at `places`,
    /// until none of them has anything left to do.
    pub(super) fn stabilize(&mut self, places: &[usize]) -> Result<(), Failure> {
        for _ in 0..MAX_ROUNDS {
            if !self.stabilize_once(places)? {
                return Ok(());
            }
        }
        Err(Failure::printed(format!("not stable after {MAX_ROUNDS} rounds")))
    }

    /// Lets `ticks` ticks pass for the nodes at `places`, and [stabilizes](Self::stabilize) after
    /// each.
    pub(super) fn pass_time(&mut self, places: &[usize], ticks: u32) -> Result<(), Failure> {
        for _ in 0..ticks {
            places.iter().for_each(|&at| self.nodes[at].tick());
            self.stabilize(places)?;
        }
        Ok(())
    }

    /// One round, and whether there was anything to do.
    fn stabilize_once(&mut self, places: &[usize]) -> Result<bool, Failure> {
        let mut busy = false;
        for &at in places {
            busy |= self.stabilize_ready(at)?;
        }
        for &at in places {
            busy |= self.stabilize_receive(at)?;
        }
        for thread in [Thread::Append, Thread::Apply] {
            for &at in places {
                busy |= self.stabilize_thread(at, thread)?;
            }
        }
        Ok(busy)
    }

    fn stabilize_ready(&mut self, at: usize) -> Result<bool, Failure> {
        if !self.nodes[at].has_ready() {
            return Ok(false);
        }
        let console = self.console.clone();
        console.line(format_args!("> {} handling Ready", at + 1));
        console.indented(|| self.process_ready(at))?;
        Ok(true)
    }

    fn stabilize_receive(&mut self, at: usize) -> Result<bool, Failure> {
        let id = self.nodes[at].id();
        if !self.network.has_messages_for(id) {
            return Ok(false);
        }
        let console = self.console.clone();
        console.line(format_args!("> {id} receiving messages"));
        console.indented(|| self.deliver(id, &Selection::default(), Fate::Deliver))?;
        Ok(true)
    }

    fn stabilize_thread(&mut self, at: usize, thread: Thread) -> Result<bool, Failure> {
        if !self.nodes[at].has_work(thread) {
            return Ok(false);
        }
        let console = self.console.clone();
        console.line(format_args!("> {} processing {} thread", at + 1, thread.name()));
        while self.nodes[at].has_work(thread) {
            console.indented(|| self.process_thread(at, thread))?;
        }
        Ok(true)
    }
}
