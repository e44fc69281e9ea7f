//! Orders of the web checkout.

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::json;

use super::Viva;
use crate::event::json::{DataError, Fields, RawJson};
use crate::payment::{Payment, ProviderError, ProviderNews, ProviderStatus, Reason};
use crate::provider::call::{detail, escape, field, inside};

impl Viva {
    pub(super) async fn create_order(
        &self,
        payment: &Payment,
        source_code: &str,
    ) -> Result<ProviderNews, ProviderError> {
        if payment.is_refund() {
            let text = "Viva's checkout gives nothing back to a card without its payment: refund that payment instead";
            return Err(self.api.refused(text.to_owned()));
        }
        let seconds = (payment.expires_at - payment.started_at).num_seconds();
        let order = json!({
            "amount": self.api.cents(payment.amount)?,
            "merchantTrns": payment.key.id,
            "sourceCode": source_code,
            "paymentTimeout": seconds,
            "disableCash": true,
        });
        let made = self.new_api(Method::POST, "/checkout/v2/orders", Some(order), &[]).await;
        // An order that may or may not have been made was shown to nobody: it may be made anew.
        let nobody_can_pay = |error| match error {
            ProviderError::Unreachable { message, .. } => self.api.unavailable(message),
            other => other,
        };
        let body = made.map_err(nobody_can_pay)?.body;
        let code = self.api.read(&body, |mut answer| field::<String>(&mut answer, "orderCode"));
        let code = code.map_err(nobody_can_pay)?;
        let code = code.ok_or_else(|| self.api.unavailable("its answer has no `orderCode`".to_owned()))?;
        let mut news = ProviderNews::new(ProviderStatus::Pending).with_reference(code.as_str());
        news.checkout_url = Some(format!("{}/web/checkout?ref={}", self.endpoints.web, escape(&code)));
        Ok(news)
    }

    fn order_code(payment: &Payment) -> Option<String> {
        payment.provider_reference.as_deref().map(escape)
    }

    pub(super) async fn get_order(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let Some(code) = Self::order_code(payment) else {
            return Ok(ProviderNews::new(ProviderStatus::Absent));
        };
        let body = self.old_api(Method::GET, &format!("/api/orders/{code}"), &[]).await?.body;
        let state: Option<i64> = self.api.read(&body, |mut order| field(&mut order, "StateId"))?;
        match state {
            Some(0) => Ok(ProviderNews::new(ProviderStatus::Pending)),
            Some(1) => {
                let ran_out = Reason::new("the payment page ran out");
                Ok(ProviderNews::new(ProviderStatus::Failed).because(ran_out))
            }
            Some(2) => Ok(ProviderNews::new(ProviderStatus::Cancelled)),
            Some(3) => self.paid_order(&code).await,
            _ => Ok(not_understood(format!("state {state:?} of an order"))),
        }
    }

    /// What a paid order's transactions say, which count in euros.
    async fn paid_order(&self, code: &str) -> Result<ProviderNews, ProviderError> {
        let path = format!("/api/transactions?ordercode={code}");
        let body = self.old_api(Method::GET, &path, &[]).await?.body;
        self.api.read(&body, |mut answer| {
            let mut news = not_understood("a paid order without a finished transaction".to_owned());
            let mut paid = Decimal::ZERO;
            let list: Vec<RawJson> = field(&mut answer, "Transactions")?.unwrap_or_default();
            for transaction in &list {
                let Ok(opened) = Fields::open_body(transaction.as_str().as_bytes()) else { continue };
                paid += read_transaction(opened?, &mut news)?;
            }
            if !paid.is_zero() {
                (news.status, news.reason) = (ProviderStatus::Captured(paid), None);
            }
            Ok(news)
        })
    }

    pub(super) async fn cancel_order(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        let Some(code) = Self::order_code(payment) else {
            return Ok(ProviderNews::new(ProviderStatus::Absent));
        };
        let expected = [StatusCode::CONFLICT, StatusCode::NOT_FOUND];
        self.old_api(Method::DELETE, &format!("/api/orders/{code}"), &expected).await?;
        self.get_order(payment).await
    }
}

fn not_understood(what: String) -> ProviderNews {
    let why = Reason::new(format!("Viva's answer is not understood: {what}"));
    ProviderNews::new(ProviderStatus::Unknown).because(why)
}

/// The euros of a finished transaction; anything else is worth nothing.
pub(super) fn read_transaction(
    mut transaction: Fields<'_>,
    news: &mut ProviderNews,
) -> Result<Decimal, DataError> {
    let status: Option<String> = field(&mut transaction, "StatusId")?;
    if status.as_deref() != Some("F") {
        return Ok(Decimal::ZERO);
    }
    // What was given back stands there, too.
    if detail::<String>(&mut transaction, "ParentId").is_some_and(|parent| !parent.is_empty()) {
        return Ok(Decimal::ZERO);
    }
    news.transaction_reference = detail(&mut transaction, "TransactionId");
    if let Ok(Some(mut card)) = inside(&mut transaction, "CreditCard")
        && let Ok(Some(mut kind)) = inside(&mut card, "CardType")
    {
        news.card_type = detail(&mut kind, "Name");
    }
    Ok(field(&mut transaction, "Amount")?.unwrap_or_default())
}
