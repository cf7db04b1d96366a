//! Followers with nothing to do, of which a host may have very many.

use std::ops::Range;

use raft_core::proto::{ConfState, Entries, Entry, Message, MessageType, Snapshot};
use raft_core::{Config, InitialState, RawNode, ReadPurpose, Storage, StorageError};
use slog::Logger;

/// The ticks of an election timeout: long enough that no follower campaigns.
pub const ELECTION_TICK: u32 = 1_000_000_000;

/// A follower in a group of three, over a storage that takes no room.
pub trait Idle: Sized {
    /// The follower of this group.
    fn new(group: u64, logger: &Logger) -> Self;

    /// A tick of time passes.
    fn tick(&mut self);

    /// Whether there is work to do.
    fn has_work(&self) -> bool;
}

/// The followers of as many groups, which share a logger that writes nothing. Where they lie has
/// nothing to do with their order, as in a host that has kept and moved them for a while.
#[must_use]
pub fn followers<F: Idle>(groups: u64) -> Vec<Box<F>> {
    // A prime that does not divide the number of groups.
    const STRIDE: u64 = 7919;
    let logger = Logger::root(slog::Discard, slog::o!());
    let mut followers: Vec<_> = (0..groups)
        .map(|group| (group * STRIDE % groups, Box::new(F::new(group, &logger))))
        .collect();
    followers.sort_by_key(|(order, _)| *order);
    followers.into_iter().map(|(_, follower)| follower).collect()
}

/// Ticks each follower once.
pub fn tick<F: Idle>(followers: &mut [Box<F>]) {
    followers.iter_mut().for_each(|follower| follower.tick());
}

/// Ticks each follower once, and asks it for work. Answers how many have any.
pub fn tick_and_look<F: Idle>(followers: &mut [Box<F>]) -> usize {
    let look = |follower: &mut Box<F>| {
        follower.tick();
        follower.has_work()
    };
    followers.iter_mut().map(look).filter(|has_work| *has_work).count()
}

/// A follower of this library.
#[derive(Debug)]
pub struct Ours(RawNode<NoLog>);

impl Ours {
    /// In how many ticks the follower wants to be woken.
    #[must_use]
    pub fn ticks_until_timeout(&self) -> Option<u32> {
        self.0.ticks_until_timeout()
    }

    /// Follows node 2 for a while, which has a few entries for it and then only heartbeats.
    pub fn follow(&mut self) {
        for index in 1..=9 {
            let before = index - 1;
            let append = Message {
                index: before,
                log_term: before.min(1),
                commit: index,
                entries: Entry::new(1, index, "an entry").into(),
                ..Message::new(MessageType::MsgApp)
            };
            for message in [append, Message::new(MessageType::MsgHeartbeat)] {
                let message = Message { from: 2, to: 1, term: 1, ..message };
                self.0.step(message).expect("it is a member of the group");
                self.work();
            }
        }
    }

    fn work(&mut self) {
        let mut ready = self.0.ready().expect("a node that is alive");
        ready.take_messages();
        let mut done = ready.persisted();
        done.take_messages();
        self.0.advance(done).expect("its own batch");
    }

    /// Gives back what it keeps for what comes next.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// What a host that lets it sleep owes it.
    pub fn tick_by(&mut self, ticks: u32) {
        self.0.tick_by(ticks);
    }
}

impl Idle for Ours {
    fn new(group: u64, logger: &Logger) -> Self {
        let config = Config { group, election_tick: ELECTION_TICK, ..Config::new(1) };
        Self(RawNode::new(config, NoLog, logger).expect("a valid node"))
    }

    fn tick(&mut self) {
        self.0.tick();
    }

    fn has_work(&self) -> bool {
        self.0.has_ready()
    }
}

/// A counter and a limit in a cache line: the least that time passing can cost.
#[derive(Debug)]
#[repr(align(64))]
pub struct Floor {
    elapsed: u32,
    timeout: u32,
}

impl Idle for Floor {
    fn new(_: u64, _: &Logger) -> Self {
        Self { elapsed: 0, timeout: ELECTION_TICK }
    }

    fn tick(&mut self) {
        self.elapsed += 1;
    }

    fn has_work(&self) -> bool {
        self.elapsed >= self.timeout
    }
}

/// The empty log of a group of three.
#[derive(Clone, Copy, Debug)]
struct NoLog;

impl Storage for NoLog {
    fn initial_state(&self) -> Result<InitialState, StorageError> {
        let conf_state = ConfState::new([1, 2, 3], []);
        Ok(InitialState { conf_state, ..InitialState::default() })
    }

    fn entries(
        &self,
        _: Range<u64>,
        _: u64,
        _: ReadPurpose,
        _: &mut Entries,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unavailable)
    }

    fn term(&self, index: u64) -> Result<u64, StorageError> {
        if index == 0 { Ok(0) } else { Err(StorageError::Unavailable) }
    }

    fn first_index(&self) -> Result<u64, StorageError> {
        Ok(1)
    }

    fn last_index(&self) -> Result<u64, StorageError> {
        Ok(0)
    }

    fn snapshot(&self) -> Result<Snapshot, StorageError> {
        Err(StorageError::SnapshotTemporarilyUnavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_follower_has_no_work() {
        let mut followers = followers::<Ours>(3);
        tick(&mut followers);
        assert_eq!(tick_and_look(&mut followers), 0);
        for follower in &mut followers {
            let left = follower.ticks_until_timeout().expect("a voter campaigns some day");
            follower.tick_by(left - 1);
            assert!(!follower.has_work());
            follower.tick();
            assert!(follower.has_work());
        }
    }
}
