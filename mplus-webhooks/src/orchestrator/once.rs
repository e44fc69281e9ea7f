//! Work that is done once, however often it is asked for, and by however many processes.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use crate::error::Refusal;
use crate::event::{AnyEvent, EventName};
use crate::payment::store_failed;
use crate::runtime::Runtime;
use crate::store::{Claim, Store, StoredReply};
use crate::subscription::Subscription;
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

/// What makes two requests the same event: the till's instance, its counter and its clock, besides event and subject.
///
/// `None` when the request cannot be told from others, and for polls: the vendor does not say whether a poll counts as a new
/// event, and a stored answer would say `pending` for ever.
pub(crate) fn event_key(name: &EventName, event: &AnyEvent, subscription: &Subscription) -> Option<String> {
    let details = event.details();
    if details.polling || matches!(name, EventName::PollExternalPayment | EventName::BackgroundPoll) {
        return None;
    }
    let (counter, timestamp) = (details.counter?, details.timestamp?);
    let sender = event.sender();
    let till = format!("{}.{}", sender.branch_number, sender.workplace_number);
    // A till that answers a dialog sends the same event again.
    let answers = event.answers();
    let answers =
        if *answers == crate::event::Answers::default() { String::new() } else { format!("{answers:?}") };
    Some(hashed(
        "event",
        &[
            subscription.merchant.as_str(),
            &subscription.id,
            sender.instance_id.as_deref().unwrap_or(&till),
            &counter.to_string(),
            &timestamp.timestamp_micros().to_string(),
            name.as_str(),
            event.subject().unwrap_or_default(),
            &answers,
        ],
    ))
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
