//! Making and reading snapshots.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::{ConfState, Snapshot, SnapshotMetadata};

static EMPTY_CONF_STATE: ConfState = ConfState {
    voters: Vec::new(),
    learners: Vec::new(),
    voters_outgoing: Vec::new(),
    learners_next: Vec::new(),
    auto_leave: false,
};

impl Snapshot {
    /// The application's state `data` as of the entry at `index`, which is of `term`.
    pub fn new(index: u64, term: u64, conf_state: ConfState, data: impl Into<Bytes>) -> Self {
        let metadata = SnapshotMetadata { conf_state: Some(conf_state), index, term };
        Snapshot { data: data.into(), metadata: Some(metadata) }
    }

    /// Whether this stands for no snapshot at all: one without an index covers nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index() == 0
    }

    /// The last index that the snapshot covers; 0 if there is no metadata.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.metadata.as_ref().map_or(0, |metadata| metadata.index)
    }

    /// The term of the entry at [`index`](Self::index); 0 if there is no metadata.
    #[must_use]
    pub fn term(&self) -> u64 {
        self.metadata.as_ref().map_or(0, |metadata| metadata.term)
    }

    /// The configuration as of [`index`](Self::index); one without nodes if there is none.
    #[must_use]
    pub fn conf_state(&self) -> &ConfState {
        let conf_state = self.metadata.as_ref().and_then(|metadata| metadata.conf_state.as_ref());
        conf_state.unwrap_or(&EMPTY_CONF_STATE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_metadata_reads_as_zeros() {
        let without = Snapshot { metadata: None, ..Snapshot::default() };
        let without_conf_state =
            Snapshot { metadata: Some(SnapshotMetadata::default()), ..Snapshot::default() };
        for snapshot in [without, without_conf_state] {
            assert!(snapshot.is_empty());
            assert_eq!((snapshot.index(), snapshot.term()), (0, 0));
            assert_eq!(snapshot.conf_state(), &ConfState::default());
        }
    }

    #[test]
    fn metadata_is_read() {
        let snapshot = Snapshot::new(11, 2, ConfState::new([1, 2], [3]), "state");
        assert!(!snapshot.is_empty());
        assert_eq!((snapshot.index(), snapshot.term()), (11, 2));
        assert_eq!(snapshot.conf_state(), &ConfState::new([1, 2], [3]));
        assert_eq!(snapshot.data, "state");
    }
}
