//! More arrives than can be worked on: nothing is lost, and nothing piles up.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::EntryState;
use mplus_webhooks::payment::OneProvider;
use mplus_webhooks::reply::ScanCodeReply;
use mplus_webhooks::testkit::ManualProvider;
use mplus_webhooks::{Handlers, MemoryStore, SessionKey, Transaction, TransactionError, TransactionSink};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::Semaphore;

use super::{attempts, completed, host, signed, states};
use crate::support::{background, till};

/// A table that hangs until it is opened.
#[derive(Debug)]
struct Closed {
    open: Semaphore,
    inside: AtomicUsize,
    most_inside: AtomicUsize,
    recorded: AtomicUsize,
}

impl Closed {
    fn new() -> Arc<Self> {
        let [inside, most_inside, recorded] = [(); 3].map(|()| AtomicUsize::new(0));
        Arc::new(Self { open: Semaphore::new(0), inside, most_inside, recorded })
    }
}

#[async_trait]
impl TransactionSink for Closed {
    async fn create(&self, _: &Transaction) -> Result<(), TransactionError> {
        let inside = self.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_inside.fetch_max(inside, Ordering::SeqCst);
        let opened = self.open.acquire().await;
        self.inside.fetch_sub(1, Ordering::SeqCst);
        opened.map_err(|error| TransactionError(error.into()))?.forget();
        self.open.add_permits(1);
        self.recorded.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn cancel(&self, _: &SessionKey) -> Result<(), TransactionError> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn sales_beyond_what_is_worked_on_at_once_are_kept_and_recorded_later() {
    const SALES: usize = 100;
    let sink = Closed::new();
    let few = attempts(|attempts| attempts.most_arriving_per_merchant = 8);
    let host = host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| {
        builder.transactions(sink.clone()).attempts(few)
    });
    let sales = (0..SALES).map(|number| host.handle(completed(&number.to_string(), "1")));
    let replies = futures_util::future::join_all(sales).await;
    assert!(replies.iter().all(|reply| reply.status() == 200));
    assert_eq!(sink.most_inside.load(Ordering::SeqCst), 8);
    let states = states(&host).await;
    assert_eq!(states.iter().filter(|state| **state == EntryState::Received).count(), SALES - 8);
    // A repeat of one that waits does not begin it either.
    assert_eq!(host.handle(completed("99", "1")).await.status(), 200);
    assert_eq!(sink.most_inside.load(Ordering::SeqCst), 8);

    let _background = background(&host);
    sink.open.add_permits(1);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(sink.recorded.load(Ordering::SeqCst), SALES);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_keeps_no_payment_waiting() {
    let (sink, provider) = (Closed::new(), Arc::new(ManualProvider::new()));
    let few = attempts(|attempts| attempts.most_arriving_per_merchant = 2);
    let host = host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| {
        builder.transactions(sink.clone()).attempts(few).payments(Arc::new(OneProvider(provider.clone())))
    });
    for number in 0..3 {
        assert_eq!(host.handle(completed(&number.to_string(), "1")).await.status(), 200);
    }
    let till = till(2);
    let payment = till.start_payment(Decimal::ONE);
    assert_eq!(payment.start(&host).await.unwrap().started, Some(true));
    assert_eq!(provider.calls().create, 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_of_the_till_that_finds_no_room_is_answered_at_once() {
    let hangs = Handlers::new().on_scan_code(|_| std::future::pending::<Result<ScanCodeReply, _>>());
    let few = attempts(|attempts| attempts.most_arriving = 1);
    let host =
        host(&Arc::default(), Arc::new(MemoryStore::new()), |builder| builder.handler(hangs).attempts(few));
    let scan = |code: &str| signed(&EventName::ScanCode, json!({ "scanCode": { "scannedCode": code } }));
    let (slow, quick) = (scan("1"), scan("2"));
    let first = host.handle(slow);
    let second = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let begun = tokio::time::Instant::now();
        (host.handle(quick).await.status(), begun.elapsed())
    };
    let (_, (status, waited)) = tokio::join!(first, second);
    assert_eq!(status, 200);
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}
