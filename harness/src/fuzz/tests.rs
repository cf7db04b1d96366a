//! Random bytes lead somewhere.

use rand_core::{Rng as _, SeedableRng as _};
use rand_xorshift::XorShiftRng;

use super::*;

fn random_bytes(seed: u64) -> Vec<u8> {
    let mut rng = XorShiftRng::seed_from_u64(seed);
    let mut bytes = vec![0; (rng.next_u32() % 1024) as usize];
    rng.fill_bytes(&mut bytes);
    bytes
}

#[test]
fn no_bytes_are_a_case_too() {
    assert_eq!(decode(&[]), DecodeSeen { types: 9, entries: 0, responses: 0 });
    assert_eq!(script(&[]).directives, Some(0));
    assert!(step(&[]).healed);
    assert!(cluster(&[]).applied > 0);
}

#[test]
fn random_messages_are_refused_and_taken() {
    let mut sum = StepSeen::default();
    for seed in 0..300 {
        let seen = step(&random_bytes(seed));
        sum.refused += seen.refused;
        sum.ignored += seen.ignored;
        sum.taken += seen.taken;
        sum.roles += seen.roles;
        sum.snapshots += seen.snapshots;
    }
    let StepSeen { refused, ignored, taken, roles, snapshots, .. } = sum;
    assert!([refused, ignored, taken, roles, snapshots].iter().all(|count| *count > 0), "{sum:?}");
    // What is only refused leaves a group that goes on.
    assert!((0..300).any(|seed| {
        let seen = step(&random_bytes(seed)[..30.min(random_bytes(seed).len())]);
        seen.healed && seen.refused > 0
    }));
}

#[test]
fn random_clusters_elect_and_apply() {
    let seen: Vec<_> = (0..300).map(|seed| cluster(&random_bytes(seed))).collect();
    let at_most =
        |count: fn(&ClusterSeen) -> usize| seen.iter().map(count).max().unwrap_or_default();
    assert!(at_most(|seen| seen.leaders) > 2);
    assert!(at_most(|seen| seen.applied) > 5);
    assert!(at_most(|seen| seen.snapshots as usize) > 0);
    assert!(at_most(|seen| seen.conf_changes) > 0);
    assert!(seen.iter().all(|seen| seen.applied > 0));
}
