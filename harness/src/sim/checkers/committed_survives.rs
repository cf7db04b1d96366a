//! What is committed survives the crash of any minority (Raft §5.4.1, thesis §3.6.1): it is on so many disks
//! that every quorum that could elect a leader has a member that holds it.
//!
//! What the configuration in force has committed by counting is on a quorum of it, of each half when it
//! is joint. What an earlier one has committed is only known to meet each of its quorums. A disk that its
//! operators have lost holds nothing, and its node is one of the minority: it never votes again.

use std::collections::BTreeMap;

use raft_core::tracker::Configuration;
use raft_core::{EntryId, IdSet};

use crate::sim::board::{Board, Checker, Fact, Judged, Scene, leads};
use crate::sim::image::LogImage;
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct CommittedSurvives {
    /// The configuration in force, the last one that any node has applied, and its index.
    in_force: Option<(u64, Configuration)>,
    /// Up to where that configuration has committed by counting.
    counted: u64,
    /// Whether any has: what a group is founded with is committed without, and reaches each disk in its turn.
    is_founded: bool,
    /// The node that has changed its configuration in the event that goes on.
    changed: Option<u64>,
    /// Up to where each disk agrees with what is committed.
    agrees: BTreeMap<u64, u64>,
    /// How often each disk was synced when it was compared.
    synced: BTreeMap<u64, u64>,
}

impl Checker for CommittedSurvives {
    fn rule(&self) -> &'static str {
        "committed survives a minority"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match *fact {
            Fact::Configured { index, after, .. } => {
                self.changed = Some(scene.node);
                if self.in_force.as_ref().is_none_or(|(last, _)| index > *last) {
                    (self.in_force, self.counted) = (Some((index, after.clone())), 0);
                }
                Ok(Judged::Nothing)
            }
            Fact::Committed { to, .. } => {
                self.count(to, scene);
                self.compare_all(scene.board);
                self.judge(scene.board)
            }
            Fact::Started { .. } | Fact::Crashed | Fact::Wiped => {
                self.compare(scene.node, scene.board);
                self.judge(scene.board)
            }
            _ => Ok(Judged::Nothing),
        }
    }

    fn on_state(&mut self, _: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        self.changed = None;
        let Some(disk) = scene.board.disks.get(&scene.node) else { return Ok(Judged::Nothing) };
        if self.synced.get(&scene.node) == Some(&disk.syncs) {
            return Ok(Judged::Nothing);
        }
        self.compare(scene.node, scene.board);
        self.judge(scene.board)
    }
}

impl CommittedSurvives {
    /// A leader has committed up to `to`. Under which configuration is not known if it has changed since.
    fn count(&mut self, to: u64, scene: &Scene<'_>) {
        let Some(node) = scene.glance.filter(|node| leads(node.status().soft_state)) else {
            return;
        };
        self.is_founded = true;
        let config = node.configuration();
        let (_, in_force) = self.in_force.get_or_insert_with(|| (0, config.clone()));
        if in_force == config && self.changed != Some(scene.node) {
            self.counted = to;
        }
    }

    fn compare_all(&mut self, board: &Board) {
        for id in board.disks.keys() {
            self.compare(*id, board);
        }
    }

    fn compare(&mut self, id: u64, board: &Board) {
        let Some(disk) = board.disks.get(&id) else { return };
        self.synced.insert(id, disk.syncs);
        let agrees = self.agrees.entry(id).or_default();
        if !is_as_committed(&disk.durable, *agrees, board) {
            *agrees = disk.durable.base.index.saturating_sub(1);
        }
        while *agrees < board.max_committed && is_as_committed(&disk.durable, *agrees + 1, board) {
            *agrees += 1;
        }
    }

    fn judge(&self, board: &Board) -> Result<Judged, String> {
        let Some((_, config)) = self.in_force.as_ref().filter(|_| self.is_founded) else {
            return Ok(Judged::Nothing);
        };
        let [incoming, outgoing] = [&config.voters.incoming.0, &config.voters.outgoing.0];
        let halves = || [incoming, outgoing].into_iter().filter(|half| !half.is_empty());
        let highest = board.max_committed;
        if halves().all(|half| self.lacking(half, highest, board) > half.len() / 2) {
            return Err(format!(
                "a quorum of {config} can do without {highest}, which is committed"
            ));
        }
        let counted = self.counted;
        let may_lack = |half: &IdSet| (half.len() - 1) / 2;
        if halves().any(|half| self.lacking(half, counted, board) > may_lack(half)) {
            return Err(format!("{counted} was committed by {config}, and is on no quorum of it"));
        }
        Ok(Judged::Sound)
    }

    /// How many of `half` have a disk without what is committed at `index`.
    fn lacking(&self, half: &IdSet, index: u64, board: &Board) -> usize {
        let lacks = |id: &u64| {
            let agrees = self.agrees.get(id).copied().unwrap_or(0);
            !board.wiped.contains(id) && agrees < index
        };
        half.iter().filter(lacks).count()
    }
}

/// Whether a disk has at `index` what is committed there, as far as that is known.
fn is_as_committed(disk: &LogImage, index: u64, board: &Board) -> bool {
    match board.committed.get(&index) {
        Some(term) => disk.holds(EntryId::new(*term, index)),
        None => index <= disk.last_index(),
    }
}
