//! The language of etcd's interaction scripts: nodes, their storages and a network in one thread,
//! driven command by command.
//!
//! Ids of nodes are given in the order in which they are added, from 1. Nothing happens by itself:
//! time passes, messages arrive and storages write when a command says so.
//!
//! | command | does |
//! |---|---|
//! | `add-nodes N [voters=(..)] [learners=(..)] [index=I] [content=S]` + settings | adds `N` nodes, which start from a snapshot at index `I` if one is described |
//! | `bootstrap ID peers=(..)` | starts a group on a node without a log |
//! | `restart ID` | builds a node again from its storage; what was not written is lost |
//! | `crash-in-ready ID writes=N` | makes the first `N` writes of a `Ready` (the snapshot, each entry, the hard state), and then does a `restart` |
//! | `wipe ID` | builds a node again with an empty storage, as after the loss of its disk |
//! | `compact ID INDEX` | removes the log up to and including an index, and prints the rest |
//! | `campaign ID`, `forget-leader ID`, `transfer-leadership from=ID to=ID` | the requests of these names |
//! | `propose ID DATA`, `propose-batch ID DATA..`, `read-index ID CONTEXT` | the requests of these names |
//! | `propose-conf-change ID [v1=true] [transition=auto\|implicit\|explicit]` | proposes the changes in the line below, like `v1 l2 r3 u4` |
//! | `report-unreachable ID PEER`, `report-snapshot ID PEER status=finish\|failure` | the reports of these names |
//! | `tick-heartbeat ID`, `tick-election ID` | lets that timeout pass on a node |
//! | `pass-time [ID..] ticks=N [log-level=L]` | lets ticks pass, and does a `stabilize` after each |
//! | `set-randomized-election-timeout ID timeout=TICKS` | replaces the drawn timeout |
//! | `process-ready ID..`, `process-append-thread ID..`, `process-apply-thread ID..` | lets nodes work |
//! | `deliver-msgs ID.. [from=(ID..)] [type=MsgX] [drop=(ID..)]` | delivers messages, and loses those to others |
//! | `hold-msgs ID.. [from=(ID..)] [type=MsgX]` | puts messages to these nodes aside |
//! | `copy-msgs ID.. [from=(ID..)] [type=MsgX]` | puts copies of them aside |
//! | `release-msgs [ID..]` | what was put aside is on its way again, behind everything else |
//! | `partition from=(ID..) to=(ID..) [one-way=true]`, `heal` | from now on all messages between these nodes are lost as they are sent; no longer |
//! | `send-snapshot FROM TO` | sends a snapshot that nobody asked for |
//! | `stabilize [ID..] [log-level=L]` | does all of that until nothing is left to do |
//! | `raft-log ID`, `raft-state`, `raft-marks [ID..]`, `status ID` | prints a log, the nodes' roles, how far they are, a leader's view |
//! | `log-level debug\|info\|warn\|error\|fatal\|none` | how much is printed; `none` silences the commands as well |
//! | `_breakpoint` | nothing |
//!
//! The settings of `add-nodes` are `async-storage-writes`, `prevote`, `checkquorum`,
//! `read-only=safe|lease-based`, `inflight`, `max-inflight-bytes`, `max-size-per-msg`,
//! `max-committed-size-per-ready`, `max-uncommitted-size`, `disable-proposal-forwarding`,
//! `disable-conf-change-validation`, `step-down-on-removal` and `compat=etcd|strict`. An election
//! takes 3 ticks, a heartbeat 1.
//!
//! Texts are etcd's, byte for byte. A command that prints nothing prints `ok`.

mod commands;
mod console;
mod environment;
mod etcd_text;
mod invariants;
mod network;
mod node;
mod settings;
mod storage;
mod strict;

use raft_core::Compat;

use self::environment::Environment;
use self::etcd_text::NodeError;
pub use self::strict::{Agreement, Broken, StrictTwin};
use crate::datadriven::{BadArgument, Directive};
use crate::runner::Interpreter;

/// Runs interaction scripts.
#[derive(Debug)]
pub struct InteractionScript {
    environment: Environment,
}

/// With [`Compat::Etcd`], under which the texts are etcd's.
impl Default for InteractionScript {
    fn default() -> Self {
        Self::new(Compat::Etcd)
    }
}

impl InteractionScript {
    /// A script whose nodes follow `compat`, unless it says otherwise itself.
    #[must_use]
    pub fn new(compat: Compat) -> Self {
        InteractionScript { environment: Environment::new(compat) }
    }
}

impl Interpreter for InteractionScript {
    fn run(&mut self, directive: &Directive) -> Result<String, BadArgument> {
        let console = self.environment.console.clone();
        let done = self.environment.execute(directive);
        let mut output = console.take();
        match done {
            Ok(()) => {}
            Err(Failure::Argument(error)) => return Err(error),
            // Printed at every level, where nothing else is at `none`.
            Err(Failure::Printed(text)) => output += &text,
        }
        if output.is_empty() {
            output.push_str("ok");
        }
        Ok(output)
    }
}

/// Why a command did not do what it says.
#[derive(Debug)]
enum Failure {
    /// It is not well-formed.
    Argument(BadArgument),
    /// It is, and cannot be done: what it prints then.
    Printed(String),
}

impl Failure {
    fn printed(text: impl Into<String>) -> Self {
        Failure::Printed(text.into())
    }
}

impl From<BadArgument> for Failure {
    fn from(error: BadArgument) -> Self {
        Failure::Argument(error)
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        Failure::Printed(error.to_string())
    }
}

#[cfg(test)]
mod tests;
