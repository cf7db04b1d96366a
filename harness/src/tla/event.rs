//! The lines of a trace.

use std::fmt;

use raft_core::{IdSet, StepState};
use raft_proto::{ConfChangeType, ConfChangeV2, Message, MessageType};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A line of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What makes it a line of a trace.
    pub tag: Tag,
    /// What happened.
    pub event: TlaEvent,
}

/// The tag of every line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tag {
    /// `trace`, the only one.
    #[default]
    #[serde(rename = "trace")]
    Trace,
}

/// What happened at a node, and what the node was at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlaEvent {
    /// What happened.
    pub name: Name,
    /// Where it happened.
    pub nid: Id,
    /// The hard state in memory.
    pub state: State,
    /// The node's role.
    pub role: Role,
    /// The last index of its log.
    pub log: u64,
    /// The voters of both halves of its configuration, ascending; the outgoing half may be empty.
    pub conf: [Vec<Id>; 2],
    /// The message that is sent or received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msg: Option<Msg>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prop: Option<Prop>,
}

/// The name of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // They are the specification's.
pub enum Name {
    InitState,
    BecomeFollower,
    BecomeCandidate,
    BecomeLeader,
    Replicate,
    ChangeConf,
    ApplyConfChange,
    Commit,
    Ready,
    SendAppendEntriesRequest,
    SendAppendEntriesResponse,
    SendRequestVoteRequest,
    SendRequestVoteResponse,
    ReceiveAppendEntriesRequest,
    ReceiveAppendEntriesResponse,
    ReceiveRequestVoteRequest,
    ReceiveRequestVoteResponse,
}

impl Name {
    /// Every event that a trace can have.
    pub const ALL: [Self; 17] = [
        Self::InitState,
        Self::BecomeFollower,
        Self::BecomeCandidate,
        Self::BecomeLeader,
        Self::Replicate,
        Self::ChangeConf,
        Self::ApplyConfChange,
        Self::Commit,
        Self::Ready,
        Self::SendAppendEntriesRequest,
        Self::SendAppendEntriesResponse,
        Self::SendRequestVoteRequest,
        Self::SendRequestVoteResponse,
        Self::ReceiveAppendEntriesRequest,
        Self::ReceiveAppendEntriesResponse,
        Self::ReceiveRequestVoteRequest,
        Self::ReceiveRequestVoteResponse,
    ];

    /// The events of a message's sending and receiving; `None` when the specification knows nothing
    /// of its kind.
    pub(super) fn of_message(kind: MessageType) -> Option<(Self, Self)> {
        match kind {
            MessageType::MsgApp | MessageType::MsgHeartbeat | MessageType::MsgSnap => {
                Some((Self::SendAppendEntriesRequest, Self::ReceiveAppendEntriesRequest))
            }
            MessageType::MsgAppResp | MessageType::MsgHeartbeatResp => {
                Some((Self::SendAppendEntriesResponse, Self::ReceiveAppendEntriesResponse))
            }
            MessageType::MsgVote => {
                Some((Self::SendRequestVoteRequest, Self::ReceiveRequestVoteRequest))
            }
            MessageType::MsgVoteResp => {
                Some((Self::SendRequestVoteResponse, Self::ReceiveRequestVoteResponse))
            }
            _ => None,
        }
    }
}

/// A node's id: a decimal number in quotes, `"0"` for nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(pub u64);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let id = text.parse().ok().map(Self).filter(|id| id.to_string() == text);
        id.ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not an id")))
    }
}

/// Term, vote and commit index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct State {
    pub term: u64,
    pub vote: Id,
    pub commit: u64,
}

/// A role, as the specification knows them: a pre-candidate is a follower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Role {
    #[serde(rename = "StateFollower")]
    Follower,
    #[serde(rename = "StateCandidate")]
    Candidate,
    #[serde(rename = "StateLeader")]
    Leader,
}

/// A message. Of its entries it tells only how many there are; of a snapshot, as that number, how
/// many it stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Msg {
    #[serde(rename = "type")]
    pub kind: String,
    pub term: u64,
    pub from: Id,
    pub to: Id,
    pub entries: u64,
    pub log_term: u64,
    pub index: u64,
    pub commit: u64,
    pub vote: Id,
    pub reject: bool,
    pub reject_hint: u64,
}

impl Msg {
    pub(super) fn new(kind: MessageType, m: &Message) -> Self {
        let (entries, log_term, index) = match &m.snapshot {
            Some(snapshot) if kind == MessageType::MsgSnap => (snapshot.index(), 0, 0),
            _ => (m.entries.len() as u64, m.log_term, m.index),
        };
        Self {
            kind: kind.to_string(),
            term: m.term,
            from: Id(m.from),
            to: Id(m.to),
            entries,
            log_term,
            index,
            commit: m.commit,
            vote: Id(m.vote),
            reject: m.reject,
            reject_hint: m.reject_hint,
        }
    }
}

/// What an event has to say beside state and message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prop {
    /// About a change of the configuration.
    pub cc: ConfChange,
}

/// A change of the configuration: what is asked for, or what comes of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfChange {
    /// In `ChangeConf`: the changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// In `ApplyConfChange`: the incoming voters from then on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub newconf: Vec<Id>,
}

/// A change of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Change {
    pub nid: Id,
    pub action: Action,
}

/// What becomes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Action {
    AddNewServer,
    RemoveServer,
    AddLearner,
}

impl Prop {
    /// `None` unless the change is about one node: the specification knows no other.
    pub(super) fn change(change: &ConfChangeV2) -> Option<Self> {
        let [single] = &change.changes[..] else { return None };
        let action = match single.kind().ok()? {
            ConfChangeType::AddNode => Action::AddNewServer,
            ConfChangeType::RemoveNode => Action::RemoveServer,
            ConfChangeType::AddLearnerNode => Action::AddLearner,
            ConfChangeType::UpdateNode => return None,
        };
        let changes = vec![Change { nid: Id(single.node_id?), action }];
        Some(Self { cc: ConfChange { changes, newconf: Vec::new() } })
    }

    pub(super) fn newconf(voters: &IdSet) -> Self {
        Self { cc: ConfChange { changes: Vec::new(), newconf: ids(voters) } }
    }
}

impl TlaEvent {
    pub(super) fn new(name: Name, state: &StepState<'_>, role: Role) -> Self {
        Self {
            name,
            nid: Id(state.id),
            state: State { term: state.term, vote: Id(state.vote), commit: state.commit },
            role,
            log: state.last_index,
            conf: [ids(state.incoming), ids(state.outgoing)],
            msg: None,
            prop: None,
        }
    }
}

fn ids(set: &IdSet) -> Vec<Id> {
    set.iter().map(Id).collect()
}
