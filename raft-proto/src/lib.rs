//! The wire types of etcd's raft, with entries that are shared instead of copied.
//!
//! This crate holds data and its encoding: field numbers and enum values are etcd's, so that a
//! node speaks with etcd's. It knows no rule of Raft and does no IO.
//!
//! ```
//! use raft_proto::prost::Message as _;
//! use raft_proto::{Entries, Entry, Message, MessageType};
//!
//! let entries = Entries::from(vec![Entry::new(1, 12, "foo"), Entry::new(1, 13, "bar")]);
//! let append = Message {
//!     to: 2,
//!     from: 1,
//!     term: 1,
//!     log_term: 1,
//!     index: 11,
//!     entries: entries.clone(), // Shares: the cost does not grow with the entries.
//!     ..Message::new(MessageType::MsgApp)
//! };
//!
//! let bytes = append.encode_to_vec();
//! let received = Message::decode(bytes.as_slice())?;
//! assert_eq!(received.kind()?, MessageType::MsgApp);
//! assert_eq!(received.entries, entries);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # Entries
//! A proposal goes to the log, to a message for each peer, to the disk and to the application.
//! [`Entries`] is one sequence for all of them: cloning it, slicing it and joining two counts
//! references up and copies no entry. Decode messages from [`bytes::Bytes`] and the payloads
//! too stay where they were received. A [`Segment`] knows whether its entries are in order, so
//! that whoever trusts nobody need not walk through them: see [`Segment::is_in_order`].
//!
//! # Rules of the wire
//! 1. A scalar that is absent and one that is zero mean the same, and are decoded to the same.
//!    Zeros are not written.
//! 2. Presence is kept where sizes count it: in the type of an [`Entry`] and in the fields of a
//!    configuration change. [`ConfChangeRequest::into_entry`] writes those of etcd always.
//! 3. An unknown number in an enum field decodes. It is an [`UnknownEnumValue`] where its
//!    meaning is asked for: `kind()` of [`Message`], [`Entry`], [`ConfChange`] and
//!    [`ConfChangeSingle`], and [`ConfChangeV2::enter_joint`]. The accessors that `prost`
//!    generates (`entry_type()`, `change_type()`, `transition()`) take it for the first value
//!    of the enum instead; do not decide by them.
//! 4. Older releases of etcd send an empty snapshot in messages that have none: ask
//!    [`Snapshot::is_empty`].
//! 5. Sizes are etcd's, not those of this encoding: see [`entry_encoded_size`].
//!
//! Nothing here panics, whatever was received.
//!
//! # Features
//! `std` (default) only passes on to the dependencies; without it the crate needs `alloc`.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod conf_change;
mod conf_state;
mod entries;
mod entry;
mod error;
// Checked in as the generator writes it; `tests/generated.rs` compares it byte for byte.
#[rustfmt::skip]
mod generated;
mod hard_state;
mod message;
mod quote;
mod size;
mod snapshot;

pub use bytes;
pub use prost;

pub use conf_change::{
    ConfChangeRequest, DisplayConfChanges, display_conf_changes, format_conf_changes,
    parse_conf_changes,
};
pub use entries::{Entries, EntriesIntoIter, EntriesIter, Segment};
pub use error::{ConfChangeDecodeError, ParseConfChangeError, UnknownEnumValue};
pub use generated::{
    ConfChange, ConfChangeSingle, ConfChangeTransition, ConfChangeType, ConfChangeV2, ConfState,
    Entry, EntryType, HardState, MessageType, Snapshot, SnapshotMetadata,
};
pub use message::{LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD, Message, NONE, is_local_target};
pub use quote::quoted;
pub use size::{entries_encoded_size, entry_encoded_size, payload_size, payloads_size};
