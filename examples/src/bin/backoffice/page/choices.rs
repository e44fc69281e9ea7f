//! What a guest chooses with an item: its modifier groups as fields, and what was chosen of them.

use std::collections::HashSet;

use maud::{Markup, html};
use mplus_sync::model::{Item, ItemId, LineModifier, Modifier, ModifierGroup, Tracked};
use mplus_sync::store::Select;
use rust_decimal::Decimal;

use super::item::how_many;
use crate::text::play as t;
use crate::view::Lang;
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::number::euros;

/// The groups of these items that a guest may choose from.
pub(crate) async fn groups_of(at: &At, items: &[Tracked<Item>]) -> Result<Vec<ModifierGroup>, Trouble> {
    let ids: HashSet<_> = items.iter().flat_map(|item| &item.record.modifier_groups).cloned().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let found = at.store().modifier_groups(at.id(), Select::Ids(ids.into_iter().collect())).await?;
    let is_offered = |group: &ModifierGroup| group.active && !group.modifiers.is_empty();
    Ok(found.into_iter().map(|group| group.record).filter(is_offered).collect())
}

/// An item's groups, in its order.
fn own_groups<'g>(
    item: &'g Item,
    groups: &'g [ModifierGroup],
) -> impl Iterator<Item = &'g ModifierGroup> + 'g {
    item.modifier_groups.iter().filter_map(|id| groups.iter().find(|group| group.id == *id))
}

/// What a guest chooses with an item, once for all pieces of it: one of a list, or boxes to tick.
pub(crate) fn show(lang: Lang, item: &Item, groups: &[ModifierGroup], entered: &Fields) -> Markup {
    let is_chosen = |name: &str, modifier: &Modifier| entered.all(name).any(|id| id == modifier.id.as_str());
    let word = |modifier: &Modifier| match modifier.price.filter(|price| !price.is_zero()) {
        Some(price) => format!("{} (+{})", modifier.name, euros(lang, price)),
        None => modifier.name.clone(),
    };
    html! {
        @if own_groups(item, groups).next().is_some() { div.choices { @for group in own_groups(item, groups) {
            @let name = choice_field(&item.id, group.id.as_str());
            @if group.maximum == Some(1) {
                div.field {
                    label for=(name) { (group.name) }
                    select id=(name) name=(name) {
                        option value="" { (&lang[if group.minimum > 0 { t::PLEASE_CHOOSE } else { t::NO_CHOICE }]) }
                        @for modifier in &group.modifiers {
                            option value=(modifier.id) selected[is_chosen(&name, modifier)] { (word(modifier)) }
                        }
                    }
                }
            } @else {
                fieldset {
                    legend { (group.name) " " span.hint { (how_many(lang, group)) } }
                    @for modifier in &group.modifiers {
                        @let id = format!("{name}/{}", modifier.id);
                        div.tick {
                            input id=(id) type="checkbox" name=(name) value=(modifier.id) checked[is_chosen(&name, modifier)];
                            label for=(id) { (word(modifier)) }
                        }
                    }
                }
            }
        } } }
    }
}

/// The field of an item's group.
pub(crate) fn choice_field(item: &ItemId, group: &str) -> String {
    format!("choice_{item}/{group}")
}

/// What was chosen with an item; the name of its group when that has no such choice any more.
pub(crate) fn modifiers(
    item: &Item,
    groups: &[ModifierGroup],
    fields: &Fields,
) -> Result<Vec<LineModifier>, String> {
    let mut chosen = Vec::new();
    for group in own_groups(item, groups) {
        let name = choice_field(&item.id, group.id.as_str());
        for id in fields.all(&name).filter(|id| !id.is_empty()) {
            let known = group.modifiers.iter().find(|modifier| modifier.id.as_str() == id);
            let known = known.ok_or_else(|| format!("{}: {}", item.name, group.name))?;
            chosen.push(LineModifier {
                group: group.id.clone(),
                modifier: known.id.clone(),
                name: known.name.clone(),
                quantity: Decimal::ONE,
                unit_price: known.price.unwrap_or_default(),
            });
        }
    }
    Ok(chosen)
}
