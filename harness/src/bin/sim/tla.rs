//! Traces for etcd's formal specification.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;
use harness::sim::{Plan, kv};
use harness::tla::{Name, TlaTrace, check};

/// How many traces are written.
const TRACES: u64 = 100;

/// Writes the traces of the seeds from `from` on, a file each, and tells how often each event is in
/// them. Answers whether every event is there, and no trace has a flaw that shows without the
/// specification.
pub(crate) fn write(folder: &Path, from: u64) -> anyhow::Result<bool> {
    fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let mut counts: BTreeMap<Name, u64> = Name::ALL.iter().map(|name| (*name, 0)).collect();
    let (mut events, mut is_sound) = (0, true);
    for seed in from..from + TRACES {
        let trace = TlaTrace::new();
        let outcome = kv::world(Plan::traceable(seed)).traced(&trace).run();
        if let Some(violation) = outcome.violation {
            println!("seed {seed}: {violation}");
            is_sound = false;
        }
        let found = trace.events();
        if let Err(flaw) = check(&found) {
            println!("seed {seed}: {flaw}");
            is_sound = false;
        }
        events += found.len();
        for event in &found {
            *counts.entry(event.name).or_default() += 1;
        }
        let path = folder.join(format!("seed_{seed:05}.ndjson"));
        let write = || trace.write_to(&mut BufWriter::new(File::create(&path)?));
        write().with_context(|| format!("{}", path.display()))?;
    }
    for (name, count) in &counts {
        println!("{count:>8} {name:?}");
    }
    println!("{TRACES} traces of {events} events in {}", folder.display());
    Ok(is_sound && counts.values().all(|count| *count > 0))
}
