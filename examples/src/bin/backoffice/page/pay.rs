//! Where a guest of the kiosk pays, and what becomes of what was chosen.

use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use maud::html;
use mplus_sync::model::Order;
use mplus_webhooks::payment::{Payment, PaymentNotice, PaymentState};

use super::chosen::as_entered;
use super::menu::encoded;
use super::payments::{self, key};
use crate::restaurant::baskets::Placing;
use crate::text::{payments as pay_texts, play as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::{Fields, Query};
use crate::view::layout::{Here, post};
use crate::view::number::euros;

/// Where the guest pays.
pub(crate) async fn show(at: At, Query(query): Query) -> Result<Response, Trouble> {
    let (lang, id) = (at.lang, query.text("id"));
    let payment = payments::payments(&at)?.payment(&key(&at, id)).await?.ok_or(Trouble::NotFound)?;
    let basket = at.app.baskets.of_payment(at.id().as_str(), id).await?.ok_or(Trouble::NotFound)?;
    if payment.state == PaymentState::Confirmed {
        return Ok(paid(&at, &payment, &basket.order).await);
    }
    if payment.state.is_terminal() {
        let why = payment.reason.as_ref().map(|reason| lang.reason(&reason.text));
        let said = format!("{} {}", &lang[t::NOT_PAID], why.unwrap_or_default());
        let back = at.path(&format!("/kiosk?again={}", encoded(id)));
        return Ok(Go::to(back).warning(said.trim()).into_response());
    }
    let hidden = html! { input type="hidden" name="id" value=(id); };
    let body = html! {
        p.lead { (&lang[t::PAY_ABOUT]) }
        section.card {
            p { (payments::state(lang, &payment)) }
            @if let Some(url) = payment.checkout_url.as_deref().filter(|url| url.starts_with("https://")) {
                p { a.button.large href=(url) { (&lang[pay_texts::PAY_HERE]) } }
            }
            @if at.demo().is_some() {
                (post(&at.visit, &at.path("/payments/play"), html! {
                    (hidden)
                    input type="hidden" name="back" value=(at.path(&format!("/kiosk/pay?id={}", encoded(id))));
                    p.actions {
                        button type="submit" name="do" value="pay" { (&lang[pay_texts::PLAY_PAY]) }
                        button.quiet type="submit" name="do" value="refuse" { (&lang[pay_texts::PLAY_REFUSE]) }
                    }
                }))
            }
            (post(&at.visit, &at.path("/kiosk/pay"), html! { (hidden) button.link type="submit" { (&lang[t::GIVE_UP]) } }))
        }
    };
    let title = lang.fill(t::PAY_TITLE, &[&euros(lang, payment.amount)]);
    Ok(at.page_below(Here::Kiosk, title, body).reloading(true).into_response())
}

/// What became of an order that was paid.
async fn paid(at: &At, payment: &Payment, order: &Order) -> Response {
    let lang = at.lang;
    let (text, comes_again) = match at.app.baskets.told(&PaymentNotice::Changed(payment.clone())).await {
        Ok(Placing::Placed(_)) => return placed(at, order).into_response(),
        Ok(Placing::Refused(why)) => (lang.fill(t::PAID_NOT_ORDERED, &[&order.number, &why]), false),
        Ok(Placing::Nothing) => (lang[t::BEING_PLACED].to_owned(), true),
        Err(error) => {
            tracing::error!(connection = %at.id(), payment = %payment.key.id, %error, "a paid order waits to be placed");
            (lang[t::BEING_PLACED].to_owned(), true)
        }
    };
    let body = html! { p.notice.bad[!comes_again] role="status" { (text) } };
    let title = lang.fill(t::PAID_TITLE, &[&euros(lang, payment.amount)]);
    at.page_below(Here::Kiosk, title, body).reloading(comes_again).into_response()
}

/// The guest does not want to pay after all.
pub(crate) async fn give_up(at: At, fields: Fields) -> Result<Go, Trouble> {
    let id = fields.text("id");
    payments::payments(&at)?.cancel_own(&key(&at, id)).await?;
    Ok(Go::to(at.path(&format!("/kiosk/pay?id={}", encoded(id)))))
}

/// What a guest has chosen and not paid, to be ordered after all.
pub(super) async fn unpaid(at: &At, id: &str) -> Result<Option<Fields>, Trouble> {
    let Some(basket) = at.app.baskets.of_payment(at.id().as_str(), id).await? else { return Ok(None) };
    let payment = payments::payments(at)?.payment(&key(at, id)).await?;
    let is_here = payment.is_some_and(|payment| is_still_here(payment.state, payment.expires_at, at.now()));
    Ok(Some(as_entered(&basket.order, is_here)))
}

/// Whether the guest of a payment that ended stands there still, as far as is known.
fn is_still_here(state: PaymentState, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    state != PaymentState::Expired && now < expires_at
}

/// On to the order that was placed.
pub(super) fn placed(at: &At, order: &Order) -> Go {
    let address = at.path(&format!("/orders/order?number={}", encoded(order.number.as_str())));
    Go::to(address).saying(at.lang.fill(t::PLACED, &[&order.number]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_taken_for_gone_who_did_not_pay_in_time() {
        let now = DateTime::UNIX_EPOCH;
        let later = now + chrono::TimeDelta::minutes(3);
        assert!(is_still_here(PaymentState::Failed, later, now), "a card was refused");
        assert!(!is_still_here(PaymentState::Expired, later, now), "nobody paid in time");
        assert!(!is_still_here(PaymentState::Failed, now, later), "long ago");
    }
}
