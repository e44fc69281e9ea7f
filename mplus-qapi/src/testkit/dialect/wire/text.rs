//! What texts hold, and how their characters are written.

use super::super::{Characters, Dialect, Encoding};

/// Texts that a person typed at the POS.
const TYPED: [&str; 4] = ["description", "extraText", "remark", "branchName"];
/// Shorter texts stay as they are.
const LONG: usize = 8;
const AT: usize = 4;

/// A character that XML cannot hold, and one of two halves in UTF-16.
const CONTROL: &str = "&#x1B;";
const PIZZA: char = '\u{1f355}';

impl Dialect {
    /// Puts into a typed text what this POS's people type.
    pub(super) fn fill_text(&self, name: &str, text: &mut String) {
        if !TYPED.contains(&name) || text.len() < LONG {
            return;
        }
        match self.characters {
            Characters::Control if text.is_char_boundary(AT) && !text.contains('&') => {
                text.insert_str(AT, CONTROL);
            }
            Characters::Surrogates if !text.ends_with(PIZZA) => text.push(PIZZA),
            _ => {}
        }
    }

    /// An escaped text as this POS writes it.
    pub(super) fn written_text(&self, text: &str) -> String {
        match self.characters {
            Characters::Plain | Characters::Control => text.to_owned(),
            Characters::Surrogates => references(text, |character| u32::from(character) > 0xffff),
            Characters::References => references(text, |character| !character.is_ascii()),
            // The end of a section cannot stand in one, nor can a reference to what the encoding has not.
            Characters::Cdata if text.contains("]]") || !self.encoding.has_all(text) => text.to_owned(),
            Characters::Cdata => format!("<![CDATA[{}]]>", unescaped(text)),
        }
    }
}

impl Encoding {
    fn has_all(self, text: &str) -> bool {
        self != Self::Latin1 || text.chars().all(|character| u32::from(character) <= 0xff)
    }
}

/// With references to UTF-16 units in the place of some characters.
fn references(text: &str, of: fn(char) -> bool) -> String {
    let mut written = String::with_capacity(text.len());
    for character in text.chars() {
        if of(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                written.push_str(&format!("&#x{unit:X};"));
            }
        } else {
            written.push(character);
        }
    }
    written
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#13;", "\r")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(characters: Characters, text: &str) -> String {
        let dialect = Dialect { characters, ..Dialect::default() };
        let mut text = text.to_owned();
        dialect.fill_text("description", &mut text);
        dialect.written_text(&text)
    }

    #[test]
    fn texts_hold_what_xml_cannot_and_are_written_in_many_ways() {
        assert_eq!(written(Characters::Control, "Coca-Cola"), "Coca&#x1B;-Cola");
        assert_eq!(written(Characters::Control, "Cola"), "Cola");
        assert_eq!(written(Characters::Surrogates, "Coca-Cola"), "Coca-Cola&#xD83C;&#xDF55;");
        assert_eq!(written(Characters::Cdata, "Fish &amp; chips"), "<![CDATA[Fish & chips]]>");
        assert_eq!(written(Characters::References, "Café"), "Caf&#xE9;");
        let latin =
            Dialect { characters: Characters::Cdata, encoding: Encoding::Latin1, ..Dialect::default() };
        assert_eq!(
            (latin.written_text("Café"), latin.written_text("Bœuf")),
            ("<![CDATA[Café]]>".into(), "Bœuf".into())
        );
    }
}
