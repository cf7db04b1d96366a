//! Changes of the configuration: one at a time, quorums that overlap, the same everywhere (thesis §4).

use std::collections::BTreeMap;

use raft_core::quorum::JointConfig;
use raft_core::tracker::Configuration;
use raft_core::{EntryId, IdSet, StateRole};
use raft_proto::{ConfState, Entries, Entry, EntryType};

use crate::sim::board::{Board, Checker, Fact, Judged, Scene, leads};
use crate::sim::process::Glance;

#[derive(Debug, Default)]
pub(super) struct ConfigurationSafety {
    /// The configuration after each index at which one was applied.
    after: BTreeMap<u64, ConfState>,
}

impl ConfigurationSafety {
    fn compare(&mut self, index: u64, conf_state: &ConfState) -> Result<Judged, String> {
        let known = self.after.entry(index).or_insert_with(|| conf_state.clone());
        if !known.equivalent(conf_state) {
            return Err(format!("two configurations at {index}: {known:?} and {conf_state:?}"));
        }
        Ok(Judged::Sound)
    }
}

impl Checker for ConfigurationSafety {
    fn rule(&self) -> &'static str {
        "configuration safety"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        match fact {
            Fact::Configured { index, before, after } => {
                if !quorums_overlap(before, after) {
                    return Err(format!("quorums of {before} and {after} need not overlap"));
                }
                if *index < scene.board.founding {
                    return Ok(Judged::Sound);
                }
                self.compare(*index, &after.conf_state())
            }
            Fact::Led { term } => match scene.glance.map(Glance::configuration) {
                Some(config) if !config.voters.contains(scene.node) => {
                    Err(format!("leads in term {term}, and is no voter of {config}"))
                }
                _ => Ok(Judged::Sound),
            },
            Fact::Handed { entries } => {
                let Some(node) = scene.glance else { return Ok(Judged::Nothing) };
                one_at_a_time(node, entries, scene.board)
            }
            Fact::Installed { at, conf_state, .. } => {
                // The last change at or before it decides, if it is known.
                let last = self.after.range(..=at.index).next_back();
                match last {
                    Some((index, known)) if !known.equivalent(conf_state) => Err(format!(
                        "the snapshot at {at} has {conf_state:?}, and since {index} it is {known:?}"
                    )),
                    Some(_) => Ok(Judged::Sound),
                    None => Ok(Judged::Nothing),
                }
            }
            _ => Ok(Judged::Nothing),
        }
    }

    /// Who campaigns counts votes by a configuration that is not one of the past. While it does, no
    /// leader can tell it of more that is committed.
    fn on_state(&mut self, node: &dyn Glance, scene: &Scene<'_>) -> Result<Judged, String> {
        let status = node.status();
        if !matches!(status.soft_state.role, StateRole::PreCandidate | StateRole::Candidate) {
            return Ok(Judged::Nothing);
        }
        let unapplied = scene.board.conf_changes.iter().find(|change| {
            (status.applied + 1..=status.hard_state.commit).contains(&change.index)
                && node.term_at(change.index) == Some(change.term)
        });
        match unapplied {
            Some(change) => Err(format!("campaigns before it has applied the change {change}")),
            None => Ok(Judged::Sound),
        }
    }
}

/// A leader appends a change when it has applied all that came before (thesis §4.1). What it has applied
/// since only hides what it did.
fn one_at_a_time(node: &dyn Glance, entries: &Entries, board: &Board) -> Result<Judged, String> {
    let status = node.status();
    let is_change = |entry: &&Entry| entry.kind() != Ok(EntryType::Normal);
    let Some(change) = entries.iter().rfind(is_change).map(EntryId::of) else {
        return Ok(Judged::Nothing);
    };
    if !leads(status.soft_state) || change.term != status.hard_state.term {
        return Ok(Judged::Nothing);
    }
    let is_pending = |other: &&EntryId| {
        (status.applied + 1..change.index).contains(&other.index)
            && node.term_at(other.index) == Some(other.term)
    };
    match board.conf_changes.iter().find(is_pending) {
        Some(pending) => Err(format!("the change {change} comes while {pending} is pending")),
        None => Ok(Judged::Sound),
    }
}

/// Whether every quorum of one configuration has a member of every quorum of the other: it does when
/// the majorities of one pair of halves must meet. A node that has no configuration yet has no quorum.
fn quorums_overlap(before: &Configuration, after: &Configuration) -> bool {
    let halves = |config: &Configuration| {
        let JointConfig { incoming, outgoing } = config.voters.clone();
        [incoming.0, outgoing.0].into_iter().filter(|half| !half.is_empty())
    };
    let meet = |one: &IdSet, other: &IdSet| {
        let shared = one.iter().filter(|id| other.contains(*id)).count();
        (one.len() / 2 + 1) + (other.len() / 2 + 1) > one.len() + other.len() - shared
    };
    before.voters.incoming.0.is_empty()
        || halves(before).any(|one| halves(after).any(|other| meet(&one, &other)))
}

#[cfg(test)]
mod tests {
    use raft_core::quorum::MajorityConfig;

    use super::*;

    fn config(incoming: &[u64], outgoing: &[u64]) -> Configuration {
        let half = |ids: &[u64]| MajorityConfig(ids.iter().copied().collect());
        Configuration {
            voters: JointConfig { incoming: half(incoming), outgoing: half(outgoing) },
            ..Configuration::default()
        }
    }

    #[test]
    fn majorities_that_differ_by_one_voter_overlap_and_by_two_need_not() {
        let overlap = |a: (&[u64], &[u64]), b: (&[u64], &[u64])| {
            quorums_overlap(&config(a.0, a.1), &config(b.0, b.1))
        };
        assert!(overlap((&[1, 2, 3], &[]), (&[1, 2, 3, 4], &[])));
        assert!(overlap((&[1, 2, 3], &[]), (&[1, 2], &[])));
        assert!(overlap((&[1], &[]), (&[1, 2], &[])));
        assert!(!overlap((&[1, 2, 3], &[]), (&[3, 4, 5], &[])));
        assert!(!overlap((&[1, 2, 3], &[]), (&[1, 2, 3, 4, 5], &[])));
        // By way of a joint configuration anything goes.
        assert!(overlap((&[1, 2, 3], &[]), (&[3, 4, 5], &[1, 2, 3])));
        assert!(overlap((&[3, 4, 5], &[1, 2, 3]), (&[3, 4, 5], &[])));
    }
}
