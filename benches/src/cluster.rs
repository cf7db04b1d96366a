//! What is compared.

use crate::{Applied, Payloads};

/// The voters of a group.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The voters; the incoming ones of a joint configuration.
    pub voters: Vec<u64>,
    /// The outgoing voters of a joint configuration, or none.
    pub outgoing: Vec<u64>,
}

impl Membership {
    /// The voters `1..=count`.
    #[must_use]
    pub fn simple(count: u64) -> Self {
        Self { voters: (1..=count).collect(), outgoing: Vec::new() }
    }

    /// Five nodes: 1, 2 and 3 take over from 3, 4 and 5.
    #[must_use]
    pub fn joint() -> Self {
        Self { voters: vec![1, 2, 3], outgoing: vec![3, 4, 5] }
    }

    /// The number of nodes.
    #[must_use]
    pub fn nodes(&self) -> u64 {
        let ids = self.voters.iter().chain(&self.outgoing);
        ids.copied().max().unwrap_or(0)
    }
}

/// The nodes of one group in one thread.
pub trait Cluster {
    /// Replicates the next `batch` payloads, each proposed by itself, and comes back when all nodes
    /// have applied them.
    fn replicate(&mut self, payloads: &mut Payloads, batch: usize);

    /// The same, with the payloads proposed by one call.
    fn replicate_together(&mut self, payloads: &mut Payloads, batch: usize);

    /// Forgets the log, all of which has been applied, so that memory stays bounded.
    fn compact(&mut self);

    /// What each node has applied.
    ///
    /// # Panics
    /// When two nodes have not applied the same.
    fn applied(&self) -> Applied;

    /// How often the nodes have called their storage to read.
    fn storage_calls(&self) -> u64;
}
