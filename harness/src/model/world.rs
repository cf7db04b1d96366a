//! A state of the exploration, and the ways on from it.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use raft_core::StateRole;
use raft_proto::MessageType;

use super::member::Member;
use super::network::{Network, Packet};
use super::reached::{Reached, ReachedSet};
use super::rules::{Broken, History};
use super::scenario::{Budget, Scenario, Start};
use super::turn::{CrashPoint, Input, Unsynced};
use super::turns::{Turned, Turns};

/// Something that can happen next. Messages are named by their place in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Action {
    /// What happens.
    pub(super) what: Happening,
    /// Where the process that it happens to ends while it deals with it, if it does.
    pub(super) crash: Option<CrashPoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Happening {
    Campaign {
        node: u64,
    },
    Propose {
        node: u64,
    },
    Change {
        node: u64,
    },
    Transfer {
        node: u64,
        to: u64,
    },
    Heartbeat {
        node: u64,
    },
    Compact {
        node: u64,
    },
    Write {
        node: u64,
    },
    Apply {
        node: u64,
    },
    Deliver {
        packet: usize,
    },
    /// It arrives, and a copy of it stays on its way.
    Duplicate {
        packet: usize,
    },
    Lose {
        packet: usize,
    },
    Crash {
        node: u64,
        unsynced: Unsynced,
    },
}

/// States, each with the action that leads on to the next.
pub(super) type Steps = Vec<(World, Option<Action>)>;

/// The nodes, what is on its way between them, what may still happen, and the past.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) members: Vec<Arc<Member>>,
    pub(super) network: Network,
    pub(super) left: Budget,
    history: Arc<History>,
    pub(super) broken: Option<Arc<Broken>>,
}

impl World {
    /// The state in which `scenario` starts, and the steps that lead there from nothing.
    pub(super) fn first(scenario: &Scenario, turns: &Turns) -> Result<(Self, Steps), String> {
        let members: Result<Vec<_>, _> =
            (1..=scenario.nodes).map(|id| Member::new(scenario, id).map(Arc::new)).collect();
        let members = members?;
        let configuration = members.first().ok_or("a group has members")?.configuration();
        let mut world = World {
            members,
            network: Network::default(),
            left: Budget { campaigns: 1, ..Budget::default() },
            history: Arc::new(History::new(configuration)),
            broken: None,
        };
        let mut steps = Vec::new();
        if scenario.start == Start::Led {
            let elect = Action { what: Happening::Campaign { node: 1 }, crash: None };
            let mut next = Some(elect);
            while let Some(action) = next {
                let (after, _) = world.next(scenario, turns, action).ok_or("nobody can lead")?;
                steps.push((std::mem::replace(&mut world, after), Some(action)));
                next = world.actions(scenario).into_iter().next();
            }
        }
        world.left = scenario.budget;
        Ok((world, steps))
    }

    /// Everything that can happen next.
    pub(super) fn actions(&self, scenario: &Scenario) -> Vec<Action> {
        if self.broken.is_some() {
            return Vec::new();
        }
        let left = &self.left;
        let mut plain = Vec::new();
        for member in &self.members {
            self.add_requests(scenario, member, &mut plain);
            let node = member.id();
            if member.has_write() {
                plain.push(Happening::Write { node });
            }
            if member.has_apply() {
                plain.push(Happening::Apply { node });
            }
        }
        for (packet, sent) in self.network.distinct() {
            plain.push(Happening::Deliver { packet });
            if left.duplicates > 0 {
                plain.push(Happening::Duplicate { packet });
            }
            // Others whose loss nobody reports are lost by never being delivered.
            let reported =
                matches!(sent.message.kind(), Ok(MessageType::MsgApp | MessageType::MsgSnap));
            if left.losses > 0 && reported {
                plain.push(Happening::Lose { packet });
            }
        }
        let mut actions: Vec<_> =
            plain.iter().map(|what| Action { what: *what, crash: None }).collect();
        if left.crashes > 0 {
            for what in plain {
                let points =
                    [CrashPoint::BeforeWrite, CrashPoint::BeforeHardState, CrashPoint::AfterWrite];
                actions.extend(points.map(|point| Action { what, crash: Some(point) }));
            }
            for member in &self.members {
                let node = member.id();
                let outcomes = [Unsynced::Kept, Unsynced::Lost];
                let distinct = if member.has_unsynced() { &outcomes[..] } else { &outcomes[..1] };
                actions.extend(distinct.iter().map(|unsynced| Action {
                    what: Happening::Crash { node, unsynced: *unsynced },
                    crash: None,
                }));
            }
        }
        actions
    }

    /// What an application could ask of `member` now.
    fn add_requests(&self, scenario: &Scenario, member: &Member, into: &mut Vec<Happening>) {
        let (left, node) = (&self.left, member.id());
        if left.compactions > 0 && member.can_compact() {
            into.push(Happening::Compact { node });
        }
        if !member.leads() {
            let first_of_equals =
                scenario.members_are_alike() && left.campaigns == scenario.budget.campaigns;
            if left.campaigns > 0 && (node == 1 || !first_of_equals) {
                into.push(Happening::Campaign { node });
            }
            return;
        }
        if left.proposals > 0 {
            into.push(Happening::Propose { node });
        }
        if left.changes > 0 {
            into.push(Happening::Change { node });
        }
        if left.heartbeats > 0 {
            into.push(Happening::Heartbeat { node });
        }
        if left.transfers > 0 {
            let others = self.members.iter().map(|other| other.id()).filter(|id| *id != node);
            into.extend(others.map(|to| Happening::Transfer { node, to }));
        }
    }

    /// The state that `action` leads to, and what is come across on the way; `None` when it is
    /// not possible.
    pub(super) fn next(
        &self,
        scenario: &Scenario,
        turns: &Turns,
        action: Action,
    ) -> Option<(Self, ReachedSet)> {
        let mut world = self.clone();
        let mut reached = ReachedSet::default();
        let (node, input) = world.prepare(scenario, action.what, &mut reached)?;
        if action.crash.is_some() {
            world.left.crashes = world.left.crashes.checked_sub(1)?;
        }
        let at = usize::try_from(node.checked_sub(1)?).ok()?;
        let before = self.members.get(at)?;
        let turned = turns.turn(before, input, action.crash)?;
        world.members[at] = Arc::clone(&turned.member);
        reached.extend(turned.turn.reached);
        world.judge(before, &turned, &mut reached);
        world.exchange(turns, &turned);
        Some((world, reached))
    }

    /// Pays for `what`, takes its message from the network, and tells whom it happens to.
    fn prepare(
        &mut self,
        scenario: &Scenario,
        what: Happening,
        reached: &mut ReachedSet,
    ) -> Option<(u64, Input)> {
        let left = &mut self.left;
        let pay = |purse: &mut u8| {
            *purse = purse.checked_sub(1)?;
            Some(())
        };
        Some(match what {
            Happening::Campaign { node } => {
                pay(&mut left.campaigns)?;
                (node, Input::Campaign)
            }
            Happening::Propose { node } => {
                // Its number makes it unlike any other.
                let data = Bytes::from(left.proposals.to_string());
                pay(&mut left.proposals)?;
                (node, Input::Propose(data))
            }
            Happening::Change { node } => {
                let next = usize::from(scenario.budget.changes - left.changes);
                pay(&mut left.changes)?;
                (node, Input::Change(scenario.changes.get(next)?.clone()))
            }
            Happening::Transfer { node, to } => {
                pay(&mut left.transfers)?;
                (node, Input::Transfer { to })
            }
            Happening::Heartbeat { node } => {
                pay(&mut left.heartbeats)?;
                (node, Input::Heartbeat)
            }
            Happening::Compact { node } => {
                pay(&mut left.compactions)?;
                (node, Input::Compact)
            }
            Happening::Write { node } => (node, Input::Write),
            Happening::Apply { node } => (node, Input::Apply),
            Happening::Deliver { packet } => {
                let packet = self.network.remove(packet);
                (packet.message.to, Input::Receive(packet))
            }
            Happening::Duplicate { packet } => {
                pay(&mut left.duplicates)?;
                reached.insert(Reached::Duplicated);
                let packet = self.network.packets().get(packet)?.clone();
                (packet.message.to, Input::Receive(packet))
            }
            Happening::Lose { packet } => {
                pay(&mut left.losses)?;
                let packet = self.network.remove(packet);
                (packet.message.from, Input::Lose(packet))
            }
            Happening::Crash { node, unsynced } => {
                pay(&mut left.crashes)?;
                (node, Input::Crash(unsynced))
            }
        })
    }

    fn judge(&mut self, before: &Member, turned: &Turned, reached: &mut ReachedSet) {
        let Turned { member, turn } = turned;
        let mut judged = Ok(());
        if !turn.observed.is_empty() {
            let history = Arc::make_mut(&mut self.history);
            judged = history.judge(member.id(), &turn.observed, &self.members, reached);
        }
        if judged.is_ok() && before.log() != member.log() {
            judged = self.history.judge_log(member, &self.members);
        }
        self.broken = judged.err().map(Arc::new);
    }

    /// Puts what was sent into the network, and takes out what can have no effect any more.
    fn exchange(&mut self, turns: &Turns, turned: &Turned) {
        let members = &self.members;
        let receiver = |id: u64| members.get(usize::try_from(id.checked_sub(1)?).ok()?);
        let is_spent = |packet: &Packet| {
            receiver(packet.message.to).is_none_or(|member| is_spent(turns, packet, member))
        };
        let changed = turned.member.id();
        self.network.retain(|packet| packet.message.to != changed || !is_spent(packet));
        for packet in &turned.turn.sent {
            if !is_spent(packet) {
                self.network.send(packet.clone());
            }
        }
    }
}

/// Whether `receiver` takes no notice of a message, now and for ever. It never goes back below the
/// term that its disk holds, is a candidate only right after it has raised its term, and a leader
/// only after that. That it takes no notice now is tried: a node that does not keep to this is
/// explored all the same.
fn is_spent(turns: &Turns, packet: &Packet, receiver: &Arc<Member>) -> bool {
    let message = &packet.message;
    let durable_term = receiver.promised().term;
    let past = message.term != 0 && message.term < durable_term;
    let role = receiver.status().soft_state.role;
    let answered = message.term == durable_term
        && match message.kind() {
            Ok(MessageType::MsgVoteResp) => role != StateRole::Candidate,
            Ok(MessageType::MsgAppResp | MessageType::MsgHeartbeatResp) => {
                !matches!(role, StateRole::Candidate | StateRole::Leader)
            }
            _ => false,
        };
    (past || answered) && turns.ignores(receiver, packet)
}

impl Hash for World {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        for member in &self.members {
            member.digest().hash(hasher);
        }
        (&self.network, &self.left, &self.history, &self.broken).hash(hasher);
    }
}

/// By digest: it is what tells states apart.
impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        let digest = |world: &Self| {
            let mut hasher = std::hash::DefaultHasher::new();
            world.hash(&mut hasher);
            hasher.finish()
        };
        digest(self) == digest(other)
    }
}
