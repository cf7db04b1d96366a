//! What is done to the cluster from outside: the faults of the schedule, and the people who run it.

use std::collections::{BTreeMap, BTreeSet};

use raft_core::EntryId;
use raft_core::tracker::Configuration;
use raft_proto::{
    ConfChange, ConfChangeRequest, ConfChangeSingle, ConfChangeTransition, ConfChangeType,
    ConfChangeV2, Entry,
};

use super::board::Fact;
use super::disk::SimStorage;
use super::faulty_disk::Ailment;
use super::machine::StateMachine;
use super::outcome::Violation;
use super::plan::Plan;
use super::process::Process;
use super::quorum_core::{View, is_enough};
use super::schedule::{Act, Change, Whom};
use super::watch::Seen;
use super::workload::Workload;
use super::world::{State, World};
use super::{SECOND, TICK, Time};
use crate::timeline::What;

/// How often the operators look after the cluster.
pub(super) const ROUND: Time = TICK;

/// How long a fault waits for the write that it strikes: one that came much later would not belong to
/// what its schedule has around it.
const LURKS: Time = 2 * SECOND;

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
    /// Every change that anybody ever held.
    changes: BTreeMap<EntryId, ConfChangeV2>,
}

impl Operator {
    pub(super) fn new(plan: &Plan) -> Self {
        let members = (1..=plan.voters + plan.learners).collect();
        Self { members, ..Self::default() }
    }

    pub(super) fn note_change(&mut self, entry: &Entry) {
        if let Ok(Some(request)) = ConfChangeRequest::from_entry(entry) {
            self.changes.insert(EntryId::of(entry), request.as_v2());
        }
    }

    pub(super) fn note_configuration(&mut self, config: &Configuration) {
        self.members.extend(members(config));
    }
}

/// The links from each of the one to each of the other.
fn links_from_to(from: &[u64], to: &[u64]) -> impl Iterator<Item = (u64, u64)> {
    let pairs = from.iter().flat_map(|from| to.iter().map(|to| (*from, *to)));
    pairs.filter(|(from, to)| from != to)
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

    /// One act of the schedule. One that makes no sense at the moment is left out, and not counted.
    pub(super) fn act(&mut self, act: Act) -> Result<(), Violation> {
        let now = self.board.now;
        self.recorder.record(now, || What::Fault { node: 0, text: format!("{act:?}") });
        let name = (&act).into();
        if self.perform(act)? {
            *self.acts.entry(name).or_default() += 1;
        }
        Ok(())
    }

    /// Answers whether there was anybody, or anything, for it to act on.
    fn perform(&mut self, mut act: Act) -> Result<bool, Violation> {
        if let Some(whom) = act.whom().copied() {
            return match self.resolve(whom) {
                Some(id) => self.perform_on(id, act),
                None => Ok(false),
            };
        }
        match act {
            Act::PowerCut { lasts } => self.power_cut(lasts),
            Act::Partition { side, lasts } => Ok(self.cut_between(&side, None, lasts)),
            Act::Bridge { bridge, side, lasts } => Ok(self.cut_between(&side, Some(bridge), lasts)),
            Act::OneWay { from, to, lasts } => {
                Ok(self.cut(links_from_to(&from, &to).collect(), lasts, Seen::CutOneWay))
            }
            Act::Clog { from, to, lasts } => {
                self.network.clog(from, to, self.board.now + lasts);
                Ok(from != to)
            }
            Act::Change { change } => self.change(change),
            _ => Ok(false),
        }
    }

    fn perform_on(&mut self, id: u64, act: Act) -> Result<bool, Violation> {
        match act {
            Act::Crash { lasts, .. } => {
                self.crash(id, "crash")?;
                self.start_after(id, lasts);
            }
            Act::Pause { lasts, catches_up, .. } => return Ok(self.pause(id, lasts, catches_up)),
            Act::ClockJump { ticks, .. } => {
                self.coverage.note(Seen::ClockJumped);
                self.jump(id, ticks)?;
            }
            Act::Isolate { inward, outward, lasts, .. } => {
                return Ok(self.isolate(id, (inward, outward), lasts));
            }
            Act::DiskFull { lasts, .. } => self.fill_disk(id, self.board.now + lasts),
            Act::DiskSlow { factor, lasts, .. } => self.fall_ill(id, Ailment::Slow(factor), lasts),
            Act::SlowReads { lasts, .. } => self.fall_ill(id, Ailment::SlowReads, lasts),
            Act::NoSnapshot { lasts, .. } => self.fall_ill(id, Ailment::NoSnapshot, lasts),
            Act::CrashInWrite { after, .. } => {
                self.fall_ill(id, Ailment::Crash { after }, LURKS);
            }
            Act::WriteFails { after, .. } => {
                self.fall_ill(id, Ailment::FailWrite { after }, LURKS);
            }
            Act::SyncFails { after, .. } => self.fall_ill(id, Ailment::FailSync { after }, LURKS),
            Act::Wipe { .. } => return self.wipe(id),
            Act::Transfer { .. } => {
                let asked = self.leader().unwrap_or(id);
                return self.ask_node(asked, |process| process.transfer_leader(id));
            }
            Act::Campaign { .. } => return self.ask_node(id, Process::campaign),
            Act::ForgetLeader { .. } => return self.ask_node(id, Process::forget_leader),
            Act::Unreachable { peer, .. } => {
                self.with_process(id, |process, _| process.report_unreachable(peer))?;
            }
            // Those that are about nobody in particular.
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Asks the node for something, and answers whether it agrees.
    fn ask_node(
        &mut self,
        id: u64,
        ask: impl FnOnce(&mut Process<S, M>) -> bool,
    ) -> Result<bool, Violation> {
        let mut agrees = false;
        self.with_process(id, |process, _| agrees = ask(process))?;
        Ok(agrees)
    }

    fn power_cut(&mut self, lasts: Time) -> Result<bool, Violation> {
        let up: Vec<_> = self.running().map(|process| process.id).collect();
        for &id in &up {
            self.crash(id, "power cut")?;
            let after = lasts + self.chance.below(5 * TICK);
            self.start_after(id, after);
        }
        if !up.is_empty() {
            self.coverage.note(Seen::PowerCut);
        }
        Ok(!up.is_empty())
    }

    /// Cuts every link between the two sides, but for those of the bridge.
    fn cut_between(&mut self, side: &[u64], bridge: Option<u64>, lasts: Time) -> bool {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            self.plan.ids().filter(|id| Some(*id) != bridge).partition(|id| side.contains(id));
        let cuts = links_from_to(&ours, &theirs).chain(links_from_to(&theirs, &ours));
        let seen = if bridge.is_some() { Seen::Bridged } else { Seen::Partitioned };
        self.cut(cuts.collect(), lasts, seen)
    }

    fn isolate(&mut self, id: u64, (inward, outward): (bool, bool), lasts: Time) -> bool {
        let others: Vec<_> = self.plan.ids().filter(|other| *other != id).collect();
        let mut cuts = Vec::new();
        if inward {
            cuts.extend(links_from_to(&others, &[id]));
        }
        if outward {
            cuts.extend(links_from_to(&[id], &others));
        }
        let seen = if inward && outward { Seen::Partitioned } else { Seen::CutOneWay };
        self.cut(cuts, lasts, seen)
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
    fn wipe(&mut self, id: u64) -> Result<bool, Violation> {
        let Some(config) = self.settled_configuration() else { return Ok(false) };
        let voters = &config.voters.incoming.0;
        let applied_it =
            |process: &Process<S, M>| process.applied() >= self.board.last_conf_change();
        // A member that has not applied the configuration could still act by an earlier one.
        let everybody = members(&config).all(|id| self.process(id).is_some_and(applied_it));
        if !everybody || (voters.contains(id) && voters.len() < 3) {
            return Ok(false);
        }
        self.coverage.note(Seen::Wiped);
        self.crash(id, "the disk is lost")?;
        self.operator.lost.insert(id);
        // Its image stays on the board: what was acknowledged counted while it was there.
        let host = self.host(id);
        (host.state, host.retired) = (State::Absent, true);
        self.board.wiped.insert(id);
        self.tell(id, &Fact::Wiped)?;
        Ok(true)
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

    fn change(&mut self, change: Change) -> Result<bool, Violation> {
        let Some(leader) = self.leader() else { return Ok(false) };
        let Some(process) = self.process(leader) else { return Ok(false) };
        let config = process.glance().configuration().clone();
        if !self.operator.lost.is_disjoint(&members(&config).collect()) {
            // First things first.
            return Ok(false);
        }
        let voters: Vec<u64> = config.voters.incoming.0.iter().collect();
        let learners: Vec<u64> = config.learners.iter().collect();
        let others: Vec<u64> = voters.iter().copied().filter(|id| *id != leader).collect();
        let single = ConfChangeSingle::new;
        use ConfChangeType::{AddLearnerNode, AddNode, RemoveNode};
        let (transition, changes) = match change {
            Change::AddVoter | Change::AddLearner => {
                let Some(id) = self.recruit()? else { return Ok(false) };
                let kind = if change == Change::AddVoter { AddNode } else { AddLearnerNode };
                (ConfChangeTransition::Auto, vec![single(kind, id)])
            }
            Change::Promote => {
                let Some(&id) = self.chance.pick(&learners) else { return Ok(false) };
                (ConfChangeTransition::Auto, vec![single(AddNode, id)])
            }
            Change::Demote => {
                let Some(&id) = self.chance.pick(&others) else { return Ok(false) };
                (ConfChangeTransition::JointImplicit, vec![single(AddLearnerNode, id)])
            }
            Change::Remove => {
                let Some(&id) = self.chance.pick(&others) else { return Ok(false) };
                (ConfChangeTransition::Auto, vec![single(RemoveNode, id)])
            }
            Change::RemoveLeader if others.is_empty() => return Ok(false),
            Change::RemoveLeader => (ConfChangeTransition::Auto, vec![single(RemoveNode, leader)]),
            Change::Replace { explicit } => {
                let Some(&old) = self.chance.pick(&voters) else { return Ok(false) };
                let Some(new) = self.recruit()? else { return Ok(false) };
                let transition = match explicit {
                    true => ConfChangeTransition::JointExplicit,
                    false => ConfChangeTransition::JointImplicit,
                };
                (transition, vec![single(AddNode, new), single(RemoveNode, old)])
            }
        };
        self.propose_change(leader, ConfChangeV2::new(transition, changes))
    }

    /// Answers whether it was appended.
    fn propose_change(&mut self, leader: u64, change: ConfChangeV2) -> Result<bool, Violation> {
        // A change of one node can be written in either form, which all have to read alike.
        let in_first_form = self.trace.is_none() && self.chance.one_in(2);
        let request: ConfChangeRequest = match *change.changes {
            [ConfChangeSingle { change_type, node_id }]
                if in_first_form && change.enter_joint() == Ok(None) =>
            {
                ConfChange { change_type, node_id, ..ConfChange::default() }.into()
            }
            _ => change.clone().into(),
        };
        let mut appended = None;
        self.with_process(leader, |process, _| appended = process.propose_conf_change(request))?;
        let Some(entry) = appended else { return Ok(false) };
        self.operator.proposed = self.operator.proposed.max(entry.index);
        self.operator.changes.insert(entry, change);
        Ok(true)
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
                self.propose_change(leader, ConfChangeV2::default())?;
                return Ok(());
            }
        }
        // A leader that was removed itself takes no change.
        if let Some(&id) = self.operator.lost.intersection(&current).next()
            && current.contains(&leader)
            && is_settled
            && !config.voters.is_joint()
        {
            let remove = vec![ConfChangeSingle::new(ConfChangeType::RemoveNode, id)];
            let change = ConfChangeV2::new(ConfChangeTransition::Auto, remove);
            self.propose_change(leader, change)?;
            return Ok(());
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

    /// The faults are over: what is left of the cluster has to recover. All but a quorum may stay dead
    /// for ever.
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
            if let Some(process) = self.process_mut(id) {
                process.disk_mut().recover_fully();
            }
            // Whoever reads by lease owes its node the ticks of a pause, whatever ends it.
            self.resume(id, self.plan.reads_by_lease())?;
        }
        for id in self.stopped() {
            self.start(id)?;
        }
        self.leave_some_dead()?;
        self.liveness.begin(now);
        Ok(())
    }

    /// In most runs, nodes die for good without whom the others can go on, in whatever state the group
    /// is.
    fn leave_some_dead(&mut self) -> Result<(), Violation> {
        let most = self.chance.below(4);
        let committed = self.board.committed.last_key_value();
        let committed =
            committed.map_or(EntryId::default(), |(index, term)| EntryId::new(*term, *index));
        let view = |process: &Process<S, M>| {
            View::of(process.id, process.glance(), &self.operator.changes, committed)
        };
        let mut views: Vec<View> = self.running().map(view).collect();
        let mut core: BTreeSet<u64> = views.iter().map(|view| view.id).collect();
        let mut dead = Vec::new();
        let first = self.chance.below(views.len() as u64) as usize;
        views.rotate_left(first);
        for view in &views {
            if (dead.len() as u64) < most {
                core.remove(&view.id);
                match is_enough(&views, &core) {
                    true => dead.push(view.id),
                    false => _ = core.insert(view.id),
                }
            }
        }
        let alive = || views.iter().filter(|view| core.contains(&view.id));
        if !dead.is_empty() && alive().any(View::changes_or_is_joint) {
            self.coverage.note(Seen::DeadDuringChange);
        }
        if !dead.is_empty() && alive().any(View::lags) {
            self.coverage.note(Seen::DeadWithLaggard);
        }
        for id in dead {
            self.coverage.note(Seen::DeadForEver);
            self.retire(id)?;
            // Somebody who does not know asks for it to lead.
            if let Some(leader) = self.leader() {
                self.ask_node(leader, |process| process.transfer_leader(id))?;
            }
        }
        Ok(())
    }
}
