//! Reads that see all that was committed before they came (Raft §8; thesis §6.4).

use bytes::Bytes;
use raft_proto::{Message, MessageType};

use super::Leader;
use crate::config::ReadOnlyOption;
use crate::error::DropReason;
use crate::event::Observer;
use crate::fault::fault;
use crate::raft::node_state::{NodeState, to};
use crate::read_index::{ReadState, read_count};
use crate::storage::Storage;

/// What a leader has done with a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAccepted {
    /// Answered with this index.
    Answered { index: u64 },
    /// It waits: for the first commit of the term, or for a quorum to confirm the leadership.
    Queued,
}

impl Leader {
    pub(in crate::raft) fn on_read<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: Message,
    ) -> Result<ReadAccepted, DropReason> {
        node.check_reads(self.reads.len())?;
        Ok(self.accept_read(node, m))
    }

    fn accept_read<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: Message,
    ) -> ReadAccepted {
        let singleton = node.tracker.is_singleton();
        // DIVERGES: etcd lets a single voter answer before it has committed in its term, with an
        // index that may be below what an earlier leader had committed.
        if singleton && (!node.is_strict() || self.committed_in_term(node)) {
            return answer(node, m, node.log.committed());
        }
        if !self.committed_in_term(node) {
            node.deferred_reads.push(m);
            return ReadAccepted::Queued;
        }
        self.confirm_read(node, m)
    }

    /// The contexts of this node's own reads that wait, when it leads no longer.
    pub(in crate::raft) fn into_lost_reads<S: Storage, O: Observer>(
        self,
        node: &NodeState<S, O>,
    ) -> impl Iterator<Item = Bytes> {
        let own = self.reads.into_requests().filter(|request| node.is_own_read(request));
        own.map(|request| read_context(&request))
    }

    /// Answers by lease, or asks the peers whether this node still leads.
    fn confirm_read<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: Message,
    ) -> ReadAccepted {
        if node.config.read_only == ReadOnlyOption::LeaseBased && !self.lease_given_up(node) {
            return answer(node, m, node.log.committed());
        }
        if fault!(node.config, ReadsUnconfirmed) {
            return answer(node, m, node.log.committed());
        }
        let index = node.log.committed();
        #[cfg(raft_fault)]
        let index = crate::raft::faulty::read_index(&node.config, &self.reads, &m, index);
        self.reads.add(index, m);
        self.reads.acknowledge(node.id(), self.reads.last_count());
        self.broadcast_heartbeat(node);
        ReadAccepted::Queued
    }

    /// DIVERGES: the lease holds because nobody votes while they hear the leader. A node that was
    /// told to take over is voted for at once, however late it hears of it, so that from then on
    /// this leader's lease proves nothing, also when the transfer is off; etcd
    /// answers by it all the same.
    fn lease_given_up<S: Storage, O: Observer>(&self, node: &NodeState<S, O>) -> bool {
        node.is_strict() && self.timeout_now_sent && !fault!(node.config, LeaseOutlivesTransfer)
    }

    /// An entry of the term has been committed: the reads that waited for it go on.
    pub(super) fn release_deferred_reads<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) {
        for m in core::mem::take(&mut node.deferred_reads) {
            if node.is_strict() {
                self.accept_read(node, m);
            } else {
                self.confirm_read(node, m);
            }
        }
    }

    /// A peer has echoed how many reads it was told of.
    pub(super) fn on_read_confirmed<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: &Message,
    ) {
        let Some(count) = read_count(&m.context) else { return };
        self.reads.acknowledge(m.from, count);
        self.answer_confirmed(node);
    }

    pub(super) fn answer_confirmed<S: Storage, O: Observer>(&mut self, node: &mut NodeState<S, O>) {
        while let Some((index, request)) = self.reads.pop_confirmed(&node.tracker.config) {
            answer(node, request, index);
        }
    }
}

/// What tells the application which read it is.
pub(in crate::raft) fn read_context(request: &Message) -> Bytes {
    request.entries.first().map(|entry| entry.data.clone()).unwrap_or_default()
}

/// Tells whoever asked that it may read once `index` is applied.
fn answer<S: Storage, O: Observer>(
    node: &mut NodeState<S, O>,
    request: Message,
    index: u64,
) -> ReadAccepted {
    if node.is_own_read(&request) {
        let request_ctx = read_context(&request);
        node.read_states.push(ReadState { index, request_ctx });
    } else {
        let entries = request.entries;
        node.send(MessageType::MsgReadIndexResp, Message { index, entries, ..to(request.from) });
    }
    ReadAccepted::Answered { index }
}
