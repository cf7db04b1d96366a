//! The rules of changing a configuration (Raft §6, thesis §4).

use raft_proto::{ConfChangeSingle, ConfChangeType, ConfChangeV2};

use crate::error::ConfChangeError;
use crate::tracker::{Configuration, Progress, Tracker};
use crate::types::NONE;

/// Computes the tracker that a configuration change leads to.
///
/// # Contract
/// Every call works on a copy of [`tracker`](Self::tracker): it answers the changed copy, whose
/// invariants hold, or an error.
#[derive(Clone, Copy, Debug)]
pub struct Changer<'a> {
    /// Configuration and progress before the change.
    pub tracker: &'a Tracker,
    /// The last index of the log: where sending to a new member starts.
    pub last_index: u64,
}

impl Changer<'_> {
    /// Applies `change`, as its transition and the number of its changes ask for.
    pub fn apply(&self, change: &ConfChangeV2) -> Result<Tracker, ConfChangeError> {
        if change.leave_joint() {
            return self.leave_joint();
        }
        let enter = change
            .enter_joint()
            .map_err(|error| ConfChangeError::UnknownTransition { value: error.value })?;
        match enter {
            Some(auto_leave) => self.enter_joint(auto_leave, &change.changes),
            None => self.simple(&change.changes),
        }
    }

    /// Makes changes of which at most one is about a voter, in one step.
    pub fn simple(&self, changes: &[ConfChangeSingle]) -> Result<Tracker, ConfChangeError> {
        let mut next = self.checked_copy()?;
        if next.config.voters.is_joint() {
            return Err(ConfChangeError::SimpleInJoint);
        }
        self.apply_singles(&mut next, changes)?;
        let (before, after) = (&self.tracker.incoming().0, &next.incoming().0);
        let gone = before.iter().filter(|&id| !after.contains(id)).count();
        let came = after.iter().filter(|&id| !before.contains(id)).count();
        if gone + came > 1 {
            return Err(ConfChangeError::SeveralVotersChanged);
        }
        check_invariants(&next)?;
        Ok(next)
    }

    /// Makes any changes at once, by way of a joint configuration: what is now becomes the
    /// outgoing half, and the changes make the incoming one.
    pub fn enter_joint(
        &self,
        auto_leave: bool,
        changes: &[ConfChangeSingle],
    ) -> Result<Tracker, ConfChangeError> {
        let mut next = self.checked_copy()?;
        if next.config.voters.is_joint() {
            return Err(ConfChangeError::AlreadyJoint);
        }
        if next.incoming().0.is_empty() {
            return Err(ConfChangeError::ZeroVoterJoint);
        }
        next.config.voters.outgoing = next.config.voters.incoming.clone();
        self.apply_singles(&mut next, changes)?;
        next.config.auto_leave = auto_leave;
        check_invariants(&next)?;
        Ok(next)
    }

    /// Ends a joint configuration: the outgoing half goes, and those of it that are to be learners
    /// become so.
    pub fn leave_joint(&self) -> Result<Tracker, ConfChangeError> {
        let mut next = self.checked_copy()?;
        if !next.config.voters.is_joint() {
            return Err(ConfChangeError::NotJoint);
        }
        let Tracker { config, progress, .. } = &mut next;
        for id in config.learners_next.iter() {
            config.learners.insert(id);
            if let Some(progress) = progress.get_mut(id) {
                progress.is_learner = true;
            }
        }
        config.learners_next.clear();
        for id in config.voters.outgoing.0.iter() {
            if !config.voters.incoming.0.contains(id) && !config.learners.contains(id) {
                progress.remove(id);
            }
        }
        config.voters.outgoing.0.clear();
        config.auto_leave = false;
        check_invariants(&next)?;
        Ok(next)
    }

    fn checked_copy(&self) -> Result<Tracker, ConfChangeError> {
        check_invariants(self.tracker)?;
        Ok(self.tracker.clone())
    }

    fn apply_singles(
        &self,
        next: &mut Tracker,
        changes: &[ConfChangeSingle],
    ) -> Result<(), ConfChangeError> {
        for change in changes {
            let id = change.node_id.unwrap_or(NONE);
            if id == NONE {
                // etcd replaces the id by 0 to say that a change was decided against.
                continue;
            }
            let value = change.change_type.unwrap_or(0);
            match ConfChangeType::try_from(value) {
                Ok(ConfChangeType::AddNode) => self.make_voter(next, id),
                Ok(ConfChangeType::AddLearnerNode) => self.make_learner(next, id),
                Ok(ConfChangeType::RemoveNode) => remove(next, id),
                Ok(ConfChangeType::UpdateNode) => {}
                Err(_) => return Err(ConfChangeError::UnknownType { value }),
            }
        }
        if next.incoming().0.is_empty() {
            return Err(ConfChangeError::RemovedAllVoters);
        }
        Ok(())
    }

    fn make_voter(&self, next: &mut Tracker, id: u64) {
        match next.progress.get_mut(id) {
            None => self.add_progress(next, id, false),
            Some(progress) => progress.is_learner = false,
        }
        next.config.learners.remove(id);
        next.config.learners_next.remove(id);
        next.config.voters.incoming.0.insert(id);
    }

    /// A voter of the outgoing half stays one until that half goes, and is only marked as a future
    /// learner.
    fn make_learner(&self, next: &mut Tracker, id: u64) {
        let Some(progress) = next.progress.get(id) else {
            self.add_progress(next, id, true);
            next.config.learners.insert(id);
            return;
        };
        if progress.is_learner {
            return;
        }
        // What is known of the peer stays known.
        let mut progress = progress.clone();
        remove(next, id);
        if next.config.voters.outgoing.0.contains(id) {
            next.config.learners_next.insert(id);
        } else {
            progress.is_learner = true;
            next.config.learners.insert(id);
        }
        next.progress.insert(id, progress);
    }

    fn add_progress(&self, next: &mut Tracker, id: u64, is_learner: bool) {
        // The first append probes at the end of the log. A follower that does not have it says
        // where its log ends.
        let mut progress = Progress::new(self.last_index.max(1), next.inflight_limits, is_learner);
        // Else the next check of the quorum could depose the leader before the new member had a
        // chance to answer.
        progress.recent_active = true;
        next.progress.insert(id, progress);
    }
}

fn remove(next: &mut Tracker, id: u64) {
    if next.progress.get(id).is_none() {
        return;
    }
    let config = &mut next.config;
    config.voters.incoming.0.remove(id);
    config.learners.remove(id);
    config.learners_next.remove(id);
    if !config.voters.outgoing.0.contains(id) {
        next.progress.remove(id);
    }
}

fn check_invariants(tracker: &Tracker) -> Result<(), ConfChangeError> {
    let Configuration { voters, learners, learners_next, auto_leave } = &tracker.config;
    let inconsistent = |id, problem| Err(ConfChangeError::Inconsistent { id, problem });
    let is_learner = |id| tracker.progress.get(id).is_some_and(|progress| progress.is_learner);

    let halves = voters.incoming.0.iter().chain(voters.outgoing.0.iter());
    for id in halves.chain(learners.iter()).chain(learners_next.iter()) {
        if tracker.progress.get(id).is_none() {
            return inconsistent(id, "has no progress");
        }
    }
    for id in learners_next.iter() {
        if !voters.outgoing.0.contains(id) {
            return inconsistent(id, "is in LearnersNext, but not Voters[1]");
        }
        if is_learner(id) {
            return inconsistent(id, "is in LearnersNext, but is already marked as learner");
        }
    }
    for id in learners.iter() {
        if voters.contains(id) {
            return inconsistent(id, "is in Learners and Voters");
        }
        if !is_learner(id) {
            return inconsistent(id, "is in Learners, but is not marked as learner");
        }
    }
    if *auto_leave && !voters.is_joint() {
        return inconsistent(NONE, "AutoLeave must be false when not joint");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
