//! Many runs: which rules they break, and what they have shown all together.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::{Duration, Instant};

use harness::sim::{Gap, Plan, Seen, Summary, batch, kv};

use super::progress::Progress;
use super::{replay_seed, short};

/// From so many runs on nothing may be missing.
const ENOUGH: usize = 1000;

/// Runs `seeds`. Answers whether every rule held, and nothing is missing.
pub(crate) fn seeds(seeds: Range<u64>, threads: NonZeroUsize, excused: &[Seen]) -> bool {
    let count = seeds.end - seeds.start;
    run(seeds, threads, excused, Progress::of_runs(count))
}

/// Runs seeds until time is over, likewise.
pub(crate) fn minutes(minutes: u64, from: u64, threads: NonZeroUsize, excused: &[Seen]) -> bool {
    let (began, time) = (Instant::now(), Duration::from_secs(60 * minutes));
    let seeds = (from..).take_while(|_| began.elapsed() < time);
    run(seeds, threads, excused, Progress::until_stopped())
}

fn run(
    seeds: impl Iterator<Item = u64> + Send,
    threads: NonZeroUsize,
    excused: &[Seen],
    mut progress: Progress,
) -> bool {
    let run = |seed: &u64| kv::world(Plan::draw(*seed)).run();
    let mut summary = Summary::default();
    batch::in_order(seeds, threads, run, |seed, outcome| {
        summary.add(&outcome);
        if let Some(violation) = &outcome.violation {
            let replay = replay_seed(seed);
            progress.print(&format!("seed {seed}: {}\n    {replay}", short(violation)));
        }
        progress.advance(&summary);
    });
    progress.finish(&summary);
    print!("{summary}");
    let holds = tell_gaps(&summary, excused);
    holds && summary.failures() == 0
}

/// Says what is missing. Answers whether that is as it may be.
fn tell_gaps(summary: &Summary, excused: &[Seen]) -> bool {
    let is_excused = |gap: &Gap| matches!(gap, Gap::State(seen) if excused.contains(seen));
    let (excused, missing): (Vec<_>, Vec<_>) = summary.gaps().into_iter().partition(is_excused);
    for gap in &excused {
        println!("excused: {gap}");
    }
    if missing.is_empty() {
        return true;
    }
    let holds = summary.runs() < ENOUGH;
    match holds {
        true => println!("\nmissing, which {} runs may be too few to show:", summary.runs()),
        false => println!("\nFAILED: {} runs have not shown what they must:", summary.runs()),
    }
    for gap in &missing {
        println!("    {gap}");
    }
    holds
}
