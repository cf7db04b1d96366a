//! What was found, and whether it is enough.

use crate::measure::{Samples, Sides, Stat};

/// Rows of one unit.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    /// What the numbers are.
    pub(crate) unit: &'static str,
    pub(crate) rows: Vec<Row>,
}

/// One kind of work.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) work: String,
    pub(crate) values: Sides<Stat>,
    /// raft-rs's value over ours.
    pub(crate) over_raft_rs: Option<f64>,
    /// Our value over the floor's.
    pub(crate) over_floor: Option<f64>,
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
    pub(crate) found: String,
    pub(crate) reached: bool,
}

impl Row {
    /// Work that was timed.
    pub(crate) fn timed(work: impl Into<String>, samples: &Sides<Samples>) -> Self {
        let (ours, raft_rs, floor) = (&samples.ours, &samples.raft_rs, &samples.floor);
        Self {
            work: work.into(),
            values: samples.as_ref().map(Samples::stat),
            over_raft_rs: raft_rs.as_ref().map(|raft_rs| raft_rs.ratio(ours)),
            over_floor: floor.as_ref().map(|floor| ours.ratio(floor)),
            counted: None,
            checks: Vec::new(),
        }
    }

    /// Something that was counted, and is the same in each run.
    pub(crate) fn exact(work: impl Into<String>, values: Sides<f64>) -> Self {
        Self {
            work: work.into(),
            over_raft_rs: values.raft_rs.map(|raft_rs| raft_rs / values.ours),
            over_floor: values.floor.map(|floor| values.ours / floor),
            values: values.map(Stat::exact),
            counted: None,
            checks: Vec::new(),
        }
    }

    /// Must be so many times faster than raft-rs.
    pub(crate) fn faster_than_raft_rs(mut self, times: f64) -> Self {
        let found = self.over_raft_rs.expect("raft-rs did the work");
        self.checks.push(Check {
            goal: format!("{times}× raft-rs"),
            found: format!("{found:.2}×"),
            reached: found >= times,
        });
        self
    }

    /// Must not take more than so many times the floor.
    pub(crate) fn within_floor(mut self, times: f64) -> Self {
        let found = self.over_floor.expect("there is a floor");
        self.checks.push(Check {
            goal: format!("within {times}× of the floor"),
            found: format!("{found:.2}×"),
            reached: found <= times,
        });
        self
    }

    /// Something found besides must not be more than this.
    pub(crate) fn at_most(mut self, what: &str, found: f64, limit: f64) -> Self {
        self.checks.push(Check {
            goal: format!("at most {limit} {what}"),
            // Too many must not round to just enough.
            found: format!("{}", (found * 1000.0).ceil() / 1000.0),
            reached: found <= limit,
        });
        self
    }

    /// Whether all numbers are reached.
    pub(crate) fn is_reached(&self) -> bool {
        self.checks.iter().all(|check| check.reached)
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
        assert_eq!((row().over_raft_rs, row().over_floor), (Some(5.0), Some(2.0)));
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
    fn one_number_that_is_not_reached_is_enough() {
        assert!(!row().within_floor(1.0).at_most("bytes", 1.0, 2.0).is_reached());
    }
}
