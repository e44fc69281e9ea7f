//! What keeps strangers out and secrets secret.

pub(crate) mod guard;
pub(crate) mod headers;
pub(crate) mod key_ring;
pub(crate) mod password;
pub(crate) mod session;
pub(crate) mod throttle;
pub(crate) mod vault;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Random bytes as text for a URL or a cookie.
pub(crate) fn random_text<const BYTES: usize>() -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; BYTES];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
