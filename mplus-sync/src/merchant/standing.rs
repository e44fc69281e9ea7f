//! Whether anything of a merchant may be sent or written now, and with which credentials.
//!
//! A handle may live for weeks: a worker, an open page of a host's back office. Meanwhile the merchant disconnects, rests,
//! enters another password, moves to another POS or is removed. So each request of a handle asks the store first, and each
//! chunk that a run writes does, too.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use mplus_qapi::{Client, Gate, Passage};

use crate::model::{Connection, ConnectionId, ConnectionStatus, Revision};
use crate::store::{CredentialVault, Credentials, Store, StoreError, StoreErrorKind};

/// Nothing of a merchant may be sent or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoStanding {
    /// The merchant disconnected.
    #[error("connection {0} is not connected; connect the merchant first")]
    Disconnected(ConnectionId),
    /// The host has the connection rest.
    #[error("connection {0} is paused; resume it first")]
    Paused(ConnectionId),
    /// It was connected to another POS since the handle was made.
    #[error("connection {0} leads to another POS by now; open it again")]
    Moved(ConnectionId),
    /// The host's connector makes no client.
    #[error("host and port make no address: {0}")]
    Address(String),
    /// Nobody can tell.
    #[error("whether the merchant is connected could not be read: {0}")]
    Store(#[from] StoreError),
}

/// Whether a handle's connection still is what it was when the handle was made.
#[derive(Clone)]
pub(crate) struct Standing {
    store: Arc<dyn Store>,
    id: ConnectionId,
    /// The connection as it was when the handle was made; none for a service that a host made by hand, which may have no record.
    made_for: Option<Arc<Connection>>,
    vault: Option<Arc<dyn CredentialVault>>,
}

impl Standing {
    /// For a service made by hand: its record, if there is one, may forbid.
    pub(crate) fn by_hand(store: Arc<dyn Store>, id: ConnectionId) -> Self {
        Self { store, id, made_for: None, vault: None }
    }

    /// For a handle of a connection that was read or written just now.
    pub(crate) fn of(
        store: Arc<dyn Store>,
        vault: Arc<dyn CredentialVault>,
        connection: &Connection,
    ) -> Self {
        let made_for = Some(Arc::new(connection.clone()));
        Self { store, id: connection.id.clone(), made_for, vault: Some(vault) }
    }

    /// Whether the credentials are there and cannot be read: their key is gone, say.
    pub(crate) async fn is_unreadable(&self) -> bool {
        let Some(vault) = &self.vault else { return false };
        let is_corrupt = |error: StoreError| error.kind() == StoreErrorKind::Corrupt;
        let revision = vault.credentials_revision(&self.id).await;
        revision.is_err_and(is_corrupt) || vault.credentials(&self.id).await.is_err_and(is_corrupt)
    }

    /// Reads whether anything may be sent or written now.
    pub(crate) async fn check(&self) -> Result<(), NoStanding> {
        let id = || self.id.clone();
        match (self.store.connection(&self.id).await?, &self.made_for) {
            (None, None) => Ok(()),
            // The merchant was removed, everything of theirs.
            (None, Some(_)) => Err(NoStanding::Disconnected(id())),
            (Some(now), _) if matches!(now.status, ConnectionStatus::Disconnected { .. }) => {
                Err(NoStanding::Disconnected(id()))
            }
            (Some(now), _) if now.is_held() => Err(NoStanding::Paused(id())),
            (Some(now), Some(then)) if !now.leads_to_same_pos(then) => Err(NoStanding::Moved(id())),
            (Some(_), _) => Ok(()),
        }
    }
}

/// Makes the client of a connection of these credentials: what the host's connector does.
pub(crate) type MakeClient = dyn Fn(&Credentials) -> Result<Client, String> + Send + Sync;

/// Asked before each request of a merchant's handles.
pub(crate) struct ConnectionGate {
    standing: Standing,
    vault: Arc<dyn CredentialVault>,
    client: Box<MakeClient>,
    /// Which credentials the client has; none until the first request.
    used: Mutex<Option<Revision>>,
}

impl ConnectionGate {
    pub(crate) fn new(standing: Standing, vault: Arc<dyn CredentialVault>, client: Box<MakeClient>) -> Self {
        Self { standing, vault, client, used: Mutex::new(None) }
    }

    /// The credentials when they are others than the client has.
    async fn replaced(&self) -> Result<Option<mplus_qapi::Credentials>, NoStanding> {
        let id = &self.standing.id;
        // Before the credentials: those that are replaced in between are read twice, and never missed.
        let revision = self.vault.credentials_revision(id).await?;
        let gone = || NoStanding::Disconnected(id.clone());
        let revision = revision.ok_or_else(gone)?;
        if *self.used.lock().unwrap_or_else(PoisonError::into_inner) == Some(revision) {
            return Ok(None);
        }
        let kept = self.vault.credentials(id).await?.ok_or_else(gone)?;
        let client = (self.client)(&kept).map_err(NoStanding::Address)?;
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Some(revision);
        Ok(Some(client.credentials()))
    }
}

#[async_trait]
impl Gate for ConnectionGate {
    async fn pass(&self, _operation: &'static str) -> Passage {
        let checked = match self.standing.check().await {
            Ok(()) => self.replaced().await,
            Err(why) => Err(why),
        };
        match checked {
            Ok(None) => Passage::Open,
            Ok(Some(credentials)) => Passage::OpenWith(credentials),
            Err(why) => Passage::Held(why.to_string()),
        }
    }
}

impl fmt::Debug for ConnectionGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionGate").field("connection", &self.standing.id).finish_non_exhaustive()
    }
}
