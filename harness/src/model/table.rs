//! The table of outcomes.

use std::fmt;

use super::checker::Outcome;

/// The line above the first outcome.
#[must_use]
pub fn heading() -> String {
    let line =
        format!("{:<22}{:>12}{:>8}{:>10}  verdict", "configuration", "states", "depth", "seconds");
    format!("{line}\n{}", "-".repeat(72))
}

/// One line: name, distinct states, depth, seconds, verdict.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { name, states, depth, time, missed, counterexample } = self;
        let seconds = time.as_secs_f64();
        write!(f, "{name:<22}{states:>12}{depth:>8}{seconds:>10.1}  ")?;
        if let Some(counterexample) = counterexample {
            return write!(f, "BROKEN: {}", counterexample.broken.rule);
        }
        if missed.is_empty() {
            return f.write_str("every rule holds");
        }
        let missed: Vec<_> = missed.iter().map(ToString::to_string).collect();
        write!(f, "NEVER: {}", missed.join(", "))
    }
}
