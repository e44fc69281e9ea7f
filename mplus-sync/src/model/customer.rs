//! Customers: the POS's relations, found or created when an order needs one.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CustomerId, PostalAddress, RelationNumber};

/// Who ordered, as far as the host knows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Customer {
    /// The host's identifier, sent to the POS as `extRelationId`.
    pub id: CustomerId,
    /// The full name.
    pub name: String,
    /// The e-mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The customer's own address; where an order goes is on the order.
    #[serde(default)]
    pub address: PostalAddress,
}

impl Customer {
    /// A customer of whom nothing but the name is known.
    pub fn new(id: impl Into<CustomerId>, name: impl Into<String>) -> Self {
        Self { id: id.into(), name: name.into(), email: None, phone: None, address: PostalAddress::default() }
    }
}

/// Shows the identifier alone: a person's name and address have no place in a log.
impl std::fmt::Debug for Customer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Customer").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Which relation a customer is at the POS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerLink {
    /// The host's customer.
    pub customer: CustomerId,
    /// The POS's relation.
    pub relation: RelationNumber,
    /// How the relation was found.
    pub found_by: RelationMatch,
    /// When.
    pub linked_at: DateTime<Utc>,
    /// What the relation was last told of the customer, as a hash: a change of the customer is told once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told: Option<String>,
}

/// How a customer's relation was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RelationMatch {
    /// By the host's identifier (`extRelationId`), exactly.
    ExternalId,
    /// By e-mail address, exactly.
    Email,
    /// By telephone number, exactly.
    Phone,
    /// It was created.
    Created,
}
