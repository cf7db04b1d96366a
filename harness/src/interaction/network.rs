//! Messages that have been sent and not delivered, and what keeps them from it.

use std::collections::BTreeSet;

use raft_proto::{Message, MessageType, is_local_target};

/// Messages on their way, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Network {
    in_flight: Vec<Message>,
    /// Messages that are late.
    held: Vec<Message>,
    /// Pairs of sender and recipient between which everything is lost that is sent.
    cut: BTreeSet<(u64, u64)>,
}

/// What becomes of messages that are taken from the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// They arrive.
    Deliver,
    /// They are lost. Local messages never are: a node's own storage threads are reliable.
    Drop,
}

/// Which of the messages for a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// From whom; empty for anybody.
    pub(super) from: Vec<u64>,
    /// Of what kind; `None` for any.
    pub(super) kind: Option<MessageType>,
}

impl Selection {
    fn takes(&self, message: &Message) -> bool {
        (self.from.is_empty() || self.from.contains(&message.from))
            && self.kind.is_none_or(|kind| message.msg_type == kind as i32)
    }
}

impl Network {
    /// Sends `messages`, and answers those that are lost on the way.
    pub(super) fn send(&mut self, messages: impl IntoIterator<Item = Message>) -> Vec<Message> {
        let cut = |message: &Message| self.cut.contains(&(message.from, message.to));
        let (lost, sent): (Vec<_>, Vec<_>) = messages.into_iter().partition(cut);
        self.in_flight.extend(sent);
        lost
    }

    pub(super) fn has_messages_for(&self, to: u64) -> bool {
        self.in_flight.iter().any(|message| message.to == to)
    }

    /// Takes the messages for `to` that `selection` is about.
    pub(super) fn take(&mut self, to: u64, selection: &Selection, fate: Fate) -> Vec<Message> {
        let wanted = |message: &mut Message| {
            message.to == to
                && !(fate == Fate::Drop && is_local(message))
                && selection.takes(message)
        };
        self.in_flight.extract_if(.., wanted).collect()
    }

    /// Puts aside the messages for `to` that `selection` is about, or copies of them, and answers
    /// them. Local messages are never late, nor are there two of one.
    pub(super) fn hold(&mut self, to: u64, selection: &Selection, copies: bool) -> &[Message] {
        let before = self.held.len();
        let wanted =
            |message: &Message| message.to == to && !is_local(message) && selection.takes(message);
        if copies {
            self.held.extend(self.in_flight.iter().filter(|message| wanted(message)).cloned());
        } else {
            self.held.extend(self.in_flight.extract_if(.., |message| wanted(message)));
        }
        &self.held[before..]
    }

    /// What was put aside for `to` is on its way again, behind everything else. Answers how much
    /// that was.
    pub(super) fn release(&mut self, to: u64) -> usize {
        let before = self.in_flight.len();
        self.in_flight.extend(self.held.extract_if(.., |message| message.to == to));
        self.in_flight.len() - before
    }

    /// From now on everything is lost that `from` sends to `to`.
    pub(super) fn cut(&mut self, from: u64, to: u64) {
        if from != to {
            self.cut.insert((from, to));
        }
    }

    /// From now on nothing is lost.
    pub(super) fn heal(&mut self) {
        self.cut.clear();
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
        let taken = network.take(2, &Selection::default(), Fate::Deliver);
        assert_eq!(senders(&taken), [1, LOCAL_APPEND_THREAD, 2, LOCAL_APPLY_THREAD, 3]);
        assert!(!network.has_messages_for(2));
        assert_eq!(senders(&network.in_flight), [2]);
    }

    #[test]
    fn messages_are_taken_by_kind_and_by_sender() {
        let mut network = network();
        let heartbeats =
            Selection { kind: Some(MessageType::MsgHeartbeat), ..Selection::default() };
        assert_eq!(senders(&network.take(2, &heartbeats, Fate::Deliver)), [3]);
        assert_eq!(network.in_flight.len(), 5);
        let from_1 = Selection { from: vec![1, 3], ..Selection::default() };
        assert_eq!(senders(&network.take(2, &from_1, Fate::Deliver)), [1]);
        assert_eq!(network.in_flight.len(), 4);
    }

    #[test]
    fn local_messages_are_not_dropped() {
        let mut network = network();
        let dropped = network.take(2, &Selection::default(), Fate::Drop);
        assert_eq!(senders(&dropped), [1, 3]);
    }

    #[test]
    fn local_messages_are_lost_with_their_process() {
        let mut network = network();
        network.lose_local(2);
        assert_eq!(senders(&network.in_flight), [1, 2, 3]);
    }

    #[test]
    fn held_messages_arrive_behind_the_others() {
        let mut network = network();
        let from_1 = Selection { from: vec![1], ..Selection::default() };
        assert_eq!(senders(network.hold(2, &from_1, false)), [1]);
        assert!(network.hold(2, &from_1, false).is_empty());
        assert_eq!(network.release(3), 0);
        assert_eq!(network.release(2), 1);
        assert_eq!(network.release(2), 0);
        assert_eq!(network.in_flight.len(), 6);
        assert_eq!(network.in_flight.last().map(|message| message.from), Some(1));
    }

    #[test]
    fn copies_arrive_too() {
        let mut network = network();
        let copied = network.hold(2, &Selection::default(), true);
        assert_eq!(senders(copied), [1, 3]);
        assert_eq!(network.in_flight.len(), 6);
        network.release(2);
        assert_eq!(senders(&network.in_flight)[6..], [1, 3]);
    }

    #[test]
    fn what_is_sent_over_a_cut_link_is_lost_until_it_heals() {
        let message = |from, to| Message { from, to, ..Message::new(MessageType::MsgApp) };
        let mut network = Network::default();
        network.send([message(1, 2)]);
        network.cut(1, 2);
        network.cut(2, 2);
        let lost = network.send([message(1, 2), message(1, 3), message(2, 1), message(2, 2)]);
        assert_eq!(lost, [message(1, 2)]);
        // What was on its way already arrives.
        assert_eq!(senders(&network.take(2, &Selection::default(), Fate::Deliver)), [1, 2]);
        network.heal();
        assert!(network.send([message(1, 2)]).is_empty());
    }
}
