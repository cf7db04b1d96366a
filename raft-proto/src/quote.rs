//! Bytes as a quoted Go string, which is how etcd prints them.

use core::fmt::{self, Write};

/// Shows bytes as Go's `%q` does: in double quotes, printable UTF-8 as it is, the rest escaped.
///
/// Bytes that are not UTF-8 become `\x..`, one by one. Which characters are printable goes by
/// the Unicode version of the Rust standard library: a character younger than the Unicode
/// version of the Go that one compares with is plain here and escaped there.
///
/// ```
/// assert_eq!(raft_proto::quoted(b"say \"hi\"\n\xff").to_string(), r#""say \"hi\"\n\xff""#);
/// ```
#[must_use]
pub fn quoted(bytes: &[u8]) -> impl fmt::Display {
    Quoted(bytes)
}

struct Quoted<'a>(&'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                write_escaped(c, f)?;
            }
            for byte in chunk.invalid() {
                write!(f, r"\x{byte:02x}")?;
            }
        }
        f.write_char('"')
    }
}

fn write_escaped(c: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match c {
        '"' => f.write_str("\\\""),
        '\\' => f.write_str(r"\\"),
        '\x07' => f.write_str(r"\a"),
        '\x08' => f.write_str(r"\b"),
        '\x0c' => f.write_str(r"\f"),
        '\n' => f.write_str(r"\n"),
        '\r' => f.write_str(r"\r"),
        '\t' => f.write_str(r"\t"),
        '\x0b' => f.write_str(r"\v"),
        _ if is_printable(c) => f.write_char(c),
        '\0'..' ' | '\x7f' => write!(f, r"\x{:02x}", u32::from(c)),
        '\u{80}'..='\u{ffff}' => write!(f, r"\u{:04x}", u32::from(c)),
        _ => write!(f, r"\U{:08x}", u32::from(c)),
    }
}

/// Whether Go prints `c` plainly: a letter, mark, number, punctuation mark, symbol or the ASCII
/// space. The debug format of `str` leaves just these plain, if we look past the characters
/// that have their own escapes and put a letter before a mark, which it escapes at the start.
fn is_printable(c: char) -> bool {
    let mut buffer = [b'a'; 5];
    let Some((_, rest)) = buffer.split_first_mut() else {
        return false;
    };
    let len = 1 + c.encode_utf8(rest).len();
    let text = buffer.get(..len).and_then(|bytes| core::str::from_utf8(bytes).ok());
    text.is_some_and(|text| c == '\'' || text.escape_debug().nth(1) == Some(c))
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(quoted(bytes).to_string(), expected);
    }

    #[test]
    fn ascii() {
        check(b"", r#""""#);
        check(b"it's 100% plain ~", r#""it's 100% plain ~""#);
        check(br#"a"b\c"#, r#""a\"b\\c""#);
        check(b"\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#);
        check(b"\0\x01\x1b\x1f\x7f", r#""\x00\x01\x1b\x1f\x7f""#);
    }

    #[test]
    fn printable_characters_are_plain() {
        for text in ["é", "日本", "€", "\u{1f600}", "\u{fffd}", "e\u{301}", "\u{301}", "\u{ff21}"]
        {
            check(text.as_bytes(), &std::format!("\"{text}\""));
        }
    }

    #[test]
    fn other_characters_are_escaped() {
        check("\u{80}\u{9f}".as_bytes(), r#""\u0080\u009f""#);
        // Spaces other than ASCII's, invisible characters, line separators.
        check(
            "\u{a0}\u{ad}\u{200b}\u{2028}\u{3000}".as_bytes(),
            r#""\u00a0\u00ad\u200b\u2028\u3000""#,
        );
        check("\u{feff}\u{e000}\u{ffff}".as_bytes(), r#""\ufeff\ue000\uffff""#);
        check("\u{e0001}\u{10ffff}".as_bytes(), r#""\U000e0001\U0010ffff""#);
    }

    #[test]
    fn invalid_utf8_is_escaped_byte_by_byte() {
        check(b"a\xffb", r#""a\xffb""#);
        check(b"\xe2\x82", r#""\xe2\x82""#);
        check(b"\xe2\x82A", r#""\xe2\x82A""#);
        check(b"\xf0\x9f\x98\xc3\xa9", "\"\\xf0\\x9f\\x98é\"");
        // A surrogate, and an overlong zero.
        check(b"\xed\xa0\x80\xc0\x80", r#""\xed\xa0\x80\xc0\x80""#);
    }
}
