//! What a till hears that sends once more what is in the inbox already.

use std::time::Duration;

use super::late::{acknowledged, if_late, written};
use super::polled::{acknowledges, ends_polls, is_polled_end};
use super::work::{Ended, NEVER_AGAIN};
use super::{Inner, later};
use crate::error::{ErrorCode, Refusal};
use crate::event::{self, AnyEvent};
use crate::inbox::{Entry, EntryState, Progress, StoredReply};
use crate::payment::{PaymentKey, store_failed};

/// How long a repeat waits before it looks again at what another process does; every further look takes twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What becomes of a repeat.
pub(super) enum Repeat {
    /// It gets this answer.
    Reply(StoredReply),
    /// It is answered as things stand now.
    Afresh(Box<Entry>),
    /// It is polled and goes on by itself: its till need not ask again.
    GoesOn(Box<Entry>),
    /// It takes up what was left undone.
    NextAttempt(Box<Entry>),
}

impl Inner {
    /// What becomes of an event that is in the inbox already.
    pub(super) async fn repeated(
        &self,
        event: &AnyEvent,
        new: &Entry,
        existing: Entry,
        may_begin: bool,
    ) -> Result<Repeat, Refusal> {
        if existing.body_digest == new.body_digest && existing.event != new.event {
            return Err(other_name(existing.event.as_str()));
        }
        // A letter of such bytes is for a person; the same bytes once more are not.
        let as_other = event::body_digest_as(&new.body_digest, &new.event);
        if existing.state == EntryState::Dead && existing.attempts == 0 && existing.body_digest == as_other {
            return Err(other_name("another event"));
        }
        let mut entry = existing;
        let mut pause = FIRST_LOOK;
        let give_up_at = later(self.now(), self.time_out);
        loop {
            if let Some(repeat) = self.begun_before(event, &entry).await? {
                return Ok(repeat);
            }
            let now = self.now();
            match entry.state {
                // Nothing of it is stored to be asked about, and nothing begins by a repeat.
                EntryState::Done if self.is_refused_start(event, &entry) => {
                    return Ok(Repeat::Reply(entry.reply.unwrap_or_else(acknowledged)));
                }
                // Its till need not ask again, and has not heard that.
                EntryState::Done if is_polled_end(event) && entry.reply.as_ref().is_some_and(ends_polls) => {
                    return Ok(Repeat::Reply(entry.reply.unwrap_or_else(|| acknowledges(event))));
                }
                EntryState::Forgotten if is_polled_end(event) => {
                    return Ok(Repeat::Reply(acknowledges(event)));
                }
                // It was refused before anybody looked at it, and is not refused now.
                EntryState::Dead if is_polled_end(event) && entry.attempts == 0 && may_begin => {
                    if let Some(taken) = self.taken(&entry).await? {
                        return Ok(Repeat::NextAttempt(Box::new(taken)));
                    }
                }
                EntryState::Done | EntryState::Dead | EntryState::Discarded | EntryState::Forgotten
                    if self.answers_afresh(event) =>
                {
                    return Ok(Repeat::Afresh(Box::new(entry)));
                }
                EntryState::Done if entry.reply.as_ref().is_some_and(|reply| reply.status == 200) => {
                    return Ok(Repeat::Reply(entry.reply.unwrap_or_else(acknowledged)));
                }
                // It was refused before anybody looked at it, and is not refused now.
                EntryState::Dead if entry.attempts == 0 && may_begin => {
                    if let Some(taken) = self.taken(&entry).await? {
                        return Ok(Repeat::NextAttempt(Box::new(taken)));
                    }
                }
                // It is kept and a person looks at it, or has; nothing is done twice.
                EntryState::Dead | EntryState::Discarded | EntryState::Forgotten => {
                    return Ok(Repeat::Reply(acknowledged()));
                }
                // Another process is at it.
                EntryState::Working if entry.due_at.is_some_and(|until| until > now) => {
                    if now >= give_up_at {
                        return Ok(Repeat::Reply(written(&if_late(event))));
                    }
                    self.runtime.sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_LOOK);
                }
                EntryState::Done if !may_begin => {
                    return Ok(Repeat::Reply(entry.reply.unwrap_or_else(acknowledged)));
                }
                // Only what follows is left to do of it, and its handler wants to be asked again.
                EntryState::Retrying
                    if is_polled_end(event)
                        && entry.progress == Progress::Answered
                        && !entry.reply.as_ref().is_some_and(ends_polls) =>
                {
                    return Ok(Repeat::Afresh(Box::new(entry)));
                }
                // Its next attempt has its time, however often the till asks.
                EntryState::Retrying if is_polled_end(event) => {
                    return Ok(Repeat::GoesOn(Box::new(entry)));
                }
                // The background takes it up.
                EntryState::Received | EntryState::Retrying | EntryState::Working if !may_begin => {
                    return Ok(Repeat::Reply(written(&if_late(event))));
                }
                // It was refused, has failed or was interrupted.
                EntryState::Done | EntryState::Received | EntryState::Retrying | EntryState::Working => {
                    if let Some(taken) = self.taken(&entry).await? {
                        return Ok(Repeat::NextAttempt(Box::new(taken)));
                    }
                }
            }
            let read = self.store.entry(&entry.id).await.map_err(|error| store_failed(&error))?;
            entry = read.ok_or_else(Refusal::internal)?;
        }
    }

    /// The entry in our hands, unless somebody was faster.
    async fn taken(&self, entry: &Entry) -> Result<Option<Entry>, Refusal> {
        let claimed = entry.clone().claimed(&self.owner, later(self.now(), self.attempts.lease));
        let ours = self.store.replace_entry(&claimed).await.map_err(|error| store_failed(&error))?;
        Ok(ours.then_some(claimed))
    }

    /// What becomes of the repeat of a start that a handler was given before: it is never given another, since by now nobody may
    /// wait for the payment any more.
    async fn begun_before(&self, event: &AnyEvent, existing: &Entry) -> Result<Option<Repeat>, Refusal> {
        if self.payments.is_some() || !matches!(event, AnyEvent::StartExternalPayment(_)) {
            return Ok(None);
        }
        let now = self.now();
        let interrupted = match existing.state {
            EntryState::Done => {
                return Ok(Some(Repeat::Reply(existing.reply.clone().unwrap_or_else(acknowledged))));
            }
            EntryState::Working if existing.due_at.is_some_and(|until| until > now) => return Ok(None),
            state => state.is_open(),
        };
        if interrupted && let Some(taken) = self.taken(existing).await? {
            self.died(taken.failed(NEVER_AGAIN)).await;
        }
        Err(Refusal::invalid_data(NEVER_AGAIN))
    }

    /// Whether a repeat wants to know how things stand now, and not what was answered then.
    fn answers_afresh(&self, event: &AnyEvent) -> bool {
        match event {
            AnyEvent::RequestCancelExternalPayment(_) => true,
            AnyEvent::StartExternalPayment(_) | AnyEvent::CancelExternalPayment(_) => self.payments.is_some(),
            event => event.details().polling,
        }
    }

    /// Whether the payments did not take a start, for its amount say.
    fn is_refused_start(&self, event: &AnyEvent, entry: &Entry) -> bool {
        self.payments.is_some()
            && matches!(event, AnyEvent::StartExternalPayment(_))
            && entry.reply.as_ref().is_some_and(|reply| reply.status != 200)
    }

    /// Answers a repeat anew. Nothing begins by this.
    pub(super) async fn afresh(&self, event: &AnyEvent) -> Result<StoredReply, Refusal> {
        if let AnyEvent::StartExternalPayment(start) = event
            && self.payments.is_some()
        {
            let id = &start.payload.external_payment.external_payment_id;
            let key = PaymentKey { merchant: event.origin().merchant().clone(), id: id.clone() };
            if self.store.payment(&key).await.map_err(|error| store_failed(&error))?.is_none() {
                let text = format!("external payment {id} was started before and is no longer kept");
                return Err(Refusal::invalid_data(text));
            }
        }
        match self.attempt(event, self.attempts.patience).await {
            Ended::Answered(reply) => Ok(reply),
            Ended::Refused(refusal) => Err(refusal),
            Ended::Failed(_) => Err(Refusal::internal()),
            Ended::CutOff => Ok(written(&if_late(event))),
        }
    }
}

/// The refusal of bytes that came under another event's name before.
pub(super) fn other_name(known: &str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidData,
        format!("this body was sent as {known} before: the same signed bytes are not two events"),
    )
}
