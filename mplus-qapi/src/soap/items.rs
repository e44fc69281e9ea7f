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

/// The part of [`ItemDecoder`] that is the same for all types.
struct Parts {
    decoder: Decoder,
    /// What was fed and not read yet begins at `at`.
    text: String,
    at: usize,
    /// Where `text` begins in the document.
    base: u64,
    limit: usize,
    /// The search for the end of the part that begins at `at`.
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
            boundary: Boundary::new(0),
            state: ReaderState::new(strict, budget),
            descent: Descent::new(root, handed_out),
        }
    }

    fn feed(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        self.text.drain(..self.at);
        self.boundary.shift(self.at);
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
        while let Some(cut) = self.boundary.advance(self.text.as_bytes(), self.descent.may_enter()) {
            let end = match cut {
                Cut::Between(end) => {
                    self.go_to(end);
                    continue;
                }
                Cut::Start(end) => {
                    if !self.enters(end, response)? {
                        continue;
                    }
                    end
                }
                Cut::Whole(end) => end,
                Cut::Refused => self.text.len(),
            };
            if self.read(end, response, item)? == Part::Item {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn finish(&mut self, response: &mut dyn Record, item: &mut dyn Field) -> Result<(), ResponseError> {
        self.decoder.finish(&mut self.text).map_err(|problem| self.error(problem))?;
        // What is left is no whole part: the reader says what is wrong with it.
        while !self.descent.is_done() {
            self.read(self.text.len(), response, item)?;
        }
        self.read(self.text.len(), response, item)?;
        Ok(())
    }

    fn go_to(&mut self, end: usize) {
        self.at = end;
        self.boundary = Boundary::new(end);
    }

    /// Whether the element whose start tag ends at `end` is entered.
    fn enters(&mut self, end: usize, response: &dyn Record) -> Result<bool, ResponseError> {
        if self.descent.is_done() {
            return Ok(true);
        }
        if !self.descent.may_enter_named(local_name(&self.text.as_bytes()[self.at..end]), response.schema()) {
            return Ok(false);
        }
        let declared = self.state.namespaces.mark();
        let mut reader = reader(&self.text[self.at..end], self.base + self.at as u64, &mut self.state);
        let enters = self.descent.enters(&mut reader, response.schema());
        self.state = reader.into_state();
        self.state.namespaces.truncate(declared);
        Ok(enters?)
    }

    /// Reads the part up to `end`.
    fn read(
        &mut self,
        end: usize,
        response: &mut dyn Record,
        item: &mut dyn Field,
    ) -> Result<Part, ResponseError> {
        let mut reader = reader(&self.text[self.at..end], self.base + self.at as u64, &mut self.state);
        let part = if self.descent.is_done() {
            reader.between().map(|()| Part::End).map_err(ResponseError::from)
        } else {
            self.descent.read(&mut reader, response, Some(item))
        };
        let read = reader.position();
        self.state = reader.into_state();
        let part = part?;
        self.go_to(self.at + read);
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
