//! Floor 4. Reads that wait for a quorum to confirm that the leader still leads.

use alloc::collections::{VecDeque, vec_deque};
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

/// Reads of one leadership, in the order in which they came, and the rounds of heartbeats that
/// confirm them (Raft thesis §6.4).
///
/// Rounds are counted, and heartbeats carry the count: a peer that echoes it has heard from this
/// leader after all reads of that round and of the rounds before it came. The counter is the
/// leader's own, so that no reuse of a request's context can confirm the wrong read.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct ReadIndexQueue {
    /// Invariant: rounds never fall, and are at most one beyond `last_round`.
    unconfirmed: VecDeque<UnconfirmedRead>,
    /// The last round that has begun; 0 when none has.
    last_round: u64,
    /// The highest round that each peer has echoed, ascending by id.
    acks: Vec<(u64, u64)>,
}

/// A read that waits for its round.
#[derive(Clone, Debug, Hash)]
pub(crate) struct UnconfirmedRead {
    round: u64,
    /// What the read must see.
    pub(crate) index: u64,
    pub(crate) request: Message,
}

impl ReadIndexQueue {
    /// Adds a read that must see `index`, for the next round.
    pub(crate) fn add(&mut self, index: u64, request: Message) {
        self.unconfirmed.push_back(UnconfirmedRead { round: self.last_round + 1, index, request });
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.unconfirmed.shrink_to_fit();
    }

    /// The index of the read that waits with the same context as `request`.
    #[cfg(raft_fault)]
    pub(crate) fn index_of_same(&self, request: &Message) -> Option<u64> {
        let same = |read: &&UnconfirmedRead| read.request.entries == request.entries;
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

    /// Whether a read waits for a round that has not begun.
    pub(crate) fn is_round_due(&self) -> bool {
        self.unconfirmed.back().is_some_and(|read| read.round > self.last_round)
    }

    /// The last round that has begun.
    pub(crate) fn last_round(&self) -> u64 {
        self.last_round
    }

    /// A round begins, which node `id` itself, the leader, need not echo.
    pub(crate) fn begin_round(&mut self, id: u64) -> u64 {
        self.last_round += 1;
        self.acknowledge(id, self.last_round);
        self.last_round
    }

    /// Peer `from` has echoed `round`, which was at most [`last_round`](Self::last_round).
    pub(crate) fn acknowledge(&mut self, from: u64, round: u64) {
        match self.acks.binary_search_by_key(&from, |(id, _)| *id) {
            Ok(at) => {
                if let Some((_, acked)) = self.acks.get_mut(at) {
                    *acked = round.max(*acked);
                }
            }
            Err(at) => self.acks.insert(at, (from, round)),
        }
    }

    /// The highest round that `id` has echoed.
    pub(crate) fn acked_round(&self, id: u64) -> Option<u64> {
        let at = self.acks.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        self.acks.get(at).map(|(_, round)| *round)
    }

    /// Takes the reads that a quorum of `config` has confirmed, oldest first.
    pub(crate) fn take_confirmed(
        &mut self,
        config: &Configuration,
    ) -> vec_deque::Drain<'_, UnconfirmedRead> {
        let confirmed = config.voters.committed_index(&|id| self.acked_round(id));
        let count = self.unconfirmed.partition_point(|read| read.round <= confirmed);
        self.unconfirmed.drain(..count)
    }
}

/// The context by which a heartbeat carries `round`.
pub(crate) fn round_context(round: u64) -> Bytes {
    Bytes::copy_from_slice(&round.to_le_bytes())
}

/// Reads the round that a heartbeat response echoes; `None` when it is none.
pub(crate) fn echoed_round(context: &[u8]) -> Option<u64> {
    context.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::{JointConfig, MajorityConfig};

    impl ReadIndexQueue {
        /// How many more reads there is room for.
        pub(crate) fn spare(&self) -> usize {
            self.unconfirmed.capacity() - self.unconfirmed.len()
        }
    }

    fn config(incoming: &[u64], outgoing: &[u64]) -> Configuration {
        let half = |ids: &[u64]| MajorityConfig(ids.iter().copied().collect());
        Configuration {
            voters: JointConfig { incoming: half(incoming), outgoing: half(outgoing) },
            ..Configuration::default()
        }
    }

    /// Node 1 leads, and begins a round after each of these batches of reads.
    fn queue(batches: &[&[u64]]) -> ReadIndexQueue {
        let mut queue = ReadIndexQueue::default();
        for batch in batches {
            batch.iter().for_each(|&index| queue.add(index, Message::default()));
            queue.begin_round(1);
        }
        queue
    }

    fn take(queue: &mut ReadIndexQueue, config: &Configuration) -> Vec<u64> {
        queue.take_confirmed(config).map(|read| read.index).collect()
    }

    #[test]
    fn a_quorum_confirms_all_reads_up_to_its_round() {
        let config = config(&[1, 2, 3], &[]);
        let mut queue = queue(&[&[5], &[6, 6], &[7]]);
        assert_eq!(take(&mut queue, &config), []);
        queue.acknowledge(2, 2);
        assert_eq!(take(&mut queue, &config), [5, 6, 6]);
        assert_eq!((queue.len(), queue.last_round()), (1, 3));
        queue.acknowledge(3, 3);
        assert_eq!(take(&mut queue, &config), [7]);
    }

    /// What was heard before a read came says nothing about the time after.
    #[test]
    fn a_read_waits_for_a_round_that_begins_after_it() {
        let config = config(&[1, 2, 3], &[]);
        let mut queue = queue(&[&[5]]);
        assert!(!queue.is_round_due());
        queue.add(6, Message::default());
        assert!(queue.is_round_due());
        queue.acknowledge(2, 1);
        assert_eq!(take(&mut queue, &config), [5]);
        assert_eq!(queue.begin_round(1), 2);
        assert!(!queue.is_round_due());
        assert_eq!(take(&mut queue, &config), []);
        queue.acknowledge(3, 2);
        assert_eq!(take(&mut queue, &config), [6]);
    }

    #[test]
    fn both_halves_of_a_joint_configuration_must_confirm() {
        let config = config(&[1, 2], &[3]);
        let mut queue = queue(&[&[5]]);
        queue.acknowledge(2, 1);
        assert_eq!(take(&mut queue, &config), []);
        queue.acknowledge(3, 1);
        assert_eq!(take(&mut queue, &config), [5]);
    }

    #[test]
    fn an_older_echo_takes_nothing_back() {
        let config = config(&[1, 2], &[]);
        let mut queue = queue(&[&[5], &[6]]);
        queue.acknowledge(2, 2);
        queue.acknowledge(2, 1);
        assert_eq!(take(&mut queue, &config), [5, 6]);
    }

    #[test]
    fn a_context_is_eight_bytes() {
        assert_eq!(echoed_round(&round_context(258)), Some(258));
        assert_eq!(echoed_round(b"1234567"), None);
        assert_eq!(echoed_round(b""), None);
    }
}
