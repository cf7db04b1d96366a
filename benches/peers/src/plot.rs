//! The report as a picture: what an entry costs, on a logarithmic scale.

use std::fmt::Write;

use crate::markdown::number;
use crate::row::{Row, Section};

const LABELS: f64 = 210.0;
const SCALE: f64 = 560.0;
const RIGHT: f64 = 70.0;
const TOP: f64 = 64.0;
const BAR: f64 = 12.0;
const GAP: f64 = 12.0;

const COLOURS: [(&str, &str); 3] =
    [("ours", "#2563eb"), ("raft-rs", "#d97706"), ("floor", "#9ca3af")];

/// Draws one section: three bars a row.
pub(crate) fn render(section: &Section) -> String {
    let highest = |row: &Row| row.values.raft_rs.map_or(row.values.ours.high, |stat| stat.high);
    let top = section.rows.iter().map(highest).fold(10.0, f64::max);
    let decades = top.log10().ceil();
    let height = TOP + section.rows.len() as f64 * (3.0 * BAR + GAP) + GAP;
    let width = LABELS + SCALE + RIGHT;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(&mut out, GAP, 20.0, "start", &format!("{}: {}", section.title, section.unit));
    for (at, (name, colour)) in COLOURS.iter().enumerate() {
        let x = LABELS + 90.0 * at as f64;
        rect(&mut out, x, 32.0, BAR, colour);
        text(&mut out, x + BAR + 5.0, 42.0, "start", name);
    }
    for decade in 0..=decades as i32 {
        let x = LABELS + SCALE * f64::from(decade) / decades;
        writeln!(
            out,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{height}\" stroke=\"#e5e7eb\"/>"
        )
        .ok();
        text(&mut out, x, TOP - 6.0, "middle", &number(10_f64.powi(decade)));
    }
    for (at, row) in section.rows.iter().enumerate() {
        let top = TOP + GAP + at as f64 * (3.0 * BAR + GAP);
        text(&mut out, LABELS - 8.0, top + 2.0 * BAR, "end", &row.work);
        let values = [Some(row.values.ours), row.values.raft_rs, row.values.floor];
        for (bar, (value, (_, colour))) in values.iter().zip(COLOURS).enumerate() {
            let Some(value) = value else { continue };
            let (y, length) = (top + bar as f64 * BAR, SCALE * value.median.log10() / decades);
            rect(&mut out, LABELS, y, length.max(1.0), colour);
            let label = number(value.median);
            text(&mut out, LABELS + length + 4.0, y + BAR - 1.5, "start", &label);
        }
    }
    out + "</svg>\n"
}

fn rect(out: &mut String, x: f64, y: f64, width: f64, colour: &str) {
    let height = BAR - 1.0;
    // Writing to a string does not fail.
    writeln!(
        out,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\"/>"
    )
    .ok();
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>").ok();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Sides;

    #[test]
    fn longer_bars_are_greater_numbers() {
        let values = Sides { ours: 10.0, raft_rs: Some(100.0), floor: None };
        let rows = vec![Row::exact("3 & 4", values)];
        let svg = render(&Section { title: "Some", unit: "ns", rows });
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains(">3 &amp; 4</text>"));
        let bars = [("#2563eb", SCALE / 2.0), ("#d97706", SCALE)];
        for (colour, length) in bars {
            let bar = format!("width=\"{length:.1}\" height=\"11\" fill=\"{colour}\"");
            assert!(svg.contains(&bar), "{bar} in {svg}");
        }
    }
}
