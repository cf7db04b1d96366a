//! Runs the table of hostile cases and prints it.

use std::process::ExitCode;

use clap::Parser;
use harness::hostile::{Case, Verdict, heading, sections};

/// Runs the table of hostile cases and prints it: for each message or call what etcd's raft does,
/// what raft-rs does, what this library does, and whether it really does so.
///
/// The last line is `N passed, M failed`. Exits with 1 when a row failed, or when there was none.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Only these rows, as P07
    rows: Vec<String>,
}

fn main() -> ExitCode {
    let Options { rows } = Options::parse();
    let wanted = |case: &Case| rows.is_empty() || rows.contains(&case.name());
    // A panic fails its row, which says what it was.
    std::panic::set_hook(Box::new(|_| {}));

    println!("{}", heading());
    let (mut passed, mut failed) = (0, 0);
    for section in sections() {
        let mut cases = section.cases().iter().filter(|case| wanted(case)).peekable();
        if cases.peek().is_some() {
            println!("\n{}", section.title());
        }
        for case in cases {
            let verdict = Verdict::of(case);
            println!("{verdict}");
            *(if verdict.passed() { &mut passed } else { &mut failed }) += 1;
        }
    }
    println!("\n{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
