//! Webhooks and external payments for the MplusKASSA point of sale.
//!
//! The POS calls the host on every event of the till and waits for a signed answer. [`Orchestrator::handle`] takes such
//! a call as an `http` request and returns the answer: it finds the subscription, checks the signature over the raw bytes, reads the
//! event, drops repeats, calls the host, and signs the reply. The host brings its web server (or an [`adapter`]), its
//! subscriptions ([`SubscriptionResolver`]), a [`Store`], and as much of a [`Handler`] as it needs.
//!
//! ```
//! use std::sync::Arc;
//! use mplus_webhooks::*;
//!
//! let secret = SubscriptionSecret::from_base64(&"eFc5HrxwLbONJ+EYXrbHB+a9HueYIQzotgKRLRVAfx0=".into())?;
//! let subscription = Subscription::new("restaurant", MerchantId::new("merchant-1"), secret);
//! let orchestrator = Orchestrator::builder(
//!     Arc::new(FixedSubscriptions::new([subscription])),
//!     Arc::new(MemoryStore::new()),
//!     Arc::new(TokioRuntime),
//! )
//! .transactions(Arc::new(MemoryTransactions::new()))
//! .build();
//! # Ok::<(), SecretError>(())
//! ```
//!
//! Two facts of the protocol to know. The signature covers the body alone, neither the URL nor a time; so serve TLS only, and what
//! must not happen twice is made idempotent here by its own id. And the vendor does not document how long the POS waits; answers are
//! cut off after 4 seconds unless configured otherwise.

pub mod adapter;
mod error;
pub mod event;
mod handler;
mod http_client;
mod orchestrator;
pub mod payment;
#[cfg(any(feature = "stripe", feature = "viva"))]
pub mod provider;
pub mod reply;
mod runtime;
mod secret;
mod store;
mod subscription;
#[cfg(feature = "testkit")]
pub mod testkit;
mod transaction;
mod verified;

pub use error::{ErrorCode, Refusal};
pub use handler::{Handler, Handlers};
#[cfg(feature = "reqwest")]
pub use http_client::ReqwestClient;
pub use http_client::{HttpClient, HttpError};
pub use orchestrator::{Builder, Orchestrator, RefreshGuard, Refunds, SIGNATURE_HEADER, SUBSCRIPTION_HEADER};
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use runtime::{Runtime, Task};
pub use secret::{SecretError, SubscriptionSecret};
#[cfg(feature = "postgres")]
pub use store::PostgresStore;
#[cfg(feature = "sqlite")]
pub use store::SqliteStore;
pub use store::{Claim, MemoryStore, Store, StoreError, StoredReply};
pub use subscription::{
    CachedResolver, FixedSubscriptions, MerchantId, ResolveError, Subscription, SubscriptionResolver,
    Subscriptions,
};
pub use transaction::{
    MemoryTransactions, SessionKey, Transaction, TransactionError, TransactionSink, TransactionStatus,
};
pub use verified::{Verified, verify};
