//! Payment intents.

use rust_decimal::Decimal;

use super::api::{intent_path, reason};
use super::reader::Shown;
use super::{Stripe, StripeCapture, StripeMode, StripeRedirect, is_session};
use crate::event::json::{DataError, Fields};
use crate::payment::{GivenUp, Payment, ProviderError, ProviderNews, ProviderStatus, Reason};
use crate::provider::call::{detail, escape, euros, field, inside};
use crate::secret::Secret;

impl Stripe {
    /// Makes an intent and shows it to the customer.
    pub(super) async fn create_intent(
        &self,
        payment: &Payment,
        given_up: &GivenUp,
    ) -> Result<ProviderNews, ProviderError> {
        let mut news = match self.found_again(payment).await? {
            Some(found) => found,
            None => self.make_intent(payment).await?,
        };
        if let (Some(reader), Some(intent), ProviderStatus::Pending) =
            (self.reader(), &news.reference, news.status)
            && let Err(refused) = self.present(payment, reader, intent, given_up).await
        {
            // The reader does not show it, so nobody may pay it later.
            return match self.cancel_intent(intent).await {
                Ok(ended) if ended.status == ProviderStatus::Cancelled => Err(refused),
                // Shown after all, or not to be told: it is asked how it stands.
                Ok(ended) => Ok(ended),
                Err(_) => {
                    news.status = ProviderStatus::Pending;
                    Ok(news)
                }
            };
        }
        Ok(news)
    }

    /// The intent of an earlier attempt whose answer got lost. One that was cancelled, since no reader showed it, is paid by nobody.
    async fn found_again(&self, payment: &Payment) -> Result<Option<ProviderNews>, ProviderError> {
        if payment.attempt < 2 {
            return Ok(None);
        }
        let found = self.look_up(payment).await.map_err(|error| self.nobody_can_pay(error))?;
        Ok(Some(found)
            .filter(|found| !matches!(found.status, ProviderStatus::Absent | ProviderStatus::Cancelled)))
    }

    async fn make_intent(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let cents = self.api.cents(payment.amount)?.to_string();
        let mut fields = vec![
            ("amount", cents.as_str()),
            ("currency", "eur"),
            ("capture_method", self.capture_method()),
            ("metadata[externalPaymentId]", &payment.key.id),
            ("metadata[merchant]", payment.key.merchant.as_str()),
            ("metadata[way]", self.way()),
        ];
        fields.extend(self.customer.as_deref().map(|customer| ("customer", customer)));
        match &self.mode {
            StripeMode::Terminal { .. } => fields.push(("payment_method_types[]", "card_present")),
            StripeMode::Redirect { method, return_url } => {
                fields.extend([
                    ("payment_method_types[]", method.as_str()),
                    ("payment_method_data[type]", method.as_str()),
                    ("confirm", "true"),
                    ("return_url", return_url),
                ]);
                if *method == StripeRedirect::Bancontact {
                    fields.push(("payment_method_data[billing_details][name]", &self.payer_name));
                }
            }
            StripeMode::Page { .. } | StripeMode::Checkout { .. } => fields.extend(self.page_methods()),
        }
        let key = Self::key(payment, "create", payment.attempt.max(1));
        let made = self.post("/v1/payment_intents", &fields, Some(key)).await;
        let made = made.map_err(|error| self.nobody_can_pay(error.into()))?;
        self.news(&made).map_err(|error| self.nobody_can_pay(error))
    }

    pub(super) fn capture_method(&self) -> &'static str {
        match self.capture {
            StripeCapture::Automatic => "automatic",
            StripeCapture::Manual => "manual",
        }
    }

    /// An intent that may or may not have been made was shown to nobody: it may be made anew, or left.
    pub(super) fn nobody_can_pay(&self, error: ProviderError) -> ProviderError {
        match error {
            ProviderError::Unreachable { message, .. } => self.api.unavailable(message),
            other => other,
        }
    }

    /// How an intent stands; one that waits for a card is looked at on its reader, too.
    pub(super) async fn get_intent(&self, intent: &str) -> Result<ProviderNews, ProviderError> {
        let read = self.read_expanded(&intent_path(intent), "latest_charge").await?;
        let mut news = self.news(&read)?;
        let waits = matches!(news.status, ProviderStatus::Pending | ProviderStatus::Declined)
            && self.api.read(&read, waits_for_a_card)?;
        let Some(reader) = self.reader().filter(|_| waits) else { return Ok(news) };
        // What the reader says is only believed about this intent, and a reader that cannot be asked decides nothing.
        let Ok(reader) = self.look_at(reader).await else { return Ok(news) };
        match reader.shows(intent) {
            Shown::Unknown => {}
            Shown::Waiting => news.status = ProviderStatus::Pending,
            Shown::Failed(why) => {
                news.status = ProviderStatus::Declined;
                news.reason = why.or(news.reason);
            }
            Shown::Not => {
                let gone = || reason(None, Some("the reader does not show this payment any more".to_owned()));
                news.status = ProviderStatus::Declined;
                news.reason = news.reason.or_else(gone);
            }
        }
        Ok(news)
    }

    pub(super) async fn cancel_intent(&self, intent: &str) -> Result<ProviderNews, ProviderError> {
        if let Some(reader) = self.reader() {
            self.clear(reader, intent).await;
        }
        self.cancel_call(intent).await
    }

    pub(super) async fn cancel_call(&self, intent: &str) -> Result<ProviderNews, ProviderError> {
        let path = format!("{}/cancel", intent_path(intent));
        self.news(&self.post(&path, &[], None).await?)
    }

    pub(super) async fn capture_intent(
        &self,
        payment: &Payment,
        amount: Option<Decimal>,
    ) -> Result<ProviderNews, ProviderError> {
        let intent = self.intent_of(payment)?;
        let cents = amount.map(|amount| self.api.cents(amount)).transpose()?.map(|cents| cents.to_string());
        let fields: Vec<_> = cents.iter().map(|cents| ("amount_to_capture", cents.as_str())).collect();
        let path = format!("{}/capture", intent_path(intent));
        let captured = self.post(&path, &fields, None).await?;
        let mut news = self.news(&captured)?;
        news.reference.clone_from(&payment.provider_reference);
        Ok(news)
    }

    /// The intent of a payment, also of one on a hosted page.
    pub(super) fn intent_of<'p>(&self, payment: &'p Payment) -> Result<&'p str, ProviderError> {
        [&payment.provider_reference, &payment.transaction_reference]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .find(|reference| !is_session(reference))
            .ok_or_else(|| self.api.refused("the payment has no intent yet".to_owned()))
    }

    /// The secret with which a page of the host's lets the customer pay this payment, by Stripe.js. Hand it to that page
    /// only; it is not stored.
    ///
    /// # Errors
    /// [`ProviderError`]; refused for a payment that Stripe does not have.
    pub async fn client_secret(&self, payment: &Payment) -> Result<Secret, ProviderError> {
        let read = self.read_call(&intent_path(self.intent_of(payment)?)).await?;
        let secret: Option<String> =
            self.api.read(&read, |mut intent| field(&mut intent, "client_secret"))?;
        let none = || self.api.refused("the intent has no client secret".to_owned());
        secret.map(Into::into).ok_or_else(none)
    }

    pub(super) fn news(&self, intent: &bytes::Bytes) -> Result<ProviderNews, ProviderError> {
        self.api.read(intent, |intent| self.read_intent(intent))
    }

    /// What a payment intent says.
    pub(super) fn read_intent(&self, mut intent: Fields<'_>) -> Result<ProviderNews, DataError> {
        let status: Option<String> = field(&mut intent, "status")?;
        let received: Option<i64> = field(&mut intent, "amount_received")?;
        let declined = inside(&mut intent, "last_payment_error")?;
        let way: Option<String> =
            inside(&mut intent, "metadata")?.and_then(|mut metadata| detail(&mut metadata, "way"));
        let way = way.as_deref().unwrap_or(self.way());
        let retry_possible = matches!(way, "page" | "checkout");
        let mut news = ProviderNews::new(match (status.as_deref(), received) {
            (Some("succeeded"), Some(cents)) => ProviderStatus::Captured(euros(cents)),
            (Some("requires_capture"), _) => ProviderStatus::Authorised,
            (Some("canceled"), _) => ProviderStatus::Cancelled,
            (Some("requires_payment_method"), _) if declined.is_some() && !retry_possible => {
                ProviderStatus::Declined
            }
            (
                Some("processing" | "requires_action" | "requires_confirmation" | "requires_payment_method"),
                _,
            ) => ProviderStatus::Pending,
            _ => ProviderStatus::Unknown,
        });
        if news.status == ProviderStatus::Unknown {
            let status = status.as_deref().unwrap_or("no status");
            news.reason = Some(Reason::new(format!("Stripe's answer is not understood: {status}")));
        }
        if let Some(mut error) = declined {
            let code = detail(&mut error, "decline_code").or_else(|| detail(&mut error, "code"));
            news.reason = reason(code, detail(&mut error, "message"));
        }
        news.reference = field(&mut intent, "id")?;
        news.transaction_reference.clone_from(&news.reference);
        if let Ok(Some(mut action)) = inside(&mut intent, "next_action")
            && let Ok(Some(mut redirect)) = inside(&mut action, "redirect_to_url")
        {
            news.checkout_url = detail(&mut redirect, "url");
        }
        if let (StripeMode::Page { page }, "page", Some(id)) = (&self.mode, way, &news.reference) {
            news.checkout_url = Some(format!("{page}?payment_intent={}", escape(id)));
        }
        // The charge is an object only when it was asked for, and never decides.
        if let Ok(Some(mut charge)) = inside(&mut intent, "latest_charge")
            && let Ok(Some(mut details)) = inside(&mut charge, "payment_method_details")
        {
            news.external_method = detail(&mut details, "type");
            for kind in ["card", "card_present"] {
                if let Ok(Some(mut card)) = inside(&mut details, kind) {
                    news.card_type = detail(&mut card, "brand");
                }
            }
        }
        news.terminal_id = self.reader().map(str::to_owned);
        Ok(news)
    }
}

fn waits_for_a_card(mut intent: Fields<'_>) -> Result<bool, DataError> {
    let status: Option<String> = field(&mut intent, "status")?;
    Ok(status.as_deref() == Some("requires_payment_method"))
}
