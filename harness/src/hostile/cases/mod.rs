//! The rows, by what is attacked.

mod calls;
mod log_traffic;
mod messages;
mod requests;
mod starting;
mod storage;

use super::Section;

/// All rows, in the order of their numbers.
pub(super) static TABLE: [Section; 6] = [
    Section {
        title: "Messages that are wrong by their form, address, sender or term",
        cases: messages::ROWS,
    },
    Section {
        title: "Appends, heartbeats, their answers, and snapshots",
        cases: log_traffic::ROWS,
    },
    Section {
        title: "Proposals, configuration changes, reads and leadership, by message",
        cases: requests::ROWS,
    },
    Section { title: "Calls", cases: calls::ROWS },
    Section { title: "Starts", cases: starting::ROWS },
    Section { title: "Storages", cases: storage::ROWS },
];
