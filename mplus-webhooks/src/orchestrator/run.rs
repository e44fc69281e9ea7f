//! What goes on in the background: failed and interrupted events are worked off, payments kept fresh, old things forgotten.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, join3, select};
use tokio::sync::{oneshot, watch};

use super::answer::subject_of;
use super::jobs::Jobs;
use super::work::{NEVER_AGAIN, Outcome, kept_event};
use super::{Inner, Orchestrator, earlier, later};
use crate::event::{AnyEvent, EventName};
use crate::inbox::{Entry, EntryState, Progress};
use crate::payment::{Payment, PaymentKey};
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// How often somebody looks whether an event is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long the answers of payment providers are waited for when it has to end.
const DRAIN: Duration = Duration::from_secs(10);

/// What [`Orchestrator::run`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunReport {
    /// Events that were worked off after they had failed or been interrupted.
    pub worked_off: u64,
    /// Attempts that failed and come again.
    pub retried: u64,
    /// Events that became dead letters.
    pub dead: u64,
    /// Payments whose provider was asked.
    pub payments_asked: u64,
    /// Payments that ended by that.
    pub payments_ended: u64,
    /// Entries of which only the identity was kept, and those of which nothing was.
    pub pruned_entries: u64,
    /// Payments that were removed.
    pub pruned_payments: u64,
    /// How often something did not work and was tried again: a store that failed or did not answer, a panic, a handler that did not
    /// take a notice.
    pub troubles: u64,
}

/// Ends what goes on in the background.
type Stop = watch::Receiver<bool>;

impl Orchestrator {
    /// Works off events that failed or were interrupted, whichever process received them; keeps payments fresh; prunes. Goes on
    /// until `cancel` is ready, then waits for what is under way and returns what was done.
    ///
    /// Every process that receives events should run this; several share the work. Nothing ends it but `cancel`: a panic, an
    /// unreadable row or a silent provider is logged and counted, and keeps nothing else waiting. Of one merchant a few events are
    /// worked on at a time, see [`Attempts`](crate::Attempts).
    ///
    /// ```
    /// # async fn serve(orchestrator: mplus_webhooks::Orchestrator) {
    /// let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    /// let background = tokio::spawn(async move { orchestrator.run(async { drop(stopped.await) }).await });
    /// // Serve until the program has to end, then:
    /// drop(stop);
    /// println!("{:?}", background.await);
    /// # }
    /// ```
    pub async fn run(&self, cancel: impl Future<Output = ()> + Send) -> RunReport {
        let inner = &self.inner;
        let (stop, stopped) = watch::channel(false);
        let report = Mutex::new(RunReport::default());
        let all = join3(
            inner.work_off_inbox(stopped.clone(), &report),
            inner.refresh_payments(stopped.clone(), &report),
            inner.prune(stopped, &report),
        );
        match select(pin!(all), pin!(cancel)).await {
            Either::Left(_) => {}
            Either::Right(((), all)) => {
                stop.send_replace(true);
                all.await;
            }
        }
        report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(report: &Mutex<RunReport>, change: impl FnOnce(&mut RunReport)) {
    change(&mut report.lock().unwrap_or_else(PoisonError::into_inner));
}

impl Inner {
    /// Waits; `false` when it is time to stop.
    async fn pause(&self, stop: &mut Stop, pause: Duration) -> bool {
        match select(pin!(stop.wait_for(|stop| *stop)), self.runtime.sleep(pause)).await {
            Either::Left(_) => false,
            Either::Right(_) => true,
        }
    }

    /// What the work returns, unless it fails or panics.
    async fn supervised<T>(
        &self,
        what: &'static str,
        report: &Mutex<RunReport>,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Option<T> {
        match AssertUnwindSafe(work).catch_unwind().await {
            Ok(Ok(done)) => return Some(done),
            Ok(Err(error)) => tracing::error!(error = %error, "{what} failed and goes on"),
            Err(_) => tracing::error!("{what} panicked and goes on"),
        }
        note(report, |report| report.troubles += 1);
        None
    }

    async fn refresh_payments(&self, mut stop: Stop, report: &Mutex<RunReport>) {
        let Some(payments) = &self.payments else { return };
        loop {
            let refreshed = self.supervised("the refresh of payments", report, payments.refresh_due()).await;
            if let Some(refreshed) = refreshed {
                note(report, |report| {
                    report.payments_asked += refreshed.asked as u64;
                    report.payments_ended += refreshed.ended as u64;
                    report.troubles += refreshed.failed as u64;
                });
            }
            // Without a pause nothing else would get its turn.
            let pause = payments.limits.refresh_every.max(Duration::from_millis(10));
            if !self.pause(&mut stop, pause).await {
                payments.settled(DRAIN).await;
                return;
            }
        }
    }

    async fn prune(&self, mut stop: Stop, report: &Mutex<RunReport>) {
        loop {
            let (now, kept) = (self.now(), &self.retention);
            let entries = self.store.prune_entries(
                earlier(now, kept.done),
                earlier(now, kept.dead),
                earlier(now, kept.identities),
            );
            if let Some(pruned) = self.supervised("pruning events", report, entries).await {
                note(report, |report| report.pruned_entries += pruned.forgotten + pruned.removed);
            }
            let payments = self.store.prune_payments(earlier(now, kept.payments));
            if let Some(pruned) = self.supervised("pruning payments", report, payments).await {
                note(report, |report| report.pruned_payments += pruned);
            }
            if !self.pause(&mut stop, kept.prune_every.max(Duration::from_secs(1))).await {
                return;
            }
        }
    }

    async fn work_off_inbox(self: &Arc<Self>, mut stop: Stop, report: &Mutex<RunReport>) {
        let mut jobs = Jobs::default();
        loop {
            if jobs.len() < self.attempts.at_once {
                let begun = self.begin_due(&mut jobs);
                self.supervised("looking for due events", report, begun).await;
            }
            // A finished job makes room; otherwise there is something new, or it is time to look.
            let news = async {
                let notified = pin!(self.work_is_due.notified());
                select(notified, self.runtime.sleep(LOOK)).await;
            };
            let stopped = pin!(stop.wait_for(|stop| *stop));
            match select(stopped, select(pin!(jobs.next()), pin!(news))).await {
                Either::Left(_) => break,
                Either::Right((Either::Left((finished, _)), _)) => finish(finished, report),
                Either::Right((Either::Right(_), _)) => {}
            }
        }
        while jobs.len() > 0 {
            finish(jobs.next().await, report);
        }
    }

    /// Begins what is due, as much as there is room for. Nobody waits for a job here, not even for its claim: a row that the
    /// database does not let go holds up itself alone.
    async fn begin_due(self: &Arc<Self>, jobs: &mut Jobs) -> Result<(), StoreError> {
        let per_merchant = self.attempts.per_merchant.max(1);
        let room = self.attempts.at_once.saturating_sub(jobs.len());
        let now = self.now();
        let waiting = jobs.waiting(per_merchant);
        let mut due = self.store.due_entries(now, &waiting, per_merchant, room).await?;
        if due.is_empty() && jobs.has_served() {
            let full = jobs.all_anew(per_merchant);
            due = self.store.due_entries(now, &full, per_merchant, room).await?;
        }
        for entry in due {
            if !jobs.may_begin(&entry, per_merchant) {
                continue;
            }
            let (tell, told) = oneshot::channel();
            let (inner, begun, id) = (self.clone(), entry.clone(), entry.id.clone());
            self.runtime.spawn(Box::pin(async move {
                let outcome = AssertUnwindSafe(inner.begin(begun)).catch_unwind().await;
                // The runner may be gone; the entry was worked on all the same.
                let _ = tell.send(outcome.ok());
            }));
            jobs.begin(&entry, Box::pin(async move { (id, told.await.ok().flatten()) }));
        }
        Ok(())
    }

    /// Takes an entry, unless somebody was faster, and does what is to be done about it.
    async fn begin(&self, entry: Entry) -> Outcome {
        let until = later(self.now(), self.attempts.lease);
        let is_dead = entry.state == EntryState::Dead;
        let taken = if is_dead { entry.renewed(until) } else { entry.claimed(&self.owner, until) };
        match self.store.replace_entry(&taken).await {
            Ok(true) if is_dead => self.tell_of_dead(taken).await,
            Ok(true) => self.take_up(taken).await,
            Ok(false) => Outcome::Lost,
            Err(error) => {
                tracing::error!(entry = %taken.id, merchant = %taken.merchant, error = %error, "a due event could not be taken: it comes again");
                Outcome::NotBegun
            }
        }
    }

    /// Works on an entry that somebody else had, or that failed before.
    async fn take_up(&self, entry: Entry) -> Outcome {
        if entry.attempts > self.attempts.most {
            // None of them came to an end, not even a bad one.
            let text = "every attempt was interrupted: it may be what ends the process";
            return self.died(entry.failed(text)).await;
        }
        let Some(body) = entry.body.clone() else {
            return self.died(entry.failed("its body is no longer kept")).await;
        };
        let event = match kept_event(&entry, body) {
            Ok(event) => event,
            Err(refusal) => return self.died(entry.failed(&refusal.to_string())).await,
        };
        let entry = about_what_was_read(entry, &event);
        if self.is_begun_once(&event) && entry.progress < Progress::Answered {
            return self.died(entry.failed(NEVER_AGAIN)).await;
        }
        if let (EventName::StartExternalPayment, Some(_)) = (&entry.event, &self.payments)
            && let Err(error) = self.give_up_start(&event).await
        {
            return self.failed(entry, &error.to_string()).await;
        }
        self.work_off(entry, &event, None).await
    }

    /// The till that started this payment has not been answered, and has long given it up: nothing is presented to a customer
    /// any more. What was begun before is looked after by the payments.
    pub(super) async fn give_up_start(&self, event: &AnyEvent) -> Result<(), StoreError> {
        let AnyEvent::StartExternalPayment(start) = event else { return Ok(()) };
        let id = start.payload.external_payment.external_payment_id.clone();
        let key = PaymentKey { merchant: event.origin().merchant().clone(), id };
        let never = Payment::never_started(key, self.now());
        self.store.insert_payment(&never).await.map(drop)
    }
}

/// The entry with what its body names, which nobody could read when it arrived: the cancellation and the further parts of its sale find
/// it by that.
fn about_what_was_read(entry: Entry, event: &AnyEvent) -> Entry {
    if entry.subject.is_some() {
        return entry;
    }
    Entry { subject: subject_of(event), ..entry }
}

fn finish((merchant, outcome): (MerchantId, Option<Outcome>), report: &Mutex<RunReport>) {
    note(report, |report| match outcome {
        Some(Outcome::Done) => report.worked_off += 1,
        Some(Outcome::Retried) => report.retried += 1,
        Some(Outcome::Dead) => report.dead += 1,
        Some(Outcome::Lost | Outcome::Told) => {}
        Some(Outcome::Untold | Outcome::NotBegun) => report.troubles += 1,
        None => {
            tracing::error!(%merchant, "the work on an event panicked: it comes again when its time is over");
            report.troubles += 1;
        }
    });
}

/// An entry that a person wants to be worked on again.
pub(super) fn replayed(entry: Entry, now: chrono::DateTime<chrono::Utc>) -> Entry {
    Entry { attempts: 0, progress: Progress::Nothing, ..entry.waiting(EntryState::Received, now) }
}
