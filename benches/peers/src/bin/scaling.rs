//! How costs grow.

use std::io;

use clap::Parser;
use peers::scaling::{self, Options};

fn main() -> io::Result<()> {
    scaling::run(&Options::parse())
}
