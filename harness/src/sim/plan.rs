//! Everything that is decided about a run before it begins.

use raft_core::{Compat, Config, ReadOnlyOption};
use serde::{Deserialize, Serialize};

use super::chance::{Chance, Ppm};
use super::network::{LinkPlan, NetworkPlan};
use super::schedule::{self, Timed};
use super::{SECOND, TICK, Time};

/// A run before it begins: drawn from a seed, or read from a file. The same plan gives the same run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Seeds everything that is drawn during the run.
    pub seed: u64,
    /// Nodes `1..=voters` vote from the start.
    pub voters: u64,
    /// The next ones are learners.
    pub learners: u64,
    /// Each node that there can be; those beyond voters and learners join when a change adds them.
    pub nodes: Vec<NodePlan>,
    /// Whether the group starts by `bootstrap`; else from a snapshot that names the members.
    pub bootstrap: bool,
    /// The network.
    pub network: NetworkPlan,
    /// The links that are not as the others.
    #[serde(default)]
    pub links: Vec<LinkPlan>,
    /// The clients.
    pub clients: ClientPlan,
    /// How long faults go on.
    pub chaos: Time,
    /// The faults, ascending by time.
    pub schedule: Vec<Timed>,
}

/// A node's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    /// Whether writes are asynchronous.
    pub asynchronous: bool,
    /// Whether it follows etcd's rules where ours are stricter.
    pub etcd_rules: bool,
    /// Whether it sleeps until its next timeout instead of ticking.
    pub sleepy: bool,
    /// How long its clock takes for a tick.
    pub tick: Time,
    /// See [`Config::election_tick`].
    pub election_tick: u32,
    /// See [`Config::heartbeat_tick`].
    pub heartbeat_tick: u32,
    /// See [`Config::pre_vote`].
    pub pre_vote: bool,
    /// See [`Config::check_quorum`].
    pub check_quorum: bool,
    /// Whether reads are answered by lease.
    pub lease_reads: bool,
    /// See [`Config::max_size_per_msg`].
    pub max_size_per_msg: u64,
    /// See [`Config::max_committed_size_per_ready`].
    pub max_committed_size_per_ready: u64,
    /// See [`Config::recent_entries_bytes`].
    pub recent_entries_bytes: u64,
    /// See [`Config::max_uncommitted_size`].
    pub max_uncommitted_size: u64,
    /// See [`Config::max_inflight_msgs`].
    pub max_inflight_msgs: usize,
    /// See [`Config::max_inflight_bytes`].
    pub max_inflight_bytes: u64,
    /// See [`Config::max_pending_reads`].
    pub max_pending_reads: usize,
    /// See [`Config::max_queued_messages`].
    pub max_queued_messages: usize,
    /// See [`Config::disable_proposal_forwarding`].
    pub disable_proposal_forwarding: bool,
    /// See [`Config::step_down_on_removal`].
    pub step_down_on_removal: bool,
    /// How long a write takes; each draws its own, up to twice as much.
    pub write_time: Time,
    /// How long a sync takes, likewise.
    pub sync_time: Time,
    /// How long an asynchronous apply takes, likewise.
    pub apply_time: Time,
    /// How long proposals are gathered into one batch; 0 for not at all.
    pub batch_time: Time,
    /// Entries that are applied between two snapshots.
    pub snapshot_every: u64,
    /// Entries that are kept below a snapshot.
    pub keep: u64,
    /// Entries that are applied between two moments at which the state machine is made durable; 0 when
    /// it lives in memory, and is made from snapshot and log at a start.
    pub save_every: u64,
}

/// What the clients do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientPlan {
    /// How many there are.
    pub count: u32,
    /// How long a client thinks before its next request, on average.
    pub think: Time,
    /// How long it waits for an answer.
    pub patience: Time,
}

pub(super) const WHO: u64 = 1;
pub(super) const FAULTS: u64 = 2;
const LINKS: u64 = 5;

impl Plan {
    /// The plan that `seed` draws: sizes, timings, and the mix of faults.
    ///
    /// Its nodes follow our own, stricter rules, never etcd's; for those see
    /// [`traceable`](Self::traceable), or set [`NodePlan::etcd_rules`].
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let mut chance = Chance::new(seed, WHO);
        let voters = chance.one_of([1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 5, 7]);
        let learners = chance.one_of([0, 0, 0, 1, 2]);
        let spares = chance.within(1..5);
        let style = Style::draw(&mut chance);
        let nodes = (0..voters + learners + spares).map(|_| style.node(&mut chance)).collect();
        let mut plan = Self {
            seed,
            voters,
            learners,
            nodes,
            bootstrap: chance.one_in(2),
            network: draw_network(&mut chance),
            links: Vec::new(),
            clients: ClientPlan {
                // A lease that is not one shows when much is read.
                count: match style.lease_reads {
                    true => chance.within(4..9) as u32,
                    false => chance.within(2..7) as u32,
                },
                think: match style.lease_reads {
                    true => chance.within(20_000..100_000),
                    false => chance.within(100_000..600_000),
                },
                patience: chance.within(1..4) * SECOND,
            },
            chaos: chance.within(60..76) * SECOND,
            schedule: Vec::new(),
        };
        plan.links = draw_links(plan.nodes.len() as u64, &mut Chance::new(seed, LINKS));
        plan.schedule = schedule::draw(&plan, &mut Chance::new(seed, FAULTS));
        plan
    }

    /// A plan without faults, of `voters` equal nodes: to start from.
    #[must_use]
    pub fn calm(seed: u64, voters: u64) -> Self {
        let node = NodePlan::plain();
        Self {
            seed,
            voters,
            learners: 0,
            nodes: vec![node; voters as usize],
            bootstrap: false,
            network: NetworkPlan {
                latency: 1_000,
                jitter: 1_000,
                capacity: 10_000,
                ..NetworkPlan::default()
            },
            links: Vec::new(),
            clients: ClientPlan { count: 3, think: SECOND / 5, patience: 2 * SECOND },
            chaos: 10 * SECOND,
            schedule: Vec::new(),
        }
    }

    /// The ids of the nodes that there can be.
    pub fn ids(&self) -> impl Iterator<Item = u64> + use<> {
        1..=self.nodes.len() as u64
    }

    /// The settings of node `id`, which counts from 1.
    #[must_use]
    pub fn node(&self, id: u64) -> &NodePlan {
        &self.nodes[id as usize - 1]
    }

    /// Whether nodes can be built from it.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let members = self.voters + self.learners;
        let are_valid = |node: &NodePlan| node.config(1, self.seed, 0).validate().is_ok();
        (1..=self.nodes.len() as u64).contains(&members)
            && self.voters > 0
            && self.clients.count > 0
            && self.nodes.iter().all(are_valid)
    }

    /// Whether reads are answered by lease, so that clocks must keep to the bound of
    /// [`ReadOnlyOption::LeaseBased`].
    #[must_use]
    pub fn reads_by_lease(&self) -> bool {
        self.nodes.iter().any(|node| node.lease_reads)
    }

    /// Whether anything goes wrong in it.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        let NetworkPlan { loss, duplication, stale, .. } = self.network;
        self.schedule.is_empty()
            && self.links.is_empty()
            && [loss, duplication, stale] == [Ppm(0); 3]
    }

    /// Whether the faults of the schedule go on until [`chaos`](Self::chaos) ends, or nearly: the cluster
    /// has not had ten election timeouts to recover before.
    #[must_use]
    pub fn ends_in_faults(&self) -> bool {
        let quiet = 10 * self.election_timeout();
        let goes_on = |timed: &Timed| timed.at + timed.act.lasts() + quiet > self.chaos;
        self.schedule.iter().any(goes_on)
    }

    /// The longest election timeout that any node can draw.
    #[must_use]
    pub fn election_timeout(&self) -> Time {
        let timeout = |node: &NodePlan| Time::from(2 * node.election_tick) * node.tick;
        self.nodes.iter().map(timeout).max().unwrap_or(SECOND)
    }
}

impl NodePlan {
    /// A node with the usual settings, pre-vote and a check of the quorum.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            asynchronous: false,
            etcd_rules: false,
            sleepy: false,
            tick: TICK,
            election_tick: 10,
            heartbeat_tick: 1,
            pre_vote: true,
            check_quorum: true,
            lease_reads: false,
            max_size_per_msg: 1 << 20,
            max_committed_size_per_ready: 0,
            recent_entries_bytes: Config::new(1).recent_entries_bytes,
            max_uncommitted_size: 0,
            max_inflight_msgs: 256,
            max_inflight_bytes: 0,
            max_pending_reads: Config::new(1).max_pending_reads,
            max_queued_messages: Config::new(1).max_queued_messages,
            disable_proposal_forwarding: false,
            step_down_on_removal: true,
            write_time: 0,
            sync_time: 0,
            apply_time: 0,
            batch_time: 0,
            snapshot_every: 1000,
            keep: 100,
            save_every: 0,
        }
    }

    pub(super) fn config(&self, id: u64, seed: u64, applied: u64) -> Config {
        Config {
            seed,
            applied,
            election_tick: self.election_tick,
            heartbeat_tick: self.heartbeat_tick,
            pre_vote: self.pre_vote,
            check_quorum: self.check_quorum,
            read_only: match self.lease_reads {
                true => ReadOnlyOption::LeaseBased,
                false => ReadOnlyOption::Safe,
            },
            max_size_per_msg: self.max_size_per_msg,
            max_committed_size_per_ready: self.max_committed_size_per_ready,
            recent_entries_bytes: self.recent_entries_bytes,
            max_uncommitted_size: self.max_uncommitted_size,
            max_inflight_msgs: self.max_inflight_msgs,
            max_inflight_bytes: self.max_inflight_bytes,
            max_pending_reads: self.max_pending_reads,
            max_queued_messages: self.max_queued_messages,
            disable_proposal_forwarding: self.disable_proposal_forwarding,
            step_down_on_removal: self.step_down_on_removal,
            compat: match self.etcd_rules {
                true => Compat::Etcd,
                false => Compat::Strict,
            },
            ..Config::new(id)
        }
    }
}

/// What the nodes of a run have in common.
struct Style {
    /// All nodes alike, or each as it comes.
    flags: Flags,
    lease_reads: bool,
    writes: Writes,
    election_tick: u32,
    small_messages: bool,
    /// In hundredths of a tick, either way.
    drift: u64,
    slow_disks: bool,
    snapshot_every: u64,
    /// A full queue hides what long ones show, so that most runs have none.
    small_queues: bool,
}

enum Flags {
    All { pre_vote: bool, check_quorum: bool },
    Mixed,
}

#[derive(Clone, Copy)]
enum Writes {
    Sync,
    Async,
    Mixed,
}

impl Style {
    fn draw(chance: &mut Chance) -> Self {
        let flags = match chance.below(8) {
            0 => Flags::All { pre_vote: false, check_quorum: false },
            1 => Flags::All { pre_vote: false, check_quorum: true },
            2 => Flags::All { pre_vote: true, check_quorum: false },
            3 => Flags::Mixed,
            _ => Flags::All { pre_vote: true, check_quorum: true },
        };
        // A lease rests on every node's refusal to vote.
        let lease_reads =
            matches!(flags, Flags::All { check_quorum: true, .. }) && chance.one_in(2);
        Self {
            flags,
            lease_reads,
            writes: chance.one_of([Writes::Sync, Writes::Async, Writes::Mixed]),
            election_tick: chance.one_of([5, 10, 10, 10, 15]),
            small_messages: chance.one_in(2),
            drift: chance.one_of([0, 0, 1, 5]),
            slow_disks: chance.one_in(2),
            snapshot_every: chance.one_of([10, 30, 100, 1000]),
            small_queues: chance.one_in(4),
        }
    }

    fn node(&self, chance: &mut Chance) -> NodePlan {
        let coin = |chance: &mut Chance| chance.one_in(2);
        let (pre_vote, check_quorum) = match self.flags {
            Flags::All { pre_vote, check_quorum } => (pre_vote, check_quorum),
            Flags::Mixed => (coin(chance), coin(chance)),
        };
        let drift = TICK * self.drift / 100;
        let usual = Config::new(1);
        let max_size_per_msg =
            if self.small_messages { chance.one_of([0, 60, 300]) } else { 1 << 20 };
        let max_committed_size_per_ready = chance.one_of([1, 100, 1 << 20]);
        NodePlan {
            asynchronous: match self.writes {
                Writes::Sync => false,
                Writes::Async => true,
                Writes::Mixed => coin(chance),
            },
            etcd_rules: false,
            sleepy: chance.one_in(3),
            tick: chance.within(TICK - drift..TICK + drift + 1),
            election_tick: self.election_tick,
            heartbeat_tick: chance.one_of([1, 1, 2]),
            pre_vote,
            check_quorum,
            lease_reads: self.lease_reads,
            max_size_per_msg,
            max_committed_size_per_ready,
            recent_entries_bytes: chance.one_of([0, 1, 300, usual.recent_entries_bytes]),
            max_uncommitted_size: chance.one_of([0, 0, 300]),
            // One small message at a time is slower than the clients.
            max_inflight_msgs: match self.small_messages {
                true => chance.one_of([8, 256]),
                false => chance.one_of([1, 2, 8, 256]),
            },
            max_inflight_bytes: chance.one_of([0, 0, 2]) * max_size_per_msg,
            disable_proposal_forwarding: chance.one_in(4),
            step_down_on_removal: !chance.one_in(4),
            write_time: if self.slow_disks { chance.within(0..5_000) } else { 0 },
            sync_time: if self.slow_disks { chance.within(0..30_000) } else { 0 },
            apply_time: match self.slow_disks {
                // Slow enough that much is committed and not applied, if it is applied in few pieces.
                true if max_committed_size_per_ready > 100 => chance.within(0..600_000),
                true => chance.within(0..10_000),
                false => 0,
            },
            batch_time: chance.one_of([0, 0, 5_000, 50_000]),
            snapshot_every: self.snapshot_every,
            keep: chance.within(0..self.snapshot_every),
            save_every: chance.one_of([0, 0, 1, 7]),
            max_pending_reads: match self.small_queues {
                true => chance.one_of([2, 4, 16]),
                false => usual.max_pending_reads,
            },
            max_queued_messages: match self.small_queues {
                true => chance.one_of([20, 50, 100]),
                false => usual.max_queued_messages,
            },
        }
    }
}

fn draw_network(chance: &mut Chance) -> NetworkPlan {
    let latency = chance.within(500..20_000);
    let ppm = |chance: &mut Chance, highest: u64| match chance.one_in(2) {
        true => Ppm(0),
        false => Ppm(chance.below(highest) as u32),
    };
    NetworkPlan {
        latency,
        jitter: chance.one_of([0, latency, 4 * latency]),
        loss: ppm(chance, 200_000),
        duplication: ppm(chance, 100_000),
        stale: ppm(chance, 50_000),
        capacity: chance.one_of([5, 50, 10_000]),
        bandwidth: chance.one_of([0, 0, 0, 50_000]),
    }
}

/// In half of the runs, some links that are each like no other.
fn draw_links(nodes: u64, chance: &mut Chance) -> Vec<LinkPlan> {
    let mut links = Vec::new();
    if chance.one_in(2) {
        return links;
    }
    for from in 1..=nodes {
        for to in (1..=nodes).filter(|to| *to != from) {
            if chance.one_in(4) {
                let plan = draw_network(chance);
                let bandwidth = chance.one_of([0, 50_000, 5_000]);
                let loss = chance.one_of([plan.loss, plan.loss, Ppm(500_000)]);
                links.push(LinkPlan { from, to, plan: NetworkPlan { bandwidth, loss, ..plan } });
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_plan_makes_valid_nodes_and_reads_back() {
        for seed in 0..300 {
            let plan = Plan::draw(seed);
            for (id, node) in plan.ids().zip(&plan.nodes) {
                assert_eq!(node.config(id, seed, 0).validate(), Ok(()), "seed {seed}");
            }
            let json = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
            assert_eq!(Plan::draw(seed), plan);
        }
    }

    #[test]
    fn a_calm_plan_is_calm() {
        assert!(Plan::calm(1, 3).is_calm());
        assert!((0..50).any(|seed| !Plan::draw(seed).is_calm()));
    }
}
