//! Runs scripts and shows where they print something else than they expect.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use harness::interaction::Agreement;
use harness::runner::{Failure, Tally, find_scripts, rewrite_file, run_file, run_file_strictly};

/// Runs scripts of raft-core and shows where they print something else than they expect.
///
/// The last line is `N passed, M failed`. Exits with 1 when a script failed, or when there was
/// none to run.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Write what the scripts print in place of what they expect
    #[arg(long, conflicts_with = "compat")]
    rewrite: bool,

    /// The rules that the nodes follow
    #[arg(long, value_enum, default_value_t = Rules::Etcd)]
    compat: Rules,

    /// Scripts, and folders of scripts (all .txt files below them)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Rules {
    /// etcd's, whose texts the scripts expect
    Etcd,
    /// etcd's, and beside them our own stricter ones, which must lead to the same decisions
    Strict,
}

fn main() -> ExitCode {
    match run(&Options::parse(), &mut io::stdout().lock()) {
        Ok(Tally { passed: 1.., failed: 0 }) => ExitCode::SUCCESS,
        // With an error nobody reads any more what is printed.
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

fn run(options: &Options, out: &mut impl Write) -> io::Result<Tally> {
    let scripts = find_scripts(&options.paths).unwrap_or_else(|failure| {
        eprintln!("{failure}");
        Vec::new()
    });
    if scripts.is_empty() {
        eprintln!("no script to run: expected .txt files, or folders that hold some");
    }
    let mut tally = Tally::default();
    let mut agreements = Agreements::default();
    for script in &scripts {
        let failures = match (options.rewrite, options.compat) {
            (true, _) => rewrite(script, out)?,
            (false, Rules::Etcd) => run_file(script),
            (false, Rules::Strict) => {
                let (failures, agreement) = run_file_strictly(script);
                agreements.count(script, agreement, out)?;
                failures
            }
        };
        for failure in &failures {
            writeln!(out, "{failure}")?;
        }
        tally.count(failures.is_empty());
    }
    if options.compat == Rules::Strict {
        writeln!(out, "{agreements}")?;
    }
    writeln!(out, "{tally}")?;
    Ok(tally)
}

fn rewrite(script: &Path, out: &mut impl Write) -> io::Result<Vec<Failure>> {
    match rewrite_file(script) {
        Ok(changed) => {
            if changed {
                writeln!(out, "{}: rewritten", script.display())?;
            }
            Ok(Vec::new())
        }
        Err(failures) => Ok(failures),
    }
}

/// How the scripts went under both rules.
#[derive(Debug, Default)]
struct Agreements {
    always: usize,
    in_the_end: usize,
    parted: usize,
}

impl Agreements {
    fn count(
        &mut self,
        script: &Path,
        agreement: Option<Agreement>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let script = script.display();
        match agreement {
            None => {}
            Some(Agreement::AfterEveryStabilize) => self.always += 1,
            Some(Agreement::InTheEnd { line }) => {
                self.in_the_end += 1;
                writeln!(
                    out,
                    "{script}:{line}: note: the rules differ here, and agree in the end"
                )?;
            }
            Some(Agreement::Parted { line, index }) => {
                self.parted += 1;
                writeln!(
                    out,
                    "{script}:{line}: note: the rules differ here, and commit other entries from \
                     {index} on"
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Agreements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Agreements { always, in_the_end, parted } = self;
        write!(
            f,
            "under both rules: {always} equal after every stabilize, {in_the_end} only in the \
             end, {parted} parted"
        )
    }
}
