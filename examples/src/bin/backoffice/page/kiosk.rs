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
use mplus_webhooks::payment::{OwnPayment, Payment, PaymentNotice, PaymentState};
use rust_decimal::Decimal;

use super::menu::{being_read, category_field, encoded, items, picture};
use super::payments::{self, key};
use super::tables::{read_table, written};
use super::{choices, locations};
use crate::restaurant::baskets::{Basket, Placing};
use crate::restaurant::index::Wanted;
use crate::restaurant::{own_data, settings};
use crate::safe::random_text;
use crate::text::{frame, menu, payments as pay_texts, play as t};
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

/// What a guest has chosen and not paid, to be ordered after all.
async fn unpaid(at: &At, id: &str) -> Result<Option<Fields>, Trouble> {
    let Some(basket) = at.app.baskets.of_payment(at.id().as_str(), id).await? else { return Ok(None) };
    let payment = payments::payments(at)?.payment(&key(at, id)).await?;
    let is_here = payment.is_some_and(|payment| is_still_here(payment.state, payment.expires_at, at.now()));
    Ok(Some(as_entered(&basket.order, is_here)))
}

/// Whether the guest of a payment that ended stands there still, as far as is known.
fn is_still_here(state: PaymentState, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    state != PaymentState::Expired && now < expires_at
}

/// The form that an order was made of; who the guest is and what they said is for no other guest to read.
fn as_entered(order: &Order, is_here: bool) -> Fields {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("location", order.location.as_str());
    for line in &order.lines {
        let Sold::Item { item } = &line.sold else { continue };
        form.append_pair(&quantity_field(item), &line.quantity.to_string());
        for modifier in &line.modifiers {
            let name = choices::choice_field(item, modifier.group.as_str());
            form.append_pair(&name, modifier.modifier.as_str());
        }
    }
    if !is_here {
        return Fields::read(form.finish().as_bytes());
    }
    if let OrderKind::DineInPayNow { table, .. } = &order.kind {
        form.append_pair("kind", "table").append_pair("table", &written(table));
    }
    if let Some(customer) = &order.customer {
        form.append_pair("guest", &customer.name);
    }
    form.append_pair("note", order.note.as_deref().unwrap_or_default());
    Fields::read(form.finish().as_bytes())
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

fn placed(at: &At, order: &Order) -> Go {
    let address = at.path(&format!("/orders/order?number={}", encoded(order.number.as_str())));
    Go::to(address).saying(at.lang.fill(t::PLACED, &[&order.number]))
}

/// A number that comes once, from whichever kiosk: the time, and six letters of a random text.
fn number(now: DateTime<Utc>, random: &str) -> String {
    let letters: String = random.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    format!("K-{}-{}", now.timestamp_millis(), letters.to_uppercase())
}

fn order_kind(fields: &Fields) -> Option<OrderKind> {
    let table = read_table(fields.text("table"));
    match fields.text("kind") {
        "table" => Some(OrderKind::DineInPayNow { table: table?, guests: None }),
        "table_later" => Some(OrderKind::DineInPayLater { table: table?, guests: None }),
        _ => Some(OrderKind::Pickup),
    }
}

fn quantity_field(item: &ItemId) -> String {
    format!("quantity_{item}")
}

/// What was chosen of which item.
fn chosen(fields: &Fields) -> impl Iterator<Item = (ItemId, u8)> {
    fields
        .starting_with("quantity_")
        .filter_map(|(id, quantity)| Some((ItemId::from(id), quantity.trim().parse::<u8>().ok()?)))
        .filter(|(_, quantity)| *quantity > 0)
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

/// Where the guest pays.
pub(crate) async fn pay(at: At, Query(query): Query) -> Result<Response, Trouble> {
    let (lang, id) = (at.lang, query.text("id"));
    let payment = payments::payments(&at)?.payment(&key(&at, id)).await?.ok_or(Trouble::NotFound)?;
    let basket = at.app.baskets.of_payment(at.id().as_str(), id).await?.ok_or(Trouble::NotFound)?;
    if payment.state == PaymentState::Confirmed {
        return Ok(paid(&at, &payment, &basket.order).await);
    }
    if payment.state.is_terminal() {
        let why = payment.reason.as_ref().map(|reason| lang.reason(&reason.text));
        let said = format!("{} {}", &lang[t::NOT_PAID], why.unwrap_or_default());
        let back = at.path(&format!("/kiosk?again={}", encoded(id)));
        return Ok(Go::to(back).warning(said.trim()).into_response());
    }
    let hidden = html! { input type="hidden" name="id" value=(id); };
    let body = html! {
        p.lead { (&lang[t::PAY_ABOUT]) }
        section.card {
            p { (payments::state(lang, &payment)) }
            @if let Some(url) = payment.checkout_url.as_deref().filter(|url| url.starts_with("https://")) {
                p { a.button.large href=(url) { (&lang[pay_texts::PAY_HERE]) } }
            }
            @if at.demo().is_some() {
                (post(&at.visit, &at.path("/payments/play"), html! {
                    (hidden)
                    input type="hidden" name="back" value=(at.path(&format!("/kiosk/pay?id={}", encoded(id))));
                    p.actions {
                        button type="submit" name="do" value="pay" { (&lang[pay_texts::PLAY_PAY]) }
                        button.quiet type="submit" name="do" value="refuse" { (&lang[pay_texts::PLAY_REFUSE]) }
                    }
                }))
            }
            (post(&at.visit, &at.path("/kiosk/pay"), html! { (hidden) button.link type="submit" { (&lang[t::GIVE_UP]) } }))
        }
    };
    let title = lang.fill(t::PAY_TITLE, &[&euros(lang, payment.amount)]);
    Ok(at.page_below(Here::Kiosk, title, body).reloading(true).into_response())
}

/// What became of an order that was paid.
async fn paid(at: &At, payment: &Payment, order: &Order) -> Response {
    let lang = at.lang;
    let (text, comes_again) = match at.app.baskets.told(&PaymentNotice::Changed(payment.clone())).await {
        Ok(Placing::Placed(_)) => return placed(at, order).into_response(),
        Ok(Placing::Refused(why)) => (lang.fill(t::PAID_NOT_ORDERED, &[&order.number, &why]), false),
        Ok(Placing::Nothing) => (lang[t::BEING_PLACED].to_owned(), true),
        Err(error) => {
            tracing::error!(connection = %at.id(), payment = %payment.key.id, %error, "a paid order waits to be placed");
            (lang[t::BEING_PLACED].to_owned(), true)
        }
    };
    let body = html! { p.notice.bad[!comes_again] role="status" { (text) } };
    let title = lang.fill(t::PAID_TITLE, &[&euros(lang, payment.amount)]);
    at.page_below(Here::Kiosk, title, body).reloading(comes_again).into_response()
}

/// The guest does not want to pay after all.
pub(crate) async fn give_up(at: At, fields: Fields) -> Result<Go, Trouble> {
    let id = fields.text("id");
    payments::payments(&at)?.cancel_own(&key(&at, id)).await?;
    Ok(Go::to(at.path(&format!("/kiosk/pay?id={}", encoded(id)))))
}

#[cfg(test)]
mod tests {
    use mplus_sync::model::TableRef;

    use super::*;

    #[test]
    fn a_guest_who_walked_away_leaves_what_was_chosen_and_nothing_of_themselves() {
        let now = DateTime::UNIX_EPOCH;
        let kind = OrderKind::DineInPayNow { table: TableRef { number: 3, sub_number: 2 }, guests: None };
        let mut order = Order::new("K-1", "city", kind, now);
        let sold = Sold::Item { item: "cola".into() };
        order.lines = vec![OrderLine::new(sold, "Cola", Decimal::TWO, Decimal::ONE)];
        order.note = Some("no ice".to_owned());
        order.customer = Some(Customer::new("kiosk-1", "Sam"));
        let shown = |is_here| {
            let form = as_entered(&order, is_here);
            ["quantity_cola", "guest", "note", "table"].map(|field| form.text(field).to_owned())
        };
        assert_eq!(shown(true), ["2", "Sam", "no ice", "3/2"]);
        assert_eq!(shown(false), ["2", "", "", ""]);
        let later = now + chrono::TimeDelta::minutes(3);
        assert!(is_still_here(PaymentState::Failed, later, now), "a card was refused");
        assert!(!is_still_here(PaymentState::Expired, later, now), "nobody paid in time");
        assert!(!is_still_here(PaymentState::Failed, now, later), "long ago");
    }

    #[test]
    fn two_kiosks_in_one_millisecond_have_two_numbers() {
        let now = chrono::DateTime::UNIX_EPOCH;
        let one = || number(now, &random_text::<18>().unwrap());
        assert_ne!(one(), one());
        assert_eq!(number(now, "ab-c_dEf1x"), "K-0-ABCDEF");
    }
}
