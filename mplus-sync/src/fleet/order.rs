//! One claimed order on its way.

use std::convert::Infallible;
use std::pin::pin;

use chrono::TimeDelta;
use futures_util::future::{Either, select};
use tracing::Instrument;

use crate::cancel::CancelToken;
use crate::connection::OpenError;
use crate::model::{Activity, ActivityLevel, ConnectionId, OutboxEntry, Outcome, Waiting};
use crate::orders::{Heard, SubmitError, WorkerReport};
use crate::store::{StoreError, StoreErrorKind, Wake};

use super::due::pause;
use super::left_out::is_unreadable;
use super::process::Process;
use super::report::FleetReport;
use super::settings::span;
use super::silent::{After, Turn, Waits};
use super::{observe, trouble};

/// How long an order waits whose merchant cannot be taken up now.
const AGAIN: TimeDelta = TimeDelta::seconds(15);

/// Brings a claimed order as far as it gets. One that is cut off is given back at once: whoever takes it up looks for it at
/// the POS, and does not send it again as long as the POS may be at work on the call that was cut off.
pub(super) async fn forward(process: &Process, entry: OutboxEntry, cut: &CancelToken) -> FleetReport {
    let turn = match process.silent.turn(&entry.connection) {
        Ok(turn) => turn,
        Err(why) => return wait_for_others(process, entry, why).await,
    };
    let (store, runtime) = (process.host.store(), process.host.runtime());
    let began = runtime.now();
    observe::order_claimed(&entry, began);
    let connection = entry.connection.clone();
    if turn.is_probe() {
        // Others of the merchant wait for what comes of it, in all processes.
        let_rest(process, &connection, span(process.settings.claim)).await;
    }
    let (claim, span) = (entry.claim(), observe::order_span(&entry));
    let work = async {
        match process.merchants.open(&entry.connection).await {
            Ok(merchant) => merchant.worker.forward_hearing(entry).await,
            Err(error) if is_unreadable(&error) => {
                (leave_to_others(process, entry, &error).await, Heard::Nothing)
            }
            Err(error) => {
                trouble::cannot_be_opened(process, &entry.connection, &error).await;
                let report = match has_waited_for_nobody(process, &entry).await {
                    true => leave_to_person(process, entry, error.to_string()).await,
                    false => wait_for_host(process, entry, error).await,
                };
                (report, Heard::Nothing)
            }
        }
    };
    let work = async {
        match turn.is_probe() {
            true => while_others_rest(process, &connection, work).await,
            false => work.await,
        }
    };
    match cut.stop_or(work.instrument(span)).await {
        Ok((orders, heard)) => {
            observe::order_ended(&orders, runtime.now() - began);
            // Of an order that was lost nothing is written any more: its merchant may be gone.
            if orders.lost == 0 {
                follow(process, &connection, &turn, heard).await;
            }
            FleetReport { orders, ..FleetReport::default() }
        }
        Err(_) => {
            if turn.is_probe() {
                let_rest(process, &connection, TimeDelta::zero()).await;
            }
            // One that cannot be given back ends by itself.
            let _ = store.give_back(&claim, true, runtime.now()).await;
            FleetReport { orders_given_back: 1, ..FleetReport::default() }
        }
    }
}

/// Gives an order back that was claimed when the process was to stop: nothing was done about it.
pub(super) async fn give_back(process: &Process, entry: &OutboxEntry) -> FleetReport {
    // One that cannot be given back ends by itself.
    let _ = process.host.store().give_back(&entry.claim(), false, process.host.runtime().now()).await;
    FleetReport { orders_given_back: 1, ..FleetReport::default() }
}

/// Does what follows from what was heard of a POS.
async fn follow(process: &Process, connection: &ConnectionId, turn: &Turn, heard: Heard) {
    let retry = &process.settings.retry;
    let rest =
        |times: u32| pause(times, retry.first_pause, retry.longest_pause, process.host.runtime().random());
    match turn.heard(heard) {
        After::Rest(times) => {
            let_rest(process, connection, rest(times)).await;
            trouble::keeps_silent(process, connection).await;
        }
        After::Back => {
            let_rest(process, connection, TimeDelta::zero()).await;
            trouble::answers_again(process, connection).await;
            process.host.store().wake(Wake::Orders);
        }
        // The worker has let it rest as long as it is away.
        After::Nothing if heard == Heard::Away => {}
        After::Nothing if turn.is_probe() => let_rest(process, connection, rest(0)).await,
        After::Nothing => {}
    }
}

/// Lets all orders of a merchant rest for so long; not at all ends a rest.
async fn let_rest(process: &Process, connection: &ConnectionId, rest: TimeDelta) {
    let until = process.host.runtime().now() + rest;
    // Without it each order rests by itself.
    if let Err(error) = process.host.store().rest(connection, until).await {
        observe::store_failed(&error);
    }
}

/// Tries an order, and has the merchant rest for as long as that takes, which may be longer than a claim.
async fn while_others_rest<T>(
    process: &Process,
    connection: &ConnectionId,
    trial: impl Future<Output = T>,
) -> T {
    match select(pin!(trial), pin!(rest_on(process, connection))).await {
        Either::Left((tried, _)) => tried,
        Either::Right((never, _)) => match never {},
    }
}

async fn rest_on(process: &Process, connection: &ConnectionId) -> Infallible {
    loop {
        process.host.runtime().sleep(process.settings.claim / 2).await;
        let_rest(process, connection, span(process.settings.claim)).await;
    }
}

/// Leaves an order as it was whose POS keeps silent, since another one is being tried.
async fn wait_for_others(process: &Process, entry: OutboxEntry, why: Waits) -> FleetReport {
    let rest = match why {
        Waits::ForOthers => Some(process.settings.retry.first_pause),
        // Somebody may have ended the rest of a merchant of whom an order is still being tried.
        Waits::ForItsOwn => process.silent.is_tried(&entry.connection).then_some(process.settings.claim),
    };
    if let Some(rest) = rest {
        let_rest(process, &entry.connection, span(rest)).await;
    }
    // One that cannot be given back ends by itself.
    let _ = process.host.store().give_back(&entry.claim(), false, process.host.runtime().now()).await;
    FleetReport { orders_put_off: 1, ..FleetReport::default() }
}

/// Leaves an order to other processes whose merchant's settings or credentials this one cannot read, and to a person when it has
/// waited for long and none of them could either.
async fn leave_to_others(process: &Process, entry: OutboxEntry, error: &OpenError) -> WorkerReport {
    let (store, now) = (process.host.store(), process.host.runtime().now());
    let waited = now - entry.waiting_since;
    if waited >= span(process.settings.retry.waits) {
        return leave_to_person(process, entry, error.to_string()).await;
    }
    trouble::cannot_be_read(process, &entry.connection, error, waited).await;
    if !process.left_orders.leave(&entry.connection, now) {
        return put_off(process, entry, error.to_string()).await;
    }
    match store.give_back(&entry.claim(), false, now).await {
        Ok(()) => WorkerReport { retried: 1, ..WorkerReport::default() },
        // The claim ends by itself.
        Err(_) => WorkerReport { store_failures: 1, ..WorkerReport::default() },
    }
}

/// Whether an order has waited as long as any may, for a merchant who is not there at all.
async fn has_waited_for_nobody(process: &Process, entry: &OutboxEntry) -> bool {
    let waited = process.host.runtime().now() - entry.waiting_since;
    let is_gone = async || matches!(process.host.store().connection(&entry.connection).await, Ok(None));
    waited >= span(process.settings.retry.waits) && is_gone().await
}

/// Ends the wait of an order whose merchant is not there, or whose settings or credentials nobody can read.
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

/// Puts off an order whose merchant cannot be taken up since the host's store or vault fails; after as long as any order waits it
/// is left to a person.
async fn wait_for_host(process: &Process, entry: OutboxEntry, error: OpenError) -> WorkerReport {
    let told = error.to_string();
    let failed = match error {
        OpenError::Store(failed) => failed,
        OpenError::Address(_) => StoreError::new(StoreErrorKind::Corrupt, "read the address of a connection"),
        OpenError::NotConnected(_) => return put_off(process, entry, told).await,
    };
    let runtime = process.host.runtime();
    let failed = Err(SubmitError::of_merchant(&entry.order.number, failed, entry.may_be_at_pos));
    let outcome = process.settings.retry.decide(&entry, &failed, runtime.now(), runtime.random());
    if matches!(outcome, Outcome::NeedsAttention { .. } | Outcome::Rejected { .. }) {
        return leave_to_person(process, entry, told).await;
    }
    match process.host.store().finish(&entry.claim(), outcome, runtime.now()).await {
        Ok(()) => WorkerReport { retried: 1, ..WorkerReport::default() },
        // The claim ends by itself.
        Err(_) => WorkerReport { store_failures: 1, ..WorkerReport::default() },
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
