//! What the steps of one run share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mplus_qapi::Client;
use mplus_qapi::soap::Operation;
use mplus_qapi::system::{
    GetCurrentSyncMarkers, GetCurrentSyncMarkersV2, GetCurrentSyncMarkersV2Request, GetVatGroupList,
};

use super::{RunOptions, SyncSettings};
use crate::error::StepError;
use crate::integration::Integration;
use crate::model::{BranchNumber, BtwCode, ConnectionId, Lease, LeaseName, LocationId, Marker, Resource};
use crate::products::BranchPrices;
use crate::progress::{Phase, ProgressMeter};
use crate::report::{Note, RunReport, Scope, Subject};
use crate::runtime::Runtime;
use crate::store::{CatalogChunk, Page, Select, Store, StoreErrorKind};
use crate::tax::{TaxTable, VatGroup};

/// How often a chunk is decided anew because the host edited one of its records meanwhile.
pub(crate) const DECISIONS: u32 = 8;

/// One run: where it reads and writes, and what it found out so far.
pub(crate) struct Run<'a> {
    integration: &'a Integration,
    pub(crate) options: &'a RunOptions,
    pub(crate) report: RunReport,
    pub(crate) lease: Option<Lease>,
    checkpoints: BTreeMap<Resource, Marker>,
    pub(crate) current: CurrentMarkers,
    tax: Option<Arc<TaxTable>>,
    pub(crate) locations: BTreeMap<BranchNumber, LocationId>,
    /// None until they were read.
    pub(crate) branch_prices: Option<Arc<BranchPrices>>,
    /// Where pictures of this run are served, by the POS's hash.
    pub(crate) stored_images: HashMap<String, String>,
    /// In a dry run: edits that the pull would have settled, which the push then leaves out.
    pub(crate) settled: BTreeSet<String>,
    meters: BTreeMap<Resource, ProgressMeter>,
    /// What the POS last answered instead of doing what it was asked.
    pub(crate) pos_failure: Option<String>,
    /// Whether this run reads all articles from the beginning.
    pub(crate) reads_all_articles: bool,
    /// Whether the articles, all of them read by this run, told their allergens: then nobody else has to be asked.
    pub(crate) nutrition_from_articles: bool,
}

/// The highest sync markers at the POS; none where it does not say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CurrentMarkers {
    pub(crate) articles: Option<i64>,
    pub(crate) preparation: Option<i64>,
    pub(crate) alterations: Option<i64>,
    pub(crate) nutrition: Option<i64>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(integration: &'a Integration, options: &'a RunOptions, sync: &str) -> Self {
        let now = integration.runtime().now();
        let mut report =
            RunReport::start(sync, integration.connection_id().clone(), options.context, options.scope, now);
        report.dry_run = options.dry_run;
        Self {
            integration,
            options,
            report,
            lease: None,
            checkpoints: BTreeMap::new(),
            current: CurrentMarkers::default(),
            tax: None,
            locations: BTreeMap::new(),
            branch_prices: None,
            stored_images: HashMap::new(),
            settled: BTreeSet::new(),
            meters: BTreeMap::new(),
            pos_failure: None,
            reads_all_articles: false,
            nutrition_from_articles: false,
        }
    }

    pub(crate) fn integration(&self) -> &'a Integration {
        self.integration
    }

    pub(crate) fn client(&self) -> &'a Client {
        self.integration.client()
    }

    pub(crate) fn store(&self) -> &'a dyn Store {
        self.integration.store()
    }

    pub(crate) fn connection(&self) -> &'a ConnectionId {
        self.integration.connection_id()
    }

    pub(crate) fn runtime(&self) -> &'a dyn Runtime {
        self.integration.runtime()
    }

    pub(crate) fn settings(&self) -> &'a SyncSettings {
        self.integration.settings()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.runtime().now()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.options.scope == Scope::Full
    }

    /// Sends a request and counts it, repeats included.
    pub(crate) async fn call<O: Operation>(
        &mut self,
        operation: O,
    ) -> Result<O::Response, mplus_qapi::Error> {
        match self.client().call(operation).reply().await {
            Ok(reply) => {
                self.report.requests += u64::from(reply.attempts);
                Ok(reply.response)
            }
            Err(error) => {
                self.report.requests += u64::from(error.attempts());
                Err(error)
            }
        }
    }

    /// Writes a chunk. False when a record has moved on since it was read: read again, decide again.
    pub(crate) async fn apply(&mut self, chunk: CatalogChunk) -> Result<bool, StepError> {
        if self.options.dry_run || chunk == CatalogChunk::default() {
            return Ok(true);
        }
        self.keep_lease().await?;
        let checkpoints = chunk.checkpoints.clone();
        match self.store().apply(self.connection(), chunk).await {
            Ok(()) => {
                self.report.writes += 1;
                self.checkpoints.extend(checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)));
                Ok(true)
            }
            Err(error) if error.kind() == StoreErrorKind::Conflict => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits to work alone. False when another worker is at it.
    pub(crate) async fn take_lease(&mut self) -> Result<bool, StepError> {
        let now = self.now();
        let until = now + lease_time(self.settings());
        let holder = self.integration.worker();
        self.lease = self.store().acquire(self.connection(), &LeaseName::RUN, holder, until, now).await?;
        Ok(self.lease.is_some())
    }

    /// Prolongs the lease when half of it is over.
    pub(crate) async fn keep_lease(&mut self) -> Result<(), StepError> {
        let (now, time) = (self.now(), lease_time(self.settings()));
        if let Some(lease) = &self.lease
            && lease.until - now < time / 2
        {
            match self.store().renew(lease, now + time).await {
                Ok(lease) => self.lease = Some(lease),
                Err(error) if error.kind() == StoreErrorKind::Conflict => return Err(StepError::LeaseLost),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What is known from earlier runs.
    pub(crate) async fn load(&mut self) -> Result<(), StepError> {
        let checkpoints = self.store().checkpoints(self.connection()).await?;
        self.checkpoints = checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)).collect();
        self.load_locations().await
    }

    /// Which location each branch is.
    pub(crate) async fn load_locations(&mut self) -> Result<(), StepError> {
        let mut page = Page::first(500);
        loop {
            let limit = page.limit;
            let locations = self.store().locations(self.connection(), Select::Page(page)).await?;
            let last = locations.last().map(|location| location.record.id.clone());
            let count = locations.len();
            let linked = locations
                .into_iter()
                .filter_map(|location| Some((location.external_ids.mpluskassa?, location.record.id)));
            self.locations.extend(linked);
            match last {
                Some(last) if count == limit => page = Page::after(last, limit),
                _ => return Ok(()),
            }
        }
    }

    /// Asks the POS how far each resource is.
    pub(crate) async fn read_markers(&mut self) -> Result<(), StepError> {
        let request = GetCurrentSyncMarkersV2Request {
            include_article_sync_marker: Some(true),
            include_preparation_method_group_sync_marker: Some(true),
            include_article_alterations_groups_sync_marker: Some(true),
            include_article_nutritional_characteristics_sync_marker: Some(true),
            ..GetCurrentSyncMarkersV2Request::default()
        };
        match self.call(GetCurrentSyncMarkersV2 { request }).await {
            Ok(markers) => {
                self.current = CurrentMarkers {
                    articles: markers.article_sync_marker,
                    preparation: markers.preparation_method_group_sync_marker,
                    alterations: markers.article_alterations_groups_sync_marker,
                    nutrition: markers.article_nutritional_characteristics_sync_marker,
                };
            }
            // An older POS does not know the call.
            Err(error)
                if error.fault().is_some_and(|fault| fault.is_client()) && !error.is_authentication() =>
            {
                let markers = self.call(GetCurrentSyncMarkers::default()).await?;
                self.current.articles = Some(markers.article_sync_marker);
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// From which marker on a resource has to be read; none when nothing changed.
    pub(crate) fn due(&self, resource: &Resource, current: Option<i64>) -> Option<i64> {
        match (self.checkpoint(resource), current) {
            (Some(_), _) if self.is_full() => Some(0),
            (None, _) => Some(0),
            (Some(known), Some(current)) if current <= known => None,
            (Some(known), _) => Some(known + 1),
        }
    }

    /// How far a resource was pulled.
    pub(crate) fn checkpoint(&self, resource: &Resource) -> Option<i64> {
        self.checkpoints.get(resource).map(|marker| marker.get())
    }

    /// The tax mapping, compared with the POS's VAT groups.
    pub(crate) async fn tax(&mut self) -> Result<Arc<TaxTable>, StepError> {
        if let Some(tax) = &self.tax {
            return Ok(Arc::clone(tax));
        }
        let response = self.call(GetVatGroupList::default()).await?;
        let groups: Vec<_> = response.vat_group.iter().map(vat_group).collect();
        let tax = Arc::new(self.settings().tax.check(&groups));
        self.tax = Some(Arc::clone(&tax));
        Ok(tax)
    }

    /// Begins to count a phase of a resource.
    pub(crate) fn expect(&mut self, resource: &Resource, phase: Phase, expected: Option<u64>) {
        let meter = ProgressMeter::start(resource.clone(), phase, expected, self.now());
        self.meters.insert(resource.clone(), meter);
    }

    /// Corrects how many of a resource there will be.
    pub(crate) fn expect_all(&mut self, resource: &Resource, expected: Option<u64>) {
        if let (Some(meter), Some(expected)) = (self.meters.get_mut(resource), expected) {
            meter.expect(expected);
        }
    }

    /// Tells that so many more are done.
    pub(crate) fn advance(&mut self, resource: &Resource, records: usize) {
        let now = self.now();
        if let Some(meter) = self.meters.get_mut(resource) {
            let progress = meter.advance(records as u64, now);
            self.options.progress.progress(&progress);
        }
    }

    /// Leaves a record out and says why.
    pub(crate) fn skip(&mut self, resource: &Resource, subject: Subject, message: &str, advice: &str) {
        self.report.skip(Note::about(resource.clone(), subject, message, advice));
    }
}

fn lease_time(settings: &SyncSettings) -> TimeDelta {
    TimeDelta::from_std(settings.lease).unwrap_or(TimeDelta::MAX / 4)
}

fn vat_group(group: &mplus_qapi::types::VatGroup) -> VatGroup {
    let mut known = VatGroup::new(BtwCode::new(group.vat_code), group.vat_percentage.into());
    known.country_iso3 = group.country_iso3.clone().filter(|country| !country.is_empty());
    known.branch = group.branch_number.map(BranchNumber::new);
    known
}
