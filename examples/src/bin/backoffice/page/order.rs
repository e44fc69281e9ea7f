//! One order: what is in it, how it stands, and what can be done.

use axum::http::StatusCode;
use maud::{Markup, html};
use mplus_sync::model::{Order, OrderKind, OrderNumber, OutboxEntry, OutboxState, OutboxStateKind, PosOrder};
use mplus_sync::store::Select;
use mplus_webhooks::payment::{Payment, RefundState};
use rust_decimal::Decimal;

use super::menu::encoded;
use super::payments::{key, payments};
use super::{locations, orders, receipt};
use crate::text::{Text, connection, frame, menu, orders as t, payments as pay};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::{Fields, Query};
use crate::view::form::{Field, tick};
use crate::view::layout::{Here, Page, post};
use crate::view::number::{editable, euros, time};
use crate::view::reason::said;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let entry = find(&at, query.text("number")).await?;
    page(&at, &entry, None).await
}

/// What was entered and could not be done, and why.
struct Refused<'f> {
    entered: &'f Fields,
    why: String,
}

impl Refused<'_> {
    /// What was entered of a form, when it is that form which was sent.
    fn of(&self, does: &[&str]) -> Option<&Fields> {
        Some(self.entered).filter(|entered| does.contains(&entered.text("do")))
    }
}

async fn page(at: &At, entry: &OutboxEntry, refused: Option<&Refused<'_>>) -> Result<Page, Trouble> {
    let (lang, order) = (at.lang, &entry.order);
    let own = own_payment(at, order).await?;
    let place = at.store().locations(at.id(), Select::Ids(vec![order.location.clone()])).await?;
    let place = place.first().map_or(order.location.as_str(), |known| known.record.name.as_str());
    let body = html! {
        @if let Some(refused) = refused { p.notice.bad role="alert" { (refused.why) } }
        section.card {
            dl.facts {
                dt { (&lang[frame::STATE]) } dd { (orders::state(lang, entry)) }
                dt { (&lang[t::KIND]) } dd { (orders::order_kind(lang, &order.kind)) }
                @if let OrderKind::Delivery { address } = &order.kind { dt { (&lang[connection::POSTAL_ADDRESS]) } dd { (locations::postal(address)) } }
                dt { (&lang[menu::LOCATION]) } dd { (place) }
                dt { (&lang[t::QUEUED_AT]) } dd { (time(lang, entry.queued_at)) }
                @if let Some(wanted) = order.requested_at { dt { (&lang[t::REQUESTED_AT]) } dd { (time(lang, wanted)) } }
                @if let Some(customer) = &order.customer {
                    dt { (&lang[t::GUEST]) } dd { (customer.name) }
                    @if let Some(phone) = &customer.phone { dt { (&lang[connection::PHONE]) } dd { (phone) } }
                    @if let Some(email) = &customer.email { dt { (&lang[connection::EMAIL]) } dd { (email) } }
                }
                @if let Some(note) = &order.note { dt { (&lang[t::NOTE]) } dd { (note) } }
                @if let Some(pos) = at_pos(entry) { dt { (&lang[t::POS_NUMBER]) } dd { (pos_number(pos)) } }
                @if entry.attempts > 0 { dt { (&lang[t::ATTEMPTS]) } dd { (entry.attempts) } }
                @if let Some(error) = &entry.last_error { dt { (&lang[t::LAST_ERROR]) } dd { (said(lang, error)) } }
            }
            @if entry.may_be_at_pos && entry.state.kind() != OutboxStateKind::Accepted { p.hint { (&lang[t::MAY_BE_THERE]) } }
        }
        h2 { (&lang[t::LINES]) }
        (receipt::show(at, order, own.as_ref()))
        (actions(at, entry, own.as_ref(), refused.and_then(|refused| refused.of(&["requeue", "withdraw"]))))
        (correction(at, entry, own.as_ref(), refused.and_then(|refused| refused.of(&["replace"]))))
        (cancelling(at, entry, refused.and_then(|refused| refused.of(&["cancel"]))))
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

fn actions(at: &At, entry: &OutboxEntry, own: Option<&Payment>, entered: Option<&Fields>) -> Markup {
    let (lang, kind) = (at.lang, entry.state.kind());
    let can_be_sent = can_be_sent(entry);
    let can_be_withdrawn =
        !entry.may_be_at_pos && (kind.waits_for_person() || kind == OutboxStateKind::Waiting);
    html! {
        @if can_be_sent || can_be_withdrawn {
            section.card {
                (post(&at.visit, &at.path("/orders/order"), html! {
                    (named(entry))
                    @if can_be_withdrawn { (Field::text(lang, "reason", t::WITHDRAW_REASON).value(reason(entered)).show()) }
                    @if own.is_some() { p.hint { (&lang[t::WITHDRAW_PAID]) } }
                    p.actions {
                        @if can_be_sent { button type="submit" name="do" value="requeue" { (&lang[t::REQUEUE]) } }
                        @if can_be_withdrawn { button.quiet type="submit" name="do" value="withdraw" { (&lang[t::WITHDRAW]) } }
                    }
                }))
            }
        }
    }
}

fn reason(entered: Option<&Fields>) -> &str {
    entered.map(|entered| entered.text("reason")).unwrap_or_default()
}

fn can_be_sent(entry: &OutboxEntry) -> bool {
    let kind = entry.state.kind();
    kind.waits_for_person() || kind == OutboxStateKind::Withdrawn
}

/// Which order a form is about.
fn named(entry: &OutboxEntry) -> Markup {
    html! { input type="hidden" name="number" value=(entry.order.number); }
}

/// The order to correct: as it was entered, or as it is.
fn correction(at: &At, entry: &OutboxEntry, own: Option<&Payment>, entered: Option<&Fields>) -> Markup {
    let lang = at.lang;
    let or_known = |name: &str, known: String| match entered.and_then(|entered| entered.raw(name)) {
        Some(entered) => entered.to_owned(),
        None => known,
    };
    html! {
        @if can_be_sent(entry) && !entry.may_be_at_pos {
            section.card {
                h2 { (&lang[t::REPLACE]) }
                p { (&lang[t::REPLACE_ABOUT]) }
                (post(&at.visit, &at.path("/orders/order"), html! {
                    (named(entry))
                    // Quantities go by the places of the lines, which another correction moves.
                    input type="hidden" name="queued_at" value=(entry.queued_at.timestamp_micros());
                    div.row { @for (at, line) in entry.order.lines.iter().enumerate() {
                        @let name = format!("quantity_{at}");
                        (Field::called(lang, &name, line.name.clone()).mode("decimal").value(or_known(&name, editable_quantity(lang, line.quantity))).show())
                    } }
                    (Field::text(lang, "note", t::NOTE).value(or_known("note", entry.order.note.clone().unwrap_or_default())).show())
                    @if own.is_some_and(|own| own.refundable() > Decimal::ZERO) {
                        (tick(lang, "give_back", t::GIVE_BACK, Some(t::GIVE_BACK_HINT), entered.is_some_and(|entered| entered.is_on("give_back"))))
                    }
                    button type="submit" name="do" value="replace" { (&lang[t::REPLACE]) }
                }))
            }
        }
    }
}

fn cancelling(at: &At, entry: &OutboxEntry, entered: Option<&Fields>) -> Markup {
    let (lang, kind) = (at.lang, entry.state.kind());
    let at_pos =
        kind == OutboxStateKind::Accepted || (kind == OutboxStateKind::NeedsAttention && entry.may_be_at_pos);
    html! {
        @if at_pos {
            section.card {
                (post(&at.visit, &at.path("/orders/order"), html! {
                    (named(entry))
                    (Field::text(lang, "reason", frame::REASON).value(reason(entered)).show())
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

pub(crate) async fn act(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let entry = find(&at, fields.text("number")).await?;
    let number = entry.order.number.as_str();
    let (entered, why, status) = match done(&at, &entry, &fields).await {
        Ok(Ok(said)) => {
            let back = at.path(&format!("/orders/order?number={}", encoded(number)));
            return Ok(Ok(Go::to(back).saying(said)));
        }
        Ok(Err(NotDone::Wrong(why))) => (fields, why, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Err(NotDone::Moved)) => {
            (Fields::default(), at.lang[t::CORRECTED_MEANWHILE].to_owned(), StatusCode::CONFLICT)
        }
        Err(Trouble::Refused(why)) => (fields, at.lang.reason(&why), StatusCode::CONFLICT),
        Err(trouble) => return Err(trouble),
    };
    // As it is now, and what was entered stays in the form.
    let entry = find(&at, number).await?;
    let page = page(&at, &entry, Some(&Refused { entered: &entered, why })).await?;
    Ok(Err(page.status(status)))
}

/// Why something was not done.
enum NotDone {
    /// What was entered does not do; why, in the visitor's language.
    Wrong(String),
    /// Somebody else has corrected the order since the form was made.
    Moved,
}

/// Does what a form of the page asks for, and says so.
async fn done(at: &At, entry: &OutboxEntry, fields: &Fields) -> Result<Result<String, NotDone>, Trouble> {
    let (lang, number) = (at.lang, &entry.order.number);
    let why = fields.filled("reason").unwrap_or(&lang[t::BY_HAND]);
    let said = match fields.text("do") {
        "requeue" => {
            at.store().requeue(at.id(), number, at.now()).await?;
            lang.fill(t::REQUEUED, &[&1])
        }
        "withdraw" => {
            at.store().withdraw(at.id(), number, why, at.now()).await?;
            lang.fill(t::WITHDRAWN_NOW, &[&1])
        }
        "cancel" => {
            at.open_to_work().await?.orders().cancel(number, why).await?;
            lang[t::CANCELLED_NOW].to_owned()
        }
        "replace" if fields.number("queued_at") != Some(entry.queued_at.timestamp_micros()) => {
            return Ok(Err(NotDone::Moved));
        }
        "replace" => match replace(at, &entry.order, fields).await? {
            Ok(()) => lang[t::REPLACED].to_owned(),
            Err(why) => return Ok(Err(NotDone::Wrong(why))),
        },
        _ => return Err(Trouble::NotFound),
    };
    Ok(Ok(said))
}

/// Sends the order again as it was corrected, and gives back what was paid too much for it where that is wanted; or why not.
async fn replace(at: &At, order: &Order, fields: &Fields) -> Result<Result<(), String>, Trouble> {
    let lang = at.lang;
    let mut order = match corrected(order.clone(), fields) {
        Ok(order) => order,
        Err(wrong) => return Ok(Err(lang[wrong].to_owned())),
    };
    match balance(&order) {
        Balance::Fits => {}
        Balance::TooLittle => return Ok(Err(lang[t::PAID_TOO_LITTLE].to_owned())),
        Balance::TooMuch(rest) => {
            let amount = euros(lang, rest);
            let Some(payment) = own_payment(at, &order).await?.filter(|_| fields.is_on("give_back")) else {
                return Ok(Err(lang.fill(t::PAID_TOO_MUCH, &[&amount])));
            };
            // The same correction sent twice gives back once.
            let id = format!("order-{}-{}", order.number, order.total);
            let given = payments(at)?.refund(&payment.key, &id, Some(rest)).await;
            let refund = given.map_err(|error| Trouble::Refused(error.to_string()))?;
            if refund.state == RefundState::Failed {
                let why = refund.reason.map_or_else(|| lang[pay::NO_REASON].to_owned(), |reason| reason.text);
                return Ok(Err(lang.fill(pay::REFUND_REFUSED, &[&amount, &lang.reason(&why)])));
            }
            if let Some(paid) = order.payments.first_mut() {
                paid.amount -= rest;
            }
        }
    }
    at.store().replace(at.id(), &order, at.now()).await?;
    Ok(Ok(()))
}

/// Whether what was paid fits what an order comes to.
#[derive(Debug, PartialEq, Eq)]
enum Balance {
    Fits,
    /// So much more was paid, euros.
    TooMuch(Decimal),
    TooLittle,
}

fn balance(order: &Order) -> Balance {
    let paid: Decimal = order.payments.iter().map(|payment| payment.amount).sum();
    let all_is_paid = matches!(order.kind, OrderKind::DineInPayNow { .. });
    match paid - order.total {
        rest if rest > Decimal::ZERO => Balance::TooMuch(rest),
        rest if rest < Decimal::ZERO && all_is_paid => Balance::TooLittle,
        _ => Balance::Fits,
    }
}

/// The payment that an order was paid by, when it was one, and taken here.
async fn own_payment(at: &At, order: &Order) -> Result<Option<Payment>, Trouble> {
    let [paid] = &order.payments[..] else { return Ok(None) };
    match (&paid.reference, at.app.webhooks.payments()) {
        (Some(reference), Some(payments)) => Ok(payments.payment(&key(at, reference)).await?),
        _ => Ok(None),
    }
}

/// The order with other quantities.
fn corrected(mut order: Order, fields: &Fields) -> Result<Order, Text> {
    for (at, line) in order.lines.iter_mut().enumerate() {
        match fields.price(&format!("quantity_{at}")) {
            Ok(Some(quantity)) => line.quantity = quantity,
            Ok(None) => {}
            Err(_) => return Err(t::NOT_A_QUANTITY),
        }
    }
    order.lines.retain(|line| !line.quantity.is_zero());
    order.note = fields.filled("note").map(str::to_owned);
    order.total = order.sum();
    if order.lines.is_empty() { Err(t::NO_LINES) } else { Ok(order) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use mplus_sync::model::{OrderLine, PaymentMethod, Sold, TableRef};

    /// A cola and a tosti, 11.70.
    fn order() -> Order {
        let mut order = Order::new("1", "city", OrderKind::Pickup, DateTime::UNIX_EPOCH);
        let line = |name: &str, price: &str| {
            OrderLine::new(Sold::Item { item: name.into() }, name, Decimal::ONE, price.parse().unwrap())
        };
        order.lines = vec![line("cola", "3.20"), line("tosti", "8.50")];
        order.total = order.sum();
        order
    }

    #[test]
    fn a_corrected_order_has_the_new_quantities_and_their_total() {
        let form = Fields::read(b"quantity_0=2&quantity_1=0&note=no+ice");
        let corrected = corrected(order(), &form).unwrap();
        assert_eq!((corrected.lines.len(), corrected.total.to_string()), (1, "6.40".to_owned()));
        assert_eq!(corrected.note.as_deref(), Some("no ice"));
    }

    #[test]
    fn what_cannot_be_read_as_a_quantity_is_told_and_nothing_is_sent() {
        for wrong in ["two", "-1", "1.250"] {
            let form = format!("quantity_0={wrong}&quantity_1=1");
            assert_eq!(corrected(order(), &Fields::read(form.as_bytes())).unwrap_err(), t::NOT_A_QUANTITY);
        }
        let none = corrected(order(), &Fields::read(b"quantity_0=0&quantity_1=0"));
        assert_eq!(none.unwrap_err(), t::NO_LINES);
    }

    #[test]
    fn a_paid_order_that_comes_to_less_owes_the_rest_to_the_guest() {
        let paid = |kind: OrderKind, euros: &str| {
            let mut order = order();
            order.kind = kind;
            let (method, amount) = (PaymentMethod::Card, euros.parse().unwrap());
            order.payments = vec![mplus_sync::model::Payment { method, amount, reference: None }];
            balance(&order)
        };
        let table = || OrderKind::DineInPayNow { table: TableRef::whole(3), guests: None };
        assert_eq!(paid(OrderKind::Pickup, "11.70"), Balance::Fits);
        assert_eq!(paid(OrderKind::Pickup, "14.90"), Balance::TooMuch("3.20".parse().unwrap()));
        assert_eq!((paid(OrderKind::Pickup, "5"), paid(table(), "5")), (Balance::Fits, Balance::TooLittle));
        assert_eq!(balance(&order()), Balance::Fits, "one that is paid later");
    }
}
