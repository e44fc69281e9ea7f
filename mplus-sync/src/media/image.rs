//! An image's bytes, looked at before anything is done with them.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The SHA-256 of an image's bytes. Written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash([u8; 32]);

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a content hash: 64 hexadecimal digits are expected")]
pub struct InvalidHash;

impl ContentHash {
    /// The hash of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

impl FromStr for ContentHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return Err(InvalidHash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair
                .iter()
                .try_fold(0, |byte, digit| Some(byte << 4 | hex_digit(*digit)?))
                .ok_or(InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

fn hex_digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A picture format that browsers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ImageKind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    WebP,
    /// SVG. It may hold scripts: see [`ImageRules::without_svg`].
    Svg,
}

impl ImageKind {
    /// Every kind.
    pub const ALL: [ImageKind; 5] =
        [ImageKind::Jpeg, ImageKind::Png, ImageKind::Gif, ImageKind::WebP, ImageKind::Svg];

    /// What the bytes are by their first ones, whatever a file name or a sender says; `None` when unknown.
    pub fn sniff(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => starts_with_svg(bytes).then_some(Self::Svg),
        }
    }

    /// The MIME type.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The usual end of a file name, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
            Self::Svg => "svg",
        }
    }
}

impl fmt::Display for ImageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.content_type())
    }
}

/// Whether the first element is `<svg`, after a byte order mark, an XML declaration, comments and a doctype.
fn starts_with_svg(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', ..] => b">",
            [b'<', b's', b'v', b'g', after, ..] => {
                return after.is_ascii_whitespace() || b">/".contains(after);
            }
            _ => return false,
        };
        match rest.windows(end.len()).position(|window| window == end) {
            Some(at) => rest = &rest[at + end.len()..],
            None => return false,
        }
    }
}

/// What an image has to be like to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageRules {
    max_bytes: usize,
    svg: bool,
}

impl ImageRules {
    /// 10 MiB, the largest image that Cloudflare Images takes.
    pub const DEFAULT_MAX_BYTES: usize = 10 * 1024 * 1024;

    /// Refuses larger images.
    #[must_use]
    pub fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// Refuses SVG, which may hold scripts; for a host that serves images from its own origin as they are.
    #[must_use]
    pub fn without_svg(mut self) -> Self {
        self.svg = false;
        self
    }
}

impl Default for ImageRules {
    /// Every [`ImageKind`], up to [`DEFAULT_MAX_BYTES`](Self::DEFAULT_MAX_BYTES).
    fn default() -> Self {
        Self { max_bytes: Self::DEFAULT_MAX_BYTES, svg: true }
    }
}

/// Bytes that are an image which may be stored. A clone shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    hash: ContentHash,
    kind: ImageKind,
    bytes: Bytes,
}

/// Why bytes are not an image that may be stored. It stays so until the picture is replaced in the POS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// No bytes at all.
    #[error("the image is empty; upload it again in the POS")]
    Empty,
    /// Larger than the rules allow.
    #[error("the image has {bytes} bytes and at most {limit} are allowed; use a smaller picture in the POS")]
    TooLarge {
        /// The image's size.
        bytes: usize,
        /// The rule's limit.
        limit: usize,
    },
    /// None of the formats in [`ImageKind`].
    #[error("the image is not a JPEG, PNG, GIF, WebP or SVG; replace it in the POS")]
    UnknownFormat,
    /// A format that the rules refuse.
    #[error("{0} images are not accepted here; replace it in the POS")]
    RefusedFormat(ImageKind),
}

impl Image {
    /// Looks at the bytes: their size, their format, their hash. What the sender said of them does not count.
    ///
    /// ```
    /// use mplus_sync::media::{Image, ImageKind, ImageRules};
    ///
    /// let image = Image::check("<svg xmlns='http://www.w3.org/2000/svg'/>".into(), &ImageRules::default())?;
    /// assert_eq!(image.kind(), ImageKind::Svg);
    /// # Ok::<(), mplus_sync::media::ImageError>(())
    /// ```
    pub fn check(bytes: Bytes, rules: &ImageRules) -> Result<Self, ImageError> {
        if bytes.is_empty() {
            return Err(ImageError::Empty);
        }
        if bytes.len() > rules.max_bytes {
            return Err(ImageError::TooLarge { bytes: bytes.len(), limit: rules.max_bytes });
        }
        match ImageKind::sniff(&bytes) {
            None => Err(ImageError::UnknownFormat),
            Some(ImageKind::Svg) if !rules.svg => Err(ImageError::RefusedFormat(ImageKind::Svg)),
            Some(kind) => Ok(Self { hash: ContentHash::of(&bytes), kind, bytes }),
        }
    }

    /// The hash of the bytes.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The format, by the bytes.
    pub fn kind(&self) -> ImageKind {
        self.kind
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}, {}, {} bytes)", self.hash, self.kind, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8]) -> Result<ImageKind, ImageError> {
        Image::check(Bytes::copy_from_slice(bytes), &ImageRules::default()).map(|image| image.kind())
    }

    #[test]
    fn each_format_is_known_by_its_first_bytes() {
        assert_eq!(check(b"\xFF\xD8\xFF\xE0\0\x10JFIF"), Ok(ImageKind::Jpeg));
        assert_eq!(check(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), Ok(ImageKind::Png));
        assert_eq!(check(b"GIF89a\x01\0\x01\0"), Ok(ImageKind::Gif));
        assert_eq!(check(b"GIF87a\x01\0\x01\0"), Ok(ImageKind::Gif));
        assert_eq!(check(b"RIFF\x24\0\0\0WEBPVP8 "), Ok(ImageKind::WebP));
        assert_eq!(check(b"<svg/>"), Ok(ImageKind::Svg));
    }

    #[test]
    fn an_svg_may_begin_with_a_mark_a_declaration_comments_and_a_doctype() {
        let prologue = "\u{FEFF}<?xml version='1.0'?>\n<!-- made by hand --> <!DOCTYPE svg PUBLIC 'a' 'b'>\n";
        assert_eq!(check(format!("{prologue}<svg width='1'></svg>").as_bytes()), Ok(ImageKind::Svg));
        assert_eq!(
            check(format!("{prologue}<html><svg/></html>").as_bytes()),
            Err(ImageError::UnknownFormat)
        );
    }

    #[test]
    fn what_only_looks_like_an_image_is_refused() {
        for bytes in
            [&b"%PDF-1.7"[..], b"RIFF\x24\0\0\0WAVEfmt ", b"<svgx>", b"<svg", b"<?xml", b"<!--", b"\xFF\xD8"]
        {
            assert_eq!(check(bytes), Err(ImageError::UnknownFormat), "{bytes:?}");
        }
        assert_eq!(check(b""), Err(ImageError::Empty));
    }

    #[test]
    fn fifty_megabytes_are_refused_with_both_sizes_in_the_message() {
        let error = check(&vec![0xFF; 50 << 20]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the image has 52428800 bytes and at most 10485760 are allowed; use a smaller picture in the POS"
        );
    }

    #[test]
    fn the_limit_itself_is_allowed() {
        let rules = ImageRules::default().with_max_bytes(6);
        assert!(Image::check(Bytes::from_static(b"<svg/>"), &rules).is_ok());
        let too_large = Err(ImageError::TooLarge { bytes: 7, limit: 6 });
        assert_eq!(Image::check(Bytes::from_static(b"<svg/> "), &rules), too_large);
    }

    #[test]
    fn a_host_may_refuse_svg() {
        let rules = ImageRules::default().without_svg();
        let refused = Image::check(Bytes::from_static(b"<svg/>"), &rules);
        assert_eq!(refused, Err(ImageError::RefusedFormat(ImageKind::Svg)));
        assert!(Image::check(Bytes::from_static(b"GIF89a"), &rules).is_ok());
    }

    #[test]
    fn the_hash_is_the_sha_256_of_the_bytes() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(ContentHash::of(b"abc").to_string(), known);
        assert_eq!(known.to_uppercase().parse(), Ok(ContentHash::of(b"abc")));
        for wrong in ["", "ab", &known[1..], &known.replace('b', "g"), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<ContentHash>(), Err(InvalidHash), "{wrong}");
        }
    }

    #[test]
    fn debug_shows_no_bytes() {
        let image = Image::check(Bytes::from_static(b"<svg/>"), &ImageRules::default()).unwrap();
        assert_eq!(format!("{image:?}"), format!("Image({}, image/svg+xml, 6 bytes)", image.hash()));
    }

    proptest! {
        #[test]
        fn a_hash_survives_its_text(bytes: [u8; 32]) {
            let hash = ContentHash(bytes);
            prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        }

        #[test]
        fn looking_at_any_bytes_ends(
            mark in prop::sample::select(vec!["", "<!", "<!--", "<?", "<svg", "\u{FEFF}"]), bytes: Vec<u8>,
        ) {
            let _ = ImageKind::sniff(&[mark.as_bytes(), &bytes].concat());
        }
    }
}
