//! A database of its own on a MySQL or MariaDB server.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};

use crate::store::{StoreError, StoreErrorKind};

/// A database of its own on a MySQL or MariaDB server, for one test or one measurement. Needs a tokio runtime.
///
/// It stays behind when it is not [dropped](Self::drop); its name begins with `mplus_`.
pub struct MySqlDatabase {
    name: String,
    url: String,
    admin: Conn,
}

impl fmt::Debug for MySqlDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlDatabase").field("name", &self.name).finish_non_exhaustive()
    }
}

impl MySqlDatabase {
    /// Makes a database, empty, on the server of this URL. No two calls make the same one, of whatever process.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the server cannot be reached,
    /// [`Invalid`](StoreErrorKind::Invalid) when no databases may be made there or the URL has no path.
    pub async fn create(url: &str) -> Result<Self, StoreError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let invalid = || StoreError::new(StoreErrorKind::Invalid, "set up a database of its own");
        let options = Opts::from_url(url).map_err(|_| invalid())?;
        let options = OptsBuilder::from_opts(options).prefer_socket(false);
        let mut admin = Conn::new(options).await.map_err(failed(StoreErrorKind::Unavailable))?;
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mplus_{}_{count}", std::process::id());
        // The server's own collation has no say.
        let create = format!("CREATE DATABASE {name} CHARACTER SET latin1");
        admin.query_drop(create).await.map_err(failed(StoreErrorKind::Invalid))?;
        let (server, _) = url.rsplit_once('/').ok_or_else(invalid)?;
        Ok(Self { url: format!("{server}/{name}"), name, admin })
    }

    /// The database's URL: what [`MySqlStore::connect`](crate::store::MySqlStore::connect) takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Deletes what a store has written. Its tables stay.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the server cannot be reached.
    pub async fn empty(&mut self) -> Result<(), StoreError> {
        let tables = "SELECT table_name FROM information_schema.tables \
                      WHERE table_schema = ? AND table_name <> 'mplus_schema'";
        let failed = failed(StoreErrorKind::Unavailable);
        let tables: Vec<String> = self.admin.exec(tables, (&self.name,)).await.map_err(&failed)?;
        for table in tables {
            let delete = format!("DELETE FROM {}.{table}", self.name);
            self.admin.query_drop(delete).await.map_err(&failed)?;
        }
        Ok(())
    }

    /// Removes the database with everything in it.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the server cannot be reached.
    pub async fn drop(mut self) -> Result<(), StoreError> {
        let removed = self.admin.query_drop(format!("DROP DATABASE {}", self.name)).await;
        removed.map_err(failed(StoreErrorKind::Unavailable))
    }
}

fn failed(kind: StoreErrorKind) -> impl Fn(mysql_async::Error) -> StoreError {
    move |error| StoreError::new(kind, "set up a database of its own").with_source(error.to_string())
}
