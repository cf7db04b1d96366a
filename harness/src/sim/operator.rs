//! What is done to the cluster from outside: the faults of the schedule, and the people who run it.

use std::collections::BTreeSet;

use raft_core::tracker::Configuration;
use raft_proto::{ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2};

use super::board::Fact;
use super::disk::{SimStorage, WriteFault};
use super::machine::StateMachine;
use super::outcome::Violation;
use super::plan::Plan;
use super::schedule::{Act, Change, Whom};
use super::watch::Seen;
use super::workload::Workload;
use super::world::{State, World};
use super::{TICK, Time};
use crate::timeline::What;

/// How often the operators look after the cluster.
pub(super) const ROUND: Time = TICK;

/// What the operators know.
#[derive(Debug, Default)]
pub(super) struct Operator {
    /// Nodes whose disk is lost.
    lost: BTreeSet<u64>,
    /// Nodes that a configuration has named.
    members: BTreeSet<u64>,
    /// New nodes that have been started.
    joined: u64,
    /// The highest index at which a change was proposed. It may not be on any disk yet.
    proposed: u64,
}

impl Operator {
    pub(super) fn new(plan: &Plan) -> Self {
        let members = (1..=plan.voters + plan.learners).collect();
        Self { members, ..Self::default() }
    }

    pub(super) fn note_configuration(&mut self, config: &Configuration) {
        self.members.extend(members(config));
    }
}

/// Everybody whom a configuration names.
pub(super) fn members(config: &Configuration) -> impl Iterator<Item = u64> {
    let voters = config.voters.ids();
    let learners: Vec<_> = config.learners.iter().chain(config.learners_next.iter()).collect();
    voters.iter().chain(learners).collect::<BTreeSet<_>>().into_iter()
}

impl<S: SimStorage, M: StateMachine, W: Workload> World<S, M, W> {
    /// The running node that is meant.
    fn resolve(&self, whom: Whom) -> Option<u64> {
        match whom {
            Whom::Node(id) => self.process(id).map(|process| process.id),
            Whom::Leader => self.leader(),
            Whom::Follower(n) => {
                let followers: Vec<_> =
                    self.running().filter(|process| !process.leads()).map(|p| p.id).collect();
                let at = n.checked_rem(followers.len() as u64)?;
                followers.get(at as usize).copied()
            }
        }
    }

    /// One act of the schedule. One that makes no sense at the moment is left out.
    pub(super) fn act(&mut self, act: Act) -> Result<(), Violation> {
        let now = self.board.now;
        self.recorder.record(now, || What::Fault { node: 0, text: format!("{act:?}") });
        match act {
            Act::PowerCut { lasts } => return self.power_cut(lasts),
            Act::Partition { side, lasts } => {
                self.cut_between(&side, None, lasts);
                return Ok(());
            }
            Act::Bridge { bridge, side, lasts } => {
                self.cut_between(&side, Some(bridge), lasts);
                return Ok(());
            }
            Act::Clog { from, to, lasts } => {
                self.coverage.note(Seen::Clogged);
                self.network.clog(from, to, now + lasts);
                return Ok(());
            }
            Act::Change { change } => return self.change(change),
            _ => {}
        }
        let (Act::Crash { whom, .. }
        | Act::CrashInWrite { whom, .. }
        | Act::Pause { whom, .. }
        | Act::ClockJump { whom, .. }
        | Act::Isolate { whom, .. }
        | Act::WriteFails { whom, .. }
        | Act::SyncFails { whom, .. }
        | Act::DiskFull { whom, .. }
        | Act::DiskSlow { whom, .. }
        | Act::SlowReads { whom, .. }
        | Act::NoSnapshot { whom, .. }
        | Act::Wipe { whom }
        | Act::Transfer { to: whom }
        | Act::Campaign { whom }
        | Act::ForgetLeader { whom }
        | Act::Unreachable { whom, .. }) = act
        else {
            return Ok(());
        };
        match self.resolve(whom) {
            Some(id) => self.act_on(id, act),
            None => Ok(()),
        }
    }

    fn act_on(&mut self, id: u64, act: Act) -> Result<(), Violation> {
        match act {
            Act::Crash { lasts, .. } => {
                self.crash(id, "crash")?;
                self.start_after(id, lasts);
            }
            Act::Pause { lasts, catches_up, .. } => self.pause(id, lasts, catches_up),
            Act::ClockJump { ticks, .. } => {
                self.coverage.note(Seen::ClockJumped);
                return self.jump(id, ticks);
            }
            Act::Isolate { inward, outward, lasts, .. } => {
                let others = self.plan.ids().filter(|other| *other != id);
                let cuts = others.flat_map(|other| {
                    [(inward, (other, id)), (outward, (id, other))]
                        .into_iter()
                        .filter_map(|(cut, link)| cut.then_some(link))
                });
                self.cut(cuts.collect(), lasts);
            }
            Act::DiskFull { lasts, .. } => {
                self.coverage.note(Seen::DiskFull);
                self.fill_disk(id, self.board.now + lasts);
            }
            Act::DiskSlow { lasts, .. }
            | Act::SlowReads { lasts, .. }
            | Act::NoSnapshot { lasts, .. } => {
                if matches!(act, Act::NoSnapshot { .. }) {
                    self.coverage.note(Seen::NoSnapshot);
                }
                if let Some(process) = self.process_mut(id) {
                    match act {
                        Act::DiskSlow { factor, .. } => process.slowness = factor,
                        Act::SlowReads { .. } => process.disk().slow_reads.set(true),
                        _ => process.disk().no_snapshot.set(true),
                    }
                }
                self.cure_after(id, lasts);
            }
            Act::Wipe { .. } => return self.wipe(id),
            Act::Transfer { .. } => {
                let asked = self.leader().unwrap_or(id);
                return self.with_process(asked, |process, _| process.transfer_leader(id));
            }
            Act::Campaign { .. } => return self.with_process(id, |process, _| process.campaign()),
            Act::ForgetLeader { .. } => {
                return self.with_process(id, |process, _| process.forget_leader());
            }
            Act::Unreachable { peer, .. } => {
                return self.with_process(id, |process, _| process.report_unreachable(peer));
            }
            Act::CrashInWrite { after, .. } => {
                if let Some(process) = self.process_mut(id) {
                    process.crash_after = Some(after);
                }
            }
            Act::WriteFails { after, .. } => self.break_disk(id, WriteFault::Fail { after }),
            Act::SyncFails { after, .. } => self.break_disk(id, WriteFault::FailSync { after }),
            // Those that are about nobody in particular.
            Act::PowerCut { .. }
            | Act::Partition { .. }
            | Act::Bridge { .. }
            | Act::Clog { .. }
            | Act::Change { .. } => {}
        }
        Ok(())
    }

    fn break_disk(&mut self, id: u64, fault: WriteFault) {
        if let Some(process) = self.process_mut(id) {
            process.disk_mut().write_fault = Some(fault);
        }
    }

    fn power_cut(&mut self, lasts: Time) -> Result<(), Violation> {
        self.coverage.note(Seen::PowerCut);
        let up: Vec<_> = self.running().map(|process| process.id).collect();
        for id in up {
            self.crash(id, "power cut")?;
            let after = lasts + self.chance.below(5 * TICK);
            self.start_after(id, after);
        }
        Ok(())
    }

    /// Cuts every link between the two sides, but for those of the bridge.
    fn cut_between(&mut self, side: &[u64], bridge: Option<u64>, lasts: Time) {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            self.plan.ids().filter(|id| Some(*id) != bridge).partition(|id| side.contains(id));
        let pairs = ours.iter().flat_map(|a| theirs.iter().map(move |b| (*a, *b)));
        self.cut(pairs.flat_map(|(a, b)| [(a, b), (b, a)]).collect(), lasts);
    }

    /// The leader's configuration, when no change of it is under way anywhere.
    fn settled_configuration(&self) -> Option<Configuration> {
        let leader = self.process(self.leader()?)?;
        let config = leader.glance().configuration();
        let settled = !config.voters.is_joint()
            && self.board.last_conf_change().max(self.operator.proposed) <= leader.applied()
            && self.operator.lost.is_disjoint(&members(config).collect());
        settled.then(|| config.clone())
    }

    /// The node's disk is lost, unless that could be more than the group can bear.
    fn wipe(&mut self, id: u64) -> Result<(), Violation> {
        let Some(config) = self.settled_configuration() else { return Ok(()) };
        let voters = &config.voters.incoming.0;
        let applied_it = |process: &super::process::Process<S, M>| {
            process.applied() >= self.board.last_conf_change()
        };
        // A member that has not applied the configuration could still act by an earlier one.
        let everybody = members(&config).all(|id| self.process(id).is_some_and(applied_it));
        if !everybody || (voters.contains(id) && voters.len() < 3) {
            return Ok(());
        }
        self.coverage.note(Seen::Wiped);
        self.crash(id, "the disk is lost")?;
        self.operator.lost.insert(id);
        // Its image stays on the board: what was acknowledged counted while it was there.
        let host = self.host(id);
        (host.state, host.retired) = (State::Absent, true);
        self.board.wiped.insert(id);
        self.tell(id, &Fact::Wiped)
    }

    /// A new node, if there is one left.
    fn recruit(&mut self) -> Result<Option<u64>, Violation> {
        let id = self.plan.voters + self.plan.learners + self.operator.joined + 1;
        if id > self.plan.nodes.len() as u64 {
            return Ok(None);
        }
        self.operator.joined += 1;
        self.join(id)?;
        Ok(Some(id))
    }

    fn change(&mut self, change: Change) -> Result<(), Violation> {
        let Some(leader) = self.leader() else { return Ok(()) };
        let Some(process) = self.process(leader) else { return Ok(()) };
        let config = process.glance().configuration().clone();
        if !self.operator.lost.is_disjoint(&members(&config).collect()) {
            // First things first.
            return Ok(());
        }
        let voters: Vec<u64> = config.voters.incoming.0.iter().collect();
        let learners: Vec<u64> = config.learners.iter().collect();
        let others: Vec<u64> = voters.iter().copied().filter(|id| *id != leader).collect();
        let single = ConfChangeSingle::new;
        use ConfChangeType::{AddLearnerNode, AddNode, RemoveNode};
        let (transition, changes) = match change {
            Change::AddVoter | Change::AddLearner => {
                let Some(id) = self.recruit()? else { return Ok(()) };
                let kind = if change == Change::AddVoter { AddNode } else { AddLearnerNode };
                (ConfChangeTransition::Auto, vec![single(kind, id)])
            }
            Change::Promote => {
                let Some(&id) = self.chance.pick(&learners) else { return Ok(()) };
                (ConfChangeTransition::Auto, vec![single(AddNode, id)])
            }
            Change::Demote => {
                let Some(&id) = self.chance.pick(&others) else { return Ok(()) };
                (ConfChangeTransition::JointImplicit, vec![single(AddLearnerNode, id)])
            }
            Change::Remove => {
                let Some(&id) = self.chance.pick(&others) else { return Ok(()) };
                (ConfChangeTransition::Auto, vec![single(RemoveNode, id)])
            }
            Change::RemoveLeader if others.is_empty() => return Ok(()),
            Change::RemoveLeader => (ConfChangeTransition::Auto, vec![single(RemoveNode, leader)]),
            Change::Replace { explicit } => {
                let Some(&old) = self.chance.pick(&voters) else { return Ok(()) };
                let Some(new) = self.recruit()? else { return Ok(()) };
                let transition = match explicit {
                    true => ConfChangeTransition::JointExplicit,
                    false => ConfChangeTransition::JointImplicit,
                };
                (transition, vec![single(AddNode, new), single(RemoveNode, old)])
            }
        };
        self.propose_change(leader, ConfChangeV2::new(transition, changes))
    }

    fn propose_change(&mut self, leader: u64, change: ConfChangeV2) -> Result<(), Violation> {
        let mut index = None;
        self.with_process(leader, |process, _| index = process.propose_conf_change(change))?;
        self.operator.proposed = self.operator.proposed.max(index.unwrap_or(0));
        Ok(())
    }

    /// What operators do without being told: they remove nodes that are lost for good, have joint
    /// configurations left, and switch off nodes that were removed.
    pub(super) fn operate(&mut self) -> Result<(), Violation> {
        let Some(leader) = self.leader() else { return Ok(()) };
        let Some(process) = self.process(leader) else { return Ok(()) };
        let config = process.glance().configuration().clone();
        let is_settled = self.board.last_conf_change() <= process.applied();
        let current: BTreeSet<u64> = members(&config).collect();
        if is_settled && config.voters.is_joint() && !config.auto_leave {
            let patient = self.healed_at.is_none() && !self.chance.one_in(10);
            if !patient {
                return self.propose_change(leader, ConfChangeV2::default());
            }
        }
        if let Some(&id) = self.operator.lost.intersection(&current).next()
            && is_settled
            && !config.voters.is_joint()
        {
            let remove = vec![ConfChangeSingle::new(ConfChangeType::RemoveNode, id)];
            let change = ConfChangeV2::new(ConfChangeTransition::Auto, remove);
            return self.propose_change(leader, change);
        }
        let up: BTreeSet<u64> = self.running().map(|process| process.id).collect();
        let former: Vec<u64> = up.intersection(&self.operator.members).copied().collect();
        for id in former {
            if !current.contains(&id) && is_settled && self.knows_end(&current, id) {
                self.retire(id)?;
            }
        }
        Ok(())
    }

    /// Whether a former member can be switched off: the others have applied that it is one. Some are
    /// left running for a while, to see what harm they do.
    fn knows_end(&mut self, current: &BTreeSet<u64>, id: u64) -> bool {
        let last_change = self.board.last_conf_change();
        let alive = |id: &u64| self.nodes.get(id).is_some_and(|host| !host.retired);
        let all_know = current.iter().copied().filter(alive).all(|member| {
            self.process(member).is_some_and(|process| process.applied() >= last_change)
        });
        all_know && (self.healed_at.is_some() || (id.is_multiple_of(2) && self.chance.one_in(10)))
    }

    pub(super) fn retire(&mut self, id: u64) -> Result<(), Violation> {
        self.crash(id, "switched off")?;
        self.host(id).retired = true;
        Ok(())
    }

    /// The faults are over: what is left of the cluster has to recover. A minority may stay dead for
    /// ever.
    pub(super) fn heal(&mut self) -> Result<(), Violation> {
        let now = self.board.now;
        self.healed_at = Some(now);
        self.recorder.record(now, || What::Note { node: 0, text: "all faults end here".into() });
        for (from, to) in self.network.heal() {
            self.recorder.record(now, || What::LinkUp { from, to });
        }
        let ids: Vec<u64> = self.plan.ids().collect();
        for &id in &ids {
            self.host(id).full_until = 0;
            self.cure(id);
            // Whoever reads by lease owes its node the ticks of a pause, whatever ends it.
            self.resume(id, self.plan.reads_by_lease())?;
        }
        self.leave_some_dead()?;
        for id in self.stopped() {
            self.start(id)?;
        }
        self.liveness.begin(now);
        Ok(())
    }

    fn leave_some_dead(&mut self) -> Result<(), Violation> {
        let Some(config) = self.settled_configuration() else { return Ok(()) };
        let all_know = members(&config).all(|id| {
            self.process(id).is_some_and(|p| p.applied() >= self.board.last_conf_change())
        });
        if !all_know {
            return Ok(());
        }
        let voters: Vec<u64> = config.voters.incoming.0.iter().collect();
        let bearable = (voters.len() - 1) / 2;
        let dead = self.chance.below(bearable as u64 + 1) as usize;
        let first = self.chance.below(voters.len() as u64) as usize;
        for at in 0..dead {
            let id = voters[(first + at) % voters.len()];
            self.retire(id)?;
            // Somebody who does not know asks for it to lead.
            if let Some(leader) = self.leader() {
                self.with_process(leader, |process, _| process.transfer_leader(id))?;
            }
        }
        Ok(())
    }
}
