//! Which relation each customer is.

use async_trait::async_trait;

use crate::model::{ConnectionId, CustomerId, CustomerLink};

use super::StoreError;

/// Keeps which relation of the POS each customer of the host is.
#[async_trait]
pub trait CustomerStore: Send + Sync {
    /// Reads a customer's link; none when no order of theirs was forwarded yet.
    async fn customer_link(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<Option<CustomerLink>, StoreError>;

    /// Keeps a link unless the customer has one, and answers with the one that is kept: the first stays.
    async fn link_customer(
        &self,
        connection: &ConnectionId,
        link: CustomerLink,
    ) -> Result<CustomerLink, StoreError>;

    /// Forgets a link, for a relation that is gone at the POS. An absent one is no error.
    async fn unlink_customer(
        &self,
        connection: &ConnectionId,
        customer: &CustomerId,
    ) -> Result<(), StoreError>;
}
