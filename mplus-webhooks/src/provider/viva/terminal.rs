//! Sessions of the Cloud Terminal API.

use chrono::TimeDelta;
use http::{Method, StatusCode};
use serde_json::json;

use super::Viva;
use crate::payment::{Payment, ProviderError, ProviderNews, ProviderStatus};
use crate::provider::call::{escape, euros, field};

/// ISO 4217 number of the euro.
const EURO: i64 = 978;
/// The event of a terminal session that is still going on.
const IN_PROGRESS: i64 = 1100;
/// The event of a terminal session that was aborted.
const ABORTED: i64 = 1016;
/// A terminal shows a session for about a minute. One that never reached its terminal is answered as going on for ever; this long
/// after its start, an aborted one is taken to be over.
const SESSION_LIFETIME: TimeDelta = TimeDelta::minutes(3);

impl Viva {
    fn session_path(payment: &Payment) -> String {
        format!("/ecr/v1/sessions/{}", escape(&payment.key.id))
    }

    pub(super) async fn create_session(
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
    pub(super) async fn find_session(
        &self,
        payment: &Payment,
    ) -> Result<(StatusCode, ProviderNews), ProviderError> {
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

    pub(super) async fn cancel_session(
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
}
