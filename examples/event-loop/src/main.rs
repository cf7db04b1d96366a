//! Replicates the lines of its input over three nodes, each with a thread, a loop and a directory
//! of its own. Lines that start with a colon are commands; see `README.md`.
//!
//! `cargo run --release -p event-loop < FILE`

mod client;
mod command;
mod group;
mod network;
mod node;
mod state_machine;
mod status;
mod storage;

use std::fs;
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::{Context, Result};
use clap::Parser;

use crate::client::{Client, Event};
use crate::group::Group;

/// Replicates the lines of its input over three nodes.
#[derive(Parser)]
struct Args {
    /// Where the nodes have their directories; a group that is there goes on. Without it they are
    /// in a temporary directory.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// After how many entries a node takes a snapshot and shortens its log.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    snapshot_every: u64,
    /// List all entries at the end.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match start(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: Args) -> Result<()> {
    if let Some(dir) = &args.dir {
        return run(dir, &args);
    }
    // Removed only if all went well: otherwise somebody may want to look into it.
    let dir = tempfile::Builder::new().prefix("event-loop-").tempdir();
    let dir = dir.context("cannot make a temporary directory")?.keep();
    run(&dir, &args)?;
    fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))
}

fn run(dir: &Path, args: &Args) -> Result<()> {
    client::say(format_args!("the nodes are in {}", dir.display()))?;
    let (events, inbox) = channel();
    let (credits, permits) = channel();
    let group = Group::open(dir, args.snapshot_every, events.clone())?;
    let reader = thread::spawn(move || read_input(&permits, &events));
    // After an error the process ends with the nodes as they are: they are made for crashes.
    Client::new(group, inbox, credits).run(args.list)?;
    // The nodes have ended, and so has the input, and with it the reader.
    reader.join().ok();
    Ok(())
}

/// Reads a line for each permit: no more than the client can take.
fn read_input(permits: &Receiver<()>, events: &Sender<Event>) {
    let mut lines = io::stdin().lock().split(b'\n');
    while permits.recv().is_ok() {
        let line = lines.next();
        let is_end = line.is_none();
        if events.send(Event::Input(line)).is_err() || is_end {
            return;
        }
    }
}
