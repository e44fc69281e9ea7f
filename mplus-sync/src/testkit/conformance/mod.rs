//! The behaviours that every implementation of the storage traits must show.
//!
//! A host that implements the traits over its own database runs this in a test:
//!
//! ```
//! use std::sync::Arc;
//! use mplus_sync::store::{MemoryStore, Store, StoreError};
//! use mplus_sync::testkit::conformance::{self, StoreFactory};
//!
//! struct MyStores(std::sync::Mutex<std::collections::BTreeMap<String, Arc<MemoryStore>>>);
//!
//! #[async_trait::async_trait]
//! impl StoreFactory for MyStores {
//!     async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError> {
//!         let mut stores = self.0.lock().unwrap();
//!         let store: Arc<dyn Store> = stores.entry(name.to_owned()).or_default().clone();
//!         Ok(store)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let report = conformance::run(&MyStores(Default::default())).await;
//! assert!(report.is_met(), "{report}");
//! # }
//! ```

mod catalog;
mod edits;
mod fairness;
mod leases;
mod logs;
mod notices;
mod orders;
mod places;
mod runs;
mod samples;
mod unreadable;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::store::{Store, StoreError, StoreErrorKind};

/// Opens the stores that are tested.
#[async_trait]
pub trait StoreFactory: Send + Sync {
    /// Opens a store by its name, which is made of lower-case letters, digits and underscores.
    ///
    /// The first time it is empty. Opening the same name again, as another worker would, gives a handle on the same
    /// data.
    async fn open(&self, name: &str) -> Result<Arc<dyn Store>, StoreError>;

    /// Changes a row of a store that was opened so that it cannot be read, as a newer release or an accident would: the JSON of
    /// `row` gets a field of the wrong type, or whatever comes to the same. False when this factory cannot; then the behaviours
    /// of such rows are left untried.
    async fn spoil(&self, name: &str, row: &Spoil) -> Result<bool, StoreError> {
        let _ = (name, row);
        Ok(false)
    }

    /// Takes back what [`spoil`](Self::spoil) did to a row.
    async fn mend(&self, name: &str, row: &Spoil) -> Result<(), StoreError> {
        let _ = (name, row);
        Ok(())
    }
}

/// A row of the connection `merchant` that is made unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spoil {
    /// The order with this number.
    Order(String),
    /// The item with this identifier.
    Item(String),
    /// The due run of this kind.
    Run(String),
    /// The notices of the order with this number.
    Notice(String),
    /// The record of the connection itself.
    Connection,
}

/// What a run of the suite found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Report {
    /// The behaviours that the store showed.
    pub met: Vec<&'static str>,
    /// Those that it did not show.
    pub failed: Vec<Failure>,
    /// Those that were not tried, since they need a row that cannot be read: see [`StoreFactory::spoil`].
    pub untried: Vec<&'static str>,
}

/// A behaviour that a store did not show.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The behaviour, in a few words.
    pub behaviour: &'static str,
    /// What was found instead.
    pub found: String,
}

impl Report {
    /// Whether the store showed every behaviour that was tried.
    pub fn is_met(&self) -> bool {
        self.failed.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (met, failed, untried) = (self.met.len(), self.failed.len(), self.untried.len());
        writeln!(f, "{met} behaviours shown, {failed} not, {untried} not tried")?;
        self.failed.iter().try_for_each(|failure| writeln!(f, "- {}: {}", failure.behaviour, failure.found))
    }
}

/// Runs every behaviour, each on a store of its own.
pub async fn run(factory: &dyn StoreFactory) -> Report {
    let mut report = Report::default();
    for (behaviour, check) in BEHAVIOURS {
        let case = Case { factory, name: behaviour, is_untried: AtomicBool::new(false) };
        match check(&case).await {
            Ok(()) if case.is_untried.load(Ordering::Relaxed) => report.untried.push(behaviour),
            Ok(()) => report.met.push(behaviour),
            Err(unmet) => report.failed.push(Failure { behaviour, found: unmet.0 }),
        }
    }
    report
}

/// One behaviour's store.
struct Case<'a> {
    factory: &'a dyn StoreFactory,
    name: &'static str,
    /// Whether the factory could not make a row unreadable.
    is_untried: AtomicBool,
}

impl Case<'_> {
    fn store(&self) -> String {
        self.name.chars().map(|c| if c == ' ' { '_' } else { c }).collect()
    }

    /// A handle on the behaviour's store; each call gives another handle on the same data.
    async fn open(&self) -> Result<Arc<dyn Store>, Unmet> {
        Ok(self.factory.open(&self.store()).await?)
    }

    async fn spoil(&self, row: &Spoil) -> Result<bool, Unmet> {
        let is_spoiled = self.factory.spoil(&self.store(), row).await?;
        self.is_untried.fetch_or(!is_spoiled, Ordering::Relaxed);
        Ok(is_spoiled)
    }

    async fn mend(&self, row: &Spoil) -> Result<(), Unmet> {
        Ok(self.factory.mend(&self.store(), row).await?)
    }
}

/// What was found instead of the behaviour.
struct Unmet(String);

impl From<StoreError> for Unmet {
    fn from(error: StoreError) -> Self {
        Self(format!("the store failed: {error}"))
    }
}

type Checked = Result<(), Unmet>;
type Behaviour = for<'a> fn(&'a Case<'a>) -> BoxFuture<'a, Checked>;

fn expect(what: &str, holds: bool) -> Checked {
    if holds { Ok(()) } else { Err(Unmet(format!("not so: {what}"))) }
}

fn expect_equal<T: PartialEq + fmt::Debug>(what: &str, found: T, wanted: T) -> Checked {
    if found == wanted { Ok(()) } else { Err(Unmet(format!("{what}: wanted {wanted:?}, found {found:?}"))) }
}

fn expect_refused<T: fmt::Debug>(what: &str, found: Result<T, StoreError>, kind: StoreErrorKind) -> Checked {
    match found {
        Err(error) if error.kind() == kind => Ok(()),
        Err(error) => Err(Unmet(format!("{what}: wanted an error of kind {kind:?}, found {error:?}"))),
        Ok(value) => Err(Unmet(format!("{what}: wanted an error of kind {kind:?}, found {value:?}"))),
    }
}

/// Names each behaviour after its function.
macro_rules! behaviours {
    ($($module:ident :: { $($name:ident: $words:literal,)* })*) => {
        &[$($(($words, |case| Box::pin($module::$name(case))),)*)*]
    };
}

const BEHAVIOURS: &[(&str, Behaviour)] = behaviours! {
    catalog::{
        chunk_with_checkpoint: "a chunk is written with its checkpoint",
        every_field: "every field of a record survives",
        found_by_both_sides: "records are found by both sides identifiers",
        pages: "pages come in the order of identifiers and leave nothing out",
        stale_revision: "a stale revision writes nothing of its chunk",
        existing_is_not_new: "a new record that exists is refused",
        number_taken: "a number belongs to one record",
        twice_in_a_chunk: "a record twice in a chunk is refused",
        big_chunk: "a chunk of thousands is written at once",
        big_chunk_refused: "of a large chunk that is refused nothing is written",
        one_writer_wins: "of concurrent writers of one revision one wins",
        connections_apart: "connections never see each other",
        checkpoints_forgotten: "checkpoints are replaced and forgotten",
    }
    edits::{
        pending_until_pushed: "an edit is pending until it is pushed",
        edit_keeps_number: "an edit keeps number and sync state",
        edit_during_push: "an edit made during a push stays pending",
        edit_during_pull: "an edit made during a pull is not overwritten",
        pull_settles_edit: "a pull can settle an edit",
        pushed_absent: "marking an absent record as pushed changes nothing",
        edited_pages: "edited records come in pages",
        only_what_is_named: "an edit changes only what it names",
        stale_edits: "a stale edit is refused or merged field by field",
        hidden_stays: "what the host hides is its own",
        pushed_raises_revision: "marking as pushed raises the revision",
    }
    places::{
        locations: "locations are kept with their branches",
        floor_plans: "a floor plan replaces the one before",
        items_of_articles: "items are found by their articles",
        stock_with_checkpoint: "stock is written with its checkpoint",
        stock_stays: "stock that a chunk does not name stays",
        stock_pages: "stock comes in pages by location",
    }
    orders::{
        queued_once: "an order is queued once",
        queued_at_once_by_two: "an order queued by two at once is queued once",
        another_order: "another order with a known number is refused",
        claimed_by_one: "an order is claimed by one worker",
        claims_by_connection: "a worker can ask for one connection",
        accepted: "an accepted order keeps its numbers at the pos",
        retried: "an order to be retried waits its time",
        poison: "a failing order holds up no other",
        table_order_kept: "orders of a table go in their order",
        table_not_blocked: "a rejected order frees its table",
        expired_claim: "the claim of a dead worker returns",
        lost_claim: "a lost claim records nothing but success",
        first_success_stays: "the first success stays",
        extended: "an extended claim holds longer",
        requeued: "a person can queue an order again",
        states: "orders are listed and counted by state",
        pruned: "ended orders are pruned by state and connection",
        whole_order: "every field of an order survives",
    }
    fairness::{
        rounds: "claims go around the merchants",
        left_out: "orders of connections that are left out are not claimed",
        at_once: "no merchant has more under way than allowed",
        held_and_resting: "held and resting connections are left alone",
        waits: "waiting spends no attempts",
        table_turn: "a requeued order waits for its tables turn",
        withdrawn_and_replaced: "an order is withdrawn replaced and cancelled",
        requeued_together: "orders are queued again together",
        hidden_by_nobody: "orders that wait at their tables hide nobody",
        given_back: "an order that is given back counts as nothing",
    }
    notices::{
        in_order: "notices of an order come in their order",
        postponed: "a notice that could not be told comes again",
        not_without_change: "an outcome is told once",
        recorded_together: "outcomes that come together are recorded as if one by one",
    }
    runs::{
        one_run: "several requests become one run",
        claimed_by_one: "a run is claimed by one process",
        turns: "what somebody waits for goes before what is due by itself",
        lost: "a lost run is taken up again",
        held: "runs of a held connection wait",
        left_out: "runs of connections that are left out are not claimed",
        without: "connections without a run are found",
        reports: "the last report of each kind is kept",
        other_reasons: "a reason of another release is kept",
    }
    unreadable::{
        order_parked: "an order that cannot be read holds up nobody",
        order_keeps_its_turn: "an order that cannot be read keeps its tables turn",
        runs_parked: "runs that cannot be read hide no other",
        run_begun_anew: "a run that cannot be read is begun anew by whoever looks after the connection",
        notices_parked: "notices that cannot be read hide no other",
        connection_hidden: "a connection that cannot be read hides no other",
        item_parked: "an item that cannot be read holds up nobody",
    }
    leases::{
        one_holder: "a lease has one holder",
        ended: "an ended lease goes to the next",
        renewed: "a lease is renewed by its holder alone",
        released: "a released lease is free",
        race: "of workers asking at once one gets the lease",
        lives: "a restarted process takes over its leases",
        seen: "leases are seen by others and leave nothing behind",
    }
    logs::{
        activities: "activities are read newest first",
        activities_pruned: "old activities are pruned",
        connections: "connections are kept and listed",
        failing_connections: "connections are counted and those that fail are listed",
        connection_compare_and_set: "a connection is written by compare and set",
        settings: "settings are kept by compare and set",
        removed: "removing a connection removes everything of it alone",
        case_matters: "identifiers are compared byte by byte",
        microseconds: "times are kept to the microsecond",
        customers: "the first link of a customer stays",
        customers_at_once: "links made at once end as one",
    }
};
