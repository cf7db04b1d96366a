//! Persist before you promise: a vote or an acknowledgement leaves when what it vouches for is on disk
//! (Raft §5, figure 2).

use raft_proto::MessageType;

use crate::sim::board::{Checker, Fact, Judged, Scene};

#[derive(Debug, Default)]
pub(super) struct PersistFirst;

impl Checker for PersistFirst {
    fn rule(&self) -> &'static str {
        "persist before acknowledging"
    }

    fn on_fact(&mut self, fact: &Fact<'_>, scene: &Scene<'_>) -> Result<Judged, String> {
        let Fact::Sent { message } = fact else { return Ok(Judged::Nothing) };
        let Some(disk) = scene.board.disks.get(&scene.node) else {
            return Ok(Judged::Nothing);
        };
        let durable = &disk.durable;
        match message.kind() {
            Ok(MessageType::MsgVoteResp) if !message.reject => {
                let on_disk = durable.hard_state;
                let kept = on_disk.term > message.term
                    || (on_disk.term == message.term && on_disk.vote == message.to);
                if !kept {
                    return Err(format!(
                        "gives its vote of term {} to {}, and has term {} and vote {} on disk",
                        message.term, message.to, on_disk.term, on_disk.vote
                    ));
                }
            }
            Ok(MessageType::MsgAppResp) => {
                // An answer in a term that was not kept could be followed by one in an earlier.
                let (term, last) = (durable.hard_state.term, durable.last_index());
                if term < message.term {
                    return Err(format!(
                        "answers in term {}, and has term {term} on disk",
                        message.term
                    ));
                }
                if !message.reject && last < message.index {
                    return Err(format!("acknowledges {}, and has {last} on disk", message.index));
                }
            }
            _ => return Ok(Judged::Nothing),
        }
        Ok(Judged::Sound)
    }
}
