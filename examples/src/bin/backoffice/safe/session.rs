//! Who is signed in: a random token in a cookie, its hash in the database.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};

use super::key_ring::KeyRing;
use crate::records::{Record, Records, RecordsError};

/// How long somebody stays signed in.
pub(crate) const LASTS: TimeDelta = TimeDelta::hours(12);
const KIND: &str = "session";

/// Signs in whoever has this token.
pub(crate) async fn begin(records: &Records, token: &str, now: DateTime<Utc>) -> Result<(), RecordsError> {
    records.prune(KIND, now.timestamp()).await?;
    let session = Record::new(KIND, hash(token)).at((now + LASTS).timestamp());
    records.put(&Record { body: "{}".to_owned(), ..session }).await
}

/// Whether whoever has this token is signed in.
pub(crate) async fn is_signed_in(
    records: &Records,
    token: &str,
    now: DateTime<Utc>,
) -> Result<bool, RecordsError> {
    let found = records.get(KIND, &hash(token)).await?;
    Ok(found.is_some_and(|session| session.position > now.timestamp()))
}

/// Signs out.
pub(crate) async fn end(records: &Records, token: &str) -> Result<(), RecordsError> {
    records.remove(KIND, &hash(token)).await
}

/// Signs out everybody: the password was changed.
pub(crate) async fn end_all(records: &Records) -> Result<(), RecordsError> {
    records.prune(KIND, i64::MAX).await.map(drop)
}

/// What a form has to bring along that belongs to the visit of this token.
pub(crate) fn form_token(keys: &KeyRing, token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &keys.tokens);
    URL_SAFE_NO_PAD.encode(hmac::sign(&key, token.as_bytes()))
}

/// Whether a form brought along what belongs to the visit of this token. Takes as long whatever is wrong.
pub(crate) fn is_form_token(keys: &KeyRing, token: &str, brought: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &keys.tokens);
    let brought = URL_SAFE_NO_PAD.decode(brought).unwrap_or_default();
    hmac::verify(&key, token.as_bytes(), &brought).is_ok()
}

fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_token_belongs_to_one_visit() {
        let keys = KeyRing::forgetful().unwrap();
        let token = form_token(&keys, "one");
        assert!(is_form_token(&keys, "one", &token));
        assert!(!is_form_token(&keys, "two", &token));
        assert!(!is_form_token(&KeyRing::forgetful().unwrap(), "one", &token));
        assert!(!is_form_token(&keys, "one", "") && !is_form_token(&keys, "one", "?"));
    }
}
