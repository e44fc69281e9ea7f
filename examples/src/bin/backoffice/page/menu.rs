//! The menu: search, leaf through, see what was changed.

use maud::{Markup, html};
use mplus_sync::model::{Category, CategoryId, Combo, ComboId, Item, ItemId, Tracked};
use mplus_sync::store::{Page as StorePage, Select};

use crate::restaurant::index::{Only, Wanted};
use crate::text::{Text, frame, menu as t};
use crate::view::Lang;
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, Query};
use crate::view::form::{Field, choose};
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{count, euros};
use crate::view::table::scrolling;

const PAGE: usize = 50;
/// The most categories to choose from; with more, people search.
const CHOICES: usize = 300;

const ONLY: [(Only, &str, Text); 4] = [
    (Only::All, "", frame::ALL),
    (Only::Off, "off", t::ONLY_OFF),
    (Only::Edited, "edited", t::ONLY_EDITED),
    (Only::Unlinked, "unlinked", t::ONLY_UNLINKED),
];

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let lang = at.lang;
    let Some(index) = at.app.restaurants.index.of(at.id()).await? else {
        return Ok(being_read(&at, Here::Menu));
    };
    let wanted = wanted(&query);
    let page: usize = query.number("page").unwrap_or(1).max(1);
    let found: Vec<&ItemId> = index.find(&wanted).map(|line| &line.id).collect();
    let shown: Vec<ItemId> =
        found.iter().skip((page - 1) * PAGE).take(PAGE).map(|id| (*id).clone()).collect();
    let items = items(&at, &shown).await?;
    let is_filtered = wanted != Wanted::default();
    let only: Vec<_> =
        ONLY.iter().map(|(_, value, text)| ((*value).to_owned(), lang[*text].to_owned())).collect();
    let category = |item: &Item| {
        let id = item.category.as_ref()?;
        index.categories.iter().find(|category| category.id == *id).map(|category| category.name.as_str())
    };
    let sync = html! { a.button href=(at.path("/sync")) { (&lang[frame::SYNC]) } };
    let body = html! {
        p.lead { (&lang[t::ABOUT]) }
        @if index.lines.is_empty() && index.categories.is_empty() {
            (empty(&lang[t::EMPTY], &lang[t::EMPTY_ABOUT], sync))
        } @else {
            form.filter method="get" role="search" {
                (Field::text(lang, "text", frame::SEARCH).kind("search").value(&wanted.text).show())
                (category_field(lang, &index.categories.iter().collect::<Vec<_>>(), (query.text("category"), query.text("category_text")), Some(frame::ALL)))
                (choose(lang, "only", t::ONLY, &only, query.text("only")))
                button.quiet type="submit" { (&lang[frame::FILTER]) }
            }
            p.hint { (count(lang, found.len() as u64)) " " (&lang[t::ITEMS]) }
            @if items.is_empty() { (empty(&lang[t::NOTHING_FOUND], &lang[t::NOTHING_FOUND_ABOUT], html! {})) } @else {
                (scrolling(html! { table.menu {
                    thead { tr {
                        th scope="col" { span.unseen { (&lang[t::PICTURE]) } } th scope="col" { (&lang[t::ITEM]) }
                        th scope="col" { (&lang[t::CATEGORY]) } th.number scope="col" { (&lang[t::PRICE]) } th scope="col" { (&lang[frame::STATE]) }
                    } }
                    tbody { @for item in &items { (row(&at, item, category(&item.record))) } }
                } }))
            }
            (pager(&at, &query, page, found.len()))
            @if !is_filtered && page == 1 { (combos(&at, &query).await?) }
            (post(&at.visit, &at.path("/sync"), html! { button type="submit" { (&lang[t::SEND]) } }))
        }
    };
    Ok(at.page(Here::Menu, body))
}

/// A menu that is being read: the page comes again by itself.
pub(crate) fn being_read(at: &At, here: Here) -> Page {
    let body = html! { p.notice role="status" { (&at.lang[t::BEING_READ]) } };
    at.page(here, body).reloading(true)
}

/// The choice of a category, with the one that is chosen; where there are too many to choose from, a part of its name.
pub(crate) fn category_field(
    lang: Lang,
    categories: &[&Category],
    (chosen, text): (&str, &str),
    all: Option<Text>,
) -> Markup {
    if categories.len() > CHOICES {
        return Field::text(lang, "category_text", t::CATEGORY_TEXT).kind("search").value(text).show();
    }
    let all = all.map(|all| (String::new(), lang[all].to_owned())).into_iter();
    let each = categories.iter().map(|category| (category.id.to_string(), category.name.clone()));
    choose(lang, "category", t::CATEGORY, &all.chain(each).collect::<Vec<_>>(), chosen)
}

fn wanted(query: &Fields) -> Wanted {
    let only = ONLY.iter().find(|(_, value, _)| *value == query.text("only"));
    Wanted {
        text: query.text("text").to_owned(),
        category: query.filled("category").map(CategoryId::from),
        category_text: query.text("category_text").to_owned(),
        only: only.map(|(only, _, _)| *only).unwrap_or_default(),
    }
}

/// Items as they are stored now, in this order.
pub(crate) async fn items(at: &At, ids: &[ItemId]) -> Result<Vec<Tracked<Item>>, Trouble> {
    let mut items = at.store().items(at.id(), Select::Ids(ids.to_vec())).await?;
    items.sort_by_key(|item| ids.iter().position(|id| *id == item.record.id));
    Ok(items)
}

fn row(at: &At, item: &Tracked<Item>, category: Option<&str>) -> Markup {
    let (lang, record) = (at.lang, &item.record);
    html! {
        tr {
            td { (picture(record, "small")) }
            th scope="row" {
                a href=(at.path(&format!("/menu/item?id={}", encoded(record.id.as_str())))) { (record.name) }
                @if let Some(variant) = record.variant.as_ref().and_then(|variant| variant.size.as_ref()) { " " span.hint { (variant) } }
            }
            td { @if let Some(category) = category { (category) } }
            td.number {
                @match record.price { Some(price) => (euros(lang, price)), None => "-" }
                @if !record.location_prices.is_empty() { span.hint { " +" (record.location_prices.len()) } }
            }
            td { (state(lang, item)) }
        }
    }
}

/// How an item stands.
pub(crate) fn state(lang: Lang, item: &Tracked<Item>) -> Markup {
    let record = &item.record;
    html! {
        @if !item.edits.is_empty() { (badge(Tone::Waits, &lang[t::EDITED])) " " }
        @if item.external_ids.mpluskassa.is_none() { (badge(Tone::Waits, &lang[t::NOT_LINKED])) " " }
        @if !record.active { (badge(Tone::Calm, &lang[t::OFF_SALE])) }
        @else if record.hidden { (badge(Tone::Calm, &lang[t::HIDDEN])) }
        @else { (badge(Tone::Good, &lang[t::ON_SALE])) }
    }
}

/// The main picture of an item, when it was taken over.
pub(crate) fn picture(item: &Item, class: &str) -> Markup {
    let kept = item.images.iter().find_map(|image| image.media.as_deref());
    html! {
        @match kept {
            // The name stands beside it.
            Some(url) => img class=(class) src=(url) alt="" loading="lazy";,
            None => span.no-picture.(class) aria-hidden="true" {}
        }
    }
}

pub(crate) fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn pager(at: &At, query: &Fields, page: usize, found: usize) -> Markup {
    let pages = found.div_ceil(PAGE).max(1);
    let address = |page: usize| {
        let mut kept = url::form_urlencoded::Serializer::new(String::new());
        for name in ["text", "category", "category_text", "only"] {
            kept.append_pair(name, query.text(name));
        }
        at.path(&format!("/menu?page={page}&{}", kept.finish()))
    };
    html! {
        @if pages > 1 {
            nav.pager aria-label=(&at.lang[frame::PAGES]) {
                @if page > 1 { a href=(address(page - 1)) rel="prev" { "‹ " (page - 1) } }
                span aria-current="page" { (page) " / " (pages) }
                @if page < pages { a href=(address(page + 1)) rel="next" { (page + 1) " ›" } }
            }
        }
    }
}

async fn combos(at: &At, query: &Fields) -> Result<Markup, Trouble> {
    let lang = at.lang;
    let page = StorePage { after: query.filled("combos").map(ComboId::from), limit: PAGE };
    let combos = at.store().combos(at.id(), Select::Page(page)).await?;
    let next = combos.last().filter(|_| combos.len() == PAGE).map(|last| encoded(last.record.id.as_str()));
    let chosen: Vec<ItemId> = combos
        .iter()
        .flat_map(|combo| {
            combo.record.parts.iter().flat_map(|part| part.choices.iter().map(|choice| choice.item.clone()))
        })
        .collect();
    let items = items(at, &chosen).await?;
    let name = |id: &ItemId| {
        items
            .iter()
            .find(|item| item.record.id == *id)
            .map_or_else(|| id.to_string(), |item| item.record.name.clone())
    };
    let parts = |combo: &Combo| {
        html! { ul { @for part in &combo.parts { li {
            strong { (part.name) } ": "
            @for (at, choice) in part.choices.iter().enumerate() {
                @if at > 0 { ", " } (name(&choice.item))
                @if !choice.surcharge.is_zero() { " (+" (euros(lang, choice.surcharge)) ")" }
            }
        } } } }
    };
    Ok(html! {
        h2 { (&lang[t::COMBOS]) }
        @if combos.is_empty() { p.hint { (&lang[t::NO_COMBOS]) } }
        @for combo in &combos {
            section.card {
                h3 { (combo.record.name) @if let Some(price) = combo.record.price { " " span.price { (euros(lang, price)) } } }
                (parts(&combo.record))
            }
        }
        @if !combos.is_empty() { p.hint { (&lang[t::COMBO_HINT]) } }
        @if let Some(next) = next { p { a href=(at.path(&format!("/menu?combos={next}"))) { (&lang[t::MORE_COMBOS]) } } }
    })
}
