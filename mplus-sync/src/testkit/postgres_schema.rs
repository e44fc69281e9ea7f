//! A schema of its own in a Postgres database.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio_postgres::{Client, NoTls};

use crate::store::{StoreError, StoreErrorKind};

/// A schema of its own in a Postgres database, for one test or one measurement. Needs a tokio runtime.
///
/// It stays behind when it is not [dropped](Self::drop); its name begins with `mplus_`.
pub struct PostgresSchema {
    name: String,
    url: String,
    admin: Client,
}

impl fmt::Debug for PostgresSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSchema").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PostgresSchema {
    /// Makes a schema, empty, in the database of this URL. No two calls make the same one, of whatever process.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached,
    /// [`Invalid`](StoreErrorKind::Invalid) when no schemas may be made there.
    pub async fn create(url: &str) -> Result<Self, StoreError> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (admin, connection) = tokio_postgres::connect(url, NoTls)
            .await
            .map_err(|error| failed(StoreErrorKind::Unavailable)(error))?;
        // Ends with the client.
        tokio::spawn(connection);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("mplus_{}_{count}", std::process::id());
        let made = admin.batch_execute(&format!("CREATE SCHEMA {name}")).await;
        made.map_err(failed(StoreErrorKind::Invalid))?;
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}options=-csearch_path%3D{name}");
        Ok(Self { name, url, admin })
    }

    /// The database's URL with this schema first: what [`PostgresStore::connect`](crate::store::PostgresStore::connect)
    /// takes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Deletes what a store has written. Its tables stay.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached.
    pub async fn empty(&self) -> Result<(), StoreError> {
        let tables =
            "SELECT tablename::text FROM pg_tables WHERE schemaname = $1 AND tablename <> 'mplus_schema'";
        let failed = failed(StoreErrorKind::Unavailable);
        for table in self.admin.query(tables, &[&self.name]).await.map_err(&failed)? {
            let table: &str = table.try_get(0).map_err(&failed)?;
            self.admin.batch_execute(&format!("DELETE FROM {}.{table}", self.name)).await.map_err(&failed)?;
        }
        Ok(())
    }

    /// Removes the schema with everything in it.
    ///
    /// # Errors
    /// [`Unavailable`](StoreErrorKind::Unavailable) when the database cannot be reached.
    pub async fn drop(self) -> Result<(), StoreError> {
        let removed = self.admin.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name)).await;
        removed.map_err(failed(StoreErrorKind::Unavailable))
    }
}

fn failed(kind: StoreErrorKind) -> impl Fn(tokio_postgres::Error) -> StoreError {
    move |error| StoreError::new(kind, "set up a schema of its own").with_source(error)
}
