//! A payment provider worked by hand: the test, or the operator, is the customer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use http::HeaderMap;
use rust_decimal::Decimal;

use crate::payment::{
    NoticeRefused, Payment, PaymentProvider, ProviderCheck, ProviderError, ProviderNews, ProviderRecord,
    ProviderStatus, Reason, Refund, RefundNews, RefundState,
};

/// A provider in memory. What was captured stays captured, as at a real one: a later [`fail`](Self::fail) or cancel changes
/// nothing.
#[derive(Debug)]
pub struct ManualProvider {
    account: String,
    terminal: Option<String>,
    payments: Mutex<HashMap<String, Kept>>,
    unreachable: Mutex<bool>,
    calls: Mutex<ProviderCalls>,
}

#[derive(Debug, Clone)]
struct Kept {
    amount: Decimal,
    status: ProviderStatus,
    reason: Option<Reason>,
    refunds: HashMap<String, Decimal>,
}

/// How often each call reached the provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderCalls {
    /// [`PaymentProvider::create`].
    pub create: usize,
    /// [`PaymentProvider::get`].
    pub get: usize,
    /// [`PaymentProvider::cancel`].
    pub cancel: usize,
    /// [`PaymentProvider::refund`].
    pub refund: usize,
}

impl Default for ManualProvider {
    fn default() -> Self {
        Self::new()
    }
}

impl ManualProvider {
    /// The name that is stored with the payments.
    pub const NAME: &'static str = "manual";

    /// No payments yet; account `default`, no terminal.
    pub fn new() -> Self {
        Self {
            account: "default".to_owned(),
            terminal: None,
            payments: Mutex::default(),
            unreachable: Mutex::default(),
            calls: Mutex::default(),
        }
    }

    /// As this account.
    #[must_use]
    pub fn with_account(mut self, account: &str) -> Self {
        account.clone_into(&mut self.account);
        self
    }

    /// As this terminal.
    #[must_use]
    pub fn with_terminal(mut self, terminal: &str) -> Self {
        self.terminal = Some(terminal.to_owned());
        self
    }

    /// The customer pays everything. `false` when the payment is not known or has ended otherwise.
    pub fn confirm(&self, payment_id: &str) -> bool {
        self.end(payment_id, |amount| ProviderStatus::Captured(amount.abs()))
    }

    /// The customer pays this much, euros.
    pub fn confirm_partly(&self, payment_id: &str, amount: Decimal) -> bool {
        self.end(payment_id, |_| ProviderStatus::Captured(amount))
    }

    /// The customer pays everything although the payment has ended otherwise, as no consistent provider allows.
    pub fn confirm_after_the_end(&self, payment_id: &str) {
        if let Some(kept) = self.lock().get_mut(payment_id) {
            kept.status = ProviderStatus::Captured(kept.amount.abs());
        }
    }

    /// The payment is refused. `false` when it is not known or has ended otherwise.
    pub fn fail(&self, payment_id: &str) -> bool {
        self.end(payment_id, |_| ProviderStatus::Failed)
    }

    /// The payment is refused, for this reason.
    pub fn fail_because(&self, payment_id: &str, reason: Reason) -> bool {
        let failed = self.fail(payment_id);
        if failed && let Some(kept) = self.lock().get_mut(payment_id) {
            kept.reason = Some(reason);
        }
        failed
    }

    /// The money is held, but not captured.
    pub fn authorise(&self, payment_id: &str) -> bool {
        self.end(payment_id, |_| ProviderStatus::Authorised)
    }

    /// The payments that were created here, with their amounts and how they stand.
    pub fn payments(&self) -> Vec<(String, Decimal, ProviderStatus)> {
        let payments = self.lock();
        payments.iter().map(|(id, kept)| (id.clone(), kept.amount, kept.status)).collect()
    }

    /// What was given back of a payment, by the refunds' ids, euros.
    pub fn refunds(&self, payment_id: &str) -> HashMap<String, Decimal> {
        self.lock().get(payment_id).map(|kept| kept.refunds.clone()).unwrap_or_default()
    }

    /// From now on nobody answers, or somebody does again.
    pub fn set_unreachable(&self, unreachable: bool) {
        *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = unreachable;
    }

    /// What was asked of it so far.
    pub fn calls(&self) -> ProviderCalls {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, payment_id: &str, status: impl FnOnce(Decimal) -> ProviderStatus) -> bool {
        match self.lock().get_mut(payment_id) {
            Some(kept) if is_open(kept.status) => {
                kept.status = status(kept.amount);
                true
            }
            _ => false,
        }
    }

    fn count(&self, count: impl FnOnce(&mut ProviderCalls)) -> Result<(), ProviderError> {
        count(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        if *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) {
            let message = "switched off by the test".to_owned();
            return Err(ProviderError::Unreachable { provider: Self::NAME.to_owned(), message });
        }
        Ok(())
    }

    fn news(&self, payment: &Payment) -> ProviderNews {
        let payments = self.lock();
        let Some(kept) = payments.get(&payment.key.id) else {
            return ProviderNews::new(ProviderStatus::Absent);
        };
        let news = ProviderNews::new(kept.status).with_reference(format!("manual-{}", payment.key.id));
        match &kept.reason {
            Some(reason) => news.because(reason.clone()),
            None => news,
        }
    }
}

fn is_open(status: ProviderStatus) -> bool {
    matches!(status, ProviderStatus::Pending | ProviderStatus::Authorised)
}

#[async_trait]
impl PaymentProvider for ManualProvider {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn account(&self) -> &str {
        &self.account
    }

    fn terminal(&self) -> Option<&str> {
        self.terminal.as_deref()
    }

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.count(|calls| calls.create += 1)?;
        self.lock().entry(payment.key.id.clone()).or_insert_with(|| Kept {
            amount: payment.amount,
            status: ProviderStatus::Pending,
            reason: None,
            refunds: HashMap::new(),
        });
        Ok(self.news(payment))
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.count(|calls| calls.get += 1)?;
        Ok(self.news(payment))
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.count(|calls| calls.cancel += 1)?;
        self.end(&payment.key.id, |_| ProviderStatus::Cancelled);
        Ok(self.news(payment))
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> Result<RefundNews, ProviderError> {
        self.count(|calls| calls.refund += 1)?;
        if let Some(kept) = self.lock().get_mut(&payment.key.id) {
            kept.refunds.insert(refund.id.clone(), refund.amount);
        }
        Ok(RefundNews::new(RefundState::Succeeded).with_reference(format!("manual-refund-{}", refund.id)))
    }

    fn read_notice(
        &self,
        _: &HeaderMap,
        body: &Bytes,
        _: DateTime<Utc>,
    ) -> Result<Vec<String>, NoticeRefused> {
        Ok(std::str::from_utf8(body).map(str::to_owned).into_iter().collect())
    }

    async fn check(&self) -> Result<ProviderCheck, ProviderError> {
        self.count(|_| {})?;
        Ok(ProviderCheck { accepted: Some(true), ..ProviderCheck::default() })
    }

    async fn payments_of(&self, _: NaiveDate) -> Result<Vec<ProviderRecord>, ProviderError> {
        self.count(|_| {})?;
        let payments = self.lock();
        let records = payments.iter().map(|(id, kept)| ProviderRecord {
            payment_id: Some(id.clone()),
            captured: match kept.status {
                ProviderStatus::Captured(amount) => Some(amount),
                _ => None,
            },
            ..ProviderRecord::new(format!("manual-{id}"))
        });
        Ok(records.collect())
    }
}
