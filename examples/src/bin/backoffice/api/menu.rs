//! Items and stock.

use axum::Json;
use axum::extract::Query;
use mplus_sync::model::{ItemEdit, ItemId, LocationId, Tracked};
use mplus_sync::store::{CatalogEdits, Page, Select};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::client::At;
use super::{Answer, PAGE, Refused, in_cents};

/// An item of the menu. Prices are euros as text, VAT included.
#[derive(Serialize, ToSchema)]
pub(crate) struct Item {
    id: String,
    /// The article number at MplusKASSA; none while it is not known there.
    article: Option<i64>,
    category: Option<String>,
    name: String,
    description: Option<String>,
    #[schema(value_type = Option<String>)]
    price: Option<Decimal>,
    location_prices: Vec<LocationPrice>,
    /// Whether guests see it.
    shown: bool,
    /// Whether something was changed here that was not sent yet.
    edited: bool,
}

/// A price of one location.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct LocationPrice {
    location: String,
    /// Euros as text, VAT included; none to take it away.
    #[serde(default, with = "rust_decimal::serde::str_option")]
    #[schema(value_type = Option<String>)]
    price: Option<Decimal>,
}

fn item(known: Tracked<mplus_sync::model::Item>) -> Item {
    let shown = known.record.is_shown();
    let record = known.record;
    let own = record.location_prices.into_iter();
    Item {
        id: record.id.to_string(),
        article: known.external_ids.mpluskassa.map(|article| article.get()),
        category: record.category.map(|category| category.to_string()),
        name: record.name,
        description: record.description,
        price: record.price.map(in_cents),
        location_prices: own
            .map(|own| LocationPrice { location: own.location.to_string(), price: Some(in_cents(own.price)) })
            .collect(),
        shown,
        edited: !known.edits.is_empty(),
    }
}

/// Where a page begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct After {
    /// The last item of the page before.
    after: Option<String>,
}

/// Lists items, in the order of their identifiers.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/items", params(("restaurant" = String, Path), After),
    responses((status = 200, body = Vec<Item>)))]
pub(crate) async fn list(at: At, Query(page): Query<After>) -> Answer<Vec<Item>> {
    let page = Page { after: page.after.map(ItemId::from), limit: PAGE };
    let items = at.app.restaurants.store().items(at.id(), Select::Page(page)).await?;
    Ok(Json(items.into_iter().map(item).collect()))
}

/// A change of one item: what is not named stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ItemChange {
    id: String,
    name: Option<String>,
    /// Euros as text, VAT included.
    #[serde(default, with = "rust_decimal::serde::str_option")]
    #[schema(value_type = Option<String>)]
    price: Option<Decimal>,
    #[serde(default)]
    location_prices: Vec<LocationPrice>,
    hidden: Option<bool>,
}

/// Changes items; the next sync sends the changes. All of them or none.
#[utoipa::path(patch, path = "/api/restaurants/{restaurant}/items", params(("restaurant" = String, Path)), request_body = Vec<ItemChange>,
    responses((status = 200, body = Vec<Item>), (status = 409, body = Refused)))]
pub(crate) async fn change(at: At, Json(changes): Json<Vec<ItemChange>>) -> Answer<Vec<Item>> {
    let store = at.app.restaurants.store();
    let ids: Vec<ItemId> = changes.iter().map(|change| ItemId::from(change.id.as_str())).collect();
    let known = store.items(at.id(), Select::Ids(ids.clone())).await?;
    if let Some(unknown) = ids.iter().find(|id| !known.iter().any(|item| item.record.id == **id)) {
        return Err(Refused::invalid(format!("there is no item {unknown}")));
    }
    let edits = CatalogEdits { items: changes.into_iter().map(edit).collect(), ..CatalogEdits::default() };
    store.save_edits(at.id(), edits, at.app.now()).await?;
    at.app.restaurants.index.refresh(at.id()).await;
    let items = store.items(at.id(), Select::Ids(ids)).await?;
    Ok(Json(items.into_iter().map(item).collect()))
}

fn edit(change: ItemChange) -> ItemEdit {
    let mut edit = ItemEdit::of(change.id.as_str());
    if let Some(name) = change.name {
        edit = edit.name(name);
    }
    if let Some(price) = change.price {
        edit = edit.price(price);
    }
    if let Some(hidden) = change.hidden {
        edit = edit.hidden(hidden);
    }
    for own in change.location_prices {
        let location = LocationId::from(own.location);
        edit = match own.price {
            Some(price) => edit.price_at(location, price),
            None => edit.no_price_at(location),
        };
    }
    edit
}

/// Whose stock, and where a page begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfLocation {
    location: String,
    /// The last item of the page before.
    after: Option<String>,
}

/// How much a location can sell of an item.
#[derive(Serialize, ToSchema)]
pub(crate) struct Level {
    item: String,
    #[schema(value_type = String)]
    amount: Decimal,
    changed_at: String,
}

/// Lists a location's stock, in the order of the items' identifiers.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/stock", params(("restaurant" = String, Path), OfLocation),
    responses((status = 200, body = Vec<Level>)))]
pub(crate) async fn stock(at: At, Query(page): Query<OfLocation>) -> Answer<Vec<Level>> {
    let location = LocationId::from(page.location);
    let page = Page { after: page.after.map(ItemId::from), limit: PAGE };
    let levels = at.app.restaurants.store().levels(at.id(), &location, page).await?;
    let level = |level: mplus_sync::model::InventoryLevel| Level {
        item: level.item.to_string(),
        amount: level.amount,
        changed_at: level.changed_at.to_rfc3339(),
    };
    Ok(Json(levels.into_iter().map(level).collect()))
}
