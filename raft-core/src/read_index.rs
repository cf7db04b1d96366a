//! Floor 4. Reads that wait for a quorum to confirm that the leader still leads.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use raft_proto::Message;

use crate::tracker::Configuration;

/// The answer to a read: once the state machine has applied `index`, it may serve the read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ReadState {
    /// The commit index at the time of the request.
    pub index: u64,
    /// The context that the request came with.
    pub request_ctx: Bytes,
}

/// Reads of one leadership, in the order in which they came (Raft thesis §6.4).
///
/// They are counted, and heartbeats carry the count: a peer that echoes it has heard from this
/// leader after the read came. The counter is the leader's own, so that no reuse of a request's
/// context can confirm the wrong read.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct ReadIndexQueue {
    unconfirmed: VecDeque<Unconfirmed>,
    /// How many reads have been confirmed.
    confirmed: u64,
    /// The highest count that each peer has echoed, ascending by id.
    acks: Vec<(u64, u64)>,
}

#[derive(Clone, Debug, Hash)]
struct Unconfirmed {
    index: u64,
    request: Message,
}

impl ReadIndexQueue {
    /// Adds a read that must see `index`.
    pub(crate) fn add(&mut self, index: u64, request: Message) {
        self.unconfirmed.push_back(Unconfirmed { index, request });
    }

    /// The index of the read that waits with the same context as `request`.
    #[cfg(raft_fault)]
    pub(crate) fn index_of_same(&self, request: &Message) -> Option<u64> {
        let same = |read: &&Unconfirmed| read.request.entries == request.entries;
        self.unconfirmed.iter().find(same).map(|read| read.index)
    }

    /// How many reads wait.
    pub(crate) fn len(&self) -> usize {
        self.unconfirmed.len()
    }

    /// The reads that wait, oldest first.
    pub(crate) fn into_requests(self) -> impl Iterator<Item = Message> {
        self.unconfirmed.into_iter().map(|read| read.request)
    }

    /// The count after the last read.
    pub(crate) fn last_count(&self) -> u64 {
        self.confirmed + self.unconfirmed.len() as u64
    }

    /// What heartbeats carry; nothing when no read waits.
    pub(crate) fn heartbeat_context(&self) -> Bytes {
        if self.unconfirmed.is_empty() {
            return Bytes::new();
        }
        Bytes::copy_from_slice(&self.last_count().to_le_bytes())
    }

    /// Peer `from` has echoed `count`, which was at most [`last_count`](Self::last_count).
    pub(crate) fn acknowledge(&mut self, from: u64, count: u64) {
        match self.acks.binary_search_by_key(&from, |(id, _)| *id) {
            Ok(at) => {
                if let Some((_, acked)) = self.acks.get_mut(at) {
                    *acked = count.max(*acked);
                }
            }
            Err(at) => self.acks.insert(at, (from, count)),
        }
    }

    /// Takes the oldest read that a quorum of `config` has confirmed, with the index that it must
    /// see.
    pub(crate) fn pop_confirmed(&mut self, config: &Configuration) -> Option<(u64, Message)> {
        let acked = |id| {
            let at = self.acks.binary_search_by_key(&id, |(id, _)| *id).ok()?;
            self.acks.get(at).map(|(_, count)| *count)
        };
        if config.voters.committed_index(&acked) <= self.confirmed {
            return None;
        }
        let read = self.unconfirmed.pop_front()?;
        self.confirmed += 1;
        Some((read.index, read.request))
    }
}

/// Reads the count that a heartbeat response echoes; `None` when it is none.
pub(crate) fn read_count(context: &[u8]) -> Option<u64> {
    context.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::{JointConfig, MajorityConfig};

    fn config(incoming: &[u64], outgoing: &[u64]) -> Configuration {
        let half = |ids: &[u64]| MajorityConfig(ids.iter().copied().collect());
        Configuration {
            voters: JointConfig { incoming: half(incoming), outgoing: half(outgoing) },
            ..Configuration::default()
        }
    }

    fn queue(reads: &[u64]) -> ReadIndexQueue {
        let mut queue = ReadIndexQueue::default();
        reads.iter().for_each(|&index| queue.add(index, Message::default()));
        queue
    }

    fn drain(queue: &mut ReadIndexQueue, config: &Configuration) -> Vec<u64> {
        core::iter::from_fn(|| queue.pop_confirmed(config).map(|(index, _)| index)).collect()
    }

    #[test]
    fn a_quorum_confirms_all_reads_up_to_its_count() {
        let config = config(&[1, 2, 3], &[]);
        let mut queue = queue(&[5, 6, 7]);
        queue.acknowledge(1, 3);
        assert_eq!(drain(&mut queue, &config), []);
        queue.acknowledge(2, 2);
        assert_eq!(drain(&mut queue, &config), [5, 6]);
        assert_eq!((queue.confirmed, queue.last_count()), (2, 3));
        queue.acknowledge(3, 3);
        assert_eq!(drain(&mut queue, &config), [7]);
        assert!(queue.heartbeat_context().is_empty());
    }

    #[test]
    fn both_halves_of_a_joint_configuration_must_confirm() {
        let config = config(&[1, 2], &[3]);
        let mut queue = queue(&[5]);
        queue.acknowledge(1, 1);
        queue.acknowledge(2, 1);
        assert_eq!(drain(&mut queue, &config), []);
        queue.acknowledge(3, 1);
        assert_eq!(drain(&mut queue, &config), [5]);
    }

    #[test]
    fn an_older_echo_takes_nothing_back() {
        let config = config(&[1], &[]);
        let mut queue = queue(&[5, 6]);
        queue.acknowledge(1, 2);
        queue.acknowledge(1, 1);
        assert_eq!(drain(&mut queue, &config), [5, 6]);
    }

    #[test]
    fn a_context_is_eight_bytes() {
        let queue = queue(&[5]);
        assert_eq!(read_count(&queue.heartbeat_context()), Some(1));
        assert_eq!(read_count(b"1234567"), None);
        assert_eq!(read_count(b""), None);
    }
}
