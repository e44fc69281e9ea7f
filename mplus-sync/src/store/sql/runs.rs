//! Due runs and reports in a database.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::model::{
    ClaimedRun, ConnectionId, DueRun, RunKind, RunLost, RunRequest, RunStatus, RunStep, StoredReport,
};
use crate::store::{RunBacklog, RunClaimRequest, RunStore, StoreError, StoreErrorKind, Wake, WakeUp};

use super::driver::{Driver, Durability, Transaction, in_transaction};
use super::format;
use super::table;
use super::value::{Row, SqlValue, marks, none_of};
use super::write::Write;
use super::{SqlStore, conflict, limit, set_aside};

/// A run's row: its revision, and what is known.
pub(super) struct Found {
    connection: ConnectionId,
    kind: RunKind,
    pub(super) run: DueRun,
    revision: i64,
}

/// The columns of [`found_of`].
pub(super) const COLUMNS: &str = "connection, kind, body, revision";

/// Whose run of which kind a row is.
pub(super) fn key_of(row: &Row) -> Option<(String, String)> {
    match row.0.as_slice() {
        [SqlValue::Text(connection), SqlValue::Text(kind), ..] => Some((connection.clone(), kind.clone())),
        _ => None,
    }
}

pub(super) fn found_of(mut row: Row) -> Result<Found, StoreError> {
    let (connection, kind) = (row.text()?, row.text()?);
    let what = "the runs of connection";
    let (mut run, newer) = format::from_json::<DueRun>(&row.text()?, what, &connection)?;
    run.newer = newer;
    // What an older release could not read may be no riddle to this one.
    while let Some((read, _)) =
        run.unread().and_then(|text| format::from_json::<DueRun>(text, what, &connection).ok())
    {
        run = run.with_read(read);
    }
    let (connection, kind) = (ConnectionId::from(connection), RunKind::named(kind));
    Ok(Found { connection, kind, run, revision: row.integer()? })
}

async fn find(
    transaction: &mut dyn Transaction,
    for_update: &str,
    connection: &ConnectionId,
    kind: &RunKind,
) -> Result<Option<Found>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM mplus_runs WHERE connection = ? AND kind = ?{for_update}");
    let values = vec![connection.as_str().into(), kind.as_str().into()];
    transaction.query(&sql, values).await?.into_iter().next().map(found_of).transpose()
}

/// A new run in the place of one that cannot be read, whose text it keeps; the error where somebody carries that one out.
async fn begin_anew(
    transaction: &mut dyn Transaction,
    connection: &ConnectionId,
    kind: &RunKind,
    error: StoreError,
) -> Result<Found, StoreError> {
    let sql = "SELECT body, revision FROM mplus_runs WHERE connection = ? AND kind = ? \
               AND (running = 0 OR parked IS NOT NULL)";
    let values = vec![connection.as_str().into(), kind.as_str().into()];
    let mut row = transaction.query(sql, values).await?.into_iter().next().ok_or(error)?;
    let (unread, revision) = (row.text()?, row.integer()?);
    // Each claim has raised the revision.
    let run = DueRun::in_place_of(unread, revision);
    Ok(Found { connection: connection.clone(), kind: kind.clone(), run, revision })
}

/// Discards what the runs of a connection keep and nobody could read; counts them.
pub(super) async fn discard_unread(
    transaction: &mut dyn Transaction,
    for_update: &str,
    connection: &ConnectionId,
) -> Result<u64, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM mplus_runs WHERE connection = ? ORDER BY kind{for_update}");
    let mut count = 0;
    for row in transaction.query(&sql, vec![connection.as_str().into()]).await? {
        if let Ok(found) = found_of(row)
            && found.run.unread().is_some()
        {
            let next = found.run.clone().without_unread();
            save(transaction, found, &next).await?;
            count += 1;
        }
    }
    Ok(count)
}

/// Writes a run's next step over the row that is held, or removes it when nothing is left.
async fn save(transaction: &mut dyn Transaction, found: Found, next: &DueRun) -> Result<(), StoreError> {
    if next.is_empty() {
        let sql = "DELETE FROM mplus_runs WHERE connection = ? AND kind = ?";
        let values = vec![found.connection.as_str().into(), found.kind.as_str().into()];
        return transaction.execute(sql, values).await.map(drop);
    }
    transaction.write(Write::replace(&table::RUNS, vec![row_of(&found, next)?])).await
}

/// The row of a run's next step; what was set aside is taken up with it.
fn row_of(found: &Found, next: &DueRun) -> Result<Vec<SqlValue>, StoreError> {
    Ok(vec![
        found.connection.as_str().into(),
        found.kind.as_str().into(),
        next.due_at().into(),
        next.turn().into(),
        next.is_running().into(),
        SqlValue::Null,
        format::to_json(next, next.newer.as_ref())?.into(),
        (found.revision + 1).into(),
    ])
}

#[async_trait]
impl<D: Driver> RunStore for SqlStore<D> {
    async fn request_run(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        request: RunRequest,
    ) -> Result<(), StoreError> {
        let insert = format!(
            "INSERT INTO mplus_runs (connection, kind, due_at, turn, running, body, revision) VALUES (?, ?, ?, ?, 0, ?, 1){}",
            D::DIALECT.unless_there(table::RUNS.key)
        );
        in_transaction!(self.driver, "ask for a run", |transaction| {
            let first = DueRun::default().requested(request.clone());
            let values = vec![
                connection.as_str().into(),
                kind.as_str().into(),
                first.due_at().into(),
                first.turn().into(),
                format::to_new_json(&first)?.into(),
            ];
            if transaction.execute(&insert, values).await? > 0 {
                return Ok(());
            }
            let found = match find(transaction, D::DIALECT.for_update(), connection, kind).await {
                Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                    Some(begin_anew(transaction, connection, kind, error).await?)
                }
                found => found?,
            };
            // One that ended at this very moment: the whole again.
            let found = found.ok_or_else(|| conflict("ask for a run").transient())?;
            let next = found.run.clone().requested(request.clone());
            if next == found.run { Ok(()) } else { save(transaction, found, &next).await }
        })?;
        self.wake(Wake::Runs);
        Ok(())
    }

    async fn claim_runs(
        &self,
        request: &RunClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedRun>, StoreError> {
        let mut sql = format!(
            "SELECT {COLUMNS} FROM mplus_runs AS r WHERE r.parked IS NULL AND r.turn <= ? AND r.due_at <= ? \
             AND NOT EXISTS (SELECT 1 FROM mplus_connections AS c WHERE c.id = r.connection AND c.held = 1)"
        );
        let mut values: Vec<SqlValue> = vec![now.into(), now.into()];
        if let Some(connection) = &request.connection {
            sql += " AND r.connection = ?";
            values.push(connection.as_str().into());
        }
        sql += &none_of("r.connection", &request.except, &mut values);
        if !request.kinds.is_empty() {
            sql += &format!(" AND r.kind IN {}", marks(request.kinds.len()));
            values.extend(request.kinds.iter().map(|kind| kind.as_str().into()));
        }
        sql += " ORDER BY r.turn LIMIT ?";
        let lock = match D::DIALECT {
            super::Dialect::Postgres => " FOR UPDATE OF r SKIP LOCKED",
            dialect => dialect.for_update_skip_locked(),
        };
        sql += lock;
        // What an idle process asks takes no lock.
        let idle = sql.strip_suffix(lock).unwrap_or(&sql);
        let any = values.iter().cloned().chain([SqlValue::from(1_i64)]).collect();
        if request.limit == 0 || self.driver.query("claim runs", idle, any).await?.is_empty() {
            return Ok(Vec::new());
        }
        in_transaction!(self.driver, "claim runs", |transaction| {
            claim(transaction, &sql, &values, request, now).await
        })
    }

    async fn step_run(&self, run: &ClaimedRun, step: RunStep<'_>) -> Result<(), StoreError> {
        let action = step.action();
        in_transaction!(self.driver, action, |transaction| {
            let found = find(transaction, D::DIALECT.for_update(), &run.connection, &run.kind).await?;
            let found = found.ok_or_else(|| conflict(action).with_source(RunLost))?;
            let next =
                step.carry_out(found.run.clone(), run).map_err(|lost| conflict(action).with_source(lost))?;
            save(transaction, found, &next).await
        })
    }

    async fn connections_without_run(
        &self,
        kind: &RunKind,
        at_most: usize,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let sql = "SELECT c.id FROM mplus_connections AS c WHERE c.held = 0 AND NOT EXISTS \
                   (SELECT 1 FROM mplus_runs AS r WHERE r.connection = c.id AND r.kind = ? AND r.parked IS NULL) \
                   ORDER BY c.id LIMIT ?";
        let values = vec![kind.as_str().into(), limit(at_most).into()];
        let rows = self.driver.query("find connections without a run", sql, values).await?;
        rows.into_iter().map(|mut row| row.text().map(ConnectionId::from)).collect()
    }

    async fn runs(&self, connection: &ConnectionId) -> Result<Vec<RunStatus>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM mplus_runs WHERE connection = ? ORDER BY kind");
        let rows = self.driver.query("read runs", &sql, vec![connection.as_str().into()]).await?;
        let readable = rows.into_iter().filter_map(|row| found_of(row).ok());
        Ok(readable.map(|found| found.run.status(found.connection, found.kind)).collect())
    }

    async fn run_backlog(&self, now: DateTime<Utc>) -> Result<RunBacklog, StoreError> {
        let sql = "SELECT CASE WHEN r.due_at <= ? THEN 1 ELSE 0 END AS is_due, count(*), min(r.due_at) \
                   FROM mplus_runs AS r WHERE r.parked IS NULL AND (r.due_at <= ? OR r.running = 1) \
                   AND NOT EXISTS (SELECT 1 FROM mplus_connections AS c WHERE c.id = r.connection AND c.held = 1) \
                   GROUP BY is_due";
        let values = vec![now.into(), now.into()];
        let mut backlog = RunBacklog::default();
        for mut row in self.driver.query("count runs", sql, values).await? {
            let (is_due, count, oldest) = (row.yes()?, row.count()?, row.optional_time()?);
            match is_due {
                true => (backlog.due, backlog.oldest) = (count, oldest),
                false => backlog.running = count,
            }
        }
        Ok(backlog)
    }

    async fn save_report(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        report: &StoredReport,
    ) -> Result<(), StoreError> {
        let row = vec![
            connection.as_str().into(),
            kind.as_str().into(),
            report.at.into(),
            report.day.map(|day| day.to_string()).into(),
            report.json.as_str().into(),
        ];
        let write = Write::upsert(&table::REPORTS, vec![row]);
        self.driver.write("save a report", Durability::Immediate, vec![write]).await
    }

    async fn last_reports(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<(RunKind, StoredReport)>, StoreError> {
        let sql = "SELECT kind, at, day, body FROM mplus_reports WHERE connection = ? ORDER BY kind";
        let rows = self.driver.query("read reports", sql, vec![connection.as_str().into()]).await?;
        let report = |mut row: Row| Ok((RunKind::named(row.text()?), report_of(row)?));
        rows.into_iter().map(report).collect()
    }

    async fn last_report(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
    ) -> Result<Option<StoredReport>, StoreError> {
        self.of_report("at, day, body", connection, kind).await?.map(report_of).transpose()
    }

    async fn last_day(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
    ) -> Result<Option<NaiveDate>, StoreError> {
        let row = self.of_report("day", connection, kind).await?;
        row.map_or(Ok(None), |mut row| day_of(&mut row))
    }
}

impl<D: Driver> SqlStore<D> {
    /// These columns of the last report of a kind, when there is one.
    async fn of_report(
        &self,
        columns: &str,
        connection: &ConnectionId,
        kind: &RunKind,
    ) -> Result<Option<Row>, StoreError> {
        let sql = format!("SELECT {columns} FROM mplus_reports WHERE connection = ? AND kind = ?");
        let values = vec![connection.as_str().into(), kind.as_str().into()];
        Ok(self.driver.query("read a report", &sql, values).await?.into_iter().next())
    }
}

fn report_of(mut row: Row) -> Result<StoredReport, StoreError> {
    Ok(StoredReport { at: row.time()?, day: day_of(&mut row)?, json: row.text()? })
}

fn day_of(row: &mut Row) -> Result<Option<NaiveDate>, StoreError> {
    let day = row.optional_text()?;
    let corrupt = |error| format::corrupt("the day of", "a report").with_source(error);
    day.map(|day| day.parse::<NaiveDate>()).transpose().map_err(corrupt)
}

/// Claims what a statement finds, and looks on behind what it has to set aside.
async fn claim(
    transaction: &mut dyn Transaction,
    sql: &str,
    values: &[SqlValue],
    request: &RunClaimRequest,
    now: DateTime<Utc>,
) -> Result<Vec<ClaimedRun>, StoreError> {
    let mut claimed = Vec::new();
    loop {
        let mut written = Vec::new();
        let mut any_aside = false;
        let room = limit(request.limit - claimed.len()).into();
        for row in transaction.query(sql, values.iter().cloned().chain([room]).collect()).await? {
            let Some((connection, kind)) = key_of(&row) else { continue };
            match found_of(row) {
                Ok(found) => {
                    let (next, mine) = found.run.clone().claimed(
                        &found.connection,
                        &found.kind,
                        &request.holder,
                        request.until,
                        now,
                    );
                    written.push(row_of(&found, &next)?);
                    claimed.push(mine);
                }
                Err(error) => {
                    set_aside::run(transaction, &connection, &kind).await?;
                    let message = set_aside::of_run(&kind, &error);
                    set_aside::tell(transaction, &connection, "runs", message, now).await?;
                    any_aside = true;
                }
            }
        }
        transaction.write(Write::replace(&table::RUNS, written)).await?;
        if !any_aside || claimed.len() >= request.limit {
            return Ok(claimed);
        }
    }
}
