//! A host that lets its groups sleep until they are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::idle::{Ours, followers};

/// Groups with nothing to do, of which only those are woken that are due.
#[derive(Debug)]
pub struct Host {
    now: u64,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    /// Each with the time up to which it has been told of.
    groups: Vec<(Box<Ours>, u64)>,
    woken: u64,
}

impl Host {
    /// A host of as many groups.
    #[must_use]
    pub fn new(groups: u64) -> Self {
        let groups: Vec<_> = followers(groups).into_iter().map(|group| (group, 0)).collect();
        let due = |(at, (group, _)): (usize, &(Box<Ours>, u64))| {
            group.ticks_until_timeout().map(|ticks| Reverse((u64::from(ticks), at)))
        };
        let due = groups.iter().enumerate().filter_map(due).collect();
        Self { now: 0, due, groups, woken: 0 }
    }

    /// A tick of time passes for all groups.
    pub fn tick(&mut self) {
        self.tick_by(1);
    }

    /// So many ticks pass.
    pub fn tick_by(&mut self, ticks: u64) {
        self.now += ticks;
        while let Some(&Reverse((due, at))) = self.due.peek() {
            if due > self.now {
                return;
            }
            self.due.pop();
            self.wake(at);
        }
    }

    /// How often a group has been woken.
    #[must_use]
    pub fn woken(&self) -> u64 {
        self.woken
    }

    fn wake(&mut self, at: usize) {
        self.woken += 1;
        let (group, told) = &mut self.groups[at];
        group.tick_by((self.now - *told) as u32);
        *told = self.now;
        if let Some(ticks) = group.ticks_until_timeout() {
            self.due.push(Reverse((self.now + u64::from(ticks), at)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idle::ELECTION_TICK;

    #[test]
    fn wakes_groups_when_they_are_due_and_not_before() {
        let mut host = Host::new(3);
        host.tick_by(u64::from(ELECTION_TICK) - 1);
        assert_eq!(host.woken(), 0);
        // An election timeout is below twice the setting.
        host.tick_by(u64::from(ELECTION_TICK));
        assert_eq!(host.woken(), 3);
    }
}
