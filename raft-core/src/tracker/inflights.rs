//! Which appends are on their way to one peer.

use alloc::collections::VecDeque;

/// The appends that were sent to a peer and not acknowledged, limited in number and in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Inflights {
    /// The last index of each append and its payload bytes, in the order sent.
    appends: VecDeque<(u64, u64)>,
    bytes: u64,
    limits: InflightLimits,
}

/// How much may be on its way to one peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InflightLimits {
    /// Appends.
    pub msgs: usize,
    /// Payload bytes; 0 means no limit. The append that reaches it may pass it.
    pub bytes: u64,
}

impl Inflights {
    /// Nothing on its way.
    #[must_use]
    pub fn new(limits: InflightLimits) -> Self {
        Self { appends: VecDeque::new(), bytes: 0, limits }
    }

    /// How many appends are on their way.
    #[must_use]
    pub fn count(&self) -> usize {
        self.appends.len()
    }

    /// How much may be on its way.
    #[must_use]
    pub fn limits(&self) -> InflightLimits {
        self.limits
    }

    /// Payload bytes on their way.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether no further append may be sent.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.appends.len() >= self.limits.msgs
            || (self.limits.bytes != 0 && self.bytes >= self.limits.bytes)
    }

    /// An append whose last index is `index` was sent, with `bytes` of payload.
    pub(crate) fn add(&mut self, index: u64, bytes: u64) {
        self.appends.push_back((index, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Everything up to `index` has arrived.
    pub(crate) fn free_to(&mut self, index: u64) {
        while let Some(&(last, bytes)) = self.appends.front() {
            if last > index {
                break;
            }
            self.appends.pop_front();
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.appends.shrink_to_fit();
    }

    /// Nothing is on its way any more.
    pub(crate) fn reset(&mut self) {
        self.appends.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Inflights {
        /// How many more appends there is room for.
        pub(crate) fn spare(&self) -> usize {
            self.appends.capacity() - self.appends.len()
        }
    }

    fn inflights(msgs: usize, bytes: u64) -> Inflights {
        Inflights::new(InflightLimits { msgs, bytes })
    }

    #[test]
    fn the_limits_are_those_it_was_made_with() {
        assert_eq!(inflights(2, 9).limits(), InflightLimits { msgs: 2, bytes: 9 });
    }

    /// etcd: tracker.TestInflightsFull
    #[test]
    fn full_by_count() {
        let mut inflights = inflights(2, 0);
        inflights.add(1, 100);
        assert!(!inflights.is_full());
        inflights.add(2, 100);
        assert!(inflights.is_full());
        inflights.free_to(1);
        assert!(!inflights.is_full());
        assert_eq!((inflights.count(), inflights.bytes()), (1, 100));
    }

    /// etcd: tracker.TestInflightsFull
    #[test]
    fn full_by_bytes_once_the_limit_is_reached() {
        let mut inflights = inflights(10, 100);
        inflights.add(1, 99);
        assert!(!inflights.is_full());
        inflights.add(2, 50);
        assert!(inflights.is_full());
        inflights.free_to(1);
        assert!(!inflights.is_full());
    }

    /// etcd: tracker.TestInflightFreeTo, tracker.TestInflightsReset
    #[test]
    fn an_acknowledgement_frees_all_before_it() {
        let mut inflights = inflights(10, 0);
        (1..=5).for_each(|index| inflights.add(index * 10, 1));
        inflights.free_to(9);
        assert_eq!(inflights.count(), 5);
        inflights.free_to(35);
        assert_eq!((inflights.count(), inflights.bytes()), (2, 2));
        inflights.reset();
        assert_eq!((inflights.count(), inflights.bytes()), (0, 0));
    }
}
