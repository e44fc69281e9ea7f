//! Events in tables.

use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::dialect::Dialect;
use super::value::{Row, Unreadable, Value, count};
use super::{Durability, HasTables, Tables};
use crate::event::EventName;
use crate::inbox::{Entry, EntryFilter, EntryId, EntryState, InboxStore, Progress, Pruned, StoredReply};
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

const TABLE: &str = "mplus_webhook_entry";

/// In the order of [`read`].
const COLUMNS: [&str; 21] = [
    "id",
    "merchant",
    "subscription",
    "event",
    "branch_number",
    "workplace_number",
    "subject",
    "body",
    "body_digest",
    "state",
    "reply_status",
    "reply_body",
    "attempts",
    "progress",
    "last_error",
    "owner",
    "received_at",
    "due_at",
    "ended_at",
    "version",
    "untold",
];

/// Entries that can be worked on, and dead letters of which the host is to be told: others are never due. A state that a later
/// release adds is left to that.
const OPEN: &str = "state IN ('received', 'working', 'retrying', 'dead')";
/// How long an entry that cannot be read is set aside.
const ASIDE: TimeDelta = TimeDelta::hours(1);
/// How many due entries are looked at together.
const LOOK: usize = 1000;

/// What is asked again and again, in the database's spelling.
#[derive(Debug)]
pub(super) struct Statements {
    insert: String,
    conflicting: String,
    by_id: String,
    replace: String,
    about: String,
    forget: String,
    remove: String,
}

impl Statements {
    pub(super) fn new(dialect: Dialect) -> Self {
        let (all, bare) = (columns(true), columns(false));
        let own = (TABLE, "id");
        Self {
            insert: dialect.insert_new(TABLE, &COLUMNS),
            conflicting: dialect.statement(&format!(
                "SELECT {all} FROM {TABLE} WHERE id = ? UNION ALL \
                 SELECT {all} FROM {TABLE} WHERE merchant = ? AND body_digest = ?"
            )),
            by_id: dialect.statement(&format!("SELECT {all} FROM {TABLE} WHERE id = ?")),
            replace: dialect.relaxed_update(
                TABLE,
                "state = ?, reply_status = ?, reply_body = ?, attempts = ?, progress = ?, last_error = ?, owner = ?, \
                 due_at = ?, ended_at = ?, version = ?, untold = ?, subject = ?",
                "id = ? AND version = ?",
            ),
            about: dialect.statement(&format!(
                "SELECT {bare} FROM {TABLE} WHERE merchant = ? AND subject = ? ORDER BY received_at DESC LIMIT 100"
            )),
            forget: dialect.limited(
                &format!(
                    "UPDATE {TABLE} SET state = 'forgotten', body = NULL, reply_status = NULL, reply_body = NULL, \
                     last_error = NULL, owner = NULL, due_at = NULL, untold = NULL, version = version + 1"
                ),
                own,
                "state = ? AND ended_at < ?",
                "ended_at",
            ),
            remove: dialect.limited(
                &format!("DELETE FROM {TABLE}"),
                own,
                "state = 'forgotten' AND ended_at < ?",
                "ended_at",
            ),
        }
    }
}

/// The columns, with or without the bodies.
fn columns(bodies: bool) -> String {
    let shown = |column: &&str| match *column {
        "body" | "reply_body" if !bodies => "NULL".to_owned(),
        column => column.to_owned(),
    };
    COLUMNS.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn write(entry: &Entry) -> Vec<Value> {
    let reply = entry.reply.as_ref();
    vec![
        entry.id.as_str().into(),
        entry.merchant.as_str().into(),
        entry.subscription.as_str().into(),
        entry.event.as_str().into(),
        entry.branch_number.into(),
        entry.workplace_number.into(),
        entry.subject.as_deref().into(),
        entry.body.as_ref().into(),
        entry.body_digest.as_str().into(),
        entry.state.name().into(),
        reply.map(|reply| i64::from(reply.status)).into(),
        reply.map(|reply| &reply.body).into(),
        i64::from(entry.attempts).into(),
        entry.progress.number().into(),
        entry.last_error.as_deref().into(),
        entry.owner.as_deref().into(),
        entry.received_at.into(),
        entry.due_at.into(),
        entry.ended_at.into(),
        count(entry.version),
        entry.untold.map(i64::from).into(),
    ]
}

fn read(mut row: Row) -> Result<Entry, Unreadable> {
    let status =
        row.maybe_int(10)?.map(|status| u16::try_from(status).map_err(|_| Unreadable(10))).transpose()?;
    let body = row.maybe_bytes(11)?.unwrap_or_default();
    Ok(Entry {
        id: EntryId::new(row.text(0)?),
        merchant: row.text(1)?.into(),
        subscription: row.text(2)?,
        event: EventName::from_wire(&row.text(3)?),
        branch_number: row.maybe_int(4)?,
        workplace_number: row.maybe_int(5)?,
        subject: row.maybe_text(6)?,
        body: row.maybe_bytes(7)?,
        body_digest: row.text(8)?,
        state: EntryState::from_name(&row.text(9)?).ok_or(Unreadable(9))?,
        reply: status.map(|status| StoredReply { status, body }),
        attempts: u32::try_from(row.int(12)?).map_err(|_| Unreadable(12))?,
        progress: Progress::from_number(row.int(13)?).ok_or(Unreadable(13))?,
        last_error: row.maybe_text(14)?,
        owner: row.maybe_text(15)?,
        received_at: row.instant(16)?,
        due_at: row.maybe_instant(17)?,
        ended_at: row.maybe_instant(18)?,
        version: u64::try_from(row.int(19)?).map_err(|_| Unreadable(19))?,
        untold: row
            .maybe_int(20)?
            .map(|times| u32::try_from(times).map_err(|_| Unreadable(20)))
            .transpose()?,
    })
}

/// Reads many; one that cannot be read is logged and left out.
fn read_all(rows: Vec<Row>) -> Vec<Entry> {
    told_apart(rows).0
}

/// Those that can be read, and the ids of those that cannot, which are logged.
fn told_apart(rows: Vec<Row>) -> (Vec<Entry>, Vec<Value>) {
    let (mut entries, mut unreadable) = (Vec::new(), Vec::new());
    for row in rows {
        let id = row.0.first().cloned();
        match read(row) {
            Ok(entry) => entries.push(entry),
            Err(error) => {
                tracing::error!(?id, %error, "a stored event is passed over");
                unreadable.extend(id);
            }
        }
    }
    (entries, unreadable)
}

fn marks(number: usize) -> String {
    vec!["?"; number].join(", ")
}

/// The same values, some of them more than once: a database remembers every length of a list as a statement of its own.
fn filled(mut values: Vec<Value>) -> Vec<Value> {
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

const FIND_DUE: &str = "find due events";

impl Tables {
    /// The ids of due entries, of several merchants in turn. Looks past a merchant who has more of them than are looked at together.
    async fn turns(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut turns = Vec::new();
        loop {
            let others = except.iter().map(|merchant| Value::from(merchant.as_str()));
            let others = filled(others.chain(seen.keys().map(Value::from)).collect());
            let but = match others.len() {
                0 => String::new(),
                number => format!(" AND merchant NOT IN ({})", marks(number)),
            };
            let select = format!(
                "SELECT id, merchant, due_at FROM {TABLE} WHERE due_at <= ? AND {OPEN}{but} ORDER BY due_at LIMIT {LOOK}"
            );
            let mut values = vec![now.into()];
            values.extend(others);
            let statement = self.database.dialect().statement(&select);
            let rows = self.database.query(FIND_DUE, &statement, values).await?;
            let is_last = rows.len() < LOOK;
            for mut row in rows {
                let turn = (|| Ok((row.text(0)?, row.text(1)?, row.int(2)?)))();
                let (id, merchant, due_at) =
                    turn.map_err(|error: Unreadable| StoreError::new(FIND_DUE, error))?;
                let place = seen.entry(merchant).or_default();
                *place += 1;
                if *place <= per_merchant {
                    turns.push((*place, due_at, id));
                }
            }
            if is_last || seen.len() >= limit {
                break;
            }
        }
        turns.sort_unstable();
        turns.truncate(limit);
        Ok(turns.into_iter().map(|(_, _, id)| id).collect())
    }

    /// Looks at what cannot be read again after a while: a newer release may be back by then, and meanwhile nothing waits for it.
    async fn set_aside(&self, now: DateTime<Utc>, ids: Vec<Value>) -> Result<(), StoreError> {
        let ids = filled(ids);
        let text =
            format!("UPDATE {TABLE} SET due_at = ? WHERE due_at <= ? AND id IN ({})", marks(ids.len()));
        let mut values = vec![(now + ASIDE).into(), now.into()];
        values.extend(ids);
        let statement = self.database.dialect().statement(&text);
        self.database.execute(FIND_DUE, Durability::MayBeLost, &statement, values).await.map(drop)
    }

    async fn first_entry(
        &self,
        action: &'static str,
        statement: &str,
        values: Vec<Value>,
    ) -> Result<Option<Entry>, StoreError> {
        let row = self.database.query(action, statement, values).await?.into_iter().next();
        row.map(read).transpose().map_err(|error| StoreError::new(action, error))
    }
}

#[async_trait]
impl<S: HasTables> InboxStore for S {
    async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError> {
        const ACTION: &str = "keep an event";
        let tables = self.tables();
        let insert = &tables.entries.insert;
        if tables.database.execute(ACTION, Durability::Kept, insert, write(entry)).await? == 1 {
            return Ok(None);
        }
        let keys =
            vec![entry.id.as_str().into(), entry.merchant.as_str().into(), entry.body_digest.as_str().into()];
        let rows = tables.database.query(ACTION, &tables.entries.conflicting, keys).await?;
        let found = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>();
        let mut found = found.map_err(|error| StoreError::new(ACTION, error))?;
        // An entry with this id says more than one with the same body.
        found.sort_by_key(|existing| existing.id != entry.id);
        // Nothing: it was removed in between, by retention.
        let existing = found.into_iter().next();
        existing.map(Some).ok_or_else(|| StoreError::new(ACTION, "it was removed meanwhile"))
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        let tables = self.tables();
        tables.first_entry("read an event", &tables.entries.by_id, vec![id.as_str().into()]).await
    }

    async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError> {
        let Some(previous) = entry.version.checked_sub(1) else { return Ok(false) };
        let reply = entry.reply.as_ref();
        let values = vec![
            entry.state.name().into(),
            reply.map(|reply| i64::from(reply.status)).into(),
            reply.map(|reply| &reply.body).into(),
            i64::from(entry.attempts).into(),
            entry.progress.number().into(),
            entry.last_error.as_deref().into(),
            entry.owner.as_deref().into(),
            entry.due_at.into(),
            entry.ended_at.into(),
            count(entry.version),
            entry.untold.map(i64::from).into(),
            entry.subject.as_deref().into(),
            entry.id.as_str().into(),
            count(previous),
        ];
        let tables = self.tables();
        let replace = &tables.entries.replace;
        let changed =
            tables.database.execute("change an event", Durability::MayBeLost, replace, values).await?;
        Ok(changed == 1)
    }

    async fn due_entries(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables();
        let turns = tables.turns(now, except, per_merchant, limit).await?;
        if turns.is_empty() {
            return Ok(Vec::new());
        }
        let ids = filled(turns.iter().map(|id| Value::from(id.as_str())).collect());
        let select = format!("SELECT {} FROM {TABLE} WHERE id IN ({})", columns(true), marks(ids.len()));
        let statement = tables.database.dialect().statement(&select);
        let (mut found, unreadable) = told_apart(tables.database.query(FIND_DUE, &statement, ids).await?);
        if !unreadable.is_empty() {
            tables.set_aside(now, unreadable).await?;
        }
        // Somebody may have taken some of them meanwhile; whoever replaces one is told so.
        found.sort_by_key(|entry| turns.iter().position(|id| id == entry.id.as_str()));
        Ok(found)
    }

    async fn entries_about(&self, merchant: &MerchantId, subject: &str) -> Result<Vec<Entry>, StoreError> {
        let tables = self.tables();
        let values = vec![merchant.as_str().into(), subject.into()];
        let about = &tables.entries.about;
        Ok(read_all(tables.database.query("find events about a sale", about, values).await?))
    }

    async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        let mut values = Vec::new();
        let mut condition = String::from("1 = 1");
        let mut and = |text: &str, more: &mut dyn Iterator<Item = Value>| {
            condition += " AND ";
            condition += text;
            values.extend(more);
        };
        match filter.states.as_slice() {
            [] => and("state <> 'forgotten'", &mut std::iter::empty()),
            states => {
                let any = format!("state IN ({})", marks(states.len()));
                and(&any, &mut states.iter().map(|state| state.name().into()));
            }
        }
        if let Some(merchant) = &filter.merchant {
            and("merchant = ?", &mut [merchant.as_str().into()].into_iter());
        }
        if let Some(subject) = &filter.subject {
            and("subject = ?", &mut [subject.as_str().into()].into_iter());
        }
        if let Some(from) = filter.from {
            and("received_at >= ?", &mut [from.into()].into_iter());
        }
        if let Some(to) = filter.to {
            and("received_at < ?", &mut [to.into()].into_iter());
        }
        if let Some((at, id)) = &filter.after {
            let (at, id) = (Value::from(*at), Value::from(id.as_str()));
            and("(received_at > ? OR (received_at = ? AND id > ?))", &mut [at.clone(), at, id].into_iter());
        }
        values.push(count(filter.limit));
        let tables = self.tables();
        let select = format!(
            "SELECT {} FROM {TABLE} WHERE {condition} ORDER BY received_at, id LIMIT ?",
            columns(false)
        );
        let statement = tables.database.dialect().statement(&select);
        Ok(read_all(tables.database.query("list events", &statement, values).await?))
    }

    async fn prune_entries(
        &self,
        done: DateTime<Utc>,
        dead: DateTime<Utc>,
        identities: DateTime<Utc>,
    ) -> Result<Pruned, StoreError> {
        const ACTION: &str = "prune events";
        let tables = self.tables();
        let mut pruned = Pruned::default();
        for (state, before) in [("done", done), ("discarded", done), ("dead", dead)] {
            let values = [state.into(), before.into()];
            pruned.forgotten += tables.in_slices(ACTION, &tables.entries.forget, &values).await?;
        }
        pruned.removed = tables.in_slices(ACTION, &tables.entries.remove, &[identities.into()]).await?;
        Ok(pruned)
    }
}
