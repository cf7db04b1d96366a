//! The crate is built in floors: a file imports only what is listed before it here. So a reader can
//! learn it from the bottom up, and each floor can be tested without those above it.
//!
//! What is looked at is the code without comments and tests: `use` items, and paths that begin with
//! `crate`, `self`, `super` or a submodule. A name that a folder's roof (`mod.rs`) only passes on
//! counts as an import of the file that defines it, so that a roof may show what its rooms make,
//! and rooms may build on their roof, but no two files can need each other.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use sources::Sources;

struct Floor {
    number: u32,
    why: &'static str,
    /// In the order in which they may build on each other.
    files: &'static [&'static str],
}

const FLOORS: &[Floor] = &[
    Floor {
        number: 0,
        why: "plain values: ids, entries, chance, and what can go wrong",
        files: &[
            "digest.rs",
            "id_set.rs",
            "rare_vec.rs",
            "types.rs",
            "entry_run.rs",
            "rng.rs",
            "fault.rs",
            "error/storage.rs",
            "error/construct.rs",
            "error/step.rs",
            "error/call.rs",
            "error/mod.rs",
        ],
    },
    Floor {
        number: 1,
        why: "what a node is built from, reads, and reports to",
        files: &[
            "config.rs",
            "storage.rs",
            "mem_storage.rs",
            "event/step.rs",
            "event/mod.rs",
            "event/text.rs",
        ],
    },
    Floor {
        number: 2,
        why: "the log, and quorums: neither knows of the other, or of members",
        files: &[
            "quorum/mod.rs",
            "quorum/majority.rs",
            "quorum/joint.rs",
            "log/unstable.rs",
            "log/recent.rs",
            "log/mod.rs",
        ],
    },
    Floor {
        number: 3,
        why: "the members of a group, and what a leader knows of each",
        files: &["tracker/inflights.rs", "tracker/progress.rs", "tracker/mod.rs"],
    },
    Floor {
        number: 4,
        why: "the tools of the roles, each by itself",
        files: &[
            "confchange/changer.rs",
            "confchange/restore.rs",
            "confchange/mod.rs",
            "votes.rs",
            "read_index.rs",
            "outbox.rs",
        ],
    },
    Floor {
        number: 5,
        why: "the machine: what outlives a role, the roles, and at last what moves between them",
        files: &[
            "raft/outcome.rs",
            "raft/node_state.rs",
            "raft/faulty.rs",
            "raft/transition.rs",
            "raft/election.rs",
            "raft/candidate.rs",
            "raft/follower.rs",
            "raft/leader/lease.rs",
            "raft/leader/mod.rs",
            "raft/leader/replication.rs",
            "raft/leader/reads.rs",
            "raft/leader/membership.rs",
            "raft/leader/transfer.rs",
            "raft/role.rs",
            "raft/mod.rs",
            "raft/done.rs",
            "raft/time.rs",
            "raft/gate.rs",
        ],
    },
    Floor {
        number: 6,
        why: "what goes in and out of the machine, and what it looks like",
        files: &["ready.rs", "status.rs", "bootstrap.rs", "describe.rs"],
    },
    Floor {
        number: 7,
        why: "the machine behind its public face, in two modes",
        files: &[
            "raw_node/node.rs",
            "raw_node/digests.rs",
            "raw_node/shrink.rs",
            "raw_node/sync_writes.rs",
            "raw_node/async_writes.rs",
            "raw_node/mod.rs",
        ],
    },
    Floor { number: 8, why: "the guide, and what is shown of all this", files: &["lib.rs"] },
];

/// A file longer than this, without its tests, wants to be two.
const MAX_LINES: usize = 600;

#[track_caller]
fn expect_none(faults: &str) {
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn every_file_is_on_one_floor() {
    expect_none(&check_list(&sources(), FLOORS));
}

#[test]
fn a_file_imports_only_what_is_listed_before_it() {
    expect_none(&check_imports(&sources(), FLOORS));
}

#[test]
fn a_file_that_names_its_floor_names_the_one_it_is_on() {
    expect_none(&check_headers(&sources(), FLOORS));
}

#[test]
fn no_file_is_too_long() {
    expect_none(&check_lengths(&sources()));
}

#[test]
fn quorums_know_nothing_of_messages() {
    for (path, source) in sources() {
        let knows = path.starts_with("quorum/") && without_tests(&source).contains("raft_proto");
        assert!(!knows, "{path} is about ids and indexes only");
    }
}

// The files.

fn sources() -> Sources {
    let found = sources::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(found.contains_key("lib.rs"), "the sources are where the manifest is");
    found
}

/// Files that hold only tests. That they are compiled only for tests is checked where they are
/// declared.
fn is_tests(path: &str) -> bool {
    path.split('/').any(|name| name == "tests" || name == "tests.rs")
}

/// `a/b.rs` and `a/b/mod.rs` are both the module `a::b`; `lib.rs` is the root.
fn module_of(path: &str) -> Vec<String> {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(String::from).collect() }
}

// The checks. Each answers what is wrong, a line for each fault.

fn check_list(sources: &Sources, floors: &[Floor]) -> String {
    let mut faults = String::new();
    let mut listed = BTreeSet::new();
    for (floor, number) in floors.iter().zip(0..) {
        if floor.number != number || floor.why.is_empty() {
            writeln!(faults, "floor {} is out of order, or without a reason", floor.number)
                .unwrap();
        }
        for file in floor.files {
            if !listed.insert(*file) {
                writeln!(faults, "{file} is listed twice").unwrap();
            }
            if !sources.contains_key(*file) {
                writeln!(faults, "{file} is listed and does not exist").unwrap();
            }
        }
    }
    for (path, source) in sources {
        if !is_tests(path) && !listed.contains(path.as_str()) {
            writeln!(faults, "{path} is on no floor").unwrap();
        }
        if !is_tests(path) && File::read(path, source).submodules.contains("tests") {
            writeln!(faults, "{path} compiles its tests for everybody").unwrap();
        }
    }
    faults
}

fn check_imports(sources: &Sources, floors: &[Floor]) -> String {
    let files: Files = sources
        .iter()
        .filter(|(path, _)| !is_tests(path))
        .map(|(path, source)| (module_of(path), File::read(path, source)))
        .collect();
    let listed = floors.iter().flat_map(|floor| floor.files.iter().map(move |file| (*file, floor)));
    let place: BTreeMap<&str, (usize, u32)> =
        listed.zip(0..).map(|((file, floor), at)| (file, (at, floor.number))).collect();

    let mut faults = String::new();
    for file in files.values() {
        for import in &file.imports {
            let Some(target) = definer(&files, &import.path) else { continue };
            let passed_on = import.public && !file.words.contains(&import.name);
            let from = place.get(file.path.as_str());
            let to = place.get(target.path.as_str());
            // A file that is not listed is a fault of the list.
            let (Some(from), Some(to)) = (from, to) else { continue };
            if to.0 > from.0 && !passed_on {
                writeln!(
                    faults,
                    "{}:{} (floor {}) imports {}, of {} (floor {}), which comes after it",
                    file.path,
                    import.line,
                    from.1,
                    import.path.join("::"),
                    target.path,
                    to.1
                )
                .unwrap();
            }
        }
    }
    faults
}

fn check_headers(sources: &Sources, floors: &[Floor]) -> String {
    let mut faults = String::new();
    for floor in floors {
        for path in floor.files {
            let first = sources.get(*path).and_then(|source| source.lines().next()).unwrap_or("");
            let named = first.strip_prefix("//! Floor ").and_then(|rest| rest.split_once('.'));
            // The rooms of a folder are on the floor of their roof.
            let must = !path.contains('/') || path.ends_with("/mod.rs");
            match named {
                Some((number, _)) if number == floor.number.to_string() => {}
                Some((number, _)) => {
                    writeln!(faults, "{path} says floor {number} and is on {}", floor.number)
                        .unwrap();
                }
                None if must && *path != "lib.rs" => {
                    writeln!(faults, "{path} does not say its floor").unwrap();
                }
                None => {}
            }
        }
    }
    faults
}

fn check_lengths(sources: &Sources) -> String {
    let mut faults = String::new();
    for (path, source) in sources.iter().filter(|(path, _)| !is_tests(path)) {
        let lines = without_tests(source).trim_end().lines().count();
        if lines > MAX_LINES {
            writeln!(faults, "{path} has {lines} lines without its tests").unwrap();
        }
    }
    faults
}

// Reading Rust, as much of it as the checks need.

/// The text with its test module emptied; lines keep their numbers.
fn without_tests(source: &str) -> String {
    let mut kept = String::new();
    let mut lines = source.lines().peekable();
    let mut in_tests = false;
    while let Some(line) = lines.next() {
        let starts =
            line == "#[cfg(test)]" && lines.peek().is_some_and(|l| l.starts_with("mod tests"));
        if starts && lines.peek() == Some(&"mod tests;") {
            lines.next();
            kept.push_str("\n\n");
            continue;
        }
        in_tests |= starts;
        if !in_tests {
            kept.push_str(line);
        }
        kept.push('\n');
        in_tests &= line != "}";
    }
    kept
}

/// A path from the root of the crate on, or a module.
type Names = Vec<String>;

type Files = BTreeMap<Names, File>;

#[derive(Debug)]
struct Import {
    line: usize,
    path: Names,
    /// What it is called here, if it is a `use`.
    name: String,
    /// Whether others may import it from here.
    public: bool,
}

#[derive(Debug)]
struct File {
    path: String,
    imports: Vec<Import>,
    /// What a `use` brings from other crates.
    foreign: BTreeSet<String>,
    submodules: BTreeSet<String>,
    /// All words outside of `use` items.
    words: BTreeSet<String>,
}

impl File {
    fn read(path: &str, source: &str) -> Self {
        let tokens = tokens(&without_tests(source));
        let submodules = tokens
            .windows(3)
            .filter(|window| window[0].text == "mod" && window[2].text == ";")
            .map(|window| window[1].text.clone())
            .collect();
        let mut file = Self {
            path: path.into(),
            imports: Vec::new(),
            foreign: BTreeSet::new(),
            submodules,
            words: BTreeSet::new(),
        };
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let before = &tokens[..at];
            at += 1;
            if token.text == "use" {
                let public = before.last().is_some_and(|t| t.text == "pub" || t.text == ")");
                let mut leaves = Vec::new();
                at = read_use(&tokens, at, &[], &mut leaves);
                for (path, name) in leaves {
                    file.add(token.line, &path, Some(name), public);
                }
                continue;
            }
            let follows = |text| before.last().is_some_and(|token| token.text == text);
            let path: Names = tokens[at - 1..]
                .chunks(2)
                .take_while(|pair| pair.len() == 2 && pair[1].text == "::")
                .map(|pair| pair[0].text.clone())
                .collect();
            // In `pub(in crate::raft)` it only says who may see.
            if !path.is_empty() && !follows("::") && !follows("in") {
                let last = tokens.get(at - 1 + 2 * path.len()).map(|token| token.text.clone());
                let path: Names = path.into_iter().chain(last).collect();
                file.add(token.line, &path, None, false);
            }
            file.words.insert(token.text.clone());
        }
        file
    }

    fn add(&mut self, line: usize, path: &[String], name: Option<String>, public: bool) {
        match (self.absolute(path), name) {
            (Some(path), name) => {
                let name = name.unwrap_or_default();
                self.imports.push(Import { line, path, name, public });
            }
            (None, Some(name)) => drop(self.foreign.insert(name)),
            (None, None) => {}
        }
    }

    /// The path from the root of the crate on; `None` if it is one of another crate.
    fn absolute(&self, path: &[String]) -> Option<Names> {
        let mut module = module_of(&self.path);
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => return Some(path[1..].to_vec()),
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    module.pop();
                    rest = &rest[1..];
                }
            }
            first if self.submodules.contains(first) => {}
            _ => return None,
        }
        module.extend_from_slice(rest);
        Some(module)
    }
}

/// The file that defines what `path` names; `None` if that is of another crate.
fn definer<'a>(files: &'a Files, path: &[String]) -> Option<&'a File> {
    let inside = (0..=path.len()).rev().find(|&len| files.contains_key(&path[..len]))?;
    let file = &files[&path[..inside]];
    let Some((name, rest)) = path[inside..].split_first() else { return Some(file) };
    if let Some(import) = file.imports.iter().find(|import| import.name == *name) {
        return definer(files, &[&import.path, rest].concat());
    }
    (!file.foreign.contains(name)).then_some(file)
}

/// Reads a `use` tree from `at` on into paths, each with the name it gets. Answers where it ends.
fn read_use(
    tokens: &[Token],
    at: usize,
    above: &[String],
    leaves: &mut Vec<(Names, String)>,
) -> usize {
    let mut at = at;
    let mut path = above.to_vec();
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "::" => {}
            "{" => {
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = read_use(tokens, at, &path, leaves);
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            name => {
                path.push(name.into());
                let next = tokens.get(at).map(|token| token.text.as_str());
                if next == Some("::") {
                    continue;
                }
                if name == "self" && path.len() > 1 {
                    path.pop();
                }
                let mut name = path.last().cloned().unwrap_or_default();
                if next == Some("as") {
                    name = tokens.get(at + 1).map(|token| token.text.clone()).unwrap_or_default();
                    at += 2;
                }
                leaves.push((path, name));
                return at;
            }
        }
    }
    at
}

#[derive(Debug)]
struct Token {
    line: usize,
    text: String,
}

/// Words, `::`, and single characters, without comments and literals.
fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let (mut at, mut line) = (0, 1);
    let mut tokens = Vec::new();
    while at < text.len() {
        let len = token_len(&text[at..]);
        let token: String = text[at..at + len].iter().collect();
        let start = line;
        line += token.matches('\n').count();
        at += len;
        let word = token.chars().all(is_word);
        if word || token == "::" || (len == 1 && !token.trim().is_empty()) {
            tokens.push(Token { line: start, text: token });
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn token_len(rest: &[char]) -> usize {
    let starts = |prefix: &str| rest.iter().copied().take(prefix.len()).eq(prefix.chars());
    let through = |end: &str, from: usize| {
        let end: Vec<char> = end.chars().collect();
        let found = rest[from..].windows(end.len()).position(|window| window == end);
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    let hashes = rest.iter().skip(1).take_while(|c| **c == '#').count();
    match rest[0] {
        '/' if starts("//") => rest.iter().take_while(|c| **c != '\n').count(),
        '/' if starts("/*") => through("*/", 2),
        'r' if rest.get(1 + hashes) == Some(&'"') => {
            through(&format!("\"{}", "#".repeat(hashes)), 2 + hashes)
        }
        quote @ '"' => quoted_len(rest, quote),
        // Else it is a lifetime.
        quote @ '\'' if rest.get(1) == Some(&'\\') || rest.get(2) == Some(&'\'') => {
            quoted_len(rest, quote)
        }
        ':' if starts("::") => 2,
        c if is_word(c) => rest.iter().take_while(|c| is_word(**c)).count(),
        _ => 1,
    }
}

fn quoted_len(rest: &[char], quote: char) -> usize {
    let mut escaped = false;
    for (at, &c) in rest.iter().enumerate().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

// The checker itself.

fn planted(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|(path, source)| (path.to_string(), source.to_string())).collect()
}

const PLANTED: &[Floor] = &[
    Floor { number: 0, why: "ground", files: &["low.rs", "also_low.rs"] },
    Floor { number: 1, why: "house", files: &["house/room.rs", "house/mod.rs", "house/loft.rs"] },
    Floor { number: 2, why: "top", files: &["lib.rs"] },
];

/// What the check says of a crate where `path` has this source and all else is in order.
fn faults_of(path: &str, source: &str) -> String {
    let mut sources = planted(&[
        ("low.rs", "pub struct Low;"),
        ("also_low.rs", "use crate::low::Low;\npub struct AlsoLow(Low);"),
        ("house/room.rs", "use crate::low::Low;\npub struct Room(Low);"),
        (
            "house/mod.rs",
            "mod loft;\nmod room;\npub use self::loft::Loft;\npub use self::room::Room;\n\
             use std::fmt;\npub struct House(Room);",
        ),
        ("house/loft.rs", "use super::{House, Room};\npub struct Loft(House, Room);"),
        ("lib.rs", "mod house;\nmod low;\npub use house::House;\npub use low::*;"),
    ]);
    assert_eq!(check_imports(&sources, PLANTED), "", "before anything is planted");
    sources.insert(path.into(), source.into());
    check_imports(&sources, PLANTED)
}

#[test]
fn an_import_of_a_higher_floor_is_found() {
    let expected = "low.rs:2 (floor 0) imports house::House, of house/mod.rs (floor 1), \
                    which comes after it\n";
    for source in [
        "\nuse crate::house::House;",
        "\nuse super::house::House;",
        "\npub(crate) use crate::house::House;\ntype Mine = House;",
        "\nuse crate::{\n    house::{House as Home},\n};",
        "\nfn f() -> crate::house::House { loop {} }",
        "mod inner {\n    use crate::house::House;\n}",
        "// A note, \"with a quote\nuse crate::house::House;",
        "const C: char = '\"'; const S: &str = r#\"a \"b\" \\\"#;\nuse crate::house::House;",
        "fn f<'a>(_: &'a str) {}\nuse crate::house::House;",
    ] {
        assert_eq!(faults_of("low.rs", source), expected, "{source}");
    }
}

#[test]
fn an_import_of_a_later_file_of_the_same_floor_is_found() {
    assert_eq!(
        faults_of("low.rs", "use crate::also_low::AlsoLow;"),
        "low.rs:1 (floor 0) imports also_low::AlsoLow, of also_low.rs (floor 0), \
         which comes after it\n"
    );
}

#[test]
fn a_room_and_its_roof_cannot_need_each_other() {
    assert_eq!(
        faults_of("house/room.rs", "use super::House;\npub struct Room(House);"),
        "house/room.rs:1 (floor 1) imports house::House, of house/mod.rs (floor 1), \
         which comes after it\n"
    );
    // What a roof passes on it may not use itself, when that builds on the roof.
    let uses_it = "mod loft;\nmod room;\npub use self::loft::Loft;\nuse self::room::Room;\n\
                   pub struct House(Loft, Room);";
    let expected = "house/mod.rs:3 (floor 1) imports house::loft::Loft, of house/loft.rs (floor 1), \
                    which comes after it\n";
    assert_eq!(faults_of("house/mod.rs", uses_it), expected);
    let by_path = "mod loft;\nmod room;\n\npub struct House(loft::Loft);";
    assert_eq!(faults_of("house/mod.rs", by_path), expected.replace(":3", ":4"));
}

#[test]
fn a_name_that_a_roof_passes_on_counts_as_the_rooms_that_defines_it() {
    assert_eq!(
        faults_of("house/room.rs", "use super::Loft;\npub struct Room(Loft);"),
        "house/room.rs:1 (floor 1) imports house::Loft, of house/loft.rs (floor 1), \
         which comes after it\n"
    );
    // A name from outside the crate is nobody's here.
    assert_eq!(faults_of("house/room.rs", "use super::fmt;\npub struct Room;"), "");
}

#[test]
fn what_is_shown_at_the_top_is_not_imported_from_there() {
    assert_eq!(
        faults_of("also_low.rs", "use crate::Low;"),
        "also_low.rs:1 (floor 0) imports Low, of lib.rs (floor 2), which comes after it\n"
    );
}

#[test]
fn tests_comments_texts_and_visibilities_import_nothing() {
    for source in [
        "// use crate::house::House;\n/* use crate::house::House; */",
        "/// See [`House`](crate::house::House).\npub struct Low;",
        "const TEXT: &str = \"use crate::house::House;\";",
        "const TEXT: &str = r#\"use \"crate::house::House;\"#;",
        "pub(in crate::house) struct Low;",
        "use core::house::House;",
        "#[cfg(test)]\nmod tests {\n    use crate::house::House;\n}",
        "#[cfg(test)]\nmod tests;",
    ] {
        assert_eq!(faults_of("low.rs", source), "", "{source}");
    }
    // What comes after the tests is looked at again.
    let after = "#[cfg(test)]\nmod tests {\n}\nuse crate::house::House;";
    assert!(faults_of("low.rs", after).starts_with("low.rs:4 "), "{}", faults_of("low.rs", after));
}

#[test]
fn a_file_that_is_not_listed_and_one_that_is_missing_are_found() {
    let floors = &[Floor { number: 0, why: "ground", files: &["low.rs", "gone.rs", "low.rs"] }];
    let sources = planted(&[
        ("low.rs", "#[cfg(test)]\nmod tests;"),
        ("low/tests.rs", ""),
        ("low/tests/more.rs", ""),
        ("new.rs", "mod tests;"),
    ]);
    assert_eq!(
        check_list(&sources, floors),
        "gone.rs is listed and does not exist\nlow.rs is listed twice\nnew.rs is on no floor\n\
         new.rs compiles its tests for everybody\n"
    );
    let floors = &[Floor { number: 1, why: "", files: &[] }];
    assert_eq!(check_list(&planted(&[]), floors), "floor 1 is out of order, or without a reason\n");
}

#[test]
fn a_wrong_or_missing_floor_in_a_file_is_found() {
    let floors = &[Floor {
        number: 3,
        why: "house",
        files: &["right.rs", "wrong.rs", "silent.rs", "house/mod.rs", "house/room.rs", "lib.rs"],
    }];
    let sources = planted(&[
        ("right.rs", "//! Floor 3. Good."),
        ("wrong.rs", "//! Floor 2. Not so."),
        ("silent.rs", "//! Something."),
        ("house/mod.rs", "mod room;"),
        ("house/room.rs", "//! On the floor of its roof."),
        ("lib.rs", "//! The guide."),
    ]);
    assert_eq!(
        check_headers(&sources, floors),
        "wrong.rs says floor 2 and is on 3\nsilent.rs does not say its floor\n\
         house/mod.rs does not say its floor\n"
    );
}

#[test]
fn a_file_that_is_too_long_without_its_tests_is_found() {
    let code = "fn f() {}\n".repeat(MAX_LINES);
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // More.\n".repeat(MAX_LINES));
    let sources = planted(&[
        ("long.rs", &format!("{code}fn g() {{}}\n")),
        ("fits.rs", &code),
        ("tested.rs", &format!("{code}{tests}")),
        ("tested/tests.rs", &code.repeat(2)),
    ]);
    assert_eq!(check_lengths(&sources), "long.rs has 601 lines without its tests\n");
}
