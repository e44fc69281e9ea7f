//! Checkout sessions: a page of Stripe's, for one payment.

use bytes::Bytes;
use chrono::TimeDelta;

use super::Stripe;
use super::api::{intent_path, reason};
use crate::event::json::{DataError, Fields, Path};
use crate::payment::{Payment, ProviderError, ProviderNews, ProviderStatus};
use crate::provider::call::{detail, escape, euros, field};

/// The shortest life that Stripe gives a session, with a minute for the way. One that has to end earlier is ended by a call.
const SHORTEST_LIFE: TimeDelta = TimeDelta::minutes(31);

impl Stripe {
    pub(super) async fn create_session(
        &self,
        payment: &Payment,
        success_url: &str,
        cancel_url: &str,
    ) -> Result<ProviderNews, ProviderError> {
        if payment.attempt > 1 {
            let found = self.look_up(payment).await.map_err(|error| self.nobody_can_pay(error))?;
            if found.status != ProviderStatus::Absent {
                return Ok(found);
            }
        }
        let cents = self.api.cents(payment.amount)?.to_string();
        let ends = payment.expires_at.max(payment.attempted_at.unwrap_or(payment.started_at) + SHORTEST_LIFE);
        let ends = ends.timestamp().to_string();
        let mut fields = vec![
            ("mode", "payment"),
            ("line_items[0][quantity]", "1"),
            ("line_items[0][price_data][currency]", "eur"),
            ("line_items[0][price_data][unit_amount]", cents.as_str()),
            ("line_items[0][price_data][product_data][name]", "Order"),
            ("success_url", success_url),
            ("cancel_url", cancel_url),
            ("expires_at", &ends),
            ("client_reference_id", &payment.key.id),
            ("metadata[externalPaymentId]", &payment.key.id),
            ("metadata[merchant]", payment.key.merchant.as_str()),
            ("payment_intent_data[capture_method]", self.capture_method()),
            ("payment_intent_data[metadata][externalPaymentId]", &payment.key.id),
            ("payment_intent_data[metadata][merchant]", payment.key.merchant.as_str()),
            ("payment_intent_data[metadata][way]", self.way()),
        ];
        fields.extend(self.page_methods());
        fields.extend(self.customer.as_deref().map(|customer| ("customer", customer)));
        let key = Self::key(payment, "checkout", payment.attempt.max(1));
        let made = self.post("/v1/checkout/sessions", &fields, Some(key)).await;
        let made = made.map_err(|error| self.nobody_can_pay(error.into()))?;
        self.session_news(&made).map_err(|error| self.nobody_can_pay(error))
    }

    pub(super) async fn get_session(&self, session: &str) -> Result<ProviderNews, ProviderError> {
        let read = self.read_expanded(&session_path(session), "payment_intent").await?;
        self.session_news(&read)
    }

    pub(super) async fn cancel_session(&self, session: &str) -> Result<ProviderNews, ProviderError> {
        let path = format!("{}/expire", session_path(session));
        match self.post(&path, &[], None).await {
            Ok(expired) => self.session_news(&expired),
            // Over already, or paid in this moment.
            Err(error) if error.is_refusal() => {
                let mut news = self.get_session(session).await?;
                if let (ProviderStatus::Authorised, Some(intent)) = (news.status, &news.transaction_reference)
                {
                    let cancelled = self.post(&format!("{}/cancel", intent_path(intent)), &[], None).await?;
                    news.status = self.news(&cancelled)?.status;
                }
                Ok(news)
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn session_news(&self, session: &Bytes) -> Result<ProviderNews, ProviderError> {
        self.api.read(session, |session| self.read_session(session))
    }

    /// What a session says, and its intent when that is told.
    pub(super) fn read_session(&self, mut session: Fields<'_>) -> Result<ProviderNews, DataError> {
        let status: Option<String> = field(&mut session, "status")?;
        let paid: Option<String> = field(&mut session, "payment_status")?;
        let total: Option<i64> = field(&mut session, "amount_total")?;
        let reference: Option<String> = field(&mut session, "id")?;
        let url = detail(&mut session, "url");
        let mut news = match session_intent(&mut session) {
            SessionIntent::Object(intent) => self.read_intent(intent)?,
            SessionIntent::Id(id) => {
                ProviderNews { transaction_reference: Some(id), ..ProviderNews::new(ProviderStatus::Unknown) }
            }
            SessionIntent::None => ProviderNews::new(ProviderStatus::Unknown),
        };
        let of_the_intent = news.status;
        news.status = match (status.as_deref(), paid.as_deref()) {
            // Only the intent knows what was received.
            _ if matches!(of_the_intent, ProviderStatus::Captured(_) | ProviderStatus::Authorised) => {
                of_the_intent
            }
            (Some("complete"), Some("paid" | "no_payment_required")) => match total {
                Some(cents) => ProviderStatus::Captured(euros(cents)),
                None => ProviderStatus::Unknown,
            },
            // A method that takes its time, or one that failed after the page was left.
            (Some("complete"), _) => match of_the_intent {
                ProviderStatus::Cancelled => ProviderStatus::Cancelled,
                _ => ProviderStatus::Pending,
            },
            (Some("open"), _) => ProviderStatus::Pending,
            (Some("expired"), _) => ProviderStatus::Cancelled,
            _ => ProviderStatus::Unknown,
        };
        if status.as_deref() == Some("expired") && news.reason.is_none() {
            news.reason = reason(None, Some("the payment page ran out".to_owned()));
        }
        news.reference = reference;
        news.checkout_url = url;
        Ok(news)
    }
}

enum SessionIntent<'a> {
    None,
    Id(String),
    Object(Fields<'a>),
}

/// A session's intent: none before the customer begins, its id, or the whole when that was asked for.
fn session_intent<'a>(session: &mut Fields<'a>) -> SessionIntent<'a> {
    let Some(raw) = session.take("payment_intent") else { return SessionIntent::None };
    let path = Path::ROOT.field("payment_intent");
    match Fields::open(raw, &path) {
        Ok(intent) => SessionIntent::Object(intent),
        Err(_) => match serde_json::from_str(raw.get()) {
            Ok(id) => SessionIntent::Id(id),
            Err(_) => SessionIntent::None,
        },
    }
}

pub(super) fn session_path(session: &str) -> String {
    format!("/v1/checkout/sessions/{}", escape(session))
}
