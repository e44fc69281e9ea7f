//! What the orders of a process ask for at the same time, each kind in one statement.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::model::ConnectionId;
use crate::store::together::Together;
use crate::store::{ClaimRequest, StoreError};

use super::driver::Driver;
use super::line::Line;
use super::table::Table;
use super::value::{Row, SqlValue};
use super::write::Keyed;
use super::{Dialect, SqlStore};

/// How many records an order may look up for its look-up to go along with others'.
const FEW: usize = 16;
/// How many records one statement asks for: SQLite takes no condition of more than a thousand parts.
const AT_ONCE: usize = 256;

/// The questions of a process that wait for each other.
#[derive(Default)]
pub(crate) struct Gathered {
    rows: OfTables<String, Option<Row>>,
    records: OfTables<Wanted, Vec<Row>>,
    acknowledged: Together<(i64, i64), ()>,
    /// Those whose turn it is after the last claim, where they are many.
    line: Mutex<Option<Line>>,
}

/// How long a long line holds: finding out anew whose turn it is would take longer than claiming their orders, and whoever joins
/// meanwhile comes a moment later.
const HOLDS: TimeDelta = TimeDelta::milliseconds(200);

impl Gathered {
    /// Those that were left in line for a claim of as many.
    pub(super) fn next_in_line(&self, request: &ClaimRequest, now: DateTime<Utc>) -> Option<Line> {
        if request.connection.is_some() {
            return None;
        }
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        line.connections.retain(|connection| !request.except.contains(connection));
        let holds = line.asked_at <= now && now - line.asked_at < HOLDS;
        (holds && line.connections.len() >= request.limit).then_some(line)
    }

    pub(super) fn keep_in_line(&self, line: Line) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = Some(line);
    }
}

/// Records of a connection, by their identifiers.
type Wanted = (String, Vec<String>);

/// Questions by the table that they are about.
struct OfTables<Q, A>(Mutex<BTreeMap<&'static str, Arc<Together<Q, A>>>>);

impl<Q, A> Default for OfTables<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<Q, A> OfTables<Q, A> {
    fn of(&self, table: &Table) -> Arc<Together<Q, A>> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(table.name).or_default())
    }
}

impl<D: Driver> SqlStore<D> {
    /// The row with this key in a table whose key is one column; that is the first of the columns.
    pub(super) async fn row(
        &self,
        action: &'static str,
        table: &'static Table,
        columns: &'static str,
        key: &ConnectionId,
    ) -> Result<Option<Row>, StoreError> {
        let driver = self.driver.clone();
        let read = move |wanted: Vec<String>| {
            let driver = driver.clone();
            async move {
                let mut keys = wanted.clone();
                keys.sort();
                keys.dedup();
                let keyed =
                    Keyed { table, columns, within: Vec::new(), column: table.key[0], keys, lock: false };
                let rows = driver.by_keys(action, keyed).await?;
                let of =
                    |key: &String| rows.iter().find(|row| row.first_text().as_ref() == Some(key)).cloned();
                Ok(wanted.iter().map(of).collect())
            }
        };
        self.gathered.rows.of(table).ask(key.as_str().to_owned(), read).await
    }

    /// The rows of a few records of a connection.
    pub(super) async fn few_records(
        &self,
        action: &'static str,
        table: &'static Table,
        columns: &'static str,
        connection: &ConnectionId,
        ids: Vec<String>,
    ) -> Result<Vec<Row>, StoreError> {
        let driver = self.driver.clone();
        let read = move |wanted: Vec<Wanted>| {
            let driver = driver.clone();
            async move {
                let mut pairs: Vec<(&str, &str)> =
                    wanted.iter().flat_map(|(of, ids)| ids.iter().map(|id| (&**of, &**id))).collect();
                pairs.sort_unstable();
                pairs.dedup();
                let mut found: Vec<(String, Row)> = Vec::new();
                for (sql, values) in of_pairs(D::DIALECT, table, columns, &pairs) {
                    for mut row in driver.query(action, &sql, values).await? {
                        found.push((row.text()?, row));
                    }
                }
                let is_of = |(of, ids): &Wanted, connection: &String, row: &Row| {
                    of == connection && row.first_text().is_some_and(|id| ids.contains(&id))
                };
                let rows_of = |wanted: &Wanted| {
                    let mine = found.iter().filter(|(connection, row)| is_of(wanted, connection, row));
                    mine.map(|(_, row)| row.clone()).collect()
                };
                Ok(wanted.iter().map(rows_of).collect())
            }
        };
        self.gathered.records.of(table).ask((connection.as_str().to_owned(), ids), read).await
    }

    /// Removes a notice, unless its claim was lost.
    pub(super) async fn remove_notice(&self, sequence: i64, token: i64) -> Result<(), StoreError> {
        let driver = self.driver.clone();
        let remove = move |told: Vec<(i64, i64)>| {
            let driver = driver.clone();
            async move {
                let condition = vec!["(sequence = ? AND token = ?)"; told.len().next_power_of_two()];
                let sql = format!("DELETE FROM mplus_order_notices WHERE {}", condition.join(" OR "));
                let values = repeated(&told, |(sequence, token)| [(*sequence).into(), (*token).into()]);
                driver.execute("acknowledge a notice", &sql, values).await?;
                Ok(vec![(); told.len()])
            }
        };
        self.gathered.acknowledged.ask((sequence, token), remove).await
    }
}

/// Whether a look-up may go along with others.
pub(super) fn are_few(ids: usize) -> bool {
    (1..=FEW).contains(&ids)
}

/// The statements that read records of several connections, each through the table's key; the connection is the first column.
fn of_pairs(
    dialect: Dialect,
    table: &Table,
    columns: &str,
    pairs: &[(&str, &str)],
) -> Vec<(String, Vec<SqlValue>)> {
    pairs.chunks(AT_ONCE).map(|pairs| of_some(dialect, table, columns, pairs)).collect()
}

fn of_some(
    dialect: Dialect,
    table: &Table,
    columns: &str,
    pairs: &[(&str, &str)],
) -> (String, Vec<SqlValue>) {
    let name = table.name;
    if dialect == Dialect::Postgres {
        let wanted = pairs.iter().map(|(connection, id)| json!({ "connection": connection, "id": id }));
        let wanted = serde_json::Value::Array(wanted.collect()).to_string();
        // Without the offset the planner may read a table from end to end that it takes for a small one.
        let sql = format!(
            "SELECT found.* FROM jsonb_to_recordset((?::text)::jsonb) AS wanted (connection text, id text) \
             CROSS JOIN LATERAL (SELECT connection, {columns} FROM {name} AS kept \
             WHERE kept.connection = wanted.connection AND kept.id = wanted.id OFFSET 0) AS found"
        );
        return (sql, vec![wanted.into()]);
    }
    let condition = vec!["(connection = ? AND id = ?)"; pairs.len().next_power_of_two()].join(" OR ");
    let sql = format!("SELECT connection, {columns} FROM {name} WHERE {condition}");
    (sql, repeated(pairs, |(connection, id)| [(*connection).into(), (*id).into()]))
}

/// The values of as many pairs as a power of two, the last one repeated: lists of all lengths make few statements.
fn repeated<T>(pairs: &[T], values: impl Fn(&T) -> [SqlValue; 2]) -> Vec<SqlValue> {
    let missing = pairs.len().next_power_of_two() - pairs.len();
    let last = pairs.last().into_iter().cycle().take(missing);
    pairs.iter().chain(last).flat_map(values).collect()
}

#[cfg(test)]
mod tests {
    use super::super::table;
    use super::*;

    fn line(now: DateTime<Utc>) -> Line {
        let connections = ["a", "b", "c"].map(ConnectionId::from).to_vec();
        Line { connections, is_long: true, asked_at: now }
    }

    #[test]
    fn a_line_is_kept_for_those_who_have_a_choice() {
        let (gathered, now) = (Gathered::default(), DateTime::UNIX_EPOCH);
        let request = ClaimRequest::new("w".into(), 2, now);
        gathered.keep_in_line(line(now));
        assert!(gathered.next_in_line(&request.clone().of("a".into()), now).is_none());
        assert_eq!(gathered.next_in_line(&request, now).map(|line| line.connections.len()), Some(3));
        assert!(gathered.next_in_line(&request, now).is_none(), "it was taken");
    }

    #[cfg(feature = "sqlite")]
    #[test]
    fn sqlite_takes_the_statements_for_as_many_records_as_may_be_asked_for_at_once() {
        let ids: Vec<String> = (0..1024).map(|id| id.to_string()).collect();
        let pairs: Vec<(&str, &str)> = ids.iter().map(|id| ("merchant", &**id)).collect();
        let database = rusqlite::Connection::open_in_memory().unwrap();
        let name = table::ITEMS.name;
        database.execute_batch(&format!("CREATE TABLE {name} (connection TEXT, id TEXT)")).unwrap();
        let statements = of_pairs(Dialect::Sqlite, &table::ITEMS, "id", &pairs);
        let asked: usize = statements.iter().map(|(_, values)| values.len() / 2).sum();
        assert_eq!(asked, 1024);
        for (sql, _) in statements {
            database.prepare(&sql).unwrap();
        }
    }
}
