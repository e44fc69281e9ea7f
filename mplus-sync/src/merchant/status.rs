//! How a connection is doing, as runs and workers find out.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::{Connection, ConnectionId, ConnectionStatus};
use crate::pos_call::{LONGEST_MESSAGE, cut_to, pos_advice};
use crate::report::{RunOutcome, RunReport};
use crate::store::{ConnectionStore, StoreError, update_connection};

/// Writes down how a connection is doing after a run; `pos_failure` is what the POS last answered instead of doing what it
/// was asked.
pub(crate) async fn note_run(
    store: &dyn ConnectionStore,
    id: &ConnectionId,
    report: &RunReport,
    pos_failure: Option<String>,
) -> Result<(), StoreError> {
    let now = report.finished_at.unwrap_or(report.started_at);
    update_connection(store, id, &|connection| {
        match &pos_failure {
            Some(error) => connection.status = connection.status.failed(error, now),
            None if report.outcome == RunOutcome::Completed => {
                if !matches!(connection.status, ConnectionStatus::Disconnected { .. }) {
                    connection.status = ConnectionStatus::Connected;
                }
                if report.failures.is_empty() {
                    connection.last_sync_at = Some(now);
                    if report.sync == RunReport::MENU && !report.worth_repeating {
                        connection.last_menu_at = Some(now);
                    }
                }
            }
            None => return false,
        }
        true
    })
    .await
    .map(drop)
}

/// How long what was read of a connection is trusted.
const TRUSTED: TimeDelta = TimeDelta::minutes(1);

/// What somebody who works for long knows of a connection: whether it is still connected, and whether its status says
/// what they see of the POS. Reads the store once a minute, and writes when the status changes.
pub(crate) struct Watch {
    connections: Arc<dyn ConnectionStore>,
    id: ConnectionId,
    seen: Mutex<Option<(DateTime<Utc>, Seen)>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Works,
    Fails,
    /// Paused or disconnected.
    Held,
    /// There is no record of it: nothing is told and nothing forbidden.
    Unknown,
}

impl Watch {
    pub(crate) fn new(connections: Arc<dyn ConnectionStore>, id: ConnectionId) -> Self {
        Self { connections, id, seen: Mutex::new(None) }
    }

    /// Whether the merchant is connected and not paused, as of a minute ago. A store that cannot be asked forbids nothing.
    pub(crate) async fn is_connected(&self, now: DateTime<Utc>) -> bool {
        self.look(now).await != Seen::Held
    }

    /// The POS has answered.
    pub(crate) async fn answered(&self, now: DateTime<Utc>) {
        if self.look(now).await == Seen::Fails {
            self.change(now, Seen::Works, |status| match status {
                ConnectionStatus::Failing { .. } => ConnectionStatus::Connected,
                other => other.clone(),
            })
            .await;
        }
    }

    /// The POS refused the credentials or could not be reached.
    pub(crate) async fn failed(&self, error: &mplus_qapi::Error, now: DateTime<Utc>) {
        if self.look(now).await == Seen::Works {
            let message = cut_to(&format!("{error}. {}", pos_advice(error)), LONGEST_MESSAGE);
            self.change(now, Seen::Fails, |status| status.failed(message.as_str(), now)).await;
        }
    }

    async fn look(&self, now: DateTime<Utc>) -> Seen {
        let known = *self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, seen)) = known.filter(|(at, _)| now - *at < TRUSTED) {
            return seen;
        }
        let seen = match self.connections.connection(&self.id).await {
            Ok(Some(connection)) if connection.is_held() => Seen::Held,
            Ok(Some(Connection { status, .. })) => match status {
                ConnectionStatus::Connected => Seen::Works,
                ConnectionStatus::Failing { .. } => Seen::Fails,
                ConnectionStatus::Disconnected { .. } => Seen::Held,
            },
            Ok(None) => Seen::Unknown,
            Err(_) => known.map_or(Seen::Unknown, |(_, seen)| seen),
        };
        self.remember(now, seen);
        seen
    }

    fn remember(&self, now: DateTime<Utc>, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, seen));
    }

    /// Writes another status. A store that fails is left at that: the next run writes it.
    async fn change(
        &self,
        now: DateTime<Utc>,
        seen: Seen,
        to: impl Fn(&ConnectionStatus) -> ConnectionStatus + Send + Sync,
    ) {
        let change = |connection: &mut Connection| {
            let next = to(&connection.status);
            let changes = next != connection.status;
            connection.status = next;
            changes
        };
        let changed = update_connection(&*self.connections, &self.id, &change);
        if let Ok(Some(_)) = changed.await {
            self.remember(now, seen);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("connection", &self.id).finish_non_exhaustive()
    }
}
