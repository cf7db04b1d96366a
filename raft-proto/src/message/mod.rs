//! What nodes say to each other.

mod codec;
mod message_type;

use alloc::boxed::Box;
use alloc::vec::Vec;

use bytes::Bytes;

use crate::{Entries, MessageType, Snapshot, UnknownEnumValue};

/// The id of no node.
pub const NONE: u64 = 0;

/// The address of a node's own append thread, in messages of asynchronous storage writes.
pub const LOCAL_APPEND_THREAD: u64 = u64::MAX;

/// The address of a node's own apply thread, in messages of asynchronous storage writes.
pub const LOCAL_APPLY_THREAD: u64 = u64::MAX - 1;

/// Whether `id` addresses a storage thread, which only its own node may talk to.
#[must_use]
#[inline]
pub fn is_local_target(id: u64) -> bool {
    id == LOCAL_APPEND_THREAD || id == LOCAL_APPLY_THREAD
}

/// What nodes, and a node and its storage threads, say to each other. What a field means
/// depends on the kind.
///
/// Cloning a message shares its entries. Decoding one from [`Bytes`] copies no payload: data
/// and context point into that buffer and keep all of it alive. Decoding accepts what etcd's
/// releases write, scalars absent or zero, and refuses `responses` nested deeper than about a
/// hundred levels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Message {
    /// What the message says: the number of a [`MessageType`]; see [`kind`](Self::kind).
    pub msg_type: i32,
    /// The receiver: a node, or a storage thread of the sender. [`NONE`] before a local message
    /// is addressed.
    pub to: u64,
    /// The sender: a node or a storage thread; in a forwarded `MsgTransferLeader` the node to
    /// hand over to.
    pub from: u64,
    /// The sender's term; the term that is campaigned for in a (pre-)vote and in a granted
    /// answer to it; in `MsgStorageAppend` the term to make durable. 0 in forwarded and in most
    /// local messages.
    pub term: u64,
    /// The term of the entry at `index` where that is the previous, the candidate's last or the
    /// durable one; in a rejection of `MsgApp` the term of the entry at `reject_hint`.
    pub log_term: u64,
    /// The previous entry in `MsgApp`; the last agreed one, or the rejected one, in its answer;
    /// the candidate's last one in a vote request; the read index in `MsgReadIndexResp`; the
    /// last durable entry in `MsgStorageAppendResp`.
    pub index: u64,
    /// What to append, propose or apply; the request of a read.
    pub entries: Entries,
    /// The sender's commit index, or what the receiver may know of it; in `MsgStorageAppend`
    /// the one to make durable.
    pub commit: u64,
    /// What to install. Older releases of etcd send an empty one in every other message.
    pub snapshot: Option<Box<Snapshot>>,
    /// The answer is no; in `MsgSnapStatus`: the snapshot did not arrive.
    pub reject: bool,
    /// With `reject`: the last index at which the logs may still agree.
    pub reject_hint: u64,
    /// The kind of campaign in a vote request; the read counter in a heartbeat and in its
    /// answer.
    pub context: Bytes,
    /// Set in `MsgStorageAppend` only: the vote to make durable.
    pub vote: u64,
    /// Set in messages to the storage threads: what to deliver once the work that the message
    /// asks for is done.
    pub responses: Vec<Message>,
}

impl Message {
    /// A message of this kind that says nothing else yet.
    #[must_use]
    pub fn new(kind: MessageType) -> Self {
        Message { msg_type: kind.into(), ..Message::default() }
    }

    /// What the message says.
    ///
    /// # Errors
    /// The kind's number is not one of [`MessageType`].
    #[inline]
    pub fn kind(&self) -> Result<MessageType, UnknownEnumValue> {
        let value = self.msg_type;
        MessageType::try_from(value)
            .map_err(|_| UnknownEnumValue { enum_name: "MessageType", value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kind_is_the_type() {
        assert_eq!(Message::new(MessageType::MsgSnap).kind(), Ok(MessageType::MsgSnap));
        assert_eq!(Message::default().kind(), Ok(MessageType::MsgHup));
        for value in [24, -1, i32::MAX, i32::MIN] {
            let message = Message { msg_type: value, ..Message::default() };
            let expected = UnknownEnumValue { enum_name: "MessageType", value };
            assert_eq!(message.kind(), Err(expected));
        }
    }

    #[test]
    fn storage_threads_are_local_targets() {
        assert!(is_local_target(LOCAL_APPEND_THREAD) && is_local_target(LOCAL_APPLY_THREAD));
        assert!(!is_local_target(NONE) && !is_local_target(u64::MAX - 2));
    }
}
