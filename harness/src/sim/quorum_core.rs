//! Who may stay dead for ever: everybody without whom the rest can still elect a leader, keep all that
//! is committed, and end every change of the configuration that any of them has in its log.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::EntryId;
use raft_core::confchange::{Changer, restore};
use raft_core::quorum::VoteResult;
use raft_core::tracker::{Configuration, InflightLimits};
use raft_proto::ConfChangeV2;

use super::process::Glance;

/// A node, as far as it matters to whether others can do without it.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) id: u64,
    last: EntryId,
    holds_committed: bool,
    /// The configuration that it has by what it knows to be committed; then those that the rest of its
    /// log leads to, one by one.
    configs: Vec<Configuration>,
}

impl View {
    /// `changes` are all that were ever asked for, `committed` is the last entry that any node knows to
    /// be committed.
    pub(super) fn of(
        id: u64,
        glance: &dyn Glance,
        changes: &BTreeMap<EntryId, ConfChangeV2>,
        committed: EntryId,
    ) -> Self {
        let (status, last) = (glance.status(), glance.last_entry_id());
        let (applied, commit) = (status.applied, status.hard_state.commit);
        let mut configs = vec![glance.configuration().clone()];
        for (entry, change) in changes {
            let is_ahead = (applied + 1..=last.index).contains(&entry.index);
            if !is_ahead || glance.term_at(entry.index) != Some(entry.term) {
                continue;
            }
            let Some(next) = configs.last().and_then(|config| changed(config, change)) else {
                continue;
            };
            if entry.index <= commit {
                configs.clear();
            }
            configs.push(next);
        }
        let holds_committed = glance.term_at(committed.index) == Some(committed.term);
        Self { id, last, holds_committed, configs }
    }

    pub(super) fn changes_or_is_joint(&self) -> bool {
        self.configs.len() > 1 || self.configs.iter().any(|config| config.voters.is_joint())
    }

    pub(super) fn lags(&self) -> bool {
        !self.holds_committed
    }

    /// Everybody in it votes for this one, and its log can be committed to its end.
    fn can_lead(&self, core: &BTreeSet<u64>) -> bool {
        let is_voter = self.configs.first().is_some_and(|config| config.voters.contains(self.id));
        is_voter && self.holds_committed && self.configs.iter().all(|config| decides(config, core))
    }

    /// If it is elected after all, it does not end with a change that nobody is there to commit.
    fn does_no_harm(&self, core: &BTreeSet<u64>) -> bool {
        let mut decided = self.configs.iter().map(|config| decides(config, core));
        !decided.next().unwrap_or(false) || decided.all(|decides| decides)
    }
}

/// Whether the nodes of `core` are enough among those of `views`.
pub(super) fn is_enough(views: &[View], core: &BTreeSet<u64>) -> bool {
    let alive = || views.iter().filter(|view| core.contains(&view.id));
    let longest = alive().map(|view| (view.last.term, view.last.index)).max();
    let mut heirs = alive().filter(|view| Some((view.last.term, view.last.index)) == longest);
    heirs.any(|view| view.can_lead(core)) && views.iter().all(|view| view.does_no_harm(core))
}

/// Whether `core` has a majority, of both halves when the configuration is joint.
fn decides(config: &Configuration, core: &BTreeSet<u64>) -> bool {
    config.voters.vote_result(&|id| Some(core.contains(&id))) == VoteResult::Won
}

/// What `change` makes of `config`; `None` when it is impossible, and nodes go on without it.
fn changed(config: &Configuration, change: &ConfChangeV2) -> Option<Configuration> {
    let tracker = restore(&config.conf_state(), InflightLimits { msgs: 1, bytes: 0 }, 1).ok()?;
    let changed = Changer { tracker: &tracker, last_index: 1 }.apply(change).ok()?;
    Some(changed.config)
}

#[cfg(test)]
mod tests {
    use raft_proto::{ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfState};

    use super::*;

    fn config(voters: impl Into<Vec<u64>>) -> Configuration {
        let conf_state = ConfState::new(voters.into(), []);
        restore(&conf_state, InflightLimits { msgs: 1, bytes: 0 }, 1).unwrap().config
    }

    fn view<const N: usize>(id: u64, last: u64, configs: [&Configuration; N]) -> View {
        let last = EntryId::new(1, last);
        View {
            id,
            last,
            holds_committed: last.index >= 5,
            configs: configs.map(Clone::clone).into(),
        }
    }

    fn enough(views: &[View], core: &[u64]) -> bool {
        is_enough(views, &core.iter().copied().collect())
    }

    #[test]
    fn a_majority_that_holds_what_is_committed_is_enough() {
        let all = config([1, 2, 3]);
        let views = [1, 2, 3].map(|id| view(id, if id == 3 { 4 } else { 5 }, [&all]));
        assert!(enough(&views, &[1, 3]) && enough(&views, &[2, 3]));
        assert!(!enough(&views, &[1]), "no majority");
        let lagging = [2, 3].map(|id| view(id, 4, [&all]));
        assert!(!enough(&lagging, &[2, 3]), "5 is committed");
    }

    #[test]
    fn both_halves_and_every_change_in_a_log_need_their_majority() {
        let remove = ConfChangeSingle::new(ConfChangeType::RemoveNode, 1);
        let add = ConfChangeSingle::new(ConfChangeType::AddNode, 4);
        let replace = ConfChangeV2::new(ConfChangeTransition::JointExplicit, vec![remove, add]);
        let before = config([1, 2, 3]);
        let joint = changed(&before, &replace).unwrap();
        assert!(joint.voters.is_joint());
        let in_joint = [1, 2, 3, 4].map(|id| view(id, 5, [&joint]));
        assert!(enough(&in_joint, &[2, 3]) && enough(&in_joint, &[1, 2, 4]));
        assert!(!enough(&in_joint, &[1, 2]), "not of the new half");
        // Node 1 holds the change, and the others do not yet know of it.
        let mut views = [1, 2, 3].map(|id| view(id, 5, [&before])).to_vec();
        views[0] = view(1, 6, [&before, &joint]);
        assert!(enough(&views, &[2, 3]));
        assert!(!enough(&views, &[1, 2]), "it could not be ended");
    }

    #[test]
    fn who_has_not_heard_that_a_member_went_may_need_it() {
        let (before, after) = (config([1, 2, 3, 4]), config([2, 3, 4]));
        let mut views = [2, 3, 4].map(|id| view(id, 5, [&before, &after])).to_vec();
        views.push(view(1, 5, [&after]));
        assert!(!enough(&views, &[3, 4]));
        assert!(enough(&views, &[2, 3, 4]));
    }

    #[test]
    fn an_impossible_change_changes_nothing() {
        let leave = ConfChangeV2::default();
        assert_eq!(changed(&config([1, 2, 3]), &leave), None);
    }
}
