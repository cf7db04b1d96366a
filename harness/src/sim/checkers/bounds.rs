//! Memory is bounded: what waits in a node stays within what the node's own settings say.
//!
//! - Appends on their way to a peer: [`max_inflight_msgs`](raft_core::Config::max_inflight_msgs) and
//!   [`max_inflight_bytes`](raft_core::Config::max_inflight_bytes), which one message may pass.
//! - Entries that a follower has not on disk yet: what its leader may have on its way.
//! - Proposals of a leader that are not applied:
//!   [`max_uncommitted_size`](raft_core::Config::max_uncommitted_size), which one proposal may pass.
//! - Reads: [`max_pending_reads`](raft_core::Config::max_pending_reads) answers can wait to be taken.
//! - Messages: [`max_queued_messages`](raft_core::Config::max_queued_messages), and what the last one that
//!   was taken gives rise to.

use std::collections::BTreeMap;

use raft_core::StateRole;
use raft_proto::Entries;

use super::uncommitted::Uncommitted;
use crate::sim::board::{Checker, Fact, Judged, Scene, leads};
use crate::sim::plan::NodePlan;
use crate::sim::process::Glance;

/// Messages that no node hands out within one event, whatever its settings allow.
const MESSAGES_AT_ONCE: usize = 5_000;
/// Entries that a leader has in its log beyond what is committed, where its settings know no limit: more
/// than all clients together can propose before they lose patience.
const UNCOMMITTED: u64 = 5_000;
/// What an entry takes in a message, at the least.
const LEAST_ENTRY: u64 = 4;

#[derive(Debug, Default)]
pub(super) struct Bounds {
    nodes: BTreeMap<u64, Load>,
    /// The payload of the largest entry so far: a message has one at least, whatever its limit.
    largest: u64,
}

/// What is known of a node.
#[derive(Debug, Default)]
struct Load {
    /// Messages sent since the last event.
    sent: usize,
    /// Reads answered since the last event.
    answered: usize,
    uncommitted: Uncommitted,
}

impl Checker for Bounds {
    fn rule(&self) -> &'static str {
        "bounded memory"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let Some(settings) = scene.board.settings.get(&scene.node) else {
            return Ok(Judged::Nothing);
        };
        let load = self.nodes.entry(scene.node).or_default();
        match *fact {
            Fact::Sent { .. } => {
                load.sent += 1;
                let (sent, most) = (load.sent, messages(settings, scene.board.settings.len()));
                judge(sent <= most, || format!("{sent} messages within one event, and not {most}"))
            }
            Fact::ReadAnswered { .. } => {
                load.answered += 1;
                let (answered, most) = (load.answered, settings.max_pending_reads);
                judge(answered <= most, || format!("{answered} reads waited, and not {most}"))
            }
            Fact::Queued { entries } | Fact::Handed { entries } => {
                load.uncommitted.note_sizes(entries);
                self.largest = self.largest.max(largest(entries));
                Ok(Judged::Nothing)
            }
            Fact::Crashed => {
                self.nodes.remove(&scene.node);
                Ok(Judged::Nothing)
            }
            _ => Ok(Judged::Nothing),
        }
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let Some(settings) = scene.board.settings.get(&scene.node) else {
            return Ok(Judged::Nothing);
        };
        let load = self.nodes.entry(scene.node).or_default();
        (load.sent, load.answered) = (0, 0);
        let status = node.status();
        let uncommitted = node.last_entry_id().index.saturating_sub(status.hard_state.commit);
        judge(uncommitted <= UNCOMMITTED, || format!("{uncommitted} entries are not committed"))?;
        load.uncommitted.judge(settings.max_uncommitted_size, node)?;
        if !leads(status.soft_state) {
            return check_unwritten(node, scene);
        }
        let mut found = Ok(Judged::Sound);
        node.each_progress(&mut |id, progress| {
            if found.is_ok() {
                let on_their_way = (progress.inflights.count(), progress.inflights.bytes());
                found = check_inflights(id, on_their_way, settings, self.largest);
            }
        });
        found
    }
}

fn judge(holds: bool, text: impl FnOnce() -> String) -> Result<Judged, String> {
    if holds { Ok(Judged::Sound) } else { Err(text()) }
}

fn largest(entries: &Entries) -> u64 {
    entries.iter().map(|entry| entry.data.len() as u64).max().unwrap_or(0)
}

/// The messages that can leave within one event: those that were queued, those that the last one to be
/// taken gives rise to, and as many again that come of what the former were waiting for.
fn messages(settings: &NodePlan, nodes: usize) -> usize {
    /// To each peer beside appends: heartbeats, votes, answers, a word to take over.
    const OTHERS: usize = 8;
    let at_once = nodes.saturating_mul(settings.max_inflight_msgs + OTHERS);
    let reads = settings.max_pending_reads;
    let queued = settings.max_queued_messages.saturating_add(at_once).saturating_add(reads);
    queued.saturating_mul(2).min(MESSAGES_AT_ONCE)
}

fn check_inflights(
    id: u64,
    (count, bytes): (usize, u64),
    settings: &NodePlan,
    largest: u64,
) -> Result<Judged, String> {
    let (most, limit) = (settings.max_inflight_msgs, settings.max_inflight_bytes);
    // The message that reaches the limit is the last.
    let passes = limit.saturating_add(settings.max_size_per_msg.max(largest));
    judge(count <= most && (limit == 0 || bytes <= passes), || {
        format!("{count} appends of {bytes} bytes are on their way to {id}")
    })
}

/// A follower acknowledges what is on its disk, and its leader sends no more than may be on its way beyond
/// what was acknowledged.
fn check_unwritten(node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
    let status = node.status();
    let leader = scene.board.settings.get(&status.soft_state.leader_id);
    let (Some(leader), Some(disk)) = (leader, scene.board.disks.get(&scene.node)) else {
        return Ok(Judged::Nothing);
    };
    if status.soft_state.role != StateRole::Follower {
        return Ok(Judged::Nothing);
    }
    let in_message = (leader.max_size_per_msg / LEAST_ENTRY).max(1);
    // A snapshot may come before them. It counts as its last entry.
    let most = in_message.saturating_mul(leader.max_inflight_msgs as u64).saturating_add(1);
    let written = disk.durable.last_index();
    let last = node.last_entry_id();
    // What an earlier leader has sent is none of this one's.
    let is_its_own = |index: &u64| node.term_at(*index) == Some(status.hard_state.term);
    let is_much = last.index > written.saturating_add(most);
    let count = match is_much {
        true => (written + 1..=last.index).rev().take_while(is_its_own).count() as u64,
        false => 0,
    };
    judge(count <= most, || format!("{count} entries are not on disk, and not {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_may_pass_the_limit_of_bytes() {
        let settings = NodePlan {
            max_inflight_msgs: 3,
            max_inflight_bytes: 100,
            max_size_per_msg: 20,
            ..NodePlan::plain()
        };
        let holds =
            |count, bytes, largest| check_inflights(2, (count, bytes), &settings, largest).is_ok();
        assert!(holds(3, 120, 0) && holds(3, 150, 50), "as large as its only entry");
        assert!(!holds(4, 0, 0) && !holds(3, 121, 0) && !holds(3, 151, 50));
    }
}
