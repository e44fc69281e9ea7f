//! Passing over an element, or gathering all text in it whatever its structure.

use memchr::memchr2;

use super::{DecodeProblem, ScanResult, Scanner, Tag, error::shown, limits};

impl<'x> Scanner<'x> {
    /// Passes over an element and everything in it. Whether it is well-formed is looked at; what its prefixes stand for is
    /// not, as nothing in it is read.
    ///
    /// `depth`: how many elements are open around it.
    pub(crate) fn skip(&mut self, tag: &Tag<'x>, depth: usize) -> ScanResult<()> {
        self.walk(tag, depth, &mut Ignored)
    }

    /// All text in an element, white space folded, its first [`limits::TOLD`] bytes.
    pub(crate) fn gather(&mut self, tag: &Tag<'x>, depth: usize) -> ScanResult<String> {
        let mut gathered = Gathered::default();
        self.walk(tag, depth, &mut gathered)?;
        Ok(gathered.0)
    }

    fn walk(&mut self, tag: &Tag<'x>, depth: usize, to: &mut impl TakeText) -> ScanResult<()> {
        if tag.empty {
            self.end_scope(tag);
            return Ok(());
        }
        // Names of the elements that are open in it.
        let mut open: Vec<&'x str> = Vec::new();
        loop {
            let length = memchr2(b'<', b'&', self.rest()).ok_or_else(|| self.unexpected_end())?;
            to.take(&self.text[self.at..self.at + length]);
            self.at += length;
            match (self.rest()[0], self.rest().get(1)) {
                (b'&', _) => {
                    let start = self.at;
                    let (_, length) = self.reference()?;
                    self.at = start + length;
                    to.take_reference(self.text.get(start..self.at).unwrap_or_default());
                }
                (_, None) => return Err(self.unexpected_end()),
                (_, Some(b'/')) => match open.pop() {
                    Some(name) => self.close_name(name)?,
                    None => return self.close(tag),
                },
                (_, Some(b'!')) if self.rest().starts_with(b"<![CDATA[") => {
                    let text = self.cdata()?;
                    to.take(text);
                }
                (_, Some(b'!' | b'?')) => self.skip_markup()?,
                (_, Some(_)) => {
                    let (name, empty) = self.pass_start_tag()?;
                    to.take(" ");
                    if !empty {
                        open.push(name);
                        if depth + open.len() > limits::DEPTH {
                            return Err(self.error(DecodeProblem::TooDeep { limit: limits::DEPTH }));
                        }
                    }
                }
            }
        }
    }

    /// Reads the end tag of the element `name`.
    pub(super) fn close_name(&mut self, name: &str) -> ScanResult<()> {
        let rest = self.rest();
        if let Some(after) = rest[2..].strip_prefix(name.as_bytes())
            && after.first() == Some(&b'>')
        {
            self.at += name.len() + 3;
            return Ok(());
        }
        let window = &rest[..rest.len().min(limits::TAG)];
        let Some(end) = memchr::memchr(b'>', window) else {
            return Err(self.cut_off_or_too_much(window.len(), limits::TAG, "bytes of a tag"));
        };
        let found = self.text[self.at + 2..self.at + end].trim_ascii_end();
        if found != name {
            let message = format!("`{}` is closed as `{}`", shown(name), shown(found));
            return Err(self.malformed(&message));
        }
        self.at += end + 1;
        Ok(())
    }
}

/// Where the texts of an element go that is passed over.
trait TakeText {
    fn take(&mut self, text: &str);
    fn take_reference(&mut self, reference: &str);
}

struct Ignored;

impl TakeText for Ignored {
    #[inline]
    fn take(&mut self, _: &str) {}
    #[inline]
    fn take_reference(&mut self, _: &str) {}
}

#[derive(Default)]
struct Gathered(String);

impl TakeText for Gathered {
    fn take(&mut self, text: &str) {
        for character in text.chars() {
            if self.0.len() + character.len_utf8() > limits::TOLD {
                return;
            }
            match (character.is_whitespace(), self.0.ends_with(' ')) {
                (true, true) => {}
                (true, false) => self.0.push(' '),
                (false, _) => self.0.push(character),
            }
        }
    }

    fn take_reference(&mut self, reference: &str) {
        // It was read before: it stands for something.
        if let Ok((super::reference::Reference::Character(character), _)) =
            super::reference::reference(reference.as_bytes())
        {
            self.take(character.encode_utf8(&mut [0; 4]));
        } else {
            self.take("\u{fffd}");
        }
    }
}
