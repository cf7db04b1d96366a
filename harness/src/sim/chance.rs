//! The one source of chance of a run.

use std::ops::Range;

use rand_core::{Rng as _, SeedableRng};
use rand_xorshift::XorShiftRng;
use serde::{Deserialize, Serialize};

/// Draws numbers from a seed: the same ones, always.
#[derive(Clone, Debug)]
pub struct Chance(XorShiftRng);

/// A probability, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ppm(pub u32);

impl Chance {
    /// The stream of draws that belongs to `seed` and `purpose`. Streams of different purposes do not
    /// move each other, so that a run from which a fault is taken away stays much the same.
    #[must_use]
    pub fn new(seed: u64, purpose: u64) -> Self {
        Self(XorShiftRng::seed_from_u64(mix(seed ^ mix(purpose))))
    }

    /// A number of 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `range`, or its start when it is empty.
    pub fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// A number of at least 0 that is `mean` on average, and now and then much more.
    pub fn around(&mut self, mean: u64) -> u64 {
        // A geometric distribution by halves: no floating point, so that every machine agrees.
        let half_life = mean.saturating_mul(45) / 64;
        let mut sum = 0;
        while self.below(2) == 0 && sum < mean.saturating_mul(20) {
            sum += half_life;
        }
        sum + self.below(half_life.max(1))
    }

    /// Whether something of probability `p` happens.
    pub fn happens(&mut self, p: Ppm) -> bool {
        p.0 > 0 && self.below(1_000_000) < u64::from(p.0)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// One of `choices`; `None` when there is none.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len() as u64) as usize)
    }

    /// One of `choices`, which is not empty, as a copy.
    pub fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        const { assert!(N > 0) };
        choices[self.below(N as u64) as usize]
    }
}

/// Spreads every bit of `x` over the whole word (the finalizer of SplitMix64).
pub(super) fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Folds `bytes` into `state`.
pub(super) fn fold(state: u64, bytes: &[u8]) -> u64 {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(mix(state ^ bytes.len() as u64), |state, word| mix(state ^ word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_have_streams_of_their_own() {
        let draw = |seed, purpose| Chance::new(seed, purpose).word();
        assert_eq!(draw(1, 2), draw(1, 2));
        assert_ne!(draw(1, 2), draw(1, 3));
        assert_ne!(draw(1, 2), draw(2, 2));
    }

    #[test]
    fn draws_keep_their_bounds() {
        let mut chance = Chance::new(1, 1);
        for _ in 0..1000 {
            assert!(chance.below(3) < 3);
            assert!((5..7).contains(&chance.within(5..7)));
            assert!(!chance.happens(Ppm(0)));
            assert!(chance.happens(Ppm(1_000_000)));
        }
        assert_eq!(chance.below(0), 0);
        assert_eq!(chance.within(4..4), 4);
        assert_eq!(chance.pick::<u8>(&[]), None);
    }

    #[test]
    fn around_has_its_mean() {
        let mut chance = Chance::new(7, 7);
        let sum: u64 = (0..10_000).map(|_| chance.around(1000)).sum();
        assert!((900..1200).contains(&(sum / 10_000)), "{}", sum / 10_000);
        assert_eq!(chance.around(0), 0);
    }

    #[test]
    fn folding_tells_byte_strings_apart() {
        assert_ne!(fold(0, b"a"), fold(0, b"a\0"));
        assert_ne!(fold(0, b""), fold(1, b""));
        assert_eq!(fold(3, b"0123456789"), fold(3, b"0123456789"));
    }
}
