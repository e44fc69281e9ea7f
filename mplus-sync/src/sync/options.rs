//! How a run is to be, and what holds for all runs of a connection.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::conflict::SyncContext;
use crate::media::ImageRules;
use crate::progress::{NoProgress, ProgressSink};
use crate::report::Scope;
use crate::stock::{StockOptions, StockSettings};
use crate::tax::TaxMapping;

/// One run: what started it, how much it looks at, who watches and who may stop it.
#[derive(Clone)]
#[must_use]
pub struct RunOptions {
    pub(crate) context: SyncContext,
    pub(crate) scope: Scope,
    pub(crate) dry_run: bool,
    pub(crate) cancel: CancelToken,
    pub(crate) progress: Arc<dyn ProgressSink>,
}

impl RunOptions {
    /// What changed since the last run, started by `context`.
    pub fn incremental(context: SyncContext) -> Self {
        let progress = Arc::new(NoProgress);
        Self { context, scope: Scope::Incremental, dry_run: false, cancel: CancelToken::new(), progress }
    }

    /// Everything, started by `context`. Items whose articles are gone are made inactive.
    pub fn full(context: SyncContext) -> Self {
        Self { scope: Scope::Full, ..Self::incremental(context) }
    }

    /// What somebody who pressed the button wants: what changed since the last run.
    pub fn manual() -> Self {
        Self::incremental(SyncContext::Manual)
    }

    /// Writes nothing on either side; the report says what would have been done.
    pub fn dry_run(self) -> Self {
        Self { dry_run: true, ..self }
    }

    /// Stops when this switch is thrown.
    pub fn cancelled_by(self, cancel: CancelToken) -> Self {
        Self { cancel, ..self }
    }

    /// The same for the stock: it is told to the same watcher.
    pub(crate) fn for_stock(&self) -> StockOptions<'_> {
        let (context, scope) = (self.context, self.scope);
        StockOptions { context, scope, progress: &*self.progress }
    }

    /// Tells how far the run is.
    pub fn with_progress(self, progress: impl ProgressSink + 'static) -> Self {
        Self { progress: Arc::new(progress), ..self }
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self::manual()
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("context", &self.context)
            .field("scope", &self.scope)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// What holds for all syncs of a connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SyncSettings {
    /// The host's tax rates; the Dutch ones unless set.
    pub tax: TaxMapping,
    /// Articles that are asked for and stored at once: 500 unless set. Memory grows with it.
    pub chunk: u16,
    /// Pictures that are downloaded at the same time: 4 unless set.
    pub parallel_images: usize,
    /// Which pictures are taken.
    pub images: ImageRules,
    /// Whether and how stock is pulled.
    pub stock: StockSettings,
    /// How long a run may be silent before another worker may take over: 15 minutes unless set.
    pub lease: Duration,
}

impl Default for SyncSettings {
    fn default() -> Self {
        Self {
            tax: TaxMapping::dutch(),
            chunk: 500,
            parallel_images: 4,
            images: ImageRules::default(),
            stock: StockSettings::default(),
            lease: Duration::from_secs(15 * 60),
        }
    }
}
