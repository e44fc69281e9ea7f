//! The inbox as an operator sees it.

use std::fmt;
use std::sync::Arc;

use super::Inner;
use super::run::replayed;
use super::work::kept_event;
use crate::error::Refusal;
use crate::event::AnyEvent;
use crate::inbox::{Entry, EntryFilter, EntryId, EntryState};
use crate::store_error::StoreError;

/// What arrived, for operators: to list, read, replay and discard. See [`Orchestrator::inbox`](crate::Orchestrator::inbox).
#[derive(Clone)]
pub struct Inbox {
    inner: Arc<Inner>,
}

impl fmt::Debug for Inbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Inbox").finish_non_exhaustive()
    }
}

/// Why an entry was not replayed or discarded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InboxError {
    /// There is none with this id.
    #[error("the inbox has no entry {0}")]
    Unknown(EntryId),
    /// Somebody works on it at present: look again in a moment.
    #[error("entry {0} is being worked on")]
    Busy(EntryId),
    /// Only its identity is left, so there is nothing to work on.
    #[error("entry {0} ended so long ago that its body is no longer kept")]
    Forgotten(EntryId),
    /// The body cannot be read as its event.
    #[error("the entry's body cannot be read: {0}")]
    Unreadable(Refusal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Inbox {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// One page of entries, without their bodies, ordered by when they arrived. [`EntryFilter::dead`] has the dead letters.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.inner.store.list_entries(filter).await
    }

    /// Reads an entry with its raw body. `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        self.inner.store.entry(id).await
    }

    /// Reads the entry's body as the event that it is.
    ///
    /// # Errors
    /// [`InboxError::Forgotten`] when the body is no longer kept, [`InboxError::Unreadable`] when it cannot be read.
    pub fn event(&self, entry: &Entry) -> Result<AnyEvent, InboxError> {
        let body = entry.body.clone().ok_or_else(|| InboxError::Forgotten(entry.id.clone()))?;
        kept_event(entry, body).map_err(InboxError::Unreadable)
    }

    /// Has an entry worked on again from its beginning, whether it is a dead letter, was discarded or was done. The
    /// [`run`](crate::Orchestrator::run) of some process does it soon. Returns the entry as it waits.
    ///
    /// What was done of it before is done again: the host's transactions are told by the same ids.
    ///
    /// # Errors
    /// [`InboxError`].
    pub async fn replay(&self, id: &EntryId) -> Result<Entry, InboxError> {
        let entry = self.ended(id).await?;
        if entry.body.is_none() {
            return Err(InboxError::Forgotten(id.clone()));
        }
        let waiting = self.replace(replayed(entry, self.inner.now())).await?;
        self.inner.work_is_due.notify_one();
        Ok(waiting)
    }

    /// Decides that nothing is done about an entry. A repeat of its event is acknowledged, and nothing more.
    ///
    /// # Errors
    /// [`InboxError`].
    pub async fn discard(&self, id: &EntryId) -> Result<Entry, InboxError> {
        let entry = self.ended(id).await?;
        if entry.state == EntryState::Forgotten {
            return Err(InboxError::Forgotten(id.clone()));
        }
        self.replace(entry.ended(EntryState::Discarded, self.inner.now())).await
    }

    /// The entry, on which nobody works.
    async fn ended(&self, id: &EntryId) -> Result<Entry, InboxError> {
        let entry = self.entry(id).await?.ok_or_else(|| InboxError::Unknown(id.clone()))?;
        let now = self.inner.now();
        if entry.state == EntryState::Working && entry.due_at.is_some_and(|until| until > now) {
            return Err(InboxError::Busy(id.clone()));
        }
        Ok(entry)
    }

    async fn replace(&self, entry: Entry) -> Result<Entry, InboxError> {
        match self.inner.store.replace_entry(&entry).await? {
            true => Ok(entry),
            false => Err(InboxError::Busy(entry.id)),
        }
    }
}
