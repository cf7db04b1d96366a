//! The storages of this workspace keep the rules; one that breaks a rule is found out.

mod broken;

use raft_core::MemoryStorage;

use self::broken::{Broken, Fault};
use super::*;
use crate::sim::{SimDisk, SimStorage};

#[test]
fn the_storage_in_memory_keeps_the_rules() {
    Suite::of(MemoryStorage::new).check();
}

#[test]
fn the_simulated_disk_keeps_the_rules() {
    Suite::of(|| SimDisk::create(None)).reopened_by(crashed).check();
}

fn crashed(mut disk: SimDisk, chance: &mut Chance) -> SimDisk {
    disk.crash(chance);
    disk
}

fn broken(fault: Option<Fault>) -> Suite<'static, Broken> {
    Suite::of(move || Broken::new(fault)).reopened_by(Broken::crashed)
}

#[test]
fn a_storage_without_a_fault_keeps_the_rules() {
    broken(None).check();
}

#[test]
fn a_storage_that_breaks_a_rule_is_found_out() {
    for &(fault, says) in broken::FAULTS {
        let suite = broken(Some(fault));
        let rule = suite.rules().into_iter().find(|rule| rule.says == says).expect(says);
        assert!((rule.check)(&suite).is_err(), "{fault:?}: {says}");
    }
}

/// Else a rule could be one that nothing breaks.
#[test]
fn each_rule_is_broken_by_a_storage() {
    for rule in broken(None).rules() {
        assert!(broken::FAULTS.iter().any(|(_, broken)| *broken == rule.says), "{}", rule.says);
    }
}

/// A storage whose mistakes show only in a long run.
#[test]
fn random_writes_find_what_no_other_rule_does() {
    let breaches = broken(Some(Fault::ReplacesOnlyOneOfACompactedLog)).breaches();
    let rules: Vec<_> = breaches.iter().map(|breach| breach.rule).collect();
    assert_eq!(rules, ["after any writes the storage reads as a model does"]);
}

#[test]
#[should_panic(expected = "a new storage is empty, and begins at index 1\n    but the last index")]
fn a_check_names_rule_and_finding() {
    broken(Some(Fault::NewIsNotEmpty)).check();
}
