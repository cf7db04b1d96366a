//! The datadriven script format: commands, and what each is expected to print.
//!
//! ```text
//! # A comment.
//! command positional key=value list=(v1, v2) \
//!     continued=true
//! optional lines of input
//! ----
//! the expected output, up to the first blank line
//!
//! another-command
//! ----
//! ----
//! output that has
//!
//! a blank line
//! ----
//! ----
//!
//! ```
//!
//! This is the format of cockroachdb/datadriven v1.0.2, read strictly: what that library takes
//! in silence though it cannot be meant (a script that ends within a directive) is a
//! [`ScriptError`] here.

mod arguments;
mod command_line;
mod error;
mod parser;
mod rewrite;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use arguments::{Arguments, FromArgument};
pub use error::{BadArgument, Problem, ScriptError};
pub(crate) use rewrite::with_line_end;

/// The line that stands between a command and its output.
const SEPARATOR: &str = "----";

/// A script that has been read.
#[derive(Clone, Debug)]
pub struct Script {
    path: PathBuf,
    text: String,
    directives: Vec<Directive>,
}

impl Script {
    /// Reads `text`. `path` is named in errors and reports; nothing is opened.
    ///
    /// # Errors
    /// The first place where the text is not in the format.
    pub fn parse(path: &Path, text: impl Into<String>) -> Result<Script, ScriptError> {
        let text = text.into();
        let directives = parser::directives(&text)
            .map_err(|(line, problem)| ScriptError::new(path, line, problem))?;
        Ok(Script { path: path.to_path_buf(), text, directives })
    }

    /// The name the script was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text as it was read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The directives in their order.
    #[must_use]
    pub fn directives(&self) -> &[Directive] {
        &self.directives
    }
}

/// One command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The line on which the command begins, counted from 1.
    pub line: usize,
    /// The command's name.
    pub command: String,
    /// Its arguments.
    pub args: Vec<Arg>,
    /// The lines below it, without the white space around them.
    pub input: String,
    /// What it is expected to print: complete lines.
    pub expected: String,
    /// The place of the expected output in the script's text, markers of the long form included.
    expected_at: Range<usize>,
}

/// One argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// The argument itself when it has no value.
    pub key: String,
    /// What follows the `=`, if there is one. A list has any number of values.
    pub values: Option<Vec<String>>,
}

/// As it would stand in a script.
impl std::fmt::Display for Arg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.key)?;
        match self.values.as_deref() {
            None => Ok(()),
            Some([value]) => write!(f, "={value}"),
            Some(values) => write!(f, "=({})", values.join(",")),
        }
    }
}

#[cfg(test)]
mod tests;
