//! Payments, with what was captured and given back.

use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use maud::{Markup, html};
use mplus_webhooks::MerchantId;
use mplus_webhooks::payment::{
    ExternalPayments, Payment, PaymentKey, PaymentOrigin, PaymentState, Refund, RefundState,
};

use super::menu::encoded;
use crate::restaurant::payment_search::{self, Wanted};
use crate::safe::random_text;
use crate::text::{Text, frame, orders, payments as t};
use crate::view::Lang;
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::badge::{Tone, badge};
use crate::view::fields::{Fields, Query};
use crate::view::form::{Field, choose};
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::{editable, euros, time};
use crate::view::reason::said;
use crate::view::table::scrolling;

const PAGE: usize = 50;

pub(crate) async fn show(at: At, Query(query): Query) -> Result<Result<Go, Page>, Trouble> {
    let (lang, id) = (at.lang, query.text("id"));
    let is_known = match (query.filled("id"), at.app.webhooks.payments()) {
        (Some(id), Some(payments)) => payments.payment(&key(&at, id)).await?.is_some(),
        _ => false,
    };
    if is_known {
        return Ok(Ok(Go::to(at.path(&format!("/payments/payment?id={}", encoded(id))))));
    }
    let wanted = Wanted::named(query.text("state")).unwrap_or_default();
    let before = before(&at, &query);
    let (payments, older) = payment_search::newest(&at.app.inbox, at.id(), wanted, before, PAGE).await?;
    let choices: Vec<_> = std::iter::once((String::new(), lang[frame::ALL].to_owned()))
        .chain(Wanted::CHOICES.map(|choice| (choice.name().to_owned(), lang[choice_word(choice)].to_owned())))
        .collect();
    let next = html! { a.button href=(at.path("/till")) { (&lang[frame::TILL]) } };
    let takes_payments = at.takes_payments().await?;
    let body = html! {
        p.lead { (&lang[t::ABOUT]) }
        @if !takes_payments {
            p.notice role="note" {
                strong { (&lang[t::NO_PROVIDER]) ". " } (&lang[t::NO_PROVIDER_ABOUT]) " "
                a href=(at.path("/providers")) { (&lang[frame::PROVIDERS]) }
            }
        }
        form.filter method="get" role="search" {
            (choose(lang, "state", frame::STATE, &choices, wanted.name()))
            (Field::text(lang, "id", t::IDENTIFIER).kind("search").value(id).wrong((!id.is_empty()).then(|| &lang[t::NO_SUCH_PAYMENT])).show())
            button.quiet type="submit" { (&lang[frame::FILTER]) }
        }
        @if payments.is_empty() && wanted != Wanted::All {
            (empty(&lang[t::NONE_FITS], &lang[t::NONE_FITS_ABOUT], html! {}))
        } @else if payments.is_empty() { (empty(&lang[t::NO_PAYMENTS], &lang[t::NO_PAYMENTS_ABOUT], next)) } @else {
            (scrolling(html! { table {
                thead { tr {
                    th scope="col" { (&lang[t::STARTED]) } th.number scope="col" { (&lang[t::AMOUNT]) }
                    th scope="col" { (&lang[t::PLACE]) } th scope="col" { (&lang[frame::STATE]) }
                } }
                tbody { @for payment in &payments {
                    tr {
                        th scope="row" { a href=(at.path(&format!("/payments/payment?id={}", encoded(&payment.key.id)))) { (time(lang, payment.started_at)) } }
                        td.number { (euros(lang, payment.amount)) }
                        td { (place(lang, payment)) }
                        td { (state(lang, payment)) (given_back(lang, payment)) }
                    }
                } }
            } }))
        }
        @if let Some(older) = older {
            nav.pager aria-label=(&lang[frame::PAGES]) { a href=(at.path(&format!("/payments?state={}&before={}", wanted.name(), older.timestamp_micros()))) { (&lang[frame::OLDER]) } }
        }
    };
    Ok(Err(at.page(Here::Payments, body)))
}

fn choice_word(choice: Wanted) -> Text {
    match choice {
        Wanted::All => frame::ALL,
        Wanted::In(state) => word(state),
        Wanted::InVain => t::WAS_IN_VAIN,
    }
}

/// Before which instant a page of the newest begins.
pub(crate) fn before(at: &At, query: &Fields) -> DateTime<Utc> {
    let named = query.number("before").and_then(DateTime::from_timestamp_micros);
    named.unwrap_or_else(|| at.now() + TimeDelta::minutes(1))
}

/// The payments' own address in this back office.
pub(crate) fn key(at: &At, id: &str) -> PaymentKey {
    PaymentKey::new(MerchantId::new(at.id().as_str()), id)
}

pub(crate) fn payments(at: &At) -> Result<&ExternalPayments, Trouble> {
    at.app.webhooks.payments().ok_or_else(|| Trouble::Refused(at.lang[t::NO_PROVIDER].to_owned()))
}

fn place(lang: Lang, payment: &Payment) -> String {
    match payment.origin {
        PaymentOrigin::Host => lang[t::BY_HOST].to_owned(),
        _ => lang.fill(t::PLACE_OF, &[&payment.branch_number, &payment.workplace_number]),
    }
}

fn word(state: PaymentState) -> Text {
    match state {
        PaymentState::Pending => t::PENDING,
        PaymentState::Authorised => t::AUTHORISED,
        PaymentState::CancelRequested(_) => t::CANCEL_REQUESTED,
        PaymentState::Confirmed => t::CONFIRMED,
        PaymentState::Failed => t::FAILED,
        PaymentState::Cancelled => t::CANCELLED,
        PaymentState::Expired => t::EXPIRED,
    }
}

pub(crate) fn state(lang: Lang, payment: &Payment) -> Markup {
    let tone = match payment.state {
        PaymentState::Confirmed => Tone::Good,
        state if state.is_terminal() => Tone::Calm,
        _ => Tone::Waits,
    };
    html! {
        (badge(tone, &lang[word(payment.state)]))
        @if payment.was_paid_in_vain() {
            " "
            @if payment.paid_in_vain() { (badge(Tone::Bad, &lang[t::IN_VAIN])) }
            @else { (badge(Tone::Calm, &lang[t::WAS_IN_VAIN])) }
        }
        @if let Some(reason) = &payment.reason { br; span.hint { (said(lang, &reason.text)) } }
    }
}

/// What was given back, in a line.
fn given_back(lang: Lang, payment: &Payment) -> Markup {
    html! {
        @for refund in &payment.refunds { br; span.hint { (&lang[t::REFUNDS]) ": " (euros(lang, refund.amount)) " (" (&lang[refund_word(refund.state)]) ")" } }
    }
}

/// Everything that was to be given back, however it ended.
fn refunds(lang: Lang, payment: &Payment) -> Markup {
    html! {
        @if !payment.refunds.is_empty() {
            h2 { (&lang[t::REFUNDS]) }
            (scrolling(html! { table {
                thead { tr {
                    th scope="col" { (&lang[t::ASKED_FOR]) } th.number scope="col" { (&lang[t::AMOUNT]) }
                    th scope="col" { (&lang[frame::STATE]) } th scope="col" { (&lang[t::IDENTIFIER]) }
                } }
                tbody { @for refund in &payment.refunds {
                    tr {
                        td.nowrap { (time(lang, refund.requested_at)) }
                        td.number { (euros(lang, refund.amount)) }
                        td {
                            (badge(refund_tone(refund.state), &lang[refund_word(refund.state)]))
                            @if let Some(reason) = &refund.reason { br; span.hint { (said(lang, &reason.text)) } }
                        }
                        th scope="row" { code { (refund.id) } @if let Some(reference) = &refund.reference { br; span.hint { (reference) } } }
                    }
                } }
            } }))
        }
    }
}

fn refund_tone(state: RefundState) -> Tone {
    match state {
        RefundState::Succeeded => Tone::Good,
        RefundState::Failed => Tone::Bad,
        _ => Tone::Waits,
    }
}

fn refund_word(state: RefundState) -> Text {
    match state {
        RefundState::Succeeded => t::REFUND_SUCCEEDED,
        RefundState::Failed => t::REFUND_FAILED,
        _ => t::REFUND_OPEN,
    }
}

/// One payment.
pub(crate) async fn one(at: At, Query(query): Query) -> Result<Page, Trouble> {
    let key = key(&at, query.text("id"));
    let payment = payments(&at)?.payment(&key).await?.ok_or(Trouble::NotFound)?;
    page(&at, &payment, None).await
}

async fn page(at: &At, payment: &Payment, wrong: Option<Text>) -> Result<Page, Trouble> {
    let (lang, left) = (at.lang, payment.refundable());
    let basket = at.app.baskets.of_payment(at.id().as_str(), &payment.key.id).await?;
    let hidden = html! { input type="hidden" name="id" value=(payment.key.id); };
    let fact = |name: Text, value: Option<&str>| html! { @if let Some(value) = value { dt { (&lang[name]) } dd { (value) } } };
    let body = html! {
        section.card {
            dl.facts {
                dt { (&lang[frame::STATE]) } dd { (state(lang, payment)) }
                dt { (&lang[t::STARTED]) } dd { (time(lang, payment.started_at)) }
                dt { (&lang[t::PLACE]) } dd { (place(lang, payment)) }
                @if let Some(captured) = payment.captured { dt { (&lang[t::CAPTURED]) } dd { (euros(lang, captured)) } }
                (fact(t::IDENTIFIER, Some(&payment.key.id)))
                (fact(t::PROVIDER, Some(&payment.provider)))
                (fact(t::REFERENCE, payment.provider_reference.as_deref()))
                @if let Some(number) = basket.filter(|_| payment.state == PaymentState::Confirmed).map(|basket| basket.order.number) {
                    dt { (&lang[orders::ITS_ORDER]) }
                    dd { a href=(at.path(&format!("/orders/order?number={}", encoded(number.as_str())))) { (number) } }
                }
            }
        }
        (refunds(lang, payment))
        @if at.demo().is_some() && !payment.state.is_terminal() {
            section.card {
                h2 { (&lang[t::PLAY]) }
                (post(&at.visit, &at.path("/payments/play"), html! {
                    (hidden)
                    p.actions {
                        button type="submit" name="do" value="pay" { (&lang[t::PLAY_PAY]) }
                        button.quiet type="submit" name="do" value="refuse" { (&lang[t::PLAY_REFUSE]) }
                    }
                }))
            }
        }
        @if left > rust_decimal::Decimal::ZERO {
            section.card {
                h2 { (&lang[t::REFUND]) }
                p { (lang.fill(t::REFUND_ABOUT, &[&euros(lang, left)])) }
                (post(&at.visit, &at.path("/payments/refund"), html! {
                    (hidden)
                    // The same form sent twice is one refund.
                    input type="hidden" name="refund" value=(random_text::<9>().unwrap_or_default());
                    (Field::text(lang, "amount", t::REFUND_AMOUNT).mode("decimal").value(editable(lang, left)).required()
                        .wrong(wrong.map(|text| lang[text].to_owned())).show())
                    button.danger type="submit" { (&lang[t::REFUND]) }
                }))
            }
        }
        p { a href=(at.path("/payments")) { (&lang[frame::PAYMENTS]) } }
    };
    Ok(at.page_below(Here::Payments, euros(lang, payment.amount), body))
}

pub(crate) async fn refund(at: At, fields: Fields) -> Result<Result<Go, Page>, Trouble> {
    let key = key(&at, fields.text("id"));
    let payments = payments(&at)?;
    let payment = payments.payment(&key).await?.ok_or(Trouble::NotFound)?;
    let amount =
        fields.amount("amount").ok().flatten().filter(|amount| *amount > rust_decimal::Decimal::ZERO);
    let (Some(amount), Some(refund)) = (amount, fields.filled("refund")) else {
        let page = page(&at, &payment, Some(t::NOT_AN_AMOUNT)).await?;
        return Ok(Err(page.status(StatusCode::UNPROCESSABLE_ENTITY)));
    };
    let back = Go::to(at.path(&format!("/payments/payment?id={}", encoded(&key.id))));
    Ok(Ok(match payments.refund(&key, refund, Some(amount)).await {
        Ok(refund) => told(at.lang, back, &refund),
        Err(error) => back.warning(at.lang.reason(&error.to_string())),
    }))
}

/// What became of a refund that was asked for.
fn told(lang: Lang, back: Go, refund: &Refund) -> Go {
    let amount = euros(lang, refund.amount);
    let reason = refund.reason.as_ref().map(|reason| lang.reason(&reason.text));
    let reason = reason.unwrap_or_else(|| lang[t::NO_REASON].to_owned());
    match refund.state {
        RefundState::Succeeded => back.saying(lang.fill(t::REFUNDED_NOW, &[&amount])),
        RefundState::Failed => back.warning(lang.fill(t::REFUND_REFUSED, &[&amount, &reason])),
        _ => back.saying(lang.fill(t::REFUND_ASKED, &[&amount])),
    }
}

/// Plays the customer of the demonstration.
pub(crate) async fn play(at: At, fields: Fields) -> Result<Go, Trouble> {
    let Some(demo) = at.demo() else { return Err(Trouble::NotFound) };
    let key = key(&at, fields.text("id"));
    let payment = payments(&at)?.payment(&key).await?.ok_or(Trouble::NotFound)?;
    let played = match fields.text("do") {
        "pay" => demo.terminal.confirm(&payment.key.id),
        _ => demo.terminal.fail(&payment.key.id),
    };
    payments(&at)?.refresh(&key).await?;
    let back = Go::to(own_back(&at, &fields, &key.id));
    Ok(if played { back.saying(&at.lang[t::PLAYED]) } else { back.warning(&at.lang[t::PLAY_TOO_LATE]) })
}

/// Where the form came from.
fn own_back(at: &At, fields: &Fields, id: &str) -> String {
    match fields.filled("back") {
        Some(back) => crate::view::answer::own_path(back).to_owned(),
        None => at.path(&format!("/payments/payment?id={}", encoded(id))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn what_was_paid_in_vain_is_to_be_given_back_until_it_was() {
        let at = "2026-01-05T12:00:00Z";
        let shown = |refund: &str| {
            let payment = serde_json::json!({
                "key": { "merchant": "cafe", "id": "p-1" }, "origin": "till", "amount": "12.50", "method": "K_CARD",
                "branch_number": 1, "workplace_number": 2, "provider": "stripe", "account": "", "state": "cancelled",
                "creation": "known", "captured": "12.50", "given_up": true,
                "refunds": [{ "id": "r-1", "amount": "12.50", "state": refund, "requested_at": at }],
                "started_at": at, "expires_at": at, "refresh_at": at, "version": 3,
            });
            let payment: Payment = serde_json::from_value(payment).unwrap();
            (state(Lang::En, &payment).0, refunds(Lang::En, &payment).0)
        };
        let (failed, table) = shown("failed");
        assert!(failed.contains("Paid in vain: give it back"), "{failed}");
        assert!(table.contains("<code>r-1</code>") && table.contains("5 Jan 2026, 13:00"), "{table}");
        let (given_back, _) = shown("succeeded");
        assert!(given_back.contains("Paid in vain<") && !given_back.contains("give it back"), "{given_back}");
    }

    #[test]
    fn a_refund_is_told_as_what_became_of_it() {
        let said = |state: &str| {
            let refund = serde_json::json!({
                "id": "r-1", "amount": "12.50", "state": state, "requested_at": "1970-01-01T00:00:00Z",
                "reason": { "code": null, "text": "the charge is disputed" },
            });
            let refund: Refund = serde_json::from_value(refund).unwrap();
            let answer = told(Lang::En, Go::to("/"), &refund).into_response();
            let cookie = answer.headers().get(header::SET_COOKIE).unwrap().to_str().unwrap();
            cookie::Cookie::parse_encoded(cookie.to_owned()).unwrap().value().to_owned()
        };
        assert!(said("succeeded").contains("€12.50 was given back") && said("succeeded").contains("true"));
        let refused = said("failed");
        assert!(
            refused.contains("the charge is disputed") && refused.contains("\"good\":false"),
            "{refused}"
        );
        for open in ["requested", "pending"] {
            assert!(said(open).contains("asked for") && !said(open).contains("was given back"), "{open}");
        }
    }
}
