//! The faults of a run, and what operators do meanwhile.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::chance::Chance;
use super::plan::Plan;
use super::{SECOND, TICK, Time};

/// Something that happens at a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// When.
    pub at: Time,
    /// What.
    pub act: Act,
}

/// Whom it happens to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// This node.
    Node(u64),
    /// Whoever leads then, in the highest term.
    Leader,
    /// The `n`th of those who do not.
    Follower(u64),
}

/// What can go wrong, or be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs)] // Of the fields: `whom` it happens to, and `lasts` how long.
pub enum Act {
    /// The process ends between two events, and starts again.
    Crash { whom: Whom, lasts: Time },
    /// The process ends after this many further writes to its disk, and starts again.
    CrashInWrite { whom: Whom, after: u32 },
    /// All processes end at once, as when the power fails.
    PowerCut { lasts: Time },
    /// The process stands still; whether it then catches up on its ticks depends on its clock.
    Pause { whom: Whom, lasts: Time, catches_up: bool },
    /// The clock of the node goes forward at once.
    ClockJump { whom: Whom, ticks: u32 },
    /// Each of these nodes is cut off from each of the others.
    Partition { side: Vec<u64>, lasts: Time },
    /// Nothing gets from any of these nodes to any of those, which hear nothing of it; the other way it
    /// does.
    OneWay { from: Vec<u64>, to: Vec<u64>, lasts: Time },
    /// Nothing gets to the node, or from it, or both.
    Isolate { whom: Whom, inward: bool, outward: bool, lasts: Time },
    /// Two halves hear each other only through the bridge.
    Bridge { bridge: u64, side: Vec<u64>, lasts: Time },
    /// One directed link holds everything back, and then delivers it at once.
    Clog { from: u64, to: u64, lasts: Time },
    /// A write to the disk fails, which ends the process.
    WriteFails { whom: Whom, after: u32 },
    /// A sync of the disk fails, which ends the process; the data may be there or not.
    SyncFails { whom: Whom, after: u32 },
    /// The disk has no room for entries, nor for snapshots.
    DiskFull { whom: Whom, lasts: Time },
    /// Everything the disk does takes this many times as long.
    DiskSlow { whom: Whom, factor: u64, lasts: Time },
    /// Entries have to be fetched before they can be read.
    SlowReads { whom: Whom, lasts: Time },
    /// There is no snapshot to send.
    NoSnapshot { whom: Whom, lasts: Time },
    /// The disk is lost, and the node with it: its operators remove it from the group.
    Wipe { whom: Whom },
    /// Somebody asks the leader for a change of the configuration.
    Change { change: Change },
    /// Somebody asks for another leader.
    Transfer { to: Whom },
    /// Somebody asks a node to campaign.
    Campaign { whom: Whom },
    /// Somebody tells a node that its leader is gone.
    ForgetLeader { whom: Whom },
    /// The transport reports to a node that another cannot be reached.
    Unreachable { whom: Whom, peer: u64 },
}

impl Act {
    /// Whether clocks go on as they should, so that a lease is worth something after it.
    #[must_use]
    pub fn keeps_time(&self) -> bool {
        !matches!(self, Self::ClockJump { .. } | Self::Pause { catches_up: false, .. })
    }

    /// Whom it happens to; `None` when that is nobody in particular.
    pub(super) fn whom(&mut self) -> Option<&mut Whom> {
        match self {
            Self::Crash { whom, .. }
            | Self::CrashInWrite { whom, .. }
            | Self::Pause { whom, .. }
            | Self::ClockJump { whom, .. }
            | Self::Isolate { whom, .. }
            | Self::WriteFails { whom, .. }
            | Self::SyncFails { whom, .. }
            | Self::DiskFull { whom, .. }
            | Self::DiskSlow { whom, .. }
            | Self::SlowReads { whom, .. }
            | Self::NoSnapshot { whom, .. }
            | Self::Wipe { whom }
            | Self::Transfer { to: whom }
            | Self::Campaign { whom }
            | Self::ForgetLeader { whom }
            | Self::Unreachable { whom, .. } => Some(whom),
            Self::PowerCut { .. }
            | Self::Partition { .. }
            | Self::OneWay { .. }
            | Self::Bridge { .. }
            | Self::Clog { .. }
            | Self::Change { .. } => None,
        }
    }

    /// How long it goes on, in virtual microseconds; 0 when it is over at once.
    #[must_use]
    pub fn lasts(&self) -> Time {
        match self {
            Self::Crash { lasts, .. }
            | Self::PowerCut { lasts }
            | Self::Pause { lasts, .. }
            | Self::Partition { lasts, .. }
            | Self::OneWay { lasts, .. }
            | Self::Isolate { lasts, .. }
            | Self::Bridge { lasts, .. }
            | Self::Clog { lasts, .. }
            | Self::DiskFull { lasts, .. }
            | Self::DiskSlow { lasts, .. }
            | Self::SlowReads { lasts, .. }
            | Self::NoSnapshot { lasts, .. } => *lasts,
            Self::CrashInWrite { .. }
            | Self::ClockJump { .. }
            | Self::WriteFails { .. }
            | Self::SyncFails { .. }
            | Self::Wipe { .. }
            | Self::Change { .. }
            | Self::Transfer { .. }
            | Self::Campaign { .. }
            | Self::ForgetLeader { .. }
            | Self::Unreachable { .. } => 0,
        }
    }
}

/// A change of the configuration, made concrete when its time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A new node, as a voter.
    AddVoter,
    /// A new node, as a learner.
    AddLearner,
    /// A learner becomes a voter.
    Promote,
    /// A voter becomes a learner, by way of a joint configuration.
    Demote,
    /// A voter, if enough are left.
    Remove,
    /// The leader itself.
    RemoveLeader,
    /// One voter goes as another comes, by way of a joint configuration.
    Replace {
        /// The joint configuration has to be left by hand.
        explicit: bool,
    },
}

/// How often each kind of fault comes, in this run.
struct Mix {
    weights: [u64; KINDS + PLOTS],
    pause: Time,
}

const KINDS: usize = 20;
/// Plots, whose acts are told in one breath: see [`draw_plot`].
const PLOTS: usize = 5;

impl Mix {
    /// Each kind is left out of half of the runs: a fault that is always there hides what only shows
    /// without it (swarm testing).
    fn draw(plan: &Plan, chance: &mut Chance) -> Self {
        let weights =
            std::array::from_fn(|_| if chance.one_in(2) { chance.within(1..5) } else { 0 });
        let pause = chance.one_of([SECOND / 2, SECOND, 2 * SECOND, 5 * SECOND]);
        let mut mix = Self { weights, pause };
        if plan.reads_by_lease() {
            // A lease is put to the test by plots, when there has been a leader for a while.
            mix.weights[KINDS..].iter_mut().for_each(|weight| *weight = chance.within(2..9));
            mix.pause = mix.pause.max(2 * SECOND);
        }
        mix
    }

    fn kind(&self, chance: &mut Chance) -> Option<usize> {
        let mut left = chance.below(self.weights.iter().sum());
        self.weights.iter().position(|&weight| {
            let here = left < weight;
            left = left.saturating_sub(weight);
            here
        })
    }
}

/// The schedule of `plan`.
pub(super) fn draw(plan: &Plan, chance: &mut Chance) -> Vec<Timed> {
    let mut schedule = Vec::new();
    if chance.one_in(10) {
        return schedule;
    }
    let mix = Mix::draw(plan, chance);
    let mut at = 2 * SECOND;
    loop {
        at += chance.around(mix.pause) + TICK;
        if at >= plan.chaos {
            break;
        }
        match mix.kind(chance) {
            Some(kind) if kind >= KINDS => {
                let acts = draw_plot(plan, kind - KINDS, chance);
                schedule.extend(acts.into_iter().map(|(after, act)| Timed { at: at + after, act }));
            }
            Some(kind) => schedule.push(Timed { at, act: draw_act(plan, kind, chance) }),
            None => {}
        }
    }
    if chance.one_in(3) {
        // It is still under way when the faults end, and some do not come back.
        let (at, change) = (plan.chaos - chance.within(1..SECOND), draw_change(chance));
        schedule.push(Timed { at, act: Act::Change { change } });
    }
    schedule.retain(|timed| timed.at < plan.chaos);
    schedule.sort_by_key(|timed| timed.at);
    schedule
}

fn draw_act(plan: &Plan, kind: usize, chance: &mut Chance) -> Act {
    let members = plan.nodes.len() as u64;
    let whom = match chance.below(4) {
        0 | 1 => Whom::Leader,
        2 => Whom::Follower(chance.below(members)),
        _ => Whom::Node(chance.within(1..members + 1)),
    };
    // From much shorter than an election to much longer.
    let lasts = match chance.below(4) {
        0 => chance.within(0..5 * TICK),
        3 => chance.within(5 * SECOND..12 * SECOND),
        _ => chance.within(5 * TICK..4 * SECOND),
    };
    let after = chance.below(6) as u32;
    match kind {
        0 | 1 => Act::Crash { whom, lasts },
        2 => Act::CrashInWrite { whom, after },
        3 => Act::PowerCut { lasts: lasts.min(2 * SECOND) },
        4 => Act::Pause { whom, lasts, catches_up: chance.one_in(2) || plan.reads_by_lease() },
        5 if plan.reads_by_lease() => Act::Pause { whom, lasts, catches_up: true },
        5 => Act::ClockJump { whom, ticks: chance.within(1..40) as u32 },
        6 => Act::Partition { side: draw_side(plan, chance), lasts },
        7 => Act::OneWay { from: draw_side(plan, chance), to: draw_side(plan, chance), lasts },
        8 => {
            let (inward, outward) = chance.one_of([(true, true), (true, false), (false, true)]);
            Act::Isolate { whom, inward, outward, lasts }
        }
        9 => {
            let bridge = chance.within(1..members + 1);
            Act::Bridge { bridge, side: draw_side(plan, chance), lasts }
        }
        10 => {
            let (from, to) = (chance.within(1..members + 1), chance.within(1..members + 1));
            Act::Clog { from, to, lasts }
        }
        11 => match chance.one_in(2) {
            true => Act::WriteFails { whom, after },
            false => Act::SyncFails { whom, after },
        },
        12 => Act::DiskFull { whom, lasts },
        13 => Act::DiskSlow { whom, factor: chance.one_of([3, 10, 50]), lasts },
        14 => match chance.one_in(2) {
            true => Act::SlowReads { whom, lasts },
            false => Act::NoSnapshot { whom, lasts },
        },
        15 => Act::Wipe { whom },
        16 | 17 => Act::Change { change: draw_change(chance) },
        18 => Act::Transfer { to: whom },
        _ => match chance.below(3) {
            0 => Act::Campaign { whom },
            1 => Act::ForgetLeader { whom },
            _ => Act::Unreachable { whom, peer: chance.within(1..members + 1) },
        },
    }
}

/// Acts that belong together, each with how long after the first it comes: somebody else comes to lead
/// while the leader cannot hear of it. Chance alone rarely brings them in time for each other: a lease
/// is over in less than an election timeout.
fn draw_plot(plan: &Plan, plot: usize, chance: &mut Chance) -> Vec<(Time, Act)> {
    let heir = Whom::Follower(chance.below(8));
    let (lasts, outward) = (chance.within(5 * TICK..3 * SECOND), chance.one_in(2));
    let cut_off = |outward| Act::Isolate { whom: Whom::Leader, inward: true, outward, lasts };
    let factor = chance.one_of([20, 100, 500]);
    // An answer, the word to take over, and the request for a vote.
    let handed_over = chance.below(4 * (plan.network.latency + plan.network.jitter));
    let mut soon = |most: Time| {
        let most = chance.one_of([most / 50, most / 5, most]);
        chance.below(most)
    };
    match plot {
        // It tells another to take over, and does not hear how that ends.
        0 => vec![(0, Act::Transfer { to: heir }), (handed_over, cut_off(false))],
        // Another is asked to lead behind its back.
        1 => vec![(0, cut_off(outward)), (soon(5 * TICK), Act::Campaign { whom: heir })],
        // The same, when all others have just started again.
        2 => {
            let crash = |n| Act::Crash { whom: Whom::Follower(n), lasts: soon(2 * TICK) };
            let mut acts = vec![(0, cut_off(true))];
            acts.extend((0..8).rev().map(crash).map(|act| (0, act)));
            acts.push((2 * TICK + soon(2 * TICK), Act::Campaign { whom: heir }));
            acts
        }
        // Who comes back or is new would need a snapshot, of which there is none.
        3 => {
            let away = lasts + 2 * SECOND;
            let change = chance.one_of([Change::AddVoter, Change::AddLearner]);
            vec![
                (0, Act::Crash { whom: heir, lasts: away }),
                (away - 2 * TICK, Act::NoSnapshot { whom: Whom::Leader, lasts }),
                (away - TICK, Act::Change { change }),
            ]
        }
        // Others replace what it is still writing.
        _ => {
            let slow = Act::DiskSlow { whom: Whom::Leader, factor, lasts: 2 * lasts };
            vec![(0, slow), (TICK, cut_off(true)), (3 * TICK, Act::Campaign { whom: heir })]
        }
    }
}

fn draw_side(plan: &Plan, chance: &mut Chance) -> Vec<u64> {
    plan.ids().filter(|_| chance.one_in(2)).collect()
}

fn draw_change(chance: &mut Chance) -> Change {
    match chance.below(8) {
        0 => Change::AddVoter,
        1 => Change::AddLearner,
        2 => Change::Promote,
        3 => Change::Demote,
        4 => Change::Remove,
        5 => Change::RemoveLeader,
        _ => Change::Replace { explicit: chance.one_in(2) },
    }
}
