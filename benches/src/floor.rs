//! The work without Raft.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::rounds::Hop;
use crate::{Applied, Cluster, Membership, Payloads};

/// An entry of a log.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    // What an entry is known by is written, as it must be, though nobody here reads it.
    _term: u64,
    _index: u64,
    pub(crate) data: Bytes,
}

/// Entries that were made together, and are shared from then on.
pub(crate) type Batch = Arc<Vec<Entry>>;

/// Makes a batch.
pub(crate) fn batch(after: &mut u64, payloads: impl Iterator<Item = Vec<u8>>) -> Batch {
    let entry = |payload| {
        *after += 1;
        Entry { _term: 1, _index: *after, data: Bytes::from(payload) }
    };
    Arc::new(payloads.map(entry).collect())
}

/// A log and a state machine.
#[derive(Debug, Default)]
pub(crate) struct Replica {
    log: VecDeque<Batch>,
    pub(crate) applied: Applied,
}

impl Replica {
    /// Keeps a batch, and applies it.
    pub(crate) fn take(&mut self, batch: Batch) {
        for entry in batch.iter() {
            self.applied.apply(&entry.data);
        }
        self.log.push_back(batch);
    }
}

/// The least that replication can cost: each batch is made once, kept by all replicas, sent to all
/// but the first, and applied by all. Nobody votes, acknowledges, or looks at anything.
#[derive(Debug)]
pub struct Floor {
    pub(crate) replicas: Vec<Replica>,
    last_index: u64,
    in_flight: VecDeque<(usize, Batch)>,
    /// Questions and answers on their way.
    pub(crate) hops: VecDeque<Hop>,
}

impl Floor {
    /// A floor of as many replicas as the group has nodes.
    #[must_use]
    pub fn new(membership: &Membership) -> Self {
        let replicas = (0..membership.nodes()).map(|_| Replica::default()).collect();
        Self { replicas, last_index: 0, in_flight: VecDeque::new(), hops: VecDeque::new() }
    }

    /// Replicates payloads as one batch.
    pub(crate) fn share(&mut self, payloads: impl Iterator<Item = Vec<u8>>) {
        let batch = batch(&mut self.last_index, payloads);
        for to in 1..self.replicas.len() {
            self.in_flight.push_back((to, Arc::clone(&batch)));
        }
        self.replicas[0].take(batch);
        while let Some((to, batch)) = self.in_flight.pop_front() {
            self.replicas[to].take(batch);
        }
    }
}

impl Cluster for Floor {
    fn replicate(&mut self, payloads: &mut Payloads, size: usize) {
        self.share(payloads.take(size));
    }

    fn replicate_together(&mut self, payloads: &mut Payloads, batch: usize) {
        self.replicate(payloads, batch);
    }

    fn compact(&mut self) {
        for replica in &mut self.replicas {
            replica.log.clear();
        }
    }

    fn applied(&self) -> Applied {
        let applied = self.replicas[0].applied;
        for replica in &self.replicas {
            assert_eq!(replica.applied, applied, "all replicas apply the same");
        }
        applied
    }

    fn storage_calls(&self) -> u64 {
        0
    }
}
