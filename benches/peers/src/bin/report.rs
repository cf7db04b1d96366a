//! The numbers to reach.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use peers::report::{self, Options};

fn main() -> io::Result<ExitCode> {
    report::run(&Options::parse())
}
