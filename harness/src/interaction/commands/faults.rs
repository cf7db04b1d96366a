//! Commands that let things go wrong: messages that are late or come twice, links that are cut,
//! disks that are lost.

use raft_core::describe;

use super::super::Failure;
use super::super::environment::Environment;
use super::traffic::selection;
use crate::datadriven::Arguments;

impl Environment {
    /// Puts messages, or copies of them, aside until they are released.
    pub(super) fn hold_command(
        &mut self,
        mut args: Arguments<'_>,
        copies: bool,
    ) -> Result<(), Failure> {
        let selection = selection(&mut args)?;
        let recipients: Vec<u64> = args.positionals("a recipient")?;
        args.finish()?;
        let what = if copies { "copied" } else { "held" };
        let mut count = 0;
        for to in recipients {
            self.place(to)?;
            for message in self.network.hold(to, &selection, copies) {
                self.console.line(format_args!("{what}: {}", describe::message(message)));
                count += 1;
            }
        }
        if count == 0 {
            self.console.line("no messages");
        }
        Ok(())
    }

    pub(super) fn release_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let places = self.listed_nodes_or_all(&mut args)?;
        args.finish()?;
        let released = places.into_iter().map(|at| self.network.release(self.nodes[at].id()));
        if released.sum::<usize>() == 0 {
            self.console.line("no messages");
        }
        Ok(())
    }

    pub(super) fn partition_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let from: Vec<u64> = args.list("from")?.unwrap_or_default();
        let to: Vec<u64> = args.list("to")?.unwrap_or_default();
        let one_way = args.keyed("one-way")?.unwrap_or(false);
        args.finish()?;
        for &id in from.iter().chain(&to) {
            self.place(id)?;
        }
        for &from in &from {
            for &to in &to {
                self.network.cut(from, to);
                if !one_way {
                    self.network.cut(to, from);
                }
            }
        }
        Ok(())
    }

    pub(super) fn heal_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        args.finish()?;
        self.network.heal();
        Ok(())
    }

    pub(super) fn wipe_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        self.wipe(at)
    }
}
