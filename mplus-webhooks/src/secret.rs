//! Texts that are never shown; the key that a subscription shares with the POS, and the signature made with it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// Bytes of a signature before base64.
const SIGNATURE_BYTES: usize = 32;
/// Characters of a signature in base64, padding included.
const SIGNATURE_CHARS: usize = 44;

/// A key or password. Printing it shows nothing of it, and its memory is wiped when it is dropped.
///
/// ```
/// use mplus_webhooks::Secret;
///
/// let key = Secret::from("sk_live_1");
/// assert_eq!(format!("{key:?}"), "Secret([REDACTED])");
/// assert_eq!(key.expose(), "sk_live_1");
/// ```
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The text itself, for whoever has to hand it on.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret([REDACTED])")
    }
}

/// A subscription's Secret Key: signs replies and checks requests with HMAC-SHA256.
///
/// The back office shows the key as base64 text; the bytes behind that text are the HMAC key.
/// Printing it shows nothing of the key.
///
/// ```
/// use mplus_webhooks::SubscriptionSecret;
///
/// let secret = SubscriptionSecret::from_base64(&"eFc5HrxwLbONJ+EYXrbHB+a9HueYIQzotgKRLRVAfx0=".into())?;
/// assert_eq!(secret.sign(b"test"), "EBFFIb5qPH/teEFmjtwcIj6h80cl+X1DUy62D46tnu8=");
/// # Ok::<(), mplus_webhooks::SecretError>(())
/// ```
#[derive(Clone)]
pub struct SubscriptionSecret {
    /// Keyed once; every signature starts from a copy.
    keyed: Hmac<Sha256>,
}

/// Why a text is no Secret Key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The text is not base64: probably not the Secret Key, or cut off while copying.
    #[error(
        "the subscription's secret is not base64 text; copy the Secret Key from the POS's webhook settings again"
    )]
    NotBase64,
    /// Nothing to sign with.
    #[error("the subscription's secret is empty")]
    Empty,
}

impl SubscriptionSecret {
    /// Reads the Secret Key as the back office shows it; surrounding white space is ignored.
    ///
    /// # Errors
    /// [`SecretError`] when the text is empty or not base64. A text that is no base64 is never used as the key itself.
    pub fn from_base64(text: &Secret) -> Result<Self, SecretError> {
        let key = STANDARD.decode(text.expose().trim()).map_err(|_| SecretError::NotBase64)?;
        Self::from_bytes(&key)
    }

    /// Takes the key's bytes.
    ///
    /// # Errors
    /// [`SecretError::Empty`] without any byte: anybody could sign with that.
    pub fn from_bytes(key: &[u8]) -> Result<Self, SecretError> {
        if key.is_empty() {
            return Err(SecretError::Empty);
        }
        // HMAC takes a key of any length, so the only failure is one that cannot occur.
        Ok(Self { keyed: Hmac::new_from_slice(key).map_err(|_| SecretError::Empty)? })
    }

    /// The value of `X-Mplus-Signature` for `body`: HMAC-SHA256 over the raw bytes, as padded base64.
    pub fn sign(&self, body: &[u8]) -> String {
        let mut mac = self.keyed.clone();
        mac.update(body);
        STANDARD.encode(mac.finalize().into_bytes())
    }

    /// Whether `signature` belongs to exactly these bytes. Takes the same time wherever they differ.
    pub fn verify(&self, body: &[u8], signature: &str) -> bool {
        SignatureBytes::decode(signature).is_some_and(|signature| self.verify_bytes(body, &signature))
    }

    pub(crate) fn verify_bytes(&self, body: &[u8], signature: &SignatureBytes) -> bool {
        let mut mac = self.keyed.clone();
        mac.update(body);
        mac.verify_slice(&signature.0).is_ok()
    }
}

impl fmt::Debug for SubscriptionSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SubscriptionSecret([REDACTED])")
    }
}

/// A signature of the right length, decoded.
#[derive(Debug, Clone, Hash)]
pub(crate) struct SignatureBytes([u8; SIGNATURE_BYTES]);

impl SignatureBytes {
    pub(crate) fn decode(text: &str) -> Option<Self> {
        if text.len() != SIGNATURE_CHARS {
            return None;
        }
        // base64 wants room for whole quanta before it looks at the padding.
        let mut bytes = [0; SIGNATURE_BYTES + 1];
        let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
        bytes.get(..length)?.try_into().ok().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "eFc5HrxwLbONJ+EYXrbHB+a9HueYIQzotgKRLRVAfx0=";

    fn secret() -> SubscriptionSecret {
        SubscriptionSecret::from_base64(&SECRET.into()).unwrap()
    }

    #[test]
    fn the_known_vector_holds_with_the_decoded_key() {
        assert_eq!(secret().sign(b"test"), "EBFFIb5qPH/teEFmjtwcIj6h80cl+X1DUy62D46tnu8=");
        assert!(secret().verify(b"test", "EBFFIb5qPH/teEFmjtwcIj6h80cl+X1DUy62D46tnu8="));
    }

    #[test]
    fn a_signature_made_with_the_secrets_text_as_key_is_refused() {
        assert!(!secret().verify(b"test", "pKDrmsKUDJ7QeDwyOMtUcEi9aBl+BTnzxYIHSqjbfk4="));
    }

    #[test]
    fn only_the_whole_canonical_signature_is_accepted() {
        let good = secret().sign(b"test");
        let unpadded = good.trim_end_matches('=').to_owned();
        let longer = format!("{good}=");
        let lower = good.to_lowercase();
        // The last character before the padding carries two unused bits: another spelling of the same bytes.
        let uncanonical = good.replace("u8=", "u9=");
        for bad in ["", "=", "v1,", " ", &good[..8], &unpadded, &longer, &lower, &uncanonical] {
            assert!(!secret().verify(b"test", bad), "{bad:?} was accepted");
        }
        assert!(!secret().verify(b"tesT", &good));
    }

    #[test]
    fn text_that_is_not_base64_is_no_secret() {
        assert_eq!(
            SubscriptionSecret::from_base64(&"my secret!".into()).unwrap_err(),
            SecretError::NotBase64
        );
        assert_eq!(SubscriptionSecret::from_base64(&"  ".into()).unwrap_err(), SecretError::Empty);
    }

    #[test]
    fn printing_a_secret_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", secret()), "SubscriptionSecret([REDACTED])");
    }
}
