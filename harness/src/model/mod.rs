//! Small groups of nodes, explored exhaustively: everything that can happen to them within a
//! budget, in every order, over the very nodes that ship.
//!
//! A [`Scenario`] is a group of two or three nodes, where it starts, and a [`Budget`]: how many
//! campaigns, proposals, crashes and so on there may be in a run. [`check`] explores all states
//! that can be reached, breadth first, with the model checker
//! [stateright](https://docs.rs/stateright), and judges each by the rules of Raft ([`Rule`]).
//! [`scenarios`] are the configurations of the table that the program `model` prints:
//!
//! ```sh
//! cargo run --release -p harness --bin model
//! cargo run --release -p harness --bin model -- --list
//! cargo run --release -p harness --bin model -- crash --proposals 2 --trace broken.jsonl
//! ```
//!
//! or, from a program,
//!
//! ```
//! use harness::model::{Budget, Reached, Scenario, Start, check};
//!
//! let scenario = Scenario {
//!     budget: Budget { campaigns: 1, proposals: 1, ..Budget::default() },
//!     expects: vec![Reached::Elected, Reached::Committed],
//!     ..Scenario::new("one campaign", Start::Cold)
//! };
//! let outcome = check(&scenario)?;
//! assert!(outcome.passed(), "{outcome}");
//! assert!(outcome.states > 100);
//! # Ok::<(), String>(())
//! ```
//!
//! # What is explored
//! A state is the nodes ([`RawNode`](raft_core::RawNode) or
//! [`AsyncRawNode`](raft_core::AsyncRawNode)) with their disks, the messages on their way, what is
//! left of the budget, and of the past as much as the rules depend on: who led in which term, what
//! was committed, which configurations there were. States are told apart by digests of 64 bits, of
//! a node by [`digest_without_timeouts`](raft_core::RawNode::digest_without_timeouts). From each
//! state on there is tried, as far as the budget goes:
//!
//! - any message arrives, whatever was sent before or after it. Any may also never arrive, since a
//!   message that is on its way for ever is lost. A budget of `losses` is about those of which the
//!   sender is told, as by a transport;
//! - a message arrives, and arrives again later;
//! - any node that does not lead campaigns;
//! - a leader gets a proposal, a change of the configuration or the wish to hand over, or sends
//!   heartbeats;
//! - a node makes a snapshot of all that it has applied, and cuts its log there;
//! - a process ends and starts again over its disk, between two batches (where what was written and
//!   not synced is kept, or lost) or in the middle of one ([`CrashPoint`]);
//! - with asynchronous writes, the append thread or the apply thread of a node does its next piece
//!   of work.
//!
//! What a rule says is looked at where it could be broken: at each message that leaves, whether the
//! disk bears it out; at each election, commit and applied entry, against the past; and logs
//! against each other whenever one has changed.
//!
//! # What is not
//! - Time. No tick passes but those of `heartbeats`, so that neither timeouts nor leases end, and
//!   `check_quorum` is off. That campaigns happen at any moment stands for all election timeouts.
//! - Batches of several inputs. A node does all its work after each one, as one step; with
//!   asynchronous writes its work is handed to the threads at once.
//! - Damaged disks and messages, forwarded proposals, reads, learners, more than three nodes.
//! - Whether anything comes about at all. Each scenario names what must be reached
//!   ([`Reached`]), so that one in which nothing happens does not pass; that every run gets there
//!   is not a question that it asks.
//!
//! # How it is kept small
//! - [`Start::Led`] begins after an election. What can happen before is part of other scenarios.
//! - From [`Start::Cold`] on node 1 is the first to campaign: the nodes differ in nothing but their
//!   names.
//! - A message that its receiver will never take notice of again is taken away: one of a term below
//!   the one on the receiver's disk, and an answer to a campaign or a leadership that is over. That
//!   the node takes no notice now is tried out, so that a node that has this wrong is found.
//! - A node's turn depends on the node and its input alone, so that it is taken once, and remembered
//!   for all states that the node is part of.
//!
//! # Other budgets
//! Each purse of a budget has an option of that name, which counts for all configurations that are
//! chosen: `model elections --campaigns 4`. States grow by a factor of five to thirty with each
//! thing more that may happen; a state takes about half a kilobyte while it waits for its turn. With
//! less than a configuration is made for it may say `NEVER`: that is about the budget.

//! # Whether it bites
//! In a build with `RUSTFLAGS="--cfg raft_fault"` the option `--fault` makes the nodes break a rule on
//! purpose: `model --fault votes-twice` ends with the configurations in which that shows, and the
//! shortest way to it.

mod checker;
mod log_view;
mod member;
mod network;
mod reached;
mod rules;
mod scenario;
mod scenarios;
mod table;
mod trace;
mod turn;
mod turns;
mod world;

pub use self::checker::{Counterexample, Outcome, check};
pub use self::reached::Reached;
pub use self::rules::{Broken, Rule};
pub use self::scenario::{Budget, Scenario, Start, Writes};
pub use self::scenarios::scenarios;
pub use self::table::heading;
pub use self::turn::{CrashPoint, Unsynced};

#[cfg(test)]
mod tests;
