//! `mplus till`: events as a till sends them, to any webhook.

use std::io::Read as _;
use std::time::Duration;

use clap::{Args, Subcommand};
use mplus_examples::argument;
use mplus_webhooks::event::EventName;
use mplus_webhooks::testkit::{Till as TestTill, TillError, TillLine, TillPayment, TillReply};
use mplus_webhooks::{HttpClient, ReqwestClient};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::lines::SoldLine;
use crate::{output, secret};

#[derive(Subcommand)]
pub(crate) enum Till {
    /// Ring up a sale and finish it, or give it up.
    Sale(Sale),
    /// Take an external payment: start it, ask until it is finished, say how it ended.
    ///
    /// Ends with exit code 1 when the payment was not made.
    Pay(Pay),
    /// Credit a sale that was finished earlier.
    Refund(Refund),
    /// Send any event with fields of your own.
    Send(Send),
}

/// Where the events go, and who sends them. The subscription's Secret Key comes from MPLUS_WEBHOOK_SECRET, or is asked for.
#[derive(Args)]
struct Sender {
    /// The webhook's URL before the event's name, such as `https://office.example.nl/webhook/mpluskassa`.
    #[arg(long, env = "MPLUS_WEBHOOK_URL", value_parser = argument::webhook_url)]
    url: String,
    /// The Subscription ID, as it stands in the POS's webhook settings.
    #[arg(long, env = "MPLUS_SUBSCRIPTION", value_name = "ID")]
    subscription: String,
    /// The till's branch.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    branch: i64,
    /// The till's workplace.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(i64).range(1..))]
    workplace: i64,
    /// How many seconds the receiver has to answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Ids are made from this number: the same one sends the very same sale again. Anew each time unless given.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// What happened, as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct Sale {
    /// A line: ARTICLE,TEXT,PRICE or ARTICLE,TEXT,PRICE,QUANTITY; may be given several times. Euros, with VAT.
    #[arg(long, value_name = "LINE", default_value = "1003,Cappuccino,3.50")]
    line: Vec<SoldLine>,
    /// Give the sale up instead of finishing it.
    #[arg(long)]
    cancel: bool,
    #[command(flatten)]
    sender: Sender,
}

#[derive(Args)]
pub(crate) struct Pay {
    /// How much, in euros; below zero gives money back to a card.
    #[arg(long, value_name = "EUROS", value_parser = amount, allow_negative_numbers = true)]
    amount: Decimal,
    /// How many seconds between two questions whether it is finished.
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=60))]
    every: u64,
    /// How often to ask. After that, and on Ctrl-C, the till gives the payment up.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    polls: u32,
    #[command(flatten)]
    sender: Sender,
}

#[derive(Args)]
pub(crate) struct Refund {
    /// The session of the sale, as `mplus till sale` prints it.
    #[arg(long, value_name = "ID")]
    session: String,
    /// A line that is credited; may be given several times. Sent with the quantity below zero.
    #[arg(long, value_name = "LINE")]
    line: Vec<SoldLine>,
    #[command(flatten)]
    sender: Sender,
}

#[derive(Args)]
pub(crate) struct Send {
    /// The event's name, such as scanCode.
    event: String,
    /// The fields of the body besides `event` and `sender`, as a JSON object; - reads it from standard input.
    #[arg(default_value = "{}")]
    fields: String,
    /// The cashier does not wait for the answer.
    #[arg(long)]
    not_blocking: bool,
    #[command(flatten)]
    sender: Sender,
}

fn amount(text: &str) -> Result<Decimal, String> {
    match text.parse::<Decimal>() {
        Ok(amount) if !amount.is_zero() && amount.normalize().scale() <= 2 => Ok(amount),
        _ => Err("it has to be an amount in euros, such as 12.50".to_owned()),
    }
}

impl Till {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        match self {
            Self::Sale(sale) => sale.run().await,
            Self::Pay(pay) => pay.run().await,
            Self::Refund(refund) => refund.run().await,
            Self::Send(send) => send.run().await,
        }
    }
}

impl Sender {
    fn till(&self) -> Result<TestTill, Failure> {
        let seed = self.seed.unwrap_or_else(|| {
            let random = mplus_qapi::Runtime::random(&mplus_qapi::TokioRuntime);
            random as u64
        });
        let till = TestTill::new(&self.url, &self.subscription, secret::webhook()?, seed);
        Ok(till.at(self.branch, self.workplace))
    }

    fn network(&self) -> Result<ReqwestClient, Failure> {
        ReqwestClient::new(Duration::from_secs(self.timeout))
            .map_err(|error| Failure::usage(error.to_string()))
    }

    fn failed(&self, error: &TillError) -> Failure {
        Failure::till(&self.url, error)
    }
}

impl Sale {
    async fn run(self) -> Result<(), Failure> {
        let sender = &self.sender;
        let (till, network) = (sender.till()?, sender.network()?);
        let lines: Vec<TillLine> = self.line.iter().map(|line| line.0.clone()).collect();
        let total: Decimal = lines.iter().map(|line| line.price_incl * line.quantity).sum();
        let failed = |error: TillError| sender.failed(&error);
        let session = till.ring_up(&network, &lines).await.map_err(failed)?;
        let (last, outcome) = match self.cancel {
            true => (EventName::CancelSession, "cancelled"),
            false => {
                let paying = json!({ "session": session });
                till.send(&network, &EventName::StartPayment, paying).await.map_err(failed)?;
                (EventName::CompleteSession, "completed")
            }
        };
        let reply = till.send(&network, &last, json!({ "session": session })).await.map_err(failed)?;
        let total = output::euros(total);
        let id = session.get("sessionId").and_then(Value::as_str).unwrap_or_default();
        if sender.json {
            return output::json(
                &json!({ "session": id, "total": total, "outcome": outcome, "reply": body(&reply) }),
            );
        }
        output::text(&format!("session {id}: {} lines, {total} euros, {outcome}", lines.len()))?;
        say(&last, &reply);
        Ok(())
    }
}

impl Pay {
    async fn run(self) -> Result<(), Failure> {
        let sender = &self.sender;
        let (till, network) = (sender.till()?, sender.network()?);
        let failed = |error: TillError| sender.failed(&error);
        let payment = till.start_payment(self.amount);
        let started = payment.start(&network).await.map_err(failed)?;
        say(&EventName::StartExternalPayment, &started);
        let ended = if started.started == Some(true) {
            let pause = || tokio::time::sleep(Duration::from_secs(self.every));
            let asked = tokio::select! {
                asked = ask(&payment, &network, self.polls, pause) => asked,
                // Nobody waits for the customer any more.
                Ok(()) = tokio::signal::ctrl_c() => Ok(None),
            };
            match asked {
                Ok(Some(reply)) => reply,
                Ok(None) => payment.cancel(&network).await.map_err(|error| left_open(failed(error)))?,
                Err(error) => {
                    // What the receiver answers is no answer to this question: the customer is not to pay for nothing.
                    let given_up = payment.cancel(&network).await.is_ok();
                    return Err(if given_up { failed(error) } else { left_open(failed(error)) });
                }
            }
        } else {
            started
        };
        let is_paid = ended.confirmed == Some(true);
        let outcome = if is_paid { "paid" } else { "not paid" };
        let amount = output::euros(ended.final_amount.unwrap_or(self.amount));
        if sender.json {
            let shown = json!({
                "payment": payment.id, "amount": amount, "paid": is_paid, "status": ended.status, "reply": body(&ended),
            });
            output::json(&shown)?;
        } else {
            output::text(&format!("payment {} of {amount} euros: {outcome}", payment.id))?;
        }
        match is_paid {
            true => Ok(()),
            false => {
                let said = ended.status.unwrap_or_else(|| "not confirmed".to_owned());
                Err(Failure::refused(format!("{}: payment {} was not made: {said}", sender.url, payment.id)))
            }
        }
    }
}

/// Asks until the payment is finished; none when it was not after so many questions. As a till does, it asks again what nobody
/// answered.
async fn ask<P: Future<Output = ()>>(
    payment: &TillPayment<'_>,
    to: &dyn HttpClient,
    polls: u32,
    pause: impl Fn() -> P,
) -> Result<Option<TillReply>, TillError> {
    for _ in 0..polls {
        match payment.poll(to).await {
            Ok(reply) if reply.finished() => return Ok(Some(reply)),
            Ok(_) => {}
            Err(error @ (TillError::NoReply(_) | TillError::Status { .. })) => {
                eprintln!("note: {error}; the till asks again");
            }
            Err(error) => return Err(error),
        }
        pause().await;
    }
    Ok(None)
}

/// A failure after which the receiver may still wait for the customer.
fn left_open(failure: Failure) -> Failure {
    let message = format!("{}; the payment was not given up, and may still be paid", failure.message);
    Failure { message, ..failure }
}

impl Refund {
    async fn run(self) -> Result<(), Failure> {
        let sender = &self.sender;
        let (till, network) = (sender.till()?, sender.network()?);
        let total: Decimal = self.line.iter().map(|line| line.0.price_incl * line.0.quantity).sum();
        let lines: Vec<Value> = self.line.iter().map(|line| credited(&till, &line.0)).collect();
        let mut session = json!({ "sessionId": self.session, "lines": lines });
        if !lines.is_empty() {
            session["totalInclAmount"] = json!((-total).to_string());
        }
        let sent = till.send(&network, &EventName::CreditSession, json!({ "session": session })).await;
        let reply = sent.map_err(|error| sender.failed(&error))?;
        if sender.json {
            return output::json(
                &json!({ "session": self.session, "outcome": "credited", "reply": body(&reply) }),
            );
        }
        output::text(&format!("session {}: credited", self.session))?;
        say(&EventName::CreditSession, &reply);
        Ok(())
    }
}

/// Amounts are text: a number of JSON would be a float on its way.
fn credited(till: &TestTill, line: &TillLine) -> Value {
    json!({
        "lineId": till.new_id(),
        "articleNumber": line.article_number,
        "text": line.text,
        "priceIncl": line.price_incl.to_string(),
        "quantity": (-line.quantity).to_string(),
    })
}

impl Send {
    async fn run(self) -> Result<(), Failure> {
        let sender = &self.sender;
        let event = EventName::from_wire(&self.event);
        if let EventName::Unknown(name) = &event {
            eprintln!("note: {name} is no event that this version knows; it is sent all the same");
        }
        let fields = self.fields()?;
        let (till, network) = (sender.till()?, sender.network()?);
        let request = till.signed(&event, till.body(!self.not_blocking, fields));
        let sent = till.send_request(&network, &event, request).await;
        let reply = sent.map_err(|error| sender.failed(&error))?;
        match sender.json {
            true => output::json(&json!({ "event": event, "reply": body(&reply) })),
            false => output::text(&format!("{}: {}", event.as_str(), answer(&reply))),
        }
    }

    fn fields(&self) -> Result<Value, Failure> {
        let mut text = self.fields.clone();
        if text == "-" {
            text.clear();
            let read = std::io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::usage(format!("standard input cannot be read: {error}")))?;
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(fields)) => Ok(Value::Object(fields)),
            Ok(_) => Err(Failure::usage("the fields have to be a JSON object")),
            Err(error) => Err(Failure::usage(format!("the fields are no JSON: {error}"))),
        }
    }
}

/// The reply's body as JSON.
fn body(reply: &TillReply) -> Value {
    serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
}

fn answer(reply: &TillReply) -> String {
    match reply.body.is_empty() {
        true => "acknowledged".to_owned(),
        false => String::from_utf8_lossy(&reply.body).into_owned(),
    }
}

fn say(event: &EventName, reply: &TillReply) {
    eprintln!("{}: {}", event.as_str(), answer(reply));
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use async_trait::async_trait;
    use bytes::Bytes;
    use http::{Request, Response};
    use mplus_webhooks::payment::OneProvider;
    use mplus_webhooks::testkit::ManualProvider;
    use mplus_webhooks::{
        FixedSubscriptions, HttpError, MemoryStore, MerchantId, Orchestrator, Secret, Subscription,
        SubscriptionSecret, TokioRuntime,
    };

    use super::*;

    /// A receiver that leaves its first questions without an answer, after which the customer pays.
    #[derive(Debug)]
    struct Flaky {
        host: Orchestrator,
        terminal: Arc<ManualProvider>,
        payment: String,
        left: AtomicU32,
    }

    #[async_trait]
    impl HttpClient for Flaky {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
            let is_question = request.uri().path().ends_with("pollExternalPayment");
            let left = self.left.load(Ordering::Relaxed);
            if !is_question {
                return self.host.send(request).await;
            }
            self.left.store(left.saturating_sub(1), Ordering::Relaxed);
            match left {
                0 => self.host.send(request).await,
                1 => {
                    self.terminal.confirm(&self.payment);
                    Response::builder().status(502).body(Bytes::new()).map_err(|_| HttpError::new("a", ""))
                }
                _ => Err(HttpError::new("a", "the line broke")),
            }
        }
    }

    #[tokio::test]
    async fn a_question_that_nobody_answers_is_asked_again_until_the_payment_is_made() {
        let key =
            SubscriptionSecret::from_base64(&Secret::from("c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0".to_owned()));
        let (key, terminal) = (key.unwrap(), Arc::new(ManualProvider::new()));
        let subscription = Subscription::new("test", MerchantId::new("lion"), key.clone());
        let host = Orchestrator::builder(
            Arc::new(FixedSubscriptions::new([subscription])),
            Arc::new(MemoryStore::new()),
            Arc::new(TokioRuntime),
        )
        .payments(Arc::new(OneProvider(terminal.clone())))
        .build();
        let till = TestTill::in_process("test", key, 1);
        let payment = till.start_payment(Decimal::TEN);
        assert_eq!(payment.start(&host).await.unwrap().started, Some(true));
        let flaky = Flaky { host, terminal, payment: payment.id.clone(), left: AtomicU32::new(3) };
        // The receiver asks its provider in its own time.
        let pause = || async {
            let key = mplus_webhooks::payment::PaymentKey::new(MerchantId::new("lion"), &flaky.payment);
            flaky.host.payments().unwrap().refresh(&key).await.unwrap();
        };
        let ended = ask(&payment, &flaky, 100, pause).await.unwrap().unwrap();
        assert_eq!(ended.confirmed, Some(true));
    }
}
