//! Bytes as a script.

use std::path::Path;

use raft_proto::{format_conf_changes, parse_conf_changes};

use crate::datadriven::Script;

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScriptSeen {
    /// The directives, if it was a script.
    pub directives: Option<usize>,
    /// The configuration changes, if it was a list of them.
    pub conf_changes: Option<usize>,
}

/// Reads `bytes` as a script. One that is rewritten with the outputs it has is the same, and one with
/// other outputs reads as it did, but for those.
///
/// # Panics
/// It is not.
pub fn script(bytes: &[u8]) -> ScriptSeen {
    let text = String::from_utf8_lossy(bytes);
    ScriptSeen { directives: directives(&text), conf_changes: conf_changes(&text) }
}

fn conf_changes(text: &str) -> Option<usize> {
    let changes = parse_conf_changes(text).ok()?;
    assert_eq!(parse_conf_changes(&format_conf_changes(&changes)).as_ref(), Ok(&changes));
    Some(changes.len())
}

fn directives(text: &str) -> Option<usize> {
    let path = Path::new("fuzzed.txt");
    let script = Script::parse(path, text).ok()?;
    let old = script.directives();

    let expected: Vec<_> = old.iter().map(|directive| directive.expected.clone()).collect();
    assert_eq!(script.rewritten(&expected), text, "rewritten with what it expects");

    // Every other output is new, in each of the two forms.
    let fresh =
        ["", "one line", "two\nlines\n", "a blank\n\nline\n", "a line\n----\nin the middle\n"];
    let outputs: Vec<_> = expected
        .iter()
        .zip(fresh.iter().cycle())
        .zip([true, false].iter().cycle())
        .map(|((old, new), is_new)| if *is_new { (*new).to_owned() } else { old.clone() })
        .collect();
    let rewritten = Script::parse(path, script.rewritten(&outputs)).expect("a rewritten script");
    assert_eq!(rewritten.directives().len(), old.len());
    for ((new, old), output) in rewritten.directives().iter().zip(old).zip(&outputs) {
        assert_eq!((&new.command, &new.args, &new.input), (&old.command, &old.args, &old.input));
        assert!(new.is_expected(output), "{:?} for {output:?}", new.expected);
    }
    Some(old.len())
}
