//! The page that draws a run: one file that needs nothing else, no network included.

use std::io::{self, Write};

use serde::Serialize as _;
use serde_json::ser::{Formatter, Serializer};

use super::Record;

const TEMPLATE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");
/// One script in parts, each of which builds on those before it.
const SCRIPT: [&str; 11] = [
    include_str!("page/run.js"),
    include_str!("page/words.js"),
    include_str!("page/view.js"),
    include_str!("page/arrows.js"),
    include_str!("page/paint.js"),
    include_str!("page/overview.js"),
    include_str!("page/details.js"),
    include_str!("page/gutter.js"),
    include_str!("page/legend.js"),
    include_str!("page/list.js"),
    include_str!("page/main.js"),
];

/// A page of HTML that draws the run with these records, and holds them all.
///
/// Equal records give equal pages. The times of a run that end before its records are counted (as
/// when a model checker numbers its steps) are read as steps, all others as microseconds.
#[must_use]
pub fn page(records: &[Record]) -> String {
    let mut page = String::new();
    let mut pieces = TEMPLATE.split("{{");
    page.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, text) = piece.split_once("}}").expect("a placeholder ends");
        match name {
            "style" => page.push_str(STYLE),
            "script" => SCRIPT.iter().for_each(|part| page.push_str(part)),
            "records" => page.push_str(&embedded(records)),
            _ => unreachable!("the template has no placeholder {name}"),
        }
        page.push_str(text);
    }
    page
}

/// The records as JSON that may stand in an element of HTML, and that a script reads exactly.
fn embedded(records: &[Record]) -> String {
    let mut json = Vec::new();
    records
        .serialize(&mut Serializer::with_formatter(&mut json, Embedded))
        .expect("records have no map but with keys of text, and memory takes all");
    String::from_utf8(json).expect("JSON is text")
}

/// Up to here a script's numbers are exact.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Writes compact JSON for a script in a page.
struct Embedded;

impl Formatter for Embedded {
    // Nothing opens or ends an element or a comment without a `<`.
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        writer.write_all(fragment.replace('<', "\\u003c").as_bytes())
    }

    // A script's numbers are floating point: one that would be rounded is given as text.
    fn write_u64<W>(&mut self, writer: &mut W, value: u64) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        if value <= MAX_SAFE_INTEGER {
            write!(writer, "{value}")
        } else {
            write!(writer, "\"{value}\"")
        }
    }
}

#[cfg(test)]
mod tests;
