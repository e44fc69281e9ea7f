//! Tables as a floor plan.

use maud::{Markup, html};
use mplus_sync::model::{FloorPlan, LocationId, Table, TableRef};
use mplus_sync::tables::{TableError, TableState};

use super::{locations, menu::encoded};
use crate::text::{frame, menu, orders as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, Query};
use crate::view::form::choose;
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{euros, moment};

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let lang = at.lang;
    let places: Vec<_> = locations::all(&at).await?.into_iter().map(|place| place.record).collect();
    let options: Vec<_> = places.iter().map(|place| (place.id.to_string(), place.name.clone())).collect();
    let chosen = query
        .filled("location")
        .map(LocationId::from)
        .or_else(|| places.first().map(|place| place.id.clone()));
    let Some(chosen) = chosen else {
        let next = html! { a.button href=(at.path("/sync")) { (&lang[frame::SYNC]) } };
        return Ok(at.page(Here::Tables, empty(&lang[t::NO_TABLES], &lang[t::NO_TABLES_ABOUT], next)));
    };
    let plan = at.store().floor_plan(at.id(), &chosen).await?;
    let looked = match query.number("table") {
        Some(number) => Some((number, look(&at, &chosen, number).await)),
        None => None,
    };
    let read = post(
        &at.visit,
        &at.path("/tables"),
        html! {
            input type="hidden" name="location" value=(chosen);
            button.quiet type="submit" { (&lang[t::READ_TABLES]) }
        },
    );
    let body = html! {
        p.lead { (&lang[t::TABLES_ABOUT]) }
        form.filter method="get" {
            (choose(lang, "location", menu::LOCATION, &options, chosen.as_str()))
            button.quiet type="submit" { (&lang[frame::FILTER]) }
        }
        @match &plan {
            None => (empty(&lang[t::NO_TABLES], &lang[t::NO_TABLES_ABOUT], read)),
            Some(plan) => {
                @if let Some((number, state)) = &looked { section.card role="status" { h2 { (lang.fill(t::TABLE, &[number])) } (shown(&at, state)) } }
                (floor(&at, plan, &chosen))
                p.hint { (lang.fill(t::READ_AT, &[&moment(lang, plan.read_at)])) }
                (read)
            }
        }
    };
    Ok(at.page(Here::Tables, body))
}

fn floor(at: &At, plan: &FloorPlan, location: &LocationId) -> Markup {
    let lang = at.lang;
    let tables = |tables: Vec<&Table>| {
        html! { ul.floor { @for table in tables { li {
            a.table href=(at.path(&format!("/tables?location={}&table={}", encoded(location.as_str()), table.number))) title=(&lang[t::LOOK]) {
                strong { (table.number) }
                @if let Some(name) = &table.name { span { (name) } }
                @if !table.sub_tables.is_empty() { span.hint { "×" (table.sub_tables.len()) } }
            }
        } } } }
    };
    let in_area = |table: &&Table| plan.areas.iter().any(|area| area.has_table(table.number));
    let others: Vec<&Table> = plan.tables.iter().filter(|table| !in_area(table)).collect();
    html! {
        @for area in &plan.areas {
            h2 { (area.name) }
            (tables(plan.tables.iter().filter(|table| area.has_table(table.number)).collect()))
        }
        @if !others.is_empty() {
            @if !plan.areas.is_empty() { h2 { (&lang[t::OTHER_TABLES]) } }
            (tables(others))
        }
        @if !plan.courses.is_empty() {
            h2 { (&lang[t::COURSES]) }
            ol { @for course in &plan.courses { li { (course.name) @if let Some(short) = &course.abbreviation { " " span.hint { (short) } } } } }
        }
    }
}

/// A table as people write it: `3`, or `3/2` for the second part of one that is shared.
pub(crate) fn written(table: &TableRef) -> String {
    match table.sub_number {
        1 => table.number.to_string(),
        part => format!("{}/{part}", table.number),
    }
}

/// The table that somebody wrote.
pub(crate) fn read_table(text: &str) -> Option<TableRef> {
    let (number, part) = text.split_once('/').unwrap_or((text, "1"));
    let whole = |text: &str| text.trim().parse::<i32>().ok().filter(|number| *number > 0);
    Some(TableRef { number: whole(number)?, sub_number: whole(part)? })
}

/// What goes on at a table now.
async fn look(at: &At, location: &LocationId, number: i32) -> Result<TableState, String> {
    let places = locations::all(at).await.map_err(|_| at.lang[frame::FAILED].to_owned())?;
    let place = places.iter().find(|place| place.record.id == *location);
    let workplace =
        place.and_then(|place| place.record.workplaces.first()).map_or(1, |workplace| workplace.number);
    let integration = at.open_to_work().await.map_err(|trouble| match trouble {
        Trouble::Paused(_) => at.lang[frame::PAUSED].to_owned(),
        _ => at.lang[frame::NOT_CONNECTED].to_owned(),
    })?;
    let tables = integration.tables();
    let state = at.soon(tables.state(location, workplace, TableRef::whole(number))).await;
    let state = state.ok_or_else(|| at.lang[t::NO_ANSWER].to_owned())?;
    state.map_err(|error: TableError| at.lang.reason(&error.to_string()))
}

fn shown(at: &At, state: &Result<TableState, String>) -> Markup {
    let lang = at.lang;
    match state {
        Ok(TableState::Free) => badge(Tone::Good, &lang[t::FREE]),
        Ok(TableState::Claimed { .. }) => badge(Tone::Waits, &lang[t::CLAIMED]),
        Ok(TableState::Open(order)) => html! {
            (badge(Tone::Waits, &lang.fill(t::OPEN, &[&euros(lang, order.total)]))) " "
            @if !order.prepaid.is_zero() { (lang.fill(t::PREPAID, &[&euros(lang, order.prepaid)])) " " }
            @if let Some(number) = &order.number { a href=(at.path(&format!("/orders/order?number={}", encoded(number)))) { (number) } }
        },
        Err(why) => html! { p.wrong { (why) } },
    }
}

/// Reads the tables anew.
pub(crate) async fn read(at: At, fields: Fields) -> Result<Go, Trouble> {
    let location = LocationId::from(fields.text("location"));
    let back = Go::to(at.path(&format!("/tables?location={}", encoded(location.as_str()))));
    Ok(match at.open_to_work().await?.tables().pull(&location).await {
        Ok(plan) => back.saying(at.lang.fill(t::TABLES_READ, &[&plan.tables.len()])),
        Err(error) => back.warning(at.lang.reason(&error.to_string())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_table_is_written_with_its_number_and_read_again() {
        for (text, number, sub_number) in [("3", 3, 1), ("3/2", 3, 2), ("12/10", 12, 10)] {
            let table = TableRef { number, sub_number };
            assert_eq!((written(&table).as_str(), read_table(text)), (text, Some(table)));
        }
        assert_eq!(read_table(" 3 / 2 "), Some(TableRef { number: 3, sub_number: 2 }));
        for none in ["", "0", "-3", "3/", "3/0", "/2", "3/2/1", "terrace"] {
            assert_eq!(read_table(none), None, "{none}");
        }
    }
}
