//! How a run is to be.

use std::fmt;
use std::sync::Arc;

use crate::cancel::CancelToken;
use crate::conflict::SyncContext;
use crate::progress::{NoProgress, ProgressSink};
use crate::report::Scope;

/// One run: what started it, how much it looks at, who watches and who may stop it.
#[derive(Clone)]
#[must_use]
pub struct RunOptions {
    pub(crate) context: SyncContext,
    pub(crate) scope: Scope,
    pub(crate) dry_run: bool,
    pub(crate) accepts_loss: bool,
    pub(crate) cancel: CancelToken,
    pub(crate) progress: Arc<dyn ProgressSink>,
}

impl RunOptions {
    /// What changed since the last run, started by `context`.
    pub fn incremental(context: SyncContext) -> Self {
        let progress = Arc::new(NoProgress);
        Self {
            context,
            scope: Scope::Incremental,
            dry_run: false,
            accepts_loss: false,
            cancel: CancelToken::new(),
            progress,
        }
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

    /// Believes an answer that switches off much of the menu, or takes away all branch prices. Without this such an answer is
    /// held back and told; it is for the person who was told, and knows that it is meant.
    pub fn accepting_loss(self) -> Self {
        Self { accepts_loss: true, ..self }
    }

    /// Stops when this switch is thrown.
    pub fn cancelled_by(self, cancel: CancelToken) -> Self {
        Self { cancel, ..self }
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
