//! Whose turn it is: the merchants that have orders due, the one first that was served longest ago.

use chrono::{DateTime, Utc};

use crate::model::ConnectionId;
use crate::store::{ClaimRequest, StoreError};

use super::driver::Driver;
use super::value::none_of;
use super::{Dialect, SqlStore, limit, table};

/// How many merchants a claim looks at.
const MERCHANTS: usize = 256;
/// How many of them are looked at at once at least.
pub(super) const FEWEST: usize = 16;

/// Merchants that have something due, the one first that was served longest ago, as of a moment ago.
pub(crate) struct Line {
    pub(super) connections: Vec<ConnectionId>,
    /// Whether there may be more than these.
    pub(super) is_long: bool,
    pub(super) asked_at: DateTime<Utc>,
}

impl<D: Driver> SqlStore<D> {
    /// The merchants that have something due, the one first that was served longest ago.
    pub(super) async fn line(&self, request: &ClaimRequest, now: DateTime<Utc>) -> Result<Line, StoreError> {
        if let Some(connection) = &request.connection {
            let is_left_out = request.except.contains(connection);
            let connections = if is_left_out { Vec::new() } else { vec![connection.clone()] };
            return Ok(Line { connections, is_long: false, asked_at: now });
        }
        // Some may be taken by others, held, or have all their tables under way.
        let wanted =
            if request.limit < FEWEST { request.limit.saturating_mul(4).max(FEWEST) } else { MERCHANTS };
        let mut values = vec![now.into(), now.into(), now.into(), limit(request.at_once).into()];
        let others = none_of("merchant.connection", &request.except, &mut values);
        let by_state = D::DIALECT.by_index(&table::OUTBOX, "state");
        let sql = format!(
            "{} SELECT merchant.connection FROM merchant \
             LEFT JOIN mplus_order_turns AS t ON t.connection = merchant.connection \
             LEFT JOIN mplus_connections AS c ON c.id = merchant.connection \
             WHERE merchant.due_at IS NOT NULL AND coalesce(c.held, 0) = 0 AND coalesce(t.rests_until, 0) <= ? \
             AND (SELECT count(*) FROM mplus_outbox AS sent{by_state} WHERE sent.connection = merchant.connection \
                 AND sent.state = 'sending' AND sent.due_at > ?) < ?{others} \
             ORDER BY coalesce(t.turn, 0), merchant.due_at, merchant.connection LIMIT ?",
            merchants(D::DIALECT)
        );
        values.push(limit(wanted).into());
        let rows = self.driver.query("find whose turn it is", &sql, values).await?;
        let connections = rows.into_iter().map(|mut row| row.text().map(ConnectionId::from));
        let connections = connections.collect::<Result<Vec<_>, _>>()?;
        Ok(Line { is_long: connections.len() == MERCHANTS, connections, asked_at: now })
    }
}

/// That it is the turn of an order `due` at its table: an earlier one has ended, and nobody sends another one.
pub(super) fn has_its_turn(dialect: Dialect) -> String {
    let by_lane = dialect.by_index(&table::OUTBOX, "lane");
    format!(
        "(due.lane IS NULL OR NOT EXISTS (SELECT 1 FROM mplus_outbox AS other{by_lane} \
         WHERE other.connection = due.connection AND other.lane = due.lane AND other.lane IS NOT NULL \
         AND (other.sequence < due.sequence OR (other.state = 'sending' AND other.sequence <> due.sequence))))"
    )
}

/// The merchants that have an open order, and since when the first of each is due that may be claimed: the table `merchant` of a
/// statement, for one value. One whose orders all wait for others at their tables is in nobody's way.
fn merchants(dialect: Dialect) -> String {
    let by_open = dialect.by_index(&table::OUTBOX, "open");
    let has_its_turn = has_its_turn(dialect);
    let first = format!(
        "(SELECT due.due_at FROM mplus_outbox AS due{by_open} WHERE due.is_open = 1 \
         AND due.connection = open_merchant.connection AND due.due_at <= ? AND {has_its_turn} \
         ORDER BY due.due_at LIMIT 1)"
    );
    // Postgres would look for the first one where it is needed, which is twice.
    let once = if dialect == Dialect::Postgres { "MATERIALIZED " } else { "" };
    match dialect {
        Dialect::Sqlite | Dialect::Postgres => format!(
            "WITH RECURSIVE open_merchant (connection) AS ( \
             SELECT (SELECT o.connection FROM mplus_outbox AS o WHERE o.is_open = 1 \
                 ORDER BY o.connection LIMIT 1) \
             UNION ALL \
             SELECT (SELECT o.connection FROM mplus_outbox AS o \
                 WHERE o.is_open = 1 AND o.connection > open_merchant.connection ORDER BY o.connection LIMIT 1) \
             FROM open_merchant WHERE open_merchant.connection IS NOT NULL), \
             merchant (connection, due_at) AS {once}( \
             SELECT connection, {first} FROM open_merchant WHERE connection IS NOT NULL)"
        ),
        // There every step from one merchant to the next would look at all open orders: the value of an outer row is no bound of
        // a range. One look at their index serves all.
        Dialect::MySql => format!(
            "WITH open_merchant (connection) AS ( \
             SELECT connection FROM mplus_outbox{by_open} WHERE is_open = 1 GROUP BY connection), \
             merchant (connection, due_at) AS (SELECT connection, {first} FROM open_merchant)"
        ),
    }
}
