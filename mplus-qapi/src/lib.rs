//! Typed client for the MplusQapi SOAP interface of the MplusKASSA point of sale.

mod call;
mod client;
mod credentials;
mod error;
mod retry;
mod runtime;
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
pub use self::{
    call::{Call, Reply},
    client::{Client, ClientBuilder},
    credentials::{Credentials, Endpoint, EndpointError},
    error::{Error, ErrorKind},
    generated::*,
    retry::RetryPolicy,
    runtime::Runtime,
    stream::{ItemStream, Page, Pages},
    transport::Transport,
};
