//! Commands that show something, and the one that says how much is shown.

use raft_core::{EntryId, Storage};
use raft_proto::HardState;

use super::super::Failure;
use super::super::console::LogLevel;
use super::super::environment::Environment;
use super::super::etcd_text::NodeError;
use crate::datadriven::Arguments;

impl Environment {
    pub(super) fn log_level_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let name: String = args.positional("the level")?;
        args.finish()?;
        self.console.set_level(log_level(&name)?);
        Ok(())
    }

    pub(super) fn raft_log_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        self.print_log(at)
    }

    /// What each node thinks of itself.
    pub(super) fn raft_state_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        args.finish()?;
        for node in &self.nodes {
            let status = node.status();
            let votes = status.config.voters.contains(node.id());
            self.console.line(format_args!(
                "{}: {} ({}) Term:{} Lead:{}",
                node.id(),
                status.basic.soft_state.role,
                if votes { "Voter" } else { "Non-Voter" },
                status.basic.hard_state.term,
                status.basic.soft_state.leader_id,
            ));
        }
        Ok(())
    }

    /// How far each node is, and the configuration that it follows. The last entry is that of its
    /// storage.
    pub(super) fn raft_marks_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let places = self.listed_nodes_or_all(&mut args)?;
        args.finish()?;
        for at in places {
            let node = &self.nodes[at];
            let status = node.status();
            let HardState { term, vote, commit } = status.basic.hard_state;
            let storage = node.storage();
            let last = storage.last_index().map_err(NodeError::from)?;
            let last = EntryId::new(storage.term(last).map_err(NodeError::from)?, last);
            self.console.line(format_args!(
                "{}: {} Term:{term} Vote:{vote} Commit:{commit} Applied:{} Last:{last} {}",
                node.id(),
                status.basic.soft_state.role,
                status.basic.applied,
                status.config,
            ));
        }
        Ok(())
    }

    /// What a leader knows of each member.
    pub(super) fn status_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        for (id, progress) in self.nodes[at].status().progress {
            self.console.line(format_args!("{id}: {progress}"));
        }
        Ok(())
    }
}

/// The level called `name`.
pub(super) fn log_level(name: &str) -> Result<LogLevel, Failure> {
    LogLevel::named(name).ok_or_else(|| {
        let names = LogLevel::NAMES.map(|(name, _)| name).join(" ");
        Failure::printed(format!("log levels must be either of [{names}]"))
    })
}
