//! Records of one kind, findable by both sides' identifiers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use chrono::{DateTime, Utc};

use crate::model::{Editable, Patch, Record, StaleField, Tracked};
use crate::store::{Page, Pushed, Select, StoreError, StoreErrorKind, edit_refused};

/// Records of one kind. Each change is checked as a whole before any of it is made.
#[derive(Debug)]
pub(super) struct Table<T: Record> {
    rows: BTreeMap<T::Id, Tracked<T>>,
    ids: BTreeMap<T::PosId, T::Id>,
}

impl<T: Record> Default for Table<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), ids: BTreeMap::new() }
    }
}

/// A page of a map's values.
pub(super) fn behind<K: Ord + Clone, V>(rows: &BTreeMap<K, V>, page: Page<K>) -> impl Iterator<Item = &V> {
    let start = page.after.map_or(Bound::Unbounded, Bound::Excluded);
    rows.range((start, Bound::Unbounded)).map(|(_, row)| row).take(page.limit)
}

/// Refuses a record that is written twice at once.
fn once<'a, T: Record>(ids: impl Iterator<Item = &'a T::Id>) -> Result<(), StoreError> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            let action = format!("write {} {} twice at once", T::NAME, id.as_ref());
            return Err(StoreError::new(StoreErrorKind::Invalid, action));
        }
    }
    Ok(())
}

impl<T: Record> Table<T> {
    pub(super) fn select(&self, select: Select<T>) -> Vec<Tracked<T>> {
        let by_id = |id: &T::Id| self.rows.get(id).cloned();
        match select {
            Select::Ids(ids) => BTreeSet::from_iter(ids).iter().filter_map(by_id).collect(),
            Select::PosIds(numbers) => {
                let ids = BTreeSet::from_iter(numbers);
                ids.iter().filter_map(|number| self.ids.get(number)).filter_map(by_id).collect()
            }
            Select::Page(page) => behind(&self.rows, page).cloned().collect(),
            Select::Edited(page) => {
                let all = Page { after: page.after, limit: usize::MAX };
                let edited = behind(&self.rows, all).filter(|row| !row.edits.is_empty());
                edited.take(page.limit).cloned().collect()
            }
        }
    }

    /// Whether these records may be written as they are.
    pub(super) fn check(&self, rows: &[Tracked<T>]) -> Result<(), StoreError> {
        let conflict = |what: &str, id: &T::Id| {
            let action = format!("write {} {}", T::NAME, id.as_ref());
            StoreError::new(StoreErrorKind::Conflict, action).with_source(what.to_owned())
        };
        once::<T>(rows.iter().map(|row| row.record.id()))?;
        for row in rows {
            let id = row.record.id();
            let stored = self.rows.get(id).map(|row| row.revision).unwrap_or_default();
            if stored != row.revision {
                return Err(conflict("its revision has moved on", id));
            }
        }
        let numbers = rows.iter().map(|row| (row.record.id(), row.external_ids.mpluskassa.as_ref()));
        self.check_numbers(numbers).map_err(|id| conflict("its number belongs to another record", &id))
    }

    /// Whether records may have these numbers; the first that may not is the error.
    fn check_numbers<'a>(
        &'a self,
        numbers: impl Iterator<Item = (&'a T::Id, Option<&'a T::PosId>)>,
    ) -> Result<(), T::Id> {
        let mut taken = BTreeSet::new();
        for (id, number) in numbers {
            let Some(number) = number else { continue };
            let by_another = self.ids.get(number).is_some_and(|owner| owner != id);
            if by_another || !taken.insert(number) {
                return Err(id.clone());
            }
        }
        Ok(())
    }

    /// Writes records that were checked.
    pub(super) fn write(&mut self, rows: Vec<Tracked<T>>) {
        for row in &rows {
            if let Some(number) =
                self.rows.get(row.record.id()).and_then(|old| old.external_ids.mpluskassa.as_ref())
            {
                self.ids.remove(number);
            }
        }
        for mut row in rows {
            row.revision = row.revision.next();
            if let Some(number) = &row.external_ids.mpluskassa {
                self.ids.insert(number.clone(), row.record.id().clone());
            }
            self.rows.insert(row.record.id().clone(), row);
        }
    }
}

impl<T: Editable> Table<T> {
    /// Carries edits out, without writing them yet.
    pub(super) fn edited(
        &self,
        patches: &[Patch<T>],
        now: DateTime<Utc>,
        stale: &mut Vec<StaleField>,
    ) -> Result<Vec<Tracked<T>>, StoreError> {
        once::<T>(patches.iter().map(Patch::id))?;
        let mut rows = Vec::with_capacity(patches.len());
        for patch in patches {
            let stored = self.rows.get(patch.id()).cloned();
            let (row, left_out) = patch
                .carry_out(stored.clone(), now)
                .map_err(|refused| edit_refused(T::NAME, patch.id().as_ref(), refused))?;
            stale.extend(left_out);
            rows.extend((stored.as_ref() != Some(&row)).then_some(row));
        }
        Ok(rows)
    }

    /// Records what the POS has taken, without writing it yet.
    pub(super) fn pushed(&self, pushes: Vec<Pushed<T>>) -> Result<Vec<Tracked<T>>, StoreError> {
        once::<T>(pushes.iter().map(|push| &push.id))?;
        let action = |id: &T::Id| format!("mark {} {} as pushed", T::NAME, id.as_ref());
        let mut rows = Vec::with_capacity(pushes.len());
        for push in pushes {
            let row = self.rows.get(&push.id).cloned();
            let row = row.ok_or_else(|| StoreError::new(StoreErrorKind::NotFound, action(&push.id)))?;
            rows.push(row.pushed(push.sent.as_ref(), push.number, push.sync));
        }
        self.check(&rows)?;
        Ok(rows)
    }
}
