//! Entries of a log.

use proptest::collection::vec;
use proptest::prelude::*;
use raft_core::EntryId;
use raft_proto::{ConfChangeRequest, Entries, Entry};

use super::conf_changes;

/// The node up to which configuration changes in entries go.
const HIGHEST: u64 = 6;

/// An entry before it has its place: data, nothing, or a change of the configuration.
fn contents() -> impl Strategy<Value = Entry> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..40).prop_map(Entry::proposal),
        1 => Just(Entry::default()),
        1 => conf_changes(HIGHEST)
            .prop_map(|change| ConfChangeRequest::from(change).into_entry()),
    ]
}

/// Up to `most` entries that can follow `prev` in the log of a leader of `term`: no index is left out
/// and no term falls. There are none when `prev` is of a later term.
pub fn entries(prev: EntryId, term: u64, most: usize) -> impl Strategy<Value = Entries> {
    let most = if term < prev.term { 0 } else { most };
    vec((0..3_u64, contents()), 0..=most).prop_map(move |steps| {
        let mut last = prev;
        let follow = |(later, mut entry): (u64, Entry)| {
            last = EntryId::new(last.term.saturating_add(later).min(term), last.index + 1);
            (entry.term, entry.index) = (last.term, last.index);
            entry
        };
        steps.into_iter().map(follow).collect()
    })
}

/// Up to `most` entries of any index, any term, and any kind, known or not.
pub fn wild_entries(most: usize) -> impl Strategy<Value = Entries> {
    let kind = prop_oneof![Just(None), (-1..4_i32).prop_map(Some)];
    let entry = (any::<u64>(), any::<u64>(), kind, contents());
    let wild = entry.prop_map(|(term, index, entry_type, entry)| Entry {
        term,
        index,
        entry_type: entry_type.or(entry.entry_type),
        ..entry
    });
    vec(wild, 0..=most).prop_map(|entries| entries.into_iter().collect())
}
