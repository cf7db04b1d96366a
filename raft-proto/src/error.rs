//! What can be wrong with a value that came over the wire or was typed in.

use alloc::string::String;

use prost::DecodeError;
use thiserror::Error;

/// An enum field holds a number that this version of the format does not know.
///
/// Such a field decodes; this error is given where its meaning is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown {enum_name}: {value}")]
pub struct UnknownEnumValue {
    /// The enum's name, as `"EntryType"`.
    pub enum_name: &'static str,
    /// The number found.
    pub value: i32,
}

/// An entry cannot be read as a configuration change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfChangeDecodeError {
    /// It is of a type that this version does not know, so that what its data is cannot be told.
    #[error("entry is of no known type: {0}")]
    UnknownEntryType(UnknownEnumValue),
    /// It is a configuration change by type, and its data is not the encoding of one.
    #[error("configuration change is malformed: {0}")]
    Malformed(DecodeError),
}

impl From<UnknownEnumValue> for ConfChangeDecodeError {
    fn from(error: UnknownEnumValue) -> Self {
        ConfChangeDecodeError::UnknownEntryType(error)
    }
}

impl From<DecodeError> for ConfChangeDecodeError {
    fn from(error: DecodeError) -> Self {
        ConfChangeDecodeError::Malformed(error)
    }
}

/// A text is not a list of changes such as `v1 l2 r3 u4`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{token:?} is not a change: expected one of the letters v, l, r, u and a node id")]
pub struct ParseConfChangeError {
    /// The part of the text that could not be read.
    pub token: String,
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[test]
    fn texts_name_what_is_wrong() {
        let unknown = UnknownEnumValue { enum_name: "EntryType", value: -7 };
        assert_eq!(unknown.to_string(), "unknown EntryType: -7");
        assert_eq!(
            ConfChangeDecodeError::from(unknown).to_string(),
            "entry is of no known type: unknown EntryType: -7"
        );
        assert_eq!(
            ParseConfChangeError { token: "x9".to_string() }.to_string(),
            "\"x9\" is not a change: expected one of the letters v, l, r, u and a node id"
        );
    }
}
