//! A follower of raft-rs with nothing to do.

use benches::idle::{ELECTION_TICK, Idle};
use raft::prelude::*;
use raft::{GetEntriesContext, Result, StorageError};
use slog::Logger;

/// A follower of raft-rs.
pub(crate) struct Follower(RawNode<NoLog>);

impl Idle for Follower {
    fn new(_: u64, logger: &Logger) -> Self {
        let config =
            Config { election_tick: ELECTION_TICK as usize, heartbeat_tick: 1, ..Config::new(1) };
        Self(RawNode::new(&config, NoLog, logger).expect("a valid node"))
    }

    fn tick(&mut self) {
        self.0.tick();
    }

    fn has_work(&self) -> bool {
        self.0.has_ready()
    }
}

/// The empty log of a group of three.
struct NoLog;

impl Storage for NoLog {
    fn initial_state(&self) -> Result<RaftState> {
        let conf_state = ConfState { voters: vec![1, 2, 3], ..ConfState::default() };
        Ok(RaftState::new(HardState::default(), conf_state))
    }

    fn entries(
        &self,
        _: u64,
        _: u64,
        _: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> Result<Vec<Entry>> {
        Err(StorageError::Unavailable.into())
    }

    fn term(&self, index: u64) -> Result<u64> {
        if index == 0 { Ok(0) } else { Err(StorageError::Unavailable.into()) }
    }

    fn first_index(&self) -> Result<u64> {
        Ok(1)
    }

    fn last_index(&self) -> Result<u64> {
        Ok(0)
    }

    fn snapshot(&self, _: u64, _: u64) -> Result<Snapshot> {
        Err(StorageError::SnapshotTemporarilyUnavailable.into())
    }
}
