//! Scripts under our own stricter rules, beside etcd's.
//!
//! A script's expected text is etcd's, so that it says nothing about [`Compat::Strict`], where
//! messages are fewer and leave later. What must not depend on that is what the group decides. So
//! each directive is run in two environments that differ in nothing but [`Compat`], and these are
//! failures:
//!
//! 1. After a directive, an invariant of Raft does not hold in the strict environment: one leader
//!    a term, one vote a term, equal committed entries, matching logs, marks that never regress.
//! 2. A node cannot go on in the strict environment though all can in the other.
//! 3. After a `stabilize` of all nodes, or in the end, nodes of either environment have applied
//!    the same entries and have different configurations.
//! 4. In the end, with everything delivered and lost snapshots reported, a strict leader with a
//!    quorum of nodes has entries that are not committed.
//!
//! More can be seen most of the time: after each `stabilize`, every node has applied the same
//! entries in both. It need not be so. A script that loses "the messages to 3" loses other
//! messages where fewer are sent; from then on a node that is told to campaign may have another
//! log, other votes, and another fate, and other entries survive (also when the same leaders win).
//! How it was is the script's [`Agreement`], and none of them is a failure.

use std::collections::BTreeMap;

use raft_core::quorum::VoteResult;
use raft_core::tracker::{Configuration, ProgressState};
use raft_core::{Compat, SnapshotStatus, StateRole, Status, Storage};
use thiserror::Error;

use super::InteractionScript;
use super::console::LogLevel;
use super::environment::Environment;
use super::etcd_text::NodeError;
use super::invariants::{Observed, Violation};
use super::node::ScriptNode;
use crate::datadriven::{Arguments, BadArgument, Directive};
use crate::runner::Interpreter;

/// How far two environments agreed that ran the same script under different rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// After each `stabilize` every node had applied the same entries in both and had the same
    /// configuration.
    AfterEveryStabilize,
    /// Not after the `stabilize` on this line. In the end, with everything delivered, the entries
    /// that both have committed were the same.
    InTheEnd {
        /// The first line after which they differed.
        line: usize,
    },
    /// Other entries have survived.
    Parted {
        /// The first line after which they differed.
        line: usize,
        /// The first index at which the committed entries differ.
        index: u64,
    },
}

/// Something that must hold did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The line of the directive after which it shows.
    pub line: usize,
    /// What did not hold.
    pub what: String,
}

/// Runs a script under etcd's rules and under ours, in lock step. What it prints is the former's.
#[derive(Debug)]
pub struct StrictTwin {
    etcd: Lane,
    strict: Lane,
    /// The last directive's line.
    line: usize,
    /// The line of the first `stabilize` that did not leave both in the same state.
    unequal_since: Option<usize>,
    /// What broke first; the rest would follow from it.
    broken: Option<Broken>,
}

impl Default for StrictTwin {
    fn default() -> Self {
        StrictTwin {
            etcd: Lane::new(Compat::Etcd),
            strict: Lane::new(Compat::Strict),
            line: 0,
            unequal_since: None,
            broken: None,
        }
    }
}

impl Interpreter for StrictTwin {
    fn run(&mut self, directive: &Directive) -> Result<String, BadArgument> {
        self.line = directive.line;
        let output = self.etcd.script.run(directive)?;
        if !self.strict.would_lose_entries(directive) {
            self.strict.script.run(directive)?;
        }
        self.look();
        let all_nodes = directive.args.iter().all(|arg| arg.values.is_some());
        if directive.command == "stabilize" && all_nodes {
            self.compare();
        }
        Ok(output)
    }
}

impl StrictTwin {
    /// Ends the script: delivers what is left to deliver, and tells how the two agreed, and what
    /// broke if something did.
    #[must_use]
    pub fn finish(mut self) -> (Agreement, Option<Broken>) {
        let unequal_since = self.unequal_since;
        self.etcd.settle();
        let settled = self.strict.settle();
        self.look();
        self.compare();
        if settled && self.strict.is_comparable() {
            self.demand(self.strict.all_committed());
        }
        let agreement = match (unequal_since, self.first_conflict()) {
            (None, None) => Agreement::AfterEveryStabilize,
            (Some(line), None) => Agreement::InTheEnd { line },
            (line, Some(index)) => Agreement::Parted { line: line.unwrap_or(self.line), index },
        };
        (agreement, self.broken)
    }

    fn look(&mut self) {
        let seen = self.strict.look();
        self.demand(seen);
        // Only to know what is committed: what etcd's rules allow is not what is tested here.
        self.etcd.look().ok();
        if self.etcd.failed().is_none() {
            self.demand(self.strict.failed().map_or(Ok(()), Err));
        }
    }

    /// Compares the two environments, neither of which has anything left to do.
    fn compare(&mut self) {
        let (etcd, strict) = (self.etcd.views(), self.strict.views());
        let conflict = self.first_conflict();
        if self.unequal_since.is_none() && (etcd != strict || conflict.is_some()) {
            self.unequal_since = Some(self.line);
        }
        if self.etcd.is_comparable() && self.strict.is_comparable() {
            let parted_at = conflict.unwrap_or(u64::MAX);
            let comparable = etcd.iter().filter(|view| view.applied < parted_at);
            self.demand(same_configurations(strict.iter().chain(comparable)));
        }
    }

    /// The first index at which both have committed an entry, and not the same one.
    fn first_conflict(&self) -> Option<u64> {
        let strict = self.strict.observed.committed();
        let mut committed = self.etcd.observed.committed().iter();
        let differs = |index, entry| strict.get(index).is_some_and(|other| other != entry);
        committed.find(|(index, entry)| differs(index, *entry)).map(|(index, _)| *index)
    }

    fn demand(&mut self, result: Result<(), impl ToString>) {
        if let Err(what) = result {
            let broken = Broken { line: self.line, what: what.to_string() };
            self.broken.get_or_insert(broken);
        }
    }
}

/// What must not be in the strict environment, beside violations of the invariants.
#[derive(Clone, Debug, Error, PartialEq)]
enum Difference {
    #[error("node {node} cannot go on: {error}")]
    Failed { node: u64, error: NodeError },
    #[error("leader {leader} has committed {commit} of {last}, though a quorum has all of it")]
    Stuck { leader: u64, commit: u64, last: u64 },
    #[error("of nodes that have applied up to {applied}, one has {first} and one {second}")]
    Configuration { applied: u64, first: String, second: String },
}

/// A configuration is made of what was applied, and of nothing else.
fn same_configurations<'a>(views: impl Iterator<Item = &'a NodeView>) -> Result<(), Difference> {
    let mut configurations = BTreeMap::new();
    // A node that has applied nothing may have been told its group by other means.
    for NodeView { applied, config, .. } in views.filter(|view| view.applied > 0) {
        let first: &Configuration = configurations.entry(*applied).or_insert(config);
        if first != config {
            return Err(Difference::Configuration {
                applied: *applied,
                first: first.to_string(),
                second: config.to_string(),
            });
        }
    }
    Ok(())
}

/// A node as far as it must not depend on how messages were sent.
#[derive(Clone, Debug, PartialEq)]
struct NodeView {
    applied: u64,
    commit: u64,
    config: Configuration,
}

/// One of the two environments, and what was seen of it.
#[derive(Debug)]
struct Lane {
    script: InteractionScript,
    observed: Observed,
}

impl Lane {
    fn new(compat: Compat) -> Self {
        Lane { script: InteractionScript::new(compat), observed: Observed::default() }
    }

    fn environment(&self) -> &Environment {
        &self.script.environment
    }

    fn look(&mut self) -> Result<(), Violation> {
        self.observed.look_at(&self.script.environment)
    }

    /// Whether `directive` compacts what this environment has not applied, though the one that
    /// the script was written for has. No application would.
    fn would_lose_entries(&self, directive: &Directive) -> bool {
        let mut args = Arguments::new(directive);
        let (Ok(id), Ok(index)) =
            (args.positional::<u64>("the node"), args.positional("the index"))
        else {
            return false;
        };
        let mut nodes = self.environment().nodes.iter();
        let node = nodes.find(|node| node.id() == id);
        let applied = node.map_or(u64::MAX, |node| node.status().basic.applied);
        directive.command == "compact" && applied < index
    }

    /// The first node that cannot go on, and why.
    fn failed(&self) -> Option<Difference> {
        let mut nodes = self.environment().nodes.iter();
        nodes.find_map(|node| {
            let error = node.failure()?.clone();
            Some(Difference::Failed { node: node.id(), error })
        })
    }

    /// Whether a node's configuration is made of what it has applied: not when one stopped halfway,
    /// and not when one may have got a snapshot with a configuration that was not its sender's (see
    /// [`HistoryStorage`](super::storage::HistoryStorage)).
    fn is_comparable(&self) -> bool {
        let mut nodes = self.environment().nodes.iter();
        nodes.all(|node| node.failure().is_none() && !node.storage().is_stale())
    }

    fn views(&self) -> Vec<NodeView> {
        let views = self.environment().nodes.iter().map(|node| {
            let status = node.status();
            NodeView {
                applied: status.basic.applied,
                commit: status.basic.hard_state.commit,
                config: status.config,
            }
        });
        views.collect()
    }

    /// Delivers all messages, late ones as well, and those that the leaders' heartbeats lead to, and
    /// reports the snapshots that were lost. False when that comes to no end.
    fn settle(&mut self) -> bool {
        let environment = &mut self.script.environment;
        environment.console.set_level(LogLevel::None);
        environment.network.heal();
        for node in &environment.nodes {
            environment.network.release(node.id());
        }
        let all: Vec<usize> = (0..environment.nodes.len()).collect();
        for _ in 0..SETTLING_ROUNDS {
            if environment.stabilize(&all).is_err() {
                return false;
            }
            for node in &mut environment.nodes {
                let status = node.status();
                if status.basic.soft_state.role != StateRole::Leader {
                    continue;
                }
                for (peer, progress) in &status.progress {
                    if progress.state == ProgressState::Snapshot {
                        node.report_snapshot(*peer, SnapshotStatus::Failure);
                    }
                }
                (0..node.config().heartbeat_tick).for_each(|_| node.tick());
            }
        }
        environment.stabilize(&all).is_ok()
    }

    /// Whether the leader of the newest term, if it has a quorum of nodes, has committed its whole
    /// log.
    fn all_committed(&self) -> Result<(), Difference> {
        let nodes = &self.environment().nodes;
        let statuses: Vec<Status> = nodes.iter().map(ScriptNode::status).collect();
        let term = statuses.iter().map(|status| status.basic.hard_state.term).max();
        let mut newest = statuses.iter().filter(|s| Some(s.basic.hard_state.term) == term);
        let Some(status) = newest.find(|s| s.basic.soft_state.role == StateRole::Leader) else {
            return Ok(());
        };
        let leader = status.basic.id;
        let there = |id| Some(nodes.iter().any(|node| node.id() == id));
        if status.config.voters.vote_result(&there) != VoteResult::Won {
            return Ok(());
        }
        let last = nodes.iter().find(|node| node.id() == leader);
        let last = last.and_then(|node| node.storage().last_index().ok()).unwrap_or(0);
        let commit = status.basic.hard_state.commit;
        if commit == last { Ok(()) } else { Err(Difference::Stuck { leader, commit, last }) }
    }
}

/// Enough for a leader to give up a transfer, to find out that it has lost its quorum, and to send
/// a snapshot and what came after it.
const SETTLING_ROUNDS: usize = 20;

#[cfg(test)]
mod tests;
