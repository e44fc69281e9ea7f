//! Images at Cloudflare Images.

mod reply;
mod retry;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mplus_qapi::Secret;
use reqwest::multipart::{Form, Part};
use reqwest::{Client, ClientBuilder, RequestBuilder, Url};

use super::{ContentHash, Image, MediaError, MediaStore, StoredImage};
use crate::runtime::{Runtime, TokioRuntime};
use reply::{Reply, Verdict};
pub use retry::RetryLimits;

/// Cloudflare's API, in production.
const API: &str = "https://api.cloudflare.com/client/v4/";

/// One call may take this long, upload included.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Keeps images at Cloudflare Images, each under its content hash as custom id.
///
/// An image that is there already counts as stored (Cloudflare's error 5409), so a call may be repeated at will;
/// this store repeats calls itself when Cloudflare limits the rate (waiting as long as its `Retry-After` asks),
/// fails or cannot be reached, within [`RetryLimits`]. Cloudflare documents 1,200 calls in five minutes for a token, at
/// most 10 MiB an image, and that images with a custom id are always public.
///
/// The token needs the permission to edit Cloudflare Images. It goes only into the `Authorization` header and is
/// never shown. Clones share the connections.
///
/// ```no_run
/// use mplus_sync::media::{CloudflareImages, Image, ImageRules, MediaStore};
///
/// # async fn host(token: String, bytes: bytes::Bytes) -> Result<(), Box<dyn std::error::Error>> {
/// let store = CloudflareImages::new("023e105f4ecef8ad9ca31a8372d0c353", token)?;
/// let stored = store.put(&Image::check(bytes, &ImageRules::default())?).await?;
/// println!("{}", stored.url);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CloudflareImages {
    client: Client,
    base: Url,
    account: String,
    token: Secret,
    variant: String,
    limits: RetryLimits,
    runtime: Arc<dyn Runtime>,
}

/// A store that cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloudflareSetupError {
    /// Not an account id.
    #[error("'{0}' is not a Cloudflare account id: letters and digits are expected")]
    Account(String),
    /// Not an address that the token may be sent to.
    #[error("'{0}' is not an address for the token: https is required, except on this machine")]
    BaseUrl(String),
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be made: {0}")]
    Client(String),
}

impl CloudflareImages {
    /// Images of this account, served in the variant `public`.
    ///
    /// # Errors
    /// [`CloudflareSetupError`] when the account id is none, or no HTTP client can be made.
    pub fn new(account_id: &str, token: impl Into<Secret>) -> Result<Self, CloudflareSetupError> {
        if account_id.is_empty() || !account_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(CloudflareSetupError::Account(account_id.to_owned()));
        }
        Ok(Self {
            client: safe_client(Client::builder().timeout(CALL_TIMEOUT))?,
            base: parse_base(API)?,
            account: account_id.to_owned(),
            token: token.into(),
            variant: "public".to_owned(),
            limits: RetryLimits::default(),
            runtime: Arc::new(TokioRuntime),
        })
    }

    /// Calls another address than `https://api.cloudflare.com/client/v4/`: a proxy, a test server. Plain `http` is for this
    /// machine alone, and goes there directly with the usual settings.
    ///
    /// # Errors
    /// [`CloudflareSetupError::BaseUrl`] when the token must not be sent there.
    pub fn with_base_url(mut self, base_url: &str) -> Result<Self, CloudflareSetupError> {
        self.base = parse_base(base_url)?;
        if self.is_plain() {
            // A proxy would see the token.
            self.client = safe_client(Client::builder().timeout(CALL_TIMEOUT).no_proxy())?;
        }
        Ok(self)
    }

    /// Serves images in this variant; the first that Cloudflare names when it has none of this name.
    #[must_use]
    pub fn with_variant(mut self, variant: impl Into<String>) -> Self {
        self.variant = variant.into();
        self
    }

    /// How often and how long to try.
    #[must_use]
    pub fn with_retry_limits(mut self, limits: RetryLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Another clock, timer and source of randomness for the waits.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Arc<dyn Runtime>) -> Self {
        self.runtime = runtime;
        self
    }

    /// Other settings of the HTTP client: own time-outs, a proxy, certificates. What keeps the token safe is set after them:
    /// no redirect is followed, no referer is sent, nothing is unpacked, no traffic is logged, and plain `http` goes through no
    /// proxy.
    ///
    /// # Errors
    /// [`CloudflareSetupError::Client`] when no client can be made with them.
    pub fn with_http_settings(
        mut self,
        settings: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Result<Self, CloudflareSetupError> {
        let mut builder = settings(Client::builder().timeout(CALL_TIMEOUT));
        if self.is_plain() {
            builder = builder.no_proxy();
        }
        self.client = safe_client(builder)?;
        Ok(self)
    }

    fn is_plain(&self) -> bool {
        self.base.scheme() == "http"
    }

    fn images(&self) -> String {
        format!("{}accounts/{}/images/v1", self.base, self.account)
    }

    fn upload(&self, image: &Image) -> Result<RequestBuilder, reqwest::Error> {
        let name = format!("{}.{}", image.hash(), image.kind().extension());
        let length = u64::try_from(image.bytes().len()).unwrap_or(u64::MAX);
        let file = Part::stream_with_length(image.bytes().clone(), length).file_name(name);
        let form = Form::new()
            .text("id", image.hash().to_string())
            .part("file", file.mime_str(image.kind().content_type())?);
        Ok(self.client.post(self.images()).multipart(form))
    }

    fn details(&self, hash: &ContentHash) -> Result<RequestBuilder, reqwest::Error> {
        Ok(self.client.get(format!("{}/{hash}", self.images())))
    }

    /// Calls until there is an answer that stands, or the limits are reached.
    async fn call(
        &self,
        request: impl Fn() -> Result<RequestBuilder, reqwest::Error>,
    ) -> Result<Reply, MediaError> {
        for attempt in 1.. {
            let verdict = match self.attempt(&request).await {
                Ok(verdict) => verdict,
                Err(error) => Verdict::Again { after: None, error: unreachable(error) },
            };
            let (after, error) = match verdict {
                Verdict::Stands(reply) => return Ok(reply),
                Verdict::Fails(error) => return Err(error),
                Verdict::Again { after, error } => (after, error),
            };
            match self.limits.wait(attempt, after, self.runtime.random()) {
                Some(wait) => self.runtime.sleep(wait).await,
                None => return Err(error),
            }
        }
        Err(MediaError::Unavailable { detail: "too many attempts".to_owned() })
    }

    async fn attempt(
        &self,
        request: impl Fn() -> Result<RequestBuilder, reqwest::Error>,
    ) -> Result<Verdict, reqwest::Error> {
        let mut response = request()?.bearer_auth(self.token.expose()).send().await?;
        let status = response.status().as_u16();
        let header =
            response.headers().get(reqwest::header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let after = header.and_then(|text| retry::parse_retry_after(text, self.runtime.now()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > reply::LARGEST {
                return Ok(Verdict::too_long());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(reply::judge(status, after, &body))
    }

    fn stored(&self, hash: ContentHash, reply: Reply) -> Result<Option<StoredImage>, MediaError> {
        match reply {
            Reply::Image { variants } => match reply::choose_variant(variants, &self.variant) {
                Some(url) => Ok(Some(StoredImage { hash, url })),
                None => Err(MediaError::Reply { detail: "it names no address for the image".to_owned() }),
            },
            Reply::AlreadyExists | Reply::NotFound => Ok(None),
        }
    }
}

#[async_trait]
impl MediaStore for CloudflareImages {
    async fn put(&self, image: &Image) -> Result<StoredImage, MediaError> {
        let stored = match self.call(|| self.upload(image)).await? {
            // The answer that says so does not say where.
            Reply::AlreadyExists => self.find(&image.hash()).await?,
            reply => self.stored(image.hash(), reply)?,
        };
        stored.ok_or_else(|| MediaError::Reply { detail: "it has the image and does not have it".to_owned() })
    }

    async fn find(&self, hash: &ContentHash) -> Result<Option<StoredImage>, MediaError> {
        let reply = self.call(|| self.details(hash)).await?;
        self.stored(*hash, reply)
    }
}

impl fmt::Debug for CloudflareImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloudflareImages")
            .field("base", &self.base.as_str())
            .field("account", &self.account)
            .field("variant", &self.variant)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A client that shows the token to nobody else, whatever its other settings are.
fn safe_client(builder: ClientBuilder) -> Result<Client, CloudflareSetupError> {
    let safe = builder.redirect(reqwest::redirect::Policy::none()).referer(false).connection_verbose(false);
    let safe = safe.no_gzip().no_brotli().no_deflate().no_zstd();
    safe.build().map_err(|error| CloudflareSetupError::Client(error.without_url().to_string()))
}

fn parse_base(text: &str) -> Result<Url, CloudflareSetupError> {
    // What is refused may hold a password, before the host or in the query.
    let shown = text.split(['?', '#']).next().unwrap_or_default();
    let shown = shown.rsplit_once('@').map_or(shown, |(_, behind)| behind);
    let refused = || CloudflareSetupError::BaseUrl(shown.to_owned());
    let slash = if text.ends_with('/') { "" } else { "/" };
    let url = Url::parse(&format!("{text}{slash}")).map_err(|_| refused())?;
    let local = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
    });
    let plain = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && local);
    if plain && safe { Ok(url) } else { Err(refused()) }
}

fn unreachable(error: reqwest::Error) -> MediaError {
    let error = error.without_url();
    let mut detail = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        detail = format!("{detail}: {cause}");
        source = cause.source();
    }
    MediaError::Unavailable { detail }
}
