//! Bytes as messages to a node in a role.

use std::cell::RefCell;
use std::collections::BTreeMap;

use arbitrary::Unstructured;
use raft_core::{Compat, DropReason, StateRole, StepError};
use raft_proto::{
    ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, LOCAL_APPEND_THREAD,
    LOCAL_APPLY_THREAD, Message, MessageType,
};

use crate::forge::{self, Belief, Draw};
use crate::hostile::member::{Face, on_face, text};
use crate::hostile::scene::{OTHER, Scene, Setting, VICTIM};

/// What became of the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepSeen {
    /// Refused, without a trace.
    pub refused: u32,
    /// Not refused, but without a trace either.
    pub ignored: u32,
    /// Handled.
    pub taken: u32,
    /// The node's role has changed so often.
    pub roles: u32,
    /// The node has taken so many snapshots for its leader's.
    pub snapshots: u32,
    /// The group was honest to the end, and has committed.
    pub healed: bool,
}

/// Leads a node into the role, and the group into the configuration, that the first bytes choose, and
/// steps the messages that the others make. Nothing may panic, no node fail, and what is refused has
/// changed nothing. If nothing else has come of it, the group goes on.
///
/// # Panics
/// One of these does not hold.
pub fn step(bytes: &[u8]) -> StepSeen {
    let mut bytes = Unstructured::new(bytes);
    let settings = Setting::all().count() as u64;
    let setting = bytes.below(settings) as usize;
    let membership = bytes.one_of(MEMBERSHIPS);
    let mut attack = Attack { scene: scene(setting, membership), seen: StepSeen::default() };
    while !bytes.is_empty() {
        attack.act(&mut bytes);
    }
    attack.finish();
    attack.seen.snapshots = attack.scene.group.member(VICTIM).app.snapshots;
    attack.seen
}

/// The group's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Membership {
    Voters,
    WithLearner,
    /// Waiting to be left.
    Joint,
    /// The node under attack learns, where its role lets it.
    VictimLearns,
}

const MEMBERSHIPS: [Membership; 4] =
    [Membership::Voters, Membership::WithLearner, Membership::Joint, Membership::VictimLearns];

impl Membership {
    /// The change that leads there from three voters.
    fn change(self, role: StateRole) -> Option<ConfChangeV2> {
        let learner = |id| vec![ConfChangeSingle::new(ConfChangeType::AddLearnerNode, id)];
        let (transition, changes) = match self {
            Self::Voters => return None,
            Self::WithLearner => (ConfChangeTransition::Auto, learner(forge::LEARNER)),
            Self::VictimLearns if role == StateRole::Follower => {
                (ConfChangeTransition::Auto, learner(VICTIM))
            }
            Self::Joint | Self::VictimLearns => {
                (ConfChangeTransition::JointExplicit, learner(forge::LEARNER))
            }
        };
        Some(ConfChangeV2::new(transition, changes))
    }
}

thread_local! {
    /// It takes elections to make one.
    static SCENES: RefCell<BTreeMap<(usize, Membership), Scene>> = RefCell::default();
}

fn scene(setting: usize, membership: Membership) -> Scene {
    let make = || make_scene(setting, membership).expect("a scene");
    let scenes = |scenes: &RefCell<BTreeMap<_, Scene>>| {
        scenes.borrow_mut().entry((setting, membership)).or_insert_with(make).clone()
    };
    SCENES.with(scenes)
}

fn make_scene(setting: usize, membership: Membership) -> Result<Scene, String> {
    let setting = Setting::all().nth(setting).ok_or("no such setting")?;
    let mut scene = Scene::new(setting)?;
    let change = membership.change(setting.role);
    scene.rebuild(
        |_| {},
        |group| {
            let Some(change) = change.clone() else { return Ok(()) };
            on_face!(group.node(OTHER), node => node.propose_conf_change(change)).map_err(text)?;
            group.run()
        },
    )?;
    Ok(scene)
}

struct Attack {
    scene: Scene,
    seen: StepSeen,
}

/// As many of the victim's messages reach its peers at once.
const DELIVERED: usize = 8;
const TICKS: usize = 32;

impl Attack {
    fn act(&mut self, bytes: &mut Unstructured<'_>) {
        match bytes.below(16) {
            0 => self.scene.victim().tick(),
            1 => drop(on_face!(self.scene.victim(), node => node.campaign())),
            2 => drop(on_face!(self.scene.victim(), node => node.propose("data"))),
            3 => drop(on_face!(self.scene.victim(), node => node.read_index("read"))),
            4..7 => self.exchange(),
            _ => {
                let belief = on_face!(self.scene.victim(), node => Belief::of(node));
                let message = forge::message(bytes, belief);
                if !self.is_own_thread(&message) {
                    self.step(message);
                }
            }
        }
    }

    /// Whether only a node's own storage threads could have sent it.
    fn is_own_thread(&self, message: &Message) -> bool {
        let is_answer = matches!(
            message.kind(),
            Ok(MessageType::MsgStorageAppendResp | MessageType::MsgStorageApplyResp)
        );
        let is_thread = matches!(message.from, LOCAL_APPEND_THREAD | LOCAL_APPLY_THREAD);
        self.scene.setting.face == Face::Async && is_answer && is_thread
    }

    fn step(&mut self, message: Message) {
        let compat = self.scene.setting.compat;
        let victim = self.scene.victim();
        let (digest, role) = (victim.digest(), victim.basic_status().soft_state.role);
        let stepped = victim.step(message.clone());
        let is_changed = victim.digest() != digest;
        self.seen.roles += u32::from(victim.basic_status().soft_state.role != role);
        match stepped {
            Ok(()) if is_changed => self.seen.taken += 1,
            Ok(()) => self.seen.ignored += 1,
            Err(StepError::Poisoned(error)) => panic!("{error} by {message:?}"),
            Err(error) => {
                // Under etcd's rules a configuration change that the quota drops counts as pending.
                let parity = matches!(error, StepError::Dropped(DropReason::QuotaExceeded { .. }))
                    && compat == Compat::Etcd;
                assert!(!is_changed || parity, "{error}, with a trace, by {message:?}");
                self.seen.refused += 1;
            }
        }
    }

    /// The victim works, and some of what it says is heard.
    fn exchange(&mut self) {
        self.scene.group.work(VICTIM);
        for _ in 0..DELIVERED {
            self.scene.group.deliver();
        }
        self.scene.group.work(OTHER);
        self.check();
    }

    fn check(&self) {
        for member in &self.scene.group.members {
            assert_eq!(member.failure, None, "of member {}", member.config.id);
        }
    }

    fn finish(&mut self) {
        if self.seen.taken == 0 {
            let (setting, group) = (self.scene.setting, &mut self.scene.group);
            assert_eq!(group.commit(), Ok(()), "{setting}");
            assert_eq!(group.check_agreement(), Ok(()), "{setting}");
            assert_eq!(group.refusal(), None, "{setting}");
            self.check();
            self.seen.healed = true;
            return;
        }
        // Now it may believe anything, and say so. That must harm no one's process.
        for _ in 0..TICKS {
            self.scene.group.tick();
            self.exchange();
        }
    }
}
