//! A group of nodes in one thread, with a network that loses nothing unless it is told to.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::{Config, NewError, SnapshotStatus, StateRole, StepError};
use raft_proto::{ConfState, Message, MessageType};

use super::Checked;
use super::disk::Disk;
use super::member::{AnyNode, Face, Member, on_face, text};

/// Far more than any honest exchange takes.
const MAX_ROUNDS: usize = 1000;

/// Nodes, their applications, and the messages between them.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    face: Face,
    /// Ascending by id.
    pub(crate) members: Vec<Member>,
    pub(crate) network: VecDeque<Message>,
    /// Whoever is in it is heard by nobody, and hears nobody.
    pub(crate) cut_off: Vec<u64>,
    /// Errors with which nodes answered messages of their own group.
    pub(crate) refusals: Vec<String>,
    markers: u32,
}

impl Group {
    /// A group of the voters `ids`, each configured by `configure`.
    pub(crate) fn new(
        face: Face,
        ids: &[u64],
        configure: impl Fn(u64) -> Config,
    ) -> Result<Self, NewError> {
        Self::with_disks(face, ids, configure, |_| {})
    }

    /// The same, on disks that `prepare` has written to.
    pub(crate) fn with_disks(
        face: Face,
        ids: &[u64],
        configure: impl Fn(u64) -> Config,
        prepare: impl Fn(&mut Disk),
    ) -> Result<Self, NewError> {
        let member = |&id: &u64| {
            let mut disk = Disk::new(ConfState::new(ids, []));
            prepare(&mut disk);
            Member::new(face, configure(id), disk)
        };
        Ok(Group {
            face,
            members: ids.iter().map(member).collect::<Result<_, _>>()?,
            network: VecDeque::new(),
            cut_off: Vec::new(),
            refusals: Vec::new(),
            markers: 0,
        })
    }

    pub(crate) fn find(&self, id: u64) -> Option<usize> {
        self.members.iter().position(|member| member.config.id == id)
    }

    /// The member `id`, which must be one.
    pub(crate) fn member(&mut self, id: u64) -> &mut Member {
        let at = self.find(id);
        at.map(|at| &mut self.members[at]).unwrap_or_else(|| panic!("no member {id}"))
    }

    pub(crate) fn node(&mut self, id: u64) -> &mut AnyNode {
        &mut self.member(id).node
    }

    pub(crate) fn config(&mut self, id: u64) -> Config {
        self.member(id).config.clone()
    }

    /// Does what node `id` has ready, and sends what comes of it.
    pub(crate) fn work(&mut self, id: u64) {
        let member = self.member(id);
        if member.down || !member.node.has_ready() {
            return;
        }
        match member.work() {
            Ok(messages) => self.network.extend(messages),
            Err(failure) => {
                member.failure = Some(failure);
                member.down = true;
            }
        }
    }

    /// Delivers the oldest message. A sender hears how its snapshot fared.
    pub(crate) fn deliver(&mut self) {
        let Some(message) = self.network.pop_front() else { return };
        let (from, to, kind) = (message.from, message.to, message.kind());
        let arrives = self.hand_over(message);
        if kind == Ok(MessageType::MsgSnap)
            && let Some(sender) = self.find(from)
        {
            let status = if arrives { SnapshotStatus::Finish } else { SnapshotStatus::Failure };
            on_face!(&mut self.members[sender].node, node => node.report_snapshot(to, status));
        }
    }

    /// Whether the receiver is there.
    fn hand_over(&mut self, message: Message) -> bool {
        let (from, to) = (message.from, message.to);
        if self.cut_off.contains(&from) || self.cut_off.contains(&to) {
            return false;
        }
        let Some(at) = self.find(to) else { return false };
        let member = &mut self.members[at];
        if member.down {
            return false;
        }
        let shown = format!("{:?} from {from:x} to {to:x}", message.kind());
        match member.node.step(message) {
            Ok(()) => {}
            Err(StepError::Poisoned(error)) => {
                member.failure = Some(text(error));
                member.down = true;
            }
            Err(error) => self.refusals.push(format!("{shown}: {error:?}")),
        }
        true
    }

    /// The sum of what all have applied.
    fn applied(&self) -> u64 {
        self.members.iter().map(|member| member.node.basic_status().applied).sum()
    }

    /// Works and delivers until there is nothing left to do.
    pub(crate) fn run(&mut self) -> Checked {
        let (mut rounds, mut applied) = (0, self.applied());
        while rounds < MAX_ROUNDS {
            while !self.network.is_empty() {
                self.deliver();
            }
            let ids: Vec<_> = self.members.iter().map(|member| member.config.id).collect();
            let busy = |member: &Member| !member.down && member.node.has_ready();
            if !self.members.iter().any(busy) {
                return Ok(());
            }
            ids.into_iter().for_each(|id| self.work(id));
            // Nodes may take many rounds for what they have to apply.
            let before = std::mem::replace(&mut applied, self.applied());
            rounds = if applied > before { 0 } else { rounds + 1 };
        }
        Err("the group never comes to rest".to_owned())
    }

    pub(crate) fn tick(&mut self) {
        for member in self.members.iter_mut().filter(|member| !member.down) {
            member.node.tick();
        }
    }

    /// The leader of the highest term, among those who are up.
    pub(crate) fn leader(&self) -> Option<u64> {
        let up = self.members.iter().filter(|member| !member.down);
        let statuses = up.map(|member| member.node.basic_status());
        let leaders = statuses.filter(|status| status.soft_state.role == StateRole::Leader);
        leaders.max_by_key(|status| status.hard_state.term).map(|status| status.id)
    }

    /// Runs and ticks until `holds`.
    pub(crate) fn run_until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&mut Group) -> bool,
    ) -> Checked {
        for _ in 0..MAX_ROUNDS {
            self.run()?;
            if holds(self) {
                return Ok(());
            }
            self.tick();
        }
        Err(format!("{what}: it never comes to that"))
    }

    /// Proposes until the nodes that are up have all applied one and the same proposal.
    pub(crate) fn commit(&mut self) -> Checked {
        let mut wanted: Vec<Bytes> = Vec::new();
        let mut round = 0;
        self.run_until("the group commits a proposal", |group| {
            if round % 10 == 0
                && let Some(leader) = group.leader()
            {
                group.markers += 1;
                let marker = Bytes::from(format!("marker {}", group.markers));
                wanted.push(marker.clone());
                on_face!(group.node(leader), node => node.propose(marker)).ok();
            }
            round += 1;
            let up = || group.members.iter().filter(|member| !member.down);
            let mut applied_by_all = wanted.iter().filter(|marker| {
                up().all(|member| member.app.applied.values().any(|(_, data)| data == *marker))
            });
            up().count() > 0 && applied_by_all.next().is_some()
        })
    }

    /// An honest message that a node found impossible. One that it has only dropped is none.
    pub(crate) fn refusal(&self) -> Option<&str> {
        let mut refusals = self.refusals.iter().map(String::as_str);
        refusals.find(|refusal| refusal.contains("Refused {"))
    }

    /// No two members may have applied different entries at an index.
    pub(crate) fn check_agreement(&self) -> Checked {
        for one in &self.members {
            for other in &self.members {
                for (index, entry) in &one.app.applied {
                    if other.app.applied.get(index).is_some_and(|theirs| theirs != entry) {
                        let (one, other) = (one.config.id, other.config.id);
                        return Err(format!("{one} and {other} applied different entries {index}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// Crashes member `id` and starts it again from its disk, after `change` has had its way with
    /// both its configuration and the disk. A member that cannot start stays down.
    pub(crate) fn restart(
        &mut self,
        id: u64,
        change: impl FnOnce(&mut Config, &mut Disk),
    ) -> Result<(), NewError> {
        let face = self.face;
        let member = self.member(id);
        let mut disk = member.node.disk().clone();
        let mut config = Config { applied: member.app.applied_index, ..member.config.clone() };
        change(&mut config, &mut disk);
        member.down = true;
        member.node = AnyNode::new(face, config, disk)?;
        member.down = false;
        member.failure = None;
        Ok(())
    }
}
