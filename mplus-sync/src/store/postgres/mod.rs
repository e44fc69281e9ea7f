//! A store in a Postgres database.

mod error;
mod lent;
mod listen;
mod rows;
#[cfg(feature = "postgres-tls")]
mod tls;
mod transaction;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Manager, ManagerConfig, Pool, QueueMode, RecyclingMethod, Runtime};
use tokio_postgres::config::SslMode;
use tokio_postgres::{Config, NoTls};

use super::sql::awaited::Awaited;
use super::sql::driver::{Durability, MakeRows, Transaction};
use super::sql::tell::Teller;
use super::sql::value::{Row, SqlValue};
use super::sql::write::Keyed;
use super::sql::{Dialect, Driver, SqlStore};
use super::{Bell, StoreError, StoreErrorKind, Wake};

use self::lent::Lent;
use self::listen::Line;
use self::transaction::PostgresTransaction;

/// A store in a Postgres database, for any number of workers on any number of machines.
///
/// Needs a tokio runtime. Its tables begin with `mplus_` and are made in the first schema of the connection's search
/// path. Clones share the connections.
///
/// ```no_run
/// # async fn example() -> Result<(), mplus_sync::store::StoreError> {
/// use mplus_sync::store::PostgresStore;
///
/// let store = PostgresStore::connect("postgres://host@localhost/restaurant").await?;
/// # Ok(())
/// # }
/// ```
pub type PostgresStore = SqlStore<Postgres>;

/// The way to a Postgres database.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
    line: Arc<Line>,
    prepared: bool,
    bell: Arc<Bell>,
    teller: Teller,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres").finish_non_exhaustive()
    }
}

/// How a Postgres database is reached.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    url: String,
    /// How many connections at most: 16 unless set. One more listens for new work.
    pub connections: usize,
    /// Whether to tell other processes of new work, and to hear of theirs: yes unless set. A connection pooler in transaction
    /// mode does not pass that on; then processes look by themselves.
    pub notify: bool,
    /// Whether statements are prepared under names and kept by their connections: yes unless set. A connection pooler in transaction mode
    /// may know nothing of them (PgBouncer before 1.21, or with `max_prepared_statements = 0`): each goes with its values then, and costs
    /// the database its planning.
    pub prepared: bool,
    /// A PEM file with the authorities that the database's certificate may come from, instead of the platform's.
    #[cfg(feature = "postgres-tls")]
    pub root_certificates: Option<std::path::PathBuf>,
}

/// Does not show the URL, which may have a password in it.
impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("connections", &self.connections)
            .field("notify", &self.notify)
            .field("prepared", &self.prepared)
            .finish_non_exhaustive()
    }
}

/// How long a connection may be silent before the other side is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);

impl PostgresOptions {
    /// A database by its URL, or by a list of `key=value` as Postgres' own tools take it.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 16,
            notify: true,
            prepared: true,
            #[cfg(feature = "postgres-tls")]
            root_certificates: None,
        }
    }

    /// The way to the database, with TLS when the URL asks for it.
    fn line(&self, action: &str) -> Result<Line, StoreError> {
        let invalid = || StoreError::new(StoreErrorKind::Invalid, action);
        // What is wrong with the text may quote it, password included.
        let mut config: Config =
            self.url.parse().map_err(|_| invalid().with_source("its URL cannot be understood"))?;
        // A connection that a failover has swallowed is noticed in seconds, not in hours.
        if config.get_tcp_user_timeout().is_none() {
            config.tcp_user_timeout(QUIET);
        }
        config.keepalives_idle(config.get_keepalives_idle().min(QUIET));
        if config.get_ssl_mode() != SslMode::Require {
            config.ssl_mode(SslMode::Disable);
            return Ok(Line::Plain(config));
        }
        #[cfg(feature = "postgres-tls")]
        {
            let tls = tls::connector(self.root_certificates.as_deref());
            Ok(Line::Tls(config, tls.map_err(|error| invalid().with_source(error))?))
        }
        #[cfg(not(feature = "postgres-tls"))]
        {
            Err(invalid().with_source("its URL asks for TLS: turn on the feature `postgres-tls`"))
        }
    }
}

impl PostgresStore {
    /// Connects with at most 16 connections, and brings the tables up to date.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(PostgresOptions::new(url)).await
    }

    /// Connects, and brings the tables up to date. A role that may not make tables is enough once they are there.
    ///
    /// With `sslmode=require` in the URL (feature `postgres-tls`) every connection has TLS, and the database has to prove by its
    /// certificate that it is the URL's host. Otherwise none has: `prefer` would leave the choice to whoever is in between.
    ///
    /// # Errors
    /// [`Invalid`](StoreErrorKind::Invalid) when the URL cannot be understood or a newer release has been here,
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached, or cannot prove who it is.
    pub async fn open(options: PostgresOptions) -> Result<Self, StoreError> {
        let action = "set up the database's connections";
        let line = Arc::new(options.line(action)?);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = match &*line {
            Line::Plain(config) => Manager::from_config(config.clone(), NoTls, recycling),
            #[cfg(feature = "postgres-tls")]
            Line::Tls(config, tls) => Manager::from_config(config.clone(), tls.clone(), recycling),
        };
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            // Those that were used last have their statements planned.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(30)))
            .create_timeout(Some(Duration::from_secs(30)))
            .build()
            .map_err(|error| StoreError::new(StoreErrorKind::Invalid, action).with_source(error))?;
        let bell = Arc::new(Bell::default());
        let teller = match options.notify {
            true => listen::teller(pool.clone()),
            false => Teller::silent(),
        };
        let (line_of, bell_of, prepared) = (Arc::clone(&line), Arc::clone(&bell), options.prepared);
        let driver = Postgres { pool, line: line_of, prepared, bell: bell_of, teller };
        let store = Self::with_driver(driver).await?;
        if options.notify {
            listen::start(line, &bell);
        }
        Ok(store)
    }
}

impl Postgres {
    async fn lend(&self, action: &str) -> Result<Lent, StoreError> {
        let client = self.pool.get().await.map_err(error::no_client(action))?;
        Ok(Lent::new(client, &self.line, self.prepared))
    }
}

#[async_trait]
impl Driver for Postgres {
    const DIALECT: Dialect = Dialect::Postgres;

    async fn query(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<Vec<Row>, StoreError> {
        let lent = self.lend(action).await?;
        let found = rows::query(lent.asked(action)?, sql, &values).await;
        lent.answered();
        found.map_err(error::of(action))
    }

    async fn by_keys(&self, action: &'static str, keyed: Keyed) -> Result<Vec<Row>, StoreError> {
        let lent = self.lend(action).await?;
        let found = rows::by_keys(lent.asked(action)?, &keyed).await;
        lent.answered();
        found.map_err(error::of(action))
    }

    async fn execute(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<u64, StoreError> {
        let lent = self.lend(action).await?;
        let changed = rows::execute(lent.asked(action)?, sql, &values).await;
        lent.answered();
        changed.map_err(error::of_write(action))
    }

    /// In a task of its own, which goes on while the caller is busy with what comes next, and ends when nobody waits for it any more.
    async fn make_and_write(
        &self,
        action: &'static str,
        _: Durability,
        make: MakeRows,
    ) -> Result<(), StoreError> {
        let driver = self.clone();
        let writing = async move {
            let writes = make()?;
            let mut transaction = driver.begin(action).await?;
            for write in writes {
                if let Err(error) = transaction.write(write).await {
                    transaction.roll_back().await;
                    return Err(error);
                }
            }
            transaction.commit().await
        };
        let broken =
            |error| StoreError::new(StoreErrorKind::Unavailable, action).with_source(error).maybe_done();
        Awaited::spawn(writing).await.map_err(broken)?
    }

    async fn begin(&self, action: &'static str) -> Result<Box<dyn Transaction>, StoreError> {
        let lent = self.lend(action).await?;
        Ok(Box::new(PostgresTransaction::begin(lent, action).await?))
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }

    fn tell_others(&self, what: Wake) {
        self.teller.tell(what);
    }
}
