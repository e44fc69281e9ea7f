//! Calls that a POS does not know: learnt once, done without afterwards.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mplus_qapi::soap::Operation;

use crate::pos_call::is_unknown_operation;
use crate::store::update_connection;

use super::Merchant;

/// Makes calls that not every POS knows, and keeps in the connection which ones this POS lacks.
pub(crate) struct Lacking {
    merchant: Merchant,
    /// None until the connection was read.
    known: Mutex<Option<BTreeSet<String>>>,
}

impl Lacking {
    pub(crate) fn new(merchant: &Merchant) -> Self {
        Self { merchant: merchant.clone(), known: Mutex::new(None) }
    }

    /// Makes a call; none when the POS does not know it.
    ///
    /// # Errors
    /// When the call fails for another reason.
    pub(crate) async fn call<O: Operation>(
        &self,
        operation: O,
        timeout: Option<Duration>,
    ) -> Result<Option<O::Response>, mplus_qapi::Error> {
        if self.lacks(O::INFO.name).await {
            return Ok(None);
        }
        let mut call = self.merchant.client().call(operation);
        if let Some(timeout) = timeout {
            call = call.timeout(timeout);
        }
        match call.await {
            Ok(response) => Ok(Some(response)),
            Err(error) if is_unknown_operation(&error) => {
                self.learn(O::INFO.name).await;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the POS is known to lack an operation.
    pub(crate) async fn lacks(&self, operation: &str) -> bool {
        if let Some(known) = &*self.lock() {
            return known.contains(operation);
        }
        let connection = self.merchant.store().connection(self.merchant.connection()).await;
        // A store that cannot be asked now is asked at the next call.
        let Ok(connection) = connection else { return false };
        let read = connection.map(|connection| connection.lacking).unwrap_or_default();
        let mut known = self.lock();
        known.get_or_insert_default().extend(read);
        known.as_ref().is_some_and(|known| known.contains(operation))
    }

    /// Keeps that the POS lacks an operation.
    async fn learn(&self, operation: &str) {
        self.lock().get_or_insert_default().insert(operation.to_owned());
        // A store that fails leaves it to this process to remember.
        let _ = update_connection(&**self.merchant.store(), self.merchant.connection(), &|connection| {
            connection.lacking.insert(operation.to_owned())
        })
        .await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<BTreeSet<String>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lacking").field(&*self.lock()).finish()
    }
}
