//! Reading a trace back.

use std::io::{self, BufRead};

use super::Record;

/// Why a trace cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// A line cannot be read at all.
    #[error("line {line}: {source}")]
    Unreadable {
        /// Its number, from 1.
        line: usize,
        /// Why not.
        source: io::Error,
    },
    /// A line is not a record.
    #[error("line {line}, column {column}: not a record: {reason}")]
    NotARecord {
        /// Its number, from 1.
        line: usize,
        /// Where in the line, from 1; 0 when there is nothing in it.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no line at all.
    #[error("a trace without records")]
    Empty,
}

/// Reads what [`Recorder::write_to`](super::Recorder::write_to) has written: one record a line.
pub fn read(trace: impl BufRead) -> Result<Vec<Record>, TraceError> {
    let mut records = Vec::new();
    for (number, text) in (1..).zip(trace.lines()) {
        let text = text.map_err(|source| TraceError::Unreadable { line: number, source })?;
        records.push(serde_json::from_str(&text).map_err(|error| not_a_record(number, &error))?);
    }
    if records.is_empty() { Err(TraceError::Empty) } else { Ok(records) }
}

fn not_a_record(line: usize, error: &serde_json::Error) -> TraceError {
    // The error counts lines within the line.
    let place = format!(" at line {} column {}", error.line(), error.column());
    let reason = error.to_string().replace(&place, "");
    TraceError::NotARecord { line, column: error.column(), reason }
}

#[cfg(test)]
mod tests {
    use super::super::{Recorder, What};
    use super::*;

    const GOOD: &str = r#"{"at":1,"event":"committed","node":1,"index":2}"#;

    fn error(trace: &[u8]) -> String {
        read(trace).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut recorder = Recorder::on();
        recorder.record(1, || What::Begin { title: "a\nb".to_owned(), nodes: vec![1, u64::MAX] });
        recorder.record(2, || What::Note { node: 1, text: "\u{2028}</script>\"".to_owned() });
        let mut trace = Vec::new();
        recorder.write_to(&mut trace).unwrap();
        assert_eq!(read(trace.as_slice()).unwrap(), recorder.records());
    }

    #[test]
    fn a_line_that_is_not_a_record_is_named() {
        let broken = error(format!("{GOOD}\n{GOOD}\n{{\"at\":3,\"event\":\"comm").as_bytes());
        assert_eq!(broken, "line 3, column 21: not a record: EOF while parsing a string");

        let unknown = error(format!("{GOOD}\n{{\"at\":2,\"event\":\"exploded\"}}\n").as_bytes());
        assert!(unknown.starts_with("line 2, column 27: not a record: "), "{unknown}");
        assert!(unknown.contains("exploded"), "{unknown}");

        let gap = error(format!("{GOOD}\n\n{GOOD}\n").as_bytes());
        assert_eq!(gap, "line 2, column 0: not a record: EOF while parsing a value");
    }

    #[test]
    fn a_line_that_is_not_text_is_named() {
        let mut trace = format!("{GOOD}\n").into_bytes();
        trace.extend([0xff, b'\n']);
        assert!(error(&trace).starts_with("line 2: "), "{}", error(&trace));
    }

    #[test]
    fn an_empty_trace_is_an_error() {
        assert_eq!(error(b""), "a trace without records");
    }
}
