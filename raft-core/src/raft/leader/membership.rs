//! What a leader does when the configuration changes.

use raft_proto::{Entry, EntryType};

use super::Leader;
use crate::error::StorageError;
use crate::event::{Event, Observer};
use crate::fault::fault;
use crate::raft::node_state::NodeState;
use crate::raft::transition::Transition;
use crate::storage::Storage;
use crate::types::NONE;

impl Leader {
    /// The node has a new configuration.
    pub(in crate::raft) fn on_config_switched<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<Transition, StorageError> {
        let removed = node.tracker.progress.get(node.id()).is_none_or(|own| own.is_learner);
        if removed {
            // Without the step down it leads on until another node is elected, and takes no
            // proposals.
            return Ok(match node.config.step_down_on_removal {
                true => Transition::Follow { term: node.term, leader: NONE },
                false => Transition::Stay,
            });
        }
        if node.tracker.incoming().0.is_empty() {
            return Ok(Transition::Stay);
        }
        self.forget_all_due();
        if self.maybe_commit(node) {
            // A smaller quorum may hold what the larger one did not.
            if node.is_strict() {
                self.release_deferred_reads(node);
            }
            self.broadcast_append(node)?;
        } else {
            // New members need not wait for the next heartbeat or proposal.
            self.broadcast_entries(node)?;
        }
        if node.is_strict() {
            // DIVERGES: the acknowledgements at hand may be a quorum now; in etcd the reads wait
            // for one more, which a single voter never gets.
            self.answer_confirmed(node);
        }
        if self.transferee != NONE && !node.tracker.config.voters.contains(self.transferee) {
            self.abort_transfer();
        }
        Ok(Transition::Stay)
    }

    /// Proposes to leave a joint configuration that is to be left by itself, once all changes up
    /// to it are applied.
    pub(in crate::raft) fn maybe_leave_joint<S: Storage, O: Observer>(
        &mut self,
        node: &mut NodeState<S, O>,
    ) -> Result<(), StorageError> {
        if !node.tracker.config.auto_leave
            || node.log.applied() < self.pending_conf_index
            || fault!(node.config, JointNeverLeft)
        {
            return Ok(());
        }
        // Without payload, so that no quota can refuse it.
        let leave = Entry { entry_type: Some(EntryType::ConfChangeV2 as i32), ..Entry::default() };
        let outcome = self.propose(node, &mut [leave])?;
        let config = &node.tracker.config;
        node.observer.on_event(&match outcome {
            Ok(_) => Event::LeavingJoint { config },
            // Tried again when the next entry is applied.
            Err(_) => Event::NotLeavingJoint { config },
        });
        Ok(())
    }
}
