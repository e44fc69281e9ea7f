//! One claimed order on its way.

use chrono::TimeDelta;
use tracing::Instrument;

use crate::cancel::CancelToken;
use crate::model::{OutboxEntry, Outcome, Waiting};
use crate::orders::WorkerReport;

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
