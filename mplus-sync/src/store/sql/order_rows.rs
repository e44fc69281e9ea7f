//! An order in the outbox as a row.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{ConnectionId, Order, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind};
use crate::store::StoreError;

use super::driver::Transaction;
use super::value::{Row, SqlValue, marks, padded};
use super::write::Write;
use super::{format, notice_rows, table};

/// The columns of [`entry_of`], in its order.
pub(super) const COLUMNS: &str =
    "connection, sequence, number, body, progress, claims, due_at, queued_at, updated_at";

/// How an order's row is called that cannot be read.
pub(super) struct Named {
    pub(super) connection: String,
    pub(super) sequence: i64,
    pub(super) number: String,
}

impl Named {
    /// Of a row of an order's [`COLUMNS`].
    pub(super) fn of(row: &Row) -> Option<Self> {
        match row.0.as_slice() {
            [SqlValue::Text(connection), SqlValue::Integer(sequence), SqlValue::Text(number), ..] => {
                Some(Self { connection: connection.clone(), sequence: *sequence, number: number.clone() })
            }
            _ => None,
        }
    }
}

/// What the columns do not say of an entry.
#[derive(Serialize, Deserialize)]
struct Progress {
    state: OutboxState,
    attempts: u32,
    lost: u32,
    may_be_at_pos: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cut_off_at: Option<DateTime<Utc>>,
    waiting_since: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl Progress {
    fn of(entry: &OutboxEntry) -> Self {
        Self {
            state: entry.state.clone(),
            attempts: entry.attempts,
            lost: entry.lost,
            may_be_at_pos: entry.may_be_at_pos,
            cut_off_at: entry.cut_off_at,
            waiting_since: entry.waiting_since,
            note: entry.note.clone(),
            last_error: entry.last_error.clone(),
        }
    }
}

/// The text of a progress as it is after this state, where the rest of an order may not be readable.
pub(super) fn progress_in(
    text: &str,
    state: &OutboxState,
    now: DateTime<Utc>,
) -> Result<SqlValue, StoreError> {
    let read = format::from_json::<Progress>(text, "the state of", "an order");
    let (known, newer) = read.map_or((None, None), |(known, newer)| (Some(known), newer));
    let nothing = Progress {
        state: state.clone(),
        attempts: 0,
        lost: 0,
        // Nobody can tell.
        may_be_at_pos: true,
        cut_off_at: None,
        waiting_since: now,
        note: None,
        last_error: None,
    };
    let progress = known.map_or(nothing, |known| Progress { state: state.clone(), ..known });
    Ok(format::to_json(&progress, newer.as_ref())?.into())
}

/// Reads an entry from a row. The order's number stands in the error when it cannot be read.
pub(super) fn entry_of(mut row: Row) -> Result<OutboxEntry, StoreError> {
    let (connection, sequence, number) = (row.text()?, row.integer()?, row.text()?);
    let order: Order = format::read_whole(&row.text()?, "order", &number)?;
    let (progress, newer) = format::from_json::<Progress>(&row.text()?, "the state of order", &number)?;
    let claims = row.integer()?;
    let (due_at, queued_at, updated_at) = (row.time()?, row.time()?, row.time()?);
    let mut entry = OutboxEntry::queued(ConnectionId::from(connection), sequence, order, queued_at);
    entry.state = progress.state;
    entry.attempts = progress.attempts;
    entry.lost = progress.lost;
    entry.claims = claims;
    entry.may_be_at_pos = progress.may_be_at_pos;
    entry.cut_off_at = progress.cut_off_at;
    entry.due_at = due_at;
    entry.waiting_since = progress.waiting_since;
    entry.note = progress.note;
    entry.last_error = progress.last_error;
    entry.updated_at = updated_at;
    entry.newer = newer;
    Ok(entry)
}

/// The text that says what the columns do not.
pub(super) fn progress(entry: &OutboxEntry) -> Result<SqlValue, StoreError> {
    Ok(format::to_json(&Progress::of(entry), entry.newer.as_ref())?.into())
}

/// Writes claims over the rows that they were granted on, all in one statement: only the progress differs from one to the other,
/// and none of them tells the host anything.
pub(super) async fn save_claimed(
    transaction: &mut dyn Transaction,
    claimed: &[OutboxEntry],
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let set = "state = ?, due_at = ?, claims = claims + 1, updated_at = ?";
    let values = vec![OutboxStateKind::Sending.as_str().into(), until.into(), now.into()];
    save_alike(transaction, claimed, set, values).await
}

/// Writes that the POS has these orders over their rows, all in one statement, and adds what the host is to be told of it in another.
pub(super) async fn save_accepted(
    transaction: &mut dyn Transaction,
    accepted: &[OutboxEntry],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if accepted.is_empty() {
        return Ok(());
    }
    let set = "is_open = 0, parked = NULL, lane = NULL, state = ?, updated_at = ?";
    let values = vec![OutboxStateKind::Accepted.as_str().into(), now.into()];
    save_alike(transaction, accepted, set, values).await?;
    let notice = |entry: &OutboxEntry| {
        notice_rows::row_of(entry.connection.as_str(), entry.order.number.as_str(), now, &entry.state)
    };
    let notices = accepted.iter().map(notice).collect::<Result<_, _>>()?;
    transaction.write(Write::insert(&table::NOTICES, notices)).await
}

/// Writes entries over their rows of which only the progress differs from one to the other.
async fn save_alike(
    transaction: &mut dyn Transaction,
    entries: &[OutboxEntry],
    set: &str,
    mut values: Vec<SqlValue>,
) -> Result<(), StoreError> {
    let sequences = padded(entries.iter().map(|entry| entry.sequence.into()).collect());
    let progresses = padded(entries.iter().map(progress).collect::<Result<_, _>>()?);
    let sql = format!(
        "UPDATE mplus_outbox SET {set}, progress = CASE sequence{} END WHERE sequence IN {}",
        " WHEN ? THEN ?".repeat(sequences.len()),
        marks(sequences.len())
    );
    values.extend(
        sequences.iter().cloned().zip(progresses).flat_map(|(sequence, progress)| [sequence, progress]),
    );
    values.extend(sequences);
    transaction.execute(&sql, values).await.map(drop)
}

/// Writes an entry's next step over it, in a transaction that holds its row.
pub(super) async fn save(
    transaction: &mut dyn Transaction,
    before: &OutboxEntry,
    next: &OutboxEntry,
) -> Result<(), StoreError> {
    let kind = next.state.kind();
    let mut set = "is_open = ?, parked = NULL, lane = ?, state = ?, due_at = ?, claims = ?, updated_at = ?, progress = ?"
        .to_owned();
    let mut values = vec![
        kind.is_open().into(),
        next.order.lane().filter(|_| kind.is_open()).into(),
        kind.as_str().into(),
        next.due_at.into(),
        next.claims.into(),
        next.updated_at.into(),
        progress(next)?,
    ];
    if next.order != before.order {
        set += ", body = ?";
        values.push(format::to_new_json(&next.order)?.into());
    }
    if next.queued_at != before.queued_at {
        set += ", queued_at = ?";
        values.push(next.queued_at.into());
    }
    values.push(next.sequence.into());
    transaction.execute(&format!("UPDATE mplus_outbox SET {set} WHERE sequence = ?"), values).await?;
    if let Some(state) = next.tells_after(before) {
        let (connection, number) = (next.connection.as_str(), next.order.number.as_str());
        notice_rows::add(transaction, connection, number, next.updated_at, state).await?;
    }
    Ok(())
}

/// Reads one order's row.
pub(super) async fn find(
    transaction: &mut dyn Transaction,
    for_update: &str,
    connection: &ConnectionId,
    order: &OrderNumber,
) -> Result<Option<OutboxEntry>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM mplus_outbox WHERE connection = ? AND number = ?{for_update}");
    let values = vec![connection.as_str().into(), order.as_str().into()];
    let found = transaction.query(&sql, values).await?;
    found.into_iter().next().map(entry_of).transpose()
}
