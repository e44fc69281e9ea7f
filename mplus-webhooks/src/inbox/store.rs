//! What has to be remembered of events.

use std::fmt::Debug;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::entry::{Entry, EntryId, EntryState};
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// Remembers events.
///
/// Every method is atomic, for callers in other processes too. Instants are UTC and come from the caller's clock; the clocks of
/// the callers may differ by a minute.
///
/// # Errors
/// [`StoreError`] when the database fails. Where several entries are read, one that cannot be read is logged and left out, so
/// that it does not stop the others.
#[async_trait]
pub trait InboxStore: Debug + Send + Sync {
    /// Keeps a new entry; when this has returned, no loss of power takes it away. When its id is taken, or the merchant has an
    /// entry with the same body, that one is returned and nothing changes.
    async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError>;

    /// Reads an entry.
    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError>;

    /// Replaces what can change of an entry, provided that the stored version is the one just before; `false` when somebody was
    /// faster. So whoever lost an entry to another can neither finish it nor give it back.
    ///
    /// A loss of power may undo it: the work is done again then.
    async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError>;

    /// Entries whose `due_at` has come, of several merchants in turn: at most `limit`, at most `per_merchant` of one, and none of
    /// the merchants in `except`. They are not taken by this; see [`replace_entry`](Self::replace_entry).
    async fn due_entries(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError>;

    /// The newest hundred entries about a sale or a payment, without their bodies.
    async fn entries_about(&self, merchant: &MerchantId, subject: &str) -> Result<Vec<Entry>, StoreError>;

    /// One page of entries, without their bodies, ordered by when they arrived, then by id.
    async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError>;

    /// Forgets what ended before these instants: `done` and `dead` leave their identity, `identities` leave nothing.
    async fn prune_entries(
        &self,
        done: DateTime<Utc>,
        dead: DateTime<Utc>,
        identities: DateTime<Utc>,
    ) -> Result<Pruned, StoreError>;
}

/// What was pruned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries of which only the identity is left.
    pub forgotten: u64,
    /// Identities that are gone.
    pub removed: u64,
}

/// Which entries to list. The default is the first hundred of all that are not forgotten.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EntryFilter {
    /// Only this merchant's.
    pub merchant: Option<MerchantId>,
    /// Only those in one of these states; empty means any but [`Forgotten`](EntryState::Forgotten).
    pub states: Vec<EntryState>,
    /// Only those about this sale or payment.
    pub subject: Option<String>,
    /// Only those that arrived at this instant or later.
    pub from: Option<DateTime<Utc>>,
    /// Only those that arrived before this instant.
    pub to: Option<DateTime<Utc>>,
    /// Goes on after this entry, the last one of the page before.
    pub after: Option<(DateTime<Utc>, EntryId)>,
    /// The most entries of a page.
    pub limit: usize,
}

impl Default for EntryFilter {
    fn default() -> Self {
        Self {
            merchant: None,
            states: Vec::new(),
            subject: None,
            from: None,
            to: None,
            after: None,
            limit: 100,
        }
    }
}

impl EntryFilter {
    /// The dead letters.
    pub fn dead() -> Self {
        Self { states: vec![EntryState::Dead], ..Self::default() }
    }

    /// Only this merchant's.
    #[must_use]
    pub fn of(mut self, merchant: MerchantId) -> Self {
        self.merchant = Some(merchant);
        self
    }

    /// The same filter for the page after `last`.
    #[must_use]
    pub fn after(mut self, last: &Entry) -> Self {
        self.after = Some((last.received_at, last.id.clone()));
        self
    }

    /// Whether the entry is among those that are listed.
    pub fn matches(&self, entry: &Entry) -> bool {
        let state = match self.states.as_slice() {
            [] => entry.state != EntryState::Forgotten,
            states => states.contains(&entry.state),
        };
        state
            && self.merchant.as_ref().is_none_or(|merchant| *merchant == entry.merchant)
            && self.subject.as_ref().is_none_or(|subject| entry.subject.as_ref() == Some(subject))
            && self.from.is_none_or(|from| entry.received_at >= from)
            && self.to.is_none_or(|to| entry.received_at < to)
            && self.after.as_ref().is_none_or(|(at, id)| (&entry.received_at, &entry.id) > (at, id))
    }
}
