//! Dead letters of events that nobody has begun to work on: refused, or not to be read.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select};

use super::late::acknowledged;
use super::{Inner, OutOfTime, later};
use crate::error::Refusal;
use crate::event::{self, EventName, Received, identity};
use crate::inbox::{Entry, EntryId, Seat};
use crate::payment::store_failed;
use crate::verified::Verified;

impl Inner {
    /// An event that cannot be read.
    pub(super) fn unreadable(&self, name: &EventName, body: &Verified<Bytes>, refusal: &Refusal) -> Entry {
        let sender = body.subscription();
        let digest = event::body_digest(body.value());
        let id = EntryId::new(event::unread_identity(&sender.merchant, name, &digest));
        let body = (body.value().clone(), digest);
        let entry = Entry {
            received_at: self.now(),
            attempts: 0,
            ..Entry::begun(id, name.clone(), sender.merchant.clone(), &sender.id, body)
        };
        entry.failed(&refusal.to_string())
    }

    /// A signed event is refused before it is read. When it says how a sale ended, it is kept for a person: the till does not say
    /// it again.
    pub(super) async fn keep_refused(
        self: &Arc<Self>,
        name: &EventName,
        body: &Verified<Bytes>,
        refusal: &Refusal,
        out_of_time: OutOfTime<'_>,
    ) {
        if !name.ends_a_sale() {
            return;
        }
        let entry = match event::read(name, body) {
            Ok(Received::Event(event)) => {
                let identity = identity(&event);
                Entry { attempts: 0, ..self.new_entry(&event, &identity) }.failed(&refusal.to_string())
            }
            // What the POS complains about was told before.
            Ok(Received::Error(_)) => return,
            Err(_) => self.unreadable(name, body, refusal),
        };
        if self.bury(entry, out_of_time).await.is_err() {
            tracing::error!(merchant = %body.subscription().merchant, event = name.as_str(), "a refused end of a sale could not be kept");
        }
    }

    /// Keeps what nobody works on as a dead letter, within the till's time, and tells the host.
    pub(super) async fn bury(
        self: &Arc<Self>,
        entry: Entry,
        out_of_time: OutOfTime<'_>,
    ) -> Result<(), Refusal> {
        let now = self.now();
        let letter = Entry { version: 0, ..entry.died(now, later(now, self.attempts.lease)) };
        let (mut seat, awaited) = Seat::pair(None);
        let (inner, admitted) = (self.clone(), self.crowd.admit(&letter.merchant));
        self.runtime.spawn(Box::pin(async move {
            match inner.store.insert_entry(&letter).await {
                Ok(existing) => {
                    seat.tell(Ok(acknowledged()));
                    // Without room the background tells it.
                    if existing.is_none() && admitted.is_some() {
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
}
