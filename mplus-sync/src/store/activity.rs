//! What happened, for a person to read.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::model::{Activity, ConnectionId, LoggedActivity};

use super::StoreError;

/// Keeps the activity log.
#[async_trait]
pub trait ActivityLog: Send + Sync {
    /// Appends activities in their order: all of them or none.
    async fn log(&self, connection: &ConnectionId, activities: &[Activity]) -> Result<(), StoreError>;

    /// Reads a page, newest first: those before a sequence, or the newest.
    async fn activities(
        &self,
        connection: &ConnectionId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<LoggedActivity>, StoreError>;

    /// Removes activities that are older than a time, and counts them.
    async fn prune_activities(
        &self,
        connection: &ConnectionId,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError>;
}
