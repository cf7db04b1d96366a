//! The table as text.

use std::fmt;

use super::{At, Case};

/// Headings and widths of the columns.
const COLUMNS: [(&str, usize); 7] = [
    ("", 4),
    ("message or call", 38),
    ("role, face", 12),
    ("etcd", 30),
    ("raft-rs", 26),
    ("here", 36),
    ("", 6),
];

/// A row together with whether it holds. Its text form has a line for each line of its widest cell.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    case: &'a Case,
    checked: Result<(), String>,
}

impl<'a> Verdict<'a> {
    /// Checks `case`.
    #[must_use]
    pub fn of(case: &'a Case) -> Self {
        Verdict { case, checked: case.check() }
    }

    /// Whether the row holds.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.checked.is_ok()
    }
}

/// The lines above the first row.
#[must_use]
pub fn heading() -> String {
    let line = render(COLUMNS.map(|(name, _)| name.to_owned()));
    let rule = COLUMNS.map(|(_, width)| "-".repeat(width)).join("  ");
    format!("{EXPLANATION}\n\n{line}\n{rule}")
}

const EXPLANATION: &str = "\
Each row is run in a group of three, with the attacked node in each of the roles: pre-vote and
check-quorum on and off (without pre-vote nobody is a pre-candidate), as RawNode and as
AsyncRawNode, under Compat::Strict and Compat::Etcd. \"ok\": exactly this error, or none; what is
refused or ignored has left no trace, also not in the ticks that follow; and then the group commits
a proposal on all its nodes. \"-\": nothing is known.";

impl fmt::Display for Verdict<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { what, at, etcd, raft_rs, ours, .. } = *self.case;
        let result = if self.passed() { "ok" } else { "FAILED" };
        let cells = [&self.case.name(), what, &at.to_string(), etcd, raft_rs, ours, result];
        f.write_str(&render(cells.map(ToString::to_string)))?;
        match &self.checked {
            Ok(()) => Ok(()),
            Err(complaint) => write!(f, "\n     {complaint}"),
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.roles.len() == At::EVERYWHERE.roles.len() {
            f.write_str("any role")?;
        } else {
            let names = self.roles.iter().map(|role| format!("{role:?}").to_lowercase());
            f.write_str(&names.collect::<Vec<_>>().join(", "))?;
        }
        match self.faces {
            [face] => write!(f, ", {face}"),
            _ => Ok(()),
        }
    }
}

/// Breaks each cell to its column's width, and sets them side by side.
fn render(cells: [String; COLUMNS.len()]) -> String {
    let mut widths = COLUMNS.map(|(_, width)| width).into_iter();
    let broken = cells.map(|cell| wrap(&cell, widths.next().unwrap_or_default()));
    let height = broken.iter().map(Vec::len).max().unwrap_or_default();
    let line = |at: usize| {
        let cells = broken.iter().zip(COLUMNS).map(|(lines, (_, width))| {
            let text = lines.get(at).map_or("", String::as_str);
            format!("{text:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    (0..height).map(line).collect::<Vec<_>>().join("\n")
}

/// Lines of at most `width` characters, unless a word is longer.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(core::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_broken_between_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("indivisible", 3), ["indivisible"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn a_row_is_as_high_as_its_highest_cell() {
        let mut cells = COLUMNS.map(|_| "x".to_owned());
        cells[2] = "123456789012 second".to_owned();
        let text = render(cells);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].find("123456789012"), lines[1].find("second"));
    }
}
