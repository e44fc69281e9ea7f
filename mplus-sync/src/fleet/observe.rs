//! What a fleet tells metrics and traces. Names follow OpenTelemetry's conventions; no merchant is a label.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{Span, info_span};

use crate::connection::OpenError;
use crate::model::{ClaimedRun, ConnectionId, OutboxEntry, RunKind, WorkerId};
use crate::orders::WorkerReport;
use crate::runtime::Unheard;

use super::ending::Ending;

/// The span of one attempt to bring an order to the POS.
pub(super) fn order_span(entry: &OutboxEntry) -> Span {
    info_span!(
        "mplus.order",
        mplus.connection = %entry.connection,
        mplus.order = %entry.order.number,
        mplus.claim = entry.claims,
    )
}

/// The span of one run.
pub(super) fn run_span(run: &ClaimedRun) -> Span {
    info_span!(
        "mplus.run",
        mplus.connection = %run.connection,
        mplus.run = run.token,
        mplus.run.kind = %run.kind,
    )
}

/// An order was claimed: how long it had been due.
pub(super) fn order_claimed(entry: &OutboxEntry, now: DateTime<Utc>) {
    if entry.claims == 1 {
        seconds("mplus.order.wait.duration", now - entry.queued_at, &[]);
    }
}

/// An attempt has ended.
pub(super) fn order_ended(report: &WorkerReport, took: TimeDelta) {
    let outcomes = [
        ("accepted", report.accepted),
        ("retried", report.retried),
        ("rejected", report.rejected),
        ("needs_attention", report.needs_attention),
        ("skipped", report.skipped),
        ("lost", report.lost),
    ];
    for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
        counted("mplus.orders", count, &[("mplus.outcome", outcome)]);
    }
    seconds("mplus.order.forward.duration", took, &[]);
}

/// A run has begun: how long it had been due.
pub(super) fn run_began(run: &ClaimedRun, now: DateTime<Utc>) {
    let due = run.requests.iter().map(|request| request.due_at).min().unwrap_or(now);
    seconds("mplus.run.lag", now - due, &[("mplus.run.kind", kind(run))]);
}

/// A run has ended.
pub(super) fn run_ended(run: &ClaimedRun, ending: Ending, took: TimeDelta) {
    let outcome = match ending {
        Ending::Done => "done",
        Ending::Unfinished | Ending::Silent => "failed",
        Ending::Busy => "postponed",
        Ending::Stopped => "given_back",
        Ending::Withdrawn => "withdrawn",
    };
    counted("mplus.runs", 1, &[("mplus.run.kind", kind(run)), ("mplus.outcome", outcome)]);
    seconds("mplus.run.duration", took, &[("mplus.run.kind", kind(run))]);
}

/// The kind of a run as a label: one of few.
fn kind(run: &ClaimedRun) -> &'static str {
    match &run.kind {
        kind if *kind == RunKind::SYNC => "sync",
        kind if *kind == RunKind::MENU => "menu",
        kind if *kind == RunKind::STOCK => "stock",
        kind if *kind == RunKind::UPKEEP => "upkeep",
        _ => "other",
    }
}

/// How much is under way in this process.
pub(super) fn under_way(orders: usize, runs: usize) {
    level("mplus.fleet.orders.active", orders);
    level("mplus.fleet.runs.active", runs);
}

/// Something ended in a panic.
pub(super) fn panicked() {
    counted("mplus.fleet.panics", 1, &[]);
    tracing::error!(target: "mplus_sync", "a merchant's work ended in a panic");
}

/// A merchant has work and cannot be taken up.
pub(super) fn not_opened(connection: &ConnectionId, error: &OpenError) {
    counted("mplus.fleet.open.failures", 1, &[]);
    tracing::warn!(target: "mplus_sync", %connection, %error, "a merchant with work cannot be taken up; it is tried again");
}

/// This process's clock is not the database's.
pub(super) fn clock_is_wrong(off: TimeDelta) {
    let seconds = off.num_seconds();
    tracing::error!(target: "mplus_sync", seconds, "this machine's clock differs from the database's; this process takes no work until it is set");
}

/// A newer release has taken the database over.
pub(super) fn is_outdated() {
    tracing::error!(target: "mplus_sync", "a newer release has changed the database so that this one may not work on it; this process takes no work any more and stops what it was doing: end it");
}

/// Another process that lives has this one's name.
pub(super) fn name_is_taken(name: &WorkerId) {
    tracing::error!(target: "mplus_sync", %name, "another process works under this name; this one takes no work until it has the name alone");
}

/// The host did not take what it is told of a run.
pub(super) fn not_told(connection: &ConnectionId, unheard: Unheard) {
    match unheard {
        Unheard::TookTooLong => {
            tracing::warn!(target: "mplus_sync", %connection, "the host did not take in time what came of a run; its report is kept");
        }
        Unheard::Panicked => {
            tracing::error!(target: "mplus_sync", %connection, "the host panicked at what came of a run; its report is kept");
        }
    }
}

/// A run was told to stop and does not end.
pub(super) fn does_not_end(connection: &ConnectionId) {
    tracing::error!(target: "mplus_sync", %connection, "a run did not end when it was told to; it is dropped where it waits");
}

/// The store did not answer.
pub(super) fn store_failed(error: &crate::store::StoreError) {
    counted("mplus.fleet.store.failures", 1, &[]);
    tracing::warn!(target: "mplus_sync", %error, "the store did not answer; the fleet asks again");
}

#[cfg(feature = "metrics")]
type Labels = [(&'static str, &'static str)];

#[cfg(feature = "metrics")]
fn counted(name: &'static str, count: u64, labels: &Labels) {
    metrics::counter!(name, labels).increment(count);
}

#[cfg(feature = "metrics")]
fn seconds(name: &'static str, span: TimeDelta, labels: &Labels) {
    metrics::histogram!(name, labels).record(span.to_std().unwrap_or_default());
}

#[cfg(feature = "metrics")]
fn level(name: &'static str, count: usize) {
    metrics::gauge!(name).set(u32::try_from(count).unwrap_or(u32::MAX));
}

#[cfg(not(feature = "metrics"))]
fn counted(_: &'static str, _: u64, _: &[(&'static str, &'static str)]) {}

#[cfg(not(feature = "metrics"))]
fn seconds(_: &'static str, _: TimeDelta, _: &[(&'static str, &'static str)]) {}

#[cfg(not(feature = "metrics"))]
fn level(_: &'static str, _: usize) {}
