//! Events in memory.

use std::collections::{BTreeSet, HashMap, VecDeque};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::MemoryStore;
use crate::inbox::{Entry, EntryFilter, EntryId, EntryState, InboxStore, Pruned};
use crate::store_error::StoreError;
use crate::subscription::MerchantId;

/// Entries, and what finds them.
#[derive(Debug, Default)]
pub(super) struct Entries {
    by_id: HashMap<EntryId, Entry>,
    by_body: HashMap<(MerchantId, String), EntryId>,
    about: HashMap<(MerchantId, String), Vec<EntryId>>,
    due: BTreeSet<(DateTime<Utc>, EntryId)>,
    /// Ended and whole, the earliest first. An entry that was taken up again is here until its turn comes.
    ended: VecDeque<EntryId>,
    dead: VecDeque<EntryId>,
    forgotten: VecDeque<EntryId>,
}

impl Entries {
    fn insert(&mut self, entry: &Entry) -> Option<Entry> {
        let body = (entry.merchant.clone(), entry.body_digest.clone());
        let existing = self.by_id.get(&entry.id).or_else(|| self.by_id.get(self.by_body.get(&body)?));
        if let Some(existing) = existing {
            return Some(existing.clone());
        }
        self.by_body.insert(body, entry.id.clone());
        self.find_by_subject(entry);
        self.by_id.insert(entry.id.clone(), entry.clone());
        self.changed(None, entry);
        None
    }

    fn replace(&mut self, entry: &Entry) -> bool {
        let Some(stored) = self.by_id.get_mut(&entry.id) else { return false };
        if stored.version + 1 != entry.version {
            return false;
        }
        let before = std::mem::replace(stored, entry.clone());
        if before.subject != entry.subject {
            self.forget_subject(&before);
            self.find_by_subject(entry);
        }
        self.changed(Some(&before), entry);
        true
    }

    /// Keeps what finds the entry, and the bounds.
    fn changed(&mut self, before: Option<&Entry>, entry: &Entry) {
        if let Some(due_at) = before.and_then(|before| before.due_at) {
            self.due.remove(&(due_at, entry.id.clone()));
        }
        if let Some(due_at) = entry.due_at {
            self.due.insert((due_at, entry.id.clone()));
        }
        if entry.ended_at.is_none() || before.is_some_and(|before| before.state == entry.state) {
            return;
        }
        match entry.state {
            EntryState::Dead => self.dead.push_back(entry.id.clone()),
            EntryState::Forgotten => self.forgotten.push_back(entry.id.clone()),
            _ => self.ended.push_back(entry.id.clone()),
        }
        while self.ended.len() > MemoryStore::BODIES {
            let Some(oldest) = self.ended.pop_front() else { break };
            self.forget(&oldest);
        }
        while self.dead.len() > MemoryStore::BODIES {
            let Some(oldest) = self.dead.pop_front() else { break };
            // Somebody may have replayed or discarded it.
            if self.by_id.get(&oldest).is_some_and(|entry| entry.state == EntryState::Dead) {
                tracing::error!(entry = %oldest, "there are so many dead letters that this one is lost");
                self.forget(&oldest);
            }
        }
        while self.forgotten.len() > MemoryStore::IDENTITIES {
            let Some(oldest) = self.forgotten.pop_front() else { break };
            self.remove(&oldest);
        }
    }

    fn forget(&mut self, id: &EntryId) -> bool {
        let Some(entry) = self.by_id.get(id) else { return false };
        if entry.ended_at.is_none() || entry.state == EntryState::Forgotten {
            return false;
        }
        self.replace(&entry.clone().forgotten())
    }

    fn remove(&mut self, id: &EntryId) {
        let Some(entry) = self.by_id.remove(id) else { return };
        self.forget_subject(&entry);
        self.by_body.remove(&(entry.merchant, entry.body_digest));
    }

    fn find_by_subject(&mut self, entry: &Entry) {
        if let Some(subject) = &entry.subject {
            let about = (entry.merchant.clone(), subject.clone());
            self.about.entry(about).or_default().push(entry.id.clone());
        }
    }

    fn forget_subject(&mut self, entry: &Entry) {
        let Some(subject) = &entry.subject else { return };
        let about = (entry.merchant.clone(), subject.clone());
        if let Some(ids) = self.about.get_mut(&about) {
            ids.retain(|other| *other != entry.id);
            if ids.is_empty() {
                self.about.remove(&about);
            }
        }
    }

    fn prune(&mut self, done: DateTime<Utc>, dead: DateTime<Utc>, identities: DateTime<Utc>) -> Pruned {
        let ended = |entry: &Entry, before: DateTime<Utc>| entry.ended_at.is_some_and(|at| at < before);
        let (mut old, mut gone) = (Vec::new(), Vec::new());
        for entry in self.by_id.values() {
            let limit = if entry.state == EntryState::Dead { dead } else { done };
            if entry.state == EntryState::Forgotten {
                gone.extend(ended(entry, identities).then(|| entry.id.clone()));
            } else if ended(entry, limit) {
                old.push(entry.id.clone());
            }
        }
        gone.iter().for_each(|id| self.remove(id));
        let forgotten = old.iter().filter(|id| self.forget(id)).count() as u64;
        self.ended.retain(|id| {
            self.by_id.get(id).is_some_and(|entry| {
                entry.ended_at.is_some() && !matches!(entry.state, EntryState::Forgotten | EntryState::Dead)
            })
        });
        self.dead.retain(|id| self.by_id.get(id).is_some_and(|entry| entry.state == EntryState::Dead));
        self.forgotten.retain(|id| self.by_id.contains_key(id));
        Pruned { forgotten, removed: gone.len() as u64 }
    }
}

fn without_body(entry: &Entry) -> Entry {
    Entry { body: None, ..entry.clone() }
}

#[async_trait]
impl InboxStore for MemoryStore {
    async fn insert_entry(&self, entry: &Entry) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries().insert(entry))
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries().by_id.get(id).cloned())
    }

    async fn replace_entry(&self, entry: &Entry) -> Result<bool, StoreError> {
        Ok(self.entries().replace(entry))
    }

    async fn due_entries(
        &self,
        now: DateTime<Utc>,
        except: &[MerchantId],
        per_merchant: usize,
        limit: usize,
    ) -> Result<Vec<Entry>, StoreError> {
        let entries = self.entries();
        let mut counts: HashMap<&MerchantId, usize> = HashMap::new();
        let due = entries.due.iter().take_while(|(due_at, _)| *due_at <= now);
        let mut ranked: Vec<(usize, &Entry)> = due
            .filter_map(|(_, id)| entries.by_id.get(id))
            .filter(|entry| !except.contains(&entry.merchant))
            .filter_map(|entry| {
                let count = counts.entry(&entry.merchant).or_default();
                *count += 1;
                (*count <= per_merchant).then_some((*count, entry))
            })
            .collect();
        // Stable: within a rank the most overdue stays first.
        ranked.sort_by_key(|(rank, _)| *rank);
        Ok(ranked.into_iter().take(limit).map(|(_, entry)| entry.clone()).collect())
    }

    async fn entries_about(&self, merchant: &MerchantId, subject: &str) -> Result<Vec<Entry>, StoreError> {
        let entries = self.entries();
        let ids = entries.about.get(&(merchant.clone(), subject.to_owned()));
        let found = ids.into_iter().flatten().rev().take(100).filter_map(|id| entries.by_id.get(id));
        Ok(found.map(without_body).collect())
    }

    async fn list_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        let entries = self.entries();
        let mut listed: Vec<&Entry> = entries.by_id.values().filter(|entry| filter.matches(entry)).collect();
        listed.sort_by_key(|entry| (entry.received_at, &entry.id));
        Ok(listed.into_iter().take(filter.limit).map(without_body).collect())
    }

    async fn prune_entries(
        &self,
        done: DateTime<Utc>,
        dead: DateTime<Utc>,
        identities: DateTime<Utc>,
    ) -> Result<Pruned, StoreError> {
        Ok(self.entries().prune(done, dead, identities))
    }
}
