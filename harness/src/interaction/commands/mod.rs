//! The commands of the language, by name.

mod faults;
mod nodes;
mod requests;
mod traffic;
mod views;

use self::views::log_level;
use super::Failure;
use super::environment::Environment;
use super::node::Thread;
use crate::datadriven::{Arguments, BadArgument, Directive};

impl Environment {
    /// Does what `directive` says.
    pub(super) fn execute(&mut self, directive: &Directive) -> Result<(), Failure> {
        let args = Arguments::new(directive);
        match directive.command.as_str() {
            // A place for a debugger to stop at.
            "_breakpoint" => Ok(args.finish()?),
            "add-nodes" => self.add_nodes_command(args),
            "bootstrap" => self.bootstrap_command(args),
            "campaign" => self.campaign_command(args),
            "compact" => self.compact_command(args),
            "copy-msgs" => self.hold_command(args, true),
            "crash-in-ready" => self.crash_in_ready_command(args),
            "deliver-msgs" => self.deliver_command(directive),
            "forget-leader" => self.forget_leader_command(args),
            "heal" => self.heal_command(args),
            "hold-msgs" => self.hold_command(args, false),
            "log-level" => self.log_level_command(args),
            "partition" => self.partition_command(args),
            "pass-time" => self.pass_time_command(args),
            "process-append-thread" => self.process_thread_command(args, Thread::Append),
            "process-apply-thread" => self.process_thread_command(args, Thread::Apply),
            "process-ready" => self.process_ready_command(args),
            "propose" => self.propose_command(args),
            "propose-batch" => self.propose_batch_command(args),
            "propose-conf-change" => self.propose_conf_change_command(args),
            "raft-log" => self.raft_log_command(args),
            "raft-marks" => self.raft_marks_command(args),
            "raft-state" => self.raft_state_command(args),
            "read-index" => self.read_index_command(args),
            "release-msgs" => self.release_command(args),
            "report-snapshot" => self.report_snapshot_command(args),
            "report-unreachable" => self.report_unreachable_command(args),
            "restart" => self.restart_command(args),
            "send-snapshot" => self.send_snapshot_command(args),
            "set-randomized-election-timeout" => self.set_timeout_command(args),
            "stabilize" => self.stabilize_command(args),
            "status" => self.status_command(args),
            "tick-election" => self.tick_election_command(args),
            "tick-heartbeat" => self.tick_heartbeat_command(args),
            "transfer-leadership" => self.transfer_command(args),
            "wipe" => self.wipe_command(args),
            _ => Err(Failure::printed("unknown command")),
        }
    }

    /// The place of the node that the next argument names.
    fn next_node(&self, args: &mut Arguments<'_>) -> Result<usize, BadArgument> {
        self.place(args.positional("the node")?)
    }

    /// The place of the node that the only argument names.
    fn only_node(&self, mut args: Arguments<'_>) -> Result<usize, BadArgument> {
        let at = self.next_node(&mut args)?;
        args.finish()?;
        Ok(at)
    }

    /// The places of the nodes that the arguments without a key name.
    fn listed_nodes(&self, args: &mut Arguments<'_>) -> Result<Vec<usize>, BadArgument> {
        let ids: Vec<u64> = args.positionals("a node")?;
        ids.into_iter().map(|id| self.place(id)).collect()
    }

    /// As [`listed_nodes`](Self::listed_nodes), and all places if no node is named.
    fn listed_nodes_or_all(&self, args: &mut Arguments<'_>) -> Result<Vec<usize>, BadArgument> {
        let places = self.listed_nodes(args)?;
        Ok(if places.is_empty() { (0..self.nodes.len()).collect() } else { places })
    }
}
