//! One item: what it is, and what can be changed here.

use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_sync::model::{
    Item, ItemEdit, ItemId, Location, ModifierGroup, ModifierGroupId, Presence, Tracked,
};
use mplus_sync::store::{CatalogEdits, Select};
use rust_decimal::Decimal;

use super::{locations, menu};
use crate::text::{Text, frame, menu as t, sync};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::{Fields, NotAnAmount, Query};
use crate::view::form::{Field, tick};
use crate::view::layout::{Here, Page, post};
use crate::view::number::{editable, euros};

/// What is wrong with what was entered, by field.
type Wrong = Vec<(String, Text)>;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let item = find(&at, query.text("id")).await?;
    page(&at, &item, &item.record, &Wrong::new()).await
}

async fn find(at: &At, id: &str) -> Result<Tracked<Item>, Trouble> {
    menu::items(at, &[ItemId::from(id)]).await?.into_iter().next().ok_or(Trouble::NotFound)
}

async fn page(at: &At, item: &Tracked<Item>, shown: &Item, wrong: &Wrong) -> Result<Page, Trouble> {
    let (lang, record) = (at.lang, &item.record);
    let locations = locations::all(at).await?;
    let groups = Select::Ids(record.modifier_groups.clone());
    let groups = at.store().modifier_groups(at.id(), groups).await?;
    let body = html! {
        div.item {
            (menu::picture(record, "large"))
            div {
                p { (menu::state(lang, item)) }
                (facts(lang, item))
            }
        }
        section.card { (form(at, &item.record, shown, &locations, wrong)) }
        (modifier_groups(lang, record, &groups))
        p { a href=(at.path("/menu")) { (&lang[frame::MENU]) } }
    };
    Ok(at.page_below(Here::Menu, record.name.clone(), body))
}

fn facts(lang: Lang, item: &Tracked<Item>) -> Markup {
    let record = &item.record;
    let list = |characteristics: &[mplus_sync::model::Characteristic]| {
        let known = characteristics.iter().filter_map(|known| match known.presence {
            Presence::Present => Some(known.name.clone()),
            Presence::Maybe => Some(lang.fill(t::MAYBE, &[&known.name])),
            _ => None,
        });
        known.collect::<Vec<_>>().join(", ")
    };
    let fact =
        |name: Text, value: String| html! { @if !value.is_empty() { dt { (&lang[name]) } dd { (value) } } };
    html! {
        dl.facts {
            (fact(t::ARTICLE, item.external_ids.mpluskassa.map(|number| number.to_string()).unwrap_or_default()))
            (fact(t::PLU, record.plu.clone().unwrap_or_default()))
            (fact(t::BARCODES, record.barcodes.join(", ")))
            (fact(t::ALLERGENS, list(&record.allergens)))
            (fact(t::DIETS, list(&record.diets)))
            (fact(t::MINIMUM_AGE, record.minimum_age.map(|age| age.to_string()).unwrap_or_default()))
        }
    }
}

/// How many of a group a guest chooses.
pub(crate) fn how_many(lang: Lang, group: &ModifierGroup) -> String {
    match group.maximum {
        Some(maximum) => lang.fill(t::CHOOSE, &[&group.minimum, &maximum]),
        None => lang.fill(t::CHOOSE_ANY, &[&group.minimum]),
    }
}

fn modifier_groups(lang: Lang, item: &Item, groups: &[Tracked<ModifierGroup>]) -> Markup {
    let find = |id: &ModifierGroupId| groups.iter().map(|group| &group.record).find(|group| group.id == *id);
    html! {
        @if !item.modifier_groups.is_empty() {
            section.card {
                h2 { (&lang[t::GROUPS]) }
                p.hint { (&lang[t::GROUPS_HINT]) }
                @for group in item.modifier_groups.iter().filter_map(find) {
                    h3 { (group.name) }
                    p { (how_many(lang, group)) }
                    ul { @for modifier in &group.modifiers {
                        li { (modifier.name) @if let Some(price) = modifier.price { " (+" (euros(lang, price)) ")" } }
                    } }
                }
            }
        }
    }
}

/// The form. What it showed goes along, so that nothing is overwritten that the till changed meanwhile.
fn form(at: &At, stored: &Item, item: &Item, locations: &[Tracked<Location>], wrong: &Wrong) -> Markup {
    let lang = at.lang;
    let wrong =
        |name: &str| wrong.iter().find(|(field, _)| field == name).map(|(_, text)| lang[*text].to_owned());
    let amount = |amount: Option<Decimal>| amount.map(|amount| editable(lang, amount)).unwrap_or_default();
    let seen = serde_json::to_string(stored).unwrap_or_default();
    post(
        &at.visit,
        &at.path("/menu/item"),
        html! {
            input type="hidden" name="id" value=(stored.id);
            input type="hidden" name="seen" value=(seen);
            (Field::text(lang, "name", t::NAME).value(&item.name).required().wrong(wrong("name")).show())
            (Field::text(lang, "description", t::DESCRIPTION).kind("area").value(item.description.as_deref().unwrap_or_default()).show())
            div.row {
                (Field::text(lang, "price", t::PRICE).value(amount(item.price)).hint(t::PRICE_HINT).mode("decimal").wrong(wrong("price")).show())
                (Field::text(lang, "tax_rate", t::TAX_RATE).value(amount_of_rate(lang, item.tax_rate)).mode("decimal").wrong(wrong("tax_rate")).show())
            }
            @if locations.len() > 1 {
                fieldset {
                    legend { (&lang[t::LOCATION_PRICES]) }
                    div.row {
                        @for location in locations {
                            @let own = item.location_prices.iter().find(|own| own.location == location.record.id);
                            @let name = price_name(&location.record);
                            (Field::called(lang, &name, lang.fill(t::PRICE_AT, &[&location.record.name])).value(amount(own.map(|own| own.price)))
                                .hint(t::PRICE_AT_HINT).mode("decimal").wrong(wrong(&name)).show())
                        }
                    }
                }
            }
            (tick(lang, "active", t::ACTIVE, None, item.active))
            (tick(lang, "hidden", t::HIDDEN, Some(t::HIDDEN_HINT), item.hidden))
            button type="submit" { (&lang[frame::SAVE]) }
        },
    )
}

fn amount_of_rate(lang: Lang, rate: Option<Decimal>) -> String {
    rate.map(|rate| crate::view::number::decimal(lang, rate)).unwrap_or_default()
}

fn price_name(location: &Location) -> String {
    format!("price_at_{}", location.id)
}

pub(crate) async fn save(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let stored = find(&at, fields.text("id")).await?;
    // What the form showed; without it, what is stored now.
    let seen: Item = serde_json::from_str(fields.text("seen")).unwrap_or_else(|_| stored.record.clone());
    if seen.id != stored.record.id {
        return Err(Trouble::NotFound);
    }
    let locations = locations::all(&at).await?;
    let (sent, wrong) = entered(&seen, &locations, &fields);
    if !wrong.is_empty() {
        let page = page(&at, &stored, &sent, &wrong).await?;
        return Ok(Err(page.status(StatusCode::UNPROCESSABLE_ENTITY)));
    }
    let edit = ItemEdit::between(&seen, &sent);
    let back = Go::to(at.path(&format!("/menu/item?id={}", menu::encoded(seen.id.as_str()))));
    if edit.is_empty() {
        return Ok(Ok(back.saying(&at.lang[t::UNCHANGED])));
    }
    let edits = CatalogEdits { items: vec![edit], ..CatalogEdits::default() };
    let saved = at.store().save_edits(at.id(), edits, at.now()).await?;
    at.app.restaurants.index.refresh(at.id()).await;
    Ok(Ok(if saved.stale.is_empty() {
        back.saying(&at.lang[t::SAVED])
    } else {
        let fields: Vec<_> = saved.stale.iter().map(|stale| at.lang.field(stale.field.as_str())).collect();
        back.warning(at.lang.fill(t::STALE, &[&fields.join(", ")]))
    }))
}

/// The item as it was entered, and what is wrong with that.
fn entered(seen: &Item, locations: &[Tracked<Location>], fields: &Fields) -> (Item, Wrong) {
    let (mut item, mut wrong) = (seen.clone(), Wrong::new());
    item.name = fields.text("name").to_owned();
    if item.name.is_empty() {
        wrong.push(("name".to_owned(), t::NEEDS_NAME));
    }
    if fields.raw("description").is_some() {
        item.description = fields.filled("description").map(str::to_owned);
    }
    item.active = fields.is_on("active");
    item.hidden = fields.is_on("hidden");
    let mut amount =
        |name: &str, entered: Result<Option<Decimal>, NotAnAmount>, known: Option<Decimal>| match entered {
            // What a form does not have it does not change.
            _ if fields.raw(name).is_none() => known,
            // The same amount keeps the digits that it had.
            Ok(amount) if amount == known => known,
            Ok(amount) => amount,
            Err(_) => {
                let why = if name == "tax_rate" { sync::NOT_A_RATE } else { t::NOT_AN_AMOUNT };
                wrong.push((name.to_owned(), why));
                known
            }
        };
    item.price = amount("price", fields.price("price"), seen.price);
    item.tax_rate = amount("tax_rate", fields.rate("tax_rate"), seen.tax_rate);
    if locations.len() > 1 {
        for location in locations.iter().map(|location| &location.record) {
            let known =
                seen.location_prices.iter().find(|own| own.location == location.id).map(|own| own.price);
            let name = price_name(location);
            let price = amount(&name, fields.price(&name), known);
            item.location_prices.retain(|own| own.location != location.id);
            if let Some(price) = price {
                let location = location.id.clone();
                item.location_prices.push(mplus_sync::model::LocationPrice { location, price });
            }
        }
    }
    (item, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cola() -> Item {
        let mut item = Item::new("cola", "Cola");
        item.price = Some("2.5".parse().unwrap());
        item
    }

    #[test]
    fn only_what_was_changed_becomes_an_edit() {
        let form = Fields::read("name=Cola+Zero&price=2%2C50&active=on".as_bytes());
        let (sent, wrong) = entered(&cola(), &[], &form);
        assert!(wrong.is_empty());
        let edit = ItemEdit::between(&cola(), &sent);
        assert_eq!(edit.fields().map(|field| field.as_str()).collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn a_price_that_may_mean_two_is_asked_again_and_not_sold_at() {
        for price in ["1.250", "1,250", "-5"] {
            let form = format!("name=Wijn&active=on&price={price}");
            let (sent, wrong) = entered(&cola(), &[], &Fields::read(form.as_bytes()));
            assert_eq!(wrong, [("price".to_owned(), t::NOT_AN_AMOUNT)], "{price}");
            assert_eq!(sent.price, cola().price);
        }
    }

    #[test]
    fn what_is_no_amount_is_told_and_changes_nothing() {
        let form = Fields::read(b"name=&price=cheap&active=on");
        let (sent, wrong) = entered(&cola(), &[], &form);
        assert_eq!(wrong.iter().map(|(field, _)| field.as_str()).collect::<Vec<_>>(), ["name", "price"]);
        assert_eq!(sent.price, cola().price);
    }
}
