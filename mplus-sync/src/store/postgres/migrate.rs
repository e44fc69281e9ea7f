//! Brings the tables up to date.

use deadpool_postgres::Object;

use crate::store::{StoreError, StoreErrorKind};

use super::{begin, commit, error};

/// Every step from an empty database to the present one. A released step is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_initial.sql")];

/// Applies the steps that are missing, all in one transaction. Processes that start at the same time take turns.
pub(super) async fn migrate(client: &mut Object) -> Result<(), StoreError> {
    let action = "bring the tables up to date";
    let failed = error::of(action);
    let transaction = begin(client, action).await?;
    transaction
        .batch_execute(
            "SELECT pg_advisory_xact_lock(hashtext('mplus_migrations'), hashtext(current_schema())); \
             CREATE TABLE IF NOT EXISTS mplus_migrations (version INTEGER PRIMARY KEY)",
        )
        .await
        .map_err(&failed)?;
    let count = "SELECT coalesce(max(version), 0) FROM mplus_migrations";
    let done: i32 = transaction.query_one(count, &[]).await.map_err(&failed)?.get(0);
    let missing = usize::try_from(done).ok().and_then(|done| MIGRATIONS.get(done..)).ok_or_else(|| {
        StoreError::new(StoreErrorKind::Invalid, action)
            .with_source(format!("they are at version {done}, this release knows {}", MIGRATIONS.len()))
    })?;
    for (sql, version) in missing.iter().zip(done + 1..) {
        transaction.batch_execute(sql).await.map_err(&failed)?;
        let insert = "INSERT INTO mplus_migrations (version) VALUES ($1)";
        transaction.execute(insert, &[&version]).await.map_err(&failed)?;
    }
    commit(transaction, action).await
}
