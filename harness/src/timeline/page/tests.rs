use super::super::{Role, What};
use super::*;

/// A run with every kind of record, and with texts that could break out of a page.
fn run() -> Vec<Record> {
    let text = String::from;
    let events = [
        What::Begin { title: text("seed 7\n{{script}} {{records}}"), nodes: vec![1, 2] },
        What::Started { node: 1, term: 1, vote: 0, commit: 0, last: 0 },
        What::Started { node: 2, term: 1, vote: 0, commit: 0, last: 0 },
        What::State { node: 1, role: Role::PreCandidate, term: 1, leader: 0 },
        What::State { node: 1, role: Role::Candidate, term: 2, leader: 0 },
        What::Sent { id: 1, from: 1, to: 2, kind: text("MsgVote"), term: 2, text: text("<b>&") },
        What::Delivered { id: 1 },
        What::Lost { id: 1, why: text("</script><script>alert(1)</script>") },
        What::State { node: 1, role: Role::Leader, term: 2, leader: 1 },
        What::State { node: 2, role: Role::Follower, term: 2, leader: 1 },
        What::Committed { node: 1, index: 1 },
        What::Applied { node: 1, index: 1 },
        What::Configured { node: 1, config: text("voters=(1 2)") },
        What::LinkDown { from: 1, to: 2 },
        What::LinkUp { from: 1, to: 2 },
        What::Paused { node: 2 },
        What::Resumed { node: 2 },
        What::Crashed { node: 2, why: text("<!-- <script>") },
        What::Fault { node: 0, text: text("disk \"full\" \\ \u{2028} \r\n") },
        What::Asked { client: 1, op: 1, node: 1, text: text("put x") },
        What::Answered { client: 1, op: 1, text: text("]]>") },
        What::Note { node: 1, text: text("größer ✓") },
        What::Violation { node: 1, rule: text("one leader per term"), text: text("1 and 2") },
        What::End { verdict: text("1 violation") },
    ];
    (0..).zip(events).map(|(at, what)| Record { at, what }).collect()
}

/// What a browser reads between the tags of the records.
fn embedded_in(page: &str) -> &str {
    let (_, rest) = page.split_once("id=\"records\">").expect("the element of the records");
    rest.split_once("</script").expect("its end").0
}

#[test]
fn a_page_holds_every_record() {
    let page = page(&run());
    let read: Vec<Record> = serde_json::from_str(embedded_in(&page)).unwrap();
    assert_eq!(read, run());
}

#[test]
fn no_record_breaks_out_of_its_element() {
    let with = page(&run());
    assert!(!embedded_in(&with).contains('<'));
    // Nor does one add an element, a comment or a placeholder to the page.
    let without = page(&[]);
    for tag in ["<script", "</script", "<!--"] {
        assert_eq!(with.matches(tag).count(), without.matches(tag).count(), "{tag}");
    }
    assert_eq!(with.matches(SCRIPT[0]).count(), 1);
    assert!(!without.contains("{{"));
}

#[test]
fn a_number_that_a_script_would_round_is_text() {
    let numbers = |index| embedded(&[Record { at: 0, what: What::Committed { node: 1, index } }]);
    assert!(numbers((1 << 53) - 1).contains("\"index\":9007199254740991}"));
    assert!(numbers(1 << 53).contains("\"index\":\"9007199254740992\"}"));
    assert!(numbers(u64::MAX).contains("\"index\":\"18446744073709551615\"}"));
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let page = page(&run());
    for load in ["src=", "@import", "url(", "http:", "https:", "fetch(", "import("] {
        assert!(!page.contains(load), "{load}");
    }
    // And a browser holds it to that.
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn equal_records_give_equal_pages() {
    assert_eq!(page(&run()), page(&run()));
}

#[test]
fn the_script_is_every_file_of_it() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/timeline/page");
    let files = std::fs::read_dir(folder).unwrap();
    let scripts = files.filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "js")
    });
    assert_eq!(scripts.count(), SCRIPT.len());
}
