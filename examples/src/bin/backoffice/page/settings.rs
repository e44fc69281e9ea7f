//! The daily time, stock, conflicts, and how orders are entered.

use chrono::NaiveTime;
use maud::html;
use mplus_sync::conflict::Unit;
use mplus_sync::model::{PaymentMethod, RelationNumber};
use mplus_sync::orders::LocationSettings;
use mplus_sync::settings::MerchantSettings;

use super::locations;
use crate::restaurant::settings;
use crate::text::{Text, frame, sync as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::form::{Field, tick};
use crate::view::layout::{Here, Page, post};
use crate::view::number::moment;

/// The methods that guests pay by, with the names that they have everywhere.
pub(crate) const METHODS: [(PaymentMethod, &str, &str); 6] = [
    (PaymentMethod::Ideal, "ideal", "iDEAL"),
    (PaymentMethod::Card, "card", "Visa, Mastercard, pin"),
    (PaymentMethod::Bancontact, "bancontact", "Bancontact"),
    (PaymentMethod::Cash, "cash", "Contant"),
    (PaymentMethod::GiftCard, "gift_card", "Cadeaukaart"),
    (PaymentMethod::VivaWallet, "viva_wallet", "Viva Wallet"),
];

/// What is wrong with what was entered, by field.
type Wrong = Vec<(&'static str, Text)>;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let saved = at.settings().await?;
    page(&at, &saved.settings, &Wrong::new()).await
}

async fn page(at: &At, settings: &MerchantSettings, wrong: &Wrong) -> Result<Page, Trouble> {
    let lang = at.lang;
    let wrong =
        |name: &str| wrong.iter().find(|(field, _)| *field == name).map(|(_, text)| lang[*text].to_owned());
    let daily = settings.daily.map(|daily| daily.at.format("%H:%M").to_string()).unwrap_or_default();
    let schedule = settings.daily.and_then(|daily| daily.schedule(at.id()).ok());
    let next = schedule.map(|schedule| schedule.next_after(at.now()));
    let (orders, locations) = (settings::orders(settings), locations::all(at).await?);
    let workplaces = locations.iter().map(|location| {
        let place = orders.locations.get(&location.record.id).and_then(|place| place.workplace);
        (format!("workplace_{}", location.record.id), &location.record.name, place)
    });
    let form = html! {
        fieldset {
            legend { (&lang[t::DAILY]) }
            p.hint { (&lang[t::DAILY_ABOUT]) @if let Some(next) = next { " " (lang.fill(t::NEXT_RUN, &[&moment(lang, next)])) } }
            (Field::text(lang, "daily", t::DAILY).kind("time").value(daily).wrong(wrong("daily")).show())
        }
        fieldset {
            legend { (&lang[frame::STOCK]) }
            (tick(lang, "stock", t::STOCK_ON, Some(t::STOCK_HINT), settings.stock.enabled))
            (Field::text(lang, "stock_minutes", t::STOCK_EVERY).mode("numeric").hint(t::STOCK_EVERY_HINT)
                .value(settings.stock.every_minutes.map(|minutes| minutes.to_string()).unwrap_or_default()).wrong(wrong("stock_minutes")).show())
        }
        fieldset {
            legend { (&lang[frame::MENU]) }
            (tick(lang, "whole_items", t::WHOLE_ITEMS, Some(t::WHOLE_ITEMS_HINT), settings.conflicts == Unit::Record))
            (tick(lang, "webshop_only", t::WEBSHOP_ONLY, None, settings.webshop_only))
        }
        fieldset {
            legend { (&lang[t::ORDERS]) }
            div.row {
                (Field::text(lang, "employee", t::EMPLOYEE).mode("numeric").value(orders.employee).wrong(wrong("employee")).show())
                (Field::text(lang, "relation", t::RELATION).mode("numeric").hint(t::RELATION_HINT)
                    .value(orders.fallback_relation.map(|relation| relation.to_string()).unwrap_or_default()).wrong(wrong("relation")).show())
            }
            div.row { @for (name, location, place) in workplaces {
                (Field::called(lang, &name, lang.fill(t::WORKPLACE, &[location])).mode("numeric").value(place.map(|place| place.to_string()).unwrap_or_default()).show())
            } }
        }
        fieldset {
            legend { (&lang[t::PAYMENT_CODES]) }
            p.hint { (&lang[t::PAYMENT_CODES_HINT]) }
            div.row { @for (method, name, label) in &METHODS {
                (Field::called(lang, name, (*label).to_owned()).value(orders.payment_code(method).unwrap_or_default()).show())
            } }
        }
        button type="submit" { (&lang[frame::SAVE]) }
    };
    let body = html! {
        section.card { (post(&at.visit, &at.path("/settings"), form)) }
        (post(&at.visit, &at.path("/settings/suggest"), html! { button.quiet type="submit" { (&lang[t::SUGGEST]) } }))
    };
    Ok(at.page(Here::Settings, body))
}

pub(crate) async fn save(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let saved = at.settings().await?;
    let ids: Vec<_> = locations::all(&at).await?.into_iter().map(|location| location.record.id).collect();
    let (mut entered, wrong) = entered((*saved.settings).clone(), &fields);
    if let Some(orders) = &mut entered.orders {
        for id in ids {
            let workplace = fields.number(&format!("workplace_{id}"));
            orders.locations.entry(id).or_insert_with(LocationSettings::default).workplace = workplace;
        }
    }
    if !wrong.is_empty() {
        return Ok(Err(page(&at, &entered, &wrong).await?));
    }
    at.save_settings(&entered, &saved).await?;
    Ok(Ok(Go::to(at.path("/settings")).saying(&at.lang[frame::SAVED])))
}

/// The settings as they were entered, and what is wrong with that.
fn entered(mut settings: MerchantSettings, fields: &Fields) -> (MerchantSettings, Wrong) {
    let (mut wrong, mut orders) = (Wrong::new(), settings::orders(&settings));
    match fields.filled("daily").map(|text| NaiveTime::parse_from_str(text, "%H:%M")) {
        None => settings.daily = None,
        Some(Ok(time)) => {
            let mut daily = settings.daily.unwrap_or_default();
            daily.at = time;
            settings.daily = Some(daily);
        }
        Some(Err(_)) => wrong.push(("daily", t::NOT_A_TIME)),
    }
    let minutes = fields.number::<u32>("stock_minutes").filter(|minutes| (1..=1440).contains(minutes));
    match (fields.filled("stock_minutes"), minutes) {
        (Some(_), None) => wrong.push(("stock_minutes", t::NOT_MINUTES)),
        (_, minutes) => settings.stock.every_minutes = minutes,
    }
    settings.stock.enabled = fields.is_on("stock");
    settings.conflicts = if fields.is_on("whole_items") { Unit::Record } else { Unit::Field };
    settings.webshop_only = fields.is_on("webshop_only");
    match fields.number("employee") {
        Some(employee) => orders.employee = employee,
        None => wrong.push(("employee", t::NOT_A_NUMBER)),
    }
    match (fields.filled("relation"), fields.number("relation")) {
        (Some(_), None) => wrong.push(("relation", t::NOT_A_NUMBER)),
        (_, relation) => orders.fallback_relation = relation.map(RelationNumber::new),
    }
    orders.payment_methods.clear();
    for (method, name, _) in METHODS {
        if let Some(code) = fields.filled(name) {
            orders = orders.with_payment_method(method, code);
        }
    }
    settings.orders = Some(orders);
    (settings, wrong)
}

pub(crate) async fn suggest(at: At) -> Result<Go, Trouble> {
    let found = settings::suggest(&at.open().await?).await;
    let found = found.map_err(|error| Trouble::Refused(error.to_string()))?;
    Ok(Go::to(at.path("/settings")).saying(at.lang.fill(t::SUGGESTED, &[&found])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_is_told_field_by_field() {
        let form = Fields::read(b"daily=noon&stock_minutes=0&employee=chef&relation=guest");
        let (_, wrong) = entered(MerchantSettings::default(), &form);
        let fields: Vec<_> = wrong.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["daily", "stock_minutes", "employee", "relation"]);
    }
}
