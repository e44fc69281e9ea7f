//! The client: one connection of a merchant to its POS.

use std::{
    fmt,
    sync::{Arc, RwLock},
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::{
    Call, Capture, Credentials, Endpoint, Error, Gate, RetryPolicy, Runtime, Transport,
    channel::{Channel, KnownCredentials, Settings, Shared},
    gate::Gates,
    soap::Operation,
};

/// A connection to the service. Cheap to clone; clones share their transport and their limit of connections.
///
/// Every operation has a method in its domain's module; what they return is awaited for the response, or asked for a
/// stream, pages, another time-out first (see [`Call`]).
///
/// ```
/// # #[cfg(feature = "testkit")] {
/// use mplus_qapi::{Client, products::GetProductsRequest};
///
/// # async fn example(client: Client) -> Result<(), mplus_qapi::Error> {
/// let request = GetProductsRequest { sync_marker: Some(1), ..Default::default() };
/// let response = client.get_products(request).await?;
/// for product in &response.product_list {
///     println!("{:?}", product.description);
/// }
/// # Ok(())
/// # }
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) channel: Channel,
}

impl Client {
    /// Settings to start from. `transport` and `runtime` are usually those of the features `reqwest` and `tokio`; see
    /// [`Self::connect`].
    pub fn builder(
        endpoint: Endpoint,
        credentials: Credentials,
        transport: impl Transport,
        runtime: impl Runtime,
    ) -> ClientBuilder {
        ClientBuilder {
            shared: Shared {
                transport: Arc::new(transport),
                runtime: Arc::new(runtime),
                endpoint,
                credentials: RwLock::new(KnownCredentials::new(credentials)),
                connections: Arc::new(Semaphore::new(4)),
                max_connections: 4,
                capture: None,
                settings: Settings {
                    timeout: None,
                    retry: RetryPolicy::default(),
                    strict: false,
                    page: false,
                    leaves_out_unreadable: false,
                    buffered_limit: 64 << 20,
                    streamed_limit: 1 << 30,
                },
            },
        }
    }

    /// A client over reqwest and tokio with the usual settings, and with connections of its own. Nothing is sent yet.
    ///
    /// A host with many merchants makes one [`ReqwestTransport`](crate::transport::ReqwestTransport) and hands a clone of
    /// it to [`Self::builder`] for each.
    ///
    /// # Errors
    /// [`ErrorKind::Transport`](crate::ErrorKind::Transport) when TLS cannot start.
    #[cfg(feature = "reqwest")]
    pub fn connect(endpoint: Endpoint, credentials: Credentials) -> Result<Self, Error> {
        let transport = crate::transport::ReqwestTransport::builder().build()?;
        Ok(Self::builder(endpoint, credentials, transport, crate::TokioRuntime).build())
    }

    /// Sends a request and waits for its response: the generic form of the operations' methods.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn send<O: Operation>(&self, operation: O) -> Result<O::Response, Error> {
        self.call(operation).await
    }

    /// The same client behind a gate, which is asked before each request. Gates add up; those that were put before it
    /// earlier are asked first. The client that it was made of stays without.
    #[must_use]
    pub fn through(&self, gate: Arc<dyn Gate>) -> Self {
        let Channel { shared, gates } = &self.channel;
        let gates = gates.iter().cloned().chain([gate]).collect();
        Self { channel: Channel { shared: Arc::clone(shared), gates } }
    }

    /// A call to be adjusted and then awaited or streamed.
    pub fn call<O: Operation>(&self, operation: O) -> Call<O> {
        Call::new(self.channel.clone(), operation)
    }

    /// A text without the credentials of this client, those before the present ones included, however they are escaped in it:
    /// for what the other side said in a response, before it is shown or kept. See [`Credentials::erase_from`].
    pub fn erase_from(&self, text: impl Into<String>) -> String {
        self.channel.shared.erase_from(text.into())
    }

    /// The credentials that hold now, for a [`Gate`] of another client.
    pub fn credentials(&self) -> Credentials {
        (*self.channel.shared.credentials()).clone()
    }

    /// Where this client sends to.
    pub fn endpoint(&self) -> &Endpoint {
        &self.channel.shared.endpoint
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.channel.shared.endpoint.as_str())
            .field("transport", &self.channel.shared.transport)
            .field("settings", &self.channel.shared.settings)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`].
#[must_use]
pub struct ClientBuilder {
    shared: Shared,
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder").field("settings", &self.shared.settings).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// From the start of an attempt to the last byte of its response, however steadily it flows. For a stream that includes
    /// the time that the host takes for the items. Waiting for a [`Gate`] and for a free connection together takes at most as
    /// long, before that.
    ///
    /// Unless set, 50 s for reads and for each page of changes, which leaves room for their repeats, and 600 s for streams
    /// and for everything that changes something: giving up early would leave open whether it was carried out. A stream also
    /// ends when nothing comes for 50 s, or for the time that is set if that is shorter.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.shared.settings.timeout = Some(timeout);
        self
    }

    /// How failed attempts are repeated.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.shared.settings.retry = policy;
        self
    }

    /// Makes a required element that is absent an error. Otherwise it gets its default and is reported: older versions
    /// of the service do not know newer elements.
    pub fn strict(mut self, strict: bool) -> Self {
        self.shared.settings.strict = strict;
        self
    }

    /// How many requests may be under way at once; further ones wait, at most as long as their time-out, and end in
    /// [`ErrorKind::Busy`](crate::ErrorKind::Busy) after that. 4 unless set; the service's own limit is not known. A stream
    /// counts until it ends or is dropped: whoever calls the service for each item of a stream needs one more than there
    /// are streams.
    pub fn max_connections(mut self, connections: usize) -> Self {
        let connections = connections.clamp(1, Semaphore::MAX_PERMITS);
        self.shared.connections = Arc::new(Semaphore::new(connections));
        self.shared.max_connections = connections;
        self
    }

    /// The largest response in bytes that is held at once, unpacked: 64 MiB unless set. In a stream it bounds one item. The
    /// values that are decoded from it may take twice as much.
    pub fn buffered_limit(mut self, bytes: u64) -> Self {
        self.shared.settings.buffered_limit = bytes;
        self
    }

    /// The largest response in bytes that is streamed, unpacked: 1 GiB unless set.
    pub fn streamed_limit(mut self, bytes: u64) -> Self {
        self.shared.settings.streamed_limit = bytes;
        self
    }

    /// Shows every request and response to `hook`, redacted: see [`Capture`]. Nobody sees them unless this is set.
    pub fn capture(mut self, hook: impl Capture) -> Self {
        self.shared.capture = Some(Arc::new(hook));
        self
    }

    /// The client.
    pub fn build(self) -> Client {
        Client { channel: Channel { shared: Arc::new(self.shared), gates: Gates::default() } }
    }
}
