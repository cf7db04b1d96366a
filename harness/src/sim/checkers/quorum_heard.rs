//! A leader that checks its quorum, and hears from none, leads no longer (thesis §6.2). It looks once in an
//! election timeout whether anybody has answered since it last looked: two timeouts are the bound.

use std::collections::BTreeMap;

use raft_core::quorum::JointConfig;
use raft_proto::MessageType;

use crate::sim::board::{Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

/// Moments are counted in ticks of the node.
#[derive(Debug, Default)]
pub(super) struct QuorumHeard {
    /// When each leader began to count: it was elected, began a transfer, or changed its configuration.
    since: BTreeMap<u64, u64>,
    /// When each leader heard each peer last.
    heard: BTreeMap<(u64, u64), u64>,
}

impl Checker for QuorumHeard {
    fn rule(&self) -> &'static str {
        "a leader hears a quorum"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let now = scene.ticks();
        match fact {
            Fact::Led { .. } | Fact::HandsOver | Fact::Configured { .. } => {
                self.since.insert(scene.node, now);
            }
            Fact::Received { message } => {
                let kind = message.kind();
                if matches!(kind, Ok(MessageType::MsgAppResp | MessageType::MsgHeartbeatResp)) {
                    self.heard.insert((scene.node, message.from), now);
                }
            }
            _ => {}
        }
        Ok(Judged::Nothing)
    }

    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let Some(settings) = scene.board.settings.get(&scene.node) else {
            return Ok(Judged::Nothing);
        };
        if !settings.check_quorum || !leads(node.status().soft_state) {
            return Ok(Judged::Nothing);
        }
        let bound = u64::from(2 * settings.election_tick);
        let since = self.since.get(&scene.node).copied().unwrap_or(0);
        let is_recent = |moment: u64| moment + bound > scene.ticks();
        if is_recent(since) {
            return Ok(Judged::Nothing);
        }
        let is_heard = |id: u64| {
            let heard = self.heard.get(&(scene.node, id));
            id == scene.node || heard.is_some_and(|moment| is_recent(*moment))
        };
        let JointConfig { incoming, outgoing } = &node.configuration().voters;
        let is_quorum = |half: &raft_core::IdSet| {
            half.is_empty() || half.iter().filter(|id| is_heard(*id)).count() > half.len() / 2
        };
        match is_quorum(&incoming.0) && is_quorum(&outgoing.0) {
            true => Ok(Judged::Sound),
            false => Err(format!("leads, and has heard from no quorum for {bound} ticks")),
        }
    }
}
