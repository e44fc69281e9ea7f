//! A till to play with: sends signed webhooks to this back office, as MplusKASSA does.

use maud::{Markup, html};
use mplus_webhooks::Orchestrator;
use mplus_webhooks::event::EventName;
use mplus_webhooks::testkit::{Till, TillError, TillLine, TillPayment, TillReply};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::demo::Demo;
use crate::records::Record;
use crate::sales::{SALE, Sale, SaleLine, SaleStatus};
use crate::text::{frame, payments as pay_texts, play as t};
use crate::view::answer::{Go, Trouble};
use crate::view::at::At;
use crate::view::fields::Fields;
use crate::view::form::Field;
use crate::view::layout::{Here, Page, empty, post};
use crate::view::number::euros;

const KIND: &str = "till_payment";

/// A payment that the till waits for, with its sale.
#[derive(Serialize, Deserialize)]
struct Waiting {
    id: String,
    amount: Decimal,
    session: Value,
}

pub(crate) async fn show(at: At) -> Result<Page, Trouble> {
    let lang = at.lang;
    if at.app.subscriptions.of(at.id()).await?.is_none() {
        let next = html! { a.button href=(at.path("/webhooks#subscription")) { (&lang[frame::WEBHOOKS]) } };
        let none = empty(&lang[t::NEEDS_SUBSCRIPTION], &lang[t::NEEDS_SUBSCRIPTION_ABOUT], next);
        return Ok(at.page(Here::Till, none));
    }
    let waiting = waiting(&at).await?;
    let body = html! {
        p.lead { (&lang[t::TILL_ABOUT]) }
        section.card {
            (act_form(&at, html! {
                div.row {
                    (Field::text(lang, "article", t::ARTICLE).value("Cappuccino").required().show())
                    (Field::text(lang, "price", t::PRICE).mode("decimal").value("3,50").required().show())
                }
                p.actions {
                    button type="submit" name="do" value="sell" { (&lang[t::RING_UP]) }
                    button type="submit" name="do" value="pay" { (&lang[t::RING_UP_CARD]) }
                }
            }))
            (act_form(&at, html! {
                button.quiet type="submit" name="do" value="credit" { (&lang[t::CREDIT]) } " "
                button.link type="submit" name="do" value="break" { (&lang[t::BAD_EVENT]) }
            }))
        }
        @if !waiting.is_empty() {
            h2 { (&lang[t::OPEN_PAYMENTS]) }
            @for payment in &waiting { (open_payment(&at, payment)) }
        }
        @if let Some(demo) = at.demo() { (test_till(&at, demo)) }
    };
    Ok(at.page(Here::Till, body))
}

fn act_form(at: &At, fields: Markup) -> Markup {
    post(&at.visit, &at.path("/till"), fields)
}

fn open_payment(at: &At, payment: &Waiting) -> Markup {
    let lang = at.lang;
    let hidden = html! { input type="hidden" name="id" value=(payment.id); };
    html! {
        section.card {
            h3 { (euros(lang, payment.amount)) " " code { (payment.id) } }
            @if at.demo().is_some() {
                (post(&at.visit, &at.path("/payments/play"), html! {
                    (hidden)
                    input type="hidden" name="back" value=(at.path("/till"));
                    p.actions {
                        button type="submit" name="do" value="pay" { (&lang[pay_texts::PLAY_PAY]) }
                        button.quiet type="submit" name="do" value="refuse" { (&lang[pay_texts::PLAY_REFUSE]) }
                    }
                }))
            }
            (act_form(at, html! {
                (hidden)
                p.actions {
                    button type="submit" name="do" value="poll" { (&lang[t::POLL]) }
                    button.quiet type="submit" name="do" value="cancel" { (&lang[t::TILL_CANCEL]) }
                }
            }))
        }
    }
}

/// What can be done to the till of the demonstration.
fn test_till(at: &At, demo: &Demo) -> Markup {
    let lang = at.lang;
    let is_off = demo.till.is_off();
    let mut orders = demo.till.pos.orders();
    orders.reverse();
    html! {
        section.card {
            h2 { (&lang[t::SWITCH]) }
            p { (&lang[t::SWITCH_ABOUT]) " " strong { (&lang[if is_off { t::IS_OFF } else { t::IS_ON }]) } }
            (act_form(at, html! {
                button.quiet type="submit" name="do" value=(if is_off { "on" } else { "off" }) { (&lang[if is_off { t::SWITCH_ON } else { t::SWITCH_OFF }]) }
            }))
        }
        section.card {
            h2 { (&lang[t::CHANGE_PRICE]) }
            p { (&lang[t::CHANGE_PRICE_ABOUT]) }
            (act_form(at, html! {
                div.row {
                    (Field::text(lang, "number", t::ARTICLE_NUMBER).mode("numeric").value("1003").show())
                    (Field::text(lang, "new_price", t::PRICE).mode("decimal").show())
                }
                button.quiet type="submit" name="do" value="price" { (&lang[t::CHANGE_PRICE]) }
            }))
        }
        section.card {
            h2 { (&lang[t::AT_TILL]) }
            @if orders.is_empty() { p.hint { (&lang[t::NONE_AT_TILL]) } }
            ul { @for order in orders.iter().take(20) {
                li { (order.ext_order_id.as_deref().unwrap_or("-")) " " (euros(lang, order.total_incl_amount.unwrap_or_default())) }
            } }
        }
    }
}

async fn waiting(at: &At) -> Result<Vec<Waiting>, Trouble> {
    let records = at.app.records.newest(KIND, at.id().as_str(), None, 20).await?;
    Ok(records.iter().filter_map(|record| record.read().ok()).collect())
}

pub(crate) async fn act(at: At, fields: Fields) -> Result<Go, Trouble> {
    let (lang, back) = (at.lang, Go::to(at.path("/till")));
    if let Some(demo) = at.demo() {
        match fields.text("do") {
            "off" => {
                demo.till.switch_off(true);
                return Ok(back.saying(&lang[t::IS_OFF]));
            }
            "on" => {
                demo.till.switch_off(false);
                return Ok(back.saying(&lang[t::IS_ON]));
            }
            "price" => return Ok(change_price(&at, demo, &fields, back)),
            _ => {}
        }
    }
    let secret = at.app.subscriptions.newest_secret(at.id()).await.map_err(Trouble::failed)?;
    let Some((subscription, secret)) = secret else { return Err(Trouble::NotFound) };
    let seed = at.now().timestamp_micros().unsigned_abs();
    let till = Till::in_process(&subscription, secret, seed);
    let played = Played { at: &at, till: &till, host: &at.app.webhooks };
    match fields.text("do") {
        "sell" | "pay" => match fields.amount("price") {
            Ok(Some(price)) if price > Decimal::ZERO => {
                let line = TillLine::new(1003, fields.text("article"), price);
                played.ring_up(line, fields.text("do") == "pay", back).await
            }
            _ => Ok(back.warning(&lang[pay_texts::NOT_AN_AMOUNT])),
        },
        "poll" => played.poll(fields.text("id"), back).await,
        "cancel" => played.cancel(fields.text("id"), back).await,
        "credit" => played.credit(back).await,
        "break" => played.send_broken(back).await,
        _ => Err(Trouble::NotFound),
    }
}

fn change_price(at: &At, demo: &Demo, fields: &Fields, back: Go) -> Go {
    let lang = at.lang;
    let Ok(Some(price)) = fields.amount("new_price") else {
        return back.warning(&lang[pay_texts::NOT_AN_AMOUNT]);
    };
    match fields.number("number").is_some_and(|number| demo.till.pos.set_price(number, price)) {
        true => back.saying(lang.fill(t::PRICE_CHANGED, &[&euros(lang, price)])),
        false => back.warning(&lang[t::NO_ARTICLE]),
    }
}

/// A till that somebody plays.
struct Played<'p> {
    at: &'p At,
    till: &'p Till,
    host: &'p Orchestrator,
}

impl Played<'_> {
    /// What the till says of an answer that it would not accept.
    fn said(&self, back: Go, error: &TillError) -> Go {
        back.warning(self.at.lang.fill(t::TILL_SAID, &[error]))
    }

    async fn ring_up(&self, line: TillLine, by_card: bool, back: Go) -> Result<Go, Trouble> {
        let lang = self.at.lang;
        let amount = line.price_incl;
        let session = match self.till.ring_up(self.host, &[line]).await {
            Ok(session) => session,
            Err(error) => return Ok(self.said(back, &error)),
        };
        if !by_card {
            return Ok(match self.till.complete(self.host, &session).await {
                Ok(_) => back.saying(&lang[t::SOLD]),
                Err(error) => self.said(back, &error),
            });
        }
        let payment = self.till.start_payment(amount);
        match payment.start(self.host).await {
            Ok(reply) if reply.started == Some(true) => {
                let waiting = Waiting { id: payment.id.clone(), amount, session };
                let record =
                    Record::new(KIND, format!("{}/{}", self.at.id(), payment.id)).of(self.at.id().as_str());
                self.at.app.records.put(&record.at(self.at.now().timestamp_micros()).with(&waiting)?).await?;
                Ok(back.saying(lang.fill(t::PAYMENT_STARTED, &[&payment.id])))
            }
            Ok(reply) => Ok(back.warning(lang.fill(t::TILL_SAID, &[&text(&reply)]))),
            Err(error) => Ok(self.said(back, &error)),
        }
    }

    /// The payment that the till waits for, and its sale.
    async fn open(&self, id: &str) -> Result<(TillPayment<'_>, Waiting), Trouble> {
        let record = self.at.app.records.get(KIND, &format!("{}/{id}", self.at.id())).await?;
        let waiting: Waiting = record.ok_or(Trouble::NotFound)?.read()?;
        let mut payment = self.till.start_payment(waiting.amount);
        payment.id.clone_from(&waiting.id);
        Ok((payment, waiting))
    }

    async fn forget(&self, id: &str) -> Result<(), Trouble> {
        Ok(self.at.app.records.remove(KIND, &format!("{}/{id}", self.at.id())).await?)
    }

    async fn poll(&self, id: &str, back: Go) -> Result<Go, Trouble> {
        let (lang, (payment, waiting)) = (self.at.lang, self.open(id).await?);
        let reply = match payment.poll(self.host).await {
            Ok(reply) => reply,
            Err(error) => return Ok(self.said(back, &error)),
        };
        if !reply.finished() {
            return Ok(back.saying(lang.fill(t::STILL_OPEN, &[&text(&reply)])));
        }
        self.forget(id).await?;
        if reply.confirmed != Some(true) {
            return Ok(back.warning(lang.fill(t::ENDED, &[&text(&reply)])));
        }
        Ok(match self.till.complete(self.host, &waiting.session).await {
            Ok(_) => back.saying(&lang[t::FINISHED]),
            Err(error) => self.said(back, &error),
        })
    }

    async fn cancel(&self, id: &str, back: Go) -> Result<Go, Trouble> {
        let (payment, waiting) = self.open(id).await?;
        match payment.request_cancel(self.host).await {
            Ok(reply) if reply.cancelled == Some(true) => {
                self.forget(id).await?;
                // The sale that was rung up is given up as well.
                if let Err(error) = self.till.cancel(self.host, &waiting.session).await {
                    return Ok(self.said(back, &error));
                }
                Ok(back.saying(self.at.lang.fill(t::ENDED, &[&text(&reply)])))
            }
            Ok(reply) => Ok(back.warning(self.at.lang.fill(t::TILL_SAID, &[&text(&reply)]))),
            Err(error) => Ok(self.said(back, &error)),
        }
    }

    /// Gives the newest sale back that stands.
    async fn credit(&self, back: Go) -> Result<Go, Trouble> {
        let lang = self.at.lang;
        let sales = self.at.app.records.newest(SALE, self.at.id().as_str(), None, 20).await?;
        let mut sales = sales.iter().filter_map(|record| record.read::<Sale>().ok());
        let stands = |sale: &Sale| sale.status == SaleStatus::Completed && sale.credited.is_none();
        let Some(sale) = sales.find(stands) else {
            return Ok(back.warning(&lang[t::NO_SALE]));
        };
        let number = |amount: Decimal| serde_json::from_str::<Value>(&amount.to_string()).unwrap_or_default();
        let line = |line: &SaleLine| json!({ "articleNumber": line.article, "text": line.text, "quantity": line.quantity.map(number), "priceIncl": line.price.map(number) });
        let lines: Vec<_> = sale.lines.iter().map(line).collect();
        let session =
            json!({ "sessionId": sale.session, "lines": lines, "totalInclAmount": sale.total.map(number) });
        let credit = json!({ "session": session });
        Ok(match self.till.send(self.host, &EventName::CreditSession, credit).await {
            Ok(_) => back.saying(&lang[t::CREDITED]),
            Err(error) => self.said(back, &error),
        })
    }

    /// A finished sale that cannot be read: signed all the same, so that it is kept.
    async fn send_broken(&self, back: Go) -> Result<Go, Trouble> {
        let event = EventName::CompleteSession;
        let request = self.till.signed(&event, r#"{"event":{},"session":"#.into());
        // Whatever it is answered: it is in the inbox.
        let _ = self.till.send_request(self.host, &event, request).await;
        Ok(back.saying(&self.at.lang[t::BAD_EVENT_SENT]))
    }
}

fn text(reply: &TillReply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}
