//! A kiosk to play with: the guest orders and pays, and the order goes to the till.

use std::collections::HashSet;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use maud::{Markup, html};
use mplus_sync::model::{
    Customer, Item, ItemId, Location, LocationId, Order, OrderKind, OrderLine, PaymentMethod, Sold, Tracked,
};
use mplus_sync::orders::SubmitError;
use mplus_webhooks::payment::OwnPayment;
use rust_decimal::Decimal;

use super::chosen::{chosen, order_kind, quantity_field};
use super::menu::{being_read, category_field, encoded, items, picture};
use super::pay::{placed, unpaid};
use super::payments::{self, key};
use super::{choices, locations};
use crate::restaurant::baskets::Basket;
use crate::restaurant::index::Wanted;
use crate::restaurant::{own_data, settings};
use crate::safe::random_text;
use crate::text::{frame, menu, play as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::{Fields, Query};
use crate::view::form::{Field, choose};
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{count, euros};

/// Items on one page.
const PAGE: usize = 60;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let unpaid = match query.filled("again") {
        Some(payment) => unpaid(&at, payment).await?,
        None => None,
    };
    shown(&at, &unpaid.unwrap_or(query), None).await
}

async fn shown(at: &At, entered: &Fields, wrong: Option<String>) -> Result<Page, Trouble> {
    let lang = at.lang;
    let places = locations::all(at).await?;
    let Some(place) = place(&places, entered) else { return Ok(nothing(at)) };
    let location = &place.record.id;
    let Some(index) = at.app.restaurants.index.of(at.id()).await? else {
        return Ok(being_read(at, Here::Kiosk));
    };
    let shown = index.lines.iter().filter(|line| line.shown);
    let with_items: HashSet<_> = shown.filter_map(|line| line.category.as_ref()).collect();
    let categories: Vec<_> =
        index.categories.iter().filter(|category| with_items.contains(&category.id)).collect();
    let (text, category_text) = (entered.text("text").to_owned(), entered.text("category_text").to_owned());
    let category = entered.text("category").to_owned();
    let is_searched = !(text.is_empty() && category_text.is_empty() && category.is_empty());
    let wanted = Wanted {
        category: (!category.is_empty()).then(|| category.as_str().into()),
        text,
        category_text,
        ..Wanted::default()
    };
    let found: Vec<&ItemId> = index.find(&wanted).filter(|line| line.shown).map(|line| &line.id).collect();
    let ids: Vec<ItemId> = found.iter().take(PAGE).map(|id| (*id).clone()).collect();
    let items: Vec<_> =
        items(at, &ids).await?.into_iter().filter(|item| can_be_ordered(&item.record, location)).collect();
    let ids: Vec<ItemId> = items.iter().map(|item| item.record.id.clone()).collect();
    let levels = at.store().levels_of(at.id(), location, &ids).await?;
    let is_out = |id: &ItemId| levels.iter().any(|level| level.item == *id && level.amount <= Decimal::ZERO);
    let groups = choices::groups_of(at, &items).await?;
    let is_open = own_data::filled_in(&at.app.records, at.id(), location).await?.online;
    let options: Vec<_> =
        places.iter().map(|place| (place.record.id.to_string(), place.record.name.clone())).collect();
    let elsewhere: Vec<_> = chosen(entered).filter(|(id, _)| !ids.contains(id)).collect();
    let named: Vec<ItemId> = elsewhere.iter().map(|(id, _)| id.clone()).collect();
    let named = self::items(at, &named).await?;
    // One form: what was chosen stays chosen when another category is looked at.
    let form = html! {
        div.filter {
            (choose(lang, "location", t::WHERE, &options, location.as_str()))
            (category_field(lang, &categories, (&category, &wanted.category_text), Some(frame::ALL)))
            (Field::text(lang, "text", frame::SEARCH).kind("search").value(&wanted.text).show())
            button.quiet type="submit" name="do" value="show" formnovalidate { (&lang[frame::FILTER]) }
        }
        @if items.is_empty() {
            @if is_searched { (empty(&lang[menu::NOTHING_FOUND], &lang[menu::NOTHING_FOUND_ABOUT], html! {})) } @else { (nothing_to_order(at)) }
        } @else {
            @if found.len() > PAGE { p.hint { (lang.fill(t::FIRST_ITEMS, &[&PAGE, &count(lang, found.len() as u64)])) } }
            ul.kiosk { @for item in &items { li {
                (offer(at, &item.record, location, is_out(&item.record.id), entered))
                @if !is_out(&item.record.id) { (choices::show(lang, &item.record, &groups, entered)) }
            } } }
        }
        @if !elsewhere.is_empty() {
            section.card {
                h2 { (&lang[t::CHOSEN]) }
                ul.chosen { @for (id, quantity) in &elsewhere { li {
                    @let name = named.iter().find(|item| item.record.id == *id).map_or(id.as_str(), |item| item.record.name.as_str());
                    input type="number" min="0" max="99" name=(quantity_field(id)) value=(quantity) aria-label=(lang.fill(t::HOW_MANY, &[&name]));
                    @for (group, modifier) in entered.starting_with(&choices::choice_field(id, "")) {
                        input type="hidden" name=(choices::choice_field(id, group)) value=(modifier);
                    }
                    " × " (name)
                } } }
            }
        }
        section.card { (how(at, entered)) }
    };
    let body = html! {
        p.lead { (&lang[t::KIOSK_ABOUT]) }
        @if let Some(wrong) = wrong { p.notice.bad role="alert" { (wrong) } }
        @if is_open { (post(&at.visit, &at.path("/kiosk"), form)) } @else {
            form.filter method="get" {
                (choose(lang, "location", t::WHERE, &options, location.as_str()))
                button.quiet type="submit" { (&lang[frame::FILTER]) }
            }
            (empty(&lang[t::NOT_HERE], &lang[t::NOT_HERE_ABOUT], html! { a.button href=(at.path(&format!("/locations/{location}"))) { (&lang[frame::LOCATIONS]) } }))
        }
    };
    Ok(at.page(Here::Kiosk, body))
}

fn place<'p>(places: &'p [Tracked<Location>], entered: &Fields) -> Option<&'p Tracked<Location>> {
    let named = entered.filled("location").map(LocationId::from);
    places.iter().find(|place| Some(&place.record.id) == named.as_ref()).or_else(|| places.first())
}

fn can_be_ordered(item: &Item, location: &LocationId) -> bool {
    item.is_shown() && item.is_sold_at(location) && item.price_at(location).is_some()
}

fn nothing(at: &At) -> Page {
    at.page(Here::Kiosk, nothing_to_order(at))
}

fn nothing_to_order(at: &At) -> Markup {
    let next = html! { a.button href=(at.path("/sync")) { (&at.lang[frame::SYNC]) } };
    empty(&at.lang[t::NOTHING_TO_ORDER], &at.lang[t::NOTHING_TO_ORDER_ABOUT], next)
}

fn offer(at: &At, item: &Item, location: &LocationId, is_out: bool, entered: &Fields) -> Markup {
    let lang = at.lang;
    html! {
        (picture(item, "small"))
        div {
            strong { (item.name) }
            @if let Some(size) = item.variant.as_ref().and_then(|variant| variant.size.as_ref()) { " " span.hint { (size) } }
            @if let Some(description) = &item.description { br; span.hint { (description) } }
            br; span.price { (euros(lang, item.price_at(location).unwrap_or_default())) }
        }
        @if is_out { span.hint { (&lang[t::SOLD_OUT]) } } @else {
            input type="number" min="0" max="99" name=(quantity_field(&item.id)) value=[entered.filled(&quantity_field(&item.id))] aria-label=(lang.fill(t::HOW_MANY, &[&item.name])) placeholder="0";
        }
    }
}

fn how(at: &At, entered: &Fields) -> Markup {
    let lang = at.lang;
    let kinds = [("pickup", t::PICKUP), ("table", t::TABLE), ("table_later", t::TABLE_LATER)];
    let kinds: Vec<_> =
        kinds.iter().map(|(value, text)| ((*value).to_owned(), lang[*text].to_owned())).collect();
    html! {
        div.row {
            (choose(lang, "kind", t::HOW, &kinds, entered.text("kind")))
            (Field::text(lang, "table", t::TABLE_NUMBER).mode("numeric").value(entered.text("table")).show())
            (Field::text(lang, "guest", t::GUEST_NAME).value(entered.text("guest")).complete("name").show())
        }
        (Field::text(lang, "note", t::NOTE).value(entered.text("note")).show())
        button.large type="submit" name="do" value="order" { (&lang[t::ORDER_NOW]) }
    }
}

/// Makes the order, has it checked before the guest pays, and starts the payment.
pub(crate) async fn order(at: At, fields: Fields) -> Result<Response, Trouble> {
    let lang = at.lang;
    let places = locations::all(&at).await?;
    let Some(place) = place(&places, &fields) else { return Ok(nothing(&at).into_response()) };
    if fields.text("do") == "show" {
        return Ok(shown(&at, &fields, None).await?.into_response());
    }
    // It may have been switched off since the page was opened.
    if !own_data::filled_in(&at.app.records, at.id(), &place.record.id).await?.online {
        return refuse(&at, &fields, lang[t::NOT_HERE].to_owned()).await;
    }
    let orders = settings::orders(&at.settings().await?.settings);
    let Some(kind) = order_kind(&fields) else {
        return refuse(&at, &fields, lang[t::NEEDS_TABLE].to_owned()).await;
    };
    let random = random_text::<18>().map_err(Trouble::failed)?;
    let mut order = Order::new(number(at.now(), &random), place.record.id.clone(), kind, at.now());
    order.lines = match lines(&at, &fields, &place.record.id).await? {
        Ok(lines) => lines,
        Err(gone) => {
            let why = lang.fill(t::GONE, &[&gone]);
            return refuse(&at, &fields, why).await;
        }
    };
    if order.lines.is_empty() {
        return refuse(&at, &fields, lang[t::CHOOSE_SOMETHING].to_owned()).await;
    }
    order.note = fields.filled("note").map(str::to_owned);
    order.customer =
        fields.filled("guest").map(|name| Customer::new(format!("kiosk-{}", order.number), name));
    order.total = order.sum();
    let pays_later = matches!(order.kind, OrderKind::DineInPayLater { .. });
    let method = orders.payment_methods.first().map_or(PaymentMethod::Card, |known| known.method.clone());
    let mut checked = order.clone();
    if !pays_later {
        let amount = order.total;
        checked.payments =
            vec![mplus_sync::model::Payment { method: method.clone(), amount, reference: None }];
    }
    let orders = at.open().await?.orders();
    // While the till is away, or does not answer, orders wait for it, as they were placed.
    let checked = at.soon(orders.check(&checked)).await.and_then(Result::err);
    let is_refused = |error: &SubmitError| error.pos_error().is_none() || error.is_permanent();
    if let Some(why) =
        checked.filter(is_refused).map(|error| lang.fill(t::REFUSED, &[&lang.reason(&error.to_string())]))
    {
        return refuse(&at, &fields, why).await;
    }
    if pays_later {
        at.store().enqueue(at.id(), &order, at.now()).await?;
        return Ok(placed(&at, &order).into_response());
    }
    let payments = payments::payments(&at)?;
    let id = random_text::<18>().map_err(Trouble::failed)?;
    let total = order.total;
    at.app.baskets.keep(at.id(), &id, &Basket { order, method }).await?;
    let branch = place.external_ids.mpluskassa.map_or(0, |branch| i64::from(branch.get()));
    let payment = OwnPayment::new(key(&at, &id), total, "kiosk").at(branch, 0);
    payments.start_own(&payment).await.map_err(|error| Trouble::Refused(error.to_string()))?;
    Ok(Go::to(at.path(&format!("/kiosk/pay?id={}", encoded(&id)))).into_response())
}

/// The kiosk again, with why nothing was ordered.
async fn refuse(at: &At, fields: &Fields, why: String) -> Result<Response, Trouble> {
    let page = shown(at, fields, Some(why)).await?;
    Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response())
}

/// A number that comes once, from whichever kiosk: the time, and six letters of a random text.
fn number(now: DateTime<Utc>, random: &str) -> String {
    let letters: String = random.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    format!("K-{}-{}", now.timestamp_millis(), letters.to_uppercase())
}

/// What was chosen, at the prices of the menu as it is now; the name of an item that cannot be ordered any more.
async fn lines(
    at: &At,
    fields: &Fields,
    location: &LocationId,
) -> Result<Result<Vec<OrderLine>, String>, Trouble> {
    let chosen: Vec<_> = chosen(fields).collect();
    let ids: Vec<_> = chosen.iter().map(|(id, _)| id.clone()).collect();
    let items = items(at, &ids).await?;
    let groups = choices::groups_of(at, &items).await?;
    let line = |(id, quantity): &(ItemId, u8)| {
        let item = items.iter().find(|item| item.record.id == *id).map(|item| &item.record);
        let item = item.ok_or_else(|| id.to_string())?;
        let price = item.price_at(location).filter(|_| can_be_ordered(item, location));
        let price = price.ok_or_else(|| item.name.clone())?;
        let sold = Sold::Item { item: id.clone() };
        let mut line = OrderLine::new(sold, item.name.clone(), Decimal::from(*quantity), price);
        line.modifiers = choices::modifiers(item, &groups, fields)?;
        Ok(line)
    };
    Ok(chosen.iter().map(line).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_kiosks_in_one_millisecond_have_two_numbers() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let one = || number(now, &random_text::<18>().unwrap());
        assert_ne!(one(), one());
        assert_eq!(number(now, "ab-c_dEf1x"), "K-0-ABCDEF");
    }
}
