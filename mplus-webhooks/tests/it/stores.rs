//! Every store in the box keeps the same rules, and survives a restart where it promises to.

mod backlog;
mod database;
mod first_schema;
mod locks;
mod roles;
mod ticks;
mod tls;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mplus_webhooks::event::EventName;
use mplus_webhooks::payment::PaymentStore as _;
use mplus_webhooks::testkit::conformance;
use mplus_webhooks::{
    FixedSubscriptions, MemoryStore, MysqlStore, Orchestrator, PostgresStore, SessionKey, SqliteStore, Store,
    Subscription, TokioRuntime, Transaction, TransactionError, TransactionSink,
};

pub(crate) use self::database::{mysql, postgres};
use crate::support::{SUBSCRIPTION, merchant, secret, till};

#[tokio::test]
async fn the_memory_store_conforms() {
    conformance::store(Arc::new(MemoryStore::new())).await.unwrap();
}

#[tokio::test]
async fn the_sqlite_store_conforms_and_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhooks.sqlite");
    conformance::store(Arc::new(SqliteStore::open(&path).unwrap())).await.unwrap();
    let reopened = SqliteStore::open(&path).unwrap();
    assert_eq!(reopened.payments_by_reference("manual", "", "ref-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_postgres_store_conforms() {
    let Some(url) = postgres("conformance").await else { return };
    // Two at once make the tables once.
    let (store, other) = tokio::join!(PostgresStore::connect(&url), PostgresStore::connect(&url));
    other.unwrap();
    conformance::store(Arc::new(store.unwrap())).await.unwrap();
}

#[tokio::test]
async fn the_mysql_store_conforms() {
    let Some(url) = mysql("conformance").await else { return };
    // What the URL says of counting rows must not make a repeat look like news.
    let counting = format!("{}?client_found_rows=true", &*url);
    let (store, other) = tokio::join!(MysqlStore::connect(&counting), MysqlStore::connect(&url));
    other.unwrap();
    conformance::store(Arc::new(store.unwrap())).await.unwrap();
}

/// Two processes in front of one database, as far as the orchestrators can tell.
async fn two_processes_record_each_part_of_a_sale_once(first: Arc<dyn Store>, second: Arc<dyn Store>) {
    let sink = Arc::new(CountingSink::default());
    let orchestrators = [first, second].map(|store| {
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let resolver = Arc::new(FixedSubscriptions::new([subscription]));
        Orchestrator::builder(resolver, store, Arc::new(TokioRuntime)).transactions(sink.clone()).build()
    });
    let till = till(1);
    let session = serde_json::json!({ "session": { "sessionId": "s" } });
    const PARTS: usize = 20;
    let completes = (0..PARTS).map(|number| {
        // Equal parts of one sale, each with a counter and a time of its own, and sent twice.
        let request = till.signed(&EventName::CompleteSession, till.body(true, session.clone()));
        let orchestrator = &orchestrators[number % 2];
        async move {
            let repeat = request.clone();
            let replies = tokio::join!(orchestrator.handle(request), orchestrator.handle(repeat));
            assert_eq!((replies.0.status().as_u16(), replies.1.status().as_u16()), (200, 200));
        }
    });
    futures_util::future::join_all(completes).await;
    assert_eq!(sink.0.load(Ordering::SeqCst), PARTS);
}

/// Not idempotent on purpose.
#[derive(Debug, Default)]
struct CountingSink(AtomicUsize);

#[async_trait::async_trait]
impl TransactionSink for CountingSink {
    async fn create(&self, _: &Transaction) -> Result<(), TransactionError> {
        tokio::task::yield_now().await;
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn cancel(&self, _: &SessionKey) -> Result<(), TransactionError> {
        Ok(())
    }
}

#[tokio::test]
async fn two_processes_on_one_sqlite_file_record_each_part_of_a_sale_once() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(SqliteStore::open(folder.path().join("webhooks.sqlite")).unwrap());
    two_processes_record_each_part_of_a_sale_once(open(), open()).await;
}

#[tokio::test]
async fn two_processes_on_one_postgres_record_each_part_of_a_sale_once() {
    let Some(url) = postgres("two").await else { return };
    let open = async || Arc::new(PostgresStore::connect(&url).await.unwrap());
    two_processes_record_each_part_of_a_sale_once(open().await, open().await).await;
}

#[tokio::test]
async fn two_processes_on_one_mysql_record_each_part_of_a_sale_once() {
    let Some(url) = mysql("two").await else { return };
    let open = async || Arc::new(MysqlStore::connect(&url).await.unwrap());
    two_processes_record_each_part_of_a_sale_once(open().await, open().await).await;
}
