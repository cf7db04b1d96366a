//! The report as Markdown.

use std::fmt::Write;

use crate::measure::{Sides, Stat};
use crate::row::{Check, Row, Section};

/// All that was found, and whether it is enough.
pub(crate) fn report(head: &str, sections: &[Section]) -> String {
    let mut out = format!("# Speed, beside raft-rs\n\n{head}\n");
    out += &tables(sections);
    let short = sections.iter().flat_map(|s| &s.rows).filter(|row| !row.is_reached()).count();
    out += &match short {
        0 => "\nAll numbers are reached.\n".to_owned(),
        1 => "\nOne row falls short.\n".to_owned(),
        _ => format!("\n{short} rows fall short.\n"),
    };
    out
}

/// How costs grow.
pub(crate) fn scaling(head: &str, sections: &[Section]) -> String {
    format!("# How it scales\n\n{head}\n{}", tables(sections))
}

/// The rows that stand for the others.
pub(crate) fn headlines(machine: &str, sections: &[Section]) -> String {
    let mut out = line(HEADS.map(String::from));
    out += &line(HEADS.iter().enumerate().map(|(at, _)| align(at).to_owned()));
    for row in sections.iter().flat_map(|section| &section.rows) {
        let Some(name) = row.headline else { continue };
        let values = row.values.map(|stat| number(stat.median));
        let mut cells = vec![name.to_owned(), values.ours];
        cells.extend([values.raft_rs, values.floor].map(or_dash));
        cells.extend([row.over_raft_rs, row.over_floor].map(|r| or_dash(r.map(times))));
        out += &line(cells);
    }
    // Writing to a string does not fail.
    write!(out, "\nMeasured with {machine}, in memory.\n").ok();
    out
}

fn tables(sections: &[Section]) -> String {
    let mut out = String::new();
    for Section { title, unit, rows } in sections {
        write!(out, "\n## {title}\n\n{unit}.\n\n").ok();
        out += &table(rows);
    }
    out
}

const HEADS: [&str; 6] = ["work", "ours", "raft-rs", "floor", "raft-rs ÷ ours", "ours ÷ floor"];

/// Names to the left, numbers to the right.
fn align(column: usize) -> &'static str {
    if column == 0 { "---" } else { "---:" }
}

fn table(rows: &[Row]) -> String {
    let counted = rows.iter().any(|row| row.counted.is_some());
    let checked = rows.iter().any(|row| !row.checks.is_empty());
    let mut heads = HEADS.to_vec();
    if counted {
        heads.extend(["allocations", "storage calls"]);
    }
    let mut aligns: Vec<_> = (0..heads.len()).map(align).collect();
    if checked {
        heads.push("to reach: found");
        aligns.push("---");
    }
    let mut out = line(heads.into_iter().map(String::from));
    out += &line(aligns.into_iter().map(String::from));
    for row in rows {
        let values = row.values.map(|stat| spread(&stat));
        let mut cells = vec![row.work.clone(), values.ours];
        cells.extend([values.raft_rs, values.floor].map(or_dash));
        cells.extend([row.over_raft_rs, row.over_floor].map(|r| or_dash(r.map(times))));
        if counted {
            let counts = row.counted.as_ref();
            cells.push(or_dash(counts.map(|counted| triple(&counted.allocations))));
            cells.push(or_dash(counts.map(|counted| triple(&counted.storage_calls))));
        }
        if checked {
            let checks: Vec<_> = row.checks.iter().map(verdict).collect();
            cells.push(checks.join("; "));
        }
        out += &line(cells);
    }
    out
}

fn line(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<_> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

fn or_dash(cell: Option<String>) -> String {
    cell.unwrap_or_else(|| "–".to_owned())
}

fn times(ratio: f64) -> String {
    match ratio < 100.0 {
        true => format!("{ratio:.1}×"),
        false => format!("{}×", number(ratio)),
    }
}

fn spread(stat: &Stat) -> String {
    match stat.low == stat.high {
        true => number(stat.median),
        false => {
            format!("{} ({}–{})", number(stat.median), number(stat.low), number(stat.high))
        }
    }
}

fn triple(sides: &Sides<f64>) -> String {
    let sides = sides.map(number);
    let [raft_rs, floor] = [sides.raft_rs, sides.floor].map(or_dash);
    format!("{} / {raft_rs} / {floor}", sides.ours)
}

fn verdict(check: &Check) -> String {
    let Check { goal, found, reached } = check;
    let found = found.join(", ");
    match reached {
        true => format!("{goal}: {found}"),
        false => format!("**falls short:** {goal}: {found}"),
    }
}

/// Three digits or more, thousands apart.
pub(crate) fn number(value: f64) -> String {
    if value == value.trunc() && value < 100.0 {
        return format!("{value}");
    }
    if value < 10.0 {
        return format!("{value:.2}");
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let numbers = [0.0, 3.0, 0.123, 12.34, 123.4, 1234.5, 1_234_567.0].map(number);
        assert_eq!(numbers, ["0", "3", "0.12", "12.3", "123", "1,234", "1,234,567"]);
    }

    #[test]
    fn a_row_that_falls_short_says_so() {
        let values = Sides { ours: 20.0, raft_rs: Some(50.0), floor: None };
        let section = |times| Section {
            title: "Some",
            unit: "Bytes",
            rows: vec![Row::exact("thing", values).faster_than_raft_rs(times)],
        };
        let good = report("Head.", &[section(2.0)]);
        assert!(
            good.contains("| thing | 20 | 50 | – | 2.5× | – | 2× raft-rs: 2.50× |\n"),
            "{good}"
        );
        assert!(good.ends_with("All numbers are reached.\n"));
        let bad = report("Head.", &[section(4.0)]);
        assert!(bad.contains("| **falls short:** 4× raft-rs: 2.50× |"), "{bad}");
        assert!(bad.ends_with("One row falls short.\n"));
    }

    #[test]
    fn headlines_stand_for_the_others() {
        let values = Sides { ours: 20.0, raft_rs: Some(50.0), floor: None };
        let rows = vec![Row::exact("a", values), Row::exact("b", values).headline("B")];
        let table = headlines("raft-rs 1", &[Section { title: "Some", unit: "Bytes", rows }]);
        assert!(table.contains("| B | 20 | 50 | – | 2.5× | – |\n"), "{table}");
        assert_eq!(table.lines().filter(|line| line.starts_with('|')).count(), 3);
    }
}
