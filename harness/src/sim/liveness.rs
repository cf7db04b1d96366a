//! The end of a run: all faults are over, and the cluster has to make progress within bounds.
//!
//! 1. Within [`LEADER`] election timeouts all of the core follow one leader; within [`LEADER_AFTER_FAULTS`]
//!    when [the schedule's faults went on to the end](Plan::ends_in_faults).
//! 2. Within [`CATCH_UP`] more, every member of the core has applied what the leader had then, no change of
//!    the configuration is under way, and no transfer of leadership.
//! 3. A proposal is committed within two heartbeats, and the time that messages and disks take.
//! 4. For [`STEADY`] election timeouts nobody else leads, and no term grows.
//! 5. Whatever was acknowledged is there, which reads tell that are answered; and no read is left that
//!    waits for its index.
//!
//! The core is who is in the leader's configuration and has not been left dead. An election timeout is
//! the longest that a node of the run can draw (2 x `election_tick`), but in 4, where it is the shortest.

use bytes::Bytes;
use raft_core::NONE;
use raft_core::tracker::Configuration;

use super::disk::SimStorage;
use super::machine::StateMachine;
use super::operator::members;
use super::outcome::Violation;
use super::plan::Plan;
use super::process::Process;
use super::workload::{Request, Workload};
use super::world::{World, rule};
use super::{TICK, Time};

/// Election timeouts until there is a leader that all follow, when the cluster had time before.
pub const LEADER: u64 = 3;
/// The same, when faults went on to the end.
pub const LEADER_AFTER_FAULTS: u64 = 10;
/// Election timeouts until all have caught up.
pub const CATCH_UP: u64 = 20;
/// Election timeouts for which nothing may change.
pub const STEADY: u64 = 20;

/// How far the cluster has come since the faults ended.
#[derive(Debug, Default)]
pub(super) struct Liveness {
    phase: Phase,
    since: Time,
    questions: Vec<Bytes>,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Chaos,
    Leader,
    CatchUp {
        to: u64,
    },
    Probe {
        index: u64,
    },
    Steady {
        leader: u64,
        term: u64,
    },
    Finishing,
    Closing,
}

impl Liveness {
    pub(super) fn begin(&mut self, now: Time) {
        self.enter(Phase::Leader, now);
    }

    fn enter(&mut self, phase: Phase, now: Time) {
        (self.phase, self.since) = (phase, now);
    }

    pub(super) fn clients_are_done(&self) -> bool {
        matches!(self.phase, Phase::Finishing | Phase::Closing)
    }

    /// A closing question was answered.
    pub(super) fn answered(&mut self) {
        self.questions.pop();
    }
}

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    pub(super) fn demand_progress(&mut self) -> Result<(), Violation> {
        let now = self.board.now;
        let passed = now - self.liveness.since;
        match self.liveness.phase {
            Phase::Chaos => Ok(()),
            Phase::Leader => match self.agreed_leader() {
                Some((leader, _)) => {
                    self.tally.time_to_leader = passed;
                    let last = self.process(leader).map(|p| p.glance().last_entry_id().index);
                    self.liveness.enter(Phase::CatchUp { to: last.unwrap_or(0) }, now);
                    Ok(())
                }
                None => {
                    let timeouts = leader_bound(&self.plan);
                    self.demand(passed <= timeouts * self.plan.election_timeout(), || {
                        format!("no leader that all follow within {timeouts} election timeouts")
                    })
                }
            },
            Phase::CatchUp { to } => {
                if self.is_caught_up(to)
                    && let Some((leader, _)) = self.agreed_leader()
                {
                    return self.probe(leader);
                }
                let applied: Vec<_> = self.running().map(|p| (p.id, p.applied())).collect();
                self.demand(passed <= CATCH_UP * self.plan.election_timeout(), || {
                    format!(
                        "not all have applied {to}, or a change or transfer goes on: {applied:?}"
                    )
                })
            }
            Phase::Probe { index } => {
                if self.board.max_committed >= index
                    && let Some((leader, term)) = self.agreed_leader()
                {
                    self.liveness.enter(Phase::Steady { leader, term }, now);
                    return Ok(());
                }
                let bound = commit_bound(&self.plan);
                self.demand(passed <= bound, || format!("{index} is not committed in {bound} us"))
            }
            Phase::Steady { leader, term } => {
                let terms = self.running().map(|process| process.status().hard_state.term);
                let highest = terms.max().unwrap_or(0);
                self.demand(highest == term && self.leader() == Some(leader), || {
                    format!("node {leader} led in term {term}, and now the term is {highest}")
                })?;
                if passed >= STEADY * self.plan.election_timeout() / 2 {
                    self.liveness.enter(Phase::Finishing, now);
                }
                Ok(())
            }
            Phase::Finishing => {
                if (0..self.plan.clients.count).all(|client| !self.is_waiting(client)) {
                    self.liveness.questions = self.workload.closing_questions();
                    self.liveness.enter(Phase::Closing, now);
                }
                Ok(())
            }
            Phase::Closing => match self.liveness.questions.last().cloned() {
                None if self.running().any(Process::has_confirmed_reads) => self
                    .demand(passed <= CATCH_UP * self.plan.election_timeout(), || {
                        "a read waits for its index to be applied".into()
                    }),
                None => {
                    self.finish();
                    Ok(())
                }
                Some(_) if passed > CATCH_UP * self.plan.election_timeout() => {
                    self.demand(false, || "a closing question is not answered".into())
                }
                Some(question) if !self.is_waiting(0) => {
                    self.ask_for(0, Request::Read(question), true)
                }
                Some(_) => Ok(()),
            },
        }
    }

    fn demand(&mut self, holds: bool, text: impl FnOnce() -> String) -> Result<(), Violation> {
        if !holds {
            return Err(self.violation(0, rule::LIVENESS, text()));
        }
        self.note_sound(rule::LIVENESS);
        Ok(())
    }

    /// The leader that the whole core follows, and its term.
    fn agreed_leader(&self) -> Option<(u64, u64)> {
        let leader = self.leader()?;
        let term = self.process(leader)?.status().hard_state.term;
        let mut core = self.core(self.process(leader)?.glance().configuration());
        let follows = |id: u64| {
            self.process(id).is_some_and(|process| {
                let status = process.status();
                status.soft_state.leader_id == leader && status.hard_state.term == term
            })
        };
        core.all(follows).then_some((leader, term))
    }

    /// The members of `config` that are meant to live.
    fn core(&self, config: &Configuration) -> impl Iterator<Item = u64> {
        let alive = |id: &u64| self.nodes.get(id).is_some_and(|host| !host.retired);
        members(config).filter(alive).collect::<Vec<_>>().into_iter()
    }

    fn is_caught_up(&self, to: u64) -> bool {
        let Some(leader) = self.leader().and_then(|leader| self.process(leader)) else {
            return false;
        };
        let config = leader.glance().configuration();
        let settled = !config.voters.is_joint()
            && self.board.last_conf_change() <= leader.applied()
            && leader.status().lead_transferee == NONE;
        let applied = |id: u64| self.process(id).is_some_and(|process| process.applied() >= to);
        settled && self.core(config).all(applied)
    }

    /// Proposes something, once the leader takes it: it may still wait for somebody to take over.
    fn probe(&mut self, leader: u64) -> Result<(), Violation> {
        let mut appended = None;
        self.with_process(leader, |process, _| appended = process.propose_probe())?;
        let (now, passed) = (self.board.now, self.board.now - self.liveness.since);
        match appended {
            Some(index) => {
                self.liveness.enter(Phase::Probe { index }, now);
                Ok(())
            }
            None => self.demand(passed <= CATCH_UP * self.plan.election_timeout(), || {
                "the leader takes no proposal".into()
            }),
        }
    }
}

/// In election timeouts.
fn leader_bound(plan: &Plan) -> u64 {
    if plan.ends_in_faults() { LEADER_AFTER_FAULTS } else { LEADER }
}

/// Two heartbeats, and what messages and disks take.
fn commit_bound(plan: &Plan) -> Time {
    let node = |n: &super::plan::NodePlan| {
        let heartbeats = 2 * Time::from(n.heartbeat_tick) * n.tick;
        // Before its own, a write waits for that of another batch, and for what the application keeps.
        heartbeats + 2 * (6 * n.write_time + 3 * n.sync_time) + 2 * n.batch_time
    };
    plan.nodes.iter().map(node).max().unwrap_or(0) + 2 * TICK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Act, SECOND, Timed, Whom};

    #[test]
    fn a_cluster_that_had_time_to_recover_has_to_have_a_leader_sooner() {
        let mut plan = Plan::calm(1, 3);
        plan.chaos = 60 * SECOND;
        let mut bound = |at, lasts| {
            plan.schedule = vec![Timed { at, act: Act::Crash { whom: Whom::Leader, lasts } }];
            leader_bound(&plan)
        };
        // Ten timeouts are 20 seconds.
        assert_eq!(bound(30 * SECOND, 9 * SECOND), LEADER);
        assert_eq!(bound(30 * SECOND, 11 * SECOND), LEADER_AFTER_FAULTS);
        assert_eq!(bound(41 * SECOND, 0), LEADER_AFTER_FAULTS);
    }
}
