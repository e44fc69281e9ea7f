//! Connections: kept, lost, pinned, through a proxy, and how much comes over them.

use std::{
    io::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures_util::StreamExt as _;
use mplus_qapi::{
    Client, Endpoint, ErrorKind, RetryPolicy, TokioRuntime,
    relations::GetRelationsRequest,
    soap::DecodeProblem,
    stock::SetStockRequest,
    transport::{Body, Fingerprint, Pinning, Request, ReqwestTransport, Transport, TransportError},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls};

use crate::server::{
    ENVELOPE, Server, Step, credentials, endless_head, http, leaks, quick_retries, read_request, relations,
    stock_set,
};

#[tokio::test]
async fn a_connection_is_used_again() {
    let answer = Step::Send(http(200, &[], relations(&[])));
    let server = Server::start(vec![answer; 3]).await;
    let client = server.client();
    for _ in 0..3 {
        client.get_relations(GetRelationsRequest::default()).await.expect("answered");
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_unannounced_does_not_fail_the_next_call() {
    let answer = Step::SendAndClose(http(200, &[], stock_set()));
    let server = Server::start(vec![answer; 4]).await;
    let client = server.client();
    for _ in 0..4 {
        // A write, and no retries: what is repeated below was never sent.
        client.set_stock(SetStockRequest::default()).await.expect("answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((server.requests().len(), server.connections()), (4, 4));
}

#[tokio::test]
async fn a_read_is_repeated_when_its_kept_connection_breaks_under_it() {
    let answer = || Step::Send(http(200, &[], relations(&["<ns:name>Jo</ns:name>"])));
    let server = Server::start([answer(), Step::Close, answer()]).await;
    let client = server.client_builder().retry(quick_retries(3)).build();
    client.get_relations(GetRelationsRequest::default()).await.expect("answered");
    let second = client.get_relations(GetRelationsRequest::default()).reply().await.expect("repeated");
    assert_eq!(second.attempts, 2);
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
}

#[tokio::test]
async fn a_write_whose_kept_connection_breaks_under_it_is_sent_once_and_may_have_been_processed() {
    let answer = || Step::Send(http(200, &[], stock_set()));
    let server = Server::start([answer(), Step::Close, answer()]).await;
    let client = server.client_builder().retry(quick_retries(3)).build();
    client.set_stock(SetStockRequest::default()).await.expect("answered");
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("broken off");
    assert!(error.may_have_been_processed() && error.attempts() == 1, "{error}");
    assert!(error.to_string().contains("may have carried it out"), "{error}");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_write_is_repeated_when_nobody_listens_and_cannot_have_been_processed() {
    let server = Server::start([]).await;
    let client = server.client_builder().retry(quick_retries(3)).build();
    let address = server.address();
    drop(server);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = client.set_stock(SetStockRequest::default()).await.expect_err("nobody listens");
    assert!(error.is_connect() && !error.may_have_been_processed() && error.attempts() == 3, "{error}");
    assert!(error.to_string().contains("no attempts left"), "{error}");
    assert!(!leaks(&format!("{error} {error:?}")), "{error:?}");
}

#[tokio::test]
async fn the_time_out_is_a_total_one_however_steadily_bytes_come() {
    let drip = Step::Trickle(endless_head(), b" ".to_vec(), Duration::from_millis(10));
    let server = Server::start([drip.clone(), drip]).await;
    let client = server.client_builder().timeout(Duration::from_millis(300)).build();
    let started = tokio::time::Instant::now();
    let error = client.get_relations(GetRelationsRequest::default()).await.expect_err("too slow");
    assert!(error.is_timeout(), "{error}");
    let mut stream = client.stream_relations(GetRelationsRequest::default());
    assert!(stream.next().await.expect("one").expect_err("too slow").is_timeout());
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_dropped_stream_ends_the_request() {
    let head = [endless_head(), ENVELOPE.into()].concat();
    let head = [head, b"<ns:GetRelationsResponse><ns:relationList>".to_vec()].concat();
    let item = b"<ns:relation><ns:name>Jo</ns:name></ns:relation>".repeat(50);
    let server = Server::start([Step::Trickle(head, item, Duration::from_millis(1))]).await;
    let client = server.client_builder().max_connections(1).build();
    let mut stream = client.stream_relations(GetRelationsRequest::default());
    assert_eq!(stream.next().await.expect("one").expect("whole").name.as_deref(), Some("Jo"));
    drop(stream);
    server.client_gone().await;
    // Its place among the connections is free again.
    let next = client.get_relations(GetRelationsRequest::default());
    assert!(next.await.is_err_and(|error| matches!(error.kind(), ErrorKind::Transport(_))));
}

#[tokio::test]
async fn no_more_requests_than_the_limit_are_under_way_at_once() {
    let pos = Crowded::default();
    let endpoint = Endpoint::from_url("https://pos.invalid/").expect("valid");
    let client = Client::builder(endpoint, credentials(), pos.clone(), TokioRuntime).build();
    let calls = (0..20).map(|_| async { client.get_relations(GetRelationsRequest::default()).await });
    for answer in futures_util::future::join_all(calls).await {
        answer.expect("answered");
    }
    assert_eq!(*pos.most.lock().expect("whole"), 4);
}

/// Counts the requests that it has not answered yet.
#[derive(Debug, Clone, Default)]
struct Crowded {
    now: Arc<Mutex<usize>>,
    most: Arc<Mutex<usize>>,
}

#[async_trait::async_trait]
impl Transport for Crowded {
    async fn send(&self, _: Request) -> Result<http::Response<Body>, TransportError> {
        let now = {
            let mut now = self.now.lock().expect("whole");
            *now += 1;
            *now
        };
        let most = (*self.most.lock().expect("whole")).max(now);
        *self.most.lock().expect("whole") = most;
        // Everybody who may come has come by then.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        *self.now.lock().expect("whole") -= 1;
        Ok(http::Response::new(Body::from(Bytes::from(relations(&[])))))
    }
}

fn gzip(document: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(document).expect("packed");
    encoder.finish().expect("packed")
}

#[tokio::test]
async fn gzip_is_asked_for_and_unpacked() {
    let body = gzip(relations(&["<ns:name>Jo</ns:name>"]).as_bytes());
    let server = Server::answering(http(200, &["Content-Encoding: gzip"], body)).await;
    let answer = server.client().get_relations(GetRelationsRequest::default()).await.expect("unpacked");
    assert_eq!(answer.relation_list[0].name.as_deref(), Some("Jo"));
    let request = server.requests().remove(0).to_ascii_lowercase();
    assert!(request.contains("accept-encoding: gzip"), "{request}");
}

#[tokio::test]
async fn a_zip_bomb_ends_at_the_limit() {
    // 64 MB of white space in about 300 KB.
    let bomb = gzip(&[ENVELOPE.as_bytes(), &vec![b' '; 64 << 20]].concat());
    assert!(bomb.len() < 1 << 20);
    let answer = Step::Send(http(200, &["Content-Encoding: gzip"], bomb));
    let server = Server::start([answer.clone(), answer]).await;
    let limit = 1 << 20;
    let client = server.client_builder().buffered_limit(limit).streamed_limit(limit).build();
    let buffered = client.get_relations(GetRelationsRequest::default()).await.expect_err("too large");
    let mut stream = client.stream_relations(GetRelationsRequest::default());
    let streamed = stream.next().await.expect("one").expect_err("too large");
    for error in [buffered, streamed] {
        let too_large = matches!(error.kind(), ErrorKind::Response(error)
            if *error.problem() == DecodeProblem::TooLarge { limit });
        assert!(too_large, "{error}");
    }
}

#[tokio::test]
async fn a_head_without_end_is_refused_long_before_the_time_is_up() {
    let headers: String = (0..10_000).map(|number| format!("X-{number}: a\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 0\r\n\r\n").into_bytes();
    let long = [b"HTTP/1.1 200 OK\r\nX-A: ".to_vec(), vec![b'a'; 4 << 20], b"\r\n\r\n".to_vec()].concat();
    let piece = format!("X-A: {}\r\n", "a".repeat(16 << 10)).into_bytes();
    let endless = Step::Trickle(b"HTTP/1.1 200 OK\r\n".to_vec(), piece, Duration::from_millis(1));
    for step in [Step::SendIfWanted(many), Step::SendIfWanted(long), endless] {
        let server = Server::start([step]).await;
        let started = tokio::time::Instant::now();
        let error = server.client().set_stock(SetStockRequest::default()).await.expect_err("no answer");
        assert!(matches!(error.kind(), ErrorKind::Transport(_)) && !error.is_timeout(), "{error}");
        assert!(error.may_have_been_processed() && started.elapsed() < Duration::from_secs(10), "{error}");
    }
}

#[tokio::test]
async fn chunks_without_end_are_refused_at_the_limit_of_what_they_hold() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunk = |bytes: &str| format!("{:x}\r\n{bytes}\r\n", bytes.len()).into_bytes();
    let start = format!("{ENVELOPE}<ns:GetRelationsResponse><ns:relationList><ns:relation><ns:name>");
    let head = [head.to_vec(), chunk(&start)].concat();
    let endless = Step::Trickle(head, chunk(&"x".repeat(64 << 10)), Duration::ZERO);
    let server = Server::start([endless.clone(), endless]).await;
    let client = server.client_builder().buffered_limit(4 << 20).build();
    let whole = client.get_relations(GetRelationsRequest::default()).await.map(drop);
    let streamed = client.stream_relations(GetRelationsRequest::default()).next().await.expect("one");
    for error in [whole.expect_err("too large"), streamed.map(drop).expect_err("too large")] {
        let too_large = matches!(error.kind(), ErrorKind::Response(error)
            if *error.problem() == DecodeProblem::TooLarge { limit: 4 << 20 });
        assert!(too_large, "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_before_its_length_is_told_as_that() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<e:Envelope".to_vec();
    let server = Server::start([Step::SendAndClose(cut)]).await;
    let error = server.client().set_stock(SetStockRequest::default()).await.expect_err("cut off");
    assert!(error.to_string().contains("before the answer was complete"), "{error}");
    let server = Server::answering(http(200, &["Content-Encoding: gzip"], "no gzip at all")).await;
    let error = server.client().set_stock(SetStockRequest::default()).await.expect_err("no gzip");
    assert!(error.to_string().contains("cannot be unpacked"), "{error}");
}

/// An HTTPS server with a certificate of its own making that answers every request the same.
async fn https() -> Endpoint {
    let certificate = rustls::pki_types::CertificateDer::from(CERTIFICATE);
    let key = rustls::pki_types::PrivateKeyDer::try_from(KEY).expect("a key");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            if read_request(&mut stream).await.is_some() {
                stream.write_all(&http(200, &[], relations(&[]))).await.expect("sent");
            }
        }
    });
    Endpoint::new("127.0.0.1", port).expect("valid")
}

const CERTIFICATE: &[u8] = include_bytes!("tls/certificate.der");
const KEY: &[u8] = include_bytes!("tls/key.der");
const SHA_1: &str = "9D:0B:43:8C:E4:CF:A2:0B:D4:ED:1A:7B:B3:89:EB:9C:BD:5E:E7:0F";
const SHA_256: &str = "918f a8ec 6a20 4802 648d 7eb6 e197 964d f153 feef 808c 1a2f 14ca 5454 04ad 1e58";

fn pinned(endpoint: &Endpoint, pins: &[&str], pinning: Pinning) -> Client {
    let pins: Vec<Fingerprint> = pins.iter().map(|pin| pin.parse().expect("a fingerprint")).collect();
    let transport = ReqwestTransport::builder().pin_certificates(pins, pinning).build().expect("a client");
    Client::builder(endpoint.clone(), credentials(), transport, TokioRuntime)
        .retry(RetryPolicy::none())
        .build()
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_whoever_issued_it() {
    let endpoint = https().await;
    for pins in [&[SHA_1][..], &[SHA_256], &[&SHA_1.replace('9', "8"), SHA_256]] {
        let client = pinned(&endpoint, pins, Pinning::InsteadOfChain);
        client.get_relations(GetRelationsRequest::default()).await.expect("trusted");
    }
}

#[tokio::test]
async fn another_certificate_is_refused_before_anything_is_sent() {
    let endpoint = https().await;
    let other = SHA_256.replace('9', "8");
    let unpinned = Client::connect(endpoint.clone(), credentials()).expect("a client");
    let clients = [
        pinned(&endpoint, &[&other], Pinning::InsteadOfChain),
        pinned(&endpoint, &[], Pinning::InsteadOfChain),
        pinned(&endpoint, &[SHA_256], Pinning::WithChain),
        unpinned,
    ];
    for client in clients {
        let call = client.set_stock(SetStockRequest::default()).retry(RetryPolicy::none());
        let error = call.await.expect_err("refused");
        assert!(error.is_connect() && !error.may_have_been_processed(), "{error}");
        assert!(!leaks(&format!("{error} {error:?}")), "{error:?}");
    }
}

fn through(proxy: &str, endpoint: &str) -> Client {
    let transport = ReqwestTransport::builder().proxy(proxy).build().expect("a client");
    let endpoint = Endpoint::from_url(endpoint).expect("valid");
    Client::builder(endpoint, credentials(), transport, TokioRuntime).retry(RetryPolicy::none()).build()
}

#[tokio::test]
async fn a_proxy_is_asked_for_a_tunnel_and_never_sees_the_credentials() {
    let proxy = Server::answering(http(403, &[], "")).await;
    let url = format!("http://someone:open-sesame@{}", proxy.address());
    let client = through(&url, "https://pos.invalid:1234/");
    let error = client.get_relations(GetRelationsRequest::default()).await.expect_err("refused");
    assert!(error.is_connect(), "{error}");
    let request = proxy.requests().remove(0);
    assert!(request.starts_with("CONNECT pos.invalid:1234 "), "{request}");
    assert!(!leaks(&request), "{request}");
    assert!(!format!("{error} {error:?} {client:?}").contains("open-sesame"), "{error:?}");
}

#[tokio::test]
async fn a_socks_proxy_is_spoken_to_in_its_language() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let proxy = format!("socks5h://{}", listener.local_addr().expect("an address"));
    let told = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).await.expect("a greeting");
        stream.write_all(&[5, 0]).await.expect("sent");
        let mut request = vec![0; 4 + 1 + "pos.invalid".len() + 2];
        stream.read_exact(&mut request).await.expect("a request");
        (greeting, request)
    });
    let client = through(&proxy, "https://pos.invalid:1234/");
    let error = client.get_relations(GetRelationsRequest::default()).await.expect_err("hung up");
    assert!(error.is_connect(), "{error}");
    let (greeting, request) = told.await.expect("told");
    assert_eq!(greeting[0], 5);
    assert_eq!(&request[..5], &[5, 1, 0, 3, 11]);
    assert_eq!(&request[5..16], b"pos.invalid");
}

#[tokio::test]
async fn a_time_that_is_as_good_as_endless_can_be_set() {
    let server = Server::start(vec![Step::Send(http(200, &[], relations(&[]))); 2]).await;
    let builder = ReqwestTransport::builder().connect_timeout(Duration::MAX).idle_timeout(Duration::MAX);
    let endpoint = Endpoint::from_url(&format!("http://{}/", server.address())).expect("valid");
    let client = Client::builder(endpoint, credentials(), builder.build().expect("a client"), TokioRuntime)
        .timeout(Duration::MAX)
        .retry(RetryPolicy { max_elapsed: Duration::MAX, max_delay: Duration::MAX, ..RetryPolicy::default() })
        .build();
    for _ in 0..2 {
        client.get_relations(GetRelationsRequest::default()).await.expect("answered");
    }
}

#[test]
fn a_malformed_proxy_is_told_when_the_transport_is_built() {
    let error = ReqwestTransport::builder().proxy("::open-sesame::").build().expect_err("malformed");
    assert!(!error.to_string().contains("sesame"), "{error}");
}
