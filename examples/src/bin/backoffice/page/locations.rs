//! Locations: what was imported, and what is missing.

use axum::extract::Path;
use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_sync::model::{Location, LocationId, MissingField, PostalAddress, Tracked};
use mplus_sync::store::{Page as StorePage, Select};

use crate::restaurant::own_data::{self, Billing, FilledIn};
use crate::restaurant::{BRANDING_PROFILE, STRIPE_CUSTOMER};
use crate::text::{Text, connection as t, frame};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Fields;
use crate::view::form::{Field, meanwhile, revision, tick};
use crate::view::layout::{Here, Page, empty, post};
use crate::view::table::scrolling;

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let lang = at.lang;
    let own = own_data::all_filled_in(&at.app.records, at.id()).await?;
    let of_location = |location: Tracked<Location>| {
        let filled_in = own.of(&location.record.id);
        (filled_in.missing(&location.record), filled_in, location)
    };
    let locations: Vec<_> = all(&at).await?.into_iter().map(of_location).collect();
    let billing = own_data::billing(&at.app.records, at.id()).await?;
    let body = html! {
        p.lead { (&lang[t::LOCATIONS_ABOUT]) }
        @if locations.is_empty() {
            (empty(&lang[t::NO_LOCATIONS], &lang[t::NO_LOCATIONS_ABOUT], html! { a.button href=(at.path("/sync")) { (&lang[frame::SYNC]) } }))
        } @else {
            (scrolling(html! { table {
                thead { tr {
                    th scope="col" { (&lang[frame::NAME]) } th scope="col" { (&lang[t::BRANCH]) }
                    th scope="col" { (&lang[t::POSTAL_ADDRESS]) } th scope="col" { (&lang[t::MISSING]) }
                } }
                tbody { @for (missing, filled_in, location) in &locations {
                    tr {
                        th scope="row" { a href=(at.path(&format!("/locations/{}", location.record.id))) { (location.record.name) } }
                        td { @if let Some(branch) = location.external_ids.mpluskassa { (branch) } }
                        td { (postal(&location.record.address)) }
                        td { (state(lang, &location.record, filled_in, missing)) }
                    }
                } }
            } }))
        }
        section.card {
            (post(&at.visit, &at.path("/locations/billing"), html! {
                (Field::text(lang, "stripe_customer", t::BILLING).value(billing.stripe_customer.as_deref().unwrap_or_default()).show())
                button.quiet type="submit" { (&lang[frame::SAVE]) }
            }))
        }
    };
    Ok(at.page(Here::Locations, body))
}

/// A restaurant's locations, by name.
pub(crate) async fn all(at: &At) -> Result<Vec<Tracked<Location>>, Trouble> {
    let mut locations = at.store().locations(at.id(), Select::Page(StorePage::first(1000))).await?;
    locations.sort_by(|one, other| one.record.name.cmp(&other.record.name));
    Ok(locations)
}

async fn find(at: &At, id: &str) -> Result<Tracked<Location>, Trouble> {
    let found = at.store().locations(at.id(), Select::Ids(vec![LocationId::from(id)])).await?;
    found.into_iter().next().ok_or(Trouble::NotFound)
}

fn state(lang: Lang, location: &Location, filled_in: &FilledIn, missing: &[MissingField]) -> Markup {
    html! {
        @if location.vanished { (badge(Tone::Bad, &lang[t::VANISHED])) " " }
        @if !filled_in.online { (badge(Tone::Calm, &lang[t::ONLINE_OFF])) " " }
        @if missing.is_empty() {
            (badge(Tone::Good, &lang[t::COMPLETE]))
        } @else {
            (badge(Tone::Waits, &missing.iter().map(|field| lang[name(field)].to_owned()).collect::<Vec<_>>().join(", ")))
        }
    }
}

fn name(field: &MissingField) -> Text {
    match field {
        MissingField::Address => t::POSTAL_ADDRESS,
        MissingField::Coordinates => t::COORDINATES,
        MissingField::OpeningHours => t::OPENING_HOURS,
        MissingField::DeliveryZones => t::DELIVERY_ZONES,
        MissingField::Phone => t::PHONE,
        MissingField::Email => t::EMAIL,
        MissingField::Attribute(name) if name == STRIPE_CUSTOMER => t::BILLING,
        MissingField::Attribute(name) if name == BRANDING_PROFILE => t::BRANDING,
        _ => frame::UNKNOWN,
    }
}

/// An address in one line.
pub(crate) fn postal(address: &PostalAddress) -> String {
    let parts = [&address.street, &address.postcode, &address.city, &address.country];
    parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// One location.
pub(crate) async fn one(at: At, Path(path): Path<LocationPath>) -> Result<Page, Trouble> {
    let location = find(&at, &path.location).await?;
    let filled_in = own_data::filled_in(&at.app.records, at.id(), &location.record.id).await?;
    Ok(page(&at, &location, &filled_in, None, false))
}

/// The path of one location.
#[derive(serde::Deserialize)]
pub(crate) struct LocationPath {
    location: String,
}

/// What is known of a location, by hand.
type Known = fn(&FilledIn) -> &Option<String>;

/// What a till may know of a location; where it does not, it is filled in here.
const AT_THE_TILL: [(MissingField, &str, Text, Known); 3] = [
    (MissingField::Address, "address", t::POSTAL_ADDRESS, |known| &known.address),
    (MissingField::Phone, "phone", t::PHONE, |known| &known.phone),
    (MissingField::Email, "email", t::EMAIL, |known| &known.email),
];

/// The page with what is filled in or was entered, and whether somebody else has saved it since.
fn page(
    at: &At,
    location: &Tracked<Location>,
    filled_in: &FilledIn,
    wrong: Option<Text>,
    is_stale: bool,
) -> Page {
    let (lang, record) = (at.lang, &location.record);
    let missing = filled_in.missing(record);
    let fact = |name: Text, value: Option<&str>| html! { dt { (&lang[name]) } dd { (value.unwrap_or("-")) } };
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    let address = at.path(&format!("/locations/{}", record.id));
    let body = html! {
        @if is_stale { (meanwhile(lang, &address)) }
        p { (state(lang, record, filled_in, &missing)) }
        section.card {
            dl.facts {
                dt { (&lang[t::BRANCH]) } dd { @match location.external_ids.mpluskassa { Some(number) => (number), None => "-" } }
                dt { (&lang[t::POSTAL_ADDRESS]) } dd { (postal(&record.address)) }
                (fact(t::PHONE, record.phone.as_deref()))
                (fact(t::EMAIL, record.email.as_deref()))
                (fact(t::VAT_NUMBER, record.vat_number.as_deref()))
                (fact(t::BILLING, record.attributes.get(STRIPE_CUSTOMER).map(String::as_str)))
                (fact(t::BRANDING, record.attributes.get(BRANDING_PROFILE).map(String::as_str)))
                dt { (&lang[t::WORKPLACES]) }
                dd { ul.plain { @for workplace in &record.workplaces { li { (workplace.number) " " (workplace.name) } } } }
            }
        }
        section.card {
            h2 { (&lang[t::FILL_IN]) }
            (post(&at.visit, &address, html! {
                (revision(filled_in.revision))
                (Field::text(lang, "coordinates", t::COORDINATES).value(value(&filled_in.coordinates)).hint(t::COORDINATES_HINT)
                    .wrong(wrong.map(|text| lang[text].to_owned())).show())
                (Field::text(lang, "opening_hours", t::OPENING_HOURS).kind("area").value(value(&filled_in.opening_hours)).hint(t::OPENING_HOURS_HINT).show())
                (Field::text(lang, "delivery_zones", t::DELIVERY_ZONES).value(value(&filled_in.delivery_zones)).hint(t::DELIVERY_ZONES_HINT).show())
                @for (field, name, label, known) in AT_THE_TILL {
                    @if record.missing.contains(&field) { (Field::text(lang, name, label).value(value(known(filled_in))).show()) }
                }
                (tick(lang, "online", t::ONLINE, None, filled_in.online))
                button type="submit" { (&lang[frame::SAVE]) }
            }))
        }
        p { a href=(at.path("/locations")) { (&lang[frame::LOCATIONS]) } }
    };
    at.page_below(Here::Locations, record.name.clone(), body)
}

pub(crate) async fn save(
    at: At,
    Path(path): Path<LocationPath>,
    fields: Fields,
) -> Result<Result<Go, Page>, Trouble> {
    let location = find(&at, &path.location).await?;
    let text = |name: &str| fields.filled(name).map(str::to_owned);
    let known = own_data::filled_in(&at.app.records, at.id(), &location.record.id).await?;
    // What a form does not have it does not change.
    let or_known =
        |name: &str, known: Option<String>| if fields.raw(name).is_some() { text(name) } else { known };
    let filled_in = FilledIn {
        address: or_known("address", known.address),
        phone: or_known("phone", known.phone),
        email: or_known("email", known.email),
        coordinates: text("coordinates"),
        opening_hours: text("opening_hours"),
        delivery_zones: text("delivery_zones"),
        online: fields.is_on("online"),
        revision: fields.revision(),
    };
    if filled_in.coordinates.as_deref().is_some_and(|text| !are_coordinates(text)) {
        let page = page(&at, &location, &filled_in, Some(t::NOT_COORDINATES), false);
        return Ok(Err(page.status(StatusCode::UNPROCESSABLE_ENTITY)));
    }
    if own_data::save_filled_in(&at.app.records, at.id(), &location.record.id, &filled_in).await? {
        return Ok(Ok(Go::to(at.path("/locations")).saying(&at.lang[frame::SAVED])));
    }
    // Whoever is told and saves again means it.
    let now = own_data::filled_in(&at.app.records, at.id(), &location.record.id).await?;
    let entered = FilledIn { revision: now.revision, ..filled_in };
    Ok(Err(page(&at, &location, &entered, None, true).status(StatusCode::CONFLICT)))
}

fn are_coordinates(text: &str) -> bool {
    let number = |text: &str, most: f64| text.trim().parse::<f64>().is_ok_and(|number| number.abs() <= most);
    text.split_once(',')
        .is_some_and(|(latitude, longitude)| number(latitude, 90.0) && number(longitude, 180.0))
}

/// The default billing profile; the next sync gives it to locations that have none.
pub(crate) async fn save_billing(at: At, fields: Fields) -> Result<Go, Trouble> {
    let billing = Billing { stripe_customer: fields.filled("stripe_customer").map(str::to_owned) };
    own_data::save_billing(&at.app.records, at.id(), &billing).await?;
    Ok(Go::to(at.path("/locations")).saying(&at.lang[frame::SAVED]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_are_two_numbers_on_earth() {
        assert!(are_coordinates("52.3702, 4.8952") && are_coordinates("-90,180"));
        for other in ["52.3702", "91,0", "0,181", "north, east", ","] {
            assert!(!are_coordinates(other), "{other}");
        }
    }
}
