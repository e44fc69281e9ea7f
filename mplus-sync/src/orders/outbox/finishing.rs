//! Records how attempts end; those that end at the same time in one call of the store.

use std::sync::Arc;

use crate::model::{OutboxEntry, Outcome};
use crate::runtime::Runtime;
use crate::store::together::Together;
use crate::store::{Finished, Store, StoreError};

/// Records how attempts end. Workers that share one share its calls.
pub(crate) struct Finishing {
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    together: Together<Finished, Result<(), StoreError>>,
}

impl Finishing {
    pub(crate) fn new(store: Arc<dyn Store>, runtime: Arc<dyn Runtime>) -> Self {
        Self { store, runtime, together: Together::default() }
    }

    /// Records how a claimed order's attempt ended.
    ///
    /// # Errors
    /// As [`OrderOutbox::finish`](crate::store::OrderOutbox::finish).
    pub(crate) async fn finish(&self, entry: &OutboxEntry, outcome: &Outcome) -> Result<(), StoreError> {
        let (store, runtime) = (Arc::clone(&self.store), Arc::clone(&self.runtime));
        let record = move |finished: Vec<Finished>| {
            let (store, runtime) = (Arc::clone(&store), Arc::clone(&runtime));
            async move { store.finish_all(&finished, runtime.now()).await }
        };
        self.together.ask(Finished::new(entry, outcome.clone()), record).await?
    }
}
