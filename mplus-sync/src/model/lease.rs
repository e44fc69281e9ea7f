//! The right to work alone for a while.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use super::{ConnectionId, CustomerId, WorkerId};

/// What a lease is on, within a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseName(Cow<'static, str>);

impl LeaseName {
    /// A sync run: at most one per connection at a time.
    pub const RUN: Self = Self(Cow::Borrowed("run"));

    /// Finding or creating one customer's relation.
    pub fn customer(customer: &CustomerId) -> Self {
        Self(Cow::Owned(format!("customer-{customer}")))
    }

    /// Anything else.
    pub fn named(name: impl Into<String>) -> Self {
        Self(Cow::Owned(name.into()))
    }

    /// The name under which the lease is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A lease that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Within which connection.
    pub connection: ConnectionId,
    /// On what.
    pub name: LeaseName,
    /// Who holds it.
    pub holder: WorkerId,
    /// Until when, unless it is renewed.
    pub until: DateTime<Utc>,
    /// Grows with every grant, so that a holder who overslept is told apart from the next one.
    pub token: i64,
}
