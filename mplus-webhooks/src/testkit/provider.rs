//! A payment provider worked by hand: the test, or the operator, is the customer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use rust_decimal::Decimal;

use crate::payment::{NoticeRefused, Payment, PaymentProvider, ProviderError, ProviderNews, ProviderStatus};

/// A provider in memory. What was captured stays captured, as at a real one: a later [`fail`](Self::fail) or cancel changes
/// nothing.
#[derive(Debug, Default)]
pub struct ManualProvider {
    payments: Mutex<HashMap<String, (Decimal, ProviderStatus)>>,
    unreachable: Mutex<bool>,
    calls: Mutex<ProviderCalls>,
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
}

impl ManualProvider {
    /// The name that is stored with the payments.
    pub const NAME: &'static str = "manual";

    /// No payments yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The customer pays everything. `false` when the payment is not known or has ended otherwise.
    pub fn confirm(&self, payment_id: &str) -> bool {
        self.end(payment_id, ProviderStatus::Captured)
    }

    /// The customer pays this much, euros.
    pub fn confirm_partly(&self, payment_id: &str, amount: Decimal) -> bool {
        self.end(payment_id, |_| ProviderStatus::Captured(amount))
    }

    /// The customer pays everything although the payment has ended otherwise, as no consistent provider allows.
    pub fn confirm_after_the_end(&self, payment_id: &str) {
        if let Some((amount, status)) = self.lock().get_mut(payment_id) {
            *status = ProviderStatus::Captured(*amount);
        }
    }

    /// The payment is refused. `false` when it is not known or has ended otherwise.
    pub fn fail(&self, payment_id: &str) -> bool {
        self.end(payment_id, |_| ProviderStatus::Failed)
    }

    /// The money is held, but not captured.
    pub fn authorise(&self, payment_id: &str) -> bool {
        self.end(payment_id, |_| ProviderStatus::Authorised)
    }

    /// The payments that were created here, with their amounts and how they stand.
    pub fn payments(&self) -> Vec<(String, Decimal, ProviderStatus)> {
        let payments = self.lock();
        payments.iter().map(|(id, (amount, status))| (id.clone(), *amount, *status)).collect()
    }

    /// From now on nobody answers, or somebody does again.
    pub fn set_unreachable(&self, unreachable: bool) {
        *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) = unreachable;
    }

    /// What was asked of it so far.
    pub fn calls(&self) -> ProviderCalls {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Decimal, ProviderStatus)>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, payment_id: &str, status: impl FnOnce(Decimal) -> ProviderStatus) -> bool {
        match self.lock().get_mut(payment_id) {
            Some((amount, known)) if is_open(*known) => {
                *known = status(*amount);
                true
            }
            _ => false,
        }
    }

    fn answer(
        &self,
        payment: &Payment,
        count: impl FnOnce(&mut ProviderCalls),
        change: impl FnOnce(&mut ProviderStatus),
    ) -> Result<ProviderNews, ProviderError> {
        count(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner));
        if *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner) {
            let message = "switched off by the test".to_owned();
            return Err(ProviderError::Unreachable { provider: Self::NAME.to_owned(), message });
        }
        let mut payments = self.lock();
        let (_, status) =
            payments.entry(payment.key.id.clone()).or_insert((payment.amount, ProviderStatus::Pending));
        if is_open(*status) {
            change(status);
        }
        Ok(ProviderNews::new(*status).with_reference(format!("manual-{}", payment.key.id)))
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

    async fn create(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.answer(payment, |calls| calls.create += 1, |_| {})
    }

    async fn get(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.answer(payment, |calls| calls.get += 1, |_| {})
    }

    async fn cancel(&self, payment: &Payment) -> Result<ProviderNews, ProviderError> {
        self.answer(payment, |calls| calls.cancel += 1, |status| *status = ProviderStatus::Cancelled)
    }

    fn read_notice(
        &self,
        _: &HeaderMap,
        body: &Bytes,
        _: DateTime<Utc>,
    ) -> Result<Option<String>, NoticeRefused> {
        Ok(std::str::from_utf8(body).ok().map(str::to_owned))
    }
}
