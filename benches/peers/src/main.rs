//! Measures this library beside raft-rs, and beside the least that the work can cost.
//!
//! All of them do the same work in the same run and take turns at it: they replicate the same
//! payloads, keep them, and apply them on all nodes, which must have applied the same in the end.

mod allocations;
mod markdown;
mod measure;
mod plot;
mod raft_rs;
mod row;
mod workloads;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::measure::Plan;
use crate::row::{Row, Section};

/// Measures raft-core beside raft-rs.
///
/// Writes report.md and report.svg. Exits with 1 when a number is not reached.
#[derive(Debug, Parser)]
struct Options {
    /// Where to write the report.
    #[arg(long, default_value = "target/report")]
    out: PathBuf,
    /// Take some seconds only, to see that everything runs. Whatever is found is fine.
    #[arg(long)]
    quick: bool,
    /// Only the sections whose title contains this.
    #[arg(long)]
    only: Option<String>,
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    let before = load();
    allocations::keep_what_is_freed();
    let mut sections = Vec::new();
    for (title, measure) in workloads::ALL {
        if options.only.as_ref().is_some_and(|only| !title.contains(only.as_str())) {
            continue;
        }
        eprintln!("{title} …");
        sections.push(measure(title, &plan));
    }
    let report = markdown::render(&head(&plan, &before), &sections);
    print!("{report}");
    std::fs::create_dir_all(&options.out)?;
    std::fs::write(options.out.join("report.md"), &report)?;
    if let Some(section) = sections.iter().find(|section| section.title == workloads::PLOTTED) {
        std::fs::write(options.out.join("report.svg"), plot::render(section))?;
    }
    eprintln!("written to {}", options.out.display());
    let short = |section: &Section| !section.rows.iter().all(Row::is_reached);
    let failed = !options.quick && sections.iter().any(short);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn head(plan: &Plan, before: &str) -> String {
    format!(
        "One thread, memory storage, all nodes in one process. Times are the thread's own, whatever \
         else the machine does. The numbers are medians of {} rounds in which all take turns ({} where a round is long), with the quartiles around them; a ratio \
         is the median of the rounds' ratios. Allocations do not count the payload's own. Counts are \
         of all nodes together, an entry: ours / raft-rs / floor.\n\n\
         Load of the machine before and after: {before}, {}.",
        plan.rounds,
        plan.long_rounds,
        load()
    )
}

/// The load of the machine in the last minute, where the system tells it.
fn load() -> String {
    let averages = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    averages.split_whitespace().next().unwrap_or("unknown").to_owned()
}
