//! Shows that the simulator and the model checker find bugs: they run deliberate faults until a rule is
//! broken.

use std::process::ExitCode;

use clap::Parser;

/// Breaks one rule at a time, in the core or in the loop around it, and counts the seeds that the
/// simulator needs to find it; for some of the core, also the states that the model checker needs.
///
/// Exits with 1 when a fault is not found. Faults exist in builds with `--cfg raft_fault` only: another
/// build of this program makes such a one, in a folder of its own, and runs it.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Seeds to try for each fault
    #[arg(long, default_value_t = 2000)]
    seeds: u64,

    /// Only faults whose name contains this
    #[arg(default_value = "")]
    name: String,
}

#[cfg(not(raft_fault))]
fn main() -> ExitCode {
    Options::parse();
    let status = std::process::Command::new(env!("CARGO"))
        .args(["run", "--release", "--locked", "--package", "harness", "--bin", "bite"])
        .args(["--target-dir", "target/raft_fault", "--"])
        .args(std::env::args_os().skip(1))
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("RUSTFLAGS", "--cfg raft_fault")
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(raft_fault)]
fn main() -> ExitCode {
    let options = Options::parse();
    let faults: Vec<_> =
        harness::sim::Fault::all().filter(|(name, _)| name.contains(&options.name)).collect();
    println!("{:<44} {:>6}  {}", "fault, in the simulator", "seeds", "found by");
    let missed = faulty::hunt(&faults, options.seeds);
    println!("{} passed, {missed} failed", faults.len() - missed);
    println!("\n{:<44} {:>6}  {}", "fault, in small groups", "states", "found by");
    let is_found_in_groups = faulty::explore(&options.name);
    if missed == 0 && is_found_in_groups && !faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[cfg(raft_fault)]
mod faulty {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use harness::model::{self, Scenario};
    use harness::sim::kv::{Clients, KeyValue};
    use harness::sim::{Fault, Plan, World};

    /// Runs each fault on as many threads as there are cores; prints the table in order. Answers how
    /// many faults were not found.
    pub(crate) fn hunt(faults: &[(&str, Fault)], seeds: u64) -> usize {
        let next = AtomicUsize::new(0);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let (found, results) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..threads {
                let (next, found) = (&next, found.clone());
                scope.spawn(move || {
                    while let Some((_, fault)) = faults.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let at = faults.iter().position(|(_, other)| other == fault);
                        found.send((at, find(*fault, seeds))).ok();
                    }
                });
            }
            drop(found);
            let mut missed = 0;
            for (at, result) in results {
                let name = at.map_or("", |at| faults[at].0);
                match result {
                    Some((tried, rule)) => println!("{name:<44} {tried:>6}  {rule}"),
                    None => {
                        missed += 1;
                        println!("{name:<44} {:>6}  not found", "-");
                    }
                }
            }
            missed
        })
    }

    /// How many seeds it took, and the rule that was broken. A panic is no rule that finds a fault: the
    /// core is to bear its own mistakes, and what it does then is for the rules to judge.
    fn find(fault: Fault, seeds: u64) -> Option<(u64, &'static str)> {
        (0..seeds).find_map(|seed| {
            let world = World::<_, KeyValue, _>::new(Plan::draw(seed), Clients::default());
            let violation = world.with_fault(fault).run().violation?;
            (!violation.is_panic()).then_some((seed + 1, violation.rule))
        })
    }

    /// Explores groups in which a fault shows early. Answers whether all are found.
    pub(crate) fn explore(name: &str) -> bool {
        use raft_core::Fault::{AckBeforeSync, SkipsLogCheck, VotesTwice};
        let mut is_found = true;
        for (fault, group) in
            [(VotesTwice, "elections"), (SkipsLogCheck, "elections"), (AckBeforeSync, "proposal")]
        {
            if !fault.name().contains(name) {
                continue;
            }
            let scenario = model::scenarios().into_iter().find(|known| known.name == group);
            let scenario = scenario.map(|known| Scenario { fault: Some(fault), ..known });
            let outcome = scenario.and_then(|scenario| model::check(&scenario).ok());
            match outcome.and_then(|outcome| Some((outcome.states, outcome.counterexample?))) {
                Some((states, example)) => {
                    println!("{:<44} {states:>6}  {}", fault.name(), example.broken.rule)
                }
                None => {
                    is_found = false;
                    println!("{:<44} {:>6}  not found", fault.name(), "-");
                }
            }
        }
        is_found
    }
}
