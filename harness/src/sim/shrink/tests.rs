use std::collections::BTreeSet;

use super::*;
use crate::sim::board::{Checker, Fact, Judged, Scene};
use crate::sim::kv;
use crate::sim::schedule::Change;

#[test]
fn only_what_matters_is_left() {
    let is_wipe = |timed: &Timed| timed.act == Act::Wipe { whom: Whom::Leader };
    let is_transfer = |timed: &Timed| timed.act == Act::Transfer { to: Whom::Leader };
    // A rule that breaks when something of everything is there.
    let breaks = |plan: &Plan| {
        let small_disks = plan.nodes.iter().filter(|node| node.max_inflight_msgs == 1).count();
        plan.schedule.iter().any(is_wipe)
            && plan.schedule.iter().any(is_transfer)
            && plan.voters >= 2
            && plan.nodes.len() >= 3
            && plan.clients.count >= 2
            && plan.chaos >= 7 * SECOND
            && plan.network.loss.0 > 0
            && small_disks >= 1
    };
    let plans = (0..2000).map(Plan::draw).filter(breaks).take(5);
    let mut count = 0;
    for plan in plans {
        count += 1;
        let small = shrink(plan.clone(), breaks);
        assert!(breaks(&small));
        assert_eq!(small.schedule.len(), 2, "{small:?}");
        assert_eq!((small.nodes.len(), small.clients.count), (3, 2));
        // Before the last act there may be so long a gap that half of it would be too much.
        assert!((7 * SECOND..15 * SECOND).contains(&small.chaos), "{small:?}");
        let calm = Plan::calm(plan.seed, small.voters).network;
        assert_eq!(small.network.loss, plan.network.loss);
        assert_eq!(small.network, crate::sim::NetworkPlan { loss: plan.network.loss, ..calm });
        let one = NodePlan { max_inflight_msgs: 1, ..NodePlan::plain() };
        let shared = small.nodes.iter().all(|node| *node == one);
        let single = small.nodes.iter().filter(|node| **node != NodePlan::plain()).count() == 1;
        assert!(shared || single, "{small:?}");
    }
    assert!(count > 0);
}

#[test]
fn what_always_breaks_becomes_one_plain_node() {
    let small = shrink(Plan::draw(4), |_| true);
    assert_eq!((small.voters, small.nodes), (1, vec![NodePlan::plain()]));
    assert!(small.schedule.is_empty());
}

#[test]
fn every_plan_on_the_way_is_valid() {
    for seed in 0..20 {
        let mut tried = 0;
        // Anything that depends on the whole plan takes the search along odd paths.
        let breaks = |plan: &Plan| {
            assert!(plan.is_valid(), "{plan:?}");
            tried += 1;
            !serde_json::to_string(plan).unwrap().len().is_multiple_of(3)
        };
        let _ = shrink(Plan::draw(seed), breaks);
        assert!(tried > 0);
    }
}

#[test]
fn a_node_that_is_taken_away_is_named_by_no_act() {
    for plan in (0..100).map(Plan::draw) {
        for id in plan.ids() {
            let Some(less) = without_node(&plan, id) else { continue };
            assert_eq!(less.nodes.len() + 1, plan.nodes.len());
            let named: BTreeSet<_> =
                less.schedule.iter().flat_map(|timed| names(&timed.act)).collect();
            assert!(named.iter().all(|id| less.ids().any(|known| known == *id)), "{named:?}");
        }
    }
    let side = Act::Partition { side: vec![1, 2, 4], lasts: 1 };
    assert_eq!(without(side, 2), Some(Act::Partition { side: vec![1, 3], lasts: 1 }));
    assert_eq!(without(Act::Wipe { whom: Whom::Node(2) }, 2), None);
}

/// The nodes that the text of `act` names.
fn names(act: &Act) -> Vec<u64> {
    let value = serde_json::to_value(act).unwrap();
    let fields = value.as_object().unwrap().values().next().unwrap();
    let numbers = |value: &Value| match value {
        Value::Number(id) => id.as_u64().into_iter().collect(),
        Value::Array(ids) => ids.iter().filter_map(Value::as_u64).collect(),
        Value::Object(whom) => whom.get("node").and_then(Value::as_u64).into_iter().collect(),
        _ => Vec::new(),
    };
    ["whom", "to", "from", "peer", "bridge", "side"]
        .iter()
        .filter_map(|name| fields.get(name))
        .flat_map(numbers)
        .collect()
}

/// A rule that is wrong, to have something to find.
#[derive(Debug)]
struct NobodyJoins;

impl Checker for NobodyJoins {
    fn rule(&self) -> &'static str {
        "nobody joins"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, _: &Scene<'_>) -> Result<Judged, String> {
        match fact {
            Fact::Configured { index, .. } => Err(format!("entry {index}")),
            _ => Ok(Judged::Nothing),
        }
    }
}

#[test]
fn a_run_that_breaks_a_rule_shrinks_to_one_act_that_breaks_it_again() {
    let rule_broken = |plan: &Plan| {
        let world = kv::world(plan.clone()).with_checker(Box::new(NobodyJoins));
        world.run().violation.map(|violation| violation.rule)
    };
    let whom = Whom::Leader;
    let joins = Act::Change { change: Change::AddLearner };
    let acts = [
        Act::Transfer { to: Whom::Follower(0) },
        Act::Pause { whom, lasts: SECOND / 2, catches_up: true },
        joins.clone(),
        Act::ClockJump { whom, ticks: 3 },
    ];
    let schedule = (3..).zip(acts).map(|(at, act)| Timed { at: at * SECOND, act }).collect();
    let spare = NodePlan { snapshot_every: 10, ..NodePlan::plain() };
    let mut plan = Plan { schedule, ..Plan::calm(7, 3) };
    plan.nodes.push(spare);
    assert_eq!(rule_broken(&plan), Some("nobody joins"));
    let small = shrink(plan, |plan| rule_broken(plan) == Some("nobody joins"));
    let kinds: Vec<_> = small.schedule.iter().map(|timed| &timed.act).collect();
    assert_eq!(kinds, [&joins]);
    // One to lead, and one to join.
    assert_eq!((small.voters, small.nodes), (1, vec![NodePlan::plain(); 2]));
    assert_eq!(small.clients.count, 1);
}
