//! Whether the end of a sale that looks like one before is a repeat, or a further part of the sale.

use super::Inner;
use super::work::kept_event;
use crate::event::{self, AnyEvent, Occasion, is_same_content};
use crate::inbox::{Entry, EntryId, EntryState, InboxNotice};
use crate::store_error::StoreError;

/// What the same end of a sale with the same content means, told with another counter **and** at another time: two guests who pay half
/// each look like that, and so may a till that tells a sale anew. The vendor's pages don't say.
///
/// A till that sends the same bytes once more, or whose counter or clock stood still, repeats; that is so with both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum EqualParts {
    /// A further part of the sale: done like every other, and told by [`InboxNotice::FurtherPart`].
    #[default]
    Further,
    /// A repeat: nothing is done, and the host is told by [`InboxNotice::ToldAgain`].
    Repeat,
}

impl Inner {
    /// Decides about an event that looks like one in the inbox: the entry that it is, and what is in the inbox of that. Nothing, when
    /// it is a further part; then it is kept.
    pub(super) async fn part_or_repeat(
        &self,
        entry: Entry,
        event: &AnyEvent,
        existing: Entry,
    ) -> (Entry, Result<Option<Entry>, StoreError>) {
        let ends_sale = event.name().ends_a_sale() && event.subject().is_some();
        if !ends_sale || existing.id != entry.id || was_refused(&existing) {
            return (entry, Ok(Some(existing)));
        }
        let told = match self.alike(&entry, existing).await {
            Ok(told) => told,
            Err(error) => return (entry, Err(error)),
        };
        if let Some(same) = told.iter().find(|told| told.body_digest == entry.body_digest) {
            return (entry, Ok(Some(same.clone())));
        }
        let now = Occasion::of(event);
        let before = told
            .iter()
            .map(|told| now.as_ref().zip(occasion(told)).map(|(now, then)| then.is_told_again(now)));
        let before: Vec<Option<bool>> = before.collect();
        if let Some(again) = before.iter().position(|again| *again == Some(true)) {
            return (entry, Ok(told.into_iter().nth(again)));
        }
        let known = before.iter().all(Option::is_some);
        match now.filter(|_| known && self.equal_parts == EqualParts::Further) {
            Some(now) => {
                let id = EntryId::new(event::further_part(entry.id.as_str(), &now));
                let part = Entry { id, ..entry };
                let inserted = self.store.insert_entry(&part).await;
                (part, inserted)
            }
            None => {
                let Some(first) = told.into_iter().next() else { return (entry, Ok(None)) };
                let notice = InboxNotice::ToldAgain { entry: first.clone(), body: event.raw().clone() };
                match self.tell(notice).await {
                    Ok(()) => (entry, Ok(Some(first))),
                    // The till is told that it failed, and may repeat it.
                    Err(why) => (entry, Err(StoreError::new("tell of a repeated sale", why))),
                }
            }
        }
    }

    /// What the inbox has of the same sale with the same content, with the bodies.
    async fn alike(&self, entry: &Entry, existing: Entry) -> Result<Vec<Entry>, StoreError> {
        let mut alike = vec![existing];
        let Some(subject) = &entry.subject else { return Ok(alike) };
        for told in self.store.entries_about(&entry.merchant, subject).await? {
            if told.id != alike[0].id && is_same_content(entry.id.as_str(), told.id.as_str()) {
                alike.extend(self.store.entry(&told.id).await?);
            }
        }
        Ok(alike)
    }
}

/// Whether the till was told that the host does not want it: then it comes again.
fn was_refused(entry: &Entry) -> bool {
    entry.state == EntryState::Done && entry.reply.as_ref().is_some_and(|reply| reply.status != 200)
}

/// When and where an entry was told, as long as its body is kept.
fn occasion(entry: &Entry) -> Option<Occasion> {
    Occasion::of(&kept_event(entry, entry.body.clone()?).ok()?)
}
