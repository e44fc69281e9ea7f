//! What a fleet notes of a merchant's connection while it works: that it cannot be taken up, keeps silent, or answers again.

use chrono::TimeDelta;

use crate::connection::OpenError;
use crate::model::{Activity, ActivityLevel, Connection, ConnectionId, ConnectionStatus};
use crate::store::{StoreError, update_connection};

use super::left_out::LEFT;
use super::observe;
use super::process::Process;

/// A merchant has work and cannot be taken up: those who look at it are told, once, until something of it works again.
pub(super) async fn cannot_be_opened(process: &Process, connection: &ConnectionId, error: &OpenError) {
    observe::not_opened(connection, error);
    // One that was disconnected or paused meanwhile says so itself.
    if !matches!(error, OpenError::NotConnected(_)) {
        fails(process, connection, &format!("its orders and runs wait: {error}")).await;
    }
}

/// A merchant has had work for so long, and this process cannot read what is stored of it. Those who look at it are told when no
/// other process has done the work meanwhile.
pub(super) async fn cannot_be_read(
    process: &Process,
    connection: &ConnectionId,
    error: &OpenError,
    waited: TimeDelta,
) {
    match waited >= LEFT {
        true => cannot_be_opened(process, connection, error).await,
        false => observe::not_opened(connection, error),
    }
}

/// A merchant's POS takes calls and does not answer them.
pub(super) async fn keeps_silent(process: &Process, connection: &ConnectionId) {
    let message = "its orders wait: the POS takes calls and does not answer them in time";
    fails(process, connection, message).await;
}

/// A merchant's POS that kept silent answers again.
pub(super) async fn answers_again(process: &Process, connection: &ConnectionId) {
    let change = |connection: &mut Connection| {
        let fails = connection.is_failing();
        if fails {
            connection.status = ConnectionStatus::Connected;
        }
        fails
    };
    told(update_connection(&**process.host.store(), connection, &change).await.map(drop));
}

async fn fails(process: &Process, connection: &ConnectionId, message: &str) {
    let (store, now) = (process.host.store(), process.host.runtime().now());
    let is_news = std::sync::atomic::AtomicBool::new(false);
    let change = |connection: &mut Connection| {
        let is_new = matches!(connection.status, ConnectionStatus::Connected);
        is_news.store(is_new, std::sync::atomic::Ordering::Relaxed);
        if is_new {
            connection.status = connection.status.failed(message, now);
        }
        is_new
    };
    let noted = update_connection(&**store, connection, &change).await;
    if noted.is_ok() && is_news.into_inner() {
        let activity = Activity {
            at: now,
            level: ActivityLevel::Warning,
            topic: "connection".to_owned(),
            message: message.to_owned(),
            subject: None,
        };
        told(store.log(connection, &[activity]).await);
    }
    told(noted.map(drop));
}

/// A store that fails now may tell of it another time.
fn told(noted: Result<(), StoreError>) {
    if let Err(error) = noted {
        observe::store_failed(&error);
    }
}
