//! Lists payments, and compares a day's with what the provider has.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::provider::ProviderRecord;
use super::providers::{ProfilesError, ProviderAccount};
use super::record::{Payment, PaymentOrigin};
use super::service::{ExternalPayments, silent};
use super::store::PaymentFilter;
use super::webhook::NoticeError;
use crate::store_error::StoreError;

/// What a day's payments look like here and at the provider.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Reconciliation {
    /// Payments that both sides see alike.
    pub agreed: usize,
    /// Captured at the provider with another amount than here, or not captured there although it is here.
    pub different: Vec<(Payment, ProviderRecord)>,
    /// Captured here, and not in the provider's list.
    pub only_here: Vec<Payment>,
    /// Captured at the provider, and not known here: taken by another system, or a payment that a person has to look at.
    pub only_there: Vec<ProviderRecord>,
}

impl Reconciliation {
    /// Whether nothing needs a person.
    pub fn is_clean(&self) -> bool {
        self.different.is_empty() && self.only_here.is_empty() && self.only_there.is_empty()
    }
}

impl ExternalPayments {
    /// One page of payments, ordered by when they started; go on with [`PaymentFilter::after`] the last one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
        self.store.list_payments(filter).await
    }

    /// Compares an account's payments of one UTC day with the provider's list. Changes nothing. A payment that is still open counts
    /// as not captured; one that began just before midnight is looked for on both sides of it. All lists of the account are read
    /// ([`PaymentProviders::listing`](super::PaymentProviders::listing)).
    ///
    /// # Errors
    /// [`NoticeError`].
    pub async fn reconcile(
        &self,
        account: &ProviderAccount,
        day: NaiveDate,
    ) -> Result<Reconciliation, NoticeError> {
        let theirs = self.listed(account, day).await?;
        let of_the_day = |payment: &Payment| payment.started_at.date_naive() == day;
        let mut found = Reconciliation::default();
        let mut ours: HashMap<String, Payment> = HashMap::new();
        let mut without_reference = Vec::new();
        for payment in self.payments_around(account, day).await? {
            match &payment.provider_reference {
                Some(reference) => drop(ours.insert(reference.clone(), payment)),
                None => without_reference.push(payment),
            }
        }
        for record in theirs {
            let ours = ours.remove(&record.reference).or_else(|| {
                let id = record.payment_id.as_deref()?;
                let key = ours.iter().find(|(_, payment)| payment.key.id == id)?.0.clone();
                ours.remove(&key)
            });
            match ours {
                // That day's comparison has it.
                Some(payment) if record.beside && !of_the_day(&payment) => {}
                Some(payment) if payment.captured == record.captured => found.agreed += 1,
                Some(payment) => found.different.push((payment, record)),
                None if record.captured.is_some() && !record.beside => found.only_there.push(record),
                None => {}
            }
        }
        let missing = ours.into_values().chain(without_reference);
        found.only_here =
            missing.filter(|payment| payment.captured.is_some() && of_the_day(payment)).collect();
        found.only_here.sort_by(|a, b| (a.started_at, &a.key).cmp(&(b.started_at, &b.key)));
        Ok(found)
    }

    /// What all lists of the account have of a day. A payment that stands in two of them, or on two days, is one.
    async fn listed(
        &self,
        account: &ProviderAccount,
        day: NaiveDate,
    ) -> Result<Vec<ProviderRecord>, NoticeError> {
        // An account that is not known is told so.
        self.of_account(account).await?;
        let listing = self.guarded("the host's payment profiles", self.providers.listing(account)).await;
        let listing =
            listing.ok_or_else(|| ProfilesError("it panicked or took longer than a minute".into()))??;
        let mut records: Vec<ProviderRecord> = Vec::new();
        for provider in listing {
            let listed = self.guarded("a payment provider", provider.payments_of(day)).await;
            records.extend(listed.unwrap_or_else(|| Err(silent(&account.provider)))?);
        }
        // Of two tries of one payment the one that took money counts, and of two days the day itself.
        records.sort_by_key(|record| (record.captured.is_none(), record.beside));
        let (mut references, mut ids) = (HashSet::new(), HashSet::new());
        records.retain(|record| {
            let id = record.payment_id.as_ref().filter(|_| record.captured.is_some());
            let new_id = id.is_none_or(|id| ids.insert((id.clone(), record.captured)));
            references.insert(record.reference.clone()) && new_id
        });
        Ok(records)
    }

    /// The account's payments of a day, and of the days before and after it.
    async fn payments_around(
        &self,
        account: &ProviderAccount,
        day: NaiveDate,
    ) -> Result<Vec<Payment>, StoreError> {
        let midnight: DateTime<Utc> = day.and_time(chrono::NaiveTime::MIN).and_utc();
        let mut filter = PaymentFilter {
            from: midnight.checked_sub_signed(TimeDelta::days(1)),
            to: midnight.checked_add_signed(TimeDelta::days(2)),
            ..PaymentFilter::default()
        };
        let mut payments = Vec::new();
        loop {
            let page = self.store.list_payments(&filter).await?;
            let Some(last) = page.last() else { return Ok(payments) };
            filter = filter.after(last);
            let started = |payment: &Payment| {
                ProviderAccount::of(payment) == *account && payment.origin != PaymentOrigin::NeverStarted
            };
            payments.extend(page.into_iter().filter(started));
        }
    }
}
