//! A simulated cluster: the very nodes that ship, on simulated clocks, disks and networks, in one
//! thread and virtual time. One seed gives one run, always the same.
//!
//! A [`Plan`] says everything about a run before it begins; [`Plan::draw`] draws one from a seed:
//! sizes, timings, settings, and a mix of faults. A [`World`] carries it out. After every event the
//! [`checkers`] look at what has changed. When the time for faults is over the cluster is healed, and
//! has to make progress within bounds ([`liveness`]).

pub mod batch;
mod board;
mod chance;
pub mod checkers;
mod disk;
mod image;
pub mod kv;
pub mod liveness;
mod machine;
mod network;
mod operator;
mod outcome;
mod plan;
mod process;
mod schedule;
mod shrink;
mod summary;
mod watch;
mod workload;
mod world;

pub use self::board::{Board, Checker, DiskImage, Fact, Scene};
pub use self::chance::{Chance, Ppm};
pub use self::disk::{SimDisk, SimStorage};
pub use self::image::{LogImage, Mark};
pub use self::machine::{OpId, StateMachine};
pub use self::network::{LinkCounters, NetworkPlan};
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
