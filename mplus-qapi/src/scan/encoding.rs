//! Bytes to text: UTF-8, UTF-16, Latin-1, Latin-9 and Windows-1252, whole or as they arrive.

use std::borrow::Cow;

use super::{DecodeError, DecodeProblem, error::shown, limits, reference::is_allowed};

/// How the bytes of a document stand for characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    Utf16 {
        big_endian: bool,
    },
    /// One byte for each character; those from 0x80 on as in Windows-1252. What is declared as Latin-1 is read so too:
    /// there it has control characters that nobody writes.
    Windows1252,
    /// Latin-1 with the euro sign.
    Latin9,
}

impl Charset {
    /// The one that a `Content-Type` header names, if it is of one byte for each character.
    pub(crate) fn of_content_type(header: &str) -> Option<Self> {
        let parameters = header.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
        let (_, name) =
            parameters.into_iter().find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))?;
        let named = Self::named(name.trim().trim_matches(['"', '\'']))?;
        matches!(named, Self::Windows1252 | Self::Latin9).then_some(named)
    }

    fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            // Who declares UTF-16 in single bytes has written text that was in memory so.
            "utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16" | "utf-16le" | "utf-16be" => Some(Self::Utf8),
            "iso-8859-1" | "iso8859-1" | "iso_8859-1" | "latin1" | "latin-1" | "l1" => {
                Some(Self::Windows1252)
            }
            "windows-1252" | "cp1252" | "cp-1252" | "x-cp1252" => Some(Self::Windows1252),
            "iso-8859-15" | "iso8859-15" | "iso_8859-15" | "latin9" | "latin-9" | "l9" => Some(Self::Latin9),
            _ => None,
        }
    }

    /// The character of a byte, where each is one.
    fn character(self, byte: u8) -> Option<char> {
        match self {
            Self::Windows1252 => Some(windows_1252(byte)),
            Self::Latin9 => Some(latin_9(byte)),
            Self::Utf8 | Self::Utf16 { .. } => None,
        }
    }
}

/// A text, where it begins in the document, and whether it may hold what XML has no place for.
#[derive(Debug)]
pub(crate) struct Text<'x> {
    pub(crate) text: Cow<'x, str>,
    pub(crate) base: u64,
    pub(crate) suspicious: bool,
}

/// The document as text, without a byte order mark. Bytes that should be UTF-8 and are not are read as `fallback` says.
pub(crate) fn document_text(
    document: &[u8],
    fallback: Option<Charset>,
    strict: bool,
) -> Result<Text<'_>, DecodeError> {
    let error = |problem| DecodeError::new(String::new(), 0, problem);
    let (charset, mark) = charset(document).map_err(error)?;
    let body = &document[mark..];
    if charset == Charset::Utf8
        && let Ok(text) = std::str::from_utf8(body)
    {
        return Ok(Text { text: Cow::Borrowed(text), base: mark as u64, suspicious: is_suspicious(text) });
    }
    let mut decoder = Decoder::new(strict);
    decoder.fall_back_to(fallback);
    let mut text = String::new();
    let at = |text: &str, problem| DecodeError::new(String::new(), (mark + text.len()) as u64, problem);
    decoder.push(document, &mut text).map_err(|problem| at(&text, problem))?;
    decoder.finish(&mut text).map_err(|problem| at(&text, problem))?;
    Ok(Text { suspicious: decoder.suspicious, base: decoder.skipped, text: Cow::Owned(text) })
}

/// Takes a document in pieces of any size.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// `None` until enough of the document is there to tell.
    charset: Option<Charset>,
    /// Bytes that wait for those that belong to them.
    tail: Vec<u8>,
    /// How bytes are read that should be UTF-8 and are not: many a server is wrong in one of the two places that tell it.
    fallback: Option<Charset>,
    strict: bool,
    /// Bytes before the text: a byte order mark.
    pub(crate) skipped: u64,
    /// The text may hold characters that XML has no place for, or signs in place of some.
    pub(crate) suspicious: bool,
}

impl Decoder {
    pub(crate) fn new(strict: bool) -> Self {
        Self { charset: None, tail: Vec::new(), fallback: None, strict, skipped: 0, suspicious: false }
    }

    /// How bytes are read that should be UTF-8 and are not; without this they become U+FFFD.
    pub(crate) fn fall_back_to(&mut self, charset: Option<Charset>) {
        self.fallback = charset;
    }

    /// How many bytes wait for those that belong to them.
    pub(crate) fn waiting(&self) -> usize {
        self.tail.len()
    }

    /// Takes the next bytes; appends the text that they give.
    pub(crate) fn push(&mut self, bytes: &[u8], text: &mut String) -> Result<(), DecodeProblem> {
        if let (Some(charset), true) = (self.charset, self.tail.is_empty()) {
            return self.decode(charset, bytes, text);
        }
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(bytes);
        match self.charset {
            Some(charset) => self.decode(charset, &joined, text),
            None if is_enough(&joined) => self.start(&joined, text),
            None => {
                self.tail = joined;
                Ok(())
            }
        }
    }

    /// To be called after the last byte.
    pub(crate) fn finish(&mut self, text: &mut String) -> Result<(), DecodeProblem> {
        let tail = std::mem::take(&mut self.tail);
        if self.charset.is_none() {
            return self.start(&tail, text).and_then(|()| self.finish(text));
        }
        if !tail.is_empty() {
            self.replaced(&tail, text)?;
        }
        Ok(())
    }

    fn start(&mut self, document: &[u8], text: &mut String) -> Result<(), DecodeProblem> {
        let (charset, mark) = charset(document)?;
        self.charset = Some(charset);
        self.skipped = mark as u64;
        self.decode(charset, &document[mark..], text)
    }

    fn decode(&mut self, charset: Charset, bytes: &[u8], text: &mut String) -> Result<(), DecodeProblem> {
        let before = text.len();
        match charset {
            Charset::Utf8 => self.utf_8(bytes, text)?,
            Charset::Utf16 { big_endian } => self.utf_16(bytes, big_endian, text)?,
            Charset::Windows1252 => text.extend(bytes.iter().map(|byte| windows_1252(*byte))),
            Charset::Latin9 => text.extend(bytes.iter().map(|byte| latin_9(*byte))),
        }
        self.suspicious |= is_suspicious(&text[before..]);
        Ok(())
    }

    fn utf_8(&mut self, bytes: &[u8], text: &mut String) -> Result<(), DecodeProblem> {
        let mut rest = bytes;
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return Ok(());
                }
                Err(error) => error,
            };
            let (valid, invalid) = rest.split_at(error.valid_up_to());
            text.push_str(std::str::from_utf8(valid).unwrap_or_default());
            let Some(length) = error.error_len() else {
                // The beginning of a character whose end has not come yet.
                self.tail = invalid.to_vec();
                return Ok(());
            };
            self.replaced(&invalid[..length], text)?;
            rest = &invalid[length..];
        }
    }

    fn utf_16(&mut self, bytes: &[u8], big_endian: bool, text: &mut String) -> Result<(), DecodeProblem> {
        let (pairs, odd) = bytes.as_chunks::<2>();
        let unit = |pair: &[u8; 2]| match big_endian {
            true => u16::from_be_bytes(*pair),
            false => u16::from_le_bytes(*pair),
        };
        // The first half of a character whose second half has not come yet.
        let half = pairs.last().is_some_and(|pair| (0xd800..0xdc00).contains(&unit(pair)));
        let whole = pairs.len() - usize::from(half);
        for decoded in char::decode_utf16(pairs[..whole].iter().map(unit)) {
            match decoded {
                Ok(character) => text.push(character),
                Err(_) => self.replaced(&[], text)?,
            }
        }
        self.tail = [&bytes[2 * whole..2 * pairs.len()], odd].concat();
        Ok(())
    }

    /// Puts a sign in the place of bytes that are no character, or what they are in the charset to fall back to.
    fn replaced(&mut self, bytes: &[u8], text: &mut String) -> Result<(), DecodeProblem> {
        if let (Some(Charset::Utf8), Some(fallback)) = (self.charset, self.fallback) {
            text.extend(bytes.iter().filter_map(|byte| fallback.character(*byte)));
            return Ok(());
        }
        if self.strict {
            return Err(DecodeProblem::Encoding(
                "these bytes are no text in the document's encoding".to_owned(),
            ));
        }
        self.suspicious = true;
        text.push(char::REPLACEMENT_CHARACTER);
        Ok(())
    }
}

/// Whether so much of a document is there that [`charset`] would say the same of all of it.
fn is_enough(start: &[u8]) -> bool {
    /// `<!doctype html` behind a mark.
    const LONGEST: usize = 14 + 3;
    let body = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    if start.len() > limits::DECLARATION + LONGEST {
        return true;
    }
    body.len() >= LONGEST && (!body.starts_with(b"<?xml") || body.contains(&b'>') || body.contains(&0))
}

/// How the document is encoded, and how long its byte order mark is. An error when it is no document of ours at all:
/// empty, a page for people, or in an encoding that is not read.
fn charset(document: &[u8]) -> Result<(Charset, usize), DecodeProblem> {
    match document {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, b'<', ..] | [b'<', 0, 0, 0, ..] => {
            return Err(DecodeProblem::Encoding("UTF-32 is not read".to_owned()));
        }
        [0xff, 0xfe, ..] => return Ok((Charset::Utf16 { big_endian: false }, 2)),
        [0xfe, 0xff, ..] => return Ok((Charset::Utf16 { big_endian: true }, 2)),
        [b'<', 0, ..] => return Ok((Charset::Utf16 { big_endian: false }, 0)),
        [0, b'<', ..] => return Ok((Charset::Utf16 { big_endian: true }, 0)),
        _ => {}
    }
    let mark = if document.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let body = &document[mark..];
    let start = body.trim_ascii_start();
    let other = |what: &str| Err(DecodeProblem::UnexpectedDocument(what.to_owned()));
    if start.is_empty() {
        // In a stream that has only begun this is too early to say.
        let endless = body.len() > limits::DECLARATION;
        return if endless {
            Ok((Charset::Utf8, mark))
        } else {
            other("an empty body instead of a SOAP envelope")
        };
    }
    let begins =
        |with: &str| start.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with.as_bytes()));
    if begins("<!doctype html") || begins("<html") {
        return other("an HTML page instead of a SOAP envelope");
    }
    if !start.starts_with(b"<") {
        return other("text that is no XML instead of a SOAP envelope");
    }
    let Some(name) = declared_encoding(start).filter(|_| mark == 0) else { return Ok((Charset::Utf8, mark)) };
    match Charset::named(&name) {
        Some(charset) => Ok((charset, mark)),
        None => {
            let read = "UTF-8, UTF-16, ISO-8859-1, ISO-8859-15 and Windows-1252";
            Err(DecodeProblem::Encoding(format!("{} is not read, only {read}", shown(&name))))
        }
    }
}

/// The encoding that the XML declaration names.
fn declared_encoding(start: &[u8]) -> Option<String> {
    let declaration = start.strip_prefix(b"<?xml")?;
    let declaration = &declaration[..declaration.len().min(limits::DECLARATION)];
    let end = memchr::memchr(b'>', declaration)?;
    let declaration = String::from_utf8_lossy(&declaration[..end]).into_owned();
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    Some(value[1..].split(quote).next()?.trim().to_owned())
}

/// Whether there may be characters in the text that XML has no place for: told by the bytes that they have, so that texts
/// need no second look where there are none.
fn is_suspicious(text: &str) -> bool {
    const BYTES: usize = 4096;
    text.as_bytes()
        .chunks(BYTES)
        .any(|bytes| bytes.iter().fold(false, |found, byte| found | may_begin_forbidden(*byte)))
}

/// U+FFFE and U+FFFF begin with 0xef, and so does the sign in place of what was no character.
fn may_begin_forbidden(byte: u8) -> bool {
    (byte < b' ' && byte != b'\t' && byte != b'\n' && byte != b'\r') || byte == 0xef
}

/// A text with signs in place of the characters that XML has no place for.
pub(super) fn without_forbidden(text: &str) -> String {
    text.chars().map(|c| if is_allowed(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether a text has such a character.
pub(super) fn has_forbidden(text: &str) -> bool {
    text.chars().any(|c| !is_allowed(c))
}

fn windows_1252(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '\u{20ac}', '\u{81}', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}',
        '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8d}', '\u{17d}', '\u{8f}', '\u{90}',
        '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}',
        '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\u{9d}', '\u{17e}', '\u{178}',
    ];
    match byte {
        0x80..0xa0 => FROM_0X80[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

fn latin_9(byte: u8) -> char {
    match byte {
        0xa4 => '\u{20ac}',
        0xa6 => '\u{160}',
        0xa8 => '\u{161}',
        0xb4 => '\u{17d}',
        0xb8 => '\u{17e}',
        0xbc => '\u{152}',
        0xbd => '\u{153}',
        0xbe => '\u{178}',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::{Charset, DecodeProblem, Decoder, document_text};

    /// What the document gives whole, and in pieces of every size.
    fn text(document: &[u8], strict: bool) -> Result<String, DecodeProblem> {
        text_or(document, None, strict)
    }

    fn text_or(document: &[u8], fallback: Option<Charset>, strict: bool) -> Result<String, DecodeProblem> {
        let whole = document_text(document, fallback, strict);
        for size in 1..document.len() {
            let mut decoder = Decoder::new(strict);
            decoder.fall_back_to(fallback);
            let mut text = String::new();
            let mut pieces = document.chunks(size);
            let end = pieces.try_for_each(|piece| decoder.push(piece, &mut text));
            let end = end.and_then(|()| decoder.finish(&mut text));
            match &whole {
                Ok(whole) => assert_eq!((end, text.as_str()), (Ok(()), &*whole.text), "pieces of {size}"),
                Err(error) => assert_eq!(end.as_ref(), Err(error.problem()), "pieces of {size}"),
            }
        }
        whole.map(|whole| whole.text.into_owned()).map_err(|error| error.problem().clone())
    }

    fn declared(encoding: &str, content: &[u8]) -> Vec<u8> {
        [format!("<?xml version='1.0' encoding=\"{encoding}\"?><a>").as_bytes(), content, b"</a>"].concat()
    }

    #[test]
    fn documents_of_one_byte_for_each_character_are_read() {
        for (encoding, content, expected) in [
            ("ISO-8859-1", &b"Caf\xe9 cr\xe8me"[..], "Caf\u{e9} cr\u{e8}me"),
            ("windows-1252", b"\x80 10", "\u{20ac} 10"),
            ("Latin1", b"\x93a\x94", "\u{201c}a\u{201d}"),
            ("iso-8859-15", b"\xa4 10", "\u{20ac} 10"),
        ] {
            let text = text(&declared(encoding, content), true).expect(encoding);
            assert!(text.contains(&format!("<a>{expected}</a>")), "{text}");
        }
    }

    #[test]
    fn the_charset_of_the_head_counts_for_bytes_that_are_no_utf_8() {
        let of = Charset::of_content_type;
        for (header, expected) in [
            ("text/xml; charset=ISO-8859-1", "Caf\u{e9} \u{201c}"),
            ("text/xml;Charset=\"windows-1252\"; x=y", "Caf\u{e9} \u{201c}"),
            ("application/xml; charset=latin9", "Caf\u{e9} \u{93}"),
        ] {
            let document = b"<a>and so on, for a while: Caf\xe9 \x93</a>";
            assert!(text_or(document, of(header), true).expect(header).contains(expected), "{header}");
            // One that is UTF-8 whatever the head says, as behind a web server with a default of its own.
            let document = "<a>and so on, for a while: Caf\u{e9}</a>";
            assert_eq!(text_or(document.as_bytes(), of(header), true).expect(header), document);
        }
        for header in ["text/xml", "text/xml; charset=utf-8", "text/xml; charset=EBCDIC", "charset"] {
            assert_eq!(of(header), None, "{header}");
        }
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_mark() {
        let document = "<?xml version='1.0' encoding='UTF-16'?><a>Caf\u{e9} \u{1f600}</a>";
        for mark in ["", "\u{feff}"] {
            let units: Vec<u16> = format!("{mark}{document}").encode_utf16().collect();
            let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
            assert_eq!(text(&little, true).expect("little"), document);
            assert_eq!(text(&big, true).expect("big"), document);
        }
    }

    #[test]
    fn a_document_in_single_bytes_is_no_utf_16_whatever_it_declares() {
        let document = declared("utf-16", "Caf\u{e9}".as_bytes());
        assert!(text(&document, true).expect("read").contains("<a>Caf\u{e9}</a>"));
    }

    #[test]
    fn bytes_that_are_no_character_become_a_sign_unless_strict() {
        let document = declared("UTF-8", b"Caf\xe9 cr\xe8me \xf0\x9f\x98\x80\xf0\x9f");
        assert!(
            text(&document, false)
                .expect("read")
                .contains("<a>Caf\u{fffd} cr\u{fffd}me \u{1f600}\u{fffd}</a>")
        );
        assert!(matches!(text(&document, true), Err(DecodeProblem::Encoding(_))));
    }

    #[test]
    fn other_encodings_and_other_documents_are_told_by_name() {
        for (document, expected) in [
            (declared("EBCDIC", b""), "EBCDIC is not read"),
            (declared(&"A".repeat(3000), b""), "AAAA"),
            (b"\xff\xfe\0\0<\0\0\0/\0\0\0".to_vec(), "UTF-32"),
            (b"  \n ".to_vec(), "empty body"),
            (Vec::new(), "empty body"),
            (b" <!DocType HTML><p>and so on, and on</p>".to_vec(), "HTML page"),
            (b"Bad gateway, try again in a minute".to_vec(), "no XML"),
        ] {
            let problem = text(&document, false).expect_err(expected).to_string();
            assert!(problem.contains(expected) && problem.len() < 200, "{problem}");
        }
    }
}
