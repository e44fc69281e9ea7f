//! Answers that a test gives itself, and errors and values that it makes.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::join_all};
use mplus_qapi::{
    CapturedMessage, CapturedPart, Client, Endpoint, Error, ErrorKind, Page, Reply, RetryPolicy,
    TokioRuntime, Transport,
    products::GetProductsRequest,
    soap::{DecodeError, DecodeProblem, EncodeError, Fault, Outcome as _, OutcomeError, Unreadable},
    stock::{
        ArticleStock, GetStock, GetStockRequest, GetStockResponse, SetStock, SetStockRequest,
        SetStockResponse, SetStockResult,
    },
    testkit::{Pos, Refusal, Replies, transport_conformance},
    transport::{Body, Request, ReqwestTransport, TransportError, TransportErrorKind},
};

use crate::server::credentials;

fn stock(free: i64) -> GetStockResponse {
    let article = ArticleStock { article_number: 7, amount_free: free.into(), ..Default::default() };
    GetStockResponse { article_stocks: vec![article] }
}

async fn free(client: &Client) -> Result<String, Error> {
    let request = GetStockRequest { branch_number: 1, ..Default::default() };
    Ok(client.get_stock(request).await?.article_stocks[0].amount_free.to_string())
}

#[tokio::test]
async fn canned_answers_come_once_or_always_and_what_was_sent_is_kept() {
    let replies = Replies::new();
    replies.answer::<GetStock>(stock(9)).answer_once::<GetStock>(stock(1)).answer_once::<GetStock>(stock(2));
    let client = replies.client();
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(free(&client).await.expect("answered"));
    }
    assert_eq!(told, ["1", "2", "9", "9"]);
    assert_eq!(replies.sent::<GetStock>().len(), 4);
    assert_eq!(replies.sent::<GetStock>()[3].request.branch_number, 1);
    assert!(replies.sent::<SetStock>().is_empty());
}

#[tokio::test]
async fn an_answer_is_computed_from_the_request() {
    let replies = Replies::new();
    replies.compute::<SetStock>(|request| match request.request.article_number {
        0 => Err(Fault::new("Client", "there is no article 0").into()),
        _ => Ok(SetStockResponse { result: SetStockResult::Ok, ..Default::default() }),
    });
    let client = replies.client();
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("refused");
    assert!(error.fault().is_some_and(|fault| fault.message.contains("article 0")), "{error}");
    let request = SetStockRequest { article_number: 7, ..Default::default() };
    client.set_stock(request).await.expect("answered").into_result().expect("done");
}

#[tokio::test]
async fn failures_come_where_the_test_wants_them() {
    let replies = Replies::new();
    replies.answer::<GetStock>(stock(3)).refuse_once::<GetStock>(TransportErrorKind::Interrupted);
    replies.refuse_once::<GetStock>(Refusal::Status(503));
    assert_eq!(free(&replies.client()).await.expect("the third attempt"), "3");
    replies.refuse::<SetStock>(TransportErrorKind::Timeout);
    let error = replies.client().set_stock(SetStockRequest::default()).await.expect_err("late");
    assert!(error.is_timeout() && error.may_have_been_processed() && error.attempts() == 1, "{error}");
    assert_eq!(replies.operations(), ["getStock", "getStock", "getStock", "setStock"]);
}

#[tokio::test]
async fn an_operation_without_an_answer_is_named() {
    let error = free(&Replies::new().client()).await.expect_err("no answer");
    assert!(error.to_string().contains("no answer to getStock"), "{error}");
}

#[tokio::test]
async fn a_till_can_be_told_one_answer() {
    let pos = Pos::brasserie();
    pos.replies().answer_once::<GetStock>(stock(41)).refuse::<SetStock>(Fault::new("Client", "closed today"));
    let client = pos.client();
    assert_eq!(free(&client).await.expect("told"), "41");
    assert!(
        client
            .get_stock(GetStockRequest { branch_number: 1, ..Default::default() })
            .await
            .is_ok_and(|stock| stock.article_stocks.len() > 1)
    );
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("refused");
    assert!(error.to_string().contains("closed today"), "{error}");
    assert_eq!(pos.requests().carried_out("setStock"), 0);
}

#[test]
fn what_a_host_handles_can_be_made() {
    let refused =
        OutcomeError::new("SetStockResponse", "SET-STOCK-RESULT-FAILED".into(), Some("closed".into()));
    let error = Error::from(refused);
    assert!(matches!(error.kind(), ErrorKind::Outcome(_)) && !error.may_have_been_processed(), "{error}");
    assert_eq!(Reply::new(stock(1)).attempts, 1);
    assert_eq!(Page::new(vec![1], 2).next_marker, 2);
    let unreadable = || {
        let problem = DecodeProblem::InvalidValue { found: "eight".to_owned(), expected: "a whole number" };
        DecodeError::new(
            "GetProductsResponse/productList/product[3]/articleList/article[0]/priceIncl",
            70,
            problem,
        )
    };
    let left_out = Unreadable::new(unreadable());
    let places = (left_out.item(), left_out.index_of("article"), left_out.index_of("productList"));
    assert_eq!(places, (Some(3), Some(0), None));
    let mut page = Page::new(vec![1], 2);
    page.unreadable.push(left_out);
    assert!(
        page.unreadable[0].to_string().starts_with("`eight` is not a whole number in GetProductsResponse/")
    );
    let unset = EncodeError::new("createOrderV3/order", "a required value was left unset");
    let unreadable = Error::new("getProducts", ErrorKind::Response(unreadable()));
    let unset = Error::new("createOrderV3", ErrorKind::Request(unset));
    assert!(!unset.may_have_been_processed() && unset.to_string().ends_with("nothing was sent"), "{unset}");
    assert!(unreadable.may_have_been_processed() && !unreadable.is_transient(), "{unreadable}");
    let message = CapturedMessage::new("getStock", "7", CapturedPart::Response { status: 200 }, "<a/>");
    assert_eq!((message.operation, message.request_id, message.body), ("getStock", "7", "<a/>"));
    let request = Request::new("https://pos.invalid/?secret=x", "<a/>");
    assert_eq!(request.display_url(), "https://pos.invalid/");
    assert!(!format!("{request:?}").contains("secret"));
}

/// Counts what goes through it, and adds a header.
#[derive(Debug)]
struct Counting<T>(T, Arc<AtomicU32>);

#[async_trait::async_trait]
impl<T: Transport> Transport for Counting<T> {
    async fn send(&self, mut request: Request) -> Result<http::Response<Body>, TransportError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        request.headers_mut().insert("x-shop", http::HeaderValue::from_static("1"));
        let response = self.0.send(request).await?;
        Ok(response
            .map(|body| Body::from_stream(body.map(|piece| piece.map(|piece| Bytes::from(piece.to_vec()))))))
    }
}

#[tokio::test]
async fn a_transport_can_be_shared_and_decorated() {
    let replies = Replies::new();
    replies.answer::<GetStock>(stock(5));
    let count = Arc::new(AtomicU32::new(0));
    let shared: Arc<dyn Transport> = Arc::new(replies);
    let counting: Box<dyn Transport> = Box::new(Counting(shared, count.clone()));
    let endpoint = Endpoint::new("pos.invalid", 1).expect("valid");
    let client = Client::builder(endpoint, credentials(), counting, TokioRuntime).build();
    assert_eq!(free(&client).await.expect("answered"), "5");
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn calls_are_spawned_and_joined_without_their_client() {
    let replies = Replies::new();
    replies.answer::<GetStock>(stock(5));
    let call = || replies.client().get_stock(GetStockRequest { branch_number: 1, ..Default::default() });
    let task = tokio::spawn(call());
    let all = join_all((0..3).map(|_| call())).await;
    assert!(all.iter().all(Result::is_ok) && task.await.expect("no panic").is_ok());
    let (one, other) = tokio::join!(call(), call().reply());
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(replies.sent::<GetStock>().len(), 6);
}

#[tokio::test]
async fn changes_are_not_paged_through_a_filter() {
    let pos = Pos::brasserie();
    let client = pos.client();
    let filtered = GetProductsRequest { only_active: Some(true), ..Default::default() };
    let mut pages = client.get_products(filtered).changes_since(0, 10);
    let error = pages.next().await.expect("one").expect_err("refused");
    assert!(error.to_string().contains("`onlyActive` would leave changes out"), "{error}");
    assert!(!error.may_have_been_processed() && pages.next().await.is_none());
    assert_eq!(pos.requests().total(), 0);
}

#[tokio::test]
async fn the_transports_in_the_box_conform() {
    let transport = ReqwestTransport::builder().build().expect("a client");
    transport_conformance(&transport).await.expect("conforms");
    let decorated = Counting(transport, Arc::default());
    transport_conformance(&decorated).await.expect("conforms");
}

/// Sends everything twice.
#[derive(Debug)]
struct Twice(ReqwestTransport);

#[async_trait::async_trait]
impl Transport for Twice {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        match self.0.send(request.clone()).await {
            Err(error) if error.kind() == TransportErrorKind::Interrupted => self.0.send(request).await,
            answer => answer,
        }
    }
}

/// Says of every failure that nothing was sent.
#[derive(Debug)]
struct Careless(ReqwestTransport);

#[async_trait::async_trait]
impl Transport for Careless {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let careless =
            |error: TransportError| TransportError::new(TransportErrorKind::Connect, error.to_string());
        self.0.send(request).await.map_err(careless)
    }
}

#[tokio::test]
async fn a_transport_that_would_repeat_a_write_is_found_out() {
    let transport = || ReqwestTransport::builder().build().expect("a client");
    let error = transport_conformance(&Twice(transport())).await.expect_err("found out");
    assert!(error.to_string().contains("sent again"), "{error}");
    let error = transport_conformance(&Careless(transport())).await.expect_err("found out");
    assert!(error.to_string().contains("not Timeout"), "{error}");
}

#[tokio::test]
async fn waiting_for_a_connection_ends_with_the_calls_time_and_nothing_was_sent() {
    let pos = Pos::brasserie();
    let endpoint = Endpoint::new("pos.invalid", 1).expect("valid");
    let client = Client::builder(endpoint, pos.credentials(), pos.clone(), TokioRuntime)
        .max_connections(1)
        .retry(RetryPolicy::default())
        .build();
    let mut open = client.stream_products(GetProductsRequest::default());
    open.next().await.expect("one").expect("whole");
    let call = client.set_stock(SetStockRequest::default()).timeout(std::time::Duration::from_millis(50));
    let error = call.await.expect_err("busy");
    assert!(matches!(error.kind(), ErrorKind::Busy { connections: 1 }), "{error}");
    assert!(error.is_timeout() && error.is_transient() && !error.may_have_been_processed(), "{error}");
    assert_eq!(pos.requests().count("setStock"), 0);
    // The test POS's own clock, whose pauses take no time, does not wait for ever either.
    let own = pos.client_builder().max_connections(1).timeout(std::time::Duration::from_millis(50)).build();
    let mut other = own.stream_products(GetProductsRequest::default());
    other.next().await.expect("one").expect("whole");
    let waiting = [own.set_stock(SetStockRequest::default()).await.map(drop), {
        own.stream_products(GetProductsRequest::default()).next().await.expect("one").map(drop)
    }];
    for error in waiting {
        assert!(matches!(error.expect_err("busy").kind(), ErrorKind::Busy { connections: 1 }));
    }
    drop(open);
    client.set_stock(SetStockRequest::default()).await.expect("free again");
    drop(pos.client_builder().max_connections(usize::MAX).build());
}
