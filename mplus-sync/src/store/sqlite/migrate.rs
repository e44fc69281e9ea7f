//! Brings the tables up to date.

use rusqlite::{Connection, TransactionBehavior};

use crate::store::{StoreError, StoreErrorKind};

use super::error;

/// Every step from an empty database to the present one. A released step is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/0001_initial.sql")];

/// Applies the steps that are missing, all in one transaction that other processes wait for.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let action = "bring the tables up to date";
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(error::of(action))?;
    transaction
        .execute_batch("CREATE TABLE IF NOT EXISTS mplus_migrations (version INTEGER PRIMARY KEY)")
        .map_err(error::of(action))?;
    let count = "SELECT coalesce(max(version), 0) FROM mplus_migrations";
    let done: u32 = transaction.query_row(count, [], |row| row.get(0)).map_err(error::of(action))?;
    let missing = MIGRATIONS.get(done as usize..).ok_or_else(|| {
        StoreError::new(StoreErrorKind::Invalid, action)
            .with_source(format!("they are at version {done}, this release knows {}", MIGRATIONS.len()))
    })?;
    for (sql, version) in missing.iter().zip(done + 1..) {
        transaction.execute_batch(sql).map_err(error::of(action))?;
        transaction
            .execute("INSERT INTO mplus_migrations (version) VALUES (?1)", [version])
            .map_err(error::of(action))?;
    }
    transaction.commit().map_err(error::of(action))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_again_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO mplus_connections VALUES ('a', '{}')", []).unwrap();
        migrate(&mut connection).unwrap();
        let kept: i64 =
            connection.query_row("SELECT count(*) FROM mplus_connections", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, 1);
    }

    #[test]
    fn tables_of_a_newer_release_are_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.execute("INSERT INTO mplus_migrations VALUES (99)", []).unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Invalid);
        assert!(refused.to_string().contains("version 99"), "{refused}");
    }
}
