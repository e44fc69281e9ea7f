//! The end of a sale that is configured as polling: its till asks about it again and again, until a reply says that it need not.

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

/// Whether the till still asks about this entry, which is that of a polled end.
pub(super) fn is_asked_about(entry: &Entry) -> bool {
    // One that is forgotten ended long ago.
    entry.state != EntryState::Forgotten && !entry.reply.as_ref().is_some_and(ends_polls)
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
        if entry.reply.as_ref().is_some_and(ends_polls) {
            // The till knows.
            if let Some(seat) = seat {
                seat.tell(Ok(reply));
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
        if seat.told_in_time(Ok(reply)) {
            return Some(entry);
        }
        match self.keep_reply(&entry, &not_yet).await {
            Ok(kept) => kept,
            Err(()) => Some(entry),
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
