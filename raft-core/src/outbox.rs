//! Floor 4. Messages that wait for the next `Ready`.

use alloc::vec::Vec;

use raft_proto::{Message, MessageType};

/// Messages in the order in which they were queued, apart by when they may leave.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Outbox {
    /// May leave at once.
    pub(crate) now: Vec<Message>,
    /// Vouch for something that is not on disk yet: a vote, or entries. May leave when all that
    /// was unstable when they were queued is on disk (Raft thesis §3.8).
    pub(crate) after_append: Vec<Message>,
}

impl Outbox {
    pub(crate) fn len(&self) -> usize {
        self.now.len() + self.after_append.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.now.is_empty() && self.after_append.is_empty()
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.now.shrink_to_fit();
        self.after_append.shrink_to_fit();
    }

    /// Queues `message` where its kind belongs.
    pub(crate) fn push(&mut self, kind: MessageType, message: Message) {
        match kind {
            MessageType::MsgAppResp | MessageType::MsgVoteResp | MessageType::MsgPreVoteResp => {
                self.after_append.push(message);
            }
            _ => self.now.push(message),
        }
    }
}
