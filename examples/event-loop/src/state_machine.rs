//! What the group agrees on: a list of lines.

use std::fmt;

use anyhow::{Context, Result, ensure};
use raft_core::proto::bytes::{Buf, BufMut, Bytes};

/// A line of the input and its place in the list, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: u64,
    pub(crate) text: Bytes,
}

impl Line {
    /// As it stands in the log. Never empty, as the entry of a new leader is.
    pub(crate) fn encode(&self) -> Bytes {
        [&self.number.to_le_bytes(), self.text.as_ref()].concat().into()
    }

    pub(crate) fn decode(mut data: Bytes) -> Result<Self> {
        let number = data.try_get_u64_le().context("an entry is too short to be a line")?;
        Ok(Self { number, text: data })
    }
}

/// The lines in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StateMachine {
    lines: Vec<Bytes>,
}

impl StateMachine {
    pub(crate) fn lines(&self) -> &[Bytes] {
        &self.lines
    }

    pub(crate) fn len(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Takes the line if its turn has come. Otherwise it is ignored: one with a lower number was
    /// proposed twice, and one with a higher number will be, after the lines that go before it.
    pub(crate) fn apply(&mut self, line: Line) {
        if line.number == self.len() + 1 {
            self.lines.push(line.text);
        }
    }

    /// All of it, for a snapshot: each line with its length before it.
    pub(crate) fn encode(&self) -> Bytes {
        let mut data = Vec::new();
        for line in &self.lines {
            data.put_u64_le(line.len() as u64);
            data.put_slice(line);
        }
        data.into()
    }

    pub(crate) fn decode(mut data: Bytes) -> Result<Self> {
        let mut lines = Vec::new();
        while !data.is_empty() {
            let length = data.try_get_u64_le().context("a snapshot ends in a length")?;
            ensure!(length <= data.len() as u64, "a snapshot ends in a line");
            lines.push(data.split_to(length as usize));
        }
        Ok(Self { lines })
    }
}

/// How many lines, and the last of them.
impl fmt::Display for StateMachine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries", self.lines.len())?;
        let left_out = self.lines.len().saturating_sub(5);
        let last = self.lines.iter().skip(left_out).map(|line| String::from_utf8_lossy(line));
        let mut before = if left_out > 0 { ": ..., " } else { ": " };
        for line in last {
            write!(f, "{before}{line}")?;
            before = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(lines: &[&'static str]) -> StateMachine {
        StateMachine { lines: lines.iter().map(|&line| line.into()).collect() }
    }

    #[test]
    fn a_line_survives_the_log() -> Result<()> {
        for text in ["a line", ""] {
            let line = Line { number: 7, text: text.into() };
            assert_eq!(Line::decode(line.encode())?, line);
        }
        assert!(Line::decode(Bytes::from_static(b"short")).is_err());
        Ok(())
    }

    #[test]
    fn each_line_counts_once_and_in_its_turn() {
        let mut machine = StateMachine::default();
        for (number, text) in [(2, "b"), (1, "a"), (1, "a"), (3, "c"), (2, "b"), (3, "c")] {
            machine.apply(Line { number, text: text.into() });
        }
        assert_eq!(machine, self::machine(&["a", "b", "c"]));
    }

    #[test]
    fn a_snapshot_is_the_whole_machine() -> Result<()> {
        for lines in [&[][..], &[""], &["a", "", "the third"]] {
            let machine = machine(lines);
            assert_eq!(StateMachine::decode(machine.encode())?, machine);
        }
        Ok(())
    }

    #[test]
    fn half_a_snapshot_is_an_error() {
        let data = machine(&["a line"]).encode();
        for length in 1..data.len() {
            assert!(StateMachine::decode(data.slice(..length)).is_err(), "{length} bytes");
        }
    }
}
