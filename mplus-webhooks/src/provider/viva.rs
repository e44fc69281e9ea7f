//! Viva Wallet: cards on a cloud terminal, and the web checkout.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, Method, StatusCode};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::call::{Api, Call, escape, euros, field, form, inside};
use crate::event::json::{DataError, Fields, RawJson};
use crate::http_client::HttpClient;
use crate::payment::{NoticeRefused, Payment, PaymentProvider, ProviderError, ProviderNews, ProviderStatus};
use crate::runtime::Runtime;

/// ISO 4217 number of the euro.
const EURO: i64 = 978;
/// The event of a terminal session that is still going on.
const IN_PROGRESS: i64 = 1100;
/// The event of a terminal session that was aborted.
const ABORTED: i64 = 1016;
/// A terminal shows a session for about a minute. One that never reached its terminal is answered as going on for ever; this long
/// after its start, an aborted one is taken to be over.
const SESSION_LIFETIME: TimeDelta = TimeDelta::minutes(3);

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

    fn session_path(payment: &Payment) -> String {
        format!("/ecr/v1/sessions/{}", escape(&payment.key.id))
    }

    async fn create_session(
        &self,
        payment: &Payment,
        terminal_id: i64,
        cash_register_id: &str,
    ) -> Result<ProviderNews, ProviderError> {
        let sale = json!({
            "sessionId": payment.key.id,
            "terminalId": terminal_id,
            "cashRegisterId": cash_register_id,
            "amount": self.api.cents(payment.amount)?,
            "currencyCode": EURO,
            "merchantReference": payment.key.id,
            "customerTrns": payment.key.id,
            "preauth": false,
            "maxInstalments": 0,
            "tipAmount": 0,
        });
        // A conflict is the session that an earlier attempt made.
        let expected = [StatusCode::CONFLICT];
        match self.new_api(Method::POST, "/ecr/v1/transactions:sale", Some(sale), &expected).await {
            // The terminal may be busy with this very payment, when the answer to an earlier attempt was lost.
            Err(refused @ ProviderError::Refused { .. }) => {
                if self.find_session(payment).await?.0 == StatusCode::NOT_FOUND {
                    return Err(refused);
                }
            }
            sent => drop(sent?),
        }
        let mut news = ProviderNews::new(ProviderStatus::Pending).with_reference(payment.key.id.as_str());
        news.terminal_id = Some(terminal_id.to_string());
        Ok(news)
    }

    /// The session as it stands. `202` is one that has no result yet, `404` none at all.
    async fn find_session(&self, payment: &Payment) -> Result<(StatusCode, ProviderNews), ProviderError> {
        let path = Self::session_path(payment);
        let (status, body) = self.new_api(Method::GET, &path, None, &[StatusCode::NOT_FOUND]).await?;
        match status {
            StatusCode::ACCEPTED => return Ok((status, ProviderNews::new(ProviderStatus::Pending))),
            StatusCode::NOT_FOUND => return Ok((status, ProviderNews::new(ProviderStatus::Unknown))),
            _ => {}
        }
        let news = self.api.read(&body, |mut session| {
            let success: Option<bool> = field(&mut session, "success")?;
            let event: Option<i64> = field(&mut session, "eventId")?;
            let amount: Option<i64> = field(&mut session, "amount")?;
            let mut news = ProviderNews::new(match (success, event, amount) {
                (Some(true), _, Some(cents)) => ProviderStatus::Captured(euros(cents)),
                (_, Some(IN_PROGRESS), _) => ProviderStatus::Pending,
                (Some(false), Some(ABORTED), _) => ProviderStatus::Cancelled,
                (Some(false), Some(_), _) => ProviderStatus::Declined,
                _ => ProviderStatus::Unknown,
            });
            news.transaction_reference = field(&mut session, "transactionId")?;
            news.card_type = field(&mut session, "applicationLabel")?;
            news.terminal_id = field(&mut session, "terminalId")?;
            Ok(news)
        });
        Ok((status, news?))
    }

    async fn cancel_session(
        &self,
        payment: &Payment,
        cash_register_id: &str,
    ) -> Result<ProviderNews, ProviderError> {
        let path = format!("{}?cashRegisterId={}", Self::session_path(payment), escape(cash_register_id));
        // A conflict or an unknown session: too late, or never begun. How it stands, the session itself tells.
        let expected = [StatusCode::CONFLICT, StatusCode::NOT_FOUND];
        self.new_api(Method::DELETE, &path, None, &expected).await?;
        let (status, mut news) = self.find_session(payment).await?;
        let over = self.runtime.now() - payment.started_at > SESSION_LIFETIME;
        match (status, news.status) {
            (StatusCode::ACCEPTED | StatusCode::NOT_FOUND, _) if over => {
                news.status = ProviderStatus::Cancelled
            }
            (_, ProviderStatus::Declined) => news.status = ProviderStatus::Failed,
            _ => {}
        }
        Ok(news)
    }

    async fn create_order(
        &self,
        payment: &Payment,
        source_code: &str,
    ) -> Result<ProviderNews, ProviderError> {
        let seconds = (payment.expires_at - payment.started_at).num_seconds();
        let order = json!({
            "amount": self.api.cents(payment.amount)?,
            "merchantTrns": payment.key.id,
            "sourceCode": source_code,
            "paymentTimeout": seconds,
            "disableCash": true,
        });
        let (_, body) = self.new_api(Method::POST, "/checkout/v2/orders", Some(order), &[]).await?;
        let code: Option<String> = self.api.read(&body, |mut answer| field(&mut answer, "orderCode"))?;
        let code = code.ok_or_else(|| self.api.unreachable("its answer has no `orderCode`".to_owned()))?;
        let mut news = ProviderNews::new(ProviderStatus::Pending).with_reference(code.as_str());
        news.checkout_url = Some(format!("{}/web/checkout?ref={}", self.endpoints.web, escape(&code)));
        Ok(news)
    }

    fn order_code(&self, payment: &Payment) -> Result<String, ProviderError> {
        let code = payment.provider_reference.as_deref();
        code.map(escape).ok_or_else(|| self.api.refused("the payment has no order yet".to_owned()))
    }

    async fn get_order(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let code = self.order_code(payment)?;
        let (_, body) = self.old_api(Method::GET, &format!("/api/orders/{code}"), &[]).await?;
        let state: Option<i64> = self.api.read(&body, |mut order| field(&mut order, "StateId"))?;
        match state {
            Some(0) => Ok(ProviderNews::new(ProviderStatus::Pending)),
            Some(1) => Ok(ProviderNews::new(ProviderStatus::Failed)),
            Some(2) => Ok(ProviderNews::new(ProviderStatus::Cancelled)),
            Some(3) => self.paid_order(&code).await,
            _ => Ok(ProviderNews::new(ProviderStatus::Unknown)),
        }
    }

    /// What a paid order's transactions say, which count in euros.
    async fn paid_order(&self, code: &str) -> Result<ProviderNews, ProviderError> {
        let path = format!("/api/transactions?ordercode={code}");
        let (_, body) = self.old_api(Method::GET, &path, &[]).await?;
        self.api.read(&body, |mut answer| {
            let mut news = ProviderNews::new(ProviderStatus::Unknown);
            let mut paid = Decimal::ZERO;
            let list: Vec<RawJson> = field(&mut answer, "Transactions")?.unwrap_or_default();
            for transaction in &list {
                let Ok(opened) = Fields::open_body(transaction.as_str().as_bytes()) else { continue };
                paid += read_transaction(opened?, &mut news)?;
            }
            if !paid.is_zero() {
                news.status = ProviderStatus::Captured(paid);
            }
            Ok(news)
        })
    }

    async fn cancel_order(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let code = self.order_code(payment)?;
        let expected = [StatusCode::CONFLICT, StatusCode::NOT_FOUND];
        self.old_api(Method::DELETE, &format!("/api/orders/{code}"), &expected).await?;
        self.get_order(payment).await
    }
}

/// The euros of a finished transaction; anything else is worth nothing.
fn read_transaction(mut transaction: Fields<'_>, news: &mut ProviderNews) -> Result<Decimal, DataError> {
    let status: Option<String> = field(&mut transaction, "StatusId")?;
    if status.as_deref() != Some("F") {
        return Ok(Decimal::ZERO);
    }
    news.transaction_reference = field(&mut transaction, "TransactionId")?;
    if let Some(mut card) = inside(&mut transaction, "CreditCard")?
        && let Some(mut kind) = inside(&mut card, "CardType")?
    {
        news.card_type = field(&mut kind, "Name")?;
    }
    Ok(field(&mut transaction, "Amount")?.unwrap_or_default())
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
