//! The numbers as pictures, on logarithmic scales.

use crate::markdown::number;
use crate::measure::{Sides, Stat};
use crate::row::{Row, Section};
use crate::svg::{Anchor, Side, Svg};

const GAP: f64 = 12.0;

/// The powers of ten between which all values lie.
struct Decades {
    low: i32,
    high: i32,
}

impl Decades {
    fn of(rows: &[Row]) -> Self {
        let values = || rows.iter().flat_map(|row| present(&row.values)).map(|(_, value)| value);
        let low = values().fold(f64::INFINITY, f64::min).max(0.1).log10().floor();
        let high = values().fold(0.1, f64::max).log10().ceil();
        Self { low: low as i32, high: (high as i32).max(low as i32 + 1) }
    }

    /// Where a value lies between the ends, from 0 to 1.
    fn place(&self, value: f64) -> f64 {
        ((value.log10() - f64::from(self.low)) / f64::from(self.high - self.low)).clamp(0.0, 1.0)
    }

    fn all(&self) -> impl Iterator<Item = f64> + use<> {
        (self.low..=self.high).map(|decade| 10_f64.powi(decade))
    }
}

fn present(values: &Sides<Stat>) -> impl Iterator<Item = (Side, f64)> + use<> {
    let values = [Some(values.ours), values.raft_rs, values.floor];
    let pairs = Side::ALL.into_iter().zip(values);
    pairs.filter_map(|(side, value)| Some((side, value?.median)))
}

/// Three bars a row.
pub(crate) fn bars(section: &Section) -> String {
    const LABELS: f64 = 160.0;
    const SCALE: f64 = 520.0;
    const RIGHT: f64 = 150.0;
    const TOP: f64 = 76.0;
    const BAR: f64 = 13.0;
    let decades = Decades::of(&section.rows);
    let bottom = TOP + section.rows.len() as f64 * (3.0 * BAR + GAP) + GAP;
    let mut svg = Svg::new(LABELS + SCALE + RIGHT, bottom, section.title);
    svg.head((GAP, 20.0), section.unit);
    svg.legend((LABELS, 42.0));
    for decade in decades.all() {
        let x = LABELS + SCALE * decades.place(decade);
        svg.grid_line((x, TOP), (x, bottom - GAP));
        svg.text((x, TOP - 6.0), Anchor::Middle, &number(decade));
    }
    for (at, row) in section.rows.iter().enumerate() {
        let top = TOP + GAP + at as f64 * (3.0 * BAR + GAP);
        svg.text((LABELS - 8.0, top + 1.5 * BAR + 4.0), Anchor::End, &row.work);
        for (bar, (side, value)) in present(&row.values).enumerate() {
            let (y, length) = (top + bar as f64 * BAR, SCALE * decades.place(value));
            svg.bar(LABELS, y, length.max(1.0), BAR - 1.0, side);
            let label = match (side, row.over_raft_rs) {
                (Side::RaftRs, Some(times)) => format!("{} = {times:.1} × ours", number(value)),
                _ => number(value),
            };
            svg.text((LABELS + length + 5.0, y + BAR - 2.5), Anchor::Start, &label);
        }
    }
    svg.finish()
}

/// A panel for each section, two side by side.
pub(crate) fn panels(sections: &[Section]) -> String {
    const WIDTH: f64 = 430.0;
    const HEIGHT: f64 = 210.0;
    const TOP: f64 = 32.0;
    let lines = sections.len().div_ceil(2) as f64;
    let mut svg = Svg::new(2.0 * WIDTH, TOP + lines * HEIGHT, "How costs grow");
    svg.legend((GAP, 20.0));
    for (at, section) in sections.iter().enumerate() {
        let (column, line) = ((at % 2) as f64, (at / 2) as f64);
        let corner = (column * WIDTH, TOP + line * HEIGHT);
        panel(&mut svg, corner, (WIDTH, HEIGHT), section);
    }
    svg.finish()
}

fn panel(svg: &mut Svg, (x, y): (f64, f64), (width, height): (f64, f64), section: &Section) {
    let (left, right) = (x + 78.0, x + width - 30.0);
    let (top, bottom) = (y + 38.0, y + height - 30.0);
    let decades = Decades::of(&section.rows);
    let up = |value| bottom - (bottom - top) * decades.place(value);
    svg.head((x + GAP, y + 20.0), section.title);
    for decade in decades.all() {
        svg.grid_line((left, up(decade)), (right, up(decade)));
        svg.text((left - 8.0, up(decade) + 4.0), Anchor::End, &number(decade));
    }
    let steps = (section.rows.len() - 1).max(1) as f64;
    let along = |at: usize| left + 10.0 + (right - left - 20.0) * at as f64 / steps;
    for (at, row) in section.rows.iter().enumerate() {
        svg.text((along(at), bottom + 17.0), Anchor::Middle, &row.work);
    }
    // Ours comes last, so that it shows.
    for side in Side::ALL.into_iter().rev() {
        let value = |row: &Row| present(&row.values).find(|(of, _)| *of == side);
        let point = |(at, row)| Some((along(at), up(value(row)?.1)));
        let points: Vec<_> = section.rows.iter().enumerate().filter_map(point).collect();
        if !points.is_empty() {
            svg.curve(&points, side);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> Section {
        let row = |work: &str, ours| {
            let values = Sides { ours, raft_rs: Some(100.0), floor: None };
            Row::exact(work, values)
        };
        Section {
            title: "Some",
            unit: "Ns, by work",
            rows: vec![row("3 & 4", 10.0), row("5", 1.0)],
        }
    }

    #[test]
    fn longer_bars_are_greater_numbers() {
        let svg = bars(&section());
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains(">3 &amp; 4</text>"));
        for (class, width) in [("ours", "260.0"), ("peer", "520.0"), ("ours", "1.0")] {
            let bar = |line: &str| {
                line.starts_with(&format!("<rect class=\"{class}\" x=\"160.0\""))
                    && line.contains(&format!(" width=\"{width}\""))
            };
            assert!(svg.lines().any(bar), "{class} {width} in {svg}");
        }
    }

    #[test]
    fn a_curve_for_each_side_that_took_part() {
        let svg = panels(&[section(), section()]);
        assert_eq!(svg.matches("<polyline class=\"ours\"").count(), 2);
        assert_eq!(svg.matches("<polyline class=\"peer\"").count(), 2);
        assert_eq!(svg.matches("<polyline class=\"floor\"").count(), 0);
        // The second value of ours lies at the bottom, a decade below the first.
        assert!(svg.contains("points=\"88.0,141.0 390.0,212.0 \""), "{svg}");
    }
}
