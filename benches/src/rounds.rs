//! Reads, elections and changes of the configuration without Raft: the messages that they need, of
//! which nobody looks at anything but the address.

use std::hint::black_box;

use crate::{Change, Floor, Payloads};

/// What the first replica and another one say to each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hop {
    /// A question to this replica.
    Question(usize),
    /// Its answer.
    Answer,
}

impl Floor {
    /// `count` reads, which wait for all others to answer once.
    pub fn read(&mut self, contexts: &mut Payloads, count: usize) {
        let waiting: Vec<_> = contexts.take(count).collect();
        self.ask_all();
        drop(black_box(waiting));
    }

    /// All others answer, then all replicas have an empty entry.
    pub fn elect_next(&mut self) {
        self.ask_all();
        self.share([Vec::new()].into_iter());
    }

    /// All replicas have an entry that says what changes.
    pub fn change(&mut self, change: Change) {
        let entry = match change {
            Change::AddLearner(id) => vec![0, id as u8],
            Change::Remove(id) => vec![1, id as u8],
        };
        self.share([entry].into_iter());
    }

    fn ask_all(&mut self) {
        self.hops.extend((1..self.replicas.len()).map(Hop::Question));
        let mut missing = self.replicas.len() - 1;
        while let Some(hop) = self.hops.pop_front() {
            match hop {
                Hop::Question(to) => {
                    black_box(to);
                    self.hops.push_back(Hop::Answer);
                }
                Hop::Answer => missing -= 1,
            }
        }
        assert_eq!(missing, 0, "all have answered");
    }
}
