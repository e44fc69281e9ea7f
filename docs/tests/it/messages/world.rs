//! A merchant, a test POS, a store.

use std::sync::Arc;

use bytes::Bytes;
use mplus_qapi::testkit::{Pos, VirtualRuntime};
use mplus_qapi::transport::{Body, Request, TransportError};
use mplus_qapi::{Client, Endpoint, Transport};
use mplus_sync::Host;
use mplus_sync::connection::{Connector, NewConnection};
use mplus_sync::model::{BranchNumber, ConnectionId, Environment, Item, Location, Tracked};
use mplus_sync::runtime::TokioRuntime;
use mplus_sync::store::{CatalogChunk, CatalogStore, Credentials, LocationStore, MemoryStore, MemoryVault};
use rust_decimal::Decimal;

pub(crate) fn new_connection() -> NewConnection {
    NewConnection {
        id: "merchant-1".into(),
        name: "De Gouden Leeuw".to_owned(),
        host: "api.mpluskassa.nl".to_owned(),
        port: 34562,
        environment: Environment::Test,
    }
}

pub(crate) fn host(connector: impl Connector + 'static) -> Host {
    Host::new(Arc::new(MemoryStore::new()), Arc::new(MemoryVault::new()), connector, Arc::new(TokioRuntime))
}

pub(crate) fn credentials() -> Credentials {
    Credentials { ident: "user".to_owned(), secret: "password".into() }
}

pub(crate) fn cents(cents: i64) -> Decimal {
    Decimal::new(cents, 2)
}

pub(crate) fn connection() -> ConnectionId {
    "merchant-1".into()
}

pub(crate) struct World {
    pub(crate) pos: Pos,
    pub(crate) store: Arc<MemoryStore>,
}

impl World {
    /// A store with a linked cola and a linked location.
    pub(crate) async fn new() -> Self {
        let (pos, store) = (Pos::brasserie(), Arc::new(MemoryStore::new()));
        let cola = pos.article_number("Coca-Cola").expect("on the menu").into();
        let items = vec![Tracked::new(Item::new("cola", "Coca-Cola")).linked(cola)];
        store.apply(&connection(), CatalogChunk { items, ..CatalogChunk::default() }).await.unwrap();
        let city = Tracked::new(Location::new("city", "City")).linked(BranchNumber::new(1));
        store.apply_locations(&connection(), vec![city]).await.unwrap();
        Self { pos, store }
    }
}

/// A test POS that answers one operation in another way.
#[derive(Debug, Clone)]
pub(crate) struct Answering {
    pub(crate) pos: Pos,
    pub(crate) operation: &'static str,
    pub(crate) body: &'static str,
}

#[async_trait::async_trait]
impl Transport for Answering {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if !String::from_utf8_lossy(request.body()).contains(self.operation) {
            return self.pos.send(request).await;
        }
        let envelope = format!(
            "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns=\"urn:mplusqapi\"><e:Body>\
             {}</e:Body></e:Envelope>",
            self.body
        );
        Ok(http::Response::new(Body::from(Bytes::from(envelope))))
    }
}

impl Answering {
    /// A client that is let in.
    pub(crate) fn client(&self) -> Client {
        let endpoint = Endpoint::new("api.mpluskassa.nl", 34562).unwrap();
        Client::builder(endpoint, self.pos.credentials(), self.clone(), VirtualRuntime::default()).build()
    }
}
