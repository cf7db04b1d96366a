//! Configuration changes as entries of the log.

use prost::Message as _;

use crate::{ConfChange, ConfChangeDecodeError, ConfChangeV2, Entry, EntryType};

/// A configuration change in the form in which it was proposed, which is the form in which it
/// stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConfChangeRequest {
    /// One change.
    V1(ConfChange),
    /// A set of changes.
    V2(ConfChangeV2),
}

impl ConfChangeRequest {
    /// The change in its second form, whatever form it was proposed in.
    #[must_use]
    pub fn as_v2(&self) -> ConfChangeV2 {
        match self {
            ConfChangeRequest::V1(change) => change.as_v2(),
            ConfChangeRequest::V2(change) => change.clone(),
        }
    }

    /// The change as a proposal, without term and index.
    ///
    /// Types, transition and node ids are written also where they are zero or absent: etcd
    /// writes them, and the size of the proposal counts.
    #[must_use]
    pub fn into_entry(self) -> Entry {
        let (entry_type, data) = match self {
            ConfChangeRequest::V1(change) => {
                (EntryType::ConfChange, change.with_zeros().encode_to_vec())
            }
            ConfChangeRequest::V2(change) => {
                (EntryType::ConfChangeV2, change.with_zeros().encode_to_vec())
            }
        };
        Entry { entry_type: Some(entry_type.into()), ..Entry::proposal(data) }
    }

    /// Reads the change out of an entry: `None` if it is a normal one. An entry without data
    /// is the change without content, which in the second form leaves a joint configuration.
    ///
    /// # Errors
    /// The entry's type is unknown, or its data is not the encoding of a change. An unknown
    /// type of change, or an unknown transition, is no error here; see
    /// [`ConfChangeV2::enter_joint`] and [`ConfChangeSingle::kind`](crate::ConfChangeSingle::kind).
    pub fn from_entry(entry: &Entry) -> Result<Option<ConfChangeRequest>, ConfChangeDecodeError> {
        let data = entry.data.clone();
        Ok(match entry.kind()? {
            EntryType::Normal => None,
            EntryType::ConfChange => Some(ConfChange::decode(data)?.into()),
            EntryType::ConfChangeV2 => Some(ConfChangeV2::decode(data)?.into()),
        })
    }
}

impl From<ConfChange> for ConfChangeRequest {
    fn from(change: ConfChange) -> Self {
        ConfChangeRequest::V1(change)
    }
}

impl From<ConfChangeV2> for ConfChangeRequest {
    fn from(change: ConfChangeV2) -> Self {
        ConfChangeRequest::V2(change)
    }
}
