//! Tills that sell and take payments, and repeat what got no answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use mplus_webhooks::event::EventName;
use mplus_webhooks::testkit::{Till, TillError, TillPayment, TillReply};
use mplus_webhooks::{ErrorCode, HttpClient, HttpError, ReqwestClient};
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::random::Random;
use super::receiver::Receivers;
use crate::support::{SUBSCRIPTION, secret};

/// How many tills sell at the same time, and how many take payments.
const SELLING: usize = 8;
const PAYING: usize = 8;
/// How long one thing may take, repeats and all.
const LONGEST: Duration = Duration::from_secs(60);

/// What the tills were told.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// The sessions that were acknowledged.
    pub(super) sold: Vec<String>,
    /// The payments that are finished, and whether they were confirmed.
    pub(super) paid: Vec<(String, bool)>,
}

/// How much is done.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Arc<(AtomicUsize, Notify)>);

impl Progress {
    fn step(&self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    pub(super) async fn reaches(&self, steps: usize) {
        loop {
            let more = self.0.1.notified();
            if self.0.0.load(Ordering::SeqCst) >= steps {
                return;
            }
            more.await;
        }
    }
}

/// The line to the receivers: whichever answers.
#[derive(Debug)]
struct Line {
    receivers: Arc<Receivers>,
    client: ReqwestClient,
    random: Mutex<Random>,
}

impl std::fmt::Debug for Receivers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Receivers")
    }
}

#[async_trait]
impl HttpClient for Line {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let path = request.uri().path().to_owned();
        *request.uri_mut() = self.receivers.address(&path, &mut self.random.lock().unwrap());
        self.client.send(request).await
    }
}

pub(super) async fn work(
    sales: usize,
    payments: usize,
    receivers: &Arc<Receivers>,
    progress: &Progress,
    seed: u64,
) -> Ends {
    let till = |number: usize| {
        let line = Line {
            receivers: receivers.clone(),
            client: ReqwestClient::new(Duration::from_secs(3)).unwrap(),
            random: Mutex::new(Random::new(seed + number as u64)),
        };
        let till = Till::in_process(SUBSCRIPTION, secret(), seed * 1000 + number as u64).at(1, number as i64);
        (line, till)
    };
    let share = |all: usize, tills: usize, number: usize| all / tills + usize::from(number < all % tills);
    let selling = (0..SELLING).map(async |number| {
        let (line, till) = till(number);
        let mut sold = Vec::new();
        for _ in 0..share(sales, SELLING, number) {
            sold.push(sell(&till, &line).await);
            progress.step();
        }
        sold
    });
    let paying = (0..PAYING).map(async |number| {
        let (line, till) = till(SELLING + number);
        let mut random = Random::new(seed ^ ((number as u64) << 8));
        let mut paid = Vec::new();
        for _ in 0..share(payments, PAYING, number) {
            paid.push(pay(&till, &line, &mut random).await);
            progress.step();
        }
        paid
    });
    let (sold, paid) = tokio::join!(join_all(selling), join_all(paying));
    Ends { sold: sold.concat(), paid: paid.concat() }
}

/// Sells once, and repeats it until it is acknowledged.
async fn sell(till: &Till, line: &Line) -> String {
    let (session, event) = (till.new_id(), EventName::CompleteSession);
    let fields = json!({ "session": { "sessionId": session, "totalInclAmount": "12.50" } });
    let request = till.signed(&event, till.body(true, fields));
    answered(async || till.send_request(line, &event, request.clone()).await).await;
    session
}

/// Takes one payment, as cashiers do: most wait, some lose patience.
async fn pay(till: &Till, line: &Line, random: &mut Random) -> (String, bool) {
    let payment = till.start_payment(Decimal::new(1250, 2));
    let cashier = random.below(10);
    let gives_up_unheard = random.percent(20);
    let started = loop {
        match payment.start(line).await {
            Ok(reply) => break Some(reply),
            Err(_) if gives_up_unheard => break None,
            Err(error) => repeatable(&error),
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    };
    match started {
        Some(reply) if reply.started == Some(false) => return (payment.id, false),
        Some(_) => {}
        // No answer to the start: the till gives it up for good.
        None => drop(answered(async || payment.cancel(line).await).await),
    }
    let deadline = Instant::now() + LONGEST;
    for polls in 0.. {
        let reply = answered(async || payment.poll(line).await).await;
        if reply.finished() {
            return (payment.id.clone(), confirmed(&payment, line, &reply).await);
        }
        match (polls, cashier) {
            (5, 0 | 1) => drop(answered(async || payment.request_cancel(line).await).await),
            (5, 2) => drop(answered(async || payment.cancel(line).await).await),
            _ => {}
        }
        assert!(Instant::now() < deadline, "payment {} is never finished: {reply:?}", payment.id);
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    unreachable!()
}

/// Whether the payment was confirmed; the till asks once more, and is told the same.
async fn confirmed(payment: &TillPayment<'_>, line: &Line, reply: &TillReply) -> bool {
    let again = answered(async || payment.poll(line).await).await;
    let what = |reply: &TillReply| (reply.confirmed, reply.cancelled, reply.finished());
    assert_eq!(what(&again), what(reply), "payment {}", payment.id);
    reply.confirmed == Some(true)
}

/// Sends until there is an answer.
async fn answered(mut send: impl AsyncFnMut() -> Result<TillReply, TillError>) -> TillReply {
    let deadline = Instant::now() + LONGEST;
    loop {
        match send().await {
            Ok(reply) => return reply,
            Err(error) => repeatable(&error),
        }
        assert!(Instant::now() < deadline, "nobody answers");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
}

/// Only a receiver that is gone, or says that it failed, is asked again.
fn repeatable(error: &TillError) {
    let failed = |code: &ErrorCode| *code == ErrorCode::INTERNAL;
    let passes = match error {
        TillError::NoReply(_) => true,
        TillError::Refused { code, .. } => failed(code),
        _ => false,
    };
    assert!(passes, "{error}");
}
