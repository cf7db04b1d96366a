//! Floor 0. A list that is nearly always empty.

use alloc::{boxed::Box, vec::Vec};
use core::hash::{Hash, Hasher};
use core::ops::Deref;

/// A list that takes a single word until something is put into it: very many nodes have nothing to do.
#[derive(Clone, Debug)]
#[expect(clippy::box_collection, reason = "one word, not three, is the point")]
pub(crate) struct RareVec<T>(Option<Box<Vec<T>>>);

impl<T> Default for RareVec<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> RareVec<T> {
    pub(crate) fn push(&mut self, value: T) {
        self.0.get_or_insert_default().push(value);
    }

    pub(crate) fn extend(&mut self, values: impl IntoIterator<Item = T>) {
        values.into_iter().for_each(|value| self.push(value));
    }

    /// Empties the list.
    pub(crate) fn take(&mut self) -> Vec<T> {
        self.0.as_deref_mut().map(core::mem::take).unwrap_or_default()
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.0.take_if(|list| list.is_empty());
    }
}

/// By what is in it: whether it was ever used does not matter.
impl<T: Hash> Hash for RareVec<T> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (**self).hash(hasher);
    }
}

impl<T> Deref for RareVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DigestHasher;

    fn digest(list: &RareVec<u64>) -> u64 {
        let mut hasher = DigestHasher::new();
        list.hash(&mut hasher);
        hasher.finish()
    }

    impl<T> RareVec<T> {
        /// Whether it takes more than a word.
        pub(crate) fn is_allocated(&self) -> bool {
            self.0.is_some()
        }
    }

    #[test]
    fn what_is_put_in_is_taken_out() {
        let mut list = RareVec::default();
        assert_eq!((list.take(), list.len()), (Vec::new(), 0));
        list.push(1);
        list.extend([2, 3]);
        assert_eq!(*list, [1, 2, 3]);
        assert_eq!((list.take(), list.len()), (alloc::vec![1, 2, 3], 0));
        list.push(4);
        assert_eq!(*list, [4]);
    }

    #[test]
    fn a_digest_moves_with_what_is_in_it_alone() {
        let mut list = RareVec::default();
        let unused = digest(&list);
        list.push(1);
        let one = digest(&list);
        assert_ne!(one, unused);
        list.push(1);
        assert_ne!(digest(&list), one);
        list.take();
        assert_eq!(digest(&list), unused);
    }

    #[test]
    fn it_is_small_while_nothing_is_in_it() {
        let mut list = RareVec::<u64>::default();
        list.extend([]);
        assert!(!list.is_allocated());
        assert_eq!(size_of_val(&list), size_of::<usize>());
        list.push(1);
        list.shrink_to_fit();
        assert_eq!((list.take().len(), list.is_allocated()), (1, true));
        list.shrink_to_fit();
        assert!(!list.is_allocated());
    }
}
