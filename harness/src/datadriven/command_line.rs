//! A command line: a command and its arguments.

use super::{Arg, Problem};

/// Reads `line`, which is not blank.
pub(super) fn parse(line: &str) -> Result<(String, Vec<Arg>), Problem> {
    let mut cursor = Cursor { line, at: 0 };
    cursor.skip_spaces();
    let command = cursor.take_until(&[' ']);
    let mut args = Vec::new();
    loop {
        cursor.skip_spaces();
        if cursor.rest().is_empty() {
            return Ok((command.to_owned(), args));
        }
        let key = cursor.take_until(&[' ', '=']);
        if key.is_empty() {
            return Err(cursor.expected("an argument's name before the `=`"));
        }
        let values = match cursor.take('=') {
            true => Some(values(&mut cursor)?),
            false => None,
        };
        args.push(Arg { key: key.to_owned(), values });
    }
}

fn values(cursor: &mut Cursor<'_>) -> Result<Vec<String>, Problem> {
    if !cursor.take('(') {
        return Ok(vec![cursor.take_until(&[' ']).to_owned()]);
    }
    let mut values = Vec::new();
    let mut depth = 0;
    let mut start = cursor.at;
    loop {
        let Some(next) = cursor.advance() else {
            return Err(cursor.expected("`)` at the end of the list"));
        };
        let value = cursor.line[start..cursor.at - next.len_utf8()].trim();
        match next {
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                values.push(value.to_owned());
                start = cursor.at;
            }
            ')' => {
                // `key=()` is a list without values.
                if !(values.is_empty() && value.is_empty()) {
                    values.push(value.to_owned());
                }
                break;
            }
            _ => {}
        }
    }
    if !cursor.rest().is_empty() && !cursor.rest().starts_with(' ') {
        return Err(cursor.expected("a space after the list"));
    }
    Ok(values)
}

struct Cursor<'a> {
    line: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.at..]
    }

    fn advance(&mut self) -> Option<char> {
        let next = self.rest().chars().next()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn take_until(&mut self, ends: &[char]) -> &'a str {
        let rest = self.rest();
        let taken = &rest[..rest.find(ends).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    fn skip_spaces(&mut self) {
        self.at = self.line.len() - self.rest().trim_start().len();
    }

    fn expected(&self, expected: &'static str) -> Problem {
        let column = self.line[..self.at].chars().count() + 1;
        Problem::Syntax { column, expected }
    }
}
