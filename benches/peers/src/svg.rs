//! Pictures that need nothing else, and can be read on light and on dark pages.

use std::fmt::Write;

/// A picture that is being drawn.
#[derive(Debug)]
pub(crate) struct Svg(String);

/// Whose number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    RaftRs,
    Floor,
}

impl Side {
    pub(crate) const ALL: [Self; 3] = [Self::Ours, Self::RaftRs, Self::Floor];

    fn class(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::RaftRs => "peer",
            Self::Floor => "floor",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::RaftRs => "raft-rs",
            Self::Floor => "floor: the same without Raft",
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

const STYLE: &str = "\
.page{fill:#ffffff}text{fill:#1f2328;font:12px system-ui,sans-serif}.head{font-weight:600}\
.grid{stroke:#d1d9e0}.ours{fill:#0969da;stroke:#0969da}.peer{fill:#bc4c00;stroke:#bc4c00}\
.floor{fill:#818b98;stroke:#818b98}rect{stroke-width:0}polyline{stroke-width:2}polyline.peer{stroke-width:4}\
@media(prefers-color-scheme:dark){.page{fill:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}\
.ours{fill:#4493f8;stroke:#4493f8}.peer{fill:#db6d28;stroke:#db6d28}}";

// Writing to a string does not fail.
impl Svg {
    pub(crate) fn new(width: f64, height: f64, title: &str) -> Self {
        Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{}</title>\n\
             <style>{STYLE}</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n",
            escape(title)
        ))
    }

    pub(crate) fn bar(&mut self, x: f64, y: f64, width: f64, height: f64, side: Side) {
        let class = side.class();
        writeln!(
            self.0,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
             height=\"{height:.1}\"/>"
        )
        .ok();
    }

    pub(crate) fn grid_line(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        writeln!(
            self.0,
            "<line class=\"grid\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        )
        .ok();
    }

    /// Points and the line through them.
    pub(crate) fn curve(&mut self, points: &[(f64, f64)], side: Side) {
        let class = side.class();
        write!(self.0, "<polyline class=\"{class}\" style=\"fill:none\" points=\"").ok();
        for (x, y) in points {
            write!(self.0, "{x:.1},{y:.1} ").ok();
        }
        self.0 += "\"/>\n";
        for (x, y) in points {
            writeln!(self.0, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\"/>")
                .ok();
        }
    }

    pub(crate) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        self.any_text((x, y), anchor, "", text);
    }

    pub(crate) fn head(&mut self, at: (f64, f64), text: &str) {
        self.any_text(at, Anchor::Start, " class=\"head\"", text);
    }

    /// What the colours mean.
    pub(crate) fn legend(&mut self, (mut x, y): (f64, f64)) {
        for side in Side::ALL {
            self.bar(x, y - 10.0, 12.0, 12.0, side);
            self.text((x + 17.0, y), Anchor::Start, side.name());
            x += 80.0;
        }
    }

    pub(crate) fn finish(self) -> String {
        self.0 + "</svg>\n"
    }

    fn any_text(&mut self, (x, y): (f64, f64), anchor: Anchor, attributes: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escape(text);
        writeln!(self.0, "<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor}{attributes}>{text}</text>").ok();
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
