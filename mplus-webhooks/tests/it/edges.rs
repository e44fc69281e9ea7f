//! The server's side is bounded: in time, in memory, in lines of the log; and a panic is an error answer.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt as _};
use http::{Request, Response, StatusCode};
use mplus_webhooks::event::EventName;
use mplus_webhooks::{
    Builder, FixedSubscriptions, Handlers, MemoryStore, Orchestrator, ResolveError, SIGNATURE_HEADER,
    SUBSCRIPTION_HEADER, Subscription, SubscriptionResolver, Subscriptions, adapter,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Host, Paused, SUBSCRIPTION, merchant, secret, till};

fn code(response: &Response<Bytes>) -> String {
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    format!("{} {}", response.status().as_u16(), body["error"]["code"].as_str().unwrap_or_default())
}

fn scan() -> Request<Bytes> {
    let till = till(1);
    till.signed(&EventName::ScanCode, till.body(true, json!({ "scanCode": { "scannedCode": "25" } })))
}

/// A body that counts how much of it was read.
fn counted(
    chunk: &'static [u8],
    chunks: usize,
) -> (Arc<Mutex<usize>>, impl Stream<Item = Result<Bytes, Infallible>>) {
    let read = Arc::new(Mutex::new(0));
    let counter = read.clone();
    let body = stream::iter(0..chunks).map(move |_| {
        *counter.lock().unwrap() += chunk.len();
        Ok(Bytes::from_static(chunk))
    });
    (read, body)
}

#[tokio::test]
async fn strangers_are_refused_before_any_of_their_body_is_read() {
    type Spoil = fn(&mut http::HeaderMap);
    let cases: [(&str, Spoil); 4] = [
        ("400 NO_SUBSCRIPTION_ID", |headers| drop(headers.remove(SUBSCRIPTION_HEADER))),
        ("400 INVALID_SUBSCRIPTION_ID", |headers| {
            headers.insert(SUBSCRIPTION_HEADER, "nobody".parse().unwrap());
        }),
        ("400 NO_SIGNATURE", |headers| drop(headers.remove(SIGNATURE_HEADER))),
        ("400 INVALID_SIGNATURE", |headers| {
            headers.insert(SIGNATURE_HEADER, "x".parse().unwrap());
        }),
    ];
    let host = Host::new();
    for (expected, spoil) in cases {
        let (mut parts, _) = scan().into_parts();
        spoil(&mut parts.headers);
        let (read, body) = counted(b"{}", 1);
        assert_eq!(code(&host.orchestrator.receive(parts, body).await), expected);
        assert_eq!(*read.lock().unwrap(), 0, "{expected}");
    }
    let (mut parts, _) = scan().into_parts();
    parts.method = http::Method::GET;
    let (_, body) = counted(b"{}", 1);
    assert_eq!(code(&host.orchestrator.receive(parts, body).await), "405 INVALID_DATA");
}

#[tokio::test]
async fn a_body_is_read_no_further_than_its_limit_and_not_at_all_when_it_announces_more() {
    let host = Host::with(|builder| builder.max_body(10_000));
    let (parts, _) = scan().into_parts();
    let (read, body) = counted(&[b' '; 1000], 1000);
    assert_eq!(code(&host.orchestrator.receive(parts, body).await), "413 INVALID_DATA");
    assert!(*read.lock().unwrap() <= 11_000);
    let (mut parts, _) = scan().into_parts();
    parts.headers.insert(http::header::CONTENT_LENGTH, 10_001.into());
    let (read, body) = counted(b"{}", 1);
    assert_eq!(code(&host.orchestrator.receive(parts, body).await), "413 INVALID_DATA");
    assert_eq!(*read.lock().unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_given_up_with_the_tills_time() {
    let host = Host::on(Arc::new(Paused::new()));
    let (parts, _) = scan().into_parts();
    let begun = tokio::time::Instant::now();
    let silent =
        stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"{")) }).chain(stream::pending());
    assert_eq!(code(&host.orchestrator.receive(parts, silent).await), "408 INVALID_DATA");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let (parts, _) = scan().into_parts();
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err("connection reset")]);
    assert_eq!(code(&host.orchestrator.receive(parts, broken).await), "400 INVALID_DATA");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_held_back_share_one_room_and_give_it_back() {
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.body_room(100_000));
    let held = |size: usize| {
        let first = stream::once(async move { Ok::<_, Infallible>(Bytes::from(vec![b' '; size])) });
        host.orchestrator.receive(scan().into_parts().0, first.chain(stream::pending()))
    };
    let replies = futures_util::future::join_all((0..40).map(|_| held(5_000))).await;
    let codes: Vec<_> = replies.iter().map(code).collect();
    assert_eq!(codes.iter().filter(|code| *code == "503 INTERNAL_ERROR").count(), 20, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| *code == "408 INVALID_DATA").count(), 20);
    let (parts, body) = scan().into_parts();
    let whole = stream::iter([Ok::<_, Infallible>(body)]);
    assert_eq!(host.orchestrator.receive(parts, whole).await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn long_bodies_that_somebody_holds_back_under_a_tills_id_do_not_keep_its_events_out() {
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder);
    let held = || {
        let first = stream::once(async { Ok::<_, Infallible>(Bytes::from(vec![b' '; (1 << 20) - 1])) });
        host.orchestrator.receive(scan().into_parts().0, first.chain(stream::pending()))
    };
    let event = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (parts, body) = scan().into_parts();
        host.orchestrator.receive(parts, stream::iter([Ok::<_, Infallible>(body)])).await
    };
    let (replies, event) = tokio::join!(futures_util::future::join_all((0..12).map(|_| held())), event);
    assert_eq!(event.status(), 200);
    let codes: Vec<_> = replies.iter().map(code).collect();
    assert_eq!(codes.iter().filter(|code| *code == "503 INTERNAL_ERROR").count(), 4, "{codes:?}");
}

/// Takes its time, or panics.
#[derive(Debug)]
enum Lookup {
    Slow,
    Panics,
}

#[async_trait]
impl SubscriptionResolver for Lookup {
    async fn resolve(&self, _: &str) -> Result<Subscriptions, ResolveError> {
        assert!(matches!(self, Self::Slow), "this panic is part of the test");
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(Arc::from([]))
    }
}

#[tokio::test(start_paused = true)]
async fn a_lookup_of_subscriptions_that_hangs_or_panics_is_an_error_in_time() {
    for lookup in [Lookup::Slow, Lookup::Panics] {
        let builder =
            Orchestrator::builder(Arc::new(lookup), Arc::new(MemoryStore::new()), Arc::new(Paused::new()));
        let begun = tokio::time::Instant::now();
        assert_eq!(code(&builder.build().handle(scan()).await), "400 INTERNAL_ERROR");
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_hook_for_complaints_that_hangs_or_panics_keeps_no_till_waiting() {
    let complaint =
        || till(1).signed(&EventName::AddSessionLine, r#"{"error":{"code":"X","message":"y"}}"#.into());
    let hangs: fn(Builder) -> Builder =
        |builder| builder.handler(Handlers::new().on_error_reported(|_| std::future::pending()));
    let panics: fn(Builder) -> Builder = |builder| {
        builder.handler(
            Handlers::new().on_error_reported(|_| async { panic!("this panic is part of the test") }),
        )
    };
    for configure in [hangs, panics] {
        let host = Host::assemble_on(Arc::new(Paused::new()), configure);
        let begun = tokio::time::Instant::now();
        assert_eq!(host.orchestrator.handle(complaint()).await.status(), 200);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_was_cut_off_is_not_done_and_the_repeat_calls_it_again() {
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let handlers = {
        let calls = calls.clone();
        Handlers::new().on_scan_code(move |_| {
            let first = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
            async move {
                if first {
                    std::future::pending::<()>().await;
                }
                let scanned = mplus_webhooks::reply::ScannedCode::new(true);
                Ok(mplus_webhooks::reply::ScanCodeReply::acknowledge().scanned(scanned))
            }
        })
    };
    let host = Host::assemble_on(Arc::new(Paused::new()), |builder| builder.handler(handlers));
    assert_eq!(host.orchestrator.handle(scan()).await.body(), "{}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(host.orchestrator.handle(scan()).await.body(), r#"{"scanCode":{"recognized":true}}"#);
    assert_eq!(host.orchestrator.handle(scan()).await.body(), r#"{"scanCode":{"recognized":true}}"#);
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_payment_under_way_is_answered_when_the_integration_is_switched_off() {
    let switch = Arc::new(Switch::default());
    let provider = Arc::new(mplus_webhooks::testkit::ManualProvider::new());
    let providers = Arc::new(mplus_webhooks::payment::OneProvider(provider.clone()));
    let host = Orchestrator::builder(
        switch.clone(),
        Arc::new(MemoryStore::new()),
        Arc::new(mplus_webhooks::TokioRuntime),
    )
    .payments(providers)
    .build();
    let till = till(1);
    let payment = till.start_payment(rust_decimal::Decimal::ONE);
    payment.start(&host).await.unwrap();
    switch.0.store(true, std::sync::atomic::Ordering::SeqCst);
    provider.confirm(&payment.id);
    let key = mplus_webhooks::payment::PaymentKey { merchant: merchant(), id: payment.id.clone() };
    host.payments().unwrap().refresh(&key).await.unwrap();
    assert_eq!(payment.poll(&host).await.unwrap().confirmed, Some(true));
    assert_eq!(code(&host.handle(scan()).await), "400 INVALID_SUBSCRIPTION_ID");
}

#[derive(Debug, Default)]
struct Switch(std::sync::atomic::AtomicBool);

#[async_trait]
impl SubscriptionResolver for Switch {
    async fn resolve(&self, _: &str) -> Result<Subscriptions, ResolveError> {
        let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
        let off = self.0.load(std::sync::atomic::Ordering::SeqCst);
        Ok(vec![Arc::new(if off { subscription.inactive() } else { subscription })].into())
    }
}

/// Sends raw bytes to an axum server, and returns its answer.
async fn raw(request: &str) -> String {
    let subscription = Subscription::new(SUBSCRIPTION, merchant(), secret());
    let orchestrator = Orchestrator::builder(
        Arc::new(FixedSubscriptions::new([subscription])),
        Arc::new(MemoryStore::new()),
        Arc::new(mplus_webhooks::TokioRuntime),
    )
    .time_out(Duration::from_millis(300))
    .build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = adapter::axum::router(orchestrator);
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await.unwrap().unwrap();
    server.abort();
    String::from_utf8_lossy(&answer[..read]).into_owned()
}

#[tokio::test]
async fn what_an_adapter_refuses_is_told_in_the_vendors_json() {
    let head = "host: x\r\ncontent-type: application/json\r\n";
    let path = "POST /webhook/mpluskassa/scanCode HTTP/1.1\r\n";
    let signed =
        format!("{SUBSCRIPTION_HEADER}: {SUBSCRIPTION}\r\n{SIGNATURE_HEADER}: {}\r\n", secret().sign(b"{}"));
    for (status, request) in [
        ("400", format!("{path}{head}content-length: 1000000\r\n\r\n")),
        ("413", format!("{path}{head}{signed}content-length: 1048577\r\n\r\n")),
        ("408", format!("{path}{head}{signed}content-length: 100\r\n\r\n{{")),
        ("405", format!("GET /webhook/mpluskassa/scanCode HTTP/1.1\r\n{head}\r\n")),
    ] {
        let answer = raw(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("content-type: application/json"), "{answer}");
        assert!(answer.contains(r#"{"error":{"code":""#), "{answer}");
    }
}

#[tokio::test]
async fn empty_segments_of_the_url_are_ignored_by_every_adapter_that_has_routes() {
    let body = "{}";
    let head = format!(
        "host: x\r\ncontent-type: application/json\r\n{SUBSCRIPTION_HEADER}: {SUBSCRIPTION}\r\n{SIGNATURE_HEADER}: {}\r\ncontent-length: 2\r\n\r\n{body}",
        secret().sign(body.as_bytes())
    );
    for path in ["/webhook/mpluskassa//backgroundPoll", "/webhook/mpluskassa/backgroundPoll/"] {
        let answer = raw(&format!("POST {path} HTTP/1.1\r\n{head}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    }
    let service = adapter::tower::WebhookService::new(Host::new().orchestrator);
    let (parts, body) = scan().into_parts();
    for path in ["/webhook/mpluskassa//scanCode", "/webhook/mpluskassa/scanCode//"] {
        let mut request = Request::from_parts(parts.clone(), http_body_util::Full::new(body.clone()));
        *request.uri_mut() = path.parse().unwrap();
        let response = tower::ServiceExt::oneshot(service.clone(), request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
}
