//! The named scenarios are complete in themselves: each says what it is about, and the table of
//! them has all.
//!
//! That they print what they expect, and break no invariant, is tested with all other scripts.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

use harness::runner::find_scripts;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/scenarios")
}

#[test]
fn each_scenario_says_whose_bug_it_was_and_what_must_hold() {
    for path in find_scripts(&[folder()]).unwrap() {
        let text = read_to_string(&path).unwrap();
        let head: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
        for paragraph in ["# Whose bug: ", "# Must hold: "] {
            let found = head.iter().filter(|line| line.starts_with(paragraph)).count();
            assert_eq!(found, 1, "{}: no paragraph {paragraph:?} at its head", path.display());
        }
    }
}

#[test]
fn the_table_has_each_scenario_and_no_other() {
    let table = read_to_string(folder().join("README.md")).unwrap();
    let links = table.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let listed: BTreeSet<String> =
        links.filter(|link| link.ends_with(".txt")).map(str::to_owned).collect();
    let scripts = find_scripts(&[folder()]).unwrap();
    let there: BTreeSet<String> = scripts
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    assert!(!there.is_empty());
    assert_eq!(listed, there);
}
