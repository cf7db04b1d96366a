//! Persist before you promise: a vote or an acknowledgement leaves when what it vouches for is on disk
//! (Raft §5, figure 2). An acknowledgement vouches for the very entry that the leader of its term has at
//! its index.

use std::collections::BTreeMap;

use raft_core::EntryId;
use raft_proto::{HardState, Message, MessageType};

use crate::sim::board::{Board, Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct PersistFirst {
    received: BTreeMap<u64, Received>,
}

/// What a node was told of the log of the leader of `term`.
#[derive(Debug, Default)]
struct Received {
    term: u64,
    /// The terms at the ends of appends and of snapshots.
    ends: BTreeMap<u64, u64>,
}

impl PersistFirst {
    fn note(&mut self, node: u64, message: &Message) {
        let ends = match message.kind() {
            Ok(MessageType::MsgApp) => {
                let before = EntryId::new(message.log_term, message.index);
                [before, message.entries.last().map_or(before, EntryId::of)]
            }
            Ok(MessageType::MsgSnap) => match &message.snapshot {
                Some(snapshot) => [EntryId::new(snapshot.term(), snapshot.index()); 2],
                None => return,
            },
            _ => return,
        };
        let received = self.received.entry(node).or_default();
        if received.term < message.term {
            *received = Received { term: message.term, ..Received::default() };
        }
        if received.term == message.term {
            received.ends.extend(ends.map(|end| (end.index, end.term)));
        }
    }

    /// The term of what `message` acknowledges: as its leader has told, or else as it was committed by then,
    /// since a node answers what is below its commit index with that.
    fn acknowledged_term(&self, message: &Message, scene: &Scene<'_>) -> Option<u64> {
        let received = self.received.get(&scene.node).filter(|known| known.term == message.term);
        let told = received.and_then(|known| known.ends.get(&message.index));
        let Board { committed, committed_in, .. } = scene.board;
        let by_then = committed_in.get(&message.index).is_some_and(|term| *term <= message.term);
        told.or_else(|| committed.get(&message.index).filter(|_| by_then)).copied()
    }
}

impl Checker for PersistFirst {
    fn rule(&self) -> &'static str {
        "persist before acknowledging"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let message = match fact {
            Fact::Received { message } => {
                self.note(scene.node, message);
                return Ok(Judged::Nothing);
            }
            Fact::Sent { message } => message,
            _ => return Ok(Judged::Nothing),
        };
        let Some(disk) = scene.board.disks.get(&scene.node) else {
            return Ok(Judged::Nothing);
        };
        let durable = &disk.durable;
        match message.kind() {
            Ok(MessageType::MsgVoteResp) if !message.reject => {
                check_vote(message, durable.hard_state)?;
            }
            Ok(MessageType::MsgAppResp) => {
                // An answer in a term that was not kept could be followed by one in an earlier.
                let term = durable.hard_state.term;
                if term < message.term {
                    return Err(format!(
                        "answers in term {}, and has term {term} on disk",
                        message.term
                    ));
                }
                // Of an earlier term: what it acknowledges may have been replaced by a later leader, in
                // the same batch at the earliest. Then it is as late as if the network had held it.
                if message.reject || term > message.term {
                    return Ok(Judged::Sound);
                }
                let (index, last) = (message.index, durable.last_index());
                if last < index {
                    return Err(format!("acknowledges {index}, and has {last} on disk"));
                }
                if let Some(term) = self.acknowledged_term(message, scene)
                    && !durable.holds(EntryId::new(term, index))
                {
                    let found = durable.term(index).unwrap_or(0);
                    return Err(format!(
                        "acknowledges {term}/{index}, and has {found}/{index} on disk"
                    ));
                }
            }
            _ => return Ok(Judged::Nothing),
        }
        Ok(Judged::Sound)
    }
}

fn check_vote(message: &Message, on_disk: HardState) -> Result<(), String> {
    let kept =
        on_disk.term > message.term || (on_disk.term == message.term && on_disk.vote == message.to);
    match kept {
        true => Ok(()),
        false => Err(format!(
            "gives its vote of term {} to {}, and has term {} and vote {} on disk",
            message.term, message.to, on_disk.term, on_disk.vote
        )),
    }
}
