//! Who may tell this back office of what happens at tills: the subscriptions of all restaurants.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use mplus_sync::model::{ConnectionId, ConnectionStatus};
use mplus_sync::store::Store;
use mplus_webhooks::{MerchantId, ResolveError, Subscription, SubscriptionResolver, SubscriptionSecret};
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};
use crate::safe::key_ring::{KeyError, KeyRing};

const SUBSCRIPTION: &str = "subscription";

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
