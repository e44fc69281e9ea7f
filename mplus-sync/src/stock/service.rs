//! A pull of the stock of all branches.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::TimeDelta;
use chrono_tz::Tz;
use mplus_qapi::Client;
use mplus_qapi::stock::GetStockRequest;

use crate::cancel::{CancelToken, Cancelled};
use crate::conflict::SyncContext;
use crate::connection::note_run;
use crate::model::{
    Checkpoint, ConnectionId, Lease, LeaseName, Location, Marker, Resource, Tracked, WorkerId,
};
use crate::progress::{NoProgress, Phase, ProgressMeter, ProgressSink};
use crate::report::{Note, RunOutcome, RunReport, Scope, Subject};
use crate::runtime::Runtime;
use crate::store::{Page, Select, StockChunk, Store, StoreError, StoreErrorKind};

use super::branch::{BranchPull, Chunk, Finder, Reader};
use super::items::ItemsByArticle;

/// How long a pull is alone without a sign of life.
const LEASE: TimeDelta = TimeDelta::minutes(5);
/// Locations read at once.
const LOCATIONS: usize = 200;

/// Pulls the stock of one connection's branches.
pub struct StockService {
    pub(super) client: Client,
    pub(super) connection: ConnectionId,
    pub(super) store: Arc<dyn Store>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) settings: StockSettings,
    worker: WorkerId,
}

impl fmt::Debug for StockService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StockService")
            .field("connection", &self.connection)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How stock is pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StockSettings {
    /// Whether the merchant wants stock to be synced. It is on unless switched off.
    pub enabled: bool,
    /// How many levels are written at once: 1,000 unless set. Memory grows with it, by about 1 KiB for each.
    pub chunk: usize,
    /// The zone of the POS's clock.
    pub zone: Tz,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self { enabled: true, chunk: 1_000, zone: mplus_qapi::value::AMSTERDAM }
    }
}

/// One pull's options.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct StockOptions<'a> {
    /// What started it.
    pub context: SyncContext,
    /// Everything, or what changed since the last pull.
    pub scope: Scope,
    /// Told about every chunk.
    pub progress: &'a dyn ProgressSink,
}

impl fmt::Debug for StockOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StockOptions")
            .field("context", &self.context)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl Default for StockOptions<'_> {
    /// What changed, on a person's demand.
    fn default() -> Self {
        Self { context: SyncContext::Manual, scope: Scope::Incremental, progress: &NoProgress }
    }
}

/// Why a branch's pull stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stopped {
    #[error(transparent)]
    Pos(#[from] mplus_qapi::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("another worker took over this connection's stock")]
    LeaseLost,
    #[error(transparent)]
    Cancelled(#[from] Cancelled),
}

impl Stopped {
    /// Whether the other branches would stop the same way.
    fn ends_the_run(&self) -> bool {
        match self {
            Self::Pos(error) => error.is_authentication() || error.is_connect(),
            Self::LeaseLost | Self::Cancelled(_) => true,
            Self::Store(_) => false,
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Self::Pos(error) if error.is_authentication() => "Check the MplusKASSA username and password",
            Self::Pos(error) if error.is_connect() => {
                "Check host, port and that the POS can be reached; the next sync goes on from here"
            }
            Self::Store(error) if !error.is_retryable() => "Have the store looked at, then sync again",
            _ => "The next sync goes on from here",
        }
    }

    fn outcome(&self) -> RunOutcome {
        match self {
            Self::Cancelled(_) => RunOutcome::Cancelled,
            _ => RunOutcome::Failed { message: self.to_string(), advice: self.advice().to_owned() },
        }
    }
}

/// One pull: what its branches share.
pub(super) struct Pull<'a> {
    pub(super) service: &'a StockService,
    pub(super) options: &'a StockOptions<'a>,
    pub(super) cancel: &'a CancelToken,
    pub(super) report: RunReport,
    pub(super) checkpoints: BTreeMap<Resource, Marker>,
    pub(super) items: ItemsByArticle,
    /// What the POS last answered instead of doing what it was asked.
    pos_failure: Option<String>,
    lease: Lease,
}

impl StockService {
    /// A service for one connection. `worker` has to differ among all workers that share the store.
    pub fn new(
        client: Client,
        connection: ConnectionId,
        store: Arc<dyn Store>,
        runtime: Arc<dyn Runtime>,
        worker: WorkerId,
    ) -> Self {
        Self { client, connection, store, runtime, settings: StockSettings::default(), worker }
    }

    /// The same with other settings.
    #[must_use]
    pub fn with_settings(mut self, settings: StockSettings) -> Self {
        self.settings = settings;
        self
    }

    /// Pulls the stock of every branch that is a location.
    ///
    /// Articles that are no item are left out and counted; levels of articles that the POS does not mention stay as they
    /// are. A branch that fails does not keep the others back. However it ends, what was written stays, and the next pull
    /// goes on from the last checkpoint; one chunk is written in one transaction with how far it came.
    pub async fn pull(&self, options: &StockOptions<'_>, cancel: &CancelToken) -> RunReport {
        let now = self.runtime.now();
        let report = RunReport::start("stock", self.connection.clone(), options.context, options.scope, now);
        if !self.settings.enabled {
            let message = "Stock is not synced: Sync Stock is switched off".to_owned();
            let advice = "Switch on Sync Stock for this integration".to_owned();
            return self.end(report, RunOutcome::Failed { message, advice }, None).await;
        }
        let name = LeaseName::named("stock");
        let lease = self.store.acquire(&self.connection, &name, &self.worker, now + LEASE, now).await;
        let mut pos_failure = None;
        let (outcome, report) = match lease {
            Ok(Some(lease)) => {
                let mut pull = Pull {
                    service: self,
                    options,
                    cancel,
                    report,
                    checkpoints: BTreeMap::new(),
                    items: ItemsByArticle::default(),
                    pos_failure: None,
                    lease,
                };
                let outcome = match pull.run().await {
                    Ok(()) => RunOutcome::Completed,
                    Err(stopped) => stopped.outcome(),
                };
                pos_failure = pull.pos_failure.take();
                // A lease that is not given back ends by itself.
                let _ = self.store.release(&pull.lease).await;
                (outcome, pull.report)
            }
            Ok(None) => {
                let message = "another worker is pulling this connection's stock".to_owned();
                let advice = "Wait until it is done".to_owned();
                (RunOutcome::Failed { message, advice }, report)
            }
            Err(error) => (Stopped::Store(error).outcome(), report),
        };
        self.end(report, outcome, pos_failure).await
    }

    /// Ends the report and writes down what it says: how the connection is doing, and the activity log.
    async fn end(
        &self,
        mut report: RunReport,
        outcome: RunOutcome,
        pos_failure: Option<String>,
    ) -> RunReport {
        report.finish(outcome, self.runtime.now());
        // The pull is over whatever becomes of the following: it is told and not undone.
        let noted = note_run(&*self.store, &self.connection, &report, pos_failure).await;
        let logged = self.store.log(&self.connection, &report.activities()).await;
        for error in [noted.err(), logged.err()].into_iter().flatten() {
            let stopped = Stopped::Store(error);
            report.fail(Note::general(Resource::named("stock"), &stopped.to_string(), stopped.advice()));
        }
        report
    }
}

impl Pull<'_> {
    async fn run(&mut self) -> Result<(), Stopped> {
        let (store, connection) = (&self.service.store, &self.service.connection);
        let checkpoints = store.checkpoints(connection).await?;
        self.checkpoints = checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)).collect();
        let mut page = Page::first(LOCATIONS);
        let mut branches = 0;
        loop {
            let locations = store.locations(connection, Select::Page(page)).await?;
            let full = locations.len() == LOCATIONS;
            let last = locations.last().map(|location| location.record.id.clone());
            for location in locations {
                branches += u64::from(self.location(location).await?);
            }
            match last.filter(|_| full) {
                Some(last) => page = Page::after(last, LOCATIONS),
                None => break,
            }
        }
        if branches == 0 {
            let message = "no location is a branch of MplusKASSA, so no stock was read";
            self.report.fail(Note::general(Resource::BRANCHES, message, "Sync the branches first"));
        }
        Ok(())
    }

    /// Pulls one location, if it is a branch. Only an error that ends the run comes out.
    async fn location(&mut self, location: Tracked<Location>) -> Result<bool, Stopped> {
        let Some(branch) = location.external_ids.mpluskassa.filter(|_| !location.record.vanished) else {
            return Ok(false);
        };
        self.cancel.check()?;
        let name = location.record.name.clone();
        let done = BranchPull::new(branch, location.record.id).run(self).await;
        if let Err(Stopped::Pos(error)) = &done {
            self.pos_failure = Some(error.to_string());
        }
        match done {
            Ok(()) => Ok(true),
            Err(stopped) if stopped.ends_the_run() => Err(stopped),
            Err(stopped) => {
                let subject = Subject::new(&name, format_args!("branch {branch}"));
                let note =
                    Note::about(Resource::stock(branch), subject, &stopped.to_string(), stopped.advice());
                self.report.fail(note);
                Ok(true)
            }
        }
    }

    /// What reads a branch's stock, what finds the items that it is about, and what writes it: all work at once.
    pub(super) fn split(
        &mut self,
        resource: &Resource,
        request: GetStockRequest,
    ) -> (Reader<'_>, Finder<'_>, Writer<'_>) {
        let Self { service, options, cancel, report, items, lease, .. } = self;
        let stocks = service.client.stream_stock(request);
        report.requests += 1;
        let meter = ProgressMeter::start(resource.clone(), Phase::Pull, None, service.runtime.now());
        let writer = Writer { service, options, resource: resource.clone(), report, lease, meter };
        let reader = Reader { chunk: service.settings.chunk.max(1), cancel, stocks };
        (reader, Finder { service, known: items }, writer)
    }
}

/// Writes chunks, as long as no other worker has taken over.
pub(super) struct Writer<'a> {
    service: &'a StockService,
    options: &'a StockOptions<'a>,
    resource: Resource,
    report: &'a mut RunReport,
    lease: &'a mut Lease,
    meter: ProgressMeter,
}

impl Writer<'_> {
    /// Writes a chunk together with how far the pull has come then.
    pub(super) async fn write(&mut self, chunk: Chunk, checkpoints: Vec<Checkpoint>) -> Result<(), Stopped> {
        let Chunk { levels, read, .. } = chunk;
        if !levels.is_empty() || !checkpoints.is_empty() {
            self.keep_lease().await?;
            let written = levels.len() as u64;
            let chunk = StockChunk { levels, checkpoints };
            self.service.store.apply_stock(&self.service.connection, chunk).await?;
            self.report.count(&self.resource).pulled += written;
            self.report.writes += 1;
        }
        self.options.progress.progress(&self.meter.advance(read, self.service.runtime.now()));
        Ok(())
    }

    /// Shows that the pull is alive. Stops when another worker has taken over.
    async fn keep_lease(&mut self) -> Result<(), Stopped> {
        let now = self.service.runtime.now();
        if self.lease.until - now < LEASE / 2 {
            let renewed = self.service.store.renew(self.lease, now + LEASE).await;
            *self.lease = renewed.map_err(|error| match error.kind() {
                StoreErrorKind::Conflict => Stopped::LeaseLost,
                _ => Stopped::Store(error),
            })?;
        }
        Ok(())
    }
}
