//! A point of sale in memory, for tests: stateful, deterministic, and out of order on demand.
//!
//! [`Pos`] answers like the real service where its behaviour is known, and refuses what it would refuse. It is a
//! [`Transport`](crate::Transport), so that a client talks to it without a socket; [`Pos::serve`] puts it on a real port.
//!
//! ```
//! use mplus_qapi::{products::GetProductsRequest, testkit::{Fault, Pos}};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), mplus_qapi::Error> {
//! let pos = Pos::brasserie();
//! pos.faults().script([Fault::ResetBefore, Fault::Truncated]);
//!
//! // A read is repeated; the third attempt gets through.
//! let response = pos.client().get_products(GetProductsRequest::default()).await?;
//! assert!(response.product_list.len() > 40);
//! assert_eq!(pos.requests().count("getProducts"), 3);
//! # Ok(())
//! # }
//! ```
//!
//! Where the facts leave a question open, a [`Dialect`] chooses the reading: `Pos::brasserie().with_dialect(..)`.

mod brasserie;
mod catalogue;
mod clock;
mod conformance;
pub mod dialect;
mod dispatch;
mod domain;
mod exchange;
mod faults;
pub mod fuzzing;
mod http;
mod images;
mod message;
mod pos;
mod replies;
mod requests;
mod runtime;
mod sampler;
mod state;
mod transport;

pub use self::{
    conformance::{NotConforming, transport_conformance},
    dialect::Dialect,
    faults::{Fault, Faults},
    http::PosServer,
    message::{Direction, Message, MessageError, operations},
    pos::Pos,
    replies::{Refusal, Replies},
    requests::Requests,
    runtime::VirtualRuntime,
    sampler::Sampler,
    state::{external_payments::ExternalPaymentStatus, prices::Menu},
};
