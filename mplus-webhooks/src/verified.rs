//! Proof that a request came from the POS. Nothing behind this door takes anything else.

use std::sync::Arc;

use bytes::Bytes;

use crate::secret::{SignatureBytes, SubscriptionSecret};
use crate::subscription::Subscription;

/// A value whose signature was checked, and whose it was.
///
/// [`verify`] is the only way to get one.
#[derive(Debug, Clone)]
pub struct Verified<T> {
    value: T,
    subscription: Arc<Subscription>,
    secret: usize,
    signature: SignatureBytes,
}

impl<T> Verified<T> {
    /// What was signed.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Who signed it.
    pub fn subscription(&self) -> &Arc<Subscription> {
        &self.subscription
    }

    /// The key that it was signed with; the reply is signed with the same.
    pub fn secret(&self) -> Option<&SubscriptionSecret> {
        self.subscription.secrets.get(self.secret)
    }

    /// Its signature: the same for the same bytes alone.
    pub(crate) fn signature(&self) -> &SignatureBytes {
        &self.signature
    }
}

/// Checks the signature over the raw body against every key of every candidate.
///
/// Pass the bytes as they arrived: a body that was parsed and written again has another signature.
/// Of candidates with the same key an active one is taken. `None` when no key fits.
pub fn verify(body: Bytes, signature: &str, candidates: &[Arc<Subscription>]) -> Option<Verified<Bytes>> {
    let signature = SignatureBytes::decode(signature)?;
    let active = candidates.iter().filter(|subscription| subscription.active);
    let inactive = candidates.iter().filter(|subscription| !subscription.active);
    let (subscription, secret) = active.chain(inactive).find_map(|subscription| {
        let fits = |secret: &SubscriptionSecret| secret.verify_bytes(&body, &signature);
        Some((subscription.clone(), subscription.secrets.iter().position(fits)?))
    })?;
    Some(Verified { value: body, subscription, secret, signature })
}
