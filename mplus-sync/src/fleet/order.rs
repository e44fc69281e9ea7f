//! One claimed order on its way.

use chrono::TimeDelta;
use tracing::Instrument;

use crate::cancel::CancelToken;
use crate::connection::OpenError;
use crate::model::{Activity, ActivityLevel, OutboxEntry, Outcome, Waiting};
use crate::orders::WorkerReport;
use crate::store::StoreErrorKind;

use super::observe;
use super::process::Process;
use super::report::FleetReport;

/// How long an order waits whose merchant cannot be taken up now.
const AGAIN: TimeDelta = TimeDelta::seconds(15);

/// Brings a claimed order as far as it gets. One that is cut off is given back at once: whoever takes it up looks for it at
/// the POS first.
pub(super) async fn forward(process: &Process, entry: OutboxEntry, cut: &CancelToken) -> FleetReport {
    let runtime = process.host.runtime();
    let began = runtime.now();
    observe::order_claimed(&entry, began);
    let (claim, span) = (entry.claim(), observe::order_span(&entry));
    let work = async {
        match process.merchants.open(&entry.connection).await {
            Ok(merchant) => merchant.worker.forward(entry).await,
            Err(OpenError::Store(error)) if error.kind() == StoreErrorKind::Corrupt => {
                leave_to_person(process, entry, error.to_string()).await
            }
            Err(error) => put_off(process, entry, error.to_string()).await,
        }
    };
    match cut.stop_or(work.instrument(span)).await {
        Ok(orders) => {
            observe::order_ended(&orders, runtime.now() - began);
            FleetReport { orders, ..FleetReport::default() }
        }
        Err(_) => {
            // One that cannot be given back ends by itself.
            let _ = process.host.store().extend_claim(&claim, runtime.now()).await;
            FleetReport { orders_given_back: 1, ..FleetReport::default() }
        }
    }
}

/// Ends the wait of an order whose merchant's settings or credentials cannot be read: they do not become readable by themselves.
async fn leave_to_person(process: &Process, entry: OutboxEntry, error: String) -> WorkerReport {
    let (store, now) = (process.host.store(), process.host.runtime().now());
    let reason = format!("order {} was not sent: {error}", entry.order.number);
    let may_be_at_pos = entry.may_be_at_pos;
    let outcome = Outcome::NeedsAttention { reason: reason.clone(), may_be_at_pos };
    if store.finish(&entry.claim(), outcome, now).await.is_err() {
        // The claim ends by itself.
        return WorkerReport { store_failures: 1, ..WorkerReport::default() };
    }
    let activity = Activity {
        at: now,
        level: ActivityLevel::Error,
        topic: "orders".to_owned(),
        message: reason,
        subject: Some(entry.order.number.to_string()),
    };
    // The order's own state says the same.
    let _ = store.log(&entry.connection, &[activity]).await;
    WorkerReport { needs_attention: 1, ..WorkerReport::default() }
}

/// Puts off an order whose merchant was disconnected meanwhile, or whose credentials cannot be read now.
async fn put_off(process: &Process, entry: OutboxEntry, error: String) -> WorkerReport {
    let now = process.host.runtime().now();
    let may_be_at_pos = entry.may_be_at_pos;
    let outcome = Outcome::Wait { why: Waiting::Resting, at: now + AGAIN, error, may_be_at_pos };
    match process.host.store().finish(&entry.claim(), outcome, now).await {
        Ok(()) => WorkerReport { retried: 1, ..WorkerReport::default() },
        // The claim ends by itself.
        Err(_) => WorkerReport { store_failures: 1, ..WorkerReport::default() },
    }
}
