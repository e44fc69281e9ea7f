//! What needs a person: kept until somebody ticks it off, so that no notice is only a line in a log.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use mplus_webhooks::inbox::InboxNotice;
use mplus_webhooks::payment::{PaymentNotice, RefundState};
use serde::{Deserialize, Serialize};

use crate::records::{Record, Records, RecordsError};

const KIND: &str = "attention";

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// A guest has paid at the kiosk, and the order could not be placed.
    PaidNotOrdered,
    UnexpectedCapture,
    NotFetched,
    Unresolved,
    Conflict,
    RefundFailed,
    FurtherPart,
    ToldAgain,
    CancelledAfterCompletion,
    WithoutSession,
    Odd,
}

impl Sort {
    /// As programs are told it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::PaidNotOrdered => "paid_not_ordered",
            Self::UnexpectedCapture => "unexpected_capture",
            Self::NotFetched => "not_fetched",
            Self::Unresolved => "unresolved",
            Self::Conflict => "conflict",
            Self::RefundFailed => "refund_failed",
            Self::FurtherPart => "further_part",
            Self::ToldAgain => "told_again",
            Self::CancelledAfterCompletion => "cancelled_after_completion",
            Self::WithoutSession => "without_session",
            Self::Odd => "odd",
        }
    }

    /// Why a person has to look at a payment; none when nobody has to.
    pub(crate) fn of_payment(notice: &PaymentNotice) -> Option<Self> {
        match notice {
            PaymentNotice::Changed(_) => None,
            PaymentNotice::Refunded { refund, .. } => {
                (refund.state == RefundState::Failed).then_some(Self::RefundFailed)
            }
            PaymentNotice::UnexpectedCapture { .. } => Some(Self::UnexpectedCapture),
            PaymentNotice::NotFetched(_) => Some(Self::NotFetched),
            PaymentNotice::Unresolved(_) => Some(Self::Unresolved),
            // What a later release tells that this one does not know is looked at as well.
            _ => Some(Self::Conflict),
        }
    }

    /// Why a person has to look at an event; none for dead letters, which wait in the inbox itself.
    fn of_event(notice: &InboxNotice) -> Option<Self> {
        match notice {
            InboxNotice::Dead(_) => None,
            InboxNotice::FurtherPart { .. } => Some(Self::FurtherPart),
            InboxNotice::ToldAgain { .. } => Some(Self::ToldAgain),
            InboxNotice::CancelledAfterCompletion { .. } => Some(Self::CancelledAfterCompletion),
            InboxNotice::WithoutSession(_) => Some(Self::WithoutSession),
            _ => Some(Self::Odd),
        }
    }

    /// Whether it is about an event of the inbox; otherwise about a payment.
    pub(crate) fn is_of_inbox(self) -> bool {
        matches!(
            self,
            Self::FurtherPart
                | Self::ToldAgain
                | Self::CancelledAfterCompletion
                | Self::WithoutSession
                | Self::Odd
        )
    }
}

/// One thing that needs a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Matter {
    pub(crate) sort: Sort,
    /// The payment or the entry that it is about.
    pub(crate) about: String,
    /// What is known of it, for a person.
    pub(crate) why: Option<String>,
    pub(crate) at: DateTime<Utc>,
}

/// A matter with what it is ticked off by.
pub(crate) type Kept = (String, Matter);

/// Keeps a matter. `which` tells it from others of its sort: the same again is the same matter, also when it was ticked off.
pub(crate) async fn keep(
    records: &Records,
    restaurant: &str,
    which: &str,
    matter: &Matter,
) -> Result<(), RecordsError> {
    let parts = serde_json::json!([restaurant, matter.sort, matter.about, which]).to_string();
    let id = URL_SAFE_NO_PAD.encode(digest(&SHA256, parts.as_bytes()));
    let record = Record::new(KIND, id).of(restaurant).about(OPEN).at(matter.at.timestamp_micros());
    records.insert(&record.with(matter)?).await.map(drop)
}

const OPEN: &str = "open";
const DONE: &str = "done";

/// Keeps what a payment's notice says, where a person has to look.
pub(crate) async fn keep_payment(
    records: &Records,
    notice: &PaymentNotice,
    at: DateTime<Utc>,
) -> Result<(), RecordsError> {
    let Some(sort) = Sort::of_payment(notice) else { return Ok(()) };
    let (key, why) = (&notice.payment().key, notice.reason().map(|reason| reason.text.clone()));
    let matter = Matter { sort, about: key.id.clone(), why, at };
    keep(records, key.merchant.as_str(), &notice.number().to_string(), &matter).await
}

/// Keeps what a notice of the inbox says, where a person has to look.
pub(crate) async fn keep_event(
    records: &Records,
    notice: &InboxNotice,
    at: DateTime<Utc>,
) -> Result<(), RecordsError> {
    let Some(sort) = Sort::of_event(notice) else { return Ok(()) };
    let (entry, why) = (
        notice.entry(),
        match notice {
            InboxNotice::Odd { oddities, .. } => Some(oddities.join("; ")),
            _ => None,
        },
    );
    let about = entry.id.as_str().to_owned();
    // Another body that was taken for a repeat is another matter.
    let which = match notice {
        InboxNotice::ToldAgain { body, .. } => URL_SAFE_NO_PAD.encode(digest(&SHA256, body)),
        _ => String::new(),
    };
    keep(records, entry.merchant.as_str(), &which, &Matter { sort, about, why, at }).await
}

/// A restaurant's open matters, the newest first, at most this many.
pub(crate) async fn open(
    records: &Records,
    restaurant: &str,
    limit: usize,
) -> Result<Vec<Kept>, RecordsError> {
    let found = records.newest_about(KIND, restaurant, OPEN, limit).await?;
    found.iter().map(|record| Ok((record.id.clone(), record.read()?))).collect()
}

/// How many matters are open, of all restaurants.
pub(crate) async fn count(records: &Records) -> Result<u64, RecordsError> {
    records.count(KIND, Some(OPEN)).await
}

/// Ticks a restaurant's matter off; `false` when there is no such open one.
pub(crate) async fn tick_off(records: &Records, restaurant: &str, id: &str) -> Result<bool, RecordsError> {
    let Some(record) = records.get(KIND, id).await?.filter(|record| record.owner == restaurant) else {
        return Ok(false);
    };
    records.replace(&record.about(DONE)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::Sqlite;

    #[tokio::test]
    async fn a_matter_waits_until_it_is_ticked_off_and_does_not_come_again() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(Sqlite::open(&folder.path().join("a.sqlite")).unwrap()).await.unwrap();
        let matter =
            Matter { sort: Sort::NotFetched, about: "é".repeat(400), why: None, at: DateTime::UNIX_EPOCH };
        for _ in 0..2 {
            keep(&records, "cafe", "1", &matter).await.unwrap();
        }
        keep(&records, "bar", "1", &matter).await.unwrap();
        assert_eq!(count(&records).await.unwrap(), 2);
        let (id, _) = open(&records, "cafe", 10).await.unwrap().pop().unwrap();
        assert!(!tick_off(&records, "bar", &id).await.unwrap(), "it is another restaurant's");
        assert!(tick_off(&records, "cafe", &id).await.unwrap());
        keep(&records, "cafe", "1", &matter).await.unwrap();
        assert!(open(&records, "cafe", 10).await.unwrap().is_empty());
        assert_eq!(count(&records).await.unwrap(), 1);
    }
}
