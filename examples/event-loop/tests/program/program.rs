//! Runs the program, and watches what it says.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Longer than any wait on a machine that works.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program while it runs.
pub(crate) struct Program {
    child: Child,
    /// What it says, line by line, until it ends.
    output: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

/// What the program has said and how it ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) output: Vec<String>,
    pub(crate) errors: String,
    pub(crate) success: bool,
}

impl Program {
    /// Starts it over `dir`. The input goes into what is answered, and ends when that is dropped.
    pub(crate) fn start(dir: &Path, options: &[&str]) -> (Self, ChildStdin) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_event-loop"))
            .arg("--dir")
            .arg(dir)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = child.stderr.take().unwrap();
        let (lines, output) = channel();
        thread::spawn(move || {
            // A killed program may have left half a line. What is not a line was not said.
            stdout
                .split(b'\n')
                .map_while(Result::ok)
                .try_for_each(|line| lines.send(String::from_utf8_lossy(&line).into_owned()))
        });
        let errors = thread::spawn(move || {
            let mut errors = String::new();
            stderr.read_to_string(&mut errors).map(|_| errors).unwrap_or_default()
        });
        let input = child.stdin.take().unwrap();
        (Self { child, output, errors: Some(errors) }, input)
    }

    /// The next line that it says before `deadline`; `None` when it has ended or the time is up.
    pub(crate) fn next_line(&self, deadline: Instant) -> Option<String> {
        self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok()
    }

    /// Waits until it says a line with `text`, which is answered.
    #[track_caller]
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let line = self.next_line(deadline).unwrap_or_else(|| panic!("it never said {text:?}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Kills it, which nothing can prevent, and answers what it had said by then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.output.iter().collect()
    }

    /// Waits until it ends.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Run {
        let deadline = Instant::now() + PATIENCE;
        let mut output = Vec::new();
        loop {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => output.push(line),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    self.child.kill().unwrap();
                    panic!("it does not end; it has said {output:#?}");
                }
            }
        }
        let success = self.child.wait().unwrap().success();
        let errors = self.errors.take().map(|errors| errors.join().unwrap()).unwrap_or_default();
        Run { output, errors, success }
    }
}

/// Runs it over `dir` with `input`, to its end.
#[track_caller]
pub(crate) fn run(dir: &Path, options: &[&str], input: &str) -> Run {
    let (program, mut stdin) = Program::start(dir, options);
    // It may end before it has read everything.
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    program.finish()
}

impl Run {
    /// What each node holds in the end, if it is the same.
    #[track_caller]
    pub(crate) fn assert_same(&self, entries: &[&str], nodes: usize) {
        assert!(self.success, "{self:#?}");
        let count = entries.len();
        let holds = format!(": {count} entries: {}", entries.join(", "));
        let holding = self.output.iter().filter(|line| line.ends_with(&holds)).count();
        assert_eq!(holding, nodes, "{self:#?}");
        let last = format!("the same {count} entries on {nodes} nodes");
        assert_eq!(self.output.last(), Some(&last), "{self:#?}");
    }

    /// Whether it has said so.
    pub(crate) fn says(&self, line: &str) -> bool {
        self.output.iter().any(|said| said == line)
    }
}
