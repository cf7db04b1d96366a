//! Counts to compare with.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::str::FromStr;

/// A count may be so many hundredths larger than it was.
const TOLERANCE: u64 = 5;

/// The instructions that each hot path took on one toolchain. Its text form is a line for the
/// toolchain, then one for each path.
#[derive(Debug, PartialEq)]
pub(crate) struct Baseline {
    pub(crate) toolchain: String,
    pub(crate) counts: BTreeMap<String, u64>,
}

impl Baseline {
    /// A table of both, and the names of those that have grown too much or are not in both.
    pub(crate) fn compare<'a>(&'a self, found: &'a Self) -> (String, Vec<&'a str>) {
        let (mut report, mut grown) = (String::new(), Vec::new());
        let names: BTreeSet<_> = self.counts.keys().chain(found.counts.keys()).collect();
        for name in names {
            let (before, after) = (self.counts.get(name), found.counts.get(name));
            let within = match (before, after) {
                (Some(before), Some(after)) => after * 100 <= before * (100 + TOLERANCE),
                _ => false,
            };
            if !within {
                grown.push(name.as_str());
            }
            let show = |count: Option<&u64>| count.map_or("–".to_owned(), u64::to_string);
            let change = match (before, after) {
                (Some(before), Some(after)) => {
                    format!("{:+.1} %", (*after as f64 / *before as f64 - 1.0) * 100.0)
                }
                _ => String::new(),
            };
            let (before, after) = (show(before), show(after));
            // Writing to a string does not fail.
            writeln!(report, "{name:40} {before:>12} {after:>12} {change:>9}").ok();
        }
        (report, grown)
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.toolchain)?;
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{name} {count}"))
    }
}

impl FromStr for Baseline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let toolchain = lines.next().unwrap_or_default().to_owned();
        let count = |line: &str| {
            let (name, count) = line.split_once(' ')?;
            Some((name.to_owned(), count.parse().ok()?))
        };
        let counts = lines.map(|line| count(line).ok_or(format!("not a count: {line}")));
        Ok(Self { toolchain, counts: counts.collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline(counts: &[(&str, u64)]) -> Baseline {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Baseline { toolchain: "rustc 1.2.3 for here".to_owned(), counts }
    }

    #[test]
    fn what_is_written_is_read() {
        let written = baseline(&[("a/b", 7), ("c/d", 8)]);
        assert_eq!(written.to_string().parse(), Ok(written));
        assert!("rustc\na/b seven".parse::<Baseline>().is_err());
    }

    #[test]
    fn five_hundredths_are_fine() {
        let before = baseline(&[("a", 1000)]);
        for (count, is_fine) in [(900, true), (1050, true), (1051, false)] {
            let after = baseline(&[("a", count)]);
            assert_eq!(before.compare(&after).1.is_empty(), is_fine, "{count}");
        }
    }

    #[test]
    fn what_comes_and_goes_is_told() {
        let (before, after) = (baseline(&[("a", 1), ("b", 1)]), baseline(&[("b", 1), ("c", 1)]));
        let (report, grown) = before.compare(&after);
        assert_eq!(grown, ["a", "c"]);
        assert_eq!(report.lines().count(), 3);
    }
}
