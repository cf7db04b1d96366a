//! Memory is bounded: what waits in a node stays within what its configuration says, or within what the
//! load can explain.

use std::collections::BTreeMap;

use crate::sim::board::{Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

/// Messages that one node may hand out within one event. A broadcast to every peer for each of the
/// entries, reads and answers that an event can bring is far below.
const MESSAGES_AT_ONCE: usize = 5_000;
/// Entries that a leader may have in its log beyond what is committed, by count: more than all clients
/// together can propose before they lose patience.
const UNCOMMITTED: u64 = 5_000;

#[derive(Debug, Default)]
pub(super) struct Bounds {
    /// Messages sent since the last event.
    sent: BTreeMap<u64, usize>,
}

impl Checker for Bounds {
    fn rule(&self) -> &'static str {
        "bounded memory"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        if let Fact::Sent { .. } = fact {
            let sent = self.sent.entry(scene.node).or_default();
            *sent += 1;
            if *sent > MESSAGES_AT_ONCE {
                return Err(format!("{sent} messages within one event"));
            }
            return Ok(Judged::Sound);
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        self.sent.insert(scene.node, 0);
        let status = node.status();
        let uncommitted = node.last_entry_id().index - status.hard_state.commit;
        if uncommitted > UNCOMMITTED {
            return Err(format!("{uncommitted} entries are not committed"));
        }
        if !leads(status.soft_state) {
            return Ok(Judged::Sound);
        }
        let mut found = Ok(Judged::Sound);
        node.each_progress(&mut |id, progress| {
            let limits = progress.inflights.limits();
            let (count, bytes) = (progress.inflights.count(), progress.inflights.bytes());
            // The message that passes the limit is the last.
            if count > limits.msgs || (count > 1 && limits.bytes > 0 && bytes > 2 * limits.bytes) {
                found = Err(format!("{count} appends of {bytes} bytes are on their way to {id}"));
            }
        });
        found
    }
}
