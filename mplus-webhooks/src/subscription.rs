//! Who sends: a subscription of the POS, the merchant behind it, and how the host looks it up.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::secret::SubscriptionSecret;

/// The host's own name for the merchant (or the connection) that a subscription belongs to.
///
/// Everything that is stored is kept apart by it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MerchantId(Arc<str>);

impl MerchantId {
    /// Takes the host's name as it is.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The host's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for MerchantId {
    fn from(id: String) -> Self {
        Self(id.into())
    }
}

impl From<MerchantId> for String {
    fn from(id: MerchantId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for MerchantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A webhook subscription as the back office of the POS knows it, and the merchant that it stands for.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Subscription {
    /// Sent in `X-Mplus-Subscription-Id`. Chosen freely, so several merchants may have chosen the same.
    pub id: String,
    /// The merchant at the host.
    pub merchant: MerchantId,
    /// Accepted keys, the newest first: while a key is being changed both the old and the new one are here.
    /// A reply is signed with the key that the request was signed with.
    pub secrets: Vec<SubscriptionSecret>,
    /// Whether the merchant's integration is switched on. Signed requests of an inactive one are refused.
    pub active: bool,
}

impl Subscription {
    /// An active subscription with one key.
    pub fn new(id: &str, merchant: MerchantId, secret: SubscriptionSecret) -> Self {
        Self { id: id.to_owned(), merchant, secrets: vec![secret], active: true }
    }

    /// The sender of an event that was verified when it was kept. It verifies nothing any more.
    pub(crate) fn of_kept(id: &str, merchant: MerchantId) -> Self {
        Self { id: id.to_owned(), merchant, secrets: Vec::new(), active: true }
    }

    /// Accepts `secret` as well, after those already here.
    #[must_use]
    pub fn with_secret(mut self, secret: SubscriptionSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Switches the integration off: its requests are refused, with the reason.
    #[must_use]
    pub fn inactive(mut self) -> Self {
        self.active = false;
        self
    }
}

/// All subscriptions that share one id.
pub type Subscriptions = Arc<[Arc<Subscription>]>;

/// The host could not look a subscription up, for instance because its database is down.
#[derive(Debug, thiserror::Error)]
#[error("subscriptions could not be looked up: {0}")]
pub struct ResolveError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// Looks subscriptions up in the host's own records.
#[async_trait]
pub trait SubscriptionResolver: Debug + Send + Sync {
    /// Every subscription with this id, none when it is unknown. Several are told apart by their signature.
    ///
    /// # Errors
    /// [`ResolveError`] when the answer is not known; the POS is told to look elsewhere for the cause.
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError>;
}

/// Subscriptions that are known when the program starts.
#[derive(Debug, Default)]
pub struct FixedSubscriptions {
    by_id: HashMap<String, Subscriptions>,
}

impl FixedSubscriptions {
    /// Keeps these subscriptions; several may share an id.
    pub fn new(subscriptions: impl IntoIterator<Item = Subscription>) -> Self {
        let mut by_id: HashMap<String, Vec<Arc<Subscription>>> = HashMap::new();
        for subscription in subscriptions {
            by_id.entry(subscription.id.clone()).or_default().push(Arc::new(subscription));
        }
        Self { by_id: by_id.into_iter().map(|(id, list)| (id, list.into())).collect() }
    }
}

#[async_trait]
impl SubscriptionResolver for FixedSubscriptions {
    async fn resolve(&self, subscription_id: &str) -> Result<Subscriptions, ResolveError> {
        Ok(self.by_id.get(subscription_id).cloned().unwrap_or_default())
    }
}
