//! Connecting a merchant.

use bytes::Bytes;
use mplus_qapi::testkit::{Fault, Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, TransportError};
use mplus_qapi::{Client, Credentials, Endpoint, Transport};
use mplus_sync::Integration;

use super::assert_quoted;
use super::world::{Answering, credentials, host, new_connection};

/// What connecting over this transport says.
async fn refusal(transport: impl Transport + Clone) -> String {
    let connector = move |endpoint: Endpoint, credentials: Credentials| {
        let runtime = VirtualRuntime::default();
        Ok(Client::builder(endpoint, credentials, transport.clone(), runtime).build())
    };
    Integration::connect(host(connector), new_connection(), credentials()).await.unwrap_err().to_string()
}

/// Something else listens at this port.
#[derive(Debug, Clone)]
struct SomethingElse;

#[async_trait::async_trait]
impl Transport for SomethingElse {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        let mut response = http::Response::new(Body::from(Bytes::from_static(b"<html>not here</html>")));
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        Ok(response)
    }
}

#[tokio::test]
async fn connecting() {
    // The test POS accepts its own credentials alone.
    assert_quoted(&refusal(Pos::brasserie()).await);
    let pos = Pos::brasserie();
    pos.faults().script([Fault::Refused; 8]);
    assert_quoted(&refusal(pos).await);
    assert_quoted(&refusal(SomethingElse).await);

    let newer = "<getApiVersionResponse><majorNumber>2</majorNumber><minorNumber>0</minorNumber>\
                 <revisionNumber>0</revisionNumber></getApiVersionResponse>";
    assert_quoted(
        &refusal(Answering { pos: Pos::brasserie(), operation: "getApiVersion", body: newer }).await,
    );

    let pos = Pos::brasserie();
    let nobody = Integration::open(host(move |_, _| Ok(pos.client())), "merchant-1".into()).await;
    assert_quoted(&nobody.unwrap_err().to_string());
}
