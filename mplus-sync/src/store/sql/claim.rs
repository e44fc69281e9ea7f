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
use super::line::{FEWEST, has_its_turn};
use super::order_rows::{COLUMNS, Named, entry_of, save_claimed};
use super::value::{SqlValue, marks, none_of, padded};
use super::{Dialect, SqlStore, limit, set_aside, table};

const ACTION: &str = "claim orders";

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
        let mut line = match self.gathered.next_in_line(request, now) {
            Some(line) => line,
            None => self.line(request, now).await?,
        };
        if line.connections.is_empty() {
            return Ok(Vec::new());
        }
        let (claimed, looked_at, told) = in_transaction!(self.driver, ACTION, |transaction| {
            let mut told = false;
            claim(transaction, D::DIALECT, &line.connections, request, now, &mut told)
                .await
                .map(|(claimed, looked_at)| (claimed, looked_at, told))
        })?;
        if line.is_long {
            line.connections.drain(..looked_at);
            self.gathered.keep_in_line(line);
        }
        if told {
            self.wake(Wake::Notices);
        }
        Ok(claimed)
    }

    /// Whether anything is due at all: what an idle process asks.
    async fn anything_due(&self, request: &ClaimRequest, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let index = if request.connection.is_some() { "open" } else { "due" };
        let by_index = D::DIALECT.by_index(&table::OUTBOX, index);
        let mut sql =
            format!("SELECT 1 FROM mplus_outbox{by_index} WHERE {} AND due_at <= ?", table::OPEN_BY_TIME);
        let mut values = vec![now.into()];
        if let Some(connection) = &request.connection {
            sql += " AND connection = ?";
            values.push(connection.as_str().into());
        }
        sql += &none_of("connection", &request.except, &mut values);
        Ok(!self.driver.query(ACTION, &(sql + " LIMIT 1"), values).await?.is_empty())
    }
}

async fn claim(
    transaction: &mut dyn Transaction,
    dialect: Dialect,
    candidates: &[ConnectionId],
    request: &ClaimRequest,
    now: DateTime<Utc>,
    told: &mut bool,
) -> Result<(Vec<OutboxEntry>, usize), StoreError> {
    // Some may be locked by others, or have no room: then it is the turn of those behind them, who are looked at only then. Whoever
    // else claims in this moment finds those that are left.
    let (mut turns, mut looked_at) = (Vec::new(), 0);
    for some in candidates.chunks(request.limit.max(FEWEST)) {
        looked_at += some.len();
        turns.extend(take_turns(transaction, dialect, some, request, now).await?);
        if turns.len() >= request.limit {
            break;
        }
    }
    if turns.is_empty() {
        return Ok((Vec::new(), looked_at));
    }
    let mut due = due_of(transaction, dialect, &turns, request, now, told).await?;
    // Round by round, in the order of the turns.
    due.sort_by_key(|(place, round, _)| (*round, *place));
    due.truncate(request.limit);
    if due.is_empty() {
        return Ok((Vec::new(), looked_at));
    }
    let mut claimed = Vec::with_capacity(due.len());
    let mut served = vec![false; turns.len()];
    for (place, _, entry) in due {
        served[place] = true;
        claimed.push(entry.claimed(&request.worker, request.until, now));
    }
    save_claimed(transaction, &claimed, request.until, now).await?;
    give_turns(transaction, &turns, &served).await?;
    Ok((claimed, looked_at))
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
        let missing = padded(missing.into_iter().map(|connection| connection.as_str().into()).collect());
        let insert = format!(
            "INSERT INTO mplus_order_turns (connection, turn) VALUES {}{}",
            vec!["(?, 0)"; missing.len()].join(", "),
            dialect.unless_there(table::TURNS.key)
        );
        transaction.execute(&insert, missing).await?;
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
    look_for_room(transaction, dialect, &mut turns, request, now).await?;
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
    dialect: Dialect,
    turns: &mut Vec<Turn>,
    request: &ClaimRequest,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if turns.is_empty() {
        return Ok(());
    }
    let names = padded(turns.iter().map(|turn| turn.connection.as_str().into()).collect());
    // After the turns are locked: a claim that has just ended counts.
    let by_state = dialect.by_index(&table::OUTBOX, "state");
    let sql = format!(
        "SELECT t.connection, coalesce(c.held, 0), (SELECT count(*) FROM mplus_outbox AS sent{by_state} \
             WHERE sent.connection = t.connection AND sent.state = 'sending' AND sent.due_at > ?) \
         FROM mplus_order_turns AS t LEFT JOIN mplus_connections AS c ON c.id = t.connection \
         WHERE t.connection IN {}",
        marks(names.len())
    );
    let values = [now.into()].into_iter().chain(names).collect();
    for mut row in transaction.query(&sql, values).await? {
        let (connection, is_held, under_way) = (row.text()?, row.yes()?, row.count()?);
        if let Some(turn) = turns.iter_mut().find(|turn| turn.connection.as_str() == connection) {
            let under_way = usize::try_from(under_way).unwrap_or(usize::MAX);
            turn.room = if is_held { 0 } else { request.at_once.saturating_sub(under_way) };
        }
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
    let (by_open, has_its_turn) = (dialect.by_index(&table::OUTBOX, "open"), has_its_turn(dialect));
    let mut members = Vec::with_capacity(turns.len());
    let mut values = Vec::with_capacity(turns.len() * 3);
    for place in 0..turns.len().next_power_of_two() {
        let (connection, room) =
            turns.get(place).map_or(("", 0), |turn| (turn.connection.as_str(), turn.room));
        let select = format!(
            "SELECT due.sequence, {place} AS place FROM mplus_outbox AS due{by_open} \
             WHERE is_open = 1 AND connection = ? AND due_at <= ? AND {has_its_turn} \
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
         WHERE due.is_open = 1 AND due.connection = merchant.connection AND due.due_at <= ? AND {} \
         ORDER BY due.due_at, due.sequence LIMIT merchant.room) AS found",
        has_its_turn(Dialect::Postgres)
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
