//! Runs that are due, and reports of those that ended.

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::model::{
    ClaimedRun, ConnectionId, Holder, RunEnd, RunKind, RunRequest, RunStatus, RunStep, StoredReport,
};

use super::StoreError;

/// What a process asks for that carries out runs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunClaimRequest {
    /// Whose runs; none for any connection's.
    pub connection: Option<ConnectionId>,
    /// None of these connections': whoever asks leaves them to others.
    pub except: Vec<ConnectionId>,
    /// Of which kinds; empty for all.
    pub kinds: Vec<RunKind>,
    /// Who asks.
    pub holder: Holder,
    /// How many at most.
    pub limit: usize,
    /// Until when the claims hold; they are extended while a run goes on.
    pub until: DateTime<Utc>,
}

impl RunClaimRequest {
    /// Runs of any connection and kind.
    pub fn new(holder: Holder, limit: usize, until: DateTime<Utc>) -> Self {
        Self { connection: None, except: Vec::new(), kinds: Vec::new(), holder, limit, until }
    }

    /// Those of one connection.
    #[must_use]
    pub fn of(self, connection: ConnectionId) -> Self {
        Self { connection: Some(connection), ..self }
    }

    /// None of these connections'.
    #[must_use]
    pub fn except(self, connections: impl IntoIterator<Item = ConnectionId>) -> Self {
        Self { except: connections.into_iter().collect(), ..self }
    }

    /// Those of some kinds.
    #[must_use]
    pub fn kinds(self, kinds: impl IntoIterator<Item = RunKind>) -> Self {
        Self { kinds: kinds.into_iter().collect(), ..self }
    }
}

/// How many runs wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunBacklog {
    /// Runs that are due and that nobody carries out.
    pub due: u64,
    /// Runs that are carried out.
    pub running: u64,
    /// Since when the first of those has been due that nobody carries out.
    pub oldest: Option<DateTime<Utc>>,
}

impl RunBacklog {
    /// A backlog.
    pub fn new(due: u64, running: u64, oldest: Option<DateTime<Utc>>) -> Self {
        Self { due, running, oldest }
    }
}

/// Keeps which runs are due.
///
/// The rules of [`DueRun`](crate::model::DueRun)'s steps hold in every implementation. A run that cannot be read is set aside by
/// the claim that finds it, with a line in the activity log, is in nobody's way then, and is listed as
/// [unreadable](super::CatalogStore::unreadable).
#[async_trait]
pub trait RunStore: Send + Sync {
    /// Asks for a run. Several requests of one kind and connection become one run. Where what is known of it cannot be read, and nobody
    /// carries it out, a new one begins; what could not be read is kept beside it for a release that can, and listed as
    /// [unreadable](super::CatalogStore::unreadable).
    async fn request_run(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        request: RunRequest,
    ) -> Result<(), StoreError>;

    /// Claims runs that are due, in the order of their [turns](crate::model::DueRun::turn). No run is ever claimed by two at once.
    ///
    /// A run whose claim has ended is due. Nothing is claimed of a connection that is [held](crate::model::Connection::is_held).
    async fn claim_runs(
        &self,
        request: &RunClaimRequest,
        now: DateTime<Utc>,
    ) -> Result<Vec<ClaimedRun>, StoreError>;

    /// Carries out a step of a claimed run, in one transaction: reads what is known of it, has the step
    /// [carried out](RunStep::carry_out), writes what comes of it; what is then [empty](crate::model::DueRun::is_empty) is removed. The
    /// methods that are made of it need not be implemented.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost.
    async fn step_run(&self, run: &ClaimedRun, step: RunStep<'_>) -> Result<(), StoreError>;

    /// Prolongs a claim, and keeps for others how far the run is, as JSON; without a note the last one stays.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when it was lost: stop working.
    async fn extend_run(
        &self,
        run: &ClaimedRun,
        until: DateTime<Utc>,
        note: Option<&str>,
    ) -> Result<(), StoreError> {
        self.step_run(run, RunStep::Extend { until, note }).await
    }

    /// Ends a claimed run, and asks for the next ones in the same step.
    ///
    /// # Errors
    /// [`Conflict`](super::StoreErrorKind::Conflict) when the claim was lost.
    async fn finish_run(&self, run: &ClaimedRun, end: RunEnd, next: &[RunRequest]) -> Result<(), StoreError> {
        self.step_run(run, RunStep::Finish { end, next }).await
    }

    /// Connections that are not [held](crate::model::Connection::is_held) and of which nothing is known of this kind of run, or
    /// what is known was set aside, in the order of their identifiers: those that were added since somebody last asked.
    async fn connections_without_run(
        &self,
        kind: &RunKind,
        limit: usize,
    ) -> Result<Vec<ConnectionId>, StoreError>;

    /// What is known of one connection's runs, in the order of their kinds.
    async fn runs(&self, connection: &ConnectionId) -> Result<Vec<RunStatus>, StoreError>;

    /// How many runs are due or carried out, of all connections that are not held.
    async fn run_backlog(&self, now: DateTime<Utc>) -> Result<RunBacklog, StoreError>;

    /// Keeps a report in place of the last one of its kind.
    async fn save_report(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
        report: &StoredReport,
    ) -> Result<(), StoreError>;

    /// Reads the last report of each kind, in the order of the kinds.
    async fn last_reports(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<(RunKind, StoredReport)>, StoreError>;

    /// Reads the last report of one kind.
    async fn last_report(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
    ) -> Result<Option<StoredReport>, StoreError> {
        let reports = self.last_reports(connection).await?;
        Ok(reports.into_iter().find(|(found, _)| found == kind).map(|(_, report)| report))
    }

    /// Reads the [day](StoredReport::day) of the last report of one kind, and nothing else of it: asked before every sync.
    async fn last_day(
        &self,
        connection: &ConnectionId,
        kind: &RunKind,
    ) -> Result<Option<NaiveDate>, StoreError> {
        Ok(self.last_report(connection, kind).await?.and_then(|report| report.day))
    }
}
