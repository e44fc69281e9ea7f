//! The administrator's password: stored as what PBKDF2 makes of it, by the crypto library of the tree.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};

/// As OWASP advises for PBKDF2 with SHA-256.
const ROUNDS: u32 = 600_000;
/// The fewest characters of a password.
pub(crate) const SHORTEST: usize = 8;
const KIND: &str = "password";
const ADMINISTRATOR: &str = "admin";

/// A password as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredPassword {
    rounds: u32,
    salt: String,
    derived: String,
}

impl StoredPassword {
    /// Derives what is stored. Takes long on purpose: call it where it may block.
    pub(crate) fn of(password: &SecretString) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let (mut salt, mut derived) = ([0; 16], [0; 32]);
        aws_lc_rs::rand::fill(&mut salt)?;
        let rounds = NonZeroU32::new(ROUNDS).ok_or(aws_lc_rs::error::Unspecified)?;
        pbkdf2::derive(PBKDF2_HMAC_SHA256, rounds, &salt, password.expose_secret().as_bytes(), &mut derived);
        Ok(Self { rounds: ROUNDS, salt: STANDARD.encode(salt), derived: STANDARD.encode(derived) })
    }

    /// The administrator's, as all processes on one database share it.
    pub(crate) async fn kept(records: &Records) -> Result<Option<Self>, RecordsError> {
        records.get(KIND, ADMINISTRATOR).await?.map(|record| record.read()).transpose()
    }

    /// Keeps it in place of the one before.
    pub(crate) async fn keep(&self, records: &Records) -> Result<(), RecordsError> {
        records.put(&Record::new(KIND, ADMINISTRATOR).with(self)?).await
    }

    /// Whether this is the password. Takes long on purpose, and as long whatever is wrong.
    pub(crate) fn is(&self, password: &str) -> bool {
        let (salt, derived) = (STANDARD.decode(&self.salt), STANDARD.decode(&self.derived));
        match (NonZeroU32::new(self.rounds), salt, derived) {
            (Some(rounds), Ok(salt), Ok(derived)) => {
                pbkdf2::verify(PBKDF2_HMAC_SHA256, rounds, &salt, password.as_bytes(), &derived).is_ok()
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_is_the_password_and_it_is_not_stored() {
        let stored = StoredPassword::of(&"correct horse".into()).unwrap();
        assert!(stored.is("correct horse"));
        assert!(!stored.is("correct Horse") && !stored.is(""));
        assert!(!serde_json::to_string(&stored).unwrap().contains("horse"));
    }
}
