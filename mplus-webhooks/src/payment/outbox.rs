//! Telling the host: in order, at least once, and never in the way of a till.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::oneshot;

use super::record::{Payment, PaymentKey};
use super::service::{ExternalPayments, LEASE, SettleError, later, too_many_writers};

/// How long a till waits for the host's handler.
const TILL_WAITS: Duration = Duration::from_millis(500);
/// How often two writers may get in each other's way before one gives up.
const MAX_ATTEMPTS: usize = 64;

impl ExternalPayments {
    /// Tells the host in the background, and waits for it no longer than a till would.
    pub(super) async fn tell_soon(&self, key: &PaymentKey) {
        let (payments, key) = (self.clone(), key.clone());
        let (tell, told) = oneshot::channel::<()>();
        self.runtime.spawn(Box::pin(async move {
            if let Err(error) = payments.tell(&key).await {
                tracing::error!(payment = %key.id, merchant = %key.merchant, error = %error, "the host is told later");
            }
            drop(tell);
        }));
        select(told, pin!(self.runtime.sleep(TILL_WAITS))).await;
    }

    /// Tells the host what it was not told yet, unless somebody else does.
    pub(super) async fn tell_rest(&self, payment: Payment) -> Result<Payment, SettleError> {
        let now = self.runtime.now();
        if payment.notices.is_empty() || payment.telling_until.is_some_and(|until| until > now) {
            return Ok(payment);
        }
        let telling = Payment {
            telling_until: Some(later(now, LEASE)),
            version: payment.version + 1,
            ..payment.clone()
        };
        if self.store.replace_payment(&telling).await? {
            self.tell(&telling.key).await?;
        }
        self.stored(&payment.key).await
    }

    /// Tells the host one thing after the other. The caller has the lease.
    async fn tell(&self, key: &PaymentKey) -> Result<(), SettleError> {
        let mut told = 0;
        for _ in 0..MAX_ATTEMPTS {
            let stored = self.stored(key).await?;
            let mut changed = stored.clone();
            changed.notices.retain(|notice| notice.number > told);
            changed.version += 1;
            let next = changed.notices.first().map(|notice| notice.for_host(&stored));
            changed.telling_until = next.is_some().then(|| later(self.runtime.now(), LEASE));
            let unchanged = changed.notices.len() == stored.notices.len() && next.is_some();
            if !unchanged && !self.store.replace_payment(&changed).await? {
                continue;
            }
            let Some(notice) = next else { return Ok(()) };
            let number = notice.number();
            let taken = self.guarded("the host's handler of payments", self.handler.payment_changed(&notice));
            if taken.await.is_none() {
                // The lease runs out, and the refresh tells it again.
                return Ok(());
            }
            told = number;
        }
        Err(too_many_writers())
    }
}
