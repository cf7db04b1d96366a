//! Floor 0. The one source of chance: a seeded xorshift for election timeouts.

use rand_core::{Rng as _, SeedableRng};
use rand_xorshift::XorShiftRng;

/// A seeded generator. Nodes that share a seed still draw different timeouts, because the node's
/// and the group's id are mixed in.
#[derive(Clone, Debug)]
pub(crate) struct Rng(XorShiftRng);

impl Rng {
    pub(crate) fn new(seed: u64, group: u64, id: u64) -> Self {
        let low = mix(seed ^ mix(id));
        let high = mix(low ^ mix(group.wrapping_add(0x9e37_79b9_7f4a_7c15)));
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&low.to_le_bytes());
        bytes[8..].copy_from_slice(&high.to_le_bytes());
        Self(XorShiftRng::from_seed(bytes))
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        // The high half of a 32 x 32 bit product: uniform enough for timeouts, and no division.
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// What this generator will draw next, without drawing it.
    pub(crate) fn fingerprint(&self) -> [u64; 2] {
        let mut copy = self.0.clone();
        [copy.next_u64(), copy.next_u64()]
    }
}

/// Spreads every bit of `x` over the whole word (the finalizer of SplitMix64).
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, group: u64, id: u64) -> [u32; 8] {
        let mut rng = Rng::new(seed, group, id);
        core::array::from_fn(|_| rng.below(1 << 20))
    }

    /// The first numbers that SplitMix64 is published to give for the seed 1234567.
    #[test]
    fn mixing_is_a_step_of_splitmix64() {
        let first = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
            4_593_380_528_125_082_431,
            16_408_922_859_458_223_821,
        ];
        for (step, published) in (0u64..).zip(first) {
            let state = step.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1_234_567);
            assert_eq!(mix(state), published);
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_draws() {
        assert_eq!(draws(1, 2, 3), draws(1, 2, 3));
    }

    #[test]
    fn seed_group_and_id_each_change_the_draws() {
        assert_ne!(draws(0, 0, 1), draws(0, 0, 2));
        assert_ne!(draws(0, 0, 1), draws(0, 1, 1));
        assert_ne!(draws(0, 0, 1), draws(1, 0, 1));
    }

    #[test]
    fn draws_stay_below_the_bound_and_reach_every_value() {
        let mut rng = Rng::new(7, 0, 1);
        let mut seen = [false; 10];
        for _ in 0..1000 {
            seen[rng.below(10) as usize] = true;
        }
        assert_eq!(seen, [true; 10]);
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn a_fingerprint_draws_nothing() {
        let mut rng = Rng::new(7, 0, 1);
        let before = rng.fingerprint();
        assert_eq!(before, rng.fingerprint());
        rng.below(2);
        assert_ne!(before, rng.fingerprint());
    }
}
