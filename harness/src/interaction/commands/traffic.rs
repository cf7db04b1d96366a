//! Commands that move messages and let nodes work.

use std::fmt::Display;

use raft_core::{Storage, describe};
use raft_proto::{Message, MessageType};

use super::super::Failure;
use super::super::environment::Environment;
use super::super::etcd_text::NodeError;
use super::super::network::{Fate, Selection};
use super::super::node::Thread;
use super::log_level;
use crate::datadriven::{Arg, Arguments, BadArgument, Directive, FromArgument};

impl Environment {
    pub(super) fn deliver_command(&mut self, directive: &Directive) -> Result<(), Failure> {
        let delivery = Delivery::read(directive)?;
        for &(id, fate) in &delivery.recipients {
            if fate == Fate::Deliver {
                self.place(id)?;
            }
        }
        let mut count = 0;
        for (id, fate) in delivery.recipients {
            count += self.deliver(id, &delivery.selection, fate)?;
        }
        if count == 0 {
            self.console.line("no messages");
        }
        Ok(())
    }

    pub(super) fn process_ready_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let places = self.listed_nodes(&mut args)?;
        args.finish()?;
        self.for_each(&places, "handling Ready", Self::process_ready)
    }

    pub(super) fn process_thread_command(
        &mut self,
        mut args: Arguments<'_>,
        thread: Thread,
    ) -> Result<(), Failure> {
        let places = self.listed_nodes(&mut args)?;
        args.finish()?;
        let what = format!("processing {} thread", thread.name());
        self.for_each(&places, what, |environment, at| environment.process_thread(at, thread))
    }

    /// Does `work` at each of `places`, under a header for each when there are several.
    fn for_each(
        &mut self,
        places: &[usize],
        what: impl Display,
        work: impl Fn(&mut Self, usize) -> Result<(), NodeError>,
    ) -> Result<(), Failure> {
        for &at in places {
            if places.len() == 1 {
                work(self, at)?;
            } else {
                let console = self.console.clone();
                console.line(format_args!("> {} {what}", at + 1));
                console.indented(|| work(self, at))?;
            }
        }
        Ok(())
    }

    pub(super) fn stabilize_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let places = self.listed_nodes_or_all(&mut args)?;
        let level: Option<String> = args.keyed("log-level")?;
        args.finish()?;
        self.at_level(level, |environment| environment.stabilize(&places))
    }

    pub(super) fn pass_time_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let places = self.listed_nodes_or_all(&mut args)?;
        let ticks = args.required("ticks")?;
        let level: Option<String> = args.keyed("log-level")?;
        args.finish()?;
        self.at_level(level, |environment| environment.pass_time(&places, ticks))
    }

    /// Does `work` at the log level called `name`, if there is one.
    fn at_level(
        &mut self,
        name: Option<String>,
        work: impl FnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let before = self.console.level();
        if let Some(name) = name {
            self.console.set_level(log_level(&name)?);
        }
        let done = work(self);
        self.console.set_level(before);
        done
    }

    /// Sends a snapshot that nobody asked for.
    pub(super) fn send_snapshot_command(&mut self, mut args: Arguments<'_>) -> Result<(), Failure> {
        let from = self.next_node(&mut args)?;
        let to: u64 = args.positional("the recipient")?;
        args.finish()?;
        self.place(to)?;
        let sender = &self.nodes[from];
        let snapshot = sender.storage().snapshot().map_err(NodeError::from)?;
        let message = Message {
            from: sender.id(),
            to,
            term: sender.status().basic.hard_state.term,
            snapshot: Some(Box::new(snapshot)),
            ..Message::new(MessageType::MsgSnap)
        };
        self.console.print(describe::message(&message));
        self.send([message]);
        Ok(())
    }
}

/// What `deliver-msgs ID.. [from=(ID..)] [type=MsgX] [drop=(ID..)]` asks for.
struct Delivery {
    /// In the order given.
    recipients: Vec<(u64, Fate)>,
    selection: Selection,
}

impl Delivery {
    fn read(directive: &Directive) -> Result<Delivery, BadArgument> {
        let mut args = Arguments::new(directive);
        let selection = selection(&mut args)?;
        let delivered: Vec<u64> = args.positionals("a recipient")?;
        let dropped: Vec<u64> = args.list("drop")?.unwrap_or_default();
        args.finish()?;
        if let Some(id) = dropped.iter().find(|id| delivered.contains(id)) {
            let expected = "either to deliver to a node or to drop what it would receive";
            return Err(BadArgument::invalid(expected, id.to_string()));
        }
        let mut delivered = delivered.into_iter().map(|id| (id, Fate::Deliver));
        let mut dropped = dropped.into_iter().map(|id| (id, Fate::Drop));
        let mut recipients = Vec::new();
        for Arg { key, values } in &directive.args {
            match values {
                None => recipients.extend(delivered.next()),
                Some(_) if key == "drop" => recipients.extend(&mut dropped),
                Some(_) => {}
            }
        }
        Ok(Delivery { recipients, selection })
    }
}

/// The messages that `[from=(ID..)] [type=MsgX]` describe.
pub(super) fn selection(args: &mut Arguments<'_>) -> Result<Selection, BadArgument> {
    let from = args.list("from")?.unwrap_or_default();
    let kind: Option<Kind> = args.keyed("type")?;
    Ok(Selection { from, kind: kind.map(|Kind(kind)| kind) })
}

/// A kind of message, named as in `MsgApp`.
struct Kind(MessageType);

impl FromArgument for Kind {
    const EXPECTED: &'static str = "a kind of message, as MsgApp,";

    fn from_argument(text: &str) -> Option<Self> {
        let mut kinds = (0..).map_while(|number| MessageType::try_from(number).ok());
        kinds.find(|kind| kind.to_string() == text).map(Kind)
    }
}
