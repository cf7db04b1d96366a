//! Memory that is kept for what comes next.

use super::node::{Node, WriteMode};
use crate::event::Observer;
use crate::storage::Storage;

impl<S: Storage, O: Observer, W: WriteMode> Node<S, O, W> {
    /// Gives back the memory of buffers that the node keeps for reuse, and changes nothing else: for a
    /// host that lets idle nodes sleep (see [`ticks_until_timeout`](Self::ticks_until_timeout)). What
    /// happens next makes them anew.
    pub fn shrink_to_fit(&mut self) {
        self.raft.shrink_to_fit();
        self.writes.shrink_to_fit();
    }
}
