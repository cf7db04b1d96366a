//! Handing leadership over (thesis §3.10).

use raft_proto::{Message, MessageType};

use super::Leader;
use crate::error::{StorageError, TransferRefused};
use crate::event::{Event, Observer};
use crate::fault::fault;
use crate::raft::node_state::{NodeState, to};
use crate::raft::outcome::TransferLeader;
use crate::storage::Storage;
use crate::types::NONE;

impl Leader {
    pub(in crate::raft) fn on_transfer<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        transferee: u64,
    ) -> Result<TransferLeader, StorageError> {
        let (id, term) = (node.id(), node.term);
        let Some(progress) = node.tracker.progress.get(transferee) else {
            node.emit(&Event::NoProgress { id, peer: transferee });
            return Ok(TransferLeader::Refused(TransferRefused::NotInConfiguration { transferee }));
        };
        if progress.is_learner {
            node.emit(&Event::TransferToLearner { id });
            return Ok(TransferLeader::Refused(TransferRefused::Learner { transferee }));
        }
        let (match_index, last_index) = (progress.match_index, node.log.last_index());
        if self.transferee != NONE {
            if self.transferee == transferee {
                node.emit(&Event::TransferRepeated { id, term, transferee });
                return Ok(TransferLeader::InProgress);
            }
            let previous = self.transferee;
            self.abort_transfer();
            node.emit(&Event::TransferReplaced { id, term, transferee: previous });
        }
        if transferee == id {
            node.emit(&Event::TransferToSelf { id });
            return Ok(TransferLeader::Refused(TransferRefused::AlreadyLeader));
        }
        node.emit(&Event::TransferStarted { id, term, transferee });
        // It has an election timeout to finish.
        node.election_elapsed = 0;
        self.transferee = transferee;
        if match_index == last_index {
            self.send_timeout_now(node);
            node.emit(&Event::TimeoutNowSentAtOnce { id, transferee });
            return Ok(TransferLeader::TimeoutNowSent);
        }
        self.send_append(node, transferee)?;
        Ok(TransferLeader::CatchingUp { match_index, last_index })
    }

    /// Peer `from` has acknowledged entries: if it is to lead, and has them all, it may.
    pub(super) fn maybe_hand_over<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
        from: u64,
    ) {
        let matched = node.tracker.progress.get(from).map(|p| p.match_index);
        if from == self.transferee && matched == Some(node.log.last_index()) {
            let id = node.id();
            node.emit(&Event::TimeoutNowSentAfterAppend { id, transferee: from });
            self.send_timeout_now(node);
        }
    }

    fn send_timeout_now<S: Storage, O: Observer>(&mut self, node: &mut NodeState<S, O>) {
        // DIVERGES: the lease holds because nobody votes while they hear the leader. A node that was
        // told to take over is voted for at once, however late it hears of it, so that from now on
        // the lease proves nothing, also when the transfer is off; etcd answers by it all the same.
        if !fault!(node.config, LeaseOutlivesTransfer) {
            self.lease = None;
        }
        node.send(MessageType::MsgTimeoutNow, Message { ..to(self.transferee) });
    }

    pub(super) fn abort_transfer(&mut self) {
        self.transferee = NONE;
    }
}
