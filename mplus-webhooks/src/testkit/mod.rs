//! The other side of the conversation: tills that sign and send, a provider worked by hand.
//!
//! Everything works on an [`Orchestrator`] in the same process, and against a real URL with feature `reqwest`.

pub mod conformance;
mod provider;
mod reply;
mod till;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use crate::Orchestrator;
use crate::http_client::{HttpClient, HttpError};

pub use provider::{ManualProvider, ProviderCalls};
pub use reply::{TillError, TillReply};
pub use till::{Till, TillLine, TillPayment};

/// Sends to an orchestrator in the same process.
#[async_trait]
impl HttpClient for Orchestrator {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        Ok(self.handle(request).await)
    }
}
