//! Sizes as the limits of the Raft configuration count them.

use crate::Entry;

/// A field's tag: all of an entry's field numbers are below 16.
const TAG: u64 = 1;

/// The bytes of an encoded entry as etcd counts them.
///
/// Term and index count also when they are zero, the type when it is present, the data when it
/// is not empty. That is what etcd writes; the encoding of this crate leaves zeros out and may
/// be up to 4 bytes shorter.
#[must_use]
pub fn entry_encoded_size(entry: &Entry) -> u64 {
    let entry_type =
        entry.entry_type.map_or(0, |value| TAG + varint_len(i64::from(value).cast_unsigned()));
    let data = match payload_size(entry) {
        0 => 0,
        // No memory holds so much that this overflows.
        len => TAG + varint_len(len) + len,
    };
    (TAG + varint_len(entry.term)) + (TAG + varint_len(entry.index)) + entry_type + data
}

/// The sum of [`entry_encoded_size`] over `entries`, in bytes.
pub fn entries_encoded_size<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> u64 {
    entries.into_iter().map(entry_encoded_size).fold(0, u64::saturating_add)
}

/// The bytes of an entry's data, which is what limits on uncommitted data count.
#[must_use]
pub fn payload_size(entry: &Entry) -> u64 {
    entry.data.len() as u64
}

/// The sum of [`payload_size`] over `entries`, in bytes.
pub fn payloads_size<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> u64 {
    entries.into_iter().map(payload_size).fold(0, u64::saturating_add)
}

/// Seven bits go into a byte, and zero takes one.
fn varint_len(value: u64) -> u64 {
    let bits = u64::from(u64::BITS - (value | 1).leading_zeros());
    // As `bits.div_ceil(7)`, up to 64 bits, without a division: sizes are counted for each entry.
    (bits * 9 + 64) / 64
}

#[cfg(test)]
mod tests {
    use std::vec;

    use super::*;
    use crate::{Entries, EntryType};

    fn typed(value: i32) -> Entry {
        Entry { entry_type: Some(value), ..Entry::new(1, 1, "") }
    }

    #[test]
    fn term_and_index_always_count() {
        assert_eq!(entry_encoded_size(&Entry::default()), 4);
        assert_eq!(entry_encoded_size(&Entry::new(127, 128, "")), 5);
        assert_eq!(entry_encoded_size(&Entry::new(u64::MAX, u64::MAX, "")), 22);
    }

    #[test]
    fn type_counts_when_present() {
        assert_eq!(entry_encoded_size(&typed(EntryType::Normal.into())), 6);
        assert_eq!(entry_encoded_size(&typed(EntryType::ConfChangeV2.into())), 6);
        assert_eq!(entry_encoded_size(&typed(128)), 7);
        assert_eq!(entry_encoded_size(&typed(-1)), 15);
    }

    #[test]
    fn data_counts_with_its_length() {
        assert_eq!(entry_encoded_size(&Entry::new(1, 12, "foo")), 9);
        assert_eq!(entry_encoded_size(&Entry::new(1, 1, vec![0; 127])), 4 + 129);
        assert_eq!(entry_encoded_size(&Entry::new(1, 1, vec![0; 128])), 4 + 131);
    }

    #[test]
    fn varints_grow_every_seven_bits() {
        assert_eq!(varint_len(0), 1);
        for bits in 1..=64_u32 {
            let largest = u64::MAX >> (64 - bits);
            assert_eq!(varint_len(largest), u64::from(bits).div_ceil(7));
        }
    }

    /// Else a quota would count what leaders propose themselves, which nobody can refuse.
    ///
    /// etcd: TestPayloadSizeOfEmptyEntry
    #[test]
    fn an_entry_without_data_has_no_payload() {
        assert_eq!(payload_size(&Entry::new(u64::MAX, u64::MAX, "")), 0);
        assert_eq!(payload_size(&typed(EntryType::ConfChangeV2.into())), 0);
    }

    #[test]
    fn sums() {
        let entries = Entries::from(vec![Entry::new(1, 1, "a"), Entry::new(1, 2, "bcd")]);
        assert_eq!(payload_size(&Entry::new(1, 1, "abc")), 3);
        assert_eq!(payloads_size(&entries), 4);
        assert_eq!(entries_encoded_size(&entries), 7 + 9);
        assert_eq!(entries_encoded_size(&[]), 0);
    }
}
