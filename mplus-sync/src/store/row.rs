//! How records are written down: what the stores on disk have in common.

use std::cmp::Ordering;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{
    Category, Combo, ConnectionId, InventoryLevel, Item, Location, ModifierGroup, Order, OutboxEntry,
    OutboxState, OutboxStateKind, Record, Revision, SyncState, Tracked,
};

use super::{Enqueued, Page, StoreError, StoreErrorKind};

/// A record with a table of its own. All of these tables have the columns of [`Row`].
pub(super) trait Stored: Record {
    const TABLE: &'static str;
}

impl Stored for Category {
    const TABLE: &'static str = "mplus_categories";
}

impl Stored for Item {
    const TABLE: &'static str = "mplus_items";
}

impl Stored for ModifierGroup {
    const TABLE: &'static str = "mplus_modifier_groups";
}

impl Stored for Combo {
    const TABLE: &'static str = "mplus_combos";
}

impl Stored for Location {
    const TABLE: &'static str = "mplus_locations";
}

/// A record as its table has it: keys to find it by, and the rest as JSON.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) pos_key: Option<String>,
    pub(super) body: String,
    pub(super) sync: Option<String>,
    pub(super) edited_at: Option<DateTime<Utc>>,
    pub(super) revision: i64,
}

impl Row {
    pub(super) fn of<T: Stored>(tracked: &Tracked<T>) -> Result<Self, StoreError> {
        Ok(Self {
            id: tracked.record.id().as_ref().to_owned(),
            pos_key: tracked.external_ids.mpluskassa.as_ref().map(T::pos_key),
            body: to_json(&tracked.record)?,
            sync: sync_json(&tracked.sync)?,
            edited_at: tracked.edited_at,
            revision: tracked.revision.get(),
        })
    }

    pub(super) fn into_tracked<T: Stored>(self) -> Result<Tracked<T>, StoreError> {
        let record = from_json(&self.body, T::NAME, &self.id)?;
        let number = |key: String| {
            T::from_pos_key(&key).ok_or_else(|| {
                corrupt(T::NAME, &self.id).with_source(format!("{key:?} is no number of the POS"))
            })
        };
        let sync = self.sync.as_deref().map(|sync| from_json(sync, T::NAME, &self.id)).transpose()?;
        let mut tracked = Tracked::new(record);
        tracked.external_ids.mpluskassa = self.pos_key.map(number).transpose()?;
        tracked.sync = sync.unwrap_or_default();
        tracked.edited_at = self.edited_at;
        tracked.revision = Revision::new(self.revision);
        Ok(tracked)
    }
}

/// A sync state as JSON; none for the one that says nothing.
pub(super) fn sync_json(sync: &SyncState) -> Result<Option<String>, StoreError> {
    if *sync == SyncState::default() { Ok(None) } else { to_json(sync).map(Some) }
}

/// The order of the keys of stock levels.
pub(super) fn by_place(one: &InventoryLevel, other: &InventoryLevel) -> Ordering {
    (&one.location, &one.item).cmp(&(&other.location, &other.item))
}

/// Puts what is written into the order of its keys, so that two writers never wait for each other in a circle, and
/// refuses a key that is there twice.
pub(super) fn in_key_order<R>(
    rows: &mut [R],
    what: &str,
    compare: impl Fn(&R, &R) -> Ordering,
) -> Result<(), StoreError> {
    rows.sort_by(&compare);
    if rows.windows(2).any(|pair| compare(&pair[0], &pair[1]).is_eq()) {
        return Err(StoreError::new(StoreErrorKind::Invalid, format!("write a {what} twice at once")));
    }
    Ok(())
}

pub(super) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| {
        StoreError::new(StoreErrorKind::Invalid, "write a record as JSON").with_source(error)
    })
}

pub(super) fn from_json<T: DeserializeOwned>(json: &str, what: &str, id: &str) -> Result<T, StoreError> {
    serde_json::from_str(json).map_err(|error| corrupt(what, id).with_source(error))
}

pub(super) fn corrupt(what: &str, id: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, format!("read {what} {id}"))
}

/// An outbox entry as its table has it; `state` is the state with what belongs to it as JSON.
pub(super) struct EntryRow {
    pub(super) connection: String,
    pub(super) sequence: i64,
    pub(super) number: String,
    pub(super) body: String,
    pub(super) state: String,
    pub(super) attempts: i64,
    pub(super) claims: i64,
    pub(super) may_be_at_pos: bool,
    pub(super) due_at: DateTime<Utc>,
    pub(super) last_error: Option<String>,
    pub(super) queued_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
}

impl EntryRow {
    pub(super) fn into_entry(self) -> Result<OutboxEntry, StoreError> {
        let order = from_json(&self.body, "order", &self.number)?;
        let state: OutboxState = from_json(&self.state, "the state of order", &self.number)?;
        let mut entry =
            OutboxEntry::queued(ConnectionId::from(self.connection), self.sequence, order, self.queued_at);
        entry.state = state;
        entry.attempts = u32::try_from(self.attempts).unwrap_or(u32::MAX);
        entry.claims = self.claims;
        entry.may_be_at_pos = self.may_be_at_pos;
        entry.due_at = self.due_at;
        entry.last_error = self.last_error;
        entry.updated_at = self.updated_at;
        Ok(entry)
    }
}

/// The state that a name stands for.
pub(super) fn state_named(name: &str) -> Result<OutboxStateKind, StoreError> {
    let named = OutboxStateKind::ALL.into_iter().find(|kind| kind.as_str() == name);
    named.ok_or_else(|| corrupt("the outbox state", name))
}

/// What queuing an order means whose number is known already.
pub(super) fn known_order(known: Option<OutboxEntry>, order: &Order) -> Result<Enqueued, StoreError> {
    if known.is_some_and(|known| known.order == *order) {
        return Ok(Enqueued::Known);
    }
    let action = format!("queue order {}: another order has this number", order.number);
    Err(StoreError::new(StoreErrorKind::Conflict, action))
}

/// A page's limit as the databases take it.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Where a page begins, and how a key is compared with it: every key is behind the empty text or equal to it.
pub(super) fn page_start<K: AsRef<str>>(page: &Page<K>) -> (&str, &'static str) {
    page.after.as_ref().map_or(("", ">="), |last| (last.as_ref(), ">"))
}
