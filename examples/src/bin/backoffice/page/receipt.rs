//! What an order comes to: its lines, everything else that is in its total, and what was paid.

use maud::{Markup, html};
use mplus_sync::model::{ChosenItem, Discount, LineModifier, Order, OrderLine, Sold};
use mplus_webhooks::payment::Payment;
use rust_decimal::Decimal;

use super::menu::encoded;
use crate::text::{Text, frame, orders as t, sync};
use crate::view::Lang;
use crate::view::at::At;
use crate::view::number::{decimal, euros};
use crate::view::table::scrolling;

/// The whole receipt; `own` is the payment that was taken here.
pub(crate) fn show(at: &At, order: &Order, own: Option<&Payment>) -> Markup {
    let lang = at.lang;
    html! {
        (scrolling(html! { table {
            thead { tr {
                th scope="col" { (&lang[frame::NAME]) } th.number scope="col" { (&lang[t::QUANTITY]) }
                th.number scope="col" { (&lang[t::UNIT_PRICE]) } th.number scope="col" { (&lang[t::SUM]) }
            } }
            tbody {
                @for line in &order.lines { (of_line(lang, line)) }
                @for discount in &order.discounts { (row(&discount.name, &euros(lang, -discount.amount))) }
                (further(lang, sync::ARTICLE_DELIVERY_FEE, order.delivery_fee))
                (further(lang, sync::ARTICLE_TIP, order.tip))
                tr { th scope="row" colspan="3" { (&lang[t::TOTAL]) } td.number { strong { (euros(lang, order.total)) } } }
                @for payment in &order.payments {
                    tr { td colspan="3" { (&lang[t::PAID]) " " (super::settings::method(lang, &payment.method))
                        @if let Some(own) = own { " " a href=(at.path(&format!("/payments/payment?id={}", encoded(&own.key.id)))) { (&lang[t::ITS_PAYMENT]) } }
                    } td.number { (euros(lang, payment.amount)) } }
                }
            }
        } }))
    }
}

fn of_line(lang: Lang, line: &OrderLine) -> Markup {
    let choices = match &line.sold {
        Sold::Combo { choices, .. } => choices.as_slice(),
        Sold::Item { .. } => &[],
    };
    html! {
        tr {
            th scope="row" {
                (line.name)
                @for choice in choices { (of_choice(lang, choice)) }
                @for modifier in &line.modifiers { (of_modifier(lang, modifier)) }
                @if let Some(discount) = &line.discount { (of_discount(lang, discount)) }
                @if let Some(note) = &line.note { br; em { (note) } }
            }
            td.number { (decimal(lang, line.quantity)) }
            td.number { (euros(lang, line.unit_price)) }
            td.number { (euros(lang, line.sum())) }
        }
    }
}

fn of_choice(lang: Lang, choice: &ChosenItem) -> Markup {
    html! {
        br; span.hint {
            (pieces(lang, choice.quantity)) (choice.name)
            @if !choice.surcharge.is_zero() { " + " (euros(lang, choice.surcharge)) }
        }
        @for modifier in &choice.modifiers { (of_modifier(lang, modifier)) }
    }
}

fn of_modifier(lang: Lang, modifier: &LineModifier) -> Markup {
    html! { br; span.hint { "+ " (pieces(lang, modifier.quantity)) (modifier.name) " " (euros(lang, modifier.unit_price)) } }
}

fn of_discount(lang: Lang, discount: &Discount) -> Markup {
    html! { br; span.hint { (discount.name) " " (euros(lang, -discount.amount)) } }
}

/// How many, where that is not one.
fn pieces(lang: Lang, quantity: Decimal) -> String {
    if quantity == Decimal::ONE { String::new() } else { format!("{} × ", decimal(lang, quantity)) }
}

fn further(lang: Lang, name: Text, amount: Decimal) -> Markup {
    html! { @if !amount.is_zero() { (row(&lang[name], &euros(lang, amount))) } }
}

fn row(name: &str, amount: &str) -> Markup {
    html! { tr { th scope="row" colspan="3" { (name) } td.number { (amount) } } }
}
