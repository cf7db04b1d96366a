//! Traces of simulated runs for etcd's formal specification.

use std::collections::BTreeMap;

use harness::sim::{Plan, kv};
use harness::tla::{Feature, Name, TlaTrace, check, features};

fn trace(seed: u64) -> TlaTrace {
    let trace = TlaTrace::new();
    let outcome = kv::world(Plan::traceable(seed)).traced(&trace).run();
    assert_eq!(outcome.violation, None, "seed {seed}");
    assert_eq!(check(&trace.events()), Ok(()), "seed {seed}");
    trace
}

#[test]
fn a_folder_of_traces_shows_everything_that_it_is_to_show() {
    let (mut names, mut shown) = (BTreeMap::new(), BTreeMap::new());
    for events in (0..100).map(|seed| trace(seed).events()) {
        events.iter().for_each(|event| *names.entry(event.name).or_insert(0) += 1);
        features(&events).into_iter().for_each(|it| *shown.entry(it).or_insert(0) += 1);
    }
    assert_eq!(names.len(), Name::ALL.len(), "{names:?}");
    assert_eq!(shown.len(), Feature::ALL.len(), "{shown:?}");
}

/// What a driver must not lose between two batches, or let a node start from.
#[test]
fn seeds_that_once_failed_are_sound() {
    // A snapshot's configuration in place of the last batch's; one from before the first was applied.
    for seed in [334, 1055] {
        trace(seed);
    }
}
