//! Runs for a formal specification, each of which is to show one thing.

use super::chance::Chance;
use super::plan::{ClientPlan, FAULTS, NodePlan, Plan, WHO};
use super::schedule::{Act, Change, Timed, Whom};
use super::{NetworkPlan, Ppm, SECOND, TICK, Time};

/// What a run is to show. A trace that a specification can go through is over after a few seconds, so
/// that chance alone would rarely get further than an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lesson {
    Replication,
    Loss,
    ReElection,
    DivergentLogs,
    Restart,
    PreVote,
    CheckQuorum,
    Transfer,
    AddVoter,
    Promote,
    Remove,
    /// Whatever chance brings.
    Anything,
}

impl Lesson {
    const ALL: [Self; 12] = [
        Self::Replication,
        Self::Loss,
        Self::ReElection,
        Self::DivergentLogs,
        Self::Restart,
        Self::PreVote,
        Self::CheckQuorum,
        Self::Transfer,
        Self::AddVoter,
        Self::Promote,
        Self::Remove,
        Self::Anything,
    ];

    fn of(seed: u64) -> Self {
        Self::ALL[(seed % Self::ALL.len() as u64) as usize]
    }

    /// Each of their requests takes a tenth of a trace.
    fn clients(self) -> ClientPlan {
        let (count, think) = match self {
            // Logs part when much is proposed to a leader that nobody hears.
            Self::DivergentLogs => (6, SECOND),
            Self::Promote => (1, 4 * SECOND),
            _ => (2, SECOND),
        };
        ClientPlan { count, think, patience: SECOND }
    }

    /// What happens, and how long after somebody leads.
    fn acts(self, chance: &mut Chance) -> Vec<(Time, Act)> {
        // Enough for another to be elected, and little more.
        let lasts = chance.within(2 * SECOND..3 * SECOND);
        let cut_off = |whom| Act::Isolate { whom, inward: true, outward: true, lasts };
        let change = |change| Act::Change { change };
        let follower = Whom::Follower(chance.below(2));
        match self {
            Self::Replication | Self::Loss | Self::Anything => Vec::new(),
            Self::ReElection | Self::CheckQuorum => vec![(0, cut_off(Whom::Leader))],
            // The leader that is cut off has time for some proposals, and the next one for none.
            Self::DivergentLogs => {
                let (whom, lasts) = (Whom::Leader, SECOND);
                vec![
                    (0, Act::Isolate { whom, inward: true, outward: true, lasts }),
                    (9 * TICK, Act::Campaign { whom: follower }),
                ]
            }
            Self::Restart => vec![
                (0, Act::Crash { whom: follower, lasts: 5 * TICK }),
                (SECOND, Act::Crash { whom: Whom::Leader, lasts: 5 * TICK }),
            ],
            // It hears nothing, falls behind, and asks for votes that nobody gives.
            Self::PreVote => {
                vec![(0, Act::Isolate { whom: follower, inward: true, outward: false, lasts })]
            }
            Self::Transfer => vec![(0, Act::Transfer { to: follower })],
            Self::AddVoter => vec![(0, change(Change::AddVoter))],
            Self::Promote => {
                vec![(0, change(Change::AddLearner)), (5 * TICK, change(Change::Promote))]
            }
            Self::Remove => vec![(0, change(Change::Remove))],
        }
    }
}

impl Plan {
    /// A plan whose run etcd's formal specification can follow: etcd's rules, synchronous nodes, no
    /// snapshots, changes of one node at a time. The seeds take turns at what they show: elections,
    /// losses, logs that part, restarts, pre-votes, checks of the quorum, transfers, members that
    /// come, are promoted and go.
    #[must_use]
    pub fn traceable(seed: u64) -> Self {
        let lesson = Lesson::of(seed);
        let mut chance = Chance::new(seed, WHO);
        let voters = match lesson {
            Lesson::Replication | Lesson::Anything => chance.one_of([3, 5]),
            _ => 3,
        };
        let by_chance = |it, chance: &mut Chance| {
            lesson == it || (lesson == Lesson::Anything && chance.one_in(3))
        };
        let node = NodePlan {
            etcd_rules: true,
            step_down_on_removal: false,
            pre_vote: by_chance(Lesson::PreVote, &mut chance),
            check_quorum: by_chance(Lesson::CheckQuorum, &mut chance),
            election_tick: 10,
            // Heartbeats fill a trace.
            heartbeat_tick: 4,
            max_size_per_msg: chance.one_of([0, 1 << 20]),
            max_committed_size_per_ready: 1 << 20,
            snapshot_every: u64::MAX / 2,
            ..NodePlan::plain()
        };
        let latency = chance.within(500..20_000);
        let is_lossy = by_chance(Lesson::Loss, &mut chance);
        let mut plan = Self {
            nodes: vec![node; voters as usize + 2],
            bootstrap: true,
            network: NetworkPlan {
                latency,
                jitter: chance.one_of([0, latency]),
                loss: Ppm(if is_lossy { 250_000 } else { 0 }),
                duplication: Ppm(if is_lossy { 50_000 } else { 0 }),
                capacity: 10_000,
                ..NetworkPlan::default()
            },
            clients: lesson.clients(),
            chaos: 20 * SECOND,
            ..Self::calm(seed, voters)
        };
        let mut chance = Chance::new(seed, FAULTS);
        plan.schedule = match lesson {
            Lesson::Anything => anything(&plan, &mut chance),
            _ => {
                // Before a timer is over.
                let first = Timed { at: 3 * TICK, act: Act::Campaign { whom: Whom::Node(1) } };
                let from = SECOND + chance.below(SECOND / 2);
                let acts = lesson.acts(&mut chance).into_iter();
                let acts = acts.map(|(after, act)| Timed { at: from + after, act });
                std::iter::once(first).chain(acts).collect()
            }
        };
        plan
    }
}

fn anything(plan: &Plan, chance: &mut Chance) -> Vec<Timed> {
    let members = plan.nodes.len() as u64;
    let mut schedule = Vec::new();
    let mut at = SECOND;
    while at < plan.chaos {
        let lasts = chance.within(TICK..2 * SECOND);
        let whom = match chance.below(3) {
            0 => Whom::Leader,
            1 => Whom::Follower(chance.below(members)),
            _ => Whom::Node(chance.within(1..members + 1)),
        };
        let act = match chance.below(6) {
            0 => Act::Crash { whom, lasts },
            1 => Act::Isolate { whom, inward: true, outward: true, lasts },
            2 => Act::Transfer { to: whom },
            3 => Act::Campaign { whom },
            _ => {
                let change = chance.one_of([
                    Change::AddVoter,
                    Change::AddLearner,
                    Change::Promote,
                    Change::Remove,
                ]);
                Act::Change { change }
            }
        };
        schedule.push(Timed { at, act });
        at += chance.within(TICK..3 * SECOND);
    }
    schedule
}
