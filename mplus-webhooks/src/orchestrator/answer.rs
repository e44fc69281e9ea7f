//! From a verified body to a reply: repeats, what is kept, and the time that a till waits.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::future::{Either, select};

use super::crowd::Admitted;
use super::late::{acknowledged, asks, asks_again, if_late, never_began, written};
use super::polled::{acknowledges, is_polled_end};
use super::repeated::{Repeat, other_name};
use super::work::{Ended, is_about_a_payment};
use super::{Inner, OutOfTime, later};
use crate::error::{ErrorCode, Refusal};
use crate::event::{self, Answers, AnyEvent, ErrorReport, EventName, Identity, Received, identity};
use crate::inbox::{Entry, EntryId, EntryState, Place, Seat, StoredReply};
use crate::payment::{ExternalPayments, PaymentKey, store_failed};
use crate::reply::Body;
use crate::subscription::MerchantId;
use crate::verified::Verified;

/// Why a start that took too long to be kept is given to nobody.
const TOO_LATE: &str =
    "the till was told that it failed, since the store took too long to keep it: it was not begun";

const NO_ROOM: &str = "so many payments were being started that this one was not";

impl Inner {
    /// Answers a verified body.
    pub(super) async fn answer(
        self: &Arc<Self>,
        name: &EventName,
        body: &Verified<Bytes>,
        out_of_time: OutOfTime<'_>,
    ) -> Result<StoredReply, Refusal> {
        if let (EventName::PollExternalPayment, Some(payments)) = (name, &self.payments)
            && let Some(poll) = event::plain_poll(body.value())
        {
            let id = poll.payment;
            // Read-only and frequent: nothing is kept, no claim, no task. What a till sends that counts nothing may be sent for
            // something else, too.
            if poll.is_counted {
                self.recent.note_poll(body.signature());
            }
            let answer = self.polled(payments, &body.subscription().merchant, id);
            return match select(pin!(answer), out_of_time).await {
                Either::Left((reply, _)) => {
                    let reply = written(&reply?);
                    self.note_what_is_told(&reply, &body.subscription().merchant, id);
                    Ok(reply)
                }
                Either::Right(_) => Ok(written(&asks_again(id))),
            };
        }
        // On the heap: a poll, which comes most often, is not to carry the room that this takes.
        Box::pin(self.answer_event(name, body, out_of_time)).await
    }

    /// Answers anything but a plain poll.
    async fn answer_event(
        self: &Arc<Self>,
        name: &EventName,
        body: &Verified<Bytes>,
        out_of_time: OutOfTime<'_>,
    ) -> Result<StoredReply, Refusal> {
        let event = match event::read(name, body) {
            Ok(Received::Event(event)) => event,
            Ok(Received::Error(report)) => return Ok(self.reported(*report, out_of_time).await),
            Err(refusal) => {
                if self.keeps(name) {
                    let letter = self.unreadable(name, body, &refusal);
                    self.bury(letter, None, out_of_time).await?;
                }
                return Err(refusal);
            }
        };
        // What the host keeps by its name is expected.
        if matches!(event, AnyEvent::Unknown(_)) && !self.kept.contains(name) {
            self.refusals.unknown(&*self.runtime, &event);
        }
        let identity = identity(&event);
        let known = self.recent.other_name(&identity.body, name);
        let poll = || self.recent.was_poll(body.signature()).then_some(EventName::PollExternalPayment);
        if let Some(known) = known.or_else(poll) {
            let refusal = other_name(known.as_str());
            if name.ends_a_sale() {
                // Whoever sent it first under the wrong name must not make a sale disappear.
                self.bury(self.refused(&event, &refusal), Some(event), out_of_time).await?;
            }
            return Err(refusal);
        }
        if let Some(refusal) = self.too_old(&event) {
            if self.keeps(name) {
                self.bury(self.refused(&event, &refusal), Some(event), out_of_time).await?;
            }
            return Err(refusal);
        }
        let sane = if_late(&event);
        let paid_here = self.payment_of(&event);
        let polls = matches!(name, EventName::PollExternalPayment | EventName::BackgroundPoll)
            || (event.details().polling && !self.keeps(name));
        let place = if polls { Seat::alone() } else { self.recent.place(&identity.telling) };
        let awaited = match place {
            Place::Answered(reply) => return Ok(reply),
            Place::Working(awaited) => awaited,
            Place::Mine(seat, awaited) => {
                let inner = self.clone();
                let admitted = self.admit(&event);
                self.runtime.spawn(if self.keeps(name) {
                    Box::pin(async move { inner.work_kept(seat, event, identity, admitted).await })
                } else {
                    Box::pin(async move { inner.work_at_once(seat, event, admitted).await })
                });
                awaited
            }
        };
        let _waiting = awaited.waiting();
        match select(awaited.answer.clone(), out_of_time).await {
            Either::Left((reply, _)) => {
                if let (Ok(reply), Some(key)) = (&reply, paid_here) {
                    self.note_what_is_told(reply, &key.merchant, &key.id);
                }
                reply
            }
            // What is not in the store is not acknowledged.
            Either::Right(_) if awaited.give_up() => {
                tracing::error!(
                    event = name.as_str(),
                    "the store took too long to keep an event: the till is told that it failed"
                );
                Err(Refusal::internal())
            }
            Either::Right(_) => match awaited.stop_waiting().await {
                Some(reply) => reply,
                None => Ok(written(&sane)),
            },
        }
    }

    /// The payment that is looked after here, of an event that asks something of it.
    fn payment_of(&self, event: &AnyEvent) -> Option<PaymentKey> {
        self.payments.as_ref()?;
        let polls = matches!(event, AnyEvent::PollExternalPayment(_));
        let id = event.subject().filter(|_| polls || is_about_a_payment(event))?;
        Some(PaymentKey::new(event.origin().merchant().clone(), id))
    }

    /// A till that waits is told that a payment was paid: it need not be looked for any more.
    fn note_what_is_told(&self, reply: &StoredReply, merchant: &MerchantId, id: &str) {
        if let Some(payments) = self.payments.clone().filter(|_| says_confirmed(reply)) {
            let key = PaymentKey::new(merchant.clone(), id);
            self.runtime.spawn(Box::pin(async move { payments.note_that_it_was_told(&key).await }));
        }
    }

    /// How a payment stands. One whose start is still being worked on is not stored yet: the till was told that it has started,
    /// and must not take it for unknown.
    pub(super) async fn polled(
        &self,
        payments: &ExternalPayments,
        merchant: &MerchantId,
        id: &str,
    ) -> Result<Body, Refusal> {
        let refusal = match payments.poll(merchant, id).await {
            Err(refusal) if refusal.code == ErrorCode::InvalidData => refusal,
            answered => return answered,
        };
        let entries = self.store.entries_about(merchant, id).await.map_err(|error| store_failed(&error))?;
        let mut starts = entries.iter().filter(|entry| entry.event == EventName::StartExternalPayment);
        if starts.clone().any(|entry| entry.state.is_open()) {
            return Ok(asks_again(id));
        }
        // Nothing was begun by a start that was refused, and the till may ask on all the same.
        match starts.next() {
            Some(start) => self.why_refused(start).await?.map(|why| never_began(id, &why)).ok_or(refusal),
            None => Err(refusal),
        }
    }

    /// Why a start that has ended was refused. `None` when it was not, or when that is no longer known.
    async fn why_refused(&self, start: &Entry) -> Result<Option<String>, Refusal> {
        let start = self.store.entry(&start.id).await.map_err(|error| store_failed(&error))?;
        Ok(start.and_then(|start| {
            let answered = start.reply.is_some_and(|reply| reply.status == 200);
            let refused = matches!(start.state, EntryState::Done | EntryState::Dead) && !answered;
            start.last_error.filter(|_| refused)
        }))
    }

    /// The POS complains about an earlier reply.
    async fn reported(self: &Arc<Self>, report: ErrorReport, out_of_time: OutOfTime<'_>) -> StoredReply {
        tracing::error!(
            merchant = %report.origin.merchant(), event = %report.event.as_str(), code = %report.code,
            message = %report.message, "the POS complains about a reply"
        );
        let Some(admitted) = self.crowd.admit(report.origin.merchant()) else { return acknowledged() };
        let (seat, awaited) = Seat::pair(None);
        let inner = self.clone();
        self.runtime.spawn(Box::pin(async move {
            let _admitted = admitted;
            inner.guarded("the host's handler of errors", inner.handler.error_reported(&report)).await;
            drop(seat);
        }));
        select(awaited.answer, out_of_time).await;
        acknowledged()
    }

    /// A place among what is worked on as it arrives.
    fn admit(&self, event: &AnyEvent) -> Option<Admitted> {
        let polls = matches!(event, AnyEvent::PollExternalPayment(_));
        let crowd = if polls || is_about_a_payment(event) { &self.payment_crowd } else { &self.crowd };
        let admitted = crowd.admit(event.origin().merchant());
        if admitted.is_none() {
            self.refusals.waits(&*self.runtime, event);
        }
        admitted
    }

    /// Works on an event that is not kept.
    async fn work_at_once(&self, mut seat: Seat, event: AnyEvent, admitted: Option<Admitted>) {
        seat.kept();
        if admitted.is_none() {
            return seat.tell(Ok(written(&if_late(&event))));
        }
        // What nobody waits for goes on until it is done.
        let patience = if event.details().blocking { self.time_out } else { self.attempts.patience };
        match self.attempt(&event, patience).await {
            Ended::Answered(reply) if event.details().polling => seat.tell(Ok(reply)),
            // The cashier's answer to the next question may look like that to this one.
            Ended::Answered(reply) if *event.answers() != Answers::default() && asks(&reply) => {
                seat.tell(Ok(reply))
            }
            Ended::Answered(reply) => seat.remember(reply),
            Ended::Refused(refusal) => seat.tell(Err(refusal)),
            Ended::Failed(_) => seat.tell(Err(Refusal::internal())),
            // A repeat is handled again.
            Ended::CutOff => seat.tell(Ok(written(&if_late(&event)))),
        }
    }

    /// Keeps an event, and works on it when there is room for that; else the background does.
    async fn work_kept(
        self: Arc<Self>,
        mut seat: Seat,
        event: AnyEvent,
        identity: Identity,
        admitted: Option<Admitted>,
    ) {
        let may_begin = admitted.is_some();
        let mut entry = self.new_entry(&event, &identity);
        if !may_begin {
            (entry.state, entry.attempts, entry.owner) = (EntryState::Received, 0, None);
            entry.due_at = Some(entry.received_at);
        }
        let inserted = if !may_begin && matches!(event, AnyEvent::StartExternalPayment(_)) {
            match self.store.entry(&entry.id).await {
                // A customer waits for it now or not at all.
                Ok(None) => {
                    self.remember_refused_start(&event, NO_ROOM).await;
                    return seat.tell(Err(Refusal::internal()));
                }
                known => known,
            }
        } else {
            self.store.insert_entry(&entry).await
        };
        // What looks like another may be one of its own, which is in the store only then.
        let (entry, inserted) = match inserted {
            Ok(Some(existing)) => self.part_or_repeat(entry, &event, existing).await,
            other => (entry, other),
        };
        if inserted.is_ok() && !seat.kept() {
            // The till was told that it failed, so nothing is presented to the customer.
            if self.is_begun_once(&event) {
                if let Ok(None) = inserted {
                    self.died(entry.failed(TOO_LATE)).await;
                }
                return seat.tell(Err(Refusal::internal()));
            }
            if self.payments.is_some()
                && let Err(error) = self.give_up_start(&event).await
            {
                return seat.tell(Err(store_failed(&error)));
            }
        }
        match inserted {
            Ok(None) if !may_begin => {
                seat.tell(Ok(written(&if_late(&event))));
                self.work_is_due.notify_one();
            }
            Ok(None) => drop(self.work_off(entry, &event, Some(&mut seat)).await),
            Ok(Some(existing)) => match self.repeated(&event, &entry, existing, may_begin).await {
                Ok(Repeat::Reply(reply)) => seat.tell(Ok(reply)),
                Ok(Repeat::Afresh(entry)) => match self.afresh(&event).await {
                    Ok(reply) if is_polled_end(&event) => {
                        drop(self.tell_polled(*entry, &event, reply, Some(&mut seat)).await);
                    }
                    answer => {
                        if is_polled_end(&event) {
                            self.asked_again(*entry).await;
                        }
                        seat.tell(answer);
                    }
                },
                Ok(Repeat::GoesOn(entry)) => {
                    drop(self.tell_polled(*entry, &event, acknowledges(&event), Some(&mut seat)).await);
                }
                Ok(Repeat::NextAttempt(entry)) => drop(self.work_off(*entry, &event, Some(&mut seat)).await),
                // Only bytes that were kept under another name are refused so.
                Err(refusal) => {
                    if refusal.code == ErrorCode::InvalidData && event.name().ends_a_sale() {
                        match self.kept_letter(self.refused(&event, &refusal), Some(event)).await {
                            Ok(letter) => {
                                seat.tell(Err(refusal));
                                if let Some(letter) = letter {
                                    self.tell_of_dead(letter).await;
                                }
                            }
                            Err(error) => seat.tell(Err(store_failed(&error))),
                        }
                        return;
                    }
                    seat.tell(Err(refusal));
                }
            },
            Err(error) => seat.tell(Err(store_failed(&error))),
        }
    }

    /// Why the event is too old to be believed, when it is.
    fn too_old(&self, event: &AnyEvent) -> Option<Refusal> {
        let (details, age) = (event.details(), self.greatest_age?);
        let sent = match details.timestamp {
            Some(sent) => sent.to_utc(),
            // Without its offset a clock shows at most a day more.
            None => details.local_time?.checked_add_signed(TimeDelta::days(1))?.and_utc(),
        };
        (self.now().signed_duration_since(sent) > age).then(|| {
            let text = "is further back than this receiver allows: check the till's clock";
            Refusal::invalid_data(format!("`event.eventTimestamp` {sent} {text}"))
        })
    }

    pub(super) fn new_entry(&self, event: &AnyEvent, identity: &Identity) -> Entry {
        let (origin, sender) = (event.origin(), event.sender());
        let body = (event.raw().clone(), identity.body.clone());
        let (id, merchant) = (EntryId::new(identity.event.as_str()), origin.merchant().clone());
        let now = self.now();
        Entry {
            branch_number: sender.branch_number,
            workplace_number: sender.workplace_number,
            subject: subject_of(event),
            owner: Some(self.owner.clone()),
            received_at: now,
            due_at: Some(later(now, self.attempts.lease)),
            ..Entry::begun(id, event.name(), merchant, &origin.subscription().id, body)
        }
    }
}

/// What the event is about, as entries are found by it; nothing that a database has no room for.
pub(super) fn subject_of(event: &AnyEvent) -> Option<String> {
    event.subject().filter(|subject| subject.len() <= 255 && !subject.contains('\0')).map(str::to_owned)
}

/// Whether the reply, which is of our own writing, tells the till that the customer has paid. No text can hold these quotes.
fn says_confirmed(reply: &StoredReply) -> bool {
    const CONFIRMED: &[u8] = br#""confirmed":true"#;
    reply.body.windows(CONFIRMED.len()).any(|bytes| bytes == CONFIRMED)
}
