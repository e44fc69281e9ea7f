//! The demonstration: a restaurant on a test till in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use mplus_qapi::testkit::Pos;
use mplus_qapi::transport::{Body, Request, TransportError, TransportErrorKind};
use mplus_qapi::{Client, Endpoint, Transport};
use mplus_sync::connection::{Connector, HttpsConnector, NewConnection};
use mplus_sync::model::{Connection, ConnectionId, Environment};
use mplus_sync::store::Credentials;
use mplus_webhooks::MerchantId;
use mplus_webhooks::payment::{PaymentProfiles, PaymentProvider, PaymentRule};
use mplus_webhooks::testkit::ManualProvider;

use crate::app::App;
use crate::restaurant::own_data::{Billing, save_billing};
use crate::restaurant::runs::Wanted;

/// The demonstration's restaurant.
pub(crate) const ID: &str = "demo";
/// The name by which the test till is reached.
pub(crate) const HOST: &str = "test-till.localhost";
pub(crate) const PORT: u16 = 1;
pub(crate) const USERNAME: &str = "testkit";
pub(crate) const PASSWORD: &str = "geheim & vertrouwelijk";

/// The test till and what plays the customer.
#[derive(Clone)]
pub(crate) struct Demo {
    pub(crate) till: TestTill,
    pub(crate) terminal: Arc<ManualProvider>,
}

/// A test till that can be switched off.
#[derive(Debug, Clone)]
pub(crate) struct TestTill {
    pub(crate) pos: Pos,
    is_off: Arc<AtomicBool>,
}

impl TestTill {
    fn new(pos: Pos) -> Self {
        Self { pos, is_off: Arc::default() }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off.load(Ordering::Relaxed)
    }

    pub(crate) fn switch_off(&self, off: bool) {
        self.is_off.store(off, Ordering::Relaxed);
    }
}

#[async_trait]
impl Transport for TestTill {
    async fn send(&self, request: Request) -> Result<axum::http::Response<Body>, TransportError> {
        if self.is_off() {
            return Err(TransportError::new(TransportErrorKind::Connect, "the test till is switched off"));
        }
        self.pos.send(request).await
    }
}

impl Demo {
    pub(crate) fn new(products: Option<u32>) -> Self {
        let pos = products.map_or_else(Pos::brasserie, |products| Pos::generated(products, 1));
        Self { till: TestTill::new(pos), terminal: Arc::new(ManualProvider::new()) }
    }

    /// The terminal takes the payments of the demonstration's restaurant, and of no other: nobody is paid by pressing its button.
    pub(crate) fn profiles(&self) -> PaymentProfiles {
        let terminal: Arc<dyn PaymentProvider> = self.terminal.clone();
        PaymentProfiles::new().assign(PaymentRule::of(&MerchantId::new(ID)), terminal)
    }

    /// Connects the demonstration's restaurant anew, and begins to sync its menu.
    pub(crate) async fn start(&self, app: &App) -> Result<(), Box<dyn std::error::Error>> {
        let id = ConnectionId::from(ID);
        match app.restaurants.store().connection(&id).await? {
            Some(known) if !is_of_demo(&known) => {
                return Err(format!(
                    "a restaurant on {} is named {ID}: the demonstration would replace it",
                    known.host
                )
                .into());
            }
            _ => app.restaurants.remove(&id).await?,
        }
        save_billing(&app.records, &id, &Billing { stripe_customer: Some("cus_demo".to_owned()) }).await?;
        let new = NewConnection {
            id: id.clone(),
            name: "Brasserie De Gouden Leeuw".to_owned(),
            host: HOST.to_owned(),
            port: PORT,
            environment: Environment::Test,
        };
        let credentials = Credentials { ident: USERNAME.to_owned(), secret: PASSWORD.into() };
        app.restaurants.connect(new, credentials).await?;
        let secret = random_secret()?;
        app.subscriptions.save(&id, "demo", &secret).await?;
        app.restaurants.start(&id, Wanted::default()).await?;
        Ok(())
    }
}

/// Whether a connection is the demonstration's: nobody else's is ever removed.
pub(crate) fn is_of_demo(connection: &Connection) -> bool {
    connection.id.as_str() == ID && connection.host == HOST
}

/// A Secret Key as MplusKASSA's back office makes them.
pub(crate) fn random_secret() -> Result<String, aws_lc_rs::error::Unspecified> {
    use base64::Engine as _;
    let mut key = [0; 32];
    aws_lc_rs::rand::fill(&mut key)?;
    Ok(base64::engine::general_purpose::STANDARD.encode(key))
}

/// Reaches the test till by its name, and every other till over HTTPS.
pub(crate) fn connector(demo: Option<&Demo>) -> impl Connector + 'static {
    let (till, https) = (demo.map(|demo| demo.till.clone()), HttpsConnector::new());
    move |endpoint: Endpoint, credentials| match &till {
        Some(till) if endpoint.host() == HOST => {
            Ok(Client::builder(endpoint, credentials, till.clone(), mplus_qapi::TokioRuntime).build())
        }
        _ => https.client(endpoint, credentials),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restaurant_of_somebody_who_named_it_so_is_not_the_demonstrations() {
        let of = |id: &str, host: &str| {
            is_of_demo(&Connection::new(id, "Café", host, PORT, chrono::DateTime::UNIX_EPOCH))
        };
        assert!(of(ID, HOST));
        assert!(!of(ID, "api.mpluskassa.nl") && !of("cafe", HOST));
    }
}
