//! Strategies of proptest for what a Raft group can meet: [configurations](conf_states), [entries],
//! [messages](near_honest), and the [plans] and [faults](acts) of the simulator. A failing case shrinks
//! to a small one.
//!
//! ```
//! use harness::sim::{SECOND, kv};
//! use harness::strategies::{Around, near_honest, plans};
//! use proptest::prelude::*;
//! use raft_core::proto::ConfState;
//! use raft_core::{Config, MemoryStorage, RawNode, SlogObserver};
//!
//! proptest! {
//!     #![proptest_config(ProptestConfig::with_cases(4))]
//!     fn no_message_ends_a_node(message in near_honest(Around::new(1, [2, 3]))) {
//!         let storage = MemoryStorage::with_conf_state(ConfState::new([1, 2, 3], []));
//!         let config = Config::new(1);
//!         let mut node = RawNode::with_observer(config, storage, SlogObserver::discard())?;
//!         let before = node.digest();
//!         if node.step(message).is_err() {
//!             prop_assert_eq!(node.digest(), before);
//!         }
//!     }
//!
//!     fn no_plan_breaks_a_rule(plan in plans(SECOND..3 * SECOND)) {
//!         prop_assert_eq!(kv::world(plan).run().violation, None);
//!     }
//! }
//!
//! no_message_ends_a_node();
//! no_plan_breaks_a_rule();
//! ```

mod configurations;
mod log;
mod messages;
mod plans;

pub use self::configurations::{conf_changes, conf_states, configurations};
pub use self::log::{entries, wild_entries};
pub use self::messages::{Around, near_honest, wild_messages};
pub use self::plans::{acts, changes, plans, schedules};

#[cfg(test)]
mod tests;
