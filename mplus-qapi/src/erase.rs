//! Takes secrets out of a text, however they are spelled in it. Pure.
//!
//! The other side may quote the request, and what it quotes may have been escaped on the way, more than once, or cut. So a
//! text is looked at as it is and with its escapes undone, layer by layer, without regard to case; what is found is
//! replaced where it stands.

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use memchr::memmem;

use crate::capture::REDACTED;

/// Shorter ones would be found everywhere.
const SHORTEST: usize = 4;
/// How often escapes are undone.
const LAYERS: usize = 4;
/// How much of a text is looked at at once.
const WINDOW: usize = 64 << 10;
/// The most bytes that one byte of a secret is expected to take in a text.
const LONGEST_ESCAPE: usize = 32;
/// No text of the other side is kept beyond this.
const KEPT: usize = 4 << 10;

/// A text of the other side as it may be kept: without these secrets, and cut to 4 KiB.
pub(crate) fn kept(text: String, secrets: &[&str]) -> String {
    // What stands at the cut is recognised whole before it is cut.
    cut(without(cut(text, KEPT * 4), secrets, true), KEPT)
}

fn cut(mut text: String, limit: usize) -> String {
    if text.len() > limit {
        text.truncate(before(&text, limit - '…'.len_utf8()));
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

/// The text with `***` in the place of these secrets.
pub(crate) fn erase(text: String, secrets: &[&str]) -> String {
    without(text, secrets, false)
}

/// `quotes`: the text may be one of ours that quotes pieces of the other side's, each of which may have been cut.
fn without(text: String, secrets: &[&str], quotes: bool) -> String {
    let needles: Vec<Vec<u8>> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    let Some(longest) = needles.iter().map(Vec::len).max() else { return text };
    let mut found = Vec::new();
    let mut start = 0;
    loop {
        let from = before(&text, start);
        let to = before(&text, start + WINDOW + longest * LONGEST_ESCAPE);
        let edges = Edges { start: from == 0, end: to == text.len(), quotes };
        find(&text[from..to], edges, &needles, |range| found.push(from + range.start..from + range.end));
        if to == text.len() {
            break;
        }
        start += WINDOW;
    }
    replaced(text, found)
}

/// Where a secret may have been cut: whether a piece of text is where the whole text begins or ends, and whether it may be cut
/// at every sign of a cut in it.
#[derive(Clone, Copy)]
struct Edges {
    start: bool,
    end: bool,
    quotes: bool,
}

/// The last boundary of a character at or before `at`.
fn before(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn replaced(text: String, mut found: Vec<Range<usize>>) -> String {
    if found.is_empty() {
        return text;
    }
    found.sort_by_key(|range| range.start);
    let mut erased = String::with_capacity(text.len());
    let mut done = 0;
    for range in found {
        let start = before(&text, range.start);
        let end = (range.end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        if start > done || (start == done && !erased.ends_with(REDACTED)) {
            erased.push_str(&text[done..start]);
            erased.push_str(REDACTED);
        }
        done = done.max(end);
    }
    erased.push_str(&text[done..]);
    erased
}

/// One look at a text: folded bytes, and where in the text each of them stands.
#[derive(Default)]
struct Layer {
    bytes: Vec<u8>,
    places: Vec<(u32, u32)>,
}

impl Layer {
    fn of(text: &str) -> Self {
        let mut layer = Self::default();
        for (at, character) in text.char_indices() {
            let place = (at as u32, (at + character.len_utf8()) as u32);
            let mut utf8 = [0; 4];
            for lower in character.to_lowercase() {
                lower.encode_utf8(&mut utf8).bytes().for_each(|byte| layer.push(byte, place));
            }
        }
        layer
    }

    fn push(&mut self, byte: u8, place: (u32, u32)) {
        // In a query a plus is a blank.
        self.bytes.push(if byte == b'+' { b' ' } else { byte.to_ascii_lowercase() });
        self.places.push(place);
    }

    fn range(&self, from: usize, to: usize) -> Range<usize> {
        self.places[from].0 as usize..self.places[to - 1].1 as usize
    }

    /// The same with its escapes undone once; `None` when there are none.
    fn unescaped(&self) -> Option<Self> {
        let mut next = Self::default();
        let mut at = 0;
        let mut changed = false;
        while at < self.bytes.len() {
            match unescape(&self.bytes[at..]) {
                Some((bytes, used)) => {
                    let place = (self.places[at].0, self.places[at + used - 1].1);
                    bytes.into_iter().for_each(|byte| next.push(byte, place));
                    at += used;
                    changed = true;
                }
                None => {
                    next.push(self.bytes[at], self.places[at]);
                    at += 1;
                }
            }
        }
        changed.then_some(next)
    }
}

fn find(text: &str, edges: Edges, needles: &[Vec<u8>], mut found: impl FnMut(Range<usize>)) {
    let mut layer = Layer::of(text);
    for _ in 0..LAYERS {
        for needle in needles {
            find_whole_or_half(&layer, needle, &mut found);
            find_at_edges(&layer, needle, edges, text.len(), &mut found);
        }
        match layer.unescaped() {
            Some(next) => layer = next,
            None => break,
        }
    }
}

/// The secret wherever it stands, and what is left of it when more than its half is: somebody else may have cut it.
fn find_whole_or_half(layer: &Layer, needle: &[u8], found: &mut impl FnMut(Range<usize>)) {
    let hay = &layer.bytes;
    let half = needle.len().div_ceil(2).max(SHORTEST + 2).min(needle.len());
    for at in memmem::find_iter(hay, &needle[..half]) {
        let more = hay[at + half..].iter().zip(&needle[half..]).take_while(|(one, other)| one == other);
        found(layer.range(at, at + half + more.count()));
    }
    let tail = needle.len() - half;
    for at in memmem::find_iter(hay, &needle[tail..]) {
        let more = hay[..at].iter().rev().zip(needle[..tail].iter().rev());
        let more = more.take_while(|(one, other)| one == other).count();
        found(layer.range(at - more, at + half));
    }
}

/// A secret of which the text's end holds the beginning only, or its beginning the end.
fn find_at_edges(
    layer: &Layer,
    needle: &[u8],
    edges: Edges,
    end: usize,
    found: &mut impl FnMut(Range<usize>),
) {
    let hay = &layer.bytes;
    let longest = hay.len().min(needle.len());
    if edges.end {
        // The cut may go through an escape, and may have been marked.
        let broken = broken_escape(hay);
        let marked = ["…", "..."].iter().find_map(|mark| hay.strip_suffix(mark.as_bytes())).map(<[u8]>::len);
        for stop in [Some(hay.len()), broken, marked].into_iter().flatten() {
            let longest = longest.min(stop);
            let fits = (SHORTEST..=longest).rev().find(|many| hay[..stop].ends_with(&needle[..*many]));
            if let Some(many) = fits {
                found(layer.places[stop - many].0 as usize..end);
            }
        }
    }
    if edges.quotes {
        for stop in memmem::find_iter(hay, "…") {
            let longest = needle.len().min(stop);
            let fits = (SHORTEST..=longest).rev().find(|many| hay[..stop].ends_with(&needle[..*many]));
            if let Some(many) = fits {
                found(layer.range(stop - many, stop));
            }
        }
    }
    if edges.start {
        let fits = (SHORTEST..=longest).rev().find(|many| hay.starts_with(&needle[needle.len() - many..]));
        if let Some(many) = fits {
            found(0..layer.places[many - 1].1 as usize);
        }
    }
}

/// Where a text that ends inside of an escape was whole.
fn broken_escape(text: &[u8]) -> Option<usize> {
    let tail = text.len().saturating_sub(10);
    let at = tail + text[tail..].iter().rposition(|byte| b"%&\\".contains(byte))?;
    let begun = &text[at + 1..];
    let fits = match text[at] {
        b'%' => begun.len() < 2 && begun.iter().all(u8::is_ascii_hexdigit),
        b'&' => begun.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'#'),
        _ => begun.iter().all(|byte| byte.is_ascii_hexdigit() || b"ux{".contains(byte)),
    };
    fits.then_some(at)
}

/// What to look for: the secret, and what hides it whole.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    if secret.len() < SHORTEST {
        return Vec::new();
    }
    let folded = |text: &str| Layer::of(text).bytes;
    let mut plain = Layer::of(secret);
    let mut spellings = vec![plain.bytes.clone(), folded(&hexadecimal(secret))];
    while let Some(next) = plain.unescaped().filter(|_| spellings.len() < LAYERS) {
        spellings.push(next.bytes.clone());
        plain = next;
    }
    // As a server would write it that takes every character for one byte.
    let latin_1: Option<Vec<u8>> = secret.chars().map(|character| u8::try_from(character).ok()).collect();
    spellings.extend(latin_1.map(|bytes| bytes.to_ascii_lowercase()));
    for ahead in 0..3 {
        let base64 = base64_inside(secret, ahead);
        spellings.push(folded(&base64.replace('+', "-").replace('/', "_")));
        spellings.push(folded(&base64));
    }
    spellings.retain(|spelling| spelling.len() >= SHORTEST);
    spellings.sort();
    spellings.dedup();
    spellings
}

fn hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// What the base64 of something longer shows of the text, when `ahead` bytes (modulo 3) stand before it.
fn base64_inside(text: &str, ahead: usize) -> String {
    let padded = [&b"\0\0"[..ahead], text.as_bytes()].concat();
    let encoded = STANDARD_NO_PAD.encode(&padded);
    // Characters that hold bits of a neighbour are not known.
    let first = (ahead * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded.get(first..last).unwrap_or_default().to_owned()
}

/// The escape that a folded text begins with: its bytes, and how many it takes.
fn unescape(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    match text {
        [b'%', high, low, ..] => Some((vec![pair(*high, *low)?], 3)),
        [b'&', ..] => {
            let end = text.iter().take(14).position(|byte| *byte == b';')?;
            Some((utf8(entity(&text[1..end])?), end + 1))
        }
        [b'\\', b'u', b'{', ..] => {
            let end = text.iter().take(12).position(|byte| *byte == b'}')?;
            Some((utf8(number(&text[3..end], 16)?), end + 1))
        }
        [b'\\', b'u', ..] => match number(text.get(2..6)?, 16)? {
            high @ 0xD800..0xDC00 if text.get(6..8) == Some(b"\\u") => {
                let low = number(text.get(8..12)?, 16)?.checked_sub(0xDC00)?;
                Some((utf8(0x1_0000 + ((high - 0xD800) << 10) + low), 12))
            }
            character => Some((utf8(character), 6)),
        },
        [b'\\', b'x', high, low, ..] => Some((vec![pair(*high, *low)?], 4)),
        [b'\\', plain @ (b'"' | b'\'' | b'\\' | b'/'), ..] => Some((vec![*plain], 2)),
        _ => None,
    }
}

fn entity(name: &[u8]) -> Option<u32> {
    let character = match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        [b'#', b'x', digits @ ..] => return number(digits, 16),
        [b'#', digits @ ..] => return number(digits, 10),
        _ => return None,
    };
    Some(u32::from(character))
}

fn number(digits: &[u8], radix: u32) -> Option<u32> {
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, radix).ok()
}

fn pair(high: u8, low: u8) -> Option<u8> {
    u8::try_from(number(&[high, low], 16)?).ok()
}

fn utf8(character: u32) -> Vec<u8> {
    char::from_u32(character).unwrap_or(char::REPLACEMENT_CHARACTER).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "Ge=h m/&é?9\"x";

    fn erased(text: &str) -> String {
        erase(text.to_owned(), &[SECRET, "upvendo-ident"])
    }

    #[test]
    fn a_secret_is_found_in_every_escape_and_case() {
        for spelling in [
            SECRET,
            "GE=H M/&É?9\"X",
            "Ge%3Dh%20m%2F%26%C3%A9%3F9%22x",
            "ge%3dh+m%2f%26%c3%a9%3f9%22x",
            "%47%65%3D%68%20%6D%2F%26%C3%A9%3F%39%22%78",
            "Ge%3Dh%20m%2F%26%E9%3F9%22x",
            "Ge=h m/&amp;é?9&quot;x",
            "Ge&#61;h&#x20;m/&#38;&#xE9;?9&#34;x",
            "Ge%3Dh+m%2F&amp;amp;%C3%A9?9&amp;quot;x",
            "Ge%253Dh%2520m%252F%2526%25C3%25A9%253F9%2522x",
            r#"Ge=h m\/\u0026\u00e9?9\"x"#,
            r#"Ge=h m/&\u{e9}?9\"x"#,
            r"Ge\x3dh m/&é?9\u0022x",
            "47653d68206d2f26c3a93f392278",
        ] {
            assert_eq!(erased(&format!("<{spelling}>")), "<***>", "{spelling}");
        }
    }

    #[test]
    fn a_secret_is_found_in_base64_whatever_stands_around_it() {
        for around in ["", "a", "ab", "abc", "ident:"] {
            for engine in [STANDARD, URL_SAFE] {
                let hidden = engine.encode(format!("{around}{SECRET}{around}"));
                let shown = erased(&format!("Basic {hidden}"));
                let middle = &engine.encode(SECRET.as_bytes())[4..12];
                assert!(shown.contains("***") && !shown.contains(middle), "{shown}");
            }
        }
    }

    #[test]
    fn what_a_cut_left_of_a_secret_is_found() {
        assert_eq!(erased("at its end upvend"), "at its end ***");
        assert_eq!(erased("at its end upve%6"), "at its end ***");
        assert_eq!(erased("marked upvendo-i…"), "marked ***");
        assert_eq!(erased("dent, at its start"), "***, at its start");
        assert_eq!(erased("in the middle upvendo-... of it"), "in the middle ***... of it");
        assert_eq!(erased("upv"), "upv", "three characters are no secret");
        let quoted = |text: &str| kept(text.to_owned(), &[SECRET, "upvendo-ident"]);
        assert_eq!(quoted("`a` is closed as `xx upve…`"), "`a` is closed as `xx ***…`");
        assert_eq!(quoted("`upv…` instead"), "`upv…` instead");
    }

    #[test]
    fn everything_else_stays() {
        let text = "100% of & the + costs \\ are €5, &lt;ok&gt; %zz &#xZ; \\u12";
        assert_eq!(erased(text), text);
        assert_eq!(erase("a cab".to_owned(), &["a", "cab"]), "a cab");
        assert_eq!(erase(String::new(), &[SECRET]), "");
    }

    #[test]
    fn a_long_text_is_searched_whole_and_cut_after_that() {
        let filler = "é".repeat(WINDOW / 2 - 3);
        let text = format!("{filler}upvendo-ident{filler}upvendo-ident");
        assert_eq!(erased(&text), format!("{filler}***{filler}***"));
        let at_the_cut = format!("{}upvendo-ident{}", "x".repeat(KEPT - 9), "y".repeat(9000));
        let shown = kept(at_the_cut, &["upvendo-ident"]);
        assert!(shown.len() <= KEPT && shown.contains("x***y") && shown.ends_with("y…"), "{}", shown.len());
    }

    proptest! {
        #[test]
        fn no_text_is_damaged_beyond_the_secret(text in ".{0,40}", tail in "[é-ü€😀a%&+]{0,20}") {
            let around = format!("{text}upvendo-ident{tail}");
            let shown = erased(&around);
            prop_assert!(!shown.to_lowercase().contains("upvendo-ident"));
            prop_assert!(shown.contains(REDACTED));
        }
    }
}
