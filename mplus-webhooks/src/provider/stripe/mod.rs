//! Stripe: payment intents for iDEAL, Bancontact and cards on the web, hosted checkout pages, and cards on a terminal reader.

mod api;
mod checkout;
mod intent;
mod list;
mod notice;
mod reader;
mod refund;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use rust_decimal::Decimal;

use super::call::Api;
use crate::http_client::HttpClient;
use crate::payment::{
    GivenUp, NoticeRefused, Payment, PaymentProvider, ProviderCheck, ProviderError, ProviderNews,
    ProviderRecord, ProviderSettings, Refund, RefundNews,
};
use crate::secret::Secret;

/// The version of Stripe's API that every call asks for.
const VERSION: &str = "2026-07-29.dahlia";

/// Where the customer pays.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StripeMode {
    /// On a terminal reader, by card.
    Terminal {
        /// The reader's id, `tmr_...`.
        reader: String,
    },
    /// At the customer's bank: the till shows the redirect's address as a QR code.
    Redirect {
        /// Which bank method.
        method: StripeRedirect,
        /// Where the bank sends the customer afterwards.
        return_url: String,
    },
    /// On a page of Stripe's, which offers iDEAL, cards and Bancontact; the till shows its address as a QR code. Nothing of the host's
    /// is needed but the two addresses.
    Checkout {
        /// Where the customer goes after paying.
        success_url: String,
        /// Where the customer goes who does not pay.
        cancel_url: String,
    },
    /// On the host's own page, which collects iDEAL, card or Bancontact with Stripe.js. The till shows
    /// `page?payment_intent=pi_...`; the page gets the client secret from the host ([`Stripe::client_secret`]), never from the
    /// address.
    Page {
        /// The page's address, without a query.
        page: String,
    },
}

/// Methods that pay by a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StripeRedirect {
    /// iDEAL.
    Ideal,
    /// Bancontact. Stripe wants the payer's name: [`Stripe::with_payer_name`].
    Bancontact,
}

impl StripeRedirect {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ideal => "ideal",
            Self::Bancontact => "bancontact",
        }
    }
}

/// When the money is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StripeCapture {
    /// As soon as the customer has paid.
    #[default]
    Automatic,
    /// Held until the host captures it, all or a part ([`ExternalPayments::capture`](crate::payment::ExternalPayments::capture)). The
    /// till waits until then. Cards only: a page offers no iDEAL and no Bancontact then.
    Manual,
}

/// Whether a reference is a checkout session's. Everything else is an intent's.
fn is_session(reference: &str) -> bool {
    reference.starts_with("cs_")
}

/// Takes payments through Stripe, in euros: one account, one way to pay, and one reader when that is a reader.
///
/// A declined payment ends on a terminal and after a redirect: its intent is cancelled, so that nothing can be captured later. On a
/// page the customer may try again until the time is up.
///
/// An intent whose creation got no answer was shown to nobody, so nobody can pay it. It is looked for, and else made anew.
///
/// Several ways to pay on the web may share an account, and the way may be changed while payments are open: a payment is judged by
/// what Stripe has of it, an intent or a checkout session, not by the way that is set now.
#[derive(Debug, Clone)]
pub struct Stripe {
    api: Api,
    base_url: String,
    secret_key: Secret,
    webhook_secret: Secret,
    mode: StripeMode,
    account: String,
    connected_account: Option<String>,
    customer: Option<String>,
    payer_name: String,
    capture: StripeCapture,
}

impl Stripe {
    /// The name that is stored with the payments.
    pub const NAME: &'static str = "stripe";

    /// `secret_key` is the account's (`sk_...`), `webhook_secret` the webhook endpoint's (`whsec_...`).
    pub fn new(
        client: Arc<dyn HttpClient>,
        secret_key: Secret,
        webhook_secret: Secret,
        mode: StripeMode,
    ) -> Self {
        Self {
            api: Api { provider: Self::NAME, client },
            base_url: "https://api.stripe.com".to_owned(),
            secret_key,
            webhook_secret,
            mode,
            account: "default".to_owned(),
            connected_account: None,
            customer: None,
            payer_name: "Guest".to_owned(),
            capture: StripeCapture::Automatic,
        }
    }

    /// Talks to another address, for tests.
    #[must_use]
    pub fn with_base_url(mut self, base_url: &str) -> Self {
        base_url.trim_end_matches('/').clone_into(&mut self.base_url);
        self
    }

    /// The host's name for this account, once in the whole host. Unless set: `default`.
    #[must_use]
    pub fn with_account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.account);
        self
    }

    /// Acts for a connected account (`acct_...`), with the platform's key.
    #[must_use]
    pub fn on_behalf_of(mut self, connected_account: &str) -> Self {
        self.connected_account = Some(connected_account.to_owned());
        self
    }

    /// Books the payments on this customer (`cus_...`), for instance the location's of the billing profile.
    #[must_use]
    pub fn with_customer(mut self, customer: &str) -> Self {
        self.customer = Some(customer.to_owned());
        self
    }

    /// The payer's name where a method wants one and the till knows none. Unless set: `Guest`.
    #[must_use]
    pub fn with_payer_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.payer_name);
        self
    }

    /// When the money is taken. Unless set: as soon as the customer has paid.
    #[must_use]
    pub fn with_capture(mut self, capture: StripeCapture) -> Self {
        self.capture = capture;
        self
    }

    /// What is written into an intent about the way to pay, since intents of all ways look alike.
    fn way(&self) -> &'static str {
        match self.mode {
            StripeMode::Terminal { .. } => "reader",
            StripeMode::Redirect { .. } => "redirect",
            StripeMode::Checkout { .. } => "checkout",
            StripeMode::Page { .. } => "page",
        }
    }

    /// The methods of a page. The bank methods cannot hold money.
    fn page_methods(&self) -> &'static [(&'static str, &'static str)] {
        const TYPES: &str = "payment_method_types[]";
        match self.capture {
            StripeCapture::Automatic => &[(TYPES, "ideal"), (TYPES, "card"), (TYPES, "bancontact")],
            StripeCapture::Manual => &[(TYPES, "card")],
        }
    }

    fn reader(&self) -> Option<&str> {
        match &self.mode {
            StripeMode::Terminal { reader } => Some(reader),
            _ => None,
        }
    }
}

#[async_trait]
impl PaymentProvider for Stripe {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn terminal(&self) -> Option<&str> {
        self.reader()
    }

    fn settings(&self) -> ProviderSettings {
        let connected = self.connected_account.as_deref().unwrap_or_default();
        // The same key for another connected account sees none of this one's payments.
        let credentials = [self.secret_key.expose(), self.webhook_secret.expose(), connected];
        ProviderSettings::of_credentials(&credentials).with_list(connected)
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
        if payment.is_refund() {
            let text = "Stripe gives nothing back to a card without its payment: refund that payment instead";
            return Err(self.api.refused(text.to_owned()));
        }
        match &self.mode {
            StripeMode::Checkout { success_url, cancel_url } => {
                self.create_session(payment, success_url, cancel_url).await
            }
            _ => self.create_intent(payment, given_up).await,
        }
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        match payment.provider_reference.as_deref() {
            Some(session) if is_session(session) => self.get_session(session).await,
            Some(intent) => self.get_intent(intent).await,
            None => self.look_up(payment).await,
        }
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let Some(reference) = &payment.provider_reference else { return self.get(payment).await };
        if is_session(reference) {
            self.cancel_session(reference).await
        } else {
            self.cancel_intent(reference).await
        }
    }

    async fn capture(
        &self,
        payment: &Payment,
        amount: Option<Decimal>,
    ) -> Result<ProviderNews, ProviderError> {
        self.capture_intent(payment, amount).await
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> Result<RefundNews, ProviderError> {
        self.give_back(payment, refund).await
    }

    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused> {
        self.read_event(headers, body, now)
    }

    async fn check(&self) -> Result<ProviderCheck, ProviderError> {
        let mut check = ProviderCheck::default();
        match self.reader() {
            Some(reader) => {
                let reader = self.look_at(reader).await?;
                check.terminal_ready = reader.online;
            }
            None => drop(self.read_call("/v1/payment_intents?limit=1").await?),
        }
        check.accepted = Some(true);
        Ok(check)
    }

    async fn payments_of(&self, day: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        self.records_of(day).await
    }
}
