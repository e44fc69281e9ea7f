//! Dead letters of events that nobody has begun to work on: refused, or not to be read.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select};

use super::late::acknowledged;
use super::{Inner, OutOfTime, later};
use crate::error::Refusal;
use crate::event::{self, AnyEvent, EventName, Received, identity};
use crate::inbox::{Entry, EntryId, Seat};
use crate::payment::{Payment, PaymentKey, Reason, store_failed};
use crate::store_error::StoreError;
use crate::verified::Verified;

impl Inner {
    /// An event that cannot be read.
    pub(super) fn unreadable(&self, name: &EventName, body: &Verified<Bytes>, refusal: &Refusal) -> Entry {
        let sender = body.subscription();
        let digest = event::body_digest(body.value());
        let id = EntryId::new(event::unread_identity(&sender.merchant, name, &digest));
        let subject = event::payment_of_unread(name, body);
        let body = (body.value().clone(), digest);
        let entry = Entry {
            subject,
            received_at: self.now(),
            attempts: 0,
            ..Entry::begun(id, name.clone(), sender.merchant.clone(), &sender.id, body)
        };
        entry.failed(&refusal.to_string())
    }

    /// An event that nobody was given.
    pub(super) fn refused(&self, event: &AnyEvent, refusal: &Refusal) -> Entry {
        Entry { attempts: 0, ..self.new_entry(event, &identity(event)) }.failed(&refusal.to_string())
    }

    /// A signed event is refused before it is read. When it says how a sale ended, it is kept for a person: the till does not say
    /// it again. Of a start it is remembered.
    pub(super) async fn keep_refused(
        self: &Arc<Self>,
        name: &EventName,
        body: &Verified<Bytes>,
        refusal: &Refusal,
        out_of_time: OutOfTime<'_>,
    ) {
        if *name == EventName::StartExternalPayment
            && let Ok(Received::Event(event)) = event::read(name, body)
        {
            let remembered = pin!(self.remember_refused_start(&event, &refusal.message));
            select(remembered, out_of_time).await;
            return;
        }
        if !name.ends_a_sale() {
            return;
        }
        let (entry, event) = match event::read(name, body) {
            Ok(Received::Event(event)) => (self.refused(&event, refusal), Some(event)),
            // What the POS complains about was told before.
            Ok(Received::Error(_)) => return,
            Err(_) => (self.unreadable(name, body, refusal), None),
        };
        if self.bury(entry, event, out_of_time).await.is_err() {
            tracing::error!(merchant = %body.subscription().merchant, event = name.as_str(), "a refused end of a sale could not be kept");
        }
    }

    /// Keeps what nobody works on as a dead letter, within the till's time, and tells the host. An equal part of a sale has a letter of
    /// its own.
    pub(super) async fn bury(
        self: &Arc<Self>,
        entry: Entry,
        event: Option<AnyEvent>,
        out_of_time: OutOfTime<'_>,
    ) -> Result<(), Refusal> {
        let (mut seat, awaited) = Seat::pair(None);
        let (inner, admitted) = (self.clone(), self.crowd.admit(&entry.merchant));
        self.runtime.spawn(Box::pin(async move {
            match inner.kept_letter(entry, event).await {
                Ok(letter) => {
                    seat.tell(Ok(acknowledged()));
                    // Without room the background tells it.
                    if let (Some(letter), Some(_)) = (letter, admitted) {
                        inner.tell_of_dead(letter).await;
                    }
                }
                Err(error) => seat.tell(Err(store_failed(&error))),
            }
        }));
        match select(awaited.answer, out_of_time).await {
            Either::Left((buried, _)) => buried.map(drop),
            Either::Right(_) => Err(Refusal::internal()),
        }
    }
    /// Keeps a dead letter. `None` when it is there already. Bytes that are there under another name say nothing of what they are under
    /// this one.
    pub(super) async fn kept_letter(
        &self,
        entry: Entry,
        event: Option<AnyEvent>,
    ) -> Result<Option<Entry>, StoreError> {
        let now = self.now();
        let letter = Entry { version: 0, ..entry.died(now, later(now, self.attempts.lease)) };
        let inserted = self.store.insert_entry(&letter).await;
        let (mut letter, inserted) = match (inserted, event) {
            (Ok(Some(existing)), Some(event)) => self.part_or_repeat(letter, &event, existing).await,
            (inserted, _) => (letter, inserted),
        };
        let mut existing = inserted?;
        if existing
            .as_ref()
            .is_some_and(|existing| existing.id != letter.id && existing.event != letter.event)
        {
            letter.body_digest = event::body_digest_as(&letter.body_digest, &letter.event);
            existing = self.store.insert_entry(&letter).await?;
        }
        Ok(existing.is_none().then_some(letter))
    }

    /// Remembers that a start was refused before it was kept: its till may ask on all the same, and hears that it failed, and why.
    pub(super) async fn remember_refused_start(&self, event: &AnyEvent, why: &str) {
        let AnyEvent::StartExternalPayment(start) = event else { return };
        if self.payments.is_none() {
            return;
        }
        let id = start.payload.external_payment.external_payment_id.clone();
        let key = PaymentKey::new(event.origin().merchant().clone(), id);
        let remembered = async {
            let about = self.store.entries_about(&key.merchant, &key.id).await?;
            // The same start is being worked on, or was.
            if about.iter().any(|entry| entry.event == EventName::StartExternalPayment) {
                return Ok(());
            }
            self.store.insert_payment(&Payment::refused(key, Reason::new(why), self.now())).await.map(drop)
        };
        if let Err(error) = remembered.await {
            let _ = store_failed(&error);
        }
    }
}
