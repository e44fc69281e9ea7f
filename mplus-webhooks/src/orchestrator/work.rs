//! Work on an event: an attempt, how it ended, and what is stored of that.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::late::{if_late, written};
use super::polled::{acknowledges, ends_polls, is_polled_end};
use super::{Inner, Refunds, later};
use crate::error::{ErrorCode, Refusal};
use crate::event::AnyEvent;
use crate::handler;
use crate::inbox::{Entry, EntryState, InboxNotice, Progress, Seat, StoredReply};
use crate::reply::{Body, Reply as _};
use crate::subscription::Subscription;

/// Why a start that a handler was given before is not begun anew.
pub(super) const NEVER_AGAIN: &str = "this start was tried before, and it is not known how far that came: it is not begun anew. Start another payment";
const PANICKED: &str = "the host's code panicked";

/// How an attempt ended.
pub(super) enum Ended {
    Answered(StoredReply),
    /// The host's handler does not want it. That is an answer.
    Refused(Refusal),
    /// For this reason.
    Failed(String),
    /// It took too long.
    CutOff,
}

/// What became of an entry that somebody worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Retried,
    Dead,
    /// The host was told of a dead letter, or it was in vain once more.
    Told,
    Untold,
    /// Somebody else has it now.
    Lost,
    /// The store failed before it was in our hands.
    NotBegun,
}

impl Inner {
    /// Has the event handled by whoever it is for.
    pub(super) async fn attempt(&self, event: &AnyEvent, patience: Duration) -> Ended {
        match self.patiently(self.handled(event), patience).await {
            Ok(body) if is_polled_end(event) => Ended::Answered(written(&body.ending_polls())),
            Ok(body) => Ended::Answered(written(&body)),
            Err(ended) => ended,
        }
    }

    /// What comes of the host's code in this time.
    async fn patiently<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send,
        patience: Duration,
    ) -> Result<T, Ended> {
        let work = pin!(AssertUnwindSafe(work).catch_unwind());
        match select(work, self.runtime.sleep(patience)).await {
            Either::Left((Ok(Ok(done)), _)) => Ok(done),
            Either::Left((Ok(Err(refusal)), _)) if refusal.code == ErrorCode::INTERNAL => {
                Err(Ended::Failed(refusal.message))
            }
            Either::Left((Ok(Err(refusal)), _)) => Err(Ended::Refused(refusal)),
            Either::Left((Err(_), _)) => Err(Ended::Failed(PANICKED.to_owned())),
            Either::Right(_) => Err(Ended::CutOff),
        }
    }

    /// Works on an entry that is in our hands, answers, and stores how it ended.
    pub(super) async fn work_off(
        &self,
        mut entry: Entry,
        event: &AnyEvent,
        mut seat: Option<&mut Seat>,
    ) -> Outcome {
        let ended = {
            let work = self.worked(&entry, event);
            let ((ended, progress), version) = self.in_our_hands(entry.clone(), work).await;
            let Some(version) = version else {
                tracing::warn!(entry = %entry.id, merchant = %entry.merchant, "the work on an event took so long that another process has it");
                if let Some(seat) = seat {
                    seat.tell(Ok(written(&if_late(event))));
                }
                return Outcome::Lost;
            };
            entry.version = version;
            entry.progress = progress;
            ended
        };
        if is_polled_end(event) {
            let reply = match &ended {
                Ended::Answered(reply) => Some(reply.clone()),
                // It is kept and goes on: no cashier waits for that.
                Ended::Failed(_) => Some(acknowledges(event)),
                Ended::Refused(_) | Ended::CutOff => None,
            };
            if let Some(reply) = reply {
                match self.tell_polled(entry, event, reply, seat.take()).await {
                    Some(told) => entry = told,
                    None => return Outcome::Lost,
                }
            }
        }
        let mut tell = |answer| {
            if let Some(seat) = seat.as_deref_mut() {
                seat.tell(answer);
            }
        };
        match ended {
            Ended::Answered(reply) => {
                tell(Ok(reply.clone()));
                if !is_polled_end(event) {
                    entry.reply = Some(reply);
                }
                self.conclude(entry, event).await
            }
            Ended::Refused(refusal) => {
                // Its till may know already that it need not ask again.
                if !(is_polled_end(event) && entry.reply.as_ref().is_some_and(ends_polls)) {
                    entry.reply = Some(super::late::refused(&refusal));
                }
                entry.last_error = Some(refusal.to_string());
                tell(Err(refusal));
                self.conclude(entry, event).await
            }
            Ended::Failed(why) => {
                // It is kept and goes on; only of a payment the cashier has to know at once.
                let answer = if is_about_a_payment(event) {
                    Err(Refusal::internal())
                } else {
                    Ok(acknowledges(event))
                };
                tell(answer);
                self.not_answered(entry, event, &why).await
            }
            Ended::CutOff => {
                tell(Ok(written(&if_late(event))));
                self.not_answered(entry, event, &self.too_long()).await
            }
        }
    }

    /// Does what follows on the answer of an entry in our hands, and stores its end. What fails comes again; the handler is not asked
    /// again then.
    async fn conclude(&self, mut entry: Entry, event: &AnyEvent) -> Outcome {
        let known = entry.clone();
        match self.followed(&mut entry, self.concluded(&known, event)).await {
            None => Outcome::Lost,
            Some(Ok(())) => self.end(entry, EntryState::Done).await,
            Some(Err(why)) => {
                entry.progress = Progress::Answered;
                self.failed(entry, &why).await
            }
        }
    }

    /// Has an entry without an answer tried again, unless its event is given to a handler once. A cancellation that came before its
    /// sale does not wait for the handler.
    async fn not_answered(&self, mut entry: Entry, event: &AnyEvent, why: &str) -> Outcome {
        if self.is_begun_once(event) {
            let text =
                format!("{why}. A start is not given to a handler again: look whether the payment was begun");
            return self.died(entry.failed(&text)).await;
        }
        if entry.progress == Progress::Recorded {
            let known = entry.clone();
            match self.followed(&mut entry, self.cancel_if_told_before(&known, event)).await {
                None => return Outcome::Lost,
                Some(Ok(())) => {}
                Some(Err(more)) => return self.failed(entry, &format!("{why}; {more}")).await,
            }
        }
        self.failed(entry, why).await
    }

    /// Whether the host's handler is given the event once, and never again: a payment that begins when its till has long gone on is
    /// presented to another customer.
    pub(super) fn is_begun_once(&self, event: &AnyEvent) -> bool {
        self.payments.is_none() && matches!(event, AnyEvent::StartExternalPayment(_))
    }

    /// Does what is left to be done of an entry.
    async fn worked(&self, entry: &Entry, event: &AnyEvent) -> (Ended, Progress) {
        if entry.progress == Progress::Answered
            && let Some(reply) = &entry.reply
        {
            return (Ended::Answered(reply.clone()), Progress::Answered);
        }
        let mut progress = entry.progress;
        if progress < Progress::Recorded {
            match self.patiently(self.recorded(entry, event), self.attempts.patience).await {
                Ok(()) => progress = Progress::Recorded,
                Err(ended) => return (ended, progress),
            }
        }
        let ended = self.attempt(event, self.attempts.patience).await;
        if let Ended::Answered(_) = ended {
            progress = Progress::Answered;
        }
        (ended, progress)
    }

    /// What comes of the work that follows on an attempt, which is foreign code as well, while we say that we are still at it. `None`:
    /// another process has taken the entry.
    async fn followed(
        &self,
        entry: &mut Entry,
        work: impl Future<Output = Result<(), String>> + Send,
    ) -> Option<Result<(), String>> {
        let in_time = async {
            let work = pin!(AssertUnwindSafe(work).catch_unwind());
            match select(work, self.runtime.sleep(self.attempts.patience)).await {
                Either::Left((Ok(done), _)) => done,
                Either::Left((Err(_), _)) => Err(PANICKED.to_owned()),
                Either::Right(_) => Err(self.too_long()),
            }
        };
        let (done, version) = self.in_our_hands(entry.clone(), in_time).await;
        entry.version = version?;
        Some(done)
    }

    fn too_long(&self) -> String {
        format!("it took longer than {} seconds", self.attempts.patience.as_secs())
    }

    /// Says again and again that we are still at it, while the work goes on. No version: another process has taken it.
    async fn in_our_hands<T>(
        &self,
        mut entry: Entry,
        work: impl Future<Output = T> + Send,
    ) -> (T, Option<u64>) {
        let mut work = pin!(work);
        let mut ours = true;
        loop {
            match select(work, self.runtime.sleep(self.attempts.lease / 3)).await {
                Either::Left((done, _)) => return (done, ours.then_some(entry.version)),
                Either::Right(((), going_on)) => {
                    work = going_on;
                    let renewed = entry.clone().renewed(later(self.now(), self.attempts.lease));
                    match self.store.replace_entry(&renewed).await {
                        Ok(true) => entry = renewed,
                        Ok(false) => ours = false,
                        Err(error) => {
                            tracing::warn!(entry = %entry.id, error = %error, "an event's time could not be extended");
                        }
                    }
                }
            }
        }
    }

    /// Hands an event to whoever it is for.
    async fn handled(&self, event: &AnyEvent) -> Result<Body, Refusal> {
        if let Some(payments) = &self.payments {
            match event {
                AnyEvent::StartExternalPayment(event) => return Ok(payments.start(event).await?.into_body()),
                AnyEvent::PollExternalPayment(event) => {
                    let id = &event.payload.external_payment.external_payment_id;
                    return self.polled(payments, event.origin.merchant(), id).await;
                }
                AnyEvent::RequestCancelExternalPayment(event) => {
                    return Ok(payments.request_cancel(event).await?.into_body());
                }
                AnyEvent::CancelExternalPayment(event) => {
                    return Ok(payments.cancel(event).await?.into_body());
                }
                _ => {}
            }
        }
        handler::dispatch(&*self.handler, event).await
    }

    /// Stores the end of an entry.
    async fn end(&self, entry: Entry, state: EntryState) -> Outcome {
        let id = entry.id.clone();
        match self.store.replace_entry(&entry.ended(state, self.now())).await {
            Ok(true) => Outcome::Done,
            Ok(false) => Outcome::Lost,
            Err(error) => {
                tracing::error!(entry = %id, error = %error, "the end of an event could not be stored: it is done again");
                Outcome::Lost
            }
        }
    }

    /// Has an entry tried again, or makes it a dead letter.
    pub(super) async fn failed(&self, entry: Entry, why: &str) -> Outcome {
        let (id, merchant, attempts) = (entry.id.clone(), entry.merchant.clone(), entry.attempts);
        let entry = entry.failed(why);
        let stored = match self.attempts.wait_after(attempts) {
            Some(wait) => {
                tracing::warn!(
                    entry = %id, %merchant, event = entry.event.as_str(), attempts, error = why,
                    "an event is tried again in {} seconds", wait.as_secs()
                );
                self.store
                    .replace_entry(&entry.waiting(EntryState::Retrying, later(self.now(), wait)))
                    .await
                    .map(|ours| if ours { Outcome::Retried } else { Outcome::Lost })
            }
            None => return self.died(entry).await,
        };
        stored.unwrap_or_else(|error| {
            tracing::error!(entry = %id, error = %error, "the failure of an event could not be stored: it is done again");
            Outcome::Lost
        })
    }

    /// Makes an entry a dead letter, and tells the host.
    pub(super) async fn died(&self, entry: Entry) -> Outcome {
        let now = self.now();
        let dead = entry.died(now, later(now, self.attempts.lease));
        match self.store.replace_entry(&dead).await {
            Ok(true) => {
                self.tell_of_dead(dead).await;
                Outcome::Dead
            }
            Ok(false) => Outcome::Lost,
            Err(error) => {
                tracing::error!(entry = %dead.id, error = %error, "a dead letter could not be stored: it is tried again");
                Outcome::Lost
            }
        }
    }

    /// Tells the host of a dead letter that is in our hands; what it does not take it is told again, however often that takes.
    pub(super) async fn tell_of_dead(&self, letter: Entry) -> Outcome {
        let id = letter.id.clone();
        let (next, outcome) = match self.tell(InboxNotice::Dead(letter.clone())).await {
            Ok(()) => (letter.told(), Outcome::Told),
            Err(_) => {
                let wait = self.attempts.wait(letter.untold.unwrap_or_default().saturating_add(1));
                (letter.told_in_vain(later(self.now(), wait)), Outcome::Untold)
            }
        };
        if let Err(error) = self.store.replace_entry(&next).await {
            tracing::error!(entry = %id, error = %error, "that the host was told of a dead letter could not be stored: it is told again");
        }
        outcome
    }

    /// Tells the host. The text says why it has not taken it.
    pub(super) async fn tell(&self, notice: InboxNotice) -> Result<(), String> {
        let entry = notice.entry();
        let (id, merchant, event) = (&entry.id, &entry.merchant, entry.event.as_str());
        match &notice {
            InboxNotice::Dead(entry) => {
                let error = entry.last_error.as_deref().unwrap_or_default();
                tracing::error!(entry = %id, %merchant, event, error, "an event became a dead letter");
            }
            InboxNotice::FurtherPart { .. } => {
                tracing::warn!(entry = %id, %merchant, event, "a further part of a sale was told");
            }
            InboxNotice::ToldAgain { .. } => {
                tracing::warn!(entry = %id, %merchant, event, "the end of a sale was told again, and taken for a repeat");
            }
            InboxNotice::CancelledAfterCompletion { .. } => {
                tracing::warn!(entry = %id, %merchant, "a completed sale was cancelled");
            }
            InboxNotice::WithoutSession(_) => {
                tracing::warn!(entry = %id, %merchant, event, "a sale was ended without its id: nothing was touched");
            }
            InboxNotice::Odd { .. } => {}
        }
        const WHOSE: &str = "the host's handler of the inbox";
        match self.guarded(WHOSE, self.handler.inbox_notice(&notice)).await {
            true => Ok(()),
            false => Err(format!("{WHOSE} has not taken a notice")),
        }
    }

    /// Foreign code, which may panic or take too long. Whether it came to its end.
    pub(super) async fn guarded(&self, whose: &'static str, work: impl Future<Output = ()> + Send) -> bool {
        let work = pin!(AssertUnwindSafe(work).catch_unwind());
        match select(work, self.runtime.sleep(self.attempts.patience)).await {
            Either::Left((Ok(()), _)) => return true,
            Either::Left((Err(_), _)) => tracing::error!("{whose} panicked"),
            Either::Right(_) => tracing::error!("{whose} took too long and was cut off"),
        }
        false
    }

    pub(super) fn records_refunds(&self) -> bool {
        self.refunds == Refunds::Record
    }
}

pub(super) fn is_about_a_payment(event: &AnyEvent) -> bool {
    matches!(
        event,
        AnyEvent::StartExternalPayment(_)
            | AnyEvent::RequestCancelExternalPayment(_)
            | AnyEvent::CancelExternalPayment(_)
    )
}

/// The entry's body as the event that it is.
pub(super) fn kept_event(entry: &Entry, body: Bytes) -> Result<AnyEvent, Refusal> {
    let sender = Arc::new(Subscription::of_kept(&entry.subscription, entry.merchant.clone()));
    AnyEvent::from_kept(&entry.event, body, sender)
}
