//! A list response written item by item: the twin of [`ItemDecoder`](super::ItemDecoder). No I/O: pieces come out.

use super::{
    Element, EncodeError, Field, ListResponse,
    encode::{write_element, write_elements},
    envelope::{close_envelope, open_envelope},
    writer::Writer,
};

/// The pieces of an envelope around a list response whose items are made as they are written.
pub(crate) struct ItemEncoder<R, I> {
    root: &'static str,
    response: R,
    items: I,
    writer: Writer,
    at: Place,
}

enum Place {
    Start,
    Items,
    End,
}

/// A piece is handed out when it has grown to this.
const PIECE: usize = 16 << 10;

impl<R: ListResponse, I: Iterator<Item = R::Item>> ItemEncoder<R, I> {
    /// For the response element `root`: the fields of `response` with `items` in the place of its list.
    pub(crate) fn new(root: &'static str, response: R, items: I) -> Self {
        Self { root, response, items, writer: Writer::default(), at: Place::Start }
    }

    fn piece(&mut self) -> Result<String, EncodeError> {
        let elements = self.response.schema().elements;
        let list = elements.iter().position(|element| element.field == R::FIELD).unwrap_or_default();
        if matches!(self.at, Place::Start) {
            open_envelope(&mut self.writer);
            self.writer.open(self.root);
            write_elements(&mut self.writer, &self.response, &elements[..list])?;
            if elements[list].item.is_some() {
                self.writer.open(elements[list].name);
            }
            self.at = Place::Items;
        }
        let Element { name, item, role, .. } = elements[list];
        for value in self.items.by_ref() {
            write_element(&mut self.writer, item.unwrap_or(name), role, value.view())?;
            if self.writer.len() >= PIECE {
                return Ok(self.writer.take());
            }
        }
        if item.is_some() {
            self.writer.close();
        }
        write_elements(&mut self.writer, &self.response, &elements[list + 1..])?;
        self.writer.close();
        close_envelope(&mut self.writer);
        self.at = Place::End;
        Ok(self.writer.take())
    }
}

impl<R: ListResponse, I: Iterator<Item = R::Item>> Iterator for ItemEncoder<R, I> {
    type Item = Result<String, EncodeError>;

    /// The next piece; nothing after an error.
    fn next(&mut self) -> Option<Self::Item> {
        if matches!(self.at, Place::End) {
            return None;
        }
        let piece = self.piece();
        if piece.is_err() {
            self.at = Place::End;
        }
        Some(piece)
    }
}
