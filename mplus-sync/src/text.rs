//! Free text: what XML can hold of the host's, what is kept of the POS's.

use std::borrow::Cow;

/// The most characters of a text of the POS that are kept.
const KEPT: usize = 500;

/// The text with a blank for every character that XML cannot hold: a control character in a remark must not keep a paid
/// order from the kitchen.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_xml) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|char| if is_xml(char) { char } else { ' ' }).collect::<String>().into()
}

/// A text of the POS as it may be sent back: with a blank for every character that could not be read.
pub(crate) fn readable(text: &str) -> Cow<'_, str> {
    match text.contains(char::REPLACEMENT_CHARACTER) {
        true => text.replace(char::REPLACEMENT_CHARACTER, " ").into(),
        false => Cow::Borrowed(text),
    }
}

/// A text of the POS as it may be sent back where a blank would be one too many: without the characters that could not be
/// read, or are none that people type. None when nothing is left.
pub(crate) fn without_unreadable(text: String) -> Option<String> {
    let kept = if has_unreadable(&text) { text.replace(is_unreadable, "") } else { text };
    (!kept.is_empty()).then_some(kept)
}

/// Whether [`without_unreadable`] would take something away.
pub(crate) fn has_unreadable(text: &str) -> bool {
    text.contains(is_unreadable)
}

fn is_unreadable(char: char) -> bool {
    char == char::REPLACEMENT_CHARACTER || (char.is_control() && !matches!(char, '\t' | '\n' | '\r'))
}

/// The characters of XML 1.0; Rust's have no surrogates.
fn is_xml(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// What is kept of a text of the POS: its first 500 characters, on one line.
pub(crate) fn kept(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_becomes_a_blank_and_nothing_else_changes() {
        assert_eq!(plain("Geen ui\u{b}graag\u{0}\u{1a}"), "Geen ui graag  ");
        for fine in ["Fijne dag! \u{1F355} é € ë\r\n2e regel\t", ""] {
            assert!(matches!(plain(fine), Cow::Borrowed(same) if same == fine));
        }
        assert_eq!(plain("\u{FFFE}\u{FFFF}"), "  ");
    }

    #[test]
    fn what_could_not_be_read_is_not_sent_back() {
        assert_eq!(readable("Ams\u{fffd}terdam"), "Ams terdam");
        assert!(matches!(readable("Café"), Cow::Borrowed("Café")));
        assert_eq!(without_unreadable("Coca\u{fffd}-\u{1b}Cola\n".into()).as_deref(), Some("Coca-Cola\n"));
        assert_eq!(without_unreadable("\u{fffd}".into()), None);
    }

    #[test]
    fn texts_of_the_pos_are_cut_and_on_one_line() {
        assert_eq!(kept(" a\n b\t\tc "), "a b c");
        assert_eq!(kept(&"é".repeat(501)).chars().count(), 503);
    }
}
