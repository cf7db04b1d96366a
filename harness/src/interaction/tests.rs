use std::path::Path;

use super::*;
use crate::datadriven::Script;

/// What the last directive of a script says.
fn run(text: &str) -> Result<String, String> {
    let script = Script::parse(Path::new("s.txt"), text).unwrap();
    let mut interaction = InteractionScript::default();
    let run = |directive| interaction.run(directive).map_err(|error| error.to_string());
    script.directives().iter().map(run).last().unwrap()
}

fn error(command: &str) -> String {
    run(&format!("add-nodes 2 voters=(1,2) index=10\n----\n\n{command}\n----\n")).unwrap_err()
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_what_was_expected() {
    let node = "expected the id of one of the 2 nodes, found ";
    for (command, expected) in [
        ("add-nodes", "expected a number for how many nodes to add, found no further argument"),
        ("add-nodes 1 index=x", "expected a number for index=, found \"x\""),
        ("add-nodes 1 prevote=1", "expected true or false for prevote=, found \"1\""),
        ("add-nodes 1 compat=loose", "expected etcd or strict for compat=, found \"loose\""),
        ("campaign", "expected a number for the node, found no further argument"),
        ("campaign one", "expected a number for the node, found \"one\""),
        ("campaign 0", &format!("{node}\"0\"")),
        ("campaign 3", &format!("{node}\"3\"")),
        ("campaign 1 2", "expected no further argument, found \"2\""),
        ("compact 1", "expected a number for the last index to remove, found no further argument"),
        ("propose 1", "expected a word for the data, found no further argument"),
        ("propose 1 a=b", "expected a word for the data, found no further argument"),
        ("propose 1 a b", "expected no further argument, found \"b\""),
        ("propose 1 a\nb", "expected a line `----` after the command, found \"b\""),
        ("propose-batch 1", "expected a word for the data, found no further argument"),
        ("propose-conf-change 1\nx1", "expected changes like `v1 l2 r3 u4`, found \"x1\""),
        ("propose-conf-change 1 v1=true", "expected a change below the command, found \"none\""),
        ("transfer-leadership to=1", "expected a number for from=, found no further argument"),
        ("transfer-leadership from=1 to=3", &format!("{node}\"3\"")),
        (
            "report-snapshot 1 2",
            "expected finish or failure for status=, found no further argument",
        ),
        ("report-snapshot 1 2 status=ok", "expected finish or failure for status=, found \"ok\""),
        ("report-unreachable 1 3", &format!("{node}\"3\"")),
        ("send-snapshot 1", "expected a number for the recipient, found no further argument"),
        (
            "set-randomized-election-timeout 1",
            "expected a number for timeout=, found no further argument",
        ),
        ("process-ready 3", &format!("{node}\"3\"")),
        ("stabilize 1 3", &format!("{node}\"3\"")),
        ("deliver-msgs 3", &format!("{node}\"3\"")),
        (
            "deliver-msgs 1 type=App",
            "expected a kind of message, as MsgApp, for type=, found \"App\"",
        ),
        (
            "deliver-msgs 1 drop=(2,1)",
            "expected either to deliver to a node or to drop what it would receive, found \"1\"",
        ),
        ("hold-msgs 3", &format!("{node}\"3\"")),
        ("hold-msgs 1 drop=2", "expected no further argument than from=, type=, found \"drop=2\""),
        ("copy-msgs 1 from=x", "expected a number for from=, found \"x\""),
        ("release-msgs 3", &format!("{node}\"3\"")),
        ("partition from=(1) to=(3)", &format!("{node}\"3\"")),
        ("partition from=(1) to=(2) one-way=2", "expected true or false for one-way=, found \"2\""),
        ("heal 1", "expected no further argument, found \"1\""),
        ("wipe", "expected a number for the node, found no further argument"),
        ("pass-time 1", "expected a number for ticks=, found no further argument"),
        ("raft-marks 3", &format!("{node}\"3\"")),
        ("raft-state 1", "expected no further argument, found \"1\""),
        ("_breakpoint 1", "expected no further argument, found \"1\""),
    ] {
        assert_eq!(error(command), expected, "{command}");
    }
}

#[test]
fn messages_to_nodes_that_are_not_there_can_be_dropped() {
    let text = "add-nodes 1 voters=(1,2) index=10\n----\n\ncampaign 1\n----\n\nprocess-ready 1\n----\n\n\
                deliver-msgs drop=(2)\n----\n";
    assert_eq!(run(text).unwrap(), "dropped: 1->2 MsgVote Term:1 Log:1/10\n");
}

#[test]
fn messages_are_delivered_and_dropped_in_the_order_given() {
    let election = "add-nodes 3 voters=(1,2,3) index=10\n----\n\ncampaign 1\n----\n\n\
                    process-ready 1\n----\n\nlog-level error\n----\n\n";
    let to_2 = "1->2 MsgVote Term:1 Log:1/10\n";
    let to_3 = "1->3 MsgVote Term:1 Log:1/10\n";
    let delivered = |args| run(&format!("{election}deliver-msgs {args}\n----\n")).unwrap();
    assert_eq!(delivered("3 2"), format!("{to_3}{to_2}"));
    assert_eq!(delivered("3 drop=2"), format!("{to_3}dropped: {to_2}"));
    assert_eq!(delivered("drop=2 3 type=MsgVote"), format!("dropped: {to_2}{to_3}"));
    assert_eq!(delivered("drop=2 3 type=MsgApp"), "no messages\n");
}

#[test]
fn errors_show_where_nothing_else_does() {
    let quiet = "add-nodes 1 voters=(1) index=10\n----\n\nlog-level none\n----\n\n";
    assert_eq!(run(&format!("{quiet}raft-state\n----\n")).unwrap(), "ok");
    assert_eq!(run(&format!("{quiet}propose 1 a\n----\n")).unwrap(), "raft proposal dropped");
    assert_eq!(run(&format!("{quiet}no-such-command\n----\n")).unwrap(), "unknown command");
}

#[test]
fn the_level_of_a_stabilize_holds_for_it_alone() {
    let text = "add-nodes 1 voters=(1) index=10\n----\n\ncampaign 1\n----\n\n\
                stabilize log-level=none\n----\n\nraft-state\n----\n";
    assert_eq!(run(text).unwrap(), "1: StateLeader (Voter) Term:1 Lead:1\n");
}

/// What node 1 sends when it asks for votes, and the commands that lead there.
const ELECTION: &str = "add-nodes 3 voters=(1,2,3) index=10\n----\n\ncampaign 1\n----\n\n\
                        process-ready 1\n----\n\nlog-level error\n----\n\n";
const TO_2: &str = "1->2 MsgVote Term:1 Log:1/10\n";
const TO_3: &str = "1->3 MsgVote Term:1 Log:1/10\n";

/// What the last of `commands` prints, after [`ELECTION`].
fn after_election(commands: &[&str]) -> String {
    let commands: String = commands.iter().map(|command| format!("{command}\n----\n\n")).collect();
    run(&format!("{ELECTION}{commands}")).unwrap()
}

#[test]
fn messages_are_delivered_by_sender() {
    assert_eq!(after_election(&["deliver-msgs 2 from=(1)"]), TO_2);
    assert_eq!(after_election(&["deliver-msgs 2 from=(3)"]), "no messages\n");
}

#[test]
fn held_messages_arrive_when_they_are_released() {
    let hold = "hold-msgs 2 3 type=MsgVote";
    assert_eq!(after_election(&[hold]), format!("held: {TO_2}held: {TO_3}"));
    assert_eq!(after_election(&[hold, hold]), "no messages\n");
    assert_eq!(after_election(&[hold, "deliver-msgs 2 3"]), "no messages\n");
    let release = [hold, "release-msgs 3", "deliver-msgs 2 3"];
    assert_eq!(after_election(&release), TO_3);
    assert_eq!(after_election(&["release-msgs"]), "no messages\n");
}

#[test]
fn copied_messages_arrive_twice() {
    let copy = "copy-msgs 2";
    assert_eq!(after_election(&[copy]), format!("copied: {TO_2}"));
    let twice = [copy, "release-msgs", "deliver-msgs 2"];
    assert_eq!(after_election(&twice), format!("{TO_2}{TO_2}"));
}

#[test]
fn a_partition_loses_what_is_sent_until_it_heals() {
    let lost = |cut: &str, back: &str| {
        let text = format!(
            "add-nodes 2 voters=(1,2) index=10\n----\n\n{cut}\n----\n\ncampaign 1\n----\n\n\
             campaign 2\n----\n\nlog-level warn\n----\n\n{back}\n----\n\n\
             process-ready 1 2\n----\n\ndeliver-msgs 1 2 type=MsgVote\n----\n"
        );
        run(&text).unwrap()
    };
    let (to_1, to_2) = ("2->1 MsgVote Term:1 Log:1/10\n", "1->2 MsgVote Term:1 Log:1/10\n");
    let nothing = "_breakpoint";
    assert_eq!(lost("partition from=(1) to=(2)", nothing), "no messages\n");
    assert_eq!(lost("partition from=(1) to=(2) one-way=true", nothing), to_1);
    assert_eq!(lost("partition from=(1) to=(2)", "heal"), format!("{to_1}{to_2}"));
    let cut = ["partition from=(2) to=(1)", "deliver-msgs 2", "process-ready 2"];
    assert!(after_election(&cut).ends_with("lost: 2->1 MsgVoteResp Term:1 Log:0/0\n"));
}

#[test]
fn a_wiped_node_knows_nothing() {
    let marks = ["stabilize log-level=none", "wipe 2", "raft-marks 1 2"];
    assert_eq!(
        after_election(&marks),
        "1: StateLeader Term:1 Vote:1 Commit:11 Applied:11 Last:1/11 voters=(1 2 3)\n\
         2: StateFollower Term:0 Vote:0 Commit:0 Applied:0 Last:0/0 voters=()\n"
    );
}

#[test]
fn time_passes_for_the_nodes_that_are_named() {
    let elected = |nodes: &str| {
        let pass = format!("pass-time {nodes} ticks=6 log-level=none");
        run(&format!(
            "add-nodes 2 voters=(1,2) index=10\n----\n\n{pass}\n----\n\nraft-state\n----\n"
        ))
        .unwrap()
    };
    assert!(elected("").contains("StateLeader"));
    assert!(elected("1").starts_with("1: StateCandidate"));
}
