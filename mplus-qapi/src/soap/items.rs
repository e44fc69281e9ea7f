//! Items of a list response, one by one, as the bytes of the document arrive. No I/O: bytes go in, items come out.

use super::{
    DecodeError, DecodeProblem, Field, ListResponse, OutcomeError, OutcomeKind, Record,
    descent::{Descent, Part},
    fault::ResponseError,
    reader::Reader,
    tolerated::{Budget, ReaderState, Tolerated, Unreadable},
};
use crate::scan::{Boundary, Charset, Cut, Decoder};

/// Reads a response in pieces and hands out the items of its list.
///
/// It holds the piece that was fed last and the one part that is not complete yet, nothing more.
pub(crate) struct ItemDecoder<R> {
    parts: Parts,
    response: R,
}

impl<R: ListResponse> ItemDecoder<R> {
    /// For the response `root`. What is held at once may be `limit` bytes; the values of one item may take `budget`.
    pub(crate) fn new(root: &'static str, strict: bool, limit: usize, budget: Budget) -> Self {
        let parts = Parts::new(root, Some(R::FIELD), strict, limit, budget);
        Self { parts, response: R::default() }
    }

    /// The items are held together: what the values of all of them take is counted as one.
    pub(crate) fn hold_together(&mut self) {
        self.parts.descent.hold_together();
    }

    /// How bytes are read that are no UTF-8, in a document that declares nothing else.
    pub(crate) fn fall_back_to(&mut self, charset: Option<Charset>) {
        self.parts.decoder.fall_back_to(charset);
    }

    /// How far the document was read, in bytes.
    pub(crate) fn position(&self) -> u64 {
        self.parts.base + self.parts.at as u64
    }

    /// Leaves values out that cannot be read; [`Self::take_unreadable`] tells them.
    pub(crate) fn leave_out_unreadable(&mut self) {
        self.parts.state.leave_out_unreadable();
    }

    /// The values that were left out of the items so far.
    pub(crate) fn take_unreadable(&mut self) -> Vec<Unreadable> {
        self.parts.state.take_unreadable()
    }

    /// Takes the next bytes of the document.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.parts.feed(bytes)
    }

    /// The next item, if the bytes so far hold one whole.
    pub(crate) fn next_item(&mut self) -> Result<Option<R::Item>, ResponseError> {
        if !self.parts.has_more() {
            return Ok(None);
        }
        let mut item = R::Item::default();
        Ok(self.parts.next_item(&mut self.response, &mut item)?.then_some(item))
    }

    /// To be called after the last byte: an error unless the document was whole. What was let pass.
    pub(crate) fn finish(&mut self) -> Result<Tolerated, ResponseError> {
        self.parts.finish(&mut self.response, &mut R::Item::default())?;
        Ok(self.parts.state.take_tolerated())
    }

    /// Why there may be no items, told beside them; complete after the end. That nothing is told is no reason: older services
    /// know less.
    pub(crate) fn refusal(&self) -> Option<OutcomeError> {
        self.response.refusal().filter(|refusal| refusal.kind != OutcomeKind::Absent)
    }

    /// The response's other fields, complete after the end.
    #[cfg(test)]
    pub(crate) fn into_response(self) -> R {
        self.response
    }
}

/// Reads a whole response that comes in pieces, as streams do, into a record of any type.
#[cfg(feature = "testkit")]
pub(crate) fn read_pieces<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    root: &'static str,
    record: &mut dyn Record,
) -> Result<Tolerated, ResponseError> {
    let mut parts = Parts::new(root, None, false, usize::MAX, Budget::default());
    // Nothing is handed out: all items go into the record.
    let mut handed_out = String::new();
    for piece in pieces {
        parts.feed(piece)?;
        while parts.has_more() && parts.next_item(record, &mut handed_out)? {}
    }
    parts.finish(record, &mut handed_out)?;
    Ok(parts.state.take_tolerated())
}

/// Whole parts of so many bytes are read together.
const TOGETHER: usize = 16 << 10;

/// The part of [`ItemDecoder`] that is the same for all types.
struct Parts {
    decoder: Decoder,
    /// What was fed and not read yet begins at `at`.
    text: String,
    at: usize,
    /// Where `text` begins in the document.
    base: u64,
    limit: usize,
    /// From `at` to here there are whole parts, which one reader reads.
    whole: usize,
    /// The search for the end of the part behind them.
    boundary: Boundary,
    state: ReaderState,
    descent: Descent<'static>,
}

impl Parts {
    /// The items of the field `handed_out` go elsewhere than into the response.
    fn new(
        root: &'static str,
        handed_out: Option<usize>,
        strict: bool,
        limit: usize,
        budget: Budget,
    ) -> Self {
        Self {
            decoder: Decoder::new(strict),
            text: String::new(),
            at: 0,
            base: 0,
            limit,
            whole: 0,
            boundary: Boundary::new(0),
            state: ReaderState::new(strict, budget),
            descent: Descent::new(root, handed_out),
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.text.drain(..self.at);
        self.boundary.shift(self.at);
        self.whole -= self.at;
        self.base += self.at as u64;
        self.at = 0;
        let known = self.decoder.skipped;
        self.decoder.push(bytes, &mut self.text).map_err(|problem| self.error(problem))?;
        self.base += self.decoder.skipped - known;
        self.state.suspicious = self.decoder.suspicious;
        if self.text.len() + self.decoder.waiting() > self.limit {
            return Err(self.error(DecodeProblem::TooLarge { limit: self.limit as u64 }));
        }
        Ok(())
    }

    /// Whether there is text that was not read.
    fn has_more(&self) -> bool {
        self.at < self.text.len()
    }

    /// Reads up to the end of the next item. `false`: the text so far does not hold it whole.
    fn next_item(&mut self, response: &mut dyn Record, item: &mut dyn Field) -> Result<bool, ResponseError> {
        loop {
            let next =
                if self.at < self.whole { Some((self.whole, true)) } else { self.find_parts(response)? };
            let Some((end, all)) = next else { return Ok(false) };
            if self.read(end, all, response, item)? == Part::Item {
                return Ok(true);
            }
        }
    }

    /// Looks for what can be read behind what was: up to where, and whether all of that, as it is whole parts. `None`: there is
    /// nothing yet.
    fn find_parts(&mut self, response: &dyn Record) -> Result<Option<(usize, bool)>, ResponseError> {
        let may_enter = self.descent.may_enter();
        // Where the part begins that is being looked at.
        let mut part = self.whole;
        while let Some(cut) = self.boundary.advance(self.text.as_bytes(), may_enter) {
            let is_first = self.at == self.whole;
            match cut {
                Cut::Whole(end) => {
                    self.search_from(end);
                    part = end;
                    if end - self.at < TOGETHER {
                        continue;
                    }
                }
                Cut::Start(end) if !self.may_be_entered(part, end, response) => continue,
                // What is read in another way waits for those before it, and is looked at again.
                Cut::Between(_) | Cut::Start(_) | Cut::Refused if !is_first => self.search_from(self.whole),
                Cut::Between(end) => {
                    self.at = end;
                    self.search_from(end);
                    part = end;
                    continue;
                }
                Cut::Start(end) => {
                    if !self.enters(end, response)? {
                        continue;
                    }
                    self.search_from(end);
                }
                Cut::End(end) => self.search_from(end),
                Cut::Refused => return Ok(Some((self.text.len(), false))),
            }
            break;
        }
        Ok((self.at < self.whole).then_some((self.whole, true)))
    }

    fn finish(&mut self, response: &mut dyn Record, item: &mut dyn Field) -> Result<(), ResponseError> {
        self.decoder.finish(&mut self.text).map_err(|problem| self.error(problem))?;
        // What is left is no whole part: the reader says what is wrong with it.
        while !self.descent.is_done() {
            self.read(self.text.len(), false, response, item)?;
        }
        self.read(self.text.len(), false, response, item)?;
        Ok(())
    }

    /// The parts up to `end` are whole.
    fn search_from(&mut self, end: usize) {
        self.whole = end;
        self.boundary = Boundary::new(end);
    }

    /// Whether the element whose start tag stands from `part` to `end` is one that may be entered.
    fn may_be_entered(&self, part: usize, end: usize, response: &dyn Record) -> bool {
        let name = local_name(&self.text.as_bytes()[part..end]);
        self.descent.is_done() || self.descent.may_enter_named(name, response.schema())
    }

    /// Whether the element whose start tag comes next and ends at `end` is entered.
    fn enters(&mut self, end: usize, response: &dyn Record) -> Result<bool, ResponseError> {
        if self.descent.is_done() {
            return Ok(true);
        }
        let declared = self.state.namespaces.mark();
        let mut reader = reader(&self.text[self.at..end], self.base + self.at as u64, &mut self.state);
        let enters = self.descent.enters(&mut reader, response.schema());
        self.state = reader.into_state();
        self.state.namespaces.truncate(declared);
        Ok(enters?)
    }

    /// Reads the part that comes next; with `all`, also those behind it up to `end` or to an item.
    fn read(
        &mut self,
        end: usize,
        all: bool,
        response: &mut dyn Record,
        item: &mut dyn Field,
    ) -> Result<Part, ResponseError> {
        let length = end - self.at;
        let mut reader = reader(&self.text[self.at..end], self.base + self.at as u64, &mut self.state);
        let part = loop {
            if self.descent.is_done() {
                break reader.between().map(|()| Part::End).map_err(ResponseError::from);
            }
            match self.descent.read(&mut reader, response, Some(&mut *item)) {
                Ok(Part::Other) if all && reader.position() < length => {}
                part => break part,
            }
        };
        let read = reader.position();
        self.state = reader.into_state();
        let part = part?;
        self.at += read;
        if self.at > self.whole {
            self.search_from(self.at);
        }
        Ok(part)
    }

    #[cold]
    fn error(&self, problem: DecodeProblem) -> DecodeError {
        self.state.error_at(None, self.base + self.text.len() as u64, problem)
    }
}

/// The local name of the element that begins here.
fn local_name(part: &[u8]) -> &[u8] {
    let tag = part.trim_ascii_start();
    let name = tag.strip_prefix(b"<").unwrap_or(tag);
    let length = name.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'/' | b'>'));
    let name = &name[..length.unwrap_or(name.len())];
    memchr::memchr(b':', name).map_or(name, |colon| &name[colon + 1..])
}

fn reader<'x>(text: &'x str, base: u64, state: &mut ReaderState) -> Reader<'x> {
    Reader::new(text, base, std::mem::take(state))
}
