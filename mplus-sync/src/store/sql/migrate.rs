//! Brings the tables up to date.

use crate::store::{StoreError, StoreErrorKind};

use super::dialect::Dialect;
use super::driver::{Driver, in_transaction};
use super::table::{self, Column, Kind, Table};
use super::value::Row;

const ACTION: &str = "bring the tables up to date";

/// The version that the tables are at: one row for each step that was made, with the oldest version of whose releases may go on
/// working beside it.
const VERSIONS: Table = Table {
    name: "mplus_schema",
    counter: None,
    columns: &[
        Column { name: "version", kind: Kind::Integer, optional: false },
        Column { name: "oldest", kind: Kind::Integer, optional: false },
    ],
    key: &["version"],
    indexes: &[],
    short_rows: true,
};

/// Every step from an empty database to the present one. A released step is never changed.
const STEPS: &[Step] = &[Step { statements: first, oldest: 1 }];

/// The steps that this process knows.
fn steps() -> &'static [Step] {
    #[cfg(feature = "testkit")]
    if super::next_release::is_on() {
        return &[Step { statements: first, oldest: 1 }, Step { statements: |_| Vec::new(), oldest: 1 }];
    }
    STEPS
}

/// A step.
struct Step {
    /// Its statements, as a database writes them.
    statements: fn(Dialect) -> Vec<String>,
    /// The first version whose releases may go on working on the tables as they are afterwards.
    oldest: i64,
}

fn first(dialect: Dialect) -> Vec<String> {
    table::ALL.iter().flat_map(|table| dialect.create(table)).collect()
}

/// Makes the steps that are missing, in one transaction where the database can. Processes that start at the same time take turns.
///
/// A role that may not make tables is enough once they are there.
pub(crate) async fn migrate<D: Driver>(driver: &D) -> Result<(), StoreError> {
    if let Ok(rows) = driver.query(ACTION, VERSION, Vec::new()).await
        && missing(rows)?.1.is_empty()
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
                let lock = "SELECT coalesce(GET_LOCK(CONCAT('mplus ', MD5(DATABASE())), 60), 0)";
                let got = transaction.query(lock, Vec::new()).await?.into_iter().next();
                if !got.map(|mut row| row.yes()).transpose()?.unwrap_or_default() {
                    let busy = StoreError::new(StoreErrorKind::Unavailable, ACTION);
                    return Err(busy.with_source("another process has been at it for a minute"));
                }
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

/// Whether a newer release has been here beside which this one may not work.
pub(super) async fn is_outdated<D: Driver>(driver: &D) -> Result<bool, StoreError> {
    let rows = driver.query("look which release the tables are of", VERSION, Vec::new()).await?;
    match missing(rows) {
        Err(error) if error.kind() == StoreErrorKind::Invalid => Ok(true),
        known => known.map(|_| false),
    }
}

async fn make_steps(
    transaction: &mut dyn super::driver::Transaction,
    dialect: Dialect,
) -> Result<(), StoreError> {
    let create = dialect.create(&VERSIONS).remove(0).replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS");
    transaction.execute(&create, Vec::new()).await?;
    let (done, missing) = missing(transaction.query(VERSION, Vec::new()).await?)?;
    for (step, version) in missing.iter().zip(done + 1..) {
        for statement in (step.statements)(dialect) {
            // Where a step was cut off, what it made is there.
            let statement = match dialect {
                Dialect::MySql => statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"),
                Dialect::Sqlite | Dialect::Postgres => statement,
            };
            transaction.execute(&statement, Vec::new()).await?;
        }
        let insert = "INSERT INTO mplus_schema (version, oldest) VALUES (?, ?)";
        transaction.execute(insert, vec![version.into(), step.oldest.into()]).await?;
    }
    Ok(())
}

const VERSION: &str = "SELECT coalesce(max(version), 0), coalesce(max(oldest), 0) FROM mplus_schema";

/// The version that the tables are at, and the steps that are missing. None are when a newer release has been here that this one
/// may work beside.
fn missing(rows: Vec<Row>) -> Result<(i64, &'static [Step]), StoreError> {
    let mut row = rows.into_iter().next().unwrap_or_else(|| Row::new(vec![0.into(), 0.into()]));
    let (done, oldest) = (row.integer()?, row.integer()?);
    let known = i64::try_from(steps().len()).unwrap_or(i64::MAX);
    if done > known && oldest <= known {
        return Ok((done, &[]));
    }
    let missing = usize::try_from(done).ok().and_then(|done| steps().get(done..));
    let missing = missing.ok_or_else(|| {
        StoreError::new(StoreErrorKind::Invalid, ACTION)
            .with_source(format!("they are at version {done}, this release knows {known}"))
    })?;
    Ok((done, missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(version: i64, oldest: i64) -> Vec<Row> {
        vec![Row::new(vec![version.into(), oldest.into()])]
    }

    /// A released step is never changed. Until the first release the tables may be: the fixtures are then written anew, as
    /// `tests/it/store/fixture.rs` says.
    #[test]
    fn the_first_step_makes_the_tables_of_the_fixture() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-1");
        let databases =
            [(Dialect::Sqlite, "sqlite"), (Dialect::Postgres, "postgres"), (Dialect::MySql, "mysql")];
        for (dialect, name) in databases {
            let statements = dialect.create(&VERSIONS).into_iter().chain((STEPS[0].statements)(dialect));
            let made: String = statements.map(|statement| statement + ";\n").collect();
            let file = folder.join(format!("{name}.sql"));
            if std::env::var_os("MPLUS_WRITE_FIXTURES").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&file, &made).unwrap();
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            assert_eq!(made, kept, "{}", file.display());
        }
    }

    #[test]
    fn a_newer_release_says_which_older_ones_may_work_beside_it() {
        assert_eq!(missing(at(0, 0)).unwrap().1.len(), STEPS.len());
        assert!(missing(at(1, 1)).unwrap().1.is_empty());
        assert!(missing(at(9, 1)).unwrap().1.is_empty());
        assert!(missing(at(9, 9)).is_err_and(|error| error.kind() == StoreErrorKind::Invalid));
    }
}
