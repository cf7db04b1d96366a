//! What happened in a cluster, as a list of records: written as JSON lines, and drawn as a page.

mod record;

pub use self::record::{Record, Recorder, Role, What};
