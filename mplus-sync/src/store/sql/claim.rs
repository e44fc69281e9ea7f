//! Claiming orders, fairly among merchants.
//!
//! Whoever claims goes around the merchants that have something due, the one first that was served longest ago, and takes one
//! order of each before it takes a second of any. When a merchant was last served stands in `mplus_order_turns`; the row is
//! locked while their orders are claimed, so that two never look at the same merchant at once: the bound on what is under way and
//! the order at a table hold over all processes. Merchants are found through the index of open orders, where the database can by
//! skipping from one to the next, whatever their backlogs.

use chrono::{DateTime, Utc};

use crate::model::{ConnectionId, OutboxEntry};
use crate::store::{ClaimRequest, StoreError, Wake, WakeUp};

use super::driver::{Driver, Transaction, in_transaction};
use super::order_rows::{COLUMNS, Named, entry_of, save_claimed};
use super::value::{SqlValue, marks, none_of, padded};
use super::{Dialect, SqlStore, limit, set_aside, table};

const ACTION: &str = "claim orders";

/// How many merchants a claim looks at.
const MERCHANTS: usize = 256;

/// A merchant whose turn it is.
struct Turn {
    connection: ConnectionId,
    turn: i64,
    /// How many more may be under way.
    room: usize,
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn claim_orders(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<OutboxEntry>, StoreError> {
        if request.limit == 0 || !self.anything_due(request, now).await? {
            return Ok(Vec::new());
        }
        let candidates = self.candidates(request, now).await?;
        if candidates.is_empty() {
            return Ok(Vec::new());
        }
        let (claimed, told) = in_transaction!(self.driver, ACTION, |transaction| {
            let mut told = false;
            claim(transaction, D::DIALECT, &candidates, request, now, &mut told)
                .await
                .map(|claimed| (claimed, told))
        })?;
        if told {
            self.wake(Wake::Notices);
        }
        Ok(claimed)
    }

    /// Whether anything is due at all: what an idle process asks.
    async fn anything_due(&self, request: &ClaimRequest, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let mut sql = "SELECT 1 FROM mplus_outbox WHERE is_open = 1 AND due_at <= ?".to_owned();
        let mut values = vec![now.into()];
        if let Some(connection) = &request.connection {
            sql += " AND connection = ?";
            values.push(connection.as_str().into());
        }
        sql += &none_of("connection", &request.except, &mut values);
        Ok(!self.driver.query(ACTION, &(sql + " LIMIT 1"), values).await?.is_empty())
    }

    /// The merchants that have something due, the one first that was served longest ago.
    async fn candidates(
        &self,
        request: &ClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        if let Some(connection) = &request.connection {
            let is_left_out = request.except.contains(connection);
            return Ok(if is_left_out { Vec::new() } else { vec![connection.clone()] });
        }
        // Some may be taken by others, held, or have all their tables under way.
        let wanted = request.limit.saturating_mul(2).clamp(16, MERCHANTS);
        let mut values = vec![now.into(), now.into(), now.into(), limit(request.at_once).into()];
        let others = none_of("merchant.connection", &request.except, &mut values);
        let sql = format!(
            "{} SELECT merchant.connection FROM merchant \
             LEFT JOIN mplus_order_turns AS t ON t.connection = merchant.connection \
             LEFT JOIN mplus_connections AS c ON c.id = merchant.connection \
             WHERE merchant.due_at IS NOT NULL AND coalesce(c.held, 0) = 0 AND coalesce(t.rests_until, 0) <= ? \
             AND (SELECT count(*) FROM mplus_outbox AS sent WHERE sent.connection = merchant.connection \
                 AND sent.state = 'sending' AND sent.due_at > ?) < ?{others} \
             ORDER BY coalesce(t.turn, 0), merchant.due_at, merchant.connection LIMIT ?",
            merchants(D::DIALECT)
        );
        values.push(limit(wanted).into());
        let rows = self.driver.query(ACTION, &sql, values).await?;
        rows.into_iter().map(|mut row| row.text().map(ConnectionId::from)).collect()
    }
}

/// That it is the turn of an order `due` at its table: an earlier one has ended, and nobody sends another one.
pub(super) const HAS_ITS_TURN: &str = "(due.lane IS NULL OR NOT EXISTS (SELECT 1 FROM mplus_outbox AS other \
     WHERE other.connection = due.connection AND other.lane = due.lane AND other.lane IS NOT NULL \
     AND (other.sequence < due.sequence OR (other.state = 'sending' AND other.sequence <> due.sequence))))";

/// The merchants that have an open order, and since when the first of each is due that may be claimed: the table `merchant` of a
/// statement, for one value. One whose orders all wait for others at their tables is in nobody's way.
fn merchants(dialect: Dialect) -> String {
    let first = format!(
        "(SELECT due.due_at FROM mplus_outbox AS due WHERE due.is_open = 1 \
         AND due.connection = open_merchant.connection AND due.due_at <= ? AND {HAS_ITS_TURN} \
         ORDER BY due.due_at LIMIT 1)"
    );
    match dialect {
        Dialect::Sqlite | Dialect::Postgres => format!(
            "WITH RECURSIVE open_merchant (connection) AS ( \
             SELECT min(connection) FROM mplus_outbox WHERE is_open = 1 \
             UNION ALL \
             SELECT (SELECT min(o.connection) FROM mplus_outbox AS o \
                 WHERE o.is_open = 1 AND o.connection > open_merchant.connection) \
             FROM open_merchant WHERE open_merchant.connection IS NOT NULL), \
             merchant (connection, due_at) AS ( \
             SELECT connection, {first} FROM open_merchant WHERE connection IS NOT NULL)"
        ),
        // There every step from one merchant to the next would look at all open orders: the value of an outer row is no bound of
        // a range. One look at their index serves all.
        Dialect::MySql => format!(
            "WITH open_merchant (connection) AS ( \
             SELECT connection FROM mplus_outbox WHERE is_open = 1 GROUP BY connection), \
             merchant (connection, due_at) AS (SELECT connection, {first} FROM open_merchant)"
        ),
    }
}

async fn claim(
    transaction: &mut dyn Transaction,
    dialect: Dialect,
    candidates: &[ConnectionId],
    request: &ClaimRequest,
    now: DateTime<Utc>,
    told: &mut bool,
) -> Result<Vec<OutboxEntry>, StoreError> {
    let turns = take_turns(transaction, dialect, candidates, request, now).await?;
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let mut due = due_of(transaction, dialect, &turns, request, now, told).await?;
    // Round by round, in the order of the turns.
    due.sort_by_key(|(place, round, _)| (*round, *place));
    due.truncate(request.limit);
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let mut claimed = Vec::with_capacity(due.len());
    let mut served = vec![false; turns.len()];
    for (place, _, entry) in due {
        served[place] = true;
        claimed.push(entry.claimed(&request.worker, request.until, now));
    }
    save_claimed(transaction, &claimed, request.until, now).await?;
    give_turns(transaction, &turns, &served).await?;
    Ok(claimed)
}

/// Locks the turns of merchants that nobody else is looking at, in the order of the candidates.
async fn take_turns(
    transaction: &mut dyn Transaction,
    dialect: Dialect,
    candidates: &[ConnectionId],
    request: &ClaimRequest,
    now: DateTime<Utc>,
) -> Result<Vec<Turn>, StoreError> {
    let names = padded(candidates.iter().map(|connection| connection.as_str().into()).collect());
    // Whoever claims for one merchant alone waits for the other one; whoever has a choice passes on.
    let lock = match request.connection {
        Some(_) => dialect.for_update(),
        None => dialect.for_update_skip_locked(),
    };
    let sql = format!(
        "SELECT connection, turn, rests_until FROM mplus_order_turns WHERE connection IN {}{lock}",
        marks(names.len())
    );
    let mut found = transaction.query(&sql, names.clone()).await?;
    // A row that another holds is left alone; those that are not there yet are made.
    let missing = match found.len() < candidates.len() {
        true => without_turn(transaction, candidates, names.clone()).await?,
        false => Vec::new(),
    };
    if !missing.is_empty() {
        let insert = format!(
            "INSERT INTO mplus_order_turns (connection, turn) VALUES (?, 0){}",
            dialect.unless_there(table::TURNS.key)
        );
        for connection in missing {
            transaction.execute(&insert, vec![connection.as_str().into()]).await?;
        }
        found = transaction.query(&sql, names).await?;
    }
    let mut turns = Vec::with_capacity(found.len());
    for mut row in found {
        let (connection, turn, rests_until) =
            (ConnectionId::from(row.text()?), row.integer()?, row.optional_time()?);
        if rests_until.is_none_or(|until| until <= now) {
            turns.push(Turn { connection, turn, room: 0 });
        }
    }
    let place = |connection: &ConnectionId| candidates.iter().position(|one| one == connection);
    turns.sort_by_key(|turn| place(&turn.connection));
    look_for_room(transaction, &mut turns, request, now).await?;
    Ok(turns)
}

/// The candidates that were never served, in the order of their identifiers: two who make the rows never wait for each other in a circle.
async fn without_turn<'c>(
    transaction: &mut dyn Transaction,
    candidates: &'c [ConnectionId],
    names: Vec<SqlValue>,
) -> Result<Vec<&'c ConnectionId>, StoreError> {
    let sql = format!("SELECT connection FROM mplus_order_turns WHERE connection IN {}", marks(names.len()));
    let mut served = Vec::new();
    for mut row in transaction.query(&sql, names).await? {
        served.push(row.text()?);
    }
    let mut missing: Vec<&ConnectionId> = candidates
        .iter()
        .filter(|connection| !served.iter().any(|served| served == connection.as_str()))
        .collect();
    missing.sort();
    Ok(missing)
}

/// Finds how many more orders of each merchant may be under way, and leaves those out that are held or full.
async fn look_for_room(
    transaction: &mut dyn Transaction,
    turns: &mut Vec<Turn>,
    request: &ClaimRequest,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if turns.is_empty() {
        return Ok(());
    }
    let names = padded(turns.iter().map(|turn| turn.connection.as_str().into()).collect());
    let sql = format!("SELECT id FROM mplus_connections WHERE held = 1 AND id IN {}", marks(names.len()));
    let mut held = Vec::new();
    for mut row in transaction.query(&sql, names.clone()).await? {
        held.push(row.text()?);
    }
    let mut under_way = Vec::new();
    if request.at_once < usize::MAX {
        let sql = format!(
            "SELECT connection, count(*) FROM mplus_outbox WHERE connection IN {} AND state = 'sending' \
             AND due_at > ? GROUP BY connection",
            marks(names.len())
        );
        let values = names.into_iter().chain([now.into()]).collect();
        for mut row in transaction.query(&sql, values).await? {
            under_way.push((row.text()?, row.count()?));
        }
    }
    for turn in turns.iter_mut() {
        let name = turn.connection.as_str();
        let count =
            under_way.iter().find(|(connection, _)| connection == name).map_or(0, |(_, count)| *count);
        turn.room = match held.iter().any(|held| held == name) {
            true => 0,
            false => request.at_once.saturating_sub(usize::try_from(count).unwrap_or(usize::MAX)),
        };
    }
    turns.retain(|turn| turn.room > 0);
    Ok(())
}

/// What is due of the merchants, each with the merchant's place and the round that it is in. Sets aside what cannot be read.
async fn due_of(
    transaction: &mut dyn Transaction,
    dialect: Dialect,
    turns: &[Turn],
    request: &ClaimRequest,
    now: DateTime<Utc>,
    told: &mut bool,
) -> Result<Vec<(usize, usize, OutboxEntry)>, StoreError> {
    let each = request.limit.div_ceil(turns.len()).max(1);
    let mut found = Vec::new();
    // Merchants with little leave room for others: those are asked again for more.
    let mut wanted = each;
    loop {
        found.clear();
        let mut parked = false;
        let mut full = false;
        for (place, rows) in rows_of(transaction, dialect, turns, wanted, now).await?.into_iter().enumerate()
        {
            full |= rows.len() == wanted.min(turns[place].room);
            let mut lanes: Vec<String> = Vec::new();
            let mut round = 0;
            for row in rows {
                let Some(named) = Named::of(&row) else { continue };
                match entry_of(row) {
                    Ok(entry) => {
                        // Of two orders of one table, only the first.
                        if let Some(lane) = entry.order.lane() {
                            if lanes.contains(&lane) {
                                continue;
                            }
                            lanes.push(lane);
                        }
                        found.push((place, round, entry));
                        round += 1;
                    }
                    Err(error) => {
                        set_aside::order(transaction, &named, &error, now).await?;
                        (parked, *told) = (true, true);
                    }
                }
            }
        }
        if !parked && (found.len() >= request.limit || !full || wanted >= request.limit) {
            return Ok(found);
        }
        if !parked {
            wanted = wanted.saturating_mul(4).min(request.limit);
        }
    }
}

/// The first rows that are due of each merchant, in one statement.
async fn rows_of(
    transaction: &mut dyn Transaction,
    dialect: Dialect,
    turns: &[Turn],
    wanted: usize,
    now: DateTime<Utc>,
) -> Result<Vec<Vec<super::value::Row>>, StoreError> {
    let (sql, values) = match dialect {
        Dialect::Postgres => of_each(turns, wanted, now),
        Dialect::Sqlite | Dialect::MySql => union(dialect, turns, wanted, now),
    };
    let mut rows: Vec<Vec<super::value::Row>> = turns.iter().map(|_| Vec::new()).collect();
    for row in transaction.query(&sql, values).await? {
        if let Some(SqlValue::Integer(place)) = row.0.as_slice().last()
            && let Some(rows) = usize::try_from(*place).ok().and_then(|place| rows.get_mut(place))
        {
            rows.push(row);
        }
    }
    for rows in &mut rows {
        let number = |row: &super::value::Row, column: usize| match row.0.as_slice().get(column) {
            Some(SqlValue::Integer(number)) => *number,
            _ => i64::MAX,
        };
        // When it is due, and its sequence.
        rows.sort_by_key(|row| (number(row, 6), number(row, 1)));
    }
    Ok(rows)
}

/// A statement with a member for each merchant: as many as a power of two, so that few are prepared. Members have numbers only: MariaDB
/// writes what a member finds into a table of its own, which is a file when there is a text in it.
fn union(dialect: Dialect, turns: &[Turn], wanted: usize, now: DateTime<Utc>) -> (String, Vec<SqlValue>) {
    let mut members = Vec::with_capacity(turns.len());
    let mut values = Vec::with_capacity(turns.len() * 3);
    for place in 0..turns.len().next_power_of_two() {
        let (connection, room) =
            turns.get(place).map_or(("", 0), |turn| (turn.connection.as_str(), turn.room));
        let select = format!(
            "SELECT due.sequence, {place} AS place FROM mplus_outbox AS due \
             WHERE is_open = 1 AND connection = ? AND due_at <= ? AND {HAS_ITS_TURN} \
             ORDER BY due_at, sequence LIMIT ?"
        );
        members.push(dialect.member(&select, place));
        values.extend([connection.into(), now.into(), limit(wanted.min(room)).into()]);
    }
    let columns: Vec<String> = COLUMNS.split(", ").map(|column| format!("o.{column}")).collect();
    let sql = format!(
        "SELECT {}, found.place FROM ({}) AS found JOIN mplus_outbox AS o ON o.sequence = found.sequence",
        columns.join(", "),
        members.join(" UNION ALL ")
    );
    (sql, values)
}

/// One statement for however many merchants. Postgres would plan the members of a union one by one, on every connection anew, and spend
/// more time on that than on the orders.
fn of_each(turns: &[Turn], wanted: usize, now: DateTime<Utc>) -> (String, Vec<SqlValue>) {
    let merchant = |(place, turn): (usize, &Turn)| {
        serde_json::json!({
            "connection": turn.connection.as_str(), "room": limit(wanted.min(turn.room)), "place": place,
        })
    };
    let merchants = serde_json::Value::Array(turns.iter().enumerate().map(merchant).collect());
    let sql = format!(
        "SELECT found.*, merchant.place FROM jsonb_to_recordset((?::text)::jsonb) \
         AS merchant (connection text, room bigint, place bigint) CROSS JOIN LATERAL \
         (SELECT {COLUMNS} FROM mplus_outbox AS due \
         WHERE due.is_open = 1 AND due.connection = merchant.connection AND due.due_at <= ? AND {HAS_ITS_TURN} \
         ORDER BY due.due_at, due.sequence LIMIT merchant.room) AS found"
    );
    (sql, vec![merchants.to_string().into(), now.into()])
}

/// Sends the merchants that were served to the end of the line.
async fn give_turns(
    transaction: &mut dyn Transaction,
    turns: &[Turn],
    served: &[bool],
) -> Result<(), StoreError> {
    let names: Vec<SqlValue> = turns
        .iter()
        .zip(served)
        .filter(|(_, served)| **served)
        .map(|(turn, _)| turn.connection.as_str().into())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let rows = transaction.query("SELECT coalesce(max(turn), 0) FROM mplus_order_turns", Vec::new()).await?;
    let last = rows.into_iter().next().map_or(Ok(0), |mut row| row.integer())?;
    let names = padded(names);
    let next = turns.iter().map(|turn| turn.turn).max().unwrap_or(0).max(last) + 1;
    let sql = format!("UPDATE mplus_order_turns SET turn = ? WHERE connection IN {}", marks(names.len()));
    transaction.execute(&sql, [SqlValue::from(next)].into_iter().chain(names).collect()).await.map(drop)
}
