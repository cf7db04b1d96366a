//! Floor 0. A hash that is the same on every machine and in every build.

use core::hash::Hasher;

/// Hashes a word at a time. Not against adversaries: it tells states apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DigestHasher(u64);

impl DigestHasher {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn word(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 29;
    }
}

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.word(u64::from_le_bytes(word) ^ ((chunk.len() as u64) << 59));
        }
    }

    // The default of each of these would depend on the machine's byte order or word size.
    fn write_u8(&mut self, value: u8) {
        self.word(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.word(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.word(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.word(value as u64);
    }

    fn write_i32(&mut self, value: i32) {
        self.word(i64::from(value) as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.word(value as i64 as u64);
    }
}

#[cfg(test)]
mod tests {
    use core::hash::Hash;

    use super::*;

    fn digest(value: impl Hash) -> u64 {
        let mut hasher = DigestHasher::new();
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn a_digest_never_changes_between_builds() {
        assert_eq!(digest((1u64, 2u32, [3u8; 9].as_slice(), true)), 8_580_367_197_320_860_513);
    }

    #[test]
    fn values_that_differ_have_different_digests() {
        let digests = [digest(1u64), digest(2u64), digest((1u64, 0u64)), digest((0u64, 1u64))];
        for (at, one) in digests.iter().enumerate() {
            assert!(!digests[at + 1..].contains(one));
        }
        assert_ne!(digest([0u8; 3].as_slice()), digest([0u8; 4].as_slice()));
    }

    /// The length goes into bits that the bytes may have, too.
    #[test]
    fn every_bit_of_a_text_counts() {
        let last = |byte: u8| digest([0, 0, 0, 0, 0, 0, 0, byte].as_slice());
        assert_ne!(last(0x40), last(0));
    }
}
