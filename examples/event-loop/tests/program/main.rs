//! The built program, as its users run it and as its machine fails it.

mod kill;
mod program;
mod runs;
