//! A store that is slow, asked too often, or down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mplus_webhooks::Handlers;
use mplus_webhooks::event::EventName;
use mplus_webhooks::inbox::EntryState;
use mplus_webhooks::payment::{OneProvider, PaymentNotice};
use mplus_webhooks::reply::StartExternalPaymentReply;
use mplus_webhooks::testkit::ManualProvider;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::parts::half;
use super::watched::Watched;
use super::{Table, Told, completed, host, signed, states};
use crate::support::{background, till};

#[tokio::test(start_paused = true)]
async fn repeats_of_a_slow_event_wait_without_asking_the_store_again_and_again() {
    let store = Arc::new(Watched::default());
    let table = Arc::new(Table { takes: Duration::from_secs(3), ..Table::default() });
    let [first, second] = [(); 2].map(|()| host(&table, store.clone(), |builder| builder));
    let sale = completed("s", "1");
    let here = (0..100).map(|_| first.handle(sale.clone()));
    let there = async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        second.handle(sale.clone()).await
    };
    let (here, there) = tokio::join!(futures_util::future::join_all(here), there);
    assert!(here.iter().chain([&there]).all(|reply| reply.status() == 200 && reply.body() == "{}"));
    assert_eq!(table.calls(), ["create s 1"]);
    // Only the other process asked, and it waited longer each time.
    let reads = store.reads.load(Ordering::SeqCst);
    assert!((1..=8).contains(&reads), "{reads}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acknowledged_that_is_not_stored_and_a_store_that_is_down_stops_nothing_for_ever() {
    let store = Arc::new(Watched::default());
    let table = Table::failing(1);
    let host = host(&table, store.clone(), |builder| builder);
    host.handle(completed("before", "1")).await;
    store.down.store(true, Ordering::SeqCst);
    assert_eq!(host.handle(completed("s", "1")).await.status(), 400);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let host = host.clone();
        tokio::spawn(async move { host.run(async { drop(stopped.await) }).await })
    };
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(table.calls().is_empty());
    store.down.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(table.calls(), ["create before 1"]);
    drop(stop);
    let report = running.await.unwrap();
    assert_eq!((report.worked_off, report.retried, report.dead), (1, 0, 0));
    assert!(report.troubles > 10, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_is_not_stored_in_the_tills_time_is_not_acknowledged_and_arrives_all_the_same() {
    let (store, table) = (Arc::new(Watched::default()), Arc::new(Table::default()));
    store.keeping_takes.store(9, Ordering::SeqCst);
    let host = host(&table, store.clone(), |builder| builder);
    let begun = tokio::time::Instant::now();
    let sale = completed("s", "1");
    // The till repeats what failed, while the store is still at it.
    for _ in 0..2 {
        assert_eq!(host.handle(sale.clone()).await.status(), 400);
    }
    assert!(begun.elapsed() < Duration::from_secs(9));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(states(&host).await, [EntryState::Done]);
    store.keeping_takes.store(0, Ordering::SeqCst);
    assert_eq!(host.handle(sale).await.status(), 200);
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn nor_is_one_that_looks_like_another_acknowledged_before_it_is_stored_itself() {
    let (store, table) = (Arc::new(Watched::default()), Arc::new(Table::default()));
    let host = host(&table, store.clone(), |builder| builder);
    let half = |counter| half(&EventName::CompleteSession, counter, 1);
    assert_eq!(host.handle(half(1)).await.status(), 200);
    // The store finds the first half in three seconds, and needs as long for the second one.
    store.keeping_takes.store(3, Ordering::SeqCst);
    assert_eq!(host.handle(half(2)).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(table.calls().len(), 2, "it arrived all the same");
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_till_was_told_that_it_failed_is_presented_to_nobody() {
    let (store, provider) = (Arc::new(Watched::default()), Arc::new(ManualProvider::new()));
    store.keeping_takes.store(9, Ordering::SeqCst);
    let host = host(&Arc::default(), store.clone(), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone())))
    });
    let _background = background(&host);
    let amount = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": amount }));
    assert_eq!(host.handle(start.clone()).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(300)).await;
    store.keeping_takes.store(0, Ordering::SeqCst);
    let again: Value = serde_json::from_slice(host.handle(start).await.body()).unwrap();
    assert_eq!(again["externalPayment"]["started"], json!(false), "{again}");
    assert_eq!(provider.calls().create, 0);
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_till_was_told_that_it_failed_is_given_to_no_handler() {
    let (store, told) = (Arc::new(Watched::default()), Told::default());
    store.keeping_takes.store(9, Ordering::SeqCst);
    let begun = Arc::new(AtomicUsize::new(0));
    let begins = begun.clone();
    let handlers = told.handlers().on_start_external_payment(move |_| {
        begins.fetch_add(1, Ordering::SeqCst);
        async { Ok(StartExternalPaymentReply::acknowledge()) }
    });
    let host = host(&Arc::default(), store.clone(), |builder| builder.handler(handlers));
    let _background = background(&host);
    let amount = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": amount }));
    assert_eq!(host.handle(start.clone()).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    store.keeping_takes.store(0, Ordering::SeqCst);
    assert_eq!(host.handle(start).await.status(), 400);
    assert_eq!((begun.load(Ordering::SeqCst), told.kinds()), (0, vec!["dead"]));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_the_database_does_not_let_go_holds_up_nothing_else() {
    let (store, table) = (Arc::new(Watched::default()), Table::failing(3));
    let host = host(&table, store.clone(), |builder| builder);
    for session in ["a", "b", "c"] {
        host.handle(completed(session, "1")).await;
    }
    *store.locked.lock().unwrap() = Some("a".to_owned());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let host = host.clone();
        tokio::spawn(async move { host.run(async { drop(stopped.await) }).await })
    };
    tokio::time::sleep(Duration::from_secs(15)).await;
    let mut calls = table.calls();
    calls.sort();
    assert_eq!(calls, ["create b 1", "create c 1"]);
    *store.locked.lock().unwrap() = None;
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(table.calls().last().unwrap(), "create a 1");
    drop(stop);
    let report = running.await.unwrap();
    assert_eq!(report.worked_off, 3);
    assert!(report.troubles > 0, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_trouble_that_passes_and_payments_and_sales_go_on_by_themselves() {
    let (store, provider) = (Arc::new(Watched::default()), Arc::new(ManualProvider::new()));
    let table = Table::failing(1);
    let host =
        host(&table, store.clone(), |builder| builder.payments(Arc::new(OneProvider(provider.clone()))));
    let till = crate::support::till(1);
    let payment = till.start_payment(rust_decimal::Decimal::ONE);
    payment.start(&host).await.unwrap();
    host.handle(completed("s", "1")).await;
    store.hangs.store(true, Ordering::SeqCst);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let host = host.clone();
        tokio::spawn(async move { host.run(async { drop(stopped.await) }).await })
    };
    tokio::time::sleep(Duration::from_secs(100)).await;
    // A till is answered all the same.
    assert_eq!(host.handle(completed("t", "1")).await.status(), 400);
    store.hangs.store(false, Ordering::SeqCst);
    provider.confirm(&payment.id);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(table.calls(), ["create s 1"]);
    assert!(payment.poll(&host).await.unwrap().finished());
    drop(stop);
    let report = running.await.unwrap();
    // Three loops, of which each was held up for ten seconds at a time.
    assert!(report.troubles >= 10, "{report:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_poll_that_came_too_late_is_no_answer() {
    // As the vendor prints it, and as plain JSON.
    for comma in [",", ""] {
        let store = Arc::new(Watched::default());
        let alarms = Arc::new(AtomicUsize::new(0));
        let told = alarms.clone();
        let handlers = Handlers::new().on_payment_changed(move |notice| {
            told.fetch_add(usize::from(matches!(notice, PaymentNotice::NotFetched(_))), Ordering::SeqCst);
            async {}
        });
        let provider = Arc::new(ManualProvider::new());
        let host = host(&Arc::default(), store.clone(), |builder| {
            builder.handler(handlers).payments(Arc::new(OneProvider(provider.clone())))
        });
        let _background = background(&host);
        let till = till(1);
        let payment = till.start_payment(Decimal::TEN);
        payment.start(&host).await.unwrap();
        provider.confirm(&payment.id);
        tokio::time::sleep(Duration::from_secs(60)).await;
        store.reading_payments_takes.store(6, Ordering::SeqCst);
        let body = format!(
            r#"{{"event":{{"eventCounter":9}},"sender":{{"branchNumber":1{comma}}},"externalPayment":{{"externalPaymentId":"{}"}}}}"#,
            payment.id
        );
        let poll = till.signed(&EventName::PollExternalPayment, body.into());
        let told: Value = serde_json::from_slice(host.handle(poll).await.body()).unwrap();
        assert_eq!(told["externalPayment"]["status"], "pending", "{comma:?}");
        tokio::time::sleep(Duration::from_secs(30)).await;
        store.reading_payments_takes.store(0, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(20 * 60)).await;
        assert_eq!(alarms.load(Ordering::SeqCst), 1, "{comma:?}");
    }
}
