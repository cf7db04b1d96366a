//! For each test of etcd's raft there is one here that checks the same, or a reason why not.
//!
//! Which it is, a test says in its comment: `/// etcd: TestX, TestY (a part of it)`. A test of a
//! package below etcd's root is named with its package, as in `tracker.TestProgressUpdate`. All of
//! etcd's tests stand in `upstream.txt`, and there are the reasons.
//!
//! `cargo test -p raft-core --test upstream -- --nocapture` prints who checks what.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::{env, fs, io};

/// A test that claims to stand for more than so many of etcd's tests says too little of each.
const AT_MOST: usize = 3;

/// Names the file that lists etcd's tests as etcd has them, `FILE: NAME` in each line, unless it is
/// where a checkout has it.
const UPSTREAM_TESTS: &str = "RAFT_UPSTREAM_TESTS";

#[track_caller]
fn expect_none(faults: &str) {
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn each_test_of_etcd_is_matched_or_has_a_reason_why_not() {
    let (list, tests) = (read_list(include_str!("upstream.txt")), our_tests());
    expect_none(&check(&list, &tests));
    println!("{}", manifest(&list, &tests));
}

#[test]
fn no_test_of_etcd_is_missing_in_the_list() {
    let Some(upstream) = upstream_tests() else { return };
    let list = read_list(include_str!("upstream.txt"));
    let ours: BTreeSet<&str> = list.iter().map(|theirs| theirs.place.as_str()).collect();
    let theirs: BTreeSet<&str> = upstream.lines().collect();
    let mut faults = String::new();
    for place in theirs.difference(&ours) {
        writeln!(faults, "{place} is not in upstream.txt").unwrap();
    }
    for place in ours.difference(&theirs) {
        writeln!(faults, "{place} is in upstream.txt, and no test of etcd").unwrap();
    }
    expect_none(&faults);
}

/// What etcd itself has. Without it, says so where everybody sees it.
fn upstream_tests() -> Option<String> {
    if let Some(path) = env::var_os(UPSTREAM_TESTS) {
        return Some(fs::read_to_string(&path).expect(UPSTREAM_TESTS));
    }
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/etcd-raft-tests.txt");
    let upstream = fs::read_to_string(beside).ok();
    if upstream.is_none() {
        let why = format!("no list of etcd's tests beside the checkout, and no {UPSTREAM_TESTS}");
        // Not `eprintln`, which tests keep to themselves when they pass.
        let mut stderr = io::stderr();
        writeln!(stderr, "upstream.txt is not compared with etcd's own list: {why}").unwrap();
    }
    upstream
}

// What there is.

/// A test of etcd.
struct Theirs {
    /// As in the list: `FILE: NAME`.
    place: String,
    /// As in our comments.
    name: String,
    /// Why no test here checks the same.
    reason: Option<String>,
}

/// A test of ours that checks what tests of etcd check.
struct Ours {
    /// `FILE: NAME`, or the line if no function follows the comment.
    place: String,
    /// Of etcd's tests.
    names: Vec<String>,
    /// Whether it runs as a test at all.
    runs: bool,
}

fn read_list(text: &str) -> Vec<Theirs> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (place, reason) = match line.split_once(" - ") {
            Some((place, reason)) => (place, Some(reason.to_owned())),
            None => (line, None),
        };
        let (file, name) = place.split_once(": ").expect("a line `FILE: NAME`");
        let name = match file.rsplit_once('/') {
            Some((package, _)) => format!("{package}.{name}"),
            None => name.to_owned(),
        };
        Theirs { place: place.to_owned(), name, reason }
    };
    lines.map(read).collect()
}

fn our_tests() -> Vec<Ours> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut tests = Vec::new();
    for folder in ["raft-core/src", "raft-core/tests", "raft-proto/src", "raft-proto/tests"] {
        for (path, source) in sources::below(&packages.join(folder)) {
            read_tests(&format!("{folder}/{path}"), &source, &mut tests);
        }
    }
    tests
}

/// Adds the tests of a source file that name tests of etcd.
fn read_tests(path: &str, source: &str, tests: &mut Vec<Ours>) {
    let (mut comment, mut attributes) = (String::new(), Vec::new());
    for (number, line) in (1..).zip(source.lines().map(str::trim_start)) {
        if let Some(text) = line.strip_prefix("///") {
            comment += text;
            comment.push('\n');
            continue;
        }
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        let names = names(&comment);
        if !names.is_empty() {
            let name = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            let is_test = attributes.contains(&"#[test]") && name.is_some();
            let is_ignored = attributes.iter().any(|attribute| attribute.starts_with("#[ignore"));
            let place = match name {
                Some(name) => format!("{path}: {name}"),
                None => format!("{path}:{number}"),
            };
            tests.push(Ours { place, names, runs: is_test && !is_ignored });
        }
        comment.clear();
        attributes.clear();
    }
}

/// The tests of etcd that a comment names. A list goes on in the next line after a comma.
fn names(comment: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut goes_on = false;
    for line in comment.lines().map(str::trim) {
        let list = match line.strip_prefix("etcd:") {
            Some(list) => list,
            None if goes_on => line,
            None => continue,
        };
        goes_on = list.ends_with(',');
        names.extend(without_parentheses(list).split(',').map(|name| name.trim().to_owned()));
        if goes_on {
            names.pop();
        }
    }
    names
}

fn without_parentheses(text: &str) -> String {
    let mut depth = 0_u32;
    let outside = text.chars().filter(|character| match character {
        '(' => {
            depth += 1;
            false
        }
        ')' => {
            depth = depth.saturating_sub(1);
            false
        }
        _ => depth == 0,
    });
    outside.collect()
}

// What is wrong with it, a line for each fault.

/// Our tests by the test of etcd that they match.
fn matches(tests: &[Ours]) -> BTreeMap<&str, Vec<&str>> {
    let mut matches: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for ours in tests {
        for name in &ours.names {
            matches.entry(name).or_default().push(&ours.place);
        }
    }
    matches
}

fn check(list: &[Theirs], tests: &[Ours]) -> String {
    let mut faults = String::new();
    let mut listed = BTreeSet::new();
    let matches = matches(tests);
    for Theirs { place, name, reason } in list {
        if !listed.insert(name.as_str()) {
            writeln!(faults, "{place} is listed twice").unwrap();
        }
        match (matches.get(name.as_str()), reason) {
            (None, None) => writeln!(faults, "{place} has neither a test nor a reason").unwrap(),
            (Some(ours), Some(_)) => {
                writeln!(faults, "{place} has a reason and {}", ours.join(", ")).unwrap();
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }
    for Ours { place, names, runs } in tests {
        for name in names.iter().filter(|name| !listed.contains(name.as_str())) {
            writeln!(faults, "{place} names {name:?}, which etcd does not have").unwrap();
        }
        if names.len() > AT_MOST {
            writeln!(faults, "{place} stands for {} tests of etcd", names.len()).unwrap();
        }
        if !runs {
            writeln!(faults, "{place} is no test that runs").unwrap();
        }
    }
    faults
}

/// Who checks what.
fn manifest(list: &[Theirs], tests: &[Ours]) -> String {
    let matches = matches(tests);
    let mut text = String::new();
    for Theirs { place, name, reason } in list {
        writeln!(text, "{place}").unwrap();
        for ours in matches.get(name.as_str()).into_iter().flatten() {
            writeln!(text, "    = {ours}").unwrap();
        }
        if let Some(reason) = reason {
            writeln!(text, "    - {reason}").unwrap();
        }
    }
    let matched = list.iter().filter(|theirs| theirs.reason.is_none()).count();
    write!(text, "{matched} of {} are matched, by {} tests", list.len(), tests.len()).unwrap();
    text
}

// The checks check.

const LIST: &str =
    "a_test.go: TestA\na_test.go: TestB\np/b_test.go: TestA\nc_test.go: TestC - no use";

fn faults(list: &str, source: &str) -> String {
    let mut tests = Vec::new();
    read_tests("a.rs", source, &mut tests);
    check(&read_list(list), &tests)
}

#[test]
fn names_are_read_from_comments_of_tests() {
    for source in [
        "/// etcd: TestA, TestB, p.TestA\n#[test]\nfn one() {}",
        "/// It does.\n///\n/// etcd: TestA (this, that),\n/// TestB,\n/// p.TestA\n#[test]\nfn one() {}",
        "    /// etcd: TestA\n    /// etcd: TestB\n    #[test]\n    fn one(x in 0..9) {\n    \
         }\n/// etcd: p.TestA\n#[cfg(unix)]\n#[test]\nfn two() {}",
    ] {
        assert_eq!(faults(LIST, source), "", "{source}");
    }
}

#[test]
fn faults_are_found() {
    let all = "/// etcd: TestA, TestB, p.TestA\n#[test]\nfn one() {}\n";
    let with = |more: &str| format!("{all}{more}");
    for (list, source, expected) in [
        (
            LIST.into(),
            "/// etcd: TestA\n#[test]\nfn one() {}\n/// TestB\n#[test]\nfn two() {}".into(),
            "a_test.go: TestB has neither a test nor a reason\n\
             p/b_test.go: TestA has neither a test nor a reason\n",
        ),
        (format!("{LIST}\nd_test.go: TestA"), with(""), "d_test.go: TestA is listed twice\n"),
        (
            LIST.into(),
            with("/// etcd: TestC\n#[test]\nfn two() {}"),
            "c_test.go: TestC has a reason and a.rs: two\n",
        ),
        (
            LIST.into(),
            with("/// etcd: TestA and more\n#[test]\nfn two() {}"),
            "a.rs: two names \"TestA and more\", which etcd does not have\n",
        ),
        (
            format!("{LIST}\nd_test.go: TestD"),
            "/// etcd: TestA, TestB, p.TestA, TestD\n#[test]\nfn one() {}\n".into(),
            "a.rs: one stands for 4 tests of etcd\n",
        ),
        (LIST.into(), with("/// etcd: TestA\nfn two() {}"), "a.rs: two is no test that runs\n"),
        (
            LIST.into(),
            with("#[test]\n/// etcd: TestA\n#[ignore = \"slow\"]\nfn two() {}"),
            "a.rs: two is no test that runs\n",
        ),
        (
            LIST.into(),
            with("/// etcd: TestA\n\n#[test]\nfn two() {}"),
            "a.rs:5 is no test that runs\n",
        ),
    ] {
        assert_eq!(faults(&list, &source), expected, "{source}");
    }
}
