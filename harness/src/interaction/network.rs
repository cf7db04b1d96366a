//! Messages that have been sent and not delivered.

use raft_proto::{Message, MessageType, is_local_target};

/// Messages on their way, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    in_flight: Vec<Message>,
}

/// What becomes of messages that are taken from the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// They arrive.
    Deliver,
    /// They are lost. Local messages never are: a node's own storage threads are reliable.
    Drop,
}

impl Network {
    pub(super) fn send(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.in_flight.extend(messages);
    }

    pub(super) fn has_messages_for(&self, to: u64) -> bool {
        self.in_flight.iter().any(|message| message.to == to)
    }

    /// Takes the messages for `to`, if a kind is given those of that kind only.
    pub(super) fn take(&mut self, to: u64, kind: Option<MessageType>, fate: Fate) -> Vec<Message> {
        let wanted = |message: &mut Message| {
            message.to == to
                && !(fate == Fate::Drop && is_local(message))
                && kind.is_none_or(|kind| message.msg_type == kind as i32)
        };
        self.in_flight.extract_if(.., wanted).collect()
    }

    /// The local messages for `to` are gone with the process that they were in.
    pub(super) fn lose_local(&mut self, to: u64) {
        self.in_flight.retain(|message| message.to != to || !is_local(message));
    }
}

fn is_local(message: &Message) -> bool {
    message.from == message.to || is_local_target(message.from) || is_local_target(message.to)
}

#[cfg(test)]
mod tests {
    use raft_proto::{LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD};

    use super::*;

    fn network() -> Network {
        let message = |from, to, kind| Message { from, to, ..Message::new(kind) };
        let mut network = Network::default();
        network.send([
            message(1, 2, MessageType::MsgApp),
            message(LOCAL_APPEND_THREAD, 2, MessageType::MsgStorageAppendResp),
            message(2, 2, MessageType::MsgVoteResp),
            message(2, 3, MessageType::MsgHeartbeat),
            message(LOCAL_APPLY_THREAD, 2, MessageType::MsgStorageApplyResp),
            message(3, 2, MessageType::MsgHeartbeat),
        ]);
        network
    }

    fn senders(messages: &[Message]) -> Vec<u64> {
        messages.iter().map(|message| message.from).collect()
    }

    #[test]
    fn messages_are_taken_by_recipient_in_the_order_sent() {
        let mut network = network();
        let taken = network.take(2, None, Fate::Deliver);
        assert_eq!(senders(&taken), [1, LOCAL_APPEND_THREAD, 2, LOCAL_APPLY_THREAD, 3]);
        assert!(!network.has_messages_for(2));
        assert_eq!(senders(&network.in_flight), [2]);
    }

    #[test]
    fn messages_are_taken_by_kind() {
        let mut network = network();
        let taken = network.take(2, Some(MessageType::MsgHeartbeat), Fate::Deliver);
        assert_eq!(senders(&taken), [3]);
        assert_eq!(network.in_flight.len(), 5);
    }

    #[test]
    fn local_messages_are_not_dropped() {
        let mut network = network();
        let dropped = network.take(2, None, Fate::Drop);
        assert_eq!(senders(&dropped), [1, 3]);
    }

    #[test]
    fn local_messages_are_lost_with_their_process() {
        let mut network = network();
        network.lose_local(2);
        assert_eq!(senders(&network.in_flight), [1, 2, 3]);
    }
}
