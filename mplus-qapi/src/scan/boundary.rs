//! Where the next part of a document ends, found in pieces of any size without reading it: no byte is looked at twice.
//!
//! A part is what the reader takes in one go: an element from its start tag to its end tag, or what stands between two
//! elements, or, where an element is to be entered, its start tag alone.

use memchr::memmem;

use super::limits;
use super::near::{find, find_any};

/// The end of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// White space and a comment or an instruction: it means nothing.
    Between(usize),
    /// A start tag whose element goes on; [`Boundary::advance`] then goes on to the element's end.
    Start(usize),
    /// An element, or the end tag of the one around it.
    Whole(usize),
    /// No end will come that the reader would get to: it can read what is there, and say why.
    Refused,
}

/// A search for the end of the part that begins at a place in the text.
#[derive(Debug)]
pub(crate) struct Boundary {
    /// Up to here the text was looked at.
    at: usize,
    /// Where the run of text or the markup began that is being looked at.
    start: usize,
    /// How many elements of the part are open.
    depth: usize,
    inside: Inside,
}

#[derive(Debug, Clone, Copy)]
enum Inside {
    Text,
    /// A start tag; `quote` while in an attribute's value.
    StartTag {
        quote: Option<u8>,
    },
    EndTag,
    /// A comment, CDATA or instruction, up to this; at most so many bytes.
    Until(&'static str, usize),
}

impl Boundary {
    /// The part that begins at `at`.
    pub(crate) fn new(at: usize) -> Self {
        Self { at, start: at, depth: 0, inside: Inside::Text }
    }

    /// The text lost `bytes` bytes at its front.
    pub(crate) fn shift(&mut self, bytes: usize) {
        self.at = self.at.saturating_sub(bytes);
        self.start = self.start.saturating_sub(bytes);
    }

    /// Goes on to the end of the part, or of `text`: then there is none yet. `starts`: stop at a start tag, too.
    pub(crate) fn advance(&mut self, text: &[u8], starts: bool) -> Option<Cut> {
        loop {
            let rest = text.get(self.at..).unwrap_or_default();
            match self.inside {
                Inside::Text => {
                    let found = find(b'<', rest);
                    if self.depth == 0 && !self.is_blank(&rest[..found.unwrap_or(rest.len())]) {
                        return Some(Cut::Refused);
                    }
                    let Some(found) = found else {
                        self.at = text.len();
                        return None;
                    };
                    let markup = &rest[found..];
                    self.at += found;
                    match markup.get(1) {
                        None => return None,
                        Some(b'/') => (self.start, self.inside) = (self.at, Inside::EndTag),
                        Some(b'!' | b'?') => match special(markup, self.depth) {
                            Special::CutOff => return None,
                            Special::Refused => return Some(Cut::Refused),
                            Special::Begins { length, inside } => {
                                (self.start, self.inside) = (self.at, inside);
                                self.at += length;
                                continue;
                            }
                        },
                        Some(_) => (self.start, self.inside) = (self.at, Inside::StartTag { quote: None }),
                    }
                    self.at += 1;
                }
                Inside::EndTag => {
                    let Some(found) = find(b'>', rest) else {
                        return self.wait(text, limits::TAG);
                    };
                    self.at += found + 1;
                    if self.at - self.start > limits::TAG {
                        return Some(Cut::Refused);
                    }
                    self.inside = Inside::Text;
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return self.whole();
                    }
                    self.start = self.at;
                }
                Inside::StartTag { quote: None } => {
                    let Some(found) = find_any([b'>', b'"', b'\''], rest) else {
                        return self.wait(text, limits::TAG);
                    };
                    self.at += found + 1;
                    if rest[found] != b'>' {
                        self.inside = Inside::StartTag { quote: Some(rest[found]) };
                        continue;
                    }
                    if self.at - self.start > limits::TAG {
                        return Some(Cut::Refused);
                    }
                    self.inside = Inside::Text;
                    let empty = text.get(self.at - 2) == Some(&b'/');
                    if empty && self.depth == 0 {
                        return self.whole();
                    }
                    self.start = self.at;
                    if !empty {
                        self.depth += 1;
                        if self.depth > limits::DEPTH {
                            return Some(Cut::Refused);
                        }
                        if starts && self.depth == 1 {
                            return Some(Cut::Start(self.at));
                        }
                    }
                }
                Inside::StartTag { quote: Some(quote) } => {
                    let Some(found) = find(quote, rest) else { return self.wait(text, limits::TAG) };
                    self.at += found + 1;
                    self.inside = Inside::StartTag { quote: None };
                }
                Inside::Until(end, limit) => {
                    let Some(found) = memmem::find(rest, end.as_bytes()) else {
                        // The end may have begun.
                        let seen = text.len().saturating_sub(end.len() - 1).max(self.at);
                        self.at = seen;
                        return (text.len() - self.start > limit).then_some(Cut::Refused);
                    };
                    self.at += found + end.len();
                    if self.at - self.start > limit {
                        return Some(Cut::Refused);
                    }
                    self.inside = Inside::Text;
                    self.start = self.at;
                    if self.depth == 0 {
                        return Some(Cut::Between(self.at));
                    }
                }
            }
        }
    }

    fn whole(&self) -> Option<Cut> {
        Some(Cut::Whole(self.at))
    }

    /// The markup goes on behind the end of `text`.
    fn wait(&mut self, text: &[u8], limit: usize) -> Option<Cut> {
        self.at = text.len();
        (text.len() - self.start > limit).then_some(Cut::Refused)
    }

    /// Between elements there is only white space, and not without end.
    fn is_blank(&self, run: &[u8]) -> bool {
        let so_far = self.at - self.start + run.len();
        so_far < limits::BETWEEN && run.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
    }
}

/// What begins at a `<!` or `<?`.
enum Special {
    Begins {
        length: usize,
        inside: Inside,
    },
    /// Too little of it is there to tell.
    CutOff,
    /// A document type, or nothing that may stand here.
    Refused,
}

fn special(markup: &[u8], depth: usize) -> Special {
    const KINDS: [(&str, &str, usize); 3] =
        [("<!--", "-->", limits::BETWEEN), ("<?", "?>", limits::BETWEEN), ("<![CDATA[", "]]>", usize::MAX)];
    // Between elements there is no text.
    let allowed = if depth == 0 { &KINDS[..2] } else { &KINDS[..] };
    for (start, end, limit) in allowed {
        if markup.starts_with(start.as_bytes()) {
            return Special::Begins { length: start.len(), inside: Inside::Until(end, *limit) };
        }
        if start.as_bytes().starts_with(markup) {
            return Special::CutOff;
        }
    }
    // So much the reader looks at to say what it is.
    if markup.len() < "<!DOCTYPE".len() { Special::CutOff } else { Special::Refused }
}

#[cfg(test)]
mod tests {
    use super::{Boundary, Cut, limits};

    const ITEM: &str = r#" <a x="1>2" y='</a>'><!-- </a> --><b/><![CDATA[</a>]]]]><?p </a>?><a>t</a ></a>"#;

    fn end(text: &str) -> Option<Cut> {
        Boundary::new(0).advance(text.as_bytes(), false)
    }

    #[test]
    fn the_end_is_found_behind_everything_that_looks_like_it() {
        assert_eq!(end(ITEM), Some(Cut::Whole(ITEM.len())));
        for cut in 0..ITEM.len() {
            assert_eq!(end(&ITEM[..cut]), None, "cut at {cut}");
        }
    }

    #[test]
    fn pieces_of_any_size_give_the_same_parts() {
        let text = format!("<?p?> <!-- > -->{ITEM}<c/></list>");
        let parts = |size: usize| {
            let mut boundary = Boundary::new(0);
            let mut cuts = Vec::new();
            for end in (size..text.len() + size).step_by(size) {
                while let Some(cut) = boundary.advance(&text.as_bytes()[..end.min(text.len())], true) {
                    cuts.push(cut);
                    match cut {
                        Cut::Between(end) | Cut::Whole(end) => boundary = Boundary::new(end),
                        Cut::Start(_) => {}
                        Cut::Refused => return cuts,
                    }
                }
            }
            cuts
        };
        let whole = parts(text.len());
        let at = |of: &str| text.find(of).expect("there") + of.len();
        let expected = [
            Cut::Between(at("<?p?>")),
            Cut::Between(at("> -->")),
            Cut::Start(at("y='</a>'>")),
            Cut::Whole(at("</a ></a>")),
            Cut::Whole(at("<c/>")),
            Cut::Whole(text.len()),
        ];
        assert_eq!(whole, expected);
        for size in 1..text.len() {
            assert_eq!(parts(size), whole, "pieces of {size}");
        }
    }

    #[test]
    fn bytes_dropped_at_the_front_do_not_lose_the_place() {
        let text = format!("0123456789{ITEM}");
        let mut boundary = Boundary::new(10);
        assert_eq!(boundary.advance(&text.as_bytes()[..20], false), None);
        boundary.shift(10);
        assert_eq!(boundary.advance(ITEM.as_bytes(), false), Some(Cut::Whole(ITEM.len())));
    }

    #[test]
    fn a_limit_is_the_same_however_the_bytes_come() {
        let comment = |length: usize| format!("<!--{}-->", "x".repeat(length - 7));
        let tag = |length: usize| format!("<a b='{}'/>", "x".repeat(length - 9));
        for (text, cut) in [
            (comment(limits::BETWEEN), Cut::Between(limits::BETWEEN)),
            (comment(limits::BETWEEN + 1), Cut::Refused),
            (tag(limits::TAG), Cut::Whole(limits::TAG)),
            (tag(limits::TAG + 1), Cut::Refused),
        ] {
            assert_eq!(end(&text), Some(cut));
            let mut boundary = Boundary::new(0);
            assert_eq!(boundary.advance(&text.as_bytes()[..text.len() - 1], false), None);
            assert_eq!(boundary.advance(text.as_bytes(), false), Some(cut));
        }
    }

    #[test]
    fn what_the_reader_refuses_is_not_waited_for() {
        for (text, fill) in
            [("<a>", "<a>"), ("", " "), ("<!--", "x"), ("<a><?", "x"), ("<a b='", "x"), ("</", "x")]
        {
            let long = format!("{text}{}", fill.repeat(limits::BETWEEN));
            assert_eq!(end(&long), Some(Cut::Refused), "{text}{fill}");
        }
        for text in ["x", " x", "<!DOCTYPE", "<![CDATA[", "<!ELEMENT x"] {
            assert_eq!(end(text), Some(Cut::Refused), "{text}");
        }
    }
}
