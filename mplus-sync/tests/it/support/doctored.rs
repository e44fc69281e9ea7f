//! A POS whose answers are changed on the way, for what the test POS would never say.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use mplus_qapi::testkit::Pos;
use mplus_qapi::transport::{Body, Request, Transport, TransportError};

type Change = dyn Fn(String) -> String + Send + Sync;

/// Changes the answers to one operation.
#[derive(Clone)]
pub(crate) struct Doctored {
    pos: Pos,
    operation: &'static str,
    change: Arc<Change>,
}

impl Doctored {
    pub(crate) fn new(
        pos: &Pos,
        operation: &'static str,
        change: impl Fn(String) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { pos: pos.clone(), operation, change: Arc::new(change) }
    }
}

#[async_trait]
impl Transport for Doctored {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let meant = request.headers().get("soapaction").is_some_and(|action| action == self.operation);
        let (head, mut body) = self.pos.send(request).await?.into_parts();
        if !meant {
            return Ok(http::Response::from_parts(head, body));
        }
        let mut document = Vec::new();
        while let Some(piece) = body.next().await {
            document.extend_from_slice(&piece?);
        }
        let document = (self.change)(String::from_utf8(document).expect("UTF-8"));
        Ok(http::Response::from_parts(head, Bytes::from(document).into()))
    }
}

impl fmt::Debug for Doctored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Doctored({})", self.operation)
    }
}
