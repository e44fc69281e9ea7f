//! Sessions of the Cloud Terminal API.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::outcome::{Outcome, outcome, why};
use super::{Viva, VivaIsv};
use crate::event::json::{DataError, Fields};
use crate::payment::{GivenUp, Payment, ProviderError, ProviderNews, ProviderStatus, Reason};
use crate::provider::call::{Answer, detail, escape, euros, field};

/// ISO 4217 number of the euro.
const EURO: &str = "978";
/// Headers of an answer whose number says that the session is there already.
const SAME_SESSION: [&str; 3] = ["1201", "1202", "1212"];

impl Viva {
    fn session_path(&self, session: &str) -> String {
        self.terminal_api(&format!("/sessions/{}", escape(session)))
    }

    pub(super) async fn create_session(
        &self,
        payment: &Payment,
        terminal_id: &str,
        cash_register_id: &str,
        given_up: &GivenUp,
    ) -> Result<ProviderNews, ProviderError> {
        let cents = self.api.cents(payment.amount.abs())?;
        let mut sale = json!({
            "sessionId": payment.key.id,
            "terminalId": terminal_id,
            "cashRegisterId": cash_register_id,
            "amount": cents,
            "currencyCode": EURO,
            "merchantReference": payment.key.id,
            "customerTrns": payment.key.id,
        });
        let call = if payment.is_refund() {
            "/transactions:unreferenced-refund"
        } else {
            if let (Some(isv), Some(sale)) = (&self.isv, sale.as_object_mut()) {
                sale.insert("isvDetails".to_owned(), self.isv_details(isv, cents)?);
            }
            "/transactions:sale"
        };
        let path = self.terminal_api(call);
        let mut news = ProviderNews::new(ProviderStatus::Pending).with_reference(payment.key.id.as_str());
        news.terminal_id = Some(terminal_id.to_owned());
        let conflict = [StatusCode::CONFLICT];
        match self.new_api_unless(Method::POST, &path, Some(sale), &conflict, given_up).await {
            // The same session is there from an earlier attempt, or the terminal shows another one.
            Ok(answer) if answer.status == StatusCode::CONFLICT => {
                let same = answer.header("x-viva-eventid").is_some_and(|id| SAME_SESSION.contains(&id));
                if same || self.has_session(payment).await? {
                    return Ok(news);
                }
                let busy = self.api.refused("the terminal is busy with another payment".to_owned());
                Err(self.refused_now(payment, busy))
            }
            Ok(_) => Ok(news),
            // The terminal may be busy with this very payment, when the answer to an earlier attempt was lost.
            Err(refused @ ProviderError::Refused { .. }) => {
                if self.has_session(payment).await? {
                    Ok(news)
                } else {
                    Err(self.refused_now(payment, refused))
                }
            }
            Err(other) => Err(other),
        }
    }

    /// A sale that was refused. After an attempt without an answer that may be what keeps the terminal busy: it is looked for before
    /// anybody is told that it failed.
    fn refused_now(&self, payment: &Payment, refused: ProviderError) -> ProviderError {
        if payment.attempt > 1 { self.api.of_question(refused) } else { refused }
    }

    fn isv_details(&self, isv: &VivaIsv, sale: i64) -> Result<Value, ProviderError> {
        let fee = self.api.cents(isv.fee)?;
        if fee <= 0 || fee >= sale {
            return Err(self
                .api
                .refused("the platform's fee has to be more than 0 and less than the payment".to_owned()));
        }
        let mut details = json!({ "amount": fee, "terminalMerchantId": isv.merchant_id });
        let optional = [("sourceCode", &isv.source_code), ("merchantSourceCode", &isv.merchant_source_code)];
        for (name, value) in optional {
            if let (Some(value), Some(details)) = (value, details.as_object_mut()) {
                details.insert(name.to_owned(), json!(value));
            }
        }
        Ok(details)
    }

    async fn has_session(&self, payment: &Payment) -> Result<bool, ProviderError> {
        Ok(self.session(&payment.key.id).await?.status != StatusCode::NOT_FOUND)
    }

    /// A session as it is answered. `202` is one that has no result yet, `404` none at all.
    pub(super) async fn session(&self, session: &str) -> Result<Answer, ProviderError> {
        let path = self.session_path(session);
        self.new_api(Method::GET, &path, None, &[StatusCode::NOT_FOUND]).await
    }

    /// The payment's session as it stands.
    pub(super) async fn find_session(
        &self,
        payment: &Payment,
    ) -> Result<(StatusCode, ProviderNews), ProviderError> {
        let Answer { status, body, .. } = self.session(&payment.key.id).await?;
        let news = match status {
            StatusCode::ACCEPTED => ProviderNews::new(ProviderStatus::Pending),
            StatusCode::NOT_FOUND => return Ok((status, ProviderNews::new(ProviderStatus::Absent))),
            _ => {
                let (age, life) = (self.age(payment), self.session_life);
                let done = Done { declines: age >= life, everything: age > life * 2 };
                self.api.read(&body, |session| read_session(session, payment, &done))?
            }
        };
        Ok((status, news.with_reference(payment.key.id.as_str())))
    }

    /// Asks for the end of a session. Whatever is answered only says that this was asked for, came too late, or is another
    /// register's to ask: how it stands, the session itself tells.
    pub(super) async fn abort(&self, session: &str, cash_register_id: &str) -> Result<(), ProviderError> {
        let path = format!("{}?cashRegisterId={}", self.session_path(session), escape(cash_register_id));
        let expected = [StatusCode::CONFLICT, StatusCode::NOT_FOUND, StatusCode::FORBIDDEN];
        self.new_api(Method::DELETE, &path, None, &expected).await.map(drop)
    }

    pub(super) async fn cancel_session(
        &self,
        payment: &Payment,
        cash_register_id: &str,
    ) -> Result<ProviderNews, ProviderError> {
        self.abort(&payment.key.id, cash_register_id).await?;
        let (status, mut news) = self.find_session(payment).await?;
        let over = self.age(payment) > self.session_life * 2;
        if over && matches!(status, StatusCode::ACCEPTED | StatusCode::NOT_FOUND) {
            news.status = ProviderStatus::Cancelled;
        }
        self.unless_taken(payment, news).await
    }
}

/// What a session is too old for.
struct Done {
    /// To be paid after it was declined.
    declines: bool,
    /// To go on at all.
    everything: bool,
}

/// What a session with a result says.
fn read_session(mut session: Fields<'_>, payment: &Payment, done: &Done) -> Result<ProviderNews, DataError> {
    let success: Option<bool> = field(&mut session, "success")?;
    let event: Option<i64> = field(&mut session, "eventId")?;
    let amount: Option<i64> = field(&mut session, "amount")?;
    let aborted = detail(&mut session, "abortSuccess").unwrap_or(false);
    let mut news = ProviderNews::new(match (success, event, amount) {
        (Some(true), _, Some(cents)) => ProviderStatus::Captured(euros(cents.abs())),
        // Taken is taken, and that much was asked for.
        (Some(true), _, None) => ProviderStatus::Captured(payment.amount.abs()),
        (Some(false), ..) if aborted => ProviderStatus::Cancelled,
        (Some(false), Some(event), _) => match outcome(event) {
            Outcome::Cancelled => ProviderStatus::Cancelled,
            Outcome::Over => ProviderStatus::Failed,
            Outcome::Declined if done.declines => ProviderStatus::Failed,
            Outcome::GoesOn if done.everything => ProviderStatus::Failed,
            Outcome::Declined | Outcome::GoesOn => ProviderStatus::Pending,
        },
        _ => ProviderStatus::Unknown,
    });
    if let (Some(false), Some(event)) = (success, event)
        && (outcome(event) != Outcome::GoesOn || news.status != ProviderStatus::Pending)
    {
        news.reason = Some(why(event, detail(&mut session, "message")));
    }
    if news.status == ProviderStatus::Unknown {
        let what = format!("success {success:?}, event {event:?}, amount {amount:?}");
        news.reason = Some(Reason::new(format!("Viva's answer is not understood: {what}")));
    }
    news.transaction_reference = detail(&mut session, "transactionId");
    news.card_type = detail(&mut session, "applicationLabel");
    news.terminal_id = detail(&mut session, "terminalId");
    Ok(news)
}

/// What a terminal session of a refund needs besides what is refunded.
pub(super) fn refund_request(terminal_id: &str, cash_register_id: &str, session: &str, cents: i64) -> Value {
    json!({
        "sessionId": session,
        "terminalId": terminal_id,
        "cashRegisterId": cash_register_id,
        "amount": cents,
        "currencyCode": EURO,
    })
}
