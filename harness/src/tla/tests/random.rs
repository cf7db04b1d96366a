//! Clusters that are driven by chance.

use rand_core::{Rng, SeedableRng};
use rand_xorshift::XorShiftRng;

use super::*;

const SEEDS: u64 = 150;

/// Does anything that may happen to a cluster until its trace is closed.
fn run(seed: u64) -> TlaTrace {
    let mut rng = XorShiftRng::seed_from_u64(seed);
    let mut below = move |n: u64| rng.next_u64() % n;
    let (pre_vote, check_quorum) = (seed % 3 == 1, seed % 2 == 1);
    let configure = |config: &mut raft_core::Config| {
        (config.pre_vote, config.check_quorum, config.seed) = (pre_vote, check_quorum, seed);
    };
    let mut cluster = Cluster::boot(3, configure);
    cluster.join(4, configure);
    while !cluster.trace.is_closed() {
        let id = 1 + below(4);
        match below(40) {
            0..15 => cluster.tick_alone(id, 1 + below(4) as u32),
            15..18 => drop(cluster.node(id).propose("x")),
            18 => cluster.restart(id),
            19 => drop(cluster.node(id).transfer_leader(1 + below(4))),
            20 => {
                let kinds = [
                    ConfChangeType::AddNode,
                    ConfChangeType::AddLearnerNode,
                    ConfChangeType::RemoveNode,
                ];
                let kind = kinds[below(3) as usize];
                drop(cluster.node(id).propose_conf_change(ConfChange::new(kind, 4)));
            }
            21 => cluster.lose(below(20) as usize),
            22 => cluster.repeat(below(20) as usize),
            23 => cluster.delay(),
            _ => drop(cluster.deliver_one()),
        }
    }
    cluster.trace
}

#[test]
fn traces_of_random_runs_are_sound() {
    let (mut seen, mut cut_off) = (BTreeSet::new(), 0);
    for seed in 0..SEEDS {
        let events = run(seed).events();
        assert_eq!(check(&events), Ok(()), "seed {seed}");
        cut_off += u64::from(events.len() < MAX_EVENTS);
        seen.extend(events.iter().map(|event| event.name));
    }
    assert_eq!(seen.len(), Name::ALL.len());
    assert!((1..SEEDS / 10).contains(&cut_off), "{cut_off} traces end early");
}
