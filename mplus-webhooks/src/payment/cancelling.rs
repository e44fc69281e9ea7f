//! Which payments are being cancelled by this process: each by one call at a time, however often a cashier asks.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::record::PaymentKey;

/// The payments whose provider is being asked to cancel.
#[derive(Debug, Default)]
pub(super) struct Cancelling(Mutex<HashSet<PaymentKey>>);

/// The right to ask, until it is dropped.
pub(super) struct Alone {
    cancelling: Arc<Cancelling>,
    key: PaymentKey,
}

impl Cancelling {
    /// `None` while somebody else asks.
    pub(super) fn begin(self: &Arc<Self>, key: &PaymentKey) -> Option<Alone> {
        let begun = self.keys().insert(key.clone());
        begun.then(|| Alone { cancelling: self.clone(), key: key.clone() })
    }

    fn keys(&self) -> MutexGuard<'_, HashSet<PaymentKey>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.cancelling.keys().remove(&self.key);
    }
}
