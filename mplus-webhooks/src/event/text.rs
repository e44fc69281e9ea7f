//! From the bytes of a body to JSON that can be read: character set, and the faults of writers that are no JSON libraries.

use std::borrow::Cow;

use super::oddity::{OddityKind, Reading};
use super::path::Path;
use super::repair::repaired;

/// What Windows-1252 has where Latin-1 has control characters; the five gaps stay as they are.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}',
    '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The body as JSON text, repaired where it has to be. An error is the one of the body as it was sent.
pub(crate) fn json_text<'b>(
    body: &'b [u8],
    reading: &mut Reading,
) -> Result<Cow<'b, str>, serde_json::Error> {
    let text = decoded(body, reading);
    // A reader that passes a text over does not look at its surrogates.
    let suspicious = text.as_bytes().windows(3).any(|bytes| matches!(bytes, b"\\ud" | b"\\uD"));
    match serde_json::from_str::<&serde_json::value::RawValue>(&text) {
        Ok(_) if !suspicious => Ok(text),
        result => {
            let (repaired, found) = repaired(&text);
            if let Err(error) = result
                && serde_json::from_str::<&serde_json::value::RawValue>(&repaired).is_err()
            {
                return Err(error);
            }
            for (what, raw) in found {
                reading.note(&Path::ROOT, what, raw);
            }
            Ok(Cow::Owned(repaired))
        }
    }
}

/// How two bytes are a unit of UTF-16.
type Unit = fn([u8; 2]) -> u16;

/// The bytes as text. Nothing is refused for its character set: the signature told that the till sent it so.
fn decoded<'b>(body: &'b [u8], reading: &mut Reading) -> Cow<'b, str> {
    // JSON begins with two characters of ASCII: without a byte order mark their zeros tell.
    let utf16: Option<(_, Unit)> = match body {
        [0xff, 0xfe, utf16 @ ..] => Some((utf16, u16::from_le_bytes)),
        [0xfe, 0xff, utf16 @ ..] => Some((utf16, u16::from_be_bytes)),
        [1..=255, 0, 1..=255, 0, ..] => Some((body, u16::from_le_bytes)),
        [0, 1..=255, 0, 1..=255, ..] => Some((body, u16::from_be_bytes)),
        _ => None,
    };
    if let Some((utf16, unit)) = utf16 {
        reading.note(&Path::ROOT, OddityKind::Charset, "UTF-16");
        return Cow::Owned(utf_16(utf16, unit));
    }
    let body = match body {
        [0xef, 0xbb, 0xbf, rest @ ..] => {
            reading.note(&Path::ROOT, OddityKind::ByteOrderMark, "");
            rest
        }
        body => body,
    };
    match std::str::from_utf8(body) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(body.len());
            let mut first = true;
            for chunk in body.utf8_chunks() {
                text.push_str(chunk.valid());
                if chunk.invalid().is_empty() {
                    continue;
                }
                text.extend(chunk.invalid().iter().map(|byte| windows_1252(*byte)));
                if std::mem::take(&mut first) {
                    let begin = text.char_indices().rev().nth(24).map_or(0, |(position, _)| position);
                    reading.note(&Path::ROOT, OddityKind::Charset, text.get(begin..).unwrap_or_default());
                }
            }
            Cow::Owned(text)
        }
    }
}

fn utf_16(bytes: &[u8], unit: Unit) -> String {
    let units = bytes.chunks(2).map(|pair| match *pair {
        [first, second] => unit([first, second]),
        _ => u16::from(b'?'),
    });
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => {
            WINDOWS_1252.get(usize::from(byte - 0x80)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        other => char::from(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> (String, Vec<OddityKind>) {
        let mut reading = Reading::new();
        let text = json_text(body, &mut reading).unwrap().into_owned();
        (text, reading.oddities.iter().map(|oddity| oddity.what).collect())
    }

    #[test]
    fn good_json_is_taken_as_it_is() {
        let body = r#"{"a":"Pizza \ud83c\udf55 Café","b":[1,2.50,true,null]}"#;
        assert_eq!(read(body.as_bytes()), (body.to_owned(), vec![]));
    }

    #[test]
    fn every_character_set_that_a_till_may_use_gives_the_same_text() {
        let text = "{\"a\":\"Café €\"}";
        let utf16: Vec<u16> = text.encode_utf16().collect();
        let little =
            [&[0xff, 0xfe], utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>().as_slice()]
                .concat();
        let big =
            [&[0xfe, 0xff], utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>().as_slice()]
                .concat();
        let marked = [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat();
        let windows = b"{\"a\":\"Caf\xe9 \x80\"}".to_vec();
        let (bare_little, bare_big) = (little[2..].to_vec(), big[2..].to_vec());
        for (body, what) in [
            (bare_little, OddityKind::Charset),
            (bare_big, OddityKind::Charset),
            (little, OddityKind::Charset),
            (big, OddityKind::Charset),
            (marked, OddityKind::ByteOrderMark),
            (windows, OddityKind::Charset),
        ] {
            assert_eq!(read(&body), (text.to_owned(), vec![what]));
        }
    }

    #[test]
    fn what_is_no_json_at_all_stays_an_error() {
        for body in [
            "",
            "hello",
            r#"{"event":{"#,
            "{}{}",
            r#"{"a":}"#,
            r#"{"a" 1}"#,
            r#"{'a':1}"#,
            r#"{"a":"b}"#,
            "{}x",
        ] {
            assert!(json_text(body.as_bytes(), &mut Reading::new()).is_err(), "{body} was read");
        }
    }
}
