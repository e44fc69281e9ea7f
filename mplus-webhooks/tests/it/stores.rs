//! Every store in the box keeps the same rules, and survives a restart where it promises to.

use std::sync::Arc;

use mplus_webhooks::testkit::conformance;
use mplus_webhooks::{MemoryStore, PostgresStore, SqliteStore, Store as _};

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
    assert_eq!(reopened.payments_by_reference("manual", "ref-1").await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_postgres_store_conforms() {
    let Some(pool) = postgres().await else { return };
    // Two at once make the tables once.
    let (store, other) = tokio::join!(PostgresStore::new(pool.clone()), PostgresStore::new(pool));
    other.unwrap();
    conformance::store(Arc::new(store.unwrap())).await.unwrap();
}

/// A pool whose connections work in an empty schema of their own; none without `MPLUS_TEST_POSTGRES`.
async fn postgres() -> Option<deadpool_postgres::Pool> {
    let Ok(url) = std::env::var("MPLUS_TEST_POSTGRES") else {
        eprintln!("skipped: set MPLUS_TEST_POSTGRES to a postgres:// URL to test the Postgres store");
        return None;
    };
    let schema = "mplus_webhooks_test";
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let anew = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    client.batch_execute(&anew).await.unwrap();
    config.options(format!("-c search_path={schema}"));
    let manager = deadpool_postgres::Manager::new(config, tokio_postgres::NoTls);
    Some(deadpool_postgres::Pool::builder(manager).max_size(8).build().unwrap())
}
