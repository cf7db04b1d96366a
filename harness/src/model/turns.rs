//! What nodes do, remembered.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use super::member::Member;
use super::network::Packet;
use super::turn::{CrashPoint, Input, Turn};

/// A node after an input, and what came of it.
#[derive(Debug)]
pub(super) struct Turned {
    pub(super) member: Arc<Member>,
    pub(super) turn: Turn,
}

type Known = HashMap<(u64, u64), Option<Arc<Turned>>>;

/// Each turn of each node, by the digests of the node and of the input. What a node does depends
/// on nothing else, and the same node is part of very many states: it takes its turn once, and all
/// of them share it.
#[derive(Debug, Default)]
pub(super) struct Turns {
    known: Mutex<Known>,
}

impl Turns {
    /// What `member` becomes by `input`; `None` when it does not take it, or when the process does
    /// not get to where it is to crash.
    pub(super) fn turn(
        &self,
        member: &Arc<Member>,
        input: Input,
        crash: Option<CrashPoint>,
    ) -> Option<Arc<Turned>> {
        let mut hasher = DefaultHasher::new();
        (&input, crash).hash(&mut hasher);
        let key = (member.digest(), hasher.finish());
        // A thread that panicked while it held the lock has changed nothing.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let turned = known.entry(key).or_insert_with(|| {
            let (after, turn) = Member::clone(member).act(input, crash)?;
            Some(Arc::new(Turned { member: Arc::new(after), turn }))
        });
        turned.clone()
    }

    /// Whether `member` takes no notice of a message.
    pub(super) fn ignores(&self, member: &Arc<Member>, packet: &Packet) -> bool {
        self.turn(member, Input::Receive(packet.clone()), None).is_some_and(|turned| {
            let quiet = turned.turn.sent.is_empty() && turned.turn.observed.is_empty();
            quiet && turned.member.digest() == member.digest()
        })
    }
}
