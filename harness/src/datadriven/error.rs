//! What can be wrong with a script.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A script cannot be read or run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}:{line}: {problem}", path.display())]
pub struct ScriptError {
    /// The script.
    pub path: PathBuf,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: Problem,
}

impl ScriptError {
    pub(crate) fn new(path: &Path, line: usize, problem: impl Into<Problem>) -> Self {
        ScriptError { path: path.to_path_buf(), line, problem: problem.into() }
    }
}

/// What is wrong at a place of a script.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A command line cannot be cut into command and arguments.
    #[error("column {column}: expected {expected}")]
    Syntax {
        /// The place, counted in characters from 1; of a command that continues on further lines,
        /// within the joined line.
        column: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The script ends within a directive.
    #[error("expected a line `----` after the command, found the end of the script")]
    SeparatorMissing,
    /// The script ends within an output in the long form.
    #[error("expected `----` twice at the end of this output, found the end of the script")]
    OutputUnterminated,
    /// Something follows an output in the long form.
    #[error("expected a blank line after the output, found {found:?}")]
    BlankLineMissing {
        /// The line found.
        found: String,
    },
    /// A command cannot be run as it is given.
    #[error(transparent)]
    Argument(#[from] BadArgument),
}

/// What is wrong with a command's arguments or input.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadArgument {
    /// An argument is not given.
    #[error("expected {expected}, found no further argument")]
    Missing {
        /// What should have been given.
        expected: String,
    },
    /// An argument, or a part of the input, is not what the command takes.
    #[error("expected {expected}, found {found:?}")]
    Invalid {
        /// What should have been given.
        expected: String,
        /// What was given.
        found: String,
    },
    /// An argument is one too many.
    #[error("expected no further argument{known}, found {found:?}")]
    Unexpected {
        /// What was given.
        found: String,
        /// The keys that the command takes, as a list in words; empty when it takes none.
        known: String,
    },
    /// A command that takes no input has some: most often the line `----` is missing above.
    #[error("expected a line `----` after the command, found {found:?}")]
    UnexpectedInput {
        /// The first line of the input.
        found: String,
    },
}

impl BadArgument {
    /// `found` is not what is `expected`.
    pub fn invalid(expected: impl Into<String>, found: impl Into<String>) -> Self {
        BadArgument::Invalid { expected: expected.into(), found: found.into() }
    }
}
