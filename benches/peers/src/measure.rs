//! Times work in turns, so that what disturbs the machine disturbs all alike.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How often each takes its turn.
    pub(crate) rounds: usize,
    /// How long a turn is.
    pub(crate) turn: Duration,
    /// The rounds of work that cannot be made short.
    pub(crate) long_rounds: usize,
    /// The entries of the log with which a follower catches up.
    pub(crate) catch_up_entries: usize,
}

impl Plan {
    /// A few minutes.
    pub(crate) const FULL: Self = Self {
        rounds: 41,
        turn: Duration::from_millis(6),
        long_rounds: 7,
        catch_up_entries: 1_000_000,
    };

    /// Some seconds, to see that everything runs.
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        turn: Duration::from_micros(500),
        long_rounds: 2,
        catch_up_entries: 64 << 10,
    };
}

/// The middle of what was measured, and the quarters around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stat {
    /// A quarter of the samples are below.
    pub(crate) low: f64,
    /// Half of the samples are below.
    pub(crate) median: f64,
    /// A quarter of the samples are above.
    pub(crate) high: f64,
}

impl Stat {
    /// What does not vary.
    pub(crate) fn exact(value: f64) -> Self {
        Self { low: value, median: value, high: value }
    }

    fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut samples: Vec<f64> = samples.into_iter().collect();
        samples.sort_by(f64::total_cmp);
        let last = samples.len() - 1;
        let at = |quarters| samples[(last * quarters + 2) / 4];
        Self { low: at(1), median: at(2), high: at(3) }
    }
}

/// Does its work so many times, and answers how long that took: setting up does not count.
pub(crate) type Contender<'a> = Box<dyn FnMut(u64) -> Duration + 'a>;

/// The time that this thread has had. It never waits for anything, so that this is what its work
/// takes, however busy the machine is.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// A contender without anything to set up.
pub(crate) fn repeat<'a>(mut work: impl FnMut() + 'a) -> Contender<'a> {
    Box::new(move |times| {
        let start = now();
        for _ in 0..times {
            work();
        }
        now() - start
    })
}

/// One thing for each of those that are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sides<T> {
    /// This library.
    pub(crate) ours: T,
    /// raft-rs, where it can do the work.
    pub(crate) raft_rs: Option<T>,
    /// The least that the work can cost, where that is known.
    pub(crate) floor: Option<T>,
}

impl<T> Sides<T> {
    pub(crate) fn map<U>(self, mut convert: impl FnMut(T) -> U) -> Sides<U> {
        Sides {
            ours: convert(self.ours),
            raft_rs: self.raft_rs.map(&mut convert),
            floor: self.floor.map(convert),
        }
    }

    pub(crate) fn as_ref(&self) -> Sides<&T> {
        Sides { ours: &self.ours, raft_rs: self.raft_rs.as_ref(), floor: self.floor.as_ref() }
    }

    pub(crate) fn as_mut(&mut self) -> Sides<&mut T> {
        Sides { ours: &mut self.ours, raft_rs: self.raft_rs.as_mut(), floor: self.floor.as_mut() }
    }

    fn into_vec(self) -> Vec<T> {
        [Some(self.ours), self.raft_rs, self.floor].into_iter().flatten().collect()
    }
}

/// The nanoseconds that an operation took in each round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn stat(&self) -> Stat {
        Stat::of(self.0.iter().copied())
    }

    /// How much slower these are than the others, round by round.
    pub(crate) fn ratio(&self, faster: &Samples) -> f64 {
        let pairs = self.0.iter().zip(&faster.0);
        Stat::of(pairs.map(|(slower, faster)| slower / faster)).median
    }
}

/// Measures in turns. What each contender does once counts as `operations`.
pub(crate) fn in_turns(
    plan: &Plan,
    operations: u64,
    mut contenders: Sides<Contender<'_>>,
) -> Sides<Samples> {
    let turns = contenders.as_mut().map(|run| {
        let times = fill_turn(plan.turn, run);
        Turn { run, times, operations }
    });
    rounds(plan.rounds, turns)
}

/// Measures contenders whose work is done once a turn.
pub(crate) fn once_a_turn(
    plan: &Plan,
    operations: u64,
    mut contenders: Sides<Contender<'_>>,
) -> Sides<Samples> {
    let turns = contenders.as_mut().map(|run| {
        // The first time finds cold memory.
        run(1);
        Turn { run, times: 1, operations }
    });
    rounds(plan.long_rounds, turns)
}

struct Turn<'a, 'b> {
    run: &'a mut Contender<'b>,
    times: u64,
    operations: u64,
}

fn rounds(rounds: usize, mut turns: Sides<Turn<'_, '_>>) -> Sides<Samples> {
    let mut samples = turns.as_ref().map(|_| Samples::default());
    for round in 0..rounds {
        let mut order: Vec<_> =
            turns.as_mut().into_vec().into_iter().zip(samples.as_mut().into_vec()).collect();
        // Each is the first one as often as the others.
        let first = round % order.len();
        order.rotate_left(first);
        for (turn, samples) in order {
            let took = (turn.run)(turn.times).as_nanos() as f64;
            samples.0.push(took / (turn.times * turn.operations) as f64);
        }
    }
    samples
}

/// How many times fill a turn. Finding out warms up.
fn fill_turn(turn: Duration, run: &mut Contender<'_>) -> u64 {
    let mut times = 1;
    loop {
        let took = run(times);
        if took >= turn {
            let fitting = times as f64 * turn.as_secs_f64() / took.as_secs_f64();
            return (fitting as u64).max(1);
        }
        times *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters() {
        let stat = Stat::of([5.0, 1.0, 4.0, 2.0, 3.0]);
        assert_eq!(stat, Stat { low: 2.0, median: 3.0, high: 4.0 });
        assert_eq!(Stat::of([7.0]), Stat::exact(7.0));
    }

    #[test]
    fn a_ratio_compares_within_rounds() {
        // The machine was ten times slower in the second round.
        let slower = Samples(vec![2.0, 20.0, 2.0]);
        assert_eq!(slower.ratio(&Samples(vec![1.0, 10.0, 1.0])), 2.0);
    }

    #[test]
    fn all_take_turns() {
        let order = std::cell::RefCell::new(Vec::new());
        let contender = |name| -> Contender<'_> {
            let order = &order;
            Box::new(move |times| {
                order.borrow_mut().push((name, times));
                Duration::from_nanos(60)
            })
        };
        let (mut a, mut b) = (contender('a'), contender('b'));
        let turns = Sides {
            ours: Turn { run: &mut a, times: 1, operations: 3 },
            raft_rs: None,
            floor: Some(Turn { run: &mut b, times: 4, operations: 3 }),
        };
        let samples = rounds(2, turns);
        drop((a, b));
        assert_eq!(samples.ours.0, [20.0, 20.0]);
        assert_eq!(samples.floor.expect("it took part").0, [5.0, 5.0]);
        assert_eq!(order.into_inner(), [('a', 1), ('b', 4), ('b', 4), ('a', 1)]);
    }
}
