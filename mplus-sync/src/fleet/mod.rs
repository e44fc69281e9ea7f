//! All merchants of a host, worked for by any number of processes.
//!
//! A [`Fleet`] forwards the orders of all merchants, runs what is due of them (daily syncs, stock at its own interval, what was
//! asked for, what failed and is tried again), tells the host what became of its orders, and removes what is older than its
//! retention. The database is what holds it together: each process claims what it works on, and what a process that crashed
//! had claimed goes to another one when the claim has ended. A merchant that has nothing to do is a row: no task, timer or
//! question is its own.
//!
//! * Orders go around the merchants: a backlog of one postpones no other's. No merchant has more than
//!   [`at_once`](FleetSettings::at_once) under way over all processes, and the orders of a table keep their order.
//! * What is queued in this process is claimed at once; what is queued in another one, as soon as the store tells of it or
//!   is asked again, within [`longest_poll`](FleetSettings::longest_poll).
//! * Requests for a sync that come together become one run. A daily run that was due while nothing ran is caught up, once.
//! * A merchant that is paused, disconnected or removed is left alone from then on; new credentials and settings hold from
//!   the next piece of work on.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use mplus_sync::Host;
//! use mplus_sync::cancel::CancelToken;
//! use mplus_sync::fleet::Fleet;
//!
//! # async fn serve(host: Host, stop: CancelToken) {
//! let fleet = Fleet::new(host); // the same in every process
//! let report = fleet.run(&stop).await;
//! println!("{} orders are at their POS", report.orders.accepted);
//! # }
//! ```

mod alive;
mod broken;
mod close;
mod due;
mod ending;
mod lane;
mod left_out;
mod observe;
mod observer;
mod open;
mod order;
mod pace;
mod presence;
mod process;
mod report;
mod request;
mod run;
mod settings;
mod shards;
mod share;
mod silent;
mod status;
mod terms;
mod trouble;
mod upkeep;
mod work;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::cancel::CancelToken;
use crate::connection::{Host, OpenError};
use crate::integration::Integration;
use crate::model::{Connection, ConnectionId, Holder, RunKind, RunStatus, StoredReport};
use crate::orders::OrderObserver;
use crate::store::{Page, StoreError, StoreErrorKind, Wake, update_connection};

use left_out::LeftOut;
use open::Merchants;
use process::{Process, Spawn};
use share::{Again, Share};
use silent::Silent;

pub use alive::steps_of;
pub use observer::RunObserver;
pub use presence::ProcessStatus;
pub use report::{FleetReport, RunCounts};
pub use settings::{FleetSettings, Retention};
pub use shards::{ByHash, ShardMap};
pub use status::{FailingMerchant, FleetStatus, SilentStore};

/// All merchants of a host's stores. Cheap to clone.
///
/// Every process of a host makes one in the same way, and [runs](Self::run) it if it is to do the work; one that does not,
/// such as a web server, asks for syncs with it all the same.
#[derive(Clone)]
#[must_use]
pub struct Fleet {
    hosts: Arc<[Host]>,
    map: Arc<dyn ShardMap>,
    settings: FleetSettings,
    observer: Option<Arc<dyn OrderObserver>>,
    run_observer: Option<Arc<dyn RunObserver>>,
    spawn: Option<Arc<Spawn>>,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet")
            .field("hosts", &self.hosts)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Fleet {
    /// All merchants of one store. The host's [name](Host::named) has to be no other process's.
    pub fn new(host: Host) -> Self {
        Self::over([host], ByHash::over(1))
    }

    /// All merchants of several stores, for more of them than one database server serves: a host for each store, and which
    /// merchant lives in which. A store that the map does not know is taken as the last one.
    pub fn over(hosts: impl IntoIterator<Item = Host>, map: impl ShardMap + 'static) -> Self {
        Self {
            hosts: hosts.into_iter().collect(),
            map: Arc::new(map),
            settings: FleetSettings::default(),
            observer: None,
            run_observer: None,
            spawn: None,
        }
    }

    /// The same with other settings.
    pub fn with_settings(self, settings: FleetSettings) -> Self {
        Self { settings, ..self }
    }

    /// The same, telling the host what becomes of its orders.
    pub fn with_observer(self, observer: Arc<dyn OrderObserver>) -> Self {
        Self { observer: Some(observer), ..self }
    }

    /// The same, telling the host what came of its runs.
    pub fn with_run_observer(self, observer: Arc<dyn RunObserver>) -> Self {
        Self { run_observer: Some(observer), ..self }
    }

    /// The same, with each order and run started as a task of the host's runtime, so that more than one thread does the
    /// work. Without it everything is done within [`run`](Self::run).
    ///
    /// ```no_run
    /// # fn spawning(fleet: mplus_sync::fleet::Fleet) -> mplus_sync::fleet::Fleet {
    /// fleet.spawning(|work| drop(tokio::spawn(work)))
    /// # }
    /// ```
    pub fn spawning(
        self,
        spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
    ) -> Self {
        Self { spawn: Some(Arc::new(spawn)), ..self }
    }

    /// Does the work of all merchants until it is cancelled; any number of processes may.
    ///
    /// After a cancel it takes nothing new and ends what is under way within [`grace`](FleetSettings::grace); what has not
    /// ended by then is stopped and given back, so that another process goes on at once.
    pub async fn run(&self, cancel: &CancelToken) -> FleetReport {
        let processes = self.hosts.iter().map(|host| self.process(host));
        let mut report = FleetReport::default();
        for done in join_all(processes.map(|process| async move { process.work(cancel).await })).await {
            report.add(done);
        }
        report
    }

    fn process(&self, host: &Host) -> Arc<Process> {
        let runtime = host.runtime();
        let life = format!("{}-{:08x}", std::process::id(), (runtime.random() * f64::from(u32::MAX)) as u32);
        Arc::new(Process {
            host: host.clone(),
            settings: self.settings.clone(),
            merchants: Merchants::new(host.clone(), self.settings.clone()),
            silent: Silent::new(self.settings.orders),
            silent_runs: Share::quarter_of(self.settings.runs),
            again: Again::default(),
            left_orders: LeftOut::default(),
            left_runs: LeftOut::default(),
            holder: Holder::of(host.worker().clone(), life),
            observer: self.observer.clone(),
            run_observer: self.run_observer.clone(),
            spawn: self.spawn.clone(),
        })
    }

    /// What is due and what runs of a merchant, in whatever process: since when, and how far it is ([`steps_of`]).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn runs(&self, connection: &ConnectionId) -> Result<Vec<RunStatus>, StoreError> {
        self.host_of(connection)?.store().runs(connection).await
    }

    /// The last report of each kind of run of a merchant, whole, as JSON.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn last_reports(
        &self,
        connection: &ConnectionId,
    ) -> Result<Vec<(RunKind, StoredReport)>, StoreError> {
        self.host_of(connection)?.store().last_reports(connection).await
    }

    /// Takes up a merchant's integration, from the store in which it lives.
    ///
    /// # Errors
    /// When there is no such connection, it was disconnected, or the store or the vault fails.
    pub async fn open(&self, connection: &ConnectionId) -> Result<Integration, OpenError> {
        let host = self.host_of(connection)?.clone();
        Integration::open(host, connection.clone()).await
    }

    /// Has a merchant rest: nothing of it is begun from now on, everything is kept. What is under way ends. Repeating it is
    /// safe. False when there is no such merchant.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn pause(&self, connection: &ConnectionId) -> Result<bool, StoreError> {
        let now = self.host_of(connection)?.runtime().now();
        self.set_paused(connection, Some(now)).await
    }

    /// Ends a merchant's rest. What was due meanwhile is begun. Repeating it is safe. False when there is no such merchant.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn resume(&self, connection: &ConnectionId) -> Result<bool, StoreError> {
        let resumed = self.set_paused(connection, None).await?;
        let host = self.host_of(connection)?;
        let store = host.store();
        if resumed {
            // What its POS was left alone for may be over: that is found out with its next order.
            store.rest(connection, host.runtime().now()).await?;
        }
        Wake::ALL.into_iter().for_each(|wake| store.wake(wake));
        Ok(resumed)
    }

    async fn set_paused(
        &self,
        connection: &ConnectionId,
        paused: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let store = self.host_of(connection)?.store();
        let change = |connection: &mut Connection| match paused {
            None => connection.end_rest(),
            Some(_) if connection.paused.is_some() => false,
            Some(_) => {
                connection.paused = paused;
                true
            }
        };
        Ok(update_connection(&**store, connection, &change).await?.is_some())
    }

    /// Removes everything of a merchant: credentials, settings, menu, orders, runs, log. What is under way loses its claims.
    /// Repeating it is safe.
    ///
    /// # Errors
    /// When the store or the vault fails; doing it again removes the rest.
    pub async fn remove(&self, connection: &ConnectionId) -> Result<(), StoreError> {
        let host = self.host_of(connection)?;
        host.vault().forget_credentials(connection).await?;
        host.store().remove_connection(connection).await
    }

    /// Takes up again what was [set aside](FleetStatus::set_aside) of a merchant since it could not be read, after a person mended it:
    /// orders, due runs, notices. Counts them; what still cannot be read is set aside again. A newer release does so by itself.
    ///
    /// # Errors
    /// When the store fails; doing it again takes up the rest.
    pub async fn take_up_set_aside(&self, connection: &ConnectionId) -> Result<u64, StoreError> {
        let host = self.host_of(connection)?;
        host.store().take_up_again(connection, host.runtime().now()).await
    }

    /// Discards the notices and due runs of a merchant that were set aside since they cannot be read, and counts them: later notices of
    /// those orders are told, and what was due is planned anew. Orders stay: those are queued again or withdrawn. What is discarded is
    /// listed by [`unreadable`](crate::store::CatalogStore::unreadable) before.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn discard_set_aside(&self, connection: &ConnectionId) -> Result<u64, StoreError> {
        let count = self.host_of(connection)?.store().discard_set_aside(connection).await?;
        self.take_up(connection).await?;
        Ok(count)
    }

    /// How all of it is doing, over all stores and processes. It counts in the database, whatever the number of merchants: for a
    /// page that a person looks at, or a monitor that asks now and then.
    ///
    /// Of several stores one that does not answer hides no other: it is in [`silent_stores`](FleetStatus::silent_stores).
    ///
    /// # Errors
    /// When no store answers.
    pub async fn status(&self) -> Result<FleetStatus, StoreError> {
        let mut status = FleetStatus::default();
        let (mut answered, mut failed) = (false, None);
        for (store, answer) in join_all(self.hosts.iter().map(FleetStatus::of)).await.into_iter().enumerate()
        {
            match answer {
                Ok(of_store) => {
                    status.add(of_store);
                    answered = true;
                }
                Err(error) => {
                    status.silent_stores.push(SilentStore { store, error: error.to_string() });
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(status),
        }
    }

    /// The merchants of one store whose POS fails, a page at a time, in the order of their identifiers. Stores are counted as
    /// they were [given](Self::over); there are none of one that is not there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn failing(
        &self,
        store: usize,
        page: Page<ConnectionId>,
    ) -> Result<Vec<FailingMerchant>, StoreError> {
        match self.hosts.get(store) {
            Some(host) => status::failing(host, page).await,
            None => Ok(Vec::new()),
        }
    }

    /// The host of the store in which a merchant lives.
    fn host_of(&self, connection: &ConnectionId) -> Result<&Host, StoreError> {
        let place = self.map.store_of(connection).min(self.hosts.len().saturating_sub(1));
        let none =
            || StoreError::new(StoreErrorKind::Invalid, "find a merchant's store in a fleet without any");
        self.hosts.get(place).ok_or_else(none)
    }
}
