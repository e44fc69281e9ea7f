//! Tags and text into a document.

use std::fmt::Write as _;

use super::EncodeError;

/// Bytes that need no second look when text is written. (U+FFFE and U+FFFF begin with 0xef.)
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ' as usize;
    while byte < 256 {
        plain[byte] = !matches!(byte as u8, b'&' | b'<' | b'>' | 0xef);
        byte += 1;
    }
    plain[b'\t' as usize] = true;
    plain[b'\n' as usize] = true;
    plain
};

/// Writes elements of the service into a text.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
    path: Vec<Step>,
    next_index: Option<usize>,
    /// What is left unset is an error.
    to_be_sent: bool,
    /// The first required value that was left unset.
    unset: Option<EncodeError>,
}

/// One step from the root to where the writer is.
#[derive(Debug)]
struct Step {
    name: &'static str,
    /// Number of the list item, from 0.
    index: Option<usize>,
}

impl Writer {
    /// For a request: whatever is required has to be set.
    pub(crate) fn to_be_sent() -> Self {
        Self { to_be_sent: true, ..Self::default() }
    }

    /// The text, unless something that is required was left unset.
    pub(crate) fn finish(self) -> Result<String, EncodeError> {
        match self.unset {
            Some(unset) if self.to_be_sent => Err(unset),
            _ => Ok(self.text),
        }
    }

    /// Numbers the next element, for its path.
    pub(crate) fn number(&mut self, index: usize) {
        self.next_index = Some(index);
    }

    /// Notes that the value here was left unset. What does not fit at all is told first.
    #[cold]
    pub(crate) fn note_unset(&mut self) {
        if self.unset.is_none() {
            self.unset = Some(self.error("a required value was left unset"));
        }
    }

    /// How many bytes were written since the last [`Self::take`].
    #[cfg(feature = "testkit")]
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Hands out what was written so far.
    #[cfg(feature = "testkit")]
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Text that is no data: the envelope.
    pub(crate) fn raw(&mut self, markup: &str) {
        self.text.push_str(markup);
    }

    pub(crate) fn open(&mut self, name: &'static str) {
        self.text.push_str("<ns1:");
        self.text.push_str(name);
        self.text.push('>');
        self.path.push(Step { name, index: self.next_index.take() });
    }

    pub(crate) fn close(&mut self) {
        if let Some(Step { name, .. }) = self.path.pop() {
            self.text.push_str("</ns1:");
            self.text.push_str(name);
            self.text.push('>');
        }
    }

    pub(crate) fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    pub(crate) fn integer(&mut self, value: impl itoa::Integer) {
        self.text.push_str(itoa::Buffer::new().format(value));
    }

    /// Text with what XML reserves escaped. A character that XML cannot carry is an error.
    pub(crate) fn escaped(&mut self, text: &str) -> Result<(), EncodeError> {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| !PLAIN[usize::from(byte)]) {
            let (plain, special) = rest.split_at(at);
            self.text.push_str(plain);
            let mut characters = special.chars();
            match characters.next() {
                Some('&') => self.text.push_str("&amp;"),
                Some('<') => self.text.push_str("&lt;"),
                Some('>') => self.text.push_str("&gt;"),
                // A bare one would be read as a line feed.
                Some('\r') => self.text.push_str("&#13;"),
                Some(character @ ('\0'..' ' | '\u{fffe}' | '\u{ffff}')) => {
                    let code = u32::from(character);
                    return Err(self.error(format!("the character {code:#04x} has no place in XML")));
                }
                other => self.text.extend(other),
            }
            rest = characters.as_str();
        }
        self.text.push_str(rest);
        Ok(())
    }

    #[cold]
    pub(crate) fn error(&self, problem: impl Into<String>) -> EncodeError {
        let steps = self.path.iter().map(|Step { name, index }| match index {
            Some(index) => format!("{name}[{index}]"),
            None => (*name).to_owned(),
        });
        EncodeError::new(steps.collect::<Vec<_>>().join("/"), problem)
    }
}
