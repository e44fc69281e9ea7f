//! Connecting a merchant, taking the connection up again, and ending it.
//!
//! [`Integration::connect`](crate::Integration::connect) checks the credentials before anything is kept; they go to the
//! host's [`CredentialVault`](crate::store::CredentialVault) and nowhere else.

mod connector;
mod error;
mod host;

use std::sync::atomic::{AtomicBool, Ordering};

use mplus_qapi::branches::GetBranches;
use mplus_qapi::system::{GetApiVersion, GetApiVersionResponse};
use mplus_qapi::{Client, Endpoint};
use secrecy::ExposeSecret as _;

use crate::branches::Branches;
use crate::merchant::Merchant;
use crate::model::{Activity, ActivityLevel, Connection, ConnectionId, ConnectionStatus, Environment};
use crate::pos_call::pos_advice;
use crate::report::{RunOutcome, RunReport};
use crate::run::RunOptions;
use crate::store::{Credentials, StoreError, update_connection};

pub use connector::Connector;
#[cfg(feature = "https-no-tls")]
pub use connector::HttpsConnector;
pub use error::{ConnectError, OpenError};
pub use host::Host;

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

/// Checks the credentials, keeps them in the vault, and imports the branches.
pub(crate) async fn connect(
    host: &Host,
    new: NewConnection,
    credentials: Credentials,
) -> Result<(Merchant, RunReport), ConnectError> {
    let client = client(host, &new.host, new.port, &credentials).map_err(ConnectError::Address)?;
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
    let now = host.runtime().now();
    let known = host.store().connection(&new.id).await?;
    let mut connection = Connection::new(new.id.clone(), new.name, new.host, new.port, now);
    if let Some(known) = known {
        connection.connected_at = known.connected_at;
        connection.last_sync_at = known.last_sync_at;
        connection.revision = known.revision;
    }
    connection.environment = new.environment;
    connection.service_version = service_version(&version);
    host.store().save_connection(&connection).await?;
    let merchant = host.merchant(client, new.id, new.environment);
    let report = Branches::new(&merchant).import(&RunOptions::manual()).await;
    match report.outcome {
        RunOutcome::Failed { message, advice } => Err(ConnectError::Import { message, advice }),
        _ => Ok((merchant, report)),
    }
}

/// Takes up a connection that was made before.
pub(crate) async fn open(host: &Host, id: ConnectionId) -> Result<Merchant, OpenError> {
    let connection = host.store().connection(&id).await?;
    let credentials = host.vault.credentials(&id).await?;
    let (Some(connection), Some(credentials)) = (connection, credentials) else {
        return Err(OpenError::NotConnected(id));
    };
    if matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
        return Err(OpenError::NotConnected(id));
    }
    let client = client(host, &connection.host, connection.port, &credentials).map_err(OpenError::Address)?;
    Ok(host.merchant(client, id, connection.environment))
}

/// Asks the POS whether it still accepts the credentials, and keeps the answer.
pub(crate) async fn verify(merchant: &Merchant) -> Result<ConnectionStatus, StoreError> {
    let answer = merchant.client().call(GetApiVersion::default()).await;
    let now = merchant.runtime().now();
    let change = |connection: &mut Connection| {
        match &answer {
            Ok(version) => {
                let told = service_version(version);
                connection.service_version = told.or_else(|| connection.service_version.take());
                if !matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
                    connection.status = ConnectionStatus::Connected;
                }
            }
            Err(error) => {
                let message = format!("{error}. {}", pos_advice(error));
                connection.status = connection.status.failed(message, now);
            }
        }
        true
    };
    Ok(match update_connection(&**merchant.store(), merchant.connection(), &change).await? {
        Some(connection) => connection.status,
        None => ConnectionStatus::Disconnected { since: now },
    })
}

/// Disconnects the merchant: the credentials are forgotten, everything else is kept. Repeating it is safe.
pub(crate) async fn disconnect(host: &Host, merchant: &Merchant) -> Result<(), StoreError> {
    let now = merchant.runtime().now();
    host.vault.forget_credentials(merchant.connection()).await?;
    let was_connected = AtomicBool::new(false);
    let change = |connection: &mut Connection| {
        let is_connected = !matches!(connection.status, ConnectionStatus::Disconnected { .. });
        was_connected.store(is_connected, Ordering::Relaxed);
        if is_connected {
            connection.status = ConnectionStatus::Disconnected { since: now };
        }
        is_connected
    };
    update_connection(&**merchant.store(), merchant.connection(), &change).await?;
    if was_connected.into_inner() {
        let activity = Activity {
            at: now,
            level: ActivityLevel::Info,
            topic: "connection".to_owned(),
            message: "disconnected; nothing is synced until the merchant connects again".to_owned(),
            subject: None,
        };
        merchant.store().log(merchant.connection(), &[activity]).await?;
    }
    Ok(())
}

fn client(host: &Host, name: &str, port: u16, credentials: &Credentials) -> Result<Client, String> {
    let endpoint = Endpoint::new(name, port).map_err(|error| error.to_string())?;
    let credentials =
        mplus_qapi::Credentials::new(credentials.ident.as_str(), credentials.secret.expose_secret());
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
