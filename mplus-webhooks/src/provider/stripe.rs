//! Stripe: payment intents for iDEAL, Bancontact and cards on the web, and for cards on a terminal reader.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::call::{Api, Call, escape, euros, field, form, inside};
use crate::event::json::{DataError, Fields};
use crate::http_client::HttpClient;
use crate::payment::{NoticeRefused, Payment, PaymentProvider, ProviderError, ProviderNews, ProviderStatus};

/// How far a webhook's time may be from ours.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

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
    /// On the host's own page, which collects iDEAL, card or Bancontact with Stripe.js. The till shows
    /// `page?payment_intent=pi_...`; the page gets the client secret from the host, never from the address.
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
    /// Bancontact.
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

/// Takes payments through Stripe, in euros.
///
/// A declined payment ends on a terminal and after a redirect: its intent is cancelled, so that nothing can be captured later. On a
/// page the customer may try again until the time is up.
#[derive(Debug, Clone)]
pub struct Stripe {
    api: Api,
    base_url: String,
    secret_key: SecretString,
    webhook_secret: SecretString,
    mode: StripeMode,
}

impl Stripe {
    /// The name that is stored with the payments.
    pub const NAME: &'static str = "stripe";

    /// `secret_key` is the account's (`sk_...`), `webhook_secret` the webhook endpoint's (`whsec_...`).
    pub fn new(
        client: Arc<dyn HttpClient>,
        secret_key: SecretString,
        webhook_secret: SecretString,
        mode: StripeMode,
    ) -> Self {
        let api = Api { provider: Self::NAME, client };
        Self { api, base_url: "https://api.stripe.com".to_owned(), secret_key, webhook_secret, mode }
    }

    /// Talks to another address, for tests.
    #[must_use]
    pub fn with_base_url(mut self, base_url: &str) -> Self {
        self.base_url = base_url.trim_end_matches('/').to_owned();
        self
    }

    async fn post(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        key: Option<String>,
    ) -> Result<Bytes, ProviderError> {
        self.call(Method::POST, path, form(fields), key).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: String,
        key: Option<String>,
    ) -> Result<Bytes, ProviderError> {
        let call = Call {
            method,
            url: format!("{}{path}", self.base_url),
            authorization: format!("Bearer {}", self.secret_key.expose_secret()),
            content_type: "application/x-www-form-urlencoded",
            body,
            idempotency_key: key,
        };
        Ok(self.api.send(call, &[]).await?.1)
    }

    fn news(&self, intent: &Bytes) -> Result<ProviderNews, ProviderError> {
        self.api.read(intent, |intent| self.read_intent(intent))
    }

    /// What a payment intent says.
    fn read_intent(&self, mut intent: Fields<'_>) -> Result<ProviderNews, DataError> {
        let status: Option<String> = field(&mut intent, "status")?;
        let received: Option<i64> = field(&mut intent, "amount_received")?;
        let declined = intent.take("last_payment_error").is_some();
        let retry_possible = matches!(self.mode, StripeMode::Page { .. });
        let mut news = ProviderNews::new(match (status.as_deref(), received) {
            (Some("succeeded"), Some(cents)) => ProviderStatus::Captured(euros(cents)),
            (Some("requires_capture"), _) => ProviderStatus::Authorised,
            (Some("canceled"), _) => ProviderStatus::Cancelled,
            (Some("requires_payment_method"), _) if declined && !retry_possible => ProviderStatus::Declined,
            (
                Some("processing" | "requires_action" | "requires_confirmation" | "requires_payment_method"),
                _,
            ) => ProviderStatus::Pending,
            _ => ProviderStatus::Unknown,
        });
        news.reference = field(&mut intent, "id")?;
        news.transaction_reference.clone_from(&news.reference);
        if let Some(mut action) = inside(&mut intent, "next_action")?
            && let Some(mut redirect) = inside(&mut action, "redirect_to_url")?
        {
            news.checkout_url = field(&mut redirect, "url")?;
        }
        if let (StripeMode::Page { page }, Some(id)) = (&self.mode, &news.reference) {
            news.checkout_url = Some(format!("{page}?payment_intent={}", escape(id)));
        }
        // The charge is an object only when it was asked for.
        if let Some(charge) = intent.take("latest_charge").filter(|charge| charge.get().starts_with('{')) {
            let mut charge = Fields::open(charge, &crate::event::json::Path::ROOT.field("latest_charge"))?;
            if let Some(mut details) = inside(&mut charge, "payment_method_details")? {
                news.external_method = field(&mut details, "type")?;
                for kind in ["card", "card_present"] {
                    if let Some(mut card) = inside(&mut details, kind)? {
                        news.card_type = field(&mut card, "brand")?;
                    }
                }
            }
        }
        if let StripeMode::Terminal { reader } = &self.mode {
            news.terminal_id = Some(reader.clone());
        }
        Ok(news)
    }

    fn intent_path(&self, payment: &Payment) -> Result<String, ProviderError> {
        let intent = payment.provider_reference.as_deref();
        let intent = intent.ok_or_else(|| self.api.refused("the payment has no intent yet".to_owned()))?;
        Ok(format!("/v1/payment_intents/{}", escape(intent)))
    }

    /// Shows the payment on the reader.
    async fn present(&self, payment: &Payment, reader: &str, intent: &str) -> Result<(), ProviderError> {
        let path = format!("/v1/terminal/readers/{}/process_payment_intent", escape(reader));
        let key = format!("{}-{}-process", payment.key.merchant, payment.key.id);
        match self.post(&path, &[("payment_intent", intent)], Some(key)).await {
            Err(refused @ ProviderError::Refused { .. }) => {
                // The reader will not show it, so nobody may pay it later.
                let cancel = format!("/v1/payment_intents/{}/cancel", escape(intent));
                self.post(&cancel, &[], None).await?;
                Err(refused)
            }
            other => other.map(drop),
        }
    }

    fn check_signature(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), NoticeRefused> {
        let refused = |why: &str| NoticeRefused(why.to_owned());
        let header = headers
            .get("stripe-signature")
            .and_then(|value| value.to_str().ok())
            .ok_or_else(|| refused("Stripe-Signature is missing"))?;
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let (_, time) =
            parts().find(|(name, _)| *name == "t").ok_or_else(|| refused("Stripe-Signature has no time"))?;
        let sent_at = time.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let sent_at = sent_at.ok_or_else(|| refused("Stripe-Signature has no readable time"))?;
        if now.signed_duration_since(sent_at).abs() > TOLERANCE {
            return Err(refused("the call is too old, or a clock is wrong"));
        }
        let mut mac = Hmac::<Sha256>::new_from_slice(self.webhook_secret.expose_secret().as_bytes())
            .map_err(|_| refused("the webhook secret cannot be used"))?;
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        let genuine = parts()
            .filter(|(name, _)| *name == "v1")
            .filter_map(|(_, signature)| hex(signature))
            .any(|signature| mac.clone().verify_slice(&signature).is_ok());
        if genuine { Ok(()) } else { Err(refused("Stripe-Signature does not fit the body")) }
    }
}

/// Bytes from hexadecimal digits.
fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

#[async_trait]
impl PaymentProvider for Stripe {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let cents = self.api.cents(payment.amount)?.to_string();
        let mut fields = vec![
            ("amount", cents.as_str()),
            ("currency", "eur"),
            ("metadata[externalPaymentId]", &payment.key.id),
            ("metadata[merchant]", payment.key.merchant.as_str()),
        ];
        match &self.mode {
            StripeMode::Terminal { .. } => fields.push(("payment_method_types[]", "card_present")),
            StripeMode::Redirect { method, return_url } => fields.extend([
                ("payment_method_types[]", method.as_str()),
                ("payment_method_data[type]", method.as_str()),
                ("confirm", "true"),
                ("return_url", return_url),
            ]),
            StripeMode::Page { .. } => fields.extend([
                ("payment_method_types[]", "ideal"),
                ("payment_method_types[]", "card"),
                ("payment_method_types[]", "bancontact"),
            ]),
        }
        let key = format!("{}-{}", payment.key.merchant, payment.key.id);
        let news = self.news(&self.post("/v1/payment_intents", &fields, Some(key)).await?)?;
        if let (StripeMode::Terminal { reader }, Some(intent), ProviderStatus::Pending) =
            (&self.mode, &news.reference, news.status)
        {
            self.present(payment, reader, intent).await?;
        }
        Ok(news)
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let path = format!("{}?expand[]=latest_charge", self.intent_path(payment)?);
        self.news(&self.call(Method::GET, &path, String::new(), None).await?)
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        if let StripeMode::Terminal { reader } = &self.mode {
            // The reader may be idle or busy with another payment; what counts is the intent.
            let path = format!("/v1/terminal/readers/{}/cancel_action", escape(reader));
            if let Err(error) = self.post(&path, &[], None).await {
                tracing::debug!(error = %error, "the reader's action was not cancelled");
            }
        }
        let path = format!("{}/cancel", self.intent_path(payment)?);
        self.news(&self.post(&path, &[], None).await?)
    }

    fn read_notice(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<Option<String>, NoticeRefused> {
        self.check_signature(headers, body, now)?;
        let read = |mut event: Fields<'_>| -> Result<Option<String>, DataError> {
            let kind: Option<String> = field(&mut event, "type")?;
            if !kind.is_some_and(|kind| kind.starts_with("payment_intent.")) {
                return Ok(None);
            }
            let Some(mut data) = inside(&mut event, "data")? else { return Ok(None) };
            let Some(mut intent) = inside(&mut data, "object")? else { return Ok(None) };
            field(&mut intent, "id")
        };
        self.api.read(body, read).map_err(|error| NoticeRefused(error.to_string()))
    }
}
