//! Measures this library beside raft-rs, and beside the least that the work can cost.
//!
//! All of them do the same work in the same run and take turns at it: they replicate the same
//! payloads, keep them, and apply them on all nodes, which must have applied the same in the end.

mod allocations;
mod machine;
mod markdown;
mod measure;
mod plot;
mod raft_rs;
pub mod report;
mod row;
pub mod scaling;
mod svg;
mod workloads;

use std::path::PathBuf;

/// The repository.
fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
