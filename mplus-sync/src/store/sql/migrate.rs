//! Brings the tables up to date.

use crate::store::{StoreError, StoreErrorKind};

use super::dialect::Dialect;
use super::driver::{Driver, in_transaction};
use super::table::{self, Column, Kind, Table};

const ACTION: &str = "bring the tables up to date";

/// The version that the tables are at: one row for each step that was made.
const VERSIONS: Table = Table {
    name: "mplus_schema",
    counter: None,
    columns: &[Column { name: "version", kind: Kind::Integer, optional: false }],
    key: &["version"],
    indexes: &[],
    short_rows: true,
};

/// Every step from an empty database to the present one. A released step is never changed.
const STEPS: &[Step] = &[first];

/// The statements of a step, as a database writes them.
type Step = fn(Dialect) -> Vec<String>;

fn first(dialect: Dialect) -> Vec<String> {
    table::ALL.iter().flat_map(|table| dialect.create(table)).collect()
}

/// Makes the steps that are missing, in one transaction where the database can. Processes that start at the same time take turns.
///
/// A role that may not make tables is enough once they are there.
pub(crate) async fn migrate<D: Driver>(driver: &D) -> Result<(), StoreError> {
    if let Ok(done) = version(driver).await
        && missing(done)?.is_empty()
    {
        return Ok(());
    }
    let dialect = D::DIALECT;
    in_transaction!(driver, ACTION, |transaction| {
        match dialect {
            // Whoever writes is alone.
            Dialect::Sqlite => {}
            Dialect::Postgres => {
                let lock = "SELECT 1 FROM pg_advisory_xact_lock(hashtext('mplus_schema'), hashtext(current_schema()))";
                transaction.query(lock, Vec::new()).await?;
            }
            // Held until the connection lets go of it, for there every CREATE commits.
            Dialect::MySql => {
                let lock = "SELECT GET_LOCK(CONCAT('mplus ', MD5(DATABASE())), 60)";
                transaction.query(lock, Vec::new()).await?;
            }
        }
        let made = make_steps(transaction, dialect).await;
        if dialect == Dialect::MySql {
            let free = "SELECT RELEASE_LOCK(CONCAT('mplus ', MD5(DATABASE())))";
            transaction.query(free, Vec::new()).await?;
        }
        made
    })
}

async fn make_steps(
    transaction: &mut dyn super::driver::Transaction,
    dialect: Dialect,
) -> Result<(), StoreError> {
    let create = dialect.create(&VERSIONS).remove(0).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");
    transaction.execute(&create, Vec::new()).await?;
    let rows = transaction.query(VERSION, Vec::new()).await?;
    let done = rows.into_iter().next().map(|mut row| row.integer()).transpose()?.unwrap_or(0);
    for (step, version) in missing(done)?.iter().zip(done + 1..) {
        for statement in step(dialect) {
            // Where a step was cut off, what it made is there.
            let statement = match dialect {
                Dialect::MySql => statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"),
                Dialect::Sqlite | Dialect::Postgres => statement,
            };
            transaction.execute(&statement, Vec::new()).await?;
        }
        let insert = "INSERT INTO mplus_schema (version) VALUES (?)";
        transaction.execute(insert, vec![version.into()]).await?;
    }
    Ok(())
}

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM mplus_schema";

async fn version<D: Driver>(driver: &D) -> Result<i64, StoreError> {
    let rows = driver.query(ACTION, VERSION, Vec::new()).await?;
    rows.into_iter().next().map_or(Ok(0), |mut row| row.integer())
}

fn missing(done: i64) -> Result<&'static [Step], StoreError> {
    usize::try_from(done).ok().and_then(|done| STEPS.get(done..)).ok_or_else(|| {
        StoreError::new(StoreErrorKind::Invalid, ACTION)
            .with_source(format!("they are at version {done}, this release knows {}", STEPS.len()))
    })
}
