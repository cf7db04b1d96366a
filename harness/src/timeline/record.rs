//! The records of a trace: one a line, as JSON.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

/// Something that happened at a moment of virtual time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Microseconds since the start of the run; the number of the step where there is no time.
    pub at: u64,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen. Nodes, clients and messages are named by numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[allow(missing_docs)] // Of the fields: `node` is where it happened, the rest are Raft's terms.
pub enum What {
    /// The run begins, with these nodes.
    Begin { title: String, nodes: Vec<u64> },
    /// A process comes up over what its disk holds.
    Started { node: u64, term: u64, vote: u64, commit: u64, last: u64 },
    /// A process ends at once; what was not on disk is lost.
    Crashed { node: u64, why: String },
    /// A process stands still, and its clock with it.
    Paused { node: u64 },
    /// A process that stood still goes on.
    Resumed { node: u64 },
    /// Role, term or leader of a node have changed; a leader of 0 is not known.
    State { node: u64, role: Role, term: u64, leader: u64 },
    /// The commit index of a node has grown.
    Committed { node: u64, index: u64 },
    /// A node has applied everything up to an index.
    Applied { node: u64, index: u64 },
    /// A node has applied a change of the configuration, which is given in its text form.
    Configured { node: u64, config: String },
    /// A message leaves; `id` names it from here on.
    Sent { id: u64, from: u64, to: u64, kind: String, term: u64, text: String },
    /// A message arrives. One that is duplicated arrives more than once.
    Delivered { id: u64 },
    /// A message is lost.
    Lost { id: u64, why: String },
    /// A directed link goes down.
    LinkDown { from: u64, to: u64 },
    /// A directed link comes back.
    LinkUp { from: u64, to: u64 },
    /// A fault that has no record of its own; on one node, or (0) anywhere.
    Fault { node: u64, text: String },
    /// A client asks for something.
    Asked { client: u64, op: u64, node: u64, text: String },
    /// A client learns what came of it.
    Answered { client: u64, op: u64, text: String },
    /// Something worth a line that is none of the above.
    Note { node: u64, text: String },
    /// A rule is broken.
    Violation { node: u64, rule: String, text: String },
    /// The run is over.
    End { verdict: String },
}

/// A role, as traces name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether it would get votes.
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads.
    Leader,
}

impl From<raft_core::StateRole> for Role {
    fn from(role: raft_core::StateRole) -> Self {
        match role {
            raft_core::StateRole::Follower => Self::Follower,
            raft_core::StateRole::PreCandidate => Self::PreCandidate,
            raft_core::StateRole::Candidate => Self::Candidate,
            raft_core::StateRole::Leader => Self::Leader,
        }
    }
}

/// Keeps the records of a run, if it was asked to.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    records: Option<Vec<Record>>,
}

impl Recorder {
    /// One that keeps everything.
    #[must_use]
    pub fn on() -> Self {
        Self { records: Some(Vec::new()) }
    }

    /// One that keeps nothing, for speed.
    #[must_use]
    pub fn off() -> Self {
        Self::default()
    }

    /// Keeps what `what` makes, which is not called when nothing is kept.
    pub fn record(&mut self, at: u64, what: impl FnOnce() -> What) {
        if let Some(records) = &mut self.records {
            records.push(Record { at, what: what() });
        }
    }

    /// What was kept.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        self.records.as_deref().unwrap_or(&[])
    }

    /// Writes the records as JSON, one a line.
    pub fn write_to(&self, out: &mut impl Write) -> io::Result<()> {
        for record in self.records() {
            serde_json::to_writer(&mut *out, record)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json_that_reads_back() {
        let mut recorder = Recorder::on();
        recorder.record(7, || What::Committed { node: 1, index: 2 });
        recorder.record(8, || What::State {
            node: 1,
            role: Role::PreCandidate,
            term: 3,
            leader: 0,
        });
        let mut out = Vec::new();
        recorder.write_to(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "{\"at\":7,\"event\":\"committed\",\"node\":1,\"index\":2}\n\
             {\"at\":8,\"event\":\"state\",\"node\":1,\"role\":\"pre_candidate\",\"term\":3,\"leader\":0}\n"
        );
        let read: Vec<Record> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read, recorder.records());
    }

    #[test]
    fn a_recorder_that_is_off_makes_no_records() {
        Recorder::off().record(1, || unreachable!("nobody asked for it"));
    }
}
