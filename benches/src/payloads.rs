//! What is replicated.

/// Payloads of one size. Each is allocated anew, as one that comes from a client is, and begins with
/// its number, so that no two are the same.
#[derive(Clone, Debug)]
pub struct Payloads {
    size: usize,
    made: u64,
}

impl Payloads {
    /// Payloads of `size` bytes.
    ///
    /// # Panics
    /// When the number has no room.
    #[must_use]
    pub fn new(size: usize) -> Self {
        assert!(size >= size_of::<u64>(), "a payload holds its number");
        Self { size, made: 0 }
    }
}

impl Iterator for Payloads {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        self.made += 1;
        let mut payload = vec![0; self.size];
        payload[..size_of::<u64>()].copy_from_slice(&self.made.to_le_bytes());
        Some(payload)
    }
}
