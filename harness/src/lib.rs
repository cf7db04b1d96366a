//! Tools to test raft-core with: scripts in etcd's command languages, and the environments that
//! run them.
//!
//! A script is a text file of commands, each followed by what it is expected to print
//! ([`datadriven`]). Three languages are spoken:
//!
//! - [`interaction`]: nodes, storages and a network in one thread, driven command by command, in
//!   the language of etcd-io/raft's `rafttest` and some commands more;
//! - [`quorum_script`]: commit indexes and votes of majorities and joint quorums;
//! - [`confchange_script`]: configuration changes, without a log.
//!
//! `testdata/scenarios` has historical bugs of Raft implementations as interaction scripts, and the
//! cases that every implementation is asked about.
//!
//! [`storm`] steps random messages into single nodes; [`fuzz`] has what a fuzzer gives its bytes to.
//!
//! [`model`] explores small groups of nodes exhaustively.
//! [`sim`] runs whole clusters in virtual time, with faults, from a seed. [`strategies`] make plans,
//! configurations, entries and messages for property tests.
//!
//! [`storage::suite`] runs any log storage through the contract that the core asks of it.
//!
//! [`timeline`] keeps what happened in a cluster, and draws it. [`tla`] writes it down for a formal
//! specification.
//!
//! [`runner`] finds scripts, runs them and reports differences. The program `interact` is its
//! command line.
//!
//! ```
//! use std::path::Path;
//!
//! use harness::datadriven::Script;
//! use harness::runner::{Language, run_script};
//!
//! let text = "
//! committed cfg=(1,2) idx=(5,7)
//! ----
//!       idx
//! >       5    (id=1)
//! x>      7    (id=2)
//! 5
//! ";
//! let script = Script::parse(Path::new("two_voters.txt"), text)?;
//! let mut language = Language::of(&script).interpreter();
//! assert!(run_script(&script, language.as_mut()).failures.is_empty());
//! # Ok::<(), harness::datadriven::ScriptError>(())
//! ```
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod confchange_script;
pub mod datadriven;
mod forge;
pub mod fuzz;
pub mod hostile;
pub mod interaction;
pub mod linearizability;
pub mod model;
pub mod quorum_script;
pub mod runner;
pub mod sim;
pub mod storage;
pub mod storm;
pub mod strategies;
pub mod timeline;
pub mod tla;
