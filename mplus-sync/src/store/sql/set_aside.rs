//! What this release cannot read is set aside with the format that it reads, so that it hides nothing else. A release that reads
//! more [takes it up](super::take_up) again.

use chrono::{DateTime, Utc};

use crate::model::{Activity, ActivityLevel, OutboxState};
use crate::store::StoreError;

use super::driver::Transaction;
use super::order_rows::Named;
use super::write::Write;
use super::{format, notice_rows, table};

/// Sets an order aside, and tells host and person of it. At its table it keeps its place.
pub(super) async fn order(
    transaction: &mut dyn Transaction,
    named: &Named,
    error: &StoreError,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sql = "UPDATE mplus_outbox SET is_open = 0, parked = ? WHERE sequence = ?";
    transaction.execute(sql, vec![format::version().into(), named.sequence.into()]).await?;
    let reason = format!(
        "order {} was set aside, for this release cannot read it ({error}): a newer release takes it up by itself; \
         otherwise queue it again once it was mended, or withdraw it",
        named.number
    );
    let activity = Activity {
        at: now,
        level: ActivityLevel::Error,
        topic: "orders".to_owned(),
        message: reason.clone(),
        subject: Some(named.number.clone()),
    };
    let row = vec![named.connection.as_str().into(), now.into(), format::to_new_json(&activity)?.into()];
    transaction.write(Write::insert(&table::ACTIVITIES, vec![row])).await?;
    let state = OutboxState::NeedsAttention { reason };
    notice_rows::add(transaction, &named.connection, &named.number, now, &state).await
}

/// Sets a run aside.
pub(super) async fn run(
    transaction: &mut dyn Transaction,
    connection: &str,
    kind: &str,
) -> Result<(), StoreError> {
    let sql = "UPDATE mplus_runs SET parked = ? WHERE connection = ? AND kind = ?";
    transaction.execute(sql, vec![format::version().into(), connection.into(), kind.into()]).await.map(drop)
}

/// Sets a notice aside. Its order's later ones wait for it.
pub(super) async fn notice(transaction: &mut dyn Transaction, sequence: i64) -> Result<(), StoreError> {
    let sql = "UPDATE mplus_order_notices SET parked = ? WHERE sequence = ?";
    transaction.execute(sql, vec![format::version().into(), sequence.into()]).await.map(drop)
}

/// Tells of a run or a notice that was set aside: a line of the merchant's activity log, and one of the process's.
pub(super) async fn tell(
    transaction: &mut dyn Transaction,
    connection: &str,
    topic: &str,
    message: String,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tracing::warn!(target: "mplus_sync", connection, %message, "something stored was set aside");
    let (level, topic) = (ActivityLevel::Error, topic.to_owned());
    let activity = Activity { at: now, level, topic, message, subject: None };
    let row = vec![connection.into(), now.into(), format::to_new_json(&activity)?.into()];
    transaction.write(Write::insert(&table::ACTIVITIES, vec![row])).await
}

/// What is said of a run.
pub(super) fn of_run(kind: &str, error: &StoreError) -> String {
    format!(
        "what is due of kind {kind} was set aside, for this release cannot read it ({error}): a newer release takes it up by itself; \
         whoever asks for it begins a new one"
    )
}

/// What is said of a notice.
pub(super) fn of_notice(order: &str, error: &StoreError) -> String {
    format!(
        "a notice of order {order} was set aside, for this release cannot read it ({error}), and later ones of the order wait: \
         a newer release takes it up by itself; otherwise look at the order, and discard what was set aside"
    )
}
