//! Typed client for MplusQapi, the SOAP interface of the MplusKASSA point of sale ("the POS").
//!
//! # A call
//!
//! A [`Client`] is one connection of a merchant. Every operation of the service is a method of it that takes a plain struct
//! and returns a [`Call`]: await it for the response, or adjust it first.
//!
//! ```
//! # #[cfg(all(feature = "reqwest", feature = "stock"))] {
//! use std::time::Duration;
//! use mplus_qapi::{Client, Credentials, Endpoint, stock::GetStockRequest};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(Endpoint::new("api.mpluskassa.nl", 12345)?, Credentials::new("ident", "secret"))?;
//! let request = GetStockRequest { branch_number: 1, ..Default::default() };
//! let stock = client.get_stock(request).timeout(Duration::from_secs(20)).await?;
//! for article in &stock.article_stocks {
//!     println!("{}: {} free", article.article_number, article.amount_free);
//! }
//! # Ok(())
//! # }
//! # }
//! ```
//!
//! Types are named as in the WSDL and live in the module of their [domain](#features); what several domains share is in
//! [`types`]. Money and quantities are [`Decimal`](value::Decimal)s, whatever the wire makes of them; [`value`] holds the
//! service's own dates and lists. [`Call::reply`] returns with the response what is known of the exchange: attempts, the
//! version of the service, required elements that it did not send.
//!
//! # Streams and pages
//!
//! Operations whose response is one list have a method `stream_...` beside: its items come as their bytes arrive, and only
//! one of them is held. [`Call::changes_since`] pages through what changed since a sync marker.
//!
//! ```
//! # #[cfg(all(feature = "testkit", feature = "tokio"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mplus_qapi::Error> {
//! use futures_util::TryStreamExt as _;
//! use mplus_qapi::{products::GetProductsRequest, testkit::Pos};
//!
//! let client = Pos::brasserie().client();
//! let mut products = client.stream_products(GetProductsRequest::default());
//! while let Some(product) = products.try_next().await? {
//!     println!("{} articles", product.article_list.len());
//! }
//!
//! let mut pages = client.get_products(GetProductsRequest::default()).changes_since(1, 50);
//! while let Some(page) = pages.try_next().await? {
//!     // Keep the items and `page.next_marker` together: the next run begins there.
//!     println!("{} products, then {}", page.items.len(), page.next_marker);
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "testkit", feature = "tokio")))]
//! # fn main() {}
//! ```
//!
//! # Repeats
//!
//! What may be repeated is a fact of the operation ([`soap::Repeat`]), how often and how long a [`RetryPolicy`], for a client
//! or for one call. Reads are repeated after any failure that may pass. Idempotent operations carry a key, made when it is
//! absent and the same over all attempts. Other writes are repeated only when the request provably never left.
//!
//! # Errors
//!
//! An [`Error`] says what failed, in which operation, where in the document, how often it was tried and why not again. Before
//! a write is tried once more, ask it whether the first one may have been carried out. That an operation was refused is
//! often no error but a `result` in its response: [`Outcome::into_result`](soap::Outcome::into_result) makes it one. For an
//! operation with a key take [`Reply::into_result`], which knows the earlier attempts.
//!
//! ```
//! # #[cfg(all(feature = "testkit", feature = "tokio"))]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use mplus_qapi::{RetryPolicy, soap::Outcome as _, stock::SetStockRequest, testkit::{Fault, Pos}};
//!
//! let pos = Pos::brasserie();
//! let client = pos.client_builder().retry(RetryPolicy::none()).build();
//! let unknown = client.set_stock(SetStockRequest::default()).await?;
//! assert!(unknown.into_result().is_err(), "there is no article 0");
//!
//! pos.faults().script([Fault::ResetAfter]);
//! let error = client.set_stock(SetStockRequest::default()).await.expect_err("the connection broke");
//! assert!(error.may_have_been_processed());
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "testkit", feature = "tokio")))]
//! # fn main() {}
//! ```
//!
//! # What a log gets to know
//!
//! Each attempt is a [`tracing`] span named `mplus` with operation, attempt, request id, sizes, status, `server-timing` and the
//! version of the service; never the query, which holds the credentials, and never a body. Who needs bodies sets a
//! [`Capture`] hook, which sees them redacted.
//!
//! # Features
//!
//! Groups of operations are features, each with a module of its name; the default ones are those that a back office needs,
//! `full` is all. The transport over reqwest, TLS and tokio's clock are features too: without them a client is built over
//! any [`Transport`] and [`Runtime`]. `serde` serializes the models, and `testkit` is a POS in memory to test against. Each
//! feature is explained in a line in the crate's `Cargo.toml`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod call;
mod capture;
mod channel;
mod client;
mod credentials;
mod endpoint;
mod environment;
mod erase;
mod error;
mod exchange;
mod filters;
mod gate;
mod retry;
mod runtime;
mod scan;
mod secret;
mod stream;

#[rustfmt::skip]
mod generated;
pub mod soap;
#[cfg(feature = "testkit")]
pub mod testkit;
pub mod transport;
pub mod value;

#[cfg(feature = "tokio")]
pub use self::runtime::TokioRuntime;
// Without a domain there is nothing in it.
#[allow(unused_imports, unreachable_pub)]
pub use self::generated::*;
pub use self::{
    call::{Call, Reply},
    capture::{Capture, CapturedMessage, CapturedPart, is_sensitive},
    client::{Client, ClientBuilder},
    credentials::Credentials,
    endpoint::Endpoint,
    error::{Error, ErrorKind},
    gate::{Gate, Passage},
    retry::RetryPolicy,
    runtime::Runtime,
    secret::Secret,
    stream::{ItemStream, Page, Pages},
    transport::Transport,
};

/// How a client names itself.
const USER_AGENT: &str = concat!("mplus-qapi/", env!("CARGO_PKG_VERSION"));

/// The README's example, compiled.
#[cfg(all(doctest, feature = "testkit", feature = "tokio"))]
#[doc = include_str!("../README.md")]
struct Readme;
