//! A simulated cluster: the very nodes that ship, on simulated clocks, disks and networks, in one
//! thread and virtual time. One seed gives one run, always the same.
//!
//! A [`Plan`] says everything about a run before it begins; [`Plan::draw`] draws one from a seed:
//! sizes, timings, settings, and a mix of faults. A [`World`] carries it out. After every event the
//! [`checkers`] look at what has changed. When the time for faults is over the cluster is healed, and
//! has to make progress within bounds ([`liveness`]).
//!
//! # Your own cluster
//! A [`StateMachine`] and a [`Workload`] are all that it takes. The cluster sees to sessions, snapshots
//! and restarts; the workload says what its clients ask for, and whether the answers make sense:
//!
//! ```
//! use bytes::Bytes;
//! use harness::sim::{Chance, OpId, Plan, Request, StateMachine, Time, Workload, World};
//!
//! #[derive(Default)]
//! struct Counter(u64);
//!
//! impl StateMachine for Counter {
//!     fn apply(&mut self, _: &[u8]) -> Bytes { self.0 += 1; self.snapshot() }
//!     fn query(&self, _: &[u8]) -> Bytes { self.snapshot() }
//!     fn snapshot(&self) -> Bytes { Bytes::copy_from_slice(&self.0.to_be_bytes()) }
//!     fn restore(bytes: &[u8]) -> Self { Self(bytes.try_into().map_or(0, u64::from_be_bytes)) }
//! }
//!
//! /// Each increment is to be counted once.
//! #[derive(Default)]
//! struct Increments(Vec<u64>);
//!
//! impl Workload for Increments {
//!     fn next(&mut self, _: u32, _: &mut Chance) -> Request { Request::Write(Bytes::new()) }
//!     fn answered(&mut self, _: OpId, count: &[u8], _: Time) {
//!         self.0.push(Counter::restore(count).0);
//!     }
//!     fn check(&self) -> Result<(), String> {
//!         let mut counts = self.0.clone();
//!         counts.sort();
//!         counts.dedup();
//!         if counts.len() == self.0.len() { Ok(()) } else { Err("one was counted twice".into()) }
//!     }
//! }
//!
//! let outcome = World::<_, Counter, _>::new(Plan::draw(7), Increments::default()).run();
//! assert_eq!(outcome.violation, None, "the plan of seed 7");
//! ```
//!
//! What links have carried is in [`Outcome::links`], what was seen in [`Outcome::coverage`], and which
//! acts found anything to act on in [`Outcome::acts`].
//!
//! A rule of your own is a [`Checker`] ([`World::with_checker`]).
//!
//! # Your own storage
//! A storage that is to be tried implements [`SimStorage`]: what the core reads, what a writer writes
//! ([`WritableStorage`](crate::storage::WritableStorage)), and what is left when its process ends.
//! [`World::over`] takes it in the place of [`SimDisk`]:
//!
//! ```
//! use harness::sim::kv::{Clients, KeyValue};
//! use harness::sim::{Plan, World};
//! use raft_core::MemoryStorage;
//!
//! let plan = Plan::calm(7, 3);
//! let outcome = World::<MemoryStorage, KeyValue, _>::over(plan, Clients::default()).run();
//! assert_eq!(outcome.violation, None);
//! ```
//!
//! # Many runs
//! The program `sim` runs seeds and replays them. Its parts are here: [`batch`] runs on all cores,
//! a [`Summary`] adds up what was seen and says what was not, and [`shrink()`] makes a plan that breaks
//! a rule as small as it can be. The records of a run ([`World::recorded`]) can be drawn
//! ([`timeline`](crate::timeline)), and [`strategies`](crate::strategies) have plans for property tests.

pub mod batch;
mod board;
mod chance;
pub mod checkers;
mod digest;
mod disk;
mod fault;
mod faulty_disk;
mod image;
pub mod kv;
mod lesson;
pub mod liveness;
mod machine;
mod network;
mod operator;
mod outcome;
mod plan;
mod process;
mod quorum_core;
mod schedule;
mod shrink;
mod summary;
mod watch;
mod workload;
mod world;

pub use self::board::{Board, Checker, DiskImage, Fact, Judged, Scene};
pub use self::chance::{Chance, Ppm};
pub use self::disk::{SimDisk, SimStorage};
pub use self::fault::Fault;
pub use self::image::{LogImage, Mark};
pub use self::machine::{OpId, StateMachine};
pub use self::network::{LinkCounters, LinkPlan, NetworkPlan};
pub use self::outcome::{Outcome, Tally, Violation};
pub use self::plan::{ClientPlan, NodePlan, Plan};
pub use self::process::Glance;
pub use self::schedule::{Act, Change, Timed, Whom};
pub use self::shrink::shrink;
pub use self::summary::{Gap, Summary};
pub use self::watch::{Coverage, Seen};
pub use self::workload::{Request, Workload};
pub use self::world::World;

/// Virtual time, in microseconds.
pub type Time = u64;

/// A second of virtual time.
pub const SECOND: Time = 1_000_000;

/// What nodes take for a tick, but for the drift of their clocks.
pub const TICK: Time = SECOND / 10;
