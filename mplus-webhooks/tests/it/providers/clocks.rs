//! Two processes whose clocks are a minute apart: what one of them has just asked for is not old for the other.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use mplus_webhooks::payment::*;
use mplus_webhooks::{FixedSubscriptions, MemoryStore, Orchestrator, Subscription};
use rust_decimal::Decimal;

use super::refunds::Ahead;
use crate::support::{SUBSCRIPTION, merchant, secret};

/// What it was asked to begin gets no answer, and takes effect when the test says so.
#[derive(Debug, Default)]
struct Distant {
    /// What it says of the payment; none: it cannot be reached.
    says: Mutex<Option<ProviderStatus>>,
    /// Of each question about a refund, whether it might begin one.
    refunds: Mutex<Vec<bool>>,
}

impl Distant {
    fn say(&self, status: ProviderStatus) {
        *self.says.lock().unwrap() = Some(status);
    }

    fn news(&self) -> Result<ProviderNews, ProviderError> {
        self.says.lock().unwrap().map(ProviderNews::new).ok_or_else(no_answer)
    }
}

fn no_answer() -> ProviderError {
    ProviderError::Unreachable { provider: "distant".to_owned(), message: "the line broke".to_owned() }
}

#[async_trait]
impl PaymentProvider for Distant {
    fn name(&self) -> &str {
        "distant"
    }

    async fn create(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        Err(no_answer())
    }

    async fn get(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        self.news()
    }

    async fn cancel(&self, _: &Payment) -> Result<ProviderNews, ProviderError> {
        self.news()
    }

    async fn refund(&self, _: &Payment, refund: &Refund) -> Result<RefundNews, ProviderError> {
        self.refunds.lock().unwrap().push(!refund.looks_only);
        if refund.looks_only { Ok(RefundNews::new(refund.state)) } else { Err(no_answer()) }
    }

    fn read_notice(&self, _: &HeaderMap, _: &Bytes, _: DateTime<Utc>) -> Result<Vec<String>, NoticeRefused> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn what_another_process_has_just_sent_is_neither_absent_nor_sent_again_though_its_clock_is_a_minute_behind()
 {
    let (provider, store) = (Arc::new(Distant::default()), Arc::new(MemoryStore::new()));
    let clocks = [Arc::new(Ahead::default()), Arc::new(Ahead::default())];
    clocks[1].by(60);
    let [behind, ahead] = clocks.clone().map(|clock| {
        let resolver = FixedSubscriptions::new([Subscription::new(SUBSCRIPTION, merchant(), secret())]);
        Orchestrator::builder(Arc::new(resolver), store.clone(), clock)
            .payments(Arc::new(OneProvider(provider.clone())))
            .build()
    });
    let (behind, ahead) = (behind.payments().unwrap(), ahead.payments().unwrap());
    let pass = |seconds| clocks.iter().for_each(|clock| clock.by(seconds));

    // It is on its way; the customer sees it in a moment.
    let key = PaymentKey::new(merchant(), super::PAYMENT_ID);
    behind.start_own(&OwnPayment::new(key.clone(), Decimal::TEN, "K_WEBHOOK")).await.unwrap();
    pass(3);
    provider.say(ProviderStatus::Absent);
    ahead.cancel_own(&key).await.unwrap();
    let cancelled = ahead.payment(&key).await.unwrap().unwrap();
    assert!(!cancelled.state.is_terminal(), "{:?}", cancelled.state);
    provider.say(ProviderStatus::Captured(Decimal::TEN));
    let paid = ahead.refresh(&key).await.unwrap().unwrap();
    assert_eq!(paid.state, PaymentState::Confirmed);

    behind.refund(&key, "r", None).await.unwrap();
    pass(6);
    ahead.refund(&key, "r", None).await.unwrap();
    assert_eq!(
        *provider.refunds.lock().unwrap(),
        [true, false],
        "six seconds later it may still be carried out"
    );
    pass(60);
    ahead.refund(&key, "r", None).await.unwrap();
    assert_eq!(*provider.refunds.lock().unwrap(), [true, false, true]);
}
