//! Attempts that have ended at the same time, recorded in one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::model::{OrderStep, OutboxEntry, OutboxStateKind};
use crate::store::{Finished, StoreError, StoreErrorKind};

use super::driver::Transaction;
use super::order_rows::{COLUMNS, Named, entry_of, save, save_accepted};
use super::value::{marks, padded};

/// Records how attempts ended; says as well whether the host is to be told of any.
pub(super) async fn finish_all(
    transaction: &mut dyn Transaction,
    for_update: &str,
    finished: &[Finished],
    now: DateTime<Utc>,
) -> Result<(Vec<Result<(), StoreError>>, bool), StoreError> {
    let mut entries = find_all(transaction, for_update, finished).await?;
    let (mut recorded, mut accepted, mut told) = (Vec::with_capacity(finished.len()), Vec::new(), false);
    for one in finished {
        let step = OrderStep::Finish { claim: &one.claim, outcome: &one.outcome, now };
        let refused = |kind| StoreError::new(kind, format!("{} {}", step.action(), one.claim.order));
        let is_its = |entry: &OutboxEntry| {
            entry.connection == one.claim.connection && entry.order.number == one.claim.order
        };
        let found = match entries.remove(&one.sequence) {
            Some(Ok(found)) if is_its(&found) => found,
            Some(Err(unreadable)) => {
                recorded.push(Err(unreadable));
                continue;
            }
            _ => {
                recorded.push(Err(refused(StoreErrorKind::NotFound)));
                continue;
            }
        };
        let next = match step.carry_out(found.clone()) {
            Ok(next) => next,
            Err(why) => {
                recorded.push(Err(refused(StoreErrorKind::Conflict).with_source(why)));
                entries.insert(one.sequence, Ok(found));
                continue;
            }
        };
        recorded.push(Ok(()));
        // One that was claimed twice may be there twice.
        entries.insert(one.sequence, Ok(next.clone()));
        told |= next.tells_after(&found).is_some();
        if next != found && next.state.kind() == OutboxStateKind::Accepted {
            accepted.push(next);
        } else if next != found {
            save(transaction, &found, &next).await?;
        }
    }
    save_accepted(transaction, &accepted, now).await?;
    Ok((recorded, told))
}

/// Reads the rows of orders whose attempts have ended, by their sequences.
async fn find_all(
    transaction: &mut dyn Transaction,
    for_update: &str,
    finished: &[Finished],
) -> Result<BTreeMap<i64, Result<OutboxEntry, StoreError>>, StoreError> {
    let sequences = padded(finished.iter().map(|one| one.sequence.into()).collect());
    let sql = format!(
        "SELECT {COLUMNS} FROM mplus_outbox WHERE sequence IN {} ORDER BY sequence{for_update}",
        marks(sequences.len())
    );
    let mut entries = BTreeMap::new();
    for row in transaction.query(&sql, sequences).await? {
        if let Some(named) = Named::of(&row) {
            entries.insert(named.sequence, entry_of(row));
        }
    }
    Ok(entries)
}
