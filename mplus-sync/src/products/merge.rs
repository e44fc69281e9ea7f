//! What becomes of a stored record when the POS tells of it. Pure.

use rust_decimal::Decimal;
use serde::Serialize;

use super::from_pos::Incoming;
use crate::conflict::{
    Action, Decision, FieldDifference, Known, Side, SyncContext, Why, Winner, decide, differing_fields,
};
use crate::model::{
    Category, CategoryId, Edits, Fingerprint, FingerprintError, Item, LocationPrice, Record, Tracked,
    Variant, Version,
};

/// The name under which what both sides agreed on of an item's branch prices is kept.
pub(crate) const LOCATION_PRICES: &str = "location_prices";
/// The name under which is kept that the POS withholds an article by other means than `active`.
pub(crate) const WITHHELD: &str = "withheld";

/// A record of which some content is shared with the POS in one call each way.
pub(crate) trait Shared: Record {
    /// The shared content.
    type Content: Serialize;

    fn content(&self) -> Self::Content;

    /// Takes the shared content over from the POS's record.
    fn take_shared(&mut self, pos: &Self);

    /// Takes over what only the POS knows.
    fn take_pos_owned(&mut self, pos: &Self);

    /// As guests read it.
    fn name(&self) -> &str;

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
        self.btw_code = pos.btw_code;
        self.turnover_group = pos.turnover_group;
        self.variant.clone_from(&pos.variant);
        self.plu.clone_from(&pos.plu);
        self.barcodes.clone_from(&pos.barcodes);
        self.minimum_age = pos.minimum_age;
        self.active = pos.active;
    }

    fn take_pos_owned(&mut self, pos: &Self) {
        self.stock_tracked = pos.stock_tracked;
        self.course = pos.course;
        self.allergens.clone_from(&pos.allergens);
        self.diets.clone_from(&pos.diets);
        self.images.clone_from(&pos.images);
        self.modifier_groups.clone_from(&pos.modifier_groups);
    }

    fn name(&self) -> &str {
        &self.name
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

/// A conflict and how it was settled.
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
    Ok(Merged { tracked, changed: true, deactivated: false, settles_edit: false, conflicts: Vec::new() })
}

/// A record that both sides have.
///
/// What only the POS knows is taken over; of the shared content the rule decides ([`decide`]) when the host has an
/// edit that was not pushed. Without one the POS's content holds: an echo of our own push changes nothing.
pub(crate) fn merge<T: Shared>(
    context: SyncContext,
    stored: Tracked<T>,
    incoming: &Incoming<T, T::PosId>,
) -> Result<Merged<T>, FingerprintError> {
    let pulled = version(incoming)?;
    let mut next = stored.clone();
    next.external_ids.mpluskassa = Some(incoming.number.clone());
    next.record.take_pos_owned(&incoming.record);
    let mut conflicts = Vec::new();
    match stored.edited_at() {
        None => next.record.take_shared(&incoming.record),
        Some(edited_at) => {
            let host = content_fingerprint(&stored.record)?;
            let decision = decide(
                context,
                &Known::of(&stored.sync),
                &Side { value: pulled.fingerprint.clone(), changed_at: incoming.changed_at },
                &Side { value: host, changed_at: Some(edited_at) },
            );
            conflicts.extend(settled(decision, &incoming.record.content(), &stored.record.content()));
            match decision.action {
                Action::KeepHost => {}
                Action::Nothing | Action::TakePos => {
                    next.record.take_shared(&incoming.record);
                    next.edits.clear();
                }
            }
        }
    }
    // A marker alone is not worth a write: without an edit nothing depends on it.
    let known = |version: &Option<Version>| {
        version.as_ref().is_some_and(|version| version.fingerprint == pulled.fingerprint)
    };
    let agreed = known(&stored.sync.pulled) || (stored.edits.is_empty() && known(&stored.sync.pushed));
    if !agreed || next.record != stored.record {
        next.sync.pulled = Some(pulled);
    }
    let changed = next != stored;
    let settles_edit = !stored.edits.is_empty() && next.edits.is_empty();
    let mut before = stored.record;
    let deactivated = *before.active() && !*next.record.active();
    Ok(Merged { tracked: next, changed, deactivated, settles_edit, conflicts })
}

/// Decides an item's branch prices, which have no change time at the POS. Call it after [`merge`].
pub(crate) fn merge_location_prices(
    context: SyncContext,
    merged: &mut Merged<Item>,
    edits: &Edits,
    pos: &[LocationPrice],
) -> Result<(), FingerprintError> {
    let tracked = &mut merged.tracked;
    if pos.is_empty()
        && tracked.record.location_prices.is_empty()
        && !tracked.sync.parts.contains_key(LOCATION_PRICES)
    {
        return Ok(());
    }
    let none = location_prices_fingerprint(&[])?;
    let agreed = tracked.sync.parts.get(LOCATION_PRICES).cloned().unwrap_or_else(|| none.clone());
    let pos_print = location_prices_fingerprint(pos)?;
    let host_print = location_prices_fingerprint(&tracked.record.location_prices)?;
    let edited_at = edits.latest();
    let decision = match edited_at {
        None if pos_print == host_print => return Ok(()),
        None => Decision { action: Action::TakePos, why: Why::OnlyPosChanged },
        Some(_) => decide(
            context,
            &Known::agreed(agreed.clone()),
            &Side { value: pos_print.clone(), changed_at: None },
            &Side { value: host_print, changed_at: edited_at },
        ),
    };
    let fields = |prices: &[LocationPrice]| LocationPrices { location_prices: listed(prices) };
    merged.conflicts.extend(settled(decision, &fields(pos), &fields(&tracked.record.location_prices)));
    match decision.action {
        Action::Nothing => {}
        Action::TakePos => tracked.record.location_prices = pos.to_vec(),
        // Still to be pushed, whatever was decided of the rest.
        Action::KeepHost => {
            tracked.edits.clone_from(edits);
            merged.settles_edit = false;
        }
    }
    if pos_print == none {
        merged.changed |= tracked.sync.parts.remove(LOCATION_PRICES).is_some();
    } else if agreed != pos_print {
        tracked.sync.parts.insert(LOCATION_PRICES.to_owned(), pos_print);
        merged.changed = true;
    }
    merged.changed |= decision.action == Action::TakePos;
    Ok(())
}

/// The fingerprint of branch prices, in whatever order they stand.
pub(crate) fn location_prices_fingerprint(prices: &[LocationPrice]) -> Result<Fingerprint, FingerprintError> {
    Fingerprint::of(&sorted(prices))
}

fn sorted(prices: &[LocationPrice]) -> Vec<(&str, String)> {
    let mut prices: Vec<_> = prices.iter().map(|own| (own.location.as_str(), amount(own.price))).collect();
    prices.sort_unstable();
    prices
}

#[derive(Serialize)]
struct LocationPrices {
    location_prices: String,
}

fn listed(prices: &[LocationPrice]) -> String {
    let prices: Vec<_> =
        sorted(prices).iter().map(|(location, price)| format!("{location}: {price}")).collect();
    prices.join(", ")
}

fn settled<C: Serialize>(decision: Decision, pos: &C, host: &C) -> Option<Settled> {
    let winner = decision.winner()?;
    Some(Settled { fields: differing_fields(pos, host).unwrap_or_default(), winner, why: decision.why })
}

fn version<T: Shared>(incoming: &Incoming<T, T::PosId>) -> Result<Version, FingerprintError> {
    Ok(Version {
        fingerprint: content_fingerprint(&incoming.record)?,
        changed_at: incoming.changed_at,
        marker: incoming.marker,
    })
}
