use std::path::Path;

use raft_core::Compat;

use super::super::InteractionScript;
use super::*;
use crate::datadriven::Script;
use crate::runner::Interpreter;

/// The environment that the commands of a script lead to.
fn environment(commands: &[&str]) -> Environment {
    let text: String = commands.iter().map(|command| format!("{command}\n----\n\n")).collect();
    let script = Script::parse(Path::new("s.txt"), text).unwrap();
    let mut interaction = InteractionScript::new(Compat::Strict);
    for directive in script.directives() {
        interaction.run(directive).unwrap();
    }
    interaction.environment
}

/// What is wrong if one environment first looks like `before` and then like `after`.
fn violation(before: &[&str], after: &[&str]) -> String {
    let mut observed = Observed::default();
    observed.look_at(&environment(before)).unwrap();
    observed.look_at(&environment(after)).unwrap_err().to_string()
}

const ONE: [&str; 3] = ["add-nodes 1 voters=(1) index=10", "campaign 1", "stabilize"];
const THREE: [&str; 3] = ["add-nodes 3 voters=(1,2,3) index=10", "campaign 1", "stabilize"];

fn one(more: &[&'static str]) -> Vec<&'static str> {
    [&ONE, more].concat()
}

fn three(more: &[&'static str]) -> Vec<&'static str> {
    [&THREE, more].concat()
}

#[test]
fn a_group_that_does_its_work_breaks_nothing() {
    let mut observed = Observed::default();
    let mut commands = three(&[]);
    for more in ["propose 1 a", "stabilize", "compact 1 12", "restart 2", "campaign 3", "stabilize"]
    {
        commands.push(more);
        assert_eq!(observed.look_at(&environment(&commands)), Ok(()), "{commands:?}");
    }
    assert_eq!(observed.committed().keys().copied().collect::<Vec<_>>(), [11, 12, 13]);
}

#[test]
fn a_term_has_one_leader() {
    let other = ["add-nodes 3 voters=(1,2,3) index=10", "campaign 2", "stabilize"];
    assert_eq!(violation(&THREE, &other), "nodes 1 and 2 both led in term 1");
}

#[test]
fn a_committed_entry_stays() {
    assert_eq!(
        violation(
            // Compacted, so that the logs have no entry in common.
            &one(&["propose 1 a", "stabilize", "compact 1 12", "propose 1 c", "stabilize"]),
            &one(&["propose 1 b", "stabilize", "propose 1 c", "stabilize", "compact 1 12"]),
        ),
        "committed entries differ: node 1 has 1/12 EntryNormal \"b\", another has 1/12 EntryNormal \
         \"a\""
    );
}

/// A follower that learns in one message that it has a conflict and that what replaces it is
/// committed knows so before it has written anything.
#[test]
fn what_is_about_to_be_overwritten_does_not_count_as_committed() {
    let end = environment(&[
        "add-nodes 3 voters=(1,2,3) index=10",
        "campaign 3",
        "stabilize",
        "partition from=(3) to=(1,2)",
        "propose 3 a",
        "stabilize 3",
        "campaign 1",
        "stabilize 1 2",
        "heal",
        "tick-heartbeat 1",
        "process-ready 1",
        "deliver-msgs 3",
        "process-ready 3",
        "deliver-msgs 1",
        "process-ready 1",
        "deliver-msgs 3",
    ]);
    let follower = &end.nodes[2];
    assert_eq!(follower.status().basic.hard_state.commit, 12);
    assert_eq!(follower.storage().term(12).unwrap(), 1);
    assert_eq!(Observed::default().look_at(&end), Ok(()));
}

#[test]
fn an_entry_is_the_same_in_all_logs() {
    assert_eq!(
        violation(
            &three(&["propose 1 a", "process-ready 1"]),
            &three(&["propose 1 b", "process-ready 1"]),
        ),
        "logs do not match: node 1 has 1/12 EntryNormal \"b\" after term 1, another has 1/12 \
         EntryNormal \"a\" after term 1"
    );
}

#[test]
fn marks_do_not_regress_while_a_node_runs() {
    assert_eq!(
        violation(&one(&["propose 1 a", "stabilize"]), &ONE),
        "commit index of node 1 went from 12 back to 11"
    );
    assert_eq!(
        violation(&ONE, &["add-nodes 1 voters=(1) index=10"]),
        "term of node 1 went from 1 back to 0"
    );
}

#[test]
fn a_node_votes_once_a_term() {
    let votes_for = |candidate| {
        let group = "add-nodes 3 voters=(1,2,3) index=10";
        [group.to_owned(), format!("campaign {candidate}"), format!("stabilize {candidate} 3")]
    };
    let [before, after] =
        [1, 2].map(|candidate| environment(&votes_for(candidate).each_ref().map(String::as_str)));
    let mut observed = Observed::default();
    observed.look_at_marks(&before.nodes[2]).unwrap();
    let violation = observed.look_at_marks(&after.nodes[2]).unwrap_err();
    assert_eq!(violation, Violation::TwoVotes { node: 3, term: 1, first: 1, second: 2 });
}

#[test]
fn a_restarted_node_may_have_lost_what_it_had_not_written() {
    let mut observed = Observed::default();
    observed.look_at(&environment(&["add-nodes 2 voters=(1,2) index=10", "campaign 1"])).unwrap();
    let commands = ["add-nodes 2 voters=(1,2) index=10", "campaign 1", "restart 1"];
    assert_eq!(observed.look_at(&environment(&commands)), Ok(()));
}
