//! Runs simulated clusters.

mod many;
mod one;
mod progress;
mod tla;

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};
use harness::sim::{Seen, Violation, batch};

/// Runs simulated clusters, and says which rules they break.
///
/// Everything about a run follows from its seed, or from its plan: the same one gives the same digest,
/// in a debug and in a release build, with and without a trace, on any number of threads.
///
/// Exits with 1 when a rule was broken, or when a batch of 1000 runs or more has missed something that
/// such a batch is to show.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    #[command(flatten)]
    runs: Runs,
    /// With --minutes and --tla-trace: the first seed
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    from: u64,
    /// Runs so many seeds at once; all cores' worth, if not given
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// A batch may miss this state, as LeaseRead; can be given more than once
    #[arg(long, value_name = "STATE", value_parser = parse_seen)]
    excuse: Vec<Seen>,
    #[command(flatten)]
    files: Files,
}

/// Which runs.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Runs {
    /// Runs one seed, and tells what it did
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
    /// Runs a plan that --shrink has written, and tells what it did
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Runs the seeds from A up to, and without, B
    #[arg(long, value_name = "A..B", value_parser = parse_range)]
    seeds: Option<Range<u64>>,
    /// Runs one seed after the other until time is over
    #[arg(long, value_name = "M")]
    minutes: Option<u64>,
    /// Writes 100 traces for etcd's formal specification to FOLDER, from --from on
    #[arg(long, value_name = "FOLDER")]
    tla_trace: Option<PathBuf>,
}

/// What is written of one run.
#[derive(Debug, Args)]
struct Files {
    /// Makes the plan smaller for as long as it breaks the same rule, and writes it to FILE
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "minutes", "tla_trace"])]
    shrink: Option<PathBuf>,
    /// Writes everything that happens to FILE, as JSON lines
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "minutes", "tla_trace"])]
    trace: Option<PathBuf>,
    /// Draws the run as a timeline, in one page of HTML
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seeds", "minutes", "tla_trace"])]
    html: Option<PathBuf>,
}

fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let ends = text.split_once("..").and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    match ends {
        Some((from, to)) if from < to => Ok(from..to),
        _ => Err("not two numbers A..B, A less than B".into()),
    }
}

fn parse_seen(text: &str) -> Result<Seen, String> {
    let named = |seen: &&Seen| format!("{seen:?}") == text;
    Seen::ALL.iter().copied().find(|seen| named(&seen)).ok_or_else(|| {
        let names: Vec<_> = Seen::ALL.iter().map(|seen| format!("{seen:?}")).collect();
        format!("not one of {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let Options { runs, from, threads, excuse, files } = Options::parse();
    let threads = threads.unwrap_or_else(batch::all_cores);
    let outcome = match runs {
        Runs { seed: Some(seed), .. } => one::seed(seed, &files),
        Runs { plan: Some(plan), .. } => one::plan(&plan, &files),
        Runs { tla_trace: Some(folder), .. } => tla::write(&folder, from),
        Runs { seeds: Some(seeds), .. } => Ok(many::seeds(seeds, threads, &excuse)),
        Runs { minutes, .. } => Ok(many::minutes(minutes.unwrap_or(0), from, threads, &excuse)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The command that runs `seed` again.
fn replay_seed(seed: u64) -> String {
    format!("cargo run --release -p harness --bin sim -- --seed {seed}")
}

/// The command that runs the plan in `path` again.
fn replay_plan(path: &Path) -> String {
    format!("cargo run --release -p harness --bin sim -- --plan {}", path.display())
}

/// What a batch prints of a violation's text: a client's history can be long.
const LINE: usize = 400;

/// Where, and the text, up to a length.
fn short(violation: &Violation) -> String {
    let text = violation.to_string();
    match text.char_indices().nth(LINE) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_ends_of_which_the_first_is_less() {
        assert_eq!(parse_range("3..7"), Ok(3..7));
        for wrong in ["3", "3..", "..7", "7..3", "3..3", "a..b", "1..=2"] {
            assert!(parse_range(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_state_can_be_named() {
        for seen in Seen::ALL {
            assert_eq!(parse_seen(&format!("{seen:?}")), Ok(*seen));
        }
        assert!(parse_seen("Nothing").unwrap_err().contains("LeaseRead"));
    }

    #[test]
    fn exactly_one_way_to_name_runs_is_asked_for() {
        let parses = |words: &str| Options::try_parse_from(words.split(' ')).is_ok();
        assert!(parses("sim --seed 1 --trace t --html h --shrink p"));
        assert!(parses("sim --seeds 1..5 --threads 3 --excuse Wiped --excuse Slept"));
        assert!(parses("sim --minutes 2 --from 9"));
        for wrong in ["sim", "sim --seed 1 --minutes 1", "sim --seeds 1..5 --trace t"] {
            assert!(!parses(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let violation = |text: String| Violation { at: 0, node: 0, rule: "r", text };
        assert_eq!(short(&violation("ö".into())), "r: ö (node 0, at 0.000000 s)");
        assert_eq!(short(&violation("ö".repeat(900))).chars().count(), LINE + 4);
    }
}
