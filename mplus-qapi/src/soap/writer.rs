//! Tags and text into a document.

use std::fmt::Write as _;

use super::EncodeError;

/// The prefix that our documents give the service's namespace.
pub(crate) const PREFIX: &str = "ns1";

/// Writes elements of the service into a text.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    text: String,
    path: Vec<&'static str>,
}

impl Writer {
    pub(crate) fn finish(self) -> String {
        self.text
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
        self.tag("<", name);
        self.path.push(name);
    }

    pub(crate) fn close(&mut self) {
        if let Some(name) = self.path.pop() {
            self.tag("</", name);
        }
    }

    fn tag(&mut self, start: &str, name: &str) {
        for part in [start, PREFIX, ":", name, ">"] {
            self.text.push_str(part);
        }
    }

    pub(crate) fn display(&mut self, value: impl std::fmt::Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{value}");
    }

    /// Text with what XML reserves escaped. A character that XML cannot carry is an error.
    pub(crate) fn escaped(&mut self, text: &str) -> Result<(), EncodeError> {
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let escape = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                // A bare one would be read as a line feed.
                b'\r' => "&#13;",
                b'\t' | b'\n' | b' '.. => continue,
                control => {
                    return Err(
                        self.error(format!("the control character {control:#04x} has no place in XML"))
                    );
                }
            };
            self.text.push_str(&text[from..at]);
            self.text.push_str(escape);
            from = at + 1;
        }
        self.text.push_str(&text[from..]);
        if text.contains(['\u{fffe}', '\u{ffff}']) {
            return Err(self.error("a character that has no place in XML"));
        }
        Ok(())
    }

    #[cold]
    pub(crate) fn error(&self, problem: impl Into<String>) -> EncodeError {
        EncodeError::new(self.path.join("/"), problem)
    }
}
