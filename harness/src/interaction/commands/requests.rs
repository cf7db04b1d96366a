//! Commands that ask a node for something, and those that let its time pass.

use bytes::Bytes;
use raft_core::SnapshotStatus;
use raft_proto::{ConfChange, ConfChangeRequest, ConfChangeTransition, ConfChangeV2};

use super::super::Failure;
use super::super::environment::Environment;
use crate::confchange_script::changes;
use crate::datadriven::{Arguments, BadArgument, FromArgument};

impl Environment {
    pub(super) fn campaign_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        Ok(self.nodes[at].campaign()?)
    }

    pub(super) fn forget_leader_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        Ok(self.nodes[at].forget_leader()?)
    }

    pub(super) fn transfer_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let from = self.place(args.required("from")?)?;
        let to = args.required("to")?;
        args.finish()?;
        self.place(to)?;
        Ok(self.nodes[from].transfer_leader(to)?)
    }

    pub(super) fn propose_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let data: String = args.positional("the data")?;
        args.finish()?;
        Ok(self.nodes[at].propose(vec![Bytes::from(data)])?)
    }

    pub(super) fn propose_batch_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let first: String = args.positional("the data")?;
        let others: Vec<String> = args.positionals("the data")?;
        args.finish()?;
        let data = std::iter::once(first).chain(others).map(Bytes::from);
        Ok(self.nodes[at].propose(data.collect())?)
    }

    pub(super) fn propose_conf_change_command(
        &mut self,
        mut args: Arguments<'_>,
    ) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let change = conf_change(&mut args)?;
        args.finish()?;
        Ok(self.nodes[at].propose_conf_change(change)?)
    }

    pub(super) fn read_index_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let context: String = args.positional("the context")?;
        args.finish()?;
        Ok(self.nodes[at].read_index(Bytes::from(context))?)
    }

    pub(super) fn report_unreachable_command(
        &mut self,
        mut args: Arguments<'_>,
    ) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let peer = args.positional("the peer")?;
        args.finish()?;
        self.place(peer)?;
        self.nodes[at].report_unreachable(peer);
        Ok(())
    }

    pub(super) fn report_snapshot_command(
        &mut self,
        mut args: Arguments<'_>,
    ) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let peer = args.positional("the peer")?;
        let Reported(status) = args.required("status")?;
        args.finish()?;
        self.nodes[at].report_snapshot(peer, status);
        Ok(())
    }

    pub(super) fn set_timeout_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.next_node(&mut args)?;
        let ticks = args.required("timeout")?;
        args.finish()?;
        Ok(self.nodes[at].set_randomized_election_timeout(ticks)?)
    }

    /// Lets an election timeout pass; a drawn one may take longer.
    pub(super) fn tick_election_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        let ticks = self.nodes[at].config().election_tick;
        (0..ticks).for_each(|_| self.nodes[at].tick());
        Ok(())
    }

    pub(super) fn tick_heartbeat_command(&mut self, args: Arguments<'_>) -> Result<(), Failure> {
        let at = self.only_node(args)?;
        let ticks = self.nodes[at].config().heartbeat_tick;
        (0..ticks).for_each(|_| self.nodes[at].tick());
        Ok(())
    }
}

/// A snapshot's status as an argument.
struct Reported(SnapshotStatus);

impl FromArgument for Reported {
    const EXPECTED: &'static str = "finish or failure";

    fn from_argument(text: &str) -> Option<Self> {
        match text {
            "finish" => Some(Reported(SnapshotStatus::Finish)),
            "failure" => Some(Reported(SnapshotStatus::Failure)),
            _ => None,
        }
    }
}

/// The change that `[v1=true] [transition=..]` and the input describe.
fn conf_change(args: &mut Arguments<'_>) -> Result<ConfChangeRequest, Failure> {
    let v1 = args.keyed("v1")?.unwrap_or(false);
    let transition: Option<String> = args.keyed("transition")?;
    let transition = match transition.as_deref() {
        None | Some("auto") => ConfChangeTransition::Auto,
        Some("implicit") => ConfChangeTransition::JointImplicit,
        Some("explicit") => ConfChangeTransition::JointExplicit,
        Some(other) => return Err(Failure::printed(format!("unknown transition {other}"))),
    };
    let changes = changes(args.input())?;
    if !v1 {
        return Ok(ConfChangeV2::new(transition, changes).into());
    }
    match (changes.as_slice(), transition) {
        ([change], ConfChangeTransition::Auto) => {
            Ok(ConfChange::new(change.change_type(), change.node_id()).into())
        }
        ([], _) => Err(BadArgument::invalid("a change below the command", "none").into()),
        _ => Err(Failure::printed("v1 conf change can only have one operation and no transition")),
    }
}
