//! What happened in a cluster, as a list of records: written as JSON lines, and drawn as a page.

mod read;
mod record;

pub use self::read::{TraceError, read};
pub use self::record::{Record, Recorder, Role, What};
