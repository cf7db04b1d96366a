//! The report as Markdown.

use std::fmt::Write;

use crate::measure::{Sides, Stat};
use crate::row::{Check, Row, Section};

/// The tables.
pub(crate) fn render(head: &str, sections: &[Section]) -> String {
    let mut out = format!("# Beside raft-rs\n\n{head}\n");
    for section in sections {
        let Section { title, unit, rows } = section;
        // Writing to a string does not fail.
        write!(out, "\n## {title}\n\n{unit}.\n\n").ok();
        out += &table(rows);
    }
    let short = sections.iter().flat_map(|s| &s.rows).filter(|row| !row.is_reached()).count();
    out += &match short {
        0 => "\nAll numbers are reached.\n".to_owned(),
        1 => "\nOne row falls short.\n".to_owned(),
        _ => format!("\n{short} rows fall short.\n"),
    };
    out
}

fn table(rows: &[Row]) -> String {
    let counted = rows.iter().any(|row| row.counted.is_some());
    let mut heads = vec!["work", "ours", "raft-rs", "floor", "raft-rs ÷ ours", "ours ÷ floor"];
    if counted {
        heads.extend(["allocations", "storage calls"]);
    }
    heads.push("to reach");
    let mut out = line(heads.iter().map(ToString::to_string));
    out += &line(heads.iter().enumerate().map(|(at, _)| match at {
        0 => "---".to_owned(),
        _ if at + 1 == heads.len() => "---".to_owned(),
        _ => "---:".to_owned(),
    }));
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
        let checks: Vec<_> = row.checks.iter().map(verdict).collect();
        cells.push(checks.join("; "));
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
    format!("{ratio:.1}×")
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
    match reached {
        true => goal.clone(),
        false => format!("**falls short**: {goal}, found {found}"),
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
        let good = render("Head.", &[section(2.0)]);
        assert!(good.contains("| thing | 20 | 50 | – | 2.5× | – | 2× raft-rs |\n"), "{good}");
        assert!(good.ends_with("All numbers are reached.\n"));
        let bad = render("Head.", &[section(4.0)]);
        assert!(bad.contains("| **falls short**: 4× raft-rs, found 2.50× |"), "{bad}");
        assert!(bad.ends_with("One row falls short.\n"));
    }
}
