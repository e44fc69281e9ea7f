//! Typed client for the MplusQapi SOAP interface of the MplusKASSA point of sale.

mod call;
mod capture;
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
// Without a domain there is nothing in it.
#[allow(unused_imports, unreachable_pub)]
pub use self::generated::*;
pub use self::{
    call::{Call, Reply},
    capture::{Capture, CapturedMessage, CapturedPart, is_sensitive},
    client::{Client, ClientBuilder},
    credentials::{Credentials, Endpoint, EndpointError},
    error::{Error, ErrorKind},
    retry::RetryPolicy,
    runtime::Runtime,
    stream::{ItemStream, Page, Pages},
    transport::Transport,
};
