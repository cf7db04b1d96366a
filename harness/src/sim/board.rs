//! What is known of the whole cluster: the truth that checkers hold a node against.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::{EntryId, SoftState, VoteRequest};
use raft_proto::{ConfState, Entries, Message};
use strum::{IntoStaticStr, VariantNames};

use super::Time;
use super::image::{ImageWrite, LogImage};
use super::machine::OpId;
use super::plan::NodePlan;
use super::process::Glance;
use raft_core::tracker::Configuration;

/// What the disk of a node holds.
#[derive(Clone, Debug, Default)]
pub struct DiskImage {
    /// What would be there after a crash, at the least.
    pub durable: LogImage,
    pub(super) unsynced: Vec<ImageWrite>,
    /// How often `durable` may have changed.
    pub(super) syncs: u64,
}

impl DiskImage {
    pub(super) fn sync(&mut self) {
        for write in self.unsynced.drain(..) {
            self.durable.write(&write);
        }
        self.syncs += 1;
    }

    /// What a new process has found, which succeeds `before`.
    pub(super) fn found(durable: LogImage, before: &Self) -> Self {
        Self { durable, unsynced: Vec::new(), syncs: before.syncs + 1 }
    }
}

/// The cluster's history, as far as more than one checker needs it.
#[derive(Debug, Default)]
pub struct Board {
    /// Virtual time.
    pub now: Time,
    /// The disk of each node that has one.
    pub disks: BTreeMap<u64, DiskImage>,
    /// Nodes whose disk is lost, and who stay away. What they had acknowledged is still in `disks`.
    pub wiped: BTreeSet<u64>,
    /// The term of each index that any node has ever known to be committed.
    pub committed: BTreeMap<u64, u64>,
    /// The term in which each was committed: that of the first node that knew, the leader.
    pub committed_in: BTreeMap<u64, u64>,
    /// The highest index that is committed.
    pub max_committed: u64,
    /// Entries up to here founded the group, by `bootstrap`. What they change was in effect before they
    /// were applied.
    pub founding: u64,
    /// Every configuration change that any node ever held.
    pub conf_changes: BTreeSet<EntryId>,
    /// How each node was set up.
    pub settings: BTreeMap<u64, NodePlan>,
    /// How many ticks each node has had.
    pub ticks: BTreeMap<u64, u64>,
}

impl Board {
    /// The highest index at which any node ever held a configuration change.
    #[must_use]
    pub fn last_conf_change(&self) -> u64 {
        self.conf_changes.iter().map(|entry| entry.index).max().unwrap_or(0)
    }
}

/// Something that a checker is told when it happens.
#[derive(Debug, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Fact<'a> {
    /// The process has started, over what its disk held.
    Started {
        /// What of the disk was known before.
        before: &'a DiskImage,
    },
    /// The process has ended.
    Crashed,
    /// The node's disk is lost, and the node with it.
    Wiped,
    /// The node became leader of this term.
    Led {
        /// The term.
        term: u64,
    },
    /// The node has granted a vote, or a pre-vote.
    Voted {
        /// As the node saw the request.
        request: VoteRequest,
    },
    /// A node whose writes are asynchronous has asked for these entries to be written in their turn, or,
    /// if there are none, for a snapshot alone.
    Queued {
        /// The entries.
        entries: &'a Entries,
    },
    /// The node wants these entries written: they are in its log.
    Handed {
        /// The entries.
        entries: &'a Entries,
    },
    /// The node wants a snapshot written, which replaces its log.
    HandedSnapshot {
        /// The snapshot's last entry.
        at: EntryId,
    },
    /// A message leaves for another node.
    Sent {
        /// The message.
        message: &'a Message,
    },
    /// A message of another node arrives.
    Received {
        /// The message.
        message: &'a Message,
    },
    /// The node learns that a snapshot did not reach its peer.
    SnapshotLost {
        /// The peer.
        peer: u64,
    },
    /// The node begins to hand its leadership over.
    HandsOver,
    /// The cluster's highest commit index has grown on this node.
    Committed {
        /// The first index that was not committed before.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// The state machine has applied an entry.
    Applied {
        /// The entry.
        entry: EntryId,
        /// A hash of all that it has applied so far.
        fingerprint: u64,
    },
    /// The node has applied a change of the configuration.
    Configured {
        /// The entry's index.
        index: u64,
        /// The configuration until then.
        before: &'a Configuration,
        /// The configuration from then on.
        after: &'a Configuration,
    },
    /// The state machine was replaced by a snapshot's.
    Installed {
        /// The snapshot's last entry.
        at: EntryId,
        /// The snapshot's configuration.
        conf_state: &'a ConfState,
        /// A hash of all that it stands for.
        fingerprint: u64,
    },
    /// A client asks to read, anywhere.
    ReadAsked {
        /// The request.
        op: OpId,
    },
    /// The node says at which index a read may be served.
    ReadAnswered {
        /// The request.
        op: OpId,
        /// The index.
        index: u64,
    },
}

/// What a checker sees: one node at the moment, and the board.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The node that it is about.
    pub node: u64,
    /// The node itself, if its process runs.
    pub glance: Option<&'a dyn Glance>,
    /// Everything else.
    pub board: &'a Board,
}

impl Scene<'_> {
    /// How many ticks the node has had.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.board.ticks.get(&self.node).copied().unwrap_or(0)
    }
}

impl std::fmt::Debug for Scene<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.glance.map(Glance::status);
        f.debug_struct("Scene").field("node", &self.node).field("status", &status).finish()
    }
}

/// What a rule says of something that does not break it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// The rule is not about that.
    Nothing,
    /// It is, and it holds.
    Sound,
}

/// A rule that must hold in every state. An error says how it is broken.
pub trait Checker {
    /// The rule's name, as reports show it.
    fn rule(&self) -> &'static str;

    /// Something has happened on a node.
    fn on_fact(&mut self, _fact: &Fact<'_>, _scene: &Scene<'_>) -> Result<Judged, String> {
        Ok(Judged::Nothing)
    }

    /// An event on a node is over.
    fn on_state(&mut self, _node: &dyn Glance, _scene: &Scene<'_>) -> Result<Judged, String> {
        Ok(Judged::Nothing)
    }
}

/// Whether a node leads, by its soft state.
pub(super) fn leads(soft_state: SoftState) -> bool {
    soft_state.role == raft_core::StateRole::Leader
}
