//! Where an element ends, found without reading it: so that an item that comes in many pieces is read only once whole.

use memchr::{memchr, memchr3, memmem};

/// What an element that is not whole yet waits for.
#[derive(Debug)]
pub(crate) enum Awaited {
    /// An end tag with its name: mostly that is its own.
    EndTag(EndTag),
    /// Its own end, where end tags inside of it bear the same name.
    Boundary(Boundary),
}

impl Awaited {
    /// The end of the element `name` that begins at `at` and is not whole in `text`.
    pub(crate) fn end_of(name: &str, at: usize, text: &[u8]) -> Self {
        let mut end_tag = EndTag::new(name, at);
        match end_tag.advance(text) {
            true => Self::Boundary(Boundary::new(at)),
            false => Self::EndTag(end_tag),
        }
    }

    /// The text lost `bytes` bytes at its front.
    pub(crate) fn shift(&mut self, bytes: usize) {
        match self {
            Self::EndTag(end_tag) => end_tag.searched = end_tag.searched.saturating_sub(bytes),
            Self::Boundary(boundary) => boundary.at = boundary.at.saturating_sub(bytes),
        }
    }

    /// Goes on to the end of `text`. `true` when it is there.
    pub(crate) fn advance(&mut self, text: &[u8]) -> bool {
        match self {
            Self::EndTag(end_tag) => end_tag.advance(text),
            Self::Boundary(boundary) => boundary.advance(text),
        }
    }
}

/// A search for an end tag by its name, wherever it stands.
#[derive(Debug)]
pub(crate) struct EndTag {
    /// `</name`.
    start: String,
    /// Up to here there is none.
    searched: usize,
}

impl EndTag {
    /// The end tag of the element `name`, from `at` on.
    pub(crate) fn new(name: &str, at: usize) -> Self {
        Self { start: format!("</{name}"), searched: at }
    }

    /// Goes on to the end of `text`. `true` when it is there.
    pub(crate) fn advance(&mut self, text: &[u8]) -> bool {
        let rest = text.get(self.searched..).unwrap_or_default();
        let found = memmem::find_iter(rest, self.start.as_bytes()).any(|at| {
            let behind = rest.get(at + self.start.len());
            behind.is_some_and(|byte| *byte == b'>' || byte.is_ascii_whitespace())
        });
        // It may have begun.
        self.searched = self.searched.max(text.len().saturating_sub(self.start.len()));
        found
    }
}

/// A search for the end of the element at its start. It never looks at a byte twice.
#[derive(Debug)]
pub(crate) struct Boundary {
    at: usize,
    depth: usize,
    inside: Inside,
    found: bool,
}

#[derive(Debug, Clone, Copy)]
enum Inside {
    Text,
    /// A tag; `quote` while in an attribute's value.
    Tag {
        opens: bool,
        quote: Option<u8>,
    },
    /// A comment, CDATA or instruction, up to this.
    Until(&'static str),
}

impl Boundary {
    /// The element whose start tag comes next after `at`.
    pub(crate) fn new(at: usize) -> Self {
        Self { at, depth: 0, inside: Inside::Text, found: false }
    }

    /// Goes on to the end of `text`. `true` when the element is whole.
    pub(crate) fn advance(&mut self, text: &[u8]) -> bool {
        while !self.found {
            let rest = text.get(self.at..).unwrap_or_default();
            match self.inside {
                Inside::Text => {
                    let Some(found) = memchr(b'<', rest) else {
                        self.at = text.len();
                        return false;
                    };
                    self.at += found;
                    let Some((length, inside)) = markup(&rest[found..]) else { return false };
                    self.at += length;
                    self.inside = inside;
                }
                Inside::Until(end) => match memmem::find(rest, end.as_bytes()) {
                    Some(found) => {
                        self.at += found + end.len();
                        self.inside = Inside::Text;
                    }
                    None => {
                        // The end may have begun.
                        self.at += (rest.len() + 1).saturating_sub(end.len());
                        return false;
                    }
                },
                Inside::Tag { opens, quote: Some(quote) } => match memchr(quote, rest) {
                    Some(found) => {
                        self.at += found + 1;
                        self.inside = Inside::Tag { opens, quote: None };
                    }
                    None => {
                        self.at = text.len();
                        return false;
                    }
                },
                Inside::Tag { opens, quote: None } => match memchr3(b'>', b'"', b'\'', rest) {
                    Some(found) if rest[found] == b'>' => {
                        self.at += found + 1;
                        let empty = text.get(self.at - 2) == Some(&b'/');
                        self.end_tag(opens, empty);
                    }
                    Some(found) => {
                        self.at += found + 1;
                        self.inside = Inside::Tag { opens, quote: Some(rest[found]) };
                    }
                    None => {
                        self.at = text.len();
                        return false;
                    }
                },
            }
        }
        true
    }

    fn end_tag(&mut self, opens: bool, empty: bool) {
        self.inside = Inside::Text;
        match (opens, empty) {
            (true, false) => self.depth += 1,
            (true, true) => {}
            (false, _) => self.depth = self.depth.saturating_sub(1),
        }
        self.found = self.depth == 0;
    }
}

/// What begins at this `<`, and how long its beginning is. `None`: too little of it is there to tell.
fn markup(text: &[u8]) -> Option<(usize, Inside)> {
    const KINDS: [(&str, Inside); 4] = [
        ("<!--", Inside::Until("-->")),
        ("<![CDATA[", Inside::Until("]]>")),
        ("<?", Inside::Until("?>")),
        ("</", Inside::Tag { opens: false, quote: None }),
    ];
    for (start, inside) in KINDS {
        if text.starts_with(start.as_bytes()) {
            return Some((start.len(), inside));
        }
        if start.as_bytes().starts_with(text) {
            return None;
        }
    }
    Some((1, Inside::Tag { opens: true, quote: None }))
}

#[cfg(test)]
mod tests {
    use super::{Awaited, Boundary, EndTag};

    const ITEM: &str = r#" <a x="1>2" y='</a>'><!-- </a> --><b/><![CDATA[</a>]]]]><?p </a>?><a>t</a ></a>"#;

    #[test]
    fn the_end_is_found_behind_everything_that_looks_like_it() {
        assert!(Boundary::new(0).advance(ITEM.as_bytes()));
        for cut in 0..ITEM.len() {
            assert!(!Boundary::new(0).advance(&ITEM.as_bytes()[..cut]), "cut at {cut}");
        }
    }

    #[test]
    fn pieces_of_any_size_give_the_same_end() {
        for size in 1..ITEM.len() {
            let mut boundary = Boundary::new(0);
            let mut whole_at = None;
            for end in (size..ITEM.len() + size).step_by(size) {
                let end = end.min(ITEM.len());
                if boundary.advance(&ITEM.as_bytes()[..end]) {
                    whole_at = Some(end);
                    break;
                }
            }
            assert_eq!(whole_at, Some(ITEM.len()), "pieces of {size}");
        }
    }

    #[test]
    fn bytes_dropped_at_the_front_do_not_lose_the_place() {
        let text = format!("0123456789{ITEM}");
        for mut awaited in [Awaited::Boundary(Boundary::new(10)), Awaited::EndTag(EndTag::new("a", 10))] {
            assert!(!awaited.advance(&text.as_bytes()[..20]));
            awaited.shift(10);
            assert!(awaited.advance(ITEM.as_bytes()));
        }
    }

    #[test]
    fn an_end_tag_is_found_by_its_whole_name_in_pieces_of_any_size() {
        let text = "<a><ab></ab><a/></a ><b></b></a>";
        let end = text.find("</a ").expect("an end tag") + "</a ".len();
        for size in 1..text.len() {
            let mut tag = EndTag::new("a", 0);
            let mut ends = (size..text.len() + size).step_by(size).map(|end| end.min(text.len()));
            let found = ends.find(|end| tag.advance(&text.as_bytes()[..*end])).expect("found");
            assert!((end..end + size).contains(&found), "pieces of {size}: {found}");
        }
    }
}
