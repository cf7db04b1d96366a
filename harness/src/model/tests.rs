use super::*;

/// Explores a scenario of the table with less, and demands that nothing is broken or missed.
#[track_caller]
fn holds(name: &str, budget: Budget, expects: &[Reached]) -> Outcome {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == name);
    let scenario = Scenario {
        budget,
        expects: expects.to_vec(),
        ..scenario.expect("a configuration of the table")
    };
    let outcome = check(&scenario).expect("it starts");
    if let Some(counterexample) = &outcome.counterexample {
        panic!("{counterexample}");
    }
    assert_eq!(outcome.missed, [], "{name}");
    outcome
}

#[test]
fn elections_are_safe() {
    let budget = Budget { campaigns: 2, ..Budget::default() };
    let explore = || holds("elections", budget, &[Reached::Elected, Reached::Deposed]);
    let outcome = explore();
    assert!(outcome.states > 4_000, "{outcome}");
    let again = explore();
    assert_eq!((again.states, again.depth), (outcome.states, outcome.depth), "no chance in it");
}

#[test]
fn a_crash_loses_nothing_that_was_promised() {
    let budget = Budget { proposals: 1, crashes: 1, ..Budget::default() };
    let expects = [Reached::Committed, Reached::CrashedInBatch, Reached::UnsyncedLost];
    holds("crash", budget, &expects);
}

#[test]
fn a_snapshot_brings_a_follower_up_to_date() {
    let budget = Budget { proposals: 1, losses: 1, compactions: 1, ..Budget::default() };
    holds("snapshot", budget, &[Reached::Committed, Reached::Lost]);
}

#[test]
fn a_joint_configuration_is_entered_and_left() {
    let budget = Budget { campaigns: 1, changes: 1, ..Budget::default() };
    holds("joint", budget, &[Reached::JointEntered, Reached::JointLeft]);
}

#[test]
fn storage_threads_may_be_late() {
    let budget = Budget { campaigns: 2, ..Budget::default() };
    holds("async-pair", budget, &[Reached::Elected, Reached::Deposed]);
}

#[test]
fn what_is_never_reached_is_missed() {
    let scenario = Scenario {
        budget: Budget { campaigns: 1, ..Budget::default() },
        expects: vec![Reached::Elected, Reached::Committed],
        ..Scenario::new("vacuous", Start::Cold)
    };
    let outcome = check(&scenario).expect("it starts");
    assert_eq!(outcome.missed, [Reached::Committed]);
    assert!(!outcome.passed() && outcome.to_string().ends_with("NEVER: a proposal is committed"));
}

#[test]
fn names_are_unique_and_something_is_expected_of_each() {
    let all = scenarios();
    let names: std::collections::BTreeSet<_> = all.iter().map(|scenario| scenario.name).collect();
    assert_eq!(names.len(), all.len());
    for scenario in all {
        assert!(!scenario.expects.is_empty(), "{}", scenario.name);
        assert!(
            usize::from(scenario.budget.changes) <= scenario.changes.len(),
            "{}",
            scenario.name
        );
    }
}
