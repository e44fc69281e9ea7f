//! What the till tells: who may tell it, and what becomes of sales.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mplus_sync::model::{ConnectionId, ConnectionStatus};
use mplus_sync::store::Store;
use mplus_webhooks::{
    Credit, MerchantId, ResolveError, SessionKey, Subscription, SubscriptionResolver, SubscriptionSecret,
    Transaction, TransactionError, TransactionSink,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::callbacks::Callbacks;
use crate::records::{Record, Records, RecordsError};
use crate::safe::key_ring::{KeyError, KeyRing};

const SUBSCRIPTION: &str = "subscription";
/// Finished sales of tills.
pub(crate) const SALE: &str = "sale";

/// The webhook subscriptions of all restaurants, their secrets sealed.
#[derive(Clone)]
pub(crate) struct Subscriptions {
    records: Records,
    keys: Arc<KeyRing>,
    store: Arc<dyn Store>,
}

/// A restaurant's subscription.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// The Subscription ID in the till's webhook settings.
    pub(crate) id: String,
    /// Secret Keys, the newest first.
    sealed: Vec<String>,
}

/// Why a subscription cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SubscriptionError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Secret(#[from] mplus_webhooks::SecretError),
    #[error(transparent)]
    Records(#[from] RecordsError),
}

impl Subscriptions {
    pub(crate) fn new(records: Records, keys: Arc<KeyRing>, store: Arc<dyn Store>) -> Self {
        Self { records, keys, store }
    }

    pub(crate) async fn of(&self, restaurant: &ConnectionId) -> Result<Option<Stored>, RecordsError> {
        self.records.get(SUBSCRIPTION, restaurant.as_str()).await?.map(|record| record.read()).transpose()
    }

    /// Keeps a subscription with a new key; the key before it is accepted a while longer.
    pub(crate) async fn save(
        &self,
        restaurant: &ConnectionId,
        id: &str,
        secret: &str,
    ) -> Result<(), SubscriptionError> {
        // What is no key is refused before it is kept.
        SubscriptionSecret::from_base64(&secret.into())?;
        let known = self.of(restaurant).await?;
        let mut sealed = vec![self.keys.seal(&place(restaurant.as_str()), secret)?];
        sealed
            .extend(known.into_iter().filter(|known| known.id == id).flat_map(|known| known.sealed).take(1));
        let record = Record::new(SUBSCRIPTION, restaurant.as_str()).about(id);
        Ok(self.records.put(&record.with(&Stored { id: id.to_owned(), sealed })?).await?)
    }

    pub(crate) async fn remove(&self, restaurant: &ConnectionId) -> Result<(), RecordsError> {
        self.records.remove(SUBSCRIPTION, restaurant.as_str()).await
    }

    /// The newest key of a restaurant, for the till to play with.
    pub(crate) async fn newest_secret(
        &self,
        restaurant: &ConnectionId,
    ) -> Result<Option<(String, SubscriptionSecret)>, SubscriptionError> {
        let Some(stored) = self.of(restaurant).await? else { return Ok(None) };
        let Some(sealed) = stored.sealed.first() else { return Ok(None) };
        let text = self.keys.open(&place(restaurant.as_str()), sealed)?;
        Ok(Some((stored.id, SubscriptionSecret::from_base64(&text.into())?)))
    }

    /// Seals anew what an older key sealed.
    pub(crate) async fn rotate(&self) -> Result<(), SubscriptionError> {
        for record in self.records.due(SUBSCRIPTION, i64::MAX, i32::MAX as usize).await? {
            let mut stored: Stored = record.read()?;
            if stored.sealed.iter().all(|sealed| self.keys.is_newest(sealed)) {
                continue;
            }
            for sealed in &mut stored.sealed {
                *sealed = self.keys.seal(&place(&record.id), &self.keys.open(&place(&record.id), sealed)?)?;
            }
            self.records.replace(&record.with(&stored)?).await?;
        }
        Ok(())
    }

    async fn find(&self, subscription_id: &str) -> Result<Vec<Arc<Subscription>>, ResolveError> {
        let failed = |error: SubscriptionError| ResolveError(Box::new(error));
        let found = self.records.about(SUBSCRIPTION, "", subscription_id).await;
        let mut subscriptions = Vec::new();
        for record in found.map_err(|error| failed(error.into()))? {
            let stored: Stored = record.read().map_err(|error| failed(error.into()))?;
            let connection = self.store.connection(&ConnectionId::from(record.id.as_str())).await;
            let Some(connection) = connection.map_err(|error| ResolveError(Box::new(error)))? else {
                continue;
            };
            let mut secrets = Vec::new();
            for sealed in &stored.sealed {
                let text =
                    self.keys.open(&place(&record.id), sealed).map_err(|error| failed(error.into()))?;
                secrets.push(
                    SubscriptionSecret::from_base64(&text.into()).map_err(|error| failed(error.into()))?,
                );
            }
            let mut secrets = secrets.into_iter();
            let Some(first) = secrets.next() else { continue };
            let merchant = MerchantId::new(&record.id);
            let mut subscription = Subscription::new(&stored.id, merchant, first);
            subscription.secrets.extend(secrets);
            if matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
                subscription = subscription.inactive();
            }
            subscriptions.push(Arc::new(subscription));
        }
        Ok(subscriptions)
    }
}

fn place(restaurant: &str) -> String {
    format!("{SUBSCRIPTION}/{restaurant}")
}

impl fmt::Debug for Subscriptions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Subscriptions").finish_non_exhaustive()
    }
}

#[async_trait]
impl SubscriptionResolver for Subscriptions {
    async fn resolve(&self, subscription_id: &str) -> Result<mplus_webhooks::Subscriptions, ResolveError> {
        Ok(self.find(subscription_id).await?.into())
    }
}

/// A finished sale of a till, as this back office keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Sale {
    pub(crate) session: String,
    pub(crate) branch: Option<i64>,
    pub(crate) workplace: Option<i64>,
    /// Euros, VAT included.
    pub(crate) total: Option<Decimal>,
    pub(crate) lines: Vec<SaleLine>,
    /// How it was paid: method and amount.
    pub(crate) payments: Vec<(String, Option<Decimal>)>,
    pub(crate) status: SaleStatus,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SaleLine {
    pub(crate) text: String,
    pub(crate) quantity: Option<Decimal>,
    /// Euros, VAT included.
    pub(crate) price: Option<Decimal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SaleStatus {
    Completed,
    Cancelled,
    Refunded,
}

/// Keeps finished sales in the records.
#[derive(Clone)]
pub(crate) struct Sales {
    records: Records,
    runtime: Arc<dyn mplus_sync::runtime::Runtime>,
    callbacks: Callbacks,
}

impl Sales {
    pub(crate) fn new(
        records: Records,
        runtime: Arc<dyn mplus_sync::runtime::Runtime>,
        callbacks: Callbacks,
    ) -> Self {
        Self { records, runtime, callbacks }
    }

    async fn end(&self, sale: &SessionKey, status: SaleStatus) -> Result<(), TransactionError> {
        let failed = |error: RecordsError| TransactionError(Box::new(error));
        let found =
            self.records.about(SALE, sale.merchant.as_str(), &sale.session_id).await.map_err(failed)?;
        for record in found {
            let mut known: Sale = record.read().map_err(failed)?;
            known.status = status;
            let id = format!(
                "{}-{}",
                record.id,
                if status == SaleStatus::Cancelled { "cancelled" } else { "refunded" }
            );
            self.callbacks.sale(&id, sale.merchant.as_str(), &known).await.map_err(failed)?;
            self.records.put(&record.with(&known).map_err(failed)?).await.map_err(failed)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sales {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sales").finish_non_exhaustive()
    }
}

#[async_trait]
impl TransactionSink for Sales {
    async fn create(&self, transaction: &Transaction) -> Result<(), TransactionError> {
        let failed = |error: RecordsError| TransactionError(Box::new(error));
        let line = |line: &mplus_webhooks::event::Line| SaleLine {
            text: line.text.clone().unwrap_or_default(),
            quantity: line.quantity,
            price: line.price_incl,
        };
        let payment = |payment: &mplus_webhooks::event::SessionPayment| {
            (payment.description.clone().or(payment.method.clone()).unwrap_or_default(), payment.amount)
        };
        let sale = Sale {
            session: transaction.key.session_id.clone(),
            branch: transaction.branch_number,
            workplace: transaction.workplace_number,
            total: transaction.total_incl,
            lines: transaction.session.lines.iter().map(line).collect(),
            payments: transaction.payments.iter().map(payment).collect(),
            status: SaleStatus::Completed,
        };
        let merchant = transaction.key.merchant.as_str();
        let record = Record::new(SALE, format!("{merchant}/{}", transaction.id))
            .of(merchant)
            .about(&transaction.key.session_id)
            .at(self.runtime.now().timestamp_micros());
        // The same sale told again is the same record, and the same callback.
        self.records.insert(&record.with(&sale).map_err(failed)?).await.map_err(failed)?;
        let told = self.callbacks.sale(&transaction.id.to_string(), merchant, &sale).await;
        told.map_err(failed)
    }

    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError> {
        self.end(sale, SaleStatus::Cancelled).await
    }

    async fn refund(&self, credit: &Credit) -> Result<(), TransactionError> {
        self.end(&credit.key, SaleStatus::Refunded).await
    }
}
