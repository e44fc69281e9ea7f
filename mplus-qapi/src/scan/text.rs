//! The text of an element: text, CDATA and references put together.

use std::borrow::Cow;

use memchr::{memchr2, memchr3, memmem};

use super::{
    DecodeProblem, ScanResult, Scanner, Tag,
    encoding::{has_forbidden, without_forbidden},
    error::shown,
    reference::{NoReference, Reference, reference},
};

impl<'x> Scanner<'x> {
    /// The text of an element up to its end tag: text, CDATA and references put together, elements inside skipped.
    /// [`Self::take_replaced`] tells whether a character of it has no place in XML and gave way to U+FFFD.
    ///
    /// `depth`: how many elements are open around it.
    pub(crate) fn text(&mut self, tag: &Tag<'x>, depth: usize) -> ScanResult<Cow<'x, str>> {
        self.value_at = self.at;
        self.check_reference(tag)?;
        if tag.empty {
            self.end_scope(tag);
            return Ok(Cow::Borrowed(""));
        }
        let rest = self.rest();
        if let Some(length) = memchr3(b'<', b'&', b'\r', rest) {
            let after = &rest[length..];
            if let Some(name) =
                after.strip_prefix(b"</").and_then(|after| after.strip_prefix(tag.name.as_bytes()))
                && name.first() == Some(&b'>')
                && !self.suspicious
            {
                let text = &self.text[self.at..self.at + length];
                self.at += length + tag.name.len() + 3;
                self.end_scope(tag);
                return Ok(Cow::Borrowed(text));
            }
        }
        self.assemble_text(tag, depth).map(Cow::Owned)
    }

    /// The long way round of [`Self::text`].
    fn assemble_text(&mut self, tag: &Tag<'x>, depth: usize) -> ScanResult<String> {
        let mut text = String::new();
        loop {
            let length = memchr2(b'<', b'&', self.rest()).ok_or_else(|| self.unexpected_end())?;
            push_normalized(&mut text, &self.text[self.at..self.at + length]);
            self.at += length;
            let rest = self.rest();
            if rest.starts_with(b"&") {
                text.push(self.character()?);
            } else if rest.starts_with(b"</") {
                self.close(tag)?;
                break;
            } else if rest.starts_with(b"<![CDATA[") {
                push_normalized(&mut text, self.cdata()?);
            } else if matches!(rest.get(1), Some(b'!' | b'?')) {
                self.skip_markup()?;
            } else {
                let inner = self.open()?;
                self.check_reference(&inner)?;
                self.skip(&inner, depth + 1)?;
            }
        }
        if self.suspicious && has_forbidden(&text) {
            self.allow_replacement("a character that has no place in XML")?;
            text = without_forbidden(&text);
        }
        // What was no character was replaced before; where that is an error, the document itself holds the sign.
        self.replaced |= self.suspicious && !self.strict && text.contains(char::REPLACEMENT_CHARACTER);
        Ok(text)
    }

    /// The character that the reference here stands for.
    pub(super) fn character(&mut self) -> ScanResult<char> {
        let (found, length) = self.reference()?;
        self.at += length;
        match found {
            Reference::Character(character) => Ok(character),
            Reference::Surrogate(first) => {
                if let Ok((Reference::Surrogate(second), length)) = self.reference_if_any()
                    && let Some(Ok(character)) = char::decode_utf16([first, second]).next()
                {
                    self.at += length;
                    return Ok(character);
                }
                self.allow_replacement("half a character")?;
                Ok(char::REPLACEMENT_CHARACTER)
            }
            Reference::Forbidden => {
                self.allow_replacement("a reference to a character that XML has not")?;
                Ok(char::REPLACEMENT_CHARACTER)
            }
        }
    }

    /// Reads no further than to tell what the `&` here begins.
    pub(super) fn reference(&self) -> ScanResult<(Reference, usize)> {
        reference(self.rest()).map_err(|problem| match problem {
            NoReference::CutOff => self.unexpected_end(),
            NoReference::Bare => self.malformed("`&` that starts no entity"),
            NoReference::Unknown(length) => {
                let name = self.text.get(self.at + 1..self.at + 1 + length).unwrap_or_default();
                self.malformed(&format!("unknown entity `&{};`", shown(name)))
            }
        })
    }

    fn reference_if_any(&self) -> Result<(Reference, usize), NoReference> {
        match self.rest().first() {
            Some(b'&') => reference(self.rest()),
            _ => Err(NoReference::Bare),
        }
    }

    #[cold]
    fn allow_replacement(&mut self, what: &str) -> ScanResult<()> {
        if self.strict {
            return Err(self.malformed(what));
        }
        self.replaced = true;
        Ok(())
    }

    pub(super) fn cdata(&mut self) -> ScanResult<&'x str> {
        let start = self.at + "<![CDATA[".len();
        let length =
            memmem::find(&self.text.as_bytes()[start..], b"]]>").ok_or_else(|| self.unexpected_end())?;
        self.at = start + length + 3;
        Ok(&self.text[start..start + length])
    }

    /// An element that says that its content stands elsewhere is not empty.
    #[inline]
    pub(crate) fn check_reference(&self, tag: &Tag<'_>) -> ScanResult<()> {
        match tag.reference {
            None => Ok(()),
            Some(to) => Err(self.error(DecodeProblem::Reference(shown(to)))),
        }
    }
}

/// XML reads every line end as one line feed.
fn push_normalized(text: &mut String, piece: &str) {
    if piece.contains('\r') {
        text.push_str(&piece.replace("\r\n", "\n").replace('\r', "\n"));
    } else {
        text.push_str(piece);
    }
}
