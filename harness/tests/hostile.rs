//! The table of hostile cases: every row holds.

use std::collections::BTreeSet;

use harness::hostile::{Case, cases, sections};

#[test]
fn rows_are_numbered_from_one_without_a_gap() {
    let names: Vec<_> = cases().map(Case::name).collect();
    let numbers: Vec<_> = (1..=names.len()).map(|number| format!("P{number:02}")).collect();
    assert_eq!(names, numbers);
    assert!(names.len() >= 60, "{} rows", names.len());
}

#[test]
fn no_two_rows_are_about_the_same() {
    let distinct: BTreeSet<_> = cases().map(Case::what).collect();
    assert_eq!(distinct.len(), cases().count());
}

/// A test for each section, and one that there are no more of them.
macro_rules! test_sections {
    ($($test:ident),+) => {
        const SECTIONS: &[&str] = &[$(stringify!($test)),+];

        $(
            #[test]
            fn $test() {
                let at = SECTIONS.iter().position(|name| *name == stringify!($test)).unwrap();
                check(sections()[at].cases());
            }
        )+

        #[test]
        fn every_section_has_its_test() {
            assert_eq!(SECTIONS.len(), sections().len());
        }
    };
}

test_sections!(messages, log_traffic, requests, calls, starts, storages);

fn check(rows: &[Case]) {
    let complaint = |case: &Case| Some(format!("{}: {}", case.name(), case.check().err()?));
    let complaints: Vec<_> = rows.iter().filter_map(complaint).collect();
    assert!(complaints.is_empty(), "{} rows fail:\n{}", complaints.len(), complaints.join("\n"));
}
