//! Calls that a POS does not know: learnt once, done without afterwards.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mplus_qapi::soap::Operation;
use mplus_qapi::{Call, RetryPolicy};

use crate::model::Connection;
use crate::pos_call::is_unknown_operation;
use crate::store::update_connection;

use super::Merchant;

/// The longest rests between attempts of a call that is made [once](Lacking::call_once).
const PAUSES: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

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
        let call = self.merchant.client().call(operation);
        self.answer(match timeout {
            Some(timeout) => call.timeout(timeout),
            None => call,
        })
        .await
    }

    /// The same for a call that must not be carried out twice, though the POS may have forgotten its key: it is made again only
    /// when it never left.
    ///
    /// # Errors
    /// When the call fails for another reason.
    pub(crate) async fn call_once<O: Operation + Clone>(
        &self,
        operation: O,
        timeout: Duration,
    ) -> Result<Option<O::Response>, mplus_qapi::Error> {
        if self.lacks(O::INFO.name).await {
            return Ok(None);
        }
        let mut pauses = PAUSES.into_iter();
        loop {
            let call = self.merchant.client().call(operation.clone()).timeout(timeout);
            match (self.answer(call.retry(RetryPolicy::none())).await, pauses.next()) {
                (Err(error), Some(pause)) if error.is_connect() => {
                    let runtime = self.merchant.runtime();
                    let pause = pause.mul_f64(runtime.random().clamp(0.0, 1.0));
                    if !pause.is_zero() {
                        runtime.sleep(pause).await;
                    }
                }
                (answered, _) => return answered,
            }
        }
    }

    async fn answer<O: Operation>(&self, call: Call<O>) -> Result<Option<O::Response>, mplus_qapi::Error> {
        match call.await {
            Ok(response) => Ok(Some(response)),
            Err(error) if is_unknown_operation(&error) => {
                self.learn(O::INFO.name).await;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether the POS is known to lack an operation. What it lacks is looked up each time: a full run may have found out since
    /// that the POS is a newer one.
    pub(crate) async fn lacks(&self, operation: &str) -> bool {
        if self.lock().as_ref().is_some_and(|known| !known.contains(operation)) {
            return false;
        }
        match self.merchant.store().connection(self.merchant.connection()).await {
            Ok(Some(connection)) => *self.lock() = Some(connection.lacking),
            Ok(None) => self.read_from(None),
            // A store that cannot be asked now is asked at the next call.
            Err(_) => {}
        }
        self.is_known_to_lack(operation)
    }

    /// Takes over what a connection says that was read just now.
    pub(crate) fn read_from(&self, connection: Option<&Connection>) {
        let read = connection.map(|connection| connection.lacking.clone()).unwrap_or_default();
        self.lock().get_or_insert_default().extend(read);
    }

    /// Whether the POS is known to lack an operation, as far as it was read or learnt.
    pub(crate) fn is_known_to_lack(&self, operation: &str) -> bool {
        self.lock().as_ref().is_some_and(|known| known.contains(operation))
    }

    /// Takes nothing for lacking: everything is asked for again, as the POS may be a newer one by now.
    pub(crate) fn ask_again(&self) {
        *self.lock() = Some(BTreeSet::new());
    }

    /// Remembers for as long as this lives that the POS lacks an operation. False when it was known.
    pub(crate) fn remember(&self, operation: &str) -> bool {
        self.lock().get_or_insert_default().insert(operation.to_owned())
    }

    /// Keeps in the connection that the POS lacks an operation.
    pub(crate) async fn learn(&self, operation: &str) {
        if !self.remember(operation) {
            return;
        }
        let change = |connection: &mut Connection| connection.lacking.insert(operation.to_owned());
        // A store that fails leaves it to this process to remember.
        let _ = update_connection(&**self.merchant.store(), self.merchant.connection(), &change).await;
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
