//! What a host is told of runs.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::RunKind;
use crate::report::RunReport;

/// How long the host has for what it is told.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// Is told of runs that have ended.
///
/// It is told in the process that carried the run out, once the report is kept and before the run counts as ended: a process
/// that dies in between has another one carry it out and tell of it again. What it does takes the run's time, and 20 seconds at most: a
/// call that takes longer is dropped where it waits, and not repeated; nor is one that panics.
#[async_trait]
pub trait RunObserver: Send + Sync {
    /// A part of a run has ended, however it did: a whole sync has one for the menu and one for the stock. A run that could not
    /// begin has none.
    async fn ended(&self, kind: &RunKind, report: &RunReport);
}
