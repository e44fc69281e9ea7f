//! Fingerprints of certificates.

use std::str::FromStr;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;

/// The fingerprint of a certificate: the SHA-1 or SHA-256 of its DER form.
///
/// Read from hexadecimal digits, 40 or 64 of them; spaces, colons and case do not matter:
///
/// ```
/// use mplus_qapi::transport::Fingerprint;
///
/// let shown: Fingerprint = "DA:39:A3:EE 5E:6B:4B:0D 32:55:BF:EF 95:60:18:90 AF:D8:07:09".parse()?;
/// assert_eq!(shown, "da39a3ee5e6b4b0d3255bfef95601890afd80709".parse()?);
/// # Ok::<(), mplus_qapi::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fingerprint {
    /// SHA-1, as the supplier's partner page shows it. Finding another certificate with a given SHA-1 is still out of
    /// reach; making a pair with the same one is not, so prefer SHA-256 where there is a choice.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
}

/// A text is not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint has 40 (SHA-1) or 64 (SHA-256) hexadecimal digits")]
pub struct FingerprintError;

impl Fingerprint {
    /// Whether it is the fingerprint of this certificate (DER).
    pub fn matches(&self, certificate: &[u8]) -> bool {
        match self {
            Self::Sha1(digest) => Sha1::digest(certificate)[..] == digest[..],
            Self::Sha256(digest) => Sha256::digest(certificate)[..] == digest[..],
        }
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.chars().filter(|character| !character.is_whitespace() && *character != ':');
        let digits: Option<Vec<u8>> =
            digits.map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
        let digits = digits.filter(|digits| digits.len() % 2 == 0).ok_or(FingerprintError)?;
        let bytes: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        if let Ok(digest) = bytes.as_slice().try_into() {
            return Ok(Self::Sha1(digest));
        }
        bytes.as_slice().try_into().map(Self::Sha256).map_err(|_| FingerprintError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of no bytes at all.
    const SHA_256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_fingerprint_is_read_however_it_is_shown_and_matches_its_bytes_alone() {
        let spaced: String = SHA_256
            .to_uppercase()
            .as_bytes()
            .chunks(2)
            .map(|pair| format!("{}:", String::from_utf8_lossy(pair)))
            .collect();
        let fingerprint: Fingerprint = spaced.parse().expect("valid");
        assert_eq!(Ok(fingerprint), SHA_256.parse());
        assert!(fingerprint.matches(b"") && !fingerprint.matches(b"x"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "00", &SHA_256[1..], &SHA_256[..38], &SHA_256.replace('e', "g"), &SHA_256.replace('e', "é")]
        {
            assert_eq!(text.parse::<Fingerprint>(), Err(FingerprintError), "{text}");
        }
    }
}
