//! A storage keeps what it has synced: what a process finds when it starts is what was durable, and no
//! more than was written.

use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::image::ImageWrite;

#[derive(Debug, Default)]
pub(super) struct StorageKeeps;

impl Checker for StorageKeeps {
    fn rule(&self) -> &'static str {
        "a storage keeps what it has synced"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let Fact::Started { before } = fact else { return Ok(Judged::Nothing) };
        let Some(found) = scene.board.disks.get(&scene.node).map(|disk| &disk.durable) else {
            return Ok(Judged::Nothing);
        };
        let mut hard_states = vec![before.durable.hard_state];
        let mut replaced_from = u64::MAX;
        for write in &before.unsynced {
            match write {
                ImageWrite::HardState(hard_state) => hard_states.push(*hard_state),
                ImageWrite::Entries(entries) => {
                    let first = entries.first().map_or(u64::MAX, |entry| entry.index);
                    replaced_from = replaced_from.min(first);
                }
                ImageWrite::Snapshot(_) => replaced_from = 0,
            }
        }
        if !hard_states.contains(&found.hard_state) {
            return Err(format!(
                "found {:?}, which was never written after {:?}",
                found.hard_state, before.durable.hard_state
            ));
        }
        let kept_to = before.durable.last_index().min(replaced_from.saturating_sub(1));
        for index in found.base.index + 1..=kept_to {
            if before.durable.mark(index).is_some_and(|mark| found.mark(index) != Some(mark)) {
                return Err(format!("the entry at {index} was synced, and is not as it was"));
            }
        }
        if found.last_index() < kept_to {
            return Err(format!(
                "{kept_to} was synced, and the log ends at {}",
                found.last_index()
            ));
        }
        Ok(Judged::Sound)
    }
}
