//! Connecting a merchant, and how the connection is doing.
//!
//! [`Integration::connect`] checks the credentials before anything is kept; they go to the host's
//! [`CredentialVault`](crate::store::CredentialVault) and nowhere else.

mod status;

use mplus_qapi::branches::GetBranches;
use mplus_qapi::system::{GetApiVersion, GetApiVersionResponse};
use mplus_qapi::{Client, Endpoint};

use crate::error::pos_advice;
use crate::integration::{Host, Integration};
use crate::model::{Activity, ActivityLevel, Connection, ConnectionId, ConnectionStatus, Environment};
use crate::report::{RunOutcome, RunReport};
use crate::store::{Credentials, StoreError};
use crate::sync::{RunOptions, Step, run};

pub(crate) use status::{Watch, note_run};

/// Makes the client of a connection.
///
/// Any function will do; tests give one that answers with a test POS's client. [`HttpsConnector`] is the real one.
pub trait Connector: Send + Sync {
    /// A client for this endpoint and these credentials. Nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with host or port, without any credentials in it.
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String>;
}

impl<F> Connector for F
where
    F: Fn(Endpoint, mplus_qapi::Credentials) -> Result<Client, String> + Send + Sync,
{
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String> {
        self(endpoint, credentials)
    }
}

/// Reaches the POS over HTTPS.
#[cfg(feature = "https")]
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpsConnector;

#[cfg(feature = "https")]
impl Connector for HttpsConnector {
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String> {
        Client::connect(endpoint, credentials).map_err(|error| error.to_string())
    }
}

/// A merchant who connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConnection {
    /// The host's identifier of the connection.
    pub id: ConnectionId,
    /// The merchant, as people call it.
    pub name: String,
    /// The POS's host name; `api.mpluskassa.nl` for most.
    pub host: String,
    /// The POS's port: every customer has their own.
    pub port: u16,
    /// Whether real guests are served.
    pub environment: Environment,
}

/// A merchant could not be connected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The POS does not accept username or password.
    #[error("the POS refused the username or the password; check both and connect again ({0})")]
    Refused(mplus_qapi::Error),
    /// The POS did not answer as it should.
    #[error("the POS could not be asked: {error}; {advice}", advice = pos_advice(.error))]
    Pos {
        /// What happened.
        error: mplus_qapi::Error,
    },
    /// The POS speaks a protocol that this library does not.
    #[error("the POS speaks protocol {0}, and only 0.9.9 to 1.x are known; update this library or the POS")]
    Protocol(String),
    /// Host or port cannot be right.
    #[error("host and port make no address: {0}")]
    Address(String),
    /// The host's store or vault failed. The credentials may have been kept; connecting again is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The branches could not be imported. The connection is kept; a sync imports them.
    #[error("connected, but the branches were not imported: {message}. {advice}")]
    Import {
        /// What went wrong.
        message: String,
        /// What to do.
        advice: String,
    },
}

/// A connection could not be taken up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is none, or the merchant disconnected.
    #[error("connection {0} is not connected; connect the merchant first")]
    NotConnected(ConnectionId),
    /// Host or port cannot be right.
    #[error("host and port make no address: {0}")]
    Address(String),
    /// The host's store or vault failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) async fn connect(
    host: Host,
    new: NewConnection,
    credentials: Credentials,
) -> Result<(Integration, RunReport), ConnectError> {
    let client = client(&host, &new.host, new.port, &credentials).map_err(ConnectError::Address)?;
    let failed = |error: mplus_qapi::Error| match error.is_authentication() {
        true => ConnectError::Refused(error),
        false => ConnectError::Pos { error },
    };
    let version = client.call(GetApiVersion::default()).await.map_err(failed)?;
    if !is_known(&version) {
        return Err(ConnectError::Protocol(protocol(&version)));
    }
    // Whether a POS looks at the credentials before it tells its version is not known; before it tells data it does.
    client.call(GetBranches::default()).await.map_err(failed)?;
    host.vault.save_credentials(&new.id, credentials).await?;
    let now = host.runtime.now();
    let known = host.store.connection(&new.id).await?;
    let mut connection = Connection::new(new.id.clone(), new.name, new.host, new.port, now);
    if let Some(known) = known {
        connection.connected_at = known.connected_at;
        connection.last_sync_at = known.last_sync_at;
    }
    connection.environment = new.environment;
    connection.service_version = service_version(&version);
    host.store.save_connection(&connection).await?;
    let integration = Integration::new(host, new.id, client, new.environment);
    let report = run(&integration, "branches", &[Step::Branches], &RunOptions::manual()).await;
    match report.outcome {
        RunOutcome::Failed { message, advice } => Err(ConnectError::Import { message, advice }),
        _ => Ok((integration, report)),
    }
}

pub(crate) async fn open(host: Host, id: ConnectionId) -> Result<Integration, OpenError> {
    let connection = host.store.connection(&id).await?;
    let credentials = host.vault.credentials(&id).await?;
    let (Some(connection), Some(credentials)) = (connection, credentials) else {
        return Err(OpenError::NotConnected(id));
    };
    if matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
        return Err(OpenError::NotConnected(id));
    }
    let client =
        client(&host, &connection.host, connection.port, &credentials).map_err(OpenError::Address)?;
    Ok(Integration::new(host, id, client, connection.environment))
}

impl Integration {
    /// How the connection is doing: connected or failing since when, the last error, the last sync.
    pub async fn status(&self) -> Result<Option<Connection>, StoreError> {
        self.store().connection(self.connection_id()).await
    }

    /// Asks the POS whether it still accepts the credentials, and keeps the answer.
    pub async fn verify(&self) -> Result<ConnectionStatus, StoreError> {
        let answer = self.client().call(GetApiVersion::default()).await;
        let now = self.runtime().now();
        let Some(mut connection) = self.store().connection(self.connection_id()).await? else {
            return Ok(ConnectionStatus::Disconnected { since: now });
        };
        match answer {
            Ok(version) => {
                connection.service_version = service_version(&version).or(connection.service_version);
                if !matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
                    connection.status = ConnectionStatus::Connected;
                }
            }
            Err(error) => {
                let message = format!("{error}. {}", pos_advice(&error));
                connection.status = connection.status.failed(message, now);
            }
        }
        self.store().save_connection(&connection).await?;
        Ok(connection.status)
    }

    /// Disconnects the merchant: the credentials are forgotten, everything else is kept. Repeating it is safe.
    pub async fn disconnect(&self) -> Result<(), StoreError> {
        let now = self.runtime().now();
        self.host().vault.forget_credentials(self.connection_id()).await?;
        if let Some(mut connection) = self.store().connection(self.connection_id()).await?
            && !matches!(connection.status, ConnectionStatus::Disconnected { .. })
        {
            connection.status = ConnectionStatus::Disconnected { since: now };
            self.store().save_connection(&connection).await?;
            let activity = Activity {
                at: now,
                level: ActivityLevel::Info,
                topic: "connection".to_owned(),
                message: "disconnected; nothing is synced until the merchant connects again".to_owned(),
                subject: None,
            };
            self.store().log(self.connection_id(), &[activity]).await?;
        }
        Ok(())
    }
}

fn client(host: &Host, name: &str, port: u16, credentials: &Credentials) -> Result<Client, String> {
    let endpoint = Endpoint::new(name, port).map_err(|error| error.to_string())?;
    let credentials = mplus_qapi::Credentials::new(credentials.ident.clone(), credentials.secret.clone());
    host.connector.client(endpoint, credentials)
}

/// Protocol 0.9.9 to 1.x: within a major number nothing is removed.
fn is_known(version: &GetApiVersionResponse) -> bool {
    let protocol = (version.major_number, version.minor_number, version.revision_number);
    ((0, 9, 9)..(2, 0, 0)).contains(&protocol)
}

fn protocol(version: &GetApiVersionResponse) -> String {
    format!("{}.{}.{}", version.major_number, version.minor_number, version.revision_number)
}

fn service_version(version: &GetApiVersionResponse) -> Option<String> {
    let numbers =
        (version.service_major_number?, version.service_minor_number?, version.service_revision_number?);
    Some(format!("{}.{}.{}", numbers.0, numbers.1, numbers.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_of_the_known_major_number_are_accepted() {
        let version = |major_number, minor_number, revision_number| GetApiVersionResponse {
            major_number,
            minor_number,
            revision_number,
            ..GetApiVersionResponse::default()
        };
        for known in [version(0, 9, 9), version(1, 0, 0), version(1, 7, 3)] {
            assert!(is_known(&known));
        }
        for unknown in [version(0, 9, 8), version(2, 0, 0), version(0, 0, 0)] {
            assert!(!is_known(&unknown));
        }
    }
}
