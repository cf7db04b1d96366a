//! Steps random messages into single nodes, and fails when one panics or leaves a trace.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::Parser;
use harness::storm::{Storm, StormError, Tally};

/// Steps random messages into single nodes: nothing may panic, and what is refused must have
/// changed nothing.
///
/// Exits with 1 when either happens, with the seed that shows it again.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// The first seed; each seed is a storm of its own
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// How many structured messages to step, over all seeds
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,

    /// How many byte strings to decode, and step if they are a message, over all seeds
    #[arg(long, default_value_t = 100_000)]
    byte_strings: u64,
}

/// Messages of one seed: short enough to replay one.
const BATCH: u64 = 100_000;

fn main() -> ExitCode {
    let Options { mut seed, mut messages, mut byte_strings } = Options::parse();
    let mut total = Tally::default();
    while messages > 0 || byte_strings > 0 {
        let structured = messages.min(BATCH);
        let bytes = byte_strings.min(BATCH);
        match catch_unwind(AssertUnwindSafe(|| storm(seed, structured, bytes))) {
            Ok(Ok(tally)) => total += tally,
            Ok(Err(error)) => {
                eprintln!("seed {seed}: {error}");
                return ExitCode::FAILURE;
            }
            // The panic has printed where.
            Err(_) => {
                eprintln!("seed {seed}: a panic");
                return ExitCode::FAILURE;
            }
        }
        messages -= structured;
        byte_strings -= bytes;
        seed += 1;
    }
    println!(
        "{} messages stepped into {} nodes ({} of them from {} random byte strings), {} refused: \
         no panic, and no trace",
        total.stepped, total.nodes, total.decoded, total.byte_strings, total.refused
    );
    ExitCode::SUCCESS
}

fn storm(seed: u64, structured: u64, byte_strings: u64) -> Result<Tally, StormError> {
    let mut storm = Storm::new(seed)?;
    (0..structured).try_for_each(|_| storm.structured())?;
    (0..byte_strings).try_for_each(|_| storm.bytes())?;
    Ok(storm.tally())
}
