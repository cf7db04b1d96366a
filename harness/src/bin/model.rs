//! Explores small groups of nodes exhaustively, and prints what came of it.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;

use clap::Parser;
use harness::model::{Counterexample, Outcome, Scenario, check, heading, scenarios};

/// Explores small groups of nodes exhaustively: everything that can happen within a budget, in
/// every order.
///
/// Prints a line for each configuration. Exits with 1 when a rule is broken somewhere, or when
/// something that a configuration is there for never happens; a shortest way to the broken rule is
/// printed. What the columns mean, and what is not explored, is in the documentation of the module
/// `harness::model`.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Only these configurations
    names: Vec<String>,

    /// Prints the configurations with their budgets, and explores none
    #[arg(long)]
    list: bool,

    /// How many configurations to explore at a time; each takes a thread, and up to some gigabytes
    #[arg(long, default_value_t = 2)]
    jobs: usize,

    /// Writes the steps to the first broken rule to this file, as a trace of JSON lines
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// Draws the steps to the first broken rule in this file, as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// The rule that the nodes break on purpose
    #[cfg(raft_fault)]
    #[arg(long, value_name = "NAME")]
    fault: Option<raft_core::Fault>,

    #[command(flatten)]
    budget: BudgetOptions,
}

/// How much may happen, in place of what the configurations say.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Budget, instead of the configuration's")]
struct BudgetOptions {
    /// Campaigns, each of which may begin a term
    #[arg(long, value_name = "N")]
    campaigns: Option<u8>,
    /// Proposals
    #[arg(long, value_name = "N")]
    proposals: Option<u8>,
    /// Changes of the configuration, at most as many as the configuration names
    #[arg(long, value_name = "N")]
    changes: Option<u8>,
    /// Transfers of leadership
    #[arg(long, value_name = "N")]
    transfers: Option<u8>,
    /// Rounds of heartbeats
    #[arg(long, value_name = "N")]
    heartbeats: Option<u8>,
    /// Crashes
    #[arg(long, value_name = "N")]
    crashes: Option<u8>,
    /// Losses that are reported to the sender
    #[arg(long, value_name = "N")]
    losses: Option<u8>,
    /// Messages that arrive twice
    #[arg(long, value_name = "N")]
    duplicates: Option<u8>,
    /// Snapshots that nodes make, and cut their logs by
    #[arg(long, value_name = "N")]
    compactions: Option<u8>,
}

impl BudgetOptions {
    fn apply(&self, scenario: &mut Scenario) {
        let budget = &mut scenario.budget;
        for (given, purse) in [
            (self.campaigns, &mut budget.campaigns),
            (self.proposals, &mut budget.proposals),
            (self.changes, &mut budget.changes),
            (self.transfers, &mut budget.transfers),
            (self.heartbeats, &mut budget.heartbeats),
            (self.crashes, &mut budget.crashes),
            (self.losses, &mut budget.losses),
            (self.duplicates, &mut budget.duplicates),
            (self.compactions, &mut budget.compactions),
        ] {
            *purse = given.unwrap_or(*purse);
        }
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<bool, String> {
    let mut chosen = choose(&options.names)?;
    for scenario in &mut chosen {
        options.budget.apply(scenario);
        #[cfg(raft_fault)]
        {
            scenario.fault = options.fault;
        }
    }
    if options.list {
        for scenario in chosen {
            println!("{scenario}");
        }
        return Ok(true);
    }

    println!("{}", heading());
    let mut total = 0;
    let mut failed = Vec::new();
    let passed = explore(chosen, options.jobs.max(1), |outcome| {
        println!("{outcome}");
        total += outcome.states;
        if !outcome.passed() {
            failed.push(outcome.clone());
        }
    })?;
    println!("{:<22}{total:>12}  {passed} passed, {} failed", "", failed.len());
    for outcome in &failed {
        if let Some(counterexample) = &outcome.counterexample {
            println!("\n{}:\n{counterexample}", outcome.name);
        }
    }
    if let Some(first) = failed.iter().find_map(|outcome| outcome.counterexample.as_ref()) {
        write_out(options, first).map_err(|error| error.to_string())?;
    }
    Ok(failed.is_empty())
}

fn choose(names: &[String]) -> Result<Vec<Scenario>, String> {
    let all = scenarios();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|known| known.name != **name)) {
        return Err(format!("there is no configuration {unknown:?}; see --list"));
    }
    let wanted = |known: &Scenario| names.is_empty() || names.iter().any(|name| name == known.name);
    Ok(all.into_iter().filter(wanted).collect())
}

/// Explores `chosen`, some at a time, and shows the outcomes in order. Answers how many passed.
fn explore(
    chosen: Vec<Scenario>,
    jobs: usize,
    mut show: impl FnMut(&Outcome),
) -> Result<usize, String> {
    let next = std::sync::Mutex::new(chosen.iter().enumerate());
    let (done, outcomes) = mpsc::channel();
    thread::scope(|threads| {
        for _ in 0..jobs {
            let (next, done) = (&next, done.clone());
            threads.spawn(move || {
                loop {
                    let Some((at, scenario)) = next.lock().ok().and_then(|mut next| next.next())
                    else {
                        return;
                    };
                    if done.send((at, check(scenario))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let mut waiting = std::collections::BTreeMap::new();
        let (mut shown, mut passed) = (0, 0);
        for (at, outcome) in outcomes {
            waiting.insert(at, outcome?);
            while let Some(outcome) = waiting.remove(&shown) {
                show(&outcome);
                shown += 1;
                passed += usize::from(outcome.passed());
            }
        }
        Ok(passed)
    })
}

fn write_out(options: &Options, counterexample: &Counterexample) -> io::Result<()> {
    let recorder = counterexample.records();
    if let Some(path) = &options.trace {
        recorder.write_to(&mut BufWriter::new(File::create(path)?))?;
    }
    if let Some(path) = &options.html {
        std::fs::write(path, harness::timeline::page(recorder.records()))?;
    }
    Ok(())
}
