//! One order: what is in it, how it stands, and what can be done.

use maud::{Markup, html};
use mplus_sync::model::{Order, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, PosOrder};
use rust_decimal::Decimal;

use super::menu::encoded;
use super::orders;
use crate::text::{frame, orders as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::{Fields, Query};
use crate::view::form::Field;
use crate::view::layout::{Here, Page, post};
use crate::view::number::{decimal, editable, euros, time};

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let entry = find(&at, query.text("number")).await?;
    let (lang, order) = (at.lang, &entry.order);
    let body = html! {
        section.card {
            dl.facts {
                dt { (&lang[frame::STATE]) } dd { (orders::state(lang, &entry)) }
                dt { (&lang[t::KIND]) } dd { (orders::order_kind(lang, &order.kind)) }
                dt { (&lang[frame::LOCATIONS]) } dd { (order.location) }
                dt { (&lang[t::QUEUED_AT]) } dd { (time(lang, entry.queued_at)) }
                @if let Some(customer) = &order.customer { dt { (&lang[t::GUEST]) } dd { (customer.name) } }
                @if let Some(note) = &order.note { dt { (&lang[t::NOTE]) } dd { (note) } }
                @if let Some(pos) = at_pos(&entry) { dt { (&lang[t::POS_NUMBER]) } dd { (pos_number(pos)) } }
                @if entry.attempts > 0 { dt { (&lang[t::ATTEMPTS]) } dd { (entry.attempts) } }
                @if let Some(error) = &entry.last_error { dt { (&lang[t::LAST_ERROR]) } dd { (error) } }
            }
            @if entry.may_be_at_pos && entry.state.kind() != OutboxStateKind::Accepted { p.hint { (&lang[t::MAY_BE_THERE]) } }
        }
        h2 { (&lang[t::LINES]) }
        (lines(&at, order))
        (actions(&at, &entry))
        p { a href=(at.path("/orders")) { (&lang[frame::ORDERS]) } }
    };
    Ok(at.page_below(Here::Orders, format!("{} {}", &lang[t::NUMBER], order.number), body))
}

async fn find(at: &At, number: &str) -> Result<OutboxEntry, Trouble> {
    at.store().entry(at.id(), &OrderNumber::from(number)).await?.ok_or(Trouble::NotFound)
}

fn at_pos(entry: &OutboxEntry) -> Option<&PosOrder> {
    match &entry.state {
        OutboxState::Accepted { pos } | OutboxState::Cancelled { pos, .. } => Some(pos),
        _ => None,
    }
}

fn pos_number(pos: &PosOrder) -> &str {
    let numbers = [&pos.order_number, &pos.order_id, &pos.receipt_id];
    numbers.into_iter().flatten().next().map_or("-", String::as_str)
}

fn lines(at: &At, order: &Order) -> Markup {
    let lang = at.lang;
    html! {
        table {
            thead { tr {
                th scope="col" { (&lang[frame::NAME]) } th.number scope="col" { (&lang[t::QUANTITY]) }
                th.number scope="col" { (&lang[t::UNIT_PRICE]) } th.number scope="col" { (&lang[t::SUM]) }
            } }
            tbody {
                @for line in &order.lines {
                    tr {
                        th scope="row" {
                            (line.name)
                            @for modifier in &line.modifiers { br; span.hint { "+ " (modifier.name) " " (euros(lang, modifier.unit_price)) } }
                            @if let Some(note) = &line.note { br; em { (note) } }
                        }
                        td.number { (decimal(lang, line.quantity)) }
                        td.number { (euros(lang, line.unit_price)) }
                        td.number { (euros(lang, line.sum())) }
                    }
                }
                tr { th scope="row" colspan="3" { (&lang[t::TOTAL]) } td.number { strong { (euros(lang, order.total)) } } }
                @for payment in &order.payments {
                    tr { td colspan="3" { (&lang[t::PAID]) " " (method(&payment.method)) } td.number { (euros(lang, payment.amount)) } }
                }
            }
        }
    }
}

fn method(method: &mplus_sync::model::PaymentMethod) -> String {
    let known = super::settings::METHODS.iter().find(|(known, _, _)| known == method);
    known.map_or_else(|| format!("{method:?}"), |(_, _, name)| (*name).to_owned())
}

fn actions(at: &At, entry: &OutboxEntry) -> Markup {
    let (lang, kind, number) = (at.lang, entry.state.kind(), entry.order.number.as_str());
    let hidden = html! { input type="hidden" name="number" value=(number); };
    let can_be_sent = kind.waits_for_person() || kind == OutboxStateKind::Withdrawn;
    let can_be_withdrawn =
        !entry.may_be_at_pos && (kind.waits_for_person() || kind == OutboxStateKind::Waiting);
    let at_pos =
        kind == OutboxStateKind::Accepted || (kind == OutboxStateKind::NeedsAttention && entry.may_be_at_pos);
    html! {
        @if can_be_sent || can_be_withdrawn {
            section.card {
                (post(&at.visit, &at.path("/orders/order"), html! {
                    (hidden)
                    @if can_be_withdrawn { (Field::text(lang, "reason", t::WITHDRAW_REASON).show()) }
                    p.actions {
                        @if can_be_sent { button type="submit" name="do" value="requeue" { (&lang[t::REQUEUE]) } }
                        @if can_be_withdrawn { button.quiet type="submit" name="do" value="withdraw" { (&lang[t::WITHDRAW]) } }
                    }
                }))
            }
        }
        @if can_be_sent && !entry.may_be_at_pos {
            section.card {
                h2 { (&lang[t::REPLACE]) }
                p { (&lang[t::REPLACE_ABOUT]) }
                (post(&at.visit, &at.path("/orders/order"), html! {
                    (hidden)
                    div.row { @for (at, line) in entry.order.lines.iter().enumerate() {
                        (Field::called(lang, &format!("quantity_{at}"), line.name.clone()).mode("decimal").value(editable_quantity(lang, line.quantity)).show())
                    } }
                    (Field::text(lang, "note", t::NOTE).value(entry.order.note.as_deref().unwrap_or_default()).show())
                    button type="submit" name="do" value="replace" { (&lang[t::REPLACE]) }
                }))
            }
        }
        @if at_pos {
            section.card {
                (post(&at.visit, &at.path("/orders/order"), html! {
                    (hidden)
                    (Field::text(lang, "reason", frame::REASON).show())
                    button.danger type="submit" name="do" value="cancel" { (&lang[t::CANCEL]) }
                    " " span.hint { (&lang[t::CANCEL_ABOUT]) }
                }))
            }
        }
    }
}

fn editable_quantity(lang: crate::view::Lang, quantity: Decimal) -> String {
    if quantity.fract().is_zero() { quantity.normalize().to_string() } else { editable(lang, quantity) }
}

pub(crate) async fn act(at: At, fields: Fields) -> Result<Go, Trouble> {
    let entry = find(&at, fields.text("number")).await?;
    let (lang, number) = (at.lang, &entry.order.number);
    let back = Go::to(at.path(&format!("/orders/order?number={}", encoded(number.as_str()))));
    let reason = fields.filled("reason").unwrap_or(&lang[t::BY_HAND]);
    match fields.text("do") {
        "requeue" => at.store().requeue(at.id(), number, at.now()).await?,
        "withdraw" => at.store().withdraw(at.id(), number, reason, at.now()).await?,
        "cancel" => {
            let orders = at.open().await?.orders();
            orders.cancel(number, reason).await.map_err(|error| Trouble::Refused(error.to_string()))?;
            return Ok(back.saying(&lang[t::CANCELLED_NOW]));
        }
        "replace" => {
            let Some(order) = corrected(entry.order.clone(), &fields) else {
                return Ok(back.warning(&lang[t::NO_LINES]));
            };
            at.store().replace(at.id(), &order, at.now()).await?;
            return Ok(back.saying(&lang[t::REPLACED]));
        }
        _ => return Err(Trouble::NotFound),
    }
    let said = if fields.text("do") == "withdraw" { t::WITHDRAWN_NOW } else { t::REQUEUED };
    Ok(back.saying(lang.fill(said, &[&1])))
}

/// The order with other quantities; none when no line is left.
fn corrected(mut order: Order, fields: &Fields) -> Option<Order> {
    for (at, line) in order.lines.iter_mut().enumerate() {
        if let Ok(Some(quantity)) = fields.amount(&format!("quantity_{at}")) {
            line.quantity = quantity.max(Decimal::ZERO);
        }
    }
    order.lines.retain(|line| !line.quantity.is_zero());
    order.note = fields.filled("note").map(str::to_owned);
    order.total = order.sum();
    (!order.lines.is_empty()).then_some(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use mplus_sync::model::{OrderKind, OrderLine, Sold};

    #[test]
    fn a_corrected_order_has_the_new_quantities_and_their_total() {
        let mut order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
        let line = |name: &str, price: &str| {
            OrderLine::new(Sold::Item { item: name.into() }, name, Decimal::ONE, price.parse().unwrap())
        };
        order.lines = vec![line("cola", "3.20"), line("tosti", "8.50")];
        let form = Fields::read(b"quantity_0=2&quantity_1=0&note=no+ice");
        let corrected = corrected(order.clone(), &form).unwrap();
        assert_eq!((corrected.lines.len(), corrected.total.to_string()), (1, "6.40".to_owned()));
        assert_eq!(corrected.note.as_deref(), Some("no ice"));
        assert!(super::corrected(order, &Fields::read(b"quantity_0=0&quantity_1=0")).is_none());
    }
}
