//! Finds scripts, runs them, and tells where they print something else than expected.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use similar::TextDiff;
use thiserror::Error;

use crate::confchange_script::ConfChangeScript;
use crate::datadriven::{BadArgument, Directive, Script, ScriptError};
use crate::interaction::{Agreement, InteractionScript, StrictTwin};
use crate::quorum_script::QuorumScript;

/// Runs the commands of one language. It keeps what one command leaves behind for the next, so
/// that each script needs its own.
pub trait Interpreter {
    /// What `directive` prints.
    ///
    /// # Errors
    /// The directive is not one that the language has, or not with these arguments. What a
    /// well-formed command cannot do is not an error but printed.
    fn run(&mut self, directive: &Directive) -> Result<String, BadArgument>;
}

/// The languages that scripts are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// See [`crate::quorum_script`].
    Quorum,
    /// See [`crate::confchange_script`].
    ConfChange,
    /// See [`crate::interaction`].
    Interaction,
}

impl Language {
    /// The language of `script`, told by its first command. One that no language knows is left to
    /// [`Interaction`](Language::Interaction), which has a text for it.
    #[must_use]
    pub fn of(script: &Script) -> Language {
        let first = script.directives().first().map(|directive| directive.command.as_str());
        match first {
            Some("committed" | "vote") => Language::Quorum,
            Some("simple" | "enter-joint" | "leave-joint") => Language::ConfChange,
            _ => Language::Interaction,
        }
    }

    /// An interpreter that has run nothing yet.
    #[must_use]
    pub fn interpreter(self) -> Box<dyn Interpreter> {
        match self {
            Language::Quorum => Box::new(QuorumScript::default()),
            Language::ConfChange => Box::new(ConfChangeScript::default()),
            Language::Interaction => Box::new(InteractionScript::default()),
        }
    }
}

/// What came of running a script.
#[derive(Debug, Default)]
pub struct Run {
    /// What each directive printed, up to the one that could not be run.
    pub outputs: Vec<String>,
    /// Where that was not what was expected, in the order of the script.
    pub failures: Vec<Failure>,
}

/// A reason for which a script does not pass.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// A directive printed something else than expected.
    #[error("{}:{line}: output differs (-expected +printed)\n{}", path.display(), diff(expected, printed))]
    Difference {
        /// The script.
        path: PathBuf,
        /// The directive's line.
        line: usize,
        /// What the script expects.
        expected: String,
        /// What was printed.
        printed: String,
    },
    /// The script cannot be read or run.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A directive panicked.
    #[error("{}:{line}: panic: {message}", path.display())]
    Panic {
        /// The script.
        path: PathBuf,
        /// The directive's line.
        line: usize,
        /// What the panic said.
        message: String,
    },
    /// Something that must hold in each state did not hold.
    #[error("{}:{line}: {violation}", path.display())]
    Violation {
        /// The script.
        path: PathBuf,
        /// The line of the directive after which it shows.
        line: usize,
        /// What did not hold.
        violation: String,
    },
    /// The script's file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
}

/// The lines that differ, with some around them.
fn diff(expected: &str, printed: &str) -> String {
    let diff = TextDiff::from_lines(expected, printed);
    diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string()
}

/// Runs `script` to its end, or to a directive that cannot be run or that panics. A difference does
/// not stop it.
pub fn run_script(script: &Script, interpreter: &mut dyn Interpreter) -> Run {
    let mut run = Run::default();
    let line = Cell::new(0);
    let finished = catch_unwind(AssertUnwindSafe(|| {
        for directive in script.directives() {
            line.set(directive.line);
            let output = interpreter.run(directive).map_err(|error| {
                Failure::from(ScriptError::new(script.path(), directive.line, error))
            })?;
            run.failures.extend(difference(script, directive, &output));
            run.outputs.push(output);
        }
        Ok(())
    }));
    let path = script.path().to_path_buf();
    match finished {
        Ok(Ok(())) => {}
        Ok(Err(failure)) => run.failures.push(failure),
        Err(panic) => {
            let message = panic_message(panic.as_ref());
            run.failures.push(Failure::Panic { path, line: line.get(), message });
        }
    }
    run
}

fn difference(script: &Script, directive: &Directive, output: &str) -> Option<Failure> {
    (!directive.is_expected(output)).then(|| Failure::Difference {
        path: script.path().to_path_buf(),
        line: directive.line,
        expected: directive.expected.clone(),
        printed: crate::datadriven::with_line_end(output),
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no text".to_owned())
}

/// Reads the script at `path`.
///
/// # Errors
/// The file cannot be read, or is not a script.
pub fn read_script(path: &Path) -> Result<Script, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::File { path: path.to_path_buf(), error })?;
    Ok(Script::parse(path, text)?)
}

/// Runs the script at `path` in its own language. Empty when it passes.
#[must_use]
pub fn run_file(path: &Path) -> Vec<Failure> {
    match read_script(path) {
        Ok(script) => run_script(&script, Language::of(&script).interpreter().as_mut()).failures,
        Err(failure) => vec![failure],
    }
}

/// Runs the script at `path` as [`run_file`] does, and an interaction script also under our own
/// stricter rules (see [`StrictTwin`]). `None` for a script that is not about them, or that could
/// not be run to its end.
#[must_use]
pub fn run_file_strictly(path: &Path) -> (Vec<Failure>, Option<Agreement>) {
    let script = match read_script(path) {
        Ok(script) if Language::of(&script) == Language::Interaction => script,
        _ => return (run_file(path), None),
    };
    let mut twin = StrictTwin::default();
    let mut run = run_script(&script, &mut twin);
    if run.outputs.len() < script.directives().len() {
        return (run.failures, None);
    }
    let (agreement, broken) = twin.finish();
    let violation = broken.map(|broken| Failure::Violation {
        path: path.to_path_buf(),
        line: broken.line,
        violation: broken.what,
    });
    run.failures.extend(violation);
    (run.failures, Some(agreement))
}

/// Runs the script at `path` and writes what it printed in place of what it expected. Answers
/// whether that changed the file.
///
/// # Errors
/// Why the script could not be run to its end; then the file is as it was.
pub fn rewrite_file(path: &Path) -> Result<bool, Vec<Failure>> {
    let script = read_script(path).map_err(|failure| vec![failure])?;
    let mut run = run_script(&script, Language::of(&script).interpreter().as_mut());
    run.failures.retain(|failure| !matches!(failure, Failure::Difference { .. }));
    if !run.failures.is_empty() {
        return Err(run.failures);
    }
    let rewritten = script.rewritten(&run.outputs);
    if rewritten == script.text() {
        return Ok(false);
    }
    std::fs::write(path, rewritten)
        .map_err(|error| vec![Failure::File { path: path.to_path_buf(), error }])?;
    Ok(true)
}

/// The scripts at `paths`, in the order given: of a folder all `.txt` files below it, sorted; of a
/// file the file itself.
///
/// # Errors
/// A path that cannot be read.
pub fn find_scripts<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<PathBuf>, Failure> {
    let mut scripts = Vec::new();
    for path in paths {
        collect_scripts(path.as_ref(), &mut scripts)?;
    }
    Ok(scripts)
}

fn collect_scripts(path: &Path, scripts: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error| Failure::File { path: path.to_path_buf(), error };
    if !path.metadata().map_err(failed)?.is_dir() {
        scripts.push(path.to_path_buf());
        return Ok(());
    }
    let entries = path
        .read_dir()
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut entries = entries.map_err(failed)?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "txt") {
            collect_scripts(&entry, scripts)?;
        }
    }
    Ok(())
}

/// How many scripts passed, and how many did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Scripts without a failure.
    pub passed: usize,
    /// Scripts with one or more.
    pub failed: usize,
}

impl Tally {
    /// Counts one script.
    pub fn count(&mut self, passed: bool) {
        match passed {
            true => self.passed += 1,
            false => self.failed += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests;
