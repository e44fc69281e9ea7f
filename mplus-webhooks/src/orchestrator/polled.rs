//! The end of a sale that is configured as polling: its till asks about it again and again, until a reply says that it need not.

use chrono::{DateTime, TimeDelta, Utc};

use super::late::{acknowledged, if_late, written};
use super::{Inner, later};
use crate::event::AnyEvent;
use crate::inbox::{Entry, EntryState, Seat, StoredReply};
use crate::reply::Body;

/// Whether the event is the end of a sale that its till asks about until it need not.
pub(super) fn is_polled_end(event: &AnyEvent) -> bool {
    event.name().ends_a_sale() && event.details().polling
}

/// Yes, and nothing else: one that is polled need not be asked about again.
pub(super) fn acknowledges(event: &AnyEvent) -> StoredReply {
    if is_polled_end(event) { written(&Body::default().ending_polls()) } else { acknowledged() }
}

/// Whether the till need not ask again after this reply.
pub(super) fn ends_polls(reply: &StoredReply) -> bool {
    let told: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
    told.is_some_and(|told| told["polling"]["finished"] == true)
}

/// How long after its last answer a till may still ask about what has ended without a word that it need not. After that a cashier has
/// broken it off, and what looks like it is another sale.
const STILL_ASKED: TimeDelta = TimeDelta::minutes(10);

/// Whether the till still asks about this entry, which is that of a polled end.
pub(super) fn is_asked_about(entry: &Entry, now: DateTime<Utc>) -> bool {
    let is_recent = entry.ended_at.is_some_and(|ended| now - ended < STILL_ASKED);
    let may_be = match entry.state {
        EntryState::Done | EntryState::Dead => is_recent,
        EntryState::Discarded | EntryState::Forgotten => false,
        EntryState::Received | EntryState::Retrying | EntryState::Working => true,
    };
    may_be && !entry.reply.as_ref().is_some_and(ends_polls)
}

impl Inner {
    /// Tells the till of an entry in our hands this reply, and has the entry keep what the till knows. That it need not ask again is
    /// stored before it is told, and taken back when nobody waited for it any more: what has the same content and comes after that is
    /// another part, and what comes before is this one.
    ///
    /// `None`: another process has the entry.
    pub(super) async fn tell_polled(
        &self,
        mut entry: Entry,
        event: &AnyEvent,
        reply: StoredReply,
        seat: Option<&mut Seat>,
    ) -> Option<Entry> {
        if let Some(known) = entry.reply.clone().filter(ends_polls) {
            // The till knows, and hears nothing else.
            if let Some(seat) = seat {
                seat.tell(Ok(if ends_polls(&reply) { reply } else { known }));
            }
            return Some(entry);
        }
        let not_yet = written(&if_late(event));
        let Some(seat) = seat else {
            // The reply waits for nobody: the till asks, and hears another.
            entry.reply = Some(not_yet);
            return Some(entry);
        };
        if !ends_polls(&reply) {
            seat.tell(Ok(reply.clone()));
            entry.reply = Some(reply);
            return match entry.state.is_open() {
                true => Some(entry),
                false => self.asked_again(entry).await,
            };
        }
        if seat.is_too_late() {
            entry.reply = Some(not_yet);
            return Some(entry);
        }
        match self.keep_reply(&entry, &reply).await {
            Ok(Some(kept)) => entry = kept,
            Ok(None) => {
                seat.tell(Ok(not_yet));
                return None;
            }
            Err(()) => {
                seat.tell(Ok(not_yet.clone()));
                entry.reply = Some(not_yet);
                return Some(entry);
            }
        }
        if seat.told_in_time(Ok(reply.clone()), Ok(not_yet.clone())) {
            // The same bytes once more are no other part.
            seat.keep_for_repeats(reply);
            return Some(entry);
        }
        match self.keep_reply(&entry, &not_yet).await {
            Ok(kept) => kept,
            Err(()) => Some(Entry { reply: Some(not_yet), ..entry }),
        }
    }

    /// Keeps that the till asks still about what has ended.
    pub(super) async fn asked_again(&self, entry: Entry) -> Option<Entry> {
        let again = Entry { ended_at: Some(self.now()), version: entry.version + 1, ..entry };
        match self.store.replace_entry(&again).await {
            Ok(ours) => ours.then_some(again),
            // It counts as asked about for a shorter time then.
            Err(error) => {
                tracing::warn!(entry = %again.id, error = %error, "that a till still asks could not be stored");
                Some(Entry { version: again.version - 1, ..again })
            }
        }
    }

    /// The entry with this reply, as it is stored now. `None`: somebody was faster.
    async fn keep_reply(&self, entry: &Entry, reply: &StoredReply) -> Result<Option<Entry>, ()> {
        let mut kept = Entry { reply: Some(reply.clone()), version: entry.version + 1, ..entry.clone() };
        if kept.state == EntryState::Working {
            kept.due_at = Some(later(self.now(), self.attempts.lease));
        }
        match self.store.replace_entry(&kept).await {
            Ok(ours) => Ok(ours.then_some(kept)),
            Err(error) => {
                tracing::error!(entry = %entry.id, error = %error, "the answer to a polled event could not be stored: the till asks again");
                Err(())
            }
        }
    }
}
