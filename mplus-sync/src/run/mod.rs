//! What the steps of a run share, and how a run carries them out.
//!
//! A service declares its steps as constants; a run carries out those that it is handed, under one lease and into one
//! report. What one step finds out for another is its value: whoever puts the steps together hands it on.

mod changes;
mod error;
mod hold;
mod options;
mod silence;
mod step;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use mplus_qapi::Client;
use mplus_qapi::soap::{ListResponse, Operation, Unreadable};

use crate::conflict::{Settling, SyncContext};
use crate::merchant::{Lacking, Merchant, RunLimits};
use crate::model::{Checkpoint, Connection, ConnectionId, Marker, Resource};
use crate::pos_call::unreadable_at;
use crate::progress::{Phase, ProgressMeter, tell};
use crate::report::{Note, RunReport, Scope, Subject};
use crate::runtime::Runtime;
use crate::settings::MerchantSettings;
use crate::store::{CatalogChunk, Store, StoreErrorKind, update_connection};

pub(crate) use changes::Changes;
pub(crate) use error::StepError;
pub(crate) use hold::Hold;
pub use options::RunOptions;
pub(crate) use silence::Silence;
pub(crate) use step::{Step, carry_out, end_report, note_end};

/// How often a chunk is decided anew because the host edited one of its records meanwhile.
pub(crate) const DECISIONS: u32 = 8;

type ItemOf<O> = <<O as Operation>::Response as ListResponse>::Item;

/// A list that was read whole.
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    /// Items of which a value cannot be read, each with the first of these.
    pub(crate) unreadable: Vec<(T, Unreadable)>,
}

/// One run: for whom, how, and how far it is.
pub(crate) struct Run<'a> {
    merchant: &'a Merchant,
    pub(crate) options: &'a RunOptions,
    pub(crate) report: RunReport,
    hold: Arc<Hold>,
    /// As they were when the run began.
    settings: Arc<MerchantSettings>,
    checkpoints: BTreeMap<Resource, Marker>,
    lacking: Lacking,
    /// Why something that the run was to read is not known, and what to do.
    broke_off: Option<Note>,
    meters: BTreeMap<Resource, ProgressMeter>,
    /// What the POS last answered instead of doing what it was asked.
    pos_failure: Option<String>,
    silence: Silence,
}

impl<'a> Run<'a> {
    /// A run of a merchant whose client asks `hold` before each request.
    fn new(merchant: &'a Merchant, options: &'a RunOptions, sync: &str, hold: Arc<Hold>) -> Self {
        let (connection, now) = (merchant.connection().clone(), merchant.runtime().now());
        let mut report = RunReport::start(sync, connection, options.context, options.scope, now);
        report.dry_run = options.dry_run;
        Self {
            merchant,
            options,
            report,
            hold,
            settings: Arc::default(),
            checkpoints: BTreeMap::new(),
            lacking: Lacking::new(merchant),
            broke_off: None,
            meters: BTreeMap::new(),
            pos_failure: None,
            silence: Silence::default(),
        }
    }

    pub(crate) fn merchant(&self) -> &'a Merchant {
        self.merchant
    }

    pub(crate) fn client(&self) -> &'a Client {
        self.merchant.client()
    }

    pub(crate) fn store(&self) -> &'a dyn Store {
        &**self.merchant.store()
    }

    pub(crate) fn connection(&self) -> &'a ConnectionId {
        self.merchant.connection()
    }

    pub(crate) fn runtime(&self) -> &'a dyn Runtime {
        &**self.merchant.runtime()
    }

    /// What the merchant has set up, as it was when the run began.
    pub(crate) fn settings(&self) -> &MerchantSettings {
        &self.settings
    }

    pub(crate) fn limits(&self) -> &'a RunLimits {
        self.merchant.limits()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.runtime().now()
    }

    /// Whether everything is read, because it was asked for or is due again.
    pub(crate) fn is_full(&self) -> bool {
        self.report.scope == Scope::Full
    }

    /// How conflicts are decided.
    pub(crate) fn settling(&self) -> Settling {
        Settling { context: self.options.context, unit: self.settings().conflicts }
    }

    /// Reads everything when the last time is too long ago. A schedule does so by itself; a person says so.
    fn widen(&mut self) {
        let last = self.checkpoint(&Resource::FULL_MENU);
        let every = i64::from(self.settings().full_every_hours) * 60 * 60;
        let due = match last {
            Some(last) => self.now().timestamp().saturating_sub(last) >= every,
            None => self.checkpoint(&Resource::ARTICLES).is_some(),
        };
        if due && self.options.context == SyncContext::Scheduled {
            self.report.scope = Scope::Full;
        }
    }

    /// Notes that something that the run was to read is not known: it has not completed.
    pub(crate) fn break_off(&mut self, note: Note) {
        self.broke_off.get_or_insert(note);
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

    /// Asks for a short list, whole: its items, and the first value of each other item that cannot be read.
    pub(crate) async fn list<O: Operation<Response: ListResponse> + Clone>(
        &mut self,
        operation: O,
        items: fn(O::Response) -> Vec<ItemOf<O>>,
    ) -> Result<List<ItemOf<O>>, mplus_qapi::Error> {
        match self.call(operation.clone()).await {
            Err(error) if unreadable_at(&error).is_some() => {}
            answer => return Ok(List { items: items(answer?), unreadable: Vec::new() }),
        }
        self.report.requests += 1;
        let mut stream = self.client().call(operation).leaving_out_unreadable(true).stream();
        let mut list = List { items: Vec::new(), unreadable: Vec::new() };
        while let Some(item) = stream.next().await {
            let item = item?;
            match stream.take_unreadable().into_iter().next() {
                None => list.items.push(item),
                Some(value) => list.unreadable.push((item, value)),
            }
        }
        Ok(list)
    }

    /// Writes a chunk. False when a record has moved on since it was read: read again, decide again.
    pub(crate) async fn apply(&mut self, chunk: CatalogChunk) -> Result<bool, StepError> {
        if self.options.dry_run || chunk == CatalogChunk::default() {
            return Ok(true);
        }
        self.keep_lease().await?;
        let checkpoints = chunk.checkpoints.clone();
        match self.store().apply(self.connection(), chunk).await {
            Ok(applied) => {
                self.report.writes += 1;
                applied.parked.iter().for_each(|row| self.report.fail(Note::parked(row)));
                self.checkpoints.extend(checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)));
                Ok(true)
            }
            Err(error) if error.kind() == StoreErrorKind::Conflict => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps how far a resource was pulled, when that is news.
    pub(crate) async fn keep_checkpoint(&mut self, resource: Resource, marker: i64) -> Result<(), StepError> {
        if self.checkpoint(&resource) != Some(marker) {
            let checkpoints = vec![Checkpoint::new(resource, Marker::new(marker))];
            self.apply(CatalogChunk { checkpoints, ..CatalogChunk::default() }).await?;
        }
        Ok(())
    }

    /// Keeps nothing of a resource any more.
    pub(crate) async fn forget_checkpoint(&mut self, resource: Resource) -> Result<(), StepError> {
        if self.checkpoints.contains_key(&resource) && !self.options.dry_run {
            self.keep_lease().await?;
            self.store().forget_checkpoints(self.connection(), std::slice::from_ref(&resource)).await?;
            self.report.writes += 1;
            self.checkpoints.remove(&resource);
        }
        Ok(())
    }

    /// Makes sure that the run may still send and write: it has its lease, and the merchant is connected.
    pub(crate) async fn keep_lease(&self) -> Result<(), StepError> {
        self.merchant.check_standing().await?;
        self.hold.keep().await
    }

    /// Reads what holds for the run: settings, how far earlier runs came, what the POS lacks.
    async fn load(&mut self) -> Result<(), StepError> {
        self.settings = self.merchant.settings().await?.settings;
        let checkpoints = self.store().checkpoints(self.connection()).await?;
        self.checkpoints = checkpoints.into_iter().map(|kept| (kept.resource, kept.marker)).collect();
        self.widen();
        if self.is_full() {
            self.ask_again().await?;
        } else {
            let connection = self.store().connection(self.connection()).await?;
            self.lacking.read_from(connection.as_ref());
        }
        Ok(())
    }

    /// A full run asks for everything again that the POS lacked: it may be a newer one by now.
    async fn ask_again(&mut self) -> Result<(), StepError> {
        self.lacking.ask_again();
        if !self.options.dry_run {
            let forget = |connection: &mut Connection| !std::mem::take(&mut connection.lacking).is_empty();
            update_connection(self.store(), self.connection(), &forget).await?;
        }
        Ok(())
    }

    /// Whether the POS is known not to have an operation.
    pub(crate) fn lacks(&self, operation: &str) -> bool {
        self.lacking.is_known_to_lack(operation)
    }

    /// Remembers that the POS does not have an operation, so that later runs need not ask. A dry run keeps nothing.
    pub(crate) async fn learn_lacking(&mut self, operation: &str) {
        if self.options.dry_run {
            self.lacking.remember(operation);
        } else {
            self.lacking.learn(operation).await;
        }
    }

    /// From which marker on a resource has to be read; none when nothing changed.
    pub(crate) fn due(&self, resource: &Resource, current: Option<i64>) -> Option<i64> {
        match (self.checkpoint(resource), current) {
            (Some(_), _) if self.is_full() => Some(0),
            (None, _) => Some(0),
            // The POS was put back to an earlier state: its markers say nothing of what the host has.
            (Some(known), Some(current)) if current < known => Some(0),
            (Some(known), Some(current)) if current == known => None,
            (Some(known), _) => Some(known + 1),
        }
    }

    /// How far a resource was pulled.
    pub(crate) fn checkpoint(&self, resource: &Resource) -> Option<i64> {
        self.checkpoints.get(resource).map(|marker| marker.get())
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
            tell(&*self.options.progress, &progress);
        }
    }

    /// Leaves a record out and says why.
    pub(crate) fn skip(&mut self, resource: &Resource, subject: Subject, message: &str, advice: &str) {
        self.report.skip(Note::about(resource.clone(), subject, message, advice));
    }
}
