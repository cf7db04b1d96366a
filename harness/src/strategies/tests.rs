use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use raft_core::proto::{ConfChangeRequest, ConfState, Entry, Message};
use raft_core::tracker::{InflightLimits, Tracker};
use raft_core::{Config, EntryId, MemoryStorage, RawNode, SlogObserver, Storage as _};
use strum::VariantNames as _;

use super::*;
use crate::sim::{Act, Plan, SECOND, kv};

const LAST: EntryId = EntryId::new(3, 8);
const COMMIT: u64 = 6;

/// A node that has been through some terms.
fn node() -> RawNode<MemoryStorage> {
    let mut storage = MemoryStorage::with_conf_state(ConfState::new([1, 2, 3], [4]));
    let terms = [1, 1, 2, 2, 3, 3, 3, 3];
    let log = (1..).zip(terms).map(|(index, term)| Entry::new(term, index, "data"));
    storage.append(&log.collect()).unwrap();
    let hard_state = raft_core::proto::HardState { term: 3, vote: 2, commit: COMMIT };
    storage.set_hard_state(hard_state);
    let config = Config { seed: 1, ..Config::new(1) };
    RawNode::with_observer(config, storage, SlogObserver::discard()).unwrap()
}

fn around() -> Around {
    let node = node();
    Around::new(1, [2, 3, 4]).at(&node.basic_status(), node.last_entry_id())
}

/// Does the node's work, as an application does.
fn work(node: &mut RawNode<MemoryStorage>) {
    while node.has_ready() {
        let ready = node.ready().unwrap();
        let storage = node.storage_mut();
        if let Some(snapshot) = ready.snapshot() {
            storage.apply_snapshot(snapshot.clone()).unwrap();
        }
        storage.append(ready.entries()).unwrap();
        if let Some(hard_state) = ready.hard_state() {
            storage.set_hard_state(*hard_state);
        }
        let mut done = ready.persisted();
        for entry in &done.take_committed_entries() {
            if let Ok(Some(request)) = ConfChangeRequest::from_entry(entry) {
                // One that cannot be applied has no effect.
                let _ = node.apply_conf_change(&request.as_v2());
            }
        }
        node.advance(done).unwrap();
    }
}

/// What a peer's messages meet: another message, or an application that goes on.
#[derive(Clone, Debug)]
enum Step {
    Message(Message),
    Tick,
    Campaign,
    Work,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => near_honest(around()).prop_map(Step::Message),
        3 => wild_messages(1).prop_map(Step::Message),
        1 => Just(Step::Tick),
        1 => Just(Step::Campaign),
        2 => Just(Step::Work),
    ];
    prop::collection::vec(step, 1..30)
}

proptest! {
    #[test]
    fn no_message_panics_and_a_refusal_leaves_no_trace(steps in steps()) {
        let mut node = node();
        for step in steps {
            match step {
                Step::Message(message) => {
                    let before = node.digest();
                    if let Err(error) = node.step(message) {
                        prop_assert_eq!(node.digest(), before, "{}", error);
                    }
                }
                Step::Tick => node.tick(),
                // The node may have no right to.
                Step::Campaign => drop(node.campaign()),
                Step::Work => work(&mut node),
            }
            prop_assert!(node.basic_status().hard_state.commit <= node.last_entry_id().index);
        }
    }

    #[test]
    fn a_configuration_can_be_changed_or_says_why_not(
        stored in conf_states(6), change in conf_changes(6)
    ) {
        let limits = InflightLimits { msgs: 1, bytes: 0 };
        let tracker = raft_core::confchange::restore(&stored, limits, 0).unwrap();
        prop_assert_eq!(tracker.config.conf_state(), stored);
        let changer = raft_core::confchange::Changer { tracker: &tracker, last_index: 0 };
        if let Ok(Tracker { config, .. }) = changer.apply(&change) {
            let again = raft_core::confchange::restore(&config.conf_state(), limits, 0).unwrap();
            prop_assert_eq!(again.config, config);
        }
    }

    #[test]
    fn a_quorum_of_a_configuration_meets_every_other(
        config in configurations(5), one in prop::collection::vec(any::<bool>(), 6)
    ) {
        use raft_core::quorum::VoteResult;
        // Nodes that do not vote yes vote no: both cannot win.
        let yes = config.voters.vote_result(&|id| Some(one[id as usize]));
        let no = config.voters.vote_result(&|id| Some(!one[id as usize]));
        prop_assert!(!(yes == VoteResult::Won && no == VoteResult::Won));
        prop_assert_ne!(yes, VoteResult::Pending);
    }

    #[test]
    fn entries_follow_each_other_and_a_storage_takes_them(entries in entries(LAST, 5, 6)) {
        let mut last = LAST;
        for entry in &entries {
            prop_assert_eq!(entry.index, last.index + 1);
            prop_assert!((last.term..=5).contains(&entry.term));
            last = EntryId::of(entry);
        }
        let mut node = node();
        node.storage_mut().append(&entries).unwrap();
        prop_assert_eq!(node.storage().last_index().unwrap(), last.index);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_plan_is_valid_breaks_no_rule_and_runs_the_same_again(plan in plans(SECOND..6 * SECOND)) {
        prop_assert!(plan.is_valid());
        let first = kv::world(plan.clone()).run();
        let again = kv::world(plan).recorded().run();
        prop_assert_eq!(first.violation, None);
        prop_assert_eq!((first.digest, first.tally), (again.digest, again.tally));
        prop_assert!(!again.recorder.records().is_empty());
    }
}

#[test]
fn clocks_jump_only_where_no_lease_rests_on_them() {
    let mut runner = TestRunner::deterministic();
    let plans = plans(SECOND..30 * SECOND);
    let made: Vec<_> = (0..100).map(|_| plans.new_tree(&mut runner).unwrap().current()).collect();
    let (leases, others): (Vec<_>, Vec<_>) = made.iter().partition(|plan| plan.reads_by_lease());
    let jumps = |plan: &&Plan| plan.schedule.iter().any(|timed| !timed.act.keeps_time());
    let count = |plans: &[&Plan]| plans.iter().copied().filter(|plan| jumps(plan)).count();
    assert!(!leases.is_empty() && count(&others) > 0);
    assert_eq!(count(&leases), 0);
}

#[test]
fn every_kind_of_act_is_made() {
    let mut runner = TestRunner::deterministic();
    let acts = acts(5);
    let mut make = || acts.new_tree(&mut runner).unwrap().current();
    let made: BTreeSet<&str> = (0..2000).map(|_| (&make()).into()).collect();
    assert_eq!(made, Act::VARIANTS.iter().copied().collect());
}

#[test]
fn most_of_the_near_honest_are_let_in_and_most_of_the_wild_are_not() {
    let mut runner = TestRunner::deterministic();
    let mut let_in = |messages: BoxedStrategy<Message>| {
        let mut admits = || {
            let message = messages.new_tree(&mut runner).unwrap().current();
            node().step(message).is_ok()
        };
        (0..1000).filter(|_| admits()).count()
    };
    let near = let_in(near_honest(around()).boxed());
    let wild = let_in(wild_messages(1).boxed());
    assert!(near > 500 && wild < 500, "{near} and {wild}");
}
