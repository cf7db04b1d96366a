//! What was found, and whether it is enough.

use crate::markdown::number;
use crate::measure::{Samples, Sides, Stat};

/// Rows of one unit.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What the numbers are.
    pub(crate) unit: &'static str,
    pub(crate) rows: Vec<Row>,
}

impl Section {
    /// Takes over what an earlier run has found.
    pub(crate) fn follow(&mut self, earlier: Section) {
        for (row, earlier) in self.rows.iter_mut().zip(earlier.rows) {
            for (check, earlier) in row.checks.iter_mut().zip(earlier.checks) {
                check.found.splice(..0, earlier.found);
                check.reached &= earlier.reached;
            }
        }
    }
}

/// One kind of work.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    /// What it is called where it stands for the others.
    pub(crate) headline: Option<&'static str>,
    pub(crate) values: Sides<Stat>,
    /// raft-rs's value over ours.
    pub(crate) over_raft_rs: Option<f64>,
    /// Our value over the floor's.
    pub(crate) over_floor: Option<f64>,
    /// raft-rs's value over the floor's: nobody can be that many times faster.
    pub(crate) floor_over_raft_rs: Option<f64>,
    pub(crate) counted: Option<Counted>,
    pub(crate) checks: Vec<Check>,
}

/// What was counted besides, in all nodes together.
#[derive(Debug)]
pub(crate) struct Counted {
    /// Allocations, without the payload's own.
    pub(crate) allocations: Sides<f64>,
    /// Reads of the storage.
    pub(crate) storage_calls: Sides<f64>,
}

/// A number to reach.
#[derive(Debug)]
pub(crate) struct Check {
    pub(crate) goal: String,
    /// In each run.
    pub(crate) found: Vec<String>,
    /// In all runs.
    pub(crate) reached: bool,
}

/// Two runs of the same code differ by this much.
const NOISE: f64 = 0.03;

impl Row {
    /// Work that was timed.
    pub(crate) fn timed(work: impl Into<String>, samples: &Sides<Samples>) -> Self {
        let (ours, raft_rs, floor) = (&samples.ours, &samples.raft_rs, &samples.floor);
        Self {
            work: work.into(),
            headline: None,
            values: samples.as_ref().map(Samples::stat),
            over_raft_rs: raft_rs.as_ref().map(|raft_rs| raft_rs.ratio(ours)),
            over_floor: floor.as_ref().map(|floor| ours.ratio(floor)),
            floor_over_raft_rs: raft_rs.as_ref().zip(floor.as_ref()).map(|(a, b)| a.ratio(b)),
            counted: None,
            checks: Vec::new(),
        }
    }

    /// Something that was counted, and is the same in each run.
    pub(crate) fn exact(work: impl Into<String>, values: Sides<f64>) -> Self {
        Self {
            work: work.into(),
            headline: None,
            over_raft_rs: values.raft_rs.map(|raft_rs| raft_rs / values.ours),
            over_floor: values.floor.map(|floor| values.ours / floor),
            floor_over_raft_rs: values.raft_rs.zip(values.floor).map(|(a, b)| a / b),
            values: values.map(Stat::exact),
            counted: None,
            checks: Vec::new(),
        }
    }

    /// Stands for the others, under this name.
    pub(crate) fn headline(mut self, name: &'static str) -> Self {
        self.headline = Some(name);
        self
    }

    /// Must be so many times faster than raft-rs.
    pub(crate) fn faster_than_raft_rs(self, times: f64) -> Self {
        let found = self.over_raft_rs.unwrap_or_default();
        let most = self.floor_over_raft_rs.map(|most| format!(" (floor {most:.1}×)"));
        let shown = format!("{found:.2}×{}", most.unwrap_or_default());
        self.check(format!("{times}× raft-rs"), shown, found >= times)
    }

    /// Must not be slower than raft-rs.
    pub(crate) fn not_slower_than_raft_rs(self) -> Self {
        let found = self.over_raft_rs.unwrap_or_default();
        let goal = format!("no slower than raft-rs, but for noise: {}×", 1.0 - NOISE);
        self.check(goal, format!("{found:.2}×"), found >= 1.0 - NOISE)
    }

    /// Must not take more than so many times the floor.
    pub(crate) fn within_floor(self, times: f64) -> Self {
        let found = self.over_floor.unwrap_or(f64::INFINITY);
        let goal = format!("within {times}× of the floor");
        self.check(goal, format!("{found:.2}×"), found <= times)
    }

    /// Something found besides must not be more than this.
    pub(crate) fn at_most(self, what: &str, found: f64, limit: f64) -> Self {
        let goal = match limit == 0.0 {
            true => format!("no {what}"),
            false => format!("at most {} {what}", exactly(limit)),
        };
        self.check(goal, exactly(found), found <= limit)
    }

    fn check(mut self, goal: impl Into<String>, found: String, reached: bool) -> Self {
        self.checks.push(Check { goal: goal.into(), found: vec![found], reached });
        self
    }

    /// Whether all numbers are reached.
    pub(crate) fn is_reached(&self) -> bool {
        self.checks.iter().all(|check| check.reached)
    }
}

/// Too many must not round to just enough.
fn exactly(value: f64) -> String {
    match value < 100.0 {
        true => format!("{}", (value * 1000.0).ceil() / 1000.0),
        false => number(value.ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::exact("bytes", Sides { ours: 2.0, raft_rs: Some(10.0), floor: Some(1.0) })
    }

    #[test]
    fn ratios_say_how_much_better_and_how_much_worse() {
        let Row { over_raft_rs, over_floor, floor_over_raft_rs, .. } = row();
        assert_eq!(
            (over_raft_rs, over_floor, floor_over_raft_rs),
            (Some(5.0), Some(2.0), Some(10.0))
        );
    }

    #[test]
    fn a_limit_itself_is_reached() {
        let reached = row().faster_than_raft_rs(5.0).within_floor(2.0).at_most("bytes", 2.0, 2.0);
        assert!(reached.is_reached());
        for short in [
            row().faster_than_raft_rs(5.1),
            row().within_floor(1.9),
            row().at_most("bytes", 2.0, 1.9),
        ] {
            assert!(!short.is_reached());
        }
    }

    #[test]
    fn noise_is_not_slower() {
        for (raft_rs, reached) in [(1.0, true), (0.98, true), (0.96, false)] {
            let values = Sides { ours: 1.0, raft_rs: Some(raft_rs), floor: None };
            let row = Row::exact("ticks", values).not_slower_than_raft_rs();
            assert_eq!(row.is_reached(), reached, "{raft_rs}");
        }
    }

    #[test]
    fn all_runs_must_reach_it() {
        let section = |found| Section {
            title: "Some",
            unit: "Bytes",
            rows: vec![row().at_most("bytes", found, 2.0)],
        };
        for (first, second, reached) in [(1.0, 2.0, true), (3.0, 1.0, false), (1.0, 3.0, false)] {
            let mut last = section(second);
            last.follow(section(first));
            assert_eq!(
                last.rows[0].checks[0].found,
                [first, second].map(|found| found.to_string())
            );
            assert_eq!(last.rows[0].is_reached(), reached);
        }
    }

    #[test]
    fn one_number_that_is_not_reached_is_enough() {
        assert!(!row().within_floor(1.0).at_most("bytes", 1.0, 2.0).is_reached());
    }
}
