//! Finds a customer's relation, or creates it, once.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use mplus_qapi::RetryPolicy;
use mplus_qapi::relations::{
    CreateRelation, CreateRelationResult, FindRelation, FindRelationV2, FindRelationV2Request, GetRelation,
    GetRelationResult, UpdateRelation, UpdateRelationResult,
};
use mplus_qapi::types::Relation;

use crate::merchant::{Lacking, Merchant};
use crate::model::{Customer, CustomerLink, Holder, Lease, LeaseName, RelationMatch, RelationNumber};
use crate::pos_call::is_unknown_operation;
use crate::store::StoreError;
use crate::text::kept;

use super::RelationError;
use super::compare::{Key, Wanted, changed_relation, fingerprint, is_company, new_relation};

/// How long a worker may take to find or create a relation before another one does.
const LEASE: TimeDelta = TimeDelta::minutes(3);
/// How long each call may take; all calls together fit into the lease.
const CALL: Duration = Duration::from_secs(20);
/// How long to wait for another worker, and how often to look.
const PAUSE: Duration = Duration::from_millis(250);
const LOOKS: u32 = 40;

/// Finds or creates the relations of customers.
///
/// A relation is found by the host's identifier, by e-mail address whatever its case, or by telephone number however it is
/// written; it is created when there is none, and remembered in the store. What has changed of a customer since is told to
/// the relation with the next order. Workers that need the same customer at once end with one relation: the first one
/// holds a lease while it looks.
pub struct RelationService {
    merchant: Merchant,
    lacking: Lacking,
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
        Self { merchant: merchant.clone(), lacking: Lacking::new(merchant), looks: AtomicU64::new(0) }
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
                return Ok(self.keep_up(customer, link).await);
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
                let found = self.find_or_create(customer, &lease).await;
                // A creation of which nothing was heard may still be under way: nobody creates another one before the lease
                // has ended by itself.
                if found.as_ref().err().is_none_or(|failure| !failure.may_be_created) {
                    let _ = self.merchant.store().release(&lease).await;
                }
                return found.map(|link| link.relation).map_err(|failure| failure.error);
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
        let answer = self.lacking.call(request, Some(CALL)).await;
        let answer = answer.map_err(|source| self.failed(customer, source))?;
        // A POS that cannot be asked is taken to have it.
        if answer.is_some_and(|answer| answer.result == GetRelationResult::NotFound) {
            self.merchant.store().unlink_customer(self.merchant.connection(), &customer.id).await?;
            return Ok(false);
        }
        Ok(true)
    }

    async fn find_or_create(&self, customer: &Customer, lease: &Lease) -> Result<CustomerLink, Failure> {
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
            // One that was found stays as the POS has it: only later changes are told.
            told: Some(fingerprint(customer)),
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
        for wanted in key.wanted(customer) {
            let found = self.ask(wanted).await.map_err(|source| self.failed(customer, source))?;
            if let Some(relation) = found.filter(|relation| key.is(relation, customer))
                && let Some(number) = relation.relation_number
            {
                return Ok(Some(RelationNumber::new(number)));
            }
        }
        Ok(None)
    }

    /// Asks for an exact match where the service knows how, and for any otherwise.
    async fn ask(&self, wanted: Wanted) -> Result<Option<Relation>, mplus_qapi::Error> {
        let request =
            FindRelationV2Request { relation: wanted.relation.clone(), exact_match: Some(wanted.exact) };
        if let Some(response) = self.lacking.call(FindRelationV2::from(request), Some(CALL)).await? {
            return Ok(response.relation);
        }
        let older = self.lacking.call(FindRelation::from(wanted.relation), Some(CALL)).await?;
        Ok(older.and_then(|response| response.relation))
    }

    /// The relation that is remembered for a customer, told what has changed of the customer since. An order does not wait for
    /// that: what does not work is done with a later one.
    async fn keep_up(&self, customer: &Customer, link: CustomerLink) -> RelationNumber {
        let print = fingerprint(customer);
        let relation = link.relation;
        if link.told.as_ref() == Some(&print) {
            return relation;
        }
        if self.tell(customer, relation).await {
            let told = CustomerLink { told: Some(print), ..link };
            let (store, id) = (self.merchant.store(), self.merchant.connection());
            // The store keeps the first link of a customer: this one takes its place.
            if store.unlink_customer(id, &customer.id).await.is_ok() {
                let _ = store.link_customer(id, told).await;
            }
        }
        relation
    }

    /// Tells the POS what has changed of a customer, on top of what it has of the relation. True when there is nothing more to
    /// tell: a relation that is a company's is the company's to change.
    async fn tell(&self, customer: &Customer, number: RelationNumber) -> bool {
        let Ok(Some(held)) = self.held(customer, number).await else { return false };
        if is_company(&held) {
            return true;
        }
        let request = UpdateRelation::from(changed_relation(held, customer));
        let answer = self.lacking.call(request, Some(CALL)).await;
        answer.is_ok_and(|answer| answer.is_some_and(|answer| answer.result == UpdateRelationResult::Ok))
    }

    /// The relation as the POS has it; none when it does not show it.
    async fn held(
        &self,
        customer: &Customer,
        number: RelationNumber,
    ) -> Result<Option<Relation>, mplus_qapi::Error> {
        let is_it = |relation: &Relation| relation.relation_number == Some(number.get());
        let request = GetRelation { relation_number: number.get() };
        if let Some(answer) = self.lacking.call(request, Some(CALL)).await? {
            return Ok(Some(answer.relation).filter(is_it));
        }
        // An older service finds it by what it is known by.
        for wanted in Key::ALL.into_iter().flat_map(|key| key.wanted(customer)) {
            if let Some(found) = self.ask(wanted).await?.filter(is_it) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn create(&self, customer: &Customer) -> Result<RelationNumber, Failure> {
        let request = CreateRelation::from(new_relation(customer));
        let call = self.merchant.client().create_relation(request).timeout(CALL).retry(RetryPolicy::none());
        match call.await {
            Ok(response) if response.result == CreateRelationResult::Ok => {
                Ok(RelationNumber::new(response.relation_number))
            }
            Ok(response) => {
                // What it answered may not say whether it was done.
                if let CreateRelationResult::Unknown(_) = &response.result
                    && let Ok(Some(created)) = self.find_by(Key::ExternalId, customer).await
                {
                    return Ok(created);
                }
                let reason = match response.error_message.trim() {
                    "" => kept(response.result.as_str()),
                    message => kept(message),
                };
                Err(RelationError::Refused { customer: customer.id.clone(), reason }.into())
            }
            Err(source) if is_unknown_operation(&source) => {
                let reason = "this version does not know the call createRelation".to_owned();
                Err(RelationError::Refused { customer: customer.id.clone(), reason }.into())
            }
            // It may be there all the same. When it is not seen yet, a later attempt looks again.
            Err(source) if source.may_have_been_processed() => {
                let found = self.find_by(Key::ExternalId, customer).await;
                let failure = || Failure { error: self.failed(customer, source), may_be_created: true };
                found.ok().flatten().ok_or_else(failure)
            }
            Err(source) => Err(self.failed(customer, source).into()),
        }
    }

    fn failed(&self, customer: &Customer, source: mplus_qapi::Error) -> RelationError {
        RelationError::Pos { customer: customer.id.clone(), source }
    }
}

/// A relation was neither found nor created, or nobody knows.
struct Failure {
    error: RelationError,
    may_be_created: bool,
}

impl From<RelationError> for Failure {
    fn from(error: RelationError) -> Self {
        Self { error, may_be_created: false }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        RelationError::from(error).into()
    }
}
