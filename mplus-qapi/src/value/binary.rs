//! Bytes that travel as base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Bytes of an element of type base64, such as an image.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Binary(pub Vec<u8>);

impl Binary {
    /// Reads base64; white space between the letters is allowed.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        if text.contains(|c: char| c.is_ascii_whitespace()) {
            let letters: String = text.split_ascii_whitespace().collect();
            return STANDARD.decode(letters).ok().map(Self);
        }
        STANDARD.decode(text).ok().map(Self)
    }

    pub(crate) fn to_base64(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }
}

impl std::fmt::Debug for Binary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Binary({} bytes)", self.0.len())
    }
}

impl AsRef<[u8]> for Binary {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Binary {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}
