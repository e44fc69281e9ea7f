//! What a log gets to know of a call, and what a capture hook does.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use futures_util::StreamExt as _;
use mplus_qapi::{Capture, CapturedMessage, CapturedPart, relations::GetRelationsRequest};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::server::{Server, Step, envelope, http, leaks, quick_retries, relations};

/// Everything that was told, as `name=value`.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn text(&self) -> String {
        self.0.lock().expect("whole").join("\n")
    }
}

impl Visit for &Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.lock().expect("whole").push(format!("{}={value:?}", field.name()));
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("mplus_qapi")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut &*self);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut &*self);
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut &*self);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn a_span_tells_the_exchange_and_never_the_query_or_a_body() {
    let headers = ["Server-Timing: total;dur=7", "Mplus-Service-Version: 67.1.3"];
    let body = relations(&["<ns:name>Somebody</ns:name>"]);
    let answer = Step::Send(http(200, &headers, &body));
    let server = Server::start([Step::Close, answer.clone(), answer]).await;
    let client = server.client_builder().retry(quick_retries(3)).build();
    let told = Told::default();
    let guard = tracing::subscriber::set_default(told.clone());
    let request = GetRelationsRequest { category_id: Some(717_171), ..GetRelationsRequest::default() };
    let reply = client.get_relations(request.clone()).reply().await.expect("answered");
    let items: Vec<_> = client.stream_relations(request).collect().await;
    drop(guard);
    assert_eq!((items.len(), reply.service_version.as_deref()), (1, Some("67.1.3")));
    let text = told.text();
    for expected in [
        "operation=\"getRelations\"",
        "attempt=1",
        "attempt=2",
        "status=200",
        "server_timing=\"total;dur=7\"",
        "service_version=\"67.1.3\"",
        &format!("request_id=\"{}\"", reply.request_id),
        "request_bytes=",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    // Once for the buffered call, once for the stream.
    assert_eq!(text.matches(&format!("response_bytes={}", body.len())).count(), 2, "{text}");
    assert!(!leaks(&text) && !text.contains("Somebody") && !text.contains("717171"), "{text}");
}

#[tokio::test]
async fn an_element_that_an_older_service_does_not_know_is_told() {
    let stock = "<ns:GetStockResponse><ns:articleStocks><ns:stockId>1</ns:stockId></ns:articleStocks></ns:GetStockResponse>";
    let server = Server::answering(http(200, &[], envelope(stock))).await;
    let told = Told::default();
    let guard = tracing::subscriber::set_default(told.clone());
    let call = server.client();
    let call = call.get_stock(mplus_qapi::stock::GetStockRequest::default());
    let reply = call.reply().await.expect("filled");
    drop(guard);
    assert!(reply.missing.iter().any(|path| path.contains("articleNumber")), "{:?}", reply.missing);
    assert!(told.text().contains("articleNumber"), "{}", told.text());
}

#[derive(Debug, Clone, Default)]
struct Seen(Arc<Mutex<Vec<(CapturedPart, String)>>>);

impl Capture for Seen {
    fn capture(&self, message: &CapturedMessage<'_>) {
        self.0.lock().expect("whole").push((message.part, message.body.to_owned()));
    }
}

#[tokio::test]
async fn a_capture_hook_sees_redacted_bodies() {
    let body = relations(&["<ns:name>the-ident</ns:name><ns:cardNumber>4111</ns:cardNumber>"]);
    let server = Server::answering(http(200, &[], body)).await;
    let seen = Seen::default();
    let client = server.client_builder().capture(seen.clone()).build();
    let answer = client.get_relations(GetRelationsRequest::default()).await.expect("answered");
    assert_eq!(answer.relation_list[0].card_number.as_deref(), Some("4111"));
    let seen = seen.0.lock().expect("whole").clone();
    assert_eq!(seen[0].0, CapturedPart::Request);
    assert!(seen[0].1.contains("getRelations"), "{}", seen[0].1);
    assert_eq!(seen[1].0, CapturedPart::Response { status: 200 });
    assert!(seen[1].1.contains("<ns:name>***</ns:name><ns:cardNumber>***</ns:cardNumber>"), "{}", seen[1].1);
}
