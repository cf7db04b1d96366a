//! Traces for etcd's formal specification.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

use anyhow::Context as _;
use harness::sim::{Plan, Seen, kv};
use harness::tla::{Feature, Name, TlaEvent, TlaTrace, check, features};

/// How many traces are written.
const TRACES: u64 = 100;

/// What messages do that the traces do not have: of these it is only known that they were sent.
const UNTRACED: [Seen; 2] = [Seen::PreVoteRefused, Seen::TimeoutNow];

/// Writes the traces of the seeds from `from` on, a file each, and tells how many show what. Answers
/// whether there is a trace of everything, and none has a flaw that shows without the specification.
pub(crate) fn write(folder: &Path, from: u64) -> anyhow::Result<bool> {
    fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    let mut counts = Counts::new();
    let (mut events, mut is_sound) = (0, true);
    for seed in from..from + TRACES {
        let trace = TlaTrace::new();
        let outcome = kv::world(Plan::traceable(seed)).traced(&trace).run();
        if let Some(violation) = &outcome.violation {
            println!("seed {seed}: {violation}");
            is_sound = false;
        }
        let found = trace.events();
        if let Err(flaw) = check(&found) {
            println!("seed {seed}: {flaw}");
            is_sound = false;
        }
        events += found.len();
        counts.take(&found, |seen| outcome.coverage.count(seen) > 0);
        let path = folder.join(format!("seed_{seed:05}.ndjson"));
        let write = || trace.write_to(&mut BufWriter::new(File::create(&path)?));
        write().with_context(|| format!("{}", path.display()))?;
    }
    for (what, count) in &counts.0 {
        println!("{count:>8} {what}");
    }
    println!("{TRACES} traces of {events} events in {}", folder.display());
    Ok(is_sound && counts.0.values().all(|count| *count > 0))
}

/// How many events there are of each name, and how many traces of each feature.
struct Counts(BTreeMap<String, u64>);

impl Counts {
    fn new() -> Self {
        let names = Name::ALL.iter().map(|name| format!("events {name:?}"));
        let features = Feature::ALL.iter().map(|feature| format!("traces with {feature:?}"));
        let untraced = UNTRACED.iter().map(|seen| format!("traces with {seen:?}"));
        Self(names.chain(features).chain(untraced).map(|what| (what, 0)).collect())
    }

    fn take(&mut self, found: &[TlaEvent], has_seen: impl Fn(Seen) -> bool) {
        let names = found.iter().map(|event| format!("events {:?}", event.name));
        let features = features(found).into_iter().map(|it| format!("traces with {it:?}"));
        let untraced = UNTRACED.into_iter().filter(|seen| has_seen(*seen));
        let untraced = untraced.map(|seen| format!("traces with {seen:?}"));
        for what in names.chain(features).chain(untraced) {
            *self.0.entry(what).or_default() += 1;
        }
    }
}
