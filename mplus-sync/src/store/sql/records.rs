//! Records of any kind: all their tables have the same columns.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::model::{
    Category, Checkpoint, Combo, ConnectionId, Editable, Edits, Item, Location, ModifierGroup, Patch, Record,
    Revision, StaleField, SyncState, Tracked, Unreadable,
};
use crate::store::{Page, Pushed, Select, StoreError, StoreErrorKind, edit_refused};

use super::driver::{Driver, Transaction};
use super::format::{self, corrupt};
use super::gathered::are_few;
use super::table::{self, Table};
use super::value::{Row, SqlValue};
use super::write::{Keyed, Write};
use super::{SqlStore, conflict, limit, page_start};

/// A record with a table of its own.
pub(super) trait Stored: Record {
    const TABLE: &'static Table;
}

impl Stored for Category {
    const TABLE: &'static Table = &table::CATEGORIES;
}

impl Stored for Item {
    const TABLE: &'static Table = &table::ITEMS;
}

impl Stored for ModifierGroup {
    const TABLE: &'static Table = &table::MODIFIER_GROUPS;
}

impl Stored for Combo {
    const TABLE: &'static Table = &table::COMBOS;
}

impl Stored for Location {
    const TABLE: &'static Table = &table::LOCATIONS;
}

/// The columns that are read.
const COLUMNS: &str = "id, pos_key, body, sync, edits, revision";

/// How many rows a page of a look through everything has.
const PAGE: usize = 500;

/// A record's row with the revision after one more write.
fn row_of<T: Stored>(connection: &ConnectionId, tracked: &Tracked<T>) -> Result<Vec<SqlValue>, StoreError> {
    let sync = (tracked.sync != SyncState::default()).then(|| format::plain(&tracked.sync)).transpose()?;
    let edits = (!tracked.edits.is_empty()).then(|| format::plain(&tracked.edits)).transpose()?;
    Ok(vec![
        connection.as_str().into(),
        tracked.record.id().as_ref().into(),
        tracked.external_ids.mpluskassa.as_ref().map(T::pos_key).into(),
        format::to_json(&tracked.record, tracked.newer.as_ref())?.into(),
        sync.into(),
        edits.into(),
        tracked.edited_at().into(),
        tracked.revision.next().get().into(),
    ])
}

fn read_row<T: Stored>(mut row: Row) -> Result<Tracked<T>, StoreError> {
    let id = row.text()?;
    let key = row.optional_text()?;
    let (record, newer) = format::from_json::<T>(&row.text()?, T::NAME, &id)?;
    let read_sync = |json: String| format::read_json::<SyncState>(&json, "the sync state of", &id);
    let sync = row.optional_text()?.map(read_sync).transpose()?;
    let read_edits = |json: String| format::read_json::<Edits>(&json, "the edits of", &id);
    let edits = row.optional_text()?.map(read_edits).transpose()?;
    let number = |key: String| {
        let number = T::from_pos_key(&key);
        number.ok_or_else(|| corrupt(T::NAME, &id).with_source(format!("{key:?} is no number of the POS")))
    };
    let mut tracked = Tracked::new(record);
    tracked.external_ids.mpluskassa = key.map(number).transpose()?;
    tracked.sync = sync.unwrap_or_default();
    tracked.edits = edits.unwrap_or_default();
    tracked.newer = newer;
    tracked.revision = Revision::new(row.integer()?);
    Ok(tracked)
}

/// Reads rows, leaving out those that cannot be read.
fn readable<T: Stored>(rows: Vec<Row>) -> Result<Vec<Tracked<T>>, StoreError> {
    let mut records = Vec::with_capacity(rows.len());
    for row in rows {
        match read_row(row) {
            Ok(record) => records.push(record),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {}
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// Puts what is written into the order of its keys, so that two writers never wait for each other in a circle, and refuses a
/// key that is there twice.
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

/// The rows of new records, and those of known ones.
pub(super) fn writes<T: Stored>(
    connection: &ConnectionId,
    records: &[Tracked<T>],
) -> Result<Vec<Write>, StoreError> {
    let mut records: Vec<&Tracked<T>> = records.iter().collect();
    in_key_order(&mut records, T::NAME, |one, other| one.record.id().cmp(other.record.id()))?;
    let (mut new, mut known) = (Vec::new(), Vec::new());
    for record in records {
        let rows = if record.revision == Revision::NEW { &mut new } else { &mut known };
        rows.push(row_of(connection, record)?);
    }
    let writes = [Write::insert(T::TABLE, new), Write::replace(T::TABLE, known)];
    Ok(writes.into_iter().filter(|write| !write.rows.is_empty()).collect())
}

pub(super) fn checkpoint_writes(
    connection: &ConnectionId,
    checkpoints: &[Checkpoint],
) -> Result<Vec<Write>, StoreError> {
    let mut checkpoints: Vec<&Checkpoint> = checkpoints.iter().collect();
    in_key_order(&mut checkpoints, "checkpoint", |one, other| one.resource.cmp(&other.resource))?;
    let row = |point: &&Checkpoint| {
        vec![connection.as_str().into(), point.resource.as_str().into(), point.marker.get().into()]
    };
    let rows: Vec<_> = checkpoints.iter().map(row).collect();
    Ok(if rows.is_empty() { Vec::new() } else { vec![Write::upsert(&table::CHECKPOINTS, rows)] })
}

fn by_ids<T: Stored>(
    connection: &ConnectionId,
    column: &'static str,
    keys: BTreeSet<String>,
    lock: bool,
) -> Keyed {
    Keyed {
        table: T::TABLE,
        columns: COLUMNS,
        within: vec![("connection", connection.as_str().into())],
        column,
        keys: keys.into_iter().collect(),
        lock,
    }
}

impl<D: Driver> SqlStore<D> {
    pub(super) async fn select<T: Stored>(
        &self,
        connection: &ConnectionId,
        select: Select<T>,
    ) -> Result<Vec<Tracked<T>>, StoreError> {
        let action = "read records";
        let (column, keys) = match &select {
            Select::Ids(ids) if are_few(ids.len()) => {
                let ids = ids.iter().map(|id| id.as_ref().to_owned()).collect();
                return readable(self.few_records(action, T::TABLE, COLUMNS, connection, ids).await?);
            }
            Select::Ids(ids) => ("id", ids.iter().map(|id| id.as_ref().to_owned()).collect()),
            Select::PosIds(numbers) => ("pos_key", numbers.iter().map(T::pos_key).collect()),
            Select::Page(page) => return self.page(connection, page, "").await,
            Select::Edited(page) => return self.page(connection, page, " AND edited_at IS NOT NULL").await,
        };
        readable(self.driver.by_keys(action, by_ids::<T>(connection, column, keys, false)).await?)
    }

    /// A page with as many records as were asked for, however many between them cannot be read.
    async fn page<T: Stored>(
        &self,
        connection: &ConnectionId,
        page: &Page<T::Id>,
        only: &str,
    ) -> Result<Vec<Tracked<T>>, StoreError> {
        let mut records = Vec::new();
        let mut next = page.clone();
        loop {
            let rows = self.rows::<T>(connection, &next, only).await?;
            let is_last = rows.len() < next.limit;
            let last = rows.last().map(|(id, _)| id.clone());
            records.extend(readable(rows.into_iter().map(|(_, row)| row).collect())?);
            match last {
                Some(last) if !is_last && records.len() < page.limit => {
                    let limit = page.limit - records.len();
                    next = Page { after: Some(T::Id::from(last)), limit };
                }
                _ => return Ok(records),
            }
        }
    }

    /// The rows of a page, each with its identifier.
    async fn rows<T: Stored>(
        &self,
        connection: &ConnectionId,
        page: &Page<T::Id>,
        only: &str,
    ) -> Result<Vec<(String, Row)>, StoreError> {
        let (last, behind) = page_start(page);
        let sql = format!(
            "SELECT {COLUMNS} FROM {} WHERE connection = ? AND id {behind} ?{only} ORDER BY id LIMIT ?",
            T::TABLE.name
        );
        let values = vec![connection.as_str().into(), last.into(), limit(page.limit).into()];
        let rows = self.driver.query("read records", &sql, values).await?;
        let with_id = |row: Row| match row.0.as_slice().first() {
            Some(SqlValue::Text(id)) => Ok((id.clone(), row)),
            _ => Err(corrupt(T::NAME, "without an identifier")),
        };
        rows.into_iter().map(with_id).collect()
    }

    /// What cannot be read of one kind of record.
    pub(super) async fn unreadable_records<T: Stored>(
        &self,
        connection: &ConnectionId,
        found: &mut Vec<Unreadable>,
    ) -> Result<(), StoreError> {
        let mut page = Page::first(PAGE);
        loop {
            let rows = self.rows::<T>(connection, &page, "").await?;
            let is_last = rows.len() < PAGE;
            let last = rows.last().map(|(id, _)| id.clone());
            for (id, row) in rows {
                found.extend(read_row::<T>(row).err().map(|error| unreadable::<T>(&id, &error)));
            }
            match last {
                Some(last) if !is_last => page = Page::after(T::Id::from(last), PAGE),
                _ => return Ok(()),
            }
        }
    }

    /// Takes the records out that meet a row which cannot be read: the host's identifier or the POS's number is there.
    pub(super) async fn without_unreadable<T: Stored>(
        &self,
        connection: &ConnectionId,
        records: &mut Vec<Tracked<T>>,
        parked: &mut Vec<Unreadable>,
    ) -> Result<(), StoreError> {
        let ids: BTreeSet<String> = records.iter().map(|one| one.record.id().as_ref().to_owned()).collect();
        let number = |one: &Tracked<T>| one.external_ids.mpluskassa.as_ref().map(T::pos_key);
        let keys: BTreeSet<String> = records.iter().filter_map(number).collect();
        let mut met = Vec::new();
        for (column, keys) in [("id", ids), ("pos_key", keys)] {
            let rows =
                self.driver.by_keys("read records", by_ids::<T>(connection, column, keys, false)).await?;
            for row in rows {
                let mut columns = row.0.as_slice().iter();
                let mut text = || match columns.next() {
                    Some(SqlValue::Text(text)) => text.clone(),
                    _ => String::new(),
                };
                let (id, key) = (text(), text());
                if let Err(error) = read_row::<T>(row) {
                    parked.push(unreadable::<T>(&id, &error));
                    met.push((id, key));
                }
            }
        }
        records.retain(|one| {
            let (id, number) = (one.record.id().as_ref(), number(one));
            !met.iter().any(|(met, key)| met == id || number.as_ref() == Some(key))
        });
        parked.dedup();
        Ok(())
    }
}

fn unreadable<T: Record>(id: &str, error: &StoreError) -> Unreadable {
    Unreadable { kind: T::NAME.to_owned(), id: id.to_owned(), why: error.to_string() }
}

/// The stored records of these identifiers, which stay as they are until the transaction ends.
async fn locked<T: Stored>(
    transaction: &mut dyn Transaction,
    connection: &ConnectionId,
    ids: impl Iterator<Item = &T::Id>,
) -> Result<Vec<Tracked<T>>, StoreError> {
    let ids = ids.map(|id| id.as_ref().to_owned()).collect();
    let rows = transaction.by_keys(by_ids::<T>(connection, "id", ids, true)).await?;
    rows.into_iter().map(read_row).collect()
}

/// Takes the host's edits.
pub(super) async fn edit<T: Stored + Editable>(
    transaction: &mut dyn Transaction,
    connection: &ConnectionId,
    patches: &[Patch<T>],
    now: DateTime<Utc>,
    stale: &mut Vec<StaleField>,
) -> Result<(), StoreError> {
    if patches.is_empty() {
        return Ok(());
    }
    let mut patches: Vec<&Patch<T>> = patches.iter().collect();
    in_key_order(&mut patches, T::NAME, |one, other| one.id().cmp(other.id()))?;
    let stored = locked::<T>(transaction, connection, patches.iter().map(|patch| patch.id())).await?;
    let mut changed = Vec::with_capacity(patches.len());
    for patch in patches {
        let known = stored.iter().find(|known| known.record.id() == patch.id());
        let (next, left_out) = patch
            .carry_out(known.cloned(), now)
            .map_err(|refused| edit_refused(T::NAME, patch.id().as_ref(), refused))?;
        stale.extend(left_out);
        changed.extend((known != Some(&next)).then_some(next));
    }
    for write in writes(connection, &changed)? {
        transaction.write(write).await?;
    }
    Ok(())
}

/// Records what the POS has taken.
pub(super) async fn mark_pushed<T: Stored + Editable>(
    transaction: &mut dyn Transaction,
    connection: &ConnectionId,
    pushes: &[Pushed<T>],
) -> Result<(), StoreError> {
    if pushes.is_empty() {
        return Ok(());
    }
    let mut pushes: Vec<&Pushed<T>> = pushes.iter().collect();
    in_key_order(&mut pushes, T::NAME, |one, other| one.id.cmp(&other.id))?;
    let stored = locked::<T>(transaction, connection, pushes.iter().map(|push| &push.id)).await?;
    let mut marked = Vec::with_capacity(pushes.len());
    for push in pushes {
        let known = stored.iter().find(|known| *known.record.id() == push.id).cloned();
        let known = known.ok_or_else(|| {
            let action = format!("mark {} {} as pushed", T::NAME, push.id.as_ref());
            StoreError::new(StoreErrorKind::NotFound, action)
        })?;
        marked.push(known.pushed(push.sent.as_ref(), push.number.clone(), push.sync.clone()));
    }
    for write in writes(connection, &marked)? {
        transaction.write(write).await.map_err(|error| match error.kind() {
            StoreErrorKind::Conflict if !error.is_transient() => {
                conflict(format!("mark records of kind {} as pushed", T::NAME))
                    .with_source("a number at the POS belongs to another record")
            }
            _ => error,
        })?;
    }
    Ok(())
}
