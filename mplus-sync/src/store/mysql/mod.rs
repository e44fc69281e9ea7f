//! A store in a MySQL or MariaDB database.

mod error;
mod listen;
mod rows;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::{Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, TxOpts};

use super::sql::awaited::Awaited;
use super::sql::driver::{Durability, MakeRows, Transaction};
use super::sql::tell::Teller;
use super::sql::value::{Row, SqlValue};
use super::sql::write::Keyed;
use super::sql::{Dialect, Driver, SqlStore};
use super::{Bell, StoreError, StoreErrorKind, Wake};

use self::rows::MySqlTransaction;

/// A store in a MySQL database (8.0 or later) or a MariaDB one (10.6 or later), for any number of workers on any number of
/// machines.
///
/// Needs a tokio runtime. Its tables begin with `mplus_` and are made in the database of the URL. Clones share the connections.
///
/// ```no_run
/// # async fn example() -> Result<(), mplus_sync::store::StoreError> {
/// use mplus_sync::store::MySqlStore;
///
/// let store = MySqlStore::connect("mysql://host@localhost/restaurant").await?;
/// # Ok(())
/// # }
/// ```
pub type MySqlStore = SqlStore<MySql>;

/// The way to a MySQL or MariaDB database.
#[derive(Clone)]
pub struct MySql {
    pool: Pool,
    bell: Arc<Bell>,
    teller: Teller,
}

impl fmt::Debug for MySql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySql").finish_non_exhaustive()
    }
}

/// How a MySQL or MariaDB database is reached.
#[derive(Clone)]
#[non_exhaustive]
pub struct MySqlOptions {
    url: String,
    /// How many connections at most: 16 unless set. One more listens for new work.
    pub connections: usize,
    /// A PEM file with the authorities that the database's certificate may come from, instead of Mozilla's.
    #[cfg(feature = "mysql-tls")]
    pub root_certificates: Option<std::path::PathBuf>,
    /// Whether to tell other processes of new work, and to hear of theirs: yes unless set. There are no notifications in MySQL
    /// and MariaDB: a query sleeps in the database, and who tells ends it. Behind a proxy that shares connections nobody tells;
    /// then processes look by themselves.
    pub notify: bool,
}

/// Does not show the URL, which may have a password in it.
impl fmt::Debug for MySqlOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlOptions")
            .field("connections", &self.connections)
            .field("notify", &self.notify)
            .finish_non_exhaustive()
    }
}

impl MySqlOptions {
    /// A database by its URL, `mysql://user:password@host:3306/database`.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            connections: 16,
            notify: true,
            #[cfg(feature = "mysql-tls")]
            root_certificates: None,
        }
    }

    /// The set-up, with TLS.
    #[cfg(feature = "mysql-tls")]
    fn secured(&self, set_up: OptsBuilder, tls: mysql_async::SslOpts) -> Result<OptsBuilder, StoreError> {
        use rustls::crypto::{CryptoProvider, aws_lc_rs};
        // The driver takes the process's crypto, and panics without one. A host that wants another installs it before.
        if CryptoProvider::get_default().is_none() {
            // Somebody else may have been faster, which is as good.
            let _ = aws_lc_rs::default_provider().install_default();
        }
        let tls = match &self.root_certificates {
            Some(path) => tls.with_root_certs(vec![path.clone().into()]).with_disable_built_in_roots(true),
            None => tls,
        };
        Ok(set_up.ssl_opts(tls))
    }

    #[cfg(not(feature = "mysql-tls"))]
    fn secured(&self, _: OptsBuilder, _: mysql_async::SslOpts) -> Result<OptsBuilder, StoreError> {
        let error = StoreError::new(StoreErrorKind::Invalid, "set up the database's connections");
        Err(error.with_source("its URL asks for TLS: turn on the feature `mysql-tls`"))
    }
}

/// How long a connection is kept that nobody uses. The driver would drop it at once, and make another for the next statement.
const KEPT: Duration = Duration::from_secs(300);
/// How long a connection may be silent before the other side is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(30);
/// Statements that a connection keeps prepared.
const STATEMENTS: usize = 128;

/// What holds for each connection: texts are compared byte by byte, what does not fit is refused and not cut, nobody waits for rows
/// that are not there, and the server gives up what nobody waits for any more: a lock of a row or a table after 20 seconds, and a
/// statement after a quarter of an hour, which is as long as one that goes through all rows may take. MariaDB and MySQL have a
/// setting each for that, in a comment that the other one passes over; MySQL's holds for what reads.
const SESSION: [&str; 4] = [
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin",
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SET SESSION innodb_lock_wait_timeout = 20, SESSION lock_wait_timeout = 20 \
     /*M!100101 , SESSION max_statement_time = 900 */ /*!50708 , SESSION max_execution_time = 900000 */",
];

impl MySqlStore {
    /// Connects with at most 16 connections, and brings the tables up to date.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::open(MySqlOptions::new(url)).await
    }

    /// Connects, and brings the tables up to date. A user who may not make tables is enough once they are there.
    ///
    /// With `require_ssl=true` in the URL (feature `mysql-tls`) every connection has TLS, and the database has to prove by its
    /// certificate that it is the URL's host. Otherwise none has.
    ///
    /// # Errors
    /// [`Invalid`](StoreErrorKind::Invalid) when the URL cannot be understood or a newer release has been here,
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached.
    pub async fn open(options: MySqlOptions) -> Result<Self, StoreError> {
        let invalid = || {
            // What is wrong with the text may quote it, password included.
            StoreError::new(StoreErrorKind::Invalid, "set up the database's connections")
                .with_source("its URL cannot be understood")
        };
        let given = Opts::from_url(&options.url).map_err(|_| invalid())?;
        let tls = given.ssl_opts().cloned();
        let bounds = PoolConstraints::new(0, options.connections.max(1)).ok_or_else(invalid)?;
        // A reset would forget the prepared statements and what holds for the session.
        let pool_options = PoolOpts::default()
            .with_constraints(bounds)
            .with_inactive_connection_ttl(KEPT)
            .with_reset_connection(false);
        let set_up = OptsBuilder::from_opts(given)
            .init(SESSION.to_vec())
            .stmt_cache_size(STATEMENTS)
            .client_found_rows(false)
            .prefer_socket(false)
            // A connection that a failover has swallowed is noticed in time.
            .tcp_keepalive(Some(QUIET))
            .pool_opts(pool_options);
        let set_up = Opts::from(match tls {
            Some(tls) => options.secured(set_up, tls)?,
            None => set_up,
        });
        let (pool, bell) = (Pool::new(set_up.clone()), Arc::default());
        let teller = match options.notify {
            true => listen::teller(pool.clone()),
            false => Teller::silent(),
        };
        let store = Self::with_driver(MySql { pool, bell: Arc::clone(&bell), teller }).await?;
        if options.notify {
            listen::start(set_up, &bell);
        }
        Ok(store)
    }
}

#[async_trait]
impl Driver for MySql {
    const DIALECT: Dialect = Dialect::MySql;

    async fn query(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.pool.get_conn().await.map_err(error::of(action))?;
        rows::query(&mut connection, action, sql, values).await
    }

    async fn by_keys(&self, action: &'static str, keyed: Keyed) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.pool.get_conn().await.map_err(error::of(action))?;
        rows::by_keys(&mut connection, action, keyed).await
    }

    async fn execute(
        &self,
        action: &'static str,
        sql: &str,
        values: Vec<SqlValue>,
    ) -> Result<u64, StoreError> {
        let mut connection = self.pool.get_conn().await.map_err(error::of(action))?;
        rows::execute(&mut connection, action, sql, values).await.map_err(error::maybe_done)
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
            super::sql::driver::in_transaction!(driver, action, |transaction| {
                for write in &writes {
                    transaction.write(write.clone()).await?;
                }
                Ok(())
            })
        };
        let broken =
            |error| StoreError::new(StoreErrorKind::Unavailable, action).with_source(error).maybe_done();
        Awaited::spawn(writing).await.map_err(broken)?
    }

    async fn begin(&self, action: &'static str) -> Result<Box<dyn Transaction>, StoreError> {
        let begun = self.pool.start_transaction(TxOpts::default()).await.map_err(error::of(action))?;
        Ok(Box::new(MySqlTransaction::new(begun, action)))
    }

    fn bell(&self) -> &Bell {
        &self.bell
    }

    fn tell_others(&self, what: Wake) {
        self.teller.tell(what);
    }
}
