//! What is explored: a group, and how much may happen to it.

use std::fmt;

use raft_core::Config;
use raft_proto::{ConfChangeV2, ConfState};

use super::reached::Reached;

/// A group of nodes and what may happen to it. Everything that can happen within its [`Budget`] is
/// explored, in every order.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name in the table.
    pub name: &'static str,
    /// The members that the group starts with.
    pub members: ConfState,
    /// Nodes 1 to this number run; those that are no members yet may be added.
    pub nodes: u64,
    /// Where the exploration starts.
    pub start: Start,
    /// How nodes write.
    pub writes: Writes,
    /// Whether nodes ask if they could win before they campaign.
    pub pre_vote: bool,
    /// Whether an append carries one entry at most.
    pub one_entry_a_message: bool,
    /// Changes of the configuration, proposed in this order.
    pub changes: Vec<ConfChangeV2>,
    /// How much may happen.
    pub budget: Budget,
    /// What must be come across.
    pub expects: Vec<Reached>,
    /// The rule that the nodes break on purpose.
    #[cfg(raft_fault)]
    pub fault: Option<raft_core::Fault>,
}

/// Where an exploration starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Start {
    /// Nothing has happened yet. The members are alike, so that it makes no difference who
    /// campaigns first: node 1 does.
    Cold,
    /// Node 1 leads in term 1, and everybody has applied its first entry.
    Led,
}

/// How nodes write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Writes {
    /// In the loop, as [`RawNode`](raft_core::RawNode) does.
    Sync,
    /// In threads of their own, as [`AsyncRawNode`](raft_core::AsyncRawNode) does.
    Async,
}

/// How often things may happen, in a whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// A node campaigns.
    pub campaigns: u8,
    /// A leader gets a proposal.
    pub proposals: u8,
    /// A leader gets the next change of the configuration.
    pub changes: u8,
    /// A leader is asked to hand over, to any other voter.
    pub transfers: u8,
    /// A leader sends heartbeats: the time of one heartbeat passes for it.
    pub heartbeats: u8,
    /// A process ends, and starts again.
    pub crashes: u8,
    /// A message is lost, and its sender is told so.
    pub losses: u8,
    /// A message arrives, and arrives again later.
    pub duplicates: u8,
    /// A node makes a snapshot of what it has applied, and cuts its log there.
    pub compactions: u8,
}

impl Scenario {
    /// Three voters with synchronous writes to which nothing happens.
    #[must_use]
    pub fn new(name: &'static str, start: Start) -> Self {
        Scenario {
            name,
            members: ConfState::new([1, 2, 3], []),
            nodes: 3,
            start,
            writes: Writes::Sync,
            pre_vote: false,
            one_entry_a_message: false,
            changes: Vec::new(),
            budget: Budget::default(),
            expects: vec![Reached::Elected],
            #[cfg(raft_fault)]
            fault: None,
        }
    }

    /// Whether renaming the nodes changes nothing.
    pub(super) fn members_are_alike(&self) -> bool {
        let voters = self.members.voters.len() as u64;
        self.start == Start::Cold && voters == self.nodes && self.changes.is_empty()
    }

    /// The configuration of node `id`.
    pub(super) fn config(&self, id: u64) -> Config {
        let max_size_per_msg = if self.one_entry_a_message { 0 } else { u64::MAX };
        Config {
            pre_vote: self.pre_vote,
            max_size_per_msg,
            max_committed_size_per_ready: u64::MAX,
            // What is compacted is gone, whenever the node was started.
            recent_entries_bytes: 0,
            #[cfg(raft_fault)]
            fault: self.fault,
            ..Config::new(id)
        }
    }
}

/// Its name, how it starts and what may happen.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scenario { name, nodes, members, budget, .. } = self;
        write!(f, "{name:<20} {nodes} nodes, voters {:?}", members.voters)?;
        f.write_str(match self.start {
            Start::Cold => ", cold",
            Start::Led => ", led by 1",
        })?;
        if self.writes == Writes::Async {
            f.write_str(", asynchronous")?;
        }
        if self.pre_vote {
            f.write_str(", pre-vote")?;
        }
        if self.one_entry_a_message {
            f.write_str(", one entry a message")?;
        }
        for (count, what) in [
            (budget.campaigns, "campaigns"),
            (budget.proposals, "proposals"),
            (budget.changes, "changes"),
            (budget.transfers, "transfers"),
            (budget.heartbeats, "heartbeats"),
            (budget.crashes, "crashes"),
            (budget.losses, "losses"),
            (budget.duplicates, "duplicates"),
            (budget.compactions, "compactions"),
        ] {
            if count > 0 {
                write!(f, ", {what} {count}")?;
            }
        }
        Ok(())
    }
}
