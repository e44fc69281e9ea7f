//! One exchange as an HTTP server sees it: what is asked, and what any answer that HTTP knows means.

use std::time::Duration;

use futures_util::StreamExt as _;
use mockito::{Matcher, Mock, Server, ServerGuard};
use mplus_qapi::{
    Client, ClientBuilder, Endpoint, ErrorKind, RetryPolicy, TokioRuntime, relations::GetRelationsRequest,
    stock::SetStockRequest, transport::ReqwestTransport,
};

use crate::server::{END, ENVELOPE, credentials, quick_retries, relations, stock_set};

fn client_builder(server: &ServerGuard) -> ClientBuilder {
    let endpoint = Endpoint::from_url(&format!("{}/base", server.url())).unwrap();
    let transport = ReqwestTransport::builder().build().unwrap();
    Client::builder(endpoint, credentials(), transport, TokioRuntime).timeout(Duration::from_secs(20))
}

/// Whatever is sent to the service's address.
fn asked(server: &mut ServerGuard) -> Mock {
    server.mock("POST", "/base").match_query(Matcher::Any)
}

#[tokio::test]
async fn a_request_is_soap_1_1_with_the_credentials_in_its_query() {
    let mut server = Server::new_async().await;
    let expected = server
        .mock("POST", "/base")
        .match_query(Matcher::Exact("ident=the-ident&secret=the-secret%2F%26".to_owned()))
        .match_header("content-type", "text/xml; charset=utf-8")
        .match_header("soapaction", "getRelations")
        .match_header("accept-encoding", "gzip")
        .match_header("x-request-id", Matcher::Regex("^[0-9a-f-]{36}$".to_owned()))
        .match_header("referer", Matcher::Missing)
        .match_header("cookie", Matcher::Missing)
        .match_body(Matcher::Regex("(?s)^<\\?xml .*:getRelations>.*</SOAP-ENV:Envelope>\\s*$".to_owned()))
        .with_header("set-cookie", "session=1")
        .with_body(relations(&[]))
        .expect(2)
        .create_async()
        .await;
    let client = client_builder(&server).build();
    // What an answer wants to be remembered is not.
    for _ in 0..2 {
        client.get_relations(GetRelationsRequest::default()).await.unwrap();
    }
    expected.assert_async().await;
}

#[tokio::test]
async fn a_status_decides_whether_a_write_is_promised_not_to_have_happened() {
    for (status, may_have_happened) in [
        (302, true),
        (400, false),
        (404, false),
        (408, true),
        (413, false),
        (429, false),
        (500, true),
        (502, true),
    ] {
        let mut server = Server::new_async().await;
        let answer = asked(&mut server).with_status(status).with_header("location", "/elsewhere").expect(1);
        let answer = answer.create_async().await;
        let elsewhere = server.mock("GET", "/elsewhere").expect(0).create_async().await;
        let call = client_builder(&server).build().set_stock(SetStockRequest::default());
        let error = call.retry(RetryPolicy::none()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Http { status: told } if usize::from(*told) == status));
        assert_eq!(error.may_have_been_processed(), may_have_happened, "{error}");
        answer.assert_async().await;
        elsewhere.assert_async().await;
    }
}

#[tokio::test]
async fn a_read_comes_through_a_server_that_starts_and_a_write_is_asked_once() {
    let mut server = Server::new_async().await;
    let starting = asked(&mut server).with_status(503).with_header("retry-after", "0").expect(2);
    let starting = starting.create_async().await;
    let there = asked(&mut server).with_body(relations(&[])).create_async().await;
    let client = client_builder(&server).retry(quick_retries(4)).build();
    assert_eq!(client.get_relations(GetRelationsRequest::default()).reply().await.unwrap().attempts, 3);
    starting.assert_async().await;
    there.assert_async().await;

    let mut server = Server::new_async().await;
    let failing = asked(&mut server).with_status(500).with_body(stock_set()).expect(1).create_async().await;
    let client = client_builder(&server).retry(quick_retries(4)).build();
    let error = client.set_stock(SetStockRequest::default()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Contradiction { status: 500 }), "{error}");
    failing.assert_async().await;
}

#[tokio::test]
async fn an_answer_in_chunks_is_streamed_item_by_item() {
    let mut server = Server::new_async().await;
    let chunked = asked(&mut server).with_chunked_body(|to| {
        to.write_all(format!("{ENVELOPE}<ns:GetRelationsResponse><ns:relationList>").as_bytes())?;
        for number in 0..1000 {
            write!(to, "<ns:relation><ns:relationNumber>{number}</ns:relationNumber></ns:relation>")?;
        }
        write!(to, "</ns:relationList></ns:GetRelationsResponse>{END}")
    });
    chunked.create_async().await;
    let stream = client_builder(&server).build().stream_relations(GetRelationsRequest::default());
    let numbers: Vec<_> = stream.map(|item| item.unwrap().relation_number).collect().await;
    assert_eq!(numbers, (0..1000).map(Some).collect::<Vec<_>>());
}
