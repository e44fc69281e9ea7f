//! Tags out of a complete piece of a document: the whole of it, or one part of a stream.
//!
//! It is told which element the schema expects next and first compares the text with just that; only when something
//! else stands there does it take the tag apart. Most of a response is read on that short path.

use memchr::{memchr, memmem};

use super::{DecodeProblem, Namespace, Namespaces, ScanError, ScanResult, Tag, limits};

/// Reads one complete piece of a document.
#[derive(Debug)]
pub(crate) struct Scanner<'x> {
    pub(super) text: &'x str,
    pub(super) at: usize,
    /// Where `text` begins in the document.
    base: u64,
    /// `prefix:` of the service's namespace, as long as no declaration changes it.
    service_prefix: Option<&'x str>,
    namespaces: Namespaces,
    /// Of the tag that was read last.
    attributes: Vec<(&'x str, &'x str)>,
    /// Where the text began that was read last.
    pub(super) value_at: usize,
    pub(super) strict: bool,
    /// The text may hold characters that XML has no place for.
    pub(super) suspicious: bool,
    pub(super) replaced: bool,
}

impl<'x> Scanner<'x> {
    /// `base`: where `text` begins in the document. `namespaces`: what was declared before it.
    pub(crate) fn new(text: &'x str, base: u64, namespaces: Namespaces) -> Self {
        Self {
            text,
            at: 0,
            base,
            service_prefix: None,
            namespaces,
            attributes: Vec::new(),
            value_at: 0,
            strict: false,
            suspicious: false,
            replaced: false,
        }
    }

    /// `strict`: a character that XML has no place for is an error. `suspicious`: there may be such in the text.
    pub(crate) fn with(mut self, strict: bool, suspicious: bool) -> Self {
        self.strict = strict;
        self.suspicious = suspicious;
        self
    }

    pub(crate) fn into_namespaces(self) -> Namespaces {
        self.namespaces
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Offset in the document.
    pub(crate) fn offset(&self) -> u64 {
        self.base + self.at as u64
    }

    /// Offset in the document of the text that was read last.
    pub(crate) fn value_offset(&self) -> u64 {
        self.base + self.value_at as u64
    }

    /// Whether a character of what was read gave way to U+FFFD since this was asked last.
    #[inline]
    pub(crate) fn take_replaced(&mut self) -> bool {
        std::mem::take(&mut self.replaced)
    }

    /// Opens the element `local_name` of the service if it is what stands here, without any attribute.
    #[inline]
    pub(crate) fn open_expected(&mut self, local_name: &str) -> Option<Tag<'x>> {
        let prefix = self.service_prefix?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let name =
            rest.strip_prefix(b"<")?.strip_prefix(prefix.as_bytes())?.strip_prefix(local_name.as_bytes())?;
        if *name.first()? != b'>' {
            return None;
        }
        self.opened(prefix.len(), local_name.len())
    }

    /// Opens whichever of these elements of the service stands here, without any attribute; how many of them come before it.
    #[inline]
    pub(crate) fn open_one_of(
        &mut self,
        local_names: impl Iterator<Item = &'static str>,
    ) -> Option<(usize, Tag<'x>)> {
        let prefix = self.service_prefix?;
        let rest = self.text.as_bytes().get(self.at..)?;
        let rest = rest.strip_prefix(b"<")?.strip_prefix(prefix.as_bytes())?;
        let first = *rest.first()?;
        if first == b'/' {
            return None;
        }
        for (position, local_name) in local_names.enumerate() {
            let name = local_name.as_bytes();
            if name.first() == Some(&first) && rest.get(name.len()) == Some(&b'>') && rest.starts_with(name) {
                return Some((position, self.opened(prefix.len(), name.len())?));
            }
        }
        None
    }

    /// Behind a start tag without attributes that was seen to stand here.
    #[inline]
    fn opened(&mut self, prefix: usize, local_name: usize) -> Option<Tag<'x>> {
        let start = self.at + 1;
        let end = start + prefix + local_name;
        self.at = end + 1;
        Some(Tag {
            name: self.text.get(start..end)?,
            local: prefix,
            namespace: Namespace::Service,
            empty: false,
            nil: false,
            reference: None,
            scope: self.namespaces.mark(),
        })
    }

    /// The same element as if it were `<x/>`; what it declares stays in scope.
    pub(crate) fn without_content(&self, tag: &Tag<'x>) -> Tag<'x> {
        Tag { empty: true, scope: self.namespaces.mark(), ..*tag }
    }

    /// The next child of `parent`, or `None` after the parent's end tag. Text between children is an error.
    pub(crate) fn next_child(&mut self, parent: &Tag<'_>) -> ScanResult<Option<Tag<'x>>> {
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
    pub(crate) fn root(&mut self) -> ScanResult<Tag<'x>> {
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

    /// What stands between elements up to the end of the text: white space, comments and instructions, nothing else.
    pub(crate) fn between(&mut self) -> ScanResult<()> {
        loop {
            match self.skip_white_space() {
                Err(_) if self.rest().is_empty() => return Ok(()),
                other => other?,
            }
            if !(self.rest().starts_with(b"<!--") || self.rest().starts_with(b"<?")) {
                return Err(self.malformed("content after the end of the document"));
            }
            self.skip_markup()?;
        }
    }

    /// Reads a start tag and what its attributes mean.
    pub(super) fn open(&mut self) -> ScanResult<Tag<'x>> {
        let (name, empty) = self.pass_start_tag()?;
        let scope = self.namespaces.mark();
        let namespace = Namespace::Other;
        let mut tag = Tag { name, local: 0, namespace, empty, nil: false, reference: None, scope };
        if !self.attributes.is_empty() {
            self.read_attributes(&mut tag)?;
        }
        tag.local = memchr(b':', name.as_bytes()).map_or(0, |colon| colon + 1);
        let prefix = &name[..tag.local];
        tag.namespace = match self.service_prefix {
            Some(service) if service == prefix => Namespace::Service,
            _ => self.namespaces.resolve(prefix.trim_end_matches(':')).unwrap_or(Namespace::Other),
        };
        if tag.namespace == Namespace::Service {
            self.service_prefix = Some(prefix);
        }
        Ok(tag)
    }

    /// Only declarations, `xsi:nil`, and what says that the content stands elsewhere mean something.
    fn read_attributes(&mut self, tag: &mut Tag<'x>) -> ScanResult<()> {
        for (name, value) in &self.attributes {
            let prefix = match name.strip_prefix("xmlns") {
                Some("") => "",
                Some(rest) if rest.starts_with(':') => &rest[1..],
                _ => continue,
            };
            self.service_prefix = None;
            if !self.namespaces.declare(prefix, value) {
                let (what, limit) = ("declarations of namespaces in scope", limits::DECLARATIONS);
                return Err(self.error(DecodeProblem::TooMuch { what, limit }));
            }
        }
        let mut nils = 0;
        for (name, value) in &self.attributes {
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            match local {
                "nil" if self.is_schema_instance(prefix) => {
                    nils += 1;
                    tag.nil = matches!(value.trim(), "true" | "1");
                }
                "href" | "ref" if prefix != "xmlns" && !value.is_empty() => tag.reference = Some(value),
                _ => {}
            }
        }
        if nils > 1 {
            return Err(self.malformed("an attribute that is there twice"));
        }
        Ok(())
    }

    /// `xsi` is known undeclared, too.
    fn is_schema_instance(&self, prefix: &str) -> bool {
        match self.namespaces.resolve(prefix) {
            Some(namespace) => namespace == Namespace::SchemaInstance,
            None => prefix == "xsi",
        }
    }

    /// Passes a start tag: its name, and whether it is `<x/>`. Its attributes are kept until the next tag.
    pub(super) fn pass_start_tag(&mut self) -> ScanResult<(&'x str, bool)> {
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.clear();
        let (name, length) = self.start_tag(&mut attributes)?;
        self.attributes = attributes;
        self.at += length;
        Ok((name, self.text.as_bytes()[self.at - 2] == b'/'))
    }

    /// The name and the length of the start tag here, and its attributes.
    fn start_tag(&self, attributes: &mut Vec<(&'x str, &'x str)>) -> ScanResult<(&'x str, usize)> {
        let rest = self.rest();
        let tag = &rest[..rest.len().min(limits::TAG)];
        let cut_off = || self.cut_off_or_too_much(tag.len(), limits::TAG, "bytes of a tag");
        let length = name_length(&tag[1..]).ok_or_else(cut_off)?;
        let name = self.name(self.at + 1, length)?;
        let mut at = 1 + length;
        loop {
            let gap = tag[at..].iter().position(|byte| !is_space(*byte)).ok_or_else(cut_off)?;
            at += gap;
            match (tag[at], tag.get(at + 1)) {
                (b'>', _) => return Ok((name, at + 1)),
                (b'/', None) => return Err(cut_off()),
                (b'/', Some(b'>')) => return Ok((name, at + 2)),
                (b'/', Some(_)) => return Err(self.malformed("`/` inside a tag")),
                _ if gap == 0 => return Err(self.malformed("no space before an attribute")),
                _ => {}
            }
            let (attribute, end) = self.attribute(tag, at)?;
            if attributes.iter().any(|(known, _)| *known == attribute.0) {
                return Err(self.malformed("an attribute that is there twice"));
            }
            if attributes.len() == limits::ATTRIBUTES {
                let (what, limit) = ("attributes of a tag", limits::ATTRIBUTES);
                return Err(self.error(DecodeProblem::TooMuch { what, limit }));
            }
            attributes.push(attribute);
            at = end;
        }
    }

    /// Name and value of the attribute that begins at `at` of the tag, and where it ends.
    fn attribute(&self, tag: &[u8], at: usize) -> ScanResult<((&'x str, &'x str), usize)> {
        let cut_off = || self.cut_off_or_too_much(tag.len(), limits::TAG, "bytes of a tag");
        let next = |from: usize| {
            let gap = tag[from..].iter().position(|byte| !is_space(*byte)).ok_or_else(cut_off)?;
            Ok(from + gap)
        };
        let length = name_length(&tag[at..]).ok_or_else(cut_off)?;
        let name = self.name(self.at + at, length)?;
        let equals = next(at + length)?;
        if tag[equals] != b'=' {
            return Err(self.malformed("an attribute without a value"));
        }
        let quoted = next(equals + 1)?;
        let quote = tag[quoted];
        if !matches!(quote, b'"' | b'\'') {
            return Err(self.malformed("an attribute's value without quotes"));
        }
        let start = quoted + 1;
        let length = memchr(quote, &tag[start..]).ok_or_else(cut_off)?;
        let value = &self.text[self.at + start..self.at + start + length];
        if value.contains(['<', '&']) {
            self.check_value(value)?;
        }
        Ok(((name, value), start + length + 1))
    }

    /// What an attribute's value may not hold.
    #[cold]
    fn check_value(&self, value: &str) -> ScanResult<()> {
        let references = value.match_indices('&').map(|(at, _)| &value.as_bytes()[at..]);
        let all = references.map(super::reference::reference).all(|found| found.is_ok());
        if !all || value.contains('<') {
            return Err(self.malformed("`<` or `&` in an attribute's value"));
        }
        Ok(())
    }

    fn name(&self, at: usize, length: usize) -> ScanResult<&'x str> {
        let name = &self.text[at..at + length];
        if length > limits::NAME {
            return Err(self.error(DecodeProblem::TooMuch { what: "bytes of a name", limit: limits::NAME }));
        }
        match name.as_bytes().first() {
            None | Some(b'0'..=b'9' | b'-' | b'.' | b':') => Err(self.malformed("a tag without a name")),
            Some(_) => Ok(name),
        }
    }

    /// Reads the end tag of `tag`.
    pub(super) fn close(&mut self, tag: &Tag<'_>) -> ScanResult<()> {
        self.close_name(tag.name)?;
        self.end_scope(tag);
        Ok(())
    }

    #[inline]
    pub(crate) fn end_scope(&mut self, tag: &Tag<'_>) {
        if self.namespaces.truncate(tag.scope) {
            self.service_prefix = None;
        }
    }

    /// Passes over a comment, an instruction or the XML declaration; a document type is refused.
    pub(super) fn skip_markup(&mut self) -> ScanResult<()> {
        let rest = self.rest();
        let (skip, end, what) = if rest.starts_with(b"<!--") {
            (4, "-->", "bytes of a comment")
        } else if rest.starts_with(b"<?") {
            (2, "?>", "bytes of an instruction")
        } else if rest.starts_with(b"<!DOCTYPE") || rest.starts_with(b"<!ENTITY") {
            return Err(self.error(DecodeProblem::DocumentType));
        } else if rest.starts_with(b"<![CDATA[") {
            return Err(self.malformed("text between elements"));
        } else if b"<!DOCTYPE".starts_with(rest)
            || b"<!--".starts_with(rest)
            || b"<![CDATA[".starts_with(rest)
        {
            return Err(self.unexpected_end());
        } else {
            return Err(self.malformed("unknown markup"));
        };
        let window = &rest[..rest.len().min(limits::BETWEEN)];
        let Some(length) = memmem::find(&window[skip..], end.as_bytes()) else {
            return Err(self.cut_off_or_too_much(window.len(), limits::BETWEEN, what));
        };
        self.at += skip + length + end.len();
        Ok(())
    }

    fn skip_white_space(&mut self) -> ScanResult<()> {
        let rest = self.rest();
        if rest.first().is_some_and(|byte| !is_space(*byte)) {
            return Ok(());
        }
        let window = &rest[..rest.len().min(limits::BETWEEN)];
        let Some(length) = window.iter().position(|byte| !is_space(*byte)) else {
            if window.len() < limits::BETWEEN {
                self.at = self.text.len();
            }
            return Err(self.cut_off_or_too_much(window.len(), limits::BETWEEN, "bytes of white space"));
        };
        self.at += length;
        Ok(())
    }

    #[inline]
    pub(super) fn rest(&self) -> &'x [u8] {
        &self.text.as_bytes()[self.at..]
    }

    #[cold]
    pub(crate) fn error(&self, problem: DecodeProblem) -> ScanError {
        ScanError::new(self.offset(), problem)
    }

    #[cold]
    pub(super) fn malformed(&self, what: &str) -> ScanError {
        if self.rest().is_empty() {
            return self.unexpected_end();
        }
        self.error(DecodeProblem::Malformed(what.to_owned()))
    }

    #[cold]
    pub(crate) fn unexpected_end(&self) -> ScanError {
        ScanError::new(self.base + self.text.len() as u64, DecodeProblem::UnexpectedEnd)
    }

    /// What has no end within the limit, or in the text.
    #[cold]
    pub(super) fn cut_off_or_too_much(&self, length: usize, limit: usize, what: &'static str) -> ScanError {
        if length < limit {
            return self.unexpected_end();
        }
        self.error(DecodeProblem::TooMuch { what, limit })
    }
}

/// White space of XML.
#[inline]
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// How long the name is that stands here. `None`: it has no end.
fn name_length(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| {
        matches!(byte, b'>' | b'/' | b'=' | b'<' | b'"' | b'\'' | b'&' | b' ' | b'\t' | b'\n' | b'\r')
    })
}
