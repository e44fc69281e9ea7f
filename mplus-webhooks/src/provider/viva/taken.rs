//! Money that was taken although its terminal session denies it, as Viva's sessions were seen to do: the account's transactions know it.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use http::{Method, StatusCode};
use rust_decimal::Decimal;

use super::Viva;
use super::checkout::read_transaction;
use crate::event::json::{Fields, RawJson};
use crate::payment::{Payment, ProviderError, ProviderNews, ProviderStatus};
use crate::provider::call::detail;

/// How long after the session's life a payment that ended without money is looked at again.
const WATCH: TimeDelta = TimeDelta::hours(1);
/// How far the zone of the lists' days may be from UTC.
const WEST: TimeDelta = TimeDelta::hours(12);
const EAST: TimeDelta = TimeDelta::hours(14);

impl Viva {
    /// What is told of a session, also of one that gives money to a card.
    ///
    /// That it ended without money is told only when no transaction says otherwise. When nobody answers that, it is told after twice the
    /// session's life all the same, for a cashier waits; it is looked at again afterwards in any case.
    pub(super) async fn unless_taken(
        &self,
        payment: &Payment,
        mut news: ProviderNews,
    ) -> Result<ProviderNews, ProviderError> {
        let without_money = matches!(news.status, ProviderStatus::Failed | ProviderStatus::Cancelled);
        if !without_money {
            return Ok(news);
        }
        let sent_at = payment.attempted_at.unwrap_or(payment.started_at);
        let watched_until = sent_at + self.session_life + WATCH;
        news.watched_until = (self.runtime.now() < watched_until).then_some(watched_until);
        match self.taken(payment, sent_at).await {
            Ok(Some(taken)) => Ok(ProviderNews { terminal_id: news.terminal_id, ..taken }),
            Ok(None) => Ok(news),
            Err(error) => {
                let may_be_answered = !matches!(error, ProviderError::Refused { .. });
                if may_be_answered && self.age(payment) < self.session_life * 2 {
                    (news.status, news.watched_until) = (ProviderStatus::Pending, None);
                } else {
                    self.note_not_looked_up(payment, &error);
                }
                Ok(news)
            }
        }
    }

    /// What the transactions of the session's days say was taken for this payment. After a PIN it stands under another order; our own
    /// reference tells whose it is.
    async fn taken(
        &self,
        payment: &Payment,
        sent_at: DateTime<Utc>,
    ) -> Result<Option<ProviderNews>, ProviderError> {
        let days: BTreeSet<_> = [sent_at - WEST, sent_at, sent_at + EAST].map(|at| at.date_naive()).into();
        let mut news = ProviderNews::new(ProviderStatus::Unknown).with_reference(payment.key.id.as_str());
        let (mut euros, mut counted) = (Decimal::ZERO, BTreeSet::new());
        for listed in self.listed_on_days(&days).await? {
            let Ok(Ok(mut fields)) = Fields::open_body(listed.as_str().as_bytes()) else { continue };
            if detail::<String>(&mut fields, "MerchantTrns").as_deref() != Some(payment.key.id.as_str()) {
                continue;
            }
            let unreadable = |error| self.api.unreachable(format!("its transaction cannot be read: {error}"));
            let amount = read_transaction(fields, &mut news).map_err(unreadable)?;
            // What was given back to a card may be listed below zero.
            let amount = if payment.is_refund() { amount.abs() } else { amount };
            // It may be listed on two days.
            if amount > Decimal::ZERO && counted.insert(news.transaction_reference.clone()) {
                euros += amount;
            }
        }
        news.status = ProviderStatus::Captured(euros);
        Ok((euros > Decimal::ZERO).then_some(news))
    }

    /// The transactions of some days; refused where no day is found: there is no list then.
    pub(super) async fn listed_on_days(
        &self,
        days: &BTreeSet<NaiveDate>,
    ) -> Result<Vec<RawJson>, ProviderError> {
        let (mut all, mut found) = (Vec::new(), false);
        for day in days {
            let listed = self.listed_on(*day).await?;
            found |= listed.is_some();
            all.extend(listed.into_iter().flatten());
        }
        if found { Ok(all) } else { Err(self.lists_nothing()) }
    }

    /// The transactions of a day; `None` when the day is not found, as one without any may be answered.
    pub(super) async fn listed_on(&self, day: NaiveDate) -> Result<Option<Vec<RawJson>>, ProviderError> {
        let path = format!("/api/transactions?date={day}");
        let none_listed = [StatusCode::NOT_FOUND, StatusCode::NOT_IMPLEMENTED];
        let answer = self.old_api(Method::GET, &path, &none_listed).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::NOT_IMPLEMENTED => Err(self.lists_nothing()),
            _ => self.list(&answer, &["Transactions"]).map(Some),
        }
    }

    pub(super) fn lists_nothing(&self) -> ProviderError {
        self.api.refused("it lists no transactions".to_owned())
    }

    pub(super) fn note_not_looked_up(&self, payment: &Payment, error: &ProviderError) {
        let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left_out) = log.admit(self.runtime.now()) {
            tracing::warn!(
                payment = %payment.key.id, merchant = %payment.key.merchant, account = %self.account, error = %error, left_out,
                "a payment or refund ended without money, and Viva does not tell whether money moved all the same"
            );
        }
    }
}
