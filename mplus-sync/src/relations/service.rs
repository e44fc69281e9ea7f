//! Finds a customer's relation, or creates it, once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use mplus_qapi::RetryPolicy;
use mplus_qapi::relations::{
    CreateRelation, CreateRelationResult, FindRelation, FindRelationResult, FindRelationV2Request,
    GetRelation, GetRelationResult,
};
use mplus_qapi::types::Relation;

use crate::merchant::Merchant;
use crate::model::{Customer, CustomerLink, Holder, Lease, LeaseName, RelationMatch, RelationNumber};
use crate::pos_call::is_unknown_operation;

use super::RelationError;
use super::compare::{Key, new_relation};

/// How long a worker may take to find or create a relation before another one does.
const LEASE: TimeDelta = TimeDelta::minutes(3);
/// How long each call may take; all calls together fit into the lease.
const CALL: Duration = Duration::from_secs(20);
/// How long to wait for another worker, and how often to look.
const PAUSE: Duration = Duration::from_millis(250);
const LOOKS: u32 = 40;

/// Finds or creates the relations of customers.
///
/// A relation is found by the host's identifier, e-mail address or telephone number, exactly; it is created when there is
/// none, and remembered in the store. Workers that need the same customer at once end with one relation: the first one
/// holds a lease while it looks.
pub struct RelationService {
    merchant: Merchant,
    looks: AtomicU64,
}

impl fmt::Debug for RelationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelationService").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}

impl RelationService {
    /// The service of this merchant.
    pub fn new(merchant: &Merchant) -> Self {
        Self { merchant: merchant.clone(), looks: AtomicU64::new(0) }
    }

    /// The relation of a customer: remembered, found or created.
    ///
    /// # Errors
    /// [`RelationError`]; asking again later is always safe.
    pub async fn relation_of(&self, customer: &Customer) -> Result<RelationNumber, RelationError> {
        let name = LeaseName::customer(&customer.id);
        for _ in 0..LOOKS {
            if let Some(link) =
                self.merchant.store().customer_link(self.merchant.connection(), &customer.id).await?
            {
                return Ok(link.relation);
            }
            let now = self.merchant.runtime().now();
            // Each look is another holder: two orders of one customer may be under way in one worker.
            let look = self.looks.fetch_add(1, Ordering::Relaxed);
            let holder = Holder::from(format!("{}-{look}", self.merchant.worker()).as_str());
            if let Some(lease) = self
                .merchant
                .store()
                .acquire(self.merchant.connection(), &name, &holder, now + LEASE, now)
                .await?
            {
                let link = self.find_or_create(customer, &lease).await;
                // A lease that is not given back ends by itself.
                let _ = self.merchant.store().release(&lease).await;
                return Ok(link?.relation);
            }
            self.merchant.runtime().sleep(PAUSE).await;
        }
        Err(RelationError::Busy { customer: customer.id.clone() })
    }

    /// Whether the POS still has the relation that is remembered for a customer. One that is gone is forgotten, so that
    /// the next call of [`relation_of`](Self::relation_of) finds or creates another.
    ///
    /// # Errors
    /// [`RelationError::Pos`] or [`RelationError::Store`]; nothing is forgotten then.
    pub async fn is_still_there(&self, customer: &Customer) -> Result<bool, RelationError> {
        let link = self.merchant.store().customer_link(self.merchant.connection(), &customer.id).await?;
        let Some(link) = link else { return Ok(false) };
        let request = GetRelation { relation_number: link.relation.get() };
        let answer = self.merchant.client().get_relation(request).timeout(CALL).await;
        let answer = answer.map_err(|source| self.failed(customer, source))?;
        if answer.result == GetRelationResult::NotFound {
            self.merchant.store().unlink_customer(self.merchant.connection(), &customer.id).await?;
            return Ok(false);
        }
        Ok(true)
    }

    async fn find_or_create(
        &self,
        customer: &Customer,
        lease: &Lease,
    ) -> Result<CustomerLink, RelationError> {
        // Another worker may have been done just before the lease was granted.
        if let Some(link) =
            self.merchant.store().customer_link(self.merchant.connection(), &customer.id).await?
        {
            return Ok(link);
        }
        let (relation, found_by) = match self.find(customer).await? {
            Some(found) => found,
            None => {
                // Creating takes the right to it: a lease that was lost in between is another worker's.
                self.merchant.store().extend(lease, self.merchant.runtime().now() + LEASE).await?;
                (self.create(customer).await?, RelationMatch::Created)
            }
        };
        let link = CustomerLink {
            customer: customer.id.clone(),
            relation,
            found_by,
            linked_at: self.merchant.runtime().now(),
        };
        Ok(self.merchant.store().link_customer(self.merchant.connection(), link).await?)
    }

    async fn find(
        &self,
        customer: &Customer,
    ) -> Result<Option<(RelationNumber, RelationMatch)>, RelationError> {
        for key in Key::ALL {
            if let Some(relation) = self.find_by(key, customer).await? {
                return Ok(Some((relation, key.found_by())));
            }
        }
        Ok(None)
    }

    async fn find_by(&self, key: Key, customer: &Customer) -> Result<Option<RelationNumber>, RelationError> {
        let Some(wanted) = key.wanted(customer) else { return Ok(None) };
        let found = self.ask(wanted).await.map_err(|source| self.failed(customer, source))?;
        let exact = found.filter(|relation| key.is(relation, customer));
        Ok(exact.and_then(|relation| relation.relation_number).map(RelationNumber::new))
    }

    /// Asks for an exact match where the service knows how, and for any otherwise.
    async fn ask(&self, wanted: Relation) -> Result<Option<Relation>, mplus_qapi::Error> {
        let request = FindRelationV2Request { relation: wanted.clone(), exact_match: Some(true) };
        match self.merchant.client().find_relation_v2(request).timeout(CALL).await {
            Ok(response) => Ok(response.relation.filter(|_| response.result == FindRelationResult::Ok)),
            Err(error) if is_unknown_operation(&error) => {
                let response =
                    self.merchant.client().find_relation(FindRelation::from(wanted)).timeout(CALL).await?;
                Ok(response.relation.filter(|_| response.result == FindRelationResult::Ok))
            }
            Err(error) => Err(error),
        }
    }

    async fn create(&self, customer: &Customer) -> Result<RelationNumber, RelationError> {
        let request = CreateRelation::from(new_relation(customer));
        let call = self.merchant.client().create_relation(request).timeout(CALL).retry(RetryPolicy::none());
        match call.await {
            Ok(response) if response.result == CreateRelationResult::Ok => {
                Ok(RelationNumber::new(response.relation_number))
            }
            Ok(response) => {
                let reason = match response.error_message.trim() {
                    "" => response.result.as_str().to_owned(),
                    message => message.to_owned(),
                };
                Err(RelationError::Refused { customer: customer.id.clone(), reason })
            }
            // It may be there all the same. When it is not seen yet, a later attempt looks again.
            Err(source) if source.may_have_been_processed() => {
                let found = self.find_by(Key::ExternalId, customer).await;
                found.ok().flatten().ok_or_else(|| self.failed(customer, source))
            }
            Err(source) => Err(self.failed(customer, source)),
        }
    }

    fn failed(&self, customer: &Customer, source: mplus_qapi::Error) -> RelationError {
        RelationError::Pos { customer: customer.id.clone(), source }
    }
}
