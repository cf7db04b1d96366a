//! Nodes, and one turn of the loop.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use raft_proto::{
    ConfChangeRequest, ConfChangeV2, ConfState, Entries, Entry, EntryType, HardState, Message,
    MessageType, Snapshot, parse_conf_changes,
};

use crate::config::{Compat, Config};
use crate::describe;
use crate::event::SlogObserver;
use crate::mem_storage::MemoryStorage;
use crate::raw_node::{AsyncRawNode, RawNode};
use crate::read_index::ReadState;
use crate::ready::SoftState;
use crate::storage::Storage;

pub(crate) const BOTH: [Compat; 2] = [Compat::Strict, Compat::Etcd];

/// A storage that keeps what it is told in memory.
pub(crate) trait Memory: Storage {
    fn memory(&mut self) -> &mut MemoryStorage;
}

impl Memory for MemoryStorage {
    fn memory(&mut self) -> &mut MemoryStorage {
        self
    }
}

pub(crate) fn group(voters: u64) -> ConfState {
    ConfState::new((1..=voters).collect::<Vec<_>>(), [])
}

/// Node 1 of voters `1..=voters` over an empty log.
pub(crate) fn node_of(voters: u64, change: impl FnOnce(&mut Config)) -> RawNode<MemoryStorage> {
    over(MemoryStorage::with_conf_state(group(voters)), change)
}

/// Node 1 over `storage`.
pub(crate) fn over<S: Storage>(storage: S, change: impl FnOnce(&mut Config)) -> RawNode<S> {
    let mut config = Config::new(1);
    change(&mut config);
    RawNode::with_observer(config, storage, SlogObserver::discard()).expect("a valid setup")
}

pub(crate) fn async_node_of(
    voters: u64,
    change: impl FnOnce(&mut Config),
) -> AsyncRawNode<MemoryStorage> {
    let mut config = Config::new(1);
    change(&mut config);
    let storage = MemoryStorage::with_conf_state(group(voters));
    AsyncRawNode::with_observer(config, storage, SlogObserver::discard()).expect("a valid setup")
}

/// Node 1 leads, and everybody has everything.
pub(crate) fn leader_of(voters: u64, change: impl FnOnce(&mut Config)) -> RawNode<MemoryStorage> {
    let mut node = node_of(voters, change);
    node.elect();
    node
}

pub(crate) fn from(id: u64, kind: MessageType, term: u64) -> Message {
    Message { from: id, term, ..Message::new(kind) }
}

pub(crate) fn append(id: u64, term: u64, prev: (u64, u64), entries: Entries) -> Message {
    let (log_term, index) = prev;
    Message { log_term, index, entries, ..from(id, MessageType::MsgApp, term) }
}

/// Entries without data at `first` and after, of `terms`.
pub(crate) fn entries(first: u64, terms: &[u64]) -> Entries {
    (first..).zip(terms).map(|(index, &term)| Entry::new(term, index, "")).collect()
}

pub(crate) fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|m| describe::message(m).to_string()).collect()
}

/// A change such as `v1 r2`.
pub(crate) fn change(text: &str) -> ConfChangeV2 {
    let changes = parse_conf_changes(text).expect("a list such as `v1 r2`");
    ConfChangeV2::new(raft_proto::ConfChangeTransition::Auto, changes)
}

/// What one turn of the loop was about.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) soft_state: Option<SoftState>,
    pub(crate) hard_state: Option<HardState>,
    pub(crate) entries: Entries,
    pub(crate) snapshot: Option<Snapshot>,
    pub(crate) must_sync: bool,
    pub(crate) reads: Vec<ReadState>,
    /// Sent at once.
    pub(crate) messages: Vec<Message>,
    /// Sent once the rest was on disk.
    pub(crate) vouching: Vec<Message>,
    pub(crate) committed: Entries,
}

impl Turn {
    /// The payloads that were applied.
    pub(crate) fn applied(&self) -> Vec<&[u8]> {
        let payloads = self.committed.iter().map(|entry| &entry.data[..]);
        payloads.filter(|data| !data.is_empty()).collect()
    }
}

#[allow(private_bounds)] // The bound is this module's, and so are these methods.
impl<S: Memory> RawNode<S> {
    /// One turn: send, write, send, apply, advance.
    #[track_caller]
    pub(crate) fn turn(&mut self) -> Turn {
        let mut ready = self.ready().expect("a node that is alive");
        let mut turn = Turn {
            soft_state: ready.soft_state().copied(),
            hard_state: ready.hard_state().copied(),
            entries: ready.entries().clone(),
            snapshot: ready.snapshot().cloned(),
            must_sync: ready.must_sync(),
            reads: ready.read_states().into(),
            messages: ready.take_messages().collect(),
            ..Turn::default()
        };
        let memory = self.storage_mut().memory();
        if let Some(snapshot) = ready.snapshot() {
            memory.apply_snapshot(snapshot.clone()).expect("a newer snapshot");
        }
        memory.append(ready.entries()).expect("entries that follow");
        if let Some(hard_state) = ready.hard_state() {
            memory.set_hard_state(*hard_state);
        }
        let mut done = ready.persisted();
        turn.vouching = done.take_messages().collect();
        turn.committed = done.take_committed_entries();
        for entry in &turn.committed {
            if entry.kind() != Ok(EntryType::Normal) {
                let request = ConfChangeRequest::from_entry(entry).expect("decodes");
                let change = request.expect("a change").as_v2();
                self.apply_conf_change(&change).expect("a possible change");
            }
        }
        self.advance(done).expect("its own batch");
        turn
    }

    /// Turns until nothing is left to do.
    #[track_caller]
    pub(crate) fn settle(&mut self) -> Vec<Turn> {
        let mut turns = Vec::new();
        while self.has_ready() {
            turns.push(self.turn());
            assert!(turns.len() < 100, "the node does not fall silent");
        }
        turns
    }

    /// What all turns until nothing is left to do have sent.
    #[track_caller]
    pub(crate) fn settle_sent(&mut self) -> Vec<Message> {
        let turns = self.settle();
        turns.into_iter().flat_map(|turn| [turn.messages, turn.vouching]).flatten().collect()
    }

    /// Wins an election, and has everything acknowledged.
    #[track_caller]
    pub(crate) fn elect(&mut self) {
        self.campaign().expect("a node that may campaign");
        self.settle();
        let term = self.basic_status().hard_state.term;
        let voters = self.status().config.voters.ids();
        for voter in voters.iter().filter(|&voter| voter != 1) {
            self.step(from(voter, MessageType::MsgVoteResp, term)).expect("a vote");
        }
        assert_eq!(self.basic_status().soft_state.leader_id, 1);
        self.settle();
        self.acknowledge_all();
    }

    /// Every peer acknowledges the whole log.
    #[track_caller]
    pub(crate) fn acknowledge_all(&mut self) {
        let status = self.status();
        let (term, index) = (status.basic.hard_state.term, self.raft.node.log.last_index());
        for (peer, _) in status.progress.into_iter().filter(|(peer, _)| *peer != 1) {
            let ack = Message { index, ..from(peer, MessageType::MsgAppResp, term) };
            self.step(ack).expect("an acknowledgement");
        }
        self.settle();
    }
}

/// The append and apply threads of a node, as the application would run them.
impl AsyncRawNode<MemoryStorage> {
    /// Takes the work, and answers the messages in it: to peers, to the append thread, to the
    /// apply thread.
    #[track_caller]
    pub(crate) fn work(&mut self) -> [Vec<Message>; 3] {
        let mut ready = self.ready().expect("a node that is alive");
        let mut sorted: [Vec<Message>; 3] = Default::default();
        for message in ready.take_messages() {
            let to = match message.to {
                raft_proto::LOCAL_APPEND_THREAD => 1,
                raft_proto::LOCAL_APPLY_THREAD => 2,
                _ => 0,
            };
            sorted[to].push(message);
        }
        sorted
    }

    /// Does what a message to the append thread asks for. Answers its responses.
    #[track_caller]
    pub(crate) fn write(&mut self, message: &Message) -> Vec<Message> {
        assert_eq!(message.kind(), Ok(MessageType::MsgStorageAppend));
        let memory = self.storage_mut();
        if let Some(snapshot) = &message.snapshot {
            memory.apply_snapshot((**snapshot).clone()).expect("a newer snapshot");
        }
        memory.append(&message.entries).expect("entries that follow");
        let Message { term, vote, commit, .. } = *message;
        let hard_state = HardState { term, vote, commit };
        if !hard_state.is_empty() {
            memory.set_hard_state(hard_state);
        }
        message.responses.clone()
    }

    /// Takes responses: those to the node itself go in, those to peers come back.
    #[track_caller]
    pub(crate) fn respond(&mut self, responses: Vec<Message>) -> Vec<Message> {
        let id = self.id();
        let (own, others): (Vec<_>, Vec<_>) = responses.into_iter().partition(|m| m.to == id);
        for message in own {
            self.step(message).expect("its own response");
        }
        others
    }

    /// Everything until nothing is left to do. Answers what was sent to peers.
    #[track_caller]
    pub(crate) fn settle(&mut self) -> Vec<Message> {
        let mut sent = Vec::new();
        let mut turns = 0;
        while self.has_ready() {
            turns += 1;
            assert!(turns < 100, "the node does not fall silent");
            let [peers, appends, applies] = self.work();
            sent.extend(peers);
            for message in appends {
                let responses = self.write(&message);
                sent.extend(self.respond(responses));
            }
            for message in applies {
                sent.extend(self.respond(message.responses));
            }
        }
        sent
    }

    #[track_caller]
    pub(crate) fn elect(&mut self) {
        self.campaign().expect("a node that may campaign");
        self.settle();
        let status = self.status();
        for voter in status.config.voters.ids().iter().filter(|&voter| voter != 1) {
            let term = status.basic.hard_state.term;
            self.step(from(voter, MessageType::MsgVoteResp, term)).expect("a vote");
        }
        self.settle();
        self.acknowledge_all();
    }

    #[track_caller]
    pub(crate) fn acknowledge_all(&mut self) {
        let status = self.status();
        let (term, index) = (status.basic.hard_state.term, self.raft.node.log.last_index());
        for (peer, _) in status.progress.into_iter().filter(|(peer, _)| *peer != 1) {
            let ack = Message { index, ..from(peer, MessageType::MsgAppResp, term) };
            self.step(ack).expect("an acknowledgement");
        }
        self.settle();
    }
}
