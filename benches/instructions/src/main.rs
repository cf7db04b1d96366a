//! Counts the instructions of the hot paths, and compares them with a baseline.
//!
//! A count is the same in each run on the same toolchain, so that a small growth shows. Another
//! compiler makes other code: the baseline says which one it is of, and is not compared with others,
//! which is told and is no failure. Where nothing can be counted, that is one.
//! The allocator of the system is counted too.

mod baseline;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use clap::Parser;
use serde_json::Value;

use crate::baseline::Baseline;

/// Counts the instructions of the hot paths.
///
/// Exits with 1 when one takes over 5 % more than in the baseline.
#[derive(Debug, Parser)]
struct Options {
    /// Make what is found the new baseline.
    #[arg(long)]
    accept: bool,
}

fn main() -> io::Result<ExitCode> {
    let options = Options::parse();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = folder.join("baseline.txt");
    let found = Baseline { toolchain: toolchain()?, counts: count(folder)? };
    if options.accept {
        std::fs::write(&file, found.to_string())?;
        println!("{} counts are the baseline now", found.counts.len());
        return Ok(ExitCode::SUCCESS);
    }
    let baseline: Baseline = std::fs::read_to_string(&file)?.parse().map_err(io::Error::other)?;
    if baseline.toolchain != found.toolchain {
        print!("{found}");
        println!("NOT COMPARED: these counts are of {},", found.toolchain);
        println!("the baseline is of {}.", baseline.toolchain);
        println!("{HOW_TO_ACCEPT}");
        return Ok(ExitCode::SUCCESS);
    }
    let (report, grown) = baseline.compare(&found);
    print!("{report}");
    if !grown.is_empty() {
        println!("grown by more than 5 %, or not in both: {}", grown.join(", "));
        println!("If that is worth it: {HOW_TO_ACCEPT}");
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

const HOW_TO_ACCEPT: &str = "Accept a new baseline with \
    `cargo run --manifest-path benches/instructions/Cargo.toml -- --accept`, and commit baseline.txt.";

const WHAT_IT_NEEDS: &str = "This needs valgrind, and the runner: \
    `cargo install --locked gungraun-runner --version 0.20.0`.";

/// Compiler and target.
fn toolchain() -> io::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = output(Command::new(rustc).arg("-vV"))?;
    let field = |name| version.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?");
    Ok(format!("rustc {} for {}", field("release: "), field("host: ")))
}

/// Runs the benchmark, and reads the counts out of what it says.
fn count(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let cargo = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    let mut bench = Command::new(cargo);
    bench.args(["bench", "--locked", "--bench", "hot_paths", "--manifest-path"]);
    bench.arg(folder.join("Cargo.toml")).args(["--", "--output-format=json"]);
    let said = output(&mut bench).inspect_err(|_| eprintln!("{WHAT_IT_NEEDS}"))?;
    said.lines().filter(|line| line.starts_with('{')).map(read_count).collect()
}

/// The name of a benchmark and its count of instructions.
fn read_count(summary: &str) -> io::Result<(String, u64)> {
    let summary: Value = serde_json::from_str(summary)?;
    let text = |name: &str| summary[name].as_str().unwrap_or_default().to_owned();
    let name = format!("{}/{}", text("function_name"), text("id"));
    let total = &summary["profiles"][0]["data"]["total"];
    let count = total["metrics"]["Ir"]["values"]["new"].as_u64();
    Ok((name.clone(), count.ok_or_else(|| io::Error::other(format!("no count of {name}")))?))
}

fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("{command:?}: {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}
