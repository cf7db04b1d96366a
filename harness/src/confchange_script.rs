//! The language of etcd's confchange scripts: configuration changes, without a log.
//!
//! ```text
//! simple                          v1 l2 r3 u4
//! enter-joint [autoleave=true]    v1 l2 r3 u4
//! leave-joint
//! ```
//!
//! The changes stand in the line below the command. Each command prints the configuration and the
//! progress of its members, or why it cannot be done; then nothing has changed.

use raft_core::confchange::Changer;
use raft_core::tracker::{InflightLimits, Tracker};
use raft_proto::{ConfChangeSingle, parse_conf_changes};

use crate::datadriven::{Arguments, BadArgument, Directive};
use crate::runner::Interpreter;

/// Runs confchange scripts: one tracker, changed step by step.
#[derive(Debug)]
pub struct ConfChangeScript {
    tracker: Tracker,
    /// Grows with each command, so that one can see in a member's progress when it came.
    last_index: u64,
}

impl Default for ConfChangeScript {
    fn default() -> Self {
        let limits = InflightLimits { msgs: 10, bytes: 0 };
        ConfChangeScript { tracker: Tracker::new(limits), last_index: 0 }
    }
}

impl Interpreter for ConfChangeScript {
    fn run(&mut self, directive: &Directive) -> Result<String, BadArgument> {
        let mut args = Arguments::new(directive);
        let changes = changes(args.input())?;
        let changer = Changer { tracker: &self.tracker, last_index: self.last_index };
        self.last_index += 1;
        let changed = match directive.command.as_str() {
            "simple" => changer.simple(&changes),
            "enter-joint" => {
                let auto_leave = args.keyed("autoleave")?.unwrap_or(false);
                changer.enter_joint(auto_leave, &changes)
            }
            "leave-joint" if changes.is_empty() => changer.leave_joint(),
            "leave-joint" => return Ok("this command takes no input\n".to_owned()),
            other => {
                return Err(BadArgument::invalid("simple, enter-joint or leave-joint", other));
            }
        };
        args.finish()?;
        Ok(match changed {
            Ok(tracker) => {
                self.tracker = tracker;
                format!("{}\n{}", self.tracker.config, self.tracker.progress)
            }
            Err(error) => format!("{error}\n"),
        })
    }
}

/// The changes that stand below a command.
pub(crate) fn changes(input: &str) -> Result<Vec<ConfChangeSingle>, BadArgument> {
    let expected = "changes like `v1 l2 r3 u4`";
    parse_conf_changes(input).map_err(|error| BadArgument::invalid(expected, error.token))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::datadriven::Script;

    fn run(text: &str) -> Vec<Result<String, String>> {
        let script = Script::parse(Path::new("s.txt"), text).unwrap();
        let mut language = ConfChangeScript::default();
        let run = |directive| language.run(directive).map_err(|error| error.to_string());
        script.directives().iter().map(run).collect()
    }

    #[test]
    fn a_refused_change_changes_nothing_but_the_index() {
        let outputs = run("simple\nv1\n----\n\nsimple\nr1\n----\n\nsimple\nl2\n----\n");
        let expected = [
            "voters=(1)\n1: StateProbe match=0 next=1\n",
            "removed all voters\n",
            "voters=(1) learners=(2)\n1: StateProbe match=0 next=1\n2: StateProbe match=0 next=2 learner\n",
        ];
        assert_eq!(outputs, expected.map(|output| Ok(output.to_owned())));
    }

    #[test]
    fn arguments_that_do_not_fit_are_refused() {
        let error = |text: &str| run(text).remove(0).unwrap_err();
        assert_eq!(
            error("simple\nx1\n----\n"),
            "expected changes like `v1 l2 r3 u4`, found \"x1\""
        );
        assert_eq!(
            error("enter-joint autoleave=1\n----\n"),
            "expected true or false for autoleave=, found \"1\""
        );
        assert_eq!(error("simple 1\n----\n"), "expected no further argument, found \"1\"");
        assert_eq!(
            error("join\n----\n"),
            "expected simple, enter-joint or leave-joint, found \"join\""
        );
    }
}
