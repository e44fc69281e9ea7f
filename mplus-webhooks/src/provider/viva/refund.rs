//! Refunds: on the terminal by a session of their own, after a checkout by the older API.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use super::Viva;
use super::outcome::{Outcome, outcome, why};
use super::terminal::refund_request;
use crate::event::json::Fields;
use crate::payment::{LISTED_WITHIN, Payment, ProviderError, Reason, Refund, RefundNews, RefundState};
use crate::provider::call::{detail, escape, field};

/// How the reference of a refund's session begins: in the day's list it is no payment.
pub(super) const REFUND: &str = "refund ";

impl Viva {
    /// Begins the refund's session, or tells how it stands. The session's id is made of the refund's, so there is one at most.
    pub(super) async fn refund_on_terminal(
        &self,
        payment: &Payment,
        refund: &Refund,
        terminal_id: &str,
        cash_register_id: &str,
    ) -> Result<RefundNews, ProviderError> {
        let session = session_of(payment, refund);
        if refund.attempts > 1
            && let Some(news) = self
                .refund_session(refund, &session, cash_register_id)
                .await
                .map_err(|error| self.api.of_question(error))?
        {
            return self.unless_given(payment, refund, news.with_reference(session)).await;
        }
        if refund.looks_only {
            return Ok(RefundNews::new(refund.state));
        }
        let cents = self.api.cents(refund.amount)?;
        let mut request = refund_request(terminal_id, cash_register_id, &session, cents);
        if let Some(request) = request.as_object_mut() {
            request.insert("parentSessionId".to_owned(), payment.key.id.as_str().into());
            request.insert("merchantReference".to_owned(), named(refund).into());
        }
        let path = self.terminal_api("/transactions:refund");
        let answer = self.new_api(Method::POST, &path, Some(request), &[StatusCode::CONFLICT]).await?;
        if answer.status == StatusCode::CONFLICT
            && self
                .refund_session(refund, &session, cash_register_id)
                .await
                .map_err(|error| self.api.of_question(error))?
                .is_none()
        {
            return Err(self.api.unavailable("the terminal is busy with another payment".to_owned()));
        }
        Ok(RefundNews::new(RefundState::Pending).with_reference(session))
    }

    /// What is told of a refund's session: that nothing was given back only when no transaction says otherwise, as with payments. It is
    /// asked until that is answered, for nobody waits at the till; only where the list is refused or not there the session is believed.
    async fn unless_given(
        &self,
        payment: &Payment,
        refund: &Refund,
        news: RefundNews,
    ) -> Result<RefundNews, ProviderError> {
        let sale = payment.transaction_reference.as_deref();
        let Some(sale) = sale.filter(|_| news.state == RefundState::Failed) else { return Ok(news) };
        match self.listed_refunds(refund, sale).await {
            Ok(listed) => Ok(match ours(&listed, payment, refund) {
                Some(listed) => RefundNews { reference: news.reference, ..RefundNews::new(listed.state) },
                None => news,
            }),
            Err(error @ ProviderError::Refused { .. }) => {
                self.note_not_looked_up(payment, &error);
                Ok(news)
            }
            Err(error) => Err(error),
        }
    }

    /// How the refund's session stands; `None` when there is none.
    async fn refund_session(
        &self,
        refund: &Refund,
        session: &str,
        cash_register_id: &str,
    ) -> Result<Option<RefundNews>, ProviderError> {
        let mut answer = self.session(session).await?;
        let age = self.age_of(refund.sent_at.unwrap_or(refund.requested_at));
        let over = age > self.session_life * 2;
        if answer.status == StatusCode::ACCEPTED && over {
            // A session that never reached its terminal is answered so for ever.
            self.abort(session, cash_register_id).await?;
            answer = self.session(session).await?;
        }
        match answer.status {
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::ACCEPTED if over => {
                let why = Reason::new("the terminal never answered: nothing was given back");
                return Ok(Some(RefundNews::new(RefundState::Failed).because(why)));
            }
            StatusCode::ACCEPTED => return Ok(Some(RefundNews::new(RefundState::Pending))),
            _ => {}
        }
        let final_by_now = age >= self.session_life;
        let news = self.api.read(&answer.body, |mut session| {
            let success: Option<bool> = field(&mut session, "success")?;
            let event: Option<i64> = field(&mut session, "eventId")?;
            Ok(match (success, event) {
                (Some(true), _) => RefundNews::new(RefundState::Succeeded),
                (Some(false), Some(event)) => {
                    let ended = match outcome(event) {
                        Outcome::GoesOn => over,
                        Outcome::Cancelled | Outcome::Over => true,
                        Outcome::Declined => final_by_now,
                    };
                    let state = if ended { RefundState::Failed } else { RefundState::Pending };
                    RefundNews::new(state).because(why(event, detail(&mut session, "message")))
                }
                _ => RefundNews::new(RefundState::Pending),
            })
        })?;
        Ok(Some(news))
    }

    /// Gives money of a paid order back. Viva knows no idempotency here, so after a lost answer the order's transactions are read.
    pub(super) async fn refund_order(
        &self,
        payment: &Payment,
        refund: &Refund,
        source_code: &str,
    ) -> Result<RefundNews, ProviderError> {
        let transaction = payment.transaction_reference.as_deref();
        let transaction =
            transaction.ok_or_else(|| self.api.refused("the payment has no transaction".to_owned()))?;
        if refund.attempts > 1
            && let Some(news) = self
                .find_refund(payment, refund, transaction)
                .await
                .map_err(|error| self.api.of_question(error))?
        {
            return Ok(news);
        }
        // One that Viva has taken is looked for until it shows; asked for again it would be another.
        let missing_for = self.runtime.now() - refund.requested_at;
        if refund.state == RefundState::Pending && missing_for > LISTED_WITHIN {
            let text = "Viva took it and does not list it: look there before it is given back again";
            return Ok(RefundNews::new(RefundState::Failed).because(Reason::new(text)));
        }
        if refund.looks_only || refund.state != RefundState::Requested {
            return Ok(RefundNews::new(refund.state));
        }
        let cents = self.api.cents(refund.amount)?;
        let path = format!(
            "/api/transactions/{}?amount={cents}&sourceCode={}",
            escape(transaction),
            escape(source_code)
        );
        let body = self.old_api(Method::DELETE, &path, &[]).await?.body;
        let news = self.api.read(&body, |mut answer| {
            let error: Option<i64> = field(&mut answer, "ErrorCode")?;
            let text: Option<String> = detail(&mut answer, "ErrorText");
            let success: Option<bool> = field(&mut answer, "Success")?;
            Ok(match (success, error) {
                // A success with an error's number is none, and an answer without either proves nothing.
                (Some(true) | None, Some(0) | None) => {
                    let proven = success.is_some() || error.is_some();
                    let state = if proven { RefundState::Succeeded } else { RefundState::Pending };
                    let mut news = RefundNews::new(state);
                    news.reference = detail(&mut answer, "TransactionId");
                    news
                }
                (_, error) => {
                    let code = error.unwrap_or_default().to_string();
                    let text = text.unwrap_or_else(|| "it was refused".to_owned());
                    RefundNews::new(RefundState::Failed).because(Reason::with_code(code, text))
                }
            })
        })?;
        match &news.reason {
            // An earlier attempt whose answer got lost may be why.
            Some(why) if refund.attempts > 1 => Err(self.api.refused(why.to_string())),
            _ => Ok(news),
        }
    }

    /// A refund of this amount which is none of the others that are known: a finished one, else one that is under way.
    async fn find_refund(
        &self,
        payment: &Payment,
        refund: &Refund,
        transaction: &str,
    ) -> Result<Option<RefundNews>, ProviderError> {
        let is_of_another = |id: &str| {
            let mut others = payment.refunds.iter().filter(|other| other.id != refund.id);
            others.any(|other| other.reference.as_deref() == Some(id))
        };
        let mut listed = self.listed_refunds(refund, transaction).await?.into_iter();
        let ours = listed.find(|listed| !listed.id.as_deref().is_some_and(is_of_another));
        Ok(ours.map(|listed| RefundNews { reference: listed.id, ..RefundNews::new(listed.state) }))
    }

    /// The refunds of this amount that a sale has, finished ones before those under way, among the transactions of today and of the day
    /// when it was asked for. Viva's days are those of a place that it does not name, so the days beside them are read, too.
    async fn listed_refunds(
        &self,
        refund: &Refund,
        transaction: &str,
    ) -> Result<Vec<ListedRefund>, ProviderError> {
        let days: BTreeSet<_> =
            [refund.requested_at, refund.sent_at.unwrap_or(refund.requested_at), self.runtime.now()]
                .into_iter()
                .map(|at| at.date_naive())
                .flat_map(|day| [day.pred_opt(), Some(day), day.succ_opt()])
                .flatten()
                .collect();
        let mut found: Vec<ListedRefund> = Vec::new();
        for listed in self.listed_on_days(&days).await? {
            let Ok(Ok(fields)) = Fields::open_body(listed.as_str().as_bytes()) else { continue };
            let Some(listed) = read_listed(fields, refund, transaction) else { continue };
            // It may be listed on two days.
            if listed.id.is_none() || !found.iter().any(|known| known.id == listed.id) {
                found.push(listed);
            }
        }
        found.sort_by_key(|listed| listed.state.is_open());
        Ok(found)
    }
}

/// A refund as it stands in a day's list.
struct ListedRefund {
    id: Option<String>,
    /// What it was named when it was asked for on a terminal.
    name: Option<String>,
    state: RefundState,
}

/// A listed transaction as a refund of this sale and of this amount. One that ended otherwise gave nothing back, and is none; one that
/// is under way still may.
fn read_listed(mut fields: Fields<'_>, refund: &Refund, transaction: &str) -> Option<ListedRefund> {
    let parent: Option<String> = detail(&mut fields, "ParentId");
    let amount: Option<Decimal> = detail(&mut fields, "Amount");
    let same =
        parent.as_deref() == Some(transaction) && amount.is_some_and(|amount| amount.abs() == refund.amount);
    let state = match detail::<String>(&mut fields, "StatusId").as_deref() {
        Some("F") => RefundState::Succeeded,
        Some("E" | "X") => return None,
        _ => RefundState::Pending,
    };
    let (id, name) = (detail(&mut fields, "TransactionId"), detail(&mut fields, "MerchantTrns"));
    same.then_some(ListedRefund { id, name, state })
}

/// The refund on a terminal among those that are listed: the one with its name; else one without a name that is none of the others,
/// which are known by their sessions and not by their transactions.
fn ours<'a>(listed: &'a [ListedRefund], payment: &Payment, refund: &Refund) -> Option<&'a ListedRefund> {
    let with_name_of = |refund: &Refund| {
        let name = named(refund);
        listed.iter().find(move |listed| listed.name.as_ref() == Some(&name))
    };
    let others = payment.refunds.iter().filter(|other| {
        other.id != refund.id
            && other.amount == refund.amount
            && other.state == RefundState::Succeeded
            && with_name_of(other).is_none()
    });
    let is_named = |listed: &ListedRefund| listed.name.as_ref().is_some_and(|name| name.starts_with(REFUND));
    with_name_of(refund).or_else(|| listed.iter().filter(|listed| !is_named(listed)).nth(others.count()))
}

/// What a refund on a terminal is named.
fn named(refund: &Refund) -> String {
    format!("{REFUND}{}", refund.id)
}

/// A UUID made of the payment and the refund.
fn session_of(payment: &Payment, refund: &Refund) -> String {
    let mut hash = Sha256::new();
    for part in [payment.key.merchant.as_str(), &payment.key.id, &refund.id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digits: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}
