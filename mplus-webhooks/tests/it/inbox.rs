//! What was acknowledged is done, whatever breaks in between; and done once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use mplus_webhooks::event::{AnyEvent, EventName};
use mplus_webhooks::inbox::{EntryFilter, EntryState, InboxNotice, InboxStore as _};
use mplus_webhooks::payment::{OneProvider, PaymentStore as _};
use mplus_webhooks::reply::{CompleteSessionReply, CustomActionReply, ScanCodeReply};
use mplus_webhooks::testkit::{ManualProvider, TillLine};
use mplus_webhooks::{
    Attempts, Builder, ErrorCode, FixedSubscriptions, Handlers, InboxError, MemoryStore, MemoryTransactions,
    MerchantId, Orchestrator, Refunds, Refusal, SessionKey, SqliteStore, Store, Subscription,
    SubscriptionSecret, TokioRuntime, Transaction, TransactionError, TransactionSink, TransactionStatus,
};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Host, Paused, SUBSCRIPTION, background, merchant, secret, till};

/// A host's table of transactions that keeps what it is told as it comes: no order of its own, no forgiveness.
#[derive(Debug, Default)]
struct Table {
    calls: Mutex<Vec<String>>,
    /// How many calls fail first.
    failures: AtomicUsize,
    /// How long a call takes.
    takes: Duration,
    panics: AtomicBool,
}

impl Table {
    fn failing(times: usize) -> Arc<Self> {
        Arc::new(Self { failures: AtomicUsize::new(times), ..Self::default() })
    }

    async fn take(&self, call: String) -> Result<(), TransactionError> {
        tokio::time::sleep(self.takes).await;
        assert!(!self.panics.swap(false, Ordering::SeqCst), "this panic is part of the test");
        let fails = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(TransactionError("the table is locked".into()));
        }
        self.calls.lock().unwrap().push(call);
        Ok(())
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

#[async_trait]
impl TransactionSink for Table {
    async fn create(&self, sale: &Transaction) -> Result<(), TransactionError> {
        let total = sale.total_incl.unwrap_or_default().normalize();
        self.take(format!("create {} {total}", sale.key.session_id)).await
    }

    async fn cancel(&self, sale: &SessionKey) -> Result<(), TransactionError> {
        self.take(format!("cancel {}", sale.session_id)).await
    }

    async fn refund(
        &self,
        sale: &SessionKey,
        _: &mplus_webhooks::event::Session,
    ) -> Result<(), TransactionError> {
        self.take(format!("refund {}", sale.session_id)).await
    }
}

/// What the host was told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<InboxNotice>>>);

impl Told {
    fn handlers(&self) -> Handlers {
        let told = self.0.clone();
        Handlers::new().on_inbox_notice(move |notice| {
            told.lock().unwrap().push(notice);
            async {}
        })
    }

    fn kinds(&self) -> Vec<&'static str> {
        let kind = |notice: &InboxNotice| match notice {
            InboxNotice::Dead(_) => "dead",
            InboxNotice::FurtherPart { .. } => "further part",
            InboxNotice::CancelledAfterCompletion { .. } => "cancelled after completion",
            InboxNotice::WithoutSession(_) => "without session",
            InboxNotice::Odd { .. } => "odd",
            _ => "new",
        };
        self.0.lock().unwrap().iter().map(kind).collect()
    }
}

fn host(
    table: &Arc<Table>,
    store: Arc<dyn Store>,
    configure: impl FnOnce(Builder) -> Builder,
) -> Orchestrator {
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let resolver = Arc::new(FixedSubscriptions::new([subscription]));
    configure(Orchestrator::builder(resolver, store, Arc::new(Paused::new())).transactions(table.clone()))
        .build()
}

fn attempts(change: impl FnOnce(&mut Attempts)) -> Attempts {
    let mut attempts = Attempts::default();
    change(&mut attempts);
    attempts
}

fn completed(session_id: &str, total: &str) -> Request<Bytes> {
    let till = till(1);
    let session = json!({ "session": { "sessionId": session_id, "totalInclAmount": total } });
    till.signed(&EventName::CompleteSession, till.body(true, session))
}

fn signed(name: &EventName, fields: Value) -> Request<Bytes> {
    let till = till(1);
    till.signed(name, till.body(true, fields))
}

/// The same bytes under another event's name.
fn renamed(request: &Request<Bytes>, name: &EventName) -> Request<Bytes> {
    till(1).signed(name, request.body().clone())
}

async fn states(orchestrator: &Orchestrator) -> Vec<EntryState> {
    let entries = orchestrator.inbox().list(&EntryFilter::default()).await.unwrap();
    entries.iter().map(|entry| entry.state).collect()
}

#[tokio::test(start_paused = true)]
async fn a_sale_whose_table_is_locked_is_acknowledged_and_recorded_once_it_is_free() {
    let table = Table::failing(3);
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let _background = background(&host);
    assert_eq!(host.handle(completed("s", "18.50")).await.status(), 200);
    assert!(table.calls().is_empty());
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(table.calls(), ["create s 18.5"]);
    assert_eq!(states(&host).await, [EntryState::Done]);
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_takes_longer_than_the_till_waits_and_fails_then_is_not_lost() {
    let table =
        Arc::new(Table { takes: Duration::from_secs(6), failures: AtomicUsize::new(1), ..Table::default() });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let _background = background(&host);
    let begun = tokio::time::Instant::now();
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_call_that_never_returns_are_attempts_like_others() {
    let table = Arc::new(Table { panics: AtomicBool::new(true), ..Table::default() });
    let first = Arc::new(AtomicBool::new(true));
    let handlers = Handlers::new().on_complete_session(move |_| {
        let first = first.swap(false, Ordering::SeqCst);
        async move {
            if first {
                std::future::pending::<()>().await;
            }
            Ok(CompleteSessionReply::acknowledge())
        }
    });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
    let _background = background(&host);
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(15)).await;
    // The handler hangs; it is no more done than one that failed.
    assert_eq!(states(&host).await, [EntryState::Working]);
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(states(&host).await, [EntryState::Done]);
    // What the sink had taken it was not told again.
    assert_eq!(table.calls(), ["create s 1"]);
}

/// A process that dies while it works on a sale.
async fn dies_while_working(store: Arc<dyn Store>) {
    let process = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let hangs = Handlers::new().on_complete_session(|_| std::future::pending());
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        store,
        Arc::new(TokioRuntime),
    )
    .handler(hangs)
    .time_out(Duration::from_millis(200))
    .build();
    let reply = process.spawn(async move { orchestrator.handle(completed("s", "1")).await }).await.unwrap();
    assert_eq!(reply.status(), 200);
    process.shutdown_background();
}

/// Another process finds what the first one left.
async fn a_successor_finds_it(before: Arc<dyn Store>, after: Arc<dyn Store>) {
    dies_while_working(before).await;
    let table = Arc::new(Table::default());
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    // The first one's claim runs out after its lease, so this one's clock is ahead.
    let successor = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        after,
        Arc::new(Ahead(Duration::from_secs(91))),
    )
    .transactions(table.clone())
    .build();
    let _background = background(&successor);
    for _ in 0..200 {
        if states(&successor).await == [EntryState::Done] {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(table.calls(), ["create s 1"]);
    // The till repeats what it was not sure of.
    assert_eq!(successor.handle(completed("s", "1")).await.status(), 200);
    assert_eq!(table.calls(), ["create s 1"]);
}

/// A host whose clock is ahead.
#[derive(Debug)]
struct Ahead(Duration);

#[async_trait]
impl mplus_webhooks::Runtime for Ahead {
    fn now(&self) -> chrono::DateTime<chrono::Utc> {
        mplus_webhooks::Runtime::now(&TokioRuntime) + self.0
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn spawn(&self, task: mplus_webhooks::Task) {
        tokio::spawn(task);
    }
}

#[tokio::test]
async fn a_sale_in_the_hands_of_a_dead_process_is_taken_up_by_another_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteStore::open(folder.path().join("webhooks.sqlite")).unwrap());
    a_successor_finds_it(open(), open()).await;
}

#[tokio::test]
async fn a_sale_in_the_hands_of_a_dead_process_is_taken_up_by_another_on_postgres() {
    let Some(url) = crate::stores::postgres("successor").await else { return };
    let open = async || Arc::new(mplus_webhooks::PostgresStore::connect(&url).await.unwrap());
    a_successor_finds_it(open().await, open().await).await;
}

#[tokio::test]
async fn a_sale_in_the_hands_of_a_dead_process_is_taken_up_by_another_on_mysql() {
    let Some(url) = crate::stores::mysql("successor").await else { return };
    let open = async || Arc::new(mplus_webhooks::MysqlStore::connect(&url).await.unwrap());
    a_successor_finds_it(open().await, open().await).await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_works_for_long_says_so_and_nobody_takes_its_work() {
    let table = Arc::new(Table { takes: Duration::from_secs(50), ..Table::default() });
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let attempts = attempts(|attempts| attempts.lease = Duration::from_secs(30));
    let [first, second] =
        [(); 2].map(|()| host(&table, store.clone(), |builder| builder.attempts(attempts.clone())));
    let _background = background(&second);
    assert_eq!(first.handle(completed("s", "1")).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_too_often_is_a_dead_letter_that_the_host_is_told_of_and_that_is_replayed_or_discarded() {
    let (table, told) = (Table::failing(6), Told::default());
    let attempts = attempts(|attempts| attempts.most = 3);
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).attempts(attempts)
    });
    let _background = background(&host);
    host.handle(completed("a", "1")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    host.handle(completed("b", "2")).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(told.kinds(), ["dead", "dead"]);
    let inbox = host.inbox();
    let dead = inbox.list(&EntryFilter::dead()).await.unwrap();
    assert_eq!(dead.len(), 2);
    assert_eq!(dead[0].attempts, 3);
    let error = dead[0].last_error.as_deref().unwrap();
    assert_eq!(error, "the transaction could not be recorded: the table is locked");

    let entry = inbox.entry(&dead[0].id).await.unwrap().unwrap();
    assert_eq!(entry.body.as_ref().unwrap(), completed("a", "1").body());
    let AnyEvent::CompleteSession(event) = inbox.event(&entry).unwrap() else { panic!("another event") };
    assert_eq!(event.payload.session.session_id.as_deref(), Some("a"));

    inbox.replay(&dead[0].id).await.unwrap();
    inbox.discard(&dead[1].id).await.unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(table.calls(), ["create a 1"]);
    assert_eq!(states(&host).await, [EntryState::Done, EntryState::Discarded]);
    // The till says the discarded one again: it is acknowledged, and that is all.
    assert_eq!(host.handle(completed("b", "2")).await.status(), 200);
    assert_eq!(table.calls(), ["create a 1"]);
    let unknown = mplus_webhooks::inbox::EntryId::new("sale:unknown");
    assert!(matches!(inbox.replay(&unknown).await, Err(InboxError::Unknown(_))));
}

#[tokio::test(start_paused = true)]
async fn a_sale_that_cannot_be_read_is_a_dead_letter_and_not_a_line_in_the_log() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    let till = till(1);
    for body in ["{\"session\":", "[]", "{\"session\":"] {
        let request = till.signed(&EventName::CompleteSession, body.into());
        assert_eq!(host.handle(request).await.status(), 400, "{body}");
    }
    assert_eq!(told.kinds(), ["dead", "dead"]);
    let dead = host.inbox().list(&EntryFilter::dead()).await.unwrap();
    let entry = host.inbox().entry(&dead[0].id).await.unwrap().unwrap();
    assert_eq!(entry.body.as_deref(), Some(b"{\"session\":".as_slice()));
    assert!(matches!(host.inbox().event(&entry), Err(InboxError::Unreadable(_))));
    // Events that change nothing are refused and forgotten.
    host.handle(till.signed(&EventName::AddSessionLine, "{".into())).await;
    assert_eq!(host.inbox().list(&EntryFilter::default()).await.unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_signed_bytes_are_not_two_events() {
    let table = Arc::new(Table::default());
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let host_on = |store: &Arc<dyn Store>| host(&table, store.clone(), |builder| builder);
    let sale = completed("s", "1");
    let first = host_on(&store);
    assert_eq!(first.handle(sale.clone()).await.status(), 200);
    // Another process only has the store to know it from.
    for receiver in [&first, &host_on(&store)] {
        for name in [EventName::CancelSession, EventName::CreditSession, EventName::MergeSession] {
            assert_eq!(receiver.handle(renamed(&sale, &name)).await.status(), 400, "{name:?}");
        }
    }
    let started = signed(&EventName::StartSession, json!({ "session": { "sessionId": "other" } }));
    assert_eq!(first.handle(started.clone()).await.status(), 200);
    assert_eq!(first.handle(renamed(&started, &EventName::CancelSession)).await.status(), 400);
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_session_id_names_no_sale_but_the_same_bytes_are_one() {
    let table = Arc::new(Table::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    let (first, second) = (completed("", "18.50"), completed("", "24"));
    for request in [&first, &second, &first, &second] {
        assert_eq!(host.handle(request.clone()).await.status(), 200);
    }
    assert_eq!(table.calls(), ["create  18.5", "create  24"]);
}

#[tokio::test(start_paused = true)]
async fn a_further_part_of_a_sale_is_a_transaction_of_its_own_and_told() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
    host.handle(completed("s", "10")).await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    host.handle(completed("s", "14")).await;
    host.handle(completed("s", "10")).await;
    assert_eq!(table.calls(), ["create s 10", "create s 14"]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(told.kinds(), ["further part"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_counts_before_its_sale_beside_it_and_after_it() {
    for order in [["cancel", "complete"], ["complete", "cancel"]] {
        let (table, told) = (Arc::new(Table::default()), Told::default());
        let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(told.handlers()));
        let cancelled = signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } }));
        for what in order {
            let request = if what == "cancel" { cancelled.clone() } else { completed("s", "1") };
            assert_eq!(host.handle(request).await.status(), 200);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(table.calls().last().unwrap(), "cancel s", "{order:?}");
        let expected: &[&str] = if order[0] == "cancel" { &[] } else { &["cancelled after completion"] };
        assert_eq!(told.kinds(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_without_an_id_touches_no_sale_and_is_told() {
    let (table, told) = (Arc::new(Table::default()), Told::default());
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| {
        builder.handler(told.handlers()).refunds(Refunds::Record)
    });
    host.handle(completed("", "1")).await;
    for name in [EventName::CancelSession, EventName::CreditSession] {
        for session in [json!({ "sessionId": "" }), json!({})] {
            let request = signed(&name, json!({ "session": session, "sentAs": name.as_str() }));
            assert_eq!(host.handle(request).await.status(), 200, "{name:?}");
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(table.calls(), ["create  1"]);
    let told = told.kinds();
    assert_eq!(told.iter().filter(|kind| **kind == "without session").count(), 4, "{told:?}");
}

#[tokio::test]
async fn a_replay_after_pruning_has_no_second_effect() {
    let table = Arc::new(Table::default());
    let (store, provider) = (Arc::new(MemoryStore::new()), Arc::new(ManualProvider::new()));
    let host = {
        let providers = Arc::new(OneProvider(provider.clone()));
        host(&table, store.clone(), |builder| builder.payments(providers))
    };
    let sale = completed("s", "1");
    let amount = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": amount }));
    for request in [&sale, &start] {
        assert_eq!(host.handle(request.clone()).await.status(), 200);
    }
    provider.fail("p");
    let key = mplus_webhooks::payment::PaymentKey { merchant: merchant(), id: "p".to_owned() };
    host.payments().unwrap().refresh(&key).await.unwrap();
    let far = mplus_webhooks::Runtime::now(&TokioRuntime) + chrono::TimeDelta::days(300);
    let pruned = store.prune_entries(far, far, chrono::DateTime::UNIX_EPOCH).await.unwrap();
    assert_eq!(pruned.forgotten, 2);
    store.prune_payments(far).await.unwrap();
    assert!(store.payment(&key).await.unwrap().is_none());

    assert_eq!(host.handle(sale).await.status(), 200);
    assert_eq!(host.handle(start).await.status(), 400);
    assert_eq!(table.calls(), ["create s 1"]);
    assert_eq!(provider.calls().create, 1);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_interrupted_is_not_presented_to_anybody_later() {
    let store = Arc::new(MemoryStore::new());
    let provider = Arc::new(ManualProvider::new());
    let amount = json!({ "externalPaymentId": "p", "amount": 2.7, "method": "K_WEBHOOK" });
    let start = signed(&EventName::StartExternalPayment, json!({ "externalPayment": amount }));
    let table = Arc::new(Table::default());
    // It is in the inbox, and whoever had it died before anything came of it.
    let received = host(&table, store.clone(), |builder| {
        builder.handler(Handlers::new().on_start_external_payment(|_| std::future::pending()))
    });
    assert_eq!(received.handle(start).await.status(), 200);
    let entry = store.list_entries(&EntryFilter::default()).await.unwrap().remove(0);
    let entry = store.entry(&entry.id).await.unwrap().unwrap();
    drop(received);

    let successor_store = Arc::new(MemoryStore::new());
    successor_store.insert_entry(&entry).await.unwrap();
    let successor = host(&table, successor_store.clone(), |builder| {
        builder.payments(Arc::new(OneProvider(provider.clone())))
    });
    let _background = background(&successor);
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert_eq!(provider.calls().create, 0);
    let fields = json!({ "externalPayment": { "externalPaymentId": "p" } });
    let poll = successor.handle(signed(&EventName::PollExternalPayment, fields)).await;
    let body: Value = serde_json::from_slice(poll.body()).unwrap();
    assert_eq!(
        (&body["externalPayment"]["status"], &body["polling"]["finished"]),
        (&json!("failed"), &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn a_handlers_refusal_is_answered_and_a_repeat_is_handled_again_without_recording_twice() {
    let table = Arc::new(Table::default());
    let first = Arc::new(AtomicBool::new(true));
    let handlers = Handlers::new().on_complete_session(move |_| {
        let first = first.swap(false, Ordering::SeqCst);
        async move {
            match first {
                true => Err(Refusal::new(ErrorCode::InvalidArticle, "no such article")),
                false => Ok(CompleteSessionReply::acknowledge()),
            }
        }
    });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder.handler(handlers));
    let _background = background(&host);
    assert_eq!(host.handle(completed("s", "1")).await.status(), 400);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(host.handle(completed("s", "1")).await.status(), 200);
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_the_host_has_kept_is_tried_again_and_others_are_not() {
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let handlers = {
        let (scans, actions) = (counts.clone(), counts.clone());
        Handlers::new()
            .on_scan_code(move |_| {
                scans[0].fetch_add(1, Ordering::SeqCst);
                async { Err::<ScanCodeReply, _>(Refusal::internal()) }
            })
            .on_custom_action(move |_| {
                let first = actions[1].fetch_add(1, Ordering::SeqCst) == 0;
                async move {
                    match first {
                        true => Err(Refusal::internal()),
                        false => Ok(CustomActionReply::acknowledge()),
                    }
                }
            })
    };
    let host = host(&Arc::new(Table::default()), Arc::new(MemoryStore::new()), |builder| {
        builder.handler(handlers).keep([EventName::CustomAction])
    });
    let _background = background(&host);
    let scan = signed(&EventName::ScanCode, json!({ "scanCode": { "scannedCode": "25" } }));
    assert_eq!(host.handle(scan).await.status(), 400);
    let action = signed(&EventName::CustomAction, json!({ "customAction": { "customActionId": "a" } }));
    assert_eq!(host.handle(action).await.status(), 200);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((counts[0].load(Ordering::SeqCst), counts[1].load(Ordering::SeqCst)), (1, 2));
    assert_eq!(states(&host).await, [EntryState::Done]);
}

#[tokio::test(start_paused = true)]
async fn one_merchants_backlog_and_hanging_handler_keep_no_other_merchant_waiting() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let names = ["hangs", "goes"];
    let key = |name: &str| SubscriptionSecret::from_bytes(name.as_bytes()).unwrap();
    let subscriptions = names.map(|name| Subscription::new(name, MerchantId::new(name), key(name)));
    let (ready, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let handlers = {
        let (ready, calls) = (ready.clone(), calls.clone());
        Handlers::new().on_complete_session(move |event| {
            let (ready, calls) = (ready.load(Ordering::SeqCst), calls.clone());
            async move {
                let merchant = event.origin.merchant().to_string();
                if !ready {
                    return Err(Refusal::internal());
                }
                calls.lock().unwrap().push(merchant.clone());
                if merchant == "hangs" {
                    std::future::pending::<()>().await;
                }
                Ok(CompleteSessionReply::acknowledge())
            }
        })
    };
    let resolver = Arc::new(FixedSubscriptions::new(subscriptions));
    let host = Orchestrator::builder(resolver, store, Arc::new(Paused::new())).handler(handlers).build();
    let sell = async |name: &str, number: usize| {
        let till = mplus_webhooks::testkit::Till::in_process(name, key(name), number as u64);
        let session = json!({ "session": { "sessionId": number.to_string() } });
        let request = till.signed(&EventName::CompleteSession, till.body(false, session));
        assert_eq!(host.handle(request).await.status(), 200);
    };
    for number in 0..100 {
        sell("hangs", number).await;
    }
    sell("goes", 1000).await;
    ready.store(true, Ordering::SeqCst);
    let _background = background(&host);
    tokio::time::sleep(Duration::from_secs(13)).await;
    let calls = calls.lock().unwrap().clone();
    assert!(calls.contains(&"goes".to_owned()), "{calls:?}");
    assert_eq!(
        calls.iter().filter(|merchant| *merchant == "hangs").count(),
        4,
        "bounded per merchant: {calls:?}"
    );
}

/// Counts how often it is asked, and can be down.
#[derive(Debug, Default)]
struct Watched {
    inner: MemoryStore,
    reads: AtomicUsize,
    down: AtomicBool,
}

mod watched {
    use super::*;
    use chrono::{DateTime, Utc};
    use mplus_webhooks::StoreError;
    use mplus_webhooks::inbox::{Entry, EntryId, InboxStore, Pruned};
    use mplus_webhooks::payment::{Payment, PaymentFilter, PaymentKey, PaymentStore};

    impl Watched {
        fn up(&self) -> Result<&MemoryStore, StoreError> {
            match self.down.load(Ordering::SeqCst) {
                true => Err(StoreError::new("do anything", "the database is down")),
                false => Ok(&self.inner),
            }
        }
    }

    #[async_trait]
    impl InboxStore for Watched {
        async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError> {
            self.up()?.insert_entry(entry).await
        }

        async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
            self.reads.fetch_add(1, Ordering::SeqCst);
            self.up()?.entry(id).await
        }

        async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError> {
            self.up()?.replace_entry(entry).await
        }

        async fn due_entries(
            &self,
            now: DateTime<Utc>,
            except: &[MerchantId],
            per_merchant: usize,
            limit: usize,
        ) -> Result<Vec<Entry>, StoreError> {
            self.up()?.due_entries(now, except, per_merchant, limit).await
        }

        async fn entries_about(
            &self,
            merchant: &MerchantId,
            subject: &str,
        ) -> Result<Vec<Entry>, StoreError> {
            self.up()?.entries_about(merchant, subject).await
        }

        async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
            self.up()?.list_entries(filter).await
        }

        async fn prune_entries(
            &self,
            done: DateTime<Utc>,
            dead: DateTime<Utc>,
            identities: DateTime<Utc>,
        ) -> Result<Pruned, StoreError> {
            self.up()?.prune_entries(done, dead, identities).await
        }
    }

    #[async_trait]
    impl PaymentStore for Watched {
        async fn insert_payment(&self, payment: &Payment) -> Result<Option<Payment>, StoreError> {
            self.up()?.insert_payment(payment).await
        }

        async fn payment(&self, key: &PaymentKey) -> Result<Option<Arc<Payment>>, StoreError> {
            self.up()?.payment(key).await
        }

        async fn replace_payment(&self, payment: &Payment) -> Result<bool, StoreError> {
            self.up()?.replace_payment(payment).await
        }

        async fn payments_by_reference(&self, a: &str, b: &str, c: &str) -> Result<Vec<Payment>, StoreError> {
            self.up()?.payments_by_reference(a, b, c).await
        }

        async fn claim_payments(
            &self,
            now: DateTime<Utc>,
            until: DateTime<Utc>,
            limit: usize,
        ) -> Result<Vec<Payment>, StoreError> {
            self.up()?.claim_payments(now, until, limit).await
        }

        async fn list_payments(&self, filter: &PaymentFilter) -> Result<Vec<Payment>, StoreError> {
            self.up()?.list_payments(filter).await
        }

        async fn prune_payments(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
            self.up()?.prune_payments(before).await
        }
    }
}

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
async fn the_end_of_the_background_waits_for_what_is_under_way() {
    let table =
        Arc::new(Table { takes: Duration::from_secs(8), failures: AtomicUsize::new(1), ..Table::default() });
    let host = host(&table, Arc::new(MemoryStore::new()), |builder| builder);
    host.handle(completed("s", "1")).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = {
        let host = host.clone();
        tokio::spawn(async move { host.run(async { drop(stopped.await) }).await })
    };
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(stop);
    let report = running.await.unwrap();
    assert_eq!(report.worked_off, 1);
    assert_eq!(table.calls(), ["create s 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_older_than_allowed_is_refused_and_a_sale_among_them_is_a_dead_letter() {
    let table = Arc::new(Table::default());
    let host =
        host(&table, Arc::new(MemoryStore::new()), |builder| builder.greatest_age(Duration::from_secs(3600)));
    let body = |minute: &str| {
        format!(
            r#"{{"event":{{"eventCounter":1,"eventTimestamp":"1969-12-31T{minute}:00Z"}},
               "sender":{{"branchNumber":1,"workplaceNumber":1}},"session":{{"sessionId":"{minute}"}}}}"#
        )
    };
    let send = async |name: &EventName, minute: &str| {
        host.handle(till(1).signed(name, body(minute).into())).await.status().as_u16()
    };
    assert_eq!(send(&EventName::CompleteSession, "23:30").await, 200);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(send(&EventName::CompleteSession, "22:30").await, 400);
    assert_eq!(send(&EventName::StartSession, "22:31").await, 400);
    assert_eq!(table.calls().len(), 1);
    assert_eq!(states(&host).await, [EntryState::Done, EntryState::Dead]);
}

#[tokio::test]
async fn a_total_that_cannot_be_read_is_unknown_and_not_guessed() {
    let (host, till) = (Host::new(), till(1));
    let line = json!({ "lineId": "l", "text": "Coffee", "priceIncl": 2.7, "quantity": 2 });
    for (session, expected) in [
        (json!({ "sessionId": "a", "totalInclAmount": "12,50", "lines": [line] }), None),
        (json!({ "sessionId": "b" }), None),
        (json!({ "sessionId": "c", "lines": [line] }), Some(Decimal::new(540, 2))),
        (json!({ "sessionId": "d", "totalInclAmount": 5, "lines": [line] }), Some(Decimal::from(5))),
    ] {
        till.send(&host.orchestrator, &EventName::CompleteSession, json!({ "session": session }))
            .await
            .unwrap();
        assert_eq!(host.transactions.all().last().unwrap().0.total_incl, expected, "{session}");
    }
}

#[tokio::test]
async fn events_that_change_nothing_leave_nothing_behind() {
    let (host, till) = (Host::new(), till(1));
    for _ in 0..3 {
        till.ring_up(&host.orchestrator, &[TillLine::new(1, "Coffee", Decimal::ONE)]).await.unwrap();
    }
    let all = EntryFilter::default();
    assert!(host.orchestrator.inbox().list(&all).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_parts_of_a_cancelled_sale_are_all_cancelled_in_memory_too() {
    let sales = Arc::new(MemoryTransactions::new());
    let host = Host::with(|builder| builder.transactions(sales.clone()));
    for request in [
        completed("s", "1"),
        completed("s", "2"),
        signed(&EventName::CancelSession, json!({ "session": { "sessionId": "s" } })),
    ] {
        assert_eq!(host.orchestrator.handle(request).await.status(), 200);
    }
    let statuses: Vec<_> = sales.all().into_iter().map(|(_, status)| status).collect();
    assert_eq!(statuses, [TransactionStatus::Cancelled; 2]);
}

#[tokio::test]
async fn an_entry_is_shown_to_operators_as_json_without_its_body() {
    let host = Host::new();
    host.orchestrator.handle(completed("s", "1")).await;
    let entry = host.orchestrator.inbox().list(&EntryFilter::default()).await.unwrap().remove(0);
    let shown = serde_json::to_value(&entry).unwrap();
    assert_eq!(
        (&shown["event"], &shown["state"], &shown["subject"], &shown["replyStatus"]),
        (&json!("completeSession"), &json!("done"), &json!("s"), &json!(200))
    );
    assert!(shown.get("body").is_none());
}
