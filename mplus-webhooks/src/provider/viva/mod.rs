//! Viva Wallet: cards on a cloud terminal, and the web checkout.

mod api;
mod checkout;
mod outcome;
mod reconcile;
mod refund;
mod taken;
mod terminal;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use http::HeaderMap;
use rust_decimal::Decimal;
use serde_json::json;

use super::call::{Api, detail, inside};
use crate::event::json::{DataError, Fields};
use crate::http_client::HttpClient;
use crate::log_room::Window;
use crate::payment::{
    GivenUp, NoticeRefused, Payment, PaymentProvider, ProviderCheck, ProviderError, ProviderNews,
    ProviderRecord, ProviderSettings, Refund, RefundNews,
};
use crate::runtime::{CLOCKS_DIFFER, Runtime};
use crate::secret::Secret;

/// How long a terminal session can still come to another end, unless set: it shows for about a minute, and a PIN may follow.
const SESSION_LIFE: TimeDelta = TimeDelta::seconds(90);

/// Where the customer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum VivaMode {
    /// On a terminal, through the Cloud Terminal API.
    Terminal {
        /// The terminal's id, eight digits.
        terminal_id: String,
        /// The host's name for the till. Has to stay the same while a payment is open: Viva lets nobody else abort it.
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
    /// OAuth2 client of the newer API. For a platform, its ISV client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Account id of the older API, which answers about orders.
    pub merchant_id: String,
    /// Its key.
    pub api_key: Secret,
}

/// What a platform (ISV) adds to the payments of a merchant on its terminals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VivaIsv {
    /// Viva's id of the merchant that the terminal belongs to.
    pub merchant_id: String,
    /// The platform's fee, euros: more than 0, and less than every payment.
    pub fee: Decimal,
    /// The platform's payment source.
    pub source_code: Option<String>,
    /// The merchant's payment source.
    pub merchant_source_code: Option<String>,
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

/// Takes payments through Viva Wallet, in euros: one account, one way to pay, and one terminal when that is a terminal.
///
/// The payment's id names the terminal session, so it can be looked for, and a start that was repeated is the same session. The web
/// checkout has no such key: an order whose creation got no answer was shown to nobody, and runs out by itself.
///
/// A terminal session that says it was declined may still succeed: after a contactless card over the limit the PIN is asked for.
/// So a decline is told as pending, with its reason, until the session's life is over. Then, and whenever a session ends without money,
/// the account's transactions are read, by the older API's key: what was taken all the same is told, also up to an hour later. Without
/// that key the session alone is believed.
#[derive(Debug, Clone)]
pub struct Viva {
    api: Api,
    endpoints: VivaEndpoints,
    credentials: VivaCredentials,
    mode: VivaMode,
    account: String,
    isv: Option<VivaIsv>,
    session_life: TimeDelta,
    runtime: Arc<dyn Runtime>,
    token: Arc<Mutex<Option<Token>>>,
    webhook_key: Arc<tokio::sync::Mutex<Option<AnsweredKey>>>,
    /// Room for what it says of payments that could not be looked up.
    log: Arc<Mutex<Window>>,
}

/// What Viva answered about the webhook key, and until when it is not asked again.
type AnsweredKey = (Result<Secret, ProviderError>, DateTime<Utc>);

/// An access token, and until when it may be used.
type Token = (Secret, DateTime<Utc>);

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
        Self {
            api: Api { provider: Self::NAME, client },
            endpoints,
            credentials,
            mode,
            account: "default".to_owned(),
            isv: None,
            session_life: SESSION_LIFE,
            runtime,
            token: Arc::default(),
            webhook_key: Arc::default(),
            log: Arc::default(),
        }
    }

    /// The host's name for this account, once in the whole host. Unless set: `default`.
    #[must_use]
    pub fn with_account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.account);
        self
    }

    /// The same account on another terminal, or another way to pay. They share the access token.
    #[must_use]
    pub fn with_mode(mut self, mode: VivaMode) -> Self {
        self.mode = mode;
        self
    }

    /// Takes payments as a platform (ISV), for one of its merchants.
    #[must_use]
    pub fn with_isv(mut self, isv: VivaIsv) -> Self {
        self.isv = Some(isv);
        self.webhook_key = Arc::default();
        self
    }

    /// How long after its start a terminal session that was declined may still succeed; one that never answers is taken to be over
    /// after twice that. Unless set: 90 seconds. Longer is safer, and keeps the till waiting after a decline. A minute is added to
    /// both, by which the clock of the process that started it may differ.
    #[must_use]
    pub fn with_session_life(mut self, life: std::time::Duration) -> Self {
        self.session_life = TimeDelta::from_std(life).unwrap_or(SESSION_LIFE);
        self
    }

    /// How long ago the payment was sent to the terminal, at least.
    fn age(&self, payment: &Payment) -> TimeDelta {
        self.age_of(payment.attempted_at.unwrap_or(payment.started_at))
    }

    /// How long ago that was, at least: another process may have noted it.
    fn age_of(&self, noted: DateTime<Utc>) -> TimeDelta {
        self.runtime.now() - noted - CLOCKS_DIFFER
    }
}

#[async_trait]
impl PaymentProvider for Viva {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn terminal(&self) -> Option<&str> {
        match &self.mode {
            VivaMode::Terminal { terminal_id, .. } => Some(terminal_id),
            VivaMode::Checkout { .. } => None,
        }
    }

    fn reference(&self, payment: &Payment) -> Option<String> {
        self.terminal().map(|_| payment.key.id.clone())
    }

    fn settings(&self) -> ProviderSettings {
        let VivaCredentials { client_id, client_secret, merchant_id, api_key } = &self.credentials;
        let merchant = self.isv.as_ref().map_or("", |isv| isv.merchant_id.as_str());
        let credentials = [client_id, client_secret.expose(), merchant_id, api_key.expose(), merchant];
        let settings = ProviderSettings::of_credentials(&credentials);
        match &self.mode {
            VivaMode::Terminal { cash_register_id, .. } => settings
                .with_conduct(&format!("{merchant} {cash_register_id}"))
                .with_list(&format!("sessions {merchant}")),
            VivaMode::Checkout { .. } => settings.with_list("transactions"),
        }
    }

    /// For whoever asks for it directly: nobody gives it up meanwhile.
    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.create_unless(payment, &GivenUp::never()).await
    }

    async fn create_unless(
        &self,
        payment: &Payment,
        given_up: &GivenUp,
    ) -> Result<ProviderNews, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { terminal_id, cash_register_id } => {
                self.create_session(payment, terminal_id, cash_register_id, given_up).await
            }
            VivaMode::Checkout { source_code } => self.create_order(payment, source_code).await,
        }
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { .. } => {
                let (_, news) = self.find_session(payment).await?;
                self.unless_taken(payment, news).await
            }
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

    async fn refund(&self, payment: &Payment, refund: &Refund) -> Result<RefundNews, ProviderError> {
        match &self.mode {
            VivaMode::Terminal { terminal_id, cash_register_id } => {
                self.refund_on_terminal(payment, refund, terminal_id, cash_register_id).await
            }
            VivaMode::Checkout { source_code } => self.refund_order(payment, refund, source_code).await,
        }
    }

    /// Viva does not sign its calls, so a call only says which payment to ask about.
    fn read_notice(
        &self,
        _: &HeaderMap,
        body: &Bytes,
        _: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused> {
        self.api.read(body, about).map_err(|error| NoticeRefused(error.message().to_owned()))
    }

    async fn verification(&self) -> Result<Option<Bytes>, ProviderError> {
        let name = if self.isv.is_some() { "key" } else { "Key" };
        let key = self.known_webhook_key().await?;
        Ok(Some(json!({ name: key }).to_string().into()))
    }

    async fn check(&self) -> Result<ProviderCheck, ProviderError> {
        self.check_account().await
    }

    async fn payments_of(&self, day: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        self.records_of(day).await
    }
}

/// The sessions, orders, references of ours and transactions that a call may be about. Payments on a terminal carry ours in
/// `MerchantTrns`: after a PIN Viva books them under an order that nobody knows. A reversal names what it reverses in `ParentId`.
fn about(mut call: Fields<'_>) -> Result<Vec<String>, DataError> {
    let Some(mut event) = inside(&mut call, "EventData")? else { return Ok(Vec::new()) };
    let names = ["SessionId", "MerchantTrns", "OrderCode", "ParentId"];
    let mut about: Vec<String> = Vec::new();
    for reference in names.into_iter().filter_map(|name| detail::<String>(&mut event, name)) {
        if !reference.is_empty() && !about.contains(&reference) {
            about.push(reference);
        }
    }
    Ok(about)
}
