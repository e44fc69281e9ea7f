//! What the article of a combo tells of it. Pure.
//!
//! A menu and its article are two things at the POS, and no call tells the menu. So only what the article tells anew is news:
//! of what it told before, or what it was made with, nobody knows whether the menu still has it.

use std::collections::BTreeSet;

use mplus_qapi::products::Article;

use super::from_pos::{ArticleProblem, IncomingItem, text};
use super::merge::{Merged, keep_edited, merge_fields};
use crate::conflict::Settling;
use crate::model::{Combo, Editable, Field, Fingerprint, FingerprintError, Item, Tracked};

/// What the name of a field that the article told begins with, among the parts of a combo's sync state.
const TOLD: &str = "told ";

/// The combo with what its article tells anew. A field that the host edited too is decided as those of items are.
pub(super) fn merge_combo(
    how: Settling,
    stored: Tracked<Combo>,
    item: &IncomingItem,
    article: &Article,
) -> Result<Merged<Combo>, FingerprintError> {
    let mut merged = Merged::unchanged(stored.clone());
    let next = &mut merged.tracked;
    next.external_ids.mpluskassa = Some(item.incoming.number);
    let mut told = told_of(&stored, &item.incoming.record);
    let mut news = BTreeSet::new();
    for name in told_fields(item, article) {
        let field = Field::named(name);
        let Some(value) = told.value(&field) else { continue };
        let print = Fingerprint::of(value.as_json())?;
        if next.sync.parts.insert(format!("{TOLD}{name}"), print.clone()) != Some(print) {
            news.insert(field);
        }
    }
    merged.conflicts = merge_fields(how, next, &told, item.incoming.changed_at, news);
    let is_edited = |field| stored.edits.get(&Field::named(field)).is_some();
    if next.record.tax_rate != stored.record.tax_rate && !is_edited("btw_code") {
        next.record.btw_code = told.btw_code;
    }
    // What no call carries waits until the POS has it, too.
    told.category.clone_from(&item.incoming.record.category);
    for field in ["category", "btw_code"].map(Field::named) {
        let tells = |combo: &Combo| combo.value(&field).is_some_and(|value| !value.is_null());
        // What the article does not tell is as it was.
        if tells(&told) || !tells(&stored.record) {
            let changed_at = item.incoming.changed_at;
            let settled = keep_edited(how.context, next, &field, &stored.record, &told, changed_at);
            merged.conflicts.extend(settled);
        }
    }
    merged.changed = *next != stored;
    merged.deactivated = stored.record.active && !next.record.active;
    merged.settles_edit = !stored.edits.is_empty() && next.edits.is_empty();
    Ok(merged)
}

fn told_of(stored: &Tracked<Combo>, item: &Item) -> Combo {
    let mut told = Combo::empty(stored.record.id.clone());
    told.name.clone_from(&item.name);
    told.active = item.active;
    (told.price, told.turnover_group) = (item.price, item.turnover_group);
    (told.tax_rate, told.btw_code) = (item.tax_rate, item.btw_code);
    told
}

/// The fields that the article tells. That it tells no amount, or one that cannot be, takes no price away.
fn told_fields(item: &IncomingItem, article: &Article) -> impl Iterator<Item = &'static str> {
    let has_none =
        |problem: &ArticleProblem| matches!(problem, ArticleProblem::AskedAtTill | ArticleProblem::InBarcode);
    let record = &item.incoming.record;
    let told = [
        ("name", text(&article.description).is_some()),
        ("price", record.price.is_some() || item.problems.iter().any(has_none)),
        ("tax_rate", record.tax_rate.is_some()),
        ("turnover_group", record.turnover_group.is_some()),
        ("active", true),
    ];
    told.into_iter().filter(|(_, is_told)| *is_told).map(|(name, _)| name)
}
