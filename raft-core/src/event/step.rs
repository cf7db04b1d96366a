//! The steps of the protocol, as a formal specification of Raft knows them.

use raft_proto::{ConfChangeV2, Entry, Message};

use crate::id_set::IdSet;

/// A step that a node takes, for an observer that compares it with what a specification allows.
///
/// The first of a node is [`Started`](Self::Started). The role of a node is what the last of the
/// `Became` steps says; it starts as a follower.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ProtocolStep<'a> {
    /// The node was built from what its storage holds.
    Started,
    /// It follows, or waits for a leader.
    BecameFollower,
    /// It asks whether it would get votes; nothing else has changed.
    BecamePreCandidate,
    /// It asks for votes, and has voted for itself.
    BecameCandidate,
    /// It leads, and is about to append the first entry of its term.
    BecameLeader,
    /// A leader is about to append this entry, whose term and index are yet to be set.
    Appending(&'a Entry),
    /// A leader is about to append this change of the configuration.
    AppendingConfChange(&'a ConfChangeV2),
    /// A leader has looked how far a quorum holds its log. The commit index may be what it was.
    CommitChecked,
    /// The configuration is about to change; these are its incoming voters from then on.
    ApplyingConfChange(&'a IdSet),
    /// A message is about to be handled, whatever comes of it. What [`RawNode`](crate::RawNode) is
    /// told by `advance` is none.
    Receiving(&'a Message),
    /// A message was queued for the next `Ready`.
    Sending(&'a Message),
    /// All that is queued and unstable was handed out in a `Ready`.
    HandedOut,
}

/// A node at the moment of a [`ProtocolStep`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct StepState<'a> {
    /// The node's id.
    pub id: u64,
    /// Its term.
    pub term: u64,
    /// Whom it has voted for in its term; 0 for nobody.
    pub vote: u64,
    /// Its commit index.
    pub commit: u64,
    /// The index of its last entry.
    pub last_index: u64,
    /// The voters of its configuration.
    pub incoming: &'a IdSet,
    /// The voters that a joint configuration is about to leave.
    pub outgoing: &'a IdSet,
}
