//! Viva Wallet: cards on a cloud terminal, and the web checkout.

mod checkout;
mod terminal;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Method, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use super::call::{Api, Call, field, form, inside};
use crate::event::json::{DataError, Fields};
use crate::http_client::HttpClient;
use crate::payment::{NoticeRefused, Payment, PaymentProvider, ProviderError, ProviderNews};
use crate::runtime::Runtime;

/// Where the customer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VivaMode {
    /// On a terminal, through the Cloud Terminal API.
    Terminal {
        /// The terminal's number.
        terminal_id: i64,
        /// The host's name for the till.
        cash_register_id: String,
    },
    /// On Viva's checkout page; the till shows its address as a QR code.
    Checkout {
        /// The payment source's code.
        source_code: String,
    },
}

/// The account's credentials.
#[derive(Debug, Clone)]
pub struct VivaCredentials {
    /// OAuth2 client of the newer API.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
    /// Account id of the older API, which answers about orders.
    pub merchant_id: String,
    /// Its key.
    pub api_key: SecretString,
}

/// Viva's addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VivaEndpoints {
    /// Where tokens come from.
    pub accounts: String,
    /// The newer API.
    pub api: String,
    /// The older API and the checkout page.
    pub web: String,
}

impl VivaEndpoints {
    /// Real money.
    pub fn live() -> Self {
        Self::of(
            "https://accounts.vivapayments.com",
            "https://api.vivapayments.com",
            "https://www.vivapayments.com",
        )
    }

    /// Viva's demo environment.
    pub fn demo() -> Self {
        Self::of(
            "https://demo-accounts.vivapayments.com",
            "https://demo-api.vivapayments.com",
            "https://demo.vivapayments.com",
        )
    }

    /// Any addresses, for tests.
    pub fn of(accounts: &str, api: &str, web: &str) -> Self {
        Self { accounts: accounts.to_owned(), api: api.to_owned(), web: web.to_owned() }
    }
}

/// Takes payments through Viva Wallet, in euros.
///
/// The payment's id names the terminal session, so a repeated start is the same session. The web checkout has no such key: a
/// repeated start may leave a second order behind, whose address was shown to nobody and which runs out by itself.
///
/// A terminal session that says it failed has been seen to succeed later, with another card. So a failed session is aborted, and
/// only then the payment has failed.
#[derive(Debug)]
pub struct Viva {
    api: Api,
    endpoints: VivaEndpoints,
    credentials: VivaCredentials,
    mode: VivaMode,
    runtime: Arc<dyn Runtime>,
    token: Mutex<Option<(SecretString, DateTime<Utc>)>>,
}

impl Viva {
    /// The name that is stored with the payments.
    pub const NAME: &'static str = "viva";

    /// Takes payments with these credentials at these addresses.
    pub fn new(
        client: Arc<dyn HttpClient>,
        runtime: Arc<dyn Runtime>,
        endpoints: VivaEndpoints,
        credentials: VivaCredentials,
        mode: VivaMode,
    ) -> Self {
        let api = Api { provider: Self::NAME, client };
        Self { api, endpoints, credentials, mode, runtime, token: Mutex::default() }
    }

    /// The key that proves to Viva that a webhook address is the merchant's own: answer a `GET` of that address with
    /// `{"Key": "<this>"}`.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn webhook_key(&self) -> Result<String, ProviderError> {
        let (_, body) = self.old_api(Method::GET, "/api/messages/config/token", &[]).await?;
        let key = self.api.read(&body, |mut answer| field(&mut answer, "Key"))?;
        key.ok_or_else(|| self.api.unreachable("its answer has no `Key`".to_owned()))
    }

    /// The access token, renewed a minute before it runs out.
    async fn token(&self) -> Result<SecretString, ProviderError> {
        let now = self.runtime.now();
        let cached = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, until)) = cached
            && now < until
        {
            return Ok(token);
        }
        let VivaCredentials { client_id, client_secret, .. } = &self.credentials;
        let call = Call {
            method: Method::POST,
            url: format!("{}/connect/token", self.endpoints.accounts),
            authorization: basic(client_id, client_secret),
            content_type: "application/x-www-form-urlencoded",
            body: form(&[("grant_type", "client_credentials")]),
            idempotency_key: None,
        };
        let (_, body) = self.api.send(call, &[]).await?;
        let (token, seconds) = self.api.read(&body, |mut answer| {
            let token: Option<String> = field(&mut answer, "access_token")?;
            Ok((token, field::<i64>(&mut answer, "expires_in")?.unwrap_or(300)))
        })?;
        let token = token.ok_or_else(|| self.api.unreachable("its answer has no access token".to_owned()))?;
        let token = SecretString::from(token);
        let until = now + TimeDelta::seconds(seconds.clamp(0, 86_400) - 60);
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.clone(), until));
        Ok(token)
    }

    async fn new_api(
        &self,
        method: Method,
        path: &str,
        body: Option<serde_json::Value>,
        expected: &[StatusCode],
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let call = |token: &SecretString| Call {
            method: method.clone(),
            url: format!("{}{path}", self.endpoints.api),
            authorization: format!("Bearer {}", token.expose_secret()),
            content_type: "application/json",
            body: body.clone(),
            idempotency_key: None,
        };
        let or_unauthorised = [expected, &[StatusCode::UNAUTHORIZED]].concat();
        let answered = self.api.send(call(&self.token().await?), &or_unauthorised).await?;
        if answered.0 != StatusCode::UNAUTHORIZED {
            return Ok(answered);
        }
        // The token was withdrawn before its time. Nothing happened yet.
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.api.send(call(&self.token().await?), expected).await
    }

    async fn old_api(
        &self,
        method: Method,
        path: &str,
        expected: &[StatusCode],
    ) -> Result<(StatusCode, Bytes), ProviderError> {
        let call = Call {
            method,
            url: format!("{}{path}", self.endpoints.web),
            authorization: basic(&self.credentials.merchant_id, &self.credentials.api_key),
            content_type: "application/json",
            body: String::new(),
            idempotency_key: None,
        };
        self.api.send(call, expected).await
    }
}

fn basic(user: &str, password: &SecretString) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())))
}

#[async_trait]
impl PaymentProvider for Viva {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { terminal_id, cash_register_id } => {
                self.create_session(payment, *terminal_id, cash_register_id).await
            }
            VivaMode::Checkout { source_code } => self.create_order(payment, source_code).await,
        }
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { .. } => Ok(self.find_session(payment).await?.1),
            VivaMode::Checkout { .. } => self.get_order(payment).await,
        }
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { cash_register_id, .. } => {
                self.cancel_session(payment, cash_register_id).await
            }
            VivaMode::Checkout { .. } => self.cancel_order(payment).await,
        }
    }

    /// Viva does not sign its calls, so a call only says which payment to ask about.
    fn read_notice(
        &self,
        _: &HeaderMap,
        body: &Bytes,
        _: DateTime<Utc>,
    ) -> Result<Option<String>, NoticeRefused> {
        let read = |mut call: Fields<'_>| -> Result<Option<String>, DataError> {
            let Some(mut event) = inside(&mut call, "EventData")? else { return Ok(None) };
            match &self.mode {
                VivaMode::Terminal { .. } => field(&mut event, "SessionId"),
                VivaMode::Checkout { .. } => field(&mut event, "OrderCode"),
            }
        };
        self.api.read(body, read).map_err(|error| NoticeRefused(error.to_string()))
    }
}
