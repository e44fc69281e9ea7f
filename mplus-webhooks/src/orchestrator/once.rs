//! Work that is done once, however often it is asked for, and by however many processes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use crate::error::Refusal;
use crate::event::{AnyEvent, EventName, identity};
use crate::payment::store_failed;
use crate::runtime::Runtime;
use crate::store::{Claim, Store, StoredReply};
use crate::transaction::SessionKey;

/// How long to wait before looking again whether somebody else has finished.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Does work once per key.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: Arc<dyn Runtime>,
    /// After this long, whoever claimed the work is taken to be gone.
    pub(crate) lease: TimeDelta,
}

impl Once {
    /// The answer of work that was done before; else does it. Work that fails may be asked for again.
    pub(crate) async fn run<W>(&self, key: &str, work: W) -> Result<StoredReply, Refusal>
    where
        W: Future<Output = Result<StoredReply, Refusal>>,
    {
        loop {
            let now = self.runtime.now();
            match self.store.claim(key, now, now - self.lease).await.map_err(|error| store_failed(&error))? {
                Claim::Done(reply) => return Ok(reply),
                Claim::Granted => break,
                Claim::Taken => self.runtime.sleep(LOOK_AGAIN).await,
            }
        }
        match work.await {
            Ok(reply) => {
                let finished = self.store.finish(key, &reply, self.runtime.now()).await;
                finished.map_err(|error| store_failed(&error))?;
                Ok(reply)
            }
            Err(refusal) => {
                self.store.release(key).await.map_err(|error| store_failed(&error))?;
                Err(refusal)
            }
        }
    }
}

/// What makes two requests the same event.
///
/// `None` for polls: the vendor does not say whether a poll counts as a new event, and a stored answer would say `pending` for
/// ever.
pub(crate) fn event_key(name: &EventName, event: &AnyEvent) -> Option<String> {
    let poll = matches!(name, EventName::PollExternalPayment | EventName::BackgroundPoll);
    (!poll && !event.details().polling).then(|| identity(event).event)
}

/// What makes two requests the same end of a sale, whatever their counters say.
pub(crate) fn session_key(name: &EventName, sale: &SessionKey) -> String {
    hashed("session", &[sale.merchant.as_str(), name.as_str(), &sale.session_id])
}

/// A short key from texts of any length.
fn hashed(kind: &str, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{kind}:{}", URL_SAFE_NO_PAD.encode(hash.finalize()))
}
