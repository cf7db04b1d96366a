//! What happened in a cluster, as a list of records: written as JSON lines, and drawn as a page.
//!
//! A [`Recorder`] keeps the [`Record`]s of a run and writes them as a trace; [`read`] reads one back.
//! [`page()`] draws records as one file of HTML that needs nothing else: a lane for each node, its
//! role and term, what it has committed and applied, the messages between them as arrows, and what
//! went wrong. The program `timeline` does so for a trace.
//!
//! ```
//! use harness::timeline::{Recorder, What, page, read};
//!
//! let mut recorder = Recorder::on();
//! recorder.record(0, || What::Begin { title: "seed 7".to_owned(), nodes: vec![1, 2, 3] });
//! recorder.record(90, || What::End { verdict: "every rule held".to_owned() });
//!
//! let mut trace = Vec::new();
//! recorder.write_to(&mut trace)?;
//! assert_eq!(page(&read(trace.as_slice())?), page(recorder.records()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod page;
mod read;
mod record;

pub use self::page::page;
pub use self::read::{TraceError, read};
pub use self::record::{Record, Recorder, Role, What};
