//! Members, and what a leader knows of each.

mod inflights;
mod members;
mod progress;

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

use ProgressState::{Probe, Replicate, Snapshot};

const LIMITS: InflightLimits = InflightLimits { msgs: 4, bytes: 0 };

fn progress(state: ProgressState, match_index: u64, next_index: u64) -> Progress {
    Progress { state, match_index, ..Progress::new(next_index, LIMITS, false) }
}

/// A progress in which every part has a value of its own: what a change does not touch must still
/// have it afterwards.
fn busy(state: ProgressState) -> Progress {
    let mut progress = Progress {
        pending_snapshot: if state == Snapshot { 9 } else { 0 },
        recent_active: true,
        is_learner: true,
        sent_commit: 6,
        append_paused: true,
        due: AppendDue::WithEntries,
        ..progress(state, 3, 7)
    };
    progress.inflights.add(6, 100);
    progress
}

fn inflights(last_indexes: &[u64]) -> Inflights {
    let mut inflights = Inflights::new(LIMITS);
    last_indexes.iter().for_each(|&index| inflights.add(index, 10));
    inflights
}
