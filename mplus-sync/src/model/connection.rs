//! A merchant's connection with the POS.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::ConnectionId;

/// A merchant's connection with the POS; one covers all branches. Credentials are kept elsewhere
/// ([`CredentialVault`](crate::store::CredentialVault)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Connection {
    /// The host's identifier.
    pub id: ConnectionId,
    /// The merchant, as people call it.
    pub name: String,
    /// The POS's host name, without port.
    pub host: String,
    /// The POS's port: every customer has their own.
    pub port: u16,
    /// Whether real guests are served.
    pub environment: Environment,
    /// How it is doing.
    pub status: ConnectionStatus,
    /// The service version that the POS last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_version: Option<String>,
    /// When it was made.
    pub connected_at: DateTime<Utc>,
    /// When a sync last ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_at: Option<DateTime<Utc>>,
}

impl Connection {
    /// A live connection that works.
    pub fn new(
        id: impl Into<ConnectionId>,
        name: impl Into<String>,
        host: impl Into<String>,
        port: u16,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            host: host.into(),
            port,
            environment: Environment::Live,
            status: ConnectionStatus::Connected,
            service_version: None,
            connected_at: now,
            last_sync_at: None,
        }
    }
}

/// Whether real guests are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Real guests, real money.
    Live,
    /// For trying things out; only here may an order skip the POS.
    Test,
}

/// How a connection is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ConnectionStatus {
    /// The last call worked.
    Connected,
    /// Calls fail.
    Failing {
        /// When the first of these failures was.
        since: DateTime<Utc>,
        /// The last failure, in a sentence.
        last_error: String,
    },
    /// The merchant disconnected; nothing runs, everything is kept.
    Disconnected {
        /// When.
        since: DateTime<Utc>,
    },
}

impl ConnectionStatus {
    /// The status after a failed call: the start of an ongoing failure is kept, a disconnected one stays so.
    pub fn failed(&self, error: impl Into<String>, now: DateTime<Utc>) -> Self {
        match self {
            Self::Connected => Self::Failing { since: now, last_error: error.into() },
            Self::Failing { since, .. } => Self::Failing { since: *since, last_error: error.into() },
            Self::Disconnected { since } => Self::Disconnected { since: *since },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_connection_keeps_when_it_began_to_fail() {
        let first = DateTime::UNIX_EPOCH;
        let later = first + chrono::TimeDelta::minutes(5);
        let status = ConnectionStatus::Connected.failed("refused", first).failed("timed out", later);
        assert_eq!(status, ConnectionStatus::Failing { since: first, last_error: "timed out".into() });
    }

    #[test]
    fn a_failure_does_not_revive_a_disconnected_connection() {
        let status = ConnectionStatus::Disconnected { since: DateTime::UNIX_EPOCH };
        assert_eq!(status.failed("refused", DateTime::UNIX_EPOCH), status);
    }
}
