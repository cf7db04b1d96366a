//! The kinds of work, a file each.

mod catch_up;
mod codec;
mod idle;
mod membership;
mod reads;
mod replicate;

use crate::measure::Plan;
use crate::row::Section;

pub(crate) type Measure = fn(&'static str, &Plan) -> Section;

/// The section that is drawn.
pub(crate) const PLOTTED: &str = "Replication at a glance";

/// All sections in their order.
pub(crate) const ALL: [(&str, Measure); 9] = [
    (PLOTTED, replicate::at_a_glance),
    ("Replication, all batches and sizes", replicate::grid),
    ("Asynchronous storage", replicate::asynchronous),
    ("Proposals made together", replicate::together),
    ("Reads", reads::section),
    ("Elections and membership", membership::section),
    ("Catching up", catch_up::section),
    ("Idle groups", idle::section),
    ("Encoding and decoding", codec::section),
];

/// What costs grow with.
pub(crate) const SCALING: [(&str, Measure); 6] = [
    ("Voters: ns for an entry", replicate::by_voters),
    ("Size of an entry: ns for an entry", replicate::by_size),
    ("Lag: ns for an entry", catch_up::time_by_lag),
    ("Lag: bytes on their way at most", catch_up::memory_by_lag),
    ("Groups: ns for a tick of one", idle::time_by_groups),
    ("Groups: bytes of one", idle::memory_by_groups),
];

/// Work that goes on for ever forgets its log now and then: after so many entries.
const KEPT_ENTRIES: usize = 1024;
