//! What becomes of a stored record when the POS tells of it. Pure.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;

use super::article_branches::ArticleBranches;
use super::from_pos::{Incoming, nameless_article, nameless_product};
use crate::conflict::{
    Action, Decision, FieldDifference, Known, Settling, Side, SyncContext, Unit, Why, Winner, decide, settle,
};
use crate::model::{
    Category, CategoryId, Characteristic, Editable, Field, FieldValue, Fingerprint, FingerprintError, Item,
    ItemImage, LocationId, PendingEdit, Presence, Record, Tracked, Variant, Version,
};

/// The name under which is kept that the POS withholds an article by other means than `active`.
pub(crate) const WITHHELD: &str = "withheld";

/// The name under which is kept that the POS said last that an article is not for the web shop.
pub(crate) const SOLD_ELSEWHERE: &str = "sold-elsewhere";

/// The name under which is kept that a special price says what an article costs, whatever amount stands beside it.
pub(crate) const SPECIAL_PRICE: &str = "special-price";

/// The name under which is kept that an item's price is that of a price group, which no update of the article changes.
pub(crate) const PRICED_BY_GROUP: &str = "priced-by-group";

/// The name under which the identifier is kept that an article has from somebody else (`extArticleId`).
pub(crate) const ANOTHERS: &str = "anothers";

/// The name under which is kept that a record was sent to be made, from before that until it has its number.
pub(crate) const SENT: &str = "sent";

/// A record of which some content is shared with the POS in one call each way.
pub(crate) trait Shared: Editable {
    /// The fields of the shared content, by name.
    const FIELDS: &'static [&'static str];

    /// Fields that only the POS knows, which no call changes. The others are the host's own.
    const POS_OWNED: &'static [&'static str];

    /// The shared content.
    type Content: Serialize;

    fn content(&self) -> Self::Content;

    /// Takes the shared content over from the POS's record.
    fn take_shared(&mut self, pos: &Self);

    /// Takes over what only the POS knows.
    fn take_pos_owned(&mut self, pos: &Self);

    /// As guests read it.
    fn name(&self) -> &str;

    /// What a record is called that has no name at the POS.
    fn made_up_name(number: &Self::PosId) -> String;

    /// Whether it can be sold.
    fn active(&mut self) -> &mut bool;
}

/// What both sides keep of a category.
#[derive(Debug, Serialize)]
pub(crate) struct CategoryContent {
    name: String,
    description: Option<String>,
    group_numbers: Vec<i32>,
    active: bool,
}

impl Shared for Category {
    const FIELDS: &'static [&'static str] = &["name", "description", "group_numbers", "active"];
    const POS_OWNED: &'static [&'static str] = &["position"];

    type Content = CategoryContent;

    fn content(&self) -> CategoryContent {
        CategoryContent {
            name: self.name.clone(),
            description: self.description.clone(),
            group_numbers: self.group_numbers.clone(),
            active: self.active,
        }
    }

    fn take_shared(&mut self, pos: &Self) {
        self.name.clone_from(&pos.name);
        self.description.clone_from(&pos.description);
        self.group_numbers.clone_from(&pos.group_numbers);
        self.active = pos.active;
    }

    fn take_pos_owned(&mut self, pos: &Self) {
        self.position = pos.position;
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn made_up_name(number: &Self::PosId) -> String {
        nameless_product(*number)
    }

    fn active(&mut self) -> &mut bool {
        &mut self.active
    }
}

/// What both sides keep of an item. Amounts are written with the same decimals on both sides.
#[derive(Debug, Serialize)]
pub(crate) struct ItemContent {
    category: Option<CategoryId>,
    name: String,
    description: Option<String>,
    price: Option<String>,
    tax: Option<String>,
    turnover_group: Option<i32>,
    variant: Option<Variant>,
    plu: Option<String>,
    barcode: Option<String>,
    minimum_age: Option<i32>,
    active: bool,
}

impl Shared for Item {
    const FIELDS: &'static [&'static str] = &[
        "category",
        "name",
        "description",
        "price",
        "tax_rate",
        "turnover_group",
        "variant",
        "plu",
        "barcodes",
        "minimum_age",
        "active",
    ];
    // The BTW code goes with the rate. Links of dishes to groups are partly the host's.
    const POS_OWNED: &'static [&'static str] = &[
        "btw_code",
        "alternative_btw_code",
        "alternative_tax_rate",
        "not_sold_at",
        "stock_tracked",
        "course",
        "allergens",
        "diets",
        "images",
        "components",
        "linked",
    ];

    type Content = ItemContent;

    fn content(&self) -> ItemContent {
        let rate = self.tax_rate.map(|rate| format!("{} %", rate.normalize()));
        ItemContent {
            category: self.category.clone(),
            name: self.name.clone(),
            description: self.description.clone(),
            price: self.price.map(amount),
            // The rate decides; the code of one that the host does not know stands for itself.
            tax: rate.or_else(|| self.btw_code.map(|code| format!("BTW code {code}"))),
            turnover_group: self.turnover_group,
            variant: self.variant.clone(),
            plu: self.plu.clone(),
            barcode: self.barcodes.first().cloned(),
            minimum_age: self.minimum_age,
            active: self.active,
        }
    }

    fn take_shared(&mut self, pos: &Self) {
        self.category.clone_from(&pos.category);
        self.name.clone_from(&pos.name);
        self.description.clone_from(&pos.description);
        self.price = pos.price;
        self.tax_rate = pos.tax_rate;
        self.turnover_group = pos.turnover_group;
        self.variant.clone_from(&pos.variant);
        self.plu.clone_from(&pos.plu);
        self.barcodes.clone_from(&pos.barcodes);
        self.minimum_age = pos.minimum_age;
        self.active = pos.active;
    }

    fn take_pos_owned(&mut self, pos: &Self) {
        self.btw_code = pos.btw_code;
        self.alternative_btw_code = pos.alternative_btw_code;
        self.alternative_tax_rate = pos.alternative_tax_rate;
        self.not_sold_at.clone_from(&pos.not_sold_at);
        self.stock_tracked = pos.stock_tracked;
        self.course = pos.course;
        self.allergens.clone_from(&pos.allergens);
        self.diets.clone_from(&pos.diets);
        self.images.clone_from(&pos.images);
        self.modifier_groups.clone_from(&pos.modifier_groups);
        self.components.clone_from(&pos.components);
        self.linked.clone_from(&pos.linked);
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn made_up_name(number: &Self::PosId) -> String {
        nameless_article(*number)
    }

    fn active(&mut self) -> &mut bool {
        &mut self.active
    }
}

/// Euros with two decimals, or more where there are more.
fn amount(amount: Decimal) -> String {
    let mut amount = amount.normalize();
    if amount.scale() < 2 {
        amount.rescale(2);
    }
    amount.to_string()
}

/// The fingerprint of the shared content.
pub(crate) fn content_fingerprint<T: Shared>(record: &T) -> Result<Fingerprint, FingerprintError> {
    Fingerprint::of(&record.content())
}

/// A record as it should be stored, and what was decided on the way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merged<T: Record> {
    pub(crate) tracked: Tracked<T>,
    /// Whether it differs from what is stored.
    pub(crate) changed: bool,
    /// Whether it can no longer be sold, and could before.
    pub(crate) deactivated: bool,
    /// Whether an edit of the host needs no push any more.
    pub(crate) settles_edit: bool,
    pub(crate) conflicts: Vec<Settled>,
}

impl<T: Record> Merged<T> {
    /// A record of which nothing was decided yet.
    pub(crate) fn unchanged(tracked: Tracked<T>) -> Self {
        Self { tracked, changed: false, deactivated: false, settles_edit: false, conflicts: Vec::new() }
    }
}

/// Fields in conflict that were settled for the same reason.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settled {
    pub(crate) fields: Vec<FieldDifference>,
    pub(crate) winner: Winner,
    pub(crate) why: Why,
}

/// A record that the host does not have yet.
pub(crate) fn adopt<T: Shared>(incoming: Incoming<T, T::PosId>) -> Result<Merged<T>, FingerprintError> {
    let pulled = version(&incoming)?;
    let mut tracked = Tracked::new(incoming.record).linked(incoming.number);
    tracked.sync.pulled = Some(pulled);
    Ok(Merged { changed: true, ..Merged::unchanged(tracked) })
}

/// A record that both sides have.
///
/// What only the POS knows is taken over, and so is every field that the host did not edit. Of an edited one the rule decides
/// ([`decide`]), field by field or once for the record.
pub(crate) fn merge<T: Shared>(
    how: Settling,
    stored: Tracked<T>,
    incoming: &Incoming<T, T::PosId>,
) -> Result<Merged<T>, FingerprintError> {
    let mut next = stored.clone();
    next.external_ids.mpluskassa = Some(incoming.number.clone());
    next.record.take_pos_owned(&incoming.record);
    let mut conflicts = Vec::new();
    for field in T::POS_OWNED.iter().copied().map(Field::named) {
        let (ours, theirs) = (&stored.record, &incoming.record);
        conflicts.extend(keep_edited(how.context, &mut next, &field, ours, theirs, incoming.changed_at));
    }
    if stored.edits.is_empty() {
        next.record.take_shared(&incoming.record);
    } else {
        // Everything that is not a field of its own comes along; edited fields are put back and decided.
        let edited = stored.record.clone();
        next.record.take_shared(&incoming.record);
        let fields: BTreeSet<Field> = T::FIELDS.iter().copied().map(Field::named).collect();
        // A name that was made up is nobody's: it never goes before the POS's.
        let made_up = edited.name() == T::made_up_name(&incoming.number).as_str();
        let is_made_up =
            |field: &Field| made_up && *field == Field::named("name") && stored.edits.get(field).is_none();
        let differs = |field: &&Field| incoming.record.value(field) != edited.value(field);
        // Equal amounts stay as they were written.
        for field in fields.iter().filter(differs).filter(|field| !is_made_up(field)) {
            keep(&mut next.record, field, &edited);
        }
        let was_sent = stored.external_ids.mpluskassa.is_some() || stored.sync.parts.contains_key(SENT);
        if !was_sent {
            settle_unsaid(&mut next, &incoming.record, &fields);
        }
        conflicts.extend(merge_fields(how, &mut next, &incoming.record, incoming.changed_at, fields));
    }
    if next.record != stored.record || next.edits != stored.edits || next.external_ids != stored.external_ids
    {
        // A marker alone is not worth a write: nothing depends on it.
        next.sync.pulled = Some(version(incoming)?);
    }
    let changed = next != stored;
    let settles_edit = !stored.edits.is_empty() && next.edits.is_empty();
    let mut before = stored.record;
    let deactivated = *before.active() && !*next.record.active();
    Ok(Merged { tracked: next, changed, deactivated, settles_edit, conflicts })
}

/// A record that was made and never sent takes nothing away from the POS's: it says nothing of what it left out.
fn settle_unsaid<T: Editable>(next: &mut Tracked<T>, pos: &T, fields: &BTreeSet<Field>) {
    let empty = T::empty(next.record.id().clone());
    for field in fields {
        let was_agreed = next.edits.get(field).is_none_or(|edit| edit.agreed.is_some());
        if !was_agreed && next.record.value(field) == empty.value(field) {
            keep(&mut next.record, field, pos);
            next.edits.settle(field);
        }
    }
}

/// Puts back a field that only the POS knows and that the host edited, until the POS has it, too: no call tells it, and a person
/// was asked. When the POS has changed it since, the rule decides, and the conflict is given back. A record that was made says
/// nothing of what it left out.
pub(crate) fn keep_edited<T: Editable>(
    context: SyncContext,
    next: &mut Tracked<T>,
    field: &Field,
    edited: &T,
    pos: &T,
    changed_at: Option<DateTime<Utc>>,
) -> Option<Settled> {
    let edit = next.edits.get(field)?.clone();
    let (ours, theirs) = (edited.value(field)?, pos.value(field)?);
    let says_nothing =
        edit.agreed.is_none() && T::empty(edited.id().clone()).value(field).as_ref() == Some(&ours);
    if ours == theirs || says_nothing {
        next.edits.settle(field);
        return None;
    }
    let is_news = edit.agreed.is_some_and(|agreed| gist(field, &agreed) != gist(field, &theirs));
    // Allergens and diets change without the article.
    let changed_at = changed_at.filter(|_| !is_nutrition(field));
    let decision = is_news.then(|| settle(context, changed_at, Some(edit.at)));
    if decision.is_some_and(|decision| decision.action == Action::TakePos) {
        keep(&mut next.record, field, pos);
        next.edits.settle(field);
    } else {
        keep(&mut next.record, field, edited);
        next.edits.agree(field, theirs.clone());
    }
    let decision = decision?;
    let fields = vec![difference(field, &theirs, &ours)];
    Some(Settled { fields, winner: decision.winner()?, why: decision.why })
}

fn is_nutrition(field: &Field) -> bool {
    ["allergens", "diets"].contains(&field.as_str())
}

/// What a value comes to that only the POS knows. It is no news that an allergen is named that is not there or not known, where a
/// picture is served, nor another order of locations.
fn gist(field: &Field, value: &FieldValue) -> Option<BTreeSet<String>> {
    Some(match field.as_str() {
        _ if is_nutrition(field) => {
            let told = value.read::<Vec<Characteristic>>().ok()?.into_iter();
            let there = told.filter(|one| matches!(one.presence, Presence::Present | Presence::Maybe));
            there.map(|one| format!("{} {:?}", one.number, one.presence)).collect()
        }
        "images" => value.read::<Vec<ItemImage>>().ok()?.into_iter().map(|image| image.hash).collect(),
        "not_sold_at" => {
            value.read::<Vec<LocationId>>().ok()?.iter().map(|location| location.to_string()).collect()
        }
        _ => BTreeSet::from([value.as_json().to_owned()]),
    })
}

/// Decides an item's branch prices, each a field of its own, which have no change time at the POS. Call it after [`merge`].
pub(crate) fn merge_location_prices(how: Settling, merged: &mut Merged<Item>, pos: &ArticleBranches) {
    let tracked = &mut merged.tracked;
    let is_same =
        tracked.record.not_sold_at == pos.not_sold_at && tracked.record.location_prices == pos.prices;
    if is_same && tracked.edits.is_empty() {
        return;
    }
    let before = tracked.clone();
    let mut theirs = Item::empty(tracked.record.id.clone());
    theirs.not_sold_at.clone_from(&pos.not_sold_at);
    theirs.location_prices.clone_from(&pos.prices);
    tracked.record.not_sold_at.clone_from(&pos.not_sold_at);
    let field = Field::named("not_sold_at");
    merged.conflicts.extend(keep_edited(how.context, tracked, &field, &before.record, &theirs, None));
    let edited = tracked.edits.iter().filter(|(field, _)| field.location().is_some());
    let edited: BTreeSet<Field> = edited.map(|(field, _)| field.clone()).collect();
    if !edited.is_empty() || tracked.record.location_prices != pos.prices {
        let own = theirs.location_prices.iter().chain(&tracked.record.location_prices);
        let fields = own.map(|own| Field::price_at(&own.location)).chain(edited).collect();
        merged.conflicts.extend(merge_fields(how, tracked, &theirs, None, fields));
        tracked.record.location_prices.sort_by(|a, b| a.location.cmp(&b.location));
    }
    merged.changed |= *tracked != before;
    merged.settles_edit |= !before.edits.is_empty() && tracked.edits.is_empty();
    merged.settles_edit &= tracked.edits.is_empty();
}

/// Decides fields: what the host did not edit is the POS's. Gives back the conflicts.
pub(super) fn merge_fields<T: Editable>(
    how: Settling,
    next: &mut Tracked<T>,
    pos: &T,
    changed_at: Option<DateTime<Utc>>,
    fields: BTreeSet<Field>,
) -> Vec<Settled> {
    let of_record = match how.unit {
        Unit::Field => None,
        Unit::Record => decide_record(how.context, next, pos, changed_at, &fields),
    };
    let mut conflicts: Vec<Settled> = Vec::new();
    for field in fields {
        let (Some(theirs), Some(ours)) = (pos.value(&field), next.record.value(&field)) else { continue };
        let edit = next.edits.get(&field);
        let decision = match (of_record, edit) {
            _ if theirs == ours => Decision { action: Action::Nothing, why: Why::Same },
            (Some(decision), _) => decision,
            (None, None) => Decision { action: Action::TakePos, why: Why::OnlyPosChanged },
            (None, Some(edit)) => decide(
                how.context,
                &Known { agreed: edit.agreed.as_ref(), sent: None },
                &Side { value: &theirs, changed_at },
                &Side { value: &ours, changed_at: Some(edit.at) },
            ),
        };
        if let Some(winner) = decision.winner() {
            let difference = difference(&field, &theirs, &ours);
            match conflicts.iter_mut().find(|one| (one.winner, one.why) == (winner, decision.why)) {
                Some(settled) => settled.fields.push(difference),
                None => conflicts.push(Settled { fields: vec![difference], winner, why: decision.why }),
            }
        }
        match decision.action {
            Action::Nothing => drop(next.edits.settle(&field)),
            Action::TakePos => {
                keep(&mut next.record, &field, pos);
                next.edits.settle(&field);
            }
            // Still to be pushed, on top of what the POS has now.
            Action::KeepHost => {
                let at = next.edits.get(&field).map(|edit| edit.at).or_else(|| next.edits.latest());
                if let Some(at) = at {
                    next.edits.insert(field, PendingEdit { at, agreed: Some(theirs) });
                }
            }
        }
    }
    conflicts
}

/// Where whole records are decided: who has all of it, when both sides changed any of it.
fn decide_record<T: Editable>(
    context: SyncContext,
    next: &Tracked<T>,
    pos: &T,
    changed_at: Option<DateTime<Utc>>,
    fields: &BTreeSet<Field>,
) -> Option<Decision> {
    let mut edited_at = None;
    let mut pos_changed = false;
    for field in fields {
        let (theirs, ours) = (pos.value(field), next.record.value(field));
        let edit = next.edits.get(field).filter(|_| theirs != ours);
        edited_at = edited_at.max(edit.map(|edit| edit.at));
        pos_changed |= match edit {
            Some(edit) => edit.agreed != theirs,
            None => theirs != ours,
        };
    }
    (pos_changed && edited_at.is_some()).then(|| settle(context, changed_at, edited_at))
}

/// Takes the value of a field that both records have.
fn keep<T: Editable>(record: &mut T, field: &Field, from: &T) {
    let taken = record.take(field, from);
    debug_assert!(taken.is_ok(), "{taken:?}");
}

fn difference(field: &Field, pos: &FieldValue, host: &FieldValue) -> FieldDifference {
    let text = |value: &FieldValue| (!value.is_null()).then(|| value.to_string());
    FieldDifference { field: field.to_string(), pos: text(pos), host: text(host) }
}

fn version<T: Shared>(incoming: &Incoming<T, T::PosId>) -> Result<Version, FingerprintError> {
    Ok(Version {
        fingerprint: content_fingerprint(&incoming.record)?,
        changed_at: incoming.changed_at,
        marker: incoming.marker,
    })
}
