//! Making and reading entries.

use core::fmt;

use bytes::Bytes;

use crate::{Entry, EntryType, UnknownEnumValue};

impl Entry {
    /// A normal entry.
    pub fn new(term: u64, index: u64, data: impl Into<Bytes>) -> Self {
        Entry { entry_type: None, term, index, data: data.into() }
    }

    /// A normal entry that has no place in the log yet: the leader gives it term and index.
    pub fn proposal(data: impl Into<Bytes>) -> Self {
        Entry::new(0, 0, data)
    }

    /// What the entry is; an absent type is a normal entry.
    ///
    /// Unlike the generated `entry_type()`, which takes a number it does not know for a normal
    /// entry.
    ///
    /// # Errors
    /// The type's number is not one of [`EntryType`].
    #[inline]
    pub fn kind(&self) -> Result<EntryType, UnknownEnumValue> {
        let value = self.entry_type.unwrap_or_default();
        EntryType::try_from(value).map_err(|_| UnknownEnumValue { enum_name: "EntryType", value })
    }
}

/// etcd's names, as `EntryNormal`.
impl fmt::Display for EntryType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry{self:?}")
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn types_print_etcds_names() {
        assert_eq!(EntryType::Normal.to_string(), "EntryNormal");
        assert_eq!(EntryType::ConfChange.to_string(), "EntryConfChange");
        assert_eq!(EntryType::ConfChangeV2.to_string(), "EntryConfChangeV2");
    }

    #[test]
    fn kind_is_the_type_or_normal() {
        let of = |entry_type| Entry { entry_type, ..Entry::default() }.kind();
        assert_eq!(of(None), Ok(EntryType::Normal));
        assert_eq!(of(Some(0)), Ok(EntryType::Normal));
        assert_eq!(of(Some(1)), Ok(EntryType::ConfChange));
        assert_eq!(of(Some(2)), Ok(EntryType::ConfChangeV2));
        for value in [3, -1, i32::MAX, i32::MIN] {
            assert_eq!(of(Some(value)), Err(UnknownEnumValue { enum_name: "EntryType", value }));
        }
    }

    #[test]
    fn normal_entries_have_no_type() {
        let entry = Entry::new(2, 7, "data");
        assert_eq!((entry.entry_type, entry.term, entry.index), (None, 2, 7));
        assert_eq!(entry.data, "data");
        assert_eq!(Entry::proposal("data"), Entry { term: 0, index: 0, ..entry });
    }
}
