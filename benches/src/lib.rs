//! Groups that do the same work in one thread, so that what they take for it can be compared.
//!
//! A [`Cluster`] replicates payloads until all of its nodes have applied them. [`Group`] is one made
//! of the nodes of a Raft library, which are [`Member`]s: [`Ours`] here, others in `benches/peers`.
//! [`Floor`] is one without Raft: the least that the work can cost.

mod applied;
pub mod catch_up;
mod cluster;
pub mod codec;
mod floor;
mod group;
pub mod host;
pub mod idle;
mod ours;
mod payloads;
mod rounds;

pub use applied::Applied;
pub use cluster::{Cluster, Membership};
pub use floor::Floor;
pub use group::{Change, Group, Limits, Member};
pub use ours::{Kept, Ours, OursAsync, OursSync};
pub use payloads::Payloads;
