//! The numbers to reach, and what is found.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use crate::measure::Plan;
use crate::row::{Row, Section};
use crate::{allocations, machine, markdown, plot, repository, workloads};

/// Measures raft-core beside raft-rs.
///
/// Writes docs/speed.md and docs/speed.svg, and the table in the README. Exits with 1 when a number
/// is not reached.
#[derive(Debug, Parser)]
pub struct Options {
    /// Write the report to this folder instead.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Measure everything so often, and tell what each run has found.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Take some seconds only, to see that everything runs. Whatever is found is fine, and nothing
    /// is written unless there is a folder for it.
    #[arg(long)]
    quick: bool,
    /// Only the sections whose title contains this. Nothing is written unless there is a folder for
    /// it.
    #[arg(long)]
    only: Option<String>,
}

/// Measures, prints and writes.
///
/// # Errors
/// When a file cannot be written.
pub fn run(options: &Options) -> io::Result<ExitCode> {
    let plan = if options.quick { Plan::QUICK } else { Plan::FULL };
    allocations::keep_what_is_freed();
    let before = machine::load();
    let mut sections = measure(options, &plan);
    for _ in 1..options.runs {
        let earlier = sections;
        sections = measure(options, &plan);
        sections.iter_mut().zip(earlier).for_each(|(section, earlier)| section.follow(earlier));
    }
    let report = markdown::report(&head(options, &plan, &before), &sections);
    print!("{report}");

    let is_whole = !options.quick && options.only.is_none();
    let docs = repository().join("docs");
    let kept = is_whole.then_some(docs.as_path());
    if let Some(folder) = options.out.as_deref().or(kept) {
        write(folder, &report, &sections)?;
    }
    if is_whole && options.out.is_none() {
        let readme = repository().join("README.md");
        let text = std::fs::read_to_string(&readme)?;
        let block = markdown::headlines(&machine::describe(), &sections);
        let text = replace_block(&text, &block).ok_or_else(|| {
            io::Error::other(format!("the README has no lines `{BEGIN}` and `{END}`"))
        })?;
        std::fs::write(readme, text)?;
    }
    let short = |section: &Section| !section.rows.iter().all(Row::is_reached);
    let failed = !options.quick && sections.iter().any(short);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn measure(options: &Options, plan: &Plan) -> Vec<Section> {
    let mut sections = Vec::new();
    for (title, measure) in workloads::ALL {
        if options.only.as_ref().is_some_and(|only| !title.contains(only.as_str())) {
            continue;
        }
        eprintln!("{title} …");
        sections.push(measure(title, plan));
    }
    sections
}

fn write(folder: &Path, report: &str, sections: &[Section]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("speed.md"), report)?;
    if let Some(section) = sections.iter().find(|section| section.title == workloads::PLOTTED) {
        std::fs::write(folder.join("speed.svg"), plot::bars(section))?;
    }
    eprintln!("written to {}", folder.display());
    Ok(())
}

fn head(options: &Options, plan: &Plan, before: &str) -> String {
    let Plan { rounds, long_rounds, .. } = plan;
    let (machine, after) = (machine::describe(), machine::load());
    let runs = match options.runs {
        1 => String::new(),
        runs => format!(
            " Everything was measured {runs} times: what is to be reached tells what each run has \
             found, the other columns are of the last run."
        ),
    };
    format!(
        "Written by `cargo run --release --manifest-path benches/peers/Cargo.toml --bin report`.\n\n\
         Measured with {machine}, whose load was {before} before and {after} after. All nodes are \
         in one process, and their storage is memory.\n\n\
         The *floor* is the same work without Raft: payloads are made into one batch, which all \
         nodes share, keep and apply. Where a number of times raft-rs is to be reached, that of the \
         floor is told too: nobody can be faster. The first number is the median of {rounds} rounds in which all \
         take turns ({long_rounds} where a round is long), between the quartiles; a ratio is the \
         median of the rounds' ratios. Times are those that the thread had, whatever else the \
         machine did. Allocations do not count the payload's own. They and the calls of the storage \
         are those of all nodes together, an entry: ours / raft-rs / floor.{runs}"
    )
}

const BEGIN: &str = "<!-- speed: written by the report -->";
const END: &str = "<!-- end of speed -->";

/// Puts `block` between the two lines that mark its place.
fn replace_block(text: &str, block: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{block}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_block_is_replaced() {
        let text = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        assert_eq!(replace_block(&text, "new\n"), Some(format!("a\n{BEGIN}\nnew\n{END}\nb\n")));
        assert_eq!(replace_block("nothing", "new\n"), None);
        let readme = std::fs::read_to_string(repository().join("README.md"));
        assert!(replace_block(&readme.expect("there is one"), "").is_some());
    }
}
