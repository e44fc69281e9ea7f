#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(all(feature = "tokio", feature = "testkit"), doc = include_str!("../README.md"))]
#![cfg_attr(
    not(all(feature = "tokio", feature = "testkit")),
    doc = "Webhooks and external payments for the MplusKASSA point of sale: [`Orchestrator::handle`] verifies, reads, answers and signs."
)]

pub mod adapter;
mod cached_resolver;
mod error;
pub mod event;
mod handler;
mod http_client;
pub mod inbox;
mod log_room;
mod orchestrator;
pub mod payment;
#[cfg(any(feature = "stripe", feature = "viva"))]
pub mod provider;
pub mod reply;
mod runtime;
mod secret;
mod store;
mod store_error;
mod subscription;
#[cfg(feature = "testkit")]
pub mod testkit;
mod transaction;
mod verified;

pub use cached_resolver::CachedResolver;
pub use error::{ErrorCode, Refusal};
pub use handler::{Handler, Handlers};
#[cfg(feature = "_reqwest")]
pub use http_client::ReqwestClient;
pub use http_client::{HttpClient, HttpError};
pub use inbox::{Attempts, Retention};
pub use orchestrator::{
    Builder, EqualParts, Inbox, InboxError, Orchestrator, Refunds, RunReport, SIGNATURE_HEADER,
    SUBSCRIPTION_HEADER,
};
#[cfg(feature = "tokio")]
pub use runtime::TokioRuntime;
pub use runtime::{Runtime, Task};
pub use secret::{Secret, SecretError, SubscriptionSecret};
#[cfg(feature = "sqlite")]
pub use store::SqliteStore;
pub use store::{MemoryStore, Store};
#[cfg(feature = "mysql")]
pub use store::{MysqlOptions, MysqlStore};
#[cfg(feature = "postgres")]
pub use store::{PostgresOptions, PostgresStore};
pub use store_error::StoreError;
pub use subscription::{
    FixedSubscriptions, MerchantId, ResolveError, Subscription, SubscriptionResolver, Subscriptions,
};
pub use transaction::{
    Credit, MemoryTransactions, SessionKey, Transaction, TransactionError, TransactionSink, TransactionStatus,
};
pub use verified::{Verified, verify};
