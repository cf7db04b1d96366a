//! Makes a plan smaller that breaks a rule, for as long as it still does.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::network::LinkPlan;
use super::plan::{NodePlan, Plan};
use super::schedule::{Act, Timed, Whom};
use super::{SECOND, TICK, Time};

/// A plan that still `breaks` what `plan` breaks, and of which nothing here can be taken away: no act of
/// the schedule, no node, no client, no time, and no setting that is not the plain one.
///
/// `breaks` should ask whether the very same rule is broken, or the plan may end as one that shows
/// something else.
#[must_use]
pub fn shrink(mut plan: Plan, mut breaks: impl FnMut(&Plan) -> bool) -> Plan {
    loop {
        let before = plan.clone();
        plan = with_fewer_acts(plan, &mut breaks);
        for simplify in [fewer_nodes, fewer_clients, less_time, sooner, calmer, plainer_nodes] {
            plan = descend(plan, simplify, &mut breaks);
        }
        if plan == before {
            return plan;
        }
    }
}

/// Takes away ever smaller runs of acts (delta debugging).
fn with_fewer_acts(mut plan: Plan, breaks: &mut impl FnMut(&Plan) -> bool) -> Plan {
    let mut run = plan.schedule.len();
    while run > 0 {
        let mut at = 0;
        while at < plan.schedule.len() {
            let mut smaller = plan.clone();
            smaller.schedule.drain(at..(at + run).min(plan.schedule.len()));
            if breaks(&smaller) {
                plan = smaller;
            } else {
                at += run;
            }
        }
        run /= 2;
    }
    plan
}

/// Tries what `simplify` offers, one by one.
fn descend(
    mut plan: Plan,
    simplify: fn(&Plan) -> Vec<Plan>,
    breaks: &mut impl FnMut(&Plan) -> bool,
) -> Plan {
    let mut at = 0;
    while let Some(simpler) = simplify(&plan).into_iter().nth(at) {
        // What was taken is not offered again, so that the next one has its place.
        if simpler.is_valid() && breaks(&simpler) {
            plan = simpler;
        } else {
            at += 1;
        }
    }
    plan
}

fn fewer_nodes(plan: &Plan) -> Vec<Plan> {
    (1..=plan.nodes.len() as u64).rev().filter_map(|id| without_node(plan, id)).collect()
}

fn fewer_clients(plan: &Plan) -> Vec<Plan> {
    let count = plan.clients.count;
    let fewer = [1, count / 2, count - 1].into_iter().filter(|fewer| (1..count).contains(fewer));
    fewer
        .map(|count| {
            let mut plan = plan.clone();
            plan.clients.count = count;
            plan
        })
        .collect()
}

fn less_time(plan: &Plan) -> Vec<Plan> {
    let less = [plan.chaos / 2, plan.chaos / 4 * 3, plan.chaos.saturating_sub(SECOND)];
    let until = |chaos: Time| {
        let schedule = plan.schedule.iter().filter(|timed| timed.at < chaos).cloned().collect();
        Plan { chaos, schedule, ..plan.clone() }
    };
    less.into_iter().filter(|chaos| *chaos >= SECOND).map(until).collect()
}

/// What comes before an act takes half as long.
fn sooner(plan: &Plan) -> Vec<Plan> {
    let halved = |number: usize| {
        let before = number.checked_sub(1).map_or(0, |before| plan.schedule[before].at);
        let less = (plan.schedule[number].at - before) / 2;
        let mut plan = plan.clone();
        plan.schedule[number..].iter_mut().for_each(|timed| timed.at -= less);
        plan.chaos = plan.chaos.saturating_sub(less);
        (less >= TICK).then_some(plan)
    };
    (0..plan.schedule.len()).filter_map(halved).collect()
}

fn calmer(plan: &Plan) -> Vec<Plan> {
    let calm = Plan::calm(plan.seed, plan.voters);
    let network = plainer(&plan.network, &calm.network);
    let mut calmer: Vec<_> =
        network.into_iter().map(|network| Plan { network, ..plan.clone() }).collect();
    if !plan.links.is_empty() {
        calmer.push(Plan { links: Vec::new(), ..plan.clone() });
    }
    calmer.extend((0..plan.links.len()).map(|at| {
        let mut plan = plan.clone();
        plan.links.remove(at);
        plan
    }));
    if plan.bootstrap != calm.bootstrap {
        calmer.push(Plan { bootstrap: calm.bootstrap, ..plan.clone() });
    }
    calmer
}

/// All nodes plain; then a setting of all nodes; then a setting of one.
///
/// A setting that all nodes share stays shared: a lease rests on every node's election timeout.
fn plainer_nodes(plan: &Plan) -> Vec<Plan> {
    let plain = fields(&NodePlan::plain());
    let nodes: Vec<_> = plan.nodes.iter().map(fields).collect();
    let with = |at: &[usize], setting: Option<&str>| {
        let mut nodes = nodes.clone();
        for (name, value) in &plain {
            if setting.is_none_or(|setting| setting == name) {
                for &at in at {
                    nodes[at].insert(name.clone(), value.clone());
                }
            }
        }
        Plan { nodes: nodes.into_iter().map(from_fields).collect(), ..plan.clone() }
    };
    let all: Vec<usize> = (0..nodes.len()).collect();
    let mut simpler = vec![with(&all, None)];
    for (name, value) in &plain {
        let differ: Vec<_> = all.iter().copied().filter(|at| nodes[*at][name] != *value).collect();
        let is_shared = nodes.iter().all(|node| node[name] == nodes[0][name]);
        simpler.push(with(&all, Some(name)));
        if !is_shared {
            simpler.extend(differ.iter().map(|at| with(&[*at], Some(name))));
        }
    }
    simpler.retain(|simpler| simpler != plan);
    simpler
}

/// `part` with one of its fields as it is in `plain`; a variant for each field that differs.
fn plainer<T: Serialize + DeserializeOwned>(part: &T, plain: &T) -> Vec<T> {
    let own = fields(part);
    let differ = fields(plain).into_iter().filter(|(name, value)| own[name] != *value);
    differ
        .map(|(name, value)| {
            let mut fields = own.clone();
            fields.insert(name, value);
            from_fields(fields)
        })
        .collect()
}

fn fields<T: Serialize>(part: &T) -> Map<String, Value> {
    match serde_json::to_value(part) {
        Ok(Value::Object(fields)) => fields,
        other => unreachable!("a part of a plan is a struct, not {other:?}"),
    }
}

fn from_fields<T: DeserializeOwned>(fields: Map<String, Value>) -> T {
    serde_json::from_value(Value::Object(fields)).expect("each field comes from such a struct")
}

/// The plan without node `id`. Those after it move up.
fn without_node(plan: &Plan, id: u64) -> Option<Plan> {
    let mut plan = plan.clone();
    plan.nodes.remove(id as usize - 1);
    if id <= plan.voters {
        plan.voters -= 1;
    } else if id <= plan.voters + plan.learners {
        plan.learners -= 1;
    }
    let moved = |end: u64| (end != id).then_some(end - u64::from(end > id));
    plan.links = plan
        .links
        .into_iter()
        .filter_map(|link| Some(LinkPlan { from: moved(link.from)?, to: moved(link.to)?, ..link }))
        .collect();
    let acts = plan.schedule.into_iter();
    plan.schedule =
        acts.filter_map(|Timed { at, act }| Some(Timed { at, act: without(act, id)? })).collect();
    (plan.voters > 0).then_some(plan)
}

/// What is left of `act` when there is no node `gone`.
fn without(mut act: Act, gone: u64) -> Option<Act> {
    let stays = |id: &mut u64| {
        let is_gone = *id == gone;
        if *id > gone {
            *id -= 1;
        }
        !is_gone
    };
    let whom_stays = match act.whom() {
        Some(Whom::Node(id)) => stays(id),
        Some(Whom::Leader | Whom::Follower(_)) | None => true,
    };
    let others_stay = match &mut act {
        Act::Unreachable { peer, .. } => stays(peer),
        Act::Partition { side, .. } => {
            side.retain_mut(stays);
            true
        }
        Act::OneWay { from, to, .. } => {
            from.retain_mut(stays);
            to.retain_mut(stays);
            true
        }
        Act::Bridge { bridge, side, .. } => {
            side.retain_mut(stays);
            stays(bridge)
        }
        Act::Clog { from, to, .. } => stays(from) && stays(to),
        _ => true,
    };
    (whom_stays && others_stay).then_some(act)
}

#[cfg(test)]
mod tests;
