//! Runs simulated clusters.

use std::process::ExitCode;

use clap::Parser;
use harness::sim::kv::{Clients, KeyValue};
use harness::sim::{Outcome, Plan, World};

#[derive(Debug, Parser)]
struct Options {
    #[arg(long, default_value_t = 0)]
    from: u64,
    #[arg(long, default_value_t = 100)]
    count: u64,
    #[arg(long)]
    trace: Option<std::path::PathBuf>,
}

fn run(seed: u64, traced: bool) -> Outcome {
    let world = World::<_, KeyValue, _>::new(Plan::draw(seed), Clients::default());
    if traced { world.recorded().run() } else { world.run() }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let start = std::time::Instant::now();
    let mut answered = Vec::new();
    let mut bad = 0;
    let mut coverage = harness::sim::Coverage::default();
    let mut events = 0;
    let mut leader = Vec::new();
    for seed in options.from..options.from + options.count {
        let outcome = run(seed, options.trace.is_some());
        answered.push(outcome.tally.answered);
        events += outcome.tally.events;
        leader.push(outcome.tally.time_to_leader * 10 / outcome.tally.election_timeout);
        coverage.merge(&outcome.coverage);
        if let Some(path) = &options.trace {
            outcome.recorder.write_to(&mut std::fs::File::create(path).unwrap()).unwrap();
        }
        if let Some(violation) = outcome.violation {
            bad += 1;
            let text: String = violation.to_string().chars().take(300).collect();
            println!("seed {seed}: {text}");
        }
    }
    answered.sort_unstable();
    leader.sort_unstable();
    println!(
        "{bad} bad, median answered {}, {} events, {:?}",
        answered[answered.len() / 2],
        events,
        start.elapsed()
    );
    println!(
        "leader tenths of ET: median {} max {}",
        leader[leader.len() / 2],
        leader[leader.len() - 1]
    );
    for seen in harness::sim::Seen::ALL {
        println!("{:>9} {}", coverage.count(*seen), seen.text());
    }
    ExitCode::from((bad > 0) as u8)
}
