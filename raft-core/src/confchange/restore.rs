//! From a stored configuration to the changes that make it.

use alloc::{boxed::Box, vec::Vec};

use raft_proto::{ConfChangeSingle, ConfChangeType, ConfState};

use super::Changer;
use crate::error::{ConfChangeError, ConfStateError};
use crate::tracker::{InflightLimits, Tracker};

/// The tracker of the group that `conf_state` describes, with nothing known of its members, who
/// are sent to from `last_index` on.
///
/// [`Invalid`](ConfStateError::Invalid) when its members contradict each other,
/// [`NotEquivalent`](ConfStateError::NotEquivalent) when they make another configuration than the
/// one given, as when an id is named twice.
pub fn restore(
    conf_state: &ConfState,
    inflight_limits: InflightLimits,
    last_index: u64,
) -> Result<Tracker, ConfStateError> {
    let tracker =
        rebuild(conf_state, Tracker::new(inflight_limits), last_index).map_err(|error| {
            ConfStateError::Invalid { conf_state: Box::new(conf_state.clone()), error }
        })?;
    let restored = tracker.config.conf_state();
    if !restored.equivalent(conf_state) {
        return Err(ConfStateError::NotEquivalent {
            conf_state: Box::new(conf_state.clone()),
            restored: Box::new(restored),
        });
    }
    Ok(tracker)
}

fn rebuild(
    conf_state: &ConfState,
    mut tracker: Tracker,
    last_index: u64,
) -> Result<Tracker, ConfChangeError> {
    let changes = |kind, ids: &[u64]| -> Vec<ConfChangeSingle> {
        ids.iter().map(|&id| ConfChangeSingle::new(kind, id)).collect()
    };
    let mut members = changes(ConfChangeType::AddNode, &conf_state.voters);
    members.extend(changes(ConfChangeType::AddLearnerNode, &conf_state.learners));
    members.extend(changes(ConfChangeType::AddLearnerNode, &conf_state.learners_next));

    let joint = !conf_state.voters_outgoing.is_empty();
    let first_step = if joint {
        changes(ConfChangeType::AddNode, &conf_state.voters_outgoing)
    } else {
        core::mem::take(&mut members)
    };
    // One voter at a time is simple, whoever comes first.
    for change in first_step {
        tracker = Changer { tracker: &tracker, last_index }.simple(&[change])?;
    }
    if joint {
        // What was built becomes the outgoing half; the incoming one starts from nobody.
        let mut enter = changes(ConfChangeType::RemoveNode, &conf_state.voters_outgoing);
        enter.append(&mut members);
        tracker =
            Changer { tracker: &tracker, last_index }.enter_joint(conf_state.auto_leave, &enter)?;
    }
    Ok(tracker)
}

#[cfg(test)]
mod tests;
