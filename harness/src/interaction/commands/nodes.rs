//! Commands that make, restart and maintain nodes.

use bytes::Bytes;
use raft_core::Peer;

use super::super::Failure;
use super::super::environment::Environment;
use super::super::etcd_text::NodeError;
use super::super::settings::NodeSettings;
use crate::datadriven::Arguments;

impl Environment {
    pub(super) fn add_nodes_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let count = args.positional("how many nodes to add")?;
        let settings = NodeSettings::read(&mut args, self.compat)?;
        args.finish()?;
        self.add_nodes(count, &settings)
    }

    pub(super) fn bootstrap_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let peers: Vec<u64> = args.list("peers")?.unwrap_or_default();
        args.finish()?;
        let peers = peers.into_iter().map(|id| Peer { id, context: Bytes::new() });
        Ok(self.nodes[at].bootstrap(&peers.collect::<Vec<_>>())?)
    }

    pub(super) fn restart_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        self.restart(at)
    }

    pub(super) fn crash_in_ready_command(
        &mut self,
        mut args: Arguments<'_>,
    ) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let writes = args.keyed("writes")?.unwrap_or(0);
        args.finish()?;
        self.nodes[at].write_part_of_ready(writes)?;
        self.restart(at)
    }

    /// Compacts the log and prints what is left of it.
    pub(super) fn compact_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let index = args.positional("the last index to remove")?;
        args.finish()?;
        self.nodes[at].storage_mut().memory.compact(index).map_err(NodeError::from)?;
        self.print_log(at)
    }
}
