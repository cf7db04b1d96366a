//! What a leader believes of its peers: match < next, match <= last, and no more in flight than allowed;
//! and what it counts as matched is on the peer's disk.

use raft_core::EntryId;
use raft_core::tracker::{Progress, ProgressState};

use crate::sim::board::{Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct ProgressSanity {
    /// The leader and the peer of a snapshot that is reported as lost in the event that goes on.
    lost: Option<(u64, u64)>,
}

impl Checker for ProgressSanity {
    fn rule(&self) -> &'static str {
        "progress"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        if let Fact::SnapshotLost { peer } = *fact {
            self.lost = Some((scene.node, peer));
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let lost = self.lost.take();
        if !leads(node.status().soft_state) {
            return Ok(Judged::Nothing);
        }
        let (own_term, last) = (node.status().hard_state.term, node.last_entry_id().index);
        let mut found = Ok(());
        node.each_progress(&mut |id, progress| {
            if found.is_ok() {
                let waits = progress.state == ProgressState::Snapshot;
                if waits && lost == Some((scene.node, id)) {
                    found = Err(format!("waits for {id} to answer a snapshot that was lost"));
                    return;
                }
                found = check(id, progress, last).and_then(|()| {
                    let matched = progress.match_index;
                    let Some(term) = node.term_at(matched).filter(|_| matched > 0) else {
                        return Ok(());
                    };
                    // A new leader counts what it has of earlier terms, on its disk or not: nothing of
                    // that is committed by counting.
                    if id == scene.node && term < own_term {
                        return Ok(());
                    }
                    // A peer that has moved on to a later term may have replaced what it acknowledged.
                    let disk = scene.board.disks.get(&id).map(|disk| &disk.durable);
                    let disk = disk.filter(|disk| disk.hard_state.term <= own_term);
                    match disk.is_none_or(|disk| disk.holds(EntryId::new(term, matched))) {
                        true => Ok(()),
                        false => {
                            Err(format!("{term}/{matched} counts for {id}, whose disk lacks it"))
                        }
                    }
                });
            }
        });
        found.map(|()| Judged::Sound)
    }
}

fn check(id: u64, progress: &Progress, last: u64) -> Result<(), String> {
    let Progress { match_index, next_index, state, pending_snapshot, .. } = progress;
    if match_index >= next_index {
        return Err(format!("of {id}: match {match_index}, next {next_index}"));
    }
    if *match_index > last || *next_index > last + 1 {
        return Err(format!("of {id}: match {match_index}, next {next_index}, last {last}"));
    }
    if *state == ProgressState::Snapshot && *pending_snapshot == 0 {
        return Err(format!("of {id}: waits for a snapshot that was never sent"));
    }
    Ok(())
}
