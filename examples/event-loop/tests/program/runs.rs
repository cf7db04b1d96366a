//! The program as its users run it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::tempdir;

use crate::program::{Program, Run, run};

fn log_of(dir: &Path, node: u64) -> PathBuf {
    dir.join(format!("group/node-{node}/log"))
}

/// The `:status` line of a node.
fn status_of(run: &Run, node: u64) -> &str {
    let status = run.output.iter().find(|line| line.starts_with(&format!("node {node}: ")));
    status.map_or("", String::as_str)
}

#[test]
fn three_lines_on_three_nodes() {
    for _ in 0..3 {
        let dir = tempdir().unwrap();
        let run = run(dir.path(), &[], "a\nb\nc\n");
        run.assert_same(&["a", "b", "c"], 3);
        assert!(run.says("ok 1: a") && run.says("ok 2: b") && run.says("ok 3: c"), "{run:#?}");
    }
}

#[test]
fn the_group_outlives_its_leader_and_the_process() {
    for _ in 0..3 {
        let dir = tempdir().unwrap();
        let input = "a\nb\n:kill-leader\nc\n:restart all\nd\n";
        run(dir.path(), &[], input).assert_same(&["a", "b", "c", "d"], 3);

        // The same over what it left: the lines go on after those that are there.
        let again = run(dir.path(), &["--list"], input);
        assert!(again.success && again.says("the group holds 4 entries"), "{again:#?}");
        assert!(again.says("ok 5: a") && again.says("ok 8: d"), "{again:#?}");
        let list = ["1: a", "2: b", "3: c", "4: d", "5: a", "6: b", "7: c", "8: d"];
        assert!(list.iter().all(|line| again.says(line)), "{again:#?}");
        assert_eq!(again.output.last().unwrap(), "the same 8 entries on 3 nodes");
    }
}

#[test]
fn each_line_counts_once_though_leaders_are_killed_in_the_midst_of_it() {
    let dir = tempdir().unwrap();
    let lines: Vec<String> = (1..=1000).map(|number| number.to_string()).collect();
    let rounds = lines.chunks(50).map(|round| {
        let (half, rest) = round.split_at(25);
        format!("{}\n:kill-leader\n{}\n:restart all\n", half.join("\n"), rest.join("\n"))
    });
    let input: String = rounds.collect();
    let run = run(dir.path(), &["--snapshot-every", "40", "--list"], &input);
    assert!(run.success, "{run:#?}");
    let killed = run.output.iter().filter(|line| line.ends_with(" is killed")).count();
    assert_eq!(killed, 20, "{run:#?}");
    let is_listed = |line: &&String| line.split_once(": ").is_some_and(|(a, b)| a == b);
    let listed = run.output.iter().filter(is_listed).map(|line| line.split_once(": ").unwrap().0);
    assert!(listed.eq(lines.iter().map(String::as_str)), "{run:#?}");
    assert_eq!(run.output.last().unwrap(), "the same 1000 entries on 3 nodes");
}

#[test]
fn nothing_to_do_changes_nothing() {
    let dir = tempdir().unwrap();
    run(dir.path(), &[], "a\n").assert_same(&["a"], 3);
    run(dir.path(), &[], "").assert_same(&["a"], 3);
}

#[test]
fn without_a_directory_a_temporary_one_is_used() {
    let output = Command::new(env!("CARGO_BIN_EXE_event-loop")).stdin(Stdio::null()).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let dir = said.lines().next().and_then(|line| line.strip_prefix("the nodes are in "));
    assert!(output.status.success() && dir.is_some(), "{said}");
    assert!(!Path::new(dir.unwrap()).exists(), "{said}");
}

#[test]
fn empty_and_equal_lines_count() {
    let dir = tempdir().unwrap();
    run(dir.path(), &[], "\na\na\n\n").assert_same(&["", "a", "a", ""], 3);
}

#[test]
fn more_lines_than_the_window_wait_for_a_command_behind_them() {
    let dir = tempdir().unwrap();
    let lines: String = (0..1000).map(|i| format!("{i}\n")).collect();
    // Without a majority none of the lines is acknowledged until the last command.
    let run = run(dir.path(), &[], &format!(":kill 1\n:kill 2\n{lines}:restart all\n"));
    assert!(run.success, "{run:#?}");
    assert_eq!(run.output.last().unwrap(), "the same 1000 entries on 3 nodes");
}

#[test]
fn a_node_that_is_far_behind_is_sent_the_snapshot() {
    let dir = tempdir().unwrap();
    let lines: String = (0..100).map(|i| format!("{i}\n")).collect();
    let input = format!(":kill 3\n{lines}:restart 3\n:status\n");
    let first = run(dir.path(), &["--snapshot-every", "10"], &input);
    assert!(first.success && first.says("ok 100: 99"), "{first:#?}");
    assert_eq!(first.output.last().unwrap(), "the same 100 entries on 3 nodes");
    // It did not get there entry by entry: its own log starts at the snapshot.
    for node in 1..=3 {
        assert!(!status_of(&first, node).contains("snapshot 1,"), "{first:#?}");
        assert!(fs::metadata(log_of(dir.path(), node)).unwrap().len() < 3000);
    }
    let again = run(dir.path(), &[], "z\n");
    assert!(again.success && again.says("ok 101: z"), "{again:#?}");
}

#[test]
fn members_come_and_go() {
    let dir = tempdir().unwrap();
    let run_1 = run(dir.path(), &[], "a\n:add 4\nb\n:remove 1\nc\n:remove 2\nd\n:status\n");
    run_1.assert_same(&["a", "b", "c", "d"], 2);
    assert!(run_1.says("node 4 is a member; the members are [1, 2, 3, 4]"), "{run_1:#?}");
    assert!(run_1.says("node 2 is removed; the members are [3, 4]"), "{run_1:#?}");
    assert!(dir.path().join("group/node-1.removed").exists());

    // They are still members in the next run, and the last of them does.
    let run_2 = run(dir.path(), &[], "e\n:kill-leader\n:restart all\n:remove 3\nf\n");
    assert!(run_2.says("ok 5: e") && run_2.says("ok 6: f"), "{run_2:#?}");
    assert_eq!(run_2.output.last().unwrap(), "the same 6 entries on 1 nodes", "{run_2:#?}");
}

#[test]
fn the_leader_can_be_removed() {
    let dir = tempdir().unwrap();
    let (program, mut input) = Program::start(dir.path(), &[]);
    let line = program.wait_for("leads in term");
    let leader = line.split(' ').nth(1).unwrap();
    write!(input, "a\n:remove {leader}\nb\n").unwrap();
    drop(input);
    program.finish().assert_same(&["a", "b"], 2);
}

#[test]
fn what_cannot_be_done_is_said_and_the_rest_is_done() {
    let dir = tempdir().unwrap();
    let commands = [
        (":kill 9", "node 9 is not running"),
        (":restart 1", "node 1 is running"),
        (":restart 9", "node-9"),
        (":add 1", "node 1 is a member"),
        (":add 0", "no node can have the id 0"),
        (":remove 9", "node-9"),
        (":kill x", "\"x\" is no node's id"),
        (":dance", "not one of :kill ID"),
    ];
    let input: String = commands.iter().map(|(command, _)| format!("{command}\n")).collect();
    let run_1 = run(dir.path(), &[], &format!("a\n{input}b\n"));
    assert!(!run_1.success && run_1.says("ok 2: b"), "{run_1:#?}");
    for (command, error) in commands {
        let mut errors = run_1.errors.lines().filter(|line| line.starts_with(command));
        assert!(errors.any(|line| line.contains(error)), "{command}: {run_1:#?}");
    }
    assert!(run_1.errors.contains("commands and nodes that have failed: 8"), "{run_1:#?}");

    // A node that was removed does not come back with an empty disk.
    let run_2 = run(dir.path(), &[], ":remove 3\n:add 3\n:remove 2\n:remove 1\nc\n");
    assert!(run_2.errors.contains(":add 3: node 3 was a member"), "{run_2:#?}");
    assert!(run_2.errors.contains(":remove 1: node 1 is the only member"), "{run_2:#?}");
    assert!(run_2.says("ok 3: c"), "{run_2:#?}");
}

#[test]
fn lines_that_were_not_acknowledged_are_an_error() {
    let dir = tempdir().unwrap();
    let run_1 = run(dir.path(), &[], "a\n:kill 1\n:kill 2\nb\n");
    assert!(!run_1.success && !run_1.says("ok 2: b"), "{run_1:#?}");
    assert!(run_1.errors.contains("only 1 of 3 members run; "), "{run_1:#?}");
}

#[test]
fn a_torn_log_is_cut_with_a_notice() {
    let dir = tempdir().unwrap();
    run(dir.path(), &[], "a\nb\n").assert_same(&["a", "b"], 3);
    let log = log_of(dir.path(), 2);
    let mut bytes = fs::read(&log).unwrap();
    let length = bytes.len();
    bytes.extend([9, 0, 0]);
    fs::write(&log, bytes).unwrap();

    let again = run(dir.path(), &[], "c\n");
    again.assert_same(&["a", "b", "c"], 3);
    let log = log.display();
    let notice =
        format!("notice: {log}: cut off an incomplete last record, 3 bytes at offset {length}\n");
    assert_eq!(again.errors, notice, "{again:#?}");
}

#[test]
fn a_damaged_log_is_refused_and_kept() {
    let dir = tempdir().unwrap();
    run(dir.path(), &[], "a\nb\n").assert_same(&["a", "b"], 3);
    let log = log_of(dir.path(), 2);
    let mut bytes = fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&log, &bytes).unwrap();

    let again = run(dir.path(), &[], "c\n");
    assert!(!again.success, "{again:#?}");
    assert!(again.errors.contains(&log.display().to_string()), "{again:#?}");
    assert!(again.errors.contains("damaged at offset "), "{again:#?}");
    assert_eq!(fs::read(&log).unwrap(), bytes);
}

#[test]
fn the_directory_of_another_node_or_cluster_is_refused() {
    let (ours, other) = (tempdir().unwrap(), tempdir().unwrap());
    run(ours.path(), &[], "a\n").assert_same(&["a"], 3);
    run(other.path(), &[], "b\n").assert_same(&["b"], 3);
    let kept = fs::read(log_of(ours.path(), 2)).unwrap();
    for (foreign, owner) in
        [(log_of(ours.path(), 3), "node 3"), (log_of(other.path(), 2), "node 2")]
    {
        let foreign = fs::read(foreign).unwrap();
        fs::write(log_of(ours.path(), 2), &foreign).unwrap();
        let refused = run(ours.path(), &[], "c\n");
        assert!(!refused.success, "{refused:#?}");
        assert!(refused.errors.contains(&format!("it belongs to {owner} of cluster")));
        assert_eq!(fs::read(log_of(ours.path(), 2)).unwrap(), foreign);
    }
    fs::write(log_of(ours.path(), 2), kept).unwrap();
    run(ours.path(), &[], "c\n").assert_same(&["a", "c"], 3);
}

#[test]
fn a_directory_that_is_in_use_is_refused() {
    let dir = tempdir().unwrap();
    let (program, input) = Program::start(dir.path(), &[]);
    program.wait_for("leads in term");
    let second = run(dir.path(), &[], "a\n");
    assert!(!second.success && second.errors.contains("is it in use"), "{second:#?}");
    drop(input);
    assert!(program.finish().success);
}
