//! Items of a list response, one by one, as the bytes of the document arrive. No I/O: bytes go in, items come out.

use super::{
    DecodeError, DecodeProblem, Element, Field, ListResponse, Record, Schema,
    boundary::Awaited,
    decode::{Filled, find, read_element, report_missing},
    envelope::{ResponseError, check_content, check_envelope, check_start, is_body, unexpected},
    reader::{OpenTag, Reader, Tag},
    reader_state::ReaderState,
};

/// Reads a response in pieces and hands out the items of its list.
///
/// It holds the piece that was fed last and the one item that is not complete yet, nothing more.
pub(crate) struct ItemDecoder<R> {
    scanner: Scanner,
    response: R,
}

impl<R: ListResponse> ItemDecoder<R> {
    /// For the response `root`; what is held at once may be `limit` bytes.
    pub(crate) fn new(root: &'static str, strict: bool, limit: usize) -> Self {
        let response = R::default();
        let scanner = Scanner {
            input: Input { text: String::new(), at: 0, tail: Vec::new(), base: 0, started: false, limit },
            state: ReaderState::strict(strict),
            levels: Levels {
                root,
                list: R::FIELD,
                schema: response.schema(),
                open: Vec::new(),
                filled: Filled::default(),
                items: 0,
                response_read: false,
                done: false,
            },
            awaited: None,
        };
        Self { scanner, response }
    }

    /// Takes the next bytes of the document.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.scanner.feed(bytes)
    }

    /// The next item, if the bytes so far hold one whole.
    pub(crate) fn next_item(&mut self) -> Result<Option<R::Item>, ResponseError> {
        let mut item = R::Item::default();
        let read =
            self.scanner.next_item(&mut self.response, &mut item, |item| *item = R::Item::default())?;
        Ok(read.then_some(item))
    }

    /// To be called after the last byte: an error unless the document was whole.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        self.scanner.finish()
    }

    /// The paths of required elements that were absent. Complete after the end.
    pub(crate) fn take_missing(&mut self) -> Vec<String> {
        self.scanner.state.take_missing()
    }

    /// The response's other fields, complete after the end, and the paths of required elements that were absent.
    #[cfg(test)]
    pub(crate) fn into_rest(mut self) -> (R, Vec<String>) {
        let missing = self.take_missing();
        (self.response, missing)
    }
}

/// The part of [`ItemDecoder`] that is the same for all types.
struct Scanner {
    input: Input,
    state: ReaderState,
    levels: Levels,
    /// What an element that was begun and is not whole yet waits for.
    awaited: Option<Awaited>,
}

/// Text that was fed and not read yet.
struct Input {
    text: String,
    at: usize,
    /// The beginning of a character whose end has not come yet.
    tail: Vec<u8>,
    /// Where `text` begins in the document.
    base: u64,
    /// The first bytes were looked at.
    started: bool,
    limit: usize,
}

/// Where in the document the next part stands.
struct Levels {
    root: &'static str,
    /// Number of the response's field that is the list.
    list: usize,
    schema: &'static Schema,
    /// Envelope, body, response and list wrapper, as far as they are open.
    open: Vec<OpenTag>,
    filled: Filled,
    items: usize,
    response_read: bool,
    done: bool,
}

/// The name of the element that has to be there to its end before a part can be read; none while only the part itself has to.
#[derive(Default)]
struct Needs<'x>(Option<&'x str>);

impl<'x> Needs<'x> {
    /// The element of `tag` has to be there to its end. To read it without any end tag of its name would be in vain.
    fn whole(&mut self, reader: &Reader<'x>, tag: &Tag<'x>) -> Result<(), DecodeError> {
        self.item(tag);
        if reader.lacks_end_of(tag) { Err(reader.unexpected_end()) } else { Ok(()) }
    }

    /// As [`Self::whole`], for an item. Most are whole, and of one that is not nothing is kept: it is simply read.
    fn item(&mut self, tag: &Tag<'x>) {
        self.0 = Some(tag.name());
    }
}

/// What the next part of the document was.
enum Part {
    Item,
    Other,
    End,
}

impl Scanner {
    fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let dropped = self.input.drop_what_was_read();
        if let Some(awaited) = &mut self.awaited {
            awaited.shift(dropped);
        }
        self.input.push(bytes).map_err(|problem| self.error(problem))
    }

    fn finish(&self) -> Result<(), DecodeError> {
        if !self.input.started {
            check_start(&self.input.tail).map_err(|problem| self.error(problem))?;
        }
        if !self.levels.done || !self.input.tail.is_empty() {
            return Err(self.error(DecodeProblem::UnexpectedEnd));
        }
        let base = self.input.base + self.input.at as u64;
        Reader::new(&self.input.text[self.input.at..], base, ReaderState::default()).finish()
    }

    #[cold]
    fn error(&self, problem: DecodeProblem) -> DecodeError {
        self.state.error_at(None, self.input.base + self.input.text.len() as u64, problem)
    }

    /// Reads up to the end of the next item. `false`: the bytes so far do not hold it whole.
    fn next_item<T: Field>(
        &mut self,
        response: &mut dyn Record,
        item: &mut T,
        reset: fn(&mut T),
    ) -> Result<bool, ResponseError> {
        loop {
            match self.step(response, item)? {
                Some(Part::Item) => return Ok(true),
                Some(Part::Other) => {}
                Some(Part::End) => return Ok(false),
                None => {
                    reset(item);
                    return Ok(false);
                }
            }
        }
    }

    /// Reads one part. Where the bytes end in its middle it is as if nothing had been read.
    fn step(
        &mut self,
        response: &mut dyn Record,
        item: &mut dyn Field,
    ) -> Result<Option<Part>, ResponseError> {
        if !self.input.started {
            return Ok(None);
        }
        if let Some(awaited) = &mut self.awaited {
            if !awaited.advance(self.input.text.as_bytes()) {
                return Ok(None);
            }
            self.awaited = None;
        }
        let at = self.input.at;
        let mark = self.state.mark();
        let text = &self.input.text[at..];
        let mut reader = Reader::new(text, self.input.base + at as u64, std::mem::take(&mut self.state));
        let mut needs = Needs::default();
        let part = self.levels.read(&mut reader, response, item, &mut needs);
        let read = reader.position();
        self.state = reader.state;
        match part {
            Ok(part) => {
                self.input.at += read;
                Ok(Some(part))
            }
            Err(ResponseError::Decode(error)) if *error.problem() == DecodeProblem::UnexpectedEnd => {
                self.state.reset(mark);
                self.awaited = needs.0.map(|name| Awaited::end_of(name, at, self.input.text.as_bytes()));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// How much of a document has to be there to tell what it is: `<!doctype html`.
const LONGEST_START: usize = 14;

impl Input {
    fn drop_what_was_read(&mut self) -> usize {
        let dropped = self.at;
        self.text.drain(..dropped);
        self.base += dropped as u64;
        self.at = 0;
        dropped
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeProblem> {
        if self.started && self.tail.is_empty() {
            return self.push_text(bytes);
        }
        let mut joined = std::mem::take(&mut self.tail);
        joined.extend_from_slice(bytes);
        if self.started {
            return self.push_text(&joined);
        }
        let marked = joined.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&joined);
        let body = marked.trim_ascii_start();
        self.base += (joined.len() - body.len()) as u64;
        // The beginning has to be there, and the declaration of the encoding whole, before it can be judged.
        if body.len() < LONGEST_START || (body.starts_with(b"<?xml") && !body.contains(&b'>')) {
            self.tail = body.to_vec();
            return self.check_limit();
        }
        check_start(body)?;
        self.started = true;
        self.push_text(body)
    }

    fn push_text(&mut self, bytes: &[u8]) -> Result<(), DecodeProblem> {
        let (text, tail) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_none() => {
                let (text, tail) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(text).unwrap_or_default(), tail)
            }
            Err(_) => return Err(DecodeProblem::Encoding("these bytes are not UTF-8".to_owned())),
        };
        self.text.push_str(text);
        self.tail = tail.to_vec();
        self.check_limit()
    }

    fn check_limit(&self) -> Result<(), DecodeProblem> {
        if self.text.len() + self.tail.len() > self.limit {
            return Err(DecodeProblem::TooLarge { limit: self.limit as u64 });
        }
        Ok(())
    }
}

impl Levels {
    /// Reads what comes next. Where the text ends too early, `needs` tells what has to come.
    fn read<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        response: &mut dyn Record,
        item: &mut dyn Field,
        needs: &mut Needs<'x>,
    ) -> Result<Part, ResponseError> {
        if self.done {
            return Ok(Part::End);
        }
        let Some(parent) = self.open.last() else {
            let envelope = reader.root()?;
            check_envelope(reader, &envelope)?;
            self.open.push(envelope.into());
            return Ok(Part::Other);
        };
        let level = self.open.len();
        let list_item =
            (level == Self::IN_WRAPPER).then(|| self.list_element().and_then(|list| list.item)).flatten();
        if let Some(name) = list_item
            && let Some(tag) = reader.open_expected(name)
        {
            needs.whole(reader, &tag)?;
            return self.read_item(reader, &tag, item);
        }
        let Some(tag) = reader.next_child(&parent.as_tag())? else {
            return self.close(reader, level);
        };
        match level {
            Self::IN_ENVELOPE if is_body(&tag) => self.open.push(tag.into()),
            Self::IN_BODY if !self.response_read => {
                // A fault has to be whole before it can be told.
                if !tag.is_service_root() {
                    needs.whole(reader, &tag)?;
                }
                check_content(reader, &tag, self.root)?;
                reader.enter(self.root)?;
                self.open.push(tag.into());
            }
            Self::IN_RESPONSE => return self.read_field(reader, tag, response, item, needs),
            Self::IN_WRAPPER if list_item.is_some_and(|name| tag.is_service(name)) && !tag.nil => {
                needs.item(&tag);
                return self.read_item(reader, &tag, item);
            }
            _ => {
                needs.whole(reader, &tag)?;
                reader.skip(&tag)?;
            }
        }
        Ok(Part::Other)
    }

    const IN_ENVELOPE: usize = 1;
    const IN_BODY: usize = 2;
    const IN_RESPONSE: usize = 3;
    const IN_WRAPPER: usize = 4;

    fn list_element(&self) -> Option<&'static Element> {
        self.schema.elements.iter().find(|element| element.field == self.list)
    }

    /// An element of the response: the list's wrapper or one of its items, or another field.
    fn read_field<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: Tag<'x>,
        response: &mut dyn Record,
        item: &mut dyn Field,
        needs: &mut Needs<'x>,
    ) -> Result<Part, ResponseError> {
        let position = find(self.schema, 0, &tag).filter(|_| !tag.nil);
        let Some(element) = position.map(|position| &self.schema.elements[position]) else {
            needs.whole(reader, &tag)?;
            reader.skip(&tag)?;
            return Ok(Part::Other);
        };
        if element.field == self.list {
            self.filled.mark(self.list);
            if element.item.is_none() {
                needs.item(&tag);
                return self.read_item(reader, &tag, item);
            }
            reader.enter(element.name)?;
            self.open.push(tag.into());
            return Ok(Part::Other);
        }
        needs.whole(reader, &tag)?;
        read_element(reader, &tag, element, response, &mut self.filled)?;
        Ok(Part::Other)
    }

    fn read_item<'x>(
        &mut self,
        reader: &mut Reader<'x>,
        tag: &Tag<'x>,
        item: &mut dyn Field,
    ) -> Result<Part, ResponseError> {
        let Some(list) = self.list_element() else { return Ok(Part::Other) };
        let element = Element { name: list.item.unwrap_or(list.name), item: None, repeated: true, ..*list };
        reader.number(Some(self.items));
        let filled = item.read(reader, tag, &element)?;
        reader.number(None);
        self.items += 1;
        Ok(if filled { Part::Item } else { Part::Other })
    }

    /// The end tag of the innermost open element was read.
    fn close(&mut self, reader: &mut Reader<'_>, level: usize) -> Result<Part, ResponseError> {
        match level {
            Self::IN_WRAPPER => reader.leave(),
            Self::IN_RESPONSE => {
                report_missing(reader, self.schema, self.schema.required & !self.filled.seen())?;
                reader.leave();
                self.response_read = true;
            }
            Self::IN_BODY if !self.response_read => {
                return Err(unexpected(reader, "an envelope with an empty body").into());
            }
            Self::IN_ENVELOPE if !self.response_read => {
                return Err(unexpected(reader, "an envelope without a body").into());
            }
            Self::IN_ENVELOPE => self.done = true,
            _ => {}
        }
        self.open.pop();
        Ok(if self.done { Part::End } else { Part::Other })
    }
}
