//! Floor 5. Ticks, one by one or many at once.

use super::transition::Transition;
use super::{Raft, Role};
use crate::error::StorageError;
use crate::event::Observer;
use crate::storage::Storage;

impl<S: Storage, O: Observer> Raft<S, O> {
    /// One tick, if it only counts. Answers whether it did.
    pub(crate) fn pass_idle_tick(&mut self) -> bool {
        let node = &self.node;
        let is_due = node.election_elapsed.saturating_add(1) >= node.randomized_election_timeout;
        let is_idle = !is_due && self.role.leader().is_none();
        if is_idle {
            self.pass_idle_ticks(1);
        }
        is_idle
    }

    pub(crate) fn tick(&mut self) -> Result<(), StorageError> {
        self.node.pass_promised_ticks(1);
        if let Role::Leader(leader) = &mut self.role {
            if let Transition::Follow { term, leader } = leader.tick(&mut self.node) {
                self.become_follower(term, leader);
            }
            return Ok(());
        }
        let node = &mut self.node;
        node.election_elapsed = node.election_elapsed.saturating_add(1);
        if node.election_elapsed >= node.randomized_election_timeout && node.is_promotable() {
            node.election_elapsed = 0;
            self.try_campaign(self.campaign_kind())?.ok();
        }
        Ok(())
    }

    /// The tick, counted from now, that will be the first to do anything; `None` when none will.
    pub(crate) fn ticks_until_timeout(&self) -> Option<u32> {
        let node = &self.node;
        let left = match &self.role {
            Role::Leader(leader) => leader.ticks_until_timeout(node),
            _ if !node.is_promotable() => return None,
            _ => node.randomized_election_timeout.saturating_sub(node.election_elapsed),
        };
        Some(left.max(1))
    }

    /// `ticks` ticks, at the price of those that do something.
    pub(crate) fn tick_by(&mut self, ticks: u32) -> Result<(), StorageError> {
        let mut left = ticks;
        while left > 0 {
            let next = self.ticks_until_timeout().unwrap_or(u32::MAX);
            let idle = left.min(next - 1);
            self.pass_idle_ticks(idle);
            left -= idle;
            if left > 0 {
                self.tick()?;
                left -= 1;
            }
        }
        Ok(())
    }

    /// Ticks that only count.
    fn pass_idle_ticks(&mut self, ticks: u32) {
        let node = &mut self.node;
        node.pass_promised_ticks(ticks);
        if let Role::Leader(leader) = &mut self.role {
            leader.pass(ticks);
            // Without a check of the quorum the count just starts over.
            let elapsed = u64::from(node.election_elapsed) + u64::from(ticks);
            node.election_elapsed = (elapsed % u64::from(node.config.election_tick)) as u32;
        } else {
            node.election_elapsed = node.election_elapsed.saturating_add(ticks);
        }
    }
}
