//! How the POS of a connection is reached.

use mplus_qapi::{Client, Endpoint};

/// Makes the client of a connection.
///
/// Any function will do; tests give one that answers with a test POS's client. [`HttpsConnector`] is the real one.
pub trait Connector: Send + Sync {
    /// A client for this endpoint and these credentials. Nothing is sent yet.
    ///
    /// # Errors
    /// What is wrong with host or port, without any credentials in it.
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String>;
}

impl<F> Connector for F
where
    F: Fn(Endpoint, mplus_qapi::Credentials) -> Result<Client, String> + Send + Sync,
{
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String> {
        self(endpoint, credentials)
    }
}

/// Reaches the POS over HTTPS.
#[cfg(feature = "https")]
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpsConnector;

#[cfg(feature = "https")]
impl Connector for HttpsConnector {
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String> {
        Client::connect(endpoint, credentials).map_err(|error| error.to_string())
    }
}
