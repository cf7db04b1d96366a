//! What a fuzzer gives its bytes to. Each function makes of any bytes something that must hold, and
//! panics when it does not. It answers what it has seen, so that it can be shown to see something.
//!
//! `harness/fuzz` has a target for each, and how to run them; its corpus is also run by a plain
//! `cargo test`.

mod cluster;
mod decode;
mod script;
mod step;

pub use self::cluster::{ClusterSeen, cluster};
pub use self::decode::{DecodeSeen, decode};
pub use self::script::{ScriptSeen, script};
pub use self::step::{StepSeen, step};

#[cfg(test)]
mod tests;
