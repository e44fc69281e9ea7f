//! A merchant's connection with the POS.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{ConnectionId, Newer, Revision};

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
    /// What tells the POS's database from another one at the same address, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pos_identity: Option<PosIdentity>,
    /// Whether real guests are served.
    pub environment: Environment,
    /// How it is doing.
    pub status: ConnectionStatus,
    /// Since when the host has it rest: nothing of it is run or sent, everything is kept, credentials included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<DateTime<Utc>>,
    /// Another database that answered at the address, for which the connection rests until a person decides: connecting again
    /// starts anew, resuming takes it for the same POS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_pos: Option<PosIdentity>,
    /// Operations that this POS does not know, by their names: learnt once, done without afterwards.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub lacking: BTreeSet<String>,
    /// The service version that the POS last reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_version: Option<String>,
    /// When it was made.
    pub connected_at: DateTime<Utc>,
    /// When a sync last ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sync_at: Option<DateTime<Utc>>,
    /// When a sync of the menu last did: whoever takes a run over from a process that was lost need not sync it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_menu_at: Option<DateTime<Utc>>,
    /// The POS that the merchant had before this one: what was ordered of its menu never goes to this one by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub former_pos: Option<FormerPos>,
    /// The revision that was read; a write is refused when the stored one has moved on.
    #[serde(skip)]
    pub revision: Revision,
    /// What a newer release wrote and this one does not know: kept when the record is written again.
    #[serde(skip)]
    pub(crate) newer: Option<Newer>,
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
            pos_identity: None,
            environment: Environment::Live,
            status: ConnectionStatus::Connected,
            paused: None,
            other_pos: None,
            lacking: BTreeSet::new(),
            service_version: None,
            connected_at: now,
            last_sync_at: None,
            last_menu_at: None,
            former_pos: None,
            revision: Revision::NEW,
            newer: None,
        }
    }

    /// Whether nothing of it may be run or sent: it is paused, or the merchant disconnected.
    pub fn is_held(&self) -> bool {
        self.paused.is_some() || matches!(self.status, ConnectionStatus::Disconnected { .. })
    }

    /// Whether its POS fails: it cannot be reached, or refuses.
    pub fn is_failing(&self) -> bool {
        matches!(self.status, ConnectionStatus::Failing { .. })
    }

    /// Ends its rest: another database that it rested for is taken for the same POS from now on. False when it did not rest.
    pub(crate) fn end_rest(&mut self) -> bool {
        if let Some(found) = self.other_pos.take() {
            self.pos_identity = Some(found);
            self.status = ConnectionStatus::Connected;
        }
        self.paused.take().is_some()
    }

    /// The POS that an order was meant for which was queued at this time, when it is not the one that the connection leads to now.
    pub fn meant_for_former_pos(&self, queued_at: DateTime<Utc>) -> Option<&FormerPos> {
        self.former_pos.as_ref().filter(|former| queued_at <= former.until)
    }

    /// Whether another connection leads to the same POS, as far as both say: a connection that leads to another one has
    /// to start anew.
    pub fn leads_to_same_pos(&self, other: &Self) -> bool {
        let same_database = match (&self.pos_identity, &other.pos_identity) {
            (Some(one), Some(two)) => one.is_same_as(two),
            _ => true,
        };
        self.host.eq_ignore_ascii_case(&other.host) && self.port == other.port && same_database
    }
}

/// A POS that a merchant had before another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FormerPos {
    /// Its address, and its licence as far as it was known; for a person.
    pub place: String,
    /// Until when orders were meant for it: until the menu of the POS that took its place was read for the first time.
    pub until: DateTime<Utc>,
}

impl FormerPos {
    /// A POS that was left at this time.
    pub fn new(place: impl Into<String>, until: DateTime<Utc>) -> Self {
        Self { place: place.into(), until }
    }
}

/// What tells a POS's database from another one behind the same address: whose licence it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PosIdentity {
    /// The licence key, as far as the POS shows it (`obscuredLicenseKey` of `getLicenseInformation`).
    pub licence: String,
    /// Whose licence it is (`companyName`), when the POS says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
}

impl PosIdentity {
    /// A licence of an unknown company.
    pub fn new(licence: impl Into<String>) -> Self {
        Self { licence: licence.into(), company: None }
    }

    /// The same with the company whose licence it is.
    #[must_use]
    pub fn of_company(self, company: impl Into<String>) -> Self {
        Self { company: Some(company.into()), ..self }
    }

    /// The same with the company that was known, where the POS does not name it any more: a later one is compared with it.
    pub(crate) fn completed_by(self, known: Option<&Self>) -> Self {
        let company = self.company.or_else(|| known?.company.clone());
        Self { company, ..self }
    }

    /// Whether both are the same database, as far as they say: another one has another licence, and names another company. A
    /// licence that was renewed is still the same company's, and one that names none says nothing.
    pub fn is_same_as(&self, other: &Self) -> bool {
        let other_company = match (&self.company, &other.company) {
            (Some(one), Some(two)) => one.trim().to_lowercase() != two.trim().to_lowercase(),
            _ => false,
        };
        self.licence == other.licence || !other_company
    }
}

impl fmt::Display for PosIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.company {
            Some(company) => write!(f, "licence {} of {company}", self.licence),
            None => write!(f, "licence {}", self.licence),
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
    fn another_licence_of_another_company_is_another_pos_and_a_renewed_one_is_not() {
        let at = |identity: Option<PosIdentity>| {
            let mut connection = Connection::new("c", "C", "api.mpluskassa.nl", 34_562, DateTime::UNIX_EPOCH);
            connection.pos_identity = identity;
            connection
        };
        let lion = || PosIdentity::new("****-1111").of_company("De Gouden Leeuw B.V.");
        let same = |other: Option<PosIdentity>| at(Some(lion())).leads_to_same_pos(&at(other));
        assert!(same(Some(lion())) && same(None));
        assert!(same(Some(PosIdentity::new("****-1111").of_company("De Leeuw Holding"))));
        assert!(same(Some(PosIdentity::new("****-2222").of_company("de gouden leeuw b.v. "))));
        assert!(!same(Some(PosIdentity::new("****-2222").of_company("De Beer"))));
        assert!(same(Some(PosIdentity::new("****-2222"))), "it was renewed, for all that is known");
    }

    #[test]
    fn a_failure_does_not_revive_a_disconnected_connection() {
        let status = ConnectionStatus::Disconnected { since: DateTime::UNIX_EPOCH };
        assert_eq!(status.failed("refused", DateTime::UNIX_EPOCH), status);
    }
}
