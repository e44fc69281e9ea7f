//! The databases of a measurement, each with something of its own that is removed afterwards.

use std::error::Error;
use std::sync::Arc;

use mplus_sync::store::{
    MySqlOptions, MySqlStore, PostgresOptions, PostgresStore, SqliteStore, Store, StoreError,
};
use mplus_sync::testkit::{FaultyStore, MySqlDatabase, PostgresSchema};
use mysql_async::prelude::Queryable;
use tokio_postgres::NoTls;

/// Connections of each process to each database.
const CONNECTIONS: usize = 24;

/// A database, and how to ask it how many statements it has carried out.
enum Database {
    Sqlite(tempfile::TempDir),
    Postgres(PostgresSchema),
    MySql(MySqlDatabase),
}

/// All of them.
pub(crate) struct Databases(Vec<Database>);

impl Databases {
    pub(crate) async fn create(urls: &[String]) -> Result<Self, Box<dyn Error>> {
        let mut databases = Vec::with_capacity(urls.len());
        for url in urls {
            databases.push(match url.split_once(':').map(|(scheme, _)| scheme) {
                Some("postgres" | "postgresql") => Database::Postgres(PostgresSchema::create(url).await?),
                Some("mysql" | "mariadb") => {
                    Database::MySql(MySqlDatabase::create(&url.replacen("mariadb:", "mysql:", 1)).await?)
                }
                Some("sqlite") => Database::Sqlite(tempfile::tempdir()?),
                _ => return Err(format!("{url} is no URL of Postgres, MySQL, MariaDB or SQLite").into()),
            });
        }
        Ok(Self(databases))
    }

    /// What a process opens.
    pub(crate) fn urls(&self) -> Vec<String> {
        let url = |database: &Database| match database {
            Database::Sqlite(directory) => format!("sqlite:{}", directory.path().join("fleet.db").display()),
            Database::Postgres(schema) => schema.url().to_owned(),
            Database::MySql(database) => database.url().to_owned(),
        };
        self.0.iter().map(url).collect()
    }

    /// Whether processes are told of each other's work.
    pub(crate) fn kind(&self) -> &'static str {
        match self.0.first() {
            Some(Database::Postgres(_)) => "postgres",
            Some(Database::MySql(_)) => "mysql",
            _ => "sqlite",
        }
    }

    /// How many statements the servers have carried out so far; none for SQLite, where the processes count their calls of
    /// the store.
    pub(crate) async fn statements(&self) -> Result<Option<u64>, Box<dyn Error>> {
        let mut all = 0;
        for database in &self.0 {
            all += match database {
                Database::Sqlite(_) => return Ok(None),
                Database::Postgres(schema) => postgres_statements(schema.url()).await?,
                Database::MySql(database) => mysql_statements(database.url()).await?,
            };
        }
        Ok(Some(all))
    }

    pub(crate) async fn remove(self) -> Result<(), StoreError> {
        for database in self.0 {
            match database {
                Database::Sqlite(_) => {}
                Database::Postgres(schema) => schema.drop().await?,
                Database::MySql(database) => database.drop().await?,
            }
        }
        Ok(())
    }
}

/// The database's own count of transactions; a statement of its own is one, and an idle fleet sends no others. Those of
/// everybody who uses the same database are among them.
async fn postgres_statements(url: &str) -> Result<u64, Box<dyn Error>> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let sql = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    let count: i64 = client.query_one(sql, &[]).await?.try_get(0)?;
    drop(client);
    connection.await??;
    Ok(count.unsigned_abs())
}

/// The server's own count of statements of its clients, of all of them.
async fn mysql_statements(url: &str) -> Result<u64, Box<dyn Error>> {
    let mut connection = mysql_async::Conn::from_url(url).await?;
    let row: Option<(String, u64)> = connection.query_first("SHOW GLOBAL STATUS LIKE 'Questions'").await?;
    connection.disconnect().await?;
    row.map(|(_, count)| count).ok_or_else(|| "the server does not tell its statements".into())
}

/// A store, and for SQLite a count of its calls.
pub(crate) async fn open(url: &str) -> Result<(Arc<dyn Store>, Option<Arc<FaultyStore>>), StoreError> {
    if let Some(file) = url.strip_prefix("sqlite:") {
        let store = Arc::new(SqliteStore::open(file).await?);
        let counting = Arc::new(FaultyStore::counting(store));
        return Ok((Arc::clone(&counting) as _, Some(counting)));
    }
    let store: Arc<dyn Store> = if url.starts_with("mysql:") {
        let mut options = MySqlOptions::new(url);
        options.connections = CONNECTIONS;
        Arc::new(MySqlStore::open(options).await?)
    } else {
        let mut options = PostgresOptions::new(url);
        options.connections = CONNECTIONS;
        Arc::new(PostgresStore::open(options).await?)
    };
    Ok((store, None))
}
