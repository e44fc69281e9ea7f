//! What the ends of sales mean: the host's transactions, and what a person should know.

use super::Inner;
use crate::error::{ErrorCode, Refusal};
use crate::event::{self, AnyEvent, EventName, Session, is_same_content};
use crate::inbox::{Entry, EntryId, EntryState, InboxNotice};
use crate::transaction::{Credit, SessionKey, Transaction, TransactionError};

impl Inner {
    /// Tells the host's transactions of the end of a sale. An end that names no sale touches none.
    pub(super) async fn recorded(&self, entry: &Entry, event: &AnyEvent) -> Result<(), Refusal> {
        let Some(sink) = &self.transactions else { return Ok(()) };
        let told = match event {
            AnyEvent::CompleteSession(event) => sink.create(&Transaction::from_event(&entry.id, event)).await,
            AnyEvent::CancelSession(cancelled) => match sale(event, &cancelled.payload.session) {
                Some(sale) => sink.cancel(&sale).await,
                None => return Ok(()),
            },
            AnyEvent::CreditSession(credited) if self.records_refunds() => {
                match sale(event, &credited.payload.session) {
                    Some(sale) => sink.refund(&Credit::from_event(&entry.id, sale, credited)).await,
                    None => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        told.map_err(|error| failed(&error))
    }

    /// What is done after an event was answered: a cancellation that came before its sale takes effect, and the host is told of
    /// what is unusual. The text says what failed: all of it comes again then.
    pub(super) async fn concluded(&self, entry: &Entry, event: &AnyEvent) -> Result<(), String> {
        // One look at what was told of a completed sale says both whether it was cancelled and which parts came before.
        let mut about = Vec::new();
        if let Some(sale) = completed_sale(event) {
            about = self.all_about(&sale).await?;
            self.cancel_if_among(&about, entry, &sale).await?;
        }
        match event {
            _ if event::is_repeat_of_sale(entry.id.as_str()) => self.tell_of_repeat(entry, event).await?,
            AnyEvent::CompleteSession(_) => self.tell_of_earlier_parts(entry, about).await?,
            AnyEvent::CancelSession(cancelled) => match sale(event, &cancelled.payload.session) {
                Some(sale) => {
                    let completed = self.about(&sale, &EventName::CompleteSession).await?;
                    if !completed.is_empty() {
                        let entry = entry.clone();
                        self.tell(InboxNotice::CancelledAfterCompletion { entry, completed }).await?;
                    }
                }
                None => self.tell(InboxNotice::WithoutSession(entry.clone())).await?,
            },
            AnyEvent::CreditSession(credited) => match sale(event, &credited.payload.session) {
                Some(sale) => {
                    let mut earlier = self.about(&sale, &EventName::CreditSession).await?;
                    let alike = |other: &Entry| is_same_content(entry.id.as_str(), other.id.as_str());
                    earlier.retain(|other| alike(other) && came_before(other, entry));
                    if !earlier.is_empty() {
                        self.tell(InboxNotice::FurtherPart { entry: entry.clone(), earlier }).await?;
                    }
                }
                None => self.tell(InboxNotice::WithoutSession(entry.clone())).await?,
            },
            _ => {}
        }
        if !event.oddities().is_empty() {
            let oddities = event.oddities().iter().map(ToString::to_string).collect();
            self.tell(InboxNotice::Odd { entry: entry.clone(), oddities }).await?;
        }
        Ok(())
    }

    /// Has the host told of what was taken for a repeat.
    async fn tell_of_repeat(&self, entry: &Entry, event: &AnyEvent) -> Result<(), String> {
        let first = EntryId::new(event::identity(event).event);
        let told = self.store.entry(&first).await.map_err(|error| error.to_string())?;
        let entry = told.unwrap_or_else(|| entry.clone());
        self.tell(InboxNotice::ToldAgain { entry, body: event.raw().clone() }).await
    }

    /// Has the host told of a part of a sale that was not the first.
    async fn tell_of_earlier_parts(&self, entry: &Entry, about: Vec<Entry>) -> Result<(), String> {
        let mut earlier = about;
        earlier.retain(|other| {
            counts_beside(entry, other, &EventName::CompleteSession) && came_before(other, entry)
        });
        if !earlier.is_empty() {
            self.tell(InboxNotice::FurtherPart { entry: entry.clone(), earlier }).await?;
        }
        Ok(())
    }

    /// Cancels a sale that has been recorded, when its cancellation is in the inbox already. One that comes later finds the sale.
    pub(super) async fn cancel_if_told_before(&self, entry: &Entry, event: &AnyEvent) -> Result<(), String> {
        let Some(sale) = completed_sale(event).filter(|_| self.transactions.is_some()) else { return Ok(()) };
        self.cancel_if_among(&self.all_about(&sale).await?, entry, &sale).await
    }

    /// The same, with what was told of the sale looked up after it was recorded.
    async fn cancel_if_among(&self, about: &[Entry], entry: &Entry, sale: &SessionKey) -> Result<(), String> {
        let is_cancelled = about.iter().any(|other| counts_beside(entry, other, &EventName::CancelSession));
        match &self.transactions {
            Some(sink) if is_cancelled => sink.cancel(sale).await.map_err(|error| error.to_string()),
            _ => Ok(()),
        }
    }

    /// What was told of the sale under this event's name.
    async fn about(&self, sale: &SessionKey, name: &EventName) -> Result<Vec<Entry>, String> {
        let mut about = self.all_about(sale).await?;
        about.retain(|entry| entry.event == *name);
        Ok(about)
    }

    /// What was told of the sale, without what was taken for a repeat.
    async fn all_about(&self, sale: &SessionKey) -> Result<Vec<Entry>, String> {
        let about = self.store.entries_about(&sale.merchant, &sale.session_id).await;
        let mut about = about.map_err(|error| error.to_string())?;
        about.retain(|entry| !event::is_repeat_of_sale(entry.id.as_str()));
        Ok(about)
    }
}

/// Whether the other one is an event of this name that somebody works on or has worked off.
fn counts_beside(entry: &Entry, other: &Entry, name: &EventName) -> bool {
    other.event == *name
        && other.id != entry.id
        && !matches!(other.state, EntryState::Dead | EntryState::Discarded)
}

/// Whether the other one came before this one, which is not done yet. What is done was told before, whatever the clock said of the process
/// that received it.
fn came_before(other: &Entry, entry: &Entry) -> bool {
    let has_ended = other.ended_at.is_some();
    other.id != entry.id && (has_ended || (other.received_at, &other.id) < (entry.received_at, &entry.id))
}

/// The sale that the event says is completed.
fn completed_sale(event: &AnyEvent) -> Option<SessionKey> {
    match event {
        AnyEvent::CompleteSession(completed) => sale(event, &completed.payload.session),
        _ => None,
    }
}

/// The sale that the event is about. `None` when the till sends no id, or an empty one: that names no sale.
fn sale(event: &AnyEvent, session: &Session) -> Option<SessionKey> {
    let session_id = session.session_id.clone().filter(|id| !id.is_empty())?;
    Some(SessionKey { merchant: event.origin().merchant().clone(), session_id })
}

fn failed(error: &TransactionError) -> Refusal {
    Refusal::new(ErrorCode::INTERNAL, error.to_string())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;
    use crate::subscription::MerchantId;

    fn received(id: &str, second: i64) -> Entry {
        let body = (Bytes::new(), id.to_owned());
        let entry =
            Entry::begun(EntryId::new(id), EventName::CompleteSession, MerchantId::new("m"), "s", body);
        Entry { received_at: DateTime::<Utc>::UNIX_EPOCH + TimeDelta::seconds(second), ..entry }
    }

    #[test]
    fn what_has_ended_came_before_whatever_the_clock_of_its_process_said() {
        let (mut ahead, now) = (received("a", 40), received("b", 10));
        assert!(!came_before(&ahead, &now), "both are being worked on: the later one tells");
        assert!(came_before(&now, &ahead));
        ahead.ended_at = Some(ahead.received_at);
        assert!(came_before(&ahead, &now));
        assert!(!came_before(&now, &now));
    }
}
