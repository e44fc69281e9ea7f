//! Sales that were finished at a till.

use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};
use rust_decimal::Decimal;

use super::menu::encoded;
use crate::sales::{Credited, SALE, Sale, SaleStatus};
use crate::text::{frame, payments as t};
use crate::view::Lang;
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Query;
use crate::view::layout::{Here, Page, empty};
use crate::view::number::{decimal, euros, time};
use crate::view::table::scrolling;

const PAGE: usize = 50;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let lang = at.lang;
    let records = at.app.records.newest(SALE, at.id().as_str(), query.number("before"), PAGE).await?;
    let older = records.last().filter(|_| records.len() == PAGE).map(|last| last.position);
    let sales: Vec<_> = records
        .iter()
        .filter_map(|record| {
            Some((DateTime::from_timestamp_micros(record.position)?, record.read::<Sale>().ok()?))
        })
        .collect();
    let next = html! { a.button href=(at.path("/till")) { (&lang[frame::TILL]) } };
    let body = html! {
        p.lead { (&lang[t::SALES_ABOUT]) }
        @if sales.is_empty() { (empty(&lang[t::NO_SALES], &lang[t::NO_SALES_ABOUT], next)) } @else {
            (scrolling(html! { table {
                thead { tr {
                    th scope="col" { (&lang[frame::WHEN]) } th scope="col" { (&lang[t::SALE]) }
                    th.number scope="col" { (&lang[t::AMOUNT]) } th scope="col" { (&lang[frame::STATE]) }
                } }
                tbody { @for (when, sale) in &sales {
                    tr {
                        td.nowrap { (happened(lang, sale, *when)) }
                        td {
                            @for (place, line) in sale.lines.iter().enumerate() {
                                @if place > 0 { ", " }
                                @if let Some(quantity) = line.quantity { (decimal(lang, quantity)) " × " }
                                @match &line.item {
                                    Some(item) => a href=(at.path(&format!("/menu/item?id={}", encoded(item)))) { (line.text) },
                                    None => (line.text),
                                }
                            }
                            br; span.hint {
                                (lang.fill(t::PLACE_OF, &[&number(sale.branch), &number(sale.workplace)]))
                                @if let Some(name) = sale.relation.as_ref().and_then(|customer| customer.name.as_ref()) { " · " (name) }
                                @for payment in &sale.payments {
                                    " · " (payment.description.as_ref().or(payment.method.as_ref()).map_or("-", String::as_str))
                                    @if let Some(amount) = payment.amount { " " (euros(lang, amount)) }
                                }
                            }
                        }
                        td.number { @match sale.total { Some(total) => (euros(lang, total)), None => "-" } }
                        td { (status(lang, sale)) }
                    }
                } }
            } }))
        }
        @if let Some(older) = older {
            nav.pager aria-label=(&lang[frame::PAGES]) { a href=(at.path(&format!("/sales?before={older}"))) { (&lang[frame::OLDER]) } }
        }
    };
    Ok(at.page(Here::Sales, body))
}

/// When it was sold by the till's clock, and when it arrived where that was another day.
fn happened(lang: Lang, sale: &Sale, arrived: DateTime<Utc>) -> Markup {
    let completed = sale.completed_at.as_ref().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let Some(completed) = completed.map(|at| at.with_timezone(&Utc)) else { return time(lang, arrived) };
    let is_late = (arrived - completed).abs() > TimeDelta::minutes(10);
    html! { (time(lang, completed)) @if is_late { br; span.hint { (&lang[t::ARRIVED]) " " (time(lang, arrived)) } } }
}

fn number(number: Option<i64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn status(lang: Lang, sale: &Sale) -> Markup {
    let credited = |credited: &Credited| {
        let (tone, unknown) = (if credited.is_all() { Tone::Calm } else { Tone::Waits }, "?".to_owned());
        let amount =
            |amount: Option<Decimal>| amount.map_or_else(|| unknown.clone(), |amount| euros(lang, amount));
        badge(tone, &lang.fill(t::SALE_CREDITED, &[&amount(credited.amount), &amount(credited.of)]))
    };
    match (sale.status, &sale.credited) {
        (SaleStatus::Completed, Some(known)) => credited(known),
        (SaleStatus::Completed, None) => badge(Tone::Good, &lang[t::SALE_COMPLETED]),
        (SaleStatus::Cancelled, _) => badge(Tone::Calm, &lang[t::SALE_CANCELLED]),
        (SaleStatus::Credit, _) => badge(Tone::Waits, &lang[t::SALE_CREDIT]),
    }
}
