//! Messages from peers, honest and other.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use raft_core::{BasicStatus, EntryId, MAX_INDEX};
use raft_proto::{ConfState, Message, MessageType, Snapshot};

use super::{conf_states, entries, wild_entries};

/// The node that messages are for: what its peers know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// Its id.
    pub id: u64,
    /// The other members.
    pub peers: Vec<u64>,
    /// Its term.
    pub term: u64,
    /// The last entry of its log.
    pub last: EntryId,
    /// Its commit index.
    pub commit: u64,
}

impl Around {
    /// A new node with nothing in its log.
    #[must_use]
    pub fn new(id: u64, peers: impl Into<Vec<u64>>) -> Self {
        Self { id, peers: peers.into(), term: 0, last: EntryId::default(), commit: 0 }
    }

    /// The same node, with this status and this last entry.
    #[must_use]
    pub fn at(self, status: &BasicStatus, last: EntryId) -> Self {
        let hard_state = status.hard_state;
        Self { term: hard_state.term, commit: hard_state.commit, last, ..self }
    }
}

/// The kinds that go from peer to peer.
const KINDS: [MessageType; 15] = [
    MessageType::MsgProp,
    MessageType::MsgApp,
    MessageType::MsgAppResp,
    MessageType::MsgVote,
    MessageType::MsgVoteResp,
    MessageType::MsgSnap,
    MessageType::MsgHeartbeat,
    MessageType::MsgHeartbeatResp,
    MessageType::MsgTransferLeader,
    MessageType::MsgTimeoutNow,
    MessageType::MsgReadIndex,
    MessageType::MsgReadIndexResp,
    MessageType::MsgPreVote,
    MessageType::MsgPreVoteResp,
    MessageType::MsgForgetLeader,
];

/// A number close to `center`.
fn near(center: u64) -> impl Strategy<Value = u64> {
    prop_oneof![
        2 => Just(center),
        1 => center.saturating_sub(3)..=center.saturating_add(3),
    ]
}

/// Messages that a peer could send to the node: each has the fields that its kind has, close to what the
/// node itself would say. Most of them pass its gate.
pub fn near_honest(around: Around) -> impl Strategy<Value = Message> {
    let Around { id, peers, term, last, commit } = around;
    let head = (select(KINDS.to_vec()), select(peers), near(term.max(1)));
    let places = (near(last.index), near(last.term), near(commit));
    (head, places, any::<bool>()).prop_flat_map(
        move |((kind, from, term), (index, log_term, commit), reject)| {
            let empty = Message { to: id, from, term: term.max(1), ..Message::new(kind) };
            let prev = match index {
                0 => EntryId::default(),
                _ => EntryId::new(log_term.max(1).min(empty.term), index.min(MAX_INDEX)),
            };
            fill(kind, empty, prev, commit, reject)
        },
    )
}

fn fill(
    kind: MessageType,
    empty: Message,
    prev: EntryId,
    commit: u64,
    reject: bool,
) -> BoxedStrategy<Message> {
    let placed = Message { index: prev.index, log_term: prev.term, ..empty.clone() };
    match kind {
        MessageType::MsgApp => entries(prev, empty.term, 4)
            .prop_map(move |entries| Message { entries, commit, ..placed.clone() })
            .boxed(),
        MessageType::MsgProp => entries(EntryId::default(), 0, 3)
            .prop_map(move |entries| {
                let bare = entries.iter().map(|entry| {
                    let mut entry = entry.clone();
                    (entry.term, entry.index) = (0, 0);
                    entry
                });
                Message { term: 0, entries: bare.collect(), ..empty.clone() }
            })
            .boxed(),
        MessageType::MsgSnap => conf_states(6)
            .prop_map(move |conf_state| {
                let at = EntryId::new(prev.term.max(1), prev.index.max(1));
                let snapshot = Snapshot::new(at.index, at.term, conf_state, "state");
                Message { snapshot: Some(Box::new(snapshot)), ..empty.clone() }
            })
            .boxed(),
        MessageType::MsgAppResp => Just(Message {
            reject,
            reject_hint: if reject { prev.index.saturating_sub(1) } else { 0 },
            log_term: if reject { prev.term } else { 0 },
            commit,
            ..placed
        })
        .boxed(),
        MessageType::MsgVote | MessageType::MsgPreVote => {
            let forced = Bytes::from_static(b"CampaignTransfer");
            let context = if reject { forced } else { Bytes::new() };
            Just(Message { context, ..placed }).boxed()
        }
        MessageType::MsgVoteResp | MessageType::MsgPreVoteResp => {
            Just(Message { reject, ..empty }).boxed()
        }
        MessageType::MsgHeartbeat => Just(Message { commit, ..empty }).boxed(),
        MessageType::MsgReadIndex => entries(EntryId::default(), 1, 1)
            .prop_map(move |entries| Message { term: 0, entries, ..empty.clone() })
            .boxed(),
        MessageType::MsgReadIndexResp => entries(EntryId::default(), 1, 1)
            .prop_map(move |entries| Message { entries, ..placed.clone() })
            .boxed(),
        MessageType::MsgTransferLeader => Just(Message { term: 0, ..empty }).boxed(),
        _ => Just(empty).boxed(),
    }
}

/// Messages of which every field is anything, but that one in two is for node `to`, so that it is not
/// refused for that alone.
pub fn wild_messages(to: u64) -> impl Strategy<Value = Message> {
    let number = || prop_oneof![2 => 0..8_u64, 1 => any::<u64>(), 1 => u64::MAX - 2..=u64::MAX];
    let snapshot =
        (number(), number(), wild_conf_states()).prop_map(|(index, term, conf_state)| {
            Box::new(Snapshot::new(index, term, conf_state, "state"))
        });
    let head = (-2..30_i32, prop_oneof![Just(to), number()], number(), number(), number());
    let places = (number(), number(), number(), number(), any::<bool>());
    let rest = (
        wild_entries(4),
        proptest::option::of(snapshot),
        vec(any::<u8>(), 0..12).prop_map(Bytes::from),
    );
    (head, places, rest).prop_map(
        |(
            (msg_type, to, from, term, vote),
            (log_term, index, commit, reject_hint, reject),
            (entries, snapshot, context),
        )| Message {
            msg_type,
            to,
            from,
            term,
            log_term,
            index,
            entries,
            commit,
            snapshot,
            reject,
            reject_hint,
            context,
            vote,
            responses: Vec::new(),
        },
    )
}

/// Lists of nodes that need not make sense together.
fn wild_conf_states() -> impl Strategy<Value = ConfState> {
    let ids = || vec(0..6_u64, 0..4);
    (ids(), ids(), ids(), ids(), any::<bool>()).prop_map(
        |(voters, learners, voters_outgoing, learners_next, auto_leave)| ConfState {
            voters,
            learners,
            voters_outgoing,
            learners_next,
            auto_leave,
        },
    )
}
