//! Sales that were finished at a till.

use maud::html;

use crate::text::{Text, frame, payments as t};
use crate::view::answer::Trouble;
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::Query;
use crate::view::layout::{Here, Page, empty};
use crate::view::number::{decimal, euros, time};
use crate::webhooks::{SALE, Sale, SaleStatus};

const PAGE: usize = 50;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let lang = at.lang;
    let records = at.app.records.newest(SALE, at.id().as_str(), query.number("before"), PAGE).await?;
    let older = records.last().filter(|_| records.len() == PAGE).map(|last| last.position);
    let sales: Vec<_> = records
        .iter()
        .filter_map(|record| {
            Some((chrono::DateTime::from_timestamp_micros(record.position)?, record.read::<Sale>().ok()?))
        })
        .collect();
    let next = html! { a.button href=(at.path("/till")) { (&lang[frame::TILL]) } };
    let body = html! {
        p.lead { (&lang[t::SALES_ABOUT]) }
        @if sales.is_empty() { (empty(&lang[t::NO_SALES], &lang[t::NO_SALES_ABOUT], next)) } @else {
            table {
                thead { tr {
                    th scope="col" { (&lang[frame::WHEN]) } th scope="col" { (&lang[t::SALE]) }
                    th.number scope="col" { (&lang[t::AMOUNT]) } th scope="col" { (&lang[frame::STATE]) }
                } }
                tbody { @for (when, sale) in &sales {
                    tr {
                        td.nowrap { (time(lang, *when)) }
                        td {
                            @for (at, line) in sale.lines.iter().enumerate() {
                                @if at > 0 { ", " }
                                @if let Some(quantity) = line.quantity { (decimal(lang, quantity)) " × " }
                                (line.text)
                            }
                            br; span.hint {
                                (lang.fill(t::PLACE_OF, &[&sale.branch.unwrap_or_default(), &sale.workplace.unwrap_or_default()]))
                                @for (method, amount) in &sale.payments { " · " (method) @if let Some(amount) = amount { " " (euros(lang, *amount)) } }
                            }
                        }
                        td.number { @match sale.total { Some(total) => (euros(lang, total)), None => "-" } }
                        td { @let (word, tone) = status(sale.status); (badge(tone, &lang[word])) }
                    }
                } }
            }
        }
        @if let Some(older) = older {
            nav.pager aria-label=(&lang[frame::PAGES]) { a href=(at.path(&format!("/sales?before={older}"))) { (&lang[frame::OLDER]) } }
        }
    };
    Ok(at.page(Here::Sales, body))
}

fn status(status: SaleStatus) -> (Text, Tone) {
    match status {
        SaleStatus::Completed => (t::SALE_COMPLETED, Tone::Good),
        SaleStatus::Cancelled => (t::SALE_CANCELLED, Tone::Calm),
        SaleStatus::Refunded => (t::SALE_REFUNDED, Tone::Waits),
    }
}
