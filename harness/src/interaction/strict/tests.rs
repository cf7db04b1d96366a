use std::path::Path;

use super::*;
use crate::datadriven::Script;

/// Runs the commands of a script whose outputs do not matter.
fn run(commands: &[&str]) -> StrictTwin {
    let text: String = commands.iter().map(|command| format!("{command}\n----\n\n")).collect();
    let script = Script::parse(Path::new("s.txt"), text).unwrap();
    let mut twin = StrictTwin::default();
    for directive in script.directives() {
        twin.run(directive).unwrap();
    }
    twin
}

const LEADER: [&str; 3] =
    ["add-nodes 3 voters=(1,2,3) index=10 inflight=1", "campaign 1", "stabilize"];

fn after_election(commands: &[&str]) -> (Agreement, Option<Broken>) {
    run(&[&LEADER, commands].concat()).finish()
}

#[test]
fn what_is_delivered_leads_to_the_same_state() {
    let (agreement, broken) = after_election(&["propose 1 a", "propose 1 b", "stabilize"]);
    assert_eq!((agreement, broken), (Agreement::AfterEveryStabilize, None));
}

#[test]
fn a_commit_index_that_was_not_sent_before_stepping_down_may_be_known_to_fewer() {
    // In the same delivery node 1 learns that `a` is committed and that the term is over. etcd's
    // leader has queued the commit index by then.
    let (agreement, broken) = after_election(&[
        "propose 1 a",
        "process-ready 1",
        "deliver-msgs 2",
        "process-ready 2",
        "campaign 3",
        "process-ready 3",
        "deliver-msgs drop=(2,3)",
        "deliver-msgs 1",
        "stabilize",
    ]);
    assert_eq!((agreement, broken), (Agreement::InTheEnd { line: 34 }, None));
}

#[test]
fn entries_that_one_append_carries_may_survive_where_those_of_two_do_not() {
    // With one append in flight, etcd's leader has not sent `b` when it is cut off.
    let (agreement, broken) = after_election(&[
        "propose 1 a",
        "propose 1 b",
        "process-ready 1",
        "deliver-msgs 2",
        "process-ready 2",
        "deliver-msgs drop=(1,3)",
        "campaign 2",
        "stabilize 2 3",
        "deliver-msgs drop=(1)",
        "stabilize",
    ]);
    assert_eq!((agreement, broken), (Agreement::Parted { line: 37, index: 13 }, None));
}

#[test]
fn only_what_a_node_has_applied_is_compacted() {
    let twin = run(&[&LEADER[..], &["propose 1 a", "compact 1 12", "compact 1 11"]].concat());
    let first_index = |lane: &Lane| lane.environment().nodes[0].storage().first_index().unwrap();
    assert_eq!(first_index(&twin.strict), 12);
}

#[test]
fn a_leader_that_does_not_commit_is_noticed() {
    let mut twin = run(&[&LEADER[..], &["propose 1 a", "process-ready 1"]].concat());
    assert_eq!(
        twin.strict.all_committed(),
        Err(Difference::Stuck { leader: 1, commit: 11, last: 12 })
    );
    assert!(twin.strict.settle());
    assert_eq!(twin.strict.all_committed(), Ok(()));
}

#[test]
fn without_a_quorum_of_nodes_nothing_need_be_committed() {
    let commands = ["add-nodes 1 voters=(1,2,3) index=10", "campaign 1", "stabilize"];
    assert_eq!(run(&commands).finish(), (Agreement::AfterEveryStabilize, None));
}

#[test]
fn configurations_depend_on_what_was_applied_alone() {
    let view = |applied, voters: &[u64]| {
        let mut config = Configuration::default();
        config.voters.incoming.0 = voters.iter().copied().collect();
        NodeView { applied, commit: applied, config }
    };
    let same = [view(5, &[1, 2]), view(6, &[1]), view(5, &[1, 2]), view(0, &[]), view(0, &[1])];
    assert_eq!(same_configurations(same.iter()), Ok(()));
    let other = [view(5, &[1, 2]), view(5, &[1])];
    let error = same_configurations(other.iter()).unwrap_err().to_string();
    assert_eq!(
        error,
        "of nodes that have applied up to 5, one has voters=(1 2) and one voters=(1)"
    );
}

#[test]
fn only_what_broke_first_is_told() {
    let mut twin = StrictTwin { line: 3, ..StrictTwin::default() };
    twin.demand(Err("first"));
    twin.line = 4;
    twin.demand(Err("second"));
    assert_eq!(twin.broken, Some(Broken { line: 3, what: "first".to_owned() }));
}
