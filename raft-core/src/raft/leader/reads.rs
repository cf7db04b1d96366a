//! Reads that see all that was committed before they came (Raft §8; thesis §6.4).

use bytes::Bytes;
use raft_proto::{Message, MessageType};

use super::Leader;
use crate::config::ReadOnlyOption;
use crate::error::DropReason;
use crate::event::Observer;
use crate::fault::fault;
use crate::raft::node_state::{NodeState, to};
use crate::read_index::{ReadState, echoed_round, round_context};
use crate::storage::Storage;

/// What a leader has done with a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadAccepted {
    /// Answered with this index.
    Answered { index: u64 },
    /// It waits: for the first commit of the term, or for a round that confirms the leadership.
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
        // index that may be below what an earlier leader had committed; and a leader that is not that
        // voter, but was removed and leads on, while the voter may lead by itself.
        let is_alone = node.tracker.config.voters.contains(node.id());
        if singleton && (!node.is_strict() || (is_alone && self.committed_in_term(node))) {
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
        if self.lease_holds(node) {
            return answer(node, m, node.log.committed());
        }
        if fault!(node.config, ReadsUnconfirmed) {
            return answer(node, m, node.log.committed());
        }
        let index = node.log.committed();
        #[cfg(raft_fault)]
        let index = crate::raft::faulty::read_index(&node.config, &self.reads, &m, index);
        self.reads.add(index, m);
        if !node.is_strict() {
            self.broadcast_heartbeat(node);
        }
        ReadAccepted::Queued
    }

    /// DIVERGES: in etcd the lease is that the leader has not stepped down, which it does when it
    /// finds, once in an election timeout, that no quorum has answered since it last looked: one
    /// that is cut off right after it looked goes on for nearly two. Here it is counted from when
    /// the last round was sent that a quorum has echoed.
    fn lease_holds<S: Storage, O: Observer>(&self, node: &NodeState<S, O>) -> bool {
        if !node.is_strict() {
            return node.config.read_only == ReadOnlyOption::LeaseBased;
        }
        let Some(lease) = &self.lease else { return false };
        if fault!(node.config, LeaseNotCounted) {
            return true;
        }
        let round = node.tracker.config.voters.committed_index(&|id| {
            // A promise is kept over a restart by a node that knows its term from its disk. With an
            // entry of this term it has acknowledged the term, too.
            let progress = node.tracker.progress.get(id)?;
            let promises = id == node.id() || progress.match_index >= self.term_start;
            self.reads.acked_round(id).filter(|_| promises)
        });
        lease.covers(round)
    }

    /// DIVERGES: etcd sends a round for each read at once. Here the reads that come until the next
    /// `Ready` share one. Under etcd's rules it is due here when there was no room for it.
    pub(in crate::raft) fn flush_round<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) {
        if self.reads.is_round_due() {
            self.broadcast_heartbeat(node);
            // It may be the only voter by now, whom nobody answers.
            self.answer_confirmed(node);
        }
    }

    pub(in crate::raft) fn is_round_due(&self) -> bool {
        self.reads.is_round_due()
    }

    /// The highest round that a peer can have seen.
    pub(in crate::raft) fn last_round(&self) -> u64 {
        self.reads.last_round()
    }

    /// What the heartbeats that are sent now carry: a round, if reads wait for it or the lease rests
    /// on it. One that was lost is made good by the next.
    pub(super) fn heartbeat_context(&mut self, id: u64) -> Bytes {
        if self.reads.is_round_due() || self.lease.is_some() {
            let round = self.reads.begin_round(id);
            if let Some(lease) = &mut self.lease {
                lease.begin_round(round);
            }
        } else if self.reads.len() == 0 {
            return Bytes::new();
        }
        round_context(self.reads.last_round())
    }

    /// An entry of the term has been committed: the reads that waited for it go on.
    pub(super) fn release_deferred_reads<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) {
        for m in node.deferred_reads.take() {
            if node.is_strict() {
                self.accept_read(node, m);
            } else {
                self.confirm_read(node, m);
            }
        }
    }

    /// A peer may have echoed a round.
    pub(super) fn on_read_confirmed<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        m: &Message,
    ) {
        let Some(round) = echoed_round(&m.context) else { return };
        self.reads.acknowledge(m.from, round);
        self.answer_confirmed(node);
    }

    pub(super) fn answer_confirmed<S: Storage, O: Observer>(&mut self, node: &mut NodeState<S, O>) {
        for read in self.reads.take_confirmed(&node.tracker.config) {
            answer(node, read.request, read.index);
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
