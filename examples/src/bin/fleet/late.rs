//! A POS that takes its time.

use std::time::Duration;

use async_trait::async_trait;
use mplus_qapi::transport::{Body, Request, ReqwestTransport, Transport, TransportError};

/// Waits before each call, as a POS that is busy would.
#[derive(Debug, Clone)]
pub(crate) struct Late {
    pub(crate) transport: ReqwestTransport,
    pub(crate) by: Duration,
}

#[async_trait]
impl Transport for Late {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if !self.by.is_zero() {
            tokio::time::sleep(self.by).await;
        }
        self.transport.send(request).await
    }
}
