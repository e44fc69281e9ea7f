//! What is remembered from one attempt to the next, and how long each may take.

use std::{
    future::{pending, poll_fn, ready},
    pin::Pin,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use mplus_qapi::{
    Client, Credentials, Endpoint, Error, ErrorKind, Gate, Passage, RetryPolicy, Runtime, TokioRuntime,
    Transport,
    orders::CreateOrderV3Request,
    relations::GetRelationsRequest,
    stock::SetStockRequest,
    transport::{Body, Request, TransportError, TransportErrorKind},
    vouchers::IssueVouchers,
};
use tokio::sync::Notify;

use crate::server::{
    ENVELOPE, Server, Step, credentials, envelope, http, leaks, quick_retries, relations, stock_set,
};

const REFUSED: &str = "<S:Fault><faultcode>S:Client</faultcode><faultstring>this key is being worked on</faultstring></S:Fault>";

#[tokio::test]
async fn an_order_that_the_first_attempt_may_have_made_is_not_promised_away_by_the_last() {
    let lasts =
        [http(404, &[], ""), http(429, &["Retry-After: 3600"], ""), http(500, &[], envelope(REFUSED))];
    for last in lasts {
        let alone = Server::answering(last.clone()).await;
        let error =
            alone.client().create_order_v3(CreateOrderV3Request::default()).await.expect_err("refused");
        assert!(!error.may_have_been_processed(), "{error}");

        let server = Server::start([Step::Close, Step::Send(last)]).await;
        let client = server.client_builder().retry(quick_retries(2)).build();
        let error = client.create_order_v3(CreateOrderV3Request::default()).await.expect_err("refused");
        assert!(error.may_have_been_processed() && error.attempts() == 2, "{error}");
        assert!(error.to_string().contains("may have carried out an earlier one"), "{error}");
    }
}

#[tokio::test]
async fn what_a_stream_ends_in_does_not_undo_the_attempt_before_it() {
    let issued = "<ns:voucherIssuances><ns:voucherIssuance><ns:id>1</ns:id></ns:voucherIssuance></ns:voucherIssuances>";
    let answer = format!("{issued}<ns:result>ISSUE-VOUCHERS-RELATION-REQUIRED</ns:result>");
    let answer = envelope(&format!("<ns:IssueVouchersResponse>{answer}</ns:IssueVouchersResponse>"));
    let answer = Step::Send(http(200, &[], answer));
    let refused = async |steps: Vec<Step>| {
        let server = Server::start(steps).await;
        let client = server.client_builder().retry(quick_retries(2)).build();
        let mut items = client.call(IssueVouchers::default()).stream();
        items.next().await.expect("one").expect("issued");
        items.next().await.expect("an end").expect_err("refused")
    };
    let alone = refused(vec![answer.clone()]).await;
    assert!(!alone.may_have_been_processed(), "{alone}");
    let second = refused(vec![Step::Close, answer]).await;
    assert!(second.may_have_been_processed() && second.attempts() == 2, "{second}");
}

/// Begins a call, which is still under way then.
async fn begin<T>(call: &mut (impl Future<Output = T> + Unpin)) {
    assert!(poll_fn(|context| Poll::Ready(Pin::new(&mut *call).poll(context).is_pending())).await);
}

#[tokio::test]
async fn a_call_that_was_begun_is_sent_once_whatever_becomes_of_it() {
    let server = Server::start(vec![Step::Send(http(200, &[], stock_set())); 3]).await;
    let of_article = || SetStockRequest { article_number: 4711, ..SetStockRequest::default() };
    let mut call = server.client().set_stock(of_article());
    begin(&mut call).await;
    let reply = call.reply().await.expect("answered");
    assert_eq!(reply.attempts, 1);
    let mut call = server.client().set_stock(of_article());
    (&mut call).await.expect("answered");
    let twice = [(&mut call).await.expect_err("answered before"), call.reply().await.expect_err("too")];
    let requests = server.requests();
    assert!(requests.len() == 2 && requests.iter().all(|request| request.contains(">4711<")), "{requests:?}");

    let server = Server::start([Step::Close]).await;
    let mut call = server.client().get_relations(GetRelationsRequest::default());
    begin(&mut call).await;
    let streamed = call.stream().next().await.expect("one").map(drop).expect_err("begun before");
    let mut call = server.client().get_relations(GetRelationsRequest::default());
    begin(&mut call).await;
    let paged = call.changes_since(1, 10).next().await.expect("one").map(drop).expect_err("begun before");
    let is_told = |error: &Error| {
        matches!(error.kind(), ErrorKind::Setup(_))
            && error.may_have_been_processed()
            && !error.is_transient()
    };
    for error in twice.into_iter().chain([streamed, paged]) {
        assert!(is_told(&error), "{error}");
    }
}

/// Lets the first request pass.
#[derive(Debug, Default)]
struct OnlyOne(Mutex<bool>);

#[async_trait::async_trait]
impl Gate for OnlyOne {
    async fn pass(&self, _: &'static str) -> Passage {
        match std::mem::replace(&mut *self.0.lock().unwrap(), true) {
            false => Passage::Open,
            true => Passage::Held("the merchant has a break".to_owned()),
        }
    }
}

#[tokio::test]
async fn a_repeat_that_is_held_back_does_not_undo_the_attempt_before() {
    let server = Server::start([Step::Close]).await;
    let client =
        server.client_builder().retry(quick_retries(3)).build().through(Arc::new(OnlyOne::default()));
    let error = client.create_order_v3(CreateOrderV3Request::default()).await.expect_err("held");
    assert!(error.is_held() && error.may_have_been_processed() && error.attempts() == 1, "{error}");
    assert!(!error.to_string().contains("nothing was sent"), "{error}");
}

/// Quotes the request of the old credentials, once that is told; answers the others.
#[derive(Debug, Default)]
struct Quoting {
    sent: Notify,
    answer: Notify,
}

#[derive(Debug, Clone)]
struct Shared(Arc<Quoting>);

#[async_trait::async_trait]
impl Transport for Shared {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let url = request.url().expose().to_owned();
        if !url.contains("the-secret") {
            return Ok(http::Response::new(Body::from(Bytes::from(stock_set()))));
        }
        self.0.sent.notify_one();
        self.0.answer.notified().await;
        let quoted = url.replace('&', "&amp;");
        let fault =
            format!("<S:Fault><faultcode>S:Server</faultcode><faultstring>{quoted}</faultstring></S:Fault>");
        Ok(http::Response::new(Body::from(Bytes::from(envelope(&fault)))))
    }
}

#[derive(Debug)]
struct Renewed(u8);

#[async_trait::async_trait]
impl Gate for Renewed {
    async fn pass(&self, _: &'static str) -> Passage {
        Passage::OpenWith(Credentials::new("another-ident", format!("another-one-{}", self.0)))
    }
}

#[tokio::test]
async fn credentials_that_were_replaced_while_a_call_was_under_way_are_still_erased_from_its_answer() {
    let transport = Shared(Arc::default());
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    let client = Client::builder(endpoint, credentials(), transport.clone(), TokioRuntime)
        .retry(RetryPolicy::none())
        .build();
    let under_way = tokio::spawn(client.set_stock(SetStockRequest::default()));
    transport.0.sent.notified().await;
    for number in 0..10 {
        let renewed = client.through(Arc::new(Renewed(number)));
        renewed.set_stock(SetStockRequest::default()).await.expect("answered");
    }
    transport.0.answer.notify_one();
    let error = under_way.await.unwrap().expect_err("a fault");
    assert!(!leaks(&format!("{error} {error:?}")), "{error:?}");
    // Those before are remembered for a while when no call holds them any more.
    assert_eq!(client.erase_from("the-ident another-ident another-one-8"), "*** *** ***");
}

#[derive(Debug)]
struct Hangs;

#[async_trait::async_trait]
impl Gate for Hangs {
    async fn pass(&self, _: &'static str) -> Passage {
        pending().await
    }
}

#[tokio::test]
async fn a_gate_that_hangs_ends_in_time_and_takes_no_connection_from_others() {
    let server = Server::answering(http(200, &[], stock_set())).await;
    let client = server.client_builder().max_connections(1).build();
    let hanging = client.through(Arc::new(Hangs));
    let mut held = hanging.set_stock(SetStockRequest::default()).timeout(Duration::from_millis(100));
    begin(&mut held).await;
    client.set_stock(SetStockRequest::default()).await.expect("a connection is free");
    let error = held.await.expect_err("too late");
    assert!(error.is_held() && !error.may_have_been_processed(), "{error}");
}

/// A clock that goes on when a time-out of less than a minute is waited for, which is then up at once.
#[derive(Debug, Clone, Default)]
struct Impatient(Arc<Mutex<Duration>>);

impl Runtime for Impatient {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.0.lock().unwrap() += duration;
        Box::pin(ready(()))
    }

    fn time_out(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if duration < Duration::from_secs(60) { self.sleep(duration) } else { Box::pin(pending()) }
    }

    fn random(&self) -> u128 {
        7
    }
}

/// Says nothing: no head, or no more after a piece of a body.
#[derive(Debug, Clone, Default)]
struct Silent {
    begins_with: Option<String>,
    time_outs: Arc<Mutex<Vec<Duration>>>,
}

#[async_trait::async_trait]
impl Transport for Silent {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        self.time_outs.lock().unwrap().push(request.timeout());
        let Some(piece) = self.begins_with.clone() else { return pending().await };
        let pieces = stream::iter([Ok(Bytes::from(piece))]).chain(stream::pending());
        Ok(http::Response::new(Body::from_stream(pieces)))
    }
}

fn impatient(transport: impl Transport) -> (Client, Impatient) {
    let runtime = Impatient::default();
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    (Client::builder(endpoint, credentials(), transport, runtime.clone()).build(), runtime)
}

#[tokio::test]
async fn a_stream_of_which_nothing_comes_is_given_up_early_and_asked_for_again() {
    for begins_with in [None, Some(format!("{ENVELOPE}<ns:GetRelationsResponse>"))] {
        let (client, runtime) = impatient(Silent { begins_with, ..Silent::default() });
        let mut items = client.stream_relations(GetRelationsRequest::default());
        let error = items.next().await.expect("one").expect_err("silence");
        assert!(error.is_timeout() && error.attempts() >= 2, "{error}");
        assert!(error.to_string().contains("nothing came for 50.0 s"), "{error}");
        assert!(runtime.now() < Duration::from_secs(200), "{:?}", runtime.now());
    }
}

#[tokio::test]
async fn a_page_is_waited_for_as_long_as_a_read() {
    let late = Arc::new(Mutex::new(Vec::new()));
    let transport = Silent { begins_with: Some(relations(&[])), time_outs: Arc::clone(&late) };
    let (client, _) = impatient(transport);
    let mut pages = client.get_relations(GetRelationsRequest::default()).changes_since(1, 10);
    assert!(pages.next().await.expect("one").expect_err("silence").is_timeout());
    assert!(late.lock().unwrap().len() > 1);
    assert!(late.lock().unwrap().iter().all(|time_out| *time_out == Duration::from_secs(50)), "{late:?}");
}

/// Lets everything pass, but never at once.
#[derive(Debug)]
struct Hesitates;

#[async_trait::async_trait]
impl Gate for Hesitates {
    async fn pass(&self, _: &'static str) -> Passage {
        tokio::task::yield_now().await;
        Passage::Open
    }
}

#[tokio::test]
async fn waiting_at_a_gate_and_for_a_connection_takes_together_no_longer_than_a_call() {
    let runtime = Impatient::default();
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    let client = Client::builder(endpoint, credentials(), Silent::default(), runtime.clone());
    let client = client.max_connections(1).build();
    let mut under_way = client.get_relations(GetRelationsRequest::default()).timeout(Duration::from_secs(90));
    begin(&mut under_way).await;
    let call = client.through(Arc::new(Hesitates)).set_stock(SetStockRequest::default());
    let error = call.timeout(Duration::from_secs(20)).await.expect_err("no connection");
    assert!(matches!(error.kind(), ErrorKind::Busy { connections: 1 }), "{error}");
    assert!(!error.may_have_been_processed() && runtime.now() == Duration::from_secs(20), "{error}");
}

#[tokio::test]
async fn a_body_that_stops_ends_with_the_time_of_the_call_whatever_the_transport_does() {
    let (client, _) = impatient(Silent { begins_with: Some(ENVELOPE.to_owned()), ..Silent::default() });
    let error = client.get_relations(GetRelationsRequest::default()).await.expect_err("too late");
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test]
async fn a_transport_that_keeps_to_no_time_does_not_hold_a_call() {
    let (client, _) = impatient(Silent::default());
    let error = client.get_relations(GetRelationsRequest::default()).await.expect_err("silence");
    assert!(error.is_timeout() && error.attempts() >= 2, "{error}");

    let (client, runtime) = impatient(Silent::default());
    let write = client.set_stock(SetStockRequest::default()).timeout(Duration::from_secs(20));
    let error = write.await.expect_err("silence");
    assert!(error.is_timeout() && error.may_have_been_processed() && error.attempts() == 1, "{error}");
    assert_eq!(runtime.now(), Duration::from_secs(20));
}

/// The whole body at once.
#[derive(Debug)]
struct AtOnce(Bytes);

#[async_trait::async_trait]
impl Transport for AtOnce {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        Ok(http::Response::new(Body::from(self.0.clone())))
    }
}

/// A clock that goes on by nine seconds whenever somebody looks at it.
#[derive(Debug, Clone, Default)]
struct Looked(Arc<Mutex<Duration>>);

impl Runtime for Looked {
    fn now(&self) -> Duration {
        let mut now = self.0.lock().unwrap();
        *now += Duration::from_secs(9);
        *now
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(pending())
    }

    fn random(&self) -> u128 {
        7
    }
}

fn looked(transport: impl Transport) -> Client {
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    Client::builder(endpoint, credentials(), transport, Looked::default())
        .retry(RetryPolicy::none())
        .timeout(Duration::from_secs(10))
        .build()
}

#[tokio::test]
async fn an_answer_that_came_in_one_piece_leaves_others_their_turn_and_ends_in_time() {
    let relation = format!("<ns:name>{}</ns:name>", "x".repeat(1000));
    let document = Bytes::from(relations(&vec![relation.as_str(); 6000]));
    let client = looked(AtOnce(document.clone()));
    let mut items = client.stream_relations(GetRelationsRequest::default());
    let mut read = 0;
    let error = loop {
        match items.next().await.expect("an error before the end") {
            Ok(_) => read += 1,
            Err(error) => break error,
        }
    };
    assert!(error.is_timeout() && read < 4000, "{read} {error}");
    let whole = looked(AtOnce(document)).get_relations(GetRelationsRequest::default()).await;
    assert!(whole.expect_err("too late").is_timeout());
}

/// The body is always ready, and there is never anything in it.
#[derive(Debug)]
struct Nothing;

#[async_trait::async_trait]
impl Transport for Nothing {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        Ok(http::Response::new(Body::from_stream(stream::repeat_with(|| Ok(Bytes::new())))))
    }
}

#[tokio::test]
async fn a_body_that_is_always_ready_with_nothing_ends_in_time() {
    let error = looked(Nothing).get_relations(GetRelationsRequest::default()).await;
    assert!(error.expect_err("too late").is_timeout());
    let mut items = looked(Nothing).stream_relations(GetRelationsRequest::default());
    assert!(items.next().await.expect("one").expect_err("too late").is_timeout());
}

/// Pauses take no time but move the clock, as of a test that brings its own.
#[derive(Debug, Clone, Default)]
struct Skipping(Arc<Mutex<Duration>>);

impl Runtime for Skipping {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        *self.0.lock().unwrap() += duration;
        Box::pin(ready(()))
    }

    fn random(&self) -> u128 {
        7
    }
}

#[tokio::test]
async fn a_large_answer_that_is_there_is_not_late_whatever_the_clock_makes_of_pauses() {
    let relation = format!("<ns:name>{}</ns:name>", "x".repeat(1000));
    let document = Bytes::from(relations(&vec![relation.as_str(); 4000]));
    let endpoint = Endpoint::from_url("https://pos.invalid/").unwrap();
    let client = Client::builder(endpoint, credentials(), AtOnce(document), Skipping::default()).build();
    let whole = client.get_relations(GetRelationsRequest::default()).await.expect("in time");
    assert_eq!(whole.relation_list.len(), 4000);
    let streamed = client.stream_relations(GetRelationsRequest::default());
    assert_eq!(streamed.filter(|item| ready(item.is_ok())).count().await, 4000);
}

#[tokio::test]
async fn a_wait_that_is_longer_than_a_number_can_tell_is_not_passed_over() {
    let busy = http(503, &["Retry-After: 99999999999999999999"], "");
    let server = Server::start(vec![Step::Send(busy); 4]).await;
    let client = server.client_builder().retry(quick_retries(4)).build();
    let error = client.get_relations(GetRelationsRequest::default()).await.expect_err("busy");
    assert_eq!((error.attempts(), server.requests().len()), (1, 1), "{error}");
}

/// What `createOrderV3` answers with this result.
fn order_answer(result: &str) -> Step {
    let answer = format!("<ns:result>CREATE-ORDER-RESULT-{result}</ns:result>");
    Step::Send(http(
        200,
        &[],
        envelope(&format!("<ns:CreateOrderV3Response>{answer}</ns:CreateOrderV3Response>")),
    ))
}

#[tokio::test]
async fn a_refusal_of_the_repeat_does_not_undo_the_attempt_before() {
    for (result, alone_may_have_been) in [("FAILED", false), ("EXT-ORDER-ID-ALREADY-EXISTS", true)] {
        let alone = Server::start([order_answer(result)]).await;
        let reply = alone.client().create_order_v3(CreateOrderV3Request::default()).reply().await.unwrap();
        assert!(!reply.earlier_attempt_open);
        let error = reply.into_result().expect_err("refused");
        assert_eq!(error.may_have_been_processed(), alone_may_have_been, "{error}");

        let server = Server::start([Step::Close, order_answer(result)]).await;
        let client = server.client_builder().retry(quick_retries(2)).build();
        let reply = client.create_order_v3(CreateOrderV3Request::default()).reply().await.unwrap();
        assert!(reply.earlier_attempt_open && reply.attempts == 2);
        let id = reply.request_id.clone();
        let error = reply.into_result().expect_err("refused");
        assert!(error.may_have_been_processed() && error.attempts() == 2, "{error}");
        assert_eq!(error.request_id(), id);
    }
    let server = Server::start([Step::Close, order_answer("OK")]).await;
    let client = server.client_builder().retry(quick_retries(2)).build();
    let reply = client.create_order_v3(CreateOrderV3Request::default()).reply().await.unwrap();
    assert!(reply.into_result().is_ok_and(|reply| reply.earlier_attempt_open));
}

#[tokio::test]
async fn a_time_out_of_the_transport_reads_like_one_of_the_client() {
    #[derive(Debug)]
    struct Late;

    #[async_trait::async_trait]
    impl Transport for Late {
        async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
            Err(TransportError::new(TransportErrorKind::Timeout, "as told by a test"))
        }
    }

    let (client, _) = impatient(Late);
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("late");
    assert!(error.is_timeout() && error.may_have_been_processed() && error.attempts() == 1, "{error}");
}
