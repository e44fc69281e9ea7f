//! One process's part of one store's work: what it has at hand.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::connection::Host;
use crate::model::Holder;
use crate::orders::OrderObserver;

use super::left_out::LeftOut;
use super::observer::RunObserver;
use super::open::Merchants;
use super::settings::FleetSettings;
use super::share::{Again, Share};
use super::silent::Silent;

/// Starts a piece of work where the host wants it to run.
pub(super) type Spawn = dyn Fn(BoxFuture<'static, ()>) + Send + Sync;

/// One process's part of one store's work.
pub(super) struct Process {
    pub(super) host: Host,
    pub(super) settings: FleetSettings,
    pub(super) merchants: Merchants,
    pub(super) silent: Silent,
    /// How much of the room for runs those have whose POS kept silent the last time.
    pub(super) silent_runs: Share,
    /// When those of them come again that found none of it.
    pub(super) again: Again,
    /// The merchants whose orders, and those whose runs, are left to others: neither keeps the other from being looked at.
    pub(super) left_orders: LeftOut,
    pub(super) left_runs: LeftOut,
    pub(super) holder: Holder,
    pub(super) observer: Option<Arc<dyn OrderObserver>>,
    pub(super) run_observer: Option<Arc<dyn RunObserver>>,
    pub(super) spawn: Option<Arc<Spawn>>,
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("holder", &self.holder).finish_non_exhaustive()
    }
}
