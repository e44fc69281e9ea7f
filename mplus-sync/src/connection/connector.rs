//! How the POS of a connection is reached.

#[cfg(feature = "https-no-tls")]
use std::sync::{Arc, OnceLock};

#[cfg(feature = "https-no-tls")]
use mplus_qapi::transport::ReqwestTransport;
use mplus_qapi::{Client, Endpoint};

/// Makes the client of a connection.
///
/// Any function will do; tests give one that answers with a test POS's client. `HttpsConnector` (feature `https`) is the real one.
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

/// Reaches the POS over HTTPS. All merchants share one transport, made when the first of them is reached; clones share it, too.
#[cfg(feature = "https-no-tls")]
#[derive(Debug, Clone, Default)]
pub struct HttpsConnector {
    transport: Arc<OnceLock<ReqwestTransport>>,
}

#[cfg(feature = "https-no-tls")]
impl HttpsConnector {
    /// With the usual settings: the certificates of the platform, the proxy that the environment names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Over a transport with settings of its own: a proxy, other certificates, a pinned one.
    #[must_use]
    pub fn with_transport(transport: ReqwestTransport) -> Self {
        Self { transport: Arc::new(OnceLock::from(transport)) }
    }

    fn transport(&self) -> Result<ReqwestTransport, mplus_qapi::Error> {
        if let Some(transport) = self.transport.get() {
            return Ok(transport.clone());
        }
        let transport = ReqwestTransport::builder().build()?;
        Ok(self.transport.get_or_init(|| transport).clone())
    }
}

#[cfg(feature = "https-no-tls")]
impl Connector for HttpsConnector {
    fn client(&self, endpoint: Endpoint, credentials: mplus_qapi::Credentials) -> Result<Client, String> {
        let transport = self.transport().map_err(|error| error.to_string())?;
        Ok(Client::builder(endpoint, credentials, transport, mplus_qapi::TokioRuntime).build())
    }
}
