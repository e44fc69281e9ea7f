//! How one pull is to be.

use std::fmt;

use crate::conflict::SyncContext;
use crate::progress::{NoProgress, ProgressSink};
use crate::report::Scope;

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
