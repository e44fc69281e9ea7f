//! What tills sold.

use axum::Json;
use axum::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::client::At;
use super::{Answer, PAGE};
use crate::sales::{SALE, Sale};

/// A finished sale of a till, or a credit.
#[derive(Serialize, ToSchema)]
pub(crate) struct TillSale {
    /// Where the next page begins: hand it in as `before`. Microseconds since 1970, when the sale arrived.
    position: i64,
    /// The sale, or the credit of one (`status` is `credit`): number, session, status, completed_at (the till's clock), location, branch,
    /// workplace, employee, relation, total, lines (with article and item), payments, credited, and as_sent. Euros, VAT included.
    #[schema(value_type = Object)]
    sale: Sale,
}

/// Where a page begins.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Before {
    /// The `position` of the last one of the page before.
    before: Option<i64>,
}

/// Lists sales and credits in the order in which they arrived, the newest first.
#[utoipa::path(get, path = "/api/restaurants/{restaurant}/sales", params(("restaurant" = String, Path), Before),
    responses((status = 200, body = Vec<TillSale>)))]
pub(crate) async fn list(at: At, Query(page): Query<Before>) -> Answer<Vec<TillSale>> {
    let records = at.app.records.newest(SALE, at.id().as_str(), page.before, PAGE).await?;
    let mut sales = Vec::with_capacity(records.len());
    for record in &records {
        sales.push(TillSale { position: record.position, sale: record.read()? });
    }
    Ok(Json(sales))
}
