//! Messages on their way, in no order.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use raft_proto::Message;

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    digest: u64,
    pub(super) message: Arc<Message>,
}

/// A multiset of messages: any of them may be the next to arrive.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Network {
    /// By digest, so that equal sets are equal lists.
    packets: Vec<Packet>,
}

impl Network {
    pub(super) fn send(&mut self, packet: Packet) {
        let at = self.packets.partition_point(|other| other.digest <= packet.digest);
        self.packets.insert(at, packet);
    }

    pub(super) fn remove(&mut self, at: usize) -> Packet {
        self.packets.remove(at)
    }

    pub(super) fn retain(&mut self, keep: impl FnMut(&Packet) -> bool) {
        self.packets.retain(keep);
    }

    pub(super) fn packets(&self) -> &[Packet] {
        &self.packets
    }

    /// The place of one of each of the messages that differ.
    pub(super) fn distinct(&self) -> impl Iterator<Item = (usize, &Packet)> {
        let first = |at: &usize| *at == 0 || self.packets[*at] != self.packets[*at - 1];
        (0..self.packets.len()).filter(first).map(|at| (at, &self.packets[at]))
    }
}

impl Packet {
    pub(super) fn new(message: Message) -> Self {
        let mut hasher = DefaultHasher::new();
        message.hash(&mut hasher);
        Packet { digest: hasher.finish(), message: Arc::new(message) }
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Hash for Packet {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.digest.hash(hasher);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(to: u64) -> Packet {
        Packet::new(Message { to, ..Message::default() })
    }

    #[test]
    fn the_order_of_sending_does_not_matter() {
        let (mut one, mut other) = (Network::default(), Network::default());
        for id in [1, 2, 2, 3] {
            one.send(to(id));
        }
        for id in [2, 3, 2, 1] {
            other.send(to(id));
        }
        assert_eq!(one.packets(), other.packets());
        other.send(to(1));
        assert_ne!(one.packets(), other.packets());
    }

    #[test]
    fn equal_messages_are_seen_once_and_delivered_each() {
        let mut network = Network::default();
        for id in [1, 2, 2] {
            network.send(to(id));
        }
        let distinct: Vec<_> =
            network.distinct().map(|(at, packet)| (at, packet.message.to)).collect();
        assert_eq!(distinct.len(), 2);
        let twice = distinct.iter().find(|(_, to)| *to == 2).expect("it is on its way");
        network.remove(twice.0);
        assert_eq!(network.distinct().count(), 2);
    }
}
