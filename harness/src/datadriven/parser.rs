//! From the text of a script to its directives.

use std::ops::Range;

use super::{Directive, Problem, SEPARATOR, command_line};

/// What is wrong, and on which line.
type Misplaced = (usize, Problem);

pub(super) fn directives(text: &str) -> Result<Vec<Directive>, Misplaced> {
    let mut lines = Lines::new(text);
    let mut directives = Vec::new();
    while let Some(line) = lines.next() {
        if line.text.trim().is_empty() || line.text.trim_start().starts_with('#') {
            continue;
        }
        directives.push(directive(line, &mut lines)?);
    }
    Ok(directives)
}

fn directive(first: Line<'_>, lines: &mut Lines<'_>) -> Result<Directive, Misplaced> {
    let line = first.number;
    let joined = join_continued(first, lines);
    let (command, args) = command_line::parse(&joined).map_err(|problem| (line, problem))?;
    let input = input(lines).ok_or((line, Problem::SeparatorMissing))?;
    let (expected, expected_at) = expected(lines)?;
    Ok(Directive { line, command, args, input, expected, expected_at })
}

/// A command line whose last character is `\` continues on the next line.
fn join_continued(first: Line<'_>, lines: &mut Lines<'_>) -> String {
    let mut joined = first.text.trim().to_owned();
    while joined.ends_with('\\') {
        joined.pop();
        let Some(next) = lines.next() else { break };
        joined.push(' ');
        joined.push_str(next.text.trim());
    }
    joined
}

/// The lines up to the separator; `None` when there is none.
fn input(lines: &mut Lines<'_>) -> Option<String> {
    let mut input = Vec::new();
    loop {
        match lines.next()?.text {
            SEPARATOR => return Some(input.join("\n").trim().to_owned()),
            line => input.push(line),
        }
    }
}

/// The expected output, and its place in the text.
fn expected(lines: &mut Lines<'_>) -> Result<(String, Range<usize>), Misplaced> {
    let start = lines.at;
    let mut output = String::new();
    let mut end = start;
    while let Some(line) = lines.next() {
        if line.text == SEPARATOR && output.is_empty() {
            return long_expected(line, lines);
        }
        if line.text.trim().is_empty() {
            break;
        }
        push_line(&mut output, line.text);
        end = lines.at;
    }
    Ok((output, start..end))
}

/// The expected output in the long form: between `first` and two separators in a row, and a blank
/// line after them.
fn long_expected(
    first: Line<'_>,
    lines: &mut Lines<'_>,
) -> Result<(String, Range<usize>), Misplaced> {
    let unterminated = (first.number, Problem::OutputUnterminated);
    let mut output = String::new();
    let mut separator_before = false;
    loop {
        let line = lines.next().ok_or_else(|| unterminated.clone())?;
        let separator = line.text == SEPARATOR;
        if separator && separator_before {
            break;
        }
        if separator_before {
            push_line(&mut output, SEPARATOR);
        }
        if !separator {
            push_line(&mut output, line.text);
        }
        separator_before = separator;
    }
    let end = lines.at;
    match lines.next() {
        Some(line) if !line.text.trim().is_empty() => {
            Err((line.number, Problem::BlankLineMissing { found: line.text.to_owned() }))
        }
        _ => Ok((output, first.start..end)),
    }
}

fn push_line(output: &mut String, line: &str) {
    output.push_str(line);
    output.push('\n');
}

/// A line without its end.
#[derive(Clone, Copy)]
struct Line<'a> {
    /// Counted from 1.
    number: usize,
    /// Where it starts in the text.
    start: usize,
    text: &'a str,
}

struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Lines { text, at: 0, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.at;
        let with_end = self.text[start..].split_inclusive('\n').next()?;
        self.at += with_end.len();
        self.number += 1;
        let line = with_end.strip_suffix('\n').unwrap_or(with_end);
        let text = line.strip_suffix('\r').unwrap_or(line);
        Some(Line { number: self.number, start, text })
    }
}
