//! The merchants' credentials, sealed.

use async_trait::async_trait;
use mplus_sync::model::{ConnectionId, Revision};
use mplus_sync::store::{CredentialVault, Credentials, StoreError, StoreErrorKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::key_ring::KeyRing;
use crate::records::{Record, Records};

const KIND: &str = "credentials";

/// Keeps credentials in the records, sealed for their connection.
///
/// What was forgotten leaves an empty record, so that no revision ever comes twice.
#[derive(Clone)]
pub(crate) struct SealedVault {
    records: Records,
    keys: Arc<KeyRing>,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    ident: String,
    secret: String,
}

impl SealedVault {
    pub(crate) fn new(records: Records, keys: Arc<KeyRing>) -> Self {
        Self { records, keys }
    }

    /// Seals anew what an older key sealed; counts it.
    pub(crate) async fn rotate(&self) -> Result<usize, StoreError> {
        let mut rotated = 0;
        for record in self.records.due(KIND, i64::MAX, usize::MAX >> 1).await.map_err(failed("read"))? {
            if record.body.is_empty() || self.keys.is_newest(&record.body) {
                continue;
            }
            let text = self.keys.open(&place(&record.id), &record.body).map_err(failed("open"))?;
            let body = self.keys.seal(&place(&record.id), &text).map_err(failed("seal"))?;
            // Somebody who wrote them meanwhile sealed them with the newest key.
            self.records.replace(&Record { body, ..record }).await.map_err(failed("write"))?;
            rotated += 1;
        }
        Ok(rotated)
    }

    async fn write(&self, connection: &ConnectionId, body: String) -> Result<(), StoreError> {
        let record = Record { body, ..Record::new(KIND, connection.as_str()) };
        self.records.put(&record).await.map_err(failed("write"))
    }
}

fn place(connection: &str) -> String {
    format!("{KIND}/{connection}")
}

fn failed<E: std::error::Error + Send + Sync + 'static>(action: &'static str) -> impl Fn(E) -> StoreError {
    move |error| {
        StoreError::new(StoreErrorKind::Unavailable, format!("{action} credentials")).with_source(error)
    }
}

#[async_trait]
impl CredentialVault for SealedVault {
    async fn save_credentials(
        &self,
        connection: &ConnectionId,
        credentials: Credentials,
    ) -> Result<(), StoreError> {
        let plain = Plain { ident: credentials.ident, secret: credentials.secret.expose().to_owned() };
        let text = serde_json::to_string(&plain).map_err(failed("write"))?;
        let sealed = self.keys.seal(&place(connection.as_str()), &text).map_err(failed("seal"))?;
        self.write(connection, sealed).await
    }

    async fn credentials(&self, connection: &ConnectionId) -> Result<Option<Credentials>, StoreError> {
        let found = self.records.get(KIND, connection.as_str()).await.map_err(failed("read"))?;
        let Some(record) = found.filter(|record| !record.body.is_empty()) else { return Ok(None) };
        let text = self.keys.open(&place(connection.as_str()), &record.body).map_err(failed("open"))?;
        let plain: Plain = serde_json::from_str(&text).map_err(failed("read"))?;
        Ok(Some(Credentials { ident: plain.ident, secret: plain.secret.into() }))
    }

    async fn credentials_revision(&self, connection: &ConnectionId) -> Result<Option<Revision>, StoreError> {
        let found = self.records.get(KIND, connection.as_str()).await.map_err(failed("read"))?;
        Ok(found.filter(|record| !record.body.is_empty()).map(|record| Revision::new(record.revision)))
    }

    async fn forget_credentials(&self, connection: &ConnectionId) -> Result<(), StoreError> {
        match self.credentials_revision(connection).await? {
            Some(_) => self.write(connection, String::new()).await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Sqlite;

    #[tokio::test]
    async fn credentials_are_sealed_in_the_file_and_no_revision_comes_twice() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("records.sqlite");
        let records = Records::open(Sqlite::open(&file).unwrap()).await.unwrap();
        let vault = SealedVault::new(records.clone(), Arc::new(KeyRing::forgetful().unwrap()));
        let id = ConnectionId::from("bistro");
        let entered = || Credentials { ident: "chef".into(), secret: "hunter2".into() };
        vault.save_credentials(&id, entered()).await.unwrap();
        let first = vault.credentials_revision(&id).await.unwrap();
        let read = vault.credentials(&id).await.unwrap().unwrap();
        assert_eq!((read.ident.as_str(), read.secret.expose()), ("chef", "hunter2"));
        let stored = records.get(KIND, "bistro").await.unwrap().unwrap();
        assert!(!stored.body.contains("hunter2") && !stored.body.contains("chef"));

        vault.forget_credentials(&id).await.unwrap();
        assert!(vault.credentials(&id).await.unwrap().is_none());
        assert_eq!(vault.credentials_revision(&id).await.unwrap(), None);
        vault.save_credentials(&id, entered()).await.unwrap();
        assert_ne!(vault.credentials_revision(&id).await.unwrap(), first);
    }

    #[tokio::test]
    async fn rotating_seals_everything_with_the_new_key() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(Sqlite::open(&folder.path().join("r")).unwrap()).await.unwrap();
        let (old, new) =
            ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "HxDdDBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=");
        let vault = |keys: &str| SealedVault::new(records.clone(), Arc::new(KeyRing::read(keys).unwrap()));
        let id = ConnectionId::from("bistro");
        let entered = Credentials { ident: "chef".into(), secret: "hunter2".into() };
        vault(old).save_credentials(&id, entered).await.unwrap();
        let both = vault(&format!("{new},{old}"));
        assert_eq!(both.rotate().await.unwrap(), 1);
        assert_eq!(both.rotate().await.unwrap(), 0);
        assert_eq!(vault(new).credentials(&id).await.unwrap().unwrap().ident, "chef");
    }
}
