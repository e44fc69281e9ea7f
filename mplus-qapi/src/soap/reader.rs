//! The scanner: tags and text out of a complete piece of a document.
//!
//! It is told which element the schema expects next and first compares the text with just that; only when something
//! else stands there does it take the tag apart. Most of a response is read on that short path.

use std::borrow::Cow;

use memchr::{memchr, memchr3, memmem};

use super::{
    DecodeError, DecodeProblem, Element, Schema, boundary::EndTag, namespaces::Namespace,
    reader_state::ReaderState,
};

/// Elements may be nested this deep.
const MAX_DEPTH: usize = 128;

/// A start tag that was read.
#[derive(Debug, Clone, Copy)]
pub struct Tag<'x> {
    /// The name with its prefix, as the end tag has to repeat it.
    name: &'x str,
    /// Where the local name begins in `name`.
    local: usize,
    pub(crate) namespace: Namespace,
    /// `<x/>`: there is no content and no end tag.
    empty: bool,
    /// `xsi:nil="true"`.
    pub(crate) nil: bool,
    /// Namespace declarations in scope outside of this element.
    scope: usize,
}

impl<'x> Tag<'x> {
    /// With its prefix.
    pub(crate) fn name(&self) -> &'x str {
        self.name
    }

    pub(crate) fn local_name(&self) -> &'x str {
        &self.name[self.local..]
    }

    pub(crate) fn is_service_root(&self) -> bool {
        self.namespace == Namespace::Service
    }

    pub(crate) fn is_service(&self, local_name: &str) -> bool {
        self.namespace == Namespace::Service && self.local_name() == local_name
    }
}

/// A start tag whose end tag is far away, in a later part of a stream.
#[derive(Debug)]
pub(crate) struct OpenTag {
    name: String,
    scope: usize,
    empty: bool,
}

impl OpenTag {
    pub(crate) fn as_tag(&self) -> Tag<'_> {
        let Self { name, scope, empty } = self;
        Tag { name, local: 0, namespace: Namespace::Other, empty: *empty, nil: false, scope: *scope }
    }
}

impl From<Tag<'_>> for OpenTag {
    fn from(tag: Tag<'_>) -> Self {
        Self { name: tag.name.to_owned(), scope: tag.scope, empty: tag.empty }
    }
}

/// Reads one complete piece of a document: the whole of it, or one item of a stream.
#[derive(Debug)]
pub struct Reader<'x> {
    text: &'x str,
    at: usize,
    /// Where `text` begins in the document.
    base: u64,
    /// `prefix:` of the service's namespace, as long as no declaration changes it.
    service_prefix: Option<&'x str>,
    next_index: Option<usize>,
    /// Where the text began that was read last.
    value_at: usize,
    pub(crate) state: ReaderState,
}

impl<'x> Reader<'x> {
    pub(crate) fn new(text: &'x str, base: u64, state: ReaderState) -> Self {
        Self { text, at: 0, base, service_prefix: None, next_index: None, value_at: 0, state }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// What was read since `from`.
    pub(crate) fn slice(&self, from: usize) -> &'x str {
        &self.text[from..self.at]
    }

    /// Opens the element `local_name` of the service if it is what stands here, without any attribute.
    pub(crate) fn open_expected(&mut self, local_name: &str) -> Option<Tag<'x>> {
        let prefix = self.service_prefix?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let name =
            rest.strip_prefix(b"<")?.strip_prefix(prefix.as_bytes())?.strip_prefix(local_name.as_bytes())?;
        if *name.first()? != b'>' {
            return None;
        }
        let start = self.at + 1;
        let end = start + prefix.len() + local_name.len();
        self.at = end + 1;
        Some(Tag {
            name: self.text.get(start..end)?,
            local: prefix.len(),
            namespace: Namespace::Service,
            empty: false,
            nil: false,
            scope: self.state.namespaces.mark(),
        })
    }

    /// Whether no end tag with this tag's name follows: then its element is not whole.
    pub(crate) fn lacks_end_of(&self, tag: &Tag<'x>) -> bool {
        !tag.empty && !EndTag::new(tag.name, self.at).advance(self.text.as_bytes())
    }

    /// The next child of `parent`, or `None` after the parent's end tag. Text between children is an error.
    pub(crate) fn next_child(&mut self, parent: &Tag<'_>) -> Result<Option<Tag<'x>>, DecodeError> {
        if parent.empty {
            self.end_scope(parent);
            return Ok(None);
        }
        loop {
            self.skip_white_space()?;
            let rest = self.rest();
            if rest.starts_with(b"</") {
                self.close(parent)?;
                return Ok(None);
            }
            if !rest.starts_with(b"<") {
                return Err(self.malformed("text between elements"));
            }
            match rest.get(1) {
                None => return Err(self.unexpected_end()),
                Some(b'!' | b'?') => self.skip_markup()?,
                Some(_) => return self.open().map(Some),
            }
        }
    }

    /// The root element, after the declaration, comments and white space.
    pub(crate) fn root(&mut self) -> Result<Tag<'x>, DecodeError> {
        loop {
            self.skip_white_space()?;
            let rest = self.rest();
            match (rest.first(), rest.get(1)) {
                (Some(b'<'), Some(b'!' | b'?')) => self.skip_markup()?,
                (Some(b'<'), Some(_)) => return self.open(),
                (Some(b'<'), None) => return Err(self.unexpected_end()),
                _ => return Err(self.malformed("no element here")),
            }
        }
    }

    /// Nothing but comments and white space may follow the root element.
    pub(crate) fn finish(&mut self) -> Result<(), DecodeError> {
        loop {
            while self.rest().first().is_some_and(u8::is_ascii_whitespace) {
                self.at += 1;
            }
            if self.rest().is_empty() {
                return Ok(());
            }
            if !(self.rest().starts_with(b"<!--") || self.rest().starts_with(b"<?")) {
                return Err(self.malformed("content after the end of the document"));
            }
            self.skip_markup()?;
        }
    }

    /// The text of an element up to its end tag: text, CDATA and entities put together, elements inside skipped.
    pub(crate) fn text(&mut self, tag: &Tag<'x>) -> Result<Cow<'x, str>, DecodeError> {
        self.value_at = self.at;
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
            {
                let text = &self.text[self.at..self.at + length];
                self.at += length + tag.name.len() + 3;
                self.end_scope(tag);
                return Ok(Cow::Borrowed(text));
            }
        }
        self.assemble_text(tag).map(Cow::Owned)
    }

    /// The long way round of [`Self::text`].
    fn assemble_text(&mut self, tag: &Tag<'x>) -> Result<String, DecodeError> {
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let length = memchr3(b'<', b'&', b'\r', rest).ok_or_else(|| self.unexpected_end())?;
            text.push_str(&self.text[self.at..self.at + length]);
            self.at += length;
            let rest = self.rest();
            if rest.starts_with(b"\r") {
                // XML reads every line end as one line feed.
                self.at += if rest.get(1) == Some(&b'\n') { 2 } else { 1 };
                text.push('\n');
            } else if rest.starts_with(b"&") {
                text.push(self.reference()?);
            } else if rest.starts_with(b"</") {
                self.close(tag)?;
                return Ok(text);
            } else if rest.starts_with(b"<![CDATA[") {
                text.push_str(&self.cdata()?.replace("\r\n", "\n").replace('\r', "\n"));
            } else if rest.len() < 2 {
                return Err(self.unexpected_end());
            } else if matches!(rest[1], b'!' | b'?') {
                self.skip_markup()?;
            } else {
                let inner = self.open()?;
                self.skip(&inner)?;
            }
        }
    }

    /// Passes over an element and everything in it.
    pub(crate) fn skip(&mut self, tag: &Tag<'x>) -> Result<(), DecodeError> {
        let mut open = vec![*tag];
        while let Some(current) = open.last() {
            if current.empty {
                self.end_scope(&current.clone());
                open.pop();
                continue;
            }
            let length = memchr(b'<', self.rest()).ok_or_else(|| self.unexpected_end())?;
            self.at += length;
            match self.rest().get(1) {
                None => return Err(self.unexpected_end()),
                Some(b'/') => {
                    let current = *current;
                    self.close(&current)?;
                    open.pop();
                }
                Some(b'!') if self.rest().starts_with(b"<![CDATA[") => {
                    self.cdata()?;
                }
                Some(b'!' | b'?') => self.skip_markup()?,
                Some(_) => {
                    self.check_depth(open.len())?;
                    open.push(self.open()?);
                }
            }
        }
        Ok(())
    }

    /// Numbers the next element that is entered, for its path.
    pub(crate) fn number(&mut self, index: Option<usize>) {
        self.next_index = index;
    }

    /// Goes into a child that holds elements; [`Self::leave`] undoes it.
    pub(crate) fn enter(&mut self, name: impl Into<Cow<'static, str>>) -> Result<(), DecodeError> {
        let index = self.next_index.take();
        self.state.enter(name, index);
        self.check_depth(0)
    }

    /// Refuses `inner` elements more than those that were entered when that is deeper than is read.
    fn check_depth(&self, inner: usize) -> Result<(), DecodeError> {
        if self.state.depth() + inner > MAX_DEPTH {
            return Err(self.error(None, DecodeProblem::TooDeep { limit: MAX_DEPTH }));
        }
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.state.leave();
    }

    /// Notes that a required element was absent; an error in strict mode.
    #[cold]
    pub(crate) fn missing(
        &mut self,
        schema: &'static Schema,
        element: &'static str,
    ) -> Result<(), DecodeError> {
        if self.state.strict {
            return Err(self.error(Some(element), DecodeProblem::Missing));
        }
        self.state.note_missing(schema, element);
        Ok(())
    }

    /// The text that was read last is no value of its element.
    #[cold]
    pub(crate) fn invalid(&self, element: &Element, found: &str, expected: &'static str) -> DecodeError {
        let found = found.chars().take(40).collect();
        let offset = self.base + self.value_at as u64;
        self.state.error_at(Some(element.name), offset, DecodeProblem::InvalidValue { found, expected })
    }

    #[cold]
    pub(crate) fn error(&self, element: Option<&str>, problem: DecodeProblem) -> DecodeError {
        self.state.error_at(element, self.base + self.at as u64, problem)
    }

    #[cold]
    fn malformed(&self, what: &str) -> DecodeError {
        if self.rest().is_empty() {
            return self.unexpected_end();
        }
        self.error(None, DecodeProblem::Malformed(what.to_owned()))
    }

    #[cold]
    pub(crate) fn unexpected_end(&self) -> DecodeError {
        let end = self.base + self.text.len() as u64;
        self.state.error_at(None, end, DecodeProblem::UnexpectedEnd)
    }

    fn rest(&self) -> &'x [u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_white_space(&mut self) -> Result<(), DecodeError> {
        while self.rest().first().ok_or_else(|| self.unexpected_end())?.is_ascii_whitespace() {
            self.at += 1;
        }
        Ok(())
    }

    /// Reads a start tag.
    fn open(&mut self) -> Result<Tag<'x>, DecodeError> {
        let start = self.at + 1;
        let length = self.text.as_bytes()[start..]
            .iter()
            .position(|byte| matches!(byte, b'>' | b'/' | b'<') || byte.is_ascii_whitespace())
            .ok_or_else(|| self.unexpected_end())?;
        let name = &self.text[start..start + length];
        if length == 0 || name.starts_with(|first: char| first.is_ascii_digit() || "-.=\"'&".contains(first))
        {
            return Err(self.malformed("a tag without a name"));
        }
        let scope = self.state.namespaces.mark();
        let mut tag = Tag { name, local: 0, namespace: Namespace::Other, empty: false, nil: false, scope };
        self.attributes(start + length, &mut tag)?;
        tag.local = memchr(b':', name.as_bytes()).map_or(0, |colon| colon + 1);
        let prefix = &name[..tag.local];
        tag.namespace = self.state.namespaces.resolve(prefix.trim_end_matches(':'));
        if self.state.namespaces.mark() != scope {
            self.service_prefix = None;
        }
        if tag.namespace == Namespace::Service {
            self.service_prefix = Some(prefix);
        }
        Ok(tag)
    }

    /// Reads attributes from `from` to the end of the start tag; only declarations and `xsi:nil` mean something.
    fn attributes(&mut self, from: usize, tag: &mut Tag<'x>) -> Result<(), DecodeError> {
        let bytes = self.text.as_bytes();
        let mut at = from;
        loop {
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            match bytes.get(at) {
                None => return Err(self.unexpected_end()),
                Some(b'>') => {
                    self.at = at + 1;
                    return Ok(());
                }
                Some(b'/') => {
                    match bytes.get(at + 1) {
                        None => return Err(self.unexpected_end()),
                        Some(b'>') => {}
                        Some(_) => return Err(self.malformed("`/` inside a tag")),
                    }
                    tag.empty = true;
                    self.at = at + 2;
                    return Ok(());
                }
                Some(_) => {}
            }
            let (name, value, end) = self.attribute(at)?;
            at = end;
            if name == "xmlns" {
                self.state.namespaces.declare("", value);
            } else if let Some(prefix) = name.strip_prefix("xmlns:") {
                self.state.namespaces.declare(prefix, value);
            } else if name.ends_with(":nil") && matches!(value.trim(), "true" | "1") {
                tag.nil = true;
            }
        }
    }

    /// Name, value and end of the attribute that begins at `at`.
    fn attribute(&self, at: usize) -> Result<(&'x str, &'x str, usize), DecodeError> {
        let rest = &self.text[at..];
        let equals = rest.find(['=', '>', '<']).ok_or_else(|| self.unexpected_end())?;
        let name = rest[..equals].trim();
        let after = rest[equals + 1..].trim_start();
        let value_at = rest.len() - after.len();
        let quote = match after.as_bytes().first() {
            _ if !rest[equals..].starts_with('=') || name.is_empty() => {
                return Err(self.malformed("an attribute without a value"));
            }
            None => return Err(self.unexpected_end()),
            Some(quote @ (b'"' | b'\'')) => *quote,
            Some(_) => return Err(self.malformed("an attribute's value without quotes")),
        };
        let value = &after[1..];
        let length = memchr(quote, value.as_bytes()).ok_or_else(|| self.unexpected_end())?;
        Ok((name, &value[..length], at + value_at + length + 2))
    }

    /// Reads the end tag of `tag`.
    fn close(&mut self, tag: &Tag<'_>) -> Result<(), DecodeError> {
        let rest = self.rest();
        let end = memchr(b'>', rest).ok_or_else(|| self.unexpected_end())?;
        let name = self.text[self.at + 2..self.at + end].trim_ascii_end();
        if name != tag.name {
            return Err(self.malformed(&format!("`{}` is closed as `{name}`", tag.name)));
        }
        self.at += end + 1;
        self.end_scope(tag);
        Ok(())
    }

    fn end_scope(&mut self, tag: &Tag<'_>) {
        if self.state.namespaces.truncate(tag.scope) {
            self.service_prefix = None;
        }
    }

    /// Passes over a comment, a processing instruction or the XML declaration; a document type is refused.
    fn skip_markup(&mut self) -> Result<(), DecodeError> {
        let rest = self.rest();
        let (skip, end) = if rest.starts_with(b"<!--") {
            (4, "-->")
        } else if rest.starts_with(b"<?") {
            (2, "?>")
        } else if rest.starts_with(b"<!DOCTYPE") || rest.starts_with(b"<!ENTITY") {
            return Err(self.error(None, DecodeProblem::DocumentType));
        } else if b"<!DOCTYPE".starts_with(rest)
            || b"<!--".starts_with(rest)
            || b"<![CDATA[".starts_with(rest)
        {
            return Err(self.unexpected_end());
        } else if rest.starts_with(b"<![CDATA[") {
            return Err(self.malformed("text between elements"));
        } else {
            return Err(self.malformed("unknown markup"));
        };
        let length = memmem::find(&rest[skip..], end.as_bytes()).ok_or_else(|| self.unexpected_end())?;
        self.at += skip + length + end.len();
        Ok(())
    }

    fn cdata(&mut self) -> Result<&'x str, DecodeError> {
        let start = self.at + "<![CDATA[".len();
        let length =
            memmem::find(&self.text.as_bytes()[start..], b"]]>").ok_or_else(|| self.unexpected_end())?;
        self.at = start + length + 3;
        Ok(&self.text[start..start + length])
    }

    /// Reads `&name;` or `&#number;`.
    fn reference(&mut self) -> Result<char, DecodeError> {
        let rest = &self.text[self.at + 1..];
        let Some(length) = rest.bytes().take(12).position(|byte| byte == b';') else {
            let cut_off = rest.len() < 12 && !rest.contains('<');
            return Err(if cut_off {
                self.unexpected_end()
            } else {
                self.malformed("`&` that starts no entity")
            });
        };
        let name = &rest[..length];
        let character = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => numeric_reference(name),
        };
        let character = character.ok_or_else(|| self.malformed(&format!("unknown entity `&{name};`")))?;
        self.at += length + 2;
        Ok(character)
    }
}

fn numeric_reference(name: &str) -> Option<char> {
    let number = name.strip_prefix('#')?;
    let code = match number.strip_prefix('x') {
        Some(digits) => u32::from_str_radix(digits, 16).ok()?,
        None => number.parse().ok()?,
    };
    // XML 1.0 has no other control characters.
    char::from_u32(code).filter(|c| *c >= ' ' || matches!(c, '\t' | '\n' | '\r'))
}
