//! The store in Postgres behind a connection pooler in transaction mode that knows nothing of prepared statements. Needs
//! `MPLUS_TEST_PGBOUNCER`, the URL of a PgBouncer before the server of `MPLUS_TEST_POSTGRES`, on which databases may be made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use mplus_sync::store::{PostgresOptions, PostgresStore, Store, StoreError};
use mplus_sync::testkit::PostgresSchema;
use tokio_postgres::{Client, NoTls};

use super::server::{self, Server};

/// A database of its own: what a session is told does not hold behind the pooler, such as the schema that it works in.
struct Bounced {
    name: String,
    /// Through the pooler.
    url: String,
    /// To the server itself.
    direct: Client,
    admin: Client,
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The URL of another database of the same server.
fn of_database(url: &str, name: &str) -> String {
    let place = url.rfind('/').expect("it names a database");
    format!("{}/{name}", &url[..place])
}

#[async_trait]
impl Server for Bounced {
    const NAME: &'static str = PostgresSchema::NAME;
    const NUMBERS: &'static str = PostgresSchema::NUMBERS;
    const NAME_OF: (&'static str, &'static str) = PostgresSchema::NAME_OF;
    const TEXT_OF: (&'static str, &'static str) = PostgresSchema::TEXT_OF;

    async fn begin() -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (Ok(server), Ok(pooler)) =
            (std::env::var("MPLUS_TEST_POSTGRES"), std::env::var("MPLUS_TEST_PGBOUNCER"))
        else {
            eprintln!("skipped: MPLUS_TEST_PGBOUNCER names no pooler");
            return None;
        };
        let name = format!("mplus_bounced_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let admin = client(&server).await;
        admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let direct = client(&of_database(&server, &name)).await;
        Some(Self { url: of_database(&pooler, &name), name, direct, admin })
    }

    fn url(&self) -> &str {
        &self.url
    }

    async fn connect(url: &str) -> Result<Arc<dyn Store>, StoreError> {
        let mut options = PostgresOptions::new(url);
        (options.prepared, options.notify) = (false, false);
        Ok(Arc::new(PostgresStore::open(options).await?))
    }

    async fn run(&self, sql: &str) -> u64 {
        self.direct.execute(sql, &[]).await.unwrap()
    }

    async fn empty(&self) -> Result<(), StoreError> {
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'mplus_schema'";
        for table in self.direct.query(tables, &[]).await.unwrap() {
            let table: &str = table.get(0);
            self.direct.batch_execute(&format!("DELETE FROM {table}")).await.unwrap();
        }
        Ok(())
    }

    async fn end(self) {
        // The pooler keeps connections.
        self.admin.batch_execute(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await.unwrap();
    }
}

#[tokio::test]
async fn the_store_shows_every_behaviour() {
    server::shows_every_behaviour::<Bounced>().await;
}

#[tokio::test]
async fn workers_that_start_at_the_same_time_make_the_tables_once() {
    server::makes_its_tables_once::<Bounced>().await;
}
