//! How an answer is written: one place that rewrites what the encoder made.

mod document;
mod elements;
mod numbers;
mod text;
mod types;

use bytes::Bytes;

use self::{document::Document, elements::Rewriting, types::Types};
use super::*;

/// What the real service calls its answers.
pub(in crate::testkit) const XML: &str = "text/xml; charset=utf-8";

impl Dialect {
    /// Whether answers stay as the encoder makes them.
    pub(in crate::testkit) fn is_plainly_written(&self) -> bool {
        let default = Self::default();
        (self.side_elements, self.unset_elements, self.vat_scale, self.decimals, self.integers)
            == (
                default.side_elements,
                default.unset_elements,
                default.vat_scale,
                default.decimals,
                default.integers,
            )
            && (self.booleans, self.order_result, self.paid_amounts, self.characters)
                == (default.booleans, default.order_result, default.paid_amounts, default.characters)
            && (self.encoding, self.prefix) == (default.encoding, default.prefix)
    }

    /// The content type of an answer.
    pub(in crate::testkit) fn content_type(&self) -> &'static str {
        match self.encoding {
            Encoding::Utf8 | Encoding::Utf8Mark => XML,
            Encoding::Latin1 => "text/xml; charset=iso-8859-1",
            Encoding::Utf16 => "text/xml; charset=utf-16",
        }
    }

    /// The answer of `operation` as this POS writes it.
    pub(in crate::testkit) fn rewrite(&self, operation: &str, answer: &str) -> Bytes {
        let mut document = Document::read(answer);
        let types = Types::of(operation);
        Rewriting { dialect: self, types: &types, operation }.apply(&mut document);
        let written = document.write(self, &types);
        self.encode(written).into()
    }

    fn encode(&self, document: String) -> Vec<u8> {
        match self.encoding {
            Encoding::Utf8 => document.into_bytes(),
            Encoding::Utf8Mark => [b"\xef\xbb\xbf".as_slice(), document.as_bytes()].concat(),
            Encoding::Latin1 => document.replacen("UTF-8", "ISO-8859-1", 1).chars().fold(
                Vec::new(),
                |mut bytes, character| {
                    match u8::try_from(u32::from(character)) {
                        Ok(byte) => bytes.push(byte),
                        Err(_) => bytes.extend(format!("&#{};", u32::from(character)).into_bytes()),
                    }
                    bytes
                },
            ),
            Encoding::Utf16 => {
                let document = document.replacen("UTF-8", "UTF-16", 1);
                let units = std::iter::once(0xfeff).chain(document.encode_utf16());
                units.flat_map(u16::to_le_bytes).collect()
            }
        }
    }
}
