//! A database of a test's own on a server: no other test and no other process has the same, and it goes with the test.

use std::ops::Deref;

use mysql_async::prelude::Queryable as _;

/// The URL of a database, which is removed when this is dropped, also by a panic.
pub(crate) struct Database {
    url: String,
    /// The schema, or the database.
    pub(crate) name: String,
    server: Server,
    remove: Vec<String>,
}

#[derive(Clone)]
enum Server {
    Postgres(String),
    Mysql(String),
}

impl Database {
    /// Removes this as well, before the database.
    pub(crate) fn remove_too(&mut self, statement: String) {
        self.remove.insert(0, statement);
    }
}

impl Deref for Database {
    type Target = str;

    fn deref(&self) -> &str {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, remove) = (self.server.clone(), std::mem::take(&mut self.remove));
        // The test's own runtime may be the one that has just panicked.
        let removing = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(server.run(&remove));
        });
        if removing.join().is_err() {
            eprintln!("the test database {} is left behind", self.name);
        }
    }
}

impl Server {
    async fn run(&self, statements: &[String]) {
        match self {
            Self::Postgres(url) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
                tokio::spawn(connection);
                client.batch_execute("SET lock_timeout = '20s'").await.unwrap();
                for statement in statements {
                    client.batch_execute(statement).await.unwrap();
                }
            }
            Self::Mysql(url) => {
                let pool = mysql_async::Pool::new(url.as_str());
                let mut connection = pool.get_conn().await.unwrap();
                connection.query_drop("SET lock_wait_timeout = 20").await.unwrap();
                for statement in statements {
                    connection.query_drop(statement).await.unwrap();
                }
                drop(connection);
                pool.disconnect().await.unwrap();
            }
        }
    }
}

/// What follows a test's name so that it names one database among those of all processes on the server, at most 21 letters.
pub(crate) fn of_this_process() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    let random = RandomState::new().hash_one(std::process::id());
    format!("{}_{:08x}", std::process::id(), random & 0xffff_ffff)
}

/// An empty schema; none without `MPLUS_TEST_POSTGRES`.
pub(crate) async fn postgres(name: &str) -> Option<Database> {
    let Ok(url) = std::env::var("MPLUS_TEST_POSTGRES") else {
        eprintln!("skipped: set MPLUS_TEST_POSTGRES to a postgres:// URL to test the Postgres store");
        return None;
    };
    let schema = format!("mplus_webhooks_test_{name}_{}", of_this_process());
    let server = Server::Postgres(url.clone());
    server.run(&[format!("CREATE SCHEMA {schema}")]).await;
    let more = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{more}options=-c%20search_path%3D{schema}");
    let remove = vec![format!("DROP SCHEMA {schema} CASCADE")];
    Some(Database { url, name: schema, server, remove })
}

/// An empty database; none without `MPLUS_TEST_MYSQL`.
pub(crate) async fn mysql(name: &str) -> Option<Database> {
    let Ok(url) = std::env::var("MPLUS_TEST_MYSQL") else {
        eprintln!("skipped: set MPLUS_TEST_MYSQL to a mysql:// URL to test the MySQL store");
        return None;
    };
    let database = format!("mplus_webhooks_test_{name}_{}", of_this_process());
    let server = Server::Mysql(url.clone());
    server.run(&[format!("CREATE DATABASE {database}")]).await;
    let url = format!("{}/{database}", url.rsplit_once('/').unwrap().0);
    let remove = vec![format!("DROP DATABASE {database}")];
    Some(Database { url, name: database, server, remove })
}
