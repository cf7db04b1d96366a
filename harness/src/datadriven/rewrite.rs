//! Writing a script's outputs anew.

use super::{Directive, SEPARATOR, Script};

impl Script {
    /// The script's text with `outputs`, one for each directive in their order, in place of the
    /// expected ones. A directive beyond the end of `outputs` keeps its own.
    ///
    /// Only the outputs that differ are touched: comments, spacing and all else stay as they are.
    #[must_use]
    pub fn rewritten(&self, outputs: &[String]) -> String {
        let mut text = String::with_capacity(self.text.len());
        let mut copied = 0;
        for (directive, output) in self.directives.iter().zip(outputs) {
            if directive.is_expected(output) {
                continue;
            }
            text.push_str(&self.text[copied..directive.expected_at.start]);
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text.push_str(&as_expected(output));
            copied = directive.expected_at.end;
        }
        text.push_str(&self.text[copied..]);
        text
    }
}

impl Directive {
    /// Whether `output` is what the directive is expected to print. An end of line that is missing
    /// at its end does not matter.
    #[must_use]
    pub fn is_expected(&self, output: &str) -> bool {
        self.expected == with_line_end(output)
    }
}

/// `output` as complete lines.
pub(crate) fn with_line_end(output: &str) -> String {
    let mut output = output.to_owned();
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    output
}

/// `output` as it stands in a script below the separator. The format has no form for one that ends
/// with a separator itself.
fn as_expected(output: &str) -> String {
    let output = with_line_end(output);
    let needs_long_form = |line: &str| line.trim().is_empty() || line == SEPARATOR;
    match output.lines().any(needs_long_form) {
        true => format!("{SEPARATOR}\n{output}{SEPARATOR}\n{SEPARATOR}\n"),
        false => output,
    }
}
