//! The core of etcd's raft in Rust: a deterministic state machine without IO.
//!
//! A [`RawNode`] is one member of a Raft group as a pure state machine. It is told that time passes
//! ([`tick`](Node::tick)), what came over the network ([`step`](Node::step)) and what the
//! application wants ([`propose`](Node::propose) and others), and it tells in batches
//! ([`Ready`]) what to persist, what to send and what to apply. The clock, the disk, the network
//! and the threads are the application's.
//!
//! # The whole of it, with one node
//! ```
//! use raft_core::proto::ConfState;
//! use raft_core::{Config, MemoryStorage, RawNode, SlogObserver};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let storage = MemoryStorage::with_conf_state(ConfState::new([1], []));
//!     let mut node = RawNode::with_observer(Config::new(1), storage, SlogObserver::discard())?;
//!     node.campaign()?;
//!     run(&mut node)?; // The node votes for itself, and leads.
//!     println!("proposed: {:?}", node.propose("hello")?);
//!     run(&mut node)
//! }
//!
//! /// Does the node's work until there is none.
//! fn run(node: &mut RawNode<MemoryStorage>) -> Result<(), Box<dyn std::error::Error>> {
//!     while node.has_ready() {
//!         let mut ready = node.ready()?;
//!         ready.take_messages().for_each(drop); // There is nobody to send them to.
//!         let storage = node.storage_mut();
//!         if let Some(snapshot) = ready.snapshot() {
//!             storage.apply_snapshot(snapshot.clone())?;
//!         }
//!         storage.append(ready.entries())?;
//!         if let Some(hard_state) = ready.hard_state() {
//!             storage.set_hard_state(*hard_state);
//!         }
//!         let mut done = ready.persisted();
//!         for entry in &done.take_committed_entries() {
//!             // The first entry of a leader is empty.
//!             println!("applied {}/{}: {:?}", entry.term, entry.index, entry.data);
//!         }
//!         node.advance(done)?;
//!     }
//!     Ok(())
//! }
//! ```
//! A group of several nodes differs in one line: the messages go to the other nodes, each of which
//! gives them to its own [`step`](Node::step).
//!
//! # What it is not
//! It has no clock: a tick is as long as you say. It has no network, no disk, no thread, no async
//! runtime and no state machine: it never calls you back but for [`Storage`] reads and [`Observer`]
//! events. It does not retry what you ask for: a proposal or a read that is lost is asked again by you.
//! It does not secure the transport: who can send messages to a node can be its leader.
//!
//! # The contract
//! 1. Keep the order that the types ask for: write what a [`Ready`] holds, then say
//!    [`persisted`](Ready::persisted), then send and apply what that gives, then
//!    [`advance`](Node::advance). [`Ready::take_messages`] may leave before or while you write.
//! 2. Write the snapshot, then the entries, then the hard state, so that a crash in between leaves a
//!    prefix of them. Entries replace whatever the log holds from the first one's index on. Sync before
//!    `persisted` if [`Ready::must_sync`] says so.
//! 3. What a node has said it must remember. A node that lost what it persisted must not come back
//!    under its old id: remove it from the group, and add it under a new one.
//! 4. Apply committed entries in their order, each once, on every node alike. A configuration change
//!    goes to [`apply_conf_change`](Node::apply_conf_change) when its turn comes.
//! 5. Every message may be lost, late, doubled or overtaken. One that goes to another node, or is
//!    changed on the way, must not be given to [`step`](Node::step).
//! 6. A `MsgSnap` is answered with [`report_snapshot`](Node::report_snapshot) once it has been sent, or
//!    has failed. A peer that cannot be reached is reported with
//!    [`report_unreachable`](Node::report_unreachable).
//! 7. Call `ready` while [`has_ready`](Node::has_ready) is true; batch what comes in before you do: one
//!    write for many messages and proposals is what makes it fast.
//! 8. Ids are never reused, and never 0.
//!
//! What a storage owes is at [`Storage`], what the storage threads of the asynchronous face owe at
//! [`AsyncWrites`].
//!
//! # Asynchronous writes
//! [`AsyncRawNode`] is the same machine for an application that writes and applies in the background:
//! [`ready`](Node::ready) can be called again before the last batch is written. The work leaves as
//! messages to two storage threads, with the responses to deliver when it is done; there is nothing to
//! advance. A node that leads counts its own copy only when its append thread has answered.
//!
//! # Membership
//! A group starts from one [`ConfState`](proto::ConfState) in the storage of each node
//! ([`MemoryStorage::with_conf_state`]), or by [`bootstrap`](Node::bootstrap) on each. From then on
//! [`propose_conf_change`](Node::propose_conf_change) changes it: one voter at a time
//! ([`ConfChange`](proto::ConfChange)), or any set at once by way of a joint configuration
//! ([`ConfChangeV2`](proto::ConfChangeV2)), which is left by itself unless its transition is explicit.
//! One change can be under way. It takes effect when it is *applied*, on each node by itself; what
//! `apply_conf_change` answers is stored with the state machine. A new node starts with an empty storage
//! and gets the log, or a snapshot, from the leader. It learns the first members from whichever of
//! the two holds them: in a group that was not bootstrapped that is a snapshot, so that such a group
//! best starts at a snapshot of index 1 with the log compacted up to there. A snapshot for a new
//! member must name it: take one right after the change is applied. Add the member as a learner
//! first when it has much to catch up. A leader that is removed steps down; late answers of a
//! removed peer give [`StepError::PeerNotFound`], which is routine.
//!
//! # Reads
//! [`read_index`](Node::read_index) asks for the index that a linearizable read must see; the
//! [`ReadState`] with the same context tells it, and once that index is applied the read may be served.
//! It costs a round of heartbeats, which all reads share that come before the next `Ready`; or nothing
//! with [`ReadOnlyOption::LeaseBased`], if the clocks keep within a bound: its documentation states
//! it, and what the loop owes it. Reads that die with a leadership of this node are in
//! [`Ready::lost_reads`]; one that was forwarded may be lost without a word.
//!
//! # Restart
//! Build the node again from its [`Storage`] with [`Config::applied`] at what the state machine has
//! durably applied, if only by a snapshot. It follows, and hands out again what is committed after that.
//! If a node is dropped while a `Ready` is out, the same holds: nothing in the `Ready` was promised to
//! anybody.
//!
//! # Compaction and snapshots
//! The application decides when: it makes a snapshot of its state at an applied index, stores it with
//! the configuration as of that index, and then cuts the log below, best with some tail left for slow
//! followers. A peer that needs what is cut gets [`Storage::snapshot`]. A follower receives one in
//! [`Ready::snapshot`]: it replaces log and state machine.
//!
//! # Errors
//! Nothing that comes from outside can make a node panic. A bad message is refused with a [`StepError`]
//! and has changed nothing; log it, and go on. [`Refusal::LogLost`] is the one to look for: this node
//! has lost what it acknowledged. What a request came to is in its result: [`Proposed`],
//! [`ProposedConfChange`], [`ReadIndex`], [`TransferLeader`], [`ForgetLeader`], [`DropReason`]. An error
//! of the storage in the middle of a call ends the node, not the process: see [`Node`].
//!
//! # Before you ship
//! - Messages are sent after `persisted` where they must be (you cannot get it wrong by accident, but a
//!   storage that answers before its disk does can).
//! - A torn last write is recognised at start, and any other damage stops the node.
//! - Each process has its own directory, and refuses another's.
//! - Election timeouts are well above a round trip and a disk sync; `heartbeat_tick` is a few times
//!   smaller than `election_tick`.
//! - [`Config::pre_vote`] and [`Config::check_quorum`] are on, on all nodes, unless you know why not.
//! - [`Config::max_uncommitted_size`] bounds what a slow group makes a leader hold.
//! - Proposals carry an id of yours, so that one that is proposed twice counts once.
//!
//! # Coming from etcd/raft
//! | there | here |
//! |---|---|
//! | `raft.Config`, `NewRawNode` | [`Config`], [`RawNode::new`](Node::new); errors instead of panics |
//! | `AsyncStorageWrites` | another type, [`AsyncRawNode`] |
//! | `Ready.Messages` | [`Ready::take_messages`], and after [`persisted`](Ready::persisted) [`Persisted::take_messages`] |
//! | `Ready.CommittedEntries` | [`Persisted::take_committed_entries`] |
//! | `Advance()` | [`advance`](Node::advance), which takes the finished batch |
//! | `ErrProposalDropped` | [`ProposeError::Dropped`] with a [`DropReason`] |
//! | `TransferLeader`, `ForgetLeader`, of which one hears nothing | [`transfer_leader`](Node::transfer_leader), [`forget_leader`](Node::forget_leader), which say what came of it |
//! | `ErrStepLocalMsg`, `ErrStepPeerNotFound` | [`StepError::Local`], [`StepError::PeerNotFound`] |
//! | a panic on a message | [`StepError::Refused`] with a [`Refusal`] |
//! | `ApplyConfChange` panics | [`ApplyConfChangeError`], alike on every replica |
//! | `Logger` | [`Observer`] of typed [`Event`]s, whose text is etcd's; [`SlogObserver`] logs them |
//! | `TickQuiesced` | [`ticks_until_timeout`](Node::ticks_until_timeout) and [`tick_by`](Node::tick_by) |
//! | `Node` and its goroutine | your loop |
//!
//! Messages on the wire are the same. Where behaviour differs by default, [`Compat`] says how to have
//! etcd's.
//!
//! # Coming from raft-rs
//! | there | here |
//! |---|---|
//! | `RawNode::new(&cfg, store, &logger)` | [`RawNode::new`](Node::new), which takes the configuration by value |
//! | `Ready::messages`, `persisted_messages` | [`Ready::take_messages`], [`Persisted::take_messages`] |
//! | `LightReady`, `advance_apply`, `on_persist_ready` | none: [`advance`](Node::advance), or the asynchronous face |
//! | `Storage::entries(low, high, max, ctx)` | [`Storage::entries`] fills what it is given; `ctx` is [`ReadPurpose`] |
//! | `LogTemporarilyUnavailable` | the same, and [`on_entries_fetched`](Node::on_entries_fetched) |
//! | `MemStorage::wl()` | [`storage_mut`](Node::storage_mut): no lock |
//! | `raft.raft_log.store` | [`storage`](Node::storage), [`into_storage`](Node::into_storage) |
//! | `Config::batch_append` | always, but under [`Compat::Etcd`] |
//! | `Config::min_election_tick` and `max_` | `election_tick..2 * election_tick`, from [`Config::seed`] |
//! | `eraftpb` | [`proto`]: field names are the same but for the configuration changes' |
//! | `group_commit`, `priority` | not there |
#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod bootstrap;
pub mod confchange;
mod config;
pub mod describe;
mod digest;
mod entry_run;
mod error;
mod event;
mod fault;
mod id_set;
mod log;
mod mem_storage;
mod outbox;
pub mod quorum;
mod raft;
mod rare_vec;
mod raw_node;
mod read_index;
mod ready;
mod rng;
mod status;
mod storage;
pub mod tracker;
mod types;
mod votes;

pub use bootstrap::Peer;
pub use config::{Compat, Config, ReadOnlyOption};
pub use error::{
    AdvanceError, ApplyConfChangeError, BootstrapError, CampaignError, CampaignRefused,
    ConfChangeError, ConfStateError, ConfigError, DropReason, ForgetRefused, MAX_TERM, NewError,
    Poisoned, ProposeError, ReadyError, Refusal, StepError, StorageError, TimeoutOutOfRange,
    TransferRefused,
};
pub use event::{
    ConfChangeRefused, Event, Level, Observer, ProtocolStep, SlogObserver, StateRole, StepState,
    VoteRequest,
};
#[cfg(raft_fault)]
pub use fault::{Fault, UnknownFault};
pub use id_set::IdSet;
pub use mem_storage::MemoryStorage;
pub use raft::{ForgetLeader, ReadIndex, TransferLeader};
pub use raft_proto as proto;
pub use raw_node::{
    AsyncRawNode, AsyncWrites, Node, Proposed, ProposedConfChange, RawNode, SnapshotStatus,
    SyncWrites, WriteMode,
};
pub use read_index::ReadState;
pub use ready::{AsyncReady, Persisted, Ready, SoftState, must_sync};
pub use status::{BasicStatus, ProgressKind, Status};
pub use storage::{InitialState, ReadPurpose, Storage};
pub use types::{EntryId, MAX_INDEX, NONE};
