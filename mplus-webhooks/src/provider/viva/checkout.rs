//! Orders of the web checkout.

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use serde_json::json;

use super::Viva;
use crate::event::json::{DataError, Fields, RawJson};
use crate::payment::{Payment, ProviderError, ProviderNews, ProviderStatus};
use crate::provider::call::{escape, field, inside};

impl Viva {
    pub(super) async fn create_order(
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

    pub(super) async fn get_order(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
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

    pub(super) async fn cancel_order(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
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
