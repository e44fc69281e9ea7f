//! Refunds.

use super::Stripe;
use super::api::reason;
use crate::event::json::{DataError, Fields};
use crate::payment::{Payment, ProviderError, Reason, Refund, RefundNews, RefundState};
use crate::provider::call::{detail, escape, field, inside};

impl Stripe {
    /// Gives money back, and tells how that stands when it was asked for before.
    pub(super) async fn give_back(
        &self,
        payment: &Payment,
        refund: &Refund,
    ) -> Result<RefundNews, ProviderError> {
        if let Some(reference) = &refund.reference {
            let read = self.read_call(&format!("/v1/refunds/{}", escape(reference))).await;
            let read = read.map_err(|error| self.api.of_question(error.into()))?;
            return self.api.read(&read, read_refund);
        }
        let intent = self.intent_of(payment)?;
        if refund.attempts > 1
            && let Some(found) =
                self.find_refund(intent, refund).await.map_err(|error| self.api.of_question(error))?
        {
            return Ok(found);
        }
        if refund.looks_only {
            return Ok(RefundNews::new(refund.state));
        }
        let cents = self.api.cents(refund.amount)?.to_string();
        let fields = [
            ("payment_intent", intent),
            ("amount", cents.as_str()),
            ("reason", "requested_by_customer"),
            ("metadata[refundId]", &refund.id),
        ];
        // Without an answer the same key is what keeps the refund from being doubled. Only a failure that Stripe has kept under the
        // key needs another one, since it would come again and again.
        let key = Self::key(payment, &format!("refund {}", refund.id), refund.attempts_over + 1);
        match self.post("/v1/refunds", &fields, Some(key)).await {
            Ok(made) => self.api.read(&made, read_refund),
            Err(kept) if kept.is_kept => {
                let why = Reason::new(kept.error.message());
                Ok(RefundNews { attempt_over: true, ..RefundNews::new(refund.state).because(why) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// A refund whose answer got lost.
    async fn find_refund(&self, intent: &str, refund: &Refund) -> Result<Option<RefundNews>, ProviderError> {
        let mut found = None;
        let query = format!("payment_intent={}&", escape(intent));
        self.each("/v1/refunds", &query, |object, mut fields| {
            let ours = inside(&mut fields, "metadata")?
                .and_then(|mut metadata| detail::<String>(&mut metadata, "refundId"))
                .is_some_and(|id| id == refund.id);
            if ours && let Ok(Ok(fields)) = Fields::open_body(object.as_str().as_bytes()) {
                found = Some(read_refund(fields)?);
            }
            Ok(found.is_none())
        })
        .await?;
        Ok(found)
    }
}

fn read_refund(mut refund: Fields<'_>) -> Result<RefundNews, DataError> {
    let status: Option<String> = field(&mut refund, "status")?;
    let mut news = RefundNews::new(match status.as_deref() {
        Some("succeeded") => RefundState::Succeeded,
        Some("failed" | "canceled") => RefundState::Failed,
        _ => RefundState::Pending,
    });
    news.reference = field(&mut refund, "id")?;
    if news.state != RefundState::Succeeded {
        let why = ["failure_reason", "pending_reason"];
        news.reason = why.into_iter().find_map(|name| reason(detail(&mut refund, name), None));
    }
    Ok(news)
}
