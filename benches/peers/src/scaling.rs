//! How costs grow.

use std::io;
use std::path::PathBuf;

use clap::Parser;

use crate::measure::Plan;
use crate::{allocations, machine, markdown, plot, repository, workloads};

/// Measures how costs grow with voters, groups, the size of an entry and a follower's lag.
///
/// Writes docs/scaling.md and docs/scaling.svg.
#[derive(Debug, Parser)]
pub struct Options {
    /// Write them to this folder instead.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Take some seconds only, to see that everything runs. Nothing is written unless there is a
    /// folder for it.
    #[arg(long)]
    quick: bool,
}

/// Measures, prints and writes.
///
/// # Errors
/// When a file cannot be written.
pub fn run(options: &Options) -> io::Result<()> {
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    allocations::keep_what_is_freed();
    let measure = |(title, measure): (&'static str, workloads::Measure)| {
        eprintln!("{title} …");
        measure(title, &plan)
    };
    let sections = workloads::SCALING.map(measure);
    let tables = markdown::scaling(&head(), &sections);
    print!("{tables}");
    let kept = (!options.quick).then(|| repository().join("docs"));
    if let Some(folder) = options.out.clone().or(kept) {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("scaling.md"), tables)?;
        std::fs::write(folder.join("scaling.svg"), plot::panels(&sections))?;
        eprintln!("written to {}", folder.display());
    }
    Ok(())
}

fn head() -> String {
    let machine = machine::describe();
    format!(
        "Written by `cargo run --release --manifest-path benches/peers/Cargo.toml --bin scaling`.\n\n\
         Measured with {machine}. [speed.md](speed.md) tells how, and what the floor is.\n\n\
         ![What each grows with](scaling.svg)"
    )
}
