//! What must hold in every state, and the history that it takes to see it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use raft_core::EntryId;
use raft_core::quorum::JointConfig;
use raft_core::tracker::Configuration;
use raft_proto::ConfState;

use super::log_view::{LogView, Slot};
use super::member::Member;
use super::reached::{Reached, ReachedSet};
use super::turn::Observed;

/// A rule of Raft (Raft §5, figure 3, unless it says otherwise).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// At most one leader is elected in a term.
    ElectionSafety,
    /// Logs that have an entry with the same index and term are the same up to it.
    LogMatching,
    /// What is committed is in the log of each leader of a later term.
    LeaderCompleteness,
    /// Nobody commits or applies another entry at an index than anybody else.
    StateMachineSafety,
    /// What is committed is on the disks of a majority of each half of the voters.
    CommittedIsDurable,
    /// A leader that is the first to commit an entry does so by counting copies of an entry of its
    /// own term (Raft §5.4.2).
    CommitsOwnTerm,
    /// A node votes once in a term, whatever happens to it.
    OneVote,
    /// Votes and pre-votes go to those whose log is up to date (Raft §5.4.1; thesis §9.6).
    VotesForUpToDate,
    /// Terms, commit and applied indexes never fall.
    Monotone,
    /// Nothing is acknowledged before it is durable (Raft §5; thesis §3.8).
    DurableBeforeAcknowledged,
    /// At most one change of the configuration is under way (thesis §4.1).
    OneChange,
    /// Quorums of consecutive configurations intersect (Raft §6; thesis §4.1).
    QuorumsIntersect,
    /// The same changes lead to the same configuration, by the log or by a snapshot.
    SameConfiguration,
    /// No honest message is refused, and no node fails.
    NodesGoOn,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ElectionSafety => "election safety",
            Self::LogMatching => "log matching",
            Self::LeaderCompleteness => "leader completeness",
            Self::StateMachineSafety => "state machine safety",
            Self::CommittedIsDurable => "committed is durable",
            Self::CommitsOwnTerm => "commits own term",
            Self::OneVote => "one vote",
            Self::VotesForUpToDate => "votes for up to date",
            Self::Monotone => "monotone",
            Self::DurableBeforeAcknowledged => "durable before acknowledged",
            Self::OneChange => "one change",
            Self::QuorumsIntersect => "quorums intersect",
            Self::SameConfiguration => "same configuration",
            Self::NodesGoOn => "nodes go on",
        })
    }
}

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Broken {
    /// The rule.
    pub rule: Rule,
    /// The node where it shows.
    pub node: u64,
    /// What was seen.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: node {}: {}", self.rule, self.node, self.text)
    }
}

/// What was committed, and in which term somebody found so first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Committed {
    slot: Slot,
    in_term: u64,
}

/// All of the past that the rules depend on. It is part of the state: two states with different
/// pasts may not both be safe.
#[derive(Clone, Debug, Hash)]
pub(super) struct History {
    /// The leader of each term.
    leaders: BTreeMap<u64, u64>,
    /// The committed entries from index 1 on.
    committed: Vec<Committed>,
    /// Each configuration, by the index of the change that it came with. The first is at 0.
    configurations: BTreeMap<u64, Configuration>,
}

impl History {
    pub(super) fn new(first: Configuration) -> Self {
        History {
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            configurations: BTreeMap::from([(0, first)]),
        }
    }

    fn committed(&self, index: u64) -> Option<&Committed> {
        self.committed.get(usize::try_from(index.checked_sub(1)?).ok()?)
    }

    /// Judges what `node` has done. `members` are all nodes as they are now.
    pub(super) fn judge(
        &mut self,
        node: u64,
        observed: &[Observed],
        members: &[Arc<Member>],
        reached: &mut ReachedSet,
    ) -> Result<(), Broken> {
        let judge = Judge { node, members };
        for seen in observed {
            match seen {
                Observed::Leads { term, log } => self.on_leader(judge, *term, log)?,
                Observed::Commits { from, to, log, .. } => {
                    self.on_own_term(judge, seen)?;
                    for index in from + 1..=*to {
                        // What lies under a snapshot was committed before it was made.
                        if let Some(slot) = log.get(index) {
                            self.on_commit(judge, slot, seen, reached)?;
                        }
                    }
                }
                Observed::Applies(slot) => self.on_apply(judge, slot)?,
                Observed::Configures { index, config } => {
                    self.on_configuration(judge, *index, config)?;
                }
                Observed::Installs { id, conf_state } => self.on_install(judge, *id, conf_state)?,
                Observed::Regresses { what, from, to } => {
                    return judge.broken(Rule::Monotone, format!("{what} {from} became {to}"));
                }
                Observed::VotesAgain { term, first, second } => {
                    let text = format!("in term {term} for {first}, and then for {second}");
                    return judge.broken(Rule::OneVote, text);
                }
                Observed::VotesUnduly(request) => {
                    let (ours, theirs) = (request.last, request.candidate_last);
                    let text = format!("last entry {ours}, {}'s is {theirs}", request.from);
                    return judge.broken(Rule::VotesForUpToDate, text);
                }
                Observed::Vouches { message, why } => {
                    let message = raft_core::describe::message(message);
                    let text = format!("{message}, but {why}");
                    return judge.broken(Rule::DurableBeforeAcknowledged, text);
                }
                Observed::Fails(why) => return judge.broken(Rule::NodesGoOn, why.clone()),
            }
        }
        Ok(())
    }

    fn on_leader(&mut self, judge: Judge<'_>, term: u64, log: &LogView) -> Result<(), Broken> {
        let first = *self.leaders.entry(term).or_insert(judge.node);
        if first != judge.node {
            return judge
                .broken(Rule::ElectionSafety, format!("node {first} leads term {term} too"));
        }
        let earlier = self.committed.iter().filter(|committed| committed.in_term < term);
        match earlier.map(|committed| committed.slot).find(|slot| !log.holds(slot)) {
            Some(slot) => judge.lacks(term, &slot),
            None => Ok(()),
        }
    }

    /// What is known to be committed may be learnt from anybody.
    fn on_own_term(&self, judge: Judge<'_>, commits: &Observed) -> Result<(), Broken> {
        let Observed::Commits { to, term, leads: true, log, .. } = commits else { return Ok(()) };
        match log.get(*to) {
            Some(slot) if slot.id.term != *term && self.committed(*to).is_none() => {
                judge.broken(Rule::CommitsOwnTerm, format!("{} in term {term}", slot.id))
            }
            _ => Ok(()),
        }
    }

    fn on_commit(
        &mut self,
        judge: Judge<'_>,
        slot: &Slot,
        commits: &Observed,
        reached: &mut ReachedSet,
    ) -> Result<(), Broken> {
        let Observed::Commits { term, durable, config, leads, .. } = commits else { return Ok(()) };
        if let Some(committed) = self.committed(slot.id.index) {
            return judge.same("commits", &committed.slot, slot);
        }
        if slot.id.index != self.committed.len() as u64 + 1 {
            return judge.broken(Rule::StateMachineSafety, format!("{} leaves a gap", slot.id));
        }
        if slot.is_proposal {
            reached.insert(Reached::Committed);
        }
        if *leads && !durable.holds(slot) {
            reached.insert(Reached::CommittedAhead);
        }
        self.committed.push(Committed { slot: *slot, in_term: *term });
        judge.on_quorum(slot, &config.voters, durable)?;
        for other in judge.members {
            let later = other.leads() && other.status().hard_state.term > *term;
            if later && !other.log().holds(slot) {
                return Judge { node: other.id(), ..judge }
                    .lacks(other.status().hard_state.term, slot);
            }
        }
        Ok(())
    }

    fn on_apply(&self, judge: Judge<'_>, slot: &Slot) -> Result<(), Broken> {
        match self.committed(slot.id.index) {
            Some(committed) => judge.same("applies", &committed.slot, slot),
            None => {
                let text = format!("applies {}, which is not committed", slot.id);
                judge.broken(Rule::StateMachineSafety, text)
            }
        }
    }

    fn on_configuration(
        &mut self,
        judge: Judge<'_>,
        index: u64,
        config: &Configuration,
    ) -> Result<(), Broken> {
        if let Some(known) = self.configurations.get(&index) {
            if known == config {
                return Ok(());
            }
            let text = format!("{config} after {index}, another has {known}");
            return judge.broken(Rule::SameConfiguration, text);
        }
        let before = self.configuration_at(index);
        if !quorums_intersect(&before.voters, &config.voters) {
            return judge.broken(Rule::QuorumsIntersect, format!("{before}, then {config}"));
        }
        self.configurations.insert(index, config.clone());
        Ok(())
    }

    fn configuration_at(&self, index: u64) -> &Configuration {
        let (_, config) = self.configurations.range(..=index).next_back().unwrap_or_else(|| {
            unreachable!("there is one at index 0");
        });
        config
    }

    fn on_install(
        &self,
        judge: Judge<'_>,
        id: EntryId,
        conf_state: &ConfState,
    ) -> Result<(), Broken> {
        match self.committed(id.index) {
            Some(committed) if committed.slot.id == id => {}
            _ => {
                let text = format!("snapshot {id}, which is not committed");
                return judge.broken(Rule::StateMachineSafety, text);
            }
        }
        let known = self.configuration_at(id.index);
        if known.conf_state().equivalent(conf_state) {
            return Ok(());
        }
        let text = format!("{conf_state:?} by a snapshot at {}, another has {known}", id.index);
        judge.broken(Rule::SameConfiguration, text)
    }

    /// Judges the log of `changed`, beside those of the others.
    pub(super) fn judge_log(
        &self,
        changed: &Member,
        members: &[Arc<Member>],
    ) -> Result<(), Broken> {
        let judge = Judge { node: changed.id(), members };
        for other in judge.members.iter().filter(|other| other.id() != judge.node) {
            if let Some(at) = mismatch(changed.log(), other.log()) {
                let text = format!("{at} follows other entries than on node {}", other.id());
                return judge.broken(Rule::LogMatching, text);
            }
        }
        let pending = changed.log().slots().iter().filter(|slot| {
            // One that is committed may be followed by the next.
            slot.is_change && slot.id.index > self.committed.len() as u64
        });
        let ids: Vec<_> = pending.map(|slot| slot.id.to_string()).collect();
        if ids.len() > 1 {
            return judge.broken(Rule::OneChange, format!("changes {}", ids.join(" and ")));
        }
        Ok(())
    }
}

/// Who is judged, and all the others.
#[derive(Clone, Copy)]
struct Judge<'a> {
    node: u64,
    members: &'a [Arc<Member>],
}

impl Judge<'_> {
    fn broken(&self, rule: Rule, text: String) -> Result<(), Broken> {
        Err(Broken { rule, node: self.node, text })
    }

    fn lacks(&self, term: u64, slot: &Slot) -> Result<(), Broken> {
        let text = format!("leads term {term} without {}, which is committed", slot.id);
        self.broken(Rule::LeaderCompleteness, text)
    }

    fn same(&self, does: &str, committed: &Slot, slot: &Slot) -> Result<(), Broken> {
        if committed == slot {
            return Ok(());
        }
        let text = format!("{does} {}, {} is committed", slot.id, committed.id);
        self.broken(Rule::StateMachineSafety, text)
    }

    /// Whether `slot` is on the disks of a majority of both halves of `voters`, when the node's own
    /// disk holds `own`.
    fn on_quorum(&self, slot: &Slot, voters: &JointConfig, own: &LogView) -> Result<(), Broken> {
        let disk = |id| {
            if id == self.node {
                return Some(own);
            }
            self.members.iter().find(|member| member.id() == id).map(|member| member.durable())
        };
        for half in [&voters.incoming.0, &voters.outgoing.0] {
            let copies = half.iter().filter_map(disk).filter(|disk| disk.holds(slot)).count();
            if !half.is_empty() && 2 * copies <= half.len() {
                let text = format!("commits {}, which {copies} of {half} have on disk", slot.id);
                return self.broken(Rule::CommittedIsDurable, text);
            }
        }
        Ok(())
    }
}

/// The last entry that both logs have, if something before it is not the same.
fn mismatch(one: &LogView, other: &LogView) -> Option<EntryId> {
    let mut common = None;
    for slot in one.slots().iter().rev() {
        let Some(theirs) = other.get(slot.id.index) else { continue };
        if slot == theirs {
            common = common.or(Some(slot.id));
        } else if common.is_some() || slot.id == theirs.id {
            return common.or(Some(slot.id));
        }
    }
    None
}

/// Whether each quorum of `one` has a member in each of `other`: when none can decide without it,
/// the complement of a quorum of one is no quorum of the other.
fn quorums_intersect(one: &JointConfig, other: &JointConfig) -> bool {
    let ids: Vec<u64> = one.ids().iter().chain(other.ids().iter()).collect();
    let decides = |config: &JointConfig, members: &dyn Fn(u64) -> bool| {
        let majority = |half: &raft_core::IdSet| {
            let present = half.iter().filter(|id| members(*id)).count();
            half.is_empty() || 2 * present > half.len()
        };
        majority(&config.incoming.0) && majority(&config.outgoing.0)
    };
    (0u32..1 << ids.len()).all(|subset| {
        let inside =
            |id| ids.iter().position(|known| *known == id).is_some_and(|at| subset & 1 << at != 0);
        !(decides(one, &inside) && decides(other, &|id| !inside(id)))
    })
}

#[cfg(test)]
mod tests;
