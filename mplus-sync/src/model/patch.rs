//! What the host edits: only what changed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    Category, CategoryId, Combo, ComboPart, Editable, Field, FieldValue, Item, LocationId, NoSuchValue,
    PendingEdit, Revision, Tracked,
};

/// An edit of a category.
pub type CategoryEdit = Patch<Category>;
/// An edit of an item.
pub type ItemEdit = Patch<Item>;
/// An edit of a combo.
pub type ComboEdit = Patch<Combo>;

/// The host's edit of one record: the fields that changed, and nothing else.
///
/// What is not named stays as it is, whatever the POS has changed of it meanwhile. A patch of a record that is not there
/// makes it.
///
/// ```
/// use mplus_sync::model::{Item, ItemEdit};
///
/// let edit = ItemEdit::of("cola").price("2.80".parse()?).price_at("beach", "3.10".parse()?);
///
/// // From a form: what was shown, and what came back. The price was not touched, so that it is not in the edit.
/// let shown = Item::new("cola", "Cola");
/// let mut sent = shown.clone();
/// sent.name = "Cola 33 cl".into();
/// assert_eq!(ItemEdit::between(&shown, &sent), ItemEdit::of("cola").from_value("name", "Cola").name("Cola 33 cl"));
/// # Ok::<(), rust_decimal::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(bound(serialize = "T::Id: Serialize", deserialize = "T::Id: for<'a> Deserialize<'a>"))]
pub struct Patch<T: Editable> {
    id: T::Id,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Revision>,
    changes: BTreeMap<Field, Change>,
}

/// What becomes of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    /// Its new value; none where only the value that was shown is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<FieldValue>,
    /// What the person saw who changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<FieldValue>,
}

/// A field that was left out of an edit: it had changed since it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaleField {
    /// The record's identifier.
    pub record: String,
    /// The field.
    pub field: Field,
    /// What it is now.
    pub stored: FieldValue,
    /// What the edit wanted.
    pub wanted: FieldValue,
}

/// Why an edit is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditRefused {
    /// The record's revision is not the one that the edit was made on.
    #[error("it was changed since it was read: its revision is {} and not {}", .stored.get(), .expected.get())]
    Stale {
        /// The stored revision.
        stored: Revision,
        /// The one that the edit was made on.
        expected: Revision,
    },
    /// A field that there is none of, or a value that it does not take.
    #[error(transparent)]
    Invalid(#[from] NoSuchValue),
    /// A record that is not there and is not given a name.
    #[error("it is not there, and an edit that makes it has to give it a name")]
    Nameless,
}

impl<T: Editable> Patch<T> {
    /// An edit of a record, without changes so far.
    pub fn of(id: impl Into<T::Id>) -> Self {
        Self { id: id.into(), expected: None, changes: BTreeMap::new() }
    }

    /// Makes a record. Refused when there is one with its identifier: what changed of that one is [`Self::between`].
    pub fn making(record: &T) -> Self {
        Self::overwriting(record).expecting(Revision::NEW)
    }

    /// Every field as in this record, whatever became of it at the POS since it was read: for an import that is right about
    /// all of it. A form is not, it would take back what the POS changed since: use [`Self::between`] for it.
    pub fn overwriting(record: &T) -> Self {
        let mut patch = Self::of(record.id().clone());
        for field in record.fields() {
            if let Some(value) = record.value(&field) {
                patch.changes.insert(field, Change { to: Some(value), from: None });
            }
        }
        patch
    }

    /// What a form changed: the record as it was shown, and as it was sent back.
    ///
    /// A field that was changed elsewhere since it was shown is left out when the edit is saved, and named.
    pub fn between(shown: &T, sent: &T) -> Self {
        let mut patch = Self::of(sent.id().clone());
        for field in shown.fields().into_iter().chain(sent.fields()) {
            if let (Some(from), Some(to)) = (shown.value(&field), sent.value(&field))
                && from != to
            {
                patch.changes.insert(field, Change { to: Some(to), from: Some(from) });
            }
        }
        patch
    }

    /// The same, refused as a whole when the record was changed since this revision was read.
    #[must_use]
    pub fn expecting(mut self, revision: Revision) -> Self {
        self.expected = Some(revision);
        self
    }

    /// Whose edit it is.
    pub fn id(&self) -> &T::Id {
        &self.id
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.values().all(|change| change.to.is_none())
    }

    /// The fields that it changes.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.changes.iter().filter(|(_, change)| change.to.is_some()).map(|(field, _)| field)
    }

    /// Sets any field by its name in the record's JSON form. Whether the field takes the value is seen when the edit is saved.
    #[must_use]
    pub fn set<V: Serialize + ?Sized>(self, field: impl Into<Field>, value: &V) -> Self {
        self.change(field.into(), FieldValue::of(value).unwrap_or_else(|_| FieldValue::null()))
    }

    /// Notes what a field was when the person saw it: where it is something else by now, its change is left out and named.
    #[must_use]
    pub fn from_value<V: Serialize + ?Sized>(mut self, field: impl Into<Field>, shown: &V) -> Self {
        let entry = self.changes.entry(field.into()).or_insert(Change { to: None, from: None });
        entry.from = FieldValue::of(shown).ok();
        self
    }

    fn change(mut self, field: Field, value: FieldValue) -> Self {
        self.changes.entry(field).or_insert(Change { to: None, from: None }).to = Some(value);
        self
    }

    fn plain<V: Serialize + ?Sized>(self, field: &'static str, value: &V) -> Self {
        self.set(Field::named(field), value)
    }

    fn amount(self, field: Field, amount: Option<Decimal>) -> Self {
        self.set(field, &amount.map(|amount| amount.to_string()))
    }

    /// As guests read it.
    #[must_use]
    pub fn name(self, name: impl AsRef<str>) -> Self {
        self.plain("name", name.as_ref())
    }

    /// Whether it can be sold at the POS.
    #[must_use]
    pub fn active(self, active: bool) -> Self {
        self.plain("active", &active)
    }

    /// Whether the host hides it from guests.
    #[must_use]
    pub fn hidden(self, hidden: bool) -> Self {
        self.plain("hidden", &hidden)
    }

    /// Carries the edit out on a stored record, or on none. Pure.
    ///
    /// A field that already has the wanted value is not edited. The first edit of a field keeps what both sides had agreed
    /// on; later ones before a push change the time alone. Answers with the record and the fields that were left out.
    ///
    /// # Errors
    /// [`EditRefused`]; then nothing has happened.
    pub fn carry_out(
        &self,
        stored: Option<Tracked<T>>,
        now: DateTime<Utc>,
    ) -> Result<(Tracked<T>, Vec<StaleField>), EditRefused> {
        let revision = stored.as_ref().map_or(Revision::NEW, |stored| stored.revision);
        if let Some(expected) = self.expected.filter(|expected| *expected != revision) {
            return Err(EditRefused::Stale { stored: revision, expected });
        }
        let is_new = stored.is_none();
        let mut tracked = stored.unwrap_or_else(|| Tracked::new(T::empty(self.id.clone())));
        if is_new && !self.changes.contains_key(&Field::named("name")) {
            return Err(EditRefused::Nameless);
        }
        let was_agreed = tracked.external_ids.mpluskassa.is_some();
        let mut stale = Vec::new();
        for (field, change) in &self.changes {
            let Some(wanted) = &change.to else { continue };
            let mut changed = tracked.record.clone();
            changed.set(field, wanted)?;
            let (before, after) = (tracked.record.value(field), changed.value(field));
            let (Some(before), Some(after)) = (before, after) else { continue };
            if before == after && !is_new {
                continue;
            }
            let shown = change.from.as_ref().map(|from| one_form(&tracked.record, field, from));
            if !is_new && shown.is_some_and(|shown| shown != before) {
                stale.push(StaleField {
                    record: self.id.as_ref().to_owned(),
                    field: field.clone(),
                    stored: before,
                    wanted: after,
                });
                continue;
            }
            tracked.record = changed;
            let agreed = match tracked.edits.get(field) {
                Some(pending) => pending.agreed.clone(),
                // Before a record was ever at the POS both sides agree that it has no price of its own anywhere.
                None => (was_agreed || field.location().is_some()).then_some(before),
            };
            if agreed.as_ref() == Some(&after) {
                // Taken back before it was pushed.
                tracked.edits.settle(field);
            } else {
                tracked.edits.insert(field.clone(), PendingEdit { at: now, agreed });
            }
        }
        Ok((tracked, stale))
    }
}

/// A value as the field writes it.
fn one_form<T: Editable>(record: &T, field: &Field, value: &FieldValue) -> FieldValue {
    let mut record = record.clone();
    match record.set(field, value) {
        Ok(()) => record.value(field).unwrap_or_else(|| value.clone()),
        Err(_) => value.clone(),
    }
}

impl From<&'static str> for Field {
    fn from(name: &'static str) -> Self {
        Self::named(name)
    }
}

impl ItemEdit {
    /// The category it is in.
    #[must_use]
    pub fn category(self, category: impl Into<CategoryId>) -> Self {
        self.plain("category", &category.into())
    }

    /// A longer text for guests; none takes it away.
    #[must_use]
    pub fn description(self, description: Option<&str>) -> Self {
        self.plain("description", &description)
    }

    /// The price in euros, VAT included.
    #[must_use]
    pub fn price(self, price: Decimal) -> Self {
        self.amount(Field::named("price"), Some(price))
    }

    /// No price.
    #[must_use]
    pub fn no_price(self) -> Self {
        self.amount(Field::named("price"), None)
    }

    /// The price that one location asks instead, in euros, VAT included.
    #[must_use]
    pub fn price_at(self, location: impl Into<LocationId>, price: Decimal) -> Self {
        self.amount(Field::price_at(&location.into()), Some(price))
    }

    /// No price of its own for a location.
    #[must_use]
    pub fn no_price_at(self, location: impl Into<LocationId>) -> Self {
        self.amount(Field::price_at(&location.into()), None)
    }

    /// The VAT rate in per cent.
    #[must_use]
    pub fn tax_rate(self, rate: Decimal) -> Self {
        self.amount(Field::named("tax_rate"), Some(rate))
    }

    /// Where it stands among its neighbours.
    #[must_use]
    pub fn position(self, position: i32) -> Self {
        self.plain("position", &position)
    }
}

impl CategoryEdit {
    /// A longer text for guests; none takes it away.
    #[must_use]
    pub fn description(self, description: Option<&str>) -> Self {
        self.plain("description", &description)
    }

    /// Where it stands among its neighbours.
    #[must_use]
    pub fn position(self, position: i32) -> Self {
        self.plain("position", &position)
    }
}

impl ComboEdit {
    /// The price in euros, VAT included.
    #[must_use]
    pub fn price(self, price: Decimal) -> Self {
        self.amount(Field::named("price"), Some(price))
    }

    /// What is chosen from, in the order it is asked.
    #[must_use]
    pub fn parts(self, parts: &[ComboPart]) -> Self {
        self.plain("parts", parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ArticleNumber;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(minutes)
    }

    fn euros(cents: i64) -> Decimal {
        Decimal::new(cents, 2)
    }

    fn stored() -> Tracked<Item> {
        let mut item = Item::new("cola", "Cola");
        item.price = Some(euros(250));
        Tracked::new(item).linked(ArticleNumber::new(7))
    }

    #[test]
    fn an_edit_changes_what_it_names_and_keeps_what_was_agreed_on() {
        let (once, _) = ItemEdit::of("cola").price(euros(280)).carry_out(Some(stored()), at(1)).unwrap();
        let (twice, _) = ItemEdit::of("cola").price(euros(290)).carry_out(Some(once), at(2)).unwrap();
        let edit = twice.edits.get(&Field::named("price")).unwrap();
        assert_eq!((edit.at, edit.agreed.as_ref().unwrap().as_json()), (at(2), "\"2.50\""));
        assert_eq!(twice.edits.iter().count(), 1);
        assert_eq!(twice.record.name, "Cola");
    }

    #[test]
    fn an_edit_that_is_taken_back_is_none() {
        let (once, _) = ItemEdit::of("cola").price(euros(280)).carry_out(Some(stored()), at(1)).unwrap();
        let (back, _) = ItemEdit::of("cola").price(euros(250)).carry_out(Some(once), at(2)).unwrap();
        assert!(back.edits.is_empty());
    }

    #[test]
    fn a_stale_form_changes_only_what_nobody_changed_since_it_was_shown() {
        let shown = stored().record;
        let mut sent = shown.clone();
        sent.price = Some(euros(300));
        sent.description = Some("Cold".into());
        let mut meanwhile = stored();
        meanwhile.record.price = Some(euros(260));
        let (saved, stale) = ItemEdit::between(&shown, &sent).carry_out(Some(meanwhile), at(1)).unwrap();
        assert_eq!(saved.record.price, Some(euros(260)));
        assert_eq!(saved.record.description.as_deref(), Some("Cold"));
        assert_eq!(stale.len(), 1);
        assert_eq!((stale[0].field.as_str(), stale[0].stored.as_json()), ("price", "\"2.60\""));
    }

    #[test]
    fn an_edit_of_another_revision_is_refused() {
        let edit = ItemEdit::of("cola").name("Coke").expecting(Revision::new(3));
        let refused = edit.carry_out(Some(stored()), at(1)).unwrap_err();
        assert!(matches!(refused, EditRefused::Stale { .. }), "{refused}");
    }

    #[test]
    fn a_record_that_is_made_was_never_agreed_on() {
        let (made, _) = ItemEdit::making(&Item::new("new", "New")).carry_out(None, at(1)).unwrap();
        assert!(made.edits.iter().all(|(_, edit)| edit.agreed.is_none()));
        assert_eq!(made.edited_at(), Some(at(1)));
        let nameless = ItemEdit::of("new").price(euros(1)).carry_out(None, at(1));
        assert_eq!(nameless.unwrap_err(), EditRefused::Nameless);
    }

    #[test]
    fn an_edit_travels_as_json() {
        let edit = ItemEdit::of("cola").price(euros(280)).no_price_at("beach").expecting(Revision::new(2));
        let json = serde_json::to_string(&edit).unwrap();
        assert_eq!(serde_json::from_str::<ItemEdit>(&json).unwrap(), edit);
    }
}
