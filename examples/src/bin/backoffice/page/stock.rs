//! Stock by location.

use maud::html;
use mplus_sync::model::{ItemId, LocationId};
use mplus_sync::store::Page as StorePage;

use super::{locations, menu};
use crate::text::{frame, menu as t};
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Query;
use crate::view::form::choose;
use crate::view::layout::{Here, Page, empty};
use crate::view::number::{decimal, time};
use crate::view::table::scrolling;

const PAGE: usize = 50;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let lang = at.lang;
    let settings = at.settings().await?.settings;
    let locations = locations::all(&at).await?;
    let places: Vec<_> =
        locations.iter().map(|place| (place.record.id.to_string(), place.record.name.clone())).collect();
    let chosen =
        query.filled("location").map(str::to_owned).or_else(|| places.first().map(|(id, _)| id.clone()));
    let chosen = chosen.unwrap_or_default();
    let page = StorePage { after: query.filled("after").map(ItemId::from), limit: PAGE };
    let levels = at.store().levels(at.id(), &LocationId::from(chosen.as_str()), page).await?;
    let ids: Vec<_> = levels.iter().map(|level| level.item.clone()).collect();
    let items = menu::items(&at, &ids).await?;
    let name = |id: &ItemId| {
        let known = items.iter().find(|item| item.record.id == *id);
        known.map_or_else(|| id.to_string(), |item| item.record.name.clone())
    };
    let next = ids.last().filter(|_| ids.len() == PAGE);
    let body = html! {
        p.lead { (&lang[t::STOCK_ABOUT]) }
        @if !settings.stock.enabled {
            (empty(&lang[t::STOCK_OFF], &lang[t::STOCK_OFF_ABOUT], html! { a.button href=(at.path("/settings")) { (&lang[frame::SETTINGS]) } }))
        }
        form.filter method="get" {
            (choose(lang, "location", t::LOCATION, &places, &chosen))
            button.quiet type="submit" { (&lang[frame::FILTER]) }
        }
        @if levels.is_empty() {
            (empty(&lang[t::NO_STOCK], &lang[t::NO_STOCK_ABOUT], html! { a.button href=(at.path("/sync")) { (&lang[frame::SYNC]) } }))
        } @else {
            (scrolling(html! { table {
                thead { tr { th scope="col" { (&lang[t::ITEM]) } th.number scope="col" { (&lang[t::AMOUNT]) } th scope="col" { (&lang[t::CHANGED_AT]) } } }
                tbody { @for level in &levels {
                    tr {
                        th scope="row" { a href=(at.path(&format!("/menu/item?id={}", menu::encoded(level.item.as_str())))) { (name(&level.item)) } }
                        td.number {
                            @if level.amount <= rust_decimal::Decimal::ZERO { (badge(Tone::Waits, &lang[t::SOLD_OUT])) " " }
                            (decimal(lang, level.amount)) @if level.day_stock { " " (&lang[t::PER_DAY]) }
                        }
                        td { (time(lang, level.changed_at)) }
                    }
                } }
            } }))
            @if let Some(next) = next {
                nav.pager aria-label=(&lang[frame::PAGES]) {
                    a href=(at.path(&format!("/stock?location={}&after={}", menu::encoded(&chosen), menu::encoded(next.as_str())))) { (&lang[frame::NEXT]) }
                }
            }
        }
    };
    Ok(at.page(Here::Stock, body))
}
