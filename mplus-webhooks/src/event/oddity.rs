//! What was odd about a body that was read nevertheless.

use std::fmt;

use serde::{Serialize, Serializer};

use super::path::{Path, cut};

/// A part of a body that is not as it should be. The event was kept; where the part could not be read, it is absent.
///
/// The whole body as it was sent is [`Event::raw`](super::Event::raw).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Oddity {
    /// Where it stands, such as `session.lines[3].priceIncl`; empty for the body as a whole.
    pub path: String,
    /// What is odd.
    pub what: OddityKind,
    /// What was sent there, at most [`MAX_RAW`](Self::MAX_RAW) bytes of its JSON.
    pub raw: String,
}

impl Oddity {
    /// The longest [`raw`](Self::raw), bytes.
    pub const MAX_RAW: usize = 256;
}

impl fmt::Display for Oddity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => write!(formatter, "the body {}", self.what),
            path => write!(formatter, "`{path}` {}", self.what),
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $text:literal)*) => {
        /// What is odd about a part of a body.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OddityKind {
            $($(#[$doc])* $kind,)*
        }

        impl fmt::Display for OddityKind {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self {
                    $(Self::$kind => $text,)*
                })
            }
        }
    };
}

kinds! {
    /// Absent or `null`, though every body should have it.
    Missing "is missing"
    /// Present, with nothing in it.
    Empty "is empty"
    /// Neither a text nor a number's digits.
    NotText "is not a text"
    /// Not a number in the spelling of JSON; a comma is never taken for a decimal point.
    NotNumber "is not a number"
    /// A number with more digits than can be kept, or too large.
    NotExact "is not a number that can be held exactly"
    /// Not a whole number.
    NotWhole "is not a whole number"
    /// Neither true nor false.
    NotBool "is not true or false"
    /// Not a date with a time.
    NotTime "is not a time with its offset, like 2017-08-09T16:07:33.964+02:00"
    /// A time whose offset is not told: which instant it is stays open. The wall clock was read.
    NoOffset "is a time without its offset"
    /// Not an object.
    NotObject "is not an object"
    /// Not a list.
    NotList "is not a list"
    /// One value where a list belongs. It was read as a list of one.
    OneForList "is one value in the place of a list"
    /// A list of one where an object belongs. Its only value was read.
    ListForOne "is a list in the place of its only value"
    /// The same name twice, with different values. None of them was taken.
    Twice "stands twice with different values"
    /// More digits than the amount that is meant, as binary numbers give: off by less than a billionth. The amount was read.
    Noise "is off by less than a billionth"
    /// More than is read; the rest was left out.
    TooMany "has more parts than are read"
    /// Nested deeper than is read.
    TooDeep "is nested too deeply"
    /// Longer than is read: a text was cut, an identifier left out.
    TooLong "is longer than is read"
    /// Control characters. In a text they were replaced by U+FFFD; an identifier with any is none.
    ControlCharacters "contains control characters"
    /// A byte order mark before the body. It was passed over.
    ByteOrderMark "begins with a byte order mark"
    /// Not UTF-8. UTF-16 was read as such, with a byte order mark or without, every other foreign byte as Windows-1252.
    Charset "is not UTF-8"
    /// Half of a character that JSON spells in two halves. It was replaced by U+FFFD.
    LoneSurrogate "contains half a character"
    /// A comma with nothing to separate. It was passed over.
    StrayComma "contains a comma too many"
    /// A word or number that JSON does not have, such as `NaN` or `12,50`. It was read as a text.
    BareWord "contains a value that JSON does not have"
    /// An escape that JSON does not have. It was read as the characters that it is written with.
    BadEscape "contains an escape that JSON does not have"
    /// The POS's complaint about an earlier reply, beside a whole sale. The sale was taken.
    Complaint "is a complaint about an earlier reply"
    /// NUL bytes or separators after the end. They were passed over.
    TrailingBytes "goes on after its end"
}

impl Serialize for OddityKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What reading a body leaves behind besides the event, and how much may still be read.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) oddities: Vec<Oddity>,
    /// How many there were beyond those that are listed.
    pub(crate) further: usize,
    objects_left: usize,
}

impl Reading {
    /// The most oddities that are listed; the others are counted.
    const MAX_LISTED: usize = 32;
    /// The most objects that are read in one body.
    const MAX_OBJECTS: usize = 10_000;

    pub(crate) fn new() -> Self {
        Self { oddities: Vec::new(), further: 0, objects_left: Self::MAX_OBJECTS }
    }

    pub(crate) fn note(&mut self, path: &Path<'_>, what: OddityKind, raw: &str) {
        if self.oddities.len() < Self::MAX_LISTED {
            let raw = cut(raw, Oddity::MAX_RAW).to_owned();
            self.oddities.push(Oddity { path: path.text(), what, raw });
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    /// Counts an object that is about to be read.
    pub(crate) fn one_more_object(&mut self) -> Result<(), OddityKind> {
        self.objects_left = self.objects_left.checked_sub(1).ok_or(OddityKind::TooMany)?;
        Ok(())
    }
}
