//! References in text: `&amp;`, `&#233;`, `&#xE9;`.

use super::limits;

/// What a reference stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    Character(char),
    /// The number of half a character: the other half has to stand next to it.
    Surrogate(u16),
    /// A number that is no character of XML.
    Forbidden,
}

/// Why there is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoReference {
    /// The text ends before it can be told.
    CutOff,
    /// A `&` by itself.
    Bare,
    /// A name that nothing declares, so many bytes long.
    Unknown(usize),
}

/// The reference at the start of `text`, which begins with `&`, and its length.
pub(super) fn reference(text: &[u8]) -> Result<(Reference, usize), NoReference> {
    let window = &text[1..text.len().min(limits::REFERENCE)];
    let Some(length) = window.iter().position(|byte| !is_name_byte(*byte)) else {
        let cut_off = text.len() < limits::REFERENCE;
        return Err(if cut_off { NoReference::CutOff } else { NoReference::Bare });
    };
    if window[length] != b';' || length == 0 {
        return Err(NoReference::Bare);
    }
    let found = match &window[..length] {
        b"amp" => Some(Reference::Character('&')),
        b"lt" => Some(Reference::Character('<')),
        b"gt" => Some(Reference::Character('>')),
        b"quot" => Some(Reference::Character('"')),
        b"apos" => Some(Reference::Character('\'')),
        [b'#', b'x', digits @ ..] => numbered(digits, 16),
        [b'#', digits @ ..] => numbered(digits, 10),
        _ => None,
    };
    found.map(|found| (found, length + 2)).ok_or(NoReference::Unknown(length))
}

/// Of a name, or of a number.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'#' | b'_' | b'-' | b'.' | b':' | b'+') || byte >= 0x80
}

fn numbered(digits: &[u8], radix: u32) -> Option<Reference> {
    if digits.is_empty() {
        return None;
    }
    let mut code: u32 = 0;
    for digit in digits {
        let value = char::from(*digit).to_digit(radix)?;
        code = code.saturating_mul(radix).saturating_add(value);
    }
    Some(match char::from_u32(code) {
        Some(character) if is_allowed(character) => Reference::Character(character),
        None if (0xd800..0xe000).contains(&code) => Reference::Surrogate(code as u16),
        _ => Reference::Forbidden,
    })
}

/// Whether XML 1.0 has this character.
pub(super) fn is_allowed(character: char) -> bool {
    match character {
        '\0'..' ' => matches!(character, '\t' | '\n' | '\r'),
        '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{NoReference, Reference, reference};

    #[test]
    fn numbers_and_the_five_names_are_read() {
        let cases = [
            ("&amp;x", '&', 5),
            ("&#233;", '\u{e9}', 6),
            ("&#x1F600;", '\u{1f600}', 9),
            ("&#x0009;", '\t', 8),
        ];
        for (text, character, length) in cases {
            assert_eq!(reference(text.as_bytes()), Ok((Reference::Character(character), length)), "{text}");
        }
    }

    #[test]
    fn what_is_no_character_of_xml_is_told_apart_from_what_is_no_reference() {
        for text in ["&#0;", "&#x1B;", "&#xFFFE;", "&#x110000;", "&#99999999999999999999;"] {
            assert!(matches!(reference(text.as_bytes()), Ok((Reference::Forbidden, _))), "{text}");
        }
        assert_eq!(reference(b"&#xD83D;"), Ok((Reference::Surrogate(0xd83d), 8)));
        for text in ["&#+65;", "&#-1;", "&#;", "&#x;", "&#xG;", "&nbsp;", "&#X41;"] {
            assert!(matches!(reference(text.as_bytes()), Err(NoReference::Unknown(_))), "{text}");
        }
        let long = format!("&{};", "a".repeat(100));
        for text in ["& ", "&;", "&a b;", "&<", long.as_str()] {
            assert_eq!(reference(text.as_bytes()), Err(NoReference::Bare), "{text}");
        }
        for text in ["&", "&am", "&#12"] {
            assert_eq!(reference(text.as_bytes()), Err(NoReference::CutOff), "{text}");
        }
    }
}
