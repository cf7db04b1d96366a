//! Floor 0. A small set of node ids, in ascending order.

use alloc::{boxed::Box, vec::Vec};
use core::fmt;

/// A set of node ids that iterates in ascending order. Configurations are small, so that a sorted
/// list beats a tree, and change seldom, so that it need not have room to grow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct IdSet(Box<[u64]>);

impl IdSet {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn change(&mut self, change: impl FnOnce(&mut Vec<u64>)) {
        let mut ids = core::mem::take(&mut self.0).into_vec();
        change(&mut ids);
        self.0 = ids.into_boxed_slice();
    }

    /// Adds `id`; false when it was there.
    pub fn insert(&mut self, id: u64) -> bool {
        match self.0.binary_search(&id) {
            Ok(_) => false,
            Err(at) => {
                self.change(|ids| {
                    ids.reserve_exact(1);
                    ids.insert(at, id);
                });
                true
            }
        }
    }

    /// Removes `id`; false when it was not there.
    pub fn remove(&mut self, id: u64) -> bool {
        match self.0.binary_search(&id) {
            Ok(at) => {
                self.change(|ids| _ = ids.remove(at));
                true
            }
            Err(_) => false,
        }
    }

    /// Removes every id.
    pub fn clear(&mut self) {
        self.0 = Box::default();
    }

    /// Whether `id` is in the set.
    #[must_use]
    pub fn contains(&self, id: u64) -> bool {
        self.0.contains(&id)
    }

    /// How many ids there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u64> + '_ {
        self.0.iter().copied()
    }

    /// The ids, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[u64] {
        &self.0
    }
}

impl FromIterator<u64> for IdSet {
    fn from_iter<I: IntoIterator<Item = u64>>(ids: I) -> Self {
        let mut ids: Vec<u64> = ids.into_iter().collect();
        ids.sort_unstable();
        ids.dedup();
        Self(ids.into_boxed_slice())
    }
}

/// `(1 2 a)`: ids in hexadecimal, as etcd prints them.
impl fmt::Display for IdSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, id) in self.iter().enumerate() {
            let space = if i > 0 { " " } else { "" };
            write!(f, "{space}{id:x}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn ids_come_once_and_in_order() {
        let mut set: IdSet = [3, 1, 2, 3].into_iter().collect();
        assert_eq!(set.as_slice(), [1, 2, 3]);
        assert!(set.insert(10));
        assert!(!set.insert(10));
        assert!(set.remove(1));
        assert!(!set.remove(1));
        assert!(set.contains(10) && !set.contains(1));
        assert_eq!(set.to_string(), "(2 3 a)");
        set.clear();
        assert_eq!(set.to_string(), "()");
    }
}
