//! The command line of `interact`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// An empty folder of its own for a test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn script(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

fn interact(args: &[&str], paths: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_interact"));
    command.args(args).args(paths).output().unwrap()
}

fn lines(output: &Output) -> Vec<String> {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

const PASSES: &str = "vote cfg=(1) votes=(y)\n----\nVoteWon\n";
const DIFFERS: &str = "# one\n\nvote cfg=(1) votes=(y)\n----\nVoteLost\n";

#[test]
fn scripts_that_pass_exit_with_0() {
    let folder = folder("pass");
    script(&folder, "a.txt", PASSES);
    script(&folder, "below/b.txt", "raft-state\n----\nok\n");
    script(&folder, "not-a-script.md", "vote\n");
    let output = interact(&[], &[&folder]);
    assert_eq!(lines(&output), ["2 passed, 0 failed"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_difference_is_shown_with_its_place_and_exits_with_1() {
    let folder = folder("difference");
    let differs = script(&folder, "a.txt", DIFFERS);
    let passes = script(&folder, "b.txt", PASSES);
    let output = interact(&[], &[&differs, &passes]);
    let place = format!("{}:3: output differs (-expected +printed)", differs.display());
    let expected = [&place, "@@ -1 +1 @@", "-VoteLost", "+VoteWon", "", "1 passed, 1 failed"];
    assert_eq!(lines(&output), expected);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_script_that_cannot_be_run_names_place_and_expectation() {
    let folder = folder("malformed");
    let malformed = script(&folder, "a.txt", "vote\n----\nVoteWon\n\nvote votes=(y\n----\n");
    let bad_argument = script(&folder, "b.txt", "add-nodes 1\n----\nok\n\ncampaign 2\n----\n");
    let output = interact(&[], &[&folder]);
    let malformed =
        format!("{}:5: column 14: expected `)` at the end of the list", malformed.display());
    let differs = format!("{}:1: output differs (-expected +printed)", bad_argument.display());
    let bad_argument =
        format!("{}:5: expected the id of one of the 1 nodes, found \"2\"", bad_argument.display());
    let lines = lines(&output);
    for line in [&malformed, &differs, &bad_argument, "0 passed, 2 failed"] {
        assert!(lines.iter().any(|printed| printed == line), "{line} not in {lines:?}");
    }
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn no_script_exits_with_1() {
    let empty = folder("empty");
    for path in [empty.clone(), empty.join("missing.txt")] {
        let output = interact(&[], &[&path]);
        assert_eq!(lines(&output), ["0 passed, 0 failed"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn rewriting_makes_a_script_pass() {
    let folder = folder("rewrite");
    let differs = script(&folder, "a.txt", DIFFERS);
    script(&folder, "b.txt", PASSES);
    let output = interact(&["--rewrite"], &[&folder]);
    let rewritten = format!("{}: rewritten", differs.display());
    assert_eq!(lines(&output), [&rewritten, "2 passed, 0 failed"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(&differs).unwrap(), format!("# one\n\n{PASSES}"));
    assert_eq!(lines(&interact(&[], &[&folder])), ["2 passed, 0 failed"]);
}

#[test]
fn a_script_that_cannot_be_run_is_not_rewritten() {
    let folder = folder("rewrite-malformed");
    let text = "vote cfg=(1) votes=(y)\n----\nVoteLost\n\nvote cfg=(1) votes=(x)\n----\n";
    let malformed = script(&folder, "a.txt", text);
    let output = interact(&["--rewrite"], &[&folder]);
    assert_eq!(lines(&output).last().unwrap(), "0 passed, 1 failed");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&malformed).unwrap(), text);
}

#[test]
fn under_both_rules_it_says_how_they_agreed() {
    let folder = folder("strict");
    script(
        &folder,
        "a.txt",
        "log-level none\n----\nok\n\nadd-nodes 1 voters=(1) index=2\n----\nok\n",
    );
    script(&folder, "b.txt", PASSES);
    let output = interact(&["--compat", "strict"], &[&folder]);
    let agreed = "under both rules: 1 equal after every stabilize, 0 only in the end, 0 parted";
    assert_eq!(lines(&output), [agreed, "2 passed, 0 failed"]);
    assert_eq!(output.status.code(), Some(0));
}
