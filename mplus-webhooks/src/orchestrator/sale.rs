//! What the ends of sales mean: the host's transactions, and what a person should know.

use super::Inner;
use crate::error::{ErrorCode, Refusal};
use crate::event::{AnyEvent, EventName, Session, is_same_content};
use crate::inbox::{Entry, EntryState, InboxNotice};
use crate::transaction::{SessionKey, Transaction, TransactionError};

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
                    Some(sale) => sink.refund(&sale, &credited.payload.session).await,
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
        match event {
            AnyEvent::CompleteSession(completed) => {
                if let Some(sale) = sale(event, &completed.payload.session) {
                    self.after_completion(entry, &sale).await?;
                }
            }
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
                    earlier.retain(|other| {
                        alike(other) && (other.received_at, &other.id) < (entry.received_at, &entry.id)
                    });
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

    async fn after_completion(&self, entry: &Entry, sale: &SessionKey) -> Result<(), String> {
        let about = self.store.entries_about(&sale.merchant, &sale.session_id).await;
        let about = about.map_err(|error| error.to_string())?;
        let is = |other: &Entry, name: &EventName| {
            other.event == *name
                && other.id != entry.id
                && !matches!(other.state, EntryState::Dead | EntryState::Discarded)
        };
        if let Some(sink) = &self.transactions
            && about.iter().any(|other| is(other, &EventName::CancelSession))
        {
            sink.cancel(sale).await.map_err(|error| error.to_string())?;
        }
        let mut earlier = about;
        earlier.retain(|other| {
            is(other, &EventName::CompleteSession)
                && (other.received_at, &other.id) < (entry.received_at, &entry.id)
        });
        if !earlier.is_empty() {
            self.tell(InboxNotice::FurtherPart { entry: entry.clone(), earlier }).await?;
        }
        Ok(())
    }

    /// What was told of the sale under this event's name.
    async fn about(&self, sale: &SessionKey, name: &EventName) -> Result<Vec<Entry>, String> {
        let about = self.store.entries_about(&sale.merchant, &sale.session_id).await;
        let mut about = about.map_err(|error| error.to_string())?;
        about.retain(|entry| entry.event == *name);
        Ok(about)
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
