//! For how long a leader may answer reads without asking anybody (Raft thesis §6.4.1). Why that is
//! safe is at [`ReadOnlyOption::LeaseBased`](crate::ReadOnlyOption::LeaseBased).

use alloc::collections::VecDeque;

/// Tells how long ago rounds of heartbeats were sent, in ticks of the leader, as long as a lease can
/// rest on them.
#[derive(Clone, Debug, Hash)]
pub(crate) struct Lease {
    /// Ticks that a lease lasts, the begun one at either end counted in.
    length: u64,
    /// Ticks of this leadership.
    now: u64,
    /// One a tick in which rounds were sent, ascending; no more than `length`.
    sent: VecDeque<Sent>,
}

#[derive(Clone, Debug, Hash)]
struct Sent {
    first_round: u64,
    tick: u64,
}

impl Lease {
    pub(super) fn new(election_tick: u32) -> Self {
        // A follower counts the tick that has begun when it hears the leader, so that one less is
        // certain; an eighth of it is for clocks that run at different rates.
        let length = u64::from(election_tick.saturating_sub(1)) * 7 / 8;
        Self { length, now: 0, sent: VecDeque::new() }
    }

    pub(super) fn pass(&mut self, ticks: u32) {
        self.now += u64::from(ticks);
    }

    /// `round` is sent now.
    pub(super) fn begin_round(&mut self, round: u64) {
        while self.sent.front().is_some_and(|sent| !self.is_recent(sent)) {
            self.sent.pop_front();
        }
        if self.sent.back().is_none_or(|last| last.tick < self.now) {
            self.sent.push_back(Sent { first_round: round, tick: self.now });
        }
    }

    /// Whether the lease that began when `round` was sent still lasts.
    pub(super) fn covers(&self, round: u64) -> bool {
        let begun = self.sent.partition_point(|sent| sent.first_round <= round);
        let sent = begun.checked_sub(1).and_then(|at| self.sent.get(at));
        sent.is_some_and(|sent| self.is_recent(sent))
    }

    fn is_recent(&self, sent: &Sent) -> bool {
        // It was sent at some moment of its tick, and now is some moment of this one.
        self.now - sent.tick < self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ticks for which a round counts, counted from the one in which it was sent.
    fn lasts(election_tick: u32) -> usize {
        let mut lease = Lease::new(election_tick);
        lease.begin_round(1);
        let each_tick = core::iter::from_fn(|| {
            let covers = lease.covers(1);
            lease.pass(1);
            Some(covers)
        });
        each_tick.take_while(|covers| *covers).count()
    }

    #[test]
    fn a_lease_is_an_eighth_shorter_than_what_followers_promise() {
        assert_eq!([2, 3, 5, 9, 10, 17].map(lasts), [0, 1, 3, 7, 7, 14]);
    }

    #[test]
    fn a_round_that_was_not_sent_covers_nothing() {
        let mut lease = Lease::new(10);
        assert!(!lease.covers(0));
        lease.begin_round(1);
        assert!(!lease.covers(0));
    }

    #[test]
    fn rounds_of_one_tick_count_alike_and_each_tick_apart() {
        let mut lease = Lease::new(10);
        lease.begin_round(1);
        lease.begin_round(2);
        lease.pass(1);
        lease.begin_round(3);
        lease.pass(6);
        assert_eq!([1, 2, 3].map(|round| lease.covers(round)), [false, false, true]);
        lease.pass(1);
        assert!(!lease.covers(3));
    }

    #[test]
    fn no_more_is_remembered_than_a_lease_lasts() {
        let mut lease = Lease::new(10);
        for round in 1..100 {
            lease.begin_round(2 * round);
            lease.begin_round(2 * round + 1);
            assert!(lease.sent.len() <= 7);
            lease.pass(1);
        }
        lease.pass(u32::MAX);
        lease.begin_round(200);
        assert_eq!(lease.sent.len(), 1);
    }
}
