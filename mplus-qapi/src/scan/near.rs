//! Finds bytes that are near.
//!
//! From one piece of markup to the next it is some twenty bytes. A search that is made for long texts has not begun there when
//! this one, which looks at eight bytes at a time, has ended. What is farther away is left to it.

use memchr::{memchr, memchr2, memchr3};

/// What is near, in words of eight bytes.
const NEAR: usize = 8;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x8080_8080_8080_8080;

/// Where a byte stands first.
#[inline]
pub(super) fn find(byte: u8, text: &[u8]) -> Option<usize> {
    find_any([byte], text)
}

/// Where the first of some bytes stands.
#[inline]
pub(super) fn find_any<const N: usize>(bytes: [u8; N], text: &[u8]) -> Option<usize> {
    let (words, _) = text.as_chunks::<8>();
    let near = &words[..words.len().min(NEAR)];
    for (index, word) in near.iter().enumerate() {
        // A byte that is equal becomes zero, and only of a zero byte and of those above it does subtracting set the highest bit.
        let word = u64::from_le_bytes(*word);
        let equal = bytes.iter().fold(0, |equal, byte| {
            let differs = word ^ (ONES * u64::from(*byte));
            equal | (differs.wrapping_sub(ONES) & !differs & HIGHEST)
        });
        if equal != 0 {
            return Some(index * 8 + equal.trailing_zeros() as usize / 8);
        }
    }
    let seen = near.len() * 8;
    far(bytes, &text[seen..]).map(|found| seen + found)
}

fn far<const N: usize>(bytes: [u8; N], text: &[u8]) -> Option<usize> {
    match *bytes.as_slice() {
        [one] => memchr(one, text),
        [one, two] => memchr2(one, two, text),
        [one, two, three] => memchr3(one, two, three, text),
        _ => text.iter().position(|byte| bytes.contains(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_found_wherever_it_stands() {
        for length in 0..200 {
            for at in 0..length {
                // Bytes beside the wanted ones, and with the highest bit set: those could be taken for them.
                let mut text = [b'=', b'?', 0xbc, 0xbe, 0x3b, 0x00, 0xff].repeat(30);
                text.truncate(length);
                text[at] = b'>';
                if at + 1 < length {
                    text[at + 1] = b'<';
                }
                assert_eq!(find(b'>', &text), Some(at), "{at} of {length}");
                assert_eq!(find_any([b'<', b'>', b'"'], &text), Some(at), "{at} of {length}");
                text[at] = b'=';
                assert_eq!(find(b'>', &text), None, "of {length}");
                assert_eq!(find_any([b'<', b'"'], &text), (at + 1 < length).then_some(at + 1));
            }
        }
    }
}
