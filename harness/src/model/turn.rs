//! What a node is given, and what comes of it.

use bytes::Bytes;
use raft_core::tracker::Configuration;
use raft_core::{EntryId, VoteRequest};
use raft_proto::{ConfChangeV2, ConfState, Message};

use super::log_view::{LogView, Slot};
use super::network::Packet;
use super::reached::ReachedSet;

/// What a node is given to do, or what is done to it.
#[derive(Clone, Debug, Hash)]
pub(super) enum Input {
    Campaign,
    Propose(Bytes),
    Change(ConfChangeV2),
    Transfer {
        to: u64,
    },
    Heartbeat,
    Compact,
    Receive(Packet),
    /// A message that it sent is lost.
    Lose(Packet),
    /// Its append thread does the next piece of work.
    Write,
    /// Its apply thread does the next piece of work.
    Apply,
    /// Its process ends and starts again.
    Crash(Unsynced),
}

/// Where in a batch a process can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrashPoint {
    /// What needs no durability is sent, nothing is written.
    BeforeWrite,
    /// Snapshot and entries are written, the hard state is not.
    BeforeHardState,
    /// All is written, nothing that vouches for it is sent, nothing applied.
    AfterWrite,
}

/// What becomes of that which was written and not synced when a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unsynced {
    /// It has reached the disk.
    Kept,
    /// It has not.
    Lost,
}

/// Something that the rules judge. What is on disk, and what the log holds, is as of that moment.
#[derive(Clone, Debug)]
pub(super) enum Observed {
    /// The node has become a leader.
    Leads { term: u64, log: LogView },
    /// Its commit index has grown.
    Commits {
        from: u64,
        to: u64,
        term: u64,
        leads: bool,
        log: LogView,
        durable: LogView,
        config: Configuration,
    },
    /// It has applied an entry.
    Applies(Slot),
    /// It has a new configuration, by the change at `index`.
    Configures { index: u64, config: Configuration },
    /// It starts over from a snapshot.
    Installs { id: EntryId, conf_state: ConfState },
    /// Something went back that must not.
    Regresses { what: &'static str, from: u64, to: u64 },
    /// A vote was given that was given to another before.
    VotesAgain { term: u64, first: u64, second: u64 },
    /// A vote was granted to one whose log is behind.
    VotesUnduly(VoteRequest),
    /// A message was sent that vouches for what is not on disk.
    Vouches { message: Message, why: String },
    /// The node could not do what it must be able to do.
    Fails(String),
}

/// What one input leads to.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Where the process is to end, until it has.
    pub(super) crash: Option<CrashPoint>,
    pub(super) sent: Vec<Packet>,
    pub(super) observed: Vec<Observed>,
    pub(super) reached: ReachedSet,
}
