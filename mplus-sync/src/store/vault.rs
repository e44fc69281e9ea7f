//! Credentials, which only the host keeps.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use mplus_qapi::Secret;

use crate::model::{ConnectionId, Revision};

use super::StoreError;

/// What a merchant enters to connect: the guide's user name and password.
#[derive(Clone)]
pub struct Credentials {
    /// The user name (`ident`).
    pub ident: String,
    /// The password (`secret`).
    pub secret: Secret,
}

/// Shows neither value.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// Keeps credentials, encrypted, where the host keeps its secrets.
///
/// No store in the box implements it for a database: a library cannot know where a host's keys are.
#[async_trait]
pub trait CredentialVault: Send + Sync {
    /// Keeps a connection's credentials in place of earlier ones.
    async fn save_credentials(
        &self,
        connection: &ConnectionId,
        credentials: Credentials,
    ) -> Result<(), StoreError>;

    /// Reads a connection's credentials; none after it was disconnected.
    async fn credentials(&self, connection: &ConnectionId) -> Result<Option<Credentials>, StoreError>;

    /// A number that is another one after each replacement of a connection's credentials, so that whoever holds a client
    /// notices; none after it was disconnected. Read it before the credentials, never after them.
    async fn credentials_revision(&self, connection: &ConnectionId) -> Result<Option<Revision>, StoreError>;

    /// Forgets a connection's credentials. Absent ones are no error.
    async fn forget_credentials(&self, connection: &ConnectionId) -> Result<(), StoreError>;
}

/// A vault that forgets everything when the process ends: for tests and examples.
#[derive(Debug, Default)]
pub struct MemoryVault(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    credentials: BTreeMap<ConnectionId, (Credentials, Revision)>,
    last: Revision,
}

impl MemoryVault {
    /// An empty vault.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl CredentialVault for MemoryVault {
    async fn save_credentials(
        &self,
        connection: &ConnectionId,
        credentials: Credentials,
    ) -> Result<(), StoreError> {
        let mut kept = self.lock();
        kept.last = kept.last.next();
        let revision = kept.last;
        kept.credentials.insert(connection.clone(), (credentials, revision));
        Ok(())
    }

    async fn credentials(&self, connection: &ConnectionId) -> Result<Option<Credentials>, StoreError> {
        Ok(self.lock().credentials.get(connection).map(|(credentials, _)| credentials.clone()))
    }

    async fn credentials_revision(&self, connection: &ConnectionId) -> Result<Option<Revision>, StoreError> {
        Ok(self.lock().credentials.get(connection).map(|(_, revision)| *revision))
    }

    async fn forget_credentials(&self, connection: &ConnectionId) -> Result<(), StoreError> {
        self.lock().credentials.remove(connection);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_show_in_debug_output() {
        let credentials = Credentials { ident: "resto".into(), secret: "hunter2".into() };
        let shown = format!("{credentials:?}");
        assert!(!shown.contains("resto") && !shown.contains("hunter2"), "{shown}");
    }
}
