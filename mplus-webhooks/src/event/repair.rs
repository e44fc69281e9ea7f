//! Mends JSON that was written by hand: one pass, without knowing what it says.
//!
//! Only what has one meaning is mended. What is cut off, or could be read in two ways, stays an error.

use super::oddity::OddityKind;

/// The text with its faults mended, and where each kind of them stood first.
pub(crate) fn repaired(text: &str) -> (String, Vec<(OddityKind, &str)>) {
    let mut repair = Repair {
        text,
        out: String::with_capacity(text.len()),
        last: None,
        open: Vec::new(),
        ended: false,
        found: Vec::new(),
    };
    let mut position = 0;
    while let Some(byte) = text.as_bytes().get(position) {
        position = match byte {
            b'"' if !repair.ended => repair.string(position),
            b' ' | b'\t' | b'\n' | b'\r' => repair.blank(position),
            _ if repair.ended => repair.trailing(position),
            b'{' | b'[' => {
                repair.open.push(*byte == b'{');
                repair.copy(position, position + 1)
            }
            b'}' | b']' => {
                repair.open.pop();
                repair.ended = repair.open.is_empty();
                repair.copy(position, position + 1)
            }
            b',' => repair.comma(position),
            b':' => repair.copy(position, position + 1),
            _ => repair.word(position),
        };
    }
    (repair.out, repair.found)
}

struct Repair<'t> {
    text: &'t str,
    out: String,
    /// The last byte of `out` that is no blank.
    last: Option<u8>,
    /// What is open: `true` for an object.
    open: Vec<bool>,
    /// Whether the body's value has been closed.
    ended: bool,
    found: Vec<(OddityKind, &'t str)>,
}

impl<'t> Repair<'t> {
    fn byte(&self, position: usize) -> Option<u8> {
        self.text.as_bytes().get(position).copied()
    }

    fn slice(&self, from: usize, to: usize) -> &'t str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Takes a part as it is; it ends with something else than a blank.
    fn copy(&mut self, from: usize, to: usize) -> usize {
        self.out.push_str(self.slice(from, to));
        self.last = self.out.as_bytes().last().copied();
        to
    }

    fn blank(&mut self, position: usize) -> usize {
        self.out.push_str(self.slice(position, position + 1));
        position + 1
    }

    /// Remembers the first of each kind, with what stands around it.
    fn found(&mut self, what: OddityKind, position: usize) {
        if self.found.iter().all(|(known, _)| *known != what) {
            let mut from = position.saturating_sub(24);
            while !self.text.is_char_boundary(from) {
                from += 1;
            }
            let around = self.text.get(from..).unwrap_or_default();
            self.found.push((what, super::path::cut(around, 64)));
        }
    }

    /// After the end: separators and NUL bytes mean nothing, anything else is kept and stays an error.
    fn trailing(&mut self, position: usize) -> usize {
        match self.byte(position) {
            Some(0 | b',' | b';') => {
                self.found(OddityKind::TrailingBytes, position);
                position + 1
            }
            _ => self.copy(position, self.text.len()),
        }
    }

    /// A comma belongs between two values.
    fn comma(&mut self, position: usize) -> usize {
        let blanks = self.slice(position + 1, self.text.len()).bytes();
        let after = blanks.into_iter().find(|byte| !byte.is_ascii_whitespace());
        if matches!(self.last, Some(b'{' | b'[' | b',')) || matches!(after, Some(b'}' | b']' | b',')) {
            self.found(OddityKind::StrayComma, position);
            return position + 1;
        }
        self.copy(position, position + 1)
    }

    /// A word outside of texts: `true`, a number, or something that JSON does not have, which becomes a text.
    fn word(&mut self, position: usize) -> usize {
        let mut end = self.word_end(position);
        if end == position {
            // Some other character; a control character means nothing here.
            let character = self.slice(position, self.text.len()).chars().next().map_or(1, char::len_utf8);
            if self.byte(position).is_some_and(|byte| byte < b' ') {
                self.found(OddityKind::ControlCharacters, position);
                return position + 1;
            }
            return self.copy(position, position + character);
        }
        // In an object a name follows a comma; digits can only be the decimals of a writer with commas.
        if self.open.last() == Some(&true) && self.byte(end) == Some(b',') {
            let decimals = self.word_end(end + 1);
            let digits = self.slice(end + 1, decimals);
            if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                end = decimals;
            }
        }
        let word = self.slice(position, end);
        if self.open.is_empty() || matches!(word, "true" | "false" | "null") || super::scalar::is_number(word)
        {
            return self.copy(position, end);
        }
        self.found(OddityKind::BareWord, position);
        self.out.push('"');
        self.out.push_str(word);
        self.out.push('"');
        self.last = Some(b'"');
        end
    }

    fn word_end(&self, position: usize) -> usize {
        let part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
        let rest = self.text.as_bytes().get(position..).unwrap_or_default();
        position + rest.iter().take_while(|byte| part(byte)).count()
    }

    fn string(&mut self, begin: usize) -> usize {
        let mut copied = begin;
        let mut position = begin + 1;
        while let Some(byte) = self.byte(position) {
            match byte {
                b'"' => return self.copy(copied, position + 1),
                b'\\' => {
                    let (mended, end) = self.escape(position);
                    if let Some((what, mended)) = mended {
                        self.copy(copied, position);
                        self.found(what, position);
                        self.out.push_str(mended);
                        copied = end;
                    }
                    position = end;
                }
                0..0x20 => {
                    self.copy(copied, position);
                    self.found(OddityKind::ControlCharacters, position);
                    self.out.push_str(&format!("\\u{byte:04x}"));
                    position += 1;
                    copied = position;
                }
                _ => position += 1,
            }
        }
        self.copy(copied, self.text.len())
    }

    /// What an escape becomes, when it cannot stay, and where reading goes on.
    fn escape(&self, position: usize) -> (Option<(OddityKind, &'static str)>, usize) {
        match self.byte(position + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (None, position + 2),
            Some(b'u') => match self.unit(position) {
                Some(0xd800..=0xdbff) => match self.unit(position + 6) {
                    Some(0xdc00..=0xdfff) => (None, position + 12),
                    _ => (Some((OddityKind::LoneSurrogate, "\\ufffd")), position + 6),
                },
                Some(0xdc00..=0xdfff) => (Some((OddityKind::LoneSurrogate, "\\ufffd")), position + 6),
                Some(_) => (None, position + 6),
                None => (Some((OddityKind::BadEscape, "\\\\")), position + 1),
            },
            _ => (Some((OddityKind::BadEscape, "\\\\")), position + 1),
        }
    }

    /// The number of an escape `\uXXXX`.
    fn unit(&self, position: usize) -> Option<u16> {
        let digits = self.text.get(position..position + 6)?.strip_prefix("\\u")?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u16::from_str_radix(digits, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_one_meaning_is_mended_and_told() {
        use OddityKind::*;
        for (sent, mended, what) in [
            (r#"{"a":[1,2,],}"#, r#"{"a":[1,2]}"#, StrayComma),
            (r#"{,"a":1,,"b":2}"#, r#"{"a":1,"b":2}"#, StrayComma),
            (r#"{"a":NaN,"b":-Infinity}"#, r#"{"a":"NaN","b":"-Infinity"}"#, BareWord),
            (r#"{"a":12,50,"b":007}"#, r#"{"a":"12,50","b":"007"}"#, BareWord),
            (r#"{"a":12,50}"#, r#"{"a":"12,50"}"#, BareWord),
            (r#"{"a":[12,50]}"#, r#"{"a":[12,50]}"#, BareWord),
            ("{\"a\":\"x\u{0}y\tz\"}", r#"{"a":"x\u0000y\u0009z"}"#, ControlCharacters),
            (
                r#"{"a":"\ud83c","\udf55":"\ud83c\udf55"}"#,
                r#"{"a":"\ufffd","\ufffd":"\ud83c\udf55"}"#,
                LoneSurrogate,
            ),
            (r#"{"a":"\ud83cx\ud83c\n"}"#, r#"{"a":"\ufffdx\ufffd\n"}"#, LoneSurrogate),
            (r#"{"a":"C:\Kassa \u12"}"#, r#"{"a":"C:\\Kassa \\u12"}"#, BadEscape),
            ("{\"a\":1}\n\0\0;,", "{\"a\":1}\n", TrailingBytes),
        ] {
            let (text, found) = repaired(sent);
            assert_eq!(text, mended);
            if sent != mended {
                assert_eq!(found.first().map(|(what, _)| *what), Some(what), "{sent}");
            }
        }
    }

    #[test]
    fn good_json_is_not_touched() {
        for good in [
            r#"{ "a" : [ 1 , -2.5e+3, true , null , { } , [ ] ], "b\"c" : "x, } ] \\" }"#,
            r#"["\u00e9\ud83c\udf55", 0, 1E5]"#,
        ] {
            assert_eq!(repaired(good), (good.to_owned(), vec![]));
        }
    }
}
