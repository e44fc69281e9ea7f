//! The store in a database, written once: [tables](table), statements and rows are the same everywhere; what differs is the
//! [dialect] and the [driver].

#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod awaited;
mod claim;
mod connections;
pub(crate) mod dialect;
pub(crate) mod driver;
mod finished;
pub(crate) mod format;
mod gathered;
mod leases;
mod line;
mod logs;
mod menu;
mod migrate;
#[cfg(feature = "testkit")]
pub(crate) mod next_release;
mod notice_rows;
mod notices;
mod order_rows;
mod orders;
mod places;
mod records;
mod runs;
mod set_aside;
pub(crate) mod table;
mod take_up;
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) mod tell;
pub(crate) mod value;
pub(crate) mod write;

use std::fmt;
use std::sync::Arc;

use super::{Listener, Page, StoreError, StoreErrorKind, Wake, WakeUp};

pub(crate) use dialect::Dialect;
pub(crate) use driver::Driver;
pub use value::{SqlValue, Statement};

use gathered::Gathered;

pub(crate) use migrate::migrate;

/// A store in a database. Clones share its connections.
///
/// The stores in the box are this one with a driver: `SqliteStore`, `PostgresStore`, `MySqlStore`.
#[derive(Clone)]
pub struct SqlStore<D> {
    pub(crate) driver: D,
    /// What many of a process's orders ask for at the same time.
    gathered: Arc<Gathered>,
}

impl<D> fmt::Debug for SqlStore<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").finish_non_exhaustive()
    }
}

impl<D: Driver> SqlStore<D> {
    /// Takes a driver, and brings the tables up to date.
    pub(crate) async fn with_driver(driver: D) -> Result<Self, StoreError> {
        migrate(&driver).await?;
        let store = Self { driver, gathered: Arc::default() };
        store.take_up().await?;
        Ok(store)
    }
}

impl<D: Driver> WakeUp for SqlStore<D> {
    fn wake(&self, what: Wake) {
        self.driver.bell().ring(what);
        self.driver.tell_others(what);
    }

    fn listen(&self) -> Listener {
        self.driver.bell().listen()
    }
}

/// That somebody else was faster.
fn conflict(action: impl Into<String>) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict, action)
}

/// A page's limit as the databases take it.
fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Where a page begins, and how a key is compared with it: every key is behind the empty text or equal to it.
fn page_start<K: AsRef<str>>(page: &Page<K>) -> (&str, &'static str) {
    page.after.as_ref().map_or(("", ">="), |last| (last.as_ref(), ">"))
}
